//! The V2 family of void finders: watershed zones of a Voronoi tessellation, and the prunings VIDE, ZOBOV, REVOLVER.
//!
//! Each tracer's Voronoi cell is an estimate of the inverse density. Cells flow to their largest neighbour and make
//! zones; zones overflow into deeper ones over their saddles and make a hierarchy; a pruning says which groups are
//! voids. Neyrinck (2008), doi:10.1111/j.1365-2966.2008.13180.x; as in VAST (Douglass et al. 2022,
//! doi:10.21105/joss.04033), whose catalogues it reproduces where they are right (see `docs/reference/voids.md`).
//!
//! What it does not do: correct for a selection that varies inside the region, or for redshift-space distortion.
//!
//! Order of rows: zones by decreasing core volume a tracer; groups by decreasing saddle, the deepest last. Ties go by
//! the canonical order of [`crate::delaunay`], so that neither threads nor the order of the input matter.

mod catalogue;
mod footprint;
mod hierarchy;
mod images;
mod pruning;
mod sample;
mod shape;
mod surface;
mod tessellation;
mod zones;

pub use catalogue::CatalogueRequest;
pub use footprint::{Coverage, Footprint};
pub use hierarchy::{Hierarchy, PreVoid};
pub use pruning::{Pruning, Void, chance_probability};
pub use sample::{Galaxies, SurveyCuts, SurveySample};
pub use surface::{OuterArea, VoidSurfaces, ZoneAreas, voids_of_zones};
pub use tessellation::Tessellation;
pub use zones::{Link, Zone, Zones};

use archive::Progress;

use crate::delaunay::DelaunayError;

/// Why no voids could be found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WatershedError {
    /// The tracers cannot be triangulated.
    #[error("cannot tessellate the tracers: {0}")]
    Delaunay(#[from] DelaunayError),
    /// A box without volume.
    #[error(
        "cannot use the box from {low:?} to {high:?}: expected finite corners, the second above the first on every axis"
    )]
    EmptyBox {
        /// Lower corner.
        low: [f64; 3],
        /// Upper corner.
        high: [f64; 3],
    },
    /// A tracer outside the periodic box.
    #[error("tracer {row} at {position:?} lies outside the periodic box from {low:?} to {high:?}")]
    OutsideBox {
        /// Row of the tracer.
        row: usize,
        /// Its position.
        position: [f64; 3],
        /// Lower corner.
        low: [f64; 3],
        /// Upper corner.
        high: [f64; 3],
    },
    /// Every cell reaches beyond the region.
    #[error(
        "no cell of {tracers} tracers lies within the region\nhint: a coarser footprint (smaller HEALPix order) or wider redshift limits leave more cells whole"
    )]
    NoCells {
        /// Number of tracers.
        tracers: usize,
    },
    /// Columns of a catalogue differ in length.
    #[error("cannot select tracers: the {column} column has {found} rows, expected {expected}")]
    ColumnLength {
        /// The column.
        column: &'static str,
        /// Its length.
        found: usize,
        /// The length of the right ascension column.
        expected: usize,
    },
    /// A magnitude limit for a catalogue without magnitudes.
    #[error(
        "cannot apply a magnitude limit: the catalogue has no absolute magnitudes\nhint: name the column, or drop the limit for a catalogue that is volume-limited already"
    )]
    NoMagnitude,
    /// A galaxy without a place.
    #[error(
        "cannot place galaxy {row}: right ascension {ra_deg}, declination {dec_deg}, redshift {redshift}, expected finite numbers\nhint: drop rows without a redshift first"
    )]
    BadRow {
        /// Its row.
        row: usize,
        /// Its right ascension, degrees.
        ra_deg: f64,
        /// Its declination, degrees.
        dec_deg: f64,
        /// Its redshift.
        redshift: f64,
    },
    /// No galaxy within the limits.
    #[error("none of {rows} galaxies is a tracer: expected some with redshifts between {} and {}", redshift[0], redshift[1])]
    NoTracers {
        /// Rows of the catalogue.
        rows: usize,
        /// The redshift limits.
        redshift: [f64; 2],
    },
}

/// Where tracers are complete; a cell that reaches beyond has no volume.
#[derive(Clone, Copy)]
pub enum Region<'a> {
    /// Distances from the nearest to the furthest tracer, and directions that the footprint covers.
    Survey {
        /// The directions that are covered.
        coverage: &'a dyn Coverage,
    },
    /// A box with open sides.
    Box {
        /// Lower corner, Mpc/h.
        low: [f64; 3],
        /// Upper corner, Mpc/h.
        high: [f64; 3],
    },
    /// A box whose opposite sides are the same. All cells have a volume; the volumes sum to the box's.
    Periodic {
        /// Lower corner, Mpc/h.
        low: [f64; 3],
        /// Upper corner, Mpc/h.
        high: [f64; 3],
    },
}

/// Limits of the prunings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Voids must be larger than this, Mpc/h.
    pub min_radius_mpc_h: f64,
    /// VIDE joins zones over saddles less dense than this, in units of the mean density.
    pub linking_density: f64,
    /// VIDE drops voids denser than this within a quarter of their radius, in units of the mean density.
    pub central_density: f64,
    /// ZOBOV2 keeps voids at least this significant, standard deviations (two-sided).
    pub min_significance_sigma: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { min_radius_mpc_h: 10.0, linking_density: 0.2, central_density: 0.2, min_significance_sigma: 2.0 }
    }
}

/// The zones of a set of tracers and their hierarchy, from which every pruning's voids follow.
pub struct Watershed<'a> {
    region: Region<'a>,
    tessellation: Tessellation,
    zones: Zones,
    hierarchy: Hierarchy,
}

/// Tessellates tracers (comoving Mpc/h), divides them into zones and orders these in a hierarchy.
///
/// Memory: about 0.8 kB a tracer.
///
/// # Errors
/// Positions that cannot be triangulated or lie outside their box, or a region that holds no whole cell.
pub fn find<'a>(
    positions_mpc_h: &[[f64; 3]],
    region: Region<'a>,
    progress: &dyn Progress,
) -> Result<Watershed<'a>, WatershedError> {
    find_weighted(positions_mpc_h, &[], region, progress)
}

/// As [`find`], for tracers that stand for more galaxies than themselves where the survey is incomplete: the density in
/// a cell is the weight of its tracers over its volume. No weights: each tracer stands for one galaxy.
///
/// # Errors
/// As [`find`].
pub fn find_weighted<'a>(
    positions_mpc_h: &[[f64; 3]],
    weights: &[f64],
    region: Region<'a>,
    progress: &dyn Progress,
) -> Result<Watershed<'a>, WatershedError> {
    progress.begin("tessellating", positions_mpc_h.len() as u64, "tracers");
    let tessellation = Tessellation::new(positions_mpc_h, &region)?.weighted(weights);
    progress.end();
    if tessellation.mean_volume_mpc_h3().is_none() {
        return Err(WatershedError::NoCells { tracers: positions_mpc_h.len() });
    }
    progress.begin("finding zones", tessellation.len() as u64, "cells");
    let zones = Zones::new(&tessellation);
    let hierarchy = Hierarchy::new(&zones);
    progress.end();
    Ok(Watershed { region, tessellation, zones, hierarchy })
}

impl Watershed<'_> {
    /// The cells.
    pub fn tessellation(&self) -> &Tessellation {
        &self.tessellation
    }

    /// The zones, by decreasing core volume.
    pub fn zones(&self) -> &[Zone] {
        &self.zones.zones
    }

    /// The saddles between zones that touch.
    pub fn links(&self) -> &[Link] {
        &self.zones.links
    }

    /// The hierarchy of groups of zones.
    pub fn hierarchy(&self) -> &Hierarchy {
        &self.hierarchy
    }

    /// Zone of a tracer (by input row); `None` where its cell has no volume.
    pub fn zone_of_tracer(&self, tracer: usize) -> Option<u32> {
        let zone = self.zones.zone_of_cell[self.tessellation.cell_of_tracer()[tracer] as usize];
        (zone != zones::NO_ZONE).then_some(zone)
    }

    /// Steps from a tracer's cell down to its zone's core.
    pub fn depth_of_tracer(&self, tracer: usize) -> u32 {
        self.zones.depth[self.tessellation.cell_of_tracer()[tracer] as usize]
    }
}
