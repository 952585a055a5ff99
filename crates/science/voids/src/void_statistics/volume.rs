//! Where statistics are counted: a survey seen from its observer, or a box of a simulation.

use astro::healpix::HealpixCell;
use astro::sphere;
use desi::desivast::BoxLimits;

use super::randoms::{random_positions, random_positions_in_box};
use crate::sphere_union::Period;
use crate::survey::{HealpixSurvey, SurveyVolume};

/// A volume that holds voids and galaxies; positions are comoving, Mpc/h.
#[derive(Debug, Clone)]
pub enum Volume {
    /// A footprint between two distances from the observer at the origin.
    Survey(Box<HealpixSurvey>),
    /// A box, seen along its z axis from far away.
    Box(BoxLimits),
}

impl Volume {
    /// Its size, (Mpc/h)^3.
    #[must_use]
    pub fn volume_mpc_h3(&self) -> f64 {
        match self {
            Self::Survey(survey) => survey.volume_mpc_h3(),
            Self::Box(limits) => sides(limits).iter().product(),
        }
    }

    /// Points uniform in the volume; the same for the same seed on any number of threads.
    #[must_use]
    pub fn random_positions(&self, count: usize, seed: u64) -> Vec<[f64; 3]> {
        match self {
            Self::Survey(survey) => random_positions(survey, count, seed),
            Self::Box(limits) => random_positions_in_box(limits.low_mpc_h, limits.high_mpc_h, count, seed),
        }
    }

    /// A vector along the line of sight to a place.
    #[must_use]
    pub fn line_of_sight(&self, position_mpc_h: [f64; 3]) -> [f64; 3] {
        match self {
            Self::Survey(_) => position_mpc_h,
            Self::Box(_) => [0.0, 0.0, 1.0],
        }
    }

    /// Number of the part of the volume that a place is in: the nested HEALPix cell of `order`, or one of 2^`order` cells
    /// along each side of a box.
    pub(super) fn part_of(&self, order: u8, position_mpc_h: [f64; 3]) -> u64 {
        match self {
            Self::Survey(_) => {
                let (ra_deg, dec_deg) = sphere::ra_dec_deg(position_mpc_h);
                HealpixCell::at(order, ra_deg, dec_deg).index
            }
            Self::Box(limits) => {
                let (count, sides) = (1_u64 << order, sides(limits));
                let along = |axis: usize| {
                    let part = (position_mpc_h[axis] - limits.low_mpc_h[axis]) / sides[axis];
                    ((part * count as f64).max(0.0) as u64).min(count - 1)
                };
                (along(0) * count + along(1)) * count + along(2)
            }
        }
    }

    /// Of a periodic box.
    pub(super) fn period(&self) -> Option<Period> {
        match self {
            Self::Box(limits) => Period::of(limits),
            Self::Survey(_) => None,
        }
    }
}

fn sides(limits: &BoxLimits) -> [f64; 3] {
    [0, 1, 2].map(|axis: usize| limits.high_mpc_h[axis] - limits.low_mpc_h[axis])
}

impl SurveyVolume for Volume {
    fn contains(&self, position_mpc_h: [f64; 3]) -> bool {
        match self {
            Self::Survey(survey) => survey.contains(position_mpc_h),
            Self::Box(BoxLimits { low_mpc_h: low, high_mpc_h: high, .. }) => {
                (0..3).all(|axis| position_mpc_h[axis] >= low[axis] && position_mpc_h[axis] <= high[axis])
            }
        }
    }

    fn near_boundary(&self, position_mpc_h: [f64; 3], margin_mpc_h: f64) -> bool {
        match self {
            Self::Survey(survey) => survey.near_boundary(position_mpc_h, margin_mpc_h),
            Self::Box(BoxLimits { periodic: true, .. }) => false,
            Self::Box(BoxLimits { low_mpc_h: low, high_mpc_h: high, .. }) => (0..3).any(|axis| {
                let [below, above] = [position_mpc_h[axis] - low[axis], high[axis] - position_mpc_h[axis]];
                below.min(above) < margin_mpc_h
            }),
        }
    }
}
