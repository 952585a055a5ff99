//! Functions of the sky for SQL. Angles are ICRS degrees, distances comoving Mpc/h; a null in gives a null out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use astro::Cosmology;
use astro::healpix::{FINEST_ORDER, HealpixCell};
use astro::sphere::angular_separation_deg;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;

/// Matter density of `comoving_distance(z)`: Planck Collaboration 2020, 2020A&A...641A...6P.
const OMEGA_M: f64 = 0.3153;

type Columns<'a> = &'a [ArrayRef];

/// Makes the functions known to a session.
pub(super) fn register(context: &SessionContext) {
    let add = |name: &str, arguments: &[DataType], answer: DataType, compute: fn(Columns<'_>) -> Result<ArrayRef>| {
        let run = move |arguments: &[ColumnarValue]| {
            Ok(ColumnarValue::Array(compute(&ColumnarValue::values_to_arrays(arguments)?)?))
        };
        context.register_udf(create_udf(name, arguments.to_vec(), answer, Volatility::Immutable, Arc::new(run)));
    };
    let float = DataType::Float64;
    let floats = |count: usize| vec![float.clone(); count];
    add("cone", &floats(5), DataType::Boolean, cone);
    add("angular_separation", &floats(4), float.clone(), separation);
    add("healpix", &[float.clone(), float.clone(), DataType::Int64], DataType::Int64, healpix);
    add("comoving_distance", &floats(1), float.clone(), comoving_distance);
    add("comoving_distance_in", &floats(2), float.clone(), comoving_distance_in);
    add("sky_box", &floats(6), DataType::Boolean, sky_box);
    add("in_sphere", &floats(7), DataType::Boolean, in_sphere);
}

fn floats(column: &ArrayRef) -> Result<&Float64Array> {
    column.as_primitive_opt::<Float64Type>().ok_or_else(|| DataFusionError::Execution("expected numbers".to_owned()))
}

/// One answer a row from `N` numbers, null where any of them is.
fn each<const N: usize, T>(columns: Columns<'_>, compute: impl Fn([f64; N]) -> T) -> Result<Vec<Option<T>>> {
    let columns: Vec<&Float64Array> = columns.iter().map(floats).collect::<Result<_>>()?;
    let columns: [&Float64Array; N] =
        columns.try_into().map_err(|_| DataFusionError::Execution(format!("expected {N} numbers")))?;
    let row =
        |row: usize| columns.iter().all(|column| column.is_valid(row)).then(|| columns.map(|column| column.value(row)));
    Ok((0..columns.first().map_or(0, |column| column.len())).map(|index| row(index).map(&compute)).collect())
}

/// `cone(ra, dec, ra0, dec0, radius)`: within `radius` degrees of a place, its border included.
fn cone(columns: Columns<'_>) -> Result<ArrayRef> {
    let inside = each(columns, |[ra, dec, ra0, dec0, radius]: [f64; 5]| {
        (dec - dec0).abs() <= radius && angular_separation_deg(ra, dec, ra0, dec0) <= radius
    })?;
    Ok(Arc::new(BooleanArray::from(inside)))
}

/// `angular_separation(ra1, dec1, ra2, dec2)`, degrees.
fn separation(columns: Columns<'_>) -> Result<ArrayRef> {
    let angles = each(columns, |[ra1, dec1, ra2, dec2]: [f64; 4]| angular_separation_deg(ra1, dec1, ra2, dec2))?;
    Ok(Arc::new(Float64Array::from(angles)))
}

/// `healpix(ra, dec, order)`: nested index of the cell.
fn healpix(columns: Columns<'_>) -> Result<ArrayRef> {
    let places = each(&columns[..2], |place: [f64; 2]| place)?;
    let orders = columns[2].as_primitive::<Int64Type>();
    let mut cells = Vec::with_capacity(places.len());
    for (place, order) in places.into_iter().zip(orders) {
        cells.push(match (place, order) {
            (Some([ra, dec]), Some(order)) => Some(cell(ra, dec, order)?),
            _ => None,
        });
    }
    Ok(Arc::new(Int64Array::from(cells)))
}

fn cell(ra: f64, dec: f64, order: i64) -> Result<i64> {
    let order = u8::try_from(order).ok().filter(|order| *order <= FINEST_ORDER);
    let order = order.ok_or_else(|| DataFusionError::Execution("healpix: expected an order of 0 to 29".to_owned()))?;
    Ok(HealpixCell::at(order, ra, dec).index.cast_signed())
}

/// `comoving_distance(z)`, Mpc/h, flat with Omega_m = 0.3153.
fn comoving_distance(columns: Columns<'_>) -> Result<ArrayRef> {
    let cosmology = Cosmology::flat_lcdm(OMEGA_M);
    let distances = each(columns, |[z]: [f64; 1]| cosmology.comoving_distance_mpc_h(z))?;
    Ok(Arc::new(Float64Array::from(distances)))
}

/// `comoving_distance_in(z, omega_m)`, Mpc/h, flat.
fn comoving_distance_in(columns: Columns<'_>) -> Result<ArrayRef> {
    let distances = each(columns, |[z, omega_m]: [f64; 2]| Cosmology::flat_lcdm(omega_m).comoving_distance_mpc_h(z))?;
    Ok(Arc::new(Float64Array::from(distances)))
}

/// `sky_box(ra, dec, ra_min, ra_max, dec_min, dec_max)`: borders included; `ra_min > ra_max` crosses RA 0.
fn sky_box(columns: Columns<'_>) -> Result<ArrayRef> {
    let inside = each(columns, |[ra, dec, ra_min, ra_max, dec_min, dec_max]: [f64; 6]| {
        let within = if ra_min <= ra_max { ra >= ra_min && ra <= ra_max } else { ra >= ra_min || ra <= ra_max };
        within && dec >= dec_min && dec <= dec_max
    })?;
    Ok(Arc::new(BooleanArray::from(inside)))
}

/// `in_sphere(ra, dec, distance, x, y, z, radius)`: a direction at a comoving distance in a sphere, Mpc/h, its border included.
fn in_sphere(columns: Columns<'_>) -> Result<ArrayRef> {
    let inside = each(columns, |[ra, dec, distance, x, y, z, radius]: [f64; 7]| {
        let (ra, dec) = (ra.to_radians(), dec.to_radians());
        let along =
            [distance * dec.cos() * ra.cos() - x, distance * dec.cos() * ra.sin() - y, distance * dec.sin() - z];
        along[0] * along[0] + along[1] * along[1] + along[2] * along[2] <= radius * radius
    })?;
    Ok(Arc::new(BooleanArray::from(inside)))
}
