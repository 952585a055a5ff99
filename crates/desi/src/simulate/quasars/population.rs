//! One quasar's properties, drawn from its own stream of random numbers.

use astro::cosmology::Cosmology;
use astro::healpix::HealpixCell;
use astro::statistics::rng_stream;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::absorbers::{Indices, draw_absorbers};
use super::light;
use super::lines::{draw_lines, velocity_quantiles};
use super::parameters::QuasarParameters;
use super::sky::through;
use super::truth::{QuasarTruth, TrueGaussian};
use crate::simulate::streams;

/// Relative numbers of DESI's quasars against redshift (2023ApJ...944..107C), read off to a few per cent.
const NUMBERS: [(f64, f64); 10] = [
    (0.0, 0.02),
    (0.4, 0.25),
    (0.8, 0.70),
    (1.2, 0.93),
    (1.6, 1.00),
    (2.1, 0.95),
    (2.6, 0.55),
    (3.2, 0.20),
    (4.0, 0.04),
    (6.0, 0.005),
];
/// Slope of log numbers against magnitude.
const MAGNITUDE_SLOPE: f64 = 0.35;
/// Wavelength at which the magnitude holds, Angstrom.
const R_BAND_ANGSTROM: f64 = 6_400.0;
/// First TARGETID: as large as DESI's, beyond what a double can hold exactly.
const FIRST_TARGET_ID: i64 = 39_600_000_000_000_001;
/// Area of a pixel of nside 64, square degrees.
const PIXEL_DEG2: f64 = astro::healpix::SKY_DEG2 / 49_152.0;
const HUBBLE: f64 = 0.7;
/// Wavelengths of the luminosities, Angstrom.
const LUMINOSITIES_ANGSTROM: [f64; 4] = [1_350.0, 1_450.0, 3_000.0, 5_100.0];

/// Quasars that share a pixel of nside 64, and so a file.
pub(super) fn per_pixel(parameters: &QuasarParameters) -> usize {
    (parameters.quasars_per_deg2 * PIXEL_DEG2).round().max(1.0) as usize
}

/// Everything true of the quasar of a number, but for its signal to noise.
pub(super) fn draw(parameters: &QuasarParameters, index: usize) -> QuasarTruth {
    let mut rng = rng_stream(parameters.seed, streams::QUASARS + index as u64);
    let healpix = (parameters.first_pixel + (index / per_pixel(parameters)) as u64) % 49_152;
    let inside = HealpixCell { order: 29, index: (healpix << 46) | (rng.random::<u64>() >> 18) };
    let (ra_deg, dec_deg) = inside.centre_deg();
    let redshift = draw_redshift(&mut rng, parameters.redshift);
    let magnitude_r = draw_magnitude(&mut rng, parameters.magnitude_r);
    let slope = (-1.5 + 0.3 * normal(&mut rng)).clamp(-2.6, 0.0);
    // f_nu of AB magnitudes, 10^(-0.4 (m + 48.6)), as f_lambda = f_nu c / lambda^2.
    let f_lambda = 10_f64.powf(-0.4 * (magnitude_r + 48.6)) * 2.997_924_58e18 / R_BAND_ANGSTROM.powi(2) * 1e17;
    let stretch = 1.0 + redshift;
    let power_law = |rest: f64| stretch * f_lambda * (rest * stretch / R_BAND_ANGSTROM).powf(slope);
    let log_luminosities = luminosities(parameters, redshift, power_law);
    let balmer = rng.random::<f64>() * parameters.balmer_continuum_max * power_law(3_646.0);
    let ebv = match parameters.ebv_median {
        0.0 => 0.0,
        median => (median * 10_f64.powf(0.25 * normal(&mut rng))).min(0.5),
    };
    let lines = draw_lines(&mut rng, parameters, redshift, log_luminosities[1], power_law);
    let oiii: Vec<TrueGaussian> =
        lines.iter().filter(|line| line.name.starts_with("OIII5008")).flat_map(|line| line.gaussians.clone()).collect();
    let absorbers = draw_absorbers(&mut rng, parameters);
    let indices = Indices::of(&absorbers);
    let exposures = if redshift > 2.1 { rng.random_range(1..=4) } else { 1 };
    let (catalogue_redshift, catalogue_redshift_error, zwarn) = catalogue(&mut rng, parameters, redshift);
    QuasarTruth {
        index,
        target_id: FIRST_TARGET_ID + index as i64,
        ra_deg,
        dec_deg,
        healpix,
        redshift,
        catalogue_redshift,
        catalogue_redshift_error,
        zwarn,
        ebv,
        magnitude_r,
        slope,
        f3000_rest_1e17_cgs: power_law(3_000.0),
        balmer_edge_rest_1e17_cgs: balmer,
        light: light::draw(parameters, index, log_luminosities[3], power_law),
        log_luminosities,
        lines,
        oiii_v10_v50_v90_km_s: (!oiii.is_empty()).then(|| velocity_quantiles(&oiii, [0.1, 0.5, 0.9])),
        absorbers,
        troughs: indices.troughs,
        bi_civ_km_s: indices.balnicity_km_s,
        ai_civ_km_s: indices.absorption_km_s,
        exposures,
        exposure_s: parameters.exposure_s * f64::from(exposures),
        signal_to_noise: 0.0,
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn draw_redshift(rng: &mut ChaCha8Rng, [least, most]: [f64; 2]) -> f64 {
    if least == most {
        return least;
    }
    let top = NUMBERS.iter().map(|point| point.1).fold(0.0, f64::max);
    loop {
        let redshift = rng.random_range(least..=most);
        if rng.random::<f64>() * top < through(&NUMBERS, redshift) {
            return redshift;
        }
    }
}

fn draw_magnitude(rng: &mut ChaCha8Rng, [bright, faint]: [f64; 2]) -> f64 {
    let growth = 10_f64.powf(MAGNITUDE_SLOPE * (faint - bright));
    bright + (1.0 + rng.random::<f64>() * (growth - 1.0)).log10() / MAGNITUDE_SLOPE
}

/// log10 of lambda L_lambda, erg/s.
fn luminosities(parameters: &QuasarParameters, redshift: f64, power_law: impl Fn(f64) -> f64) -> [f64; 4] {
    let distance_mpc = Cosmology::flat_lcdm(parameters.omega_m).luminosity_distance_mpc_h(redshift) / HUBBLE;
    let distance_cm = distance_mpc * 3.085_677_581e24;
    // The power law is a flux density of the rest frame: lambda f_lambda is the same in both frames.
    LUMINOSITIES_ANGSTROM
        .map(|rest| (4.0 * std::f64::consts::PI * distance_cm.powi(2) * rest * power_law(rest) * 1e-17).log10())
}

/// What redrock would say: typically 150 km/s off, and sometimes lost.
fn catalogue(rng: &mut ChaCha8Rng, parameters: &QuasarParameters, redshift: f64) -> (f64, f64, i64) {
    let error = 150.0 / astro::cosmology::SPEED_OF_LIGHT_KM_S * (1.0 + redshift);
    let offset = error * normal(rng);
    let elsewhere = rng.random_range(0.05..4.0);
    if rng.random::<f64>() < parameters.redshift_failures {
        return (elsewhere, error, 4);
    }
    // Redrock's own errors are several times too small for quasars (2023ApJ...944..107C).
    (redshift + offset, error / 3.0, 0)
}
