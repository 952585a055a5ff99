//! The Delaunay triangulation of points in three dimensions, and with it their Voronoi diagram.
//!
//! Incremental insertion (Bowyer 1981, doi:10.1093/comjnl/24.2.162; Watson 1981, doi:10.1093/comjnl/24.2.167) in a
//! biased randomised order along a Hilbert curve (Amenta, Choi & Rote 2003, doi:10.1145/777792.777824). Every decision
//! is exact: a floating-point filter answers nearly all questions, adaptive exact arithmetic (Shewchuk 1997,
//! doi:10.1007/PL00009321) the rest. The result is therefore a valid Delaunay triangulation for gridded, cospherical
//! or clustered points too, and it always ends.
//!
//! What it does not do: weights, constraints, removal of points, or fewer than three dimensions. Coplanar points are
//! an error, not a two-dimensional triangulation.
//!
//! Order of things: the distinct points ("sites") are numbered along a Hilbert curve, ties by x, y, z. This depends
//! on the set of points alone, so that the same set in another order gives the same triangulation, bit for bit.

mod cavity;
mod mesh;
mod order;
mod predicates;
#[cfg(test)]
mod tests;
mod voronoi;

pub use mesh::{INFINITE, Tetra};
pub use voronoi::{Cell, Face, Voronoi};

use mesh::Mesh;

/// Coordinates larger than this would overflow the exact predicates.
const MAX_COORDINATE: f64 = 1.3e36;
/// Coordinates smaller than this are taken as zero, so that the exact predicates cannot underflow.
const MIN_COORDINATE: f64 = 7.5e-37;

/// Why points could not be triangulated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DelaunayError {
    /// A coordinate is not a finite number of sensible size.
    #[error("cannot triangulate: point {row} has coordinates {point:?}, expected finite numbers below 1e36")]
    NotFinite {
        /// Row of the point in the input.
        row: usize,
        /// Its coordinates.
        point: [f64; 3],
    },
    /// Fewer than four distinct points.
    #[error("cannot triangulate {distinct} distinct points: expected at least 4")]
    TooFew {
        /// The number of distinct points.
        distinct: usize,
    },
    /// All points lie in one plane.
    #[error(
        "cannot triangulate {distinct} points: they all lie in one plane\nhint: a survey has depth; check the redshift column"
    )]
    Coplanar {
        /// The number of distinct points.
        distinct: usize,
    },
    /// More points than 32-bit handles can address.
    #[error("cannot triangulate {points} points at once: the limit is {limit}")]
    TooMany {
        /// The number of points given.
        points: usize,
        /// The largest number accepted.
        limit: usize,
    },
}

/// The largest number of points of one triangulation: tetrahedra are addressed with 30 bits, about 6.8 a point.
pub const MAX_POINTS: usize = 150_000_000;

/// A Delaunay triangulation.
#[derive(Debug, Clone)]
pub struct Delaunay {
    sites: Vec<[f64; 3]>,
    site_of_point: Vec<u32>,
    multiplicity: Vec<u32>,
    tetras: Vec<Tetra>,
}

impl Delaunay {
    /// Triangulates points (any frame, any unit). Coincident points become one site.
    ///
    /// Memory: about 64 bytes a tetrahedron, 6.8 tetrahedra a point for random points, i.e. 0.5 GB for a million.
    ///
    /// # Errors
    /// [`DelaunayError`] for coordinates that are not finite, fewer than four distinct points, or points in one plane.
    pub fn new(points: &[[f64; 3]]) -> Result<Self, DelaunayError> {
        Ok(Growing::new(points)?.finish())
    }

    /// The distinct points, in canonical order.
    pub fn sites(&self) -> &[[f64; 3]] {
        &self.sites
    }

    /// For each input point the index of its site.
    pub fn site_of_point(&self) -> &[u32] {
        &self.site_of_point
    }

    /// For each site the number of input points that coincide there.
    pub fn multiplicity(&self) -> &[u32] {
        &self.multiplicity
    }

    /// All tetrahedra, among them the ones outside the convex hull that have the vertex [`INFINITE`].
    pub fn tetras(&self) -> &[Tetra] {
        &self.tetras
    }

    /// Index of the neighbour of tetrahedron `tetra` opposite its vertex `slot` (0..4).
    pub fn neighbour(&self, tetra: usize, slot: usize) -> usize {
        (self.tetras[tetra].neighbours[slot] >> 2) as usize
    }
}

/// A triangulation to which points can still be added.
pub(crate) struct Growing {
    mesh: Mesh,
    site_of_point: Vec<u32>,
    multiplicity: Vec<u32>,
}

impl Growing {
    /// As [`Delaunay::new`].
    pub(crate) fn new(points: &[[f64; 3]]) -> Result<Self, DelaunayError> {
        if points.len() > MAX_POINTS {
            return Err(DelaunayError::TooMany { points: points.len(), limit: MAX_POINTS });
        }
        if let Some(row) = points.iter().position(|p| !p.iter().all(|c| c.abs() <= MAX_COORDINATE)) {
            return Err(DelaunayError::NotFinite { row, point: points[row] });
        }
        let order::Sites { sites, site_of_point, multiplicity } = order::canonical_sites(points);
        if sites.len() < 4 {
            return Err(DelaunayError::TooFew { distinct: sites.len() });
        }
        let mut insertion = order::insertion_order(sites.len());
        if !predicates::bring_tetrahedron_to_front(&sites, &mut insertion) {
            return Err(DelaunayError::Coplanar { distinct: sites.len() });
        }
        let mut mesh = Mesh::new(sites, [insertion[0], insertion[1], insertion[2], insertion[3]]);
        for &site in &insertion[4..] {
            mesh.insert(site);
        }
        Ok(Self { mesh, site_of_point, multiplicity })
    }

    /// Adds finite points, none of which may be a site already; their sites follow those there are.
    pub(crate) fn insert(&mut self, points: &[[f64; 3]]) {
        let added = order::canonical_sites(points);
        let first = self.mesh.sites.len() as u32;
        self.mesh.sites.extend(added.sites);
        self.site_of_point.extend(added.site_of_point.iter().map(|site| first + site));
        self.multiplicity.extend(added.multiplicity);
        for site in first..self.mesh.sites.len() as u32 {
            self.mesh.insert(site);
        }
    }

    /// The distinct points: in canonical order, then those added later.
    pub(crate) fn sites(&self) -> &[[f64; 3]] {
        &self.mesh.sites
    }

    /// For each point the index of its site.
    pub(crate) fn site_of_point(&self) -> &[u32] {
        &self.site_of_point
    }

    /// The tetrahedra as they are now.
    pub(crate) fn tetras(&self) -> impl Iterator<Item = &Tetra> {
        self.mesh.tetras.iter().filter(|tetra| tetra.vertices[0] != mesh::DEAD)
    }

    /// No more points will come.
    pub(crate) fn finish(self) -> Delaunay {
        let Self { mesh, site_of_point, multiplicity } = self;
        let (sites, tetras) = mesh.finish();
        Delaunay { sites, site_of_point, multiplicity, tetras }
    }
}
