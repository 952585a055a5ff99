//! The continuum under the troughs: one linear weighted solve, repeated with the troughs masked.
//!
//! The model is a sum: eigenspectra of quasars where they are given (DESI's BAL finder uses such a set, Brodzeller et al.
//! 2025, 2025PhRvD.112h3510B), a cubic in log wavelength, and Gaussian emission lines for what neither describes. Each
//! coefficient has a Gaussian prior, so that the system always has a solution and its covariance says how well the
//! continuum is known inside a mask.

use desi::spectra::Spectrum;
use nalgebra::{DMatrix, DVector};

use super::discrepancy::{Discrepancy, Uncertainty};
use super::eigenspectra::Eigenspectra;
use super::emission::{LINE_ITERATIONS, Model};
use super::{LIGHT_KM_S, TroughError};

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
            grow_km_s: 1000.0,
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
    let mut model = Model::new(&rest, inside, eigenspectra, settings.range_angstrom);
    let usable: Vec<bool> = (0..rest.len()).map(|pixel| spectrum.good[pixel] && model.row(pixel).is_some()).collect();
    let found = usable.iter().filter(|usable| **usable).count();
    if found < settings.min_pixels {
        let name = spectrum.name.clone();
        return Err(TroughError::Uncovered { name, needed: settings.min_pixels, found, low, high });
    }
    // The first solve leaves out where C IV and Si IV winds absorb, so that no trough draws the start down.
    let mut masked: Vec<bool> =
        rest.iter().map(|rest| (1325.0..1392.0).contains(rest) || (1420.0..1546.0).contains(rest)).collect();
    if usable.iter().zip(&masked).filter(|(usable, masked)| **usable && !**masked).count() < settings.min_pixels / 2 {
        masked.fill(false);
    }
    let mut seen: Vec<Vec<bool>> = Vec::new();
    loop {
        let solved = Solved::new(spectrum, &model, &usable, &masked)?;
        let next = absorbed(spectrum, &rest, &solved, &model, &usable, settings);
        let moved = if seen.len() < LINE_ITERATIONS { model.lines.followed(&solved) } else { None };
        // A mask that comes back would come back for ever: one of a cycle is as good as the other.
        let settled = moved.is_none() && (next == masked || seen.contains(&next));
        if settled || seen.len() + 1 >= settings.max_iterations {
            return Ok(solved.continuum(spectrum, model, (&rest, &usable), (masked, seen.len() + 1)));
        }
        if let Some(lines) = moved {
            model.set_lines(&rest, lines);
        }
        seen.push(std::mem::replace(&mut masked, next));
    }
}

/// Coefficients of one linear solve.
pub(super) struct Solved {
    pub(super) coefficients: Vec<f64>,
    pub(super) covariance: DMatrix<f64>,
    reduced_chi2: f64,
}

impl Solved {
    fn new(spectrum: &Spectrum, model: &Model, usable: &[bool], masked: &[bool]) -> Result<Self, TroughError> {
        let used: Vec<usize> = (0..usable.len()).filter(|&pixel| usable[pixel] && !masked[pixel]).collect();
        let singular = || TroughError::Singular { name: spectrum.name.clone(), pixels: used.len() };
        if used.is_empty() {
            return Err(singular());
        }
        let n = model.terms();
        let scale =
            median(used.iter().map(|&pixel| spectrum.flux_1e17_cgs[pixel].abs()).collect()).max(f64::MIN_POSITIVE);
        let mut normal = vec![0.0; n * n];
        let mut right = vec![0.0; n];
        for &pixel in &used {
            let (row, weight) = (model.row(pixel).unwrap_or_default(), spectrum.ivar[pixel]);
            for i in (0..n).filter(|&i| row[i] != 0.0) {
                let weighted = weight * row[i];
                right[i] += weighted * spectrum.flux_1e17_cgs[pixel];
                for (sum, other) in normal[i * n..=i * n + i].iter_mut().zip(row) {
                    *sum += weighted * other;
                }
            }
        }
        for (i, (mean, sd)) in model.priors(scale).into_iter().enumerate() {
            normal[i * n + i] += sd.powi(-2);
            right[i] += mean * sd.powi(-2);
            for j in 0..i {
                normal[j * n + i] = normal[i * n + j];
            }
        }
        let factored = DMatrix::from_vec(n, n, normal).cholesky().ok_or_else(singular)?;
        let coefficients = factored.solve(&DVector::from_vec(right)).as_slice().to_vec();
        let chi2: f64 = used
            .iter()
            .map(|&pixel| {
                let flux = model.value(pixel, &coefficients).unwrap_or_default();
                spectrum.ivar[pixel] * (spectrum.flux_1e17_cgs[pixel] - flux).powi(2)
            })
            .sum();
        let freedom = used.len().saturating_sub(n).max(1) as f64;
        Ok(Self { covariance: factored.inverse(), coefficients, reduced_chi2: chi2 / freedom })
    }

    fn continuum(
        self,
        spectrum: &Spectrum,
        model: Model,
        (rest, usable): (&[f64], &[bool]),
        (masked, iterations): (Vec<bool>, usize),
    ) -> Continuum {
        let flux: Vec<Option<f64>> =
            (0..rest.len()).map(|pixel| model.value(pixel, &self.coefficients).filter(|flux| *flux > 0.0)).collect();
        let fitted: Vec<bool> = usable.iter().zip(&masked).map(|(usable, masked)| *usable && !masked).collect();
        let discrepancy = Discrepancy::new(spectrum, rest, &model, &self.coefficients, &fitted);
        // Where the model does not describe the spectrum its covariance is too small by as much as chi2 is too large.
        let covariance = &self.covariance * self.reduced_chi2.max(1.0);
        let eigen_coefficients = self.coefficients[..model.eigen_terms].to_vec();
        let reduced_chi2 = Some(self.reduced_chi2);
        let uncertainty = Some(Uncertainty { model, covariance, solution: self.covariance, discrepancy });
        Continuum { flux_1e17_cgs: flux, masked, uncertainty, eigen_coefficients, reduced_chi2, iterations }
    }
}

/// Pixels in absorption: the boxcar mean of flux over continuum is low by both criteria. Grown on both sides.
fn absorbed(
    spectrum: &Spectrum,
    rest: &[f64],
    solved: &Solved,
    model: &Model,
    usable: &[bool],
    settings: &ContinuumSettings,
) -> Vec<bool> {
    let pixels = rest.len();
    // Sums of weight * continuum^2 and weight * continuum * flux: their ratio is the mean transmission.
    let mut sums = vec![[0.0; 2]; pixels + 1];
    for pixel in 0..pixels {
        let mut add = [0.0; 2];
        if usable[pixel] {
            let level = model.value(pixel, &solved.coefficients).unwrap_or_default().max(0.0);
            let weight = spectrum.ivar[pixel] / solved.reduced_chi2.max(1.0);
            add = [weight * level * level, weight * level * spectrum.flux_1e17_cgs[pixel]];
        }
        sums[pixel + 1] = [sums[pixel][0] + add[0], sums[pixel][1] + add[1]];
    }
    let within = |pixel: usize, km_s: f64| {
        let reach = rest[pixel] * km_s / LIGHT_KM_S;
        let first = rest.partition_point(|wavelength| *wavelength < rest[pixel] - reach);
        first..rest.partition_point(|wavelength| *wavelength <= rest[pixel] + reach)
    };
    let low = |pixel: usize| {
        let range = within(pixel, 0.5 * settings.mask_width_km_s);
        let weight = sums[range.end][0] - sums[range.start][0];
        let mean = (sums[range.end][1] - sums[range.start][1]) / weight;
        weight > 0.0 && 1.0 - mean > settings.mask_depth && (1.0 - mean) * weight.sqrt() > settings.mask_sigma
    };
    let mut masked = vec![false; pixels];
    for pixel in (0..pixels).filter(|&pixel| usable[pixel] && low(pixel)) {
        masked[within(pixel, settings.grow_km_s)].fill(true);
    }
    masked
}

pub(super) fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f64::total_cmp).1 }
}
