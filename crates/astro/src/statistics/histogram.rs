//! Bins with explicit edges, and weighted counts in them.

use super::{StatisticsError, require_finite, require_length};

/// Contiguous bins: bin `k` holds `edges[k] <= x < edges[k + 1]`, the last one its upper edge too.
#[derive(Debug, Clone, PartialEq)]
pub struct Binning {
    edges: Vec<f64>,
}

impl Binning {
    /// Bins from strictly increasing edges.
    ///
    /// # Errors
    /// Fewer than two edges, or edges that do not increase.
    pub fn from_edges(edges: Vec<f64>) -> Result<Self, StatisticsError> {
        super::require_count("binning", 2, edges.len())?;
        require_finite("binning", &edges)?;
        if edges.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(StatisticsError::Degenerate { statistic: "binning", reason: "the edges do not increase" });
        }
        Ok(Self { edges })
    }

    /// `count` bins of equal width over `[low, high]`.
    ///
    /// # Errors
    /// No bins, or `low >= high`.
    pub fn uniform(low: f64, high: f64, count: usize) -> Result<Self, StatisticsError> {
        let width = (high - low) / count as f64;
        Self::from_edges((0..=count).map(|k| if k == count { high } else { low + width * k as f64 }).collect())
    }

    /// The edges, one more than bins.
    #[must_use]
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// Number of bins.
    #[must_use]
    pub fn len(&self) -> usize {
        self.edges.len() - 1
    }

    /// Never true: a binning has at least one bin.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Middle of each bin.
    #[must_use]
    pub fn centres(&self) -> Vec<f64> {
        self.edges.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect()
    }

    /// Width of each bin.
    #[must_use]
    pub fn widths(&self) -> Vec<f64> {
        self.edges.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// The bin of a value; `None` outside all bins and for NaN.
    #[must_use]
    pub fn index(&self, value: f64) -> Option<usize> {
        let last = self.edges.len() - 1;
        if !(value >= self.edges[0] && value <= self.edges[last]) {
            return None;
        }
        Some(self.edges.partition_point(|edge| *edge <= value).saturating_sub(1).min(last - 1))
    }
}

/// Sum of weights (or counts, without weights) in each bin; values outside all bins are not counted.
///
/// # Errors
/// `weights` of another length than `values`.
pub fn histogram(binning: &Binning, values: &[f64], weights: Option<&[f64]>) -> Result<Vec<f64>, StatisticsError> {
    if let Some(weights) = weights {
        require_length("histogram", "weights", values.len(), weights.len())?;
    }
    let mut sums = vec![0.0; binning.len()];
    for (row, value) in values.iter().enumerate() {
        if let Some(bin) = binning.index(*value) {
            sums[bin] += weights.map_or(1.0, |weights| weights[row]);
        }
    }
    Ok(sums)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn edges_belong_to_the_upper_bin_except_the_last() {
        let binning = Binning::uniform(0.0, 3.0, 3).unwrap();
        let found: Vec<_> = [-0.1, 0.0, 1.0, 2.999, 3.0, 3.1, f64::NAN].iter().map(|x| binning.index(*x)).collect();
        assert_eq!(found, [None, Some(0), Some(1), Some(2), Some(2), None, None]);
        assert_eq!(histogram(&binning, &[0.5, 3.0, 9.0], Some(&[2.0, 3.0, 1.0])).unwrap(), [2.0, 0.0, 3.0]);
        assert!(Binning::from_edges(vec![1.0, 1.0]).is_err());
    }
}
