//! A straight line through points with errors.

use super::{StatisticsError, require_count, require_finite, require_length};

/// `y = intercept + slope (x - pivot)` with the covariance of its two parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineFit {
    /// The abscissa where the intercept is taken: the weighted mean of x, so that the two errors are independent.
    pub pivot: f64,
    /// Value at the pivot.
    pub intercept: f64,
    /// Slope.
    pub slope: f64,
    /// Standard error of the intercept.
    pub intercept_error: f64,
    /// Standard error of the slope.
    pub slope_error: f64,
    /// Chi-square of the residuals.
    pub chi_square: f64,
    /// Points - 2.
    pub degrees: usize,
}

impl LineFit {
    /// The line's value.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * (x - self.pivot)
    }
}

/// Weighted least squares with the standard errors of `y`.
///
/// # Errors
/// Fewer than two points, lengths that differ, errors that are not positive, or all x equal.
pub fn fit_line(x: &[f64], y: &[f64], y_error: &[f64]) -> Result<LineFit, StatisticsError> {
    const NAME: &str = "line fit";
    require_count(NAME, 2, x.len())?;
    require_length(NAME, "y", x.len(), y.len())?;
    require_length(NAME, "y_error", x.len(), y_error.len())?;
    for values in [x, y, y_error] {
        require_finite(NAME, values)?;
    }
    if let Some(bad) = y_error.iter().find(|error| **error <= 0.0) {
        return Err(StatisticsError::OutOfRange {
            statistic: NAME,
            name: "y_error",
            value: *bad,
            expected: "positive",
        });
    }
    let weights: Vec<f64> = y_error.iter().map(|error| error.powi(-2)).collect();
    let total: f64 = weights.iter().sum();
    let pivot = x.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>() / total;
    let intercept = y.iter().zip(&weights).map(|(y, w)| y * w).sum::<f64>() / total;
    let spread: f64 = x.iter().zip(&weights).map(|(x, w)| w * (x - pivot).powi(2)).sum();
    if spread <= 0.0 {
        return Err(StatisticsError::Degenerate { statistic: NAME, reason: "all x are equal" });
    }
    let slope = (0..x.len()).map(|k| weights[k] * (x[k] - pivot) * (y[k] - intercept)).sum::<f64>() / spread;
    let chi_square =
        (0..x.len()).map(|k| weights[k] * (y[k] - intercept - slope * (x[k] - pivot)).powi(2)).sum::<f64>();
    Ok(LineFit {
        pivot,
        intercept,
        slope,
        intercept_error: total.powf(-0.5),
        slope_error: spread.powf(-0.5),
        chi_square,
        degrees: x.len() - 2,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // scipy: curve_fit(lambda x, a, b: a + b*x, x, y, sigma=s, absolute_sigma=True)
    #[test]
    fn agrees_with_scipy() {
        let (x, y, s) = ([0.0, 1.0, 2.0, 4.0], [1.1, 2.9, 5.2, 8.8], [0.1, 0.2, 0.1, 0.3]);
        let fit = fit_line(&x, &y, &s).unwrap();
        assert!((fit.slope - 1.999_203_186).abs() < 1e-6, "{}", fit.slope);
        assert!((fit.at(0.0) - 1.107_968_129).abs() < 1e-6, "{}", fit.at(0.0));
        assert!((fit.slope_error - 0.058_193_248).abs() < 1e-6, "{}", fit.slope_error);
        assert!(fit_line(&[1.0, 1.0], &[0.0, 1.0], &[1.0, 1.0]).is_err());
    }
}
