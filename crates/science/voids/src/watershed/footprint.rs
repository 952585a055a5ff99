//! The part of the sky a survey covers, as HEALPix cells.

use astro::HealpixCell;
use astro::healpix::cell_count;
use astro::sphere::ra_dec_deg;

/// Knows which directions a survey covers.
pub trait Coverage: Sync {
    /// Whether the direction of a position (any unit) is covered.
    fn covers(&self, position: [f64; 3]) -> bool;
}

/// HEALPix cells (nested, Gorski et al. 2005, doi:10.1086/427976) that belong to the survey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    order: u8,
    inside: Vec<bool>,
}

impl Footprint {
    /// The cells of an order (`nside` = 2^order) that hold at least one of the positions. Positions that are not
    /// finite or have a declination beyond the poles are passed over.
    pub fn of_positions(order: u8, positions_deg: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut inside = vec![false; cell_count(order) as usize];
        for (ra, dec) in positions_deg {
            if ra.is_finite() && dec.abs() <= 90.0 {
                inside[HealpixCell::at(order, ra, dec).index as usize] = true;
            }
        }
        Self { order, inside }
    }

    /// Whether a direction is covered. Degrees; false for one that is not finite.
    pub fn contains_deg(&self, ra_deg: f64, dec_deg: f64) -> bool {
        ra_deg.is_finite()
            && dec_deg.abs() <= 90.0
            && self.inside[HealpixCell::at(self.order, ra_deg, dec_deg).index as usize]
    }

    /// HEALPix order.
    pub fn order(&self) -> u8 {
        self.order
    }

    /// Covered part of the sky, steradian.
    pub fn area_sr(&self) -> f64 {
        let covered = self.inside.iter().filter(|&&inside| inside).count();
        4.0 * std::f64::consts::PI * covered as f64 / self.inside.len() as f64
    }

    /// The map in RING order, 1 for covered cells, as the catalogue files keep it.
    pub fn ring_map(&self) -> Vec<i64> {
        (0..self.inside.len() as u64)
            .map(|ring| i64::from(self.inside[HealpixCell::from_ring(self.order, ring).index as usize]))
            .collect()
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
