//! The volume that the simulated void catalogues cover: one cap, to the redshift where the tracers end.

use super::{Cap, LightCone};
use astro::sphere;

/// DESIVAST's volume-limited sample ends here (arXiv:2411.00148).
const REDSHIFT_MAX: f64 = 0.24;

/// Holes in the mask smaller than this radius are filled, degrees: a void finder's mask is coarser than a star.
const LEAST_MASK_HOLE_DEG: f64 = 1.0;

/// Distance of the points that tell whether a void is near the boundary, Mpc/h (VoidFinder's edge flag 2).
const NEAR_MPC_H: f64 = 10.0;

/// One cap of the volume-limited survey.
pub(super) struct Survey<'a> {
    pub(super) sky: &'a LightCone,
    pub(super) cap: Cap,
    pub(super) redshift_max: f64,
    pub(super) distance_max_mpc_h: f64,
}

impl<'a> Survey<'a> {
    pub(super) fn new(sky: &'a LightCone, cap: Cap) -> Self {
        let redshift_max = REDSHIFT_MAX.min(sky.parameters.redshift_max);
        let distance_max_mpc_h = sky.cosmology().comoving_distance_mpc_h(redshift_max);
        Self { sky, cap, redshift_max, distance_max_mpc_h }
    }

    pub(super) fn contains(&self, place: [f64; 3]) -> bool {
        if sphere::norm(place) > self.distance_max_mpc_h {
            return false;
        }
        let (ra_deg, dec_deg) = sphere::ra_dec_deg(place);
        self.sky.footprint.cap_at_beyond(ra_deg, dec_deg, LEAST_MASK_HOLE_DEG) == Some(self.cap)
    }

    /// Is some of the six places at a distance along the axes outside?
    pub(super) fn leaves(&self, place: [f64; 3], distance_mpc_h: f64) -> bool {
        (0..6).any(|way| {
            let mut moved = place;
            moved[way / 2] += if way % 2 == 0 { distance_mpc_h } else { -distance_mpc_h };
            !self.contains(moved)
        })
    }

    pub(super) fn is_near_boundary(&self, place: [f64; 3]) -> bool {
        self.leaves(place, NEAR_MPC_H)
    }

    /// Corners of a box, along the axes, that holds the cap's volume and `pad_mpc_h` around it.
    pub(super) fn bounds(&self, pad_mpc_h: f64) -> [[f64; 3]; 2] {
        const STEPS: i32 = 60;
        let limits = self.sky.footprint.caps[self.cap as usize];
        let (mut low, mut high) = ([0.0_f64; 3], [0.0_f64; 3]);
        for row in 0..=STEPS {
            let sin_dec =
                limits.sin_dec[0] + f64::from(row) / f64::from(STEPS) * (limits.sin_dec[1] - limits.sin_dec[0]);
            for column in 0..=STEPS {
                let offset = 2.0 * f64::from(column) / f64::from(STEPS) - 1.0;
                let ra_deg = limits.ra_centre_deg + offset * limits.ra_half_width_deg;
                let corner = sphere::position_mpc_h(ra_deg, sin_dec.asin().to_degrees(), self.distance_max_mpc_h);
                for axis in 0..3 {
                    low[axis] = low[axis].min(corner[axis]);
                    high[axis] = high[axis].max(corner[axis]);
                }
            }
        }
        [low.map(|x| x - pad_mpc_h), high.map(|x| x + pad_mpc_h)]
    }
}
