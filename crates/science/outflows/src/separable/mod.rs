//! Least squares in which most parameters are linear: variable projection with bounds.
//!
//! The amplitudes are found by non-negative least squares for every trial of the few other parameters, and those by
//! Levenberg-Marquardt with analytic derivatives in Kaufman's approximation. It holds no random numbers and no model.
//! Golub & Pereyra 2003, Inverse Problems 19, R1; Lawson & Hanson 1974, ch. 23.

mod columns;
mod exponential;
mod jacobian;
mod lanes;
mod marquardt;
mod nnls;

pub(crate) use columns::{Columns, dot};
pub(crate) use exponential::exp;
pub(crate) use jacobian::{Jacobian, inverse, jacobian};
pub(crate) use lanes::in_lanes;
pub use marquardt::{Minimum, Tolerance};
pub(crate) use marquardt::{Workspace, minimise};
pub(crate) use nnls::solve as non_negative;
pub(crate) use nnls::{Scratch as NonNegative, cholesky, factorise, forward};

/// `start + factor * model` at a minimum; what `columns` held is lost.
pub(crate) fn added(
    start: &[f64],
    factor: f64,
    model: &impl Separable,
    minimum: &Minimum,
    columns: &mut Columns,
) -> Vec<f64> {
    columns.reset(model.n_columns(), model.n_pixels());
    model.columns(&minimum.parameters, columns);
    model.fixed_columns(columns);
    let mut sum = start.to_vec();
    for (column, amplitude) in minimum.amplitudes.iter().enumerate() {
        columns.add_to(column, factor * amplitude, &mut sum);
    }
    sum
}

/// A model that is linear in its amplitudes: `model = sum_j amplitude_j column_j(parameters)`.
///
/// Everything is in units of the pixel's error: columns are multiplied by sqrt(ivar).
pub(crate) trait Separable {
    /// Number of non-linear parameters.
    fn n_parameters(&self) -> usize;
    /// Number of amplitudes.
    fn n_columns(&self) -> usize;
    /// Number of pixels.
    fn n_pixels(&self) -> usize;
    /// Least and greatest value of a parameter.
    fn bounds(&self, parameter: usize) -> (f64, f64);
    /// Whether an amplitude may be negative.
    fn is_free(&self, _column: usize) -> bool {
        false
    }
    /// Whether an amplitude counts as uncertain even where it is zero; others are then taken as known to be.
    fn is_uncertain(&self, _column: usize) -> bool {
        false
    }
    /// Columns from this one on do not depend on the parameters.
    fn first_fixed(&self) -> usize {
        self.n_columns()
    }
    /// Fills the columns that depend on the parameters.
    fn columns(&self, parameters: &[f64], out: &mut Columns);
    /// Fills the others.
    fn fixed_columns(&self, _out: &mut Columns) {}
    /// Fills one direction a parameter: `sum_j amplitude_j d column_j / d parameter`.
    fn directions(&self, parameters: &[f64], amplitudes: &[f64], columns: &Columns, out: &mut Columns);
}
