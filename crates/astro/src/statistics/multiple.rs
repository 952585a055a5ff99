//! Many tests at once.

use super::{StatisticsError, require_finite};

/// Adjusted p-values of Benjamini & Hochberg 1995 (doi:10.1111/j.2517-6161.1995.tb02031.x), in the input's order: a
/// test is significant at false-discovery rate q where its adjusted value is <= q.
///
/// # Errors
/// A p-value outside [0, 1] or not finite.
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    require_finite("Benjamini-Hochberg", p_values)?;
    if let Some(bad) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatisticsError::OutOfRange {
            statistic: "Benjamini-Hochberg",
            name: "p_values",
            value: *bad,
            expected: "0 to 1",
        });
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]).then(a.cmp(b)));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut smallest: f64 = 1.0;
    for (rank, row) in order.iter().enumerate().rev() {
        smallest = smallest.min(p_values[*row] * p_values.len() as f64 / (rank + 1) as f64);
        adjusted[*row] = smallest;
    }
    Ok(adjusted)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    // scipy.stats.false_discovery_control([0.01, 0.04, 0.03, 0.005, 0.55])
    #[test]
    fn agrees_with_scipy() {
        let adjusted = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005, 0.55]).unwrap();
        for (measured, expected) in adjusted.iter().zip([0.025, 0.05, 0.05, 0.025, 0.55]) {
            assert!((measured - expected).abs() < 1e-12);
        }
        assert!(benjamini_hochberg(&[1.2]).is_err());
    }
}
