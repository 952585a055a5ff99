//! What can be wrong with the input of VoidFinder.

use super::Settings;
use super::region::Region;
use super::wall::MAX_NEIGHBOUR;

/// More start cells than this do not fit the 32-bit index (and no memory would hold what they find).
const MOST_CELLS: f64 = 4.0e9;

/// Input that VoidFinder cannot work with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VoidFinderError {
    /// A position is NaN or infinite.
    #[error("cannot find voids: galaxy {row} has the position {position_mpc_h:?}, expected finite numbers")]
    NotFinite {
        /// Row of the galaxy, from 0.
        row: usize,
        /// Its position, Mpc/h.
        position_mpc_h: [f64; 3],
    },
    /// A position outside the box.
    #[error(
        "cannot find voids: galaxy {row} at {position_mpc_h:?} lies outside the box from {low_mpc_h:?} to {high_mpc_h:?}\nhint: give the limits of the box the galaxies fill"
    )]
    OutsideBox {
        /// Row of the galaxy, from 0.
        row: usize,
        /// Its position, Mpc/h.
        position_mpc_h: [f64; 3],
        /// Lowest corner, Mpc/h.
        low_mpc_h: [f64; 3],
        /// Highest corner, Mpc/h.
        high_mpc_h: [f64; 3],
    },
    /// Not enough galaxies.
    #[error(
        "cannot find voids among {distinct} distinct galaxies, expected at least {needed}\nhint: four galaxies bound a sphere and each needs its neighbours; check the redshift, magnitude and mask limits"
    )]
    TooFewGalaxies {
        /// Galaxies at different positions.
        distinct: usize,
        /// How many are needed.
        needed: usize,
    },
    /// A setting out of range.
    #[error("cannot use {name} = {value} in VoidFinder, expected {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// Too fine a grid for the volume.
    #[error(
        "cannot lay {cells:.1e} start cells of {cell_mpc_h} Mpc/h over the galaxies, expected fewer than 4e9\nhint: use a larger cell, or check the units of the positions (Mpc/h)"
    )]
    TooManyCells {
        /// Number of cells.
        cells: f64,
        /// Their side, Mpc/h.
        cell_mpc_h: f64,
    },
    /// Columns of different length.
    #[error(
        "cannot select galaxies: {ra} right ascensions, {dec} declinations and {redshift} redshifts, expected as many of each"
    )]
    UnequalColumns {
        /// Number of right ascensions.
        ra: usize,
        /// Number of declinations.
        dec: usize,
        /// Number of redshifts.
        redshift: usize,
    },
}

pub(super) fn check_settings(settings: &Settings, region: &Region) -> Result<(), VoidFinderError> {
    let positive = [
        ("cell_mpc_h", settings.cell_mpc_h),
        ("smallest_maximal_mpc_h", settings.smallest_maximal_mpc_h),
        ("boundary_density", settings.boundary_density),
        ("edge_mpc_h", settings.edge_mpc_h),
    ];
    for (name, value) in positive {
        if !(value.is_finite() && value > 0.0) {
            return Err(VoidFinderError::Setting { name, value, expected: "a number above 0" });
        }
    }
    let fractions = [
        ("maximal_overlap", settings.maximal_overlap),
        ("hole_overlap", settings.hole_overlap),
        ("boundary_overlap", settings.boundary_overlap),
    ];
    for (name, value) in fractions {
        if !(0.0..=1.0).contains(&value) {
            return Err(VoidFinderError::Setting { name, value, expected: "a fraction from 0 to 1" });
        }
    }
    if !(1..=MAX_NEIGHBOUR).contains(&settings.neighbour) {
        let value = settings.neighbour as f64;
        return Err(VoidFinderError::Setting { name: "neighbour", value, expected: "a rank from 1 to 16" });
    }
    if !settings.isolation_sigma.is_finite() {
        let value = settings.isolation_sigma;
        return Err(VoidFinderError::Setting { name: "isolation_sigma", value, expected: "a finite number" });
    }
    if settings.same_hole_mpc_h.is_nan() || settings.same_hole_mpc_h < 0.0 {
        let value = settings.same_hole_mpc_h;
        return Err(VoidFinderError::Setting { name: "same_hole_mpc_h", value, expected: "a length of 0 or more" });
    }
    let (low, high) = region.bounds();
    for axis in 0..3 {
        let value = high[axis] - low[axis];
        if !(value.is_finite() && value > 0.0) {
            return Err(VoidFinderError::Setting { name: "side of the region", value, expected: "a length above 0" });
        }
    }
    Ok(())
}

pub(super) fn check_galaxies(galaxies: &[[f64; 3]], region: &Region, neighbour: usize) -> Result<(), VoidFinderError> {
    let (low_mpc_h, high_mpc_h) = region.bounds();
    let in_box = !matches!(region, Region::Survey { .. });
    for (row, &position_mpc_h) in galaxies.iter().enumerate() {
        if !position_mpc_h.iter().all(|c| c.is_finite()) {
            return Err(VoidFinderError::NotFinite { row, position_mpc_h });
        }
        if in_box && !(0..3).all(|a| position_mpc_h[a] >= low_mpc_h[a] && position_mpc_h[a] <= high_mpc_h[a]) {
            return Err(VoidFinderError::OutsideBox { row, position_mpc_h, low_mpc_h, high_mpc_h });
        }
    }
    check_count(galaxies.len(), neighbour)
}

pub(super) fn check_count(distinct: usize, neighbour: usize) -> Result<(), VoidFinderError> {
    let needed = (neighbour + 1).max(5);
    if distinct < needed { Err(VoidFinderError::TooFewGalaxies { distinct, needed }) } else { Ok(()) }
}

pub(super) fn check_cells(n: [usize; 3], cell_mpc_h: f64) -> Result<(), VoidFinderError> {
    let cells: f64 = n.iter().map(|&n| n as f64).product();
    if cells > MOST_CELLS { Err(VoidFinderError::TooManyCells { cells, cell_mpc_h }) } else { Ok(()) }
}
