//! One partition's Parquet file: zstd, sorted by position, row groups sized for scans, written whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{KeyValue, ParquetMetaData, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::INDEX_COLUMN;
use crate::error::Error;

/// Rows a row group of a narrow table: small enough to skip what a cone does not touch, large enough to scan fast.
const ROW_GROUP_ROWS: usize = 65_536;
/// Rows a row group of a wide table (several hundred columns), so that a writer's buffers stay near 100 MB.
const WIDE_ROW_GROUP_ROWS: usize = 16_384;
const WIDE_COLUMNS: usize = 400;
/// Bytes of values in a row group at most: rows with long lists make small row groups.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// Measured on a SPECPHOT-like table: level 1 writes twice as fast as 3 and is 2 % larger.
const ZSTD_LEVEL: i32 = 1;

/// Writes one file under a temporary name and renames it when it is complete.
pub(crate) struct PartitionWriter {
    path: PathBuf,
    temporary: PathBuf,
    writer: ArrowWriter<BufWriter<File>>,
}

impl PartitionWriter {
    /// Opens the temporary file beside `path`, whose folder is made if needed.
    pub(crate) fn create(path: &Path, schema: &SchemaRef) -> Result<Self, Error> {
        let wide = schema.fields().len() > WIDE_COLUMNS;
        let most = if wide { WIDE_ROW_GROUP_ROWS } else { ROW_GROUP_ROWS };
        let long = has_long_lists(schema);
        Self::plain(path, schema, if long { (ROW_GROUP_BYTES / row_bytes(schema)).clamp(1, most) } else { most })
    }

    /// The same with a given number of rows a row group.
    pub(crate) fn plain(path: &Path, schema: &SchemaRef, row_group_rows: usize) -> Result<Self, Error> {
        let temporary = temporary_path(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))?;
        }
        let file = File::create(&temporary).map_err(Error::io("create", &temporary))?;
        let writer = ArrowWriter::try_new(
            BufWriter::with_capacity(1 << 20, file),
            schema.clone(),
            Some(writer_properties(schema, row_group_rows)?),
        )
        .map_err(Error::parquet("create", &temporary))?;
        Ok(Self { path: path.to_owned(), temporary, writer })
    }

    /// Appends rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        self.writer.write(batch).map_err(Error::parquet("write", &self.path))
    }

    /// Adds an entry to the file's own metadata.
    pub(crate) fn note(&mut self, key: &str, value: &str) {
        self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value.to_owned()));
    }

    /// Writes the footer, flushes to disk and gives the file its name.
    pub(crate) fn finish(mut self) -> Result<ParquetMetaData, Error> {
        let metadata = self.writer.finish().map_err(Error::parquet("write", &self.path))?;
        let buffer = self.writer.inner_mut();
        buffer.flush().map_err(Error::io("write", &self.path))?;
        buffer.get_ref().sync_data().map_err(Error::io("flush to disk", &self.path))?;
        std::fs::rename(&self.temporary, &self.path).map_err(Error::io("rename to", &self.path))?;
        Ok(metadata)
    }
}

impl Drop for PartitionWriter {
    fn drop(&mut self) {
        // After a finished write the temporary name is gone; after a failed one it must not stay. Nothing more can be
        // done here if that fails, and the next run removes leftovers anyway.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

/// Writes a small file whole or not at all, in a folder that is made where it is not there.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))?;
    }
    write_whole(path, bytes).map_err(Error::io("write", path))
}

/// Writes a small file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = temporary_path(path);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        std::fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

/// A hidden name in the same folder, so that the rename is atomic and readers of the folder pass over it.
fn temporary_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.partial"))
}

/// About how many bytes the values of a row take; strings count as 16.
pub(crate) fn row_bytes(schema: &Schema) -> usize {
    fn bytes(data_type: &DataType) -> usize {
        match data_type {
            DataType::FixedSizeList(item, length) => bytes(item.data_type()) * usize::try_from(*length).unwrap_or(0),
            other => other.primitive_width().unwrap_or(16),
        }
    }
    schema.fields().iter().map(|field| bytes(field.data_type())).sum::<usize>().max(1)
}

/// Whether a column holds a spectrum or the like in each row.
fn has_long_lists(schema: &Schema) -> bool {
    schema.fields().iter().any(|field| matches!(field.data_type(), DataType::FixedSizeList(_, 256..)))
}

/// Encoding of a column of lists: floats and short integers with their bytes split, other integers (bit masks) by a
/// dictionary. Statistics of list items are of no use to anybody.
fn list_properties(builder: WriterPropertiesBuilder, name: &str, item: &Field) -> WriterPropertiesBuilder {
    let path = ColumnPath::new(vec![name.to_owned(), "list".to_owned(), item.name().clone()]);
    let builder = builder.set_column_statistics_enabled(path.clone(), EnabledStatistics::None);
    match item.data_type() {
        DataType::Float32 | DataType::Float64 | DataType::Int16 => {
            builder.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT)
        }
        data_type if data_type.is_integer() => builder.set_column_dictionary_enabled(path, true),
        _ => builder,
    }
}

/// Zstd; dictionaries only for strings and booleans (they cost time and save nothing on measured numbers), floats with
/// their bytes split into streams, statistics a page.
pub(crate) fn writer_properties(schema: &Schema, row_group_rows: usize) -> Result<WriterProperties, Error> {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).map_err(Error::parquet("set up zstd for", Path::new("the archive")))?;
    let mut builder = WriterProperties::builder()
        .set_created_by(concat!("astrolab ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(row_group_rows))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_dictionary_enabled(false);
    for field in schema.fields() {
        let path = ColumnPath::from(field.name().as_str());
        builder = match field.data_type() {
            DataType::Utf8 | DataType::Int8 | DataType::Int16 | DataType::UInt8 => {
                builder.set_column_dictionary_enabled(path, true)
            }
            DataType::Float32 | DataType::Float64 => builder.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
            DataType::FixedSizeList(item, 256..) => list_properties(builder, field.name(), item),
            _ => builder,
        };
        if is_page_indexed(field.name()) {
            builder =
                builder.set_column_statistics_enabled(ColumnPath::from(field.name().as_str()), EnabledStatistics::Page);
        }
    }
    if schema.fields().first().is_some_and(|field| field.name() == INDEX_COLUMN) {
        builder = builder.set_sorting_columns(Some(vec![SortingColumn {
            column_idx: 0,
            descending: false,
            nulls_first: false,
        }]));
        builder = builder.set_column_encoding(ColumnPath::from(INDEX_COLUMN), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(builder.build())
}

/// The columns that queries cut on: position, redshift, identifier.
fn is_page_indexed(name: &str) -> bool {
    [INDEX_COLUMN, "TARGETID", "Z", "REDSHIFT", "RA", "DEC"].iter().any(|indexed| name.eq_ignore_ascii_case(indexed))
}
