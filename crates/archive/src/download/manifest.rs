//! The record of a local copy: what came from where and when.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::DownloadError;
use crate::hats::write_whole;

/// Name of the record, in the root of the local copy.
pub const MANIFEST: &str = "download.json";

/// One file of the local copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Path below the root.
    pub path: String,
    /// Where it came from.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// Whether the release publishes that digest; otherwise it is the one of the bytes that came.
    pub published: bool,
    /// When it arrived, RFC 3339.
    pub fetched: String,
}

/// All files of the local copy, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of this file.
    pub layout: u32,
    /// The files.
    pub files: Vec<Record>,
}

impl Manifest {
    /// Reads the record of a folder; an absent one is empty.
    ///
    /// # Errors
    /// It is there but cannot be read or understood.
    pub fn read(folder: &Path) -> Result<Self, DownloadError> {
        let path = folder.join(MANIFEST);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { layout: 1, files: Vec::new() });
            }
            Err(error) => return Err(DownloadError::io("read", path)(error)),
        };
        let wrong = |reason: String| DownloadError::Manifest { path: path.clone(), reason };
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if manifest.layout != 1 {
            return Err(wrong(format!("expected layout 1, found {}", manifest.layout)));
        }
        Ok(manifest)
    }

    /// Writes the record, whole or not at all.
    pub(super) fn write(&self, folder: &Path) -> Result<(), DownloadError> {
        let path = folder.join(MANIFEST);
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::from);
        let written = text.and_then(|text| write_whole(&path, &[text, b"\n".to_vec()].concat()));
        written.map_err(DownloadError::io("write", path))
    }

    pub(super) fn get(&self, path: &str) -> Option<&Record> {
        let place = self.files.binary_search_by(|record| record.path.as_str().cmp(path)).ok()?;
        self.files.get(place)
    }

    pub(super) fn put(&mut self, record: Record) {
        match self.files.binary_search_by(|known| known.path.cmp(&record.path)) {
            Ok(place) => self.files[place] = record,
            Err(place) => self.files.insert(place, record),
        }
    }
}
