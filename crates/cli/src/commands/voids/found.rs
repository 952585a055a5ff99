//! What `voids find` leaves behind: catalogues, a table of the voids of each, the manifest, and the summary.

use std::path::Path;

use anyhow::Result;
use desi::desivast::{self, Algorithm, BoxVoids, VoidCatalogue};
use study::digest::sha256_of_file;
use study::number::grouped;
use study::tables::write_parquet;
use voids::catalogue::{VoidTable, algorithm_name, algorithm_of};
use voids::finders::{Found, FoundInBox};

use super::input::Input;
use super::void_tables::{of_box, of_survey};

/// A watershed void touches the edge when more than this part of its outer surface does, as in `voids classify`.
const EDGE_AREA_FRACTION: f64 = 0.1;

/// How the catalogues were made. Neither times nor threads: the same input gives the same bytes.
#[derive(Debug, serde::Serialize)]
pub(super) struct Manifest {
    program: &'static str,
    version: &'static str,
    input: Input,
    settings: serde_json::Value,
    catalogues: Vec<Entry>,
    /// What a reader of the catalogues should know.
    warnings: Vec<String>,
}

impl Manifest {
    pub(super) fn new(input: Input, settings: &impl serde::Serialize) -> Result<Self> {
        let settings = serde_json::to_value(settings)?;
        let (program, version) = ("astrolab voids find", env!("CARGO_PKG_VERSION"));
        Ok(Self { program, version, input, settings, catalogues: Vec::new(), warnings: Vec::new() })
    }

    /// For the person who waits.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// One catalogue in the manifest.
#[derive(Debug, serde::Serialize)]
struct Entry {
    algorithm: &'static str,
    voids: usize,
    edge_voids: usize,
    median_r_eff_mpc_h: Option<f64>,
    largest_r_eff_mpc_h: Option<f64>,
    tracers: usize,
    /// Holes in voids (VoidFinder) or zones.
    parts: usize,
    counts: serde_json::Value,
    file: String,
    sha256: String,
    table: String,
    table_sha256: String,
}

/// Catalogues of either kind of volume.
pub(super) enum AllFound {
    /// On the sky.
    Survey(Vec<Found>),
    /// In a box.
    Box(Vec<FoundInBox>),
}

/// What the manifest tells of a catalogue's voids.
struct Voids {
    algorithm: Algorithm,
    r_eff_mpc_h: Vec<f64>,
    at_edge: usize,
    parts: usize,
}

impl Voids {
    fn of(table: &VoidTable, parts: usize) -> Self {
        Self {
            algorithm: table.algorithm,
            r_eff_mpc_h: table.voids.iter().map(|void| void.r_eff_mpc_h).collect(),
            at_edge: table.voids.iter().filter(|void| void.edge).count(),
            parts,
        }
    }
}

/// Writes every catalogue, its table, and last the manifest: where that is, all is there.
pub(super) fn save(folder: &Path, stem: &str, found: &AllFound, mut manifest: Manifest) -> Result<Manifest> {
    match found {
        AllFound::Survey(found) => {
            for one in found {
                let files = Files::new(folder, stem, algorithm_of(&one.catalogue));
                match &one.catalogue {
                    VoidCatalogue::VoidFinder(catalogue) => desivast::write_voidfinder(&files.fits, catalogue)?,
                    VoidCatalogue::Zones(catalogue) => desivast::write_zones(&files.fits, catalogue)?,
                }
                write_parquet(&files.table, &of_survey(&one.catalogue)?)?;
                manifest.add(survey_voids(&one.catalogue)?, (one.tracers, &one.counts), &files)?;
            }
        }
        AllFound::Box(found) => {
            for one in found {
                let files = Files::new(folder, stem, one.catalogue.algorithm());
                desivast::write_box(&files.fits, &one.catalogue)?;
                write_parquet(&files.table, &of_box(&one.catalogue)?)?;
                manifest.add(box_voids(one), (one.tracers, &one.counts), &files)?;
            }
        }
    }
    let text = format!("{}\n", serde_json::to_string_pretty(&manifest)?);
    study::write_file(&folder.join("manifest.json"), text.as_bytes())?;
    Ok(manifest)
}

/// The two files of a catalogue.
struct Files {
    fits: std::path::PathBuf,
    table: std::path::PathBuf,
    names: [String; 2],
}

impl Files {
    fn new(folder: &Path, stem: &str, algorithm: Algorithm) -> Self {
        let name = format!("{stem}_{}", algorithm.name());
        let names = [format!("{name}.fits"), format!("{name}_voids.parquet")];
        Self { fits: folder.join(&names[0]), table: folder.join(&names[1]), names }
    }
}

impl Manifest {
    fn add(&mut self, voids: Voids, (tracers, counts): (usize, &serde_json::Value), files: &Files) -> Result<()> {
        let Voids { algorithm, r_eff_mpc_h: mut radii, at_edge, parts } = voids;
        radii.sort_by(f64::total_cmp);
        let algorithm = algorithm_name(algorithm);
        if radii.is_empty() {
            self.warnings.push(format!("{algorithm} found no void among {tracers} tracers: its catalogue is empty"));
        }
        let [file, table] = files.names.clone();
        self.catalogues.push(Entry {
            algorithm,
            voids: radii.len(),
            edge_voids: at_edge,
            median_r_eff_mpc_h: radii.get(radii.len() / 2).copied(),
            largest_r_eff_mpc_h: radii.last().copied(),
            tracers,
            parts,
            counts: counts.clone(),
            file,
            sha256: sha256_of_file(&files.fits)?,
            table,
            table_sha256: sha256_of_file(&files.table)?,
        });
        Ok(())
    }
}

fn survey_voids(catalogue: &VoidCatalogue) -> Result<Voids> {
    let table = VoidTable::new(std::slice::from_ref(catalogue), EDGE_AREA_FRACTION)?;
    let parts = match catalogue {
        VoidCatalogue::VoidFinder(catalogue) => catalogue.holes.len(),
        VoidCatalogue::Zones(catalogue) => catalogue.zones.len(),
    };
    Ok(Voids::of(&table, parts))
}

fn box_voids(found: &FoundInBox) -> Voids {
    let table = VoidTable::in_box(&found.catalogue, EDGE_AREA_FRACTION);
    let parts = match &found.catalogue.voids {
        BoxVoids::Spheres { holes, .. } => holes.len(),
        BoxVoids::Zones { zones, .. } => zones.len(),
    };
    Voids::of(&table, parts)
}

/// One line a catalogue.
pub(super) fn summary(manifest: &Manifest, folder: &Path) -> String {
    let count = |number: usize| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    let radius = |radius: Option<f64>| radius.map_or("-".to_owned(), |radius| format!("{radius:.2}"));
    let mut lines = format!("{} galaxies in {}\n\n", count(manifest.input.galaxies), manifest.input.path.display());
    let header = ("algorithm", "tracers", "voids", "at edge", "parts", "median R_eff", "largest");
    let (a, b, c, d, e, f, g) = header;
    lines.push_str(&format!("{a:<12}{b:>10}{c:>8}{d:>10}{e:>10}{f:>15}{g:>10}   file\n"));
    for entry in &manifest.catalogues {
        let (tracers, voids, edge, parts) =
            (count(entry.tracers), count(entry.voids), count(entry.edge_voids), count(entry.parts));
        let (median, largest) = (radius(entry.median_r_eff_mpc_h), radius(entry.largest_r_eff_mpc_h));
        let (name, file) = (entry.algorithm, &entry.file);
        lines.push_str(&format!(
            "{name:<12}{tracers:>10}{voids:>8}{edge:>10}{parts:>10}{median:>15}{largest:>10}   {file}\n"
        ));
    }
    lines.push_str(&format!(
        "\nR_eff in Mpc/h; parts: holes in voids (voidfinder) or zones; written to {} with manifest.json\n",
        folder.display()
    ));
    lines
}
