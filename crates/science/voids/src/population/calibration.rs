//! Does the measurement find what is there? Bias, and how often the error bars hold, over simulated skies.

use astro::statistics::{Interval, mean, standard_deviation, wilson_interval};

use super::{Effect, PopulationError};

/// One simulated sky: the injected effect and what was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// Seed of the sky.
    pub seed: u64,
    /// The effect that was put in.
    pub truth: f64,
    /// The effect that came out.
    pub measured: Effect,
}

/// Summary of many trials.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The trials, in the order of their seeds.
    pub trials: Vec<Trial>,
    /// Mean of measured minus true.
    pub bias: f64,
    /// Standard error of the bias.
    pub bias_error: f64,
    /// Standard deviation of measured minus true: what the error bars should be.
    pub scatter: f64,
    /// Mean of the reported errors.
    pub mean_error: f64,
    /// Share of trials whose 68.27 % interval holds the truth.
    pub coverage_68: f64,
    /// Its 95 % Wilson interval.
    pub coverage_68_range: Interval,
    /// Share of trials whose 95.45 % interval holds the truth.
    pub coverage_95: f64,
    /// Its 95 % Wilson interval.
    pub coverage_95_range: Interval,
    /// Share of trials with a permutation p-value of at most 0.05: under the null the false-positive rate, else power.
    pub detections_permutation: f64,
    /// The same with the p-value of the regions' signs.
    pub detections_regions: f64,
}

/// Runs `trial` for each seed, one after the other, since a trial is parallel inside.
///
/// # Errors
/// Fewer than two seeds, or the first trial that fails.
pub fn calibrate<E: From<PopulationError>>(
    seeds: &[u64],
    mut trial: impl FnMut(u64) -> Result<Trial, E>,
) -> Result<Calibration, E> {
    let trials = seeds.iter().map(|seed| trial(*seed)).collect::<Result<Vec<Trial>, E>>()?;
    Ok(summarise(trials)?)
}

fn summarise(trials: Vec<Trial>) -> Result<Calibration, PopulationError> {
    let count = trials.len();
    let too_few = PopulationError::TooFew { what: "bias and coverage", whom: "seeds", found: count, needed: 2 };
    let offsets: Vec<f64> = trials.iter().map(|trial| trial.measured.value - trial.truth).collect();
    let (Some(bias), Some(scatter)) = (mean(&offsets), standard_deviation(&offsets)) else { return Err(too_few) };
    let errors: Vec<f64> = trials.iter().map(|trial| trial.measured.error).collect();
    let number = |holds: &dyn Fn(&Trial) -> bool| trials.iter().filter(|trial| holds(trial)).count() as f64;
    let n = count as f64;
    let inside_68 = number(&|trial| trial.measured.interval_68.contains(trial.truth));
    let inside_95 = number(&|trial| trial.measured.interval_95.contains(trial.truth));
    Ok(Calibration {
        bias,
        bias_error: scatter / n.sqrt(),
        scatter,
        mean_error: mean(&errors).unwrap_or_default(),
        coverage_68: inside_68 / n,
        coverage_68_range: wilson_interval(inside_68, n, 0.95)?,
        coverage_95: inside_95 / n,
        coverage_95_range: wilson_interval(inside_95, n, 0.95)?,
        detections_permutation: number(&|trial| trial.measured.p_permutation <= 0.05) / n,
        detections_regions: number(&|trial| trial.measured.p_regions <= 0.05) / n,
        trials,
    })
}
