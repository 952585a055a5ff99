//! Voronoi cells of tracers in a survey, an isolated box or a periodic box.

use rayon::prelude::*;

use super::images::{Images, Missing};
use super::{Region, WatershedError};
use crate::delaunay::{Delaunay, Growing, Voronoi};

/// The cells of a set of tracers. A cell is a distinct position; coincident tracers share it.
#[derive(Debug, Clone)]
pub struct Tessellation {
    delaunay: Delaunay,
    voronoi: Voronoi,
    /// The site of the mesh for each cell.
    site_of_cell: Vec<u32>,
    /// The cell of each site; images in a periodic box lead to the cell they are images of.
    cell_of_site: Vec<u32>,
    cell_of_tracer: Vec<u32>,
    tracers_in_cell: Vec<u32>,
    /// Galaxies that the tracers of each cell stand for.
    galaxies_in_cell: Vec<f64>,
    volume_mpc_h3: Vec<f64>,
}

impl Tessellation {
    /// Tessellates tracers. Cells that reach beyond the region have no volume (0).
    ///
    /// # Errors
    /// Positions that cannot be triangulated, or that lie outside a box.
    pub fn new(positions_mpc_h: &[[f64; 3]], region: &Region<'_>) -> Result<Self, WatershedError> {
        match region {
            Region::Periodic { low, high } => Self::periodic(positions_mpc_h, *low, *high),
            _ => Self::bounded(positions_mpc_h, region),
        }
    }

    fn bounded(positions: &[[f64; 3]], region: &Region<'_>) -> Result<Self, WatershedError> {
        let delaunay = Delaunay::new(positions)?;
        let accepted = accepted_vertices(&delaunay, region);
        let voronoi = Voronoi::new(&delaunay, &accepted);
        let cells = 0..delaunay.sites().len() as u32;
        Ok(Self {
            volume_mpc_h3: voronoi.cells().iter().map(|cell| cell.volume.unwrap_or(0.0)).collect(),
            site_of_cell: cells.clone().collect(),
            cell_of_site: cells.collect(),
            cell_of_tracer: delaunay.site_of_point().to_vec(),
            tracers_in_cell: delaunay.multiplicity().to_vec(),
            galaxies_in_cell: delaunay.multiplicity().iter().map(|&count| f64::from(count)).collect(),
            delaunay,
            voronoi,
        })
    }

    /// Surrounds the box with images of its tracers, so that no cell of the box can tell the difference from infinitely
    /// many images: no sphere round one of its Delaunay tetrahedra may hold an image that is left out. A thin layer holds
    /// most of those spheres; the images in spheres that reach beyond it, over the large voids, are added one by one.
    fn periodic(positions: &[[f64; 3]], low: [f64; 3], high: [f64; 3]) -> Result<Self, WatershedError> {
        let wrapped = wrap(positions, low, high)?;
        let mut images = Images::new(&wrapped, low, high);
        loop {
            let attempt = Growing::new(&images.points);
            let mut growing = match attempt {
                Ok(growing) => growing,
                Err(_) if !wrapped.is_empty() && images.widen() => continue,
                Err(error) => return Err(error.into()),
            };
            let surrounded = loop {
                match images.missing(&growing) {
                    Missing::None => break true,
                    Missing::Unbounded => break false,
                    Missing::Points(points) => growing.insert(&points),
                }
            };
            if surrounded || !images.widen() {
                return Ok(Self::from_images(growing.finish(), &images.original, wrapped.len()));
            }
        }
    }

    /// `original[i]` is the tracer that padded point i is an image of; the first `tracers` are the tracers themselves.
    fn from_images(delaunay: Delaunay, original: &[u32], tracers: usize) -> Self {
        let voronoi = Voronoi::new(&delaunay, &vec![true; delaunay.tetras().len()]);
        let site_of_point = delaunay.site_of_point();
        let mut site_of_cell: Vec<u32> = site_of_point[..tracers].to_vec();
        site_of_cell.sort_unstable();
        site_of_cell.dedup();
        let mut cell_of_site = vec![0; delaunay.sites().len()];
        for (cell, &site) in site_of_cell.iter().enumerate() {
            cell_of_site[site as usize] = cell as u32;
        }
        for (point, &tracer) in original.iter().enumerate().skip(tracers) {
            cell_of_site[site_of_point[point] as usize] = cell_of_site[site_of_point[tracer as usize] as usize];
        }
        let cell_of_tracer = site_of_point[..tracers].iter().map(|&site| cell_of_site[site as usize]).collect();
        Self {
            volume_mpc_h3: site_of_cell.iter().map(|&s| voronoi.cells()[s as usize].volume.unwrap_or(0.0)).collect(),
            tracers_in_cell: site_of_cell.iter().map(|&s| delaunay.multiplicity()[s as usize]).collect(),
            galaxies_in_cell: site_of_cell.iter().map(|&s| f64::from(delaunay.multiplicity()[s as usize])).collect(),
            site_of_cell,
            cell_of_site,
            cell_of_tracer,
            delaunay,
            voronoi,
        }
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.site_of_cell.len()
    }

    /// Whether there are no cells (never, for a tessellation that was made).
    pub fn is_empty(&self) -> bool {
        self.site_of_cell.is_empty()
    }

    /// The triangulation behind the cells.
    pub fn delaunay(&self) -> &Delaunay {
        &self.delaunay
    }

    /// The Voronoi diagram, by site of the triangulation.
    pub fn voronoi(&self) -> &Voronoi {
        &self.voronoi
    }

    /// Position of a cell's tracer, comoving Mpc/h.
    pub fn position_mpc_h(&self, cell: usize) -> [f64; 3] {
        self.delaunay.sites()[self.site_of_cell[cell] as usize]
    }

    /// The site of a cell in the triangulation.
    pub fn site(&self, cell: usize) -> usize {
        self.site_of_cell[cell] as usize
    }

    /// The cell of a site of the triangulation.
    pub fn cell_of_site(&self, site: u32) -> usize {
        self.cell_of_site[site as usize] as usize
    }

    /// For each tracer its cell.
    pub fn cell_of_tracer(&self) -> &[u32] {
        &self.cell_of_tracer
    }

    /// Number of coincident tracers in each cell.
    pub fn tracers_in_cell(&self) -> &[u32] {
        &self.tracers_in_cell
    }

    /// Volume of each cell, (Mpc/h)^3; 0 for a cell that reaches beyond the region.
    pub fn volumes_mpc_h3(&self) -> &[f64] {
        &self.volume_mpc_h3
    }

    /// The same cells with tracers that stand for so many galaxies each; no weights change nothing.
    pub(super) fn weighted(mut self, weights: &[f64]) -> Self {
        if weights.len() == self.cell_of_tracer.len() {
            self.galaxies_in_cell.fill(0.0);
            for (&cell, weight) in self.cell_of_tracer.iter().zip(weights) {
                self.galaxies_in_cell[cell as usize] += weight;
            }
        }
        self
    }

    /// Galaxies that the tracers in each cell stand for: their number where the survey is complete.
    pub fn galaxies_in_cell(&self) -> &[f64] {
        &self.galaxies_in_cell
    }

    /// Volume a galaxy of a cell, (Mpc/h)^3: the inverse of the density there.
    pub fn specific_volume_mpc_h3(&self, cell: usize) -> f64 {
        self.volume_mpc_h3[cell] / self.galaxies_in_cell[cell]
    }

    /// Cells that share a face with a cell. In a periodic box of few tracers one may come twice, or be the cell itself.
    pub fn neighbours(&self, cell: usize) -> impl Iterator<Item = usize> + '_ {
        self.voronoi.neighbours(self.site(cell)).iter().map(|&site| self.cell_of_site(site))
    }

    /// Mean volume a galaxy over the cells that have one, (Mpc/h)^3; `None` when none has.
    pub fn mean_volume_mpc_h3(&self) -> Option<f64> {
        let mut sum = 0.0;
        let mut galaxies = 0.0;
        for (volume, count) in self.volume_mpc_h3.iter().zip(&self.galaxies_in_cell) {
            if *volume > 0.0 {
                sum += volume;
                galaxies += count;
            }
        }
        (galaxies > 0.0).then(|| sum / galaxies)
    }
}

/// Of each tetrahedron, whether its circumcentre is inside the region.
fn accepted_vertices(delaunay: &Delaunay, region: &Region<'_>) -> Vec<bool> {
    let norm = |p: [f64; 3]| (p[0] * p[0] + p[1] * p[1] + p[2] * p[2]).sqrt();
    let mut nearest = f64::INFINITY;
    let mut furthest: f64 = 0.0;
    for &site in delaunay.sites() {
        nearest = nearest.min(norm(site));
        furthest = furthest.max(norm(site));
    }
    let accepted = |v: [f64; 3]| match region {
        Region::Survey { coverage } => {
            let distance = norm(v);
            distance > nearest && distance < furthest && coverage.covers(v)
        }
        Region::Box { low, high } | Region::Periodic { low, high } => (0..3).all(|k| v[k] > low[k] && v[k] < high[k]),
    };
    delaunay.tetras().par_iter().map(|tetra| tetra.is_finite() && accepted(tetra.centre)).collect()
}

/// Moves positions on the upper faces of a periodic box to the lower ones, which are the same place.
fn wrap(positions: &[[f64; 3]], low: [f64; 3], high: [f64; 3]) -> Result<Vec<[f64; 3]>, WatershedError> {
    if !(0..3).all(|k| low[k] < high[k] && low[k].is_finite() && high[k].is_finite()) {
        return Err(WatershedError::EmptyBox { low, high });
    }
    positions
        .iter()
        .enumerate()
        .map(|(row, p)| {
            if !(0..3).all(|k| p[k] >= low[k] && p[k] <= high[k]) {
                return Err(WatershedError::OutsideBox { row, position: *p, low, high });
            }
            Ok(std::array::from_fn(|k| if p[k] == high[k] { low[k] } else { p[k] }))
        })
        .collect()
}
