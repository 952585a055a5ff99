//! What a study file may say, and what it means once validated.
//!
//! Relative paths in the file are relative to the file's own folder, so that a study can be moved with its data.

use std::path::{Path, PathBuf};

use desi::desivast::Algorithm;
use serde::{Deserialize, Serialize};

use super::{StudyError, file};
use crate::finders::FinderSettings;

/// A validated study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Title of the report.
    pub title: String,
    /// Seed of every random number.
    pub seed: u64,
    /// Where galaxies and voids come from.
    #[serde(skip)]
    pub inputs: Inputs,
    /// Matter density of the flat universe; distances are in Mpc/h.
    pub omega_m: f64,
    /// Which galaxies.
    pub sample: Sample,
    /// Voids to be found by this run.
    pub find: Vec<Finder>,
    /// How environments are told apart.
    pub environment: EnvironmentSettings,
    /// How populations are compared.
    pub statistics: Statistics,
}

/// Where galaxies and voids come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The galaxies.
    pub galaxies: GalaxySource,
    /// Whether the archive's tables are fetched from a database before the run.
    pub fetched: bool,
    /// Void catalogues in DESIVAST's format.
    pub voids: Vec<PathBuf>,
    /// Algorithms whose voids are taken from the archive.
    pub archived_voids: Vec<Algorithm>,
    /// Licence of the results.
    pub licence: String,
    /// What to cite.
    pub citations: Vec<String>,
}

/// Where galaxies come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GalaxySource {
    /// A catalogue file (FITS, Parquet or CSV); see [`crate::galaxies`] for its columns.
    File(PathBuf),
    /// A table or view of an archive, asked in SQL.
    Archive {
        /// The archive's folder.
        folder: PathBuf,
        /// The table.
        table: String,
    },
}

impl GalaxySource {
    /// The archive's table.
    #[must_use]
    pub fn table(&self) -> Option<&str> {
        match self {
            Self::File(_) => None,
            Self::Archive { table, .. } => Some(table),
        }
    }
}

/// A void finder and how it works.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finder {
    /// What it finds voids with.
    #[serde(serialize_with = "name_of_algorithm")]
    pub algorithm: Algorithm,
    /// Its tracers and parameters.
    pub settings: FinderSettings,
}

fn name_of_algorithm<S: serde::Serializer>(algorithm: &Algorithm, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(crate::catalogue::algorithm_name(*algorithm))
}

/// Which galaxies take part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sample {
    /// Conditions in SQL on the archive's table, one cut each: `where = "ZWARN = 0"` or a list.
    #[serde(rename = "where", deserialize_with = "file::one_or_many")]
    pub conditions: Vec<String>,
    /// Redshift range, both ends included.
    pub redshift: [f64; 2],
    /// Range of log10 stellar mass (solar masses, h = 1), both ends included.
    pub log_mass: [f64; 2],
    /// Flux limit of the survey in r, AB magnitudes.
    pub r_limit: f64,
    /// Only galaxies brighter than this absolute magnitude in r (`ABSMAG_R`, h = 1): a volume-limited sample, such as
    /// void finders want of their tracers. Masses count above which all galaxies are so bright.
    pub magnitude_limit: Option<f64>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            conditions: Vec::new(),
            redshift: [0.01, 0.24],
            log_mass: [8.0, 12.5],
            r_limit: 19.5,
            magnitude_limit: None,
        }
    }
}

/// How environments are told apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnvironmentSettings {
    /// Galaxies nearer than this to the survey's boundary are flagged `edge`, Mpc/h.
    pub edge_distance_mpc_h: f64,
    /// Do edge galaxies count in the statistics?
    pub include_edge: bool,
}

impl Default for EnvironmentSettings {
    fn default() -> Self {
        Self { edge_distance_mpc_h: 10.0, include_edge: false }
    }
}

/// How populations are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Statistics {
    /// Bootstrap samples.
    pub bootstraps: u32,
    /// Permutations of a permutation test.
    pub permutations: u32,
    /// HEALPix order of the jackknife's regions.
    pub jackknife_order: u8,
    /// Width of the mass bins, dex.
    pub mass_bin_dex: f64,
}

impl Default for Statistics {
    fn default() -> Self {
        Self { bootstraps: 1_000, permutations: 1_000, jackknife_order: 3, mass_bin_dex: 0.25 }
    }
}

impl Settings {
    /// Reads and validates a study file.
    ///
    /// # Errors
    /// The text is not a study file of this layout, a key is unknown (the error names the nearest), or a value is out
    /// of range.
    pub fn read(text: &str, path: &Path) -> Result<Self, StudyError> {
        let settings = file::read(text, path)?;
        settings.check(|key, expected, found| StudyError::setting(path, key, expected, found))?;
        Ok(settings)
    }

    fn check(&self, invalid: impl Fn(&'static str, &str, String) -> StudyError) -> Result<(), StudyError> {
        let ordered = |range: [f64; 2]| range[0] < range[1] && range[0].is_finite() && range[1].is_finite();
        let Sample { redshift, log_mass, .. } = self.sample;
        let shown = |range: [f64; 2]| format!("[{}, {}]", range[0], range[1]);
        if !ordered(redshift) || redshift[0] < 0.0 {
            return Err(invalid("sample.redshift", "two numbers, 0 <= low < high", shown(redshift)));
        }
        if !ordered(log_mass) {
            return Err(invalid("sample.log_mass", "two numbers, low < high", shown(log_mass)));
        }
        if !(self.omega_m > 0.0 && self.omega_m <= 1.0) {
            return Err(invalid("cosmology.omega_m", "a number above 0 and up to 1", self.omega_m.to_string()));
        }
        if let Some(limit) = self.sample.magnitude_limit.filter(|limit| !limit.is_finite()) {
            return Err(invalid("sample.magnitude_limit", "a number", limit.to_string()));
        }
        let statistics = &self.statistics;
        if !(statistics.mass_bin_dex > 0.0 && statistics.mass_bin_dex <= 2.0) {
            return Err(invalid(
                "statistics.mass_bin_dex",
                "a number above 0 and up to 2",
                statistics.mass_bin_dex.to_string(),
            ));
        }
        if statistics.bootstraps < 10 {
            return Err(invalid("statistics.bootstraps", "at least 10", statistics.bootstraps.to_string()));
        }
        if statistics.jackknife_order > 8 {
            return Err(invalid("statistics.jackknife_order", "0 to 8", statistics.jackknife_order.to_string()));
        }
        self.check_finders(&invalid)?;
        if !(self.environment.edge_distance_mpc_h >= 0.0 && self.environment.edge_distance_mpc_h.is_finite()) {
            let found = self.environment.edge_distance_mpc_h.to_string();
            return Err(invalid("environment.edge_distance_mpc_h", "0 or more", found));
        }
        Ok(())
    }

    fn check_finders(&self, invalid: &impl Fn(&'static str, &str, String) -> StudyError) -> Result<(), StudyError> {
        for Finder { settings, .. } in &self.find {
            let [low, high] = settings.redshift;
            if !(low >= 0.0 && low < high && high.is_finite()) {
                return Err(invalid("voids.redshift", "two numbers, 0 <= low < high", format!("[{low}, {high}]")));
            }
            if !(settings.omega_m > 0.0 && settings.omega_m <= 1.0) {
                return Err(invalid("voids.omega_m", "a number above 0 and up to 1", settings.omega_m.to_string()));
            }
            let radius = settings.least_radius_mpc_h;
            if !(radius > 0.0 && radius.is_finite()) {
                return Err(invalid("voids.least_radius_mpc_h", "a radius above 0", radius.to_string()));
            }
            if let Some(limit) = settings.magnitude_limit.filter(|limit| !limit.is_finite()) {
                return Err(invalid("voids.magnitude_limit", "a number", limit.to_string()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, StudyError> {
        Settings::read(text, Path::new("studies/voids.toml"))
    }

    const LEAST: &str = "study = \"voids\"\n[inputs]\ngalaxies = \"g.fits\"\nvoids = [\"a.fits\"]\n";

    #[test]
    fn a_short_file_means_the_defaults() {
        let settings = read(LEAST).unwrap();
        assert_eq!(settings.inputs.galaxies, GalaxySource::File(PathBuf::from("studies/g.fits")));
        assert_eq!(settings.sample, Sample::default());
        assert_eq!(settings.omega_m, 0.3153);
    }

    #[test]
    fn slips_are_told_with_a_hint() {
        let error = read(&format!("{LEAST}[sample]\nredshfit = [0.0, 0.1]\n")).unwrap_err().to_string();
        assert!(error.contains("did you mean `redshift`?"), "{error}");
        let error = read("study = \"voids\"\n[inputs]\nvoids = [\"a.fits\"]\n").unwrap_err().to_string();
        assert!(error.contains("a galaxy catalogue"), "{error}");
        let error = read(&format!("{LEAST}[sample]\nredshift = [0.2, 0.1]\n")).unwrap_err().to_string();
        assert!(error.contains("sample.redshift") && error.contains("[0.2, 0.1]"), "{error}");
    }

    #[test]
    fn finders_differ_where_they_say_so() {
        let text = "study = \"voids\"\n[inputs]\narchive = \"a\"\n[sample]\nwhere = \"ZWARN = 0\"\n[voids]\n\
                    find = [\"vide\", \"voidfinder\"]\nredshift = [0.0, 0.1]\n[voids.voidfinder]\nomega_m = 0.26\n";
        let settings = read(text).unwrap();
        assert_eq!(settings.sample.conditions, ["ZWARN = 0"]);
        let found: Vec<_> = settings.find.iter().map(|f| (f.algorithm, f.settings.omega_m)).collect();
        assert_eq!(found, [(Algorithm::VoidFinder, 0.26), (Algorithm::Vide, 0.3153)]);
        let error = read(&text.replace("omega_m = 0.26", "omega_m = -1.0")).unwrap_err().to_string();
        assert!(error.contains("voids.omega_m") && error.contains("-1"), "{error}");
        let error = read(&text.replace("\"vide\"", "\"vidd\"")).unwrap_err().to_string();
        assert!(error.contains("did you mean `vide`?"), "{error}");
        let error = read(&text.replace("archive = \"a\"", "galaxies = \"g.fits\"")).unwrap_err().to_string();
        assert!(error.contains("sample.where") && error.contains("ZWARN"), "{error}");
    }
}
