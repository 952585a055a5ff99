//! What a decomposition says of a quasar: continuum, luminosities, black-hole mass, and the shape of every line, with errors.
//!
//! Errors come from the covariance of continuum and lines together, or from fits of the same spectrum with noise added anew
//! (half the range of the middle 68 per cent). Both hold what photon noise does to the whole fit, continuum included, what fits
//! with one Gaussian more differ by, and grow with what sums of residuals have more than noise; templates that are wrong in a
//! way that residuals do not show are not in them. Luminosities are for a flat universe with H0 = 70 km/s/Mpc and Omega_m = 0.3, as
//! quasar catalogues have them (Shen et al. 2011, 2011ApJS..194...45S).

mod lines;
mod physics;
mod tables;

use std::cell::Cell;

use astro::statistics::{quantile, rng_stream};
use rand_distr::{Distribution, StandardNormal};

use crate::continuum::{ContinuumSettings, Templates};
use crate::decompose::{Decomposer, Decomposition};
use crate::lines::LineList;
use crate::separable::Workspace;
use crate::{Error, Spectrum};

pub use lines::{FLAGS, LineMeasurement, QUANTITIES};
pub use physics::{LUMINOSITIES_ANGSTROM, Physics};
pub use tables::{line_table, quasar_table};

thread_local! {
    /// Memory that one fit of a thread leaves to the next.
    static SPACE: Cell<Workspace> = Cell::default();
}

/// How a spectrum is fitted.
#[derive(Debug, Clone)]
pub struct FitPlan<'a> {
    /// Templates of Fe II and galaxies; may be none.
    pub templates: &'a Templates,
    /// The lines.
    pub lines: &'a LineList,
    /// The continuum.
    pub continuum: ContinuumSettings,
    /// Try components of lines at more places.
    pub thorough: bool,
    /// Fits with new noise, for errors; 0: errors from the covariance.
    pub draws: usize,
    /// Seed of the noise.
    pub seed: u64,
}

/// A number and its standard error, where there is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// Its error.
    pub error: Option<f64>,
}

impl Measured {
    fn new(value: f64, error: f64) -> Self {
        Self { value, error: (error > 0.0 && error.is_finite()).then_some(error) }
    }
}

/// A fitted quasar.
#[derive(Debug, Clone)]
pub struct QuasarFit {
    /// Name of the spectrum.
    pub name: String,
    /// TARGETID, where there is one.
    pub target_id: Option<i64>,
    /// Right ascension and declination, ICRS degrees.
    pub sky_deg: Option<(f64, f64)>,
    /// Redshift.
    pub redshift: f64,
    /// E(B-V) that was corrected for.
    pub ebv: Option<f64>,
    /// Median signal to noise of a pixel.
    pub signal_to_noise: Option<f64>,
    /// The fit.
    pub decomposition: Decomposition,
    /// Slope of the power law.
    pub slope: Measured,
    /// Power law at 3000 Angstrom, 1e-17 erg/s/cm2/Angstrom, rest frame.
    pub power_law_3000: Measured,
    /// log10 of lambda L_lambda of the power law at [`LUMINOSITIES_ANGSTROM`], erg/s; `None` where not covered.
    pub log_luminosities: [Option<f64>; 4],
    /// Luminosities with errors, black-hole mass, Eddington ratio.
    pub physics: Physics,
    /// Every line that the spectrum covers.
    pub lines: Vec<LineMeasurement>,
    /// Fits with new noise that failed.
    pub failed_draws: usize,
}

/// Fits a spectrum (already free of the Galaxy's dust) and measures it.
///
/// # Errors
/// When too few good pixels lie in windows of the continuum.
pub fn fit_quasar(spectrum: &Spectrum, redshift: f64, plan: &FitPlan<'_>) -> Result<QuasarFit, Error> {
    let mut decomposer = Decomposer::new(spectrum, redshift, (plan.templates, plan.lines), SPACE.take());
    let fitted = decomposer.fit(&plan.continuum, plan.thorough);
    let measured = fitted.map(|decomposition| measure(spectrum, redshift, &mut decomposer, decomposition, plan));
    SPACE.set(decomposer.space);
    measured
}

fn measure(
    spectrum: &Spectrum,
    redshift: f64,
    decomposer: &mut Decomposer<'_>,
    decomposition: Decomposition,
    plan: &FitPlan<'_>,
) -> QuasarFit {
    let continuum = &decomposition.continuum;
    let mut lines = lines::measured(&decomposition, plan, redshift, &decomposer.pixels);
    let mut slope = Measured::new(continuum.slope(), continuum.slope_error());
    let mut power_law_3000 = Measured::new(continuum.power_law_3000(), continuum.power_law_at(3_000.0).1);
    if plan.draws > 0 {
        let n = decomposer.pixels.wavelength.len();
        let noise = (0..plan.draws as u64).map(|draw| noise(n + 1, plan.seed, draw));
        let drawn = decomposer.refit(&decomposition, noise);
        let spread = |pick: &dyn Fn(&Decomposition) -> f64| half_range(&drawn.iter().map(pick).collect::<Vec<f64>>());
        slope.error = spread(&|one| one.continuum.slope());
        power_law_3000.error = spread(&|one| one.continuum.power_law_3000());
        lines::errors_of_draws(&mut lines, &decomposition, &drawn, plan);
    }
    let log_luminosities = physics::log_luminosities(spectrum, redshift, continuum);
    let physics = Physics::of(redshift, &log_luminosities, (power_law_3000, slope), continuum, &lines);
    QuasarFit {
        name: spectrum.name.clone(),
        target_id: spectrum.target_id,
        sky_deg: spectrum.ra_deg.zip(spectrum.dec_deg),
        redshift,
        ebv: spectrum.ebv,
        signal_to_noise: spectrum.median_signal_to_noise(),
        log_luminosities,
        physics,
        decomposition,
        slope,
        power_law_3000,
        lines,
        failed_draws: 0,
    }
}

/// Noise of one draw, in units of the pixels' errors.
fn noise(n: usize, seed: u64, draw: u64) -> Vec<f64> {
    let mut random = rng_stream(seed, draw);
    (0..n).map(|_| StandardNormal.sample(&mut random)).collect()
}

/// Half the range of the middle 68.27 per cent; `None` of fewer than five values.
fn half_range(values: &[f64]) -> Option<f64> {
    if values.len() < 5 {
        return None;
    }
    let at = |fraction: f64| quantile(values, fraction).ok();
    Some(0.5 * (at(0.841_345)? - at(0.158_655)?))
}
