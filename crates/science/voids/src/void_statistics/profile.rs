//! The stacked density profile around voids: n(r / R_eff) / n_mean - 1.
//!
//! Galaxies and random points are counted in shells around every centre, in units of the void's own radius, and the
//! counts of all voids are summed before they are divided, so that every galaxy has the same weight (as in Hamaus,
//! Sutter & Wandelt 2014, 2014PhRvL.112y1302H). The random points take care of shells that reach out of the survey.

use super::measured::Measured;
use super::pairs::{PairBins, PointCells, count_pairs, sum_without};
use super::{Sample, VoidStatisticsError};

/// Shells.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ProfileSettings {
    /// Outer edge of the last shell in units of R_eff, above 0, at most 10.
    pub furthest_r_eff: f64,
    /// Number of shells of equal width from the centre, 1 to 1000.
    pub shells: usize,
}

impl Default for ProfileSettings {
    fn default() -> Self {
        Self { furthest_r_eff: 3.0, shells: 30 }
    }
}

/// The profile, one entry a shell.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DensityProfile {
    /// Edges of the shells in units of R_eff, one more than shells.
    pub edges_r_eff: Vec<f64>,
    /// Galaxies in each shell, of all voids.
    pub galaxies: Vec<u64>,
    /// Random points in each shell, of all voids.
    pub randoms: Vec<u64>,
    /// Density contrast, -1 where there are no galaxies.
    pub contrast: Measured,
    /// Poisson errors of the same, of one galaxy where there is none.
    pub poisson_errors: Vec<Option<f64>>,
}

/// Stacks the voids of a sample.
///
/// # Errors
/// Settings out of range.
pub fn density_profile(sample: &Sample, settings: &ProfileSettings) -> Result<DensityProfile, VoidStatisticsError> {
    let (furthest, shells) = (settings.furthest_r_eff, settings.shells);
    let wrong = |setting, expected, found: String| Err(VoidStatisticsError::Setting { setting, expected, found });
    if !(furthest > 0.0 && furthest <= 10.0) {
        return wrong("furthest_r_eff", "more than 0, at most 10", furthest.to_string());
    }
    if !(1..=1000).contains(&shells) {
        return wrong("shells", "1 to 1000", shells.to_string());
    }
    let bins = PairBins {
        count: shells,
        reach: |void: &super::VoidSphere| furthest * void.r_eff_mpc_h,
        bin: |void: &super::VoidSphere, _: [f64; 3], distance: f64| {
            Some((distance / void.r_eff_mpc_h / furthest * shells as f64) as usize)
        },
    };
    let galaxies = count_pairs(sample, &PointCells::new(&sample.galaxies), &bins);
    let randoms = count_pairs(sample, &PointCells::new(&sample.randoms), &bins);
    let expected = sample.galaxies.len() as f64 / sample.randoms.len() as f64;
    let contrast = Measured::new(sample.regions.len(), |left_out| {
        contrasts(&sum_without(&galaxies, left_out), &sum_without(&randoms, left_out), expected)
    })?;
    let (galaxies, randoms) = (sum_without(&galaxies, None), sum_without(&randoms, None));
    Ok(DensityProfile {
        edges_r_eff: (0..=shells).map(|edge| furthest * edge as f64 / shells as f64).collect(),
        poisson_errors: poisson_errors(&galaxies, &randoms, expected),
        galaxies,
        randoms,
        contrast,
    })
}

/// Galaxies against random points of the same mean density, minus 1, by bin.
pub(super) fn contrasts(galaxies: &[u64], randoms: &[u64], galaxies_per_random: f64) -> Vec<Option<f64>> {
    let ratio = |(&galaxies, &randoms): (&u64, &u64)| {
        (randoms > 0).then(|| galaxies as f64 / (randoms as f64 * galaxies_per_random) - 1.0)
    };
    galaxies.iter().zip(randoms).map(ratio).collect()
}

/// Poisson errors of [`contrasts`]: that of one galaxy where none was counted, because none does not mean certainty.
pub(super) fn poisson_errors(galaxies: &[u64], randoms: &[u64], galaxies_per_random: f64) -> Vec<Option<f64>> {
    let error = |(&galaxies, &randoms): (&u64, &u64)| {
        (randoms > 0).then(|| (galaxies.max(1) as f64).sqrt() / (randoms as f64 * galaxies_per_random))
    };
    galaxies.iter().zip(randoms).map(error).collect()
}
