//! How far, at least, each mask cell lies from the survey's boundary: lets most spheres skip the point-by-point test.

use astro::neighbours::PointTree;
use astro::sphere::unit_vector;
use rayon::prelude::*;

/// One angle a cell, radians.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clearance {
    by_cell: Vec<f32>,
}

impl Clearance {
    /// From the centres (degrees) of the cells and whether each is inside; `rim` holds the indices of the cells
    /// outside that can be nearest to a cell inside, `reach_rad` bounds the distance from any cell's centre to its corners.
    pub(super) fn new(centres_deg: &[(f64, f64)], inside: &[bool], rim: &[usize], reach_rad: f64) -> Self {
        let rim: Vec<[f64; 3]> =
            rim.iter().filter_map(|&i| centres_deg.get(i)).map(|&(ra, dec)| unit_vector(ra, dec)).collect();
        let rim = PointTree::new(&rim);
        let of = |(&(ra, dec), &is_inside): (&(f64, f64), &bool)| {
            if !is_inside {
                return 0.0;
            }
            let nearest = match rim.nearest(unit_vector(ra, dec)) {
                None => std::f64::consts::PI,
                Some((_, chord)) => 2.0 * (chord / 2.0).min(1.0).asin(),
            };
            // Both cells extend around their centres; the margin covers the rounding to single precision
            // and a direction that is told to the wrong side of a border (see `PixelMask::index_about`).
            (nearest - 2.0 * reach_rad - 1e-4).max(0.0) as f32
        };
        Self { by_cell: centres_deg.par_iter().zip(inside).with_min_len(4096).map(of).collect() }
    }

    pub(crate) fn of(&self, cell: usize) -> f64 {
        self.by_cell.get(cell).map_or(0.0, |&angle| f64::from(angle))
    }
}
