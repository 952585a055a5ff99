//! An answer that comes a batch at a time.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt as _;

use super::Session;
use crate::error::Error;

/// The rows of a statement as they are found. Dropping it stops the work.
pub struct Answer<'a> {
    session: &'a Session,
    schema: SchemaRef,
    stream: SendableRecordBatchStream,
}

impl<'a> Answer<'a> {
    pub(super) fn new(session: &'a Session, schema: SchemaRef, stream: SendableRecordBatchStream) -> Self {
        Self { session, schema, stream }
    }

    /// The columns, known before any row.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Answer<'_> {
    type Item = Result<RecordBatch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.session.runtime.block_on(self.stream.next())?;
        Some(next.map_err(|error| self.session.explain(&error)))
    }
}
