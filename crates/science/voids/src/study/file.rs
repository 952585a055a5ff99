//! A study file as it is written: TOML of one layout, and what each key means.

use std::path::{Path, PathBuf};

use desi::desivast::Algorithm;
use serde::{Deserialize, Deserializer};
use study::study_file::{Database, Publish};

use super::settings::{EnvironmentSettings, Finder, GalaxySource, Inputs, Sample, Settings, Statistics};
use super::{StudyError, inputs};
use crate::finders::{FinderMask, FinderSettings};

/// The layout of study files that this version reads.
const LAYOUT: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StudyFile {
    #[allow(dead_code, reason = "read by the dispatch on the kind of study")]
    study: String,
    #[serde(default = "layout")]
    version: u32,
    #[serde(default = "title")]
    title: String,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    engine: Engine,
    #[allow(dead_code, reason = "read by the program, which knows the network")]
    #[serde(default)]
    publish: Publish,
    #[allow(dead_code, reason = "read by the program, which knows the network")]
    #[serde(default)]
    database: Database,
    inputs: InputsFile,
    #[serde(default)]
    cosmology: CosmologyFile,
    #[serde(default)]
    sample: Sample,
    #[serde(default)]
    voids: VoidsFile,
    #[serde(default)]
    environment: EnvironmentSettings,
    #[serde(default)]
    statistics: Statistics,
}

/// Where the work is done. More engines come with the cluster.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Engine {
    #[default]
    Local,
}

/// Where the archive's tables come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// They are in the archive.
    #[default]
    Parquet,
    /// They are fetched into the archive from the schema `raw_catalogs` of a database.
    Postgres,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct InputsFile {
    galaxies: Option<PathBuf>,
    archive: Option<PathBuf>,
    source: Source,
    table: Option<String>,
    voids: Vec<PathBuf>,
    licence: Option<String>,
    citations: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CosmologyFile {
    omega_m: f64,
}

impl Default for CosmologyFile {
    /// Planck Collaboration 2020, 2020A&A...641A...6P: the value DESIVAST uses.
    fn default() -> Self {
        Self { omega_m: 0.3153 }
    }
}

/// Where voids come from: catalogues (files or tables of the archive), finders or both. What a finder does not say itself is as here, and what is not
/// said here is as in `[sample]` and `[cosmology]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VoidsFile {
    catalogues: Vec<PathBuf>,
    archived: Vec<AlgorithmName>,
    find: Vec<AlgorithmName>,
    redshift: Option<[f64; 2]>,
    magnitude_limit: Option<f64>,
    omega_m: Option<f64>,
    mask: Option<FinderMask>,
    least_radius_mpc_h: Option<f64>,
    voidfinder: FinderFile,
    vide: FinderFile,
    zobov: FinderFile,
    revolver: FinderFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum AlgorithmName {
    Voidfinder,
    Vide,
    Zobov,
    Revolver,
}

impl AlgorithmName {
    /// Every name and its algorithm, in the order of tables.
    const ALL: [(Self, Algorithm); 4] = [
        (Self::Voidfinder, Algorithm::VoidFinder),
        (Self::Vide, Algorithm::Vide),
        (Self::Zobov, Algorithm::Zobov),
        (Self::Revolver, Algorithm::Revolver),
    ];

    /// The algorithms of some names, each once, in the order of tables.
    fn algorithms(names: &[Self]) -> Vec<Algorithm> {
        Self::ALL.into_iter().filter(|(name, _)| names.contains(name)).map(|(_, algorithm)| algorithm).collect()
    }
}

/// What one finder does otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FinderFile {
    redshift: Option<[f64; 2]>,
    magnitude_limit: Option<f64>,
    omega_m: Option<f64>,
    mask: Option<FinderMask>,
    least_radius_mpc_h: Option<f64>,
}

fn layout() -> u32 {
    LAYOUT
}

fn title() -> String {
    "Do galaxies in cosmic voids evolve differently?".to_owned()
}

/// One text or a list of them.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a condition in SQL, or a list of them")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// Reads a study file; ranges of numbers are not checked here.
pub(super) fn read(text: &str, path: &Path) -> Result<Settings, StudyError> {
    let file: StudyFile = study::study_file::parse(text, path)?;
    let Engine::Local = file.engine;
    if file.version != LAYOUT {
        return Err(StudyError::setting(path, "version", "1", file.version.to_string()));
    }
    let base = path.parent().unwrap_or(Path::new(""));
    let find = file.voids.finders(&file.sample, file.cosmology.omega_m, file.seed);
    let mut inputs = file.inputs.meaning(base, path)?;
    inputs.voids.extend(file.voids.catalogues.into_iter().map(|catalogue| base.join(catalogue)));
    inputs.archived_voids = AlgorithmName::algorithms(&file.voids.archived);
    if let (GalaxySource::File(_), [first, ..]) = (&inputs.galaxies, &inputs.archived_voids[..]) {
        let (expected, found) = ("`[inputs] archive`, whose voids they are", format!("a file, and `{}`", first.word()));
        return Err(StudyError::setting(path, "voids.archived", expected, found));
    }
    if inputs.voids.is_empty() && inputs.archived_voids.is_empty() && find.is_empty() {
        let expected = "void catalogues in `catalogues` or `archived`, or finders in `find`";
        return Err(StudyError::setting(path, "voids", expected, "neither".to_owned()));
    }
    if let (GalaxySource::File(_), [first, ..]) = (&inputs.galaxies, &file.sample.conditions[..]) {
        let expected = "`[inputs] archive`, which SQL can ask";
        return Err(StudyError::setting(path, "sample.where", expected, format!("a file, and `{first}`")));
    }
    Ok(Settings {
        title: file.title,
        seed: file.seed,
        inputs,
        omega_m: file.cosmology.omega_m,
        sample: file.sample,
        find,
        environment: file.environment,
        statistics: file.statistics,
    })
}

impl InputsFile {
    fn meaning(self, base: &Path, path: &Path) -> Result<Inputs, StudyError> {
        let galaxies = match (self.galaxies, self.archive) {
            (Some(_), Some(_)) => {
                let found = "both".to_owned();
                return Err(StudyError::setting(path, "inputs", "one of `galaxies` and `archive`", found));
            }
            (None, None) => {
                let expected = "a galaxy catalogue in `galaxies`, or an archive in `archive`";
                return Err(StudyError::setting(path, "inputs", expected, "neither".to_owned()));
            }
            (Some(file), None) => GalaxySource::File(base.join(file)),
            (None, Some(folder)) => GalaxySource::Archive {
                folder: base.join(folder),
                table: self.table.clone().unwrap_or_else(|| inputs::GALAXIES.to_owned()),
            },
        };
        if let (GalaxySource::File(_), Some(table)) = (&galaxies, self.table) {
            return Err(StudyError::setting(path, "inputs.table", "`archive`, whose table it is", table));
        }
        let fetched = self.source == Source::Postgres;
        if let (GalaxySource::File(_), true) = (&galaxies, fetched) {
            let found = "a file".to_owned();
            return Err(StudyError::setting(path, "inputs.source", "`archive`, into which tables are fetched", found));
        }
        Ok(Inputs {
            galaxies,
            fetched,
            voids: self.voids.into_iter().map(|voids| base.join(voids)).collect(),
            archived_voids: Vec::new(),
            licence: self.licence.unwrap_or_else(|| "CC-BY-4.0".to_owned()),
            citations: self.citations,
        })
    }
}

impl VoidsFile {
    /// The finders asked for, each once, in the order of tables.
    fn finders(&self, sample: &Sample, omega_m: f64, seed: u64) -> Vec<Finder> {
        let finder = |algorithm: Algorithm| {
            let own = match algorithm {
                Algorithm::VoidFinder => &self.voidfinder,
                Algorithm::Vide => &self.vide,
                Algorithm::Zobov => &self.zobov,
                Algorithm::Revolver => &self.revolver,
            };
            let usual = FinderSettings::default();
            let settings = FinderSettings {
                redshift: own.redshift.or(self.redshift).unwrap_or(sample.redshift),
                magnitude_limit: own.magnitude_limit.or(self.magnitude_limit),
                omega_m: own.omega_m.or(self.omega_m).unwrap_or(omega_m),
                mask: own.mask.or(self.mask).unwrap_or(usual.mask),
                least_radius_mpc_h: own
                    .least_radius_mpc_h
                    .or(self.least_radius_mpc_h)
                    .unwrap_or(usual.least_radius_mpc_h),
                seed,
                ..usual
            };
            Finder { algorithm, settings }
        };
        AlgorithmName::algorithms(&self.find).into_iter().map(finder).collect()
    }
}
