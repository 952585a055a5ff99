//! Rows of one table that several files make up, fetched in any order and conformed to the declared columns.

use std::path::Path;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Schema, SchemaRef};

use super::conform::{Conform, Origin};
use super::source::{OpenFile, TableSource, label};
use crate::columns::Columns;
use crate::error::Error;

/// One table over several files.
pub(super) struct Rows<'a> {
    parts: Vec<Part<'a>>,
    schema: SchemaRef,
}

struct Part<'a> {
    file: &'a OpenFile,
    table: &'a TableSource,
    label: String,
    conform: Conform,
}

impl<'a> Rows<'a> {
    /// Checks that the files have the same columns once the declarations are applied.
    pub(super) fn new(
        sources: impl Iterator<Item = (&'a OpenFile, &'a TableSource)>,
        columns: &Columns,
    ) -> Result<Self, Error> {
        let mut parts: Vec<Part<'a>> = Vec::new();
        let mut schema: Option<SchemaRef> = None;
        for (file, table) in sources {
            let label = label(table);
            let conform =
                Conform::new(file.schema(table)?.as_ref(), columns, Origin { path: file.path(), table: &label })?;
            schema = Some(match schema {
                None => conform.schema().clone(),
                Some(first) => {
                    check_same(file.path(), &label, &first, conform.schema())?;
                    first
                }
            });
            parts.push(Part { file, table, label, conform });
        }
        Ok(Self { parts, schema: schema.unwrap_or_else(|| Schema::empty().into()) })
    }

    /// The columns, conformed.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// One whole column of one file, conformed.
    pub(super) fn column(&self, file: usize, name: &str) -> Result<ArrayRef, Error> {
        let part = &self.parts[file];
        let found = part.file.column_as_found(part.table, name)?;
        let origin = Origin { path: part.file.path(), table: &part.label };
        part.conform.column(name, &found, origin)
    }

    /// The rows at some places (file, row), in the order given.
    pub(super) fn gather(&self, places: &[(u32, u32)]) -> Result<RecordBatch, Error> {
        let mut by_file: Vec<(u32, u32, u64)> =
            places.iter().zip(0_u64..).map(|(&(file, row), order)| (file, row, order)).collect();
        by_file.sort_unstable();
        // Where each row of the request landed: which batch, which of its rows.
        let (mut gathered, mut landed) = (Vec::new(), vec![(0, 0); places.len()]);
        for (batch, group) in by_file.chunk_by(|a, b| a.0 == b.0).enumerate() {
            let rows: Vec<usize> = group.iter().map(|(_, row, _)| *row as usize).collect();
            gathered.push(self.parts[group[0].0 as usize].gather(&rows)?);
            group.iter().enumerate().for_each(|(row, (_, _, order))| landed[*order as usize] = (batch, row));
        }
        if let [whole] = &gathered[..]
            && landed.iter().enumerate().all(|(order, (_, row))| order == *row)
        {
            return Ok(whole.clone());
        }
        if gathered.is_empty() {
            return Ok(RecordBatch::new_empty(self.schema.clone()));
        }
        let batches: Vec<&RecordBatch> = gathered.iter().collect();
        interleave_record_batch(&batches, &landed)
            .map_err(Error::arrow("sort rows of", self.parts.first().map_or(Path::new(""), |part| part.file.path())))
    }
}

impl Part<'_> {
    fn gather(&self, rows: &[usize]) -> Result<RecordBatch, Error> {
        let batch = self.file.gather(self.table, rows)?;
        let origin = Origin { path: self.file.path(), table: &self.label };
        self.conform.apply(&batch, |row| rows.get(row).copied().unwrap_or(row), origin)
    }
}

fn check_same(path: &Path, table: &str, first: &Schema, found: &Schema) -> Result<(), Error> {
    let differs =
        |reason: String| Err(Error::DifferentSchema { path: path.to_owned(), table: table.to_owned(), reason });
    if first.fields().len() != found.fields().len() {
        let (found, first) = (found.fields().len(), first.fields().len());
        return differs(format!("it has {found} columns, the first file has {first}"));
    }
    for (expected, field) in first.fields().iter().zip(found.fields()) {
        if expected.name() != field.name() || expected.data_type() != field.data_type() {
            return differs(format!(
                "it has `{}` ({}) where the first file has `{}` ({})",
                field.name(),
                field.data_type(),
                expected.name(),
                expected.data_type()
            ));
        }
    }
    Ok(())
}
