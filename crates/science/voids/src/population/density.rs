//! Local density from the distance to the fifth nearest neighbour.

use astro::PointTree;
use rayon::prelude::*;

/// Number density (Mpc/h)^-3 in the sphere that reaches each point's fifth nearest other point (Dressler 1980,
/// 1980ApJ...236..351D, in three dimensions). `None` with fewer than six points or five coincident ones. Near a survey
/// edge the density is too low.
#[must_use]
pub fn local_density_mpc_h3(positions_mpc_h: &[[f64; 3]]) -> Vec<Option<f64>> {
    const NEIGHBOUR: usize = 5;
    if positions_mpc_h.len() <= NEIGHBOUR {
        return vec![None; positions_mpc_h.len()];
    }
    let tree = PointTree::new(positions_mpc_h);
    positions_mpc_h
        .par_iter()
        .map(|place| {
            // The nearest is the galaxy itself.
            let fifth = tree.k_nearest(*place, NEIGHBOUR + 1).get(NEIGHBOUR)?.1;
            (fifth > 0.0).then(|| NEIGHBOUR as f64 / (4.0 / 3.0 * std::f64::consts::PI * fifth.powi(3)))
        })
        .collect()
}
