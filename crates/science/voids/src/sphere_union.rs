//! Which void's spheres hold a point: a uniform grid over the union of many overlapping spheres, in open space or in a
//! periodic box.
//!
//! Each cell lists the spheres that reach into it, by owner; the list ends at the first sphere that covers the whole
//! cell, because no later entry could change the answer. Memory is about 4 bytes a cell and 4 an entry. In a periodic
//! box a sphere that crosses a face is listed once more on the other side.

use desi::desivast::BoxLimits;

/// Cells the grid may have: 16 bytes each while it is built.
const MAX_CELLS: f64 = 16e6;

/// A sphere and who owns it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct OwnedSphere {
    pub(crate) centre: [f64; 3],
    pub(crate) radius: f64,
    pub(crate) owner: u32,
}

/// A box whose opposite faces are the same place, Mpc/h.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Period {
    pub(crate) low: [f64; 3],
    pub(crate) side: [f64; 3],
}

impl Period {
    /// That of a box, where it is periodic.
    pub(crate) fn of(limits: &BoxLimits) -> Option<Self> {
        let BoxLimits { low_mpc_h: low, high_mpc_h: high, periodic } = *limits;
        periodic.then(|| Self { low, side: [0, 1, 2].map(|axis: usize| high[axis] - low[axis]) })
    }

    /// The image of a point inside the box.
    pub(crate) fn wrapped(&self, point: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|axis: usize| {
            let (low, side) = (self.low[axis], self.side[axis]);
            let inside = low + (point[axis] - low).rem_euclid(side);
            // Adding a side to a tiny negative offset rounds to the upper face.
            if inside >= low + side { low } else { inside }
        })
    }

    /// The centres of those images of a ball that reach into the box.
    pub(crate) fn images(&self, centre: [f64; 3], radius: f64) -> impl Iterator<Item = [f64; 3]> + use<> {
        let (Self { low, side }, centre) = (*self, self.wrapped(centre));
        // As many boxes to either side as the ball could reach from.
        let [nx, ny, nz] = side.map(|side| (radius / side).ceil() as i32);
        let steps = (-nx..=nx).flat_map(move |x| (-ny..=ny).flat_map(move |y| (-nz..=nz).map(move |z| [x, y, z])));
        let image =
            move |step: [i32; 3]| [0, 1, 2].map(|axis: usize| centre[axis] + f64::from(step[axis]) * side[axis]);
        let reaches = move |centre: &[f64; 3]| {
            (0..3).all(|axis| centre[axis] + radius >= low[axis] && centre[axis] - radius <= low[axis] + side[axis])
        };
        steps.map(image).filter(reaches)
    }
}

/// How long the grid may take to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cells {
    /// Soon ready: for a few questions a sphere.
    Coarse,
    /// Soon answered: for very many questions.
    Fine,
}

/// The union of spheres, ready to be asked.
#[derive(Debug)]
pub(crate) struct SphereUnion {
    spheres: Vec<OwnedSphere>,
    period: Option<Period>,
    origin: [f64; 3],
    cell: f64,
    shape: [usize; 3],
    starts: Vec<u32>,
    entries: Vec<u32>,
}

impl SphereUnion {
    /// Spheres of non-positive or non-finite radius hold nothing and are left out.
    pub(crate) fn new(spheres: impl IntoIterator<Item = OwnedSphere>, period: Option<Period>, cells: Cells) -> Self {
        let spheres = spheres.into_iter().filter(|s| s.radius > 0.0 && s.radius.is_finite());
        let mut spheres: Vec<OwnedSphere> = match period {
            Some(period) => {
                let images =
                    |s: OwnedSphere| period.images(s.centre, s.radius).map(move |centre| OwnedSphere { centre, ..s });
                spheres.flat_map(images).collect()
            }
            None => spheres.collect(),
        };
        // Owners first: then every cell's list is born in the order in which it is asked. Of one owner's spheres the
        // largest cover most cells.
        spheres.sort_by(|a, b| a.owner.cmp(&b.owner).then(b.radius.total_cmp(&a.radius)));
        let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        let mut radii = Vec::with_capacity(spheres.len());
        for sphere in &spheres {
            for axis in 0..3 {
                low[axis] = low[axis].min(sphere.centre[axis] - sphere.radius);
                high[axis] = high[axis].max(sphere.centre[axis] + sphere.radius);
            }
            radii.push(sphere.radius);
        }
        if spheres.is_empty() {
            (low, high) = ([0.0; 3], [0.0; 3]);
        }
        radii.sort_unstable_by(f64::total_cmp);
        let median = radii.get(radii.len() / 2).copied().unwrap_or(1.0);
        let volume: f64 = (0..3).map(|axis| (high[axis] - low[axis]).max(1e-9)).product();
        let cells_a_radius = match cells {
            Cells::Coarse => 1.0,
            Cells::Fine => 3.0,
        };
        let cell = (median / cells_a_radius).max((volume / MAX_CELLS).cbrt());
        let shape = [0, 1, 2].map(|axis| ((high[axis] - low[axis]) / cell) as usize + 1);
        let mut union = Self { spheres, period, origin: low, cell, shape, starts: Vec::new(), entries: Vec::new() };
        union.fill();
        union
    }

    fn fill(&mut self) {
        let cells: usize = self.shape.iter().product();
        // A cell is closed once a sphere covers it; spheres come in the order of owners.
        let mut counts = vec![0_u32; cells + 1];
        let mut closed = vec![false; cells];
        for sphere in &self.spheres {
            self.visit(sphere, |cell, covers| {
                if !closed[cell] {
                    counts[cell + 1] += 1;
                    closed[cell] = covers;
                }
            });
        }
        for cell in 0..cells {
            counts[cell + 1] += counts[cell];
        }
        let mut next = counts.clone();
        let mut entries = vec![0_u32; counts[cells] as usize];
        for (index, sphere) in (0_u32..).zip(&self.spheres) {
            self.visit(sphere, |cell, _| {
                if next[cell] < counts[cell + 1] {
                    entries[next[cell] as usize] = index;
                    next[cell] += 1;
                }
            });
        }
        self.starts = counts;
        self.entries = entries;
    }

    /// Shows `act` every cell that a sphere reaches, and whether the sphere covers the cell.
    fn visit(&self, sphere: &OwnedSphere, mut act: impl FnMut(usize, bool)) {
        let span = |axis: usize| {
            let at =
                |value: f64| (((value - self.origin[axis]) / self.cell).max(0.0) as usize).min(self.shape[axis] - 1);
            at(sphere.centre[axis] - sphere.radius)..=at(sphere.centre[axis] + sphere.radius)
        };
        // Squared distance from the centre to the nearest and to the furthest side of a cell, along one axis.
        let sides = |axis: usize, index: usize| {
            let low = self.origin[axis] + index as f64 * self.cell - sphere.centre[axis];
            let high = low + self.cell;
            let near = if low > 0.0 {
                low
            } else if high < 0.0 {
                high
            } else {
                0.0
            };
            let far = low.abs().max(high.abs());
            (near * near, far * far)
        };
        // A hair of slack, so that rounding in the cell's corners never loses or covers too much.
        let (reach, cover) = ((sphere.radius * (1.0 + 1e-9)).powi(2), (sphere.radius * (1.0 - 1e-9)).powi(2));
        for x in span(0) {
            let (near_x, far_x) = sides(0, x);
            for y in span(1) {
                let (near_y, far_y) = sides(1, y);
                for z in span(2) {
                    let (near_z, far_z) = sides(2, z);
                    if near_x + near_y + near_z <= reach {
                        act((x * self.shape[1] + y) * self.shape[2] + z, far_x + far_y + far_z < cover);
                    }
                }
            }
        }
    }

    /// The smallest owner of a sphere that strictly holds the point.
    pub(crate) fn owner_at(&self, point: [f64; 3]) -> Option<u32> {
        let point = self.period.map_or(point, |period| period.wrapped(point));
        let mut cell = 0;
        for ((coordinate, origin), n) in point.iter().zip(self.origin).zip(self.shape) {
            let steps = (coordinate - origin) / self.cell;
            if !(steps >= 0.0 && steps < n as f64) {
                return None;
            }
            cell = cell * n + steps as usize;
        }
        let range = self.starts[cell] as usize..self.starts[cell + 1] as usize;
        self.entries[range]
            .iter()
            .map(|&index| &self.spheres[index as usize])
            .find(|s| holds(s, point))
            .map(|s| s.owner)
    }
}

/// Whether a point is strictly inside a sphere.
pub(crate) fn holds(sphere: &OwnedSphere, point: [f64; 3]) -> bool {
    let [dx, dy, dz] = [0, 1, 2].map(|axis| point[axis] - sphere.centre[axis]);
    dx * dx + dy * dy + dz * dz < sphere.radius * sphere.radius
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_asking_every_sphere(
            raw in prop::collection::vec(((-50.0..50.0_f64, -50.0..50.0_f64, -50.0..50.0_f64), 0.5..25.0_f64, 0_u32..8), 0..40),
            points in prop::collection::vec((-90.0..90.0_f64, -90.0..90.0_f64, -90.0..90.0_f64), 200),
            (periodic, fine) in any::<(bool, bool)>(),
        ) {
            let period = periodic.then_some(Period { low: [-50.0, -60.0, -50.0], side: [100.0, 120.0, 110.0] });
            let spheres: Vec<OwnedSphere> = raw
                .into_iter()
                .map(|((x, y, z), radius, owner)| OwnedSphere { centre: [x, y, z], radius, owner })
                .collect();
            let union = SphereUnion::new(spheres.iter().copied(), period, if fine { Cells::Fine } else { Cells::Coarse });
            for (x, y, z) in points {
                let point = [x, y, z];
                let nearest = |sphere: &OwnedSphere| match period {
                    None => point,
                    Some(Period { side, .. }) => [0, 1, 2].map(|axis: usize| {
                        point[axis] - side[axis] * ((point[axis] - sphere.centre[axis]) / side[axis]).round()
                    }),
                };
                let expected = spheres.iter().filter(|s| holds(s, nearest(s))).map(|s| s.owner).min();
                prop_assert_eq!(union.owner_at(point), expected);
            }
        }
    }

    #[test]
    fn nothing_is_inside_no_spheres() {
        assert_eq!(SphereUnion::new([], None, Cells::Fine).owner_at([0.0; 3]), None);
    }
}
