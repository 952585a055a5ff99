//! The archive's tables in PostgreSQL: verified loads by binary COPY, roles, sky indexes and functions.
//!
//! `migrate` makes a database ours, `plan` lays a load out, `load` does it; `tune` computes the settings of a server, `health`
//! says how a database is, `backup` and `restore` keep it. Column names are the archive's in lower case, so that `SELECT TARGETID, RA FROM metadata` means the
//! same here and in the embedded SQL. The library reads no environment and prints nothing; passwords are never shown.

mod address;
mod backup;
#[cfg(feature = "download")]
mod bucket;
mod checksum;
mod columns;
mod connection;
mod copy;
mod decode;
mod encryption;
mod error;
mod fetch;
mod health;
mod health_hints;
mod load;
mod migrate;
mod plan;
mod programs;
mod restore;
mod tune;

pub use address::Address;
pub use backup::{BackedFile, BackedTable, Backup, BackupRequest, Hashed, backup};
#[cfg(feature = "download")]
pub use bucket::{fetch_backup, send_backup};
pub use checksum::Checksum;
pub use columns::{SqlColumn, SqlType};
pub use connection::Database;
pub use error::PostgresError;
pub use fetch::{Fetched, fetch};
pub use health::{
    Health, HealthRequest, IndexHealth, LongTransaction, ServerHealth, SlowQueries, SlowQuery, TableHealth, health,
};
pub use load::{Loaded, Seconds, Target, load, table_checksum};
pub use migrate::{Migrated, SkyIndex, migrate, migrations_sql};
pub use plan::{LoadRequest, Piece, TablePlan, plan};
pub use restore::{RestoreRequest, Restored, RestoredTable, restore};
pub use tune::{Disk, Machine, MemoryShares, Purpose, Setting, Tuning, parse_memory, tune};
