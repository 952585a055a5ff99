//! Gas conditions of many objects at once, and how well known conditions are recovered.
//!
//! A table has one row an object and columns named as the grid's quantities: fluxes of lines (linear, one unit) with
//! `<name>_err`, or ionic columns (log10 1/cm2) with `<name>_err` in dex. A column `<name>_bound` of 1 makes a lower limit, -1
//! an upper limit.

use arrow::array::RecordBatch;
use astro::statistics::{median, quantile, rng_stream};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use study::tables::Columns;

use crate::grid::{GridError, ModelGrid};
use crate::inference::{Bound, GasPosterior, InferenceSettings, Observed, infer};
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
    let one = |(row, object): (usize, String)| {
        let observed = observed(row);
        let posterior = infer(grid, &observed, settings).map_err(|error| error.to_string());
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

/// How well an axis is recovered.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisRecovery {
    /// The axis.
    pub axis: String,
    /// Points tried.
    pub points: usize,
    /// Median of inferred minus true, dex.
    pub bias_dex: f64,
    /// 68th percentile of the absolute difference, dex.
    pub error_dex: f64,
    /// Share within 0.3 dex.
    pub within_03: f64,
    /// Share of 68 % intervals that hold the truth.
    pub coverage_68: f64,
}

/// Injects conditions and infers them from quantities with Gaussian errors (dex). `left_out` takes models of `grid` that
/// an inference on the grid without every second log U does not know; else places between nodes, whose truth is the
/// interpolation itself. Axes that the settings hold have that value in truth too. Seeded.
///
/// # Errors
/// A quantity that the grid does not have, or a grid without log U.
pub fn recovery(
    grid: &ModelGrid,
    (quantities, over): (&[String], Option<&str>),
    (points, error_dex, seed): (usize, f64, u64),
    left_out: bool,
    settings: &InferenceSettings,
) -> Result<Vec<AxisRecovery>, GridError> {
    let axis_u = grid.axes().iter().position(|axis| axis.name == "logU").ok_or_else(|| GridError::Unknown {
        name: "logU".to_owned(),
        present: grid.axes().iter().map(|axis| axis.name.clone()).collect::<Vec<_>>().join(", "),
        hint: String::new(),
    })?;
    let known = if left_out { grid.thinned(axis_u) } else { grid.clone() };
    // A mesh as fine as on the whole grid, though its steps are twice as long.
    let settings = &InferenceSettings { refine: settings.refine * (1 + usize::from(left_out)), ..settings.clone() };
    // An axis that is held is known: the truth has that value.
    let held = |axis: usize| {
        let name = &grid.axes()[axis].name;
        settings.fixed.iter().find(|(fixed, _)| fixed == name).map(|(_, value)| *value)
    };
    let candidates: Vec<Vec<f64>> = grid
        .places()
        .into_iter()
        .filter(|place| {
            place.iter().enumerate().all(|(axis, at)| held(axis).is_none_or(|held| (held - at).abs() < 1e-6))
        })
        .filter(|place| !known.axes()[axis_u].values.contains(&place[axis_u]))
        .filter(|place| known.axes()[axis_u].values.last().is_some_and(|last| place[axis_u] < *last))
        .collect();
    let mut places = Vec::new();
    for quantity in quantities {
        places.push((grid.quantity(quantity)?, over.map(|over| grid.quantity(over)).transpose()?));
    }
    let uniform = rand_distr::Uniform::new(0.0, 1.0).ok();
    let results: Vec<Option<Vec<(f64, f64, bool)>>> = (0..points as u64)
        .into_par_iter()
        .map(|point| {
            let mut rng = rng_stream(seed, point);
            let uniform = uniform?;
            let truth: Vec<f64> = if left_out {
                candidates.get((uniform.sample(&mut rng) * candidates.len() as f64) as usize)?.clone()
            } else {
                let between = |axis: &crate::grid::GridAxis| -> Option<(f64, f64)> {
                    Some((*axis.values.first()?, *axis.values.last()?))
                };
                let ends: Option<Vec<(f64, f64)>> = grid.axes().iter().map(between).collect();
                let mut place = Vec::new();
                for (axis, (low, high)) in ends?.into_iter().enumerate() {
                    let drawn = low + (high - low) * uniform.sample(&mut rng);
                    place.push(held(axis).unwrap_or(drawn));
                }
                place
            };
            let mut observed = Vec::new();
            for (name, (quantity, divisor)) in quantities.iter().zip(&places) {
                let deviate: f64 = StandardNormal.sample(&mut rng);
                let value = grid.at(*quantity, &truth)? - divisor.map_or(Some(0.0), |over| grid.at(over, &truth))?;
                observed.push(Observed {
                    quantity: name.clone(),
                    over: over.map(str::to_owned),
                    log_value: value + error_dex * deviate,
                    error_dex,
                    bound: Bound::Value,
                });
            }
            let posterior = infer(&known, &observed, settings).ok()?;
            Some(
                posterior
                    .axes
                    .iter()
                    .zip(&truth)
                    .map(|(axis, truth)| {
                        let inside = *truth >= axis.interval_68[0] && *truth <= axis.interval_68[1];
                        (axis.median - truth, (axis.median - truth).abs(), inside)
                    })
                    .collect(),
            )
        })
        .collect();
    let done: Vec<Vec<(f64, f64, bool)>> = results.into_iter().flatten().collect();
    let summary = |(at, axis): (usize, &crate::grid::GridAxis)| {
        let of = |pick: &dyn Fn(&(f64, f64, bool)) -> f64| done.iter().map(|one| pick(&one[at])).collect::<Vec<f64>>();
        let share = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
        AxisRecovery {
            axis: axis.name.clone(),
            points: done.len(),
            bias_dex: median(&of(&|one| one.0)).unwrap_or(f64::NAN),
            error_dex: quantile(&of(&|one| one.1), 0.6827).unwrap_or(f64::NAN),
            within_03: share(of(&|one| f64::from(u8::from(one.1 <= 0.3)))),
            coverage_68: share(of(&|one| f64::from(u8::from(one.2)))),
        }
    };
    Ok(known.axes().iter().enumerate().map(summary).collect())
}
