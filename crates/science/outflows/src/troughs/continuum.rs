//! The continuum under the troughs: one linear weighted solve, repeated with the troughs masked.
//!
//! The model is a sum: eigenspectra of quasars where they are given (DESI's BAL finder uses such a set, Brodzeller et al.
//! 2025, 2025PhRvD.112h3510B), a cubic in log wavelength, and Gaussian emission lines for what neither describes. Each
//! coefficient has a Gaussian prior, so that the system always has a solution and its covariance says how well the
//! continuum is known inside a mask. Mask and lines depend on each other and settle in more than one place: the fit is
//! started with the winds masked and with nothing masked, and the cheaper end is taken.

use desi::spectra::Spectrum;

use super::TroughError;
use super::discrepancy::{Discrepancy, Uncertainty};
use super::eigenspectra::Eigenspectra;
use super::emission::{EmissionLines, LINE_ITERATIONS, LINES_FIRST, Model};
use super::mask::{absorbed, cost, with_silicon};
use super::solve::{Bins, Solved};

/// How the continuum is fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContinuumSettings {
    /// Rest wavelengths fitted, Angstrom (inclusive).
    pub range_angstrom: [f64; 2],
    /// Pixels that must be usable.
    pub min_pixels: usize,
    /// Width of the boxcar that absorption is looked for with, km/s.
    pub mask_width_km_s: f64,
    /// Absorption deeper than this many standard deviations of the boxcar mean is masked...
    pub mask_sigma: f64,
    /// ...if it is also deeper than this share of the continuum.
    pub mask_depth: f64,
    /// What is masked grows by this much on both sides, km/s.
    pub grow_km_s: f64,
    /// Most repetitions.
    pub max_iterations: usize,
}

impl Default for ContinuumSettings {
    fn default() -> Self {
        Self {
            range_angstrom: [1265.0, 2390.0],
            min_pixels: 300,
            mask_width_km_s: 1000.0,
            mask_sigma: 3.5,
            mask_depth: 0.04,
            grow_km_s: 600.0,
            max_iterations: 20,
        }
    }
}

/// A continuum, pixel by pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuum {
    /// Flux density, 1e-17 erg/s/cm2/Angstrom; `None` outside of the fitted range or where it is not positive.
    pub flux_1e17_cgs: Vec<Option<f64>>,
    /// Pixels taken for absorption.
    pub masked: Vec<bool>,
    /// How well it is known; `None` for a continuum that was given, which is taken as exact.
    pub(super) uncertainty: Option<Uncertainty>,
    /// Coefficients of the eigenspectra, none for a given continuum or without eigenspectra.
    pub eigen_coefficients: Vec<f64>,
    /// chi2 per degree of freedom of the unmasked pixels; `None` for a given continuum.
    pub reduced_chi2: Option<f64>,
    /// Solves done.
    pub iterations: usize,
}

impl Continuum {
    /// A continuum that was fitted elsewhere, taken as exact; values that are not positive count as none.
    ///
    /// # Errors
    /// [`TroughError::Continuum`] if it has another length than the spectrum.
    pub fn given(spectrum: &Spectrum, flux_1e17_cgs: &[f64]) -> Result<Self, TroughError> {
        let (expected, found) = (spectrum.len(), flux_1e17_cgs.len());
        if expected != found {
            return Err(TroughError::Continuum { name: spectrum.name.clone(), expected, found });
        }
        Ok(Self {
            flux_1e17_cgs: flux_1e17_cgs.iter().map(|flux| Some(*flux).filter(|flux| *flux > 0.0)).collect(),
            masked: vec![false; expected],
            uncertainty: None,
            eigen_coefficients: Vec::new(),
            reduced_chi2: None,
            iterations: 0,
        })
    }
}

/// Fits the continuum of a spectrum at a redshift.
///
/// # Errors
/// Too few usable pixels, or a model that they do not determine.
pub fn fit_continuum(
    spectrum: &Spectrum,
    redshift: f64,
    eigenspectra: Option<&Eigenspectra>,
    settings: &ContinuumSettings,
) -> Result<Continuum, TroughError> {
    let [low, high] = settings.range_angstrom;
    let rest = spectrum.wavelength_rest_angstrom(redshift);
    let inside =
        |rest: f64| (low..=high).contains(&rest) && eigenspectra.is_none_or(|eigenspectra| eigenspectra.covers(rest));
    let usable: Vec<bool> = (0..rest.len()).map(|pixel| spectrum.good[pixel] && inside(rest[pixel])).collect();
    let found = usable.iter().filter(|usable| **usable).count();
    if found < settings.min_pixels {
        let name = spectrum.name.clone();
        return Err(TroughError::Uncovered { name, needed: settings.min_pixels, found, low, high });
    }
    let bins = Bins::new(spectrum, &rest, &usable);
    let mut model = Model::new(&bins.rest_angstrom, |_| true, eigenspectra, settings.range_angstrom);
    let mut best: Option<Fitted> = None;
    let mut iterations = 0;
    for start in starts(&bins, eigenspectra.is_some(), settings) {
        let fitted = settle(&bins, &mut model, start, settings, &mut iterations);
        let fitted = fitted.ok_or_else(|| TroughError::Singular { name: spectrum.name.clone(), pixels: found })?;
        if best.as_ref().is_none_or(|best| fitted.cost < best.cost) {
            best = Some(fitted);
        }
    }
    let best = best.ok_or_else(|| TroughError::Singular { name: spectrum.name.clone(), pixels: found })?;
    model.set_lines(&bins.rest_angstrom, best.lines.clone());
    let covariance = best.solved.covariance(&bins, &model, &best.masked);
    let mut model = Model::new(&rest, inside, eigenspectra, settings.range_angstrom);
    model.set_lines(&rest, best.lines);
    let masked = bins.to_pixels(&best.masked);
    let weights = bins.pixel_weights(spectrum, &best.masked);
    let Solved { coefficients, solution, reduced_chi2 } = best.solved;
    let discrepancy = Discrepancy::new(&weights, &rest, &model, &coefficients);
    Ok(Continuum {
        flux_1e17_cgs: (0..rest.len())
            .map(|pixel| model.value(pixel, &coefficients).filter(|flux| *flux > 0.0))
            .collect(),
        masked,
        eigen_coefficients: coefficients[..model.eigen_terms].to_vec(),
        // Where the model does not describe the spectrum its covariance is too small by as much as chi2 is too large.
        uncertainty: Some(Uncertainty { model, covariance: covariance * reduced_chi2.max(1.0), solution, discrepancy }),
        reduced_chi2: Some(reduced_chi2),
        iterations,
    })
}

/// Masks to start from. The first leaves out where C IV and Si IV winds absorb, so that no trough draws the start down; the
/// second nothing, so that no line is taken for a trough's edge; eigenspectra, which fit a trough as well as a line, do
/// without it.
fn starts(bins: &Bins, eigenspectra: bool, settings: &ContinuumSettings) -> Vec<Vec<bool>> {
    let winds = |rest: &f64| (1325.0..1392.0).contains(rest) || (1420.0..1546.0).contains(rest);
    let nothing = vec![false; bins.rest_angstrom.len()];
    let masked: Vec<bool> = bins.rest_angstrom.iter().map(winds).collect();
    let left: f64 = bins.pixels.iter().zip(&masked).filter(|(_, masked)| !**masked).map(|(pixels, _)| pixels).sum();
    match (2.0 * left < settings.min_pixels as f64, eigenspectra) {
        (true, _) => vec![nothing],
        (false, true) => vec![masked],
        (false, false) => vec![masked, nothing],
    }
}

/// Where the repetitions from one start led.
struct Fitted {
    solved: Solved,
    lines: EmissionLines,
    masked: Vec<bool>,
    cost: f64,
}

/// Solves, masks and moves lines until nothing changes; of all states passed the one of least cost. `None` where a solve
/// fails.
fn settle(
    bins: &Bins,
    model: &mut Model,
    start: Vec<bool>,
    settings: &ContinuumSettings,
    iterations: &mut usize,
) -> Option<Fitted> {
    model.reset_lines(&bins.rest_angstrom);
    let mut masked = start;
    let mut seen: Vec<Vec<bool>> = Vec::new();
    let mut best: Option<Fitted> = None;
    for solve in 1..=settings.max_iterations {
        *iterations += 1;
        let left_out = if model.eigen_terms == 0 { with_silicon(bins, &masked) } else { masked.clone() };
        let solved = Solved::new(bins, model, &left_out)?;
        let moved = if solve <= LINE_ITERATIONS { model.lines.followed(&solved) } else { None };
        if let Some(lines) = moved.clone().filter(|_| solve <= LINES_FIRST && solve < settings.max_iterations) {
            model.set_lines(&bins.rest_angstrom, lines);
            continue;
        }
        let next = absorbed(bins, &solved, model, settings);
        if moved.is_none() || solve == settings.max_iterations {
            let cost = cost(bins, &solved, model, &next);
            if best.as_ref().is_none_or(|best| cost < best.cost) {
                best = Some(Fitted { solved, lines: model.lines.clone(), masked: left_out, cost });
            }
        }
        // A mask that comes back would come back for ever.
        if moved.is_none() && (next == masked || seen.contains(&next)) {
            break;
        }
        if let Some(lines) = moved {
            model.set_lines(&bins.rest_angstrom, lines);
        }
        seen.push(std::mem::replace(&mut masked, next));
    }
    best
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}
