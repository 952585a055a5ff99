//! Gas conditions of many objects at once.
//!
//! A table has one row an object and columns named as the grid's quantities: fluxes of lines (linear, one unit) with
//! `<name>_err`, or ionic columns (log10 1/cm2) with `<name>_err` in dex. A column `<name>_bound` of 1 makes a lower limit, -1
//! an upper limit.

use arrow::array::RecordBatch;
use study::tables::Columns;

use crate::grid::interpolation::ErrorMaps;
use crate::grid::{GridError, ModelGrid};
use crate::inference::{Bound, GasPosterior, InferenceSettings, Observed, infer_with};
use crate::object_table::ObjectTable;

/// What a table's numbers are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measurements {
    /// Fluxes of lines; each is divided by that of the named one, which must be measured.
    Lines {
        /// The line that others are divided by.
        over: String,
    },
    /// Ionic columns, log10.
    Columns,
}

/// Conditions of one object, or why there are none.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// What the table calls it.
    pub object: String,
    /// Quantities used.
    pub used: usize,
    /// The posterior.
    pub posterior: Result<GasPosterior, String>,
}

/// Infers the conditions of every object of a table.
///
/// # Errors
/// The table has none of the grid's quantities, or columns that are not numbers. An object that cannot be inferred is a
/// [`Conditions`] without posterior.
pub fn conditions(
    grid: &ModelGrid,
    table: &ObjectTable,
    measurements: &Measurements,
    settings: &InferenceSettings,
) -> Result<Vec<Conditions>, GridError> {
    let mut columns = Vec::new();
    for name in grid.quantities() {
        let Some(values) = table.optional(name)? else { continue };
        let errors = table.numbers(&format!("{name}_err"))?;
        let bounds = table.optional(&format!("{name}_bound"))?.unwrap_or_else(|| vec![None; table.len()]);
        columns.push((name.clone(), values, errors, bounds));
    }
    if columns.is_empty() {
        // The message names what the grid has.
        grid.quantity(table.names().first().map_or("", String::as_str))?;
    }
    let observed = |row: usize| -> Vec<Observed> {
        let at = |name: &str| {
            let column = columns.iter().find(|column| column.0.eq_ignore_ascii_case(name))?;
            Some((column.1[row].filter(|value| *value > 0.0)?, column.2[row]?))
        };
        let reference = match measurements {
            Measurements::Lines { over } => at(over).map(|(flux, error)| (over.clone(), flux, error)),
            Measurements::Columns => None,
        };
        let mut all = Vec::new();
        for (name, values, errors, bounds) in &columns {
            let (Some(value), Some(error)) = (values[row], errors[row]) else { continue };
            let bound = match bounds[row] {
                Some(sign) if sign > 0.0 => Bound::AtLeast,
                Some(sign) if sign < 0.0 => Bound::AtMost,
                _ => Bound::Value,
            };
            let (log_value, error_dex) = match (measurements, &reference) {
                (Measurements::Columns, _) => (value, error),
                (Measurements::Lines { .. }, Some((over, flux, flux_error))) => {
                    if over.eq_ignore_ascii_case(name) || value <= 0.0 {
                        continue;
                    }
                    ((value / flux).log10(), (error / value).hypot(flux_error / flux) / std::f64::consts::LN_10)
                }
                _ => continue,
            };
            let over = reference.as_ref().map(|(over, ..)| over.clone());
            all.push(Observed { quantity: name.clone(), over, log_value, error_dex, bound });
        }
        all
    };
    let mut used: Vec<usize> = Vec::new();
    for (name, ..) in &columns {
        used.push(grid.quantity(name)?);
    }
    let maps = ErrorMaps::new(grid, &used);
    let one = |(row, object): (usize, String)| {
        let observed = observed(row);
        let posterior = infer_with(grid, &maps, &observed, settings).map_err(|error| error.to_string());
        Conditions { object, used: observed.len(), posterior }
    };
    Ok(table.labels(&["object", "name", "TARGETID", "id"]).into_iter().enumerate().map(one).collect())
}

/// One row an object: `<axis>` (median), `<axis>_err_lo` and `<axis>_err_hi` of the 68 % interval, `<axis>_P025` and `_P975` of
/// the 95 %, `<axis>_AT_EDGE`, and the correlation of log U and log N_H, as `energetics absorption` reads them.
///
/// # Errors
/// None in practice: columns have one length.
pub fn conditions_table(grid: &ModelGrid, found: &[Conditions]) -> Result<RecordBatch, GridError> {
    let mut columns = Columns::new()
        .text("object", "", "what the input calls it", found.iter().map(|one| &one.object))
        .integer("used", "", "quantities used", found.iter().map(|one| one.used as i64));
    for (at, axis) in grid.axes().iter().enumerate() {
        let name = &axis.name;
        let value = |of: &dyn Fn(&crate::inference::AxisPosterior) -> f64| {
            found.iter().map(|one| Some(of(one.posterior.as_ref().ok()?.axes.get(at)?))).collect::<Vec<_>>()
        };
        let column = |suffix: &str| format!("{name}{suffix}");
        columns = columns
            .optional(name, "", "median", value(&|axis| axis.median))
            .optional(&column("_err_lo"), "", "median minus 16th percentile", {
                value(&|axis| axis.median - axis.interval_68[0])
            })
            .optional(&column("_err_hi"), "", "84th percentile minus median", {
                value(&|axis| axis.interval_68[1] - axis.median)
            })
            .optional(&column("_P025"), "", "lower end of the 95 % interval", value(&|axis| axis.interval_95[0]))
            .optional(&column("_P975"), "", "upper end of the 95 % interval", value(&|axis| axis.interval_95[1]))
            .optional(&column("_AT_EDGE"), "", "1 where the grid's edge cuts the posterior off", {
                value(&|axis| f64::from(u8::from(axis.at_edge)))
            });
    }
    let rho = found.iter().map(|one| one.posterior.as_ref().ok()?.correlation("logU", "logNH"));
    let status = found.iter().map(|one| one.posterior.as_ref().err().map_or("ok", String::as_str));
    Ok(columns
        .optional("rho_logU_logNH", "", "correlation of log U and log N_H", rho)
        .text("STATUS", "", "ok, or why there is no answer", status)
        .table()?)
}
