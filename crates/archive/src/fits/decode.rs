//! Transposed words to Arrow arrays: types, scaling, nulls, lists, strings.
//!
//! Plain columns are handed to Arrow as they were transposed, without a copy. Variable-length cells are in `heap`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, StringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;

use super::error::FitsError;
use super::heap;
use super::table::{ColumnInfo, ReadOptions, Table};
use super::tform::{Element, Scaling};
use super::transpose::{Sink, tile_rows};

/// Which rows are decoded, for errors that name one.
#[derive(Debug, Clone)]
pub(super) enum Rows<'a> {
    Range(Range<usize>),
    Chosen(&'a [usize]),
}

impl Rows<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Range(range) => range.len(),
            Self::Chosen(rows) => rows.len(),
        }
    }

    /// The row of the table that is decoded at a place.
    pub(super) fn number(&self, place: usize) -> u64 {
        match self {
            Self::Range(range) => (range.start + place) as u64,
            Self::Chosen(rows) => rows.get(place).map_or(0, |row| *row as u64),
        }
    }
}

/// Decodes rows of some columns, batch after batch, in the same memory where the last batch is no longer in use.
#[derive(Debug)]
pub(super) struct Decoder<'t> {
    table: &'t Table<'t>,
    columns: Vec<(&'t ColumnInfo, Sink)>,
    options: ReadOptions,
    /// Rows copied side by side.
    block: Vec<u8>,
}

impl<'t> Decoder<'t> {
    pub(super) fn new(table: &'t Table<'_>, columns: &[&'t ColumnInfo], options: ReadOptions) -> Self {
        let columns = columns.iter().map(|column| (*column, Sink::new(column))).collect();
        Self { table, columns, options, block: Vec::new() }
    }

    /// One array a column. Chosen rows are first copied side by side, a tile at a time, so that a row far away in the
    /// file is fetched once however many columns are wanted.
    pub(super) fn decode(&mut self, rows: Rows<'_>) -> Result<Vec<ArrayRef>, FitsError> {
        let row_bytes = self.table.row_bytes.max(1);
        let tile_rows = tile_rows(row_bytes);
        self.columns.iter_mut().for_each(|(column, sink)| sink.begin(column, rows.len()));
        match &rows {
            Rows::Range(range) => {
                for tile in self.table.row_slice(range.clone()).chunks(tile_rows * row_bytes) {
                    self.columns.iter_mut().for_each(|(column, sink)| sink.take(tile, row_bytes, column));
                }
            }
            Rows::Chosen(chosen) => {
                for chosen in chosen.chunks(tile_rows) {
                    self.block.clear();
                    let rows = chosen.iter().map(|row| self.table.row_slice(*row..*row + 1));
                    rows.for_each(|row| self.block.extend_from_slice(row));
                    let tile = &self.block;
                    self.columns.iter_mut().for_each(|(column, sink)| sink.take(tile, row_bytes, column));
                }
            }
        }
        let (table, options) = (self.table, self.options);
        self.columns.iter_mut().map(|(column, sink)| finish(table, column, sink, &rows, options)).collect()
    }
}

fn finish(
    table: &Table<'_>,
    column: &ColumnInfo,
    sink: &mut Sink,
    rows: &Rows<'_>,
    options: ReadOptions,
) -> Result<ArrayRef, FitsError> {
    if column.form.descriptor.is_some() {
        return heap::variable_length(table, column, sink, rows, options);
    }
    let fail = |reason: String| table.column_error(&column.name, None, reason);
    if column.form.element == Element::Char {
        let strings = strings(sink).map_err(fail)?;
        return match column.strings() {
            Some((_, count)) => lists(strings, count, rows.len()).map_err(fail),
            None => Ok(strings),
        };
    }
    let repeat = column.form.repeat;
    let elements = elements(column, sink, repeat, options).map_err(fail)?;
    if repeat == 1 { Ok(elements) } else { lists(elements, repeat, rows.len()).map_err(fail) }
}

/// Turns transposed words into an array of the column's element type, nulls included.
pub(super) fn elements(
    column: &ColumnInfo,
    sink: &mut Sink,
    repeat: usize,
    options: ReadOptions,
) -> Result<ArrayRef, String> {
    if let Scaling::Linear { scale, zero } = column.scaling {
        return scaled(column, sink, (scale, zero), options);
    }
    let flip = column.scaling == Scaling::FlipSign;
    let null = column.null;
    Ok(match (sink, column.form.element) {
        (Sink::Bytes(bytes), Element::Logical) => logicals(&bytes.values),
        (Sink::Bytes(bytes), Element::Bit) => bits(&bytes.values, repeat),
        (Sink::Bytes(bytes), _) => {
            let mask = nulls(&bytes.values, null);
            if flip {
                bytes.values.iter_mut().for_each(|value| *value ^= 0x80);
                Arc::new(Int8Array::new(bytes.lend(), mask))
            } else {
                Arc::new(UInt8Array::new(bytes.lend(), mask))
            }
        }
        (Sink::Shorts(words), _) => {
            let mask = nulls(&words.values, null);
            if flip {
                words.values.iter_mut().for_each(|value| *value ^= 1 << 15);
                Arc::new(UInt16Array::new(words.lend(), mask))
            } else {
                Arc::new(Int16Array::new(words.lend(), mask))
            }
        }
        (Sink::Ints(words), Element::Float | Element::ComplexFloat) => {
            let nan = |word: &u32| f32::from_bits(*word).is_nan();
            let mask = options.nan_is_null.then(|| nulls_where(&words.values, nan)).flatten();
            pair_if_complex(column, Arc::new(Float32Array::new(words.lend(), mask)))?
        }
        (Sink::Ints(words), _) => {
            let mask = nulls(&words.values, null);
            if flip {
                words.values.iter_mut().for_each(|value| *value ^= 1 << 31);
                Arc::new(UInt32Array::new(words.lend(), mask))
            } else {
                Arc::new(Int32Array::new(words.lend(), mask))
            }
        }
        (Sink::Longs(words), Element::Double | Element::ComplexDouble) => {
            let nan = |word: &u64| f64::from_bits(*word).is_nan();
            let mask = options.nan_is_null.then(|| nulls_where(&words.values, nan)).flatten();
            pair_if_complex(column, Arc::new(Float64Array::new(words.lend(), mask)))?
        }
        (Sink::Longs(words), _) => {
            let mask = nulls(&words.values, null);
            if flip {
                words.values.iter_mut().for_each(|value| *value ^= 1 << 63);
                Arc::new(UInt64Array::new(words.lend(), mask))
            } else {
                Arc::new(Int64Array::new(words.lend(), mask))
            }
        }
        (Sink::Text(..), _) => return Err("expected numbers, found characters".to_owned()),
    })
}

/// value = zero + scale * stored, with nulls decided before scaling.
fn scaled(
    column: &ColumnInfo,
    sink: &Sink,
    (scale, zero): (f64, f64),
    options: ReadOptions,
) -> Result<ArrayRef, String> {
    let physical = |stored: f64| zero + scale * stored;
    let null = column.null;
    let (values, mask): (Vec<f64>, Option<NullBuffer>) = match (sink, column.form.element) {
        (Sink::Ints(raw), Element::Float | Element::ComplexFloat) => {
            (raw.values.iter().map(|word| physical(f64::from(f32::from_bits(*word)))).collect(), None)
        }
        (Sink::Longs(raw), Element::Double | Element::ComplexDouble) => {
            (raw.values.iter().map(|word| physical(f64::from_bits(*word))).collect(), None)
        }
        (Sink::Bytes(raw), _) => integers(&raw.values, null, physical),
        (Sink::Shorts(raw), _) => integers(&raw.values, null, physical),
        (Sink::Ints(raw), _) => integers(&raw.values, null, physical),
        (Sink::Longs(raw), _) => integers(&raw.values, null, physical),
        (Sink::Text(..), _) => return Err("expected numbers, found characters".to_owned()),
    };
    let mask = mask.or_else(|| options.nan_is_null.then(|| nulls_where(&values, |value| value.is_nan())).flatten());
    pair_if_complex(column, Arc::new(Float64Array::new(values.into(), mask)))
}

fn integers<T: Stored>(
    words: &[T],
    null: Option<i64>,
    physical: impl Fn(f64) -> f64,
) -> (Vec<f64>, Option<NullBuffer>) {
    (words.iter().map(|word| physical(word.stored() as f64)).collect(), nulls(words, null))
}

/// The integer that a word's bits stand for: bytes without a sign, all others with one.
trait Stored: Copy {
    fn stored(self) -> i64;
}
impl Stored for u8 {
    fn stored(self) -> i64 {
        i64::from(self)
    }
}
impl Stored for u16 {
    fn stored(self) -> i64 {
        i64::from(self.cast_signed())
    }
}
impl Stored for u32 {
    fn stored(self) -> i64 {
        i64::from(self.cast_signed())
    }
}
impl Stored for u64 {
    fn stored(self) -> i64 {
        self.cast_signed()
    }
}

/// Nulls where the stored value is TNULL; none at all when no value is.
fn nulls<T: Stored>(words: &[T], null: Option<i64>) -> Option<NullBuffer> {
    let null = null?;
    nulls_where(words, |word| word.stored() == null)
}

fn nulls_where<T>(values: &[T], missing: impl Fn(&T) -> bool) -> Option<NullBuffer> {
    let valid = BooleanBuffer::collect_bool(values.len(), |index| !missing(&values[index]));
    Some(NullBuffer::new(valid)).filter(|mask| mask.null_count() > 0)
}

fn logicals(bytes: &[u8]) -> ArrayRef {
    let truth = BooleanBuffer::collect_bool(bytes.len(), |index| bytes[index] == b'T');
    Arc::new(BooleanArray::new(truth, nulls_where(bytes, |byte| *byte == 0)))
}

/// Bits stand most significant first, each row padded to whole bytes.
fn bits(bytes: &[u8], repeat: usize) -> ArrayRef {
    let stride = repeat.div_ceil(8).max(1);
    let rows = bytes.len() / stride;
    let bit = |index: usize| {
        let (row, place) = (index / repeat, index % repeat);
        bytes[row * stride + place / 8] >> (7 - place % 8) & 1 == 1
    };
    Arc::new(BooleanArray::new(BooleanBuffer::collect_bool(rows * repeat, bit), None))
}

fn pair_if_complex(column: &ColumnInfo, parts: ArrayRef) -> Result<ArrayRef, String> {
    if matches!(column.form.element, Element::ComplexFloat | Element::ComplexDouble) {
        let pairs = parts.len() / 2;
        lists(parts, 2, pairs)
    } else {
        Ok(parts)
    }
}

fn lists(items: ArrayRef, length: usize, rows: usize) -> Result<ArrayRef, String> {
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let size =
        i32::try_from(length).map_err(|_| format!("expected cells of fewer than 2^31 values, found {length}"))?;
    let list = FixedSizeListArray::try_new_with_length(field, size, items, None, rows);
    Ok(Arc::new(list.map_err(|error| error.to_string())?))
}

/// The strings of a sink. Their bytes are ASCII: `transpose` saw to it.
pub(super) fn strings(sink: &mut Sink) -> Result<ArrayRef, String> {
    let Sink::Text(text, offsets) = sink else { return Err("expected characters, found numbers".to_owned()) };
    if i32::try_from(text.values.len()).is_err() {
        return Err("more than 2 GiB of text in one batch\nhint: read fewer rows at a time".to_owned());
    }
    let array = StringArray::try_new(OffsetBuffer::new(offsets.lend()), text.lend::<u8>().into_inner(), None);
    Ok(Arc::new(array.map_err(|error| error.to_string())?))
}
