//! The continuum under the troughs: one linear weighted solve, repeated with the troughs masked.
//!
//! The model is a sum: eigenspectra of quasars where they are given (DESI's BAL finder uses such a set, Brodzeller et al.
//! 2025, 2025PhRvD.112h3510B), a cubic in log wavelength, and Gaussian emission lines for what neither describes. Each
//! coefficient has a Gaussian prior, so that the system always has a solution and its covariance says how well the
//! continuum is known inside a mask.

use std::path::Path;

use archive::fits::FitsFile;
use desi::spectra::Spectrum;
use nalgebra::{DMatrix, DVector};

use super::{LIGHT_KM_S, TroughError};

/// Emission lines of the model: rest wavelength (Angstrom, vacuum; Vanden Berk et al. 2001, 2001AJ....122..549V), the
/// standard deviation of the Gaussian in km/s, and whether its first two derivatives are there too, which stand for
/// shifts and other widths.
const LINES: [(f64, f64, bool); 8] = [
    (1304.4, 2500.0, false),
    (1398.3, 2200.0, true),
    (1549.06, 2000.0, true),
    (1549.06, 4500.0, false),
    (1640.4, 3000.0, true),
    (1857.8, 2500.0, false),
    (1908.7, 2600.0, true),
    (1908.7, 5000.0, false),
];
/// Coefficients of [`LINES`].
const LINE_TERMS: usize = 16;
/// Prior standard deviation of a line's peak, in units of the median flux.
const LINE_PRIOR: f64 = 0.5;
/// Prior standard deviation of the other coefficients, in the same unit: no constraint.
const FREE_PRIOR: f64 = 30.0;

/// What the choice of the mask adds to the covariance, which knows only the photon noise: measured by injection
/// (`trough_recovery`, 2026-11), where pulls of S/N 3 to 10 had a standard deviation of 1.4 without it.
const COVARIANCE_INFLATION: f64 = 2.0;
/// Error of the model itself, as a share of the continuum and common to a trough: pulls at S/N 20 ask for it.
pub(super) const MODEL_ERROR: f64 = 0.012;

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
            mask_sigma: 3.0,
            mask_depth: 0.04,
            grow_km_s: 800.0,
            max_iterations: 20,
        }
    }
}

/// Eigenspectra of quasars in the rest frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenspectra {
    wavelength_angstrom: Vec<f64>,
    /// One vector an eigenspectrum.
    vectors: Vec<Vec<f64>>,
}

impl Eigenspectra {
    /// Reads a FITS table with the columns `WAVE` (rest frame, Angstrom) and `PCA0`, `PCA1`, ...
    ///
    /// # Errors
    /// The file is no such table.
    pub fn read(path: &Path) -> Result<Self, TroughError> {
        let unusable = |reason: &str| TroughError::Eigenspectra { path: path.to_owned(), reason: reason.to_owned() };
        let file = FitsFile::open(path)?;
        let table = file.first_table()?;
        let wavelength_angstrom = table.f64_column("WAVE")?;
        let mut vectors: Vec<Vec<f64>> = Vec::new();
        while table.has_column(&format!("PCA{}", vectors.len())) {
            let vector = table.f64_column(&format!("PCA{}", vectors.len()))?;
            // To order one, so that one prior fits all.
            let scale = (vector.iter().map(|value| value * value).sum::<f64>() / vector.len().max(1) as f64).sqrt();
            if !(scale > 0.0 && scale.is_finite()) {
                return Err(unusable("expected eigenspectra of finite numbers"));
            }
            vectors.push(vector.iter().map(|value| value / scale).collect());
        }
        if vectors.is_empty() || wavelength_angstrom.len() < 2 {
            return Err(unusable("expected columns WAVE and PCA0, PCA1, ..."));
        }
        if wavelength_angstrom.windows(2).any(|pair| pair[1] <= pair[0]) {
            return Err(unusable("expected WAVE to increase"));
        }
        Ok(Self { wavelength_angstrom, vectors })
    }

    fn covers(&self, rest: f64) -> bool {
        self.wavelength_angstrom.first().is_some_and(|first| rest >= *first)
            && self.wavelength_angstrom.last().is_some_and(|last| rest <= *last)
    }

    fn at(&self, rest: f64, row: &mut Vec<f64>) {
        let high = self.wavelength_angstrom.partition_point(|wavelength| *wavelength < rest);
        let high = high.clamp(1, self.wavelength_angstrom.len() - 1);
        let (before, after) = (self.wavelength_angstrom[high - 1], self.wavelength_angstrom[high]);
        let share = (rest - before) / (after - before);
        row.extend(self.vectors.iter().map(|vector| vector[high - 1] * (1.0 - share) + vector[high] * share));
    }
}

/// A continuum, pixel by pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuum {
    /// Flux density, 1e-17 erg/s/cm2/Angstrom; `None` outside of the fitted range or where it is not positive.
    pub flux_1e17_cgs: Vec<Option<f64>>,
    /// Pixels taken for absorption.
    pub masked: Vec<bool>,
    /// Derivative of the continuum by each coefficient, one row a pixel; rows are empty where there is no continuum.
    pub(super) rows: Vec<Vec<f64>>,
    /// Covariance of the coefficients, `[n, n]`; empty for a continuum that was given.
    pub(super) covariance: DMatrix<f64>,
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
            rows: vec![Vec::new(); expected],
            covariance: DMatrix::zeros(0, 0),
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
    let rows: Vec<Vec<f64>> = rest
        .iter()
        .map(|&rest| if inside(rest) { basis_row(rest, eigenspectra, settings) } else { Vec::new() })
        .collect();
    let usable: Vec<bool> = rows.iter().zip(&spectrum.good).map(|(row, good)| *good && !row.is_empty()).collect();
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
        let solved = Solved::new(spectrum, &rows, &usable, &masked)?;
        let next = absorbed(spectrum, &rest, &solved, &rows, &usable, settings);
        // A mask that comes back would come back for ever: one of a cycle is as good as the other.
        let settled = next == masked || seen.contains(&next) || seen.len() + 1 >= settings.max_iterations;
        if settled {
            let eigen = eigenspectra.map_or(0, |eigenspectra| eigenspectra.vectors.len());
            return Ok(solved.continuum(&rows, (masked, eigen, seen.len() + 1)));
        }
        seen.push(std::mem::replace(&mut masked, next));
    }
}

/// The model's derivatives at one rest wavelength: eigenspectra, polynomial, lines.
fn basis_row(rest: f64, eigenspectra: Option<&Eigenspectra>, settings: &ContinuumSettings) -> Vec<f64> {
    let mut row = Vec::with_capacity(20);
    if let Some(eigenspectra) = eigenspectra {
        eigenspectra.at(rest, &mut row);
    }
    let [low, high] = settings.range_angstrom;
    let x = 2.0 * (rest / low).ln() / (high / low).ln() - 1.0;
    // Legendre polynomials: nearly independent of each other.
    row.extend([1.0, x, 0.5 * (3.0 * x * x - 1.0), 0.5 * (5.0 * x * x - 3.0) * x]);
    for (centre, width, derivatives) in LINES {
        let x = LIGHT_KM_S * (rest / centre - 1.0) / width;
        let gaussian = (-0.5 * x * x).exp();
        row.push(gaussian);
        if derivatives {
            row.extend([x * gaussian, (x * x - 1.0) * gaussian]);
        }
    }
    row
}

struct Solved {
    coefficients: DVector<f64>,
    covariance: DMatrix<f64>,
    reduced_chi2: f64,
}

impl Solved {
    fn new(spectrum: &Spectrum, rows: &[Vec<f64>], usable: &[bool], masked: &[bool]) -> Result<Self, TroughError> {
        let used: Vec<usize> = (0..rows.len()).filter(|&pixel| usable[pixel] && !masked[pixel]).collect();
        let singular = || TroughError::Singular { name: spectrum.name.clone(), pixels: used.len() };
        let n = used.first().map(|&pixel| rows[pixel].len()).ok_or_else(singular)?;
        let scale =
            median(used.iter().map(|&pixel| spectrum.flux_1e17_cgs[pixel].abs()).collect()).max(f64::MIN_POSITIVE);
        let mut normal = DMatrix::<f64>::zeros(n, n);
        let mut right = DVector::<f64>::zeros(n);
        for &pixel in &used {
            let (row, weight) = (&rows[pixel], spectrum.ivar[pixel]);
            for i in 0..n {
                let weighted = weight * row[i];
                right[i] += weighted * spectrum.flux_1e17_cgs[pixel];
                for j in 0..=i {
                    normal[(i, j)] += weighted * row[j];
                }
            }
        }
        for i in 0..n {
            let prior = scale * if i >= n - LINE_TERMS { LINE_PRIOR } else { FREE_PRIOR };
            normal[(i, i)] += 1.0 / (prior * prior);
            for j in 0..i {
                normal[(j, i)] = normal[(i, j)];
            }
        }
        let factored = normal.cholesky().ok_or_else(singular)?;
        let coefficients = factored.solve(&right);
        let chi2: f64 = used
            .iter()
            .map(|&pixel| {
                spectrum.ivar[pixel] * (spectrum.flux_1e17_cgs[pixel] - value(&rows[pixel], &coefficients)).powi(2)
            })
            .sum();
        let freedom = used.len().saturating_sub(n).max(1) as f64;
        Ok(Self { covariance: factored.inverse(), coefficients, reduced_chi2: chi2 / freedom })
    }

    fn continuum(self, rows: &[Vec<f64>], (masked, eigen, iterations): (Vec<bool>, usize, usize)) -> Continuum {
        let at = |row: &Vec<f64>| Some(value(row, &self.coefficients)).filter(|flux| !row.is_empty() && *flux > 0.0);
        // Where the model does not describe the spectrum its covariance is too small by as much as chi2 is too large.
        let inflation = COVARIANCE_INFLATION * self.reduced_chi2.max(1.0);
        Continuum {
            flux_1e17_cgs: rows.iter().map(at).collect(),
            masked,
            rows: rows.to_vec(),
            eigen_coefficients: self.coefficients.iter().take(eigen).copied().collect(),
            covariance: self.covariance * inflation,
            reduced_chi2: Some(self.reduced_chi2),
            iterations,
        }
    }
}

fn value(row: &[f64], coefficients: &DVector<f64>) -> f64 {
    row.iter().zip(coefficients.iter()).map(|(derivative, coefficient)| derivative * coefficient).sum()
}

/// Pixels in absorption: the boxcar mean of flux over continuum is low by both criteria. Grown on both sides.
fn absorbed(
    spectrum: &Spectrum,
    rest: &[f64],
    solved: &Solved,
    rows: &[Vec<f64>],
    usable: &[bool],
    settings: &ContinuumSettings,
) -> Vec<bool> {
    let pixels = rest.len();
    // Sums of weight * continuum^2 and weight * continuum * flux: their ratio is the mean transmission.
    let mut sums = vec![[0.0; 2]; pixels + 1];
    for pixel in 0..pixels {
        let mut add = [0.0; 2];
        if usable[pixel] {
            let model = value(&rows[pixel], &solved.coefficients).max(0.0);
            let weight = spectrum.ivar[pixel] / solved.reduced_chi2.max(1.0);
            add = [weight * model * model, weight * model * spectrum.flux_1e17_cgs[pixel]];
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
