//! The void size function: comoving number density of voids by effective radius, dn / dlnR.
//!
//! A void is only complete where it fits into the survey, and a large one fits in less of it. So each void counts as
//! one over the volume in which a void of its radius fits (1/Vmax, Schmidt 1968, 1968ApJ...151..393S), and voids that
//! do not fit by the same rule are left out: the six points one radius from the centre along the axes, and at every
//! smaller distance in steps of 1 Mpc/h, must be inside the survey.

use rayon::prelude::*;

use super::measured::Measured;
use super::sample::VoidSphere;
use super::{Sample, VoidStatisticsError};
use crate::survey::SurveyVolume;

/// Step in which the distance to the survey's boundary is probed, Mpc/h.
const CLEARANCE_STEP_MPC_H: f64 = 1.0;
/// Points that measure the volume in which a void fits; its relative error is below 1 % down to a tenth of the survey.
const VOLUME_POINTS: usize = 100_000;
/// Seed of those points: one fixed set, so that the volume does not depend on the settings of the pair counts.
const VOLUME_SEED: u64 = 0x5123;

/// Bins of radius.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SizeSettings {
    /// Smallest radius, Mpc/h, above 0.
    pub smallest_mpc_h: f64,
    /// Largest radius, Mpc/h, above the smallest, at most 1000.
    pub largest_mpc_h: f64,
    /// Number of bins of equal width in ln R, 1 to 1000.
    pub bins: usize,
}

impl Default for SizeSettings {
    fn default() -> Self {
        Self { smallest_mpc_h: 8.0, largest_mpc_h: 50.0, bins: 14 }
    }
}

/// The size function, one entry a bin.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SizeFunction {
    /// Edges of the bins in effective radius, Mpc/h, one more than bins; a radius on an edge is in the bin above.
    pub edges_mpc_h: Vec<f64>,
    /// Voids that fit into the survey.
    pub voids: Vec<u64>,
    /// Part of the survey's volume in which a void of the bin's middle radius fits.
    pub volume_fraction: Vec<f64>,
    /// dn / dlnR, (Mpc/h)^-3, with jackknife errors; `None` where no void of the bin's size fits anywhere.
    pub density_mpc_h3: Measured,
    /// Poisson errors of the same.
    pub poisson_errors: Vec<Option<f64>>,
}

/// How far the points that measure volumes are from the survey's boundary.
struct Clearances<'a> {
    sample: &'a Sample,
    /// Of every point, ascending, Mpc/h.
    all: Vec<f64>,
    /// Of the points in each jackknife region, ascending.
    by_region: Vec<Vec<f64>>,
}

/// Measures the size function of a sample.
///
/// # Errors
/// Settings out of range.
pub fn size_function(sample: &Sample, settings: &SizeSettings) -> Result<SizeFunction, VoidStatisticsError> {
    let edges = edges(settings)?;
    let width = (settings.largest_mpc_h / settings.smallest_mpc_h).ln() / settings.bins as f64;
    let clearances = Clearances::new(sample, settings.largest_mpc_h);
    let bin_of = |radius: f64| (edges.partition_point(|edge| *edge <= radius)).checked_sub(1);
    let fits: Vec<(usize, usize, f64)> = sample
        .voids
        .par_iter()
        .zip(&sample.void_region)
        .filter_map(|(void, region)| {
            let bin = bin_of(void.r_eff_mpc_h).filter(|bin| *bin < settings.bins)?;
            fits_inside(sample, void, settings.largest_mpc_h).then_some((bin, *region, void.r_eff_mpc_h))
        })
        .collect();
    let middle = |bin: usize| (edges[bin] * edges[bin + 1]).sqrt();
    let density = |left_out: Option<usize>| {
        let mut sum: Vec<Option<f64>> =
            (0..settings.bins).map(|bin| clearances.volume(middle(bin), left_out).map(|_| 0.0)).collect();
        for &(bin, _, radius) in fits.iter().filter(|(_, region, _)| Some(*region) != left_out) {
            if let (Some(sum), Some(volume)) = (&mut sum[bin], clearances.volume(radius, left_out)) {
                *sum += 1.0 / (volume * width);
            }
        }
        sum
    };
    let density_mpc_h3 = Measured::new(sample.regions.len(), density)?;
    let mut voids = vec![0; settings.bins];
    let mut squares = vec![0.0; settings.bins];
    for &(bin, _, radius) in &fits {
        voids[bin] += 1;
        squares[bin] += clearances.volume(radius, None).map_or(0.0, |volume| (volume * width).powi(-2));
    }
    let poisson_errors =
        density_mpc_h3.values.iter().zip(&squares).map(|(value, square): (_, &f64)| value.map(|_| square.sqrt()));
    Ok(SizeFunction {
        voids,
        volume_fraction: (0..settings.bins).map(|bin| clearances.fraction(middle(bin))).collect(),
        poisson_errors: poisson_errors.collect(),
        density_mpc_h3,
        edges_mpc_h: edges,
    })
}

fn edges(settings: &SizeSettings) -> Result<Vec<f64>, VoidStatisticsError> {
    let (smallest, largest) = (settings.smallest_mpc_h, settings.largest_mpc_h);
    let wrong = |setting, expected, found: String| Err(VoidStatisticsError::Setting { setting, expected, found });
    if !(smallest > 0.0 && smallest.is_finite()) {
        return wrong("smallest_mpc_h", "more than 0", smallest.to_string());
    }
    if !(largest > smallest && largest <= 1000.0) {
        return wrong("largest_mpc_h", "more than the smallest radius, at most 1000", largest.to_string());
    }
    if !(1..=1000).contains(&settings.bins) {
        return wrong("bins", "1 to 1000", settings.bins.to_string());
    }
    let ratio = largest / smallest;
    Ok((0..=settings.bins).map(|edge| smallest * ratio.powf(edge as f64 / settings.bins as f64)).collect())
}

/// The largest distance (in steps, at most `furthest`) up to which the six points around a position are all inside.
fn clearance(volume: &impl SurveyVolume, position_mpc_h: [f64; 3], furthest: f64) -> f64 {
    let mut clear = 0.0;
    while clear < furthest && !volume.near_boundary(position_mpc_h, clear + CLEARANCE_STEP_MPC_H) {
        clear += CLEARANCE_STEP_MPC_H;
    }
    clear
}

fn fits_inside(sample: &Sample, void: &VoidSphere, furthest: f64) -> bool {
    clearance(&sample.volume, void.centre_mpc_h, furthest) >= void.r_eff_mpc_h
}

impl<'a> Clearances<'a> {
    fn new(sample: &'a Sample, furthest: f64) -> Self {
        let points = sample.volume.random_positions(VOLUME_POINTS, VOLUME_SEED);
        let measured: Vec<(Option<usize>, f64)> = points
            .par_iter()
            .map(|point| (sample.region_of(*point), clearance(&sample.volume, *point, furthest)))
            .collect();
        let mut all: Vec<f64> = measured.iter().map(|(_, clear)| *clear).collect();
        let mut by_region = vec![Vec::new(); sample.regions.len()];
        for (region, clear) in measured {
            if let Some(region) = region {
                by_region[region].push(clear);
            }
        }
        all.sort_unstable_by(f64::total_cmp);
        by_region.iter_mut().for_each(|clear| clear.sort_unstable_by(f64::total_cmp));
        Self { sample, all, by_region }
    }

    /// Part of the survey in which a void of this radius fits.
    fn fraction(&self, radius_mpc_h: f64) -> f64 {
        at_least(&self.all, radius_mpc_h) as f64 / self.all.len().max(1) as f64
    }

    /// Volume in which a void of this radius fits, without a region; `None` where it fits nowhere.
    fn volume(&self, radius_mpc_h: f64, left_out: Option<usize>) -> Option<f64> {
        let out = left_out.and_then(|region| self.by_region.get(region)).map_or(0, |own| at_least(own, radius_mpc_h));
        let points = at_least(&self.all, radius_mpc_h) - out;
        (points > 0).then(|| self.sample.volume_mpc_h3() * points as f64 / self.all.len() as f64)
    }
}

fn at_least(ascending: &[f64], value: f64) -> usize {
    ascending.len() - ascending.partition_point(|clear| *clear < value)
}
