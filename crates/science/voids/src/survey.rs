//! The volume in which a void catalogue can say something: a sky footprint and distance limits.
//!
//! Outside it there are no tracers, so no statement about voids is possible; calling such galaxies "wall" is the
//! classic mistake. The footprint here is a HEALPix map of where tracers are (Gorski et al. 2005,
//! 2005ApJ...622..759G); completeness inside a cell is not modelled.

use astro::healpix::{HealpixCell, cell_count};
use astro::neighbours::PointTree;
use astro::sphere;

/// How far beyond the distance limits a galaxy may lie and still count as inside, Mpc/h: the difference between
/// distance scales that use 299792 and 299792.458 km/s, and single-precision redshifts, at DESIVAST's far side.
const DISTANCE_TOLERANCE_MPC_H: f64 = 2e-3;

/// Mean tracers per occupied cell below which gaps in the footprint would be chance, not survey.
const TRACERS_PER_CELL: usize = 25;

/// A region of space that a survey covers.
pub trait SurveyVolume: Sync {
    /// Whether a comoving position (Mpc/h) is inside, boundary included.
    fn contains(&self, position_mpc_h: [f64; 3]) -> bool;

    /// No position further than this from the observer is inside, Mpc/h.
    fn furthest_mpc_h(&self) -> f64 {
        f64::INFINITY
    }

    /// Whether any of the six points `margin_mpc_h` away along the axes is outside.
    fn near_boundary(&self, position_mpc_h: [f64; 3], margin_mpc_h: f64) -> bool {
        (0..3).any(|axis| {
            [-margin_mpc_h, margin_mpc_h].into_iter().any(|step| {
                let mut point = position_mpc_h;
                point[axis] += step;
                !self.contains(point)
            })
        })
    }
}

/// A HEALPix footprint between two distances.
#[derive(Debug, Clone)]
pub struct HealpixSurvey {
    order: u8,
    filled: Vec<bool>,
    /// For each filled cell an angle (radians) within which every direction from any point of it is filled.
    clearance_rad: Vec<f64>,
    distance_mpc_h: [f64; 2],
}

impl HealpixSurvey {
    /// The cells of `order` (at most 9) that hold at least one of the directions (RA, Dec in degrees), between two
    /// comoving distances (inclusive, Mpc/h).
    #[must_use]
    pub fn from_directions(order: u8, directions_deg: &[(f64, f64)], distance_mpc_h: [f64; 2]) -> Self {
        let order = order.min(9);
        let mut filled = vec![false; cell_count(order) as usize];
        for &(ra, dec) in directions_deg {
            if let Some(cell) = filled.get_mut(HealpixCell::at(order, ra, dec).index as usize) {
                *cell = true;
            }
        }
        Self::from_filled(order, filled, distance_mpc_h)
    }

    /// The finest order (3 to 7) at which occupied cells hold at least 25 of the directions on average.
    #[must_use]
    pub fn suitable_order(directions_deg: &[(f64, f64)]) -> u8 {
        let mut cells: Vec<u64> = directions_deg.iter().map(|&(ra, dec)| HealpixCell::at(7, ra, dec).index).collect();
        cells.sort_unstable();
        for order in (4..=7_u8).rev() {
            let shift = 2 * (7 - order);
            let occupied = cells.chunk_by(|a, b| a >> shift == b >> shift).count();
            if occupied * TRACERS_PER_CELL <= directions_deg.len() {
                return order;
            }
        }
        3
    }

    /// A mask in RING order with non-zero inside, as VAST's watershed finder writes it (HDU `MASK`); `None` when its
    /// length is not 12 * 4^order with an order up to 9.
    #[must_use]
    pub fn from_ring_mask(mask: &[i64], distance_mpc_h: [f64; 2]) -> Option<Self> {
        let order = (0..=9_u8).find(|&order| cell_count(order) as usize == mask.len())?;
        let mut filled = vec![false; mask.len()];
        for (ring, value) in (0_u64..).zip(mask) {
            if let Some(cell) = filled.get_mut(HealpixCell::from_ring(order, ring).index as usize) {
                *cell = *value != 0;
            }
        }
        Some(Self::from_filled(order, filled, distance_mpc_h))
    }

    fn from_filled(order: u8, filled: Vec<bool>, distance_mpc_h: [f64; 2]) -> Self {
        let centre = |index: usize| {
            let (ra, dec) = HealpixCell { order, index: index as u64 }.centre_deg();
            sphere::unit_vector(ra, dec)
        };
        let empty: Vec<[f64; 3]> = (0..filled.len()).filter(|&index| !filled[index]).map(centre).collect();
        let empty = PointTree::new(&empty);
        let reach = 2.0 * cell_radius_rad(order);
        let clearance_rad = (0..filled.len())
            .map(|index| match (filled[index], empty.nearest(centre(index))) {
                (false, _) => 0.0,
                (true, None) => std::f64::consts::PI,
                (true, Some((_, chord))) => (2.0 * (chord / 2.0).min(1.0).asin() - reach).max(0.0),
            })
            .collect();
        Self { order, filled, clearance_rad, distance_mpc_h }
    }

    /// Covered part of the sky, square degrees.
    #[must_use]
    pub fn area_deg2(&self) -> f64 {
        let filled = self.filled.iter().filter(|filled| **filled).count();
        astro::healpix::SKY_DEG2 * filled as f64 / self.filled.len() as f64
    }

    /// Nearest and furthest comoving distance, Mpc/h.
    #[must_use]
    pub fn distance_mpc_h(&self) -> [f64; 2] {
        self.distance_mpc_h
    }

    /// Covered volume, (Mpc/h)^3.
    #[must_use]
    pub fn volume_mpc_h3(&self) -> f64 {
        let [near, far] = self.distance_mpc_h;
        self.area_deg2().to_radians().to_radians() * (far.powi(3) - near.powi(3)) / 3.0
    }

    /// HEALPix order of the footprint.
    #[must_use]
    pub fn order(&self) -> u8 {
        self.order
    }

    fn cell(&self, position_mpc_h: [f64; 3]) -> usize {
        let (ra, dec) = sphere::ra_dec_deg(position_mpc_h);
        HealpixCell::at(self.order, ra, dec).index as usize
    }
}

impl SurveyVolume for HealpixSurvey {
    fn contains(&self, position_mpc_h: [f64; 3]) -> bool {
        let distance = sphere::norm(position_mpc_h);
        distance >= self.distance_mpc_h[0] - DISTANCE_TOLERANCE_MPC_H
            && distance <= self.distance_mpc_h[1] + DISTANCE_TOLERANCE_MPC_H
            && self.filled.get(self.cell(position_mpc_h)).is_some_and(|filled| *filled)
    }

    fn furthest_mpc_h(&self) -> f64 {
        self.distance_mpc_h[1] + DISTANCE_TOLERANCE_MPC_H
    }

    fn near_boundary(&self, position_mpc_h: [f64; 3], margin_mpc_h: f64) -> bool {
        let distance = sphere::norm(position_mpc_h);
        // Deep inside one look-up is enough: the six points stay within these distances and this angle.
        let deep = distance > margin_mpc_h
            && distance - margin_mpc_h >= self.distance_mpc_h[0]
            && distance + margin_mpc_h <= self.distance_mpc_h[1]
            && self
                .clearance_rad
                .get(self.cell(position_mpc_h))
                .is_some_and(|clearance| (margin_mpc_h / distance).asin() < *clearance);
        !deep && six_points_leave(self, position_mpc_h, margin_mpc_h)
    }
}

fn six_points_leave(volume: &HealpixSurvey, position_mpc_h: [f64; 3], margin_mpc_h: f64) -> bool {
    struct Plain<'a>(&'a HealpixSurvey);
    impl SurveyVolume for Plain<'_> {
        fn contains(&self, position_mpc_h: [f64; 3]) -> bool {
            self.0.contains(position_mpc_h)
        }
    }
    Plain(volume).near_boundary(position_mpc_h, margin_mpc_h)
}

/// Largest angle between a cell's centre and its corners (Gorski et al. 2005, section 5), radians.
fn cell_radius_rad(order: u8) -> f64 {
    let nside = f64::from(1_u32 << order);
    let at = |z: f64, phi: f64| {
        let across = (1.0 - z * z).sqrt();
        [across * phi.cos(), across * phi.sin(), z]
    };
    let a = at(2.0 / 3.0, std::f64::consts::PI / (4.0 * nside));
    let b = at(1.0 - (1.0 - 1.0 / nside).powi(2) / 3.0, 0.0);
    a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>().clamp(-1.0, 1.0).acos()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cap() -> HealpixSurvey {
        let directions: Vec<(f64, f64)> =
            (0..40_000).map(|i| (f64::from(i % 200) * 0.6 - 30.0, f64::from(i / 200) * 0.4 - 10.0)).collect();
        HealpixSurvey::from_directions(5, &directions, [50.0, 300.0])
    }

    #[test]
    fn cell_radius_bounds_every_corner_seen() {
        // Order 0: the polar cells reach 48.19 degrees from their centres, acos(2/3).
        assert!((cell_radius_rad(0).to_degrees() - 48.189_685).abs() < 1e-5, "{}", cell_radius_rad(0).to_degrees());
    }

    proptest! {
        #[test]
        fn short_cut_never_changes_the_answer(x in -320.0..320.0_f64, y in -320.0..320.0_f64, z in -100.0..320.0_f64) {
            let survey = cap();
            prop_assert_eq!(survey.near_boundary([x, y, z], 10.0), six_points_leave(&survey, [x, y, z], 10.0));
        }
    }
}
