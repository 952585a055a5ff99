//! The volume in which voids are looked for: a survey, a box, or a periodic box.

use crate::mask::SkyMask;
use crate::sphere_union::Period;

/// Where tracers could have been seen. Distances are comoving, Mpc/h.
#[derive(Debug, Clone)]
pub enum Region {
    /// A part of the sky between two distances from the observer at the origin (both inclusive).
    Survey {
        /// The directions observed.
        mask: Box<SkyMask>,
        /// Nearest and furthest distance, Mpc/h.
        distance_mpc_h: [f64; 2],
    },
    /// A box with walls.
    Box {
        /// Lowest corner, Mpc/h.
        low_mpc_h: [f64; 3],
        /// Highest corner, Mpc/h.
        high_mpc_h: [f64; 3],
    },
    /// A box whose opposite faces are the same: no boundary.
    Periodic {
        /// Lowest corner, Mpc/h.
        low_mpc_h: [f64; 3],
        /// Lengths of the sides, Mpc/h.
        side_mpc_h: [f64; 3],
    },
}

impl Region {
    /// Is the place inside?
    #[must_use]
    #[inline(always)]
    pub fn contains(&self, place_mpc_h: [f64; 3]) -> bool {
        match self {
            Self::Survey { mask, distance_mpc_h: [nearest, furthest] } => {
                let distance_sq: f64 = place_mpc_h.iter().map(|c| c * c).sum();
                let distance = distance_sq.sqrt();
                distance >= *nearest && distance <= *furthest && mask.contains(place_mpc_h)
            }
            Self::Box { low_mpc_h, high_mpc_h } => {
                (0..3).all(|a| place_mpc_h[a] >= low_mpc_h[a] && place_mpc_h[a] <= high_mpc_h[a])
            }
            Self::Periodic { .. } => place_mpc_h.iter().all(|c| c.is_finite()),
        }
    }

    /// Radius of a ball around the place that is certainly inside, Mpc/h. 0 or less where only a test of points can tell.
    #[must_use]
    #[inline(always)]
    pub fn clear_radius_mpc_h(&self, place_mpc_h: [f64; 3]) -> f64 {
        match self {
            Self::Survey { mask, distance_mpc_h: [nearest, furthest] } => {
                let distance = place_mpc_h.iter().map(|c| c * c).sum::<f64>().sqrt();
                let in_depth = (distance - nearest).min(furthest - distance);
                if in_depth <= 0.0 {
                    return 0.0;
                }
                let angle_rad = mask.clearance_rad(place_mpc_h);
                in_depth.min(distance * angle_rad.min(std::f64::consts::FRAC_PI_2).sin()) * (1.0 - 1e-9)
            }
            Self::Box { low_mpc_h, high_mpc_h } => (0..3)
                .map(|a| (place_mpc_h[a] - low_mpc_h[a]).min(high_mpc_h[a] - place_mpc_h[a]))
                .fold(f64::INFINITY, f64::min),
            Self::Periodic { .. } => f64::INFINITY,
        }
    }

    /// Are the six places at `reach_mpc_h` along the axes inside too?
    #[must_use]
    pub fn holds_around(&self, place_mpc_h: [f64; 3], reach_mpc_h: f64) -> bool {
        let clear = self.clear_radius_mpc_h(place_mpc_h) > reach_mpc_h;
        clear
            || (0..3).all(|axis| {
                [-reach_mpc_h, reach_mpc_h].iter().all(|step| {
                    let mut moved = place_mpc_h;
                    moved[axis] += step;
                    self.contains(moved)
                })
            })
    }

    /// The difference `a - b`, through the nearest image where the region is periodic.
    #[must_use]
    pub fn difference(&self, a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
        let plain = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
        match self {
            Self::Periodic { side_mpc_h, .. } => {
                [0, 1, 2].map(|i: usize| plain[i] - side_mpc_h[i] * (plain[i] / side_mpc_h[i]).round())
            }
            _ => plain,
        }
    }

    /// Distance between two places, Mpc/h (to the nearest image where periodic).
    #[must_use]
    pub fn separation(&self, a: [f64; 3], b: [f64; 3]) -> f64 {
        self.difference(a, b).iter().map(|c| c * c).sum::<f64>().sqrt()
    }

    /// The same place inside the box where the region is periodic, else the place itself.
    #[must_use]
    pub fn wrapped(&self, place_mpc_h: [f64; 3]) -> [f64; 3] {
        self.period().map_or(place_mpc_h, |period| period.wrapped(place_mpc_h))
    }

    /// The box of a periodic region.
    pub(crate) fn period(&self) -> Option<Period> {
        match self {
            Self::Periodic { low_mpc_h: low, side_mpc_h: side } => Some(Period { low: *low, side: *side }),
            _ => None,
        }
    }

    /// Volume, (Mpc/h)^3.
    #[must_use]
    pub fn volume_mpc_h3(&self) -> f64 {
        match self {
            Self::Survey { mask, distance_mpc_h: [nearest, furthest] } => {
                let steradian = mask.area_deg2() * 1_f64.to_radians().powi(2);
                steradian / 3.0 * (furthest.powi(3) - nearest.powi(3))
            }
            Self::Box { low_mpc_h, high_mpc_h } => (0..3).map(|a| high_mpc_h[a] - low_mpc_h[a]).product(),
            Self::Periodic { side_mpc_h, .. } => side_mpc_h.iter().product(),
        }
    }

    /// Lowest and highest corner of a box around the region, Mpc/h.
    #[must_use]
    pub fn bounds(&self) -> ([f64; 3], [f64; 3]) {
        match self {
            Self::Survey { distance_mpc_h: [_, furthest], .. } => ([-*furthest; 3], [*furthest; 3]),
            Self::Box { low_mpc_h, high_mpc_h } => (*low_mpc_h, *high_mpc_h),
            Self::Periodic { low_mpc_h, side_mpc_h } => {
                (*low_mpc_h, [0, 1, 2].map(|a: usize| low_mpc_h[a] + side_mpc_h[a]))
            }
        }
    }
}
