//! The large-scale structure: a Voronoi model (van de Weygaert & Icke 1989, 1989A&A...213....1V).
//!
//! Space is divided among void nuclei, each cell being an expanding void. Matter leaves the interior for the wall
//! between two cells, then for the filament where three meet and the node where four do. Every void has a known
//! centre and extent, and the galaxies around it form a connected web. Dynamics, halo bias and evolution with
//! redshift are not part of the model.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::footprint::Footprint;
use astro::sphere;

/// One nucleus in a lattice cell with this probability: less regular than a lattice, less clumped than Poisson.
const OCCUPANCY: f64 = 0.36;

/// Walls are sought among this many nearest nuclei; a Voronoi cell of random points has 15.5 faces on average.
const NEIGHBOURS: usize = 40;

/// Nuclei are kept to this distance outside the footprint, so that no cell inside is cut, Mpc/h.
const MARGIN_MPC_H: f64 = 90.0;

const EMPTY: u32 = u32::MAX;

/// The nuclei and their neighbourhoods.
#[derive(Debug, Clone)]
pub struct Structure {
    /// Void nuclei, comoving Mpc/h.
    pub nuclei: Vec<[f64; 3]>,
    /// The lattice cell of each nucleus: a name that does not depend on the footprint.
    pub(crate) lattice_cells: Vec<u32>,
    step_mpc_h: f64,
    half: i32,
    grid: Vec<u32>,
    neighbours: Vec<u32>,
}

/// The difference of two places.
pub(crate) fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `a + t b`.
pub(crate) fn along(a: [f64; 3], t: f64, b: [f64; 3]) -> [f64; 3] {
    [a[0] + t * b[0], a[1] + t * b[1], a[2] + t * b[2]]
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

impl Structure {
    /// The structure of a seed around a footprint, to a distance.
    #[must_use]
    pub fn new(seed: u64, cell_volume_mpc_h3: f64, footprint: &Footprint, distance_max_mpc_h: f64) -> Self {
        let step_mpc_h = (cell_volume_mpc_h3 * OCCUPANCY).cbrt();
        let half = ((distance_max_mpc_h + MARGIN_MPC_H) / step_mpc_h).ceil() as i32;
        let side = 2 * half as usize;
        let cones = cap_cones(footprint);
        let slabs: Vec<Vec<([f64; 3], u32)>> = (0..side)
            .into_par_iter()
            .map(|slab| slab_nuclei(seed, slab, half, step_mpc_h, distance_max_mpc_h + MARGIN_MPC_H, &cones))
            .collect();
        let mut grid = vec![EMPTY; side * side * side];
        let (mut nuclei, mut lattice_cells) = (Vec::new(), Vec::new());
        for (place, cell) in slabs.into_iter().flatten() {
            grid[cell as usize] = nuclei.len() as u32;
            nuclei.push(place);
            lattice_cells.push(cell);
        }
        let mut structure = Self { nuclei, lattice_cells, step_mpc_h, half, grid, neighbours: Vec::new() };
        structure.neighbours = (0..structure.nuclei.len())
            .into_par_iter()
            .flat_map_iter(|index| structure.nearest_nuclei(index))
            .collect();
        structure
    }

    fn lattice(&self, place: [f64; 3]) -> [i32; 3] {
        place.map(|x| (x / self.step_mpc_h).floor() as i32 + self.half)
    }

    fn nucleus_in(&self, [x, y, z]: [i32; 3]) -> Option<u32> {
        let side = 2 * self.half;
        let inside = |i: i32| (0..side).contains(&i);
        if !(inside(x) && inside(y) && inside(z)) {
            return None;
        }
        let index = self.grid[((x * side + y) * side + z) as usize];
        (index != EMPTY).then_some(index)
    }

    /// The nucleus in whose cell a place lies; `None` only far outside the footprint.
    #[must_use]
    pub fn cell_of(&self, place: [f64; 3]) -> Option<u32> {
        let centre = self.lattice(place);
        let to_face = place
            .iter()
            .map(|x| {
                let fraction = (x / self.step_mpc_h).rem_euclid(1.0);
                fraction.min(1.0 - fraction) * self.step_mpc_h
            })
            .fold(f64::INFINITY, f64::min);
        let (mut best, mut best_squared) = (None, f64::INFINITY);
        for ring in 0..7_i32 {
            visit_ring(centre, ring, |cell| {
                if let Some(index) = self.nucleus_in(cell) {
                    let offset = minus(self.nuclei[index as usize], place);
                    let squared = dot(offset, offset);
                    if squared < best_squared {
                        (best, best_squared) = (Some(index), squared);
                    }
                }
            });
            let complete_to = f64::from(ring) * self.step_mpc_h + to_face;
            if best_squared <= complete_to * complete_to {
                break;
            }
        }
        best
    }

    fn nearest_nuclei(&self, index: usize) -> Vec<u32> {
        let place = self.nuclei[index];
        let centre = self.lattice(place);
        let mut found = Vec::with_capacity(160);
        for ring in 0..4 {
            visit_ring(centre, ring, |cell| {
                if let Some(other) = self.nucleus_in(cell).filter(|&other| other as usize != index) {
                    let offset = minus(self.nuclei[other as usize], place);
                    found.push((dot(offset, offset), other));
                }
            });
        }
        found.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        (0..NEIGHBOURS).map(|k| found.get(k).map_or(EMPTY, |&(_, other)| other)).collect()
    }

    /// Offsets from a nucleus to its nearest others, nearest first.
    pub(crate) fn neighbour_offsets(&self, nucleus: u32) -> impl Iterator<Item = (u32, [f64; 3])> + '_ {
        let origin = self.nuclei[nucleus as usize];
        let from = nucleus as usize * NEIGHBOURS;
        self.neighbours[from..from + NEIGHBOURS]
            .iter()
            .take_while(|&&other| other != EMPTY)
            .map(move |&other| (other, minus(self.nuclei[other as usize], origin)))
    }

    /// Distance from a place to the nearest wall of a nucleus' cell, Mpc/h; negative outside the cell.
    #[must_use]
    pub fn wall_distance_mpc_h(&self, nucleus: u32, place: [f64; 3]) -> f64 {
        let offset = minus(place, self.nuclei[nucleus as usize]);
        let mut least = f64::INFINITY;
        for (_, to_other) in self.neighbour_offsets(nucleus) {
            let squared = dot(to_other, to_other);
            least = least.min((0.5 * squared - dot(offset, to_other)) / squared.sqrt());
        }
        least
    }

    /// Where the ray from a nucleus along `direction` (unit) leaves the cell: distance and the nucleus beyond.
    pub(crate) fn wall_along(&self, nucleus: u32, direction: [f64; 3]) -> Option<(f64, u32)> {
        let mut nearest: Option<(f64, u32)> = None;
        for (other, to_other) in self.neighbour_offsets(nucleus) {
            let slope = dot(direction, to_other);
            if slope > 0.0 {
                let distance = 0.5 * dot(to_other, to_other) / slope;
                if nearest.is_none_or(|(least, _)| distance < least) {
                    nearest = Some((distance, other));
                }
            }
        }
        nearest
    }

    /// The first place along `place + t direction`, t > 0, as near to a third nucleus as to `nucleus`.
    fn meet(&self, nucleus: u32, not: [u32; 2], place: [f64; 3], direction: [f64; 3]) -> Option<(f64, u32)> {
        let offset = minus(place, self.nuclei[nucleus as usize]);
        let mut nearest: Option<(f64, u32)> = None;
        for (other, to_other) in self.neighbour_offsets(nucleus) {
            let slope = dot(direction, to_other);
            if slope <= 1e-9 || not.contains(&other) {
                continue;
            }
            let distance = ((0.5 * dot(to_other, to_other) - dot(offset, to_other)) / slope).max(0.0);
            if nearest.is_none_or(|(least, _)| distance < least) {
                nearest = Some((distance, other));
            }
        }
        nearest
    }

    /// Moves a place in `nucleus`' cell outwards to the wall, then for each further stage to the filament and node.
    pub(crate) fn move_out(&self, nucleus: u32, place: [f64; 3], stages: u8) -> [f64; 3] {
        let origin = self.nuclei[nucleus as usize];
        let Some(direction) = unit(minus(place, origin)) else { return place };
        let Some((distance, second)) = self.wall_along(nucleus, direction) else { return place };
        let on_wall = along(origin, distance, direction);
        if stages < 2 {
            return on_wall;
        }
        let to_second = minus(self.nuclei[second as usize], origin);
        let middle = along(origin, 0.5, to_second);
        let Some(outwards) = unit(minus(on_wall, middle)) else { return on_wall };
        let Some((distance, third)) = self.meet(nucleus, [second, second], on_wall, outwards) else { return on_wall };
        let on_filament = along(on_wall, distance, outwards);
        if stages < 3 {
            return on_filament;
        }
        let to_third = minus(self.nuclei[third as usize], origin);
        let Some(edge) = unit(cross(to_second, to_third)) else { return on_filament };
        let ends = [edge, edge.map(|x| -x)]
            .map(|way| self.meet(nucleus, [second, third], on_filament, way).map(|(t, _)| (t, way)));
        let nearest = ends.into_iter().flatten().min_by(|a, b| a.0.total_cmp(&b.0));
        nearest.map_or(on_filament, |(t, way)| along(on_filament, t, way))
    }
}

pub(crate) fn unit(vector: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(vector, vector).sqrt();
    (length > 1e-9).then(|| vector.map(|x| x / length))
}

/// The lattice cells at Chebyshev distance `ring` of `centre`.
fn visit_ring(centre: [i32; 3], ring: i32, mut visit: impl FnMut([i32; 3])) {
    for dx in -ring..=ring {
        for dy in -ring..=ring {
            let on_side = dx.abs() == ring || dy.abs() == ring;
            let step = if on_side { 1 } else { (2 * ring).max(1) };
            let mut dz = -ring;
            while dz <= ring {
                visit([centre[0] + dx, centre[1] + dy, centre[2] + dz]);
                dz += step;
            }
        }
    }
}

/// A cone (axis, half-angle in radians) around each cap: a cheap test that keeps more than it must.
fn cap_cones(footprint: &Footprint) -> Vec<([f64; 3], f64)> {
    let mut cones = Vec::new();
    for cap in &footprint.caps {
        let dec = cap.sin_dec.map(|s| s.asin().to_degrees());
        // Narrow pieces in right ascension make tight cones.
        let pieces = (cap.ra_half_width_deg / 10.0).ceil().max(1.0);
        let half_width = cap.ra_half_width_deg / pieces;
        for piece in 0..pieces as usize {
            let ra = cap.ra_centre_deg - cap.ra_half_width_deg + (2 * piece + 1) as f64 * half_width;
            let (middle, half_height) = (0.5 * (dec[0] + dec[1]), 0.5 * (dec[1] - dec[0]));
            let radius = half_height + half_width;
            cones.push((sphere::unit_vector(ra.rem_euclid(360.0), middle), radius.to_radians()));
        }
    }
    cones
}

fn slab_nuclei(
    seed: u64,
    slab: usize,
    half: i32,
    step_mpc_h: f64,
    reach_mpc_h: f64,
    cones: &[([f64; 3], f64)],
) -> Vec<([f64; 3], u32)> {
    let side = 2 * half as usize;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(super::streams::NUCLEI + (slab as i64 - i64::from(half) + (1 << 20)) as u64);
    let mut nuclei = Vec::new();
    for y in 0..side {
        for z in 0..side {
            if rng.random::<f32>() >= OCCUPANCY as f32 {
                continue;
            }
            let jitter: [f64; 3] = rng.random();
            let lattice = [slab, y, z];
            let place: [f64; 3] =
                std::array::from_fn(|axis| (lattice[axis] as f64 - f64::from(half) + jitter[axis]) * step_mpc_h);
            if near_footprint(place, reach_mpc_h, cones) {
                nuclei.push((place, ((slab * side + y) * side + z) as u32));
            }
        }
    }
    nuclei
}

fn near_footprint(place: [f64; 3], reach_mpc_h: f64, cones: &[([f64; 3], f64)]) -> bool {
    let distance = dot(place, place).sqrt();
    if distance > reach_mpc_h {
        return false;
    }
    if distance <= MARGIN_MPC_H {
        return true;
    }
    let pad = (MARGIN_MPC_H / distance).asin();
    cones.iter().any(|&(axis, radius)| {
        let limit = radius + pad;
        limit >= std::f64::consts::PI || dot(place, axis) >= distance * limit.cos()
    })
}
