//! Arrow columns as rows of binary COPY, without a text detour.
//!
//! A block of rows is laid out in two passes: the first finds the length of every row, a column at a time; the second writes
//! every value at its row's place, again a column at a time, so that no value is dispatched on its type. The hashes of the rows
//! (see `checksum`) are built in the same pass. Format: <https://www.postgresql.org/docs/16/sql-copy.html>, "Binary Format".

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};

use super::checksum::{self, Checksum};
use super::columns::SqlColumn;

/// What stands before the first row: signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands after the last row.
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];
/// Rows of a block: about 200 kB of 15 columns, which stays in the processor's cache between the columns.
const BLOCK_ROWS: usize = 1024;
/// Length of a null value.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// A value that cannot be stored: column, row of the batch, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadValue {
    pub(super) column: usize,
    pub(super) row: usize,
    pub(super) reason: &'static str,
}

/// Appends the rows of a batch to `out` and counts them.
pub(super) fn encode(
    batch: &RecordBatch,
    columns: &[SqlColumn],
    out: &mut Vec<u8>,
    sum: &mut Checksum,
) -> Result<(), BadValue> {
    let mut start = 0;
    while start < batch.num_rows() {
        let rows = BLOCK_ROWS.min(batch.num_rows() - start);
        let block = batch.slice(start, rows);
        encode_block(&block, columns, out, sum).map_err(|bad| BadValue { row: bad.row + start, ..bad })?;
        start += rows;
    }
    Ok(())
}

fn encode_block(
    block: &RecordBatch,
    columns: &[SqlColumn],
    out: &mut Vec<u8>,
    sum: &mut Checksum,
) -> Result<(), BadValue> {
    let rows = block.num_rows();
    let mut ends = vec![2 + 4 * columns.len(); rows];
    for array in block.columns() {
        add_lengths(array, &mut ends);
    }
    // From lengths to the place where each row begins.
    let mut place = out.len();
    for end in &mut ends {
        let length = *end;
        *end = place;
        place += length;
    }
    out.resize(place, 0);
    let mut writer = Writer { out, cursors: ends, hashes: vec![0; rows], column: 0 };
    let count = u16::try_from(columns.len()).unwrap_or(u16::MAX).to_be_bytes();
    for row in 0..rows {
        writer.put(row, &count);
    }
    for (number, (array, column)) in block.columns().iter().zip(columns).enumerate() {
        writer.column = number;
        writer.write(array, column)?;
    }
    sum.count(&writer.hashes);
    Ok(())
}

/// Bytes of a value of fixed length in COPY.
fn width(data_type: &DataType) -> usize {
    match data_type {
        DataType::Boolean => 1,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => 2,
        DataType::UInt16 | DataType::Int32 | DataType::Float32 => 4,
        _ => 8,
    }
}

fn add_lengths(array: &ArrayRef, lengths: &mut [usize]) {
    let mut each = |length: &dyn Fn(usize) -> usize| {
        for (row, total) in lengths.iter_mut().enumerate() {
            if array.is_valid(row) {
                *total += length(row);
            }
        }
    };
    match array.data_type() {
        DataType::Utf8 => each(&|row| array.as_string::<i32>().value_length(row).cast_unsigned() as usize),
        DataType::LargeUtf8 => each(&|row| array.as_string::<i64>().value(row).len()),
        DataType::Binary => each(&|row| array.as_binary::<i32>().value_length(row).cast_unsigned() as usize),
        DataType::LargeBinary => each(&|row| array.as_binary::<i64>().value(row).len()),
        DataType::FixedSizeList(..) => each(&|row| list_length(&array.as_fixed_size_list().value(row))),
        DataType::List(_) => each(&|row| list_length(&array.as_list::<i32>().value(row))),
        fixed => {
            let width = width(fixed);
            if array.null_count() == 0 {
                lengths.iter_mut().for_each(|total| *total += width);
            } else {
                each(&|_| width);
            }
        }
    }
}

/// Bytes of a one-dimensional array: dimensions, nulls, element type, then length and lower bound, then the elements.
fn list_length(items: &ArrayRef) -> usize {
    if items.is_empty() {
        return 12;
    }
    let values = match items.data_type() {
        DataType::Utf8 => (0..items.len()).map(|item| items.as_string::<i32>().value(item).len()).sum(),
        fixed => width(fixed) * (items.len() - items.null_count()),
    };
    20 + 4 * items.len() + values
}

/// Rows on their way into the buffer.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Where the next value of each row goes.
    cursors: Vec<usize>,
    /// Of each row, so far.
    hashes: Vec<u64>,
    /// The column that is written.
    column: usize,
}

impl Writer<'_> {
    #[inline]
    fn put(&mut self, row: usize, bytes: &[u8]) {
        if let Some(cursor) = self.cursors.get_mut(row)
            && let Some(place) = self.out.get_mut(*cursor..*cursor + bytes.len())
        {
            place.copy_from_slice(bytes);
            *cursor += bytes.len();
        }
    }

    /// A value with its length before it.
    #[inline]
    fn put_value<const N: usize>(&mut self, row: usize, bytes: [u8; N], hash: u64) {
        let mut framed = [0_u8; 12];
        if let Some((length, rest)) = framed.split_first_chunk_mut::<4>()
            && let Some(value) = rest.first_chunk_mut::<N>()
        {
            *length = (N as i32).to_be_bytes();
            *value = bytes;
        }
        self.put(row, framed.get(..4 + N).unwrap_or_default());
        self.hash(row, hash);
    }

    #[inline]
    fn hash(&mut self, row: usize, value: u64) {
        if let Some(hash) = self.hashes.get_mut(row) {
            *hash = checksum::add(*hash, value);
        }
    }

    fn null(&mut self, row: usize) {
        self.put(row, &NULL);
        self.hash(row, 0);
    }

    fn bad(&self, row: usize, reason: &'static str) -> BadValue {
        BadValue { column: self.column, row, reason }
    }

    fn write(&mut self, array: &ArrayRef, column: &SqlColumn) -> Result<(), BadValue> {
        macro_rules! numbers {
            ($type:ty, $wide:ty, $hash:expr) => {{
                let values = array.as_primitive::<$type>();
                let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
                for (row, value) in values.values().iter().enumerate() {
                    if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                        self.null(row);
                    } else {
                        let wide = <$wide>::from(*value);
                        self.put_value(row, wide.to_be_bytes(), $hash(wide));
                    }
                }
            }};
        }
        match array.data_type() {
            DataType::Boolean => {
                for (row, value) in array.as_boolean().iter().enumerate() {
                    match value {
                        Some(value) => self.put_value(row, [u8::from(value)], checksum::of_i32(value.into())),
                        None => self.null(row),
                    }
                }
            }
            DataType::Int8 => numbers!(Int8Type, i16, |value| checksum::of_i32(i32::from(value))),
            DataType::UInt8 => numbers!(UInt8Type, i16, |value| checksum::of_i32(i32::from(value))),
            DataType::Int16 => numbers!(Int16Type, i16, |value| checksum::of_i32(i32::from(value))),
            DataType::UInt16 => numbers!(UInt16Type, i32, checksum::of_i32),
            DataType::Int32 => numbers!(Int32Type, i32, checksum::of_i32),
            DataType::UInt32 => numbers!(UInt32Type, i64, checksum::of_i64),
            DataType::Int64 => numbers!(Int64Type, i64, checksum::of_i64),
            DataType::UInt64 => self.unsigned(array)?,
            DataType::Float32 => numbers!(Float32Type, f32, |value| checksum::of_f64(f64::from(value))),
            DataType::Float64 => numbers!(Float64Type, f64, checksum::of_f64),
            DataType::FixedSizeList(..) | DataType::List(_) => self.lists(array, column)?,
            _ => self.bytes(array)?,
        }
        Ok(())
    }

    fn unsigned(&mut self, array: &ArrayRef) -> Result<(), BadValue> {
        for (row, value) in array.as_primitive::<UInt64Type>().iter().enumerate() {
            let Some(value) = value else {
                self.null(row);
                continue;
            };
            let value =
                i64::try_from(value).map_err(|_| self.bad(row, "it is beyond 2^63, which bigint cannot hold"))?;
            self.put_value(row, value.to_be_bytes(), checksum::of_i64(value));
        }
        Ok(())
    }

    fn bytes(&mut self, array: &ArrayRef) -> Result<(), BadValue> {
        let text = matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8);
        for row in 0..array.len() {
            if array.is_null(row) {
                self.null(row);
                continue;
            }
            let value = value_bytes(array, row);
            if text && value.contains(&0) {
                return Err(self.bad(row, "it holds a zero byte, which text cannot"));
            }
            let length = i32::try_from(value.len()).map_err(|_| self.bad(row, "it is longer than 2 GiB"))?;
            self.put(row, &length.to_be_bytes());
            self.put(row, value);
            self.hash(row, checksum::of_bytes(value));
        }
        Ok(())
    }

    fn lists(&mut self, array: &ArrayRef, column: &SqlColumn) -> Result<(), BadValue> {
        for row in 0..array.len() {
            if array.is_null(row) {
                self.null(row);
                continue;
            }
            let items = match array.data_type() {
                DataType::List(_) => array.as_list::<i32>().value(row),
                _ => array.as_fixed_size_list().value(row),
            };
            self.list(row, &items, column)?;
        }
        Ok(())
    }

    fn list(&mut self, row: usize, items: &ArrayRef, column: &SqlColumn) -> Result<(), BadValue> {
        let of = |number: usize| i32::try_from(number).unwrap_or(i32::MAX).to_be_bytes();
        let dimensions = i32::from(!items.is_empty());
        self.put(row, &of(list_length(items)));
        self.put(row, &dimensions.to_be_bytes());
        self.put(row, &i32::from(items.null_count() > 0).to_be_bytes());
        self.put(row, &column.sql_type.oid().to_be_bytes());
        if !items.is_empty() {
            self.put(row, &of(items.len()));
            self.put(row, &1_i32.to_be_bytes());
        }
        let mut hash = 1;
        for item in 0..items.len() {
            if items.is_null(item) {
                self.put(row, &NULL);
                hash = checksum::add(hash, 0);
                continue;
            }
            let (bytes, value) =
                element(items, item).ok_or_else(|| self.bad(row, "a list holds what bigint or text cannot"))?;
            self.put(row, &of(bytes.len()));
            self.put(row, &bytes);
            hash = checksum::add(hash, value);
        }
        self.hash(row, hash);
        Ok(())
    }
}

fn value_bytes(array: &ArrayRef, row: usize) -> &[u8] {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).as_bytes(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).as_bytes(),
        DataType::LargeBinary => array.as_binary::<i64>().value(row),
        _ => array.as_binary::<i32>().value(row),
    }
}

/// The bytes of one element of a list, and its hash.
fn element(items: &ArrayRef, item: usize) -> Option<(Vec<u8>, u64)> {
    macro_rules! number {
        ($type:ty, $wide:ty, $hash:expr) => {{
            let wide = <$wide>::try_from(items.as_primitive::<$type>().value(item)).ok()?;
            (wide.to_be_bytes().to_vec(), $hash(wide))
        }};
    }
    Some(match items.data_type() {
        DataType::Boolean => {
            let value = items.as_boolean().value(item);
            (vec![u8::from(value)], checksum::of_i32(value.into()))
        }
        DataType::Int8 => number!(Int8Type, i16, |value| checksum::of_i32(i32::from(value))),
        DataType::UInt8 => number!(UInt8Type, i16, |value| checksum::of_i32(i32::from(value))),
        DataType::Int16 => number!(Int16Type, i16, |value| checksum::of_i32(i32::from(value))),
        DataType::UInt16 => number!(UInt16Type, i32, checksum::of_i32),
        DataType::Int32 => number!(Int32Type, i32, checksum::of_i32),
        DataType::UInt32 => number!(UInt32Type, i64, checksum::of_i64),
        DataType::Int64 => number!(Int64Type, i64, checksum::of_i64),
        DataType::UInt64 => number!(UInt64Type, i64, checksum::of_i64),
        DataType::Float32 => number!(Float32Type, f32, |value| checksum::of_f64(f64::from(value))),
        DataType::Float64 => number!(Float64Type, f64, checksum::of_f64),
        _ => {
            let bytes = items.as_string_opt::<i32>()?.value(item).as_bytes();
            if bytes.contains(&0) {
                return None;
            }
            (bytes.to_vec(), checksum::of_bytes(bytes))
        }
    })
}
