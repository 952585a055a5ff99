//! The transposition: big-endian rows to native columns.
//!
//! Rows are taken in blocks that stay in the first-level cache while every column picks its bytes out of them, so each
//! byte of the file crosses the memory bus once however many columns are read.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, ListArray, NullArray, StringArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field};

use super::error::FitsError;
use super::table::{ColumnInfo, ReadOptions, Table};
use super::tform::{Element, Scaling, element_type};

/// Bytes of rows that are worked on at a time: half a typical 48 KiB first-level data cache.
const BLOCK_BYTES: usize = 24 * 1024;

/// Decodes some rows of some columns.
pub(super) fn columns(
    table: &Table<'_>,
    columns: &[&ColumnInfo],
    rows: Range<usize>,
    options: ReadOptions,
) -> Result<Vec<ArrayRef>, FitsError> {
    let count = rows.len();
    let mut sinks: Vec<Sink> = columns.iter().map(|column| Sink::new(column, count)).collect();
    let row_bytes = table.row_bytes.max(1);
    let block_rows = (BLOCK_BYTES / row_bytes).max(8);
    let bytes = table.row_slice(rows.clone());
    for block in bytes.chunks(block_rows * row_bytes) {
        for (sink, column) in sinks.iter_mut().zip(columns) {
            sink.take(block, row_bytes, column);
        }
    }
    let finish = |(sink, column): (Sink, &&ColumnInfo)| finish(table, column, sink, rows.clone(), options);
    sinks.into_iter().zip(columns).map(finish).collect()
}

/// Decodes chosen rows, in the order given. Whole rows are first copied side by side, a block at a time, so that a row
/// far away in the file is fetched once however many columns are wanted.
pub(super) fn gathered(
    table: &Table<'_>,
    columns: &[&ColumnInfo],
    rows: &[usize],
    options: ReadOptions,
) -> Result<Vec<ArrayRef>, FitsError> {
    let mut sinks: Vec<Sink> = columns.iter().map(|column| Sink::new(column, rows.len())).collect();
    let row_bytes = table.row_bytes.max(1);
    let block_rows = (BLOCK_BYTES / row_bytes).max(8);
    let mut block = Vec::with_capacity(block_rows * row_bytes);
    for chosen in rows.chunks(block_rows) {
        block.clear();
        chosen.iter().for_each(|&row| block.extend_from_slice(table.row_slice(row..row + 1)));
        for (sink, column) in sinks.iter_mut().zip(columns) {
            sink.take(&block, row_bytes, column);
        }
    }
    let finish = |(sink, column): (Sink, &&ColumnInfo)| finish(table, column, sink, 0..rows.len(), options);
    sinks.into_iter().zip(columns).map(finish).collect()
}

/// Where a column's elements go while blocks of rows pass by.
enum Sink {
    Bytes(Vec<u8>),
    Shorts(Vec<i16>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Floats(Vec<f32>),
    Doubles(Vec<f64>),
    /// Trimmed characters and where each string ends.
    Text(Vec<u8>, Vec<i32>),
}

impl Sink {
    fn new(column: &ColumnInfo, rows: usize) -> Self {
        if let Some(width) = column.form.descriptor {
            let integers = rows * column.form.repeat * 2;
            return if width == 4 {
                Self::Ints(Vec::with_capacity(integers))
            } else {
                Self::Longs(Vec::with_capacity(integers))
            };
        }
        let elements = rows * column.form.repeat;
        match column.form.element {
            Element::Logical | Element::Byte => Self::Bytes(Vec::with_capacity(elements)),
            Element::Bit => Self::Bytes(Vec::with_capacity(rows * column.form.repeat.div_ceil(8))),
            Element::Short => Self::Shorts(Vec::with_capacity(elements)),
            Element::Int => Self::Ints(Vec::with_capacity(elements)),
            Element::Long => Self::Longs(Vec::with_capacity(elements)),
            Element::Float => Self::Floats(Vec::with_capacity(elements)),
            Element::ComplexFloat => Self::Floats(Vec::with_capacity(2 * elements)),
            Element::Double => Self::Doubles(Vec::with_capacity(elements)),
            Element::ComplexDouble => Self::Doubles(Vec::with_capacity(2 * elements)),
            Element::Char => Self::Text(Vec::with_capacity(elements), Vec::with_capacity(rows)),
        }
    }

    fn take(&mut self, block: &[u8], row_bytes: usize, column: &ColumnInfo) {
        let width = column.form.row_bytes().unwrap_or(0);
        let place = column.offset..column.offset + width;
        match self {
            Self::Bytes(out) if width == 1 => out.extend(block.chunks_exact(row_bytes).map(|row| row[place.start])),
            Self::Bytes(out) => {
                block.chunks_exact(row_bytes).for_each(|row| out.extend_from_slice(&row[place.clone()]))
            }
            Self::Shorts(out) => gather(out, block, row_bytes, place, i16::from_be_bytes),
            Self::Ints(out) => gather(out, block, row_bytes, place, i32::from_be_bytes),
            Self::Longs(out) => gather(out, block, row_bytes, place, i64::from_be_bytes),
            Self::Floats(out) => gather(out, block, row_bytes, place, f32::from_be_bytes),
            Self::Doubles(out) => gather(out, block, row_bytes, place, f64::from_be_bytes),
            Self::Text(text, ends) => {
                let (string_bytes, strings) = column.strings().unwrap_or((width, 1));
                for row in block.chunks_exact(row_bytes) {
                    let cell = &row[place.clone()];
                    for string in 0..strings {
                        push_text(text, &cell[string * string_bytes..(string + 1) * string_bytes]);
                        ends.push(i32::try_from(text.len()).unwrap_or(i32::MAX));
                    }
                }
            }
        }
    }
}

/// Appends the column's elements of a block of rows. One element a row is the common case and vectorises best apart.
fn gather<const N: usize, T>(
    out: &mut Vec<T>,
    block: &[u8],
    row_bytes: usize,
    place: Range<usize>,
    decode: fn([u8; N]) -> T,
) {
    if place.len() == N {
        out.extend(block.chunks_exact(row_bytes).map(|row| {
            let mut raw = [0; N];
            raw.copy_from_slice(&row[place.start..place.start + N]);
            decode(raw)
        }));
        return;
    }
    for row in block.chunks_exact(row_bytes) {
        out.extend(row[place.clone()].as_chunks::<N>().0.iter().map(|raw| decode(*raw)));
    }
}

/// A FITS string ends at the first NUL; trailing blanks are padding. Bytes beyond ASCII become `?`.
fn push_text(text: &mut Vec<u8>, raw: &[u8]) {
    let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
    let trimmed = raw[..end].trim_ascii_end();
    text.extend(trimmed.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }));
}

fn finish(
    table: &Table<'_>,
    column: &ColumnInfo,
    sink: Sink,
    rows: Range<usize>,
    options: ReadOptions,
) -> Result<ArrayRef, FitsError> {
    if column.form.descriptor.is_some() {
        return variable_length(table, column, sink, rows, options);
    }
    if column.form.element == Element::Char {
        return text(column, sink, rows.len());
    }
    let repeat = column.form.repeat;
    let elements = elements(column, sink, repeat, options);
    Ok(if repeat == 1 { elements } else { in_lists(column, elements, rows.len()) })
}

/// Turns decoded numbers into an array of the column's element type, nulls included.
fn elements(column: &ColumnInfo, sink: Sink, repeat: usize, options: ReadOptions) -> ArrayRef {
    let null = column.null;
    if let Scaling::Linear { scale, zero } = column.scaling {
        return scaled(column, sink, (scale, zero), options);
    }
    let flip = column.scaling == Scaling::FlipSign;
    match sink {
        Sink::Bytes(bytes) => match column.form.element {
            Element::Logical => logicals(&bytes),
            Element::Bit => bits(&bytes, repeat),
            _ => {
                let mask = nulls(&bytes, null);
                if flip {
                    Arc::new(Int8Array::new(bytes.into_iter().map(|byte| (byte ^ 0x80).cast_signed()).collect(), mask))
                } else {
                    Arc::new(UInt8Array::new(bytes.into(), mask))
                }
            }
        },
        Sink::Shorts(values) if flip => {
            let mask = nulls(&values, null);
            Arc::new(UInt16Array::new(values.into_iter().map(|value| value.cast_unsigned() ^ 0x8000).collect(), mask))
        }
        Sink::Shorts(values) => {
            let mask = nulls(&values, null);
            Arc::new(Int16Array::new(values.into(), mask))
        }
        Sink::Ints(values) if flip => {
            let mask = nulls(&values, null);
            Arc::new(UInt32Array::new(
                values.into_iter().map(|value| value.cast_unsigned() ^ 0x8000_0000).collect(),
                mask,
            ))
        }
        Sink::Ints(values) => {
            let mask = nulls(&values, null);
            Arc::new(Int32Array::new(values.into(), mask))
        }
        Sink::Longs(values) if flip => {
            let mask = nulls(&values, null);
            Arc::new(UInt64Array::new(
                values.into_iter().map(|value| value.cast_unsigned() ^ (1 << 63)).collect(),
                mask,
            ))
        }
        Sink::Longs(values) => {
            let mask = nulls(&values, null);
            Arc::new(Int64Array::new(values.into(), mask))
        }
        Sink::Floats(values) => {
            let mask = options.nan_is_null.then(|| nan_nulls(&values)).flatten();
            pair_if_complex(column, Arc::new(Float32Array::new(values.into(), mask)))
        }
        Sink::Doubles(values) => {
            let mask = options.nan_is_null.then(|| nan_nulls(&values)).flatten();
            pair_if_complex(column, Arc::new(Float64Array::new(values.into(), mask)))
        }
        Sink::Text(..) => Arc::new(NullArray::new(0)),
    }
}

/// value = zero + scale * stored, with nulls decided before scaling.
fn scaled(column: &ColumnInfo, sink: Sink, (scale, zero): (f64, f64), options: ReadOptions) -> ArrayRef {
    let physical = |stored: f64| zero + scale * stored;
    let (values, mask): (Vec<f64>, Option<NullBuffer>) = match sink {
        Sink::Bytes(raw) => (raw.iter().map(|value| physical(f64::from(*value))).collect(), nulls(&raw, column.null)),
        Sink::Shorts(raw) => (raw.iter().map(|value| physical(f64::from(*value))).collect(), nulls(&raw, column.null)),
        Sink::Ints(raw) => (raw.iter().map(|value| physical(f64::from(*value))).collect(), nulls(&raw, column.null)),
        Sink::Longs(raw) => (raw.iter().map(|value| physical(*value as f64)).collect(), nulls(&raw, column.null)),
        Sink::Floats(raw) => (raw.iter().map(|value| physical(f64::from(*value))).collect(), None),
        Sink::Doubles(raw) => (raw.iter().map(|value| physical(*value)).collect(), None),
        Sink::Text(..) => (Vec::new(), None),
    };
    let mask = mask.or_else(|| options.nan_is_null.then(|| nan_nulls(&values)).flatten());
    pair_if_complex(column, Arc::new(Float64Array::new(values.into(), mask)))
}

/// Nulls where the stored value is TNULL; none at all when no value is.
fn nulls<T: Copy + Into<i64>>(values: &[T], null: Option<i64>) -> Option<NullBuffer> {
    let null = null?;
    let valid = BooleanBuffer::collect_bool(values.len(), |index| values[index].into() != null);
    Some(NullBuffer::new(valid)).filter(|mask| mask.null_count() > 0)
}

fn nan_nulls<T: Copy + Into<f64>>(values: &[T]) -> Option<NullBuffer> {
    let valid = BooleanBuffer::collect_bool(values.len(), |index| !values[index].into().is_nan());
    Some(NullBuffer::new(valid)).filter(|mask| mask.null_count() > 0)
}

fn logicals(bytes: &[u8]) -> ArrayRef {
    let truth = BooleanBuffer::collect_bool(bytes.len(), |index| bytes[index] == b'T');
    let known = BooleanBuffer::collect_bool(bytes.len(), |index| bytes[index] != 0);
    Arc::new(BooleanArray::new(truth, Some(NullBuffer::new(known)).filter(|mask| mask.null_count() > 0)))
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

fn pair_if_complex(column: &ColumnInfo, parts: ArrayRef) -> ArrayRef {
    if matches!(column.form.element, Element::ComplexFloat | Element::ComplexDouble) {
        list_of(parts, 2)
    } else {
        parts
    }
}

fn list_of(items: ArrayRef, length: usize) -> ArrayRef {
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    let rows = items.len() / length.max(1);
    list_of_rows(field, items, length, rows)
}

fn list_of_rows(field: Arc<Field>, items: ArrayRef, length: usize, rows: usize) -> ArrayRef {
    let size = i32::try_from(length).unwrap_or(i32::MAX);
    match FixedSizeListArray::try_new_with_length(field, size, items, None, rows) {
        Ok(list) => Arc::new(list),
        // Lengths were computed from the same repeat count, so this cannot be reached; lose no process over it.
        Err(_) => Arc::new(NullArray::new(rows)),
    }
}

fn in_lists(column: &ColumnInfo, items: ArrayRef, rows: usize) -> ArrayRef {
    let field = Arc::new(Field::new("item", items.data_type().clone(), true));
    list_of_rows(field, items, column.form.repeat, rows)
}

fn text(column: &ColumnInfo, sink: Sink, rows: usize) -> Result<ArrayRef, FitsError> {
    let Sink::Text(bytes, ends) = sink else { return Ok(Arc::new(NullArray::new(rows))) };
    let strings = string_array(bytes, ends);
    Ok(match column.strings() {
        Some((_, count)) => list_of_rows(Arc::new(Field::new("item", DataType::Utf8, true)), strings, count, rows),
        None => strings,
    })
}

fn string_array(bytes: Vec<u8>, ends: Vec<i32>) -> ArrayRef {
    let lengths = std::iter::once(0).chain(ends.iter().copied()).zip(&ends).map(|(start, end)| (end - start) as usize);
    let offsets = OffsetBuffer::from_lengths(lengths);
    // All bytes are ASCII: `push_text` saw to it.
    match StringArray::try_new(offsets, bytes.into(), None) {
        Ok(strings) => Arc::new(strings),
        Err(_) => Arc::new(NullArray::new(ends.len())),
    }
}

/// Follows the descriptors of a P or Q column into the heap.
fn variable_length(
    table: &Table<'_>,
    column: &ColumnInfo,
    sink: Sink,
    rows: Range<usize>,
    options: ReadOptions,
) -> Result<ArrayRef, FitsError> {
    let descriptors: Vec<i64> = match sink {
        Sink::Ints(values) => values.into_iter().map(i64::from).collect(),
        Sink::Longs(values) => values,
        _ => Vec::new(),
    };
    let (mut heap, mut lengths) = (Vec::new(), Vec::with_capacity(rows.len()));
    let mut ends = Vec::new();
    let (mut taken, budget) = (0_usize, table.heap_budget());
    for row in 0..rows.len() {
        let (length, start) = match descriptors.get(2 * row..2 * row + 2) {
            Some([length, start]) if column.form.repeat == 1 => (*length, *start),
            _ => (0, 0),
        };
        let cell = usize::try_from(length).ok().zip(usize::try_from(start).ok()).and_then(|(length, start)| {
            let bytes =
                if length == 0 { Some(&[][..]) } else { table.heap_slice(start, column.form.element.bytes(length)?) };
            Some((length, bytes?))
        });
        let Some((length, bytes)) = cell else {
            let reason = format!("its descriptor (length {length}, offset {start}) points outside the heap");
            return Err(table.column_error(&column.name, Some((rows.start + row) as u64), reason));
        };
        taken += bytes.len();
        if taken > budget {
            let reason = format!("its rows take more than {budget} bytes from the heap: far more than the heap holds");
            return Err(table.column_error(&column.name, Some((rows.start + row) as u64), reason));
        }
        lengths.push(length);
        if column.form.element == Element::Char {
            push_text(&mut heap, bytes);
            ends.push(i32::try_from(heap.len()).unwrap_or(i32::MAX));
        } else {
            heap.extend_from_slice(bytes);
        }
    }
    if column.form.element == Element::Char {
        return Ok(string_array(heap, ends));
    }
    let items = heap_elements(column, &heap, &lengths, options);
    let field = Arc::new(Field::new("item", element_type(column.form.element, column.scaling), true));
    let list = ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), items, None);
    Ok(Arc::new(list.map_err(|error| table.column_error(&column.name, None, error.to_string()))?))
}

/// Decodes the gathered heap bytes as one long column of single elements.
fn heap_elements(column: &ColumnInfo, heap: &[u8], lengths: &[usize], options: ReadOptions) -> ArrayRef {
    if column.form.element == Element::Bit {
        let mut truth = Vec::new();
        let mut start = 0;
        for length in lengths {
            truth.extend((0..*length).map(|bit| heap[start + bit / 8] >> (7 - bit % 8) & 1 == 1));
            start += length.div_ceil(8);
        }
        return Arc::new(BooleanArray::from(truth));
    }
    let mut single = column.clone();
    single.form.descriptor = None;
    single.form.repeat = 1;
    single.offset = 0;
    let width = single.form.row_bytes().unwrap_or(1);
    let mut sink = Sink::new(&single, heap.len() / width);
    sink.take(heap, width, &single);
    elements(&single, sink, 1, options)
}
