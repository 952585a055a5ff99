//! SHA-256 of files and values (FIPS 180-4), and a memory of the files already read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::{Error, atomic};

pub use archive::digest::sha256;

/// The SHA-256 of a file, see [`archive::digest::sha256_of_file`].
///
/// # Errors
/// The file cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<String, Error> {
    archive::digest::sha256_of_file(path).map_err(Error::io("read", path))
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    bytes: u64,
    modified_ns: u128,
    sha256: String,
}

/// Hashes of large input files, remembered while size and time of change stay the same.
#[derive(Debug)]
pub(crate) struct Hashes {
    path: PathBuf,
    seen: BTreeMap<String, Seen>,
}

impl Hashes {
    /// The hashes remembered in `path`; none where it is missing or unreadable, since they can be computed again.
    pub(crate) fn open(path: PathBuf) -> Self {
        let seen = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { path, seen }
    }

    /// SHA-256 and size of `file`.
    pub(crate) fn of(&mut self, file: &Path) -> Result<(String, u64), Error> {
        let facts = std::fs::metadata(file).map_err(Error::io("read", file))?;
        let modified = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let (bytes, modified_ns) = (facts.len(), modified.map_or(0, |since| since.as_nanos()));
        let name = std::path::absolute(file).map_err(Error::io("read", file))?.display().to_string();
        if let Some(seen) = self.seen.get(&name).filter(|seen| seen.bytes == bytes && seen.modified_ns == modified_ns) {
            return Ok((seen.sha256.clone(), bytes));
        }
        let sha256 = sha256_of_file(file)?;
        self.seen.insert(name, Seen { bytes, modified_ns, sha256: sha256.clone() });
        let text = serde_json::to_vec_pretty(&self.seen).map_err(Error::json("write", &self.path))?;
        atomic::write(&self.path, &text)?;
        Ok((sha256, bytes))
    }
}
