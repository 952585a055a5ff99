//! Tables on disk: Parquet whose bytes depend on the rows alone, and CSV for people.
//!
//! What this does not do: declare the columns of catalogues (`archive::columns` does) or partition them
//! (`archive::hats` does). Here are the tables of a study, small enough for one file.
//!
//! Parquet: <https://parquet.apache.org/docs/file-format/>; field metadata (`unit`, `ucd`, `description`) is kept in
//! the Arrow schema of the file.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::{Error, atomic};

/// Rows of one row group; the memory bound of a streamed write is one such group.
const ROW_GROUP_ROWS: usize = 131_072;

/// A small table built column by column, each with its unit and meaning.
///
/// ```
/// use study::tables::Columns;
/// let table = Columns::new()
///     .float("mass_centre", "log10(Msun)", "centre of the mass bin", [9.25, 9.75])
///     .optional("quenched_fraction", "", "share of quenched galaxies; null in empty bins", [Some(0.2), None])
///     .integer("galaxies", "", "galaxies in the bin", [120, 0])
///     .text("environment", "", "void or wall", ["void", "void"])
///     .table()?;
/// assert_eq!(table.num_rows(), 2);
/// # Ok::<(), study::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    /// A table without columns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds 64-bit floats. A NaN stays a NaN: use [`Columns::optional`] for missing values.
    #[must_use]
    pub fn float(self, name: &str, unit: &str, description: &str, values: impl IntoIterator<Item = f64>) -> Self {
        self.push(name, unit, description, Arc::new(Float64Array::from_iter_values(values)))
    }

    /// Adds 64-bit floats with nulls.
    #[must_use]
    pub fn optional(
        self,
        name: &str,
        unit: &str,
        description: &str,
        values: impl IntoIterator<Item = Option<f64>>,
    ) -> Self {
        self.push(name, unit, description, Arc::new(values.into_iter().collect::<Float64Array>()))
    }

    /// Adds 64-bit integers.
    #[must_use]
    pub fn integer(self, name: &str, unit: &str, description: &str, values: impl IntoIterator<Item = i64>) -> Self {
        self.push(name, unit, description, Arc::new(Int64Array::from_iter_values(values)))
    }

    /// Adds strings.
    #[must_use]
    pub fn text<S: AsRef<str>>(
        self,
        name: &str,
        unit: &str,
        description: &str,
        values: impl IntoIterator<Item = S>,
    ) -> Self {
        self.push(name, unit, description, Arc::new(StringArray::from_iter_values(values)))
    }

    /// Adds truth values.
    #[must_use]
    pub fn flag(self, name: &str, description: &str, values: impl IntoIterator<Item = bool>) -> Self {
        let array: BooleanArray = values.into_iter().map(Some).collect();
        self.push(name, "", description, Arc::new(array))
    }

    /// Adds any Arrow array.
    #[must_use]
    pub fn array(self, name: &str, unit: &str, description: &str, values: ArrayRef) -> Self {
        self.push(name, unit, description, values)
    }

    fn push(mut self, name: &str, unit: &str, description: &str, values: ArrayRef) -> Self {
        self.fields.push(described(name, unit, description, values.data_type().clone()));
        self.arrays.push(values);
        self
    }

    /// The table.
    ///
    /// # Errors
    /// Columns of unequal length.
    pub fn table(self) -> Result<RecordBatch, Error> {
        Ok(RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)?)
    }
}

/// A nullable Arrow field with `unit` and `description` metadata (left out where empty).
#[must_use]
pub fn described(name: &str, unit: &str, description: &str, data_type: DataType) -> Field {
    let metadata = [("unit", unit), ("description", description)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    Field::new(name, data_type, true).with_metadata(metadata)
}

/// Writes one batch as Parquet (zstd), atomically. The bytes depend on schema and rows alone. Returns the row count.
///
/// # Errors
/// The file cannot be written.
pub fn write_parquet(path: &Path, table: &RecordBatch) -> Result<u64, Error> {
    write_parquet_batches(path, table.schema(), [Ok::<_, Error>(table.clone())])
}

/// Writes batches as one Parquet file, atomically, holding one row group (131,072 rows) at a time. The bytes depend on
/// schema and rows alone, not on how the rows were cut into batches. Returns the row count.
///
/// # Errors
/// A batch is an error or has another schema, or the file cannot be written; the file is then not created.
pub fn write_parquet_batches<E>(
    path: &Path,
    schema: SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, E>>,
) -> Result<u64, E>
where
    E: From<Error>,
{
    let mut rows = 0;
    let mut failed = None;
    let written = atomic::write_with(path, |file| {
        let mut writer =
            ArrowWriter::try_new(file, schema, Some(properties())).map_err(Error::parquet("write", path))?;
        for batch in batches {
            match batch {
                Ok(batch) => {
                    rows += batch.num_rows() as u64;
                    writer.write(&batch).map_err(Error::parquet("write", path))?;
                }
                Err(error) => {
                    failed = Some(error);
                    return Err(Error::Io {
                        attempt: "write",
                        path: path.to_path_buf(),
                        source: std::io::ErrorKind::Interrupted.into(),
                    });
                }
            }
        }
        writer.close().map_err(Error::parquet("write", path))?;
        Ok(())
    });
    match (failed, written) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Ok(rows),
    }
}

/// One fixed set of choices: a changed library version in the footer is the only thing outside the rows that shows.
fn properties() -> WriterProperties {
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by(concat!("astrolab study ", env!("CARGO_PKG_VERSION")).to_owned())
        .build()
}

/// Reads a Parquet table whole.
///
/// # Errors
/// The file is missing or is not Parquet.
pub fn read_parquet(path: &Path) -> Result<RecordBatch, Error> {
    let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet("read", path))?;
    let schema = builder.schema().clone();
    let reader = builder.build().map_err(Error::parquet("read", path))?;
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    Ok(arrow::compute::concat_batches(&schema, &batches)?)
}

/// Number of rows of a Parquet file, from its footer.
///
/// # Errors
/// The file is missing or is not Parquet.
pub fn parquet_rows(path: &Path) -> Result<u64, Error> {
    let file = std::fs::File::open(path).map_err(Error::io("read", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet("read", path))?;
    Ok(u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0))
}

/// Writes one batch as CSV with a header line, nulls as empty cells, atomically.
///
/// # Errors
/// The file cannot be written, or a column has no CSV form (lists, structs).
pub fn write_csv(path: &Path, table: &RecordBatch) -> Result<(), Error> {
    let mut bytes = Vec::new();
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut bytes);
    writer.write(table)?;
    drop(writer);
    atomic::write(path, &bytes)
}
