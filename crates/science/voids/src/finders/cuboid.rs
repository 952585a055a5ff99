//! Void finders in a box, with walls or periodic: simulations, and tests whose answer is known.
//!
//! A periodic box has no boundary: a void across a face is found once, and the watershed's cells fill the box. In a box
//! with walls VoidFinder cuts holes that leave it, and watershed cells that reach out of it have no volume.

use archive::Progress;
use desi::desivast::{
    Algorithm, BoxCatalogue, BoxLimits, BoxVoids, BoxZoneVoid, SurfaceGalaxy, Surfaces, Tracer, ZoneMembership,
};

use super::{FinderError, prunings};
use crate::galaxies::BoxTable;
use crate::voidfinder::{self, Region};
use crate::watershed::{self, Pruning, Void, VoidSurfaces, Watershed, voids_of_zones};

/// Fewer distinct galaxies bound no sphere with its neighbours known, and enclose no whole cell.
const FEWEST: usize = 5;

/// The box, the tracers and the parameters of a finder.
#[derive(Debug, Clone, PartialEq)]
pub struct BoxSettings {
    /// The box.
    pub limits: BoxLimits,
    /// Faintest absolute magnitude of a tracer.
    pub magnitude_limit: Option<f64>,
    /// Voids are larger than this, Mpc/h.
    pub least_radius_mpc_h: f64,
    /// Whether the surfaces of VIDE's and REVOLVER's voids are made.
    pub surfaces: bool,
    /// Seed of VoidFinder's effective radii.
    pub seed: u64,
}

/// One catalogue of a box, and how it came about.
#[derive(Debug, Clone)]
pub struct FoundInBox {
    /// The voids.
    pub catalogue: BoxCatalogue,
    /// Galaxies that were selected as tracers.
    pub tracers: usize,
    /// Counts along the way, by name.
    pub counts: serde_json::Value,
}

/// Finds voids in a box by the algorithms asked for, each once; one watershed serves its prunings.
///
/// # Errors
/// A box without volume, a galaxy outside it, too few tracers, or a magnitude limit without magnitudes.
pub fn find_voids_in_box(
    galaxies: &BoxTable,
    algorithms: &[Algorithm],
    settings: &BoxSettings,
    progress: &dyn Progress,
) -> Result<Vec<FoundInBox>, FinderError> {
    let tracers = Tracers::select(galaxies, settings)?;
    let mut found = Vec::new();
    if algorithms.contains(&Algorithm::VoidFinder) {
        found.push(by_spheres(&tracers, settings, progress)?);
    }
    found.extend(by_zones(galaxies, &tracers, algorithms, settings, progress)?);
    Ok(found)
}

/// The galaxies that voids are sought among.
struct Tracers {
    rows: Vec<usize>,
    positions_mpc_h: Vec<[f64; 3]>,
}

impl Tracers {
    fn select(galaxies: &BoxTable, settings: &BoxSettings) -> Result<Self, FinderError> {
        let BoxLimits { low_mpc_h, high_mpc_h, periodic } = settings.limits;
        if !(0..3).all(|k| low_mpc_h[k] < high_mpc_h[k] && (high_mpc_h[k] - low_mpc_h[k]).is_finite()) {
            return Err(FinderError::EmptyBox { low_mpc_h, high_mpc_h });
        }
        let limit = match (settings.magnitude_limit, &galaxies.absolute_magnitude) {
            (Some(limit), None) => return Err(FinderError::NoMagnitude { limit }),
            (Some(limit), Some(magnitudes)) => Some((limit, magnitudes)),
            (None, _) => None,
        };
        let mut tracers = Self { rows: Vec::new(), positions_mpc_h: Vec::new() };
        for (row, &position_mpc_h) in galaxies.positions_mpc_h.iter().enumerate() {
            if !(0..3).all(|k| position_mpc_h[k] >= low_mpc_h[k] && position_mpc_h[k] <= high_mpc_h[k]) {
                return Err(FinderError::OutsideBox { row, position_mpc_h, low_mpc_h, high_mpc_h });
            }
            if limit.is_none_or(|(limit, magnitudes)| magnitudes[row] <= limit) {
                tracers.rows.push(row);
                // The upper faces of a periodic box are its lower ones.
                let on = |k: usize| periodic && position_mpc_h[k] == high_mpc_h[k];
                tracers.positions_mpc_h.push([0, 1, 2].map(|k| if on(k) { low_mpc_h[k] } else { position_mpc_h[k] }));
            }
        }
        let mut distinct = tracers.positions_mpc_h.clone();
        distinct.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        distinct.dedup();
        if distinct.len() < FEWEST {
            return Err(FinderError::TooFew { distinct: distinct.len(), needed: FEWEST });
        }
        Ok(tracers)
    }
}

fn by_spheres(tracers: &Tracers, settings: &BoxSettings, progress: &dyn Progress) -> Result<FoundInBox, FinderError> {
    let BoxLimits { low_mpc_h, high_mpc_h, periodic } = settings.limits;
    let region = if periodic {
        Region::Periodic { low_mpc_h, side_mpc_h: [0, 1, 2].map(|k: usize| high_mpc_h[k] - low_mpc_h[k]) }
    } else {
        Region::Box { low_mpc_h, high_mpc_h }
    };
    let rules = voidfinder::Settings {
        smallest_maximal_mpc_h: settings.least_radius_mpc_h,
        seed: settings.seed,
        ..voidfinder::Settings::default()
    };
    let found = voidfinder::find(&tracers.positions_mpc_h, &region, &rules, progress)?;
    let counts = super::with_void_share(&found, &region, settings.seed)?;
    let voids = BoxVoids::Spheres { maximals: found.maximals, holes: found.holes };
    Ok(FoundInBox { catalogue: BoxCatalogue { limits: settings.limits, voids }, tracers: tracers.rows.len(), counts })
}

fn by_zones(
    galaxies: &BoxTable,
    tracers: &Tracers,
    algorithms: &[Algorithm],
    settings: &BoxSettings,
    progress: &dyn Progress,
) -> Result<Vec<FoundInBox>, FinderError> {
    let prunings = prunings(algorithms);
    if prunings.is_empty() {
        return Ok(Vec::new());
    }
    let BoxLimits { low_mpc_h: low, high_mpc_h: high, periodic } = settings.limits;
    let region =
        if periodic { watershed::Region::Periodic { low, high } } else { watershed::Region::Box { low, high } };
    let watershed = watershed::find(&tracers.positions_mpc_h, region, progress)?;
    let rules = watershed::Settings { min_radius_mpc_h: settings.least_radius_mpc_h, ..watershed::Settings::default() };
    let areas = watershed.zone_areas();
    let counts = serde_json::json!({
        "tracers": tracers.rows.len(),
        "cells": watershed.tessellation().len(),
        "cell_volume_mpc_h3": watershed.tessellation().volumes_mpc_h3().iter().sum::<f64>(),
        "box_volume_mpc_h3": (0..3).map(|k| high[k] - low[k]).product::<f64>(),
        "zones": watershed.zones().len(),
        "pre_voids": watershed.hierarchy().pre_voids().len(),
    });
    let of = |pruning: Pruning| {
        let voids = watershed.voids(pruning, &rules);
        let drawn = settings.surfaces && pruning != Pruning::Zobov;
        let row = |(number, void): (usize, &Void)| {
            let outer = areas.outer(&void.zones);
            BoxZoneVoid {
                void: number as i64,
                centre_mpc_h: void.centre_mpc_h,
                radius_mpc_h: void.radius_mpc_h,
                axes_mpc_h: void.axes_mpc_h,
                tot_area: Some(outer.total_mpc_h2),
                edge_area: Some(outer.edge_mpc_h2),
            }
        };
        let voids_in_file = BoxVoids::Zones {
            algorithm: pruning.algorithm(),
            voids: voids.iter().enumerate().map(row).collect(),
            zones: memberships(&voids, watershed.zones().len()),
            tracers: tracer_table(galaxies, tracers, &watershed),
            surfaces: drawn.then(|| surface_tables(galaxies, tracers, &watershed, watershed.surfaces(&voids))),
        };
        FoundInBox {
            catalogue: BoxCatalogue { limits: settings.limits, voids: voids_in_file },
            tracers: tracers.rows.len(),
            counts: counts.clone(),
        }
    };
    Ok(prunings.into_iter().map(of).collect())
}

fn memberships(voids: &[Void], zones: usize) -> Vec<ZoneMembership> {
    let of_zones = voids_of_zones(voids, zones);
    let row = |(zone, of): (usize, Option<[u32; 2]>)| ZoneMembership {
        zone: zone as i64,
        void0: of.map(|[smallest, _]| i64::from(smallest)),
        void1: of.map(|[_, largest]| i64::from(largest)),
    };
    of_zones.into_iter().enumerate().map(row).collect()
}

/// One row a galaxy; those that are no tracers have no zone.
fn tracer_table(galaxies: &BoxTable, tracers: &Tracers, watershed: &Watershed<'_>) -> Vec<Tracer> {
    let target = |row: usize| galaxies.target_id.as_ref().map(|ids| ids[row]);
    let unselected = |(row, &position_mpc_h): (usize, &[f64; 3])| Tracer {
        gal: row as i64,
        target: target(row),
        position_mpc_h,
        zone: None,
        depth: -1,
        edge: false,
        out: false,
    };
    let mut table: Vec<Tracer> = galaxies.positions_mpc_h.iter().enumerate().map(unselected).collect();
    for (tracer, &row) in tracers.rows.iter().enumerate() {
        let zone = watershed.zone_of_tracer(tracer).map(i64::from);
        let depth = i64::from(watershed.depth_of_tracer(tracer));
        table[row] = Tracer { zone, depth, edge: zone.is_none(), ..table[row] };
    }
    table
}

fn surface_tables(
    galaxies: &BoxTable,
    tracers: &Tracers,
    watershed: &Watershed<'_>,
    surfaces: VoidSurfaces,
) -> Surfaces {
    let none = |row: usize| SurfaceGalaxy { gal: row as i64, void: None, other_void: None };
    let mut rows: Vec<SurfaceGalaxy> = (0..galaxies.len()).map(none).collect();
    for (&cell, &row) in watershed.tessellation().cell_of_tracer().iter().zip(&tracers.rows) {
        rows[row].void = surfaces.void_of_cell[cell as usize].map(i64::from);
        rows[row].other_void = surfaces.other_void_of_cell[cell as usize].map(i64::from);
    }
    Surfaces { triangles: surfaces.triangles, galaxies: rows }
}
