//! VoidFinder: voids as unions of empty spheres.
//!
//! Isolated galaxies are set aside, every empty grid cell grows a sphere until four wall galaxies bound it, the largest
//! spheres that hardly overlap name the voids, and smaller ones that overlap exactly one of them join it. This module
//! takes positions and a [`Region`]; it reads and writes no files. Sources: El-Ad & Piran 1997 (1997ApJ...491..421E),
//! Hoyle & Vogeley 2002 (2002ApJ...566..641H); parameters and file contents as in VAST (2022JOSS....7.4033D).
//!
//! Where this differs from VAST: coordinates are double precision; of coincident galaxies one is kept (VAST drops all);
//! the boundary overlap is a setting (VAST ignores its own); periodic boxes are periodic, so that a hole across a face
//! is found once; effective radii come from a quasi-Monte-Carlo volume with its standard error.

mod assembly;
mod boundary;
mod error;
mod growth;
mod point_grid;
mod region;
mod survey;
mod volume_fraction;
mod wall;

pub use error::VoidFinderError;
pub use region::Region;
pub use survey::{MaskChoice, SurveySample, SurveySelection, select_survey};
pub use volume_fraction::{VolumeFraction, void_volume_fraction};

use archive::Progress;
use desi::desivast::{Hole, Maximal};
use fearless_simd::{Level, dispatch};
use rayon::prelude::*;

use crate::union_volume::union_volume;
use assembly::{Candidate, Voids};
use boundary::BoundaryTest;
use growth::{Sphere, Surroundings};
use point_grid::{Layout, PointGrid};

/// Sides of the cells that bounding galaxies are searched in, mean separations: measured to be the fastest on DR7. Rows of
/// cells along x cost as much as the galaxies in them; short cells end a row where the ball does.
const SEARCH_CELL: [f64; 3] = [0.2, 2.2, 2.2];
/// Start cells grown between two reports of progress.
const CELLS_A_BATCH: usize = 4096;
/// Holes held against the boundary at a time.
const HOLES_A_BATCH: usize = 512;

/// The parameters of the algorithm; the default is the published DESIVAST choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Rank of the neighbour whose distance tells wall from field galaxies (1 to 16).
    pub neighbour: usize,
    /// Field galaxies are further from it than the mean plus so many standard deviations.
    pub isolation_sigma: f64,
    /// Side of the cells that holes start from, Mpc/h (in a periodic box: the nearest that divides its sides).
    pub cell_mpc_h: f64,
    /// A maximal sphere is larger than this, Mpc/h.
    pub smallest_maximal_mpc_h: f64,
    /// Two holes are one if centres and radii differ by no more than this, Mpc/h.
    pub same_hole_mpc_h: f64,
    /// A maximal sphere shares no more than this fraction of its volume with a larger one.
    pub maximal_overlap: f64,
    /// A hole joins the void whose maximal sphere covers more than this fraction of its volume.
    pub hole_overlap: f64,
    /// A hole with this fraction of its volume or more outside the survey is dropped.
    pub boundary_overlap: f64,
    /// Points a (Mpc/h)^3 that this fraction is measured with.
    pub boundary_density: f64,
    /// A void with a hole closer than this to the boundary has edge flag 2, Mpc/h.
    pub edge_mpc_h: f64,
    /// Seed of the volumes' random shifts.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            neighbour: 3,
            isolation_sigma: 1.5,
            cell_mpc_h: 5.0,
            smallest_maximal_mpc_h: 10.0,
            same_hole_mpc_h: 0.1,
            maximal_overlap: 0.1,
            hole_overlap: 0.5,
            boundary_overlap: 0.1,
            boundary_density: 0.01,
            edge_mpc_h: 10.0,
            seed: 1,
        }
    }
}

/// Counts along the way, for the summary, the manifest and the file headers.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Counts {
    /// Tracers given.
    pub galaxies: usize,
    /// Copies of tracers left out.
    pub duplicates: usize,
    /// Wall galaxies.
    pub wall: usize,
    /// Field (isolated) galaxies.
    pub field: usize,
    /// Mean distance to the chosen neighbour, Mpc/h.
    pub neighbour_mean_mpc_h: f64,
    /// Its standard deviation, Mpc/h.
    pub neighbour_sd_mpc_h: f64,
    /// Field galaxies are at least this far from it, Mpc/h.
    pub isolation_limit_mpc_h: f64,
    /// Cells without wall galaxies.
    pub start_cells: usize,
    /// Spheres bounded by four galaxies.
    pub grown_holes: usize,
    /// Of these, dropped as too far outside the survey.
    pub holes_beyond_boundary: usize,
    /// Left after dropping repeated ones.
    pub distinct_holes: usize,
    /// Voids.
    pub voids: usize,
    /// Holes in voids, maximal spheres included.
    pub holes: usize,
}

/// What VoidFinder found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundVoids {
    /// One a void, largest first; `void` counts from 0.
    pub maximals: Vec<Maximal>,
    /// Member holes, largest first, the maximal spheres among them.
    pub holes: Vec<Hole>,
    /// For each galaxy given: `Some(true)` wall, `Some(false)` field, `None` a copy of another one.
    pub is_wall: Vec<Option<bool>>,
    /// Counts along the way.
    pub counts: Counts,
}

/// Finds voids among `galaxies_mpc_h`, comoving positions inside `region`.
///
/// The result depends neither on the order of the galaxies nor on the number of threads.
///
/// # Errors
/// If a setting is out of its range, a position is not finite, lies outside a box, or too few distinct galaxies are
/// given to bound a sphere.
pub fn find(
    galaxies_mpc_h: &[[f64; 3]],
    region: &Region,
    settings: &Settings,
    progress: &dyn Progress,
) -> Result<FoundVoids, VoidFinderError> {
    error::check_settings(settings, region)?;
    error::check_galaxies(galaxies_mpc_h, region, settings.neighbour)?;
    progress.begin("wall and field galaxies", 0, "galaxies");
    let split = wall::split(galaxies_mpc_h, region, settings.neighbour, settings.isolation_sigma);
    let distinct = galaxies_mpc_h.len() - split.duplicates;
    error::check_count(distinct, settings.neighbour)?;
    let walls: Vec<[f64; 3]> =
        galaxies_mpc_h.iter().zip(&split.is_wall).filter(|(_, w)| **w == Some(true)).map(|(p, _)| *p).collect();
    let layout = hole_layout(galaxies_mpc_h, &walls, region, settings.cell_mpc_h)?;
    let empty = layout.empty_cells(&walls);
    let search = PointGrid::new(&walls, wall::tracer_layout(&walls, region, SEARCH_CELL));
    let grown = grow_all(&search, &empty, layout, region, progress);
    progress.begin("survey boundary", 0, "holes");
    let (holes, beyond) = drop_beyond_boundary(&grown, region, settings);
    progress.begin("joining holes into voids", 0, "holes");
    let holes = assembly::sort_and_deduplicate(holes, region, settings.same_hole_mpc_h);
    let voids = assembly::assemble(&holes, region, settings);
    let counts = Counts {
        galaxies: galaxies_mpc_h.len(),
        duplicates: split.duplicates,
        wall: walls.len(),
        field: distinct - walls.len(),
        neighbour_mean_mpc_h: split.mean_mpc_h,
        neighbour_sd_mpc_h: split.sd_mpc_h,
        isolation_limit_mpc_h: split.limit_mpc_h,
        start_cells: empty.len(),
        grown_holes: grown.len(),
        holes_beyond_boundary: beyond,
        distinct_holes: holes.len(),
        voids: voids.maximals.len(),
        holes: voids.members.len(),
    };
    progress.begin("measuring voids", 0, "voids");
    let (maximals, holes) = describe(&holes, &voids, region, settings);
    progress.end();
    Ok(FoundVoids { maximals, holes, is_wall: split.is_wall, counts })
}

/// The grid of start cells: from the lowest coordinates of all tracers up to the wall galaxies.
fn hole_layout(all: &[[f64; 3]], walls: &[[f64; 3]], region: &Region, cell: f64) -> Result<Layout, VoidFinderError> {
    let layout = match region {
        Region::Periodic { low_mpc_h, side_mpc_h } => Layout::tiling(*low_mpc_h, *side_mpc_h, [cell; 3]),
        Region::Box { low_mpc_h, high_mpc_h } => Layout::covering(*low_mpc_h, *high_mpc_h, [cell; 3]),
        Region::Survey { .. } => Layout::covering(wall::extent(all).0, wall::extent(walls).1, [cell; 3]),
    };
    error::check_cells(layout.n, cell)?;
    Ok(layout)
}

/// Grows a hole from the centre of each of the `empty` cells of `layout`.
fn grow_all(walls: &PointGrid, empty: &[u32], layout: Layout, region: &Region, progress: &dyn Progress) -> Vec<Sphere> {
    let (low, high) = region.bounds();
    let sides = [0, 1, 2].map(|a: usize| high[a] - low[a]);
    let furthest = match region {
        // A wider sphere would touch its own image.
        Region::Periodic { .. } => 0.5 * sides.iter().copied().fold(f64::INFINITY, f64::min),
        _ => sides.iter().map(|s| s * s).sum::<f64>().sqrt(),
    };
    let first_reach = 1.3 * layout.cell.iter().copied().fold(0.0, f64::max);
    let surroundings = Surroundings { walls, region, first_reach, furthest };
    let vectors = Level::new();
    progress.begin("growing holes", empty.len() as u64, "cells");
    let grown = empty
        .par_chunks(CELLS_A_BATCH)
        .flat_map_iter(|cells| {
            let spheres = dispatch!(vectors, _ => surroundings.grow_all(cells, layout));
            progress.advance(cells.len() as u64);
            spheres
        })
        .collect();
    progress.end();
    grown
}

/// Keeps the holes that lie inside the survey but for a small part; also tells how many do not.
fn drop_beyond_boundary(grown: &[Sphere], region: &Region, settings: &Settings) -> (Vec<Candidate>, usize) {
    let largest = grown.iter().map(|s| s.radius).fold(0.0, f64::max);
    let test = BoundaryTest::new(region, largest, settings.boundary_density, settings.boundary_overlap);
    let vectors = Level::new();
    let holes: Vec<Candidate> =
        grown.par_chunks(HOLES_A_BATCH).flat_map_iter(|spheres| dispatch!(vectors, _ => test.kept(spheres))).collect();
    let beyond = grown.len() - holes.len();
    (holes, beyond)
}

/// Edge flags, effective radii and the catalogue rows.
fn describe(holes: &[Candidate], voids: &Voids, region: &Region, settings: &Settings) -> (Vec<Maximal>, Vec<Hole>) {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); voids.maximals.len()];
    for &(hole, void) in &voids.members {
        members[void].push(hole);
    }
    let maximals = voids
        .maximals
        .par_iter()
        .zip(&members)
        .enumerate()
        .map(|(void, (&maximal, members))| {
            let Sphere { centre, radius } = holes[maximal].sphere;
            let crosses = members.iter().any(|&m| holes[m].crosses_boundary);
            let near = || members.iter().any(|&m| !region.holds_around(holes[m].sphere.centre, settings.edge_mpc_h));
            // Around the maximal sphere, so that a void across a periodic face is in one piece.
            let spheres: Vec<([f64; 3], f64)> = members
                .iter()
                .map(|&m| (region.difference(holes[m].sphere.centre, centre), holes[m].sphere.radius))
                .collect();
            let (r_eff, error) = union_volume(&spheres, settings.seed, void as u64).effective_radius_mpc_h();
            Maximal {
                centre_mpc_h: centre,
                radius_mpc_h: radius,
                void: void as i64,
                edge: if crosses {
                    1
                } else if near() {
                    2
                } else {
                    0
                },
                r_eff_mpc_h: Some(r_eff),
                r_eff_uncert_mpc_h: Some(error),
            }
        })
        .collect();
    let rows = voids
        .members
        .iter()
        .map(|&(hole, void)| {
            let Sphere { centre, radius } = holes[hole].sphere;
            Hole { centre_mpc_h: centre, radius_mpc_h: radius, void: void as i64 }
        })
        .collect();
    (maximals, rows)
}
