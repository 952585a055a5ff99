//! Backups: a dump of the whole database by `pg_dump`, and a manifest by which its restore is checked.
//!
//! Rows and checksum of every table are asked in the very snapshot that is dumped, so that they belong together while others
//! write. The folder appears whole or not at all. Roles belong to the server, not to a database: a restore makes astrolab's
//! own. Tables on their way in (`astrolab_staging`) are left out. Memory: small; the programs stream.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::columns::{literal, quoted};
use super::connection::Database;
use super::error::PostgresError;
use super::plan::STAGING;
use super::programs::Program;
use crate::digest::sha256_of_file;
use crate::error::Error;
use crate::progress::Progress;

/// Changes when older programs could not read a backup.
const FORMAT: u32 = 1;
pub(super) const MANIFEST: &str = "manifest.json";
/// The folder of the dump in that of the backup.
pub(super) const DUMP: &str = "dump";
/// Values as text are the same whatever the login's settings are.
pub(super) const PLAIN_TEXT: &str = "SET extra_float_digits = 1; SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'iso_8601'; SET TimeZone = 'UTC'; SET bytea_output = 'hex'; SET search_path = ''";

/// What to back up, and how.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// The folder that is made.
    pub folder: PathBuf,
    /// Folder of `pg_dump`; the search path where none is named.
    pub programs: Option<PathBuf>,
    /// Tables that are dumped at once.
    pub jobs: usize,
}

/// A backup, as its manifest tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Layout of the folder.
    pub format: u32,
    /// Moment of the snapshot, by the server's clock.
    pub made_at: String,
    /// Database it was made of.
    pub database: String,
    /// Version of its server.
    pub server_version: String,
    /// Program that made it.
    pub dumped_by: String,
    /// The tables, by schema and name.
    pub tables: Vec<BackedTable>,
    /// The files of the dump, by path.
    pub files: Vec<BackedFile>,
}

/// A table in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackedTable {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Rows.
    pub rows: u64,
    /// Sum of the rows' 64-bit hashes; text, because JSON's numbers are too short for many readers.
    pub checksum: String,
    /// What was hashed.
    pub hashed: Hashed,
}

/// What the checksum of a table is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hashed {
    /// Rows, as `data load` does.
    Rows,
    /// Rows as text, where a column has a type that PostgreSQL cannot hash (`json`, `point`).
    Text,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackedFile {
    /// Path in the folder.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
    /// SHA-256.
    pub sha256: String,
}

/// Backs a database up into a folder, which must not be there yet, or be empty.
///
/// # Errors
/// [`PostgresError::Backup`] for a folder that holds something, [`PostgresError::Program`] where `pg_dump` is absent, too old
/// or fails, or what the server says. Then no folder appears.
pub fn backup(address: &Address, request: &BackupRequest, progress: &dyn Progress) -> Result<Backup, PostgresError> {
    let database = Database::connect(address)?;
    let program = Program::find("pg_dump", request.programs.as_deref(), &database)?;
    let growing = Growing::begin(&request.folder)?;
    database.execute("begin the backup", &format!("{PLAIN_TEXT}; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))?;
    let facts = "SELECT pg_export_snapshot(), to_char(now(), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), current_setting('server_version')";
    let facts = database.rows("begin the backup", facts)?.into_iter().next().unwrap_or_default();
    let [snapshot, made_at, server_version] = [0, 1, 2].map(|at| facts.get(at).cloned().flatten().unwrap_or_default());
    let tables = checksums(&database, progress)?;
    progress.begin("dump", tables.len() as u64, "tables");
    let dump = growing.partial.join(DUMP);
    let (jobs, snapshot) = (format!("--jobs={}", request.jobs.max(1)), format!("--snapshot={snapshot}"));
    let (without, file) = (format!("--exclude-table={STAGING}.*"), joined("--file=", &dump));
    let arguments =
        ["--format=directory".as_ref(), jobs.as_ref(), snapshot.as_ref(), without.as_ref(), file.as_os_str()];
    let dumped = program.run(address, &arguments, |line| line.contains("dumping contents of table"), progress);
    progress.end();
    dumped?;
    database.execute("end the backup", "COMMIT")?;
    let files = files(&growing.partial, &dump)?;
    let (database, dumped_by) = (address.database().to_owned(), program.version);
    let manifest = Backup { format: FORMAT, made_at, database, server_version, dumped_by, tables, files };
    growing.finish(&request.folder, &manifest)?;
    Ok(manifest)
}

pub(super) fn joined(option: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(option);
    text.push::<&OsStr>(path.as_ref());
    text
}

/// The folder in which a backup grows, beside the place where it will appear, and the lock on it. Dropped, it takes with it
/// what did not get its name.
struct Growing {
    partial: PathBuf,
    lock: PathBuf,
    _held: File,
}

impl Growing {
    fn begin(folder: &Path) -> Result<Self, PostgresError> {
        let taken =
            |reason: &str, hint| PostgresError::Backup { folder: folder.to_owned(), reason: reason.to_owned(), hint };
        if folder.is_file() || fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(taken("it holds something already", "name a new folder for every backup"));
        }
        let Some(name) = folder.file_name() else {
            return Err(taken("it has no name", "name a new folder for every backup"));
        };
        let parent = parent(folder);
        fs::create_dir_all(parent).map_err(Error::io("make", parent))?;
        let name = name.to_string_lossy();
        let lock = parent.join(format!(".{name}.lock"));
        let held = crate::lock_file(&lock).map_err(Error::io("lock", &lock))?;
        let Some(_held) = held else {
            return Err(taken("another process backs up into it", "wait for it to end, or name another folder"));
        };
        // Left by a backup that was killed. Its `pg_dump` may live a moment longer: every call has a folder of its own.
        let begun = format!(".{name}.partial.");
        for entry in fs::read_dir(parent).map_err(Error::io("read", parent))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&begun) {
                // What cannot go while a program still writes there goes with the next backup.
                drop(fs::remove_dir_all(entry.path()));
            }
        }
        let partial = parent.join(format!("{begun}{}", std::process::id()));
        fs::create_dir(&partial).map_err(Error::io("make", &partial))?;
        Ok(Self { partial, lock, _held })
    }

    /// Writes the manifest and gives the folder its name.
    fn finish(self, folder: &Path, manifest: &Backup) -> Result<(), PostgresError> {
        let path = self.partial.join(MANIFEST);
        let text = serde_json::to_string_pretty(manifest).map_err(|error| Error::io("write", &path)(error.into()))?;
        let mut file = crate::output::File::create(&path)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(Error::io("write", &path))?;
        file.finish()?;
        // An empty folder that was there makes room.
        drop(fs::remove_dir(folder));
        fs::rename(&self.partial, folder).map_err(Error::io("make", folder))?;
        drop(File::open(parent(folder)).and_then(|parent| parent.sync_all()));
        Ok(())
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // After a failure these are of no use, and the failure is what counts; after success the first is gone.
        drop(fs::remove_dir_all(&self.partial));
        drop(fs::remove_file(&self.lock));
    }
}

fn parent(folder: &Path) -> &Path {
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Rows and checksum of all tables that a dump holds, in the snapshot of the session.
fn checksums(database: &Database, progress: &dyn Progress) -> Result<Vec<BackedTable>, PostgresError> {
    let sql = format!(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%'
           AND n.nspname NOT IN ('information_schema', '{STAGING}')
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
         ORDER BY 1, 2"
    );
    let names = database.rows("list the tables", &sql)?;
    progress.begin("checksums", names.len() as u64, "tables");
    let mut tables = Vec::with_capacity(names.len());
    for name in &names {
        let [Some(schema), Some(table)] = name.as_slice() else { continue };
        tables.push(table_now(database, schema, table, None)?);
        progress.advance(1);
    }
    progress.end();
    Ok(tables)
}

/// Rows and checksum of a table as the session sees it, hashed in a certain way or in the first that its types permit.
pub(super) fn table_now(
    database: &Database,
    schema: &str,
    table: &str,
    hashed: Option<Hashed>,
) -> Result<BackedTable, PostgresError> {
    let name = format!("{}.{}", quoted(schema), quoted(table));
    let hashed = match hashed {
        Some(hashed) => hashed,
        None => how_to_hash(database, &name)?,
    };
    let hash = match hashed {
        Hashed::Rows => "hash_record_extended(t, 0)",
        Hashed::Text => "hashtextextended(t::text, 0)",
    };
    let sql = format!("SELECT count(*), coalesce(sum({hash}), 0) FROM ONLY {name} AS t");
    let row = database.rows(&format!("read {name}"), &sql)?.into_iter().next().unwrap_or_default();
    let [rows, checksum] = [0, 1].map(|at| row.get(at).cloned().flatten().unwrap_or_default());
    let rows = rows.parse().unwrap_or(0);
    Ok(BackedTable { schema: schema.to_owned(), table: table.to_owned(), rows, checksum, hashed })
}

/// Rows where every column's type has an extended hash, seen by its default hash operator class; arrays by their elements'.
fn how_to_hash(database: &Database, name: &str) -> Result<Hashed, PostgresError> {
    let sql = format!(
        "WITH RECURSIVE types (oid) AS (
             SELECT atttypid FROM pg_attribute WHERE attrelid = {table}::regclass AND attnum > 0 AND NOT attisdropped
             UNION SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END FROM types JOIN pg_type t USING (oid)
                 WHERE t.typtype = 'd' OR t.typcategory = 'A')
         SELECT count(*) FROM types JOIN pg_type t USING (oid)
         WHERE t.typtype <> 'd' AND t.typcategory <> 'A' AND t.typtype NOT IN ('e', 'r', 'm') AND NOT EXISTS (
             SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod JOIN pg_amproc p ON p.amprocfamily = o.opcfamily
             WHERE m.amname = 'hash' AND o.opcdefault AND p.amprocnum = 2 AND p.amproclefttype = o.opcintype
               AND (o.opcintype = t.oid OR (t.oid = 'varchar'::regtype AND o.opcintype = 'text'::regtype)))",
        table = literal(name)
    );
    let without = database.value(&format!("see the types of {name}"), &sql)?;
    Ok(if without.as_deref() == Some("0") { Hashed::Rows } else { Hashed::Text })
}

/// Size and digest of every file of the dump, by path.
fn files(partial: &Path, dump: &Path) -> Result<Vec<BackedFile>, PostgresError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dump).map_err(Error::io("read", dump))? {
        paths.push(entry.map_err(Error::io("read", dump))?.path());
    }
    paths.sort();
    let facts = |path: &PathBuf| -> Result<BackedFile, PostgresError> {
        // On the disk before the manifest says so.
        let file = File::open(path).and_then(|file| file.sync_all().map(|()| file));
        let bytes = file.and_then(|file| file.metadata()).map_err(Error::io("write", path))?.len();
        let sha256 = sha256_of_file(path).map_err(Error::io("read", path))?;
        let path = path.strip_prefix(partial).unwrap_or(path).to_string_lossy().into_owned();
        Ok(BackedFile { path, bytes, sha256 })
    };
    paths.par_iter().map(facts).collect()
}

impl Backup {
    /// Understands a manifest; else what is wrong with it, and what the user can do.
    pub(super) fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        let changed = "it was changed or is of another version";
        let backup: Self = serde_json::from_str(text).map_err(|error| (format!("{MANIFEST}: {error}"), changed))?;
        if backup.format != FORMAT {
            return Err((format!("it has format {}, not {FORMAT}", backup.format), "use a newer astrolab"));
        }
        let inside = |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        match backup.files.iter().find(|file| !inside(&file.path)) {
            Some(file) => Err((format!("{MANIFEST}: `{}` is not in its folder", file.path), changed)),
            None => Ok(backup),
        }
    }

    /// Reads the manifest of a backup and compares every file with it: size and SHA-256.
    ///
    /// # Errors
    /// [`PostgresError::Backup`] for a folder that is no backup, is of another format, or has a file that is absent or
    /// differs.
    pub fn open(folder: &Path, progress: &dyn Progress) -> Result<Self, PostgresError> {
        let fault =
            |reason: String, hint: &'static str| PostgresError::Backup { folder: folder.to_owned(), reason, hint };
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|error| {
            fault(format!("{MANIFEST}: {error}"), "name the folder that `astrolab data backup` made")
        })?;
        let backup = Self::parse(&text).map_err(|(reason, hint)| fault(reason, hint))?;
        progress.begin("check the files", backup.files.iter().map(|file| file.bytes).sum(), "bytes");
        let damaged = |file: &BackedFile| -> Option<String> {
            let path = folder.join(&file.path);
            let there = match fs::metadata(&path) {
                Err(error) => return Some(format!("{}: {error}", file.path)),
                Ok(facts) => facts.len(),
            };
            if there != file.bytes {
                return Some(format!("{} has {there} bytes, not {}", file.path, file.bytes));
            }
            let digest = sha256_of_file(&path);
            progress.advance(file.bytes);
            match digest {
                Err(error) => Some(format!("{}: {error}", file.path)),
                Ok(digest) if digest != file.sha256 => {
                    Some(format!("{} has SHA-256 {digest}, not {}", file.path, file.sha256))
                }
                Ok(_) => None,
            }
        };
        let damaged: Vec<String> = backup.files.par_iter().filter_map(damaged).collect();
        progress.end();
        match damaged.as_slice() {
            [] => Ok(backup),
            some => Err(fault(some.join("\n  "), "the backup is damaged, nothing was restored: use another one")),
        }
    }
}
