//! What a study file may say, and what it means once validated.
//!
//! Relative paths in the file are relative to the file's own folder, so that a study can be moved with its data.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StudyError;

/// The layout of study files that this version reads.
pub const LAYOUT: u32 = 1;

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
    /// How environments are told apart.
    pub environment: EnvironmentSettings,
    /// How populations are compared.
    pub statistics: Statistics,
}

/// Where galaxies and voids come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inputs {
    /// A galaxy catalogue (FITS, Parquet or CSV); see [`crate::galaxies`] for its columns.
    pub galaxies: PathBuf,
    /// Void catalogues in DESIVAST's format.
    pub voids: Vec<PathBuf>,
    /// Licence of the results.
    pub licence: String,
    /// What to cite.
    pub citations: Vec<String>,
}

/// Which galaxies take part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sample {
    /// Redshift range, both ends included.
    pub redshift: [f64; 2],
    /// Range of log10 stellar mass (solar masses, h = 1), both ends included.
    pub log_mass: [f64; 2],
    /// Flux limit of the survey in r, AB magnitudes.
    pub r_limit: f64,
}

impl Default for Sample {
    fn default() -> Self {
        Self { redshift: [0.01, 0.24], log_mass: [8.0, 12.5], r_limit: 19.5 }
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

/// The file as it is written.
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
    inputs: InputsFile,
    #[serde(default)]
    cosmology: CosmologyFile,
    #[serde(default)]
    sample: Sample,
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

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct InputsFile {
    galaxies: PathBuf,
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

fn layout() -> u32 {
    LAYOUT
}

fn title() -> String {
    "Do galaxies in cosmic voids evolve differently?".to_owned()
}

impl Settings {
    /// Reads and validates a study file.
    ///
    /// # Errors
    /// The text is not a study file of this layout, a key is unknown (the error names the nearest), or a value is out
    /// of range.
    pub fn read(text: &str, path: &Path) -> Result<Self, StudyError> {
        let file: StudyFile = study::study_file::parse(text, path)?;
        let Engine::Local = file.engine;
        let invalid = |key: &'static str, expected: &str, found: String| StudyError::Setting {
            path: path.to_owned(),
            key,
            expected: expected.to_owned(),
            found,
        };
        if file.version != LAYOUT {
            return Err(invalid("version", "1", file.version.to_string()));
        }
        let base = path.parent().unwrap_or(Path::new(""));
        let settings = Self {
            title: file.title,
            seed: file.seed,
            inputs: file.inputs.validated(base, invalid)?,
            omega_m: file.cosmology.omega_m,
            sample: file.sample,
            environment: file.environment,
            statistics: file.statistics,
        };
        settings.check(invalid)?;
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
        if !(self.environment.edge_distance_mpc_h >= 0.0 && self.environment.edge_distance_mpc_h.is_finite()) {
            let found = self.environment.edge_distance_mpc_h.to_string();
            return Err(invalid("environment.edge_distance_mpc_h", "0 or more", found));
        }
        Ok(())
    }
}

impl InputsFile {
    fn validated(
        self,
        base: &Path,
        invalid: impl Fn(&'static str, &str, String) -> StudyError,
    ) -> Result<Inputs, StudyError> {
        if self.galaxies.as_os_str().is_empty() {
            return Err(invalid("inputs", "a galaxy catalogue in `galaxies`", "none".to_owned()));
        }
        if self.voids.is_empty() {
            return Err(invalid("inputs", "void catalogues in `voids`", "none".to_owned()));
        }
        Ok(Inputs {
            galaxies: base.join(self.galaxies),
            voids: self.voids.into_iter().map(|path| base.join(path)).collect(),
            licence: self.licence.unwrap_or_else(|| "CC-BY-4.0".to_owned()),
            citations: self.citations,
        })
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
        assert_eq!(settings.inputs.galaxies, PathBuf::from("studies/g.fits"));
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
}
