//! Files that appear whole or not at all.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::Error;
use crate::fits::{FitsWriter, Header};
use crate::hats::PartitionWriter;

/// A text file being written under a temporary name; [`File::finish`] gives it its own.
pub struct File {
    path: PathBuf,
    out: BufWriter<tempfile::NamedTempFile>,
}

impl File {
    /// Opens a temporary file in the folder of `path`.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be written to.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let temporary = tempfile::Builder::new().prefix(".astrolab-").tempfile_in(folder(path));
        let temporary = temporary.map_err(Error::io("create", path))?;
        Ok(Self { path: path.to_owned(), out: BufWriter::with_capacity(1 << 20, temporary) })
    }

    /// Flushes to disk and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Io`]; then nothing appears.
    pub fn finish(self) -> Result<(), Error> {
        let failed = |source: std::io::Error| Error::Io { action: "write", path: self.path.clone(), source };
        let file = self.out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_data().map_err(failed)?;
        readable_by_others(&file).map_err(failed)?;
        file.persist(&self.path).map(|_| ()).map_err(|error| failed(error.error))
    }
}

/// Temporary files are private; results are as public as any file the user makes.
fn readable_by_others(file: &tempfile::NamedTempFile) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A Parquet file, whole or not at all.
///
/// # Errors
/// A batch is an error, or the file cannot be written.
pub fn parquet(
    path: &Path,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<(), Error> {
    let mut writer = PartitionWriter::create(path, schema)?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.finish().map(|_| ())
}

/// A FITS file with one binary table `RESULT`, whole or not at all.
///
/// FITS fixes the width of strings before the first row. Where the answer has strings, it is first kept in a temporary
/// Parquet file beside `path` until the widest is known.
///
/// # Errors
/// A batch is an error, a column has no FITS form, or the file cannot be written.
pub fn fits(
    path: &Path,
    schema: &SchemaRef,
    mut batches: impl Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<(), Error> {
    let strings: Vec<usize> =
        (0..schema.fields().len()).filter(|&place| *schema.field(place).data_type() == DataType::Utf8).collect();
    if strings.is_empty() {
        return fits_table(path, schema, &mut batches);
    }
    let spool = tempfile::Builder::new().prefix(".astrolab-").suffix(".parquet").tempfile_in(folder(path));
    let spool = spool.map_err(Error::io("create a temporary file beside", path))?.into_temp_path();
    let mut widths = vec![1_usize; strings.len()];
    let mut writer = PartitionWriter::create(&spool, schema)?;
    for batch in batches {
        let batch = batch?;
        for (width, &place) in widths.iter_mut().zip(&strings) {
            let column = batch.column(place).as_string::<i32>();
            *width = column.iter().flatten().map(str::len).fold(*width, usize::max);
        }
        writer.write(&batch)?;
    }
    writer.finish()?;
    let schema = with_widths(schema, &strings, &widths);
    let file = std::fs::File::open(&spool).map_err(Error::io("open", &spool))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
    let reader = reader.map_err(Error::parquet("read", &spool))?;
    fits_table(path, &schema, &mut reader.map(|batch| batch.map_err(Error::arrow("read", &spool))))
}

fn with_widths(schema: &Schema, strings: &[usize], widths: &[usize]) -> SchemaRef {
    let mut fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
    for (&place, width) in strings.iter().zip(widths) {
        let mut metadata = fields[place].metadata().clone();
        metadata.insert("width".to_owned(), width.to_string());
        fields[place] = fields[place].clone().with_metadata(metadata);
    }
    Arc::new(Schema::new(fields))
}

fn fits_table(
    path: &Path,
    schema: &SchemaRef,
    batches: &mut dyn Iterator<Item = Result<RecordBatch, Error>>,
) -> Result<(), Error> {
    let mut writer = FitsWriter::create(path)?;
    writer.primary(&Header::new())?;
    let mut table = writer.begin_table("RESULT", schema, &Header::new())?;
    for batch in batches {
        table.append(&batch?)?;
    }
    table.end()?;
    writer.finish()?;
    Ok(())
}
