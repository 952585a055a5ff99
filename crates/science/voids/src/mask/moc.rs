//! Masks from FITS files: coverage maps (MOC) and HEALPix maps of completeness.
//!
//! A MOC lists the cells that a survey covers, of any size (Fernique et al. 2022, IVOA Recommendation MOC 2.0; written by
//! Aladin, mocpy and cdshealpix), as NUNIQ numbers or as ranges of cells of order 29. A map gives one value a cell (Gorski et al. 2005,
//! 2005ApJ...622..759G; as healpy writes it), here the completeness from 0 to 1. Both are on the equator's frame (ICRS).

use std::path::Path;

use archive::fits::{FitsFile, Header, Table};
use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use astro::healpix::{FINEST_ORDER, HealpixCell, cell_count};

use super::{FINEST_MASK_ORDER, HealpixMask, MaskError};

/// Values up to this much above 1 are rounding.
const ROUNDING: f64 = 1e-3;

impl HealpixMask {
    /// Reads a mask: a MOC, or a HEALPix map of completeness. Cells less than `least` complete are outside. Cells finer
    /// than order 9 are joined, with the mean of their completeness.
    ///
    /// # Errors
    /// The file is neither, is in galactic coordinates, has values beyond 0 to 1, or leaves no cell.
    pub fn read(path: &Path, least: f64) -> Result<Self, MaskError> {
        let wrong = |reason: String| MaskError::NoMap { path: path.to_owned(), reason };
        let file = FitsFile::open(path)?;
        let table = file.first_table()?;
        let header = table.header();
        if let Some(frame) = header.get_text("COORDSYS").map(str::trim).filter(|frame| !is_equatorial(frame)) {
            return Err(wrong(format!("expected equatorial coordinates (COORDSYS `C`), found `{frame}`")));
        }
        let ordering = header.get_text("ORDERING").map(|text| text.trim().to_uppercase()).unwrap_or_default();
        let (order, values) = match ordering.as_str() {
            "NUNIQ" | "RANGE" => coverage(&table, &ordering)?.ok_or_else(|| {
                wrong("expected cells of orders 0 to 29 in its first column, found another number".to_owned())
            })?,
            "RING" | "NESTED" | "NEST" => map(&table, &ordering).map_err(wrong)?,
            other => {
                return Err(wrong(format!(
                    "expected `ORDERING` to be NUNIQ or RANGE (a MOC), RING or NESTED (a map), found `{other}`"
                )));
            }
        };
        let mask = Self::from_completeness(order, values, least);
        let origin = || path.display().to_string();
        mask.filter(|mask| mask.area_deg2() > 0.0).ok_or_else(|| MaskError::Empty { origin: origin(), least })
    }
}

fn is_equatorial(frame: &str) -> bool {
    ["C", "ICRS", "EQUATORIAL", "CELESTIAL", "J2000", "FK5"].contains(&frame.to_uppercase().as_str())
}

/// Covered part of each nested cell, at the order of the finest cell or 9; `None` for numbers that are no cells.
fn coverage(table: &Table<'_>, ordering: &str) -> Result<Option<(u8, Vec<f64>)>, MaskError> {
    let name = table.columns().first().map_or_else(String::new, |column| column.name.clone());
    let numbers = table.i64_column(&name)?;
    let ranges = if ordering == "RANGE" { pairs(&numbers) } else { numbers.into_iter().map(unique).collect() };
    let Some(ranges) = ranges else { return Ok(None) };
    // The finest cell whose borders all ranges keep.
    let kept = |order: u8| {
        let cell = 1_u64 << (2 * (FINEST_ORDER - order));
        ranges.iter().all(|(from, to)| from % cell == 0 && to % cell == 0)
    };
    let order = (0..FINEST_MASK_ORDER).find(|&order| kept(order)).unwrap_or(FINEST_MASK_ORDER);
    let cell = 1_u64 << (2 * (FINEST_ORDER - order));
    let mut covered = vec![0.0; cell_count(order) as usize];
    for (from, to) in ranges {
        let mut at = from;
        while at < to {
            let end = to.min((at / cell + 1) * cell);
            covered[(at / cell) as usize] += (end - at) as f64 / cell as f64;
            at = end;
        }
    }
    Ok(Some((order, covered)))
}

/// The cells of order 29, from and up to, in the cell of a NUNIQ number: 4 * 4^order + index.
fn unique(number: i64) -> Option<(u64, u64)> {
    let number = u64::try_from(number).ok().filter(|&number| number >= 4)?;
    let order = u8::try_from(((63 - number.leading_zeros()) - 2) / 2).ok().filter(|&order| order <= FINEST_ORDER)?;
    let index = number - (4 << (2 * order));
    let shift = 2 * (FINEST_ORDER - order);
    (index < cell_count(order)).then_some((index << shift, (index + 1) << shift))
}

/// Pairs of first cell and the one after the last, of order 29.
fn pairs(numbers: &[i64]) -> Option<Vec<(u64, u64)>> {
    let end = cell_count(FINEST_ORDER);
    let pair = |pair: &[i64]| match *pair {
        [from, to] => Some((u64::try_from(from).ok()?, u64::try_from(to).ok()?)).filter(|&(a, b)| a < b && b <= end),
        _ => None,
    };
    numbers.chunks(2).map(pair).collect()
}

/// Completeness of each nested cell of a map.
fn map(table: &Table<'_>, ordering: &str) -> Result<(u8, Vec<f64>), String> {
    let order = map_order(table.header())?;
    let names: Vec<&str> = table.columns().iter().map(|column| column.name.as_str()).collect();
    let explicit = names.first().filter(|name| ["PIXEL", "PIX", "IPIX"].contains(&name.to_uppercase().as_str()));
    let Some(value) = names.get(usize::from(explicit.is_some())) else {
        return Err("expected a column of values".to_owned());
    };
    let values = flat(table, value)?;
    let cells: Vec<u64> = match explicit {
        Some(name) => flat(table, name)?.into_iter().map(|index| index as u64).collect(),
        None => (0..values.len() as u64).collect(),
    };
    if explicit.is_none() && values.len() as u64 != cell_count(order) {
        return Err(format!("expected {} values for its NSIDE, found {}", cell_count(order), values.len()));
    }
    let fine = order.saturating_sub(FINEST_MASK_ORDER);
    let mut completeness = vec![0.0; cell_count(order - fine) as usize];
    for (row, (&index, &value)) in cells.iter().zip(&values).enumerate() {
        // healpy marks cells without a value with -1.6375e30.
        let value = if value.is_finite() && value > -1e30 { value } else { 0.0 };
        if !(0.0..=1.0 + ROUNDING).contains(&value) {
            return Err(format!(
                "expected completeness from 0 to 1 in `{}`, found {value} in row {row}\n\
                 hint: counts of random points become completeness with `--randoms FILE`",
                names[usize::from(explicit.is_some())]
            ));
        }
        if index >= cell_count(order) {
            return Err(format!("expected cells below {} for its NSIDE, found {index}", cell_count(order)));
        }
        let cell = if ordering == "RING" { HealpixCell::from_ring(order, index).index } else { index };
        completeness[(cell >> (2 * fine)) as usize] += value / f64::from(1_u32 << (2 * fine));
    }
    Ok((order - fine, completeness))
}

fn map_order(header: &Header) -> Result<u8, String> {
    let nside = header.get_i64("NSIDE").ok_or("expected a number `NSIDE` in its header")?;
    let finest = FINEST_MASK_ORDER + 4;
    (0..=finest)
        .find(|&order| nside == 1 << order)
        .ok_or_else(|| format!("expected `NSIDE` to be a power of 2 up to {}, found {nside}", 1 << finest))
}

/// A column as one run of numbers: healpy puts 1024 of them in a row.
fn flat(table: &Table<'_>, name: &str) -> Result<Vec<f64>, String> {
    let batch = table.read(&[name], 0..usize::MAX).map_err(|error| error.to_string())?;
    let column = batch.column(0);
    let values = column.as_fixed_size_list_opt().map_or_else(|| column.clone(), |list| list.values().clone());
    let values = cast(&values, &DataType::Float64).map_err(|error| error.to_string())?;
    Ok(values.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}
