//! Tables for people and spreadsheets.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::util::display::array_value_to_string;

use super::not_written;
use crate::error::Error;

/// An aligned table of the first rows with a header line, and whether there were more than `max_rows`.
///
/// # Errors
/// A batch is an error, or a column has no printed form.
pub fn text(
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
    max_rows: usize,
) -> Result<(String, bool), Error> {
    let mut held = Vec::new();
    let mut rows = 0;
    let mut more = false;
    for batch in batches {
        let batch = batch?;
        let room = max_rows - rows;
        more = batch.num_rows() > room;
        rows += batch.num_rows().min(room);
        held.push(shortened(&batch.slice(0, batch.num_rows().min(room)))?);
        if more {
            break;
        }
    }
    if held.is_empty() {
        held.push(shortened(&RecordBatch::new_empty(schema.clone()))?);
    }
    let printed = arrow::util::pretty::pretty_format_batches(&held).map_err(|error| not_written("a table", &error))?;
    Ok((format!("{printed}\n"), more))
}

/// Values of a list that are printed.
const SHOWN: usize = 3;

/// Rows in which long lists are text: their first values and how many there are.
fn shortened(batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let mut fields = Vec::with_capacity(batch.num_columns());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        match column.as_fixed_size_list_opt().filter(|list| list.value_length() > 2 * SHOWN as i32) {
            Some(list) => {
                let text = |row: usize| (!list.is_null(row)).then(|| beginning(&list.value(row)));
                columns.push(Arc::new(StringArray::from_iter((0..list.len()).map(text))));
                fields.push(field.as_ref().clone().with_data_type(DataType::Utf8));
            }
            None => {
                columns.push(column.clone());
                fields.push(field.as_ref().clone());
            }
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|error| not_written("a table", &error))
}

fn beginning(values: &ArrayRef) -> String {
    let shown = (0..values.len().min(SHOWN))
        .map(|place| array_value_to_string(values, place).unwrap_or_default())
        .collect::<Vec<_>>()
        .join(", ");
    format!("[{shown}, … {}]", values.len())
}

/// CSV with a header line, also where there are no rows. A null is an empty field.
///
/// # Errors
/// A batch is an error, the writer refuses, or a column is a list, which CSV cannot hold.
pub fn csv(
    out: &mut dyn Write,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<(), Error> {
    if let Some(list) = schema.fields().iter().find(|field| field.data_type().is_nested()) {
        let reason =
            format!("column `{}` holds several values a row\n  hint: write Parquet, FITS or JSON", list.name());
        return Err(Error::Output { format: "CSV", reason });
    }
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
    let header = RecordBatch::new_empty(schema.clone());
    writer.write(&header).map_err(|error| not_written("CSV", &error))?;
    for batch in batches {
        writer.write(&batch?).map_err(|error| not_written("CSV", &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::{FixedSizeListArray, Int64Array};
    use arrow::datatypes::Field;

    fn numbers(from: i64, to: i64) -> RecordBatch {
        RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from_iter_values(from..to)) as ArrayRef)]).unwrap()
    }

    #[test]
    fn a_table_stops_at_the_limit_and_says_so() {
        let schema = numbers(0, 1).schema();
        let asked = |limit| text(&schema, [Ok(numbers(0, 3)), Ok(numbers(3, 6))].into_iter(), limit).unwrap();
        assert!(!asked(6).1);
        let (table, more) = asked(4);
        assert!(more && table.contains("| 3 |") && !table.contains("| 4 |"), "{table}");
        let (table, more) = text(&schema, std::iter::empty(), 4).unwrap();
        assert!(table.contains("| n |") && !more);
    }

    #[test]
    fn a_spectrum_takes_one_line() {
        let item = Arc::new(Field::new("item", DataType::Int64, false));
        let values = Arc::new(Int64Array::from_iter_values(0..200));
        let list = FixedSizeListArray::new(item, 100, values, None);
        let batch = RecordBatch::try_from_iter([("flux", Arc::new(list) as ArrayRef)]).unwrap();
        let (table, _) = text(&batch.schema(), [Ok(batch.clone())].into_iter(), 10).unwrap();
        assert!(table.contains("[0, 1, 2, … 100]") && table.contains("[100, 101, 102, … 100]"), "{table}");
    }

    #[test]
    fn csv_of_nothing_has_its_header() {
        let mut out = Vec::new();
        csv(&mut out, &numbers(0, 1).schema(), std::iter::empty()).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "n\n");
    }
}
