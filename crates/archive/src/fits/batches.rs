//! Tables in batches of rows: one after another in the same memory, or all at once on every core.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use rayon::prelude::*;

use super::decode::{Decoder, Rows};
use super::error::FitsError;
use super::table::{ReadOptions, Table};

/// Reads record batches of one projection.
#[derive(Debug)]
pub(super) struct Batch<'t> {
    table: &'t Table<'t>,
    decoder: Decoder<'t>,
    schema: SchemaRef,
}

impl<'t> Batch<'t> {
    pub(super) fn new(table: &'t Table<'_>, columns: &[&str], options: ReadOptions) -> Result<Self, FitsError> {
        let projected = table.project(columns)?;
        let fields: Vec<Field> = projected.iter().map(|column| column.field()).collect();
        let decoder = Decoder::new(table, &projected, options);
        Ok(Self { table, decoder, schema: Arc::new(Schema::new(fields)) })
    }

    pub(super) fn read(&mut self, rows: Rows<'_>) -> Result<RecordBatch, FitsError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let arrays = self.decoder.decode(rows)?;
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        batch.map_err(|error| FitsError::Header {
            path: self.table.file.path().to_owned(),
            hdu: self.table.hdu.label(),
            reason: error.to_string(),
        })
    }
}

/// Rows of a table in batches, in row order, decoded on the calling thread when asked for.
///
/// Drop a batch before asking for the next and it is decoded into the same memory, which saves the operating system from
/// handing out new pages: two to three times as fast. A batch that is kept stays valid.
#[derive(Debug)]
pub struct Batches<'t> {
    batch: Batch<'t>,
    rows: Range<usize>,
    batch_rows: usize,
}

impl Iterator for Batches<'_> {
    type Item = Result<RecordBatch, FitsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.is_empty() {
            return None;
        }
        let end = self.rows.end.min(self.rows.start.saturating_add(self.batch_rows));
        let rows = self.rows.start..end;
        self.rows.start = end;
        Some(self.batch.read(Rows::Range(rows)))
    }
}

impl Table<'_> {
    /// Rows (clamped to the table) of some columns (all when empty) in batches of `batch_rows`, one after another. Some
    /// thousand rows a batch are fastest: they fit into the cache. Memory: one batch, and those that are kept.
    ///
    /// # Errors
    /// When a column does not exist; of the iterator, when a cell cannot be decoded.
    pub fn batches(&self, columns: &[&str], rows: Range<usize>, batch_rows: usize) -> Result<Batches<'_>, FitsError> {
        let batch = Batch::new(self, columns, ReadOptions::default())?;
        Ok(Batches { batch, rows: self.clamp(rows), batch_rows: batch_rows.max(1) })
    }

    /// Every batch of `batch_rows` rows of some columns (all when empty) decoded and handed to `act` on every core; what
    /// it returns comes in row order. Memory: one batch a thread, and what `act` returns.
    ///
    /// # Errors
    /// When a column does not exist, a cell cannot be decoded, or `act` fails.
    pub fn map_batches<T: Send, E: From<FitsError> + Send>(
        &self,
        columns: &[&str],
        batch_rows: usize,
        act: impl Fn(RecordBatch) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        let batch_rows = batch_rows.max(1);
        // A missing column is an error of a table without rows, too.
        self.project(columns)?;
        let starts: Vec<usize> = (0..self.n_rows()).step_by(batch_rows).collect();
        let batches = starts.into_par_iter().map_init(
            || None,
            |reader, start| {
                let reader = match reader {
                    Some(reader) => reader,
                    None => reader.insert(Batch::new(self, columns, ReadOptions::default())?),
                };
                act(reader.read(Rows::Range(self.clamp(start..start.saturating_add(batch_rows))))?)
            },
        );
        batches.collect()
    }

    /// All rows of some columns (all when empty) in batches of `batch_rows`, decoded on every core, in row order.
    /// Memory: all of them.
    ///
    /// # Errors
    /// When a column does not exist or a cell cannot be decoded.
    pub fn read_all(&self, columns: &[&str], batch_rows: usize) -> Result<Vec<RecordBatch>, FitsError> {
        self.map_batches(columns, batch_rows, Ok)
    }
}
