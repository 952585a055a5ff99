//! *Find*: the run's own voids, from a volume-limited sample of its galaxies, as catalogues in DESIVAST's format.
//!
//! Finders with the same tracers and parameters share a step (and the watershed): its key is theirs, so that another
//! mass range or another bootstrap does not find voids anew.

use std::path::PathBuf;

use desi::desivast::{self, Algorithm, VoidCatalogue};
use study::run::{Done, Run, StepFolder};
use study::tables::Columns;

use super::settings::Finder;
use super::{Request, Settings, StudyError, of_galaxies, select};
use crate::catalogue::{algorithm_name, algorithm_of};
use crate::finders::{FinderSettings, Found, find_voids};

/// Finds voids by every finder of the study.
pub(super) fn steps(run: &mut Run, settings: &Settings, request: &Request<'_>) -> Result<Vec<Done>, StudyError> {
    let mut done = Vec::new();
    for (algorithms, finder) in groups(&settings.find) {
        let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm_name(*algorithm)).collect();
        let source = (&settings.sample.conditions, settings.inputs.galaxies.table());
        let step = of_galaxies(run, &format!("find-{}", names.join("-"))).parameters(&(finder, source))?;
        done.push(run.step(&step, |folder| -> Result<(), StudyError> {
            request.progress.begin("selecting tracers", 0, "galaxies");
            let galaxies = select::tracers(settings, finder, request.open_archive)?;
            let found = find_voids(&galaxies, &algorithms, finder, request.progress)?;
            request.progress.end();
            write(folder, &names.join("_"), &found)
        })?);
    }
    Ok(done)
}

/// Algorithms that share tracers and parameters. VoidFinder stands alone: it shares nothing with the watershed.
fn groups(finders: &[Finder]) -> Vec<(Vec<Algorithm>, &FinderSettings)> {
    let mut groups: Vec<(Vec<Algorithm>, &FinderSettings)> = Vec::new();
    for Finder { algorithm, settings } in finders {
        let shared = groups.iter_mut().find(|(algorithms, other)| {
            *algorithm != Algorithm::VoidFinder && algorithms[..] != [Algorithm::VoidFinder] && *other == settings
        });
        match shared {
            Some((algorithms, _)) => algorithms.push(*algorithm),
            None => groups.push((vec![*algorithm], settings)),
        }
    }
    groups
}

fn write(folder: &StepFolder, name: &str, found: &[Found]) -> Result<(), StudyError> {
    for one in found {
        let path = folder.path(&format!("voids/{}.fits", algorithm_of(&one.catalogue).name()))?;
        match &one.catalogue {
            VoidCatalogue::VoidFinder(catalogue) => desivast::write_voidfinder(path, catalogue)?,
            VoidCatalogue::Zones(catalogue) => desivast::write_zones(path, catalogue)?,
        }
    }
    let counts = |one: &Found| match &one.catalogue {
        VoidCatalogue::VoidFinder(catalogue) => (catalogue.maximals.len(), catalogue.holes.len()),
        VoidCatalogue::Zones(catalogue) => (catalogue.voids.len(), catalogue.zones.len()),
    };
    let table = Columns::new()
        .text(
            "algorithm",
            "",
            "void-finding algorithm",
            found.iter().map(|one| algorithm_name(algorithm_of(&one.catalogue))),
        )
        .integer("tracers", "", "galaxies among which voids were sought", found.iter().map(|one| one.tracers as i64))
        .integer("voids", "", "voids found", found.iter().map(|one| counts(one).0 as i64))
        .integer("parts", "", "holes (VoidFinder) or zones (watershed)", found.iter().map(|one| counts(one).1 as i64))
        .table()?;
    Ok(folder.table(&format!("found_{name}"), &table)?)
}

/// The catalogues that a step of finders has written.
pub(super) fn files(done: &Done) -> Vec<PathBuf> {
    let outputs = done.record.outputs.iter().filter(|output| output.path.ends_with(".fits"));
    outputs.map(|output| done.path(&output.path)).collect()
}
