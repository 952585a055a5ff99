//! Statistics of voids themselves: size function, stacked density profile, void-galaxy cross-correlation.
//!
//! All errors are jackknife errors over HEALPix cells, or parts of a box, of the void centres (Norberg et al. 2009,
//! doi:10.1111/j.1365-2966.2009.14389.x): a region takes its voids out, not the galaxies around the voids of its
//! neighbours; no error is drawn smaller than the Poisson noise of the galaxies counted. Random points follow the
//! completeness of the sky and the smoothed density of the galaxies with distance; in a box they are uniform. Nothing
//! is fitted here, and the statistics of galaxies in voids are elsewhere.

mod correlation;
mod error;
mod figures;
mod measured;
mod pairs;
mod profile;
mod randoms;
mod sample;
mod size_function;
#[cfg(test)]
mod tests;
mod volume;

pub use correlation::{CorrelationSettings, CrossCorrelation, cross_correlation};
pub use error::VoidStatisticsError;
pub use figures::save;
pub use measured::Measured;
pub use profile::{DensityProfile, ProfileSettings, density_profile};
pub use randoms::{
    RadialDensity, random_distances_like, random_positions, random_positions_in_box, random_positions_like,
};
pub use sample::{Randoms, Sample, SampleSettings, VoidSphere};
pub use size_function::{SizeFunction, SizeSettings, size_function};
pub use volume::Volume;

use astro::cosmology::Cosmology;
use astro::sphere;
use desi::desivast::{BoxCatalogue, BoxLimits, SurveyLimits, VoidCatalogue};
use rayon::prelude::*;

use crate::catalogue::{VoidEntry, VoidTable, algorithm_name};
use crate::galaxies::{GalaxyTable, RandomTable};
use crate::mask::HealpixMask;
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
    /// Where they lie.
    #[serde(flatten)]
    pub extent: Extent,
    /// Volume of the survey or the box, (Mpc/h)^3.
    pub volume_mpc_h3: f64,
    /// Voids in the catalogue.
    pub catalogue_voids: usize,
    /// Voids in profile and correlation.
    pub stacked_voids: usize,
    /// Median effective radius of those, Mpc/h.
    pub median_r_eff_mpc_h: f64,
    /// Galaxies inside the volume.
    pub galaxies: usize,
    /// Random points inside the volume.
    pub randoms: usize,
    /// Jackknife regions that hold a stacked void.
    pub regions: usize,
    /// Number density by radius.
    pub size: SizeFunction,
    /// Stacked density contrast.
    pub profile: DensityProfile,
    /// Cross-correlation with the galaxies.
    pub correlation: CrossCorrelation,
}

/// The extent of a survey or a box.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Extent {
    /// A footprint between two distances.
    Survey {
        /// Matter density of the distance scale.
        omega_m: f64,
        /// Nearest and furthest comoving distance, Mpc/h.
        distance_mpc_h: [f64; 2],
        /// Footprint, square degrees.
        area_deg2: f64,
        /// Footprint with each cell weighted by its completeness, square degrees.
        effective_area_deg2: f64,
    },
    /// A box.
    Box {
        /// Lowest corner, Mpc/h.
        box_low_mpc_h: [f64; 3],
        /// Highest corner, Mpc/h.
        box_high_mpc_h: [f64; 3],
        /// Whether opposite faces are the same place.
        periodic: bool,
    },
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

/// What is known of the observed sky beside the galaxies.
#[derive(Debug, Clone, Default)]
pub struct Sky {
    /// Its mask; where there is none, the cells that galaxies surround, see [`HealpixMask::within_galaxies`].
    pub mask: Option<HealpixMask>,
    /// A random catalogue.
    pub randoms: Option<RandomTable>,
}

/// Measures the voids of one algorithm (its caps together) against the galaxies they were found in.
///
/// # Errors
/// The catalogues are of several algorithms or distance scales, no galaxy is within their limits, too few voids are
/// left, or a setting is out of range.
pub fn measure(
    parts: &[VoidCatalogue],
    galaxies: &GalaxyTable,
    sky: &Sky,
    settings: &Settings,
) -> Result<VoidStatistics, VoidStatisticsError> {
    let table = VoidTable::new(parts, settings.edge_area_fraction)?;
    let (omega_m, distance_mpc_h) = common_limits(parts)?;
    let cosmology = Cosmology::flat_lcdm(omega_m);
    let positions = positions(&cosmology, (&galaxies.ra_deg, &galaxies.dec_deg), &galaxies.redshift);
    let survey = match &sky.mask {
        Some(mask) => HealpixSurvey::new(mask.clone(), distance_mpc_h),
        None => HealpixSurvey::new(HealpixMask::within_galaxies(&galaxies.ra_deg, &galaxies.dec_deg), distance_mpc_h),
    };
    let randoms = match &sky.randoms {
        None => Randoms::Drawn,
        Some(RandomTable { ra_deg, dec_deg, redshift: None }) => Randoms::Directions(pairs_of(ra_deg, dec_deg)),
        Some(RandomTable { ra_deg, dec_deg, redshift: Some(redshift) }) => {
            Randoms::Positions(self::positions(&cosmology, (ra_deg, dec_deg), redshift))
        }
    };
    let extent = Extent::Survey {
        omega_m,
        distance_mpc_h,
        area_deg2: survey.area_deg2(),
        effective_area_deg2: survey.mask().effective_area_deg2(),
    };
    of_table(&table, &positions, (&Volume::Survey(Box::new(survey)), extent, &randoms), settings)
}

/// Measures the voids of a box against the galaxies (comoving Mpc/h) they were found in. The line of sight is the z axis.
///
/// # Errors
/// No galaxy is in the box, too few voids are left, or a setting is out of range.
pub fn measure_in_box(
    catalogue: &BoxCatalogue,
    galaxies_mpc_h: &[[f64; 3]],
    settings: &Settings,
) -> Result<VoidStatistics, VoidStatisticsError> {
    let table = VoidTable::in_box(catalogue, settings.edge_area_fraction);
    let BoxLimits { low_mpc_h, high_mpc_h, periodic } = catalogue.limits;
    let extent = Extent::Box { box_low_mpc_h: low_mpc_h, box_high_mpc_h: high_mpc_h, periodic };
    of_table(&table, galaxies_mpc_h, (&Volume::Box(catalogue.limits), extent, &Randoms::Drawn), settings)
}

fn of_table(
    table: &VoidTable,
    galaxies_mpc_h: &[[f64; 3]],
    (volume, extent, randoms): (&Volume, Extent, &Randoms),
    settings: &Settings,
) -> Result<VoidStatistics, VoidStatisticsError> {
    let sample = |edge: bool| {
        let kept = table.voids.iter().filter(|void| edge || !void.edge);
        let sphere = |void: &VoidEntry| VoidSphere { centre_mpc_h: void.centre_mpc_h, r_eff_mpc_h: void.r_eff_mpc_h };
        Sample::new(&kept.map(sphere).collect::<Vec<_>>(), galaxies_mpc_h, (volume, randoms), &settings.sample)
    };
    let (all, stacked) = (sample(true)?, sample(settings.edge_voids)?);
    let radii: Vec<f64> = stacked.voids.iter().map(|void| void.r_eff_mpc_h).collect();
    Ok(VoidStatistics {
        algorithm: algorithm_name(table.algorithm),
        extent,
        volume_mpc_h3: volume.volume_mpc_h3(),
        catalogue_voids: table.voids.len(),
        stacked_voids: stacked.void_count(),
        median_r_eff_mpc_h: astro::statistics::median(&radii)?,
        galaxies: stacked.galaxy_count(),
        randoms: stacked.randoms.len(),
        regions: stacked.region_count(),
        size: size_function(&all, &settings.size)?,
        profile: density_profile(&stacked, &settings.profile)?,
        correlation: cross_correlation(&stacked, &settings.correlation)?,
    })
}

fn pairs_of(ra_deg: &[f64], dec_deg: &[f64]) -> Vec<(f64, f64)> {
    ra_deg.iter().copied().zip(dec_deg.iter().copied()).collect()
}

fn positions(cosmology: &Cosmology, (ra_deg, dec_deg): (&[f64], &[f64]), redshift: &[f64]) -> Vec<[f64; 3]> {
    let place = |((&ra, &dec), &z): ((&f64, &f64), &f64)| {
        sphere::position_mpc_h(ra, dec, cosmology.comoving_distance_mpc_h(z.max(0.0)))
    };
    ra_deg.par_iter().zip(dec_deg).zip(redshift).map(place).collect()
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
