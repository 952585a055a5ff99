//! Restores of backups, and the drill: every table of the new database against the manifest.
//!
//! A database that is not there is made under a name of its own and renamed when all is well, so that nobody meets half a
//! restore; one that is there must be empty.

use std::path::PathBuf;

use super::address::Address;
use super::backup::{BackedTable, Backup, DUMP, PLAIN_TEXT, joined, table_now};
use super::columns::{literal, quoted};
use super::connection::Database;
use super::error::PostgresError;
use super::migrate::{DATABASE_SETTINGS, ROLES};
use super::programs::Program;
use crate::progress::Progress;

/// Begins the name of a database on its way in.
const ON_ITS_WAY: &str = "astrolab_restore_";

/// What to restore, and how.
#[derive(Debug, Clone)]
pub struct RestoreRequest {
    /// Folder of the backup.
    pub folder: PathBuf,
    /// Folder of `pg_restore`; the search path where none is named.
    pub programs: Option<PathBuf>,
    /// Tables and indexes that are made at once.
    pub jobs: usize,
    /// Compare every table with the manifest.
    pub verify: bool,
}

/// What a restore made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Restored {
    /// The database; another than the one that was asked for where tables differ.
    pub database: String,
    /// Every table of the backup; empty without verification.
    pub tables: Vec<RestoredTable>,
}

/// A table of the backup beside the one of the new database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RestoredTable {
    /// In the backup.
    pub expected: BackedTable,
    /// In the database; `None` where it is absent.
    pub found: Option<BackedTable>,
    /// Whether rows and checksum are the same.
    pub same: bool,
}

impl Restored {
    /// Whether a table differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.tables.iter().any(|table| !table.same)
    }
}

/// Restores a backup into a database that is new or empty. The files are checked first.
///
/// Where tables differ from the manifest, the answer says so, and a database that was made for it keeps its preliminary name.
///
/// # Errors
/// [`PostgresError::Backup`] for damaged files, [`PostgresError::Occupied`] for a database that is in use,
/// [`PostgresError::Program`] where `pg_restore` is absent, too old or fails, or what the server says.
pub fn restore(
    address: &Address,
    request: &RestoreRequest,
    progress: &dyn Progress,
) -> Result<Restored, PostgresError> {
    let backup = Backup::open(&request.folder, progress)?;
    let place = Place::prepare(address)?;
    let restored = fill(&place.address, &backup, request, progress);
    match restored {
        Ok(tables) => {
            let differs = tables.iter().any(|table| !table.same);
            let database = if differs { place.address.database().to_owned() } else { place.keep(address)? };
            Ok(Restored { database, tables })
        }
        Err(failed) => {
            place.give_up();
            Err(failed)
        }
    }
}

/// The database that is filled.
struct Place {
    address: Address,
    /// Through which it was made; `None` where it was there.
    maker: Option<Database>,
}

impl Place {
    fn prepare(wanted: &Address) -> Result<Self, PostgresError> {
        let occupied =
            |reason: &'static str| PostgresError::Occupied { database: wanted.database().to_owned(), reason };
        match Database::connect(wanted) {
            Ok(there) => {
                let sql = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
                      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";
                match there.value("see whether the database is empty", sql)?.as_deref() {
                    Some("0") => Ok(Self { address: wanted.clone(), maker: None }),
                    _ => Err(occupied("it holds tables")),
                }
            }
            Err(PostgresError::Connect { code, .. }) if code == "3D000" => {
                let maker = Database::connect(&wanted.with_database("postgres"))?;
                let name = format!("{ON_ITS_WAY}{}", wanted.database());
                let used = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = {}", literal(&name));
                if maker.value("look for another restore", &used)?.as_deref() != Some("0") {
                    return Err(occupied("another process restores it"));
                }
                // Of a restore that was killed.
                maker.execute("remove half a restore", &format!("DROP DATABASE IF EXISTS {}", quoted(&name)))?;
                let create = format!("CREATE DATABASE {} TEMPLATE template0", quoted(&name));
                maker.execute(&format!("create the database {name}"), &create)?;
                Ok(Self { address: wanted.with_database(&name), maker: Some(maker) })
            }
            Err(other) => Err(other),
        }
    }

    /// Gives the database its name.
    fn keep(self, wanted: &Address) -> Result<String, PostgresError> {
        if let Some(maker) = &self.maker {
            let rename =
                format!("ALTER DATABASE {} RENAME TO {}", quoted(self.address.database()), quoted(wanted.database()));
            maker.execute("give the database its name", &rename)?;
        }
        Ok(wanted.database().to_owned())
    }

    fn give_up(self) {
        if let Some(maker) = &self.maker {
            // The failure before this one is what counts.
            let drop = format!("DROP DATABASE IF EXISTS {}", quoted(self.address.database()));
            let _ = maker.execute("remove half a restore", &drop);
        }
    }
}

fn fill(
    address: &Address,
    backup: &Backup,
    request: &RestoreRequest,
    progress: &dyn Progress,
) -> Result<Vec<RestoredTable>, PostgresError> {
    let database = Database::connect(address)?;
    let program = Program::find("pg_restore", request.programs.as_deref(), &database)?;
    database.execute("make the roles", ROLES)?;
    let (jobs, dump) = (format!("--jobs={}", request.jobs.max(1)), joined("", &request.folder.join(DUMP)));
    let arguments = ["--exit-on-error".as_ref(), jobs.as_ref(), dump.as_os_str()];
    progress.begin("restore", backup.tables.len() as u64, "tables");
    let filled = program.run(address, &arguments, is_done, progress);
    progress.end();
    filled?;
    database.execute("gather statistics", "ANALYZE")?;
    let tables = if request.verify { compare(address, backup, progress)? } else { Vec::new() };
    // The books know tables by numbers that are new here; what was not restored is no table of theirs.
    let ours = database.value("look for the books", "SELECT to_regclass('astrolab.loads')::text")?;
    if ours.is_some() {
        let renumber = "UPDATE astrolab.loads SET table_oid = to_regclass(format('%I.%I', schema_name, table_name))
            WHERE to_regclass(format('%I.%I', schema_name, table_name)) IS NOT NULL";
        database.execute("number the tables anew", renumber)?;
        database.execute("set the database up", DATABASE_SETTINGS)?;
    }
    Ok(tables)
}

/// A line of `pg_restore` that ends the data of a table, alone or with others at once.
fn is_done(line: &str) -> bool {
    line.contains("processing data for table") || (line.contains("finished item") && line.contains("TABLE DATA"))
}

fn compare(address: &Address, backup: &Backup, progress: &dyn Progress) -> Result<Vec<RestoredTable>, PostgresError> {
    let database = Database::connect(address)?;
    database.execute("begin to compare", PLAIN_TEXT)?;
    progress.begin("compare", backup.tables.len() as u64, "tables");
    let mut tables = Vec::with_capacity(backup.tables.len());
    for expected in &backup.tables {
        let name = format!("{}.{}", quoted(&expected.schema), quoted(&expected.table));
        let there = database.value("look for a table", &format!("SELECT to_regclass({})::text", literal(&name)))?;
        let found = match there {
            Some(_) => Some(table_now(&database, &expected.schema, &expected.table, Some(expected.hashed))?),
            None => None,
        };
        let same = found.as_ref() == Some(expected);
        tables.push(RestoredTable { expected: expected.clone(), found, same });
        progress.advance(1);
    }
    progress.end();
    Ok(tables)
}
