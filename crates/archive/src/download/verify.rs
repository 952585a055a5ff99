//! Re-checking a local copy against its record.

use std::path::Path;

use rayon::prelude::*;

use super::fetch::lock;
use super::{DownloadError, Manifest, Record};
use crate::digest::sha256_of_file;
use crate::fits::{FitsError, FitsFile, Hdu};
use crate::progress::Progress;

/// What is wrong with a file of the local copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It has another size, in bytes.
    Size(u64),
    /// It has another SHA-256.
    Digest(String),
    /// It cannot be read.
    Unreadable(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => write!(f, "missing"),
            Self::Size(bytes) => write!(f, "has {bytes} bytes"),
            Self::Digest(digest) => write!(f, "has SHA-256 {digest}"),
            Self::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
        }
    }
}

/// The verdict on a local copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files as recorded.
    pub good: usize,
    /// Bytes of them.
    pub good_bytes: u64,
    /// Files that must be fetched again, with what is wrong.
    pub bad: Vec<(Record, Fault)>,
    /// Good files of which an HDU disagrees with its own checksum, and that HDU: they came so, another download would not help.
    pub wrong_at_source: Vec<(Record, String)>,
}

/// Checks size and SHA-256 of every recorded file, and of FITS files CHECKSUM and DATASUM of every HDU, on all cores.
///
/// # Errors
/// The record cannot be read. A file that cannot be read is a finding, not an error.
pub fn verify(folder: &Path, progress: &dyn Progress) -> Result<Verified, DownloadError> {
    let manifest = Manifest::read(folder)?;
    progress.begin("verify", manifest.files.iter().map(|record| record.bytes).sum(), "bytes");
    let verdicts: Vec<Result<Option<String>, Fault>> = manifest
        .files
        .par_iter()
        .map(|record| {
            let verdict = check(folder, record);
            progress.advance(record.bytes);
            verdict
        })
        .collect();
    progress.end();
    let mut verified = Verified::default();
    for (record, verdict) in manifest.files.into_iter().zip(verdicts) {
        match verdict {
            Ok(wrong) => {
                verified.good += 1;
                verified.good_bytes += record.bytes;
                verified.wrong_at_source.extend(wrong.map(|hdu| (record, hdu)));
            }
            Err(fault) => verified.bad.push((record, fault)),
        }
    }
    Ok(verified)
}

/// Removes bad files and their records, so that the next download fetches them again.
///
/// # Errors
/// A file cannot be removed, the record cannot be written, or another process works in the folder.
pub fn discard(folder: &Path, bad: &[(Record, Fault)]) -> Result<(), DownloadError> {
    let _lock = lock(folder)?;
    let mut manifest = Manifest::read(folder)?;
    manifest.files.retain(|record| !bad.iter().any(|(gone, _)| gone.path == record.path));
    manifest.write(folder)?;
    for (record, _) in bad {
        let path = folder.join(&record.path);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(DownloadError::io("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What is wrong with the file; of one as recorded, the HDU that disagrees with its own checksum.
fn check(folder: &Path, record: &Record) -> Result<Option<String>, Fault> {
    let path = folder.join(&record.path);
    let bytes = match std::fs::metadata(&path) {
        Ok(facts) => facts.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Fault::Missing),
        Err(error) => return Err(Fault::Unreadable(error.to_string())),
    };
    if bytes != record.bytes {
        return Err(Fault::Size(bytes));
    }
    // Both read the file: side by side, the second finds it in memory.
    let own = || if is_fits(&record.path) { wrong_checksum(&path) } else { Ok(None) };
    match rayon::join(|| sha256_of_file(&path), own) {
        (Ok(found), own) if found == record.sha256 => Ok(own.unwrap_or_default()),
        (Ok(found), _) => Err(Fault::Digest(found)),
        (Err(error), _) => Err(Fault::Unreadable(error.to_string())),
    }
}

/// The first HDU of a FITS file whose bytes disagree with its CHECKSUM or DATASUM, as errors name it.
pub(super) fn wrong_checksum(path: &Path) -> Result<Option<String>, FitsError> {
    let file = FitsFile::open(path)?;
    let wrong = file.hdus().iter().find(|hdu| file.checksums(hdu).any_wrong());
    Ok(wrong.map(Hdu::label))
}

/// Whether a name is that of a FITS file.
pub(super) fn is_fits(path: &str) -> bool {
    [".fits", ".fits.gz", ".fit"].iter().any(|ending| path.ends_with(ending))
}
