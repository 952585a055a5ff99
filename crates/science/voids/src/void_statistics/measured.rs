//! A measured vector: values with jackknife errors and their covariance.

use astro::statistics::jackknife;

use super::VoidStatisticsError;

/// Values with jackknife errors, one entry a bin. `None` where the bin, or the bin without one of the regions, has
/// nothing to compare with.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Measured {
    /// The values.
    pub values: Vec<Option<f64>>,
    /// Standard errors, from leaving out each region in turn (Norberg et al. 2009, doi:10.1111/j.1365-2966.2009.14389.x).
    pub errors: Vec<Option<f64>>,
    /// Covariance of the values, `[n_bins][n_bins]`.
    pub covariance: Vec<Vec<Option<f64>>>,
}

impl Measured {
    /// Measures with all regions (`None`) and without each.
    pub(super) fn new(
        regions: usize,
        measure: impl Fn(Option<usize>) -> Vec<Option<f64>> + Sync + Send,
    ) -> Result<Self, VoidStatisticsError> {
        let values = measure(None);
        let mut defined: Vec<bool> = values.iter().map(Option::is_some).collect();
        let without: Vec<Vec<Option<f64>>> = (0..regions).map(|region| measure(Some(region))).collect();
        for row in &without {
            for (defined, value) in defined.iter_mut().zip(row) {
                *defined &= value.is_some();
            }
        }
        let columns: Vec<usize> = (0..values.len()).filter(|&bin| defined[bin]).collect();
        let mut covariance = vec![vec![None; values.len()]; values.len()];
        let mut errors = vec![None; values.len()];
        if !columns.is_empty() {
            let row = |region: usize| columns.iter().filter_map(|&bin| without[region][bin]).collect::<Vec<f64>>();
            let result = jackknife(regions, row)?;
            for (a, &row) in columns.iter().enumerate() {
                errors[row] = Some(result.covariance[a][a].max(0.0).sqrt());
                for (b, &column) in columns.iter().enumerate() {
                    covariance[row][column] = Some(result.covariance[a][b]);
                }
            }
        }
        Ok(Self { values, errors, covariance })
    }
}
