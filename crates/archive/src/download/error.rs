//! What can go wrong between a public server and the local copy.

use std::path::PathBuf;

/// Why a file or a listing could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The address of a source makes no sense.
    #[error("cannot use the source `{url}`: {reason}\n  hint: expected s3://BUCKET/PREFIX or https://HOST/PATH")]
    Source {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing is there.
    #[error("cannot find {url}: the server has no such file or folder\n  hint: check the release and the path")]
    NotFound {
        /// The address.
        url: String,
    },
    /// The server refuses.
    #[error(
        "cannot read {url}: the server refuses access ({reason})\n  hint: public releases need no login; is the path public?"
    )]
    Forbidden {
        /// The address.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// Every attempt failed.
    #[error(
        "cannot fetch {url}: gave up after {attempts} attempts, the last one: {reason}\n  hint: run the command again, it goes on from what it has"
    )]
    GaveUp {
        /// The address.
        url: String,
        /// How many attempts.
        attempts: u32,
        /// Why the last one failed.
        reason: String,
    },
    /// The file changed on the server while it was fetched.
    #[error("cannot fetch {url}: the file on the server changed meanwhile\n  hint: run the command again")]
    Changed {
        /// The address.
        url: String,
    },
    /// The bytes are not the published ones.
    #[error("cannot accept {url}: its SHA-256 is {found}, published is {expected} (fetched {downloads} times)")]
    Digest {
        /// The address.
        url: String,
        /// Published.
        expected: String,
        /// Of the bytes that came.
        found: String,
        /// How often the file was fetched in full.
        downloads: u32,
    },
    /// No digest is published, and the file is no valid FITS file.
    #[error("cannot accept {url}: it has no published checksum and cannot be read as FITS: {source}")]
    NotFits {
        /// The address.
        url: String,
        /// What the reader said.
        source: Box<crate::fits::FitsError>,
    },
    /// No digest is published, and the file disagrees with its own checksums.
    #[error("cannot accept {url}: HDU {hdu} disagrees with its own CHECKSUM (fetched {downloads} times)")]
    FitsChecksum {
        /// The address.
        url: String,
        /// The first such HDU.
        hdu: String,
        /// How often the file was fetched in full.
        downloads: u32,
    },
    /// A list of checksums could not be understood.
    #[error("cannot read the checksums in {url}, line {line}: expected `<64 hexadecimal digits>  <name>`")]
    Checksums {
        /// The address of the list.
        url: String,
        /// Line, from 1.
        line: usize,
    },
    /// The disk is too small.
    #[error("cannot download {needed} bytes to {}: only {free} bytes are free\n  hint: choose another folder with `--to`", folder.display())]
    Space {
        /// The folder.
        folder: PathBuf,
        /// Bytes still to come.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Another process works in the folder.
    #[error("cannot work in {}: another process downloads there", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The record of downloads cannot be understood.
    #[error("cannot read {}: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A local file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl DownloadError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// What can go wrong with files in a bucket of one's own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// The address or the login makes no sense.
    #[error(
        "cannot use {url}: {reason}\n  hint: expected s3://BUCKET/PREFIX, and both of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or neither"
    )]
    Address {
        /// What was given.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// Something is there already.
    #[error("cannot send files to {url}: {reason}\n  hint: {hint}")]
    Occupied {
        /// The address.
        url: String,
        /// What is there.
        reason: String,
        /// What the user can do.
        hint: String,
    },
    /// The server refuses.
    #[error(
        "cannot {action} {url}: the server refuses access ({reason})\n  hint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to a login that may list, read, write and delete there"
    )]
    Refused {
        /// What was attempted.
        action: &'static str,
        /// The address.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// Nothing is there.
    #[error(
        "cannot {action} {url}: the server has no such bucket or object\n  hint: check the address, `--endpoint` and `--region`"
    )]
    Missing {
        /// What was attempted.
        action: &'static str,
        /// The address.
        url: String,
    },
    /// Every attempt failed.
    #[error("cannot {action} {url}: gave up after {attempts} attempts, the last one: {reason}")]
    GaveUp {
        /// What was attempted.
        action: &'static str,
        /// The address.
        url: String,
        /// How many attempts.
        attempts: u32,
        /// Why the last one failed.
        reason: String,
    },
    /// What is there is not what was sent.
    #[error("cannot trust {url}: {reason}\n  hint: another process writes there, or the server lost something")]
    Differs {
        /// The address of the object.
        url: String,
        /// Sizes.
        reason: String,
    },
    /// What is there is no backup, or a damaged one.
    #[error("cannot use {url} as a backup: {reason}\n  hint: {hint}")]
    Backup {
        /// The address.
        url: String,
        /// What is wrong, with the objects' addresses.
        reason: String,
        /// What the user can do.
        hint: &'static str,
    },
    /// Another failure of the network or the disk.
    #[error(transparent)]
    Download(#[from] DownloadError),
}

impl BucketError {
    /// A failed request, in the words of what was attempted.
    pub(super) fn of(action: &'static str) -> impl FnOnce(DownloadError) -> Self {
        move |error| match error {
            DownloadError::Source { url, reason } => Self::Address { url, reason },
            DownloadError::NotFound { url } => Self::Missing { action, url },
            DownloadError::Forbidden { url, reason } => Self::Refused { action, url, reason },
            DownloadError::GaveUp { url, attempts, reason } => Self::GaveUp { action, url, attempts, reason },
            other => Self::Download(other),
        }
    }
}
