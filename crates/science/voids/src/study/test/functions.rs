//! Mass functions and main sequences of voids and walls.

use std::collections::BTreeMap;

use astro::statistics::Binning;
use study::run::StepFolder;
use study::tables::Columns;

use super::super::StudyError;
use super::super::measure;
use super::Given;
use super::population::{PIVOT_LOG_MASS, Population};
use crate::classify::{ClassifySettings, Environment, VolumeShares, volume_shares};
use crate::population::tables::{self, Labelled};
use crate::population::{
    DoubleSchechter, MainSequence, MassFunction, PopulationError, figures, inverse_vmax, main_sequence, mass_function,
};
use crate::study::figures::title;

/// Points thrown into the survey to measure volumes: a share of a tenth is known to 1 %.
const VOLUME_POINTS: usize = 100_000;

const ENVIRONMENTS: [(&str, bool); 2] = [("void", true), ("wall", false)];

/// Mass functions with 1/Vmax weights for every algorithm, in the volume that each environment fills, and double
/// Schechter fits.
pub(super) fn mass_functions(
    folder: &mut StepFolder,
    population: &Population,
    given: &Given<'_>,
) -> Result<(), StudyError> {
    let shares = volumes(folder, given)?;
    let density = inverse_vmax(&population.galaxies, &population.vmax)?;
    let [low, high] = population.rules.log_mass;
    let count = ((high - low) / population.rules.mass_bin_dex - 1e-9).ceil().max(1.0) as usize;
    let bins = Binning::uniform(low, high, count).map_err(PopulationError::from)?;
    let (mut measured, mut fits) = (Vec::new(), Vec::new());
    for algorithm in &population.algorithms {
        // Volumes are those without the edge, so galaxies are too.
        let environment = population.in_void(algorithm, false)?;
        for (name, void) in ENVIRONMENTS {
            let of = if void { Environment::Void } else { Environment::Wall };
            let share = shares.get(algorithm.as_str()).and_then(|s| s.share(of)).filter(|share| *share > 0.0);
            let select = |row: usize| environment[row] == Some(void);
            let label = |value| Labelled { algorithm: title(algorithm).to_owned(), label: name.to_owned(), value };
            let function = match mass_function(&population.galaxies, select, &density, share, &bins) {
                Ok(function) => function,
                Err(error) => {
                    folder.warn(format!("no mass function of {name} galaxies, {}: {error}", title(algorithm)));
                    continue;
                }
            };
            match DoubleSchechter::fit(&function) {
                Ok(value) => {
                    fits.push(Labelled { algorithm: title(algorithm).to_owned(), label: name.to_owned(), value })
                }
                Err(error) => {
                    folder.warn(format!("no Schechter fit of {name} galaxies, {}: {error}", title(algorithm)))
                }
            }
            measured.push(label(function));
        }
    }
    let table = tables::mass_functions(&measured)?;
    folder.table("mass_functions", &table)?;
    folder.table("schechter_fits", &tables::schechter_fits(&fits)?)?;
    let covariances: Vec<_> = measured
        .iter()
        .map(tables::mass_function_covariance)
        .chain(fits.iter().map(tables::schechter_covariance))
        .collect();
    folder.table("mass_function_covariance", &tables::covariances(&covariances)?)?;
    mass_function_figure(folder, &measured, &fits)
}

/// The figure of the first algorithm that has both environments.
fn mass_function_figure(
    folder: &StepFolder,
    measured: &[Labelled<MassFunction>],
    fits: &[Labelled<DoubleSchechter>],
) -> Result<(), StudyError> {
    let pair = measured
        .windows(2)
        .find(|pair| pair[0].algorithm == pair[1].algorithm && pair[0].label == "void" && pair[1].label == "wall");
    let Some([void, wall]) = pair else { return Ok(()) };
    let fit = |of: &Labelled<MassFunction>| {
        fits.iter().find(|fit| fit.algorithm == of.algorithm && fit.label == of.label).map(|fit| &fit.value)
    };
    let caption = format!("Stellar mass function ({} voids)", void.algorithm);
    let figure = figures::mass_functions((&void.value, fit(void)), (&wall.value, fit(wall)), &caption);
    Ok(folder.figure("mass_function", &figure, &tables::mass_functions(measured)?)?)
}

/// The share of the volume in each environment, by algorithm.
fn volumes(folder: &StepFolder, given: &Given<'_>) -> Result<BTreeMap<&'static str, VolumeShares>, StudyError> {
    let mut shares = BTreeMap::new();
    let rules = ClassifySettings {
        boundary_margin_mpc_h: given.settings.environment.edge_distance_mpc_h,
        ..ClassifySettings::default()
    };
    let directions = measure::directions(given.sample)?;
    for (finder, parts) in given.catalogues {
        let (survey, omega_m) = measure::survey(&directions, parts);
        let points = (VOLUME_POINTS, given.settings.seed);
        shares.insert(finder.name(), volume_shares(&survey, parts, omega_m, &rules, points)?);
    }
    let column = |of: Environment| shares.values().map(move |share| share.share(of));
    let error = |of: Environment| shares.values().map(move |share| share.error(of));
    let mut table = Columns::new().text("algorithm", "", "void catalogue", shares.keys().map(|name| title(name)));
    for of in Environment::ALL {
        let meaning = format!("share of the survey's volume in environment {}", of.name());
        table = table.optional(of.name(), "", &meaning, column(of));
        table = table.optional(&format!("{}_error", of.name()), "", "binomial standard error", error(of));
    }
    folder.table("volume_shares", &table.table()?)?;
    Ok(shares)
}

/// The main sequence of voids and of walls, for every algorithm.
pub(super) fn main_sequences(folder: &mut StepFolder, population: &Population) -> Result<(), StudyError> {
    let mut measured: Vec<Labelled<MainSequence>> = Vec::new();
    for algorithm in &population.algorithms {
        let environment = population.fiducial(algorithm)?;
        for (name, void) in ENVIRONMENTS {
            let select = |row: usize| environment[row] == Some(void);
            match main_sequence(&population.galaxies, select, population.rules.log_mass, PIVOT_LOG_MASS) {
                Ok(value) => {
                    measured.push(Labelled { algorithm: title(algorithm).to_owned(), label: name.to_owned(), value })
                }
                Err(error) => {
                    folder.warn(format!("no main sequence of {name} galaxies, {}: {error}", title(algorithm)));
                }
            }
        }
    }
    folder.table("main_sequences", &tables::main_sequences(&measured)?)?;
    let ridges = tables::ridges(&measured)?;
    folder.table("main_sequence_ridges", &ridges)?;
    let (Some(algorithm), [void, wall, ..]) = (population.algorithms.first(), measured.as_slice()) else {
        return Ok(());
    };
    if void.algorithm != title(algorithm) || void.label != "void" || wall.label != "wall" {
        return Ok(());
    }
    let environment = population.fiducial(algorithm)?;
    let caption = format!("Star-forming main sequence ({} voids; bands: scatter)", void.algorithm);
    folder.figure("main_sequence", &figures::main_sequences(&void.value, &wall.value, &caption), &ridges)?;
    let figure = figures::main_sequence_plane(&population.galaxies, &environment, &void.value, &wall.value);
    Ok(folder.figure("main_sequence_plane", &figure, &ridges)?)
}
