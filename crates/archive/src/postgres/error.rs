//! What can go wrong between the archive and a PostgreSQL server.

use std::path::PathBuf;

/// What the database could not do. No message holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The address cannot be understood.
    #[error("cannot understand the database address: {reason}\n  hint: write postgres://USER@HOST:PORT/DATABASE")]
    Address {
        /// What is wrong with it.
        reason: String,
    },
    /// No connection could be made.
    #[error("cannot connect to {server}: {reason}{}", hint.map_or_else(String::new, |hint| format!("\n  hint: {hint}")))]
    Connect {
        /// Host, port and database.
        server: String,
        /// SQLSTATE; empty where no server answered.
        code: String,
        /// What the system or the server said.
        reason: String,
        /// What the user can do.
        hint: Option<&'static str>,
    },
    /// The server refused a statement.
    #[error("cannot {action}: {reason}{}", hint.as_ref().map_or_else(String::new, |hint| format!("\n  hint: {hint}")))]
    Statement {
        /// What was attempted.
        action: String,
        /// What the server said, with its SQLSTATE.
        reason: String,
        /// What the user can do.
        hint: Option<String>,
    },
    /// The connection broke.
    #[error(
        "cannot {action}: the connection to the server broke ({reason})\n  hint: what was committed stays; run the same command again to go on"
    )]
    Lost {
        /// What was attempted.
        action: String,
        /// What the system said.
        reason: String,
    },
    /// The archive has no such table.
    #[error("cannot find table `{table}` in {}{}", archive.display(), hint(nearest.as_deref(), present))]
    NoTable {
        /// The archive.
        archive: PathBuf,
        /// What was asked for.
        table: String,
        /// The most similar name.
        nearest: Option<String>,
        /// What is there.
        present: Vec<String>,
    },
    /// A column cannot be a column of PostgreSQL.
    #[error("cannot load {table}: column `{column}` {reason}")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Why not.
        reason: String,
    },
    /// A value cannot be stored.
    #[error("cannot load {table}: column `{column}`, row {row} of {}: {reason}", path.display())]
    Value {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// Row of the file, from 0.
        row: usize,
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// What arrived differs from what was sent.
    #[error(
        "cannot trust the copy of {table}: sent {sent}, the server has {found}\n  hint: nothing was replaced; run the same command again, which begins afresh"
    )]
    Different {
        /// The table.
        table: String,
        /// Rows and checksum of the archive.
        sent: String,
        /// Rows and checksum on the server.
        found: String,
    },
    /// The database has no table that was loaded whole under this name.
    #[error("cannot find `{table}` among the loaded tables of {database}{}", hint(nearest.as_deref(), present))]
    NotLoaded {
        /// The database.
        database: String,
        /// What was asked for.
        table: String,
        /// The most similar name.
        nearest: Option<String>,
        /// What is there.
        present: Vec<String>,
    },
    /// A table is not what was loaded.
    #[error(
        "cannot trust {table}: its load had {sent}, now it has {found}\n  hint: somebody changed it: load it again"
    )]
    Changed {
        /// The table.
        table: String,
        /// Rows and checksum of the load.
        sent: String,
        /// Rows and checksum now.
        found: String,
    },
    /// A migration that was applied is not the one this program knows.
    #[error("cannot use the database: {reason}\n  hint: {hint}")]
    Migration {
        /// What differs.
        reason: String,
        /// What the user can do.
        hint: &'static str,
    },
    /// A machine or a part of it that no server can be tuned for.
    #[error("cannot tune a server: {reason}\n  hint: {hint}")]
    Machine {
        /// What is wrong.
        reason: String,
        /// What the user can do.
        hint: &'static str,
    },
    /// A program of PostgreSQL is absent, too old, or failed.
    #[error("cannot run {program}: {reason}{}", hint.as_ref().map_or_else(String::new, |hint| format!("\n  hint: {hint}")))]
    Program {
        /// The program.
        program: &'static str,
        /// What went wrong.
        reason: String,
        /// What the user can do.
        hint: Option<String>,
    },
    /// A folder cannot hold a backup, or what it holds is none or damaged.
    #[error("cannot use {} as a backup: {reason}\n  hint: {hint}", folder.display())]
    Backup {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        reason: String,
        /// What the user can do.
        hint: &'static str,
    },
    /// A database is in the way of a restore.
    #[error("cannot restore into `{database}`: {reason}\n  hint: name a database that is not there yet")]
    Occupied {
        /// The database.
        database: String,
        /// What is in the way.
        reason: &'static str,
    },
    /// Another process loads the same table.
    #[error("cannot load {table}: another process is loading it\n  hint: wait for it to end")]
    Busy {
        /// The table.
        table: String,
    },
    /// The archive could not be read.
    #[error(transparent)]
    Archive(Box<crate::Error>),
}

impl From<crate::Error> for PostgresError {
    fn from(error: crate::Error) -> Self {
        Self::Archive(Box::new(error))
    }
}

impl PostgresError {
    /// What the driver said, as ours. `action` goes on after "cannot".
    pub(crate) fn from_driver(action: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        let action = action.into();
        let Some(told) = error.as_db_error() else {
            return Self::Lost { action, reason: innermost(error) };
        };
        let code = told.code().code();
        // Shutdown and crash of the server (class 57P) are a lost connection to whoever waits for an answer.
        if code.starts_with("57P") {
            return Self::Lost { action, reason: told.message().to_owned() };
        }
        let place = told.where_().map_or_else(String::new, |place| format!(", {}", place.lines().next().unwrap_or("")));
        let hint = match code {
            "42501" => {
                Some("log in as a role that may: astrolab_ingest loads, the database's owner migrates".to_owned())
            }
            "53100" => Some("the server's disk is full: make room, then run the same command again".to_owned()),
            "2BP01" => {
                told.detail().map(|detail| format!("drop first what hangs on it: {}", detail.replace('\n', "; ")))
            }
            _ => told.hint().map(str::to_owned),
        };
        Self::Statement { action, reason: format!("{} (SQLSTATE {code}{place})", told.message()), hint }
    }

    /// Whether trying again may help: the connection, not the question, was at fault.
    #[must_use]
    pub fn is_lost_connection(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Connect { .. })
    }
}

/// The last cause of an error, which says most.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last: &(dyn std::error::Error + 'static) = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

fn hint(nearest: Option<&str>, present: &[String]) -> String {
    match nearest {
        Some(name) => format!("\n  hint: did you mean `{name}`?"),
        None => format!("\n  hint: it has {}", present.join(", ")),
    }
}
