//! Doing a run anew and comparing every file byte for byte.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::manifest::Manifest;
use crate::Error;
use crate::digest::sha256_of_file;

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// The same bytes.
    Same,
    /// Other bytes than the manifest records.
    Differs,
    /// The new run did not make it.
    NotReproduced,
    /// Only the new run made it.
    Unexpected,
    /// The file of the first run was changed after the manifest was written.
    Altered,
    /// The file of the first run is gone.
    Lost,
    /// An input is gone or has other bytes than it had.
    InputChanged,
}

/// One file of the comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileVerdict {
    /// Relative to the run's folder; for inputs, where it was.
    pub path: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// All files of a run against its reproduction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// In the order of the steps.
    pub files: Vec<FileVerdict>,
}

impl Comparison {
    /// Is every file the same?
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.differences().next().is_none()
    }

    /// The files that are not the same.
    pub fn differences(&self) -> impl Iterator<Item = &FileVerdict> {
        self.files.iter().filter(|file| file.verdict != Verdict::Same)
    }
}

/// Does the run of the manifest at `manifest_path` anew by `rerun`, which gets the manifest and an empty folder for
/// runs and returns the folder of the new run; then compares the files. Where inputs have changed nothing is run.
///
/// # Errors
/// The manifest cannot be read or is of an unfinished run, or `rerun` fails.
pub fn reproduce<E: From<Error>>(
    manifest_path: &Path,
    into: &Path,
    rerun: impl FnOnce(&Manifest, &Path) -> Result<PathBuf, E>,
) -> Result<Comparison, E> {
    let manifest = Manifest::read(manifest_path)?;
    if !manifest.complete {
        let reason = "expected a finished run: finish it with `astrolab run` first".to_owned();
        return Err(Error::Manifest { path: manifest_path.to_path_buf(), reason }.into());
    }
    let changed: Vec<FileVerdict> = manifest
        .inputs
        .iter()
        .filter(|input| !sha256_of_file(&input.path).is_ok_and(|found| found == input.sha256))
        .map(|input| FileVerdict { path: input.path.display().to_string(), verdict: Verdict::InputChanged })
        .collect();
    if !changed.is_empty() {
        return Ok(Comparison { files: changed });
    }
    let again = rerun(&manifest, into)?;
    let original = manifest_path.parent().unwrap_or(Path::new("."));
    Ok(compare_runs(original, &manifest, &again)?)
}

/// Compares the files that `manifest` records for the run in `original` with those of the run in `again`.
///
/// # Errors
/// The manifest of `again` cannot be read.
pub fn compare_runs(original: &Path, manifest: &Manifest, again: &Path) -> Result<Comparison, Error> {
    let new = Manifest::read(&again.join("manifest.json"))?;
    let mut files = Vec::new();
    let mut known = BTreeSet::new();
    for output in manifest.steps.iter().flat_map(|step| &step.outputs) {
        known.insert(output.path.as_str());
        let is_recorded =
            |folder: &Path| sha256_of_file(&folder.join(&output.path)).is_ok_and(|found| found == output.sha256);
        let verdict = match (original.join(&output.path).is_file(), again.join(&output.path).is_file()) {
            (false, _) => Verdict::Lost,
            (true, _) if !is_recorded(original) => Verdict::Altered,
            (true, false) => Verdict::NotReproduced,
            (true, true) if is_recorded(again) => Verdict::Same,
            (true, true) => Verdict::Differs,
        };
        files.push(FileVerdict { path: output.path.clone(), verdict });
    }
    let unexpected =
        new.steps.iter().flat_map(|step| &step.outputs).filter(|output| !known.contains(output.path.as_str()));
    files.extend(unexpected.map(|output| FileVerdict { path: output.path.clone(), verdict: Verdict::Unexpected }));
    Ok(Comparison { files })
}
