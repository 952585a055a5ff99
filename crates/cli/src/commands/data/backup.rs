//! `astrolab data backup` and `astrolab data restore`: a PostgreSQL database into a folder or a bucket, and back with proof.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::download::{Access, Bucket, Patience};
use archive::postgres::{
    Address, Backup, BackupRequest, RestoreRequest, Restored, backup, fetch_backup, restore, send_backup,
};
use clap::Args;
use indicatif::HumanBytes;
use tempfile::TempDir;

use super::load::with_password;
use crate::terminal::Bars;

/// Back up a PostgreSQL database into a folder or an S3 bucket: a dump by pg_dump, and a manifest with rows and checksum of every table.
///
/// Others may write meanwhile: rows and checksums are those of the moment that is dumped. The folder appears when all is
/// there; in a bucket the manifest is written last, and without it nothing there is a backup. The login must be a superuser, or a
/// member of pg_read_all_data. Passwords come from the address, PGPASSWORD, or the file of PGPASSFILE (~/.pgpass); the login of a
/// bucket from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
#[derive(Debug, Args)]
#[command(
    name = "backup",
    after_help = "Examples:
  astrolab data backup --from postgres://ana@db.lab/desi --to backups/2026-03-01
  astrolab data backup --from postgres://ana@db.lab/desi --to backups/today --jobs 4
  astrolab data backup --from postgres://ana@db.lab/desi --to s3://lab-backups/desi/2026-03-01
  astrolab data backup --from postgres://ana@db.lab/desi --to backups/today --pg-bin /usr/lib/postgresql/16/bin
  astrolab data restore --from backups/today --to postgres://ana@db.lab/drill --verify"
)]
pub(crate) struct MakeBackup {
    /// The database: postgres://USER@HOST:PORT/DATABASE.
    #[arg(long, env = "ASTROLAB_POSTGRES", hide_env_values = true)]
    from: String,
    /// Folder that is made, or s3://BUCKET/PREFIX.
    #[arg(long)]
    to: PathBuf,
    #[command(flatten)]
    bucket: BucketOptions,
    /// Tables that are dumped at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Folder of pg_dump; the search path when not given. It must not be older than the server.
    #[arg(long, value_name = "FOLDER")]
    pg_bin: Option<PathBuf>,
    /// Print the manifest as JSON.
    #[arg(long)]
    json: bool,
}

/// Restore a backup into a new PostgreSQL database, and compare every table with the manifest.
///
/// The files are checked first. A database that is not there is made under a preliminary name and renamed when all is well; one
/// that is there must be empty. With --verify the exit code is 1 where a table differs, and the new database keeps its
/// preliminary name. The login must be a superuser, or own what it restores.
#[derive(Debug, Args)]
#[command(
    name = "restore",
    after_help = "Examples:
  astrolab data restore --from backups/today --to postgres://ana@db.lab/drill --verify
  astrolab data restore --from backups/today --to postgres://ana@db.lab/desi --jobs 4
  astrolab data restore --from s3://lab-backups/desi/2026-03-01 --to postgres://ana@db.lab/drill --verify
  astrolab data restore --from backups/today --to postgres://ana@db.lab/drill --verify --json | jq '.tables[] | select(.same | not)'"
)]
pub(crate) struct Restore {
    /// Folder of the backup, or s3://BUCKET/PREFIX.
    #[arg(long)]
    from: PathBuf,
    #[command(flatten)]
    bucket: BucketOptions,
    /// The database that is made: postgres://USER@HOST:PORT/DATABASE.
    #[arg(long)]
    to: String,
    /// Compare rows and checksum of every table with the manifest.
    #[arg(long)]
    verify: bool,
    /// Tables and indexes that are made at once.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Folder of pg_restore; the search path when not given.
    #[arg(long, value_name = "FOLDER")]
    pg_bin: Option<PathBuf>,
    /// Print what was restored as JSON.
    #[arg(long)]
    json: bool,
}

impl MakeBackup {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let address = with_password(Address::parse(&self.from)?)?;
        let request = |folder: PathBuf| BackupRequest { folder, programs: self.pg_bin.clone(), jobs: self.jobs };
        let bars = Bars::default();
        let made = match self.bucket.open(&self.to)? {
            None => backup(&address, &request(self.to.clone()), &bars)?,
            Some(bucket) => {
                let station = way_station()?;
                let folder = station.path().join("backup");
                let upload = bucket.begin()?;
                let made = backup(&address, &request(folder.clone()), &bars)?;
                send_backup(&folder, &made, upload, &bars)?;
                made
            }
        };
        crate::terminal::print(&if self.json {
            serde_json::to_string_pretty(&made)? + "\n"
        } else {
            backed_up(&made)
        })?;
        crate::terminal::complain(&format!("{address} is backed up in {}", self.to.display()));
        Ok(ExitCode::SUCCESS)
    }
}

impl Restore {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let address = with_password(Address::parse(&self.to)?)?;
        let bars = Bars::default();
        let station = match self.bucket.open(&self.from)? {
            None => None,
            Some(bucket) => {
                let station = way_station()?;
                fetch_backup(&bucket, station.path(), &bars)?;
                Some(station)
            }
        };
        let folder = station.as_ref().map_or_else(|| self.from.clone(), |station| station.path().to_owned());
        let request = RestoreRequest { folder, programs: self.pg_bin, jobs: self.jobs, verify: self.verify };
        let restored = restore(&address, &request, &bars)?;
        if self.json {
            crate::terminal::print(&(serde_json::to_string_pretty(&restored)? + "\n"))?;
        } else if self.verify {
            crate::terminal::print(&compared(&restored))?;
        }
        if restored.differs() {
            crate::terminal::complain(&format!(
                "tables differ from the backup: what was restored stays in the database `{}`, to be looked at",
                restored.database
            ));
            return Ok(ExitCode::FAILURE);
        }
        let verified = if self.verify { "every table is as in the backup" } else { "not verified (--verify)" };
        crate::terminal::complain(&format!("{} is restored into {address}; {verified}", self.from.display()));
        Ok(ExitCode::SUCCESS)
    }
}

/// How a bucket is reached, where a backup is in one.
#[derive(Debug, Args)]
pub(crate) struct BucketOptions {
    /// Server of an S3 bucket other than Amazon's.
    #[arg(long, env = "ASTROLAB_S3_ENDPOINT")]
    endpoint: Option<String>,
    /// Region of the bucket; AWS_REGION, else us-west-2, when not given.
    #[arg(long)]
    region: Option<String>,
}

impl BucketOptions {
    /// The bucket of `s3://BUCKET/PREFIX`; `None` for a folder.
    fn open(self, place: &Path) -> Result<Option<Bucket>> {
        let url = place.to_string_lossy();
        match url.split_once("://") {
            None => Ok(None),
            Some(("s3", _)) => {
                let variables = std::env::vars_os().filter_map(|(name, value)| {
                    let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
                    name.starts_with("AWS_").then_some((name, value))
                });
                let access = Access { endpoint: self.endpoint, region: self.region, variables: variables.collect() };
                Ok(Some(Bucket::open(&url, &access, Patience::default())?))
            }
            Some(_) => bail!("cannot keep a backup in {url}\nhint: name a folder or s3://BUCKET/PREFIX"),
        }
    }
}

/// A folder for a backup on its way to or from a bucket, in TMPDIR.
fn way_station() -> Result<TempDir> {
    let folder = std::env::temp_dir();
    let made = tempfile::Builder::new().prefix("astrolab-backup-").tempdir_in(&folder);
    made.with_context(|| {
        format!("cannot make a folder in {}\nhint: TMPDIR names another place for it", folder.display())
    })
}

fn name_width<'a>(names: impl Iterator<Item = (&'a str, &'a str)>) -> usize {
    names.map(|(schema, table)| schema.len() + table.len() + 1).max().unwrap_or(0).max(12)
}

fn backed_up(made: &Backup) -> String {
    let width = name_width(made.tables.iter().map(|table| (table.schema.as_str(), table.table.as_str())));
    let mut text = format!("{:width$} {:>12}  checksum\n", "table", "rows");
    for table in &made.tables {
        let name = format!("{}.{}", table.schema, table.table);
        let _ = writeln!(text, "{name:width$} {:>12}  {}", table.rows, table.checksum);
    }
    let bytes = made.files.iter().map(|file| file.bytes).sum();
    let _ = writeln!(text, "{} files, {}, of {}", made.files.len(), HumanBytes(bytes), made.made_at);
    text
}

fn compared(restored: &Restored) -> String {
    let tables = &restored.tables;
    let width = name_width(tables.iter().map(|table| (table.expected.schema.as_str(), table.expected.table.as_str())));
    let mut text = format!("{:width$} {:>12} {:>12}  {:9}  checksum\n", "table", "backup rows", "rows", "");
    for table in tables {
        let name = format!("{}.{}", table.expected.schema, table.expected.table);
        let verdict = if table.same { "same" } else { "DIFFERENT" };
        let (rows, checksum) = match &table.found {
            Some(found) if table.same => (found.rows.to_string(), found.checksum.clone()),
            Some(found) => (found.rows.to_string(), format!("{}, not {}", found.checksum, table.expected.checksum)),
            None => ("absent".to_owned(), "-".to_owned()),
        };
        let _ = writeln!(text, "{name:width$} {:>12} {rows:>12}  {verdict:9}  {checksum}", table.expected.rows);
    }
    text
}
