//! The part of the sky a survey covers, as HEALPix cells.

use astro::HealpixCell;
use astro::sphere::ra_dec_deg;

use crate::mask::HealpixMask;

/// Knows which directions a survey covers.
pub trait Coverage: Sync {
    /// Whether the direction of a position (any unit) is covered.
    fn covers(&self, position: [f64; 3]) -> bool;
}

/// HEALPix cells (nested, Gorski et al. 2005, doi:10.1086/427976) that belong to the survey, each with its completeness.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprint {
    mask: HealpixMask,
}

impl From<HealpixMask> for Footprint {
    fn from(mask: HealpixMask) -> Self {
        Self { mask }
    }
}

impl Footprint {
    /// The cells of an order (`nside` = 2^order, at most 9) that hold at least one of the positions. Positions that are
    /// not finite or have a declination beyond the poles are passed over.
    pub fn of_positions(order: u8, positions_deg: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (ra_deg, dec_deg): (Vec<f64>, Vec<f64>) =
            positions_deg.into_iter().filter(|(ra, dec)| ra.is_finite() && dec.abs() <= 90.0).unzip();
        Self { mask: HealpixMask::from_galaxies(&ra_deg, &dec_deg, order, false) }
    }

    /// Whether a direction is covered. Degrees; false for one that is not finite.
    pub fn contains_deg(&self, ra_deg: f64, dec_deg: f64) -> bool {
        self.completeness_deg(ra_deg, dec_deg) > 0.0
    }

    /// Completeness of a direction, 0 outside. Degrees.
    pub fn completeness_deg(&self, ra_deg: f64, dec_deg: f64) -> f64 {
        if ra_deg.is_finite() && dec_deg.abs() <= 90.0 { self.mask.completeness_deg(ra_deg, dec_deg) } else { 0.0 }
    }

    /// HEALPix order.
    pub fn order(&self) -> u8 {
        self.mask.order()
    }

    /// Covered part of the sky, steradian.
    pub fn area_sr(&self) -> f64 {
        let cells = self.mask.completeness();
        let covered = cells.iter().filter(|&&completeness| completeness > 0.0).count();
        4.0 * std::f64::consts::PI * covered as f64 / cells.len() as f64
    }

    /// The map in RING order, 1 for covered cells, as the catalogue files keep it.
    pub fn ring_map(&self) -> Vec<i64> {
        let cells = self.mask.completeness();
        let nested = |ring: u64| HealpixCell::from_ring(self.mask.order(), ring).index as usize;
        (0..cells.len() as u64).map(|ring| i64::from(cells[nested(ring)] > 0.0)).collect()
    }
}

impl Coverage for Footprint {
    fn covers(&self, position: [f64; 3]) -> bool {
        let (ra, dec) = ra_dec_deg(position);
        self.contains_deg(ra, dec)
    }
}

impl Coverage for crate::mask::SkyMask {
    fn covers(&self, position: [f64; 3]) -> bool {
        self.contains(position)
    }
}
