//! Posteriors of the rates: seeded draws of what was measured.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{AbsorptionWind, EmissionWind, EnergeticsError, MassCalibration, ShellConvention, WindGeometry, WindRates};
use astro::statistics::rng_stream;

/// Draws of a value that must lie in a range before its nearest allowed value, the measured one, is taken.
const MAX_REDRAWS: usize = 100;

/// A number with its one-sigma errors, drawn as two half Gaussians about the value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// Error towards lower values, same unit, not negative.
    pub below: f64,
    /// Error towards higher values, same unit, not negative.
    pub above: f64,
}

impl Measured {
    /// A number without error.
    #[must_use]
    pub fn exact(value: f64) -> Self {
        Self { value, below: 0.0, above: 0.0 }
    }

    /// A number with a symmetric error.
    #[must_use]
    pub fn new(value: f64, error: f64) -> Self {
        Self { value, below: error, above: error }
    }

    pub(super) fn check(
        &self,
        quantity: &'static str,
        good: impl Fn(f64) -> bool,
        expected: &'static str,
    ) -> Result<(), EnergeticsError> {
        if !self.value.is_finite() || !good(self.value) {
            return Err(EnergeticsError::Value { quantity, expected, found: self.value });
        }
        match [self.below, self.above].into_iter().find(|error| !error.is_finite() || *error < 0.0) {
            None => Ok(()),
            Some(found) => {
                Err(EnergeticsError::Value { quantity, expected: "errors that are finite and not negative", found })
            }
        }
    }

    /// The value a standard normal deviate away.
    fn at(&self, deviate: f64) -> f64 {
        self.value + deviate * if deviate < 0.0 { self.below } else { self.above }
    }

    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        self.at(StandardNormal.sample(rng))
    }

    /// A draw that is physical; the distribution is cut where it is not.
    pub(super) fn draw_within(&self, good: impl Fn(f64) -> bool, rng: &mut ChaCha8Rng) -> f64 {
        (0..MAX_REDRAWS).map(|_| self.draw(rng)).find(|value| good(*value)).unwrap_or(self.value)
    }
}

/// Two numbers whose errors have the correlation coefficient `correlation`.
pub(super) fn correlated_pair(first: Measured, second: Measured, correlation: f64, rng: &mut ChaCha8Rng) -> (f64, f64) {
    let one: f64 = StandardNormal.sample(rng);
    let other: f64 = StandardNormal.sample(rng);
    let joint = correlation * one + (1.0 - correlation * correlation).max(0.0).sqrt() * other;
    (first.at(one), second.at(joint))
}

/// How posteriors are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Propagation {
    /// Number of draws, at least 1.
    pub draws: usize,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Which object of a table it is: objects have independent random numbers.
    pub stream: u64,
}

impl Default for Propagation {
    fn default() -> Self {
        Self { draws: 10_000, seed: 1, stream: 0 }
    }
}

/// Quantiles of what was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Posterior {
    /// At the measured values.
    pub value: f64,
    /// 16th percentile.
    pub p16: f64,
    /// Median.
    pub p50: f64,
    /// 84th percentile.
    pub p84: f64,
}

/// Posteriors of what a wind carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindPosterior {
    /// Distance, kpc.
    pub radius_kpc: Posterior,
    /// Mass, log10 solar masses.
    pub log_mass_msun: Posterior,
    /// Mass rate, log10 solar masses a year.
    pub log_mass_rate_msun_yr: Posterior,
    /// Kinetic power, log10 erg/s.
    pub log_power_erg_s: Posterior,
    /// Momentum rate, log10 dyn.
    pub log_momentum_rate_dyn: Posterior,
}

impl WindPosterior {
    /// Posteriors of a wind seen in absorption.
    ///
    /// # Errors
    /// [`AbsorptionWind::check`]; no draws.
    pub fn of_absorption(
        wind: &AbsorptionWind,
        convention: ShellConvention,
        how: Propagation,
    ) -> Result<Self, EnergeticsError> {
        wind.check()?;
        Self::from_draws(wind.rates(convention), how, |rng| wind.draw(convention, rng))
    }

    /// Posteriors of a wind seen in emission.
    ///
    /// # Errors
    /// [`EmissionWind::check`]; no draws.
    pub fn of_emission(
        wind: &EmissionWind,
        calibration: MassCalibration,
        geometry: WindGeometry,
        how: Propagation,
    ) -> Result<Self, EnergeticsError> {
        wind.check()?;
        Self::from_draws(wind.rates(calibration, geometry), how, |rng| wind.draw(calibration, geometry, rng))
    }

    fn from_draws(
        at_values: WindRates,
        how: Propagation,
        mut draw: impl FnMut(&mut ChaCha8Rng) -> WindRates,
    ) -> Result<Self, EnergeticsError> {
        if how.draws == 0 {
            return Err(EnergeticsError::Value { quantity: "draws", expected: "at least 1", found: 0.0 });
        }
        let mut rng = rng_stream(how.seed, how.stream);
        let draws: Vec<WindRates> = (0..how.draws).map(|_| draw(&mut rng)).collect();
        let posterior = |of: &dyn Fn(&WindRates) -> f64| {
            let mut values: Vec<f64> = draws.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            Posterior {
                value: of(&at_values),
                p16: sorted_quantile(&values, 0.16),
                p50: sorted_quantile(&values, 0.5),
                p84: sorted_quantile(&values, 0.84),
            }
        };
        Ok(Self {
            radius_kpc: posterior(&|rates| rates.radius_kpc),
            log_mass_msun: posterior(&|rates| rates.mass_msun.log10()),
            log_mass_rate_msun_yr: posterior(&|rates| rates.mass_rate_msun_yr.log10()),
            log_power_erg_s: posterior(&|rates| rates.log_power_erg_s),
            log_momentum_rate_dyn: posterior(&|rates| rates.log_momentum_rate_dyn),
        })
    }
}

/// Linear between order statistics; `sorted` is not empty.
pub(crate) fn sorted_quantile(sorted: &[f64], fraction: f64) -> f64 {
    let place = fraction * (sorted.len() as f64 - 1.0);
    let low = (place.floor() as usize).min(sorted.len() - 1);
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (place - low as f64) * (sorted[high] - sorted[low])
}
