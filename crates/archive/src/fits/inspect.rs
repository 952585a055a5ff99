//! What is in a FITS file: HDUs, their cards, columns, how many values are valid, and their ranges.
//!
//! Tables are read in blocks of rows, so memory stays at one block a thread whatever the file's size. It judges nothing:
//! whether a file has the HDUs its survey prescribes is for that survey's reader to say.

use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::kernels::aggregate::{max, min};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde::Serialize;

use super::header::describes_layout;
use super::{Card, Checksums, ColumnInfo, Element, FitsError, FitsFile, Hdu, HduKind, Image, Scaling, Table, Value};

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
    /// What CHECKSUM and DATASUM say, when that was asked for.
    pub checksums: Option<Checksums>,
    /// The cards that say something of the content: all but those of the layout, comments and history.
    pub cards: Vec<CardSummary>,
}

/// One card of a header.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CardSummary {
    /// Keyword.
    pub keyword: String,
    /// Value; integers beyond 2^53, which other languages round, as text.
    pub value: serde_json::Value,
    /// What stands after the slash.
    pub comment: String,
}

/// One column's content.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnSummary {
    /// TTYPE.
    pub name: String,
    /// TFORM, as written.
    pub tform: String,
    /// The type it is read as, in numpy's words: `float32`, `text`, `int16[2,3]` (slowest axis first), `float64[*]` for
    /// cells of any length.
    pub data_type: String,
    /// TUNIT.
    pub unit: Option<String>,
    /// Share of the values (of a list: of its elements) that are neither null nor NaN; none of an empty table.
    pub valid_fraction: Option<f64>,
    /// Smallest and largest valid value, as text: integers exactly, strings by their order.
    pub range: Option<[String; 2]>,
}

/// Reads a file through and sums up what it holds; with `verify`, whether its checksums are right.
///
/// # Errors
/// When the file is no valid FITS, or a cell cannot be decoded.
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

impl FileSummary {
    /// Whether a checksum that was asked for is wrong.
    #[must_use]
    pub fn any_checksum_wrong(&self) -> bool {
        self.hdus.iter().any(|hdu| hdu.checksums.as_ref().is_some_and(Checksums::any_wrong))
    }
}

fn inspect_hdu(file: &FitsFile, hdu: &Hdu, verify: bool) -> Result<HduSummary, FitsError> {
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
        checksums: verify.then(|| file.checksums(hdu)),
        cards: hdu.header.cards().iter().filter_map(summarise_card).collect(),
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

fn summarise_card(card: &Card) -> Option<CardSummary> {
    /// Integers up to here are exact as 64-bit floats, which is what JSON's numbers are elsewhere.
    const EXACT: u64 = 1 << 53;
    if describes_layout(&card.keyword) || ["EXTNAME", "COMMENT", "HISTORY", "CONTINUE", ""].contains(&&*card.keyword) {
        return None;
    }
    let value = match &card.value {
        Value::Text(text) | Value::Other(text) => text.as_str().into(),
        Value::Logical(truth) => (*truth).into(),
        Value::Integer(number) if number.unsigned_abs() > EXACT => number.to_string().into(),
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Undefined => serde_json::Value::Null,
    };
    Some(CardSummary { keyword: card.keyword.clone(), value, comment: card.comment.clone() })
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
        // 32-bit floats in as few digits as make them exact, not in those of the 64-bit float beside them.
        let single = column.data_type() == DataType::Float32 || column.form.element == Element::Float;
        let number = |value: f64| {
            if single && column.scaling == Scaling::None { format!("{:?}", value as f32) } else { format!("{value:?}") }
        };
        let floats = self.floats.map(|range| range.map(number));
        ColumnSummary {
            name: column.name.clone(),
            tform: column.tform.clone(),
            data_type: type_name(column),
            unit: column.unit.clone(),
            valid_fraction: (self.values > 0).then(|| self.valid as f64 / self.values as f64),
            range: integers.or(floats).or(self.strings),
        }
    }
}

/// The type of a column's cells in numpy's words.
fn type_name(column: &ColumnInfo) -> String {
    let complex = matches!(column.form.element, Element::ComplexFloat | Element::ComplexDouble);
    let mut data_type = column.data_type();
    let mut lengths = Vec::new();
    loop {
        data_type = match &data_type {
            DataType::FixedSizeList(item, length) => {
                lengths.push(length.to_string());
                item.data_type().clone()
            }
            DataType::List(item) => {
                lengths.push("*".to_owned());
                item.data_type().clone()
            }
            _ => break,
        };
    }
    if complex {
        // The pair of parts is one number.
        lengths.pop();
    }
    let product = |shape: &[usize]| shape.iter().try_fold(1_usize, |product, axis| product.checked_mul(*axis));
    if let (Some(shape), [one]) = (&column.shape, &lengths[..])
        && column.strings().is_none()
        && product(shape).map(|length| length.to_string()).as_ref() == Some(one)
    {
        lengths = shape.iter().rev().map(usize::to_string).collect();
    }
    let element = match (complex, &data_type) {
        (true, DataType::Float32) => "complex64".to_owned(),
        (true, _) => "complex128".to_owned(),
        (_, DataType::Boolean) => "bool".to_owned(),
        (_, DataType::Utf8) => "text".to_owned(),
        (_, other) => other.to_string().to_lowercase(),
    };
    if lengths.is_empty() { element } else { format!("{element}[{}]", lengths.join(",")) }
}
