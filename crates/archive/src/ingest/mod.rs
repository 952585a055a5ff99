//! Files to catalogues: survey tables become HATS-partitioned Parquet, sorted by position.
//!
//! Two passes. The first reads positions and identifiers alone, checks them, sorts the rows and lays the partitions out
//! (about 40 bytes a row of memory). The second gathers each partition's rows from the memory-mapped files and writes
//! them, several partitions at once, 65,536 rows at a time. A partition file appears whole or not at all and a journal
//! keeps what the work was for, so a killed ingest goes on where it was; the same input gives the same bytes on any number
//! of threads. What the columns mean is told by the survey's crate.

mod conform;
mod plain;
mod plan;
mod rows;
mod source;
mod write;

use std::fs::File;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::columns::Columns;
use crate::digest::hexadecimal;
use crate::error::Error;
use crate::hats::write_atomically;
use crate::lock::lock_file;
use crate::progress::Progress;

pub use plain::{DEFAULT_ROW_GROUP_ROWS, TablePart, TableRequest, ingest_tables};
use plan::Plan;
use source::OpenFile;
pub use source::{RowSource, TableSource};

/// One catalogue to make: its name and which table of each file it is.
#[derive(Debug, Clone)]
pub struct CatalogueRequest {
    /// Name in the archive, for example `specphot`.
    pub name: String,
    /// What it is made from, for example `FastSpecFit v3.0`; kept with the catalogue. May be empty.
    pub description: String,
    /// The table of each file.
    pub table: TableSource,
    /// What its columns mean. Where a column of the file is declared here, its values are cast to the declared type (a
    /// value that does not fit is an error), what the null rule names becomes null, and unit, UCD and description go into
    /// the Parquet field metadata. A column that is not declared keeps the file's type, unit and comment.
    pub columns: Columns,
}

/// What to ingest.
#[derive(Debug, Clone)]
pub struct IngestRequest {
    /// Folder of the archive.
    pub archive: PathBuf,
    /// The files, all of one kind; rows of all files make one catalogue.
    pub files: Vec<PathBuf>,
    /// The catalogues; the first has the positions, the others follow it row by row.
    pub catalogues: Vec<CatalogueRequest>,
    /// Column of right ascension, ICRS degrees.
    pub ra: String,
    /// Column of declination, ICRS degrees.
    pub dec: String,
    /// Column of the unique identifier, where there is one.
    pub id: Option<String>,
    /// Rows a partition at most.
    pub max_rows: usize,
    /// Width of the margin, arcseconds.
    pub margin_arcsec: f64,
}

/// Rows a partition file holds at most, by default.
pub const DEFAULT_MAX_ROWS: usize = 200_000;
/// Default width of the margin, arcseconds.
pub const DEFAULT_MARGIN_ARCSEC: f64 = 10.0;

/// What became of one catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingested {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: usize,
    /// Its partitions.
    pub partitions: usize,
    /// Of these, finished before this call.
    pub resumed: usize,
    /// Bytes on disk.
    pub bytes: u64,
    /// It was complete before; nothing was done.
    pub unchanged: bool,
}

/// Ingests, or finishes an ingest that was killed, or finds that all is done.
///
/// # Errors
/// A file cannot be read or lacks a table or column; a position is missing or out of range; an identifier occurs twice;
/// files or tables do not fit together; the archive holds a catalogue of the same name from other input; another process
/// writes there. Nothing half-written is ever visible.
pub fn ingest(request: &IngestRequest, progress: &dyn Progress) -> Result<Vec<Ingested>, Error> {
    ingest_opened(request, || source::open(request), Repeats::Refused, progress)
}

/// The same for rows that are made from the files elsewhere, opened by `open` only if there is something to do. The
/// request's first catalogue alone is made, and its identifier may occur more than once. `request.files` are all files
/// that decide the result. Memory: some 64 MB of rows, twice, and a row group being encoded a thread.
///
/// # Errors
/// As [`ingest`], and what `open` and the sources say.
pub fn ingest_rows(
    request: &IngestRequest,
    open: impl FnOnce() -> Result<Vec<Box<dyn RowSource>>, Box<dyn std::error::Error + Send + Sync>>,
    progress: &dyn Progress,
) -> Result<Vec<Ingested>, Error> {
    let open = || Ok(open().map_err(Error::Rows)?.into_iter().map(OpenFile::Rows).collect());
    ingest_opened(request, open, Repeats::Allowed, progress)
}

/// Whether an identifier may occur twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repeats {
    Refused,
    Allowed,
}

fn ingest_opened(
    request: &IngestRequest,
    open: impl FnOnce() -> Result<Vec<OpenFile>, Error>,
    repeats: Repeats,
    progress: &dyn Progress,
) -> Result<Vec<Ingested>, Error> {
    std::fs::create_dir_all(&request.archive).map_err(Error::io("create the folder", &request.archive))?;
    let _lock = lock(&request.archive)?;
    let fingerprint = fingerprint(request)?;
    let mut states = Vec::with_capacity(request.catalogues.len());
    for catalogue in &request.catalogues {
        states.push(state(&request.archive.join(&catalogue.name), &fingerprint)?);
    }
    if let Some(done) = states.iter().map(|state| state.clone().finished()).collect::<Option<Vec<_>>>() {
        return Ok(done);
    }
    let files = open()?;
    let plan = Plan::make(request, &files, repeats, progress)?;
    let mut made = Vec::with_capacity(states.len());
    for (place, state) in states.into_iter().enumerate() {
        made.push(match state {
            State::Finished(done) => done,
            State::Open => write::catalogue(request, place, &files, &plan, &fingerprint, progress)?,
        });
    }
    Ok(made)
}

/// How far a catalogue's folder is.
#[derive(Debug, Clone)]
enum State {
    Open,
    Finished(Ingested),
}

impl State {
    fn finished(self) -> Option<Ingested> {
        match self {
            Self::Finished(done) => Some(done),
            Self::Open => None,
        }
    }
}

/// The journal of a catalogue: what it is made from, and later what was made.
const JOURNAL: &str = ".ingest.json";

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Journal {
    fingerprint: String,
    name: String,
    rows: usize,
    partitions: usize,
    bytes: u64,
    complete: bool,
}

fn state(folder: &Path, fingerprint: &str) -> Result<State, Error> {
    let path = folder.join(JOURNAL);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let occupied =
                folder.exists() && std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
            return if occupied { Err(Error::Occupied { path: folder.to_owned() }) } else { Ok(State::Open) };
        }
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    let damaged = |error: serde_json::Error| Error::Catalogue { path: path.clone(), reason: error.to_string() };
    let journal: Journal = serde_json::from_slice(&text).map_err(damaged)?;
    if journal.fingerprint != fingerprint {
        return Err(Error::Occupied { path: folder.to_owned() });
    }
    let Journal { name, rows, partitions, bytes, complete, .. } = journal;
    Ok(if complete {
        State::Finished(Ingested { name, rows, partitions, resumed: partitions, bytes, unchanged: true })
    } else {
        State::Open
    })
}

fn write_journal(folder: &Path, journal: &Journal) -> Result<(), Error> {
    let path = folder.join(JOURNAL);
    let text = serde_json::to_vec_pretty(journal)
        .map_err(|error| Error::Catalogue { path: path.clone(), reason: error.to_string() })?;
    write_atomically(&path, &text)
}

/// Hash of what decides the result: the files (path, size, time of change) and the request's settings.
fn fingerprint(request: &IngestRequest) -> Result<String, Error> {
    let mut hash = Sha256::new();
    for path in &request.files {
        note_file(&mut hash, path)?;
    }
    let mut note = |text: String| {
        hash.update(text.as_bytes());
        hash.update([0]);
    };
    note(format!("{} {} {:?} {} {}", request.ra, request.dec, request.id, request.max_rows, request.margin_arcsec));
    for catalogue in &request.catalogues {
        note(format!("{} {:?} {:?}", catalogue.name, catalogue.table, catalogue.columns));
        note(catalogue.description.clone());
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// Path, size and time of change of a file.
fn note_file(hash: &mut Sha256, path: &Path) -> Result<(), Error> {
    let facts = std::fs::metadata(path).map_err(Error::io("open", path))?;
    let changed = facts.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    hash.update(format!("{} {} {changed:?}\0", path.display(), facts.len()));
    Ok(())
}

/// Takes the archive's lock.
fn lock(archive: &Path) -> Result<File, Error> {
    let path = archive.join(".lock");
    let held = lock_file(&path).map_err(Error::io("lock", &path))?;
    held.ok_or_else(|| Error::Locked { path: archive.to_owned() })
}
