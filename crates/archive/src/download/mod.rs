//! Files of a public release from S3 or HTTPS: listed, sized, fetched in parallel pieces, verified, recorded.
//!
//! A file arrives as `.NAME.part` beside a journal of the blocks it has, so that a killed download goes on where it was. It
//! gets its name only when its size and its published SHA-256 agree; where nothing is published, a FITS file must agree
//! with its own checksums. What came from where stands in `download.json`, which [`verify`] re-checks. This module knows no survey:
//! `desi::release` says which folders make a product. A [`Bucket`] of one's own takes files, too.

mod bucket;
mod checksums;
mod error;
mod fetch;
mod manifest;
mod part;
mod patience;
mod plan;
mod source;
mod verify;

use std::path::PathBuf;

pub use bucket::{Bucket, Upload};
pub use error::{BucketError, DownloadError};
pub use fetch::{Outlook, download, outlook};
pub use manifest::{MANIFEST, Manifest, Record};
pub use patience::Patience;
pub use plan::{Plan, RemoteFile, plan};
pub use source::{Access, Source};
pub use verify::{Fault, Verified, discard, verify};

/// Files wanted from one folder of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Folder, relative to the release's root, for example `vac/dr1/desivast/v1.0`.
    pub folder: String,
    /// File names; `*` stands for any run of characters, `?` for one.
    pub names: Vec<String>,
}

/// How files are fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Folder of the local copy; paths below it are those of the release.
    pub folder: PathBuf,
    /// Requests under way at once.
    pub parallel: usize,
    /// Bytes a second at most, all requests together; `None` for no limit.
    pub bytes_per_second: Option<u64>,
    /// Bytes of one ranged request at most.
    pub piece_bytes: u64,
    /// The time that is recorded with each file, as RFC 3339 text.
    pub now: String,
}

impl Settings {
    /// The usual settings for a folder and a time.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, now: impl Into<String>) -> Self {
        Self { folder: folder.into(), parallel: 8, bytes_per_second: None, piece_bytes: 16 << 20, now: now.into() }
    }
}

/// What became of a download.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Files that are in place and verified, fetched now.
    pub fetched: Vec<Record>,
    /// Files that were in place before.
    pub kept: Vec<Record>,
    /// Bytes that earlier, interrupted calls had left.
    pub resumed_bytes: u64,
    /// Files that did not arrive, and why.
    pub failed: Vec<DownloadError>,
}
