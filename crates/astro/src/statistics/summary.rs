//! Means, quantiles and their weighted forms.

use super::{StatisticsError, require_count, require_finite, require_length};

/// Arithmetic mean; `None` of an empty slice.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation (divisor n - 1); `None` of fewer than two values.
#[must_use]
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    if values.len() < 2 {
        return None;
    }
    let sum_of_squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    Some((sum_of_squares / (values.len() - 1) as f64).sqrt())
}

/// Mean with non-negative weights.
///
/// # Errors
/// Lengths differ, a value is not finite, or the weights sum to zero.
pub fn weighted_mean(values: &[f64], weights: &[f64]) -> Result<f64, StatisticsError> {
    check(values, weights, "weighted mean")?;
    let total: f64 = weights.iter().sum();
    Ok(values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / total)
}

/// Median (the mean of the two middle values of an even number).
///
/// # Errors
/// As [`quantile`].
pub fn median(values: &[f64]) -> Result<f64, StatisticsError> {
    quantile(values, 0.5)
}

/// Quantile with linear interpolation between order statistics (type 7 of Hyndman & Fan 1996, numpy's default).
///
/// # Errors
/// No values, a value that is not finite, or `fraction` outside [0, 1].
pub fn quantile(values: &[f64], fraction: f64) -> Result<f64, StatisticsError> {
    require_count("quantile", 1, values.len())?;
    require_finite("quantile", values)?;
    check_fraction(fraction)?;
    let mut sorted = values.to_vec();
    let position = fraction * (sorted.len() - 1) as f64;
    let lower = position.floor() as usize;
    let (_, low, above) = sorted.select_nth_unstable_by(lower, f64::total_cmp);
    let low = *low;
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Ok(low + (position - lower as f64) * (high - low))
}

/// Weighted median: [`weighted_quantile`] at one half.
///
/// # Errors
/// As [`weighted_quantile`].
pub fn weighted_median(values: &[f64], weights: &[f64]) -> Result<f64, StatisticsError> {
    weighted_quantile(values, weights, 0.5)
}

/// Weighted quantile: the piecewise-linear inverse of the cumulative weight, where each value stands at the middle of
/// its own weight (Hazen's rule for equal weights), constant beyond the ends.
///
/// # Errors
/// Lengths differ, a value is not finite, the weights sum to zero, or `fraction` is outside [0, 1].
pub fn weighted_quantile(values: &[f64], weights: &[f64], fraction: f64) -> Result<f64, StatisticsError> {
    check(values, weights, "weighted quantile")?;
    check_fraction(fraction)?;
    let mut order: Vec<(f64, f64)> =
        values.iter().zip(weights).filter(|(_, weight)| **weight > 0.0).map(|(v, w)| (*v, *w)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let target = fraction * weights.iter().sum::<f64>();
    let mut before = 0.0;
    let mut previous: Option<(f64, f64)> = None;
    for (value, weight) in order {
        let centre = before + 0.5 * weight;
        if centre >= target {
            return Ok(match previous {
                Some((at, last)) if centre > at => last + (target - at) / (centre - at) * (value - last),
                _ => value,
            });
        }
        before += weight;
        previous = Some((centre, value));
    }
    previous
        .map(|(_, value)| value)
        .ok_or(StatisticsError::Degenerate { statistic: "weighted quantile", reason: "no positive weight" })
}

fn check_fraction(fraction: f64) -> Result<(), StatisticsError> {
    if (0.0..=1.0).contains(&fraction) {
        return Ok(());
    }
    Err(StatisticsError::OutOfRange { statistic: "quantile", name: "fraction", value: fraction, expected: "0 to 1" })
}

fn check(values: &[f64], weights: &[f64], statistic: &'static str) -> Result<(), StatisticsError> {
    require_length(statistic, "weights", values.len(), weights.len())?;
    require_count(statistic, 1, values.len())?;
    require_finite(statistic, values)?;
    require_finite(statistic, weights)?;
    if let Some(negative) = weights.iter().find(|weight| **weight < 0.0) {
        return Err(StatisticsError::OutOfRange {
            statistic,
            name: "weights",
            value: *negative,
            expected: "not negative",
        });
    }
    if weights.iter().sum::<f64>() <= 0.0 {
        return Err(StatisticsError::Degenerate { statistic, reason: "the weights sum to zero" });
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // numpy 2: v = [3.1, -2, 7.5, 0.4, 5]; np.quantile(v, [.1, .5, .83]); np.std(v, ddof=1)
    #[test]
    fn quantiles_agree_with_numpy() {
        let values = [3.1, -2.0, 7.5, 0.4, 5.0];
        for (fraction, expected) in [(0.1, -1.04), (0.5, 3.1), (0.83, 5.8), (0.0, -2.0), (1.0, 7.5)] {
            assert!((quantile(&values, fraction).unwrap() - expected).abs() < 1e-12, "{fraction}");
        }
        assert!((standard_deviation(&values).unwrap() - 3.735_639_168_870_57).abs() < 1e-12);
    }

    #[test]
    fn a_weight_of_two_is_two_equal_values() {
        let doubled = weighted_quantile(&[1.0, 2.0, 2.0, 5.0], &[1.0; 4], 0.5).unwrap();
        let weighted = weighted_quantile(&[1.0, 2.0, 5.0], &[1.0, 2.0, 1.0], 0.5).unwrap();
        assert!((doubled - weighted).abs() < 1e-12);
        assert!((weighted_mean(&[1.0, 4.0], &[3.0, 1.0]).unwrap() - 1.75).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(median(&[]), Err(StatisticsError::TooFew { .. })));
        assert!(matches!(median(&[1.0, f64::NAN]), Err(StatisticsError::NotFinite { position: 1, .. })));
        assert!(matches!(weighted_mean(&[1.0], &[0.0]), Err(StatisticsError::Degenerate { .. })));
        assert!(quantile(&[1.0], 1.5).is_err());
    }
}
