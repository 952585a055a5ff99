//! Least-squares fits of a model with few parameters (Levenberg-Marquardt), with a full covariance of the points.

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::{Cholesky, DMatrix, DVector, Dyn, Owned};

use super::{StatisticsError, require_count, require_finite, require_length};

/// Errors of the points of a fit.
#[derive(Debug, Clone, Copy)]
pub enum Errors<'a> {
    /// Independent standard errors.
    Independent(&'a [f64]),
    /// Covariance matrix `[n, n]`.
    Covariance(&'a [Vec<f64>]),
}

/// Result of [`curve_fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct CurveFit {
    /// Best parameters, in the order of the starting point.
    pub parameters: Vec<f64>,
    /// Their covariance `[n_par, n_par]`, from the Jacobian at the minimum; errors are taken as absolute.
    pub covariance: Vec<Vec<f64>>,
    /// Chi-square at the minimum.
    pub chi_square: f64,
    /// Points - parameters.
    pub degrees: usize,
    /// Whether the minimiser converged and the covariance exists; otherwise the rest is the last step only.
    pub converged: bool,
}

struct Problem<'a, F> {
    model: &'a F,
    x: &'a [f64],
    y: DVector<f64>,
    whiten: Cholesky<f64, Dyn>,
    parameters: DVector<f64>,
}

impl<F: Fn(f64, &[f64]) -> f64> Problem<'_, F> {
    fn residuals_at(&self, parameters: &[f64]) -> Option<DVector<f64>> {
        let values = DVector::from_iterator(self.x.len(), self.x.iter().map(|x| (self.model)(*x, parameters)));
        if values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        self.whiten.l_dirty().solve_lower_triangular(&(values - &self.y))
    }
}

impl<F: Fn(f64, &[f64]) -> f64> LeastSquaresProblem<f64, Dyn, Dyn> for Problem<'_, F> {
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;
    type ParameterStorage = Owned<f64, Dyn>;

    fn set_params(&mut self, parameters: &DVector<f64>) {
        self.parameters.copy_from(parameters);
    }

    fn params(&self) -> DVector<f64> {
        self.parameters.clone()
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        self.residuals_at(self.parameters.as_slice())
    }

    /// Central differences: the models are smooth and cheap.
    fn jacobian(&self) -> Option<DMatrix<f64>> {
        let mut jacobian = DMatrix::zeros(self.x.len(), self.parameters.len());
        for k in 0..self.parameters.len() {
            let step = 6e-6 * self.parameters[k].abs().max(1e-3);
            let mut shifted = self.parameters.as_slice().to_vec();
            shifted[k] += step;
            let above = self.residuals_at(&shifted)?;
            shifted[k] -= 2.0 * step;
            let below = self.residuals_at(&shifted)?;
            jacobian.set_column(k, &((above - below) / (2.0 * step)));
        }
        Some(jacobian)
    }
}

/// Fits `model(x, parameters)` to points from the starting `parameters`.
///
/// A fit that does not converge is a result with `converged: false`, not an error.
///
/// # Errors
/// Fewer points than parameters, lengths that differ, numbers that are not finite, or a covariance that is not
/// positive definite.
pub fn curve_fit<F: Fn(f64, &[f64]) -> f64>(
    model: F,
    x: &[f64],
    y: &[f64],
    errors: Errors<'_>,
    start: &[f64],
) -> Result<CurveFit, StatisticsError> {
    const NAME: &str = "curve fit";
    require_count(NAME, start.len(), x.len())?;
    require_length(NAME, "y", x.len(), y.len())?;
    for values in [x, y, start] {
        require_finite(NAME, values)?;
    }
    let whiten = Cholesky::new(covariance_matrix(x.len(), errors)?).ok_or(StatisticsError::Degenerate {
        statistic: NAME,
        reason: "the covariance of the points is not positive definite",
    })?;
    let y = DVector::from_column_slice(y);
    let problem = Problem { model: &model, x, y, whiten, parameters: DVector::from_column_slice(start) };
    let (problem, report) = LevenbergMarquardt::new().with_patience(200).minimize(problem);
    let inverse = problem.jacobian().and_then(|jacobian| (jacobian.transpose() * jacobian).try_inverse());
    let size = start.len();
    let covariance = match &inverse {
        Some(matrix) => (0..size).map(|i| (0..size).map(|j| matrix[(i, j)]).collect()).collect(),
        None => Vec::new(),
    };
    Ok(CurveFit {
        parameters: problem.parameters.as_slice().to_vec(),
        covariance,
        chi_square: 2.0 * report.objective_function,
        degrees: x.len() - size,
        converged: report.termination.was_successful() && inverse.is_some(),
    })
}

fn covariance_matrix(size: usize, errors: Errors<'_>) -> Result<DMatrix<f64>, StatisticsError> {
    const NAME: &str = "curve fit";
    match errors {
        Errors::Independent(errors) => {
            require_length(NAME, "errors", size, errors.len())?;
            require_finite(NAME, errors)?;
            Ok(DMatrix::from_diagonal(&DVector::from_iterator(size, errors.iter().map(|error| error * error))))
        }
        Errors::Covariance(rows) => {
            require_length(NAME, "covariance", size, rows.len())?;
            for row in rows {
                require_length(NAME, "covariance row", size, row.len())?;
                require_finite(NAME, row)?;
            }
            Ok(DMatrix::from_fn(size, size, |i, j| rows[i][j]))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // scipy 1.17: curve_fit(f, x, y, p0=[3, 1, 1], sigma=C, absolute_sigma=True), C = 0.01 I + 0.004
    #[test]
    fn agrees_with_scipy_for_correlated_points() {
        let model = |x: f64, p: &[f64]| p[0] * (-p[1] * x).exp() + p[2];
        let x = [0.0, 0.5, 1.0, 2.0, 3.0, 4.0];
        let y = [5.1, 3.4, 2.5, 1.4, 1.1, 1.05];
        let matrix: Vec<Vec<f64>> =
            (0..6).map(|i| (0..6).map(|j| if i == j { 0.014 } else { 0.004 }).collect()).collect();
        let fit = curve_fit(model, &x, &y, Errors::Covariance(&matrix), &[3.0, 1.0, 1.0]).unwrap();
        let parameters = [4.167_524_8, 1.025_786_7, 0.932_742_1];
        let errors = [0.118_775_2, 0.077_776_1, 0.110_142_9];
        assert!(fit.converged && (fit.chi_square - 1.377_556_26).abs() < 1e-6, "{fit:?}");
        for k in 0..3 {
            assert!((fit.parameters[k] - parameters[k]).abs() < 1e-5, "{fit:?}");
            assert!((fit.covariance[k][k].sqrt() - errors[k]).abs() < 1e-5, "{fit:?}");
        }
        let singular = vec![vec![1.0; 6]; 6];
        assert!(curve_fit(model, &x, &y, Errors::Covariance(&singular), &[3.0, 1.0, 1.0]).is_err());
    }
}
