//! Query results as text or files: an aligned table, CSV, JSON lines, Parquet, FITS.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};

use crate::error::Error;
use crate::fits::{FitsWriter, Header};
use crate::hats::PartitionWriter;

/// Integers beyond this are not exact as JavaScript numbers.
const LARGEST_EXACT: u64 = 1 << 53;

/// An aligned table with a header line.
///
/// # Errors
/// A column has no printed form.
pub fn text(batches: &[RecordBatch]) -> Result<String, Error> {
    let printed =
        arrow::util::pretty::pretty_format_batches(batches).map_err(|error| not_written("a table", &error))?;
    Ok(format!("{printed}\n"))
}

/// CSV with a header line.
///
/// # Errors
/// The writer refuses, or a column is a list, which CSV cannot hold.
pub fn csv(out: &mut dyn Write, batches: &[RecordBatch]) -> Result<(), Error> {
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
    for batch in batches {
        writer.write(batch).map_err(|error| not_written("CSV", &error))?;
    }
    Ok(())
}

/// JSON, one object a line. 64-bit integers that a JavaScript number cannot hold, and whole `TARGETID` columns, are text.
///
/// # Errors
/// The writer refuses, or a column has no JSON form.
pub fn json(out: &mut dyn Write, batches: &[RecordBatch]) -> Result<(), Error> {
    let exact = exact_integers(batches)?;
    let mut writer = arrow::json::LineDelimitedWriter::new(out);
    for batch in &exact {
        writer.write(batch).map_err(|error| not_written("JSON", &error))?;
    }
    writer.finish().map_err(|error| not_written("JSON", &error))
}

/// A Parquet file, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn parquet(path: &Path, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), Error> {
    let mut writer = PartitionWriter::create(path, schema)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.finish().map(|_| ())
}

/// A FITS file with one binary table `RESULT`, whole or not at all.
///
/// # Errors
/// A column has no FITS form, or the file cannot be written.
pub fn fits(path: &Path, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<(), Error> {
    let mut writer = FitsWriter::create(path)?;
    writer.primary(&Header::new())?;
    writer.table("RESULT", schema, batches)?;
    writer.finish()?;
    Ok(())
}

fn not_written(format: &'static str, error: &dyn std::fmt::Display) -> Error {
    Error::Output { format, reason: error.to_string() }
}

/// The batches with such integer columns as text; the same columns in every batch.
fn exact_integers(batches: &[RecordBatch]) -> Result<Vec<RecordBatch>, Error> {
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let schema = first.schema();
    let as_text: Vec<bool> = (0..schema.fields().len())
        .map(|column| {
            schema.field(column).name().to_ascii_uppercase().contains("TARGETID")
                || batches.iter().any(|batch| has_inexact(batch.column(column)))
        })
        .collect();
    batches.iter().map(|batch| with_text(batch, &as_text)).collect()
}

fn has_inexact(column: &ArrayRef) -> bool {
    match column.data_type() {
        DataType::Int64 => {
            column.as_primitive::<Int64Type>().iter().flatten().any(|value| value.unsigned_abs() > LARGEST_EXACT)
        }
        DataType::UInt64 => column.as_primitive::<UInt64Type>().iter().flatten().any(|value| value > LARGEST_EXACT),
        _ => false,
    }
}

fn with_text(batch: &RecordBatch, as_text: &[bool]) -> Result<RecordBatch, Error> {
    let schema = batch.schema();
    let mut fields = Vec::with_capacity(as_text.len());
    let mut columns = Vec::with_capacity(as_text.len());
    for (index, as_text) in as_text.iter().enumerate() {
        let (field, column) = (schema.field(index), batch.column(index));
        if *as_text && column.data_type().is_integer() {
            columns.push(cast(column, &DataType::Utf8).map_err(|error| not_written("JSON", &error))?);
            fields.push(Field::new(field.name(), DataType::Utf8, field.is_nullable()));
        } else {
            columns.push(column.clone());
            fields.push(field.clone());
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(|error| not_written("JSON", &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    #[test]
    fn identifiers_are_text_in_json_and_counts_are_numbers() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("TARGETID", DataType::Int64, false),
            Field::new("n", DataType::Int64, false),
        ]));
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(vec![39_627_000_000_000_001])), Arc::new(Int64Array::from(vec![3]))];
        let batch = RecordBatch::try_new(schema, columns).unwrap();
        let mut out = Vec::new();
        json(&mut out, &[batch]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{\"TARGETID\":\"39627000000000001\",\"n\":3}\n");
    }
}
