//! From a heap of overlapping holes to voids: de-duplication, maximal spheres, merging.

use std::f64::consts::PI;

use rayon::prelude::*;

use super::Settings;
use super::growth::Sphere;
use super::point_grid::PointGrid;
use super::region::Region;
use super::wall::tracer_layout;

/// A hole on its way into a void.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) sphere: Sphere,
    pub(crate) crosses_boundary: bool,
}

/// Voids as indices into the candidates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Voids {
    /// Candidate of each maximal sphere, largest first: the void's number is its rank.
    pub(crate) maximals: Vec<usize>,
    /// (candidate, void) of every member hole, maximal spheres among them, largest first.
    pub(crate) members: Vec<(usize, usize)>,
}

/// Volume of a sphere.
pub(crate) fn sphere_volume(radius: f64) -> f64 {
    4.0 / 3.0 * PI * radius.powi(3)
}

/// Common volume of two spheres at distance `separation`.
pub(crate) fn lens_volume(r1: f64, r2: f64, separation: f64) -> f64 {
    if separation >= r1 + r2 {
        return 0.0;
    }
    if separation <= (r1 - r2).abs() {
        return sphere_volume(r1.min(r2));
    }
    // Two caps: the height of the one cut off sphere a by sphere b.
    let height = |a: f64, b: f64| (b - a + separation) * (b + a - separation) / (2.0 * separation);
    let cap = |h: f64, r: f64| PI * h * h * (3.0 * r - h) / 3.0;
    cap(height(r1, r2), r1) + cap(height(r2, r1), r2)
}

/// Sorts by radius, largest first, and drops holes that repeat the one kept just before.
pub(crate) fn sort_and_deduplicate(mut holes: Vec<Candidate>, region: &Region, tolerance: f64) -> Vec<Candidate> {
    holes.par_sort_unstable_by(|a, b| {
        let (p, q) = (a.sphere.centre, b.sphere.centre);
        let by_place = p[0].total_cmp(&q[0]).then(p[1].total_cmp(&q[1])).then(p[2].total_cmp(&q[2]));
        b.sphere.radius.total_cmp(&a.sphere.radius).then(by_place)
    });
    let mut kept: Vec<Candidate> = Vec::with_capacity(holes.len());
    for hole in holes {
        let repeats = kept.last().is_some_and(|last| {
            (last.sphere.radius - hole.sphere.radius).abs() <= tolerance
                && region.separation(last.sphere.centre, hole.sphere.centre) <= tolerance
        });
        if !repeats {
            kept.push(hole);
        }
    }
    kept
}

/// Chooses the maximal spheres and joins the other holes to them. `holes` are sorted, largest first.
pub(crate) fn assemble(holes: &[Candidate], region: &Region, settings: &Settings) -> Voids {
    let mut chosen = ChosenSpheres::new(holes, region);
    let mut maximals = Vec::new();
    let large = holes.partition_point(|h| h.sphere.radius > settings.smallest_maximal_mpc_h);
    for (index, hole) in holes[..large].iter().enumerate() {
        let Sphere { centre, radius } = hole.sphere;
        let too_much = settings.maximal_overlap * sphere_volume(radius);
        let rejected = chosen.any_near(centre, |m| {
            let separation = region.separation(m.centre, centre);
            m.radius - radius >= separation || lens_volume(m.radius, radius, separation) > too_much
        });
        if !rejected {
            chosen.push(hole.sphere);
            maximals.push(index);
        }
    }
    let hosts = Hosts::new(&chosen.spheres, region);
    let is_maximal = |index: usize| maximals.binary_search(&index);
    let members = holes
        .par_iter()
        .enumerate()
        .filter_map(|(index, hole)| match is_maximal(index) {
            Ok(void) => Some((index, void)),
            Err(_) => hosts.only_host(hole.sphere, settings.hole_overlap).map(|void| (index, void)),
        })
        .collect();
    Voids { maximals, members }
}

/// Maximal spheres in cells at least as wide as the largest sphere, so that only 27 cells need a look.
struct ChosenSpheres {
    low: [f64; 3],
    cell: [f64; 3],
    n: [usize; 3],
    periodic: bool,
    cells: Vec<Vec<u32>>,
    spheres: Vec<Sphere>,
}

impl ChosenSpheres {
    fn new(holes: &[Candidate], region: &Region) -> Self {
        let widest = holes.first().map_or(1.0, |h| 2.0 * h.sphere.radius).max(1e-6) * (1.0 + 1e-9);
        let (low, high) = region.bounds();
        let n = [0, 1, 2].map(|a: usize| (((high[a] - low[a]) / widest).floor().clamp(1.0, 128.0)) as usize);
        let cell = [0, 1, 2].map(|a: usize| (high[a] - low[a]) / n[a] as f64);
        let periodic = matches!(region, Region::Periodic { .. });
        Self { low, cell, n, periodic, cells: vec![Vec::new(); n.iter().product()], spheres: Vec::new() }
    }

    fn cell_of(&self, centre: [f64; 3]) -> [usize; 3] {
        [0, 1, 2].map(|a: usize| (((centre[a] - self.low[a]) / self.cell[a]).max(0.0) as usize).min(self.n[a] - 1))
    }

    fn push(&mut self, sphere: Sphere) {
        let [x, y, z] = self.cell_of(sphere.centre);
        self.cells[(z * self.n[1] + y) * self.n[0] + x].push(self.spheres.len() as u32);
        self.spheres.push(sphere);
    }

    /// The cells next to `cell` along one axis, each once.
    fn beside(&self, axis: usize, cell: usize) -> impl Iterator<Item = usize> + use<> {
        let n = self.n[axis];
        let (first, last) = if self.periodic && n > 3 {
            (cell + n - 1, cell + n + 1)
        } else if self.periodic {
            (n, 2 * n - 1)
        } else {
            (cell.saturating_sub(1) + n, (cell + 1).min(n - 1) + n)
        };
        (first..=last).map(move |c| c % n)
    }

    fn any_near(&self, centre: [f64; 3], mut test: impl FnMut(&Sphere) -> bool) -> bool {
        let at = self.cell_of(centre);
        for z in self.beside(2, at[2]) {
            for y in self.beside(1, at[1]) {
                for x in self.beside(0, at[0]) {
                    let cell = &self.cells[(z * self.n[1] + y) * self.n[0] + x];
                    if cell.iter().any(|&i| test(&self.spheres[i as usize])) {
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// All maximal spheres, sorted for the question which of them a hole belongs to.
struct Hosts {
    centres: PointGrid,
    radius: Vec<f64>,
    largest: f64,
}

impl Hosts {
    fn new(maximals: &[Sphere], region: &Region) -> Self {
        let points: Vec<[f64; 3]> = maximals.iter().map(|s| s.centre).collect();
        let centres = PointGrid::new(&points, tracer_layout(&points, region, [1.0; 3]));
        let radius: Vec<f64> = centres.source.iter().map(|&i| maximals[i as usize].radius).collect();
        let largest = radius.iter().copied().fold(0.0, f64::max);
        Self { centres, radius, largest }
    }

    /// The only maximal sphere that covers more than `overlap` of the hole's volume, if there is exactly one and the
    /// hole does not lie wholly inside a maximal sphere.
    fn only_host(&self, hole: Sphere, overlap: f64) -> Option<usize> {
        let enough = overlap * sphere_volume(hole.radius);
        let (mut hosts, mut host, mut swallowed) = (0, None, false);
        let reach = hole.radius + self.largest;
        self.centres.visit_shrinking_ball((hole.centre, reach), |run, shift| {
            let at = [0, 1, 2].map(|a: usize| hole.centre[a] - shift[a]);
            self.centres.each_within(run, at, reach * reach, |i| {
                let (centre, radius) = (self.centres.position(i), self.radius[i]);
                let separation_sq: f64 = (0..3).map(|a| (centre[a] - at[a]) * (centre[a] - at[a])).sum();
                if separation_sq >= (radius + hole.radius) * (radius + hole.radius) {
                    return;
                }
                let separation = separation_sq.sqrt();
                swallowed |= radius - hole.radius >= separation;
                // One that is met through several faces of a periodic box is one host.
                let maximal = Some(self.centres.source[i] as usize);
                if maximal != host && lens_volume(radius, hole.radius, separation) > enough {
                    hosts += 1;
                    host = maximal;
                }
            });
            // Nothing more is asked of the rest.
            swallowed.then_some((hole.centre, 0.0))
        });
        host.filter(|_| hosts == 1 && !swallowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lens_of_two_spheres() {
        // Two unit spheres at distance 1 share 5 pi / 12 (elementary geometry).
        assert!((lens_volume(1.0, 1.0, 1.0) - 5.0 * PI / 12.0).abs() < 1e-14);
        assert_eq!(lens_volume(2.0, 1.0, 3.0), 0.0);
        assert!((lens_volume(2.0, 1.0, 0.5) - sphere_volume(1.0)).abs() < 1e-14);
        assert!((lens_volume(2.0, 1.0, 1.0 + 1e-9) - sphere_volume(1.0)).abs() < 1e-6);
    }
}
