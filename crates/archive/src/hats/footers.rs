//! The dataset's two footer files: `_metadata` (every file's row groups and statistics) and `_common_metadata` (columns).

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::metadata::FileMetaData;
use parquet::file::metadata::{
    ParquetMetaData, ParquetMetaDataBuilder, ParquetMetaDataReader, ParquetMetaDataWriter, RowGroupMetaData,
};

use super::write_atomically;
use crate::error::Error;

const MAGIC: &[u8] = b"PAR1";

/// Gathers the footers of `files` (paths inside `dataset`) into `dataset/_metadata` and `dataset/_common_metadata`.
/// Returns the sum of the files' sizes in bytes. All files have the same columns.
pub(crate) fn write_footers(dataset: &Path, files: &[PathBuf]) -> Result<u64, Error> {
    let mut row_groups = Vec::new();
    let mut first: Option<FileMetaData> = None;
    let (mut rows, mut bytes) = (0, 0);
    for file in files {
        let path = dataset.join(file);
        let (metadata, size) = read_footer(&path)?;
        bytes += size;
        rows += metadata.file_metadata().num_rows();
        for group in metadata.row_groups() {
            row_groups.push(placed(group, file).map_err(Error::parquet("read the footer of", &path))?);
        }
        if first.is_none() {
            first = Some(metadata.file_metadata().clone());
        }
    }
    let Some(first) = first else { return Ok(0) };
    write_footer(&dataset.join("_metadata"), &first, rows, row_groups)?;
    write_footer(&dataset.join("_common_metadata"), &first, 0, Vec::new())?;
    Ok(bytes)
}

/// The footer of a Parquet file and the file's size; an error for anything that is not a whole Parquet file.
pub(crate) fn read_footer(path: &Path) -> Result<(ParquetMetaData, u64), Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let size = file.metadata().map_err(Error::io("open", path))?.len();
    let metadata =
        ParquetMetaDataReader::new().parse_and_finish(&file).map_err(Error::parquet("read the footer of", path))?;
    Ok((metadata, size))
}

fn placed(group: &RowGroupMetaData, file: &Path) -> parquet::errors::Result<RowGroupMetaData> {
    let columns = group
        .columns()
        .iter()
        // The page indexes stay in the files: their offsets mean nothing in a gathered footer.
        .map(|column| {
            column
                .clone()
                .into_builder()
                .set_file_path(file.to_string_lossy().into_owned())
                .set_column_index_offset(None)
                .set_column_index_length(None)
                .set_offset_index_offset(None)
                .set_offset_index_length(None)
                .build()
        })
        .collect::<parquet::errors::Result<Vec<_>>>()?;
    group.clone().into_builder().set_column_metadata(columns).build()
}

fn write_footer(path: &Path, like: &FileMetaData, rows: i64, row_groups: Vec<RowGroupMetaData>) -> Result<(), Error> {
    let file_metadata = FileMetaData::new(
        like.version(),
        rows,
        like.created_by().map(str::to_owned),
        like.key_value_metadata().cloned(),
        like.schema_descr_ptr(),
        None,
    );
    let metadata = ParquetMetaDataBuilder::new(file_metadata).set_row_groups(row_groups).build();
    let mut bytes = MAGIC.to_vec();
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().map_err(Error::parquet("write", path))?;
    write_atomically(path, &bytes)
}
