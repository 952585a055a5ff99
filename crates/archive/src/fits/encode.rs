//! Arrow columns -> rows of a binary table: the inverse of `decode`.

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};

/// The format of a column that is written.
#[derive(Debug, Clone)]
pub(crate) struct OutColumn {
    pub(crate) name: String,
    pub(crate) leaf: DataType,
    /// Lengths of nested lists, innermost first.
    pub(crate) shape: Vec<usize>,
    /// TDIM given with the field, for lists that were read flat.
    tdim: Option<String>,
    /// Bytes of one string.
    pub(crate) text_width: usize,
    pub(crate) offset: usize,
    pub(crate) has_nulls: bool,
    /// Whether some value equals the one that stands for missing.
    pub(crate) null_as_value: bool,
}

impl OutColumn {
    /// `None` where FITS has no such type.
    pub(crate) fn new(field: &Field) -> Option<Self> {
        let mut shape = Vec::new();
        let mut data_type = field.data_type();
        while let DataType::FixedSizeList(item, length) = data_type {
            shape.push(usize::try_from(*length).ok()?);
            data_type = item.data_type();
        }
        shape.reverse();
        let leaf = match data_type {
            DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
            DataType::Dictionary(_, value) if matches!(**value, DataType::Utf8 | DataType::LargeUtf8) => DataType::Utf8,
            DataType::Boolean | DataType::Utf8 => data_type.clone(),
            other if other.is_integer() => other.clone(),
            DataType::Float32 | DataType::Float64 => data_type.clone(),
            _ => return None,
        };
        let text_width = field.metadata().get("width").and_then(|width| width.parse().ok()).unwrap_or(0);
        let tdim = field.metadata().get(super::table::TDIM).filter(|_| leaf != DataType::Utf8 && shape.len() == 1);
        let tdim = tdim.cloned();
        Some(Self {
            name: field.name().clone(),
            leaf,
            shape,
            tdim,
            text_width,
            offset: 0,
            has_nulls: false,
            null_as_value: false,
        })
    }

    pub(crate) fn repeat(&self) -> usize {
        self.shape.iter().product()
    }

    fn element_bytes(&self) -> usize {
        match &self.leaf {
            DataType::Utf8 => self.text_width,
            DataType::Boolean => 1,
            other => other.primitive_width().unwrap_or(0),
        }
    }

    pub(crate) fn row_bytes(&self) -> usize {
        self.element_bytes() * self.repeat()
    }

    pub(crate) fn tform(&self) -> String {
        let letter = match self.leaf {
            DataType::Boolean => 'L',
            DataType::Int8 | DataType::UInt8 => 'B',
            DataType::Int16 | DataType::UInt16 => 'I',
            DataType::Int32 | DataType::UInt32 => 'J',
            DataType::Int64 | DataType::UInt64 => 'K',
            DataType::Float32 => 'E',
            DataType::Float64 => 'D',
            _ => return format!("{}A", self.row_bytes()),
        };
        if self.shape.is_empty() { letter.to_string() } else { format!("{}{letter}", self.repeat()) }
    }

    /// TDIM, where the shape is not plain from the format.
    pub(crate) fn tdim(&self) -> Option<String> {
        if self.tdim.is_some() {
            return self.tdim.clone();
        }
        let mut sizes = self.shape.clone();
        if self.leaf == DataType::Utf8 && !sizes.is_empty() {
            sizes.insert(0, self.text_width);
        }
        let text: Vec<String> = sizes.iter().map(usize::to_string).collect();
        (sizes.len() > 1).then(|| format!("({})", text.join(",")))
    }

    pub(crate) fn tzero(&self) -> Option<&'static str> {
        Some(match self.leaf {
            DataType::Int8 => "-128",
            DataType::UInt16 => "32768",
            DataType::UInt32 => "2147483648",
            DataType::UInt64 => "9223372036854775808",
            _ => return None,
        })
    }

    /// The stored integer that stands for missing: the smallest of the stored type.
    pub(crate) fn tnull(&self) -> Option<i64> {
        Some(match self.leaf {
            DataType::Int8 => 0,
            DataType::UInt8 => 255,
            DataType::Int16 | DataType::UInt16 => i64::from(i16::MIN),
            DataType::Int32 | DataType::UInt32 => i64::from(i32::MIN),
            DataType::Int64 | DataType::UInt64 => i64::MIN,
            _ => return None,
        })
    }

    /// The widest string of a column, in bytes.
    pub(crate) fn widest(&self, array: &ArrayRef) -> usize {
        match flatten(array, &self.leaf) {
            Some(Flat { leaf, .. }) => {
                leaf.as_string_opt::<i32>().map_or(0, |s| s.iter().flatten().map(str::len).max().unwrap_or(0))
            }
            None => 0,
        }
    }

    /// Writes a column into rows of `stride` bytes. Gives the row and the reason where a value cannot be written.
    pub(crate) fn encode(&mut self, array: &ArrayRef, rows: &mut [u8], stride: usize) -> Result<(), (usize, String)> {
        let Some(flat) = flatten(array, &self.leaf) else {
            return Err((0, format!("expected {}, found {}", self.leaf, array.data_type())));
        };
        if self.row_bytes() == 0 || stride == 0 {
            return Ok(());
        }
        self.has_nulls |= flat.has_nulls();
        let cells = Cells { offset: self.offset, stride, repeat: self.repeat(), width: self.element_bytes() };
        let tnull = self.tnull();
        let mut collision = None;
        macro_rules! integers {
            ($arrow:ty, $stored:ty, $store:expr) => {{
                let values = flat.leaf.as_primitive::<$arrow>();
                let null = tnull.map(|null| null as $stored);
                cells.each(rows, |element, cell| {
                    let stored: $stored = match (flat.is_null(element), null) {
                        (true, Some(null)) => null,
                        _ => $store(values.value(element)),
                    };
                    if null == Some(stored) && !flat.is_null(element) {
                        collision = Some(element);
                    }
                    cell.copy_from_slice(&stored.to_be_bytes());
                });
            }};
        }
        macro_rules! floats {
            ($arrow:ty, $nan:expr) => {{
                let values = flat.leaf.as_primitive::<$arrow>();
                cells.each(rows, |element, cell| {
                    let value = if flat.is_null(element) { $nan } else { values.value(element) };
                    cell.copy_from_slice(&value.to_be_bytes());
                });
            }};
        }
        match self.leaf {
            DataType::Boolean => {
                let values = flat.leaf.as_boolean();
                cells.each(rows, |element, cell| {
                    let letter = if values.value(element) { b'T' } else { b'F' };
                    cell.fill(if flat.is_null(element) { 0 } else { letter });
                });
            }
            DataType::Int8 => integers!(Int8Type, u8, |value: i8| (value as u8) ^ 0x80),
            DataType::UInt8 => integers!(UInt8Type, u8, |value: u8| value),
            DataType::Int16 => integers!(Int16Type, i16, |value: i16| value),
            DataType::UInt16 => integers!(UInt16Type, i16, |value: u16| (value ^ 0x8000) as i16),
            DataType::Int32 => integers!(Int32Type, i32, |value: i32| value),
            DataType::UInt32 => integers!(UInt32Type, i32, |value: u32| (value ^ (1 << 31)) as i32),
            DataType::Int64 => integers!(Int64Type, i64, |value: i64| value),
            DataType::UInt64 => integers!(UInt64Type, i64, |value: u64| (value ^ (1 << 63)) as i64),
            DataType::Float32 => floats!(Float32Type, f32::NAN),
            DataType::Float64 => floats!(Float64Type, f64::NAN),
            _ => return self.encode_text(&flat, &cells, rows),
        }
        if collision.is_some() {
            self.null_as_value = true;
        }
        Ok(())
    }

    fn encode_text(&self, flat: &Flat, cells: &Cells, rows: &mut [u8]) -> Result<(), (usize, String)> {
        let values = flat.leaf.as_string::<i32>();
        let mut too_wide = None;
        cells.each(rows, |element, cell| {
            let text = if flat.is_null(element) { "" } else { values.value(element) };
            cell.fill(b' ');
            match cell.get_mut(..text.len()) {
                Some(room) => room.copy_from_slice(text.as_bytes()),
                None => too_wide = too_wide.or(Some((element / cells.repeat, text.len()))),
            }
        });
        match too_wide {
            Some((row, length)) => Err((
                row,
                format!(
                    "a string of {length} bytes in a column of {}\nhint: give the field the metadata `width`",
                    self.text_width
                ),
            )),
            None => Ok(()),
        }
    }
}

/// Where the elements of a column lie in the rows that are written.
struct Cells {
    offset: usize,
    stride: usize,
    repeat: usize,
    width: usize,
}

impl Cells {
    #[inline(always)]
    fn each(&self, rows: &mut [u8], mut write: impl FnMut(usize, &mut [u8])) {
        let length = self.repeat * self.width;
        for (row, bytes) in rows.chunks_exact_mut(self.stride).enumerate() {
            let Some(cell) = bytes.get_mut(self.offset..self.offset + length) else { continue };
            for (part, element) in cell.chunks_exact_mut(self.width).enumerate() {
                write(row * self.repeat + part, element);
            }
        }
    }
}

/// The elements of a column of lists in one array, and which lists are missing as a whole.
struct Flat {
    leaf: ArrayRef,
    parents: Vec<(FixedSizeListArray, usize)>,
}

impl Flat {
    fn has_nulls(&self) -> bool {
        self.leaf.null_count() > 0 || self.parents.iter().any(|(list, _)| list.null_count() > 0)
    }

    #[inline(always)]
    fn is_null(&self, element: usize) -> bool {
        self.leaf.is_null(element) || self.parents.iter().any(|(list, length)| list.is_null(element / length))
    }
}

/// Takes lists apart; `None` where the innermost type is not `leaf` and does not become it without loss.
fn flatten(array: &ArrayRef, leaf: &DataType) -> Option<Flat> {
    let mut parents: Vec<(FixedSizeListArray, usize)> = Vec::new();
    let mut inner = array.clone();
    while let Some(list) = inner.clone().as_fixed_size_list_opt() {
        let length = usize::try_from(list.value_length()).ok()?;
        // How many elements lie below one list of each outer level.
        parents.iter_mut().for_each(|(_, below)| *below *= length);
        parents.push((list.clone(), length));
        inner = list.values().clone();
    }
    if *leaf == DataType::Utf8 && inner.data_type() != leaf {
        inner = cast(&inner, leaf).ok()?;
    }
    parents.retain(|(list, length)| list.null_count() > 0 && *length > 0);
    (inner.data_type() == leaf).then_some(Flat { leaf: inner, parents })
}
