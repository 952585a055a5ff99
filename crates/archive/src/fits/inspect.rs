//! What is in a FITS file: HDUs, columns, how many values are valid, and their ranges.
//!
//! Tables are read in blocks of rows, so memory stays at one block a thread whatever the file's size. It judges nothing:
//! whether a file has the HDUs its survey prescribes is for that survey's reader to say.

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::kernels::aggregate::{max, min};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde::Serialize;

use super::{ChecksumStatus, ColumnInfo, FitsError, FitsFile, Hdu, HduKind, Image, Table};

/// Bytes of rows that are decoded at a time.
const BLOCK_BYTES: usize = 8 << 20;
/// Pixels that are decoded at a time.
const BLOCK_PIXELS: usize = 1 << 20;

/// A file's content.
#[derive(Debug, Clone, Serialize)]
pub struct FileSummary {
    /// The file.
    pub path: PathBuf,
    /// Its size on disk, in bytes.
    pub bytes: u64,
    /// Its HDUs, in file order.
    pub hdus: Vec<HduSummary>,
}

/// One HDU's content.
#[derive(Debug, Clone, Serialize)]
pub struct HduSummary {
    /// Place in the file, from 0.
    pub index: usize,
    /// EXTNAME.
    pub name: String,
    /// `table`, `image` or `other`.
    pub kind: &'static str,
    /// Rows of a table.
    pub rows: Option<usize>,
    /// Axis lengths of an image, slowest first.
    pub shape: Option<Vec<usize>>,
    /// BITPIX of an image.
    pub bitpix: Option<i64>,
    /// Unit of an image.
    pub unit: Option<String>,
    /// Smallest and largest pixel.
    pub range: Option<[f64; 2]>,
    /// A table's columns.
    pub columns: Vec<ColumnSummary>,
    /// `valid` or `absent`, when checksums were asked for; a mismatch is an error.
    pub checksum: Option<&'static str>,
}

/// One column's content.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnSummary {
    /// TTYPE.
    pub name: String,
    /// TFORM, as written.
    pub tform: String,
    /// The Arrow type it is read as.
    pub data_type: String,
    /// TUNIT.
    pub unit: Option<String>,
    /// Share of the values (of a list: of its elements) that are neither null nor NaN; none of an empty table.
    pub valid_fraction: Option<f64>,
    /// Smallest and largest valid value, as text: integers exactly, strings by their order.
    pub range: Option<[String; 2]>,
}

/// Reads a file through and sums up what it holds.
///
/// # Errors
/// When the file is no valid FITS, a cell cannot be decoded or, with `verify`, a checksum does not match.
pub fn inspect(path: &Path, verify: bool) -> Result<FileSummary, FitsError> {
    let file = FitsFile::open(path)?;
    let size = std::fs::metadata(path).map_err(|source| FitsError::Io {
        attempt: "measure",
        path: path.to_owned(),
        source,
    })?;
    let hdus = file.hdus().iter().map(|hdu| inspect_hdu(&file, hdu, verify)).collect::<Result<_, _>>()?;
    Ok(FileSummary { path: path.to_owned(), bytes: size.len(), hdus })
}

fn inspect_hdu(file: &FitsFile, hdu: &Hdu, verify: bool) -> Result<HduSummary, FitsError> {
    let checksum = match verify.then(|| file.verify(hdu)).transpose()? {
        Some(ChecksumStatus::Absent) => Some("absent"),
        Some(_) => Some("valid"),
        None => None,
    };
    let mut summary = HduSummary {
        index: hdu.index,
        name: hdu.name.clone(),
        kind: "other",
        rows: None,
        shape: None,
        bitpix: None,
        unit: None,
        range: None,
        columns: Vec::new(),
        checksum,
    };
    match hdu.kind {
        HduKind::Table => {
            let table = file.table_at(hdu.index)?;
            summary.kind = "table";
            summary.rows = Some(table.n_rows());
            summary.columns = inspect_columns(&table)?;
        }
        HduKind::Image => {
            let image = file.image_at(hdu.index)?;
            summary.kind = "image";
            summary.shape = Some(image.shape().to_vec());
            summary.bitpix = Some(image.bitpix());
            summary.unit = image.unit().map(str::to_owned);
            summary.range = pixel_range(&image)?;
        }
        HduKind::Other => {}
    }
    Ok(summary)
}

fn pixel_range(image: &Image<'_>) -> Result<Option<[f64; 2]>, FitsError> {
    let mut range: Option<[f64; 2]> = None;
    for start in (0..image.len()).step_by(BLOCK_PIXELS) {
        for value in image.read_f64(start..start + BLOCK_PIXELS)?.into_iter().filter(|value| !value.is_nan()) {
            let [low, high] = range.unwrap_or([value, value]);
            range = Some([low.min(value), high.max(value)]);
        }
    }
    Ok(range)
}

fn inspect_columns(table: &Table<'_>) -> Result<Vec<ColumnSummary>, FitsError> {
    let mut tallies = vec![Tally::default(); table.columns().len()];
    let block_rows = (BLOCK_BYTES / table.row_bytes.max(1)).max(1);
    for start in (0..table.n_rows()).step_by(block_rows) {
        let batch = table.read(&[], start..start + block_rows)?;
        for (tally, array) in tallies.iter_mut().zip(batch.columns()) {
            tally.add(array);
        }
    }
    Ok(table.columns().iter().zip(tallies).map(|(column, tally)| tally.summary(column)).collect())
}

/// Values counted so far, and their range by the kind they are.
#[derive(Debug, Clone, Default)]
struct Tally {
    values: usize,
    valid: usize,
    integers: Option<[i64; 2]>,
    floats: Option<[f64; 2]>,
    strings: Option<[String; 2]>,
}

impl Tally {
    fn add(&mut self, array: &ArrayRef) {
        match array.data_type() {
            DataType::FixedSizeList(..) => self.add(array.as_fixed_size_list().values()),
            DataType::List(_) => self.add(array.as_list::<i32>().values()),
            DataType::Utf8 => self.add_strings(array),
            DataType::Float32 | DataType::Float64 | DataType::UInt64 => self.add_floats(array),
            _ => self.add_integers(array),
        }
    }

    fn add_strings(&mut self, array: &ArrayRef) {
        self.values += array.len();
        self.valid += array.len() - array.null_count();
        for text in array.as_string::<i32>().iter().flatten() {
            match &mut self.strings {
                None => self.strings = Some([text.to_owned(), text.to_owned()]),
                Some([low, _]) if text < low.as_str() => text.clone_into(low),
                Some([_, high]) if text > high.as_str() => text.clone_into(high),
                Some(_) => {}
            }
        }
    }

    fn add_floats(&mut self, array: &ArrayRef) {
        self.values += array.len();
        let Ok(cast) = arrow::compute::cast(array, &DataType::Float64) else { return };
        for value in cast.as_primitive::<Float64Type>().iter().flatten().filter(|value| !value.is_nan()) {
            self.valid += 1;
            let [low, high] = self.floats.unwrap_or([value, value]);
            self.floats = Some([low.min(value), high.max(value)]);
        }
    }

    fn add_integers(&mut self, array: &ArrayRef) {
        self.values += array.len();
        self.valid += array.len() - array.null_count();
        let Ok(cast) = arrow::compute::cast(array, &DataType::Int64) else { return };
        let cast = cast.as_primitive::<Int64Type>();
        if let (Some(low), Some(high)) = (min(cast), max(cast)) {
            let [before_low, before_high] = self.integers.unwrap_or([low, high]);
            self.integers = Some([before_low.min(low), before_high.max(high)]);
        }
    }

    fn summary(self, column: &ColumnInfo) -> ColumnSummary {
        let integers = self.integers.map(|range| range.map(|value| value.to_string()));
        let floats = self.floats.map(|range| range.map(|value| value.to_string()));
        ColumnSummary {
            name: column.name.clone(),
            tform: column.tform.clone(),
            data_type: column.data_type().to_string(),
            unit: column.unit.clone(),
            valid_fraction: (self.values > 0).then(|| self.valid as f64 / self.values as f64),
            range: integers.or(floats).or(self.strings),
        }
    }
}
