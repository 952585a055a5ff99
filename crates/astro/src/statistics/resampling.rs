//! Bootstrap, jackknife, and the covariance that they give.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Poisson};
use rayon::prelude::*;

use super::{StatisticsError, require_count, require_finite, require_length};

/// The random numbers of one replicate: same seed and stream, same numbers, on any number of threads.
#[must_use]
pub fn rng_stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Evaluates `replicate` on `count` independent random streams, in parallel, results in stream order.
///
/// The closure draws what it resamples (region weights, cell counts), so that no copies of the data are made.
pub fn bootstrap<T: Send>(count: usize, seed: u64, replicate: impl Fn(&mut ChaCha8Rng) -> T + Sync) -> Vec<T> {
    (0..count as u64).into_par_iter().map(|stream| replicate(&mut rng_stream(seed, stream))).collect()
}

/// One bootstrap draw of a cell that holds weighted events: a Poisson number with the cell's first two moments (Bohm &
/// Zech 2014, doi:10.1016/j.nima.2014.02.021). For unit weights this is the Poisson bootstrap of every event, exactly.
pub fn bootstrap_scaled_poisson(sum_of_weights: f64, sum_of_squares: f64, rng: &mut ChaCha8Rng) -> f64 {
    if sum_of_weights <= 0.0 || sum_of_squares <= 0.0 {
        return 0.0;
    }
    let scale = sum_of_squares / sum_of_weights;
    // A finite positive mean is always accepted.
    Poisson::new(sum_of_weights / scale).map_or(sum_of_weights, |poisson| scale * poisson.sample(rng))
}

/// Covariance of vectors, `[n_dim, n_dim]` row by row: divisor `replicates.len() - 1`.
///
/// # Errors
/// Fewer than two replicates, or vectors of different lengths.
pub fn covariance(replicates: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, StatisticsError> {
    scatter_matrix(replicates, |count| 1.0 / (count - 1.0), "covariance")
}

fn scatter_matrix(
    replicates: &[Vec<f64>],
    factor: impl Fn(f64) -> f64,
    name: &'static str,
) -> Result<Vec<Vec<f64>>, StatisticsError> {
    require_count(name, 2, replicates.len())?;
    let size = replicates[0].len();
    for replicate in replicates {
        require_length(name, "replicate", size, replicate.len())?;
        require_finite(name, replicate)?;
    }
    let count = replicates.len() as f64;
    let means: Vec<f64> = (0..size).map(|k| replicates.iter().map(|r| r[k]).sum::<f64>() / count).collect();
    let mut matrix = vec![vec![0.0; size]; size];
    for replicate in replicates {
        for (i, row) in matrix.iter_mut().enumerate() {
            let left = replicate[i] - means[i];
            for (j, cell) in row.iter_mut().enumerate() {
                *cell += left * (replicate[j] - means[j]);
            }
        }
    }
    let factor = factor(count);
    matrix.iter_mut().flatten().for_each(|cell| *cell *= factor);
    Ok(matrix)
}

/// Delete-one-region jackknife of a vector of statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct Jackknife {
    /// The statistics without each region, in region order.
    pub replicates: Vec<Vec<f64>>,
    /// Covariance `[n_dim, n_dim]`: (R - 1) / R times the sum of squared deviations (Norberg et al. 2009,
    /// 2009MNRAS.396...19N).
    pub covariance: Vec<Vec<f64>>,
}

impl Jackknife {
    /// Standard error of each statistic.
    #[must_use]
    pub fn errors(&self) -> Vec<f64> {
        self.covariance.iter().enumerate().map(|(k, row)| row[k].max(0.0).sqrt()).collect()
    }
}

/// Evaluates the statistics without each of `regions` regions, in parallel: `leave_out(r)` is their value without
/// region `r`.
///
/// # Errors
/// Fewer than two regions, statistics that are not finite, or of different numbers.
pub fn jackknife(
    regions: usize,
    leave_out: impl Fn(usize) -> Vec<f64> + Sync + Send,
) -> Result<Jackknife, StatisticsError> {
    require_count("jackknife", 2, regions)?;
    let replicates: Vec<Vec<f64>> = (0..regions).into_par_iter().map(leave_out).collect();
    let covariance = scatter_matrix(&replicates, |count| (count - 1.0) / count, "jackknife")?;
    Ok(Jackknife { replicates, covariance })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::statistics::{mean, standard_deviation};

    // For a mean, the jackknife error is exactly s / sqrt(n) (Efron & Tibshirani 1993, section 11.2).
    #[test]
    fn the_jackknife_of_a_mean_is_its_standard_error() {
        let values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6];
        let total: f64 = values.iter().sum();
        let result = jackknife(6, |r| vec![(total - values[r]) / 5.0]).unwrap();
        let expected = standard_deviation(&values).unwrap() / 6.0_f64.sqrt();
        assert!((result.errors()[0] - expected).abs() < 1e-12);
    }

    #[test]
    fn the_scaled_poisson_draw_has_the_moments_of_the_cell() {
        let weights = [0.5, 2.0, 1.0, 4.0, 1.5];
        let (sum, squares) = (weights.iter().sum::<f64>(), weights.iter().map(|w| w * w).sum::<f64>());
        let draws = bootstrap(20_000, 7, |rng| bootstrap_scaled_poisson(sum, squares, rng));
        let spread = standard_deviation(&draws).unwrap().powi(2);
        // Monte-Carlo errors of 20,000 draws: 0.4 % of the mean, 1 % of the variance; five times that is allowed.
        assert!((mean(&draws).unwrap() / sum - 1.0).abs() < 0.02);
        assert!((spread / squares - 1.0).abs() < 0.06, "{spread} for {squares}");
    }

    #[test]
    fn one_thread_and_many_give_the_same() {
        let draw = || bootstrap(64, 3, |rng| bootstrap_scaled_poisson(40.0, 40.0, rng));
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(draw);
        assert_eq!(alone, draw());
        let matrix = covariance(&[vec![1.0, 2.0], vec![3.0, 6.0]]).unwrap();
        assert_eq!(matrix, [[2.0, 4.0], [4.0, 8.0]]);
    }
}
