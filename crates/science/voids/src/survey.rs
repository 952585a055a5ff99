//! The volume in which a void catalogue can say something: a sky footprint and distance limits.
//!
//! Outside it there are no tracers, so no statement about voids is possible; calling such galaxies "wall" is the
//! classic mistake. The sky is a [`HealpixMask`]: cells that hold tracers, or a mask that was given.

use astro::sphere;

use crate::mask::{Clearance, HealpixMask, finest_order};

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
    mask: HealpixMask,
    /// By cell an angle within which every direction from any point of it is inside.
    clearance: Clearance,
    distance_mpc_h: [f64; 2],
}

impl HealpixSurvey {
    /// The sky of a mask, between two comoving distances (inclusive, Mpc/h).
    #[must_use]
    pub fn new(mask: HealpixMask, distance_mpc_h: [f64; 2]) -> Self {
        Self { clearance: mask.clearance(), mask, distance_mpc_h }
    }

    /// The cells of `order` (at most 9) that hold at least one of the directions (RA, Dec in degrees), between two
    /// comoving distances (inclusive, Mpc/h).
    #[must_use]
    pub fn from_directions(order: u8, directions_deg: &[(f64, f64)], distance_mpc_h: [f64; 2]) -> Self {
        let (ra_deg, dec_deg): (Vec<f64>, Vec<f64>) = directions_deg.iter().copied().unzip();
        Self::new(HealpixMask::from_galaxies(&ra_deg, &dec_deg, order, false), distance_mpc_h)
    }

    /// The finest order (3 to 7) at which occupied cells hold at least 25 of the directions on average.
    #[must_use]
    pub fn suitable_order(directions_deg: &[(f64, f64)]) -> u8 {
        finest_order(directions_deg.iter().copied(), TRACERS_PER_CELL, 3..=7)
    }

    /// The sky that is covered.
    #[must_use]
    pub fn mask(&self) -> &HealpixMask {
        &self.mask
    }

    /// Covered part of the sky, square degrees.
    #[must_use]
    pub fn area_deg2(&self) -> f64 {
        self.mask.area_deg2()
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
        self.mask.order()
    }

    /// Completeness of the sky in the direction of a position, 0 to 1.
    #[must_use]
    pub fn completeness(&self, position_mpc_h: [f64; 3]) -> f64 {
        self.mask.completeness().get(self.cell(position_mpc_h)).copied().unwrap_or(0.0)
    }

    fn cell(&self, position_mpc_h: [f64; 3]) -> usize {
        let (ra, dec) = sphere::ra_dec_deg(position_mpc_h);
        self.mask.index_of(ra, dec)
    }
}

impl SurveyVolume for HealpixSurvey {
    fn contains(&self, position_mpc_h: [f64; 3]) -> bool {
        let distance = sphere::norm(position_mpc_h);
        distance >= self.distance_mpc_h[0] - DISTANCE_TOLERANCE_MPC_H
            && distance <= self.distance_mpc_h[1] + DISTANCE_TOLERANCE_MPC_H
            && self.mask.completeness().get(self.cell(position_mpc_h)).is_some_and(|completeness| *completeness > 0.0)
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
            && (margin_mpc_h / distance).asin() < self.clearance.of(self.cell(position_mpc_h));
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cap() -> HealpixSurvey {
        let directions: Vec<(f64, f64)> =
            (0..40_000).map(|i| (f64::from(i % 200) * 0.6 - 30.0, f64::from(i / 200) * 0.4 - 10.0)).collect();
        HealpixSurvey::from_directions(5, &directions, [50.0, 300.0])
    }

    proptest! {
        #[test]
        fn short_cut_never_changes_the_answer(x in -320.0..320.0_f64, y in -320.0..320.0_f64, z in -100.0..320.0_f64) {
            let survey = cap();
            prop_assert_eq!(survey.near_boundary([x, y, z], 10.0), six_points_leave(&survey, [x, y, z], 10.0));
        }
    }
}
