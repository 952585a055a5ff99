//! From a redshift catalogue to tracers with comoving positions and a survey region.

use astro::cosmology::Cosmology;
use astro::sphere::position_mpc_h;
use rayon::prelude::*;

use super::error::VoidFinderError;
use super::region::Region;
use crate::mask::{HealpixMask, PixelMask, SkyMask};

/// How the survey's directions are found from its galaxies.
#[derive(Debug, Clone, PartialEq)]
pub enum MaskChoice {
    /// HEALPix cells that hold galaxies; `None` chooses the order from the survey's depth.
    Healpix {
        /// HEALPix order of the cells, at most 9.
        order: Option<u8>,
    },
    /// VAST's RA-Dec pixels; `None` chooses the resolution from the survey's depth.
    Pixels {
        /// Pixels a degree.
        per_degree: Option<usize>,
    },
    /// A given mask, for example from a random catalogue; galaxies outside it are no tracers.
    Given(HealpixMask),
}

/// Which galaxies are tracers and how distances are measured.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveySelection {
    /// Redshift limits, both inclusive, to single precision: most catalogues store redshifts so, and a galaxy at the
    /// limit must not fall outside by rounding.
    pub redshift: [f64; 2],
    /// Faintest absolute magnitude (inclusive) where magnitudes are given.
    pub faintest_magnitude: Option<f64>,
    /// Matter density of the flat distance scale.
    pub omega_m: f64,
    /// The mask.
    pub mask: MaskChoice,
    /// Smallest void of interest, Mpc/h: sets the mask's resolution.
    pub smallest_radius_mpc_h: f64,
}

impl Default for SurveySelection {
    fn default() -> Self {
        Self {
            redshift: [0.0, f64::INFINITY],
            faintest_magnitude: None,
            omega_m: 0.3153,
            mask: MaskChoice::Healpix { order: None },
            smallest_radius_mpc_h: 10.0,
        }
    }
}

/// Tracers and where they could have been seen.
#[derive(Debug, Clone)]
pub struct SurveySample {
    /// Comoving positions, Mpc/h.
    pub positions_mpc_h: Vec<[f64; 3]>,
    /// Input row of each tracer.
    pub rows: Vec<usize>,
    /// The survey.
    pub region: Region,
    /// Redshift limits of the region: those asked for, or where they are open those of the tracers.
    pub redshift: [f64; 2],
    /// The distance scale.
    pub cosmology: Cosmology,
}

/// Selects tracers by redshift and magnitude. The mask is made of all galaxies given, selected or not, as the sky they
/// cover does not depend on the selection.
///
/// # Errors
/// If the columns differ in length, the limits are out of order, or nothing is selected.
pub fn select_survey(
    (ra_deg, dec_deg, redshift): (&[f64], &[f64], &[f64]),
    magnitude: Option<&[f64]>,
    selection: &SurveySelection,
) -> Result<SurveySample, VoidFinderError> {
    let lengths = [ra_deg.len(), dec_deg.len(), redshift.len(), magnitude.map_or(ra_deg.len(), <[f64]>::len)];
    if lengths.iter().any(|&n| n != lengths[0]) {
        return Err(VoidFinderError::UnequalColumns { ra: lengths[0], dec: lengths[1], redshift: lengths[2] });
    }
    check_selection(selection)?;
    let bright = |row: usize| match (magnitude, selection.faintest_magnitude) {
        (Some(values), Some(faintest)) => values[row] <= faintest,
        _ => true,
    };
    let [nearest_z, furthest_z] = selection.redshift;
    let covered = |row: usize| match &selection.mask {
        MaskChoice::Given(mask) => mask.contains_deg(ra_deg[row], dec_deg[row]),
        _ => true,
    };
    let usable = |row: usize| {
        let z = redshift[row] as f32;
        ra_deg[row].is_finite() && dec_deg[row].abs() <= 90.0 && z >= nearest_z as f32 && z <= furthest_z as f32
    };
    let rows: Vec<usize> = (0..lengths[0]).filter(|&row| usable(row) && bright(row) && covered(row)).collect();
    let deepest = rows.iter().map(|&row| redshift[row]).fold(f64::NEG_INFINITY, f64::max);
    if rows.is_empty() {
        return Err(VoidFinderError::TooFewGalaxies { distinct: 0, needed: 5 });
    }
    let limits = [nearest_z.max(0.0), if furthest_z.is_finite() { furthest_z } else { deepest }];
    let cosmology = Cosmology::flat_lcdm(selection.omega_m);
    let distance_mpc_h = [limits[0], limits[1].max(deepest)].map(|z| cosmology.comoving_distance_mpc_h(z));
    let mask = make_mask(ra_deg, dec_deg, selection, distance_mpc_h[1]);
    let positions_mpc_h = rows
        .par_iter()
        .with_min_len(4096)
        .map(|&row| position_mpc_h(ra_deg[row], dec_deg[row], cosmology.comoving_distance_mpc_h(redshift[row])))
        .collect();
    let region = Region::Survey { mask: Box::new(mask), distance_mpc_h };
    Ok(SurveySample { positions_mpc_h, rows, region, redshift: limits, cosmology })
}

fn check_selection(selection: &SurveySelection) -> Result<(), VoidFinderError> {
    let [nearest, furthest] = selection.redshift;
    if nearest.is_nan() || furthest.is_nan() || nearest >= furthest || furthest <= 0.0 {
        return Err(VoidFinderError::Setting {
            name: "upper redshift limit",
            value: furthest,
            expected: "more than the lower limit and than 0",
        });
    }
    if !(selection.omega_m > 0.0 && selection.omega_m <= 1.0) {
        return Err(VoidFinderError::Setting {
            name: "omega_m",
            value: selection.omega_m,
            expected: "a density above 0, at most 1",
        });
    }
    if selection.smallest_radius_mpc_h.is_nan() || selection.smallest_radius_mpc_h <= 0.0 {
        return Err(VoidFinderError::Setting {
            name: "smallest_radius_mpc_h",
            value: selection.smallest_radius_mpc_h,
            expected: "a number above 0",
        });
    }
    Ok(())
}

fn make_mask(ra_deg: &[f64], dec_deg: &[f64], selection: &SurveySelection, furthest_mpc_h: f64) -> SkyMask {
    let smallest = selection.smallest_radius_mpc_h;
    match &selection.mask {
        MaskChoice::Pixels { per_degree } => {
            let per_degree = per_degree.unwrap_or_else(|| PixelMask::resolution(furthest_mpc_h, smallest));
            PixelMask::from_galaxies(ra_deg, dec_deg, per_degree, true).into()
        }
        MaskChoice::Healpix { order } => {
            let order = order.unwrap_or_else(|| HealpixMask::resolution(furthest_mpc_h, smallest));
            HealpixMask::from_galaxies(ra_deg, dec_deg, order, true).into()
        }
        MaskChoice::Given(mask) => mask.clone().into(),
    }
}
