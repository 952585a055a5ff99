//! Fetching: ranged requests in parallel, attempts with growing pauses, verification, the final name.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetOptions, GetRange};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::part::Part;
use super::patience::Failed;
use super::{DownloadError, Manifest, Outcome, Plan, Record, RemoteFile, Settings, Source};
use crate::digest::sha256_of_file;
use crate::fits::FitsFile;
use crate::lock::lock_file;
use crate::progress::Progress;

/// How often a file whose bytes are not the published ones is fetched in full before it is refused.
const DOWNLOADS: u32 = 2;
/// How often the record is written while files arrive.
const RECORD_EVERY: Duration = Duration::from_secs(2);

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
    let (kept, wanted): (Vec<_>, Vec<_>) = plan.files.iter().partition(|file| in_place(&manifest, folder, file));
    let kept: Vec<Record> = kept.into_iter().filter_map(|file| manifest.get(&file.path).cloned()).collect();
    check_space(folder, wanted.iter().map(|file| file.bytes).sum())?;
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
        let part = Part::open(&place, &url, file, etag.clone(), self.settings.piece_bytes)?;
        let resumed_bytes = file.bytes - part.missing().iter().map(|(_, from, to)| to - from).sum::<u64>();
        self.progress.advance(resumed_bytes);
        let mut downloads = 0;
        let digest = loop {
            downloads += 1;
            let pieces = part.missing();
            let attempts = pieces.into_iter().map(|piece| self.piece(file, &part, etag.as_deref(), piece));
            stream::iter(attempts).buffer_unordered(self.settings.parallel.max(1)).try_collect::<()>().await?;
            let found = part.sha256()?;
            match &file.sha256 {
                Some(expected) if *expected != found => {
                    part.restart()?;
                    if downloads >= DOWNLOADS {
                        return Err(DownloadError::Digest { url, expected: expected.clone(), found, downloads });
                    }
                    self.progress.note(&format!("{url}: damaged on the way, fetching it again"));
                }
                _ => break found,
            }
        };
        if file.sha256.is_none() && is_fits(&file.path) {
            FitsFile::open(part.path())
                .map_err(|source| DownloadError::NotFits { url: url.clone(), source: Box::new(source) })?;
        }
        part.accept(&place)?;
        Ok((self.record(file, digest), resumed_bytes))
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

    async fn piece(
        &self,
        file: &RemoteFile,
        part: &Part,
        etag: Option<&str>,
        (number, from, to): (u64, u64, u64),
    ) -> Result<(), DownloadError> {
        let request = async || {
            let _permit = self.requests.acquire().await;
            self.request(file, part, etag, (from, to)).await
        };
        self.source.patience.attempt(&self.source.url_of(&file.path), request).await?;
        self.progress.advance(to - from);
        part.finish_piece(number)
    }

    /// One ranged request, written as it comes.
    async fn request(
        &self,
        file: &RemoteFile,
        part: &Part,
        etag: Option<&str>,
        (from, to): (u64, u64),
    ) -> Result<(), Failed> {
        let patience = self.source.patience;
        let options = GetOptions {
            range: Some(GetRange::Bounded(from..to)),
            if_match: etag.map(str::to_owned),
            ..GetOptions::default()
        };
        let object = self.source.object(&file.path);
        let mut stream = patience.sign(self.source.store.get_opts(&object, options)).await??.into_stream();
        let mut offset = from;
        while let Some(bytes) = patience.sign(stream.next()).await? {
            let bytes = bytes?;
            if bytes.len() as u64 > to - offset {
                return Err(Failed::There("the server sent more than was asked for".into()));
            }
            part.write_at(&bytes, offset).map_err(Failed::Here)?;
            offset += bytes.len() as u64;
            self.pace.wait(bytes.len()).await;
        }
        if offset == to { Ok(()) } else { Err(Failed::There(format!("it ended {} bytes early", to - offset).into())) }
    }
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

fn is_fits(path: &str) -> bool {
    [".fits", ".fits.gz", ".fit"].iter().any(|ending| path.ends_with(ending))
}

/// Fails unless the folder's disk has room.
fn check_space(folder: &Path, needed: u64) -> Result<(), DownloadError> {
    let facts = rustix::fs::statvfs(folder)
        .map_err(|error| DownloadError::io("ask for the free space of", folder)(error.into()))?;
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    if needed > free { Err(DownloadError::Space { folder: folder.to_owned(), needed, free }) } else { Ok(()) }
}

/// Takes the folder's lock.
pub(super) fn lock(folder: &Path) -> Result<File, DownloadError> {
    let path = folder.join(".download.lock");
    let held = lock_file(&path).map_err(DownloadError::io("lock", path))?;
    held.ok_or_else(|| DownloadError::Locked { folder: folder.to_owned() })
}
