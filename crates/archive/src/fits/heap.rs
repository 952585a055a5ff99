//! Variable-length cells: the descriptors of a P or Q column, followed into the heap (FITS standard 4.0, section 7.3.5).

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::Field;

use super::decode::{Rows, elements, strings};
use super::error::FitsError;
use super::table::{ColumnInfo, ReadOptions, Table};
use super::tform::{Element, element_type};
use super::transpose::{Sink, push_text};

/// Collects the cells that transposed descriptors point to.
pub(super) fn variable_length(
    table: &Table<'_>,
    column: &ColumnInfo,
    sink: &Sink,
    rows: &Rows<'_>,
    options: ReadOptions,
) -> Result<ArrayRef, FitsError> {
    let mut cells = Vec::with_capacity(rows.len());
    let (mut taken, budget) = (0_usize, table.heap_budget());
    for place in 0..rows.len() {
        let (length, start) = descriptor(sink, column, place);
        let fail = |reason: String| Err(table.column_error(&column.name, Some(rows.number(place)), reason));
        let Some((length, bytes)) = cell(table, column, length, start) else {
            return fail(format!("its descriptor (length {length}, offset {start}) points outside the heap"));
        };
        // A bit takes a byte while it is decoded.
        taken += bytes.len().max(length);
        if taken > budget {
            return fail(format!("its rows take more than {budget} bytes from the heap: far more than the heap holds"));
        }
        cells.push((length, bytes));
    }
    let array = if column.form.element == Element::Char {
        let mut heap = Sink::new(&single(column));
        heap.begin(&single(column), taken);
        if let Sink::Text(text, offsets) = &mut heap {
            for (_, bytes) in &cells {
                push_text(&mut text.values, bytes);
                offsets.values.push(i32::try_from(text.values.len()).unwrap_or(i32::MAX));
            }
        }
        strings(&mut heap)
    } else {
        lists(column, &cells, taken, options)
    };
    array.map_err(|reason| table.column_error(&column.name, None, reason))
}

/// Length and offset of a cell; `0P` columns have no descriptors, and empty cells.
fn descriptor(sink: &Sink, column: &ColumnInfo, place: usize) -> (i64, i64) {
    let words = match sink {
        _ if column.form.repeat != 1 => None,
        Sink::Ints(words) => words.values.get(2 * place..2 * place + 2).map(|pair| {
            let signed = |word: u32| i64::from(word.cast_signed());
            [signed(pair[0]), signed(pair[1])]
        }),
        Sink::Longs(words) => {
            words.values.get(2 * place..2 * place + 2).map(|pair| [pair[0].cast_signed(), pair[1].cast_signed()])
        }
        _ => None,
    };
    words.map_or((0, 0), |[length, start]| (length, start))
}

fn cell<'file>(table: &Table<'file>, column: &ColumnInfo, length: i64, start: i64) -> Option<(usize, &'file [u8])> {
    let length = usize::try_from(length).ok()?;
    if length == 0 {
        return Some((0, &[]));
    }
    Some((length, table.heap_slice(usize::try_from(start).ok()?, column.form.element.bytes(length)?)?))
}

/// The column as if its elements stood one in each row.
fn single(column: &ColumnInfo) -> ColumnInfo {
    let mut single = column.clone();
    single.form.descriptor = None;
    single.form.repeat = 1;
    single.offset = 0;
    single.shape = None;
    single
}

fn lists(
    column: &ColumnInfo,
    cells: &[(usize, &[u8])],
    bytes: usize,
    options: ReadOptions,
) -> Result<ArrayRef, String> {
    let items: ArrayRef = if column.form.element == Element::Bit {
        let mut truth = Vec::new();
        for (length, bytes) in cells {
            truth.extend((0..*length).map(|bit| bytes[bit / 8] >> (7 - bit % 8) & 1 == 1));
        }
        Arc::new(BooleanArray::from(truth))
    } else {
        let single = single(column);
        let width = single.form.row_bytes().unwrap_or(1).max(1);
        let mut heap = Sink::new(&single);
        heap.begin(&single, bytes / width);
        cells.iter().for_each(|(_, cell)| heap.take(cell, width, &single));
        elements(&single, &mut heap, 1, options)?
    };
    let field = Arc::new(Field::new("item", element_type(column.form.element, column.scaling), true));
    let offsets = OffsetBuffer::from_lengths(cells.iter().map(|(length, _)| *length));
    Ok(Arc::new(ListArray::try_new(field, offsets, items, None).map_err(|error| error.to_string())?))
}
