//! Void catalogues as the commands take them: read, grouped by algorithm, and the survey volume that they speak of.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use astro::sphere::ra_dec_deg;
use desi::desivast::{self, Algorithm, SurveyLimits, VoidCatalogue};
use voids::catalogue::algorithm_of;
use voids::survey::HealpixSurvey;

/// The catalogues of each algorithm, its survey caps together, in the order given.
pub(super) fn by_algorithm(paths: &[PathBuf]) -> Result<BTreeMap<Algorithm, Vec<VoidCatalogue>>> {
    let mut groups: BTreeMap<Algorithm, Vec<VoidCatalogue>> = BTreeMap::new();
    for path in paths {
        let catalogue = desivast::read(path)?;
        groups.entry(algorithm_of(&catalogue)).or_default().push(catalogue);
    }
    Ok(groups)
}

pub(super) fn limits(catalogue: &VoidCatalogue) -> &SurveyLimits {
    match catalogue {
        VoidCatalogue::VoidFinder(catalogue) => &catalogue.limits,
        VoidCatalogue::Zones(catalogue) => &catalogue.limits,
    }
}

/// The distance scale and limits that the caps of one algorithm share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) omega_m: f64,
    pub(super) distance_mpc_h: [f64; 2],
}

impl Frame {
    /// Of no catalogue: nothing.
    pub(super) fn of(parts: &[VoidCatalogue]) -> Self {
        let mut frame = Self { omega_m: 0.0, distance_mpc_h: [f64::INFINITY, 0.0] };
        for SurveyLimits { omega_m, distance_mpc_h: [near, far], .. } in parts.iter().map(limits) {
            frame.omega_m = *omega_m;
            frame.distance_mpc_h = [frame.distance_mpc_h[0].min(*near), frame.distance_mpc_h[1].max(*far)];
        }
        frame
    }

    /// The part of the sky where the directions are, between the distances.
    pub(super) fn survey(&self, directions_deg: &[(f64, f64)]) -> HealpixSurvey {
        let order = HealpixSurvey::suitable_order(directions_deg);
        HealpixSurvey::from_directions(order, directions_deg, self.distance_mpc_h)
    }
}

/// Directions of the tracers inside the survey; none for VoidFinder, whose files hold no galaxies.
pub(super) fn tracer_directions(catalogue: &VoidCatalogue) -> Vec<(f64, f64)> {
    match catalogue {
        VoidCatalogue::VoidFinder(_) => Vec::new(),
        VoidCatalogue::Zones(zones) => {
            zones.tracers.iter().filter(|tracer| !tracer.out).map(|tracer| ra_dec_deg(tracer.position_mpc_h)).collect()
        }
    }
}
