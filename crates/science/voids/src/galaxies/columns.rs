//! Columns of a catalogue by what they mean, and catalogues from files of any format.

use std::path::Path;
use std::sync::Arc;

use archive::fits::FitsFile;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema};

use super::GalaxyTableError;

/// What a column is for, and the names it usually has.
pub(super) struct Role {
    pub(super) meaning: &'static str,
    pub(super) key: &'static str,
    pub(super) usual: &'static [&'static str],
}

impl Role {
    /// The column's name as the table writes it; an error where a name was given that is not there.
    pub(super) fn find(
        &self,
        origin: &str,
        schema: &Schema,
        named: Option<&str>,
    ) -> Result<Option<String>, GalaxyTableError> {
        let present = |name: &str| {
            schema
                .fields()
                .iter()
                .find(|field| field.name().eq_ignore_ascii_case(name))
                .map(|field| field.name().clone())
        };
        match named {
            Some(name) => present(name).map(Some).ok_or_else(|| self.missing(origin, schema, Some(name))),
            None => Ok(self.usual.iter().find_map(|name| present(name))),
        }
    }

    /// As [`Self::find`], for a column that must be there.
    pub(super) fn need(&self, origin: &str, schema: &Schema, named: Option<&str>) -> Result<String, GalaxyTableError> {
        self.find(origin, schema, named)?.ok_or_else(|| self.missing(origin, schema, named))
    }

    fn missing(&self, origin: &str, schema: &Schema, named: Option<&str>) -> GalaxyTableError {
        let present: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).take(30).collect();
        GalaxyTableError::NoColumn {
            origin: origin.to_owned(),
            meaning: self.meaning,
            key: self.key,
            tried: named.map_or_else(|| self.usual.join(", "), str::to_owned),
            present: present.join(", "),
        }
    }
}

/// Reads the whole table, whatever its format: the bytes decide between FITS and Parquet, all else is taken as CSV.
pub(super) fn open(path: &Path) -> Result<RecordBatch, GalaxyTableError> {
    let unreadable = |reason: String| GalaxyTableError::Unreadable { origin: path.display().to_string(), reason };
    let mut start = [0_u8; 4];
    let mut file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let length = std::io::Read::read(&mut file, &mut start).map_err(|error| unreadable(error.to_string()))?;
    match &start[..length] {
        b"SIMP" | [0x1f, 0x8b, ..] => Ok(FitsFile::open(path)?.first_table()?.read(&[], 0..usize::MAX)?),
        b"PAR1" => Ok(study::tables::read_parquet(path)?),
        _ => csv(path).map_err(unreadable),
    }
}

fn csv(path: &Path) -> Result<RecordBatch, String> {
    use arrow::csv::reader::Format;
    let open = || std::fs::File::open(path).map_err(|error| error.to_string());
    let format = Format::default().with_header(true);
    let (schema, _) = format
        .infer_schema(open()?, Some(10_000))
        .map_err(|error| format!("expected FITS, Parquet or CSV: {error}"))?;
    let schema = Arc::new(schema);
    let reader = arrow::csv::ReaderBuilder::new(schema.clone())
        .with_format(format)
        .build(open()?)
        .map_err(|error| error.to_string())?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    concat_batches(&schema, &batches).map_err(|error| error.to_string())
}

/// A column as numbers, null as NaN.
pub(super) fn numbers(origin: &str, table: &RecordBatch, name: &str) -> Result<Vec<f64>, GalaxyTableError> {
    let array = typed(origin, table, name, &DataType::Float64)?;
    Ok(array.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// A column as integers.
pub(super) fn integers(origin: &str, table: &RecordBatch, name: &str) -> Result<Vec<i64>, GalaxyTableError> {
    let array = typed(origin, table, name, &DataType::Int64)?;
    let values = array.as_primitive::<Int64Type>();
    let missing = |row: usize| GalaxyTableError::Value {
        origin: origin.to_owned(),
        column: name.to_owned(),
        row,
        expected: "an integer",
        found: "none".to_owned(),
    };
    values.iter().enumerate().map(|(row, value)| value.ok_or_else(|| missing(row))).collect()
}

fn typed(origin: &str, table: &RecordBatch, name: &str, to: &DataType) -> Result<Arc<dyn Array>, GalaxyTableError> {
    let unreadable = |reason: String| GalaxyTableError::Unreadable { origin: origin.to_owned(), reason };
    let column = table.column_by_name(name).ok_or_else(|| unreadable(format!("column `{name}` vanished")))?;
    if !column.data_type().is_numeric() {
        return Err(unreadable(format!("expected one number a row in column `{name}`, found {}", column.data_type())));
    }
    cast(column, to).map_err(|error| unreadable(error.to_string()))
}

/// The first value that is not `good` is an error that says where it is.
pub(super) fn check(
    (origin, column): (&str, &str),
    values: &[f64],
    expected: &'static str,
    good: impl Fn(f64) -> bool,
) -> Result<(), GalaxyTableError> {
    let Some(row) = values.iter().position(|value| !good(*value)) else { return Ok(()) };
    let (origin, column, found) = (origin.to_owned(), column.to_owned(), values[row].to_string());
    Err(GalaxyTableError::Value { origin, column, row, expected, found })
}
