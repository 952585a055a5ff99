//! How far, at least, each mask cell lies from the survey's boundary: lets most spheres skip the point-by-point test.

use astro::sphere::unit_vector;

/// One angle a cell, radians.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clearance {
    by_cell: Vec<f32>,
}

impl Clearance {
    /// From the centres (degrees) of the cells and whether each is inside; `rim` holds the indices of the cells
    /// outside that can be nearest to a cell inside, `reach_rad` bounds the distance from any cell's centre to its corners.
    pub(super) fn new(centres_deg: &[(f64, f64)], inside: &[bool], rim: &[usize], reach_rad: f64) -> Self {
        let rim: Vec<[f64; 3]> =
            rim.iter().filter_map(|&i| centres_deg.get(i)).map(|&(ra, dec)| unit_vector(ra, dec)).collect();
        let by_cell = centres_deg
            .iter()
            .zip(inside)
            .map(|(&(ra, dec), &is_inside)| {
                if !is_inside {
                    return 0.0;
                }
                let [x, y, z] = unit_vector(ra, dec);
                let nearest = rim.iter().map(|v| v[0] * x + v[1] * y + v[2] * z).fold(-1.0_f64, f64::max);
                // Both cells extend around their centres; the margin covers the rounding to single precision.
                (nearest.clamp(-1.0, 1.0).acos() - 2.0 * reach_rad - 1e-4).max(0.0) as f32
            })
            .collect();
        Self { by_cell }
    }

    pub(super) fn of(&self, cell: usize) -> f64 {
        self.by_cell.get(cell).map_or(0.0, |&angle| f64::from(angle))
    }
}
