//! Where a trough ends: a smooth step fitted to the pixels around its edge.

use nalgebra::{Matrix3, Vector3};

/// Steps of the fit.
const ITERATIONS: usize = 12;
/// Prior standard deviation of the logarithm of the step's width.
const WIDTH_PRIOR: f64 = 0.7;
/// Prior standard deviation of its depth.
const DEPTH_PRIOR: f64 = 0.3;

/// A pixel near an edge: velocity outwards from it (km/s), transmission, variance.
pub(super) type Pixel = (f64, f64, f64);

/// A step from the trough to the continuum: `f = 1 - depth / (1 + exp((v - middle) / width))`.
#[derive(Debug, Clone, Copy)]
struct Step {
    depth: f64,
    middle: f64,
    log_width: f64,
}

impl Step {
    /// Transmission, and its derivatives by depth, middle and log width.
    fn at(&self, velocity: f64) -> (f64, Vector3<f64>) {
        let width = self.log_width.exp();
        let x = ((velocity - self.middle) / width).clamp(-30.0, 30.0);
        let share = 1.0 / (1.0 + x.exp());
        let slope = self.depth * share * (1.0 - share);
        (1.0 - self.depth * share, Vector3::new(-share, -slope / width, -slope * x))
    }

    /// Where the transmission is the threshold, and the derivatives of that.
    fn crossing(&self, threshold: f64) -> Option<(f64, Vector3<f64>)> {
        let ratio = self.depth / (1.0 - threshold) - 1.0;
        let width = self.log_width.exp();
        let by_depth = width / (self.depth - (1.0 - threshold));
        (ratio > 0.05).then(|| (self.middle + width * ratio.ln(), Vector3::new(by_depth, 1.0, width * ratio.ln())))
    }
}

/// Where the transmission crosses `threshold`, km/s outwards from the start, and the error of that; `None` where the fit
/// leads further away than `reach` from the start.
///
/// `depth` is that of the trough within `reach`.
pub(super) fn fitted_edge(pixels: &[Pixel], threshold: f64, depth: f64, reach: f64) -> Option<(f64, f64)> {
    let start = Step { depth: depth.clamp(1.5 * (1.0 - threshold), 1.2), middle: 0.0, log_width: (0.25 * reach).ln() };
    let prior = Vector3::new(DEPTH_PRIOR, reach, WIDTH_PRIOR).map(|sd: f64| sd.powi(-2));
    let mut step = start;
    let mut covariance = Matrix3::zeros();
    for _ in 0..ITERATIONS {
        let mut normal = Matrix3::from_diagonal(&prior);
        let off = Vector3::new(start.depth - step.depth, start.middle - step.middle, start.log_width - step.log_width);
        let mut right = prior.component_mul(&off);
        for &(velocity, transmission, variance) in pixels {
            let (model, derivative) = step.at(velocity);
            normal += derivative * derivative.transpose() / variance;
            right += derivative * ((transmission - model) / variance);
        }
        covariance = normal.try_inverse()?;
        let change = covariance * right;
        step.depth = (step.depth + change[0].clamp(-0.2, 0.2)).clamp(1.0 - threshold, 1.5);
        step.middle += change[1].clamp(-0.5 * reach, 0.5 * reach);
        step.log_width += change[2].clamp(-0.5, 0.5);
    }
    let (crossing, derivative) = step.crossing(threshold)?;
    let error = (derivative.transpose() * covariance * derivative)[(0, 0)].sqrt();
    (crossing.abs() < reach && error.is_finite()).then_some((crossing, error))
}
