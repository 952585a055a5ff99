//! Tables of objects from files: FITS (the first binary table), Parquet or CSV with a header line, columns by name in
//! any case. Nothing is computed here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::fits::{FitsError, FitsFile};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Float64Type};

/// A table that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectTableError {
    /// The file is no readable FITS file.
    #[error(transparent)]
    Fits(#[from] FitsError),
    /// The file is no readable Parquet file.
    #[error(transparent)]
    Parquet(#[from] study::Error),
    /// The file cannot be read, or is none of the formats.
    #[error("cannot read a table from {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A column that is not there.
    #[error("cannot find column `{column}` in {}: it has {present}{hint}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Names that are there.
        present: String,
        /// The nearest name, where one is near.
        hint: String,
    },
    /// A column of another type.
    #[error("cannot read column `{column}` of {}: expected numbers, found {found}", path.display())]
    NotNumbers {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is there.
        found: String,
    },
}

/// A table of objects, read whole.
#[derive(Debug, Clone)]
pub struct ObjectTable {
    path: PathBuf,
    table: RecordBatch,
}

impl ObjectTable {
    /// Reads a table, whatever its format: the first bytes decide between FITS and Parquet, all else is taken as CSV.
    ///
    /// # Errors
    /// The file is not readable in its format.
    pub fn read(path: &Path) -> Result<Self, ObjectTableError> {
        let unreadable = |reason: String| ObjectTableError::Unreadable { path: path.to_owned(), reason };
        let mut start = [0_u8; 4];
        let mut file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let length = std::io::Read::read(&mut file, &mut start).map_err(|error| unreadable(error.to_string()))?;
        let table = match &start[..length] {
            b"SIMP" | [0x1f, 0x8b, ..] => FitsFile::open(path)?.first_table()?.read(&[], 0..usize::MAX)?,
            b"PAR1" => study::tables::read_parquet(path)?,
            _ => csv(path).map_err(unreadable)?,
        };
        Ok(Self { path: path.to_owned(), table })
    }

    /// A table that is already in memory; `path` is for messages.
    #[must_use]
    pub fn new(path: &Path, table: RecordBatch) -> Self {
        Self { path: path.to_owned(), table }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.num_rows()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names of the columns.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.table.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Numbers of a column, nulls and NaN as `None`; `None` where there is no such column.
    ///
    /// # Errors
    /// The column is there and does not hold numbers.
    pub fn optional(&self, column: &str) -> Result<Option<Vec<Option<f64>>>, ObjectTableError> {
        let schema = self.table.schema();
        // As written before any case: grids have both lognH (density) and logNH (column).
        let any_case = || schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(column));
        let Some(index) = schema.index_of(column).ok().or_else(any_case) else { return Ok(None) };
        let array = self.table.column(index);
        let not_numbers =
            |found: String| ObjectTableError::NotNumbers { path: self.path.clone(), column: column.to_owned(), found };
        let strict = CastOptions { safe: false, ..Default::default() };
        let cast = cast_with_options(array, &DataType::Float64, &strict)
            .map_err(|error| not_numbers(format!("{} ({error})", array.data_type())))?;
        let values = cast.as_primitive::<Float64Type>();
        Ok(Some(values.iter().map(|value| value.filter(|number| !number.is_nan())).collect()))
    }

    /// Numbers of a column.
    ///
    /// # Errors
    /// The column is not there or does not hold numbers.
    pub fn numbers(&self, column: &str) -> Result<Vec<Option<f64>>, ObjectTableError> {
        self.optional(column)?.ok_or_else(|| {
            let names = self.names();
            let near = archive::nearest_name(column, names.iter().map(String::as_str));
            ObjectTableError::NoColumn {
                path: self.path.clone(),
                column: column.to_owned(),
                present: names.iter().take(30).cloned().collect::<Vec<_>>().join(", "),
                hint: near.map_or(String::new(), |name| format!("\nhint: did you mean `{name}`?")),
            }
        })
    }

    /// What names each object: the first of the given columns that is there, as text, else the row from 0.
    #[must_use]
    pub fn labels(&self, columns: &[&str]) -> Vec<String> {
        let schema = self.table.schema();
        let named = columns.iter().find_map(|column| {
            let index = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(column))?;
            arrow::compute::cast(self.table.column(index), &DataType::Utf8).ok()
        });
        match named {
            Some(array) => {
                let texts = array.as_string::<i32>();
                (0..texts.len())
                    .map(|row| if texts.is_null(row) { row.to_string() } else { texts.value(row).to_owned() })
                    .collect()
            }
            None => (0..self.len()).map(|row| format!("row {row}")).collect(),
        }
    }
}

fn csv(path: &Path) -> Result<RecordBatch, String> {
    use arrow::csv::reader::Format;
    let open = || std::fs::File::open(path).map_err(|error| error.to_string());
    let format = Format::default().with_header(true);
    let (schema, _) = format.infer_schema(open()?, None).map_err(|error| error.to_string())?;
    let schema = Arc::new(schema);
    let reader = arrow::csv::ReaderBuilder::new(Arc::clone(&schema)).with_header(true).build(open()?);
    let batches: Result<Vec<RecordBatch>, _> = reader.map_err(|error| error.to_string())?.collect();
    let batches = batches.map_err(|error| error.to_string())?;
    if schema.fields().is_empty() || batches.is_empty() {
        return Err("expected CSV with a header line and at least one row".to_owned());
    }
    concat_batches(&schema, &batches).map_err(|error| error.to_string())
}
