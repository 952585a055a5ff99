//! The columns of DESI's BAL catalogues, for those who have code that reads them.
//!
//! Schema: the BAL value-added catalogues of DESI (Filbert et al. 2024, 2024MNRAS.532.3669F). In those columns a missing
//! value is 0 for an index and -1 in a slot of a trough; everywhere else in this project it is null.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeListArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, UInt8Array,
};
use arrow::datatypes::{DataType, Field};
use study::tables::Columns;

use super::TroughError;
use super::index::{Trough, TroughIndex};
use super::search::{Transition, TroughSearch};
use astro::statistics::normal_cdf;

/// Slots for troughs of balnicity and of the absorption index.
pub const TROUGH_SLOTS: [usize; 2] = [5, 17];

/// Coefficients of eigenspectra in DESI's catalogues; more only where more were fitted.
const EIGENSPECTRA: usize = 4;

/// One row a spectrum: TARGETID, Z, TARGET_RA, TARGET_DEC, PCA_COEFFS, PCA_CHI2, BAL_PROB, and for C IV and Si IV
/// `BI`, `ERR_BI`, `N<ion>_2000`, `VMIN`, `VMAX`, `POSMIN`, `FMIN` of each trough, and the same for AI with 450.
///
/// `BAL_PROB` is the probability that the absorption index of C IV is above 0 given its error; 0 without a trough.
///
/// # Errors
/// None in practice: columns have one length.
pub fn desi_catalogue(found: &[TroughSearch]) -> Result<RecordBatch, TroughError> {
    let eigen = found.iter().map(|one| one.continuum.eigen_coefficients.len()).max().unwrap_or(0).max(EIGENSPECTRA);
    let float = |values: Vec<Option<f64>>| -> ArrayRef { Arc::new(values.into_iter().collect::<Float64Array>()) };
    let coefficients: Vec<f32> =
        found.iter().flat_map(|one| padded(one.continuum.eigen_coefficients.iter().copied(), eigen, 0.0)).collect();
    let probability = |one: &TroughSearch| {
        let index = index_of(one, Transition::Civ, false);
        index
            .filter(|index| index.value_km_s > 0.0)
            .map_or(0.0, |index| normal_cdf(index.value_km_s / index.error_km_s))
    };
    let ids: Int64Array = found.iter().map(|one| Some(one.target_id.unwrap_or(-1))).collect();
    let mut columns = Columns::new()
        .array("TARGETID", "", "DESI target identifier; -1 where there is none", Arc::new(ids))
        .array("Z", "", "redshift", float(found.iter().map(|one| Some(one.redshift)).collect()))
        .array("TARGET_RA", "deg", "right ascension, ICRS", float(found.iter().map(|one| one.ra_deg).collect()))
        .array("TARGET_DEC", "deg", "declination, ICRS", float(found.iter().map(|one| one.dec_deg).collect()))
        .array("PCA_COEFFS", "", "coefficients of the eigenspectra", list(coefficients, eigen)?)
        .array(
            "PCA_CHI2",
            "",
            "chi2 per degree of freedom of the continuum",
            single(found, |one| one.continuum.reduced_chi2.unwrap_or(0.0)),
        )
        .array("BAL_PROB", "", "probability that AI_CIV is above 0", single(found, probability));
    for transition in [Transition::Civ, Transition::Siiv] {
        for (wide, slots) in [(true, TROUGH_SLOTS[0]), (false, TROUGH_SLOTS[1])] {
            columns = add_index(columns, found, (transition, wide, slots))?;
        }
    }
    let mask: UInt8Array = found.iter().map(|one| Some(u8::from(one.indices.is_empty()))).collect();
    Ok(columns.array("BALMASK", "", "1 where C IV and Si IV are not covered", Arc::new(mask)).table()?)
}

fn add_index(
    columns: Columns,
    found: &[TroughSearch],
    (transition, wide, slots): (Transition, bool, usize),
) -> Result<Columns, TroughError> {
    let (kind, width) = if wide { ("BI", 2000) } else { ("AI", 450) };
    let ion = transition.name();
    let value =
        |pick: fn(&TroughIndex) -> f64| single(found, move |one| index_of(one, transition, wide).map_or(0.0, pick));
    let counts: Int32Array = found
        .iter()
        .map(|one| {
            index_of(one, transition, wide).map_or(0, |index| i32::try_from(index.troughs.len()).unwrap_or(i32::MAX))
        })
        .map(Some)
        .collect();
    let slot = |pick: fn(&Trough) -> f64| -> Result<ArrayRef, TroughError> {
        let values = found.iter().flat_map(|one| {
            let troughs = index_of(one, transition, wide).map_or(&[][..], |index| &index.troughs[..]);
            padded(troughs.iter().map(pick), slots, -1.0)
        });
        list(values.collect(), slots)
    };
    let name = |column: &str| format!("{column}_{ion}_{width}");
    Ok(columns
        .array(&format!("{kind}_{ion}"), "km/s", "index", value(|index| index.value_km_s))
        .array(&format!("ERR_{kind}_{ion}"), "km/s", "its standard error", value(|index| index.error_km_s))
        .array(&format!("N{ion}_{width}"), "", "number of troughs", Arc::new(counts))
        .array(&name("VMIN"), "km/s", "lowest velocity of each trough", slot(|trough| trough.v_min_km_s)?)
        .array(&name("VMAX"), "km/s", "highest velocity of each trough", slot(|trough| trough.v_max_km_s)?)
        .array(&name("POSMIN"), "km/s", "velocity of its minimum", slot(|trough| trough.v_deepest_km_s)?)
        .array(&name("FMIN"), "", "transmission at its minimum", slot(|trough| trough.minimum)?))
}

fn index_of(found: &TroughSearch, transition: Transition, wide: bool) -> Option<&TroughIndex> {
    let indices = found.indices.iter().find(|indices| indices.transition == transition)?;
    Some(if wide { &indices.balnicity } else { &indices.absorption })
}

fn single(found: &[TroughSearch], pick: impl Fn(&TroughSearch) -> f64) -> ArrayRef {
    Arc::new(found.iter().map(|one| Some(pick(one) as f32)).collect::<Float32Array>())
}

fn padded(values: impl Iterator<Item = f64>, slots: usize, fill: f64) -> Vec<f32> {
    values.chain(std::iter::repeat(fill)).take(slots).map(|value| value as f32).collect()
}

fn list(values: Vec<f32>, slots: usize) -> Result<ArrayRef, TroughError> {
    let field = Arc::new(Field::new("item", DataType::Float32, true));
    let size = i32::try_from(slots).unwrap_or(1);
    Ok(Arc::new(FixedSizeListArray::try_new(field, size, Arc::new(Float32Array::from(values)), None)?))
}
