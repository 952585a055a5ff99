//! How far, at least, each mask cell lies from the survey's boundary: lets most spheres skip the point-by-point test.

use astro::neighbours::PointTree;
use astro::sphere::unit_vector;
use rayon::prelude::*;

/// One angle a cell, radians; and a part of the sky that holds all cells inside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clearance {
    by_cell: Vec<f32>,
    bounds: SkyBounds,
}

/// A range of right ascension and of the sine of declination.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SkyBounds {
    pub(crate) ra_rad: [f64; 2],
    pub(crate) sin_dec: [f64; 2],
}

impl SkyBounds {
    const WHOLE: Self = Self { ra_rad: [0.0, std::f64::consts::TAU], sin_dec: [-1.0, 1.0] };

    /// Around cells with these centres (degrees) that extend so far from them; the whole of right ascension where they
    /// come near a pole or lie on both sides of RA 0.
    fn around(centres_deg: impl Iterator<Item = (f64, f64)>, reach_rad: f64) -> Self {
        let (mut ra, mut dec) = ([f64::INFINITY, f64::NEG_INFINITY], [f64::INFINITY, f64::NEG_INFINITY]);
        for (ra_deg, dec_deg) in centres_deg {
            let [here, at] = [ra_deg.to_radians(), dec_deg.to_radians()];
            ra = [ra[0].min(here), ra[1].max(here)];
            dec = [dec[0].min(at), dec[1].max(at)];
        }
        if ra[0] > ra[1] {
            return Self::WHOLE;
        }
        let quarter = std::f64::consts::FRAC_PI_2;
        let dec = [(dec[0] - reach_rad).max(-quarter), (dec[1] + reach_rad).min(quarter)];
        // Meridians converge: the same angle is wider in right ascension away from the equator.
        let furthest = dec[0].abs().max(dec[1].abs());
        let wide = reach_rad / furthest.cos().max(1e-9);
        let ra = [ra[0] - wide, ra[1] + wide];
        let whole = ra[0] < 0.0 || ra[1] > std::f64::consts::TAU;
        Self { ra_rad: if whole { Self::WHOLE.ra_rad } else { ra }, sin_dec: dec.map(f64::sin) }
    }

    /// Part of the sky.
    pub(crate) fn fraction(&self) -> f64 {
        let ([west, east], [south, north]) = (self.ra_rad, self.sin_dec);
        (east - west) * (north - south) / (2.0 * std::f64::consts::TAU)
    }
}

impl Clearance {
    /// From the centre (degrees) of each cell and whether it is inside; `rim` holds the indices of the cells
    /// outside that can be nearest to a cell inside, `reach_rad` bounds the distance from any cell's centre to its corners.
    pub(super) fn new(
        centre_deg: impl Fn(usize) -> (f64, f64) + Sync,
        inside: &[bool],
        rim: &[usize],
        reach_rad: f64,
    ) -> Self {
        let direction = |cell: usize| {
            let (ra, dec) = centre_deg(cell);
            unit_vector(ra, dec)
        };
        let rim: Vec<[f64; 3]> = rim.iter().map(|&cell| direction(cell)).collect();
        let rim = PointTree::new(&rim);
        let of = |(cell, &is_inside): (usize, &bool)| {
            if !is_inside {
                return 0.0;
            }
            let nearest = match rim.nearest(direction(cell)) {
                None => std::f64::consts::PI,
                Some((_, chord)) => 2.0 * (chord / 2.0).min(1.0).asin(),
            };
            // Both cells extend around their centres; the margin covers the rounding to single precision
            // and a direction that is told to the wrong side of a border (see `PixelMask::index_about`).
            (nearest - 2.0 * reach_rad - 1e-4).max(0.0) as f32
        };
        let covered = inside.iter().enumerate().filter(|(_, inside)| **inside).map(|(cell, _)| centre_deg(cell));
        Self {
            bounds: SkyBounds::around(covered, reach_rad),
            by_cell: inside.par_iter().enumerate().with_min_len(4096).map(of).collect(),
        }
    }

    pub(crate) fn bounds(&self) -> SkyBounds {
        self.bounds
    }

    pub(crate) fn of(&self, cell: usize) -> f64 {
        self.by_cell.get(cell).map_or(0.0, |&angle| f64::from(angle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::{HealpixMask, PixelMask, SkyMask};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_bounds_hold_every_direction_inside(
            galaxies in prop::collection::vec((0.0..40.0_f64, -20.0..20.0_f64), 1..30),
            corner in (0.0..360.0_f64, -70.0..70.0_f64),
            directions in prop::collection::vec((0.0..360.0_f64, -90.0..90.0_f64), 300),
        ) {
            let ra: Vec<f64> = galaxies.iter().map(|(ra, _)| (ra + corner.0).rem_euclid(360.0)).collect();
            let dec: Vec<f64> = galaxies.iter().map(|(_, dec)| dec + corner.1).collect();
            let masks = [
                SkyMask::from(PixelMask::from_galaxies(&ra, &dec, 1, true)),
                SkyMask::from(HealpixMask::from_galaxies(&ra, &dec, 4, true)),
            ];
            for mask in masks {
                let SkyBounds { ra_rad, sin_dec } = mask.bounds();
                let given = ra.iter().copied().zip(dec.iter().copied());
                for (ra, dec) in directions.iter().copied().chain(given).filter(|(ra, dec)| mask.contains_deg(*ra, *dec)) {
                    let (ra, sine) = (ra.to_radians(), dec.to_radians().sin());
                    prop_assert!(ra_rad[0] <= ra && ra <= ra_rad[1] && sin_dec[0] <= sine && sine <= sin_dec[1]);
                }
            }
        }
    }
}
