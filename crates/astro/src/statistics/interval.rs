//! Confidence intervals.

use super::{StatisticsError, normal_quantile, student_t_quantile};

/// A two-sided interval, both ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether the value lies in the interval.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Interval of a Gaussian estimate, e.g. `level` 0.6827 for one standard error.
#[must_use]
pub fn normal_interval(value: f64, error: f64, level: f64) -> Interval {
    let half = normal_quantile(0.5 * (1.0 + level)) * error;
    Interval { low: value - half, high: value + half }
}

/// Interval of an estimate whose standard error has `degrees` of freedom (regions - 1 for a jackknife).
#[must_use]
pub fn student_t_interval(value: f64, error: f64, level: f64, degrees: usize) -> Interval {
    let half = student_t_quantile(0.5 * (1.0 + level), degrees.max(1) as f64) * error;
    Interval { low: value - half, high: value + half }
}

/// Wilson's score interval of a binomial fraction (Wilson 1927; Brown, Cai & DasGupta 2001). Counts may be effective
/// numbers of weighted events.
///
/// # Errors
/// `trials` not positive, or `successes` outside [0, trials].
pub fn wilson_interval(successes: f64, trials: f64, level: f64) -> Result<Interval, StatisticsError> {
    let out_of_range =
        |name, value, expected| StatisticsError::OutOfRange { statistic: "Wilson interval", name, value, expected };
    if !(trials > 0.0 && trials.is_finite()) {
        return Err(out_of_range("trials", trials, "a positive number"));
    }
    if !(0.0..=trials).contains(&successes) {
        return Err(out_of_range("successes", successes, "0 to the number of trials"));
    }
    let z = normal_quantile(0.5 * (1.0 + level));
    let fraction = successes / trials;
    let shrink = 1.0 + z * z / trials;
    let centre = (fraction + 0.5 * z * z / trials) / shrink;
    let half = z / shrink * (fraction * (1.0 - fraction) / trials + 0.25 * z * z / (trials * trials)).sqrt();
    Ok(Interval { low: (centre - half).max(0.0), high: (centre + half).min(1.0) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // scipy: binomtest(7, 40).proportion_ci(0.95, method="wilson"), binomtest(0, 12)...
    #[test]
    fn wilson_agrees_with_scipy() {
        for (k, n, low, high) in [(7.0, 40.0, 0.087_454_14, 0.319_499_90), (0.0, 12.0, 0.0, 0.242_494_01)] {
            let interval = wilson_interval(k, n, 0.95).unwrap();
            assert!((interval.low - low).abs() < 1e-6 && (interval.high - high).abs() < 1e-6, "{interval:?}");
        }
        assert!(wilson_interval(3.0, 2.0, 0.95).is_err());
    }
}
