//! From galaxies to a column: how a value is got, and the array of the declared type.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int8Array, Int32Array, Int64Array,
    StringArray,
};
use arrow::datatypes::{DataType, Field};

use super::observed::Observed;

/// Length of COEFF.
pub(super) const COEFFICIENTS: usize = 5;

type Number = Box<dyn Fn(&Observed<'_>) -> f64 + Send + Sync>;

/// How the value of one column is got from a galaxy.
pub(super) enum Fill {
    Integer(fn(&Observed<'_>) -> i64),
    Number(Number),
    Text(fn(&Observed<'_>) -> String),
    Flag(fn(&Observed<'_>) -> bool),
    Coefficients(fn(&Observed<'_>) -> [f64; COEFFICIENTS]),
}

impl Fill {
    pub(super) fn number(value: impl Fn(&Observed<'_>) -> f64 + Send + Sync + 'static) -> Self {
        Self::Number(Box::new(value))
    }

    /// The column as an array of its declared type; `None` where type and values do not go together.
    pub(super) fn array(&self, data_type: &DataType, rows: &[Observed<'_>]) -> Option<ArrayRef> {
        Some(match (self, data_type) {
            (Self::Integer(value), DataType::Int64) => Arc::new(Int64Array::from_iter_values(rows.iter().map(value))),
            (Self::Integer(value), DataType::Int32) => {
                Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| value(row) as i32)))
            }
            (Self::Integer(value), DataType::Int8) => {
                Arc::new(Int8Array::from_iter_values(rows.iter().map(|row| value(row) as i8)))
            }
            (Self::Number(value), DataType::Float64) => {
                Arc::new(Float64Array::from_iter_values(rows.iter().map(value)))
            }
            (Self::Number(value), DataType::Float32) => floats(rows.iter().map(value)),
            (Self::Text(value), DataType::Utf8) => Arc::new(StringArray::from_iter_values(rows.iter().map(value))),
            (Self::Flag(value), DataType::Boolean) => {
                Arc::new(BooleanArray::from(rows.iter().map(value).collect::<Vec<bool>>()))
            }
            (Self::Coefficients(value), DataType::FixedSizeList(_, length)) if *length == COEFFICIENTS as i32 => {
                let values = floats(rows.iter().flat_map(value));
                let item = Arc::new(Field::new("item", DataType::Float32, true));
                Arc::new(FixedSizeListArray::new(item, *length, values, None))
            }
            _ => return None,
        })
    }
}

/// Single-precision numbers.
pub(super) fn floats(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float32Array::from_iter_values(values.map(|value| value as f32)))
}
