//! Binary tables to Arrow: which columns there are, and rows of the columns one asks for.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::batches::Batch;
use super::decode::Rows;
use super::error::FitsError;
use super::file::{FitsFile, Hdu};
use super::header::{Card, Header, Value};
use super::tform::{Scaling, Tform, element_type, fixed_list};

/// Field metadata key of a column's unit.
pub const UNIT: &str = "unit";
/// Field metadata key of a column's description.
pub const DESCRIPTION: &str = "description";
/// Field metadata key of a column's shape, as TDIM writes it (fastest axis first).
pub const TDIM: &str = "tdim";

/// How many times its own size a heap may be expanded to, when many rows share its bytes.
const MAX_SHARING: usize = 16;
/// Heap bytes that any read may take.
const ALWAYS_ALLOWED: usize = 64 << 20;

/// One column as the header declares it.
#[derive(Debug, Clone)]
pub struct ColumnInfo {
    /// TTYPE.
    pub name: String,
    /// TFORM, as written.
    pub tform: String,
    /// TUNIT.
    pub unit: Option<String>,
    /// The comment of TTYPE, or TCOMM.
    pub description: Option<String>,
    /// TNULL, for integer columns.
    pub null: Option<i64>,
    /// TDIM's axes, fastest first.
    pub shape: Option<Vec<usize>>,
    /// The parsed TFORM.
    pub form: Tform,
    /// TSCAL and TZERO.
    pub scaling: Scaling,
    /// First byte of the column within a row.
    pub(crate) offset: usize,
}

impl ColumnInfo {
    /// The Arrow type rows of this column are read as.
    ///
    /// Scalars for a repeat of 1, fixed-size lists otherwise (the axes of TDIM stay in the metadata), lists for
    /// variable-length columns, text for characters.
    #[must_use]
    pub fn data_type(&self) -> DataType {
        use super::tform::Element;
        let element = element_type(self.form.element, self.scaling);
        let text = self.form.element == Element::Char;
        if self.form.descriptor.is_some() {
            return if text { element } else { DataType::List(Arc::new(Field::new("item", element, true))) };
        }
        match (text, self.form.repeat) {
            (true, _) => match self.strings() {
                Some((_, count)) => fixed_list(element, count),
                None => element,
            },
            (false, 1) => element,
            (false, repeat) => fixed_list(element, repeat),
        }
    }

    /// Width and number of the strings in a cell, when TDIM cuts the characters into several.
    pub(crate) fn strings(&self) -> Option<(usize, usize)> {
        let shape = self.shape.as_ref()?;
        let (width, rest) = shape.split_first()?;
        let count = rest.iter().product::<usize>();
        (!rest.is_empty() && *width > 0 && width.checked_mul(count)? <= self.form.repeat).then_some((*width, count))
    }

    /// The Arrow field, with unit, description and shape as metadata.
    #[must_use]
    pub fn field(&self) -> Field {
        let mut metadata = HashMap::new();
        let mut note = |key: &str, text: Option<String>| text.map(|text| metadata.insert(key.to_owned(), text));
        note(UNIT, self.unit.clone());
        note(DESCRIPTION, self.description.clone());
        let axes =
            |shape: &Vec<usize>| format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(","));
        note(TDIM, self.shape.as_ref().map(axes));
        Field::new(&self.name, self.data_type(), true).with_metadata(metadata)
    }
}

/// Options of a read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOptions {
    /// Read floating-point NaN as null. Off by default: a survey's NaN may be a value.
    pub nan_is_null: bool,
}

/// A binary table of an open file.
#[derive(Debug, Clone)]
pub struct Table<'file> {
    pub(crate) file: &'file FitsFile,
    pub(crate) hdu: &'file Hdu,
    columns: Vec<ColumnInfo>,
    n_rows: usize,
    pub(crate) row_bytes: usize,
    heap_start: usize,
}

impl<'file> Table<'file> {
    pub(crate) fn new(file: &'file FitsFile, hdu: &'file Hdu) -> Result<Self, FitsError> {
        let header = &hdu.header;
        let invalid = |reason: String| FitsError::Header { path: file.path().to_owned(), hdu: hdu.label(), reason };
        let count = |keyword: &str| {
            let value = header.get_i64(keyword).and_then(|value| usize::try_from(value).ok());
            value.ok_or_else(|| invalid(format!("expected `{keyword}` of 0 or more")))
        };
        let (row_bytes, n_rows, fields) = (count("NAXIS1")?, count("NAXIS2")?, count("TFIELDS")?);
        let columns = parse_columns(file, hdu, fields)?;
        let used: usize = columns.last().map_or(0, |column| column.offset + column.form.row_bytes().unwrap_or(0));
        if used > row_bytes {
            return Err(invalid(format!("its columns need {used} bytes a row, NAXIS1 gives {row_bytes}")));
        }
        // Rows of no bytes cost the file nothing, so their number is only a claim: memory must not follow it.
        if row_bytes == 0 && n_rows > 0 {
            return Err(invalid(format!(
                "expected rows of at least one byte, found NAXIS2 = {n_rows} with NAXIS1 = 0"
            )));
        }
        let main = row_bytes.checked_mul(n_rows).filter(|bytes| *bytes as u64 <= hdu.data_len());
        let main = main.ok_or_else(|| {
            invalid(format!("{n_rows} rows of {row_bytes} bytes do not fit its {} bytes of data", hdu.data_len()))
        })?;
        let heap_start = header.get_i64("THEAP").and_then(|start| usize::try_from(start).ok()).unwrap_or(main);
        Ok(Self { file, hdu, columns, n_rows, row_bytes, heap_start })
    }

    /// EXTNAME.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.hdu.name
    }

    /// The table's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.hdu.header
    }

    /// The columns, in file order.
    #[must_use]
    pub fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// A column by name: exact, else in any case.
    ///
    /// # Errors
    /// When there is none; the error names the nearest.
    pub fn column(&self, name: &str) -> Result<&ColumnInfo, FitsError> {
        let exact = self.columns.iter().find(|column| column.name == name);
        let any_case = || self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        exact.or_else(any_case).ok_or_else(|| FitsError::NoSuchColumn {
            path: self.file.path().to_owned(),
            hdu: self.hdu.label(),
            column: name.to_owned(),
            nearest: crate::nearest_name(name, self.columns.iter().map(|column| column.name.as_str())),
        })
    }

    /// Whether a column exists, in any case.
    #[must_use]
    pub fn has_column(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The Arrow schema of some columns (all when `columns` is empty), in the order asked for.
    ///
    /// # Errors
    /// When a column does not exist.
    pub fn schema(&self, columns: &[&str]) -> Result<SchemaRef, FitsError> {
        let fields: Vec<Field> = self.project(columns)?.iter().map(|column| column.field()).collect();
        Ok(Arc::new(Schema::new(fields)))
    }

    /// Rows (clamped to the table) of some columns (all when empty), decoded on the calling thread. Memory: what the
    /// batch holds and a block of rows.
    ///
    /// # Errors
    /// When a column does not exist or a cell cannot be decoded.
    pub fn read(&self, columns: &[&str], rows: Range<usize>) -> Result<RecordBatch, FitsError> {
        self.read_with(columns, rows, ReadOptions::default())
    }

    /// As [`read`](Self::read), with options.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with(
        &self,
        columns: &[&str],
        rows: Range<usize>,
        options: ReadOptions,
    ) -> Result<RecordBatch, FitsError> {
        Batch::new(self, columns, options)?.read(Rows::Range(self.clamp(rows)))
    }

    /// Chosen rows of some columns (all when empty), in the order given: the random access that sorting by position needs.
    ///
    /// # Errors
    /// A row is beyond the table; else as [`read`](Self::read).
    pub fn gather(&self, columns: &[&str], rows: &[usize]) -> Result<RecordBatch, FitsError> {
        if let Some(beyond) = rows.iter().find(|row| **row >= self.n_rows) {
            let reason = format!("row {beyond} was asked for, it has {} rows", self.n_rows);
            return Err(FitsError::Header { path: self.file.path().to_owned(), hdu: self.hdu.label(), reason });
        }
        Batch::new(self, columns, ReadOptions::default())?.read(Rows::Chosen(rows))
    }

    /// A numeric scalar column as 64-bit floats, null as NaN.
    ///
    /// # Errors
    /// When the column does not exist or is not one number a row.
    pub fn f64_column(&self, name: &str) -> Result<Vec<f64>, FitsError> {
        use arrow::array::AsArray;
        let array = self.cast_column(name, &DataType::Float64)?;
        let values = array.as_primitive::<arrow::datatypes::Float64Type>();
        Ok(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    /// An integer scalar column.
    ///
    /// # Errors
    /// When the column does not exist, is not one number a row, or holds a null or a number that is no 64-bit integer.
    pub fn i64_column(&self, name: &str) -> Result<Vec<i64>, FitsError> {
        use arrow::array::AsArray;
        let array = self.cast_column(name, &DataType::Int64)?;
        let values = array.as_primitive::<arrow::datatypes::Int64Type>();
        let missing =
            |row: usize| self.column_error(name, Some(row as u64), "expected an integer, found none".to_owned());
        values.iter().enumerate().map(|(row, value)| value.ok_or_else(|| missing(row))).collect()
    }

    fn cast_column(&self, name: &str, to: &DataType) -> Result<ArrayRef, FitsError> {
        let batch = self.read(&[name], 0..self.n_rows)?;
        let array = batch.column(0);
        if !array.data_type().is_numeric() && *array.data_type() != DataType::Boolean {
            return Err(self.column_error(
                name,
                None,
                format!("expected one number a row, found {}", array.data_type()),
            ));
        }
        arrow::compute::cast(array, to).map_err(|error| self.column_error(name, None, error.to_string()))
    }

    pub(crate) fn column_error(&self, column: &str, row: Option<u64>, reason: String) -> FitsError {
        FitsError::Column {
            path: self.file.path().to_owned(),
            hdu: self.hdu.label(),
            column: column.to_owned(),
            row,
            reason,
        }
    }

    pub(super) fn project(&self, columns: &[&str]) -> Result<Vec<&ColumnInfo>, FitsError> {
        if columns.is_empty() {
            Ok(self.columns.iter().collect())
        } else {
            columns.iter().map(|name| self.column(name)).collect()
        }
    }

    /// The rows of a range that the table has.
    pub(super) fn clamp(&self, rows: Range<usize>) -> Range<usize> {
        let end = rows.end.min(self.n_rows);
        rows.start.min(end)..end
    }

    /// The bytes of some rows.
    pub(crate) fn row_slice(&self, rows: Range<usize>) -> &'file [u8] {
        &self.file.data(self.hdu)[rows.start * self.row_bytes..rows.end * self.row_bytes]
    }

    /// How many bytes one column of one read may take from the heap. Rows may share bytes of the heap; descriptors that
    /// expand it many times over lie, and Arrow's offsets end at 2 GiB.
    pub(crate) fn heap_budget(&self) -> usize {
        let heap = self.file.data(self.hdu).len().saturating_sub(self.heap_start);
        heap.saturating_mul(MAX_SHARING).saturating_add(ALWAYS_ALLOWED).min(i32::MAX as usize)
    }

    /// `length` bytes of the heap from `start`, if they are there.
    pub(crate) fn heap_slice(&self, start: usize, length: usize) -> Option<&'file [u8]> {
        let start = self.heap_start.checked_add(start)?;
        self.file.data(self.hdu).get(start..start.checked_add(length)?)
    }
}

fn parse_columns(file: &FitsFile, hdu: &Hdu, fields: usize) -> Result<Vec<ColumnInfo>, FitsError> {
    let invalid = |reason: String| FitsError::Header { path: file.path().to_owned(), hdu: hdu.label(), reason };
    if fields > 999 {
        return Err(invalid(format!("expected TFIELDS between 0 and 999, found {fields}")));
    }
    let cards = by_column(&hdu.header, fields);
    let mut offset = 0_usize;
    let mut columns = Vec::with_capacity(fields);
    for number in 1..=fields {
        let column = parse_column(&cards[number - 1], number, offset).map_err(|(column, reason)| {
            FitsError::Column { path: file.path().to_owned(), hdu: hdu.label(), column, row: None, reason }
        })?;
        let bytes = column.form.row_bytes().and_then(|bytes| offset.checked_add(bytes));
        offset = bytes.ok_or_else(|| invalid(format!("column {number} overflows the row")))?;
        columns.push(column);
    }
    Ok(columns)
}

/// Keywords of a column, before its number.
const OF_COLUMN: [&str; 8] = ["TTYPE", "TFORM", "TUNIT", "TDIM", "TNULL", "TSCAL", "TZERO", "TCOMM"];

/// The first card of each keyword of each column, so that a table of 900 columns is not searched 900 times.
fn by_column(header: &Header, fields: usize) -> Vec<[Option<&Card>; OF_COLUMN.len()]> {
    let mut columns = vec![[None; OF_COLUMN.len()]; fields];
    for card in header.cards() {
        let root = card.keyword.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let number = &card.keyword[root.len()..];
        let Some(place) = OF_COLUMN.iter().position(|one| *one == root) else { continue };
        let column = if number.starts_with('0') { None } else { number.parse::<usize>().ok() };
        if let Some(column) = column.and_then(|number| columns.get_mut(number - 1)) {
            column[place].get_or_insert(card);
        }
    }
    columns
}

fn parse_column(
    cards: &[Option<&Card>; OF_COLUMN.len()],
    number: usize,
    offset: usize,
) -> Result<ColumnInfo, (String, String)> {
    let card = |keyword: &str| cards[OF_COLUMN.iter().position(|one| *one == keyword)?];
    let text = |keyword: &str| match card(keyword).map(|card| &card.value) {
        Some(Value::Text(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    };
    let number_of = |keyword: &str, default: f64| match card(keyword).map(|card| &card.value) {
        Some(Value::Integer(value)) => *value as f64,
        Some(Value::Real(value)) => *value,
        _ => default,
    };
    let name = text("TTYPE").unwrap_or_else(|| format!("col{number}"));
    let Some(tform) = text("TFORM") else { return Err((name, format!("expected `TFORM{number}` in the header"))) };
    let Some(form) = Tform::parse(&tform) else {
        return Err((name, format!("expected a TFORM of the letters L X B I J K A E D C M P Q, found `{tform}`")));
    };
    let comment = card("TTYPE").map(|card| card.comment.clone()).filter(|comment| !comment.is_empty());
    let null = match card("TNULL").map(|card| &card.value) {
        Some(Value::Integer(value)) => Some(*value),
        _ => None,
    };
    let shape = text("TDIM").and_then(|text| parse_shape(&text));
    let scaling = Scaling::of(form.element, number_of("TSCAL", 1.0), number_of("TZERO", 0.0));
    let description = text("TCOMM").or(comment);
    Ok(ColumnInfo { name, tform, unit: text("TUNIT"), description, null, shape, form, scaling, offset })
}

fn parse_shape(text: &str) -> Option<Vec<usize>> {
    let axes = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    axes.split(',').map(|axis| axis.trim().parse().ok()).collect()
}
