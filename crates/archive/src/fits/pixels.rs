//! Pixels to be written as an image, of any of the types that FITS stores.

/// Pixels in native byte order, the last axis running fastest (C order).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)] // The names say it: signed, unsigned, float, and bits.
pub enum ImageData {
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl ImageData {
    /// Number of pixels.
    pub fn len(&self) -> usize {
        match self {
            Self::I8(v) => v.len(),
            Self::U8(v) => v.len(),
            Self::I16(v) => v.len(),
            Self::U16(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::U32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::U64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::F64(v) => v.len(),
        }
    }

    /// Whether there are no pixels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ImageData {
    /// BITPIX, and BZERO where the pixels are unsigned (or signed bytes).
    pub(crate) fn format(&self) -> (i64, Option<&'static str>) {
        match self {
            Self::I8(_) => (8, Some("-128")),
            Self::U8(_) => (8, None),
            Self::I16(_) => (16, None),
            Self::U16(_) => (16, Some("32768")),
            Self::I32(_) => (32, None),
            Self::U32(_) => (32, Some("2147483648")),
            Self::I64(_) => (64, None),
            Self::U64(_) => (64, Some("9223372036854775808")),
            Self::F32(_) => (-32, None),
            Self::F64(_) => (-64, None),
        }
    }

    /// Hands the stored bytes to `act`, a chunk of whole pixels at a time.
    pub(crate) fn each_chunk<E>(&self, mut act: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut buffer: Vec<u8> = Vec::new();
        macro_rules! write {
            ($values:expr, $store:expr) => {
                for chunk in $values.chunks(8192) {
                    buffer.resize(std::mem::size_of_val(chunk), 0);
                    for (bytes, &value) in buffer.as_chunks_mut().0.iter_mut().zip(chunk) {
                        *bytes = $store(value).to_be_bytes();
                    }
                    act(&buffer)?;
                }
            };
        }
        match self {
            Self::I8(v) => write!(v, |value: i8| (value as u8) ^ 0x80),
            Self::U8(v) => write!(v, |value: u8| value),
            Self::I16(v) => write!(v, |value: i16| value),
            Self::U16(v) => write!(v, |value: u16| value ^ 0x8000),
            Self::I32(v) => write!(v, |value: i32| value),
            Self::U32(v) => write!(v, |value: u32| value ^ (1 << 31)),
            Self::I64(v) => write!(v, |value: i64| value),
            Self::U64(v) => write!(v, |value: u64| value ^ (1 << 63)),
            Self::F32(v) => write!(v, |value: f32| value),
            Self::F64(v) => write!(v, |value: f64| value),
        }
        Ok(())
    }
}
