//! What the spectrographs make of a spectrum: three arms, resolution matrices, noise.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::sky;
use crate::spectra::{GRID_START_ANGSTROM, GRID_STEP_ANGSTROM, ResolutionMatrix};

/// First pixel on the combined grid and number of pixels of B, R and Z.
pub(super) const ARMS: [(usize, usize); 3] = [(0, 2751), (2700, 2326), (4900, 2881)];
/// Diagonals of a resolution matrix.
pub(super) const DIAGONALS: usize = 11;
/// How many fibres differ in their resolution.
pub(super) const FIBRES: usize = 8;
/// Effective collecting area of the Mayall telescope, cm^2.
const AREA_CM2: f64 = 8.66e4;
/// h c, erg Angstrom.
const HC: f64 = 1.986_446e-8;
/// Read noise of one exposure in one pixel of 0.8 Angstrom (the rows of the trace together), electrons.
const READ_NOISE: f64 = 6.7;
/// Line-spread sigma of the arms at their two ends and in the middle, Angstrom, as in coadds of early data.
const SIGMA_ANGSTROM: [[f64; 3]; 3] = [[0.69, 0.70, 0.68], [0.632, 0.646, 0.640], [0.72, 0.75, 0.775]];
/// Relative ripple of it from pixel to pixel, from where the pixels lie on the detector.
const RIPPLE: [f64; 3] = [0.002, 0.006, 0.012];

/// One arm's resolution seen by one fibre.
#[derive(Debug)]
pub(super) struct ArmResolution {
    /// Row after row, the weights of true pixels `i - 5` to `i + 5`.
    rows: Vec<[f32; DIAGONALS]>,
    /// As DESI stores it: diagonal after diagonal.
    pub(super) stored: Vec<f32>,
    /// Second moment, Angstrom.
    pub(super) sigma_angstrom: Vec<f64>,
}

/// One arm.
#[derive(Debug)]
pub(super) struct Arm {
    pub(super) wavelength: Vec<f64>,
    /// Electrons a second for 1e-17 erg/s/cm2/Angstrom.
    gain: Vec<f64>,
    sky: Vec<f64>,
    /// By fibre.
    pub(super) resolution: Vec<ArmResolution>,
}

/// The instrument.
#[derive(Debug)]
pub(super) struct Instrument {
    pub(super) arms: Vec<Arm>,
}

impl Instrument {
    pub(super) fn new() -> Self {
        Self { arms: (0..ARMS.len()).map(Arm::new).collect() }
    }
}

impl Arm {
    fn new(arm: usize) -> Self {
        let (first, count) = ARMS[arm];
        let wavelength: Vec<f64> =
            (first..first + count).map(|pixel| GRID_START_ANGSTROM + GRID_STEP_ANGSTROM * pixel as f64).collect();
        let gain = |x: &f64| {
            let photons = 1e-17 * AREA_CM2 * GRID_STEP_ANGSTROM * x / HC;
            photons * sky::through(sky::THROUGHPUT[arm], *x)
        };
        let glow = |(pixel, x): (usize, &f64)| {
            let continuum = sky::through(&sky::CONTINUUM, *x);
            let sigma = sigma_at(arm, pixel, count);
            let line = |(centre, height): &(f64, f64)| height * (-0.5 * ((x - centre) / sigma).powi(2)).exp();
            continuum * (1.0 + sky::LINES.iter().map(line).sum::<f64>())
        };
        Self {
            gain: wavelength.iter().map(gain).collect(),
            sky: wavelength.iter().enumerate().map(glow).collect(),
            resolution: (0..FIBRES).map(|fibre| ArmResolution::new(arm, fibre, count)).collect(),
            wavelength,
        }
    }

    /// Variance of the flux in each pixel: photons of object and sky, and read noise.
    pub(super) fn variance(&self, flux: &[f32], exposures: u16, exposure_s: f64) -> Vec<f64> {
        let read = READ_NOISE * READ_NOISE * f64::from(exposures);
        let pixels = flux.iter().zip(&self.gain).zip(&self.sky);
        pixels
            .map(|((flux, gain), sky)| {
                let unit = gain * exposure_s;
                (unit * (f64::from(flux.max(0.0)) + sky) + read) / (unit * unit)
            })
            .collect()
    }
}

fn sigma_at(arm: usize, pixel: usize, count: usize) -> f64 {
    let [start, middle, end] = SIGMA_ANGSTROM[arm];
    let t = pixel as f64 / (count - 1) as f64;
    // The parabola through the three.
    start * (1.0 - t) * (1.0 - 2.0 * t) + middle * 4.0 * t * (1.0 - t) + end * t * (2.0 * t - 1.0)
}

impl ArmResolution {
    fn new(arm: usize, fibre: usize, count: usize) -> Self {
        let wider = 0.96 + 0.08 * fibre as f64 / (FIBRES - 1) as f64;
        let half = DIAGONALS / 2;
        let mut rows = vec![[0.0_f32; DIAGONALS]; count];
        for (pixel, row) in rows.iter_mut().enumerate() {
            let phase = pixel as f64 * (0.37 + 0.05 * arm as f64) + fibre as f64;
            let sigma = wider * sigma_at(arm, pixel, count) * (1.0 + RIPPLE[arm] * phase.sin()) / GRID_STEP_ANGSTROM;
            // The centre wanders with the phase too, as in real matrices.
            let centre = 4.0 * RIPPLE[arm] * (1.7 * phase).sin();
            *row = gaussian_row(sigma, centre);
            // At the arm's ends the weights that remain make 1, as in real matrices.
            let inside = |place: usize| (pixel + place).checked_sub(half).is_some_and(|column| column < count);
            let kept: f32 = row.iter().enumerate().filter(|(place, _)| inside(*place)).map(|(_, weight)| weight).sum();
            row.iter_mut().enumerate().for_each(|(place, weight)| *weight *= f32::from(u8::from(inside(place))) / kept);
        }
        let mut stored = vec![0.0_f32; DIAGONALS * count];
        for (pixel, row) in rows.iter().enumerate() {
            for (place, weight) in row.iter().enumerate() {
                // Diagonal k has offset 5 - k: column j of it belongs to row j - offset.
                if let Some(column) = (pixel + place).checked_sub(half).filter(|column| *column < count) {
                    stored[(DIAGONALS - 1 - place) * count + column] = *weight;
                }
            }
        }
        let matrix = ResolutionMatrix::new(DIAGONALS, stored.clone());
        let sigma = matrix.map_or_else(Vec::new, |matrix| matrix.sigma_pixels());
        let sigma_angstrom = sigma.into_iter().map(|sigma| sigma * GRID_STEP_ANGSTROM).collect();
        Self { rows, stored, sigma_angstrom }
    }

    /// What the arm makes of the truth on the combined grid, from its first pixel on.
    pub(super) fn apply(&self, truth: &[f32]) -> Vec<f32> {
        let (count, half) = (self.rows.len(), DIAGONALS / 2);
        let mut seen = vec![0.0_f32; count];
        for (pixel, (seen, row)) in seen.iter_mut().zip(&self.rows).enumerate() {
            if let Some(window) = pixel.checked_sub(half).and_then(|from| truth.get(from..from + DIAGONALS))
                && pixel + half < count
            {
                *seen = row.iter().zip(window).map(|(weight, flux)| weight * flux).sum();
            } else {
                let column = |place: usize| (pixel + place).checked_sub(half).filter(|column| *column < count);
                let term = |(place, weight): (usize, &f32)| Some(weight * truth[column(place)?]);
                *seen = row.iter().enumerate().filter_map(term).sum();
            }
        }
        seen
    }
}

/// A Gaussian integrated over pixels whose second moment, pixel included, is `sigma^2`; its sum is 1.
fn gaussian_row(sigma: f64, centre: f64) -> [f32; DIAGONALS] {
    let narrow = (sigma * sigma - 1.0 / 12.0).max(0.01).sqrt();
    let mut row = [0.0; DIAGONALS];
    let edge = |place: usize| (place as f64 - DIAGONALS as f64 / 2.0 - centre) / narrow;
    for (place, weight) in row.iter_mut().enumerate() {
        *weight = astro::statistics::normal_cdf(edge(place + 1)) - astro::statistics::normal_cdf(edge(place));
    }
    let total: f64 = row.iter().sum();
    row.map(|weight| (weight / total) as f32)
}

/// One arm of one target as observed.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedArm {
    /// Flux density, 1e-17 erg/s/cm2/Angstrom.
    pub flux: Vec<f32>,
    /// Inverse variance; 0 where masked.
    pub ivar: Vec<f32>,
    /// 0, or 1 where masked.
    pub mask: Vec<i32>,
}

impl SimulatedArm {
    /// Adds noise of these variances, and masks pixels.
    pub(super) fn observe(rng: &mut ChaCha8Rng, seen: &[f32], variance: &[f64], masked_fraction: f64) -> Self {
        let mut arm = Self {
            flux: Vec::with_capacity(seen.len()),
            ivar: Vec::with_capacity(seen.len()),
            mask: vec![0; seen.len()],
        };
        for (seen, variance) in seen.iter().zip(variance) {
            let noise: f64 = StandardNormal.sample(rng);
            arm.flux.push((f64::from(*seen) + variance.sqrt() * noise) as f32);
            arm.ivar.push((1.0 / variance) as f32);
        }
        let hits = masked_fraction * seen.len() as f64;
        let hits = hits.floor() as usize + usize::from(rng.random::<f64>() < hits.fract());
        for _ in 0..hits {
            let pixel = rng.random_range(0..seen.len());
            (arm.ivar[pixel], arm.mask[pixel]) = (0.0, 1);
        }
        arm
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_and_stored_diagonals_are_the_same_matrix() {
        let resolution = ArmResolution::new(2, 3, 60);
        let truth: Vec<f32> = (0..60).map(|i| (i as f32 * 0.7).sin() + 2.0).collect();
        let matrix = ResolutionMatrix::new(DIAGONALS, resolution.stored.clone()).unwrap();
        let expected = matrix.apply(&truth.iter().map(|x| f64::from(*x)).collect::<Vec<_>>());
        for (seen, expected) in resolution.apply(&truth).iter().zip(expected) {
            assert!((f64::from(*seen) - expected).abs() < 1e-5);
        }
        assert!(resolution.sigma_angstrom[5..55].iter().all(|sigma| (0.6..0.9).contains(sigma)));
    }

    #[test]
    fn noise_is_of_the_size_of_the_survey() {
        let instrument = Instrument::new();
        let median = |arm: usize| {
            let arm = &instrument.arms[arm];
            let mut variance = arm.variance(&vec![1.0; arm.wavelength.len()], 1, 1_000.0);
            let middle = variance.len() / 2;
            1.0 / *variance.select_nth_unstable_by(middle, f64::total_cmp).1
        };
        // 1e-17 erg/s/cm2/Angstrom (r = 21) in 1000 s: S/N about 3, 5, 5 a pixel.
        for (arm, (least, most)) in [(0, (5.0, 30.0)), (1, (15.0, 60.0)), (2, (15.0, 60.0))] {
            let ivar = median(arm);
            assert!((least..most).contains(&ivar), "arm {arm}: ivar {ivar}");
        }
    }
}
