//! Columns of the run's own tables, by name.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema};
use study::tables::described;

use super::StudyError;

/// The key of every table of this study.
pub(super) const KEY: &str = "SPECTRUM";

/// A column of 64-bit floats.
pub(super) fn floats<'a>(table: &'a RecordBatch, column: &str) -> Result<&'a Float64Array, StudyError> {
    let array = table.column_by_name(column).and_then(|array| array.as_primitive_opt::<Float64Type>());
    array.ok_or_else(|| StudyError::no_column(column))
}

/// Values of such a column, nulls as `None`.
pub(super) fn numbers(table: &RecordBatch, column: &str) -> Result<Vec<Option<f64>>, StudyError> {
    Ok(floats(table, column)?.iter().map(|value| value.filter(|value| value.is_finite())).collect())
}

/// A column of texts.
pub(super) fn texts<'a>(table: &'a RecordBatch, column: &str) -> Result<&'a StringArray, StudyError> {
    let array = table.column_by_name(column).and_then(|array| array.as_string_opt::<i32>());
    array.ok_or_else(|| StudyError::no_column(column))
}

/// A column of 64-bit integers.
pub(super) fn integers<'a>(table: &'a RecordBatch, column: &str) -> Result<&'a Int64Array, StudyError> {
    let array = table.column_by_name(column).and_then(|array| array.as_primitive_opt::<Int64Type>());
    array.ok_or_else(|| StudyError::no_column(column))
}

/// A column of yes and no.
pub(super) fn flags<'a>(table: &'a RecordBatch, column: &str) -> Result<&'a BooleanArray, StudyError> {
    let array = table.column_by_name(column).and_then(|array| array.as_boolean_opt());
    array.ok_or_else(|| StudyError::no_column(column))
}

/// The table with the number of a spectrum before its columns.
pub(super) fn keyed(table: &RecordBatch, spectrum: i64) -> Result<RecordBatch, StudyError> {
    let mut fields = vec![Arc::new(described(KEY, "", "number of the spectrum in this study", DataType::Int64))];
    fields.extend(table.schema().fields().iter().cloned());
    let key: Int64Array = std::iter::repeat_n(Some(spectrum), table.num_rows()).collect();
    let mut arrays: Vec<arrow::array::ArrayRef> = vec![Arc::new(key)];
    arrays.extend(table.columns().iter().cloned());
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}
