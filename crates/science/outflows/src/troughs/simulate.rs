//! Injection and recovery: quasars with a known trough, looked at as if they were real.

use desi::simulate::{QuasarParameters, QuasarSky};
use desi::spectra::Spectrum;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::index::IndexKind;
use super::search::{Transition, TroughSettings, VelocityScale, find_troughs};
use super::{Eigenspectra, LIGHT_KM_S, TroughIndex};
use astro::statistics::rng_stream;

/// A trough `f = 1 - depth exp(-|v - centre|^3 / width^3)` in C IV; flat-bottomed, as troughs are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InjectedTrough {
    /// Velocity of the middle, km/s.
    pub centre_km_s: f64,
    /// Half width, km/s.
    pub width_km_s: f64,
    /// 1 - transmission in the middle, 0 to 1.
    pub depth: f64,
}

impl InjectedTrough {
    /// Transmission at a velocity.
    #[must_use]
    pub fn transmission(&self, velocity_km_s: f64) -> f64 {
        1.0 - self.depth * (-((velocity_km_s - self.centre_km_s) / self.width_km_s).abs().powi(3)).exp()
    }

    /// The index itself, without noise, km/s.
    #[must_use]
    pub fn index(&self, kind: &IndexKind) -> f64 {
        let step = 1.0;
        let ratio = (self.depth / 0.1).ln();
        if ratio <= 0.0 {
            return 0.0;
        }
        let half = self.width_km_s * ratio.cbrt();
        let high = (self.centre_km_s + half).min(kind.range_km_s[1]);
        let low = self.centre_km_s - half;
        if high - low.max(0.0) < kind.min_width_km_s {
            return 0.0;
        }
        let (from, to) = (low.max(kind.range_km_s[0]), high - kind.min_width_km_s);
        let steps = ((to - from) / step).floor().max(0.0) as usize;
        (0..steps).map(|i| (1.0 - self.transmission(from + (i as f64 + 0.5) * step) / 0.9) * step).sum()
    }
}

/// A quasar on DESI's grid with a trough and noise: power law, C IV, Si IV and C III] lines that vary from quasar to
/// quasar, constant noise of the given signal to noise at 1450 Angstrom.
#[must_use]
pub fn simulate_spectrum(trough: Option<&InjectedTrough>, signal_to_noise: f64, seed: u64, stream: u64) -> Spectrum {
    let mut rng = rng_stream(seed, stream);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let redshift = 2.1 + 0.25 * normal().clamp(-2.0, 2.0);
    let slope = -1.5 + 0.3 * normal();
    let lines = [(1549.06, 1.2, 2000.0), (1398.3, 0.3, 2200.0), (1908.7, 0.5, 2600.0), (1640.4, 0.1, 3000.0)].map(
        |(centre, height, width)| {
            (centre, height * (0.35 * normal()).exp(), width * (0.15 * normal()).exp(), -500.0 + 300.0 * normal())
        },
    );
    let wavelength: Vec<f64> = (0..7781).map(|pixel| 3600.0 + 0.8 * f64::from(pixel)).collect();
    let noise = 1.0 / signal_to_noise;
    let flux = wavelength
        .iter()
        .map(|&angstrom| {
            let rest = angstrom / (1.0 + redshift);
            let emission: f64 = lines
                .iter()
                .map(|(centre, height, width, shift)| {
                    let velocity = LIGHT_KM_S * (rest / centre - 1.0) - shift;
                    height * (-0.5 * (velocity / width).powi(2)).exp()
                })
                .sum();
            let continuum = (rest / 1450.0).powf(slope) * (1.0 + emission);
            let velocity = VelocityScale::Linear.velocity_km_s(rest / Transition::Civ.rest_angstrom());
            continuum * trough.map_or(1.0, |trough| trough.transmission(velocity)) + noise * normal()
        })
        .collect();
    let mut spectrum = Spectrum::from_arrays(wavelength, flux, vec![signal_to_noise * signal_to_noise; 7781]);
    spectrum.redshift = Some(redshift);
    spectrum.name = format!("simulated {stream}");
    spectrum
}

/// Quasars as the simulated survey has them, without absorption of their own: lines of two Gaussians, weak lines, Lyman
/// alpha forest, the Galaxy's dust, DESI's noise and resolution. `signal_to_noise` is the median of all pixels.
///
/// # Errors
/// None in practice: the parameters are within their ranges.
pub fn survey_quasars(signal_to_noise: f64, (quasars, seed): (usize, u64)) -> Result<QuasarSky, desi::DesiError> {
    QuasarSky::new(QuasarParameters {
        seed,
        quasars,
        redshift: [1.9, 2.9],
        signal_to_noise: Some(signal_to_noise),
        bal_fraction: 0.0,
        narrow_absorbers: 0.0,
        redshift_failures: 0.0,
        ..QuasarParameters::default()
    })
}

/// A quasar of a simulated survey with a trough in C IV, at its true redshift.
#[must_use]
pub fn survey_spectrum(sky: &QuasarSky, trough: &InjectedTrough, number: usize) -> Spectrum {
    let quasar = sky.quasar(number);
    let mut spectrum = sky.spectrum(&quasar);
    let bare = sky.true_flux(&quasar.truth);
    let line = Transition::Civ.rest_angstrom() * (1.0 + quasar.truth.redshift);
    for ((flux, bare), angstrom) in spectrum.flux_1e17_cgs.iter_mut().zip(bare).zip(&spectrum.wavelength_angstrom) {
        let velocity = VelocityScale::Linear.velocity_km_s(angstrom / line);
        *flux -= (1.0 - trough.transmission(velocity)) * f64::from(bare);
    }
    spectrum.redshift = Some(quasar.truth.redshift);
    spectrum
}

/// What became of many injected troughs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recovery {
    /// Spectra made.
    pub spectra: usize,
    /// Share in which a trough was found over the injected one.
    pub completeness: f64,
    /// Share of the troughs found that lie over the injected one.
    pub purity: f64,
    /// Mean of measured minus true index over the true one.
    pub bias: f64,
    /// Mean of (measured - true) / error of those found.
    pub pull_mean: f64,
    /// Standard deviation of it.
    pub pull_sd: f64,
}

/// Looks for a trough in `spectra` simulated quasars, each made by `simulated` of its number. `balnicity` chooses BI, else
/// AI.
#[must_use]
pub fn recovery(
    trough: &InjectedTrough,
    simulated: impl Fn(usize) -> Spectrum + Sync,
    eigenspectra: Option<&Eigenspectra>,
    spectra: usize,
    balnicity: bool,
) -> Recovery {
    let settings = TroughSettings { transitions: vec![Transition::Civ], ..TroughSettings::default() };
    let truth = trough.index(if balnicity { &TroughIndex::BALNICITY } else { &TroughIndex::ABSORPTION });
    let found: Vec<(f64, f64, usize, usize)> = (0..spectra)
        .into_par_iter()
        .filter_map(|number| {
            let search = find_troughs(&simulated(number), eigenspectra, None, &settings).ok()?;
            let indices = search.indices.first()?;
            let index = if balnicity { &indices.balnicity } else { &indices.absorption };
            let over = |v_min: f64, v_max: f64| v_min < trough.centre_km_s && v_max > trough.centre_km_s;
            let right = index.troughs.iter().filter(|one| over(one.v_min_km_s, one.v_max_km_s)).count();
            Some((index.value_km_s, index.error_km_s, right, index.troughs.len()))
        })
        .collect();
    let count = found.len().max(1) as f64;
    let hits: Vec<_> = found.iter().filter(|one| one.2 > 0).collect();
    let pulls: Vec<f64> = hits.iter().map(|one| (one.0 - truth) / one.1).collect();
    let (right, all) = found.iter().fold((0, 0), |sums, one| (sums.0 + one.2, sums.1 + one.3));
    Recovery {
        spectra: found.len(),
        completeness: hits.len() as f64 / count,
        purity: if all == 0 { 1.0 } else { right as f64 / all as f64 },
        bias: found.iter().map(|one| one.0 / truth - 1.0).sum::<f64>() / count,
        pull_mean: astro::statistics::mean(&pulls).unwrap_or(f64::NAN),
        pull_sd: astro::statistics::standard_deviation(&pulls).unwrap_or(f64::NAN),
    }
}
