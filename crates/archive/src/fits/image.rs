//! Images (and the empty primary HDU): shape and pixels.

use std::ops::Range;

use super::error::FitsError;
use super::file::{FitsFile, Hdu};
use super::header::Header;

/// An image of an open file.
#[derive(Debug, Clone)]
pub struct Image<'file> {
    file: &'file FitsFile,
    hdu: &'file Hdu,
    shape: Vec<usize>,
    bitpix: i64,
    scale: f64,
    zero: f64,
}

impl<'file> Image<'file> {
    pub(crate) fn new(file: &'file FitsFile, hdu: &'file Hdu) -> Result<Self, FitsError> {
        let header = &hdu.header;
        let axes = header.get_i64("NAXIS").unwrap_or(0);
        let axis = |number: i64| {
            header.get_i64(&format!("NAXIS{number}")).and_then(|length| usize::try_from(length).ok()).unwrap_or(0)
        };
        // FITS counts the fastest axis first; shapes here are as numpy writes them, slowest first.
        let shape: Vec<usize> = (1..=axes).rev().map(axis).collect();
        let number = |keyword: &str, default: f64| header.get_f64(keyword).unwrap_or(default);
        let bitpix = header.get_i64("BITPIX").unwrap_or(8);
        Ok(Self { file, hdu, shape, bitpix, scale: number("BSCALE", 1.0), zero: number("BZERO", 0.0) })
    }

    /// EXTNAME.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.hdu.name
    }

    /// The image's header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.hdu.header
    }

    /// Axis lengths, slowest first; empty for an HDU without pixels.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of pixels.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.shape.is_empty() { 0 } else { self.shape.iter().product() }
    }

    /// Whether there are no pixels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// BITPIX: 8, 16, 32, 64 for integers, -32, -64 for floats.
    #[must_use]
    pub fn bitpix(&self) -> i64 {
        self.bitpix
    }

    /// BUNIT.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        self.hdu.header.get_text("BUNIT").filter(|unit| !unit.is_empty())
    }

    /// Some pixels (clamped to the image) as 64-bit floats, scaled, BLANK as NaN.
    ///
    /// # Errors
    /// When the pixels are of an unknown type.
    pub fn read_f64(&self, pixels: Range<usize>) -> Result<Vec<f64>, FitsError> {
        let blank = self.hdu.header.get_i64("BLANK");
        let scale = |stored: f64| self.zero + self.scale * stored;
        let integer = |stored: i64| if Some(stored) == blank { f64::NAN } else { scale(stored as f64) };
        let raw = self.raw(pixels)?;
        Ok(match self.bitpix {
            8 => raw.iter().map(|byte| integer(i64::from(*byte))).collect(),
            16 => raw.as_chunks().0.iter().map(|raw| integer(i64::from(i16::from_be_bytes(*raw)))).collect(),
            32 => raw.as_chunks().0.iter().map(|raw| integer(i64::from(i32::from_be_bytes(*raw)))).collect(),
            64 => raw.as_chunks().0.iter().map(|raw| integer(i64::from_be_bytes(*raw))).collect(),
            -32 => raw.as_chunks().0.iter().map(|raw| scale(f64::from(f32::from_be_bytes(*raw)))).collect(),
            _ => raw.as_chunks().0.iter().map(|raw| scale(f64::from_be_bytes(*raw))).collect(),
        })
    }

    /// Some pixels as 32-bit floats: without loss for BITPIX -32, rounded otherwise.
    ///
    /// # Errors
    /// As [`read_f64`](Self::read_f64).
    pub fn read_f32(&self, pixels: Range<usize>) -> Result<Vec<f32>, FitsError> {
        if self.bitpix == -32 && self.scale == 1.0 && self.zero == 0.0 {
            return Ok(self.raw(pixels)?.as_chunks().0.iter().map(|raw| f32::from_be_bytes(*raw)).collect());
        }
        Ok(self.read_f64(pixels)?.into_iter().map(|value| value as f32).collect())
    }

    /// Some pixels as integers, exactly; `None` for BLANK.
    ///
    /// # Errors
    /// When the image holds floats or is scaled by anything but an integer BZERO.
    pub fn read_i64(&self, pixels: Range<usize>) -> Result<Vec<Option<i64>>, FitsError> {
        if self.bitpix < 0 || self.scale != 1.0 || self.zero.fract() != 0.0 {
            return Err(self.invalid(format!(
                "expected integer pixels, found BITPIX {} BSCALE {} BZERO {}",
                self.bitpix, self.scale, self.zero
            )));
        }
        let blank = self.hdu.header.get_i64("BLANK");
        // 2^63 stands for unsigned 64-bit pixels, which wrap into i64.
        let zero = self.zero as i128;
        let integer = |stored: i64| (Some(stored) != blank).then(|| (i128::from(stored) + zero) as i64);
        let raw = self.raw(pixels)?;
        Ok(match self.bitpix {
            8 => raw.iter().map(|byte| integer(i64::from(*byte))).collect(),
            16 => raw.as_chunks().0.iter().map(|raw| integer(i64::from(i16::from_be_bytes(*raw)))).collect(),
            32 => raw.as_chunks().0.iter().map(|raw| integer(i64::from(i32::from_be_bytes(*raw)))).collect(),
            _ => raw.as_chunks().0.iter().map(|raw| integer(i64::from_be_bytes(*raw))).collect(),
        })
    }

    fn raw(&self, pixels: Range<usize>) -> Result<&'file [u8], FitsError> {
        let width = usize::try_from(self.bitpix.unsigned_abs() / 8).unwrap_or(1);
        let end = pixels.end.min(self.len());
        let start = pixels.start.min(end);
        let bytes = self.file.data(self.hdu).get(start * width..end * width);
        bytes.ok_or_else(|| self.invalid("its pixels end beyond its data".to_owned()))
    }

    fn invalid(&self, reason: String) -> FitsError {
        FitsError::Header { path: self.file.path().to_owned(), hdu: self.hdu.label(), reason }
    }
}
