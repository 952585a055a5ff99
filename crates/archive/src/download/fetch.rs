//! Fetching: ranged requests in parallel, attempts with growing pauses, verification, the final name.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetOptions, GetRange};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::part::{Part, bytes_taken};
use super::patience::Failed;
use super::verify::{is_fits, wrong_checksum};
use super::{DownloadError, Manifest, Outcome, Plan, Record, RemoteFile, Settings, Source};
use crate::digest::sha256_of_file;
use crate::lock::lock_file;
use crate::progress::Progress;

/// How often a file whose bytes are not the published ones is fetched in full before it is refused.
const DOWNLOADS: u32 = 2;
/// How often the record, and the journal of a file, are written while bytes arrive.
const RECORD_EVERY: Duration = Duration::from_secs(2);
/// What a journal counts: a killed call loses less than this of each request, and what came in the last two seconds.
const BLOCK_BYTES: u64 = 1 << 20;

/// One thread drives all requests: they wait for the network, hashing goes to threads of its own.
pub(super) fn runtime() -> Result<Runtime, DownloadError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(DownloadError::io("start the network client in", "."))
}

/// Fetches a plan's files. A file that fails does not stop the others; the outcome lists it.
///
/// # Errors
/// The folder cannot be written, is in use or too small, or its record cannot be read.
pub fn download(
    source: &Source,
    plan: &Plan,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<Outcome, DownloadError> {
    let folder = &settings.folder;
    std::fs::create_dir_all(folder).map_err(DownloadError::io("create the folder", folder))?;
    let _lock = lock(folder)?;
    let manifest = Manifest::read(folder)?;
    let outlook = outlook_with(&manifest, plan, folder)?;
    outlook.check_space(folder)?;
    let (mut kept, mut wanted) = (Vec::new(), Vec::new());
    for (file, in_place) in plan.files.iter().zip(outlook.in_place) {
        match manifest.get(&file.path).filter(|_| in_place) {
            Some(record) => kept.push(record.clone()),
            None => wanted.push(file),
        }
    }
    progress.begin("download", wanted.iter().map(|file| file.bytes).sum(), "bytes");
    let fetcher = Fetcher {
        source,
        settings,
        progress,
        requests: Semaphore::new(settings.parallel.max(1)),
        pace: Pace::new(settings.bytes_per_second),
        state: Mutex::new(State { manifest, written: Instant::now(), outcome: Outcome { kept, ..Outcome::default() } }),
    };
    runtime()?
        .block_on(stream::iter(wanted).for_each_concurrent(settings.parallel.max(1), |file| fetcher.arrive(file)));
    progress.end();
    let State { manifest, mut outcome, .. } =
        fetcher.state.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    manifest.write(folder)?;
    outcome.fetched.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(outcome)
}

/// What a download into a folder would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Of every file of the plan, whether it is there already.
    pub in_place: Vec<bool>,
    /// Bytes still to come.
    pub bytes: u64,
    /// Bytes free on the folder's disk.
    pub free: u64,
}

/// What a download of a plan into a folder would do; the folder need not be there.
///
/// # Errors
/// The folder's record or its disk cannot be read.
pub fn outlook(plan: &Plan, folder: &Path) -> Result<Outlook, DownloadError> {
    outlook_with(&Manifest::read(folder)?, plan, folder)
}

fn outlook_with(manifest: &Manifest, plan: &Plan, folder: &Path) -> Result<Outlook, DownloadError> {
    let in_place: Vec<bool> = plan.files.iter().map(|file| in_place(manifest, folder, file)).collect();
    let wanted = plan.files.iter().zip(&in_place).filter(|(_, in_place)| !**in_place).map(|(file, _)| file);
    let bytes = wanted.map(|file| file.bytes.saturating_sub(bytes_taken(&folder.join(&file.path)))).sum();
    let full = std::path::absolute(folder).map_err(DownloadError::io("find", folder))?;
    let disk = full.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(&full);
    let facts = rustix::fs::statvfs(disk)
        .map_err(|error| DownloadError::io("ask for the free space of", folder)(error.into()))?;
    Ok(Outlook { in_place, bytes, free: facts.f_bavail.saturating_mul(facts.f_frsize) })
}

impl Outlook {
    /// Fails unless the folder's disk has room.
    fn check_space(&self, folder: &Path) -> Result<(), DownloadError> {
        if self.bytes <= self.free {
            return Ok(());
        }
        Err(DownloadError::Space { folder: folder.to_owned(), needed: self.bytes, free: self.free })
    }
}

/// Whether the local copy has the file already, with the size and digest that are published now.
fn in_place(manifest: &Manifest, folder: &Path, file: &RemoteFile) -> bool {
    let Some(record) = manifest.get(&file.path) else { return false };
    let here = std::fs::metadata(folder.join(&file.path)).is_ok_and(|facts| facts.len() == file.bytes);
    here && record.bytes == file.bytes && file.sha256.as_ref().is_none_or(|digest| *digest == record.sha256)
}

struct Fetcher<'a> {
    source: &'a Source,
    settings: &'a Settings,
    progress: &'a dyn Progress,
    requests: Semaphore,
    pace: Pace,
    state: Mutex<State>,
}

struct State {
    manifest: Manifest,
    written: Instant,
    outcome: Outcome,
}

impl Fetcher<'_> {
    /// One file from the server to its final name, or into the list of failures.
    async fn arrive(&self, file: &RemoteFile) {
        let done = self.fetch(file).await;
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match done {
            Ok((record, resumed_bytes)) => {
                state.manifest.put(record.clone());
                state.outcome.fetched.push(record);
                state.outcome.resumed_bytes += resumed_bytes;
                if state.written.elapsed() > RECORD_EVERY {
                    state.written = Instant::now();
                    if let Err(error) = state.manifest.write(&self.settings.folder) {
                        state.outcome.failed.push(error);
                    }
                }
            }
            Err(error) => state.outcome.failed.push(error),
        }
    }

    async fn fetch(&self, file: &RemoteFile) -> Result<(Record, u64), DownloadError> {
        let place = self.settings.folder.join(&file.path);
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder).map_err(DownloadError::io("create the folder", folder))?;
        }
        if let Some(record) = self.adopt(file, &place).await? {
            self.progress.advance(file.bytes);
            return Ok((record, 0));
        }
        let url = self.source.url_of(&file.path);
        let etag = self.etag(file, &url).await?;
        let longest = self.settings.piece_bytes.max(1);
        let part = Part::open(&place, &url, file, etag.clone(), BLOCK_BYTES.min(longest))?;
        let resumed_bytes = file.bytes - part.missing(longest).iter().map(|(from, to)| to - from).sum::<u64>();
        self.progress.skip(resumed_bytes);
        let mut damaged: Vec<String> = Vec::new();
        let digest = loop {
            let first = damaged.is_empty();
            let pieces = part.missing(longest).into_iter();
            let attempts = pieces.map(|range| self.piece(file, &part, etag.as_deref(), range, first));
            stream::iter(attempts).buffer_unordered(self.settings.parallel.max(1)).try_collect::<()>().await?;
            let found = part.sha256()?;
            let again = damaged.contains(&found);
            match self.judge(file, &url, &part, &found) {
                Ok(()) => break found,
                // Twice the same bytes, and nothing published says otherwise: the checksum in the file is wrong at its source.
                Err(DownloadError::FitsChecksum { hdu, .. }) if again => {
                    self.progress.note(&format!("{url}: HDU {hdu} has a wrong checksum on the server"));
                    break found;
                }
                Err(error @ DownloadError::NotFits { .. }) => return Err(error),
                Err(error) => {
                    part.restart()?;
                    damaged.push(found);
                    if damaged.len() >= DOWNLOADS as usize {
                        return Err(error);
                    }
                    self.progress.note(&format!("{url}: damaged on the way, fetching it again"));
                }
            }
        };
        part.accept(&place)?;
        Ok((self.record(file, digest), resumed_bytes))
    }

    /// Whether what came is what is published; where nothing is, whether a FITS file agrees with its own checksums.
    fn judge(&self, file: &RemoteFile, url: &str, part: &Part, found: &str) -> Result<(), DownloadError> {
        let url = || url.to_owned();
        match &file.sha256 {
            Some(expected) if expected == found => Ok(()),
            Some(expected) => {
                let (expected, found, downloads) = (expected.clone(), found.to_owned(), DOWNLOADS);
                Err(DownloadError::Digest { url: url(), expected, found, downloads })
            }
            None if is_fits(&file.path) => match wrong_checksum(part.path()) {
                Ok(None) => Ok(()),
                Ok(Some(hdu)) => Err(DownloadError::FitsChecksum { url: url(), hdu, downloads: DOWNLOADS }),
                Err(source) => Err(DownloadError::NotFits { url: url(), source: Box::new(source) }),
            },
            None => Ok(()),
        }
    }

    /// Takes a file that is there without a record (its record was lost with a killed call) if its digest is right.
    async fn adopt(&self, file: &RemoteFile, place: &Path) -> Result<Option<Record>, DownloadError> {
        let (Some(expected), Ok(facts)) = (&file.sha256, std::fs::metadata(place)) else { return Ok(None) };
        if facts.len() != file.bytes {
            return Ok(None);
        }
        let found = sha256_of_file(place).map_err(DownloadError::io("read", place))?;
        Ok((*expected == found).then(|| self.record(file, found)))
    }

    fn record(&self, file: &RemoteFile, sha256: String) -> Record {
        Record {
            path: file.path.clone(),
            url: self.source.url_of(&file.path),
            bytes: file.bytes,
            sha256,
            published: file.sha256.is_some(),
            fetched: self.settings.now.clone(),
        }
    }

    /// The server's tag of the file's present state, so that pieces of two states are never mixed.
    async fn etag(&self, file: &RemoteFile, url: &str) -> Result<Option<String>, DownloadError> {
        let meta = self.source.head(&file.path).await?;
        if meta.size != file.bytes {
            return Err(DownloadError::Changed { url: url.to_owned() });
        }
        Ok(meta.e_tag.filter(|tag| !tag.starts_with("W/")))
    }

    /// A range of a file, in as many attempts as it takes: each goes on where the one before ended.
    async fn piece(
        &self,
        file: &RemoteFile,
        part: &Part,
        etag: Option<&str>,
        range: (u64, u64),
        counts: bool,
    ) -> Result<(), DownloadError> {
        let mut arriving = Arriving { at: range.0, noted: range.0, note: Instant::now(), end: range.1, counts };
        let request = async || {
            let _permit = self.requests.acquire().await;
            self.request(file, part, etag, &mut arriving).await
        };
        self.source.patience.attempt(&self.source.url_of(&file.path), request).await?;
        part.finish(arriving.noted, arriving.end)
    }

    /// One ranged request, written as it comes.
    async fn request(
        &self,
        file: &RemoteFile,
        part: &Part,
        etag: Option<&str>,
        arriving: &mut Arriving,
    ) -> Result<(), Failed> {
        let patience = self.source.patience;
        let options = GetOptions {
            range: Some(GetRange::Bounded(arriving.at..arriving.end)),
            if_match: etag.map(str::to_owned),
            ..GetOptions::default()
        };
        if arriving.at == arriving.end {
            return Ok(());
        }
        let object = self.source.object(&file.path);
        let mut stream = patience.sign(self.source.store.get_opts(&object, options)).await??.into_stream();
        while let Some(bytes) = patience.sign(stream.next()).await? {
            let bytes = bytes?;
            let length = bytes.len() as u64;
            if length > arriving.end - arriving.at {
                return Err(Failed::There("the server sent more than was asked for".into()));
            }
            part.write_at(&bytes, arriving.at).map_err(Failed::Here)?;
            arriving.at += length;
            if arriving.counts {
                self.progress.advance(length);
            }
            if arriving.note.elapsed() > RECORD_EVERY {
                part.finish(arriving.noted, arriving.at).map_err(Failed::Here)?;
                arriving.noted = arriving.at - arriving.at % BLOCK_BYTES.min(self.settings.piece_bytes.max(1));
                arriving.note = Instant::now();
            }
            self.pace.wait(bytes.len()).await;
        }
        let left = arriving.end - arriving.at;
        if left == 0 { Ok(()) } else { Err(Failed::There(format!("it ended {left} bytes early").into())) }
    }
}

/// How far a range has come.
struct Arriving {
    /// Where the next byte goes.
    at: u64,
    /// Up to here the journal knows.
    noted: u64,
    /// When the journal was written.
    note: Instant,
    /// The byte after the last.
    end: u64,
    /// Whether the bytes are news for the progress.
    counts: bool,
}

/// Spreads bytes over time.
struct Pace {
    seconds_per_byte: Option<f64>,
    free_at: Mutex<Instant>,
}

impl Pace {
    fn new(bytes_per_second: Option<u64>) -> Self {
        let seconds_per_byte = bytes_per_second.map(|rate| 1.0 / rate.max(1) as f64);
        Self { seconds_per_byte, free_at: Mutex::new(Instant::now()) }
    }

    /// Returns when `bytes` more fit into the limit.
    async fn wait(&self, bytes: usize) {
        let Some(seconds) = self.seconds_per_byte else { return };
        let pause = {
            let mut free_at = self.free_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let now = Instant::now();
            *free_at = (*free_at).max(now) + Duration::from_secs_f64(seconds * bytes as f64);
            *free_at - now
        };
        tokio::time::sleep(pause).await;
    }
}

/// Takes the folder's lock.
pub(super) fn lock(folder: &Path) -> Result<File, DownloadError> {
    let path = folder.join(".download.lock");
    let held = lock_file(&path).map_err(DownloadError::io("lock", path))?;
    held.ok_or_else(|| DownloadError::Locked { folder: folder.to_owned() })
}
