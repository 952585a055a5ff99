//! Which bins are in absorption, and what a continuum costs that leaves them out.

use super::LIGHT_KM_S;
use super::continuum::ContinuumSettings;
use super::emission::Model;
use super::search::Transition;
use super::solve::{Bins, Solved};

/// Width of the stretches that are compared with a continuum, km/s.
const STRETCH_KM_S: f64 = 500.0;
/// Standard deviation of what the model cannot describe in one, as a share of the continuum.
const MODEL_ERROR: f64 = 0.03;
/// Twice the logarithm of the odds that no trough begins in a stretch.
const TROUGH_COST: f64 = 2.0;

/// Longest rest wavelength at which C IV winds (and those of Si IV) absorb, Angstrom: some absorb at small redshifted
/// velocities.
const CIV_REDMOST_ANGSTROM: f64 = 1556.0;
/// Rest wavelengths at which Al III winds absorb, Angstrom: to 25,000 km/s.
const ALIII_ANGSTROM: [f64; 2] = [1702.0, 1866.0];

/// Bins in absorption: the boxcar mean of flux over continuum is low by both criteria. Grown on both sides.
pub(super) fn absorbed(bins: &Bins, solved: &Solved, model: &Model, settings: &ContinuumSettings) -> Vec<bool> {
    let rest = &bins.rest_angstrom;
    // Sums of weight * continuum^2 and weight * continuum * flux: their ratio is the mean transmission.
    let mut sums = vec![[0.0; 2]; rest.len() + 1];
    for bin in 0..rest.len() {
        let level = solved.level(model, bin).max(0.0);
        let weight = bins.ivar[bin] / solved.reduced_chi2.max(1.0) * level;
        sums[bin + 1] = [sums[bin][0] + weight * level, sums[bin][1] + weight * bins.flux[bin]];
    }
    let within = |bin: usize, km_s: f64| {
        let reach = rest[bin] * km_s / LIGHT_KM_S;
        let first = rest.partition_point(|wavelength| *wavelength < rest[bin] - reach);
        first..rest.partition_point(|wavelength| *wavelength <= rest[bin] + reach)
    };
    let low = |bin: usize| {
        let range = within(bin, 0.5 * settings.mask_width_km_s);
        let weight = sums[range.end][0] - sums[range.start][0];
        let mean = (sums[range.end][1] - sums[range.start][1]) / weight;
        weight > 0.0 && 1.0 - mean > settings.mask_depth && (1.0 - mean) * weight.sqrt() > settings.mask_sigma
    };
    let mut masked = vec![false; rest.len()];
    for bin in (0..rest.len()).filter(|&bin| rest[bin] <= CIV_REDMOST_ANGSTROM && low(bin)) {
        masked[within(bin, settings.grow_km_s)].fill(true);
    }
    // Al III absorbs only in winds that absorb in C IV too; where that is not covered it may.
    let [blue, red] = ALIII_ANGSTROM;
    let ratio = Transition::Civ.rest_angstrom() / Transition::Aliii.rest_angstrom();
    let in_civ = |bin: usize| {
        let twin = rest.partition_point(|wavelength| *wavelength < ratio * rest[bin]);
        twin == 0 || masked.get(twin) == Some(&true)
    };
    let low_ions = (0..rest.len()).filter(|&bin| (blue..=red).contains(&rest[bin]) && in_civ(bin) && low(bin));
    for bin in low_ions.collect::<Vec<_>>() {
        masked[within(bin, settings.grow_km_s)].fill(true);
    }
    masked
}

/// A mask with what lies where Si IV absorbs in winds that are masked in C IV: there it is often too shallow to be seen in the
/// noise, and would draw the continuum down.
pub(super) fn with_silicon(bins: &Bins, masked: &[bool]) -> Vec<bool> {
    let rest = &bins.rest_angstrom;
    let ratio = Transition::Civ.rest_angstrom() / Transition::Siiv.rest_angstrom();
    let in_civ = |bin: usize| {
        let twin = ratio * rest[bin];
        // Beyond, C IV's winds and those of Si IV lie over each other.
        let civ = (Transition::Siiv.rest_angstrom()..=CIV_REDMOST_ANGSTROM).contains(&twin);
        civ && masked.get(rest.partition_point(|wavelength| *wavelength < twin)) == Some(&true)
    };
    (0..masked.len()).map(|bin| masked[bin] || in_civ(bin)).collect()
}

/// How badly a continuum describes a spectrum, as a chi2 of stretches: what lies above it always counts, what lies below
/// unless it is masked, and every masked stretch costs.
pub(super) fn cost(bins: &Bins, solved: &Solved, model: &Model, masked: &[bool]) -> f64 {
    let mut cost = model.lines.cost();
    let (mut from, mut in_trough) = (0, false);
    let stretch = |bin: usize| (bins.rest_angstrom[bin].ln() * LIGHT_KM_S / STRETCH_KM_S) as usize;
    while from < masked.len() {
        let mut to = from;
        // Sums of weight, weight * deviation, for bins that are fitted and those that are masked.
        let mut sums = [[0.0; 2]; 2];
        while to < masked.len() && stretch(to) == stretch(from) {
            let level = solved.level(model, to).max(1e-3 * bins.scale);
            let weight = bins.ivar[to] * level * level;
            let sum = &mut sums[usize::from(masked[to])];
            sum[0] += weight;
            sum[1] += weight * (bins.flux[to] / level - 1.0);
            to += 1;
        }
        for (absorbs, [weight, off]) in sums.into_iter().enumerate().filter(|(_, sum)| sum[0] > 0.0) {
            let (mean, variance) = (off / weight, 1.0 / weight + MODEL_ERROR * MODEL_ERROR);
            if absorbs == 0 || mean > 0.0 {
                cost += mean * mean / variance;
            }
            if absorbs == 1 {
                cost += (-variance.ln() - (2.0 * std::f64::consts::PI).ln()).max(0.0);
                cost += if in_trough { 0.0 } else { TROUGH_COST };
            }
        }
        in_trough = masked[to - 1];
        from = to;
    }
    cost
}
