//! The Voronoi diagram as the dual of the Delaunay triangulation: cell volumes, neighbours, faces.
//!
//! A cell is cut into pyramids from its site to its faces, and each face into triangles whose corners are the middle
//! of the Delaunay edge and two successive circumcentres round it. With signed volumes this holds also where the
//! middle is outside the face.

use rayon::prelude::*;

use super::Delaunay;
use super::mesh::{FACE, INFINITE, cross, dot};

/// Sites handled together: large enough to share out, fixed so that results do not depend on the thread count.
const CHUNK: usize = 4096;

/// One Voronoi cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Volume, or `None` where the cell is unbounded or a vertex was refused.
    pub volume: Option<f64>,
    first_neighbour: usize,
    neighbours: usize,
}

/// The polygon between two cells.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// Area; `None` where the face is unbounded.
    pub area: Option<f64>,
    /// The tetrahedra whose circumcentres are its corners, in order round it.
    pub tetras: Vec<u32>,
}

/// The Voronoi diagram of the sites of a triangulation.
#[derive(Debug, Clone)]
pub struct Voronoi {
    cells: Vec<Cell>,
    neighbours: Vec<u32>,
    starts: Vec<u32>,
    incident: Vec<u32>,
}

impl Voronoi {
    /// Volumes and neighbours of all cells. `accepted` tells of each tetrahedron (by index) whether its circumcentre
    /// may be a vertex of a cell that has a volume; unbounded cells never have one. Parallel over sites.
    pub fn new(delaunay: &Delaunay, accepted: &[bool]) -> Self {
        let (starts, incident) = incidence(delaunay);
        let sites = delaunay.sites.len();
        let chunks: Vec<_> = (0..sites.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let range = chunk * CHUNK..sites.min((chunk + 1) * CHUNK);
                let mut cells = Vec::with_capacity(range.len());
                let mut neighbours = Vec::with_capacity(16 * range.len());
                for site in range {
                    let star = &incident[starts[site] as usize..starts[site + 1] as usize];
                    let first_neighbour = neighbours.len();
                    append_neighbours(delaunay, star, &mut neighbours);
                    let bounded = star.iter().all(|&h| {
                        let tetra = (h >> 2) as usize;
                        accepted[tetra] && delaunay.tetras[tetra].is_finite()
                    });
                    let volume = bounded.then(|| volume(delaunay, site, star));
                    cells.push(Cell { volume, first_neighbour, neighbours: neighbours.len() - first_neighbour });
                }
                (cells, neighbours)
            })
            .collect();
        let mut cells = Vec::with_capacity(sites);
        let mut neighbours = Vec::with_capacity(chunks.iter().map(|(_, n)| n.len()).sum());
        for (mut part, list) in chunks {
            for cell in &mut part {
                cell.first_neighbour += neighbours.len();
            }
            cells.extend(part);
            neighbours.extend(list);
        }
        Self { cells, neighbours, starts, incident }
    }

    /// All cells, in the order of the sites.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Sites whose cells share a face with that of `site`, ascending. In degenerate sets of points the face may have
    /// no area.
    pub fn neighbours(&self, site: usize) -> &[u32] {
        let cell = &self.cells[site];
        &self.neighbours[cell.first_neighbour..cell.first_neighbour + cell.neighbours]
    }

    /// The face between two neighbouring cells, or `None` where they are not neighbours.
    pub fn face(&self, delaunay: &Delaunay, site: usize, neighbour: usize) -> Option<Face> {
        let star = &self.incident[self.starts[site] as usize..self.starts[site + 1] as usize];
        let wanted = neighbour as u32;
        let start = star.iter().map(|h| h >> 2).find(|&t| delaunay.tetras[t as usize].vertices.contains(&wanted))?;
        let edge = minus(delaunay.sites[neighbour], delaunay.sites[site]);
        let mut tetras = Vec::with_capacity(6);
        let mut six_volumes = 0.0;
        let mut bounded = true;
        let mut index = start;
        loop {
            tetras.push(index);
            let tetra = &delaunay.tetras[index as usize];
            let faces = FACE[tetra.slot_of(site as u32)];
            let k = faces.iter().position(|&slot| tetra.vertices[slot] == wanted)?;
            let next = tetra.neighbours[faces[(k + 1) % 3]] >> 2;
            bounded &= tetra.is_finite();
            let from = minus(tetra.centre, delaunay.sites[site]);
            let to = minus(delaunay.tetras[next as usize].centre, delaunay.sites[site]);
            six_volumes += dot(edge, cross(from, to)) / 2.0;
            index = next;
            if index == start {
                break;
            }
        }
        Some(Face { area: bounded.then(|| six_volumes / dot(edge, edge).sqrt()), tetras })
    }
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// For each site the tetrahedra around it: first positions, and 4 x index + slot of the site.
fn incidence(delaunay: &Delaunay) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; delaunay.sites.len() + 1];
    for tetra in &delaunay.tetras {
        for vertex in tetra.vertices {
            if vertex != INFINITE {
                starts[vertex as usize + 1] += 1;
            }
        }
    }
    for site in 1..starts.len() {
        starts[site] += starts[site - 1];
    }
    let mut incident = vec![0; starts.last().map_or(0, |&n| n as usize)];
    let mut next = starts.clone();
    for (index, tetra) in delaunay.tetras.iter().enumerate() {
        for (slot, vertex) in tetra.vertices.into_iter().enumerate() {
            if vertex != INFINITE {
                incident[next[vertex as usize] as usize] = (index as u32) << 2 | slot as u32;
                next[vertex as usize] += 1;
            }
        }
    }
    (starts, incident)
}

fn append_neighbours(delaunay: &Delaunay, star: &[u32], neighbours: &mut Vec<u32>) {
    let mut all: Vec<u32> = Vec::with_capacity(3 * star.len());
    for &handle in star {
        let tetra = &delaunay.tetras[(handle >> 2) as usize];
        all.extend(FACE[(handle & 3) as usize].map(|slot| tetra.vertices[slot]));
    }
    all.sort_unstable();
    all.dedup();
    if all.last() == Some(&INFINITE) {
        all.pop();
    }
    neighbours.extend(all);
}

/// Volume of the bounded cell of a site.
fn volume(delaunay: &Delaunay, site: usize, star: &[u32]) -> f64 {
    let origin = delaunay.sites[site];
    let mut twelve_volumes = 0.0;
    for &handle in star {
        let tetra = &delaunay.tetras[(handle >> 2) as usize];
        let from = minus(tetra.centre, origin);
        let others = FACE[(handle & 3) as usize];
        for k in 0..3 {
            let next = tetra.neighbours[others[(k + 1) % 3]] >> 2;
            let to = minus(delaunay.tetras[next as usize].centre, origin);
            let edge = minus(delaunay.sites[tetra.vertices[others[k]] as usize], origin);
            twelve_volumes += dot(edge, cross(from, to));
        }
    }
    twelve_volumes / 12.0
}
