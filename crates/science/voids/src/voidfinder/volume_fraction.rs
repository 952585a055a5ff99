//! The share of a survey's volume that is inside voids, by randomised quasi-Monte-Carlo.

use desi::desivast::Hole;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::region::Region;
use crate::mask::SkyBounds;
use crate::sphere_union::{Cells, OwnedSphere, SphereUnion};

/// Points of one set in a box or on the whole sky, and number of independently shifted sets.
const POINTS: usize = 1 << 15;
const SHIFTS: usize = 8;
/// The additive recurrence of Roberts (2018): powers of the inverse of the root of x^4 = x + 1.
const GENERATOR: [f64; 3] = [0.819_172_513_396_164_4, 0.671_043_606_703_789_2, 0.549_700_477_901_970_2];

/// Shares of the volume and their standard errors.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct VolumeFraction {
    /// Share of the whole region.
    pub fraction: f64,
    /// Its standard error.
    pub error: f64,
    /// Share of the part whose six offsets by `depth_mpc_h` are inside too; `None` if no such place was met.
    pub deep_fraction: Option<f64>,
    /// Depth of that part, Mpc/h.
    pub depth_mpc_h: f64,
}

/// Share of `region` inside any of `holes`; also of its inner part, `depth_mpc_h` away from the boundary.
#[must_use]
pub fn void_volume_fraction(holes: &[Hole], region: &Region, depth_mpc_h: f64, seed: u64) -> VolumeFraction {
    let spheres = holes.iter().map(|h| OwnedSphere { centre: h.centre_mpc_h, radius: h.radius_mpc_h, owner: 0 });
    let voids = SphereUnion::new(spheres, region.period(), Cells::Coarse);
    // As dense where only a part of the sky can be inside.
    let points = match region {
        Region::Survey { mask, .. } => (POINTS as f64 * mask.bounds().fraction()).ceil() as usize,
        _ => POINTS,
    };
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let shifts: Vec<[f64; 3]> = (0..SHIFTS).map(|_| [random.random(), random.random(), random.random()]).collect();
    let counts: Vec<[usize; 4]> = shifts
        .par_iter()
        .map(|shift| {
            let mut counts = [0_usize; 4];
            for i in 0..points {
                let place = place_in(region, [0, 1, 2].map(|a: usize| (shift[a] + i as f64 * GENERATOR[a]).fract()));
                if region.contains(place) {
                    let inside = usize::from(voids.owner_at(place).is_some());
                    let deep = usize::from(region.holds_around(place, depth_mpc_h));
                    counts = [counts[0] + 1, counts[1] + inside, counts[2] + deep, counts[3] + deep * inside];
                }
            }
            counts
        })
        .collect();
    let total = |k: usize| counts.iter().map(|c| c[k]).sum::<usize>() as f64;
    let shares: Vec<f64> = counts.iter().filter(|c| c[0] > 0).map(|c| c[1] as f64 / c[0] as f64).collect();
    let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
    let spread = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>();
    let error = (spread / (shares.len().max(2) * (shares.len().max(2) - 1)) as f64).sqrt();
    let deep_fraction = (total(2) > 0.0).then(|| total(3) / total(2));
    VolumeFraction {
        fraction: if total(0) > 0.0 { total(1) / total(0) } else { 0.0 },
        error,
        deep_fraction,
        depth_mpc_h,
    }
}

/// A place in the box around a region or, of a survey, in the bounds of its sky between its distances: from three
/// numbers that are uniform between 0 and 1, uniform in volume.
fn place_in(region: &Region, [u, v, w]: [f64; 3]) -> [f64; 3] {
    if let Region::Survey { mask, distance_mpc_h: [nearest, furthest] } = region {
        let SkyBounds { ra_rad: [west, east], sin_dec: [south, north] } = mask.bounds();
        let distance = (nearest.powi(3) + u * (furthest.powi(3) - nearest.powi(3))).cbrt();
        let (sin_dec, ra) = (south + v * (north - south), west + w * (east - west));
        let across = distance * (1.0 - sin_dec * sin_dec).sqrt();
        return [across * ra.cos(), across * ra.sin(), distance * sin_dec];
    }
    let (low, high) = region.bounds();
    [(0, u), (1, v), (2, w)].map(|(a, fraction): (usize, f64)| low[a] + fraction * (high[a] - low[a]))
}
