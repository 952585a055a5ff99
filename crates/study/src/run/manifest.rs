//! The record of a run: what went in, what was done, what came out.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, atomic};

/// The layout of manifests and step records that this version writes and reads.
pub const LAYOUT: u32 = 1;

/// A file that a run reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What the study calls it.
    pub name: String,
    /// Where it was.
    pub path: PathBuf,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// A file that a step made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Where it is, relative to the run's folder, with `/` between parts.
    pub path: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// Rows, where it is a Parquet table.
    pub rows: Option<u64>,
}

/// A finished step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Layout of this record.
    pub layout: u32,
    /// The step.
    pub name: String,
    /// Hash of code version, parameters and the hashes of all inputs.
    pub key: String,
    /// Version of the step's code.
    pub version: u32,
    /// Its parameters.
    pub parameters: Value,
    /// Names and hashes of its inputs.
    pub inputs: Vec<(String, String)>,
    /// Its files, in order of their paths.
    pub outputs: Vec<Output>,
    /// What a reader of the results must know.
    pub warnings: Vec<String>,
    /// Wall time when it was last computed; never compared.
    pub seconds: f64,
}

/// `manifest.json` of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of this file.
    pub layout: u32,
    /// The kind of study.
    pub study: String,
    /// The run: hash of study file and inputs.
    pub id: String,
    /// Has every step ended?
    pub complete: bool,
    /// Version of the program.
    pub code_version: String,
    /// The seed of every random number.
    pub seed: u64,
    /// Licence of the results.
    pub licence: String,
    /// What to cite.
    pub citations: Vec<String>,
    /// Where the study file was; relative paths in it start from its folder.
    pub study_path: PathBuf,
    /// The study file, word for word.
    pub study_file: String,
    /// What was read.
    pub inputs: Vec<Input>,
    /// What was done, in order.
    pub steps: Vec<StepRecord>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The file is missing, is not JSON of a manifest, or has a layout of another version.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read(path).map_err(Error::io("read", path))?;
        let manifest: Self = serde_json::from_slice(&text).map_err(Error::json("read", path))?;
        if manifest.layout != LAYOUT {
            let reason = format!("expected layout {LAYOUT}, found {}", manifest.layout);
            return Err(Error::Manifest { path: path.to_path_buf(), reason });
        }
        Ok(manifest)
    }

    /// Writes it atomically.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let mut text = serde_json::to_vec_pretty(self).map_err(Error::json("write", path))?;
        text.push(b'\n');
        atomic::write(path, &text)
    }

    /// All warnings, each with its step.
    pub fn warnings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.steps.iter().flat_map(|step| step.warnings.iter().map(|warning| (step.name.as_str(), warning.as_str())))
    }
}
