//! One weighted linear solve of the continuum's coefficients, on bins of pixels.

use desi::spectra::Spectrum;
use nalgebra::{DMatrix, DVector};

use super::LIGHT_KM_S;
use super::continuum::median;
use super::discrepancy::{CONTINUUM_ERROR, STRETCH_KM_S};
use super::emission::Model;

/// Width of a bin, km/s: far below that of anything in the model.
const BIN_KM_S: f64 = 200.0;
/// Least continuum of that error, in units of the median flux.
const DARKEST: f64 = 0.7;
/// Standard deviation that holds a coefficient at zero, in units of the median flux.
pub(super) const HELD: f64 = 1e-5;

/// Usable pixels, averaged in bins.
pub(super) struct Bins {
    /// Mean rest wavelength, Angstrom.
    pub(super) rest_angstrom: Vec<f64>,
    /// Mean flux density, weighted by inverse variance.
    pub(super) flux: Vec<f64>,
    /// Inverse variance of it.
    pub(super) ivar: Vec<f64>,
    /// What it weighs in a fit: the inverse of that variance and the model's own error.
    weight: Vec<f64>,
    /// Pixels in each.
    pub(super) pixels: Vec<f64>,
    /// chi2 of all pixels about the mean of their bins.
    scatter: f64,
    /// Bin of each pixel of the spectrum.
    bin: Vec<Option<usize>>,
    /// Median of the absolute flux.
    pub(super) scale: f64,
}

impl Bins {
    pub(super) fn new(spectrum: &Spectrum, rest: &[f64], usable: &[bool]) -> Self {
        let mut bins = Self {
            rest_angstrom: Vec::new(),
            flux: Vec::new(),
            ivar: Vec::new(),
            weight: Vec::new(),
            pixels: Vec::new(),
            scatter: 0.0,
            bin: vec![None; rest.len()],
            scale: 0.0,
        };
        let mut current = None;
        for pixel in (0..rest.len()).filter(|&pixel| usable[pixel]) {
            let number = (rest[pixel].ln() * LIGHT_KM_S / BIN_KM_S) as usize;
            if current != Some(number) {
                current = Some(number);
                for sums in [&mut bins.rest_angstrom, &mut bins.flux, &mut bins.ivar, &mut bins.pixels] {
                    sums.push(0.0);
                }
            }
            let at = bins.flux.len() - 1;
            let (flux, ivar) = (spectrum.flux_1e17_cgs[pixel], spectrum.ivar[pixel]);
            bins.rest_angstrom[at] += rest[pixel];
            bins.flux[at] += ivar * flux;
            bins.ivar[at] += ivar;
            bins.pixels[at] += 1.0;
            bins.scatter += ivar * flux * flux;
            bins.bin[pixel] = Some(at);
        }
        for at in 0..bins.flux.len() {
            bins.rest_angstrom[at] /= bins.pixels[at];
            bins.flux[at] /= bins.ivar[at];
            bins.scatter -= bins.ivar[at] * bins.flux[at].powi(2);
        }
        bins.scale = median(bins.flux.iter().map(|flux| flux.abs()).collect()).max(f64::MIN_POSITIVE);
        // A narrow absorber must not weigh more for being dark.
        let level = |at: usize| bins.flux[at].max(DARKEST * bins.scale);
        bins.weight = (0..bins.flux.len()).map(|at| softened(bins.ivar[at], level(at))).collect();
        bins
    }

    /// What each pixel of the spectrum weighs in a fit with a mask.
    pub(super) fn pixel_weights(&self, spectrum: &Spectrum, masked: &[bool]) -> Vec<f64> {
        let share = |bin: usize| if masked[bin] { 0.0 } else { self.weight[bin] / self.ivar[bin] };
        self.bin.iter().zip(&spectrum.ivar).map(|(bin, ivar)| bin.map_or(0.0, |bin| ivar * share(bin))).collect()
    }

    /// A mask of bins as one of pixels.
    pub(super) fn to_pixels(&self, masked: &[bool]) -> Vec<bool> {
        self.bin.iter().map(|bin| bin.is_some_and(|bin| masked[bin])).collect()
    }
}

/// Weight of a bin of a continuum: what the model cannot describe is the same in all bins of a stretch, so that none of them
/// tells more than its share.
fn softened(ivar: f64, level: f64) -> f64 {
    1.0 / (1.0 / ivar + (CONTINUUM_ERROR * level).powi(2) * STRETCH_KM_S / BIN_KM_S)
}

/// Coefficients of one linear solve.
pub(super) struct Solved {
    pub(super) coefficients: Vec<f64>,
    /// The inverse of the normal equations.
    pub(super) solution: DMatrix<f64>,
    pub(super) reduced_chi2: f64,
}

impl Solved {
    /// `None` where the bins that are not masked do not determine the model.
    pub(super) fn new(bins: &Bins, model: &Model, masked: &[bool]) -> Option<Self> {
        let used: Vec<usize> = (0..masked.len()).filter(|&bin| !masked[bin]).collect();
        if used.is_empty() {
            return None;
        }
        let n = model.terms();
        let mut normal = vec![0.0; n * n];
        let mut right = vec![0.0; n];
        for &bin in &used {
            let (row, weight) = (model.row(bin)?, bins.weight[bin]);
            for i in (0..n).filter(|&i| row[i] != 0.0) {
                let weighted = weight * row[i];
                right[i] += weighted * bins.flux[bin];
                for (sum, other) in normal[i * n..=i * n + i].iter_mut().zip(row) {
                    *sum += weighted * other;
                }
            }
        }
        for i in 0..n {
            for j in 0..i {
                normal[j * n + i] = normal[i * n + j];
            }
        }
        let equations = Equations { normal: DMatrix::from_vec(n, n, normal), right: DVector::from_vec(right) };
        let (coefficients, solution) = equations.solved(model, bins.scale)?;
        let mut solved = Self { coefficients, solution, reduced_chi2: 0.0 };
        let chi2: f64 =
            used.iter().map(|&bin| bins.ivar[bin] * (bins.flux[bin] - solved.level(model, bin)).powi(2)).sum();
        let all: f64 = bins.pixels.iter().sum();
        let pixels: f64 = used.iter().map(|&bin| bins.pixels[bin]).sum();
        // The scatter within bins is the same for every solve: its mean stands for that of the bins used.
        solved.reduced_chi2 = (chi2 + bins.scatter * pixels / all) / (pixels - n as f64).max(1.0);
        Some(solved)
    }

    /// Covariance of the coefficients from the photon noise of the bins that are not masked.
    pub(super) fn covariance(&self, bins: &Bins, model: &Model, masked: &[bool]) -> DMatrix<f64> {
        let n = model.terms();
        // The inverse of the normal equations takes the weights for inverse variances: this takes back what is not noise.
        let mut excess = DMatrix::zeros(n, n);
        for bin in (0..masked.len()).filter(|&bin| !masked[bin]) {
            let Some(row) = model.row(bin) else { continue };
            let weight = bins.weight[bin] * (bins.weight[bin] / bins.ivar[bin] - 1.0);
            for i in (0..n).filter(|&i| row[i] != 0.0) {
                excess.column_mut(i).iter_mut().zip(row).for_each(|(sum, other)| *sum += weight * row[i] * other);
            }
        }
        &self.solution + &self.solution * excess * &self.solution
    }

    /// The continuum in a bin.
    pub(super) fn level(&self, model: &Model, bin: usize) -> f64 {
        model.value(bin, &self.coefficients).unwrap_or_default()
    }
}

/// Normal equations, without priors.
struct Equations {
    normal: DMatrix<f64>,
    right: DVector<f64>,
}

impl Equations {
    /// Coefficients with no negative line, and the inverse of the equations. Lines are held at zero one by one, the most
    /// negative first, and let go again, once each, where the rest would have them positive (Lawson and Hanson 1974).
    fn solved(&self, model: &Model, scale: f64) -> Option<(Vec<f64>, DMatrix<f64>)> {
        let free = model.priors(scale);
        let lines = model.positive_terms();
        let (mut held, mut released) = (vec![false; lines.len()], vec![false; lines.len()]);
        loop {
            let (mut matrix, mut vector) = (self.normal.clone(), self.right.clone());
            let mut priors = free.clone();
            for ((terms, _), _) in lines.iter().zip(&held).filter(|(_, held)| **held) {
                priors[terms.clone()].fill((0.0, HELD * scale));
            }
            for (i, (mean, sd)) in priors.iter().enumerate() {
                matrix[(i, i)] += sd.powi(-2);
                vector[i] += mean * sd.powi(-2);
            }
            let factored = matrix.cholesky()?;
            let value = factored.solve(&vector);
            let height = |line: usize| value[lines[line].0.start];
            let lowest = (0..lines.len())
                .filter(|&line| !held[line] && height(line) < 0.0)
                .min_by(|&one, &other| height(one).total_cmp(&height(other)));
            if let Some(line) = lowest {
                // A base without a core is a core that has not found its place.
                let base = Some(line + 1).filter(|&next| lines.get(next).is_some_and(|next| next.1) && !held[next]);
                held[base.unwrap_or(line)] = true;
                base.into_iter().for_each(|base| released[base] = true);
                continue;
            }
            let slope = |line: usize| {
                let term = lines[line].0.start;
                self.right[term] - self.normal.column(term).dot(&value)
            };
            let highest = (0..lines.len())
                .filter(|&line| held[line] && !released[line] && slope(line) > 0.0)
                .max_by(|&one, &other| slope(one).total_cmp(&slope(other)));
            let Some(line) = highest else { return Some((value.as_slice().to_vec(), factored.inverse())) };
            held[line] = false;
            released[line] = true;
        }
    }
}
