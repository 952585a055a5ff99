//! Rows of a void catalogue's table, wherever they are: an HDU of a FITS file, or a table of an archive.

use std::path::PathBuf;

use archive::fits::Table;
use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use crate::DesiError;

/// Columns by name, in any case.
pub(super) trait Rows {
    /// How many.
    fn n_rows(&self) -> usize;
    /// Whether there is such a column.
    fn has_column(&self, name: &str) -> bool;
    /// Numbers; NaN where there is none.
    fn f64_column(&self, name: &str) -> Result<Vec<f64>, DesiError>;
    /// Whole numbers; -1 where there is none.
    fn i64_column(&self, name: &str) -> Result<Vec<i64>, DesiError>;
}

impl Rows for Table<'_> {
    fn n_rows(&self) -> usize {
        Table::n_rows(self)
    }

    fn has_column(&self, name: &str) -> bool {
        Table::has_column(self, name)
    }

    fn f64_column(&self, name: &str) -> Result<Vec<f64>, DesiError> {
        Ok(Table::f64_column(self, name)?)
    }

    fn i64_column(&self, name: &str) -> Result<Vec<i64>, DesiError> {
        Ok(Table::i64_column(self, name)?)
    }
}

/// Rows of a table of an archive.
pub(super) struct Stored {
    /// The table's file.
    pub(super) path: PathBuf,
    /// Its rows, or some of them.
    pub(super) rows: RecordBatch,
}

impl Stored {
    /// A column as another type; values that do not fit become null.
    fn column(&self, name: &str, wanted: &DataType) -> Result<arrow::array::ArrayRef, DesiError> {
        let fault = |reason: String| DesiError::Catalogue { path: self.path.clone(), reason };
        let found = self.rows.schema().fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        let found = found.ok_or_else(|| fault(format!("expected a column `{name}`, found none")))?;
        cast(self.rows.column(found), wanted).map_err(|error| fault(format!("column `{name}`: {error}")))
    }

    /// Text; empty where there is none.
    pub(super) fn text_column(&self, name: &str) -> Result<Vec<String>, DesiError> {
        let column = self.column(name, &DataType::Utf8)?;
        Ok(column.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    }
}

impl Rows for Stored {
    fn n_rows(&self) -> usize {
        self.rows.num_rows()
    }

    fn has_column(&self, name: &str) -> bool {
        self.rows.schema().fields().iter().any(|field| field.name().eq_ignore_ascii_case(name))
    }

    fn f64_column(&self, name: &str) -> Result<Vec<f64>, DesiError> {
        let column = self.column(name, &DataType::Float64)?;
        Ok(column.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    fn i64_column(&self, name: &str) -> Result<Vec<i64>, DesiError> {
        let column = self.column(name, &DataType::Int64)?;
        Ok(column.as_primitive::<Int64Type>().iter().map(|value| value.unwrap_or(-1)).collect())
    }
}
