//! Surfaces of voids: their areas, and the triangles they are drawn with.

use desi::desivast::SurfaceTriangle;
use rayon::prelude::*;

use super::Watershed;
use super::pruning::Void;
use super::zones::NO_ZONE;
use crate::delaunay::Face;

/// Cells handled together.
const CHUNK: usize = 1024;

/// Areas of the faces between zones.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneAreas {
    /// For each zone the zones it touches (`NO_ZONE` for cells without volume), ascending, with the area between.
    touching: Vec<Vec<(u32, f64)>>,
}

/// Outer surface of a group of zones.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OuterArea {
    /// The whole outer surface, (Mpc/h)^2.
    pub total_mpc_h2: f64,
    /// The part of it against cells without volume, (Mpc/h)^2.
    pub edge_mpc_h2: f64,
}

impl ZoneAreas {
    /// Outer surface of a group of zones (ascending): faces between its own zones do not count.
    pub fn outer(&self, zones: &[u32]) -> OuterArea {
        let mut area = OuterArea::default();
        for &zone in zones {
            for &(other, between) in &self.touching[zone as usize] {
                if other == NO_ZONE {
                    area.edge_mpc_h2 += between;
                }
                if zones.binary_search(&other).is_err() {
                    area.total_mpc_h2 += between;
                }
            }
        }
        area
    }
}

/// The surfaces of a set of voids. A zone in several voids is drawn with the largest.
#[derive(Debug, Clone, Default)]
pub struct VoidSurfaces {
    /// By void, then in the order of the cells.
    pub triangles: Vec<SurfaceTriangle>,
    /// For each cell that is part of the surface of a void, that void.
    pub void_of_cell: Vec<Option<u32>>,
    /// For each cell of a void that touches another void, that void; of several the last.
    pub other_void_of_cell: Vec<Option<u32>>,
}

/// For each zone the smallest and the largest void (by number of zones; the first of equals) that contain it.
pub fn voids_of_zones(voids: &[Void], zones: usize) -> Vec<Option<[u32; 2]>> {
    let mut of_zone: Vec<Option<[u32; 2]>> = vec![None; zones];
    let size = |void: u32| voids[void as usize].zones.len();
    for (index, void) in voids.iter().enumerate() {
        let index = index as u32;
        for &zone in &void.zones {
            match &mut of_zone[zone as usize] {
                none @ None => *none = Some([index, index]),
                Some([smallest, largest]) => {
                    if size(index) < size(*smallest) {
                        *smallest = index;
                    } else if size(index) > size(*largest) {
                        *largest = index;
                    }
                }
            }
        }
    }
    of_zone
}

impl Watershed<'_> {
    /// Areas of all faces between different zones, and between zones and cells without volume. Parallel over cells.
    pub fn zone_areas(&self) -> ZoneAreas {
        let zone_of_cell = &self.zones.zone_of_cell;
        let cells: Vec<u32> =
            (0..self.tessellation.len() as u32).filter(|&c| zone_of_cell[c as usize] != NO_ZONE).collect();
        let mut faces: Vec<(u32, u32, f64)> = for_each(&cells, |cell, out: &mut Vec<_>| {
            let zone = zone_of_cell[cell];
            for (neighbour, site) in self.neighbour_sites(cell) {
                let other = zone_of_cell[neighbour];
                // A face between two zones is seen from both sides: count it from the first cell.
                let counts = other != zone && (other == NO_ZONE || cell < neighbour);
                if counts && let Some(area) = self.face(cell, site).and_then(|face| face.area) {
                    out.push((zone, other, area));
                }
            }
        });
        let reversed: Vec<_> = faces.iter().filter(|f| f.1 != NO_ZONE).map(|&(a, b, area)| (b, a, area)).collect();
        faces.extend(reversed);
        faces.sort_by_key(|&(zone, other, _)| (zone, other));
        let mut touching = vec![Vec::new(); self.zones.zones.len()];
        for between in faces.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let area = between.iter().map(|face| face.2).sum::<f64>();
            touching[between[0].0 as usize].push((between[0].1, area));
        }
        ZoneAreas { touching }
    }

    /// The outer surfaces of voids as triangles. Parallel over cells.
    pub fn surfaces(&self, voids: &[Void]) -> VoidSurfaces {
        let largest: Vec<Option<u32>> = voids_of_zones(voids, self.zones.zones.len())
            .into_iter()
            .map(|of| of.map(|[_, largest]| largest))
            .collect();
        let void_of = |cell: usize| largest.get(self.zones.zone_of_cell[cell] as usize).copied().flatten();
        let mut cells: Vec<u32> =
            (0..self.tessellation.len() as u32).filter(|&c| void_of(c as usize).is_some()).collect();
        cells.sort_by_key(|&cell| void_of(cell as usize));
        let triangles = for_each(&cells, |cell, out| {
            if let Some(void) = void_of(cell) {
                for (neighbour, site) in self.neighbour_sites(cell) {
                    if void_of(neighbour) != Some(void) {
                        self.append_triangles(void, cell, site, out);
                    }
                }
            }
        });
        let touched: Vec<(Option<u32>, Option<u32>)> = (0..self.tessellation.len())
            .into_par_iter()
            .map(|cell| {
                let Some(void) = void_of(cell) else {
                    return (None, None);
                };
                let others = || self.tessellation.neighbours(cell).map(void_of).filter(|other| *other != Some(void));
                (others().next().map(|_| void), others().flatten().max())
            })
            .collect();
        let (void_of_cell, other_void_of_cell) = touched.into_iter().unzip();
        VoidSurfaces { triangles, void_of_cell, other_void_of_cell }
    }

    /// Neighbours of a cell with the sites (possibly images) that they are seen at.
    fn neighbour_sites(&self, cell: usize) -> impl Iterator<Item = (usize, u32)> + '_ {
        let tessellation = &self.tessellation;
        let sites = tessellation.voronoi().neighbours(tessellation.site(cell));
        sites.iter().map(|&site| (tessellation.cell_of_site(site), site))
    }

    fn face(&self, cell: usize, site: u32) -> Option<Face> {
        let tessellation = &self.tessellation;
        tessellation.voronoi().face(tessellation.delaunay(), tessellation.site(cell), site as usize)
    }

    /// Cuts the face between a cell and a neighbouring site into a fan of triangles. A face without area, as in gridded
    /// sets of points, gives none.
    fn append_triangles(&self, void: u32, cell: usize, site: u32, out: &mut Vec<SurfaceTriangle>) {
        let Some(face) = self.face(cell, site).filter(|face| face.area.is_some_and(|area| area > 0.0)) else {
            return;
        };
        let delaunay = self.tessellation.delaunay();
        let (from, to) = (self.tessellation.position_mpc_h(cell), delaunay.sites()[site as usize]);
        let edge: [f64; 3] = std::array::from_fn(|k| to[k] - from[k]);
        let length = astro::sphere::norm(edge);
        let normal = edge.map(|component| component / length);
        let corner = |i: usize| delaunay.tetras()[face.tetras[i] as usize].centre;
        for i in 1..face.tetras.len() - 1 {
            out.push(SurfaceTriangle {
                void: i64::from(void),
                normal,
                corners_mpc_h: [corner(0), corner(i), corner(i + 1)],
            });
        }
    }
}

/// Runs `work` on cells in parallel and gathers what it appends, in their order.
fn for_each<T: Send>(cells: &[u32], work: impl Fn(usize, &mut Vec<T>) + Sync) -> Vec<T> {
    let parts: Vec<Vec<T>> = cells
        .par_chunks(CHUNK)
        .map(|chunk| {
            let mut out = Vec::new();
            for &cell in chunk {
                work(cell as usize, &mut out);
            }
            out
        })
        .collect();
    let mut all = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for mut part in parts {
        all.append(&mut part);
    }
    all
}
