//! What a column's TFORM, TSCAL, TZERO, TNULL and TDIM say (FITS standard 4.0, section 7.3).

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};

/// The element type of a binary-table column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `L`: logical.
    Logical,
    /// `X`: bit.
    Bit,
    /// `B`: unsigned byte; with TZERO -128 a signed one.
    Byte,
    /// `I`: 16-bit integer.
    Short,
    /// `J`: 32-bit integer.
    Int,
    /// `K`: 64-bit integer.
    Long,
    /// `A`: character.
    Char,
    /// `E`: 32-bit float.
    Float,
    /// `D`: 64-bit float.
    Double,
    /// `C`: complex of two 32-bit floats.
    ComplexFloat,
    /// `M`: complex of two 64-bit floats.
    ComplexDouble,
}

impl Element {
    fn from_letter(letter: u8) -> Option<Self> {
        Some(match letter {
            b'L' => Self::Logical,
            b'X' => Self::Bit,
            b'B' => Self::Byte,
            b'I' => Self::Short,
            b'J' => Self::Int,
            b'K' => Self::Long,
            b'A' => Self::Char,
            b'E' => Self::Float,
            b'D' => Self::Double,
            b'C' => Self::ComplexFloat,
            b'M' => Self::ComplexDouble,
            _ => return None,
        })
    }

    /// Bytes of `count` elements.
    pub(crate) fn bytes(self, count: usize) -> Option<usize> {
        let width = match self {
            Self::Bit => return Some(count.div_ceil(8)),
            Self::Logical | Self::Byte | Self::Char => 1,
            Self::Short => 2,
            Self::Int | Self::Float => 4,
            Self::Long | Self::Double | Self::ComplexFloat => 8,
            Self::ComplexDouble => 16,
        };
        count.checked_mul(width)
    }
}

/// A parsed TFORM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tform {
    /// Elements a cell, or descriptors (0 or 1) for a variable-length column.
    pub repeat: usize,
    /// Their type.
    pub element: Element,
    /// Width of a variable-length descriptor's integers: 4 bytes for `P`, 8 for `Q`, `None` for a fixed column.
    pub descriptor: Option<usize>,
}

impl Tform {
    /// Parses for example `D`, `11A`, `5E`, `1PE(37)`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let repeat = if digits == 0 { 1 } else { text[..digits].parse().ok()? };
        let letters = text.as_bytes().get(digits..)?;
        let descriptor = match letters.first()? {
            b'P' => Some(4),
            b'Q' => Some(8),
            _ => None,
        };
        let letter = if descriptor.is_some() { *letters.get(1)? } else { *letters.first()? };
        if descriptor.is_some() && repeat > 1 {
            return None;
        }
        Some(Self { repeat, element: Element::from_letter(letter)?, descriptor })
    }

    /// Bytes a row spends on the column.
    pub(crate) fn row_bytes(self) -> Option<usize> {
        match self.descriptor {
            Some(width) => self.repeat.checked_mul(2 * width),
            None => self.element.bytes(self.repeat),
        }
    }
}

/// How stored numbers become physical ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scaling {
    /// As stored.
    None,
    /// The unsigned (for bytes: signed) integers that TZERO stands for.
    FlipSign,
    /// value = zero + scale * stored, as 64-bit floats.
    Linear {
        /// TSCAL.
        scale: f64,
        /// TZERO.
        zero: f64,
    },
}

impl Scaling {
    pub(crate) fn of(element: Element, scale: f64, zero: f64) -> Self {
        let flip = match element {
            Element::Byte => -128.0,
            Element::Short => 32_768.0,
            Element::Int => 2_147_483_648.0,
            Element::Long => 9_223_372_036_854_775_808.0,
            Element::Float | Element::Double | Element::ComplexFloat | Element::ComplexDouble => f64::NAN,
            Element::Logical | Element::Bit | Element::Char => return Self::None,
        };
        if scale == 1.0 && zero == 0.0 {
            Self::None
        } else if scale == 1.0 && zero == flip {
            Self::FlipSign
        } else {
            Self::Linear { scale, zero }
        }
    }
}

/// The Arrow type of one element after scaling.
pub(crate) fn element_type(element: Element, scaling: Scaling) -> DataType {
    if matches!(scaling, Scaling::Linear { .. }) {
        return match element {
            Element::ComplexFloat | Element::ComplexDouble => fixed_list(DataType::Float64, 2),
            _ => DataType::Float64,
        };
    }
    match (element, scaling) {
        (Element::Logical | Element::Bit, _) => DataType::Boolean,
        (Element::Byte, Scaling::None) => DataType::UInt8,
        (Element::Byte, _) => DataType::Int8,
        (Element::Short, Scaling::None) => DataType::Int16,
        (Element::Short, _) => DataType::UInt16,
        (Element::Int, Scaling::None) => DataType::Int32,
        (Element::Int, _) => DataType::UInt32,
        (Element::Long, Scaling::None) => DataType::Int64,
        (Element::Long, _) => DataType::UInt64,
        (Element::Char, _) => DataType::Utf8,
        (Element::Float, _) => DataType::Float32,
        (Element::Double, _) => DataType::Float64,
        (Element::ComplexFloat, _) => fixed_list(DataType::Float32, 2),
        (Element::ComplexDouble, _) => fixed_list(DataType::Float64, 2),
    }
}

/// A fixed-size list of non-null... elements may be null where TNULL says so, hence a nullable item.
pub(crate) fn fixed_list(item: DataType, length: usize) -> DataType {
    DataType::FixedSizeList(Arc::new(Field::new("item", item, true)), i32::try_from(length).unwrap_or(i32::MAX))
}
