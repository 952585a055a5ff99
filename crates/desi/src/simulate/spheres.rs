//! The true voids as spheres: what VoidFinder would call a maximal sphere and its holes, from the geometry of a cell.
//!
//! A sphere centred in a Voronoi cell with the distance to the nearest wall, less a margin for the wall's thickness,
//! as its radius is empty but for the field population. The largest such sphere is the maximal; others that share
//! more than half their volume with it are its holes, as VoidFinder merges them (Hoyle & Vogeley 2002,
//! 2002ApJ...566..641H). The union of the holes *is* the true void.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::structure::{Structure, along, dot, minus, unit};

/// Smallest maximal sphere, Mpc/h: VoidFinder's own limit.
pub const LEAST_MAXIMAL_MPC_H: f64 = 10.0;

/// Smallest hole, Mpc/h: about the smallest in the DR7 reference catalogue.
const LEAST_HOLE_MPC_H: f64 = 4.0;

/// No closed cell has its middle this far from its nucleus, Mpc/h.
const OPEN_MPC_H: f64 = 60.0;

/// Trial centres a void.
const TRIALS: usize = 160;

/// A sphere, comoving Mpc/h.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sphere {
    /// Centre.
    pub centre_mpc_h: [f64; 3],
    /// Radius.
    pub radius_mpc_h: f64,
}

impl Sphere {
    /// Is a place inside (surface excluded)?
    #[must_use]
    pub fn contains(&self, place: [f64; 3]) -> bool {
        let offset = minus(place, self.centre_mpc_h);
        dot(offset, offset) < self.radius_mpc_h * self.radius_mpc_h
    }

    fn volume(&self) -> f64 {
        4.0 / 3.0 * std::f64::consts::PI * self.radius_mpc_h.powi(3)
    }

    /// Volume shared with another sphere.
    #[must_use]
    pub fn overlap_mpc_h3(&self, other: &Self) -> f64 {
        let offset = minus(self.centre_mpc_h, other.centre_mpc_h);
        let (distance, a, b) = (dot(offset, offset).sqrt(), self.radius_mpc_h, other.radius_mpc_h);
        if distance >= a + b {
            return 0.0;
        }
        if distance <= (a - b).abs() {
            return self.volume().min(other.volume());
        }
        let cap = |radius: f64, height: f64| std::f64::consts::PI * height * height * (3.0 * radius - height) / 3.0;
        let height = |r: f64, s: f64| (s - r + distance) * (s + r - distance) / (2.0 * distance);
        cap(a, height(a, b)) + cap(b, height(b, a))
    }
}

/// One true void.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueVoid {
    /// The nucleus whose cell holds the void.
    pub nucleus: u32,
    /// Its largest sphere.
    pub maximal: Sphere,
    /// The spheres whose union is the void; the first is the maximal.
    pub holes: Vec<Sphere>,
}

impl TrueVoid {
    /// Is a place in the union of the holes?
    #[must_use]
    pub fn contains(&self, place: [f64; 3]) -> bool {
        self.holes.iter().any(|hole| hole.contains(place))
    }
}

/// The voids of a structure that are larger than VoidFinder's limit, in the order of their nuclei, of those cells only
/// whose nucleus `is_wanted`.
#[must_use]
pub fn true_voids(
    structure: &Structure,
    seed: u64,
    margin_mpc_h: f64,
    is_wanted: impl Fn([f64; 3]) -> bool + Sync,
) -> Vec<TrueVoid> {
    (0..structure.nuclei.len() as u32)
        .into_par_iter()
        .filter(|&nucleus| is_wanted(structure.nuclei[nucleus as usize]))
        .filter_map(|nucleus| one_void(structure, nucleus, seed, margin_mpc_h))
        .collect()
}

/// The walls of one cell, for many distances: unit normals and distances from the nucleus, nearest first.
struct Walls {
    nucleus: [f64; 3],
    planes: Vec<([f64; 3], f64)>,
}

impl Walls {
    fn new(structure: &Structure, nucleus: u32) -> Self {
        let plane = |(_, to_other): (u32, [f64; 3])| {
            let length = dot(to_other, to_other).sqrt();
            (to_other.map(|x| x / length), 0.5 * length)
        };
        let planes = structure.neighbour_offsets(nucleus).map(plane).collect();
        Self { nucleus: structure.nuclei[nucleus as usize], planes }
    }

    /// As [`Structure::wall_distance_mpc_h`].
    fn distance_mpc_h(&self, place: [f64; 3]) -> f64 {
        let offset = minus(place, self.nucleus);
        let reach = dot(offset, offset).sqrt();
        let mut least = f64::INFINITY;
        for (normal, half) in &self.planes {
            // Walls further from the nucleus cannot be nearer to the place than this.
            if half - reach > least {
                break;
            }
            least = least.min(half - dot(offset, *normal));
        }
        least
    }
}

fn one_void(structure: &Structure, nucleus: u32, seed: u64, margin_mpc_h: f64) -> Option<TrueVoid> {
    let walls = Walls::new(structure, nucleus);
    let maximal = largest_sphere(&walls, margin_mpc_h)?;
    if maximal.radius_mpc_h <= LEAST_MAXIMAL_MPC_H {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(super::streams::HOLES + u64::from(structure.lattice_cells[nucleus as usize]));
    let mut candidates = Vec::new();
    for _ in 0..TRIALS {
        let direction: [f64; 3] = std::array::from_fn(|_| rng.sample(StandardNormal));
        let reach = 1.2 * maximal.radius_mpc_h * rng.random::<f64>().cbrt();
        let Some(direction) = unit(direction) else { continue };
        let centre_mpc_h = along(maximal.centre_mpc_h, reach, direction);
        let radius_mpc_h = walls.distance_mpc_h(centre_mpc_h) - margin_mpc_h;
        let sphere = Sphere { centre_mpc_h, radius_mpc_h };
        if radius_mpc_h >= LEAST_HOLE_MPC_H && sphere.overlap_mpc_h3(&maximal) > 0.5 * sphere.volume() {
            candidates.push(sphere);
        }
    }
    candidates.sort_by(|a, b| b.radius_mpc_h.total_cmp(&a.radius_mpc_h));
    let mut holes = vec![maximal];
    for sphere in candidates {
        let hidden = holes.iter().any(|hole| {
            let offset = minus(hole.centre_mpc_h, sphere.centre_mpc_h);
            dot(offset, offset).sqrt() + sphere.radius_mpc_h < hole.radius_mpc_h + 0.5
        });
        if !hidden {
            holes.push(sphere);
        }
    }
    Some(TrueVoid { nucleus, maximal, holes })
}

/// Climbs from the nucleus to the place furthest from the walls: the distance is a concave function inside a cell.
/// `None` where the climb leaves for open space: cells beyond the survey lack neighbours on the outside.
fn largest_sphere(walls: &Walls, margin_mpc_h: f64) -> Option<Sphere> {
    let origin = walls.nucleus;
    let mut centre = origin;
    let mut best = walls.distance_mpc_h(centre);
    let mut step = 4.0;
    while step > 0.05 {
        let mut moved = false;
        for ways in 0..26 {
            let code = if ways < 13 { ways } else { ways + 1 };
            let way = [code / 9, (code / 3) % 3, code % 3].map(|digit| f64::from(digit) - 1.0);
            let trial = along(centre, step, way);
            let distance = walls.distance_mpc_h(trial);
            if distance > best {
                (centre, best, moved) = (trial, distance, true);
            }
        }
        let climbed = minus(centre, origin);
        if dot(climbed, climbed) > OPEN_MPC_H * OPEN_MPC_H {
            return None;
        }
        if !moved {
            step *= 0.5;
        }
    }
    Some(Sphere { centre_mpc_h: centre, radius_mpc_h: best - margin_mpc_h })
}
