//! The split of the tracers into wall and field galaxies.
//!
//! A galaxy whose third nearest neighbour is further than `mean + 1.5 sd` of that distance is isolated: it may lie in a
//! void and does not bound one (Hoyle & Vogeley 2002, 2002ApJ...566..641H).

use std::ops::Range;

use fearless_simd::{Level, dispatch};
use rayon::prelude::*;

use super::point_grid::{Layout, PointGrid};
use super::region::Region;

/// Neighbour ranks up to here are supported.
pub(crate) const MAX_NEIGHBOUR: usize = 16;

/// Sides of the cells that neighbours are searched in, mean separations.
const CELL: [f64; 3] = [0.8; 3];

/// Outcome of the split, one entry an input galaxy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WallSplit {
    /// `Some(true)` wall, `Some(false)` field, `None` a further copy of a galaxy already counted.
    pub(crate) is_wall: Vec<Option<bool>>,
    pub(crate) mean_mpc_h: f64,
    pub(crate) sd_mpc_h: f64,
    pub(crate) limit_mpc_h: f64,
    pub(crate) duplicates: usize,
}

/// Splits `galaxies`, measuring to the `neighbour`-th nearest other one (1 to [`MAX_NEIGHBOUR`]).
pub(crate) fn split(galaxies: &[[f64; 3]], region: &Region, neighbour: usize, sigma: f64) -> WallSplit {
    let grid = PointGrid::new(galaxies, tracer_layout(galaxies, region, CELL));
    let (kept, duplicates) = without_copies(&grid, galaxies);
    let grid = if duplicates > 0 {
        let unique: Vec<[f64; 3]> = kept.iter().map(|&i| galaxies[i as usize]).collect();
        let mut grid = PointGrid::new(&unique, tracer_layout(&unique, region, CELL));
        grid.source.iter_mut().for_each(|i| *i = kept[*i as usize]);
        grid
    } else {
        grid
    };
    let reach = 0.6 * (region_volume(&grid, region) / grid.len().max(1) as f64).cbrt();
    let vectors = Level::new();
    let firsts: Vec<usize> = (0..grid.len()).step_by(1024).collect();
    let distances: Vec<f64> = firsts
        .into_par_iter()
        .flat_map_iter(|first| {
            let run = first..(first + 1024).min(grid.len());
            dispatch!(vectors, _ => distances_to_neighbour(&grid, run, neighbour, reach))
        })
        .collect();
    // Summed in grid order, which does not depend on the order of the input.
    let count = distances.len().max(1) as f64;
    let mean = distances.iter().sum::<f64>() / count;
    let variance = distances.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / count;
    let limit = mean + sigma * variance.sqrt();
    let mut is_wall = vec![None; galaxies.len()];
    for (&source, distance) in grid.source.iter().zip(&distances) {
        is_wall[source as usize] = Some(*distance < limit);
    }
    WallSplit { is_wall, mean_mpc_h: mean, sd_mpc_h: variance.sqrt(), limit_mpc_h: limit, duplicates }
}

fn region_volume(grid: &PointGrid, region: &Region) -> f64 {
    match region {
        Region::Periodic { .. } => region.volume_mpc_h3(),
        _ => grid.volume(),
    }
}

/// Cells with these sides, in mean separations of the galaxies in the box around them.
pub(crate) fn tracer_layout(galaxies: &[[f64; 3]], region: &Region, cell: [f64; 3]) -> Layout {
    let count = galaxies.len().max(1) as f64;
    if let Region::Periodic { low_mpc_h, side_mpc_h } = region {
        let separation = (region.volume_mpc_h3() / count).cbrt();
        return Layout::tiling(*low_mpc_h, *side_mpc_h, cell.map(|side| side * separation));
    }
    let (low, high) = extent(galaxies);
    let sides = [0, 1, 2].map(|a: usize| (high[a] - low[a]).max(1e-3));
    let separation = (sides.iter().product::<f64>() / count).cbrt();
    // A flat or linear set of points must not end up with more cells than points.
    let longest = sides.iter().copied().fold(0.0, f64::max);
    Layout::covering(low, high, cell.map(|side| (side * separation).max(longest / 512.0)))
}

/// Lowest and highest coordinates.
pub(crate) fn extent(points: &[[f64; 3]]) -> ([f64; 3], [f64; 3]) {
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for p in points {
        for a in 0..3 {
            low[a] = low[a].min(p[a]);
            high[a] = high[a].max(p[a]);
        }
    }
    (low, high)
}

/// Indices of one galaxy of each group of copies, in input order, and how many were left out.
fn without_copies(grid: &PointGrid, galaxies: &[[f64; 3]]) -> (Vec<u32>, usize) {
    let mut kept: Vec<u32> = Vec::with_capacity(grid.len());
    for i in 0..grid.len() {
        // Copies are neighbours in the grid's order, the one that comes first in the input leading.
        if i == 0 || grid.position(i) != grid.position(i - 1) {
            kept.push(grid.source[i]);
        }
    }
    kept.sort_unstable();
    let duplicates = galaxies.len() - kept.len();
    (kept, duplicates)
}

/// Distances of a run of the grid's galaxies to their neighbours of this rank. Everything it calls is compiled into it, for wide
/// vectors where the processor has them.
#[inline(always)]
fn distances_to_neighbour(grid: &PointGrid, run: Range<usize>, neighbour: usize, first_reach: f64) -> Vec<f64> {
    let mut distances = Vec::with_capacity(run.len());
    for galaxy in run {
        distances.push(distance_to_neighbour(grid, galaxy, neighbour, first_reach));
    }
    distances
}

#[inline(always)]
fn distance_to_neighbour(grid: &PointGrid, of: usize, neighbour: usize, first_reach: f64) -> f64 {
    let place = grid.position(of);
    let mut reach = first_reach;
    loop {
        let mut nearest = [f64::INFINITY; MAX_NEIGHBOUR];
        let nearest = &mut nearest[..neighbour];
        let mut reach_sq = reach * reach;
        grid.visit_shrinking_ball(
            (place, reach),
            #[inline(always)]
            |run, shift| {
                let at = [place[0] - shift[0], place[1] - shift[1], place[2] - shift[2]];
                grid.each_within(
                    run,
                    at,
                    reach_sq * (1.0 + 1e-12),
                    #[inline(always)]
                    |i| {
                        let (dx, dy, dz) = (grid.x[i] - at[0], grid.y[i] - at[1], grid.z[i] - at[2]);
                        let d2 = dx * dx + dy * dy + dz * dz;
                        if d2 < nearest[neighbour - 1] && !(i == of && shift == [0.0; 3]) {
                            let mut slot = neighbour - 1;
                            while slot > 0 && nearest[slot - 1] > d2 {
                                nearest[slot] = nearest[slot - 1];
                                slot -= 1;
                            }
                            nearest[slot] = d2;
                        }
                    },
                );
                (nearest[neighbour - 1] < reach_sq).then(|| {
                    reach_sq = nearest[neighbour - 1];
                    (place, reach_sq.sqrt())
                })
            },
        );
        let distance = nearest[neighbour - 1].sqrt();
        if distance <= reach {
            return distance;
        }
        // This ends: there are more than `neighbour` points, so some reach holds them.
        reach *= 2.0;
    }
}
