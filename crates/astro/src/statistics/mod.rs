//! Statistics of samples: summaries, histograms, two-sample tests, resampling, intervals, fits.
//!
//! Everything is deterministic: random numbers come from `ChaCha8Rng` with the seed that is passed in, one stream a
//! replicate, so that the result does not depend on the number of threads. Inputs are finite numbers: missing values
//! are dropped by the caller, and a NaN is refused with its position.
//!
//! What is not here: anything that knows of galaxies. Reference for the common notation: Wall & Jenkins 2012,
//! "Practical Statistics for Astronomers" (ISBN 978-0-521-73249-9).

mod fit;
mod histogram;
mod interval;
mod multiple;
mod permutation;
mod regression;
mod resampling;
mod special;
mod summary;
mod two_sample;

pub use fit::{CurveFit, Errors, curve_fit};
pub use histogram::{Binning, histogram};
pub use interval::{Interval, normal_interval, student_t_interval, wilson_interval};
pub use multiple::benjamini_hochberg;
pub use permutation::{
    StratumCounts, mean_difference_p_value, permutation_p_value, sign_flip_p_value, stratified_difference_p_value,
};
pub use regression::{LineFit, fit_line};
pub use resampling::{Jackknife, bootstrap, bootstrap_scaled_poisson, covariance, jackknife, rng_stream};
pub use special::{ln_gamma, normal_cdf, normal_quantile, regularised_incomplete_beta, student_t_quantile};
pub use summary::{mean, median, quantile, standard_deviation, weighted_mean, weighted_median, weighted_quantile};
pub use two_sample::{AndersonDarling, KolmogorovSmirnov, anderson_darling, cohens_d, kolmogorov_smirnov};

/// Why a statistic could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// Fewer values than the statistic needs.
    #[error("cannot compute {statistic}: expected at least {needed} values, found {found}")]
    TooFew {
        /// What was asked for.
        statistic: &'static str,
        /// The least number of values.
        needed: usize,
        /// How many there were.
        found: usize,
    },
    /// Two inputs that belong together differ in length.
    #[error("cannot compute {statistic}: expected {expected} values of `{name}`, found {found}")]
    LengthMismatch {
        /// What was asked for.
        statistic: &'static str,
        /// The input of the wrong length.
        name: &'static str,
        /// Length of the first input.
        expected: usize,
        /// Length of this one.
        found: usize,
    },
    /// A NaN or an infinity among the values.
    #[error(
        "cannot compute {statistic}: value {value} at position {position} is not finite\nhint: drop missing values first"
    )]
    NotFinite {
        /// What was asked for.
        statistic: &'static str,
        /// Index of the value.
        position: usize,
        /// The value.
        value: f64,
    },
    /// An argument outside its range.
    #[error("cannot compute {statistic}: `{name}` is {value}, expected {expected}")]
    OutOfRange {
        /// What was asked for.
        statistic: &'static str,
        /// The argument.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// All values are the same, or the weights sum to zero, so that the statistic has no meaning.
    #[error("cannot compute {statistic}: {reason}")]
    Degenerate {
        /// What was asked for.
        statistic: &'static str,
        /// What is degenerate.
        reason: &'static str,
    },
}

pub(crate) fn require_finite(statistic: &'static str, values: &[f64]) -> Result<(), StatisticsError> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(position) => Err(StatisticsError::NotFinite { statistic, position, value: values[position] }),
    }
}

pub(crate) fn require_length(
    statistic: &'static str,
    name: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), StatisticsError> {
    if expected == found {
        return Ok(());
    }
    Err(StatisticsError::LengthMismatch { statistic, name, expected, found })
}

pub(crate) fn require_count(statistic: &'static str, needed: usize, found: usize) -> Result<(), StatisticsError> {
    if found >= needed {
        return Ok(());
    }
    Err(StatisticsError::TooFew { statistic, needed, found })
}
