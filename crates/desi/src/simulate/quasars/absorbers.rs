//! Absorption by the quasar's wind and by gas in front of it: broad troughs, narrow C IV doublets.

use astro::cosmology::SPEED_OF_LIGHT_KM_S;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use super::parameters::QuasarParameters;
use super::truth::{AbsorberKind, TrueAbsorber, TrueTrough};

/// Wavelength of velocity zero in C IV, the doublet weighted by oscillator strength (Morton 2003, 2003ApJS..149..205M).
const CIV_ANGSTROM: f64 = 1549.06;
/// Ions in which broad components absorb: wavelength, depth over that in C IV, and whether only low-ionisation ones do.
const BROAD_IONS: [(f64, f64, bool); 6] = [
    (CIV_ANGSTROM, 1.0, false),
    (1396.76, 0.5, false),
    (1240.15, 0.9, false),
    (1215.67, 0.5, false),
    (1857.40, 0.5, true),
    (2798.74, 0.4, true),
];
/// C IV doublet: vacuum wavelength and oscillator strength (Morton 2003).
const DOUBLET: [(f64, f64); 2] = [(1548.204, 0.1899), (1550.781, 0.0948)];
/// Optical depth at the centre of a line: `1.497e-15 N f lambda / b`, N in cm^-2, lambda in Angstrom, b in km/s.
const CENTRAL_DEPTH: f64 = 1.497e-15;
/// Threshold of the indices.
const THRESHOLD: f64 = 0.9;
/// Step at which the indices are integrated, km/s.
const STEP_KM_S: f64 = 10.0;

/// Draws the absorbers of one quasar, broad ones first.
pub(super) fn draw_absorbers(rng: &mut ChaCha8Rng, parameters: &QuasarParameters) -> Vec<TrueAbsorber> {
    let mut absorbers = Vec::new();
    if rng.random::<f64>() < parameters.bal_fraction {
        let low_ionisation = rng.random::<f64>() < parameters.low_ionisation_fraction;
        for _ in 0..rng.random_range(1..=3) {
            absorbers.push(TrueAbsorber {
                kind: AbsorberKind::Broad,
                velocity_km_s: rng.random_range(1_000.0..24_000.0),
                width_km_s: 10_f64.powf(rng.random_range(2.6..3.6)),
                depth: rng.random_range(0.15..0.98),
                log_column: None,
                low_ionisation,
            });
        }
    }
    let narrow = Poisson::new(parameters.narrow_absorbers.max(f64::MIN_POSITIVE)).map_or(0.0, |law| law.sample(rng));
    for _ in 0..narrow as usize {
        let (log_column, doppler) = (rng.random_range(13.0..14.8), rng.random_range(15.0..60.0));
        let (wavelength, strength) = DOUBLET[0];
        let depth = CENTRAL_DEPTH * 10_f64.powf(log_column) * strength * wavelength / doppler;
        absorbers.push(TrueAbsorber {
            kind: AbsorberKind::Narrow,
            velocity_km_s: rng.random_range(-1_000.0..60_000.0),
            width_km_s: doppler,
            depth: 1.0 - (-depth).exp(),
            log_column: Some(log_column),
            low_ionisation: false,
        });
    }
    absorbers
}

/// Transmission of the broad components in C IV at a velocity.
fn broad_transmission(absorbers: &[TrueAbsorber], velocity_km_s: f64) -> f64 {
    let broad = absorbers.iter().filter(|one| one.kind == AbsorberKind::Broad);
    broad.map(|one| 1.0 - one.depth * trough_shape(velocity_km_s, one)).product()
}

fn trough_shape(velocity_km_s: f64, absorber: &TrueAbsorber) -> f64 {
    (-((velocity_km_s - absorber.velocity_km_s) / absorber.width_km_s).abs().powi(3)).exp()
}

/// True indices and troughs of C IV.
pub(super) struct Indices {
    pub(super) balnicity_km_s: f64,
    pub(super) absorption_km_s: f64,
    pub(super) troughs: Vec<TrueTrough>,
}

impl Indices {
    /// Integrates `1 - f / 0.9` over stretches where f < 0.9, of which the 2,000 (BI) or 450 km/s (AI) of highest velocity
    /// do not count, between 3,000 (BI) or 0 (AI) and 25,000 km/s.
    pub(super) fn of(absorbers: &[TrueAbsorber]) -> Self {
        let mut indices = Self { balnicity_km_s: 0.0, absorption_km_s: 0.0, troughs: Vec::new() };
        if !absorbers.iter().any(|one| one.kind == AbsorberKind::Broad) {
            return indices;
        }
        let steps = (25_000.0 / STEP_KM_S) as usize;
        let velocity = |step: usize| (step as f64 + 0.5) * STEP_KM_S;
        let transmission: Vec<f64> = (0..steps).map(|step| broad_transmission(absorbers, velocity(step))).collect();
        let mut start = 0;
        while start < steps {
            let length = transmission[start..].iter().take_while(|value| **value < THRESHOLD).count();
            if length == 0 {
                start += 1;
                continue;
            }
            let stretch = start..start + length;
            let width = length as f64 * STEP_KM_S;
            let integral = |from: f64, skipped: f64| -> f64 {
                let counted = stretch.clone().filter(|step| {
                    velocity(*step) > from && velocity(*step) < (stretch.end as f64 * STEP_KM_S) - skipped
                });
                counted.map(|step| (1.0 - transmission[step] / THRESHOLD) * STEP_KM_S).sum()
            };
            if width >= 450.0 {
                indices.absorption_km_s += integral(0.0, 450.0);
                indices.troughs.push(TrueTrough {
                    v_min_km_s: stretch.start as f64 * STEP_KM_S,
                    v_max_km_s: stretch.end as f64 * STEP_KM_S,
                    minimum: transmission[stretch.clone()].iter().copied().fold(1.0, f64::min),
                });
            }
            if width >= 2_000.0 {
                indices.balnicity_km_s += integral(3_000.0, 2_000.0);
            }
            start += length;
        }
        indices
    }
}

/// Multiplies fluxes by what the absorbers let through. `wavelength` are pixel centres of the observed frame, evenly
/// `step` apart, Angstrom.
pub(super) fn absorb(flux: &mut [f32], wavelength: &[f64], step: f64, redshift: f64, absorbers: &[TrueAbsorber]) {
    for absorber in absorbers {
        match absorber.kind {
            AbsorberKind::Broad => absorb_broad(flux, wavelength, redshift, absorber),
            AbsorberKind::Narrow => absorb_narrow(flux, wavelength, step, redshift, absorber),
        }
    }
}

fn absorb_broad(flux: &mut [f32], wavelength: &[f64], redshift: f64, absorber: &TrueAbsorber) {
    for (rest, share, low_only) in BROAD_IONS {
        if low_only && !absorber.low_ionisation {
            continue;
        }
        let line = rest * (1.0 + redshift);
        let at = |velocity: f64| line * (1.0 - velocity / SPEED_OF_LIGHT_KM_S);
        // exp(-2.4^3) is 1e-6.
        let reach = 2.4 * absorber.width_km_s;
        let (from, to) = (at(absorber.velocity_km_s + reach), at(absorber.velocity_km_s - reach));
        let first = wavelength.partition_point(|x| *x < from);
        let end = wavelength.partition_point(|x| *x < to);
        for (flux, x) in flux[first..end.max(first)].iter_mut().zip(&wavelength[first..end.max(first)]) {
            let velocity = SPEED_OF_LIGHT_KM_S * (1.0 - x / line);
            *flux *= (1.0 - absorber.depth * share * trough_shape(velocity, absorber)) as f32;
        }
    }
}

/// Samples in a pixel of narrow absorption.
const SAMPLES: usize = 8;

fn absorb_narrow(flux: &mut [f32], wavelength: &[f64], step: f64, redshift: f64, absorber: &TrueAbsorber) {
    let stretch = (1.0 + redshift) * (1.0 - absorber.velocity_km_s / SPEED_OF_LIGHT_KM_S);
    let column = absorber.log_column.map_or(0.0, |log| 10_f64.powf(log));
    let lines = DOUBLET
        .map(|(rest, strength)| (rest * stretch, CENTRAL_DEPTH * column * strength * rest / absorber.width_km_s));
    let reach = 1.0 + 5.0 * absorber.width_km_s / SPEED_OF_LIGHT_KM_S;
    let first = wavelength.partition_point(|x| *x < lines[0].0 / reach - step);
    let end = wavelength.partition_point(|x| *x < lines[1].0 * reach + step).max(first);
    for (flux, x) in flux[first..end].iter_mut().zip(&wavelength[first..end]) {
        let mut sum = 0.0;
        for sample in 0..SAMPLES {
            let x = x + step * ((sample as f64 + 0.5) / SAMPLES as f64 - 0.5);
            let depth = |(centre, depth): &(f64, f64)| {
                let u = SPEED_OF_LIGHT_KM_S * (x / centre - 1.0) / absorber.width_km_s;
                depth * (-u * u).exp()
            };
            sum += (-lines.iter().map(depth).sum::<f64>()).exp();
        }
        *flux *= (sum / SAMPLES as f64) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broad(velocity_km_s: f64, width_km_s: f64, depth: f64) -> TrueAbsorber {
        let (kind, log_column, low_ionisation) = (AbsorberKind::Broad, None, false);
        TrueAbsorber { kind, velocity_km_s, width_km_s, depth, log_column, low_ionisation }
    }

    #[test]
    fn an_index_is_what_its_definition_gives() {
        // A box-like trough: wide below 0.9 from about 10,000 - 1.3 w to 10,000 + 1.3 w.
        let wide = Indices::of(&[broad(10_000.0, 2_000.0, 0.8)]);
        let half = 2_000.0 * (8.0_f64).ln().cbrt();
        assert_eq!(wide.troughs.len(), 1);
        assert!((wide.troughs[0].v_max_km_s - 10_000.0 - half).abs() < 2.0 * STEP_KM_S);
        let by_hand = |skipped: f64| -> f64 {
            let n = 100_000;
            let (from, to) = (10_000.0 - half, 10_000.0 + half - skipped);
            let step = (to - from) / f64::from(n);
            (0..n)
                .map(|i| {
                    let u = (from + (f64::from(i) + 0.5) * step - 10_000.0) / 2_000.0;
                    (1.0 - (1.0 - 0.8 * (-u.abs().powi(3)).exp()) / 0.9) * step
                })
                .sum()
        };
        assert!((wide.balnicity_km_s / by_hand(2_000.0) - 1.0).abs() < 0.01, "{}", wide.balnicity_km_s);
        assert!((wide.absorption_km_s / by_hand(450.0) - 1.0).abs() < 0.01);
        // Narrower than 2,000 km/s: no balnicity, but absorption.
        let narrow = Indices::of(&[broad(10_000.0, 500.0, 0.8)]);
        assert!(narrow.balnicity_km_s == 0.0 && narrow.absorption_km_s > 0.0);
        // Too shallow for either.
        assert!(Indices::of(&[broad(10_000.0, 2_000.0, 0.09)]).troughs.is_empty());
    }

    #[test]
    fn a_narrow_doublet_takes_the_equivalent_width_of_its_column() {
        let absorber = TrueAbsorber {
            kind: AbsorberKind::Narrow,
            velocity_km_s: 0.0,
            width_km_s: 40.0,
            depth: 0.1,
            log_column: Some(12.5),
            low_ionisation: false,
        };
        let wavelength: Vec<f64> = (0..2_000).map(|i| 4_000.0 + 0.8 * f64::from(i)).collect();
        let mut flux = vec![1.0_f32; 2_000];
        absorb(&mut flux, &wavelength, 0.8, 2.0, &[absorber]);
        let width: f64 = flux.iter().map(|flux| 0.8 * (1.0 - f64::from(*flux))).sum();
        // On the linear part of the curve of growth W = 8.85e-21 N f lambda^2, rest frame, Angstrom.
        let expected: f64 =
            DOUBLET.iter().map(|(rest, f)| 8.85e-21 * 10_f64.powf(12.5) * f * rest * rest).sum::<f64>() * 3.0;
        assert!((width / expected - 1.0).abs() < 0.06, "{width} against {expected}");
    }
}
