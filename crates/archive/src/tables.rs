//! Asking tables questions in SQL, without knowing what answers.

use arrow::array::RecordBatch;

use crate::error::Error;

/// Anything that answers SQL about archive tables. Study crates ask through this trait, so that they need not depend on
/// a query engine; `archive::sql::Session` implements it.
pub trait Tables {
    /// Runs one `SELECT` and gathers its answer: zero or more batches with one schema.
    ///
    /// # Errors
    /// [`Error::Query`] when the query is malformed, names an unknown table or column, or runs out of memory.
    fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, Error>;
}
