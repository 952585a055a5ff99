//! How far two void catalogues agree: shared volume and shared galaxies.
//!
//! Volumes are measured at the places the caller gives (for example random points of the survey), so that one function
//! serves volume and galaxies.

use rayon::prelude::*;

use crate::membership::Membership;

/// How many of the given places lie in voids of one, the other, both or neither catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Overlap {
    /// In voids of both.
    pub both: usize,
    /// Only in voids of the first.
    pub first_only: usize,
    /// Only in voids of the second.
    pub second_only: usize,
    /// In no void.
    pub neither: usize,
}

impl Overlap {
    /// Shared part of the places that are in any void (Jaccard index); `None` if none is.
    #[must_use]
    pub fn shared_fraction(&self) -> Option<f64> {
        let any = self.both + self.first_only + self.second_only;
        (any > 0).then(|| self.both as f64 / any as f64)
    }
}

/// Counts `places_mpc_h` by their membership in two catalogues.
#[must_use]
pub fn overlap(first: &Membership, second: &Membership, places_mpc_h: &[[f64; 3]]) -> Overlap {
    let in_voids: Vec<(bool, bool)> = places_mpc_h
        .par_iter()
        .with_min_len(1024)
        .map(|&place| (first.void_at(place).is_some(), second.void_at(place).is_some()))
        .collect();
    let count = |which: (bool, bool)| in_voids.iter().filter(|&&place| place == which).count();
    Overlap {
        both: count((true, true)),
        first_only: count((true, false)),
        second_only: count((false, true)),
        neither: count((false, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use desi::desivast::{Hole, SurveyLimits, VoidCatalogue, VoidFinderCatalogue};

    fn one_sphere(x: f64) -> Membership {
        let limits = SurveyLimits { omega_m: 0.3, distance_mpc_h: [0.0, 100.0], redshift: [0.0, 0.03] };
        let holes = vec![Hole { centre_mpc_h: [x, 0.0, 0.0], radius_mpc_h: 10.0, void: 4 }];
        Membership::new(&VoidCatalogue::VoidFinder(VoidFinderCatalogue { limits, maximals: Vec::new(), holes }))
    }

    #[test]
    fn places_on_the_surface_are_outside_and_shared_ones_are_counted() {
        let (first, second) = (one_sphere(0.0), one_sphere(10.0));
        assert_eq!(first.void_at([10.0 - 1e-3, 0.0, 0.0]), None);
        assert_eq!(first.void_at([9.9, 0.0, 0.0]), Some(4));
        let places = [[5.0, 0.0, 0.0], [-5.0, 0.0, 0.0], [15.0, 0.0, 0.0], [50.0, 0.0, 0.0], [4.0, 1.0, 0.0]];
        let shared = overlap(&first, &second, &places);
        assert_eq!(shared, Overlap { both: 2, first_only: 1, second_only: 1, neither: 1 });
        assert_eq!(shared.shared_fraction(), Some(0.5));
    }
}
