//! The two Rust crates, each used as its documentation shows.

use std::fs::File;
use std::io::BufReader;

use fitsrs::hdu::data::bintable::{ColumnId, DataValue};
use fitsrs::{Fits, HDU};

use crate::Failure;
use crate::sums::Sums;

/// A column as `fitsio` gives it.
enum Column {
    Floats(Vec<f32>),
    Ints(Vec<i32>),
    Longs(Vec<i64>),
    Strings(Vec<String>),
}

/// Crate `fitsio` (cfitsio): one column after the other.
pub fn fitsio(path: &str, names: &[&str], stop: &dyn Fn()) -> Result<Sums, Failure> {
    let mut file = fitsio::FitsFile::open(path)?;
    let hdu = file.hdu(1)?;
    let mut columns = Vec::new();
    for name in names {
        columns.push(match *name {
            "TARGETID" | "SEED" => Column::Longs(hdu.read_col(&mut file, name)?),
            "HEALPIX" => Column::Ints(hdu.read_col(&mut file, name)?),
            "SURVEY" | "PROGRAM" => Column::Strings(hdu.read_col(&mut file, name)?),
            _ => Column::Floats(hdu.read_col(&mut file, name)?),
        });
    }
    stop();
    let mut sums = Sums::new(names.len());
    for (place, column) in columns.into_iter().enumerate() {
        match column {
            Column::Floats(values) => sums.add(place, values.into_iter().map(f64::from)),
            Column::Ints(values) => sums.add(place, values.into_iter().map(f64::from)),
            Column::Longs(values) => sums.add(place, values.into_iter().map(|value| value as f64)),
            Column::Strings(values) => sums.add(place, values.iter().map(|text| text.len() as f64)),
        }
    }
    Ok(sums)
}

/// Crate `fitsrs`: an iterator over the values of the chosen fields, row by row, gathered into columns of 64-bit floats
/// (it has no typed columns). Characters come one by one; blanks are not counted.
pub fn fitsrs(path: &str, names: &[&str], stop: &dyn Fn()) -> Result<Sums, Failure> {
    let mut file = Fits::from_reader(BufReader::with_capacity(1 << 20, File::open(path)?));
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    while let Some(Ok(hdu)) = file.next() {
        let HDU::XBinaryTable(hdu) = hdu else { continue };
        let chosen: Vec<ColumnId> = names.iter().map(|name| ColumnId::Name((*name).to_owned().leak())).collect();
        let widths: Vec<usize> = names.iter().map(|name| elements(name)).collect();
        let order = std::iter::repeat(()).flat_map(|()| {
            widths.iter().enumerate().flat_map(|(column, width)| std::iter::repeat_n(column, *width))
        });
        let mut data = file.get_data(&hdu).table_data();
        data.select_fields(&chosen);
        for (value, column) in data.zip(order) {
            match value {
                DataValue::Float { value, .. } => columns[column].push(f64::from(value)),
                DataValue::Integer { value, .. } => columns[column].push(f64::from(value)),
                DataValue::Long { value, .. } => columns[column].push(value as f64),
                DataValue::Character { value, .. } => columns[column].push(f64::from(u8::from(value != ' '))),
                _ => return Err("a type that the table does not have".into()),
            }
        }
        break;
    }
    stop();
    let mut sums = Sums::new(names.len());
    columns.into_iter().enumerate().for_each(|(place, values)| sums.add(place, values));
    Ok(sums)
}

fn elements(name: &str) -> usize {
    match name {
        "SURVEY" => 7,
        "PROGRAM" => 6,
        "COEFF" => 28,
        _ => 1,
    }
}
