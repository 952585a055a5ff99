//! Local density from the distance to the fifth nearest tracer.

use astro::{Cosmology, PointTree};
use rayon::prelude::*;

use super::Sample;

/// Faintest absolute magnitude in r (z = 0.1, h = 1) of a tracer: DESIVAST's limit, which DESI BGS sees to z = 0.24.
pub const FAINTEST_TRACER: f64 = -20.0;

/// Number density of tracers, (Mpc/h)^-3, in the sphere that reaches each position's fifth nearest tracer other than
/// itself (Dressler 1980, 1980ApJ...236..351D, in three dimensions). Tracers should be as complete everywhere, or the
/// density falls with distance; near a survey edge it is too low. `None` with fewer than six tracers or five
/// coincident ones.
#[must_use]
pub fn local_density_mpc_h3(positions_mpc_h: &[[f64; 3]], is_tracer: &[bool]) -> Vec<Option<f64>> {
    const NEIGHBOUR: usize = 5;
    let tracers: Vec<[f64; 3]> =
        positions_mpc_h.iter().zip(is_tracer).filter(|(_, tracer)| **tracer).map(|(place, _)| *place).collect();
    if tracers.len() <= NEIGHBOUR {
        return vec![None; positions_mpc_h.len()];
    }
    let tree = PointTree::new(&tracers);
    positions_mpc_h
        .par_iter()
        .zip(is_tracer)
        .map(|(place, tracer)| {
            // A tracer's nearest is itself.
            let rank = NEIGHBOUR - 1 + usize::from(*tracer);
            let fifth = tree.k_nearest(*place, rank + 1).get(rank)?.1;
            (fifth > 0.0).then(|| NEIGHBOUR as f64 / (4.0 / 3.0 * std::f64::consts::PI * fifth.powi(3)))
        })
        .collect()
}

/// Absolute magnitude in r, K-corrected as the catalogue says (to no redshift other than the galaxy's own where it says
/// nothing), h = 1; `None` without an apparent magnitude.
#[must_use]
pub fn absolute_magnitudes(sample: &Sample, omega_m: f64) -> Vec<Option<f64>> {
    let cosmology = Cosmology::flat_lcdm(omega_m);
    let columns = sample.columns();
    (0..sample.len())
        .into_par_iter()
        .map(|row| {
            let z = columns.redshift[row];
            let apparent = columns.apparent_r[row].filter(|_| z > 0.0)?;
            let modulus = 5.0 * (cosmology.comoving_distance_mpc_h(z) * (1.0 + z)).log10() + 25.0;
            Some(apparent - modulus - columns.k_correction_r[row].unwrap_or_default())
        })
        .collect()
}
