//! Void finders on a galaxy catalogue: tracers are selected, voids found, and told in DESIVAST's form.
//!
//! What `voids find` and a study share. How voids are found is in [`crate::voidfinder`] and [`crate::watershed`]; the
//! tracers' limits follow the samples of DESIVAST (arXiv:2411.00148); [`find_voids_in_box`] is for simulations. No files
//! here.

mod cuboid;

pub use cuboid::{BoxSettings, FoundInBox, find_voids_in_box};

use archive::Progress;
use desi::desivast::{Algorithm, SurveyLimits, VoidCatalogue, VoidFinderCatalogue};
use serde::{Deserialize, Serialize};

use crate::galaxies::GalaxyTable;
use crate::mask::HealpixMask;
use crate::voidfinder::{self, MaskChoice, Region, SurveySelection, VoidFinderError, select_survey};
use crate::watershed::{
    self, CatalogueRequest, Footprint, Galaxies, Pruning, SurveyCuts, SurveySample, WatershedError,
};

/// HEALPix order of the watershed's footprint: `nside` 32, as in DESIVAST.
const FOOTPRINT_ORDER: u8 = 5;

/// How VoidFinder's sky mask is made of the galaxies where none is given; the watershed's is always HEALPix of order 5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FinderMask {
    /// HEALPix cells that hold galaxies.
    #[default]
    Healpix,
    /// VAST's right ascension-declination pixels.
    Pixels,
}

/// Tracers and parameters of a finder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FinderSettings {
    /// Redshift limits of the tracers: VoidFinder includes them, the watershed does not. The upper one may be infinite.
    pub redshift: [f64; 2],
    /// Faintest absolute magnitude of a tracer.
    pub magnitude_limit: Option<f64>,
    /// Matter density of the flat distance scale.
    pub omega_m: f64,
    /// VoidFinder's mask.
    pub mask: FinderMask,
    /// Voids are larger than this, Mpc/h.
    pub least_radius_mpc_h: f64,
    /// Whether the surfaces of VIDE's and REVOLVER's voids are made, as triangles.
    pub surfaces: bool,
    /// Seed of VoidFinder's effective radii.
    pub seed: u64,
}

impl Default for FinderSettings {
    fn default() -> Self {
        Self {
            redshift: [0.0, f64::INFINITY],
            magnitude_limit: None,
            omega_m: 0.3153,
            mask: FinderMask::default(),
            least_radius_mpc_h: 10.0,
            surfaces: true,
            seed: voidfinder::Settings::default().seed,
        }
    }
}

/// One catalogue, and how it came about.
#[derive(Debug, Clone)]
pub struct Found {
    /// The voids.
    pub catalogue: VoidCatalogue,
    /// Galaxies that were selected as tracers.
    pub tracers: usize,
    /// Counts along the way, by name.
    pub counts: serde_json::Value,
}

/// Voids that could not be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FinderError {
    /// A magnitude limit for galaxies without magnitudes.
    #[error(
        "cannot select tracers brighter than {limit}: the galaxies have no absolute magnitude\nhint: name its column, or leave the limit out where the sample is volume-limited"
    )]
    NoMagnitude {
        /// The limit.
        limit: f64,
    },
    /// A box without volume.
    #[error(
        "cannot use the box from {low_mpc_h:?} to {high_mpc_h:?}: expected finite corners, the second above the first on every axis"
    )]
    EmptyBox {
        /// Lowest corner, Mpc/h.
        low_mpc_h: [f64; 3],
        /// Highest corner, Mpc/h.
        high_mpc_h: [f64; 3],
    },
    /// A galaxy outside the box.
    #[error(
        "cannot find voids: galaxy {row} at {position_mpc_h:?} lies outside the box from {low_mpc_h:?} to {high_mpc_h:?}\nhint: give the box that the galaxies fill, in Mpc/h; `--corner X,Y,Z` where it does not begin at 0"
    )]
    OutsideBox {
        /// Row of the galaxy, from 0.
        row: usize,
        /// Its position, Mpc/h.
        position_mpc_h: [f64; 3],
        /// Lowest corner, Mpc/h.
        low_mpc_h: [f64; 3],
        /// Highest corner, Mpc/h.
        high_mpc_h: [f64; 3],
    },
    /// Not enough tracers in a box.
    #[error(
        "cannot find voids among {distinct} distinct galaxies, expected at least {needed}\nhint: check the columns, their units (Mpc/h) and the magnitude limit"
    )]
    TooFew {
        /// Galaxies at different positions.
        distinct: usize,
        /// How many are needed.
        needed: usize,
    },
    /// VoidFinder.
    #[error(transparent)]
    VoidFinder(#[from] VoidFinderError),
    /// The watershed.
    #[error(transparent)]
    Watershed(#[from] WatershedError),
    /// Counts that cannot be told.
    #[error("cannot write down the counts of a finder: {0}")]
    Counts(#[from] serde_json::Error),
}

/// Finds voids by the algorithms asked for, each once, in the order of [`Algorithm`]; one watershed serves its prunings.
///
/// # Errors
/// A magnitude limit without magnitudes, settings out of range, or too few tracers.
pub fn find_voids(
    galaxies: &GalaxyTable,
    algorithms: &[Algorithm],
    settings: &FinderSettings,
    progress: &dyn Progress,
) -> Result<Vec<Found>, FinderError> {
    find_voids_within(galaxies, None, (algorithms, settings), progress)
}

/// As [`find_voids`], where a mask, if there is one, says which sky was observed and how completely. Galaxies outside it
/// are no tracers, and no void reaches out of it. VoidFinder takes what is inside as complete; the watershed weights
/// each tracer by the inverse of the completeness at its place.
///
/// # Errors
/// As [`find_voids`].
pub fn find_voids_within(
    galaxies: &GalaxyTable,
    mask: Option<&HealpixMask>,
    (algorithms, settings): (&[Algorithm], &FinderSettings),
    progress: &dyn Progress,
) -> Result<Vec<Found>, FinderError> {
    if let (Some(limit), None) = (settings.magnitude_limit, &galaxies.absolute_magnitude) {
        return Err(FinderError::NoMagnitude { limit });
    }
    let mut found = Vec::new();
    if algorithms.contains(&Algorithm::VoidFinder) {
        found.push(by_spheres(galaxies, mask, settings, progress)?);
    }
    found.extend(by_zones(galaxies, mask, (algorithms, settings), progress)?);
    Ok(found)
}

fn by_spheres(
    galaxies: &GalaxyTable,
    mask: Option<&HealpixMask>,
    settings: &FinderSettings,
    progress: &dyn Progress,
) -> Result<Found, FinderError> {
    let selection = SurveySelection {
        redshift: settings.redshift,
        faintest_magnitude: settings.magnitude_limit,
        omega_m: settings.omega_m,
        mask: match (mask, settings.mask) {
            (Some(mask), _) => MaskChoice::Given(mask.clone()),
            (None, FinderMask::Healpix) => MaskChoice::Healpix { order: None },
            (None, FinderMask::Pixels) => MaskChoice::Pixels { per_degree: None },
        },
        smallest_radius_mpc_h: settings.least_radius_mpc_h,
    };
    let columns = (&galaxies.ra_deg[..], &galaxies.dec_deg[..], &galaxies.redshift[..]);
    let sample = select_survey(columns, galaxies.absolute_magnitude.as_deref(), &selection)?;
    let rules = voidfinder::Settings {
        smallest_maximal_mpc_h: settings.least_radius_mpc_h,
        seed: settings.seed,
        ..voidfinder::Settings::default()
    };
    let voids = voidfinder::find(&sample.positions_mpc_h, &sample.region, &rules, progress)?;
    let distance_mpc_h = match &sample.region {
        Region::Survey { distance_mpc_h, .. } => *distance_mpc_h,
        _ => sample.redshift.map(|z| sample.cosmology.comoving_distance_mpc_h(z)),
    };
    let limits = SurveyLimits { omega_m: settings.omega_m, distance_mpc_h, redshift: sample.redshift };
    let counts = with_void_share(&voids, &sample.region, settings.seed)?;
    let (maximals, holes) = (voids.maximals, voids.holes);
    let catalogue = VoidCatalogue::VoidFinder(VoidFinderCatalogue { limits, maximals, holes });
    Ok(Found { catalogue, tracers: sample.rows.len(), counts })
}

/// VoidFinder's counts, with the share of the volume that is in voids, near the boundary and away from it.
fn with_void_share(
    found: &voidfinder::FoundVoids,
    region: &Region,
    seed: u64,
) -> Result<serde_json::Value, FinderError> {
    const DEPTH_MPC_H: f64 = 30.0;
    let mut counts = serde_json::to_value(&found.counts)?;
    counts["volume_in_voids"] =
        serde_json::to_value(voidfinder::void_volume_fraction(&found.holes, region, DEPTH_MPC_H, seed))?;
    Ok(counts)
}

/// The prunings among the algorithms, in the order of tables.
fn prunings(algorithms: &[Algorithm]) -> Vec<Pruning> {
    let all = [Pruning::Vide, Pruning::Zobov, Pruning::Revolver];
    all.into_iter().filter(|pruning| algorithms.contains(&pruning.algorithm())).collect()
}

/// The prunings asked for, of one watershed.
fn by_zones(
    galaxies: &GalaxyTable,
    mask: Option<&HealpixMask>,
    (algorithms, settings): (&[Algorithm], &FinderSettings),
    progress: &dyn Progress,
) -> Result<Vec<Found>, FinderError> {
    let prunings = prunings(algorithms);
    if prunings.is_empty() {
        return Ok(Vec::new());
    }
    let columns = Galaxies {
        ra_deg: &galaxies.ra_deg,
        dec_deg: &galaxies.dec_deg,
        redshift: &galaxies.redshift,
        absolute_magnitude: galaxies.absolute_magnitude.as_deref(),
        target: galaxies.target_id.as_deref(),
    };
    let cuts = SurveyCuts {
        redshift: closed(settings.redshift, &galaxies.redshift),
        faintest_magnitude: settings.magnitude_limit,
        omega_m: settings.omega_m,
        footprint_order: FOOTPRINT_ORDER,
    };
    let sample = SurveySample::new(&columns, cuts, mask.cloned().map(Footprint::from))?;
    let watershed = sample.find(progress)?;
    let rules = watershed::Settings { min_radius_mpc_h: settings.least_radius_mpc_h, ..watershed::Settings::default() };
    let areas = watershed.zone_areas();
    let counts = serde_json::json!({
        "tracers": sample.tracers().len(),
        "zones": watershed.zones().len(),
        "pre_voids": watershed.hierarchy().pre_voids().len(),
    });
    let of = |pruning: Pruning| {
        // DESIVAST draws no surfaces of ZOBOV's voids either: they hold each other.
        let triangles = settings.surfaces && pruning != Pruning::Zobov;
        let request = CatalogueRequest { pruning, settings: rules.clone(), areas: Some(&areas), triangles };
        let catalogue = VoidCatalogue::Zones(watershed.catalogue(&sample, &request));
        Found { catalogue, tracers: sample.tracers().len(), counts: counts.clone() }
    };
    Ok(prunings.into_iter().map(of).collect())
}

/// The limits with an open upper one put just above the furthest galaxy, because the watershed excludes its limits.
fn closed([low, high]: [f64; 2], redshift: &[f64]) -> [f64; 2] {
    let furthest = redshift.iter().copied().fold(low, f64::max);
    [low, if high.is_finite() { high } else { furthest.next_up() }]
}
