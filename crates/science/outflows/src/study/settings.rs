//! A study file: TOML of one layout, what each key means, and the ranges of its numbers.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StudyError;
use crate::energetics::{MassCalibration, WindGeometry};

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
    #[allow(dead_code, reason = "read by the program, which knows the network")]
    #[serde(default)]
    publish: study::study_file::Publish,
    #[allow(dead_code, reason = "read by the program, which knows the network")]
    #[serde(default)]
    database: study::study_file::Database,
    inputs: InputsFile,
    #[serde(default)]
    sample: Sample,
    #[serde(default)]
    fit: FitSettings,
    #[serde(default)]
    winds: WindSettings,
    #[serde(default)]
    test: TestSettings,
    #[serde(default)]
    report: ReportSettings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct InputsFile {
    spectra: Vec<PathBuf>,
    redshifts: Vec<PathBuf>,
    archive: Option<PathBuf>,
    table: Option<String>,
    templates: Option<PathBuf>,
    eigenspectra: Option<PathBuf>,
    line_list: Option<PathBuf>,
    licence: Option<String>,
    citations: Vec<String>,
}

fn layout() -> u32 {
    LAYOUT
}

fn title() -> String {
    "How much energy do quasar winds carry?".to_owned()
}

/// Where the spectra come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpectraSource {
    /// Files and folders of coadds and SDSS spec files.
    Files {
        /// The files and folders.
        places: Vec<PathBuf>,
        /// Further tables of TARGETID and Z; `redrock-*` files beside a coadd are found by themselves.
        redshifts: Vec<PathBuf>,
    },
    /// A table of an archive.
    Archive {
        /// The archive's folder.
        folder: PathBuf,
        /// The table, `spectra` by default.
        table: String,
    },
}

/// What a study reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The spectra.
    pub spectra: SpectraSource,
    /// Folder of templates of Fe II and galaxies.
    pub templates: Option<PathBuf>,
    /// Eigenspectra for the continuum of troughs.
    pub eigenspectra: Option<PathBuf>,
    /// A line list instead of the program's own.
    pub line_list: Option<PathBuf>,
    /// Licence of the results.
    pub licence: String,
    /// What to cite.
    pub citations: Vec<String>,
}

/// Which spectra are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sample {
    /// Conditions in SQL, of an archive only; each is counted as a cut.
    #[serde(rename = "where")]
    pub conditions: Vec<String>,
    /// SPECTYPE (CLASS in SDSS files) that a target must have; spectra of unknown type are kept.
    pub spectype: String,
    /// Bits of ZWARN that a target must not have; spectra without ZWARN are kept.
    pub zwarn_mask: i64,
    /// Redshifts, both ends included.
    pub redshift: [f64; 2],
    /// Least median signal to noise of a pixel.
    pub min_signal_to_noise: f64,
    /// At most this many spectra, the first in order; all when not given.
    pub limit: Option<usize>,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            conditions: Vec::new(),
            spectype: "QSO".to_owned(),
            zwarn_mask: i64::MAX,
            redshift: [0.05, 7.5],
            min_signal_to_noise: 1.0,
            limit: None,
        }
    }
}

/// How spectra are measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FitSettings {
    /// Fits with new noise a spectrum, for errors; 0 for errors from the covariance of the fit.
    pub draws: usize,
    /// One power law for the whole spectrum: it may not bend.
    pub straight: bool,
    /// Spectra of one step of the run: what a killed run does again at most.
    pub spectra_a_step: usize,
}

impl Default for FitSettings {
    fn default() -> Self {
        Self { draws: 0, straight: false, spectra_a_step: 1_000 }
    }
}

/// What turns lines and troughs into energetics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WindSettings {
    /// A wing or trough counts from this many standard errors of its flux (of its equivalent width).
    pub min_significance: f64,
    /// A wing counts from this `v_max`, km/s: slower gas need not flow out.
    pub min_velocity_km_s: f64,
    /// Electron density of the ionised gas, log10 1/cm3, with its error: not measured.
    pub log_n_e: [f64; 2],
    /// Extent of the ionised gas, kpc, with its error: not measured.
    pub radius_kpc: [f64; 2],
    /// Which calibration of the mass: `carniani15-oiii`, `kakkad16-oiii`, `canodiaz12-oiii`.
    pub mass: String,
    /// `filled` (3 M v / R) or `shell` (M v / R).
    pub geometry: String,
    /// Distance of absorbing gas, log10 kpc, with its error: not measured.
    pub trough_log_radius_kpc: [f64; 2],
    /// Hydrogen column of absorbing gas, log10 1/cm2, with its error: not measured.
    pub trough_log_n_h: [f64; 2],
    /// Share of the sky that absorbing gas covers, with its error.
    pub trough_covering: [f64; 2],
    /// Draws of a posterior.
    pub draws: usize,
}

impl Default for WindSettings {
    /// Densities of ionised winds of quasars scatter about 500 1/cm3 by 0.5 dex (Carniani et al. 2015, Perna et al. 2017);
    /// extents are 1 to 6 kpc. Troughs of high ionisation: Arav et al. 2018 (half at more than 100 pc), Capellupo et al.
    /// 2017 for columns, Hewett & Foltz 2003 for the covering.
    fn default() -> Self {
        Self {
            min_significance: 3.0,
            min_velocity_km_s: 300.0,
            log_n_e: [2.7, 0.5],
            radius_kpc: [3.0, 1.5],
            mass: "carniani15-oiii".to_owned(),
            geometry: "filled".to_owned(),
            trough_log_radius_kpc: [-1.0, 0.7],
            trough_log_n_h: [21.0, 0.7],
            trough_covering: [0.2, 0.1],
            draws: 2_000,
        }
    }
}

impl WindSettings {
    /// The calibration by its name.
    #[must_use]
    pub fn calibration(&self) -> Option<MassCalibration> {
        MassCalibration::ALL.into_iter().find(|one| one.name() == self.mass && one.name().ends_with("oiii"))
    }

    /// The geometry by its name.
    #[must_use]
    pub fn wind_geometry(&self) -> Option<WindGeometry> {
        match self.geometry.as_str() {
            "filled" => Some(WindGeometry::Filled),
            "shell" => Some(WindGeometry::ThinShell),
            _ => None,
        }
    }
}

/// What the validation does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TestSettings {
    /// Quasars measured anew without templates, and with half their signal to noise; 0 for none.
    pub remeasured: usize,
    /// Quasars into which a trough and a wing are put; 0 for none.
    pub injected: usize,
    /// Two spectra are of one object when they are this close, arcsec.
    pub match_arcsec: f64,
}

impl Default for TestSettings {
    fn default() -> Self {
        Self { remeasured: 100, injected: 100, match_arcsec: 1.0 }
    }
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// Quasars of the gallery of the strongest winds.
    pub gallery: usize,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self { gallery: 12 }
    }
}

/// A study of winds, read and validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Title of the page.
    pub title: String,
    /// Seed of every random number.
    pub seed: u64,
    /// What is read.
    pub inputs: Inputs,
    /// What is taken.
    pub sample: Sample,
    /// How it is measured.
    pub fit: FitSettings,
    /// What becomes of lines and troughs.
    pub winds: WindSettings,
    /// How it is tested.
    pub test: TestSettings,
    /// What is shown.
    pub report: ReportSettings,
}

impl Settings {
    /// Reads and validates a study file.
    ///
    /// # Errors
    /// The text is not a study file of this layout, a key is unknown (the error names the nearest), or a value is out
    /// of range.
    pub fn read(text: &str, path: &Path) -> Result<Self, StudyError> {
        let file: StudyFile = study::study_file::parse(text, path)?;
        if file.version != LAYOUT {
            return Err(StudyError::setting(path, "version", "1", file.version.to_string()));
        }
        let settings = Self {
            title: file.title,
            seed: file.seed,
            inputs: file.inputs.meaning(path)?,
            sample: file.sample,
            fit: file.fit,
            winds: file.winds,
            test: file.test,
            report: file.report,
        };
        settings.check(|key, expected, found| StudyError::setting(path, key, expected, found))?;
        Ok(settings)
    }

    fn check(&self, invalid: impl Fn(&'static str, &str, String) -> StudyError) -> Result<(), StudyError> {
        let Sample { redshift: [low, high], min_signal_to_noise, conditions, .. } = &self.sample;
        if !(*low >= 0.0 && low < high && high.is_finite()) {
            return Err(invalid("sample.redshift", "two numbers, 0 <= low < high", format!("[{low}, {high}]")));
        }
        if !min_signal_to_noise.is_finite() {
            return Err(invalid("sample.min_signal_to_noise", "a number", min_signal_to_noise.to_string()));
        }
        if let (SpectraSource::Files { .. }, [first, ..]) = (&self.inputs.spectra, &conditions[..]) {
            let found = format!("files, and `{first}`");
            return Err(invalid("sample.where", "`[inputs] archive`, which SQL can ask", found));
        }
        if self.fit.spectra_a_step == 0 {
            return Err(invalid("fit.spectra_a_step", "at least 1", "0".to_owned()));
        }
        let winds = &self.winds;
        if winds.calibration().is_none() {
            let known = "`carniani15-oiii`, `kakkad16-oiii` or `canodiaz12-oiii`";
            return Err(invalid("winds.mass", known, format!("`{}`", winds.mass)));
        }
        if winds.wind_geometry().is_none() {
            return Err(invalid("winds.geometry", "`filled` or `shell`", format!("`{}`", winds.geometry)));
        }
        let ranged = [
            ("winds.log_n_e", winds.log_n_e, [-2.0, 10.0]),
            ("winds.radius_kpc", winds.radius_kpc, [1e-4, 1e3]),
            ("winds.trough_log_radius_kpc", winds.trough_log_radius_kpc, [-6.0, 3.0]),
            ("winds.trough_log_n_h", winds.trough_log_n_h, [10.0, 26.0]),
            ("winds.trough_covering", winds.trough_covering, [1e-3, 1.0]),
        ];
        for (key, [value, error], [least, most]) in ranged {
            if !((least..=most).contains(&value) && error >= 0.0 && error.is_finite()) {
                let expected = format!("a value of {least} to {most} and an error of 0 or more");
                return Err(invalid(key, &expected, format!("[{value}, {error}]")));
            }
        }
        if winds.draws == 0 {
            return Err(invalid("winds.draws", "at least 1", "0".to_owned()));
        }
        Ok(())
    }
}

impl InputsFile {
    fn meaning(self, path: &Path) -> Result<Inputs, StudyError> {
        let base = path.parent().unwrap_or(Path::new(""));
        let places = |given: Vec<PathBuf>| given.into_iter().map(|place| base.join(place)).collect::<Vec<_>>();
        let spectra = match (self.spectra.is_empty(), self.archive) {
            (false, Some(_)) => {
                return Err(StudyError::setting(path, "inputs", "one of `spectra` and `archive`", "both".to_owned()));
            }
            (true, None) => {
                let expected = "files or folders of spectra in `spectra`, or an archive in `archive`";
                return Err(StudyError::setting(path, "inputs", expected, "neither".to_owned()));
            }
            (false, None) => {
                if let Some(table) = self.table {
                    return Err(StudyError::setting(path, "inputs.table", "`archive`, whose table it is", table));
                }
                SpectraSource::Files { places: places(self.spectra), redshifts: places(self.redshifts) }
            }
            (true, Some(folder)) => SpectraSource::Archive {
                folder: base.join(folder),
                table: self.table.unwrap_or_else(|| "spectra".to_owned()),
            },
        };
        let beside = |given: Option<PathBuf>| given.map(|place| base.join(place));
        Ok(Inputs {
            spectra,
            templates: beside(self.templates),
            eigenspectra: beside(self.eigenspectra),
            line_list: beside(self.line_list),
            licence: self.licence.unwrap_or_else(|| "CC-BY-4.0".to_owned()),
            citations: self.citations,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, StudyError> {
        Settings::read(text, Path::new("studies/outflows.toml"))
    }

    const LEAST: &str = "study = \"outflows\"\n[inputs]\nspectra = [\"dr1\"]\n";

    #[test]
    fn a_short_file_means_the_defaults() {
        let settings = read(LEAST).unwrap();
        let places = vec![PathBuf::from("studies/dr1")];
        assert_eq!(settings.inputs.spectra, SpectraSource::Files { places, redshifts: Vec::new() });
        assert_eq!(settings.winds, WindSettings::default());
    }

    #[test]
    fn slips_are_told_with_a_hint() {
        let told = |text: &str, words: &[&str]| {
            let error = read(text).unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        told(&format!("{LEAST}[sample]\nredshfit = [0.0, 0.1]\n"), &["did you mean `redshift`?"]);
        told(&format!("{LEAST}[sample]\nredshift = [0.2, 0.1]\n"), &["sample.redshift", "[0.2, 0.1]"]);
        told(&format!("{LEAST}[sample]\nwhere = [\"Z > 1\"]\n"), &["sample.where", "archive"]);
        told(&format!("{LEAST}[winds]\nmass = \"nesvadba11-hbeta\"\n"), &["winds.mass", "carniani15-oiii"]);
        told(&format!("{LEAST}[winds]\ntrough_covering = [2.0, 0.1]\n"), &["winds.trough_covering"]);
        told("study = \"outflows\"\n[inputs]\n", &["`spectra`", "neither"]);
    }
}
