//! JSON lines in which no identifier loses a digit.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, FieldRef, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use arrow::json::writer::{LineDelimited, NullableEncoder, WriterBuilder};
use arrow::json::{Encoder, EncoderFactory, EncoderOptions};

use super::not_written;
use crate::error::Error;

/// Integers beyond this are not exact as JavaScript numbers.
const LARGEST_EXACT: u64 = 1 << 53;

/// JSON, one object a line; a null is written as `null`. Whole `TARGETID` columns are text, and so is every other
/// 64-bit integer that a JavaScript number cannot hold exactly (beyond 2^53).
///
/// # Errors
/// A batch is an error, the writer refuses, or a column has no JSON form.
pub fn json(out: &mut dyn Write, batches: impl Iterator<Item = Result<RecordBatch, Error>>) -> Result<(), Error> {
    let exact = WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(Exact));
    let mut writer = exact.build::<_, LineDelimited>(out);
    for batch in batches {
        writer.write(&batch?).map_err(|error| not_written("JSON", &error))?;
    }
    writer.finish().map_err(|error| not_written("JSON", &error))
}

#[derive(Debug)]
struct Exact;

impl EncoderFactory for Exact {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let always = field.name().to_ascii_uppercase().contains("TARGETID");
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Int64 => Box::new(Signed { values: array.as_primitive::<Int64Type>(), always }),
            DataType::UInt64 => Box::new(Unsigned { values: array.as_primitive::<UInt64Type>(), always }),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

struct Signed<'a> {
    values: &'a Int64Array,
    always: bool,
}

struct Unsigned<'a> {
    values: &'a UInt64Array,
    always: bool,
}

impl Encoder for Signed<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.values.value(row);
        integer(out, &value.to_string(), self.always || value.unsigned_abs() > LARGEST_EXACT);
    }
}

impl Encoder for Unsigned<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.values.value(row);
        integer(out, &value.to_string(), self.always || value > LARGEST_EXACT);
    }
}

fn integer(out: &mut Vec<u8>, digits: &str, as_text: bool) {
    let quote: &[u8] = if as_text { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    out.extend_from_slice(digits.as_bytes());
    out.extend_from_slice(quote);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::ArrayRef;

    #[test]
    fn identifiers_are_text_in_json_and_counts_are_numbers() {
        let column = |values: Vec<Option<i64>>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
        let batch = RecordBatch::try_from_iter([
            ("TARGETID", column(vec![Some(39_627_000_000_000_001), Some(5)])),
            ("n", column(vec![Some(3), None])),
            ("_healpix_29", column(vec![Some(1 << 60), Some(7)])),
        ])
        .unwrap();
        let mut out = Vec::new();
        json(&mut out, [Ok(batch)].into_iter()).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"TARGETID\":\"39627000000000001\",\"n\":3,\"_healpix_29\":\"1152921504606846976\"}\n\
             {\"TARGETID\":\"5\",\"n\":null,\"_healpix_29\":7}\n"
        );
    }
}
