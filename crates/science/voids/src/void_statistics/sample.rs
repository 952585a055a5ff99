//! What is counted: the voids, the galaxies and random points of one survey, with the jackknife regions.

use astro::sphere;
use rayon::prelude::*;

use super::randoms::{RadialDensity, random_distances_like, random_positions_like};
use super::{VoidStatisticsError, Volume};
use crate::survey::{HealpixSurvey, SurveyVolume};

/// How to count.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SampleSettings {
    /// HEALPix order of the jackknife regions, 0 to 5; the default 2 gives regions of 215 square degrees. A box is cut
    /// into 2^order parts along each side.
    pub region_order: u8,
    /// Random points for each galaxy, 1 to 1000, where there is no random catalogue.
    pub randoms_per_galaxy: usize,
    /// Standard deviation of the Gaussian by which the galaxies' density with distance is smoothed, Mpc/h, 1 to 1000.
    pub radial_smoothing_mpc_h: f64,
    /// Seed of the random points.
    pub seed: u64,
}

impl Default for SampleSettings {
    fn default() -> Self {
        Self { region_order: 2, randoms_per_galaxy: 10, radial_smoothing_mpc_h: 30.0, seed: 1 }
    }
}

/// Where the random points come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Randoms {
    /// Drawn in the survey.
    Drawn,
    /// Directions of a random catalogue (ICRS degrees).
    Directions(Vec<(f64, f64)>),
    /// Positions of a random catalogue, comoving Mpc/h.
    Positions(Vec<[f64; 3]>),
}

/// A void as the statistics see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VoidSphere {
    /// Centre, comoving Mpc/h.
    pub centre_mpc_h: [f64; 3],
    /// Effective radius, Mpc/h.
    pub r_eff_mpc_h: f64,
}

/// Voids, galaxies and random points of one volume.
#[derive(Debug, Clone)]
pub struct Sample {
    pub(super) voids: Vec<VoidSphere>,
    /// Jackknife region of each void, an index below `regions.len()`.
    pub(super) void_region: Vec<usize>,
    /// Parts of the volume (of the settings' order) that hold void centres, ascending.
    pub(super) regions: Vec<u64>,
    pub(super) galaxies: Vec<[f64; 3]>,
    pub(super) randoms: Vec<[f64; 3]>,
    pub(super) volume: Volume,
    region_order: u8,
}

impl Sample {
    /// Takes the voids and galaxies whose positions (comoving Mpc/h) are inside the volume, and random points: in a box
    /// uniform ones, in a survey such that follow its completeness and the galaxies' density with distance. Those of a
    /// random catalogue are taken as they are where they have distances, and get them where they do not.
    ///
    /// # Errors
    /// A setting out of range, no galaxy inside, or voids in fewer than two jackknife regions.
    pub fn new(
        voids: &[VoidSphere],
        galaxies_mpc_h: &[[f64; 3]],
        (volume, randoms): (&Volume, &Randoms),
        settings: &SampleSettings,
    ) -> Result<Self, VoidStatisticsError> {
        check(settings)?;
        let kept: Vec<VoidSphere> =
            voids.iter().filter(|void| void.r_eff_mpc_h > 0.0 && volume.contains(void.centre_mpc_h)).copied().collect();
        let galaxies: Vec<[f64; 3]> =
            galaxies_mpc_h.par_iter().filter(|position| volume.contains(**position)).copied().collect();
        if galaxies.is_empty() {
            return Err(VoidStatisticsError::none_inside(galaxies_mpc_h.len(), volume));
        }
        let part = |void: &VoidSphere| volume.part_of(settings.region_order, void.centre_mpc_h);
        let cells: Vec<u64> = kept.iter().map(part).collect();
        let mut regions = cells.clone();
        regions.sort_unstable();
        regions.dedup();
        if regions.len() < 2 {
            return Err(VoidStatisticsError::TooFewVoids {
                kept: kept.len(),
                voids: voids.len(),
                regions: regions.len(),
            });
        }
        let void_region = cells.iter().map(|cell| regions.partition_point(|region| region < cell)).collect();
        let drawn = galaxies.len() * settings.randoms_per_galaxy;
        let randoms = match (volume, randoms) {
            (_, Randoms::Positions(positions)) => positions.clone(),
            (Volume::Box(_), _) => volume.random_positions(drawn, settings.seed),
            (Volume::Survey(survey), Randoms::Drawn) => {
                random_positions_like(survey, &radial_density(&galaxies, survey, settings), drawn, settings.seed)
            }
            (Volume::Survey(survey), Randoms::Directions(directions)) => {
                random_distances_like(survey, &radial_density(&galaxies, survey, settings), directions, settings.seed)
            }
        };
        let randoms: Vec<[f64; 3]> = randoms.into_par_iter().filter(|position| volume.contains(*position)).collect();
        if randoms.len() < galaxies.len() {
            return Err(VoidStatisticsError::TooFewRandoms { randoms: randoms.len(), galaxies: galaxies.len() });
        }
        let (volume, region_order) = (volume.clone(), settings.region_order);
        Ok(Self { voids: kept, void_region, regions, galaxies, randoms, volume, region_order })
    }

    /// Number of voids.
    #[must_use]
    pub fn void_count(&self) -> usize {
        self.voids.len()
    }

    /// Number of galaxies.
    #[must_use]
    pub fn galaxy_count(&self) -> usize {
        self.galaxies.len()
    }

    /// Number of jackknife regions: those that hold a void centre.
    #[must_use]
    pub fn region_count(&self) -> usize {
        self.regions.len()
    }

    /// Size of the volume, (Mpc/h)^3.
    #[must_use]
    pub fn volume_mpc_h3(&self) -> f64 {
        self.volume.volume_mpc_h3()
    }

    /// Jackknife region of any position; `None` where no void of the sample has its centre.
    pub(super) fn region_of(&self, position_mpc_h: [f64; 3]) -> Option<usize> {
        self.regions.binary_search(&self.volume.part_of(self.region_order, position_mpc_h)).ok()
    }
}

fn radial_density(galaxies: &[[f64; 3]], survey: &HealpixSurvey, settings: &SampleSettings) -> RadialDensity {
    let distances: Vec<f64> = galaxies.par_iter().map(|position| sphere::norm(*position)).collect();
    RadialDensity::of(&distances, survey.distance_mpc_h(), settings.radial_smoothing_mpc_h)
}

fn check(settings: &SampleSettings) -> Result<(), VoidStatisticsError> {
    let wrong = |setting, expected, found: String| Err(VoidStatisticsError::Setting { setting, expected, found });
    if settings.region_order > 5 {
        return wrong("region_order", "0 to 5", settings.region_order.to_string());
    }
    if !(1..=1000).contains(&settings.randoms_per_galaxy) {
        return wrong("randoms_per_galaxy", "1 to 1000", settings.randoms_per_galaxy.to_string());
    }
    if !(1.0..=1000.0).contains(&settings.radial_smoothing_mpc_h) {
        return wrong("radial_smoothing_mpc_h", "1 to 1000", settings.radial_smoothing_mpc_h.to_string());
    }
    Ok(())
}
