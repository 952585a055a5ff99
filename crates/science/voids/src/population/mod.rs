//! Do galaxies in voids differ from galaxies in walls at the same mass and redshift?
//!
//! From a [`Sample`] and, for each void catalogue, who is in a void: quenched fractions, main sequence, mass function,
//! matched control samples, tests, and the error of each by jackknife over regions of the sky and by bootstrap.
//! An environment is `Some(true)` in a void, `Some(false)` in a wall, `None` where no statement is made (edge, outside
//! the survey): those galaxies take no part. Effects are wall minus void throughout.
//!
//! What is not here: who is in a void (`classify`), files, and the assembly of a study. Compare Zaidouni et al. 2024
//! (arXiv:2403.20008) for the measurement, Norberg et al. 2009 (2009MNRAS.396...19N) for the errors.

mod balance;
mod calibration;
mod checks;
mod comparison;
mod completeness;
mod density;
mod effect;
pub mod figures;
mod fractions;
mod main_sequence;
mod mass_function;
mod matching;
mod quenching;
mod sample;
mod simulated;
mod strata;
mod systematics;
pub mod tables;
mod vmax;

pub use balance::{Balance, balance};
pub use calibration::{Calibration, Trial, calibrate};
pub use checks::{Integrity, Robustness, VoidSizes, integrity, plausibility, robustness, void_plausibility};
pub use comparison::{Comparison, adjust, compare, compare_pairs};
pub use completeness::{FaintLimits, MassLimit};
pub use density::{FAINTEST_TRACER, absolute_magnitudes, local_density_mpc_h3};
pub use effect::{Effect, EffectSettings, effect};
pub use fractions::{BinnedBy, QuenchedFractions, quenched_fractions};
pub use main_sequence::{MainSequence, Ridge, main_sequence};
pub use mass_function::{DoubleSchechter, MassFunction, mass_function};
pub use matching::{MatchSettings, Matched, match_controls, matched_effect};
pub use quenching::{Quenching, quenched};
pub use sample::{Sample, SampleColumns};
pub use simulated::{
    CALIBRATED, CalibrationError, CalibrationPlan, KnownBy, Measured, SimulatedSample, calibrate_on_light_cones,
    calibration_page, simulated_sample,
};
pub use systematics::{BudgetLine, SYSTEMATIC, Variant, error_budget, in_words, one_at_a_time};
pub use vmax::{VmaxSettings, inverse_vmax, visible_to_mpc_h, volume_limit};

use astro::statistics::StatisticsError;

/// Why a population could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PopulationError {
    /// Two columns of one sample differ in length.
    #[error("cannot use column `{column}`: expected {expected} rows, found {found}")]
    LengthMismatch {
        /// The column.
        column: &'static str,
        /// Rows of the sample.
        expected: usize,
        /// Rows of the column.
        found: usize,
    },
    /// A value outside its range.
    #[error("cannot use column `{column}`, row {row}: value {value}, expected {expected}")]
    BadValue {
        /// The column.
        column: &'static str,
        /// Row, from 0.
        row: usize,
        /// The value.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// Too few galaxies to measure anything.
    #[error(
        "cannot measure {what}: {found} {whom}, expected at least {needed}\nhint: widen the cuts or use a void catalogue that covers the sample"
    )]
    TooFew {
        /// The measurement.
        what: &'static str,
        /// Which galaxies or bins are missing.
        whom: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A setting outside its range.
    #[error("setting `{name}` is {value}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A statistic failed.
    #[error(transparent)]
    Statistics(#[from] StatisticsError),
    /// A table could not be made.
    #[error(transparent)]
    Table(#[from] study::Error),
}
