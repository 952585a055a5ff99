//! A file's columns made into the archive's: declared types by checked casts, flags turned into nulls, meanings attached.
//!
//! Columns that nobody declared keep what the file says.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, FixedSizeListArray, PrimitiveArray, RecordBatch, RecordBatchOptions,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema, SchemaRef, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};

use crate::columns::{Columns, NullRule};
use crate::error::Error;

/// Where rows come from, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) path: &'a Path,
    pub(super) table: &'a str,
}

/// What is done to each column of one table.
#[derive(Debug, Clone)]
pub(super) struct Conform {
    schema: SchemaRef,
    rules: Vec<NullRule>,
}

impl Conform {
    /// Decides, from the columns found in a file and those declared.
    pub(super) fn new(found: &Schema, declared: &Columns, origin: Origin<'_>) -> Result<Self, Error> {
        let mut fields = Vec::with_capacity(found.fields().len());
        let mut rules = Vec::with_capacity(found.fields().len());
        for field in found.fields() {
            let Some(column) = declared.get(field.name()) else {
                fields.push(field.as_ref().clone());
                rules.push(NullRule::Never);
                continue;
            };
            let wanted = column.data_type.clone().unwrap_or_else(|| field.data_type().clone());
            if !castable(field.data_type(), &wanted) {
                return Err(Error::ColumnType {
                    path: origin.path.to_owned(),
                    table: origin.table.to_owned(),
                    column: field.name().clone(),
                    expected: wanted.to_string().into(),
                    found: field.data_type().to_string(),
                });
            }
            fields.push(column.describe(field).with_data_type(wanted));
            rules.push(column.null_rule);
        }
        Ok(Self { schema: Arc::new(Schema::new(fields)), rules })
    }

    /// The columns as the archive has them.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Conforms some rows; `row_in_file` tells which row of the file each is, for errors.
    pub(super) fn apply(
        &self,
        batch: &RecordBatch,
        row_in_file: impl Fn(usize) -> usize,
        origin: Origin<'_>,
    ) -> Result<RecordBatch, Error> {
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (place, column) in batch.columns().iter().enumerate() {
            columns.push(self.conformed(place, column, &row_in_file, origin)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(Error::arrow("apply the column declarations to", origin.path))
    }

    /// Conforms one whole column.
    pub(super) fn column(&self, name: &str, column: &ArrayRef, origin: Origin<'_>) -> Result<ArrayRef, Error> {
        let place = self.schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        place.map_or_else(|| Ok(column.clone()), |place| self.conformed(place, column, &|row| row, origin))
    }

    fn conformed(
        &self,
        place: usize,
        column: &ArrayRef,
        row_in_file: &dyn Fn(usize) -> usize,
        origin: Origin<'_>,
    ) -> Result<ArrayRef, Error> {
        let field = self.schema.field(place);
        conformed(column, field, self.rules[place]).map_err(|(row, expected)| Error::BadCast {
            path: origin.path.to_owned(),
            table: origin.table.to_owned(),
            column: field.name().clone(),
            row: row_in_file(row),
            value: arrow::util::display::array_value_to_string(column, row).unwrap_or_default().into(),
            expected: expected.into(),
        })
    }
}

/// Whether a declared type can be had from a file's type: numbers from numbers, text from anything plain, lists item by
/// item.
fn castable(found: &DataType, wanted: &DataType) -> bool {
    match (found, wanted) {
        (DataType::FixedSizeList(found, length), DataType::FixedSizeList(wanted, wanted_length)) => {
            length == wanted_length && castable(found.data_type(), wanted.data_type())
        }
        _ => found == wanted || (!found.is_nested() && !wanted.is_nested() && can_cast_types(found, wanted)),
    }
}

/// One column, or the first row whose value the declared type cannot hold.
fn conformed(column: &ArrayRef, field: &Field, rule: NullRule) -> Result<ArrayRef, (usize, String)> {
    // NaN has no integer, so it becomes null before the cast; a flag such as -1 is told after it, in the declared type.
    let column = if rule == NullRule::NotANumber { nan_to_null(column) } else { column.clone() };
    let column = checked_cast(&column, field.data_type())?;
    Ok(match rule {
        NullRule::Integer(flag) => flag_to_null(&column, flag),
        _ => column,
    })
}

fn checked_cast(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, (usize, String)> {
    if column.data_type() == wanted {
        return Ok(column.clone());
    }
    if let (DataType::FixedSizeList(_, length), DataType::FixedSizeList(item, _)) = (column.data_type(), wanted) {
        let list = column.as_fixed_size_list();
        let per_row = usize::try_from(*length).unwrap_or(1).max(1);
        let items = checked_cast(list.values(), item.data_type()).map_err(|(place, to)| (place / per_row, to))?;
        let cast =
            FixedSizeListArray::try_new_with_length(item.clone(), *length, items, list.nulls().cloned(), list.len());
        return match cast {
            Ok(list) => Ok(Arc::new(list)),
            Err(_) => Err((0, wanted.to_string())),
        };
    }
    let lenient = CastOptions { safe: true, ..CastOptions::default() };
    let refused = |row: usize| (row, wanted.to_string());
    let cast = |array: &ArrayRef, to: &DataType| cast_with_options(array, to, &lenient).map_err(|_| refused(0));
    let answer = cast(column, wanted)?;
    // A value the type cannot hold came out as null.
    if answer.null_count() > column.null_count()
        && let Some(row) = (0..column.len()).find(|&row| column.is_valid(row) && answer.is_null(row))
    {
        return Err(refused(row));
    }
    if wanted.is_integer() && column.data_type().is_floating() {
        let back = cast(&answer, column.data_type())?;
        let changed = arrow::compute::kernels::cmp::distinct(column, &back).map_err(|_| refused(0))?;
        if let Some(row) = changed.values().set_indices().next() {
            return Err(refused(row));
        }
    }
    if *wanted == DataType::Float32 && *column.data_type() == DataType::Float64 {
        let (wide, narrow) = (column.as_primitive::<Float64Type>(), answer.as_primitive::<Float32Type>());
        let overflow = wide.iter().zip(narrow).position(|pair| match pair {
            (Some(wide), Some(narrow)) => wide.is_finite() && !narrow.is_finite(),
            _ => false,
        });
        if let Some(row) = overflow {
            return Err(refused(row));
        }
    }
    Ok(answer)
}

fn nan_to_null(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float32 => without(column.as_primitive::<Float32Type>(), f32::is_nan),
        DataType::Float64 => without(column.as_primitive::<Float64Type>(), f64::is_nan),
        DataType::FixedSizeList(..) => in_items(column, nan_to_null),
        _ => column.clone(),
    }
}

fn flag_to_null(column: &ArrayRef, flag: i64) -> ArrayRef {
    macro_rules! integers {
        ($kind:ty) => {
            match <$kind as ArrowPrimitiveType>::Native::try_from(flag) {
                Ok(flag) => without(column.as_primitive::<$kind>(), |value| value == flag),
                // The type cannot hold the flag, so no value is it.
                Err(_) => column.clone(),
            }
        };
    }
    match column.data_type() {
        DataType::Int8 => integers!(Int8Type),
        DataType::Int16 => integers!(Int16Type),
        DataType::Int32 => integers!(Int32Type),
        DataType::Int64 => integers!(Int64Type),
        DataType::UInt8 => integers!(UInt8Type),
        DataType::UInt16 => integers!(UInt16Type),
        DataType::UInt32 => integers!(UInt32Type),
        DataType::UInt64 => integers!(UInt64Type),
        // Surveys write whole-numbered flags into measured columns too.
        DataType::Float32 => without(column.as_primitive::<Float32Type>(), |value| f64::from(value) == flag as f64),
        DataType::Float64 => without(column.as_primitive::<Float64Type>(), |value| value == flag as f64),
        DataType::FixedSizeList(..) => in_items(column, |items| flag_to_null(items, flag)),
        _ => column.clone(),
    }
}

/// The same values with null where `is_flag`; the array itself where nothing is.
fn without<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, is_flag: impl Fn(T::Native) -> bool) -> ArrayRef {
    let values = array.values();
    if !values.iter().any(|value| is_flag(*value)) {
        return Arc::new(array.clone());
    }
    let kept = NullBuffer::new(BooleanBuffer::collect_bool(values.len(), |row| !is_flag(values[row])));
    let nulls = NullBuffer::union(Some(&kept), array.nulls());
    let typed = PrimitiveArray::<T>::new(values.clone(), nulls);
    Arc::new(typed.with_data_type(array.data_type().clone()))
}

fn in_items(column: &ArrayRef, change: impl Fn(&ArrayRef) -> ArrayRef) -> ArrayRef {
    let list = column.as_fixed_size_list();
    let DataType::FixedSizeList(item, length) = column.data_type() else { return column.clone() };
    let (item, items) = (item.clone(), change(list.values()));
    let changed = FixedSizeListArray::try_new_with_length(item, *length, items, list.nulls().cloned(), list.len());
    // Items that must not be null stay what they are.
    changed.map_or_else(|_| column.clone(), |list| Arc::new(list))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::columns::{Column, UNIT};
    use arrow::array::{Float32Array, Float64Array, Int32Array, Int64Array, StringArray};

    const ORIGIN: fn() -> Origin<'static> = || Origin { path: Path::new("a.fits"), table: "HDU T" };

    fn conform(name: &str, column: ArrayRef, declared: Column) -> Result<RecordBatch, Error> {
        let batch = RecordBatch::try_from_iter([(name, column)]).unwrap();
        let conform = Conform::new(&batch.schema(), &Columns::new(vec![declared]), ORIGIN())?;
        conform.apply(&batch, |row| row + 100, ORIGIN())
    }

    #[test]
    fn flags_become_nulls_and_types_what_was_declared() {
        let ids: ArrayRef = Arc::new(Int32Array::from(vec![Some(3), Some(-1), None]));
        let declared =
            Column::new("VOID", "Void").with_type(DataType::Int64).with_nulls(NullRule::Integer(-1)).with_unit("m");
        let batch = conform("void", ids, declared).unwrap();
        assert_eq!(batch.column(0).as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(3), None, None]));
        assert_eq!(batch.schema().field(0).metadata()[UNIT], "m");
        let mass: ArrayRef = Arc::new(Float64Array::from(vec![1.5, f64::NAN]));
        let declared = Column::new("M", "Mass").with_type(DataType::Float32).with_nulls(NullRule::NotANumber);
        let batch = conform("M", mass.clone(), declared).unwrap();
        assert_eq!(batch.column(0).as_primitive::<Float32Type>(), &Float32Array::from(vec![Some(1.5), None]));
        let batch = conform("M", mass, Column::new("M", "NaN is a value here")).unwrap();
        assert_eq!(batch.column(0).null_count(), 0);
    }

    #[test]
    fn undeclared_columns_stay() {
        let batch = conform("X", Arc::new(Int32Array::from(vec![-1])), Column::new("Y", "Another")).unwrap();
        assert_eq!(batch.column(0).data_type(), &DataType::Int32);
        assert_eq!(batch.column(0).null_count(), 0);
    }

    #[test]
    fn lists_are_conformed_item_by_item() {
        let items: ArrayRef = Arc::new(Float32Array::from(vec![1.0, f32::NAN, 3.0, 4.0]));
        let item = Arc::new(Field::new("item", DataType::Float32, true));
        let list: ArrayRef = Arc::new(FixedSizeListArray::try_new(item, 2, items, None).unwrap());
        let batch = conform("C", list, Column::new("C", "Pairs").with_nulls(NullRule::NotANumber)).unwrap();
        let list = batch.column(0).as_fixed_size_list();
        assert!(list.values().is_null(1) && list.values().null_count() == 1);
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_its_row() {
        let refused = |column: ArrayRef, wanted: DataType| {
            conform("N", column, Column::new("N", "Number").with_type(wanted)).unwrap_err().to_string()
        };
        let message = refused(Arc::new(Int64Array::from(vec![1, 70_000])), DataType::Int16);
        assert_eq!(
            message,
            "cannot ingest row 101 of HDU T in a.fits: column `N` is 70000, which a column of type Int16 cannot hold"
        );
        assert!(refused(Arc::new(Float64Array::from(vec![2.0, 2.5])), DataType::Int64).contains("is 2.5"));
        assert!(refused(Arc::new(Float64Array::from(vec![f64::NAN])), DataType::Int64).contains("is NaN"));
        assert!(refused(Arc::new(Float64Array::from(vec![1e300])), DataType::Float32).contains("is 1e300"));
        assert!(refused(Arc::new(StringArray::from(vec!["5", "five"])), DataType::Int32).contains("row 101"));
        let list = DataType::new_fixed_size_list(DataType::Float32, 2, true);
        let message = refused(Arc::new(Float64Array::from(vec![1.0])), list);
        assert!(message.starts_with("cannot use column `N` in HDU T of a.fits: expected "), "{message}");
    }
}
