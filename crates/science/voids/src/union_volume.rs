//! Volume of a union of overlapping spheres, by randomised quasi-Monte-Carlo over columns.
//!
//! The union's extent along z above a place (x, y) is exact (sorted intervals); only the two other dimensions are
//! sampled, on a Fibonacci lattice shifted at random. Independent shifts give the standard error. Source: Sloan &
//! Joe, *Lattice Methods for Multiple Integration*, 1994.

use fearless_simd::{Level, dispatch};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Points of one lattice and its generator: consecutive Fibonacci numbers.
const LATTICE: (usize, usize) = (89, 55);
/// Rectangles along each side that spheres are sorted into.
const TILES: usize = 8;
/// Independent random shifts.
const SHIFTS: usize = 8;
/// Spheres tested at a time.
const LANES: usize = 4;

/// A volume and its standard error, (Mpc/h)^3.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Volume {
    /// The estimate.
    pub volume_mpc_h3: f64,
    /// Standard error of the mean over the random shifts.
    pub error_mpc_h3: f64,
}

impl Volume {
    /// Radius of the sphere with this volume, and its standard error, Mpc/h.
    #[must_use]
    pub fn effective_radius_mpc_h(&self) -> (f64, f64) {
        let radius = (3.0 * self.volume_mpc_h3 / (4.0 * std::f64::consts::PI)).cbrt();
        let area = 4.0 * std::f64::consts::PI * radius * radius;
        (radius, if area > 0.0 { self.error_mpc_h3 / area } else { 0.0 })
    }
}

/// Volume of the union of `spheres` (centre, radius; Mpc/h). `stream` selects independent random numbers for one seed,
/// so that the voids of a catalogue can be measured in any order.
#[must_use]
pub fn union_volume(spheres: &[([f64; 3], f64)], seed: u64, stream: u64) -> Volume {
    let mut low = [f64::INFINITY; 2];
    let mut high = [f64::NEG_INFINITY; 2];
    for (centre, radius) in spheres {
        for axis in 0..2 {
            low[axis] = low[axis].min(centre[axis] - radius);
            high[axis] = high[axis].max(centre[axis] + radius);
        }
    }
    let sides = [high[0] - low[0], high[1] - low[1]];
    if !(sides[0] > 0.0 && sides[1] > 0.0) {
        return Volume { volume_mpc_h3: 0.0, error_mpc_h3: 0.0 };
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    let tiles = Tiles::new(spheres, low, sides);
    let mut apart = Vec::new();
    let vectors = Level::new();
    let estimates: [f64; SHIFTS] = std::array::from_fn(|_| {
        let shift: [f64; 2] = [random.random(), random.random()];
        dispatch!(vectors, _ => tiles.mean_length(shift, &mut apart)) * sides[0] * sides[1]
    });
    let mean = estimates.iter().sum::<f64>() / SHIFTS as f64;
    let scatter = estimates.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / (SHIFTS * (SHIFTS - 1)) as f64;
    Volume { volume_mpc_h3: mean, error_mpc_h3: scatter.sqrt() }
}

/// The spheres over each of [`TILES`] x [`TILES`] rectangles of the (x, y) plane: a column meets few of them.
struct Tiles {
    low: [f64; 2],
    sides: [f64; 2],
    over: Vec<Columns>,
}

/// [`LANES`] spheres by coordinate; where there are fewer, the others have no extent.
#[derive(Debug, Clone, Copy)]
struct Group {
    x: [f64; LANES],
    y: [f64; LANES],
    z: [f64; LANES],
    radius_sq: [f64; LANES],
}

impl Group {
    const EMPTY: Self =
        Self { x: [0.0; LANES], y: [0.0; LANES], z: [0.0; LANES], radius_sq: [f64::NEG_INFINITY; LANES] };
}

/// The spheres over one tile.
#[derive(Debug, Clone, Default)]
struct Columns {
    count: usize,
    groups: Vec<Group>,
}

impl Columns {
    fn push(&mut self, [x, y, z]: [f64; 3], radius_sq: f64) {
        let lane = self.count % LANES;
        if lane == 0 {
            self.groups.push(Group::EMPTY);
        }
        self.count += 1;
        if let Some(group) = self.groups.last_mut() {
            (group.x[lane], group.y[lane], group.z[lane], group.radius_sq[lane]) = (x, y, z, radius_sq);
        }
    }
}

impl Tiles {
    fn new(spheres: &[([f64; 3], f64)], low: [f64; 2], sides: [f64; 2]) -> Self {
        let mut over = vec![Columns::default(); TILES * TILES];
        let tile = sides.map(|side| side / TILES as f64);
        for &(centre, radius) in spheres {
            let reach = radius * (1.0 + 1e-9);
            let span = |axis: usize| {
                let at = |place: f64| (((place - low[axis]) / tile[axis]).max(0.0) as usize).min(TILES - 1);
                at(centre[axis] - reach)..=at(centre[axis] + reach)
            };
            for (x, y) in span(0).flat_map(|x| span(1).map(move |y| (x, y))) {
                over[x * TILES + y].push(centre, radius * radius);
            }
        }
        Self { low, sides, over }
    }

    /// Mean length inside spheres of the columns of one shifted lattice. `apart` is working space.
    #[inline(always)]
    fn mean_length(&self, shift: [f64; 2], apart: &mut Vec<(f64, f64)>) -> f64 {
        let mut total = 0.0;
        for i in 0..LATTICE.0 {
            let u = fraction_of(i as f64 / LATTICE.0 as f64 + shift[0]);
            let v = fraction_of((i * LATTICE.1 % LATTICE.0) as f64 / LATTICE.0 as f64 + shift[1]);
            let place = [self.low[0] + u * self.sides[0], self.low[1] + v * self.sides[1]];
            total += column_length(self.at(u, v), place, apart);
        }
        total / LATTICE.0 as f64
    }

    /// The spheres over the tile of a place, given as fractions of the sides.
    #[inline(always)]
    fn at(&self, u: f64, v: f64) -> &Columns {
        let tile = |fraction: f64| ((fraction * TILES as f64) as usize).min(TILES - 1);
        &self.over[tile(u) * TILES + tile(v)]
    }
}

/// What is left of a number from 0 to 2 without its whole part.
#[inline(always)]
fn fraction_of(number: f64) -> f64 {
    if number < 1.0 { number } else { number - 1.0 }
}

/// Length of the part of the vertical line at (x, y) that is inside any sphere. `apart` is working space: disjoint
/// intervals beside the one that grows from the first sphere met; mostly none, because the spheres of a void overlap.
#[inline(always)]
fn column_length(spheres: &Columns, [x, y]: [f64; 2], apart: &mut Vec<(f64, f64)>) -> f64 {
    apart.clear();
    let mut main = (f64::INFINITY, f64::NEG_INFINITY);
    for group in &spheres.groups {
        let mut half_sq = [0.0; LANES];
        let mut met = 0_u32;
        for (k, half_sq) in half_sq.iter_mut().enumerate() {
            let (dx, dy) = (x - group.x[k], y - group.y[k]);
            *half_sq = group.radius_sq[k] - dx * dx - dy * dy;
            met |= u32::from(*half_sq > 0.0) << k;
        }
        while met != 0 {
            let k = met.trailing_zeros() as usize;
            met &= met - 1;
            let half = half_sq[k].sqrt();
            let (from, to) = (group.z[k] - half, group.z[k] + half);
            if main.0 > main.1 || (from <= main.1 && main.0 <= to) {
                main = (main.0.min(from), main.1.max(to));
            } else {
                cover(apart, (from, to));
            }
        }
    }
    if !apart.is_empty() {
        cover(apart, main);
        return apart.iter().map(|(from, to)| to - from).sum();
    }
    (main.1 - main.0).max(0.0)
}

/// Adds an interval to disjoint ones, joining those it touches.
fn cover(covered: &mut Vec<(f64, f64)>, mut added: (f64, f64)) {
    if covered.iter().any(|&(from, to)| from <= added.0 && added.1 <= to) {
        return;
    }
    covered.retain(|&(from, to)| {
        let apart = to < added.0 || from > added.1;
        if !apart {
            added = (added.0.min(from), added.1.max(to));
        }
        apart
    });
    covered.push(added);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn one_sphere_and_two_that_overlap() {
        let unit = 4.0 / 3.0 * PI;
        let one = union_volume(&[([3.0, -2.0, 5.0], 1.0)], 1, 0);
        assert!((one.volume_mpc_h3 - unit).abs() < 5.0 * one.error_mpc_h3 + 1e-3, "{one:?}");
        // Two unit spheres at distance 1 share 5 pi / 12.
        let two = union_volume(&[([0.0; 3], 1.0), ([0.0, 0.0, 1.0], 1.0)], 1, 1);
        assert!((two.volume_mpc_h3 - (2.0 * unit - 5.0 * PI / 12.0)).abs() < 5.0 * two.error_mpc_h3 + 1e-3, "{two:?}");
        assert!(one.error_mpc_h3 < 0.003 * unit, "{one:?}");
        let (radius, error) = one.effective_radius_mpc_h();
        assert!((radius - 1.0).abs() < 0.002 && error < 0.001);
    }

    #[test]
    fn nothing_has_no_volume() {
        assert_eq!(union_volume(&[], 1, 0).volume_mpc_h3, 0.0);
        assert_eq!(union_volume(&[([0.0; 3], 0.0)], 1, 0).volume_mpc_h3, 0.0);
    }

    #[test]
    fn a_seed_and_stream_give_the_same_volume_again() {
        let spheres = [([0.0; 3], 2.0), ([1.0, 1.0, 0.5], 1.5)];
        assert_eq!(union_volume(&spheres, 7, 3), union_volume(&spheres, 7, 3));
        assert_ne!(union_volume(&spheres, 7, 3), union_volume(&spheres, 8, 3));
    }
}
