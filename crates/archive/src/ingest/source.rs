//! The tables of the files to ingest, opened once.

use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::IngestRequest;
use crate::error::Error;
use crate::fits::FitsFile;

/// Which table of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableSource {
    /// The binary table with this EXTNAME.
    Hdu(String),
    /// The first table: of a FITS file, or a whole Parquet or CSV file.
    First,
}

/// Rows that a survey's crate makes from a file: what is a table in the archive and none in the file.
pub trait RowSource: Send + Sync {
    /// The file, for errors and for the catalogue's date.
    fn path(&self) -> &Path;
    /// Number of rows; may be 0.
    fn n_rows(&self) -> usize;
    /// The columns; the same for all sources of a catalogue.
    fn schema(&self) -> SchemaRef;
    /// One whole column of numbers: position or identifier.
    ///
    /// # Errors
    /// The file has no such column, or it cannot be read.
    fn column(&self, name: &str) -> Result<ArrayRef, Error>;
    /// Some rows, in the order given. Called with as many as make some 64 MB, from several threads.
    ///
    /// # Errors
    /// The file cannot be read.
    fn gather(&self, rows: &[usize]) -> Result<RecordBatch, Error>;
}

/// A file, opened.
pub(super) enum OpenFile {
    /// Rows made elsewhere.
    Rows(Box<dyn RowSource>),
    /// Mapped; only what is read is loaded.
    Fits(FitsFile),
    /// Parquet and CSV are small: they are read whole.
    Memory(PathBuf, RecordBatch),
}

pub(super) fn open(request: &IngestRequest) -> Result<Vec<OpenFile>, Error> {
    request.files.iter().map(|path| open_file(path)).collect()
}

pub(super) fn open_file(path: &Path) -> Result<OpenFile, Error> {
    let mut start = [0_u8; 4];
    let mut file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    let length = std::io::Read::read(&mut file, &mut start).map_err(Error::io("read", path))?;
    match &start[..length] {
        b"PAR1" => Ok(OpenFile::Memory(path.to_owned(), read_parquet(path)?)),
        _ if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) => {
            Ok(OpenFile::Memory(path.to_owned(), read_csv(path)?))
        }
        // All else must be FITS; the reader says clearly what it is where it is not.
        _ => Ok(OpenFile::Fits(FitsFile::open(path)?)),
    }
}

fn read_parquet(path: &Path) -> Result<RecordBatch, Error> {
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet("read", path))?;
    let schema = builder.schema().clone();
    let reader = builder.build().map_err(Error::parquet("read", path))?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(Error::arrow("read", path))?;
    concat_batches(&schema, &batches).map_err(Error::arrow("read", path))
}

fn read_csv(path: &Path) -> Result<RecordBatch, Error> {
    use arrow::csv::reader::{Format, ReaderBuilder};
    let open = || std::fs::File::open(path).map_err(Error::io("open", path));
    let format = Format::default().with_header(true);
    let (schema, _) = format.infer_schema(open()?, None).map_err(Error::arrow("read the columns of", path))?;
    let schema = SchemaRef::new(schema);
    let reader =
        ReaderBuilder::new(schema.clone()).with_format(format).build(open()?).map_err(Error::arrow("read", path))?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(Error::arrow("read", path))?;
    concat_batches(&schema, &batches).map_err(Error::arrow("read", path))
}

impl OpenFile {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Fits(file) => file.path(),
            Self::Memory(path, _) => path,
            Self::Rows(source) => source.path(),
        }
    }

    pub(super) fn rows(&self, table: &TableSource) -> Result<usize, Error> {
        match self {
            Self::Fits(file) => Ok(fits_table(file, table)?.n_rows()),
            Self::Memory(_, batch) => Ok(batch.num_rows()),
            Self::Rows(source) => Ok(source.n_rows()),
        }
    }

    pub(super) fn schema(&self, table: &TableSource) -> Result<SchemaRef, Error> {
        match self {
            Self::Fits(file) => Ok(fits_table(file, table)?.schema(&[])?),
            Self::Memory(_, batch) => Ok(batch.schema()),
            Self::Rows(source) => Ok(source.schema()),
        }
    }

    /// One whole column, cast.
    pub(super) fn column(&self, table: &TableSource, name: &str, to: &DataType) -> Result<ArrayRef, Error> {
        let found = self.column_as_found(table, name)?;
        if !found.data_type().is_numeric() {
            return Err(Error::ColumnType {
                path: self.path().to_owned(),
                table: label(table),
                column: name.to_owned(),
                expected: "one number a row".into(),
                found: found.data_type().to_string(),
            });
        }
        arrow::compute::cast(&found, to).map_err(Error::arrow("read a column of", self.path()))
    }

    /// One whole column.
    pub(super) fn column_as_found(&self, table: &TableSource, name: &str) -> Result<ArrayRef, Error> {
        match self {
            Self::Fits(file) => {
                let table = fits_table(file, table)?;
                let batch = table.read(&[name], 0..table.n_rows())?;
                Ok(batch.column(0).clone())
            }
            Self::Memory(path, batch) => {
                let schema = batch.schema();
                let index = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
                let index = index.ok_or_else(|| Error::MissingColumn {
                    path: path.clone(),
                    table: "the table".to_owned(),
                    column: name.to_owned(),
                    nearest: crate::nearest_name(name, schema.fields().iter().map(|field| field.name().as_str())),
                })?;
                Ok(batch.column(index).clone())
            }
            Self::Rows(source) => source.column(name),
        }
    }

    /// Chosen rows of all columns, in the order given.
    pub(super) fn gather(&self, table: &TableSource, rows: &[usize]) -> Result<RecordBatch, Error> {
        match self {
            Self::Fits(file) => Ok(fits_table(file, table)?.gather(&[], rows)?),
            Self::Memory(path, batch) => {
                let rows = arrow::array::UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64));
                arrow::compute::take_record_batch(batch, &rows).map_err(Error::arrow("sort the rows of", path))
            }
            Self::Rows(source) => source.gather(rows),
        }
    }
}

fn fits_table<'a>(file: &'a FitsFile, table: &TableSource) -> Result<crate::fits::Table<'a>, Error> {
    Ok(match table {
        TableSource::Hdu(name) => file.table(name)?,
        TableSource::First => file.first_table()?,
    })
}

/// How errors name a table.
pub(super) fn label(table: &TableSource) -> String {
    match table {
        TableSource::Hdu(name) => format!("HDU {name}"),
        TableSource::First => "the first table".to_owned(),
    }
}
