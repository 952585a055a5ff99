//! Rows of binary COPY as Arrow columns: the way back of `copy`.
//!
//! Format: <https://www.postgresql.org/docs/16/sql-copy.html>, "Binary Format". Bytes come in pieces that need not end where a
//! row does; what is left over waits for the next piece.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int16Builder, Int32Builder, Int64Builder,
    ListArray, StringBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field};

use super::columns::SqlType;
use super::copy::HEADER;

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) sql_type: SqlType,
    pub(super) list: bool,
}

/// Columns that grow, row by row.
pub(super) struct Decoder {
    columns: Vec<Column>,
    waiting: Vec<u8>,
    begun: bool,
    /// Rows since the last answer.
    pub(super) rows: usize,
    /// Whether the mark after the last row has come.
    pub(super) ended: bool,
}

/// Bytes that are no binary COPY of these columns.
pub(super) type Malformed = &'static str;

impl Decoder {
    pub(super) fn new(columns: &[Wanted]) -> Self {
        let columns = columns.iter().map(|wanted| Column::new(*wanted)).collect();
        Self { columns, waiting: Vec::new(), begun: false, rows: 0, ended: false }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        self.waiting.extend_from_slice(bytes);
        let waiting = std::mem::take(&mut self.waiting);
        let mut left = waiting.as_slice();
        if !self.begun && left.len() >= HEADER.len() {
            left = left.strip_prefix(HEADER).ok_or("it does not begin as a binary copy")?;
            self.begun = true;
        }
        while self.begun && !self.ended {
            let Some(length) = row_length(left, self.columns.len())? else { break };
            let (row, rest) = left.split_at(length);
            left = rest;
            self.row(row)?;
        }
        self.waiting = left.to_vec();
        Ok(())
    }

    fn row(&mut self, row: &[u8]) -> Result<(), Malformed> {
        if row == super::copy::TRAILER {
            self.ended = true;
            return Ok(());
        }
        let mut left = row.get(2..).unwrap_or_default();
        for column in &mut self.columns {
            column.push(field(&mut left)?)?;
        }
        self.rows += 1;
        Ok(())
    }

    /// The rows so far, which leave.
    pub(super) fn take(&mut self) -> Vec<ArrayRef> {
        self.rows = 0;
        self.columns.iter_mut().map(Column::finish).collect()
    }
}

/// Bytes of the row at the beginning; `None` where it is not whole yet.
fn row_length(bytes: &[u8], columns: usize) -> Result<Option<usize>, Malformed> {
    let Some(count) = bytes.first_chunk::<2>() else { return Ok(None) };
    match i16::from_be_bytes(*count) {
        -1 => return Ok(Some(2)),
        count if usize::try_from(count) == Ok(columns) => {}
        _ => return Err("a row has another number of columns"),
    }
    let mut at = 2;
    for _ in 0..columns {
        let Some(length) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) else { return Ok(None) };
        at += 4 + usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
    }
    Ok((bytes.len() >= at).then_some(at))
}

/// The next value, without its length; `None` for a null.
fn field<'a>(left: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let (length, rest) = left.split_first_chunk::<4>().ok_or("a row ends early")?;
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        *left = rest;
        return Ok(None);
    };
    let (value, rest) = rest.split_at_checked(length).ok_or("a row ends early")?;
    *left = rest;
    Ok(Some(value))
}

struct Column {
    values: Values,
    /// Of lists: where each ends, and whether it is there.
    lists: Option<(Vec<i32>, Vec<bool>)>,
}

enum Values {
    Boolean(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
}

impl Column {
    fn new(wanted: Wanted) -> Self {
        let values = match wanted.sql_type {
            SqlType::Boolean => Values::Boolean(BooleanBuilder::new()),
            SqlType::Int2 => Values::Int2(Int16Builder::new()),
            SqlType::Int4 => Values::Int4(Int32Builder::new()),
            SqlType::Int8 => Values::Int8(Int64Builder::new()),
            SqlType::Float4 => Values::Float4(Float32Builder::new()),
            SqlType::Float8 => Values::Float8(Float64Builder::new()),
            SqlType::Text => Values::Text(StringBuilder::new()),
            SqlType::Bytes => Values::Bytes(BinaryBuilder::new()),
        };
        Self { values, lists: wanted.list.then(|| (vec![0], Vec::new())) }
    }

    fn push(&mut self, value: Option<&[u8]>) -> Result<(), Malformed> {
        let Some((ends, there)) = &mut self.lists else { return self.values.push(value) };
        let mut end = ends.last().copied().unwrap_or(0);
        there.push(value.is_some());
        if let Some(mut left) = value {
            for item in 0..list_items(&mut left)? {
                let value = field(&mut left)?;
                self.values.push(value)?;
                end = end.checked_add(1).filter(|_| item < u32::MAX).ok_or("lists are too long")?;
            }
        }
        ends.push(end);
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        let values = self.values.finish();
        let Some((ends, there)) = &mut self.lists else { return values };
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let ends = OffsetBuffer::new(std::mem::replace(ends, vec![0]).into());
        let nulls = NullBuffer::from(std::mem::take(there));
        Arc::new(ListArray::new(item, ends, values, Some(nulls)))
    }
}

/// Reads the head of a one-dimensional array: how many items follow.
fn list_items(left: &mut &[u8]) -> Result<u32, Malformed> {
    let mut number = || -> Result<i32, Malformed> {
        let (bytes, rest) = left.split_first_chunk::<4>().ok_or("an array ends early")?;
        *left = rest;
        Ok(i32::from_be_bytes(*bytes))
    };
    let (dimensions, _nulls, _element) = (number()?, number()?, number()?);
    match dimensions {
        0 => Ok(0),
        1 => {
            let items = number()?;
            number()?;
            u32::try_from(items).map_err(|_| "an array has a negative length")
        }
        _ => Err("an array has several dimensions"),
    }
}

impl Values {
    fn push(&mut self, value: Option<&[u8]>) -> Result<(), Malformed> {
        const WIDTH: Malformed = "a value has another width than its type";
        macro_rules! number {
            ($builder:expr, $type:ty) => {{
                let value = value.map(|bytes| bytes.try_into().map(<$type>::from_be_bytes).map_err(|_| WIDTH));
                $builder.append_option(value.transpose()?);
            }};
        }
        match self {
            Self::Boolean(builder) => builder.append_option(value.map(|bytes| bytes != [0])),
            Self::Int2(builder) => number!(builder, i16),
            Self::Int4(builder) => number!(builder, i32),
            Self::Int8(builder) => number!(builder, i64),
            Self::Float4(builder) => number!(builder, f32),
            Self::Float8(builder) => number!(builder, f64),
            Self::Text(builder) => {
                let text = value.map(|bytes| std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8"));
                builder.append_option(text.transpose()?);
            }
            Self::Bytes(builder) => builder.append_option(value),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Int2(builder) => Arc::new(builder.finish()),
            Self::Int4(builder) => Arc::new(builder.finish()),
            Self::Int8(builder) => Arc::new(builder.finish()),
            Self::Float4(builder) => Arc::new(builder.finish()),
            Self::Float8(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Bytes(builder) => Arc::new(builder.finish()),
        }
    }
}

/// The Arrow type of a column whose archive type is not known.
pub(super) fn natural_type(wanted: Wanted) -> DataType {
    let element = match wanted.sql_type {
        SqlType::Boolean => DataType::Boolean,
        SqlType::Int2 => DataType::Int16,
        SqlType::Int4 => DataType::Int32,
        SqlType::Int8 => DataType::Int64,
        SqlType::Float4 => DataType::Float32,
        SqlType::Float8 => DataType::Float64,
        SqlType::Text => DataType::Utf8,
        SqlType::Bytes => DataType::Binary,
    };
    if wanted.list { DataType::new_list(element, true) } else { element }
}
