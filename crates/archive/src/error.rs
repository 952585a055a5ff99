//! Everything that can go wrong between a file and the archive.

use std::path::{Path, PathBuf};

/// What the archive could not do, with the file, table, column and row it stumbled on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read, written or renamed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted, for example `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A FITS file could not be read or written.
    #[error(transparent)]
    Fits(#[from] crate::fits::FitsError),
    /// A Parquet file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Parquet {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the Parquet library said.
        source: parquet::errors::ParquetError,
    },
    /// An Arrow operation failed on a file's content.
    #[error("cannot {action} {}: {source}", path.display())]
    Arrow {
        /// What was attempted.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What Arrow said.
        source: arrow::error::ArrowError,
    },
    /// The crate that knows what a file means could not make rows of it.
    #[error(transparent)]
    Rows(Box<dyn std::error::Error + Send + Sync>),
    /// A column declaration could not be parsed.
    #[error("cannot read the column declarations, line {line}: {reason}")]
    Declaration {
        /// Line, from 1.
        line: usize,
        /// What was wrong.
        reason: String,
    },
    /// A table lacks a column that is needed.
    #[error("cannot find column `{column}` in {table} of {}{}", path.display(), nearest.as_ref().map_or_else(String::new, |name| format!("\n  hint: the nearest name is `{name}`")))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The HDU or table.
        table: String,
        /// The column that was asked for.
        column: String,
        /// The column with the most similar name.
        nearest: Option<String>,
    },
    /// A column has a type that cannot serve.
    #[error("cannot use column `{column}` in {table} of {}: expected {expected}, found {found}", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The HDU or table.
        table: String,
        /// The column.
        column: String,
        /// What would serve.
        expected: Box<str>,
        /// What the file has.
        found: String,
    },
    /// A value is not a number or out of its range.
    #[error("cannot place row {row} of {table} in {}: column `{column}` is {value}, expected {expected}", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The HDU or table.
        table: String,
        /// The column.
        column: String,
        /// Row, from 0.
        row: usize,
        /// What was found.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A value does not fit the type that its column is declared with.
    #[error("cannot ingest row {row} of {table} in {}: column `{column}` is {value}, which a column of type {expected} cannot hold", path.display())]
    BadCast {
        /// The file.
        path: PathBuf,
        /// The HDU or table.
        table: String,
        /// The column.
        column: String,
        /// Row, from 0.
        row: usize,
        /// What was found.
        value: Box<str>,
        /// The declared type.
        expected: Box<str>,
    },
    /// Two rows carry the same identifier.
    #[error(
        "cannot ingest {table}: {column} {id} occurs twice, in row {first_row} of {} and row {second_row} of {}\n  hint: remove the duplicate, or ingest the files as separate catalogues",
        first_path.display(), second_path.display()
    )]
    DuplicateId {
        /// The HDU or table.
        table: String,
        /// The identifier's column.
        column: String,
        /// The identifier.
        id: i64,
        /// File and row of the first occurrence.
        first_path: PathBuf,
        /// Row of the first occurrence, from 0.
        first_row: usize,
        /// File of the second occurrence.
        second_path: PathBuf,
        /// Row of the second occurrence, from 0.
        second_row: usize,
    },
    /// A sibling table has a row without a partner in the primary table, or the reverse.
    #[error("cannot join {table} of {} to {primary}: {reason}", path.display())]
    Unmatched {
        /// The file.
        path: PathBuf,
        /// The sibling table.
        table: String,
        /// The table that gives the positions.
        primary: String,
        /// What did not match.
        reason: String,
    },
    /// Two parts of one catalogue have different columns.
    #[error("cannot join {table} of {} to the other files: {reason}", path.display())]
    DifferentSchema {
        /// The file.
        path: PathBuf,
        /// The HDU or table.
        table: String,
        /// The first difference.
        reason: String,
    },
    /// The source has no rows at all.
    #[error("cannot ingest {table}: {} has no rows", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The HDU or table.
        table: String,
    },
    /// The archive already has a catalogue of this name, made from other input.
    #[error("cannot ingest into {}: it was made from other files or settings\n  hint: give another name, or remove the folder first", path.display())]
    Occupied {
        /// The catalogue's folder.
        path: PathBuf,
    },
    /// Another process is ingesting into the same archive.
    #[error("cannot ingest into {}: another astrolab process is writing there\n  hint: wait for it to end", path.display())]
    Locked {
        /// The archive's folder.
        path: PathBuf,
    },
    /// A file of the archive does not say what it should.
    #[error("cannot read the catalogue {}: {reason}", path.display())]
    Catalogue {
        /// The catalogue's folder or file.
        path: PathBuf,
        /// What was wrong.
        reason: String,
    },
    /// An SQL query could not be planned or run.
    #[error("cannot run the query: {reason}{}", hint.as_ref().map_or_else(String::new, |hint| format!("\n  hint: {hint}")))]
    Query {
        /// What the engine said.
        reason: String,
        /// What the user can do.
        hint: Option<String>,
    },
    /// A result cannot be written in the format that was asked for.
    #[error("cannot write {format}: {reason}")]
    Output {
        /// The format.
        format: &'static str,
        /// Why not.
        reason: String,
    },
    /// Setting up was impossible (threads, memory pool).
    #[error("cannot {action}: {reason}")]
    Setup {
        /// What was attempted.
        action: &'static str,
        /// Why not.
        reason: String,
    },
    /// The work was interrupted on request; what is complete stays and the next run resumes.
    #[error("stopped on request; run the same command again to resume")]
    Interrupted,
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn parquet(action: &'static str, path: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self::Parquet { action, path, source }
    }

    pub(crate) fn arrow(action: &'static str, path: &Path) -> impl Fn(arrow::error::ArrowError) -> Self {
        let path = path.to_owned();
        move |source| Self::Arrow { action, path: path.clone(), source }
    }
}
