//! Statistics of voids themselves: size function, stacked density profile, void-galaxy cross-correlation.
//!
//! All errors are jackknife errors over HEALPix cells of the void centres (Norberg et al. 2009,
//! doi:10.1111/j.1365-2966.2009.14389.x): a region takes its voids out, not the galaxies around the voids of its
//! neighbours. Random points are uniform between the catalogue's distance limits in the footprint of the galaxies, so
//! the galaxies must be volume-limited. Nothing is fitted here, and the statistics of galaxies in voids are elsewhere.

mod correlation;
mod error;
mod figures;
mod measured;
mod pairs;
mod profile;
mod sample;
mod size_function;
#[cfg(test)]
mod tests;

pub use correlation::{CorrelationSettings, CrossCorrelation, cross_correlation};
pub use error::VoidStatisticsError;
pub use figures::save;
pub use measured::Measured;
pub use profile::{DensityProfile, ProfileSettings, density_profile};
pub use sample::{Sample, SampleSettings, VoidSphere, random_positions};
pub use size_function::{SizeFunction, SizeSettings, size_function};

use astro::cosmology::Cosmology;
use astro::sphere;
use desi::desivast::{SurveyLimits, VoidCatalogue};
use rayon::prelude::*;

use crate::catalogue::{VoidTable, algorithm_name};
use crate::galaxies::GalaxyTable;
use crate::survey::HealpixSurvey;

/// What to measure, and how.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Settings {
    /// Regions and random points.
    pub sample: SampleSettings,
    /// Whether voids flagged as touching the survey edge enter profile and correlation. The size function takes every
    /// void that fits into the survey, whatever its flag.
    pub edge_voids: bool,
    /// Part of a watershed void's surface that may lie against the edge before it counts as touching it.
    pub edge_area_fraction: f64,
    /// Bins of the size function.
    pub size: SizeSettings,
    /// Shells of the profile.
    pub profile: ProfileSettings,
    /// Bins of the correlation.
    pub correlation: CorrelationSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sample: SampleSettings::default(),
            edge_voids: false,
            edge_area_fraction: 0.1,
            size: SizeSettings::default(),
            profile: ProfileSettings::default(),
            correlation: CorrelationSettings::default(),
        }
    }
}

/// The statistics of the voids of one algorithm.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct VoidStatistics {
    /// Lower-case name of the algorithm.
    pub algorithm: &'static str,
    /// Matter density of the distance scale.
    pub omega_m: f64,
    /// Nearest and furthest comoving distance, Mpc/h.
    pub distance_mpc_h: [f64; 2],
    /// Footprint, square degrees.
    pub area_deg2: f64,
    /// Survey volume, (Mpc/h)^3.
    pub volume_mpc_h3: f64,
    /// Voids in the catalogue.
    pub catalogue_voids: usize,
    /// Voids in profile and correlation.
    pub stacked_voids: usize,
    /// Median effective radius of those, Mpc/h.
    pub median_r_eff_mpc_h: f64,
    /// Galaxies inside the survey.
    pub galaxies: usize,
    /// Jackknife regions that hold a stacked void.
    pub regions: usize,
    /// Number density by radius.
    pub size: SizeFunction,
    /// Stacked density contrast.
    pub profile: DensityProfile,
    /// Cross-correlation with the galaxies.
    pub correlation: CrossCorrelation,
}

impl VoidStatistics {
    /// The densest shell of the profile, the wall around the voids; `None` where no shell has a value.
    #[must_use]
    pub fn highest_shell(&self) -> Option<usize> {
        let shells = self.profile.contrast.values.iter().enumerate();
        let valued = shells.filter_map(|(shell, value)| value.map(|value| (shell, value)));
        valued.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(shell, _)| shell)
    }
}

/// Measures the voids of one algorithm (its caps together) against the galaxies they were found in.
///
/// # Errors
/// The catalogues are of several algorithms or distance scales, no galaxy is within their limits, too few voids are
/// left, or a setting is out of range.
pub fn measure(
    parts: &[VoidCatalogue],
    galaxies: &GalaxyTable,
    settings: &Settings,
) -> Result<VoidStatistics, VoidStatisticsError> {
    let table = VoidTable::new(parts, settings.edge_area_fraction)?;
    let (omega_m, distance_mpc_h) = common_limits(parts)?;
    let cosmology = Cosmology::flat_lcdm(omega_m);
    let directions: Vec<(f64, f64)> = galaxies.ra_deg.iter().copied().zip(galaxies.dec_deg.iter().copied()).collect();
    let positions: Vec<[f64; 3]> = directions
        .par_iter()
        .zip(&galaxies.redshift)
        .map(|(&(ra, dec), &z)| sphere::position_mpc_h(ra, dec, cosmology.comoving_distance_mpc_h(z.max(0.0))))
        .collect();
    let order = HealpixSurvey::suitable_order(&directions);
    let survey = HealpixSurvey::from_directions(order, &directions, distance_mpc_h);
    let spheres = |edge: bool| -> Vec<VoidSphere> {
        let kept = table.voids.iter().filter(|void| edge || !void.edge);
        kept.map(|void| VoidSphere { centre_mpc_h: void.centre_mpc_h, r_eff_mpc_h: void.r_eff_mpc_h }).collect()
    };
    let all = Sample::new(&spheres(true), &positions, survey.clone(), &settings.sample)?;
    let stacked = Sample::new(&spheres(settings.edge_voids), &positions, survey.clone(), &settings.sample)?;
    let radii: Vec<f64> = stacked.voids.iter().map(|void| void.r_eff_mpc_h).collect();
    Ok(VoidStatistics {
        algorithm: algorithm_name(table.algorithm),
        omega_m,
        distance_mpc_h,
        area_deg2: survey.area_deg2(),
        volume_mpc_h3: survey.volume_mpc_h3(),
        catalogue_voids: table.voids.len(),
        stacked_voids: stacked.void_count(),
        median_r_eff_mpc_h: astro::statistics::median(&radii)?,
        galaxies: stacked.galaxy_count(),
        regions: stacked.region_count(),
        size: size_function(&all, &settings.size)?,
        profile: density_profile(&stacked, &settings.profile)?,
        correlation: cross_correlation(&stacked, &settings.correlation)?,
    })
}

/// The distance scale that all parts share, and the widest of their distance limits.
fn common_limits(parts: &[VoidCatalogue]) -> Result<(f64, [f64; 2]), VoidStatisticsError> {
    let limits = |part: &VoidCatalogue| -> SurveyLimits {
        match part {
            VoidCatalogue::VoidFinder(catalogue) => catalogue.limits.clone(),
            VoidCatalogue::Zones(catalogue) => catalogue.limits.clone(),
        }
    };
    let mut parts = parts.iter().map(limits);
    let first = parts.next().ok_or(crate::classify::ClassifyError::NoCatalogue)?;
    let mut distance_mpc_h = first.distance_mpc_h;
    for part in parts {
        if (part.omega_m - first.omega_m).abs() > 1e-6 {
            return Err(VoidStatisticsError::Setting {
                setting: "omega_m",
                expected: "one value in all catalogues of an algorithm",
                found: format!("{} and {}", first.omega_m, part.omega_m),
            });
        }
        distance_mpc_h = [distance_mpc_h[0].min(part.distance_mpc_h[0]), distance_mpc_h[1].max(part.distance_mpc_h[1])];
    }
    Ok((first.omega_m, distance_mpc_h))
}
