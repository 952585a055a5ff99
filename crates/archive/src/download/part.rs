//! A file on its way: `.NAME.part` and a journal of the pieces it has.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::{DownloadError, RemoteFile};
use crate::digest::sha256_of_file;
use crate::hats::write_whole;

/// The unfinished file. Pieces are written in any order, by any number of tasks.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    journal_path: PathBuf,
    file: File,
    journal: Mutex<Journal>,
}

/// What the pieces belong to, and which are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Journal {
    url: String,
    bytes: u64,
    sha256: Option<String>,
    etag: Option<String>,
    piece_bytes: u64,
    done: Vec<u64>,
}

impl Part {
    /// Takes up the pieces of an earlier call where they belong to the same file, else begins anew.
    pub(super) fn open(
        place: &Path,
        url: &str,
        remote: &RemoteFile,
        etag: Option<String>,
        piece_bytes: u64,
    ) -> Result<Self, DownloadError> {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let path = place.with_file_name(format!(".{name}.part"));
        let journal_path = place.with_file_name(format!(".{name}.part.json"));
        let fresh = Journal {
            url: url.to_owned(),
            bytes: remote.bytes,
            sha256: remote.sha256.clone(),
            etag,
            piece_bytes,
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

    /// The pieces that are missing, as (number, first byte, byte after the last).
    pub(super) fn missing(&self) -> Vec<(u64, u64, u64)> {
        let journal = self.lock();
        let size = journal.piece_bytes.max(1);
        (0..journal.bytes.div_ceil(size))
            .filter(|piece| !journal.done.contains(piece))
            .map(|piece| (piece, piece * size, ((piece + 1) * size).min(journal.bytes)))
            .collect()
    }

    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), DownloadError> {
        self.file.write_all_at(bytes, offset).map_err(DownloadError::io("write", &self.path))
    }

    /// Notes a piece as there, after its bytes are.
    pub(super) fn finish_piece(&self, piece: u64) -> Result<(), DownloadError> {
        self.file.sync_data().map_err(DownloadError::io("write", &self.path))?;
        self.lock().done.push(piece);
        self.save()
    }

    /// Forgets all pieces.
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
