//! Tables without a place on the sky: one sorted Parquet file each, beside the catalogues.
//!
//! Void catalogues bring such tables (which zone belongs to which void, the spheres of a void, each galaxy's zone), often
//! one file a cap: several files become one table, told apart by an added constant column. The sort keys are held in
//! memory (their own size and 16 bytes a row), the rows are gathered from the mapped files a row group at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt32Array, UInt64Array};
use arrow::compute::{CastOptions, SortColumn, cast_with_options, concat, lexsort_to_indices, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use sha2::{Digest, Sha256};

use super::rows::Rows;
use super::source::{OpenFile, TableSource, label, open_file};
use super::{Ingested, lock, note_file};
use crate::columns::Columns;
use crate::digest::hexadecimal;
use crate::error::Error;
use crate::hats::{DESCRIBED, PartitionWriter, plain_table_path, read_footer};
use crate::progress::Progress;

/// One table to make: `ARCHIVE/NAME.parquet`.
#[derive(Debug, Clone)]
pub struct TableRequest {
    /// Name in the archive, for example `desivast_vide_galzone`.
    pub name: String,
    /// What it is made from, for example `DESIVAST`; kept with the table. May be empty.
    pub description: String,
    /// The files whose rows it gets.
    pub parts: Vec<TablePart>,
    /// Type, null rule, unit, UCD and description of its columns (also of the added ones).
    pub columns: Columns,
    /// The columns it is sorted by, the most significant first; rows that agree in all keep the files' order. Empty
    /// keeps the files' order altogether.
    pub sort_by: Vec<String>,
    /// Rows a row group.
    pub row_group_rows: usize,
}

/// One file's share of a table.
#[derive(Debug, Clone)]
pub struct TablePart {
    /// The file.
    pub path: PathBuf,
    /// The table in it.
    pub table: TableSource,
    /// Columns added in front of the file's own, the same in every row of it, as `(name, value)`: for example
    /// `("CAP", "NGC")`. They are text unless another type is declared. Every part of a table adds the same names.
    pub constants: Vec<(String, String)>,
}

/// Rows a row group of a plain table, by default.
pub const DEFAULT_ROW_GROUP_ROWS: usize = 100_000;

/// Key of the Parquet file's metadata under which it is kept what a table was made from.
const MADE_FROM: &str = "astrolab.made_from";

/// Ingests plain tables one after the other. A finished table made from the same files and settings is left alone; a
/// table appears whole or not at all, so that a killed ingest goes on with the first table that is not there.
///
/// Memory: the sort keys of one table (their size and 16 bytes a row) and two row groups.
///
/// # Errors
/// A file cannot be read or lacks the table or a sort key; a value does not fit its declared type; the parts' columns
/// differ; the archive has a table of this name from other input ([`Error::Occupied`]); another process writes there.
pub fn ingest_tables(
    archive: &Path,
    requests: &[TableRequest],
    progress: &dyn Progress,
) -> Result<Vec<Ingested>, Error> {
    std::fs::create_dir_all(archive).map_err(Error::io("create the folder", archive))?;
    let _lock = lock(archive)?;
    requests.iter().map(|request| ingest_table(archive, request, progress)).collect()
}

fn ingest_table(archive: &Path, request: &TableRequest, progress: &dyn Progress) -> Result<Ingested, Error> {
    let path = plain_table_path(archive, &request.name);
    let fingerprint = fingerprint(request)?;
    if path.exists() {
        return finished(&path, request, &fingerprint);
    }
    if archive.join(&request.name).exists() {
        return Err(Error::Occupied { path: archive.join(&request.name) });
    }
    let files = request.parts.iter().map(|part| open_file(&part.path)).collect::<Result<Vec<_>, _>>()?;
    let rows = Rows::new(files.iter().zip(request.parts.iter().map(|part| &part.table)), &request.columns)?;
    let table = Plain { request, files: &files, rows, constants: constants(request)? };
    let order = table.order()?;
    progress.begin(&request.name, order.len() as u64, "rows");
    let schema = table.schema();
    let mut writer = PartitionWriter::plain(&path, &schema, request.row_group_rows.max(1))?;
    for places in order.chunks(request.row_group_rows.max(1)) {
        writer.write(&table.gather(places, &schema)?)?;
        progress.advance(places.len() as u64);
    }
    writer.note(MADE_FROM, &fingerprint);
    if !request.description.is_empty() {
        writer.note(DESCRIBED, &request.description);
    }
    writer.finish()?;
    progress.end();
    let bytes = std::fs::metadata(&path).map_err(Error::io("open", &path))?.len();
    let name = request.name.clone();
    Ok(Ingested { name, rows: order.len(), partitions: 1, resumed: 0, bytes, unchanged: false })
}

/// What is there, when it is what would be made.
fn finished(path: &Path, request: &TableRequest, fingerprint: &str) -> Result<Ingested, Error> {
    let (metadata, bytes) = read_footer(path)?;
    let notes = metadata.file_metadata().key_value_metadata();
    let made_from = notes.into_iter().flatten().find(|entry| entry.key == MADE_FROM).and_then(|e| e.value.as_deref());
    if made_from != Some(fingerprint) {
        return Err(Error::Occupied { path: path.to_owned() });
    }
    let rows = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
    Ok(Ingested { name: request.name.clone(), rows, partitions: 1, resumed: 1, bytes, unchanged: true })
}

/// The added columns: their fields, and the values of each, one a part.
struct Constants {
    fields: Vec<Field>,
    values: Vec<ArrayRef>,
}

fn constants(request: &TableRequest) -> Result<Constants, Error> {
    let names: Vec<&String> =
        request.parts.first().into_iter().flat_map(|part| &part.constants).map(|c| &c.0).collect();
    for part in &request.parts {
        if !part.constants.iter().map(|constant| &constant.0).eq(names.iter().copied()) {
            let found: Vec<&str> = part.constants.iter().map(|constant| constant.0.as_str()).collect();
            return Err(Error::DifferentSchema {
                path: part.path.clone(),
                table: label(&part.table),
                reason: format!("it adds the columns {found:?}, the first file adds {names:?}"),
            });
        }
    }
    let mut constants = Constants { fields: Vec::new(), values: Vec::new() };
    for (place, name) in names.into_iter().enumerate() {
        let declared = request.columns.get(name);
        let wanted = declared.and_then(|column| column.data_type.clone()).unwrap_or(DataType::Utf8);
        let field = Field::new(name, wanted.clone(), false);
        constants.fields.push(declared.map_or_else(|| field.clone(), |column| column.describe(&field)));
        let texts: Vec<&str> = request.parts.iter().map(|part| part.constants[place].1.as_str()).collect();
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let values = cast_with_options(&StringArray::from(texts), &wanted, &strict);
        let path = request.parts.first().map_or(Path::new(""), |part| &part.path);
        constants.values.push(values.map_err(Error::arrow("add constant columns to the rows of", path))?);
    }
    Ok(constants)
}

impl Constants {
    /// The values of the added column `column` in rows of these files.
    fn rows(&self, column: usize, files: impl Iterator<Item = u32>) -> Result<ArrayRef, arrow::error::ArrowError> {
        take(&self.values[column], &UInt32Array::from_iter_values(files), None)
    }
}

/// A table on its way to disk.
struct Plain<'a> {
    request: &'a TableRequest,
    files: &'a [OpenFile],
    rows: Rows<'a>,
    constants: Constants,
}

impl Plain<'_> {
    fn schema(&self) -> SchemaRef {
        let own = self.rows.schema().fields().iter().map(|field| field.as_ref().clone());
        Arc::new(Schema::new(self.constants.fields.iter().cloned().chain(own).collect::<Vec<_>>()))
    }

    /// File and row of every row, sorted.
    fn order(&self) -> Result<Vec<(u32, u32)>, Error> {
        let mut places = Vec::new();
        for ((file, part), number) in self.files.iter().zip(&self.request.parts).zip(0_u32..) {
            let rows = file.rows(&part.table)?;
            let rows = u32::try_from(rows).map_err(|_| Error::Catalogue {
                path: part.path.clone(),
                reason: format!("it has {rows} rows, expected fewer than 2^32"),
            })?;
            places.extend((0..rows).map(|row| (number, row)));
        }
        if self.request.sort_by.is_empty() {
            return Ok(places);
        }
        let mut keys: Vec<SortColumn> = Vec::new();
        for name in &self.request.sort_by {
            keys.push(SortColumn { values: self.key(name)?, options: None });
        }
        // The place decides last, so that the order is one whatever sorts it.
        let last: ArrayRef = Arc::new(UInt64Array::from_iter_values(0..places.len() as u64));
        keys.push(SortColumn { values: last, options: None });
        let order = lexsort_to_indices(&keys, None).map_err(Error::arrow("sort the rows of", self.first_path()))?;
        Ok(order.values().iter().filter_map(|&place| places.get(place as usize).copied()).collect())
    }

    /// One sort key of all files, one after the other.
    fn key(&self, name: &str) -> Result<ArrayRef, Error> {
        let constant = self.constants.fields.iter().position(|field| field.name() == name);
        let mut parts: Vec<ArrayRef> = Vec::with_capacity(self.files.len());
        let sort = Error::arrow("sort the rows of", self.first_path());
        for ((file, part), number) in self.files.iter().zip(&self.request.parts).zip(0_u32..) {
            parts.push(match constant {
                Some(place) => {
                    let file_number = std::iter::repeat_n(number, file.rows(&part.table)?);
                    self.constants.rows(place, file_number).map_err(&sort)?
                }
                None => self.rows.column(number as usize, name)?,
            });
        }
        let parts: Vec<&dyn arrow::array::Array> = parts.iter().map(AsRef::as_ref).collect();
        concat(&parts).map_err(sort)
    }

    fn first_path(&self) -> &Path {
        self.request.parts.first().map_or(Path::new(""), |part| &part.path)
    }

    fn gather(&self, places: &[(u32, u32)], schema: &SchemaRef) -> Result<RecordBatch, Error> {
        let own = self.rows.gather(places)?;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for place in 0..self.constants.fields.len() {
            let files = places.iter().map(|(file, _)| *file);
            let constant = self.constants.rows(place, files);
            columns.push(constant.map_err(Error::arrow("build rows of", self.first_path()))?);
        }
        columns.extend(own.columns().iter().cloned());
        RecordBatch::try_new(schema.clone(), columns).map_err(Error::arrow("build rows of", self.first_path()))
    }
}

/// Hash of what decides the table: the files (path, size, time of change) and the request's settings.
fn fingerprint(request: &TableRequest) -> Result<String, Error> {
    let mut hash = Sha256::new();
    for part in &request.parts {
        note_file(&mut hash, &part.path)?;
        hash.update(format!("{:?} {:?}\0", part.table, part.constants));
    }
    hash.update(format!("{} {:?} {} {:?}", request.name, request.sort_by, request.row_group_rows, request.columns));
    hash.update(&request.description);
    Ok(hexadecimal(&hash.finalize()))
}
