//! A file on its way: `.NAME.part` and a journal of the blocks it has.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::{DownloadError, RemoteFile};
use crate::digest::sha256_of_file;
use crate::hats::write_whole;

/// The unfinished file. Blocks are written in any order, by any number of tasks.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    journal_path: PathBuf,
    file: File,
    journal: Mutex<Journal>,
}

/// What the blocks belong to, and which are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Journal {
    url: String,
    bytes: u64,
    sha256: Option<String>,
    etag: Option<String>,
    block_bytes: u64,
    done: Vec<u64>,
}

impl Part {
    /// Takes up the blocks of an earlier call where they belong to the same file, else begins anew.
    pub(super) fn open(
        place: &Path,
        url: &str,
        remote: &RemoteFile,
        etag: Option<String>,
        block_bytes: u64,
    ) -> Result<Self, DownloadError> {
        let path = part_of(place);
        let journal_path = path.with_added_extension("json");
        let fresh = Journal {
            url: url.to_owned(),
            bytes: remote.bytes,
            sha256: remote.sha256.clone(),
            etag,
            block_bytes: block_bytes.max(1),
            done: Vec::new(),
        };
        let found = std::fs::read(&journal_path).ok().and_then(|text| serde_json::from_slice::<Journal>(&text).ok());
        let same = |found: &Journal| {
            found.bytes == fresh.bytes && found.sha256 == fresh.sha256 && found.etag == fresh.etag && path.exists()
        };
        let journal = found.filter(same).unwrap_or(fresh);
        let file = File::options()
            .create(true)
            .truncate(journal.done.is_empty())
            .write(true)
            .read(true)
            .open(&path)
            .map_err(DownloadError::io("create", &path))?;
        file.set_len(remote.bytes).map_err(DownloadError::io("make room for", &path))?;
        let part = Self { path, journal_path, file, journal: Mutex::new(journal) };
        part.save()?;
        Ok(part)
    }

    /// What is missing, as ranges of bytes that begin with a block and are at most `longest` bytes (or one block) long.
    pub(super) fn missing(&self, longest: u64) -> Vec<(u64, u64)> {
        let journal = self.lock();
        let block = journal.block_bytes.max(1);
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for number in (0..journal.bytes.div_ceil(block)).filter(|number| !journal.done.contains(number)) {
            let (from, to) = (number * block, ((number + 1) * block).min(journal.bytes));
            match ranges.last_mut() {
                Some((start, end)) if *end == from && to - *start <= longest => *end = to,
                _ => ranges.push((from, to)),
            }
        }
        ranges
    }

    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), DownloadError> {
        self.file.write_all_at(bytes, offset).map_err(DownloadError::io("write", &self.path))
    }

    /// Notes the blocks that lie wholly in a range as there, after its bytes are.
    pub(super) fn finish(&self, from: u64, to: u64) -> Result<(), DownloadError> {
        self.file.sync_data().map_err(DownloadError::io("write", &self.path))?;
        {
            let mut journal = self.lock();
            let block = journal.block_bytes.max(1);
            let end = if to >= journal.bytes { to.div_ceil(block) } else { to / block };
            journal.done.extend(from.div_ceil(block)..end);
        }
        self.save()
    }

    /// Forgets all blocks.
    pub(super) fn restart(&self) -> Result<(), DownloadError> {
        self.lock().done.clear();
        self.save()
    }

    /// SHA-256 of the whole file.
    pub(super) fn sha256(&self) -> Result<String, DownloadError> {
        sha256_of_file(&self.path).map_err(DownloadError::io("read", &self.path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name.
    pub(super) fn accept(self, place: &Path) -> Result<(), DownloadError> {
        self.file.sync_all().map_err(DownloadError::io("write", &self.path))?;
        std::fs::rename(&self.path, place).map_err(DownloadError::io("rename", &self.path))?;
        std::fs::remove_file(&self.journal_path).map_err(DownloadError::io("remove", &self.journal_path))
    }

    fn save(&self) -> Result<(), DownloadError> {
        let text = serde_json::to_vec(&*self.lock()).map_err(std::io::Error::from);
        let written = text.and_then(|text| write_whole(&self.journal_path, &text));
        written.map_err(DownloadError::io("write", &self.journal_path))
    }

    /// A poisoned lock still holds a whole journal: pushing and clearing cannot leave it half done.
    fn lock(&self) -> std::sync::MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The unfinished file beside the place of a file.
fn part_of(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.part"))
}

/// Bytes on disk that an unfinished file takes already: it is as long as the whole, with holes.
pub(super) fn bytes_taken(place: &Path) -> u64 {
    std::fs::metadata(part_of(place)).map_or(0, |facts| facts.blocks() * 512)
}
