//! Writes FITS files: primary header, binary tables in batches of rows, images.
//!
//! Everything goes to a temporary file beside the final one, which takes its name in [`FitsWriter::finish`]; whatever
//! fails before leaves nothing. Each HDU gets DATASUM and CHECKSUM. A table's header is written last, into room left
//! for it, since the number of rows is not known before. Memory: one block of rows.
//! Reference: FITS standard 4.0.

use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use tempfile::NamedTempFile;

use super::checksum::{Sum, encode};
use super::encode::OutColumn;
use super::error::FitsError;
use super::header::{BLOCK, Card, Header, Value, describes_layout};
use super::pixels::ImageData;

/// Bytes of rows encoded at once.
const ENCODE_BYTES: usize = 64 << 10;
/// What stands for CHECKSUM while the sum is taken.
const NO_CHECKSUM: &str = "0000000000000000";
/// A FITS file being written. Without [`FitsWriter::finish`] nothing appears under its name.
#[derive(Debug)]
pub struct FitsWriter {
    path: PathBuf,
    out: BufWriter<NamedTempFile>,
    position: u64,
    hdus: usize,
}

impl FitsWriter {
    /// Begins a file at `path`.
    ///
    /// # Errors
    /// [`FitsError::Io`] where the folder cannot be written to.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, FitsError> {
        let path: PathBuf = path.as_ref().to_path_buf();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".fits-");
        // Temporary files are private; a catalogue is as readable as any new file (the system takes the umask off).
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let temporary = builder.tempfile_in(folder).map_err(|source| FitsError::Io {
            path: path.clone(),
            attempt: "create",
            source,
        })?;
        Ok(Self { path, out: BufWriter::with_capacity(1 << 20, temporary), position: 0, hdus: 0 })
    }

    /// Writes the primary header with these cards; it has no data. Must come first; left out, it has no cards.
    ///
    /// # Errors
    /// [`FitsError::Io`], [`FitsError::CannotWrite`] where something was written before.
    pub fn primary(&mut self, header: &Header) -> Result<&mut Self, FitsError> {
        if self.hdus > 0 {
            return Err(self.cannot_write("the primary header", "it must come before every other HDU"));
        }
        let mut full = Header::new();
        full.set("SIMPLE", true, "conforms to the FITS standard");
        full.set("BITPIX", 8_i64, "no data");
        full.set("NAXIS", 0_i64, "no data");
        full.set("EXTEND", true, "extensions may follow");
        append_cards(&mut full, header);
        self.write_hdu(&mut full, Sum::default())?;
        Ok(self)
    }

    /// Writes a table at once; strings are as wide as the widest.
    ///
    /// # Errors
    /// As [`TableWriter::append`].
    pub fn table(&mut self, name: &str, schema: &Schema, batches: &[RecordBatch]) -> Result<&mut Self, FitsError> {
        let mut table = self.begin_table(name, schema, &Header::new())?;
        for batch in batches {
            table.widen(batch);
        }
        for batch in batches {
            table.append(batch)?;
        }
        table.end()?;
        Ok(self)
    }

    /// Begins a table whose rows come in batches. `header` has cards beyond those of the layout. Units, UCDs and
    /// descriptions come from the fields' metadata `unit`, `ucd`, `description`; the width of strings from `width`, or
    /// else from the first batch.
    ///
    /// # Errors
    /// [`FitsError::Io`], [`FitsError::CannotWrite`] for a type that FITS does not have.
    pub fn begin_table(&mut self, name: &str, schema: &Schema, header: &Header) -> Result<TableWriter<'_>, FitsError> {
        self.ensure_primary()?;
        let mut columns = Vec::new();
        for field in schema.fields() {
            let column = OutColumn::new(field).ok_or_else(|| {
                let reason = format!("FITS has no type for {}", field.data_type());
                self.cannot_write(format!("column `{}` of table {name}", field.name()), reason)
            })?;
            columns.push(column);
        }
        if columns.len() > 999 {
            return Err(self.cannot_write(format!("table {name}"), "FITS allows at most 999 columns"));
        }
        let fields = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        Ok(TableWriter {
            start: self.position,
            writer: self,
            name: name.to_owned(),
            fields,
            columns,
            header: header.clone(),
            header_bytes: 0,
            row_bytes: 0,
            rows: 0,
            sum: Sum::default(),
            buffer: Vec::new(),
        })
    }

    /// Writes an image of that shape (slowest axis first). As the first HDU it becomes the primary one.
    ///
    /// # Errors
    /// [`FitsError::Io`], [`FitsError::CannotWrite`] where shape and pixels disagree.
    pub fn image(
        &mut self,
        name: &str,
        shape: &[usize],
        pixels: &ImageData,
        header: &Header,
    ) -> Result<&mut Self, FitsError> {
        let expected = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length));
        if expected != Some(pixels.len()) || shape.is_empty() {
            let reason = format!("{} pixels do not make an image of shape {shape:?}", pixels.len());
            return Err(self.cannot_write(format!("image {name}"), reason));
        }
        let (bitpix, zero) = pixels.format();
        let mut full = Header::new();
        if self.hdus == 0 {
            full.set("SIMPLE", true, "conforms to the FITS standard");
        } else {
            full.set("XTENSION", "IMAGE", "image extension");
        }
        full.set("BITPIX", bitpix, "bits per pixel");
        full.set("NAXIS", shape.len() as i64, "number of axes");
        for (axis, &length) in shape.iter().rev().enumerate() {
            full.set(&format!("NAXIS{}", axis + 1), length as i64, "");
        }
        if self.hdus > 0 {
            full.set("PCOUNT", 0_i64, "");
            full.set("GCOUNT", 1_i64, "");
        } else {
            full.set("EXTEND", true, "extensions may follow");
        }
        if let Some(zero) = zero {
            full.set("BSCALE", 1_i64, "");
            full.set("BZERO", Value::Other(zero.to_owned()), "offset of unsigned integers");
        }
        if !name.is_empty() {
            full.set("EXTNAME", name, "");
        }
        append_cards(&mut full, header);
        // Once through the pixels: the header is written again when their sum is known, in the same room.
        let start = self.position;
        self.write_hdu(&mut full, Sum::default())?;
        let mut sum = Sum::default();
        pixels.each_chunk(|chunk| {
            sum.add(chunk);
            self.put(chunk)
        })?;
        self.pad(0)?;
        self.put_again(start, &sealed(&mut full, sum, 0))?;
        Ok(self)
    }

    /// Makes the file appear under its name, all of it on disk.
    ///
    /// # Errors
    /// [`FitsError::Io`]; then nothing appears.
    pub fn finish(mut self) -> Result<(), FitsError> {
        self.ensure_primary()?;
        let path = self.path.clone();
        let io = |action: &'static str| {
            let path = path.clone();
            move |source| FitsError::Io { path, attempt: action, source }
        };
        let file = self.out.into_inner().map_err(|error| io("write")(error.into_error()))?;
        file.as_file().sync_all().map_err(io("write"))?;
        file.persist(&path).map_err(|error| io("rename the temporary file to")(error.error))?;
        Ok(())
    }

    fn ensure_primary(&mut self) -> Result<(), FitsError> {
        if self.hdus == 0 {
            self.primary(&Header::new())?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), FitsError> {
        self.position += bytes.len() as u64;
        self.out.write_all(bytes).map_err(|source| self.io("write", source))
    }

    /// Writes bytes over those at an earlier place.
    fn put_again(&mut self, start: u64, bytes: &[u8]) -> Result<(), FitsError> {
        let end = self.position;
        self.out.seek(SeekFrom::Start(start)).map_err(|source| self.io("write", source))?;
        self.put(bytes)?;
        self.out.seek(SeekFrom::Start(end)).map_err(|source| self.io("write", source))?;
        self.position = end;
        Ok(())
    }

    fn pad(&mut self, fill: u8) -> Result<(), FitsError> {
        let missing = (BLOCK - (self.position % BLOCK as u64) as usize) % BLOCK;
        self.put(&vec![fill; missing])
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> FitsError {
        FitsError::Io { path: self.path.clone(), attempt: action, source }
    }

    fn cannot_write(&self, what: impl Into<String>, reason: impl Into<String>) -> FitsError {
        FitsError::CannotWrite { path: self.path.clone(), what: what.into(), reason: reason.into() }
    }

    /// Writes a header whose data have this sum; padding (zeros) does not change it.
    fn write_hdu(&mut self, header: &mut Header, sum: Sum) -> Result<(), FitsError> {
        let bytes = sealed(header, sum, 0);
        self.put(&bytes)?;
        self.hdus += 1;
        Ok(())
    }
}

/// The header's bytes with DATASUM and CHECKSUM for data of this sum.
fn sealed(header: &mut Header, sum: Sum, min_bytes: usize) -> Vec<u8> {
    header.set("CHECKSUM", NO_CHECKSUM, "HDU checksum");
    header.set("DATASUM", sum.value().to_string(), "data unit checksum");
    let mut total = Sum::default();
    total.add(&header.to_bytes(min_bytes));
    total.add(&sum.value().to_be_bytes());
    header.set("CHECKSUM", encode(total.value()), "HDU checksum");
    header.to_bytes(min_bytes)
}

fn append_cards(full: &mut Header, more: &Header) {
    for card in more.cards() {
        let named = card.keyword == "EXTNAME" && full.get("EXTNAME").is_some();
        if !describes_layout(&card.keyword) && !named {
            full.push(card.clone());
        }
    }
}

/// A table being written, batch by batch.
#[derive(Debug)]
pub struct TableWriter<'a> {
    writer: &'a mut FitsWriter,
    name: String,
    fields: Vec<arrow::datatypes::Field>,
    columns: Vec<OutColumn>,
    header: Header,
    start: u64,
    /// Room taken by the header; 0 until the first rows.
    header_bytes: usize,
    row_bytes: usize,
    rows: usize,
    sum: Sum,
    buffer: Vec<u8>,
}

impl TableWriter<'_> {
    /// Adds rows.
    ///
    /// # Errors
    /// [`FitsError::Io`], [`FitsError::Unwritable`] for a string wider than its column, [`FitsError::CannotWrite`] for
    /// other columns than announced.
    pub fn append(&mut self, batch: &RecordBatch) -> Result<(), FitsError> {
        if batch.num_columns() != self.columns.len() {
            let reason = format!("expected {} columns, found {}", self.columns.len(), batch.num_columns());
            return Err(self.writer.cannot_write(format!("table {}", self.name), reason));
        }
        if self.header_bytes == 0 {
            self.widen(batch);
            self.reserve_header()?;
        }
        let step = (ENCODE_BYTES / self.row_bytes.max(1)).max(1);
        let mut start = 0;
        while start < batch.num_rows() {
            let count = step.min(batch.num_rows() - start);
            self.append_block(&batch.slice(start, count))?;
            start += count;
        }
        Ok(())
    }

    fn append_block(&mut self, block: &RecordBatch) -> Result<(), FitsError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        buffer.resize(block.num_rows() * self.row_bytes, 0);
        for (column, array) in self.columns.iter_mut().zip(block.columns()) {
            column.encode(array, &mut buffer, self.row_bytes).map_err(|(row, reason)| FitsError::Unwritable {
                path: self.writer.path.clone(),
                column: column.name.clone(),
                row: Some((self.rows + row) as u64),
                reason,
            })?;
        }
        self.sum.add(&buffer);
        self.writer.put(&buffer)?;
        self.rows += block.num_rows();
        self.buffer = buffer;
        Ok(())
    }

    /// Makes columns of strings wide enough for a batch, while nothing is written yet.
    fn widen(&mut self, batch: &RecordBatch) {
        for ((column, field), array) in self.columns.iter_mut().zip(&self.fields).zip(batch.columns()) {
            let fixed = field.metadata().contains_key("width");
            if column.leaf == arrow::datatypes::DataType::Utf8 && !fixed {
                column.text_width = column.text_width.max(column.widest(array));
            }
        }
    }

    fn reserve_header(&mut self) -> Result<(), FitsError> {
        let mut offset = 0;
        for column in &mut self.columns {
            if column.leaf == arrow::datatypes::DataType::Utf8 {
                column.text_width = column.text_width.max(1);
            }
            column.offset = offset;
            offset += column.row_bytes();
        }
        self.row_bytes = offset;
        let mut header = self.table_header(true);
        let bytes = sealed(&mut header, Sum::default(), 0);
        self.header_bytes = bytes.len();
        self.writer.put(&bytes)
    }

    /// The table's header; `all_nulls` adds every TNULL that could be needed.
    fn table_header(&self, all_nulls: bool) -> Header {
        let mut header = Header::new();
        header.set("XTENSION", "BINTABLE", "binary table extension");
        header.set("BITPIX", 8_i64, "bytes");
        header.set("NAXIS", 2_i64, "rows and their bytes");
        header.set("NAXIS1", self.row_bytes as i64, "bytes in a row");
        header.set("NAXIS2", self.rows as i64, "rows");
        header.set("PCOUNT", 0_i64, "bytes of heap");
        header.set("GCOUNT", 1_i64, "");
        header.set("TFIELDS", self.columns.len() as i64, "columns");
        if !self.name.is_empty() {
            header.set("EXTNAME", self.name.as_str(), "");
        }
        for (index, (column, field)) in self.columns.iter().zip(&self.fields).enumerate() {
            let number = index + 1;
            let mut push = |root: &str, value: Value, comment: &str| {
                header.push(Card { keyword: format!("{root}{number}"), value, comment: comment.to_owned() });
            };
            push("TTYPE", column.name.as_str().into(), "");
            push("TFORM", column.tform().into(), "");
            if let Some(tdim) = column.tdim() {
                push("TDIM", tdim.into(), "");
            }
            if let Some(zero) = column.tzero() {
                push("TSCAL", 1_i64.into(), "");
                push("TZERO", Value::Other(zero.to_owned()), "");
            }
            if let Some(null) = column.tnull()
                && (column.has_nulls || all_nulls && field.is_nullable())
            {
                push("TNULL", null.into(), "missing");
            }
            for (key, root) in [("unit", "TUNIT"), ("ucd", "TUCD"), ("description", "TCOMM")] {
                if let Some(text) = field.metadata().get(key).filter(|text| !text.is_empty()) {
                    push(root, text.as_str().into(), "");
                }
            }
        }
        append_cards(&mut header, &self.header);
        header
    }

    /// Ends the table: writes its header and padding.
    ///
    /// # Errors
    /// [`FitsError::Io`], [`FitsError::CannotWrite`] where a column has missing values and also the value that would
    /// have to stand for them.
    pub fn end(mut self) -> Result<(), FitsError> {
        if self.header_bytes == 0 {
            self.reserve_header()?;
        }
        if let Some(column) = self.columns.iter().find(|column| column.has_nulls && column.null_as_value) {
            let reason = format!("it has missing values and the value {:?} that marks them", column.tnull());
            return Err(self.writer.cannot_write(format!("column `{}`", column.name), reason));
        }
        self.writer.pad(0)?;
        let mut header = self.table_header(false);
        let bytes = sealed(&mut header, self.sum, self.header_bytes);
        if bytes.len() != self.header_bytes {
            let reason = "a field that may not be null has nulls, and its header does not fit any more";
            return Err(self.writer.cannot_write(format!("table {}", self.name), reason));
        }
        self.writer.put_again(self.start, &bytes)?;
        self.writer.hdus += 1;
        Ok(())
    }
}
