//! The light of a quasar on the pixels of the combined grid: power law, Balmer continuum, Fe II, host galaxy, lines.

use astro::cosmology::SPEED_OF_LIGHT_KM_S;

use super::exponential::exp;
use super::light;
use super::truth::{QuasarTruth, TrueGaussian};
use crate::spectra::{GRID_PIXELS, GRID_START_ANGSTROM, GRID_STEP_ANGSTROM, fitzpatrick99};
use crate::templates::Templates;

/// Wavelength of the Balmer edge, Angstrom.
const EDGE_ANGSTROM: f64 = 3646.0;
/// hc/k, Angstrom Kelvin.
const HC_OVER_K: f64 = 1.438_776_877e8;
/// Electron temperature, Kelvin (Dietrich et al. 2002, 2002ApJ...564..581D).
const TEMPERATURE_K: f64 = 15_000.0;
/// High-order Balmer lines that are summed, and their width, km/s.
const SERIES: std::ops::RangeInclusive<u32> = 8..=60;
const SERIES_SIGMA_KM_S: f64 = 1_800.0;
/// Table of the Balmer continuum: from 900 to 4,200 Angstrom in steps of ln wavelength.
const TABLE_START_ANGSTROM: f64 = 900.0;
const TABLE_END_ANGSTROM: f64 = 4_200.0;
const TABLE_LN_STEP: f64 = 2e-4;
/// Gaussians are followed to this many sigma.
const REACH_SIGMA: f64 = 6.0;
/// Lines narrower than this many pixels are sampled several times a pixel.
const NARROW_PIXELS: f64 = 8.0;
const SAMPLES: usize = 4;

/// What does not depend on the quasar.
#[derive(Debug)]
pub(super) struct Emission {
    pub(super) wavelength: Vec<f64>,
    ln_wavelength: Vec<f64>,
    /// A(lambda) / E(B-V) times ln(10) / 2.5.
    dust: Vec<f32>,
    balmer: Vec<f32>,
}

impl Emission {
    pub(super) fn new() -> Self {
        let wavelength: Vec<f64> =
            (0..GRID_PIXELS).map(|pixel| GRID_START_ANGSTROM + GRID_STEP_ANGSTROM * pixel as f64).collect();
        let to_exponent = 0.4 * std::f64::consts::LN_10;
        let steps = ((TABLE_END_ANGSTROM / TABLE_START_ANGSTROM).ln() / TABLE_LN_STEP) as usize;
        let balmer = |step: usize| balmer(TABLE_START_ANGSTROM * (TABLE_LN_STEP * step as f64).exp()) as f32;
        Self {
            ln_wavelength: wavelength.iter().map(|x| x.ln()).collect(),
            dust: fitzpatrick99(&wavelength).into_iter().map(|ratio| (to_exponent * ratio) as f32).collect(),
            balmer: (0..steps).map(balmer).collect(),
            wavelength,
        }
    }

    /// Flux density in the observed frame, 1e-17 erg/s/cm2/Angstrom, a mean over each pixel, without absorption.
    pub(super) fn flux(&self, truth: &QuasarTruth, templates: &Templates) -> Vec<f32> {
        let ln_stretch = (1.0 + truth.redshift).ln();
        let observed = 1.0 / (1.0 + truth.redshift);
        let amplitude = (truth.f3000_rest_1e17_cgs * observed) as f32;
        let ln_pivot = 3_000_f64.ln() + ln_stretch;
        let slope = truth.slope;
        let mut flux: Vec<f32> =
            self.ln_wavelength.iter().map(|x| amplitude * exp((slope * (x - ln_pivot)) as f32)).collect();
        self.add_balmer(&mut flux, truth, ln_stretch);
        light::add(&mut flux, (&self.wavelength, &self.ln_wavelength), truth, templates);
        for line in &truth.lines {
            for gaussian in &line.gaussians {
                self.add_gaussian(&mut flux, line.wavelength_angstrom.ln() + ln_stretch, gaussian);
            }
        }
        flux
    }

    /// The Galaxy's dust.
    pub(super) fn redden(&self, flux: &mut [f32], ebv: f64) {
        if ebv > 0.0 {
            let ebv = ebv as f32;
            flux.iter_mut().zip(&self.dust).for_each(|(flux, dust)| *flux *= exp(-dust * ebv));
        }
    }

    fn add_balmer(&self, flux: &mut [f32], truth: &QuasarTruth, ln_stretch: f64) {
        let height = (truth.balmer_edge_rest_1e17_cgs / (1.0 + truth.redshift)) as f32;
        if height == 0.0 {
            return;
        }
        let ln_start = TABLE_START_ANGSTROM.ln() + ln_stretch;
        for (flux, x) in flux.iter_mut().zip(&self.ln_wavelength) {
            let place = (x - ln_start) / TABLE_LN_STEP;
            if place < 0.0 {
                continue;
            }
            let below = place as usize;
            let Some([low, high]) = self.balmer.get(below..below + 2) else { break };
            *flux += height * (low + (high - low) * (place - below as f64) as f32);
        }
    }

    fn add_gaussian(&self, flux: &mut [f32], ln_line: f64, gaussian: &TrueGaussian) {
        let ln_centre = ln_line + gaussian.velocity_km_s / SPEED_OF_LIGHT_KM_S;
        let sigma = gaussian.sigma_km_s / SPEED_OF_LIGHT_KM_S;
        let first = self.ln_wavelength.partition_point(|x| *x < ln_centre - REACH_SIGMA * sigma);
        let end = self.ln_wavelength.partition_point(|x| *x < ln_centre + REACH_SIGMA * sigma);
        let centre = ln_centre.exp();
        let height = gaussian.flux_1e17_cgs / (sigma * std::f64::consts::TAU.sqrt() * centre);
        let samples = if sigma * centre < NARROW_PIXELS * GRID_STEP_ANGSTROM { SAMPLES } else { 1 };
        let share = (height / samples as f64) as f32;
        let inverse = 1.0 / sigma;
        for sample in 0..samples {
            let offset = GRID_STEP_ANGSTROM * ((sample as f64 + 0.5) / samples as f64 - 0.5);
            // A pixel is narrow enough for ln(1 + x) = x - x^2 / 2.
            let pixels = self.wavelength[first..end].iter().zip(&self.ln_wavelength[first..end]);
            for (flux, (wavelength, ln_wavelength)) in flux[first..end].iter_mut().zip(pixels) {
                let away = offset / wavelength;
                let u = (ln_wavelength + away - 0.5 * away * away - ln_centre) * inverse;
                *flux += share * exp((-0.5 * u * u) as f32);
            }
        }
    }
}

/// Balmer continuum and high-order lines over their flux density at the edge (Dietrich et al. 2002): the Planck function
/// times `1 - exp(-(lambda / edge)^3)` below the edge; above it lines whose flux goes as n^-3 and joins the continuum.
fn balmer(wavelength: f64) -> f64 {
    let planck = |x: f64| x.powi(-5) / ((HC_OVER_K / x / TEMPERATURE_K).exp_m1());
    let thick = |x: f64| planck(x) * -(-(x / EDGE_ANGSTROM).powi(3)).exp_m1();
    let continuum = if wavelength <= EDGE_ANGSTROM { thick(wavelength) / thick(EDGE_ANGSTROM) } else { 0.0 };
    let line = |n: u32| {
        let square = f64::from(n * n);
        let centre = EDGE_ANGSTROM * square / (square - 4.0);
        let sigma = centre * SERIES_SIGMA_KM_S / SPEED_OF_LIGHT_KM_S;
        let u = (wavelength - centre) / sigma;
        // Neighbours are 8 edge / n^3 apart.
        8.0 * EDGE_ANGSTROM / f64::from(n).powi(3) * (-0.5 * u * u).exp() / (sigma * std::f64::consts::TAU.sqrt())
    };
    continuum + SERIES.map(line).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_flux_and_width_in_pixels() {
        let emission = Emission::new();
        for sigma_km_s in [120.0, 2_000.0] {
            let mut flux = vec![0.0; GRID_PIXELS];
            let gaussian = TrueGaussian { flux_1e17_cgs: 100.0, velocity_km_s: -300.0, sigma_km_s };
            emission.add_gaussian(&mut flux, 6_000_f64.ln(), &gaussian);
            let sum: f64 = flux.iter().map(|flux| f64::from(*flux)).sum::<f64>() * GRID_STEP_ANGSTROM;
            let mean = flux.iter().zip(&emission.ln_wavelength).map(|(f, x)| f64::from(*f) * x).sum::<f64>()
                * GRID_STEP_ANGSTROM
                / sum;
            let spread =
                flux.iter().zip(&emission.ln_wavelength).map(|(f, x)| f64::from(*f) * (x - mean).powi(2)).sum::<f64>()
                    * GRID_STEP_ANGSTROM
                    / sum;
            let pixel = GRID_STEP_ANGSTROM / 6_000.0;
            let expected = ((sigma_km_s / SPEED_OF_LIGHT_KM_S).powi(2) + pixel * pixel / 12.0).sqrt();
            assert!((sum - 100.0).abs() < 0.1, "{sum}");
            // Weighted by d lambda, a Gaussian in ln lambda has its mean at v + sigma^2.
            let velocity = (mean - 6_000_f64.ln()) * SPEED_OF_LIGHT_KM_S;
            assert!((velocity + 300.0 - sigma_km_s * sigma_km_s / SPEED_OF_LIGHT_KM_S).abs() < 1.0, "{velocity}");
            assert!((spread.sqrt() / expected - 1.0).abs() < 2e-3, "{} against {expected}", spread.sqrt());
        }
    }

    #[test]
    fn the_balmer_continuum_is_one_at_the_edge() {
        assert!((0.9..1.6).contains(&balmer(3_645.0)), "{}", balmer(3_645.0));
        assert!(balmer(4_190.0) < 0.1 && balmer(2_000.0) < balmer(3_000.0));
    }
}
