//! How well a continuum is known: its covariance, and what its model cannot describe.
//!
//! The model's shape differs from the quasar's by some share, in stretches that are right or wrong together. A stretch that
//! is fitted pulls the coefficients, and so the continuum within a trough; one within a trough is wrong by itself. Both are
//! linear, and their sum is what a stretch adds to the error of an integral.

use nalgebra::DMatrix;

use super::LIGHT_KM_S;
use super::emission::{EmissionLines, Model};

/// Width of a stretch, km/s.
pub(super) const STRETCH_KM_S: f64 = 2_000.0;
/// Standard deviation of the model's error, as a share of the continuum.
pub(super) const CONTINUUM_ERROR: f64 = 0.01;
/// The same as a share of an emission line's height.
const LINE_ERROR: f64 = 0.03;
/// Half width of that around a line, km/s: where it has fallen to half.
const LINE_REACH_KM_S: f64 = 4_000.0;
/// Where a line's height is measured from, km/s.
const BESIDE_KM_S: f64 = 12_000.0;

/// What is known of the errors of a fitted continuum.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Uncertainty {
    pub(super) model: Model,
    /// Of the coefficients.
    pub(super) covariance: DMatrix<f64>,
    /// The inverse of the normal equations.
    pub(super) solution: DMatrix<f64>,
    pub(super) discrepancy: Discrepancy,
}

/// The errors that the model may have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Discrepancy {
    /// Standard deviation, pixel by pixel, flux density.
    error: Vec<f64>,
    /// Stretch of each pixel.
    stretch: Vec<usize>,
    /// What a stretch that is wrong by its standard deviation adds to the right side of the normal equations, one row a stretch.
    pull: Vec<f64>,
}

impl Discrepancy {
    pub(super) fn new(weights: &[f64], rest: &[f64], model: &Model, coefficients: &[f64]) -> Self {
        let level = |pixel: usize| model.value(pixel, coefficients).unwrap_or_default().max(0.0);
        let at = |angstrom: f64| {
            let pixel = rest.partition_point(|rest| *rest < angstrom).min(rest.len() - 1);
            model.row(pixel).map(|_| level(pixel))
        };
        let lines: Vec<(f64, f64)> = EmissionLines::prominent()
            .filter_map(|line| {
                let beside = [-1.0, 1.0].map(|side| at(line * (1.0 + side * BESIDE_KM_S / LIGHT_KM_S)));
                let count = beside.iter().flatten().count();
                let base = beside.iter().flatten().sum::<f64>() / count.max(1) as f64;
                at(line).filter(|_| count > 0).map(|peak| (line, (peak - base).max(0.0)))
            })
            .collect();
        let first = rest.first().copied().unwrap_or(1.0);
        let terms = model.terms();
        let (mut error, mut stretch, mut pull) = (vec![0.0; rest.len()], vec![0; rest.len()], Vec::new());
        for pixel in 0..rest.len() {
            stretch[pixel] = ((rest[pixel] / first).ln() * LIGHT_KM_S / STRETCH_KM_S) as usize;
            pull.resize((stretch[pixel] + 1) * terms, 0.0);
            let Some(row) = model.row(pixel) else { continue };
            let near = |(line, height): &(f64, f64)| {
                let x = LIGHT_KM_S * (rest[pixel] / line - 1.0) / LINE_REACH_KM_S;
                LINE_ERROR * height / (1.0 + x * x)
            };
            error[pixel] = (CONTINUUM_ERROR * level(pixel)).hypot(lines.iter().map(near).sum());
            if weights[pixel] > 0.0 {
                let weight = weights[pixel] * error[pixel];
                let sums = &mut pull[stretch[pixel] * terms..];
                sums.iter_mut().zip(row).for_each(|(sum, derivative)| *sum += weight * derivative);
            }
        }
        Self { error, stretch, pull }
    }
}

impl Uncertainty {
    /// Variance of a sum over pixels of `factor * continuum`.
    pub(super) fn variance(&self, factors: &[(usize, f64)]) -> f64 {
        let terms = self.model.terms();
        let mut gradient = vec![0.0; terms];
        let mut stretches = vec![0.0; self.discrepancy.pull.len() / terms];
        for &(pixel, factor) in factors {
            let Some(row) = self.model.row(pixel) else { continue };
            gradient.iter_mut().zip(row).for_each(|(sum, derivative)| *sum += factor * derivative);
            stretches[self.discrepancy.stretch[pixel]] -= factor * self.discrepancy.error[pixel];
        }
        let times = |matrix: &DMatrix<f64>| -> Vec<f64> {
            (0..terms).map(|i| (0..terms).map(|j| matrix[(j, i)] * gradient[j]).sum()).collect()
        };
        let photons: f64 = times(&self.covariance).iter().zip(&gradient).map(|(one, other)| one * other).sum();
        let response = times(&self.solution);
        let model: f64 = stretches
            .iter()
            .zip(self.discrepancy.pull.chunks_exact(terms))
            .map(|(own, pull)| (own + super::emission::dot(pull, &response)).powi(2))
            .sum();
        photons.max(0.0) + model
    }
}
