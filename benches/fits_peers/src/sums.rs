//! Sums by which readers are compared.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Int32Type, Int64Type};

/// One sum a column, taken in row order, so that equal values give equal sums to the last bit.
pub struct Sums(Vec<f64>);

impl Sums {
    pub fn new(columns: usize) -> Self {
        Self(vec![0.0; columns])
    }

    pub fn add(&mut self, column: usize, values: impl IntoIterator<Item = f64>) {
        values.into_iter().for_each(|value| self.0[column] += value);
    }

    pub fn add_batch(&mut self, batch: &RecordBatch) {
        batch.columns().iter().enumerate().for_each(|(column, array)| self.add_array(column, array));
    }

    fn add_array(&mut self, column: usize, array: &ArrayRef) {
        match array.data_type() {
            DataType::Int32 => self.add(column, array.as_primitive::<Int32Type>().values().iter().map(|v| f64::from(*v))),
            DataType::Int64 => self.add(column, array.as_primitive::<Int64Type>().values().iter().map(|v| *v as f64)),
            DataType::Float32 => {
                self.add(column, array.as_primitive::<Float32Type>().values().iter().map(|v| f64::from(*v)));
            }
            DataType::FixedSizeList(..) => self.add_array(column, array.as_fixed_size_list().values()),
            _ => self.add(column, array.as_string::<i32>().iter().flatten().map(|text| text.len() as f64)),
        }
    }

    pub fn print(&self, names: &[&str]) {
        for (name, sum) in names.iter().zip(&self.0) {
            println!("sum\t{name}\t{sum:?}");
        }
    }
}
