//! The volume in which the survey would have seen a galaxy (Schmidt 1968, 1968ApJ...151..393S).

use astro::Cosmology;
use rayon::prelude::*;

use super::{PopulationError, Sample};

const STEPS: usize = 1_024;

/// The survey's selection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VmaxSettings {
    /// Faintest apparent magnitude in r.
    pub r_limit: f64,
    /// Redshift limits, both ends included.
    pub redshift: [f64; 2],
    /// Area on the sky, square degrees.
    pub area_deg2: f64,
    /// Matter density of the flat universe.
    pub omega_m: f64,
}

/// The comoving distance to which the survey would see each galaxy, Mpc/h, at most that of its upper redshift; `None`
/// without magnitude, or outside the limits.
///
/// The K-correction of a galaxy moves with redshift along the mean slope of the sample's K-corrections (none where they
/// are missing): only its change between two redshifts matters, so the band's own reference redshift does not.
///
/// # Errors
/// Limits out of range.
pub fn visible_to_mpc_h(sample: &Sample, settings: &VmaxSettings) -> Result<Vec<Option<f64>>, PopulationError> {
    let [low, high] = settings.redshift;
    if !(low >= 0.0 && high > low && high < 20.0) {
        return Err(PopulationError::Setting { name: "redshift", value: high, expected: "a range from 0 to 20" });
    }
    let columns = sample.columns();
    let slope = k_slope(sample);
    let cosmology = Cosmology::flat_lcdm(settings.omega_m);
    // Brightness lost, and the distance.
    let table: Vec<[f64; 2]> = (0..=STEPS)
        .map(|step| {
            let z = (low + (high - low) * step as f64 / STEPS as f64).max(1e-5);
            let distance = cosmology.comoving_distance_mpc_h(z);
            [5.0 * (distance * (1.0 + z)).log10() + slope * z, distance]
        })
        .collect();
    let dimming = |z: f64| 5.0 * (cosmology.comoving_distance_mpc_h(z) * (1.0 + z)).log10() + slope * z;
    Ok((0..sample.len())
        .into_par_iter()
        .map(|row| {
            let (magnitude, z) = (columns.apparent_r[row]?, columns.redshift[row]);
            if !(low..=high).contains(&z) || z <= 0.0 || magnitude > settings.r_limit {
                return None;
            }
            let room = dimming(z) + settings.r_limit - magnitude;
            let index = table.partition_point(|entry| entry[0] <= room);
            match (index.checked_sub(1).and_then(|k| table.get(k)), table.get(index)) {
                (Some(below), Some(above)) => {
                    let share = (room - below[0]) / (above[0] - below[0]);
                    Some(below[1] + share * (above[1] - below[1]))
                }
                (Some(last), None) => Some(last[1]),
                (None, _) => None,
            }
        })
        .collect())
}

/// 1/Vmax in (Mpc/h)^-3 of the whole survey, times the completeness weight; `None` as in [`visible_to_mpc_h`].
///
/// # Errors
/// Limits or area out of range.
pub fn inverse_vmax(sample: &Sample, settings: &VmaxSettings) -> Result<Vec<Option<f64>>, PopulationError> {
    if !(settings.area_deg2 > 0.0 && settings.area_deg2 <= 41_253.0) {
        let (name, value) = ("area_deg2", settings.area_deg2);
        return Err(PopulationError::Setting { name, value, expected: "above 0, at most the whole sky" });
    }
    let near = Cosmology::flat_lcdm(settings.omega_m).comoving_distance_mpc_h(settings.redshift[0].max(1e-5));
    let steradians = settings.area_deg2 * (std::f64::consts::PI / 180.0).powi(2);
    let visible = visible_to_mpc_h(sample, settings)?;
    Ok(visible
        .into_iter()
        .zip(&sample.columns().weight)
        .map(|(distance, weight)| {
            let volume = steradians / 3.0 * (distance?.powi(3) - near.powi(3));
            (volume > 0.0).then(|| weight / volume)
        })
        .collect())
}

/// The redshift to which a galaxy of an absolute magnitude (r, h = 1) and mean K-correction is seen, at most
/// `settings.redshift[1]`: the edge of a volume-limited sample.
#[must_use]
pub fn volume_limit(sample: &Sample, absolute_r: f64, settings: &VmaxSettings) -> f64 {
    let columns = sample.columns();
    let (slope, cosmology) = (k_slope(sample), Cosmology::flat_lcdm(settings.omega_m));
    let known = || columns.redshift.iter().zip(&columns.k_correction_r).filter_map(|(z, k)| Some((*z, (*k)?)));
    let count = known().count().max(1) as f64;
    let mean = known().fold((0.0, 0.0), |sum, (z, k)| (sum.0 + z / count, sum.1 + k / count));
    let [low, high] = settings.redshift;
    let seen = |z: f64| {
        let modulus = 5.0 * (cosmology.comoving_distance_mpc_h(z) * (1.0 + z)).log10() + 25.0;
        absolute_r + modulus + mean.1 + slope * (z - mean.0) <= settings.r_limit
    };
    let step = |step: usize| low + (high - low) * step as f64 / STEPS as f64;
    (1..=STEPS).map(step).take_while(|z| seen(*z)).last().unwrap_or(low)
}

/// Mean slope of the K-correction with redshift, mag per unit redshift.
fn k_slope(sample: &Sample) -> f64 {
    let columns = sample.columns();
    let (mut n, mut sz, mut sk, mut szz, mut szk) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (z, k) in columns.redshift.iter().zip(&columns.k_correction_r) {
        if let Some(k) = k {
            n += 1.0;
            sz += z;
            sk += k;
            szz += z * z;
            szk += z * k;
        }
    }
    let spread = szz - sz * sz / n;
    if n > 2.0 && spread > 0.0 { (szk - sz * sk / n) / spread } else { 0.0 }
}
