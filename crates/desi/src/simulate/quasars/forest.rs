//! Intergalactic hydrogen: a log-normal field of optical depth along each line of sight.
//!
//! In the fluctuating Gunn-Peterson picture optical depth is a power of density, and density nearly log-normal (Bi & Davidsen
//! 1997, 1997ApJ...479..523B): `tau = a(z) exp(b g)`, g a Gaussian field. `a(z)` is such that the mean transmission is
//! `exp(-0.00554 (1 + z)^3.182)` (Kamble et al. 2020, 2020ApJ...892...70K). Lyman beta comes from the same field; below 912
//! Angstrom continuous absorption has a mean free path of 0.35 in redshift. Damped systems and metals are left out.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::exponential::exp;

const LYMAN_ALPHA: f64 = 1215.67;
const LYMAN_BETA: f64 = 1025.72;
const LYMAN_LIMIT: f64 = 911.76;
/// Optical depth of Lyman beta over that of alpha in the same gas: `f lambda`.
const BETA_OVER_ALPHA: f64 = 0.160_3;
/// Step of the field in ln wavelength: 25 km/s.
const LN_STEP: f64 = 25.0 / 299_792.458;
/// Scatter of ln optical depth.
const LN_SCATTER: f64 = 1.9;
/// Correlation lengths of the field's two parts, steps, and the variance of each.
const PARTS: [(f64, f64); 2] = [(2.5, 0.7), (16.0, 0.3)];
/// Redshifts at which `a` is tabulated: from 1.5, every 0.05.
const Z_START: f64 = 1.5;
const Z_STEP: f64 = 0.05;
const Z_COUNT: usize = 100;

/// The forest of all lines of sight.
#[derive(Debug)]
pub(super) struct Forest {
    /// ln a at the tabulated redshifts.
    ln_scale: Vec<f64>,
}

/// Effective optical depth of Lyman alpha at a redshift.
pub(super) fn effective_depth(redshift: f64) -> f64 {
    5.54e-3 * (1.0 + redshift).powf(3.182)
}

impl Forest {
    pub(super) fn new() -> Self {
        let ln_scale =
            (0..Z_COUNT).map(|i| ln_scale_for((-effective_depth(Z_START + Z_STEP * i as f64)).exp())).collect();
        Self { ln_scale }
    }

    fn ln_scale(&self, redshift: f64) -> f64 {
        let place = ((redshift - Z_START) / Z_STEP).clamp(0.0, (Z_COUNT - 2) as f64);
        let (below, share) = (place.floor() as usize, place.fract());
        self.ln_scale[below] * (1.0 - share) + self.ln_scale[below + 1] * share
    }

    /// Multiplies fluxes by the transmission of one line of sight. `wavelength` are pixel centres of the observed frame,
    /// evenly `step` apart, Angstrom. Nothing is drawn where no pixel lies blueward of Lyman alpha.
    pub(super) fn absorb(
        &self,
        rng: &mut ChaCha8Rng,
        flux: &mut [f32],
        (wavelength, step): (&[f64], f64),
        redshift: f64,
    ) {
        let end = wavelength.partition_point(|x| *x + 0.5 * step < LYMAN_ALPHA * (1.0 + redshift));
        let Some(&first) = wavelength.first() else { return };
        if end == 0 {
            return;
        }
        let ln_start = (first - step).ln();
        let count = (((LYMAN_ALPHA * (1.0 + redshift)).ln() - ln_start) / LN_STEP) as usize + 2;
        let depth = self.optical_depth(rng, ln_start, count);
        // Steps between a cloud's Lyman beta and its Lyman alpha.
        let to_alpha = ((LYMAN_ALPHA / LYMAN_BETA).ln() / LN_STEP) as usize;
        let beta_end = LYMAN_BETA * (1.0 + redshift);
        let samples = Samples { ln_start, depth: &depth, to_alpha };
        for (flux, &x) in flux[..end].iter_mut().zip(&wavelength[..end]) {
            let mut transmission = samples.mean_transmission(x, step, x < beta_end);
            let z_limit = x / LYMAN_LIMIT - 1.0;
            if z_limit < redshift {
                transmission *= (-(redshift - z_limit) / 0.35).exp();
            }
            *flux *= transmission as f32;
        }
    }

    /// Optical depth in Lyman alpha at `count` steps.
    fn optical_depth(&self, rng: &mut ChaCha8Rng, ln_start: f64, count: usize) -> Vec<f32> {
        let mut field = vec![0.0_f64; count];
        for (length, variance) in PARTS {
            // An exponential filter, run forward from its stationary state, then averaged backward to smooth it.
            let keep = (-1.0 / length).exp();
            // White noise filtered twice has the variance (1 + k^2) / (1 - k^2)^3.
            let norm = (variance * (1.0 - keep) * (1.0 + keep).powi(3) / (1.0 + keep * keep)).sqrt();
            let mut pass = vec![0.0_f64; count];
            let mut value: f64 = StandardNormal.sample(rng);
            value /= (1.0 - keep * keep).sqrt();
            for at in pass.iter_mut() {
                let noise: f64 = StandardNormal.sample(rng);
                value = keep * value + noise;
                *at = value;
            }
            let mut back = pass.last().copied().unwrap_or(0.0) / (1.0 - keep);
            for (at, value) in field.iter_mut().zip(&pass).rev() {
                back = keep * back + value;
                *at += norm * back * (1.0 - keep);
            }
        }
        let scatter = LN_SCATTER;
        let mut depth = Vec::with_capacity(count);
        for (block, fields) in field.chunks(64).enumerate() {
            // The mean changes slowly: once a block is enough.
            let redshift = (ln_start + LN_STEP * (block * 64 + 32) as f64).exp() / LYMAN_ALPHA - 1.0;
            let ln_scale = self.ln_scale(redshift);
            depth.extend(fields.iter().map(|g| exp((ln_scale + scatter * g) as f32)));
        }
        depth
    }
}

struct Samples<'a> {
    ln_start: f64,
    depth: &'a [f32],
    to_alpha: usize,
}

impl Samples<'_> {
    /// Mean transmission of the field's steps inside a pixel.
    fn mean_transmission(&self, centre: f64, step: f64, beta: bool) -> f64 {
        let ln = centre.ln();
        let half = 0.5 * step / centre;
        let place = |ln: f64| ((ln - self.ln_start) / LN_STEP).round().max(0.0) as usize;
        let from = place(ln - half).min(self.depth.len().saturating_sub(1));
        let to = place(ln + half).clamp(from + 1, self.depth.len().max(from + 1));
        let mut sum = 0.0_f32;
        for at in from..to.min(self.depth.len()) {
            let mut depth = self.depth[at];
            if beta {
                depth += BETA_OVER_ALPHA as f32 * self.depth.get(at + self.to_alpha).copied().unwrap_or(0.0);
            }
            sum += exp(-depth);
        }
        f64::from(sum) / (to.min(self.depth.len()) - from).max(1) as f64
    }
}

/// ln a of `tau = a exp(b g)` with this mean transmission.
fn ln_scale_for(mean_transmission: f64) -> f64 {
    let mean = |ln_scale: f64| -> f64 {
        let (step, mut sum, mut weights) = (0.02, 0.0, 0.0);
        for i in -350..=350 {
            let g = step * f64::from(i);
            let weight = (-0.5 * g * g).exp();
            sum += weight * (-(ln_scale + LN_SCATTER * g).exp()).exp();
            weights += weight;
        }
        sum / weights
    };
    let (mut low, mut high) = (-15.0, 10.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if mean(middle) > mean_transmission { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use astro::statistics::rng_stream;

    #[test]
    fn the_mean_transmission_is_the_measured_one() {
        let forest = Forest::new();
        let wavelength: Vec<f64> = (0..1_000).map(|i| 4_700.0 + 0.8 * f64::from(i)).collect();
        let (mut sum, mut expected) = (0.0, 0.0);
        for sight in 0..200 {
            let mut flux = vec![1.0_f32; 1_000];
            // Lyman alpha of z = 3.6 lies above, Lyman beta below.
            forest.absorb(&mut rng_stream(1, sight), &mut flux, (&wavelength, 0.8), 3.57);
            sum += flux[..].iter().map(|flux| f64::from(*flux)).sum::<f64>();
            expected += wavelength.iter().map(|x| (-effective_depth(x / LYMAN_ALPHA - 1.0)).exp()).sum::<f64>();
        }
        assert!((sum / expected - 1.0).abs() < 0.01, "{sum} against {expected}");
    }

    #[test]
    fn nothing_is_absorbed_redward() {
        let wavelength: Vec<f64> = (0..100).map(|i| 3_600.0 + 0.8 * f64::from(i)).collect();
        let mut flux = vec![1.0_f32; 100];
        Forest::new().absorb(&mut rng_stream(1, 1), &mut flux, (&wavelength, 0.8), 1.5);
        assert!(flux.iter().all(|flux| *flux == 1.0));
    }
}
