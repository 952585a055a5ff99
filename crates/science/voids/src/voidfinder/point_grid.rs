//! Points sorted into cubic cells (compressed rows), for searches inside balls; optionally periodic.
//!
//! The points are stored cell by cell, x fastest, and by coordinate inside a cell: the order does not depend on the
//! order of the input, so everything that walks this grid gives the same bytes for permuted input.

use std::ops::Range;

/// Points tested at a time.
const LANES: usize = 4;

/// Cells of equal side over a box, with the points in cell order.
#[derive(Debug, Clone)]
pub(crate) struct PointGrid {
    origin: [f64; 3],
    cell: [f64; 3],
    per_cell: [f64; 3],
    n: [usize; 3],
    periodic: bool,
    starts: Vec<u32>,
    /// Positions, each column with [`LANES`] - 1 more places, infinitely far, at its end.
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) z: Vec<f64>,
    /// Index in the input of each stored point.
    pub(crate) source: Vec<u32>,
}

/// The box a grid covers and how it is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) origin: [f64; 3],
    pub(crate) cell: [f64; 3],
    pub(crate) n: [usize; 3],
    pub(crate) periodic: bool,
}

impl Layout {
    /// Cells of these sides from `low` to beyond `high`.
    pub(crate) fn covering(low: [f64; 3], high: [f64; 3], cell: [f64; 3]) -> Self {
        let n = [0, 1, 2].map(|a: usize| (((high[a] - low[a]) / cell[a]).ceil() as usize).max(1));
        Self { origin: low, cell, n, periodic: false }
    }

    /// A whole number of cells, about so wide, along each side of a periodic box.
    pub(crate) fn tiling(low: [f64; 3], sides: [f64; 3], about: [f64; 3]) -> Self {
        let n = [0, 1, 2].map(|a: usize| ((sides[a] / about[a]).round() as usize).max(1));
        let cell = [0, 1, 2].map(|a: usize| sides[a] / n[a] as f64);
        Self { origin: low, cell, n, periodic: true }
    }

    pub(crate) fn cell_count(&self) -> usize {
        self.n.iter().product()
    }

    /// Centre of the cell with flat index `flat` (x fastest).
    pub(crate) fn cell_centre(&self, flat: usize) -> [f64; 3] {
        let [nx, ny, _] = self.n;
        let index = [flat % nx, (flat / nx) % ny, flat / (nx * ny)];
        [0, 1, 2].map(|a: usize| self.origin[a] + (index[a] as f64 + 0.5) * self.cell[a])
    }

    /// Flat indices of the cells that hold none of `points`, ascending.
    pub(crate) fn empty_cells(&self, points: &[[f64; 3]]) -> Vec<u32> {
        let mut empty = vec![true; self.cell_count()];
        for &point in points {
            empty[self.flat_index(point)] = false;
        }
        (0_u32..).zip(empty).filter(|(_, empty)| *empty).map(|(cell, _)| cell).collect()
    }

    fn flat_index(&self, place: [f64; 3]) -> usize {
        let index = [0, 1, 2].map(|a: usize| {
            let cell = ((place[a] - self.origin[a]) / self.cell[a]).floor();
            (cell.max(0.0) as usize).min(self.n[a] - 1)
        });
        (index[2] * self.n[1] + index[1]) * self.n[0] + index[0]
    }
}

impl PointGrid {
    /// Sorts `points` into the cells of `layout`; points beyond it fall into its outermost cells, so a search is only
    /// complete where the layout covers the points.
    pub(crate) fn new(points: &[[f64; 3]], layout: Layout) -> Self {
        let cells: Vec<u32> = points.iter().map(|&p| layout.flat_index(p) as u32).collect();
        let mut starts = vec![0_u32; layout.cell_count() + 1];
        for &cell in &cells {
            starts[cell as usize + 1] += 1;
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let mut next = starts.clone();
        let mut order = vec![0_u32; points.len()];
        for (i, &cell) in cells.iter().enumerate() {
            let slot = &mut next[cell as usize];
            order[*slot as usize] = i as u32;
            *slot += 1;
        }
        for cell in starts.windows(2).filter(|cell| cell[1] - cell[0] > 1) {
            order[cell[0] as usize..cell[1] as usize].sort_unstable_by(|&a, &b| {
                let (p, q) = (points[a as usize], points[b as usize]);
                p[0].total_cmp(&q[0]).then(p[1].total_cmp(&q[1])).then(p[2].total_cmp(&q[2])).then(a.cmp(&b))
            });
        }
        let column = |a: usize| {
            let padding = [f64::INFINITY; LANES - 1];
            order.iter().map(|&i| points[i as usize][a]).chain(padding).collect::<Vec<f64>>()
        };
        Self {
            origin: layout.origin,
            cell: layout.cell,
            per_cell: layout.cell.map(|side| 1.0 / side),
            n: layout.n,
            periodic: layout.periodic,
            starts,
            x: column(0),
            y: column(1),
            z: column(2),
            source: order,
        }
    }

    /// Number of points.
    pub(crate) fn len(&self) -> usize {
        self.source.len()
    }

    /// Calls `visit` for the points of `run` nearer to `place` than the root of `reach_sq`, four tested at a time.
    #[inline(always)]
    pub(crate) fn each_within(&self, run: Range<usize>, place: [f64; 3], reach_sq: f64, mut visit: impl FnMut(usize)) {
        let padded = run.start..run.start + run.len().next_multiple_of(LANES);
        let (xs, ys, zs) = (&self.x[padded.clone()], &self.y[padded.clone()], &self.z[padded]);
        let (xs, ys, zs) = (xs.as_chunks::<LANES>().0, ys.as_chunks::<LANES>().0, zs.as_chunks::<LANES>().0);
        let mut first = run.start;
        for ((x, y), z) in xs.iter().zip(ys).zip(zs) {
            let mut near = 0_u32;
            for k in 0..LANES {
                let (dx, dy, dz) = (x[k] - place[0], y[k] - place[1], z[k] - place[2]);
                near |= u32::from(dx * dx + dy * dy + dz * dz < reach_sq) << k;
            }
            while near != 0 {
                let point = first + near.trailing_zeros() as usize;
                if point < run.end {
                    visit(point);
                }
                near &= near - 1;
            }
            first += LANES;
        }
    }

    /// Volume of all cells together.
    pub(crate) fn volume(&self) -> f64 {
        (0..3).map(|a| self.cell[a] * self.n[a] as f64).product()
    }

    /// Position of a stored point.
    #[inline(always)]
    pub(crate) fn position(&self, i: usize) -> [f64; 3] {
        [self.x[i], self.y[i], self.z[i]]
    }

    /// Calls `visit(points, shift)` for runs of stored points that together hold all points of the ball (centre,
    /// radius); `shift` is to be added to their positions (the periodic image that reaches into the ball). Points
    /// outside the ball come along. Where `visit` returns a ball, which must lie inside the one before, only what that
    /// one holds is visited from there on.
    #[inline(always)]
    pub(crate) fn visit_shrinking_ball(
        &self,
        (mut centre, mut radius): ([f64; 3], f64),
        mut visit: impl FnMut(Range<usize>, [f64; 3]) -> Option<([f64; 3], f64)>,
    ) {
        if self.periodic {
            self.visit_wrapped((centre, radius), visit);
            return;
        }
        let (Some(ys), Some(zs)) = (self.cells_about(1, centre[1], radius), self.cells_about(2, centre[2], radius))
        else {
            return;
        };
        for iz in outwards(zs) {
            let mut from_z = self.distance_to_cell(2, f64::from(iz), centre[2]);
            let mut left_sq = radius * radius - from_z * from_z;
            if left_sq < 0.0 {
                continue;
            }
            for iy in outwards(ys.clone()) {
                let from_y = self.distance_to_cell(1, f64::from(iy), centre[1]);
                let across_sq = left_sq - from_y * from_y;
                if across_sq < 0.0 {
                    continue;
                }
                let Some(xs) = self.cells_about(0, centre[0], across_sq.sqrt()) else { continue };
                let row = (iz as usize * self.n[1] + iy as usize) * self.n[0];
                let run = self.starts[row + xs.start as usize] as usize..self.starts[row + xs.end as usize] as usize;
                if run.is_empty() {
                    continue;
                }
                if let Some(smaller) = visit(run, [0.0; 3]) {
                    (centre, radius) = smaller;
                    from_z = self.distance_to_cell(2, f64::from(iz), centre[2]);
                    left_sq = radius * radius - from_z * from_z;
                }
            }
        }
    }

    /// Cells along one axis within `reach` of `at`, with those that rounding could cost.
    #[inline(always)]
    fn cells_about(&self, axis: usize, at: f64, reach: f64) -> Option<Range<i32>> {
        const SLACK: f64 = 1e-7;
        let (middle, reach) = ((at - self.origin[axis]) * self.per_cell[axis], reach * self.per_cell[axis] + SLACK);
        let last_cell = self.n[axis] as i32 - 1;
        let (low, high) = (middle - reach, middle + reach);
        // Points on the upper face were put into the last cell. Conversion saturates and rounds towards 0.
        (high >= 0.0 && low <= self.n[axis] as f64)
            .then(|| (low as i32).clamp(0, last_cell)..(high as i32).min(last_cell) + 1)
    }

    #[inline(always)]
    fn distance_to_cell(&self, axis: usize, cell: f64, at: f64) -> f64 {
        let low = self.origin[axis] + cell * self.cell[axis];
        let gap = (low - at).max(at - low - self.cell[axis]);
        (gap - 1e-9).max(0.0)
    }

    fn visit_wrapped(
        &self,
        (mut centre, mut radius): ([f64; 3], f64),
        mut visit: impl FnMut(Range<usize>, [f64; 3]) -> Option<([f64; 3], f64)>,
    ) {
        let span = |centre: [f64; 3], axis: usize, reach: f64| {
            let first = ((centre[axis] - reach - 1e-9 - self.origin[axis]) * self.per_cell[axis]).floor() as i64;
            let last = ((centre[axis] + reach + 1e-9 - self.origin[axis]) * self.per_cell[axis]).floor() as i64;
            first..=last
        };
        let wrap = |axis: usize, cell: i64| {
            let n = self.n[axis] as i64;
            (cell.rem_euclid(n) as usize, cell.div_euclid(n) as f64 * (self.cell[axis] * self.n[axis] as f64))
        };
        for z in span(centre, 2, radius) {
            let (iz, shift_z) = wrap(2, z);
            for y in span(centre, 1, radius) {
                let from_z = self.distance_to_cell(2, z as f64, centre[2]);
                let from_y = self.distance_to_cell(1, y as f64, centre[1]);
                let across = radius * radius - from_z * from_z - from_y * from_y;
                if across < 0.0 {
                    continue;
                }
                let (iy, shift_y) = wrap(1, y);
                let row = (iz * self.n[1] + iy) * self.n[0];
                let xs = span(centre, 0, across.sqrt());
                let mut x = *xs.start();
                while x <= *xs.end() {
                    let (ix, shift_x) = wrap(0, x);
                    let run_cells = ((*xs.end() - x) as usize + 1).min(self.n[0] - ix);
                    let run = self.starts[row + ix] as usize..self.starts[row + ix + run_cells] as usize;
                    if !run.is_empty()
                        && let Some(smaller) = visit(run, [shift_x, shift_y, shift_z])
                    {
                        (centre, radius) = smaller;
                    }
                    x += run_cells as i64;
                }
            }
        }
    }
}

/// The cells of a range from its middle outwards: a ball shrinks the sooner, the nearer to its middle the first points are.
#[inline(always)]
fn outwards(cells: Range<i32>) -> impl Iterator<Item = i32> {
    let count = cells.end - cells.start;
    let middle = cells.start + count / 2;
    (0..count).map(move |step| if step % 2 == 0 { middle + step / 2 } else { middle - (step + 1) / 2 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_ball(grid: &PointGrid, centre: [f64; 3], radius: f64) -> Vec<[i64; 3]> {
        let mut found = Vec::new();
        grid.visit_shrinking_ball((centre, radius), |run, shift| {
            for i in run {
                let p = grid.position(i);
                let q = [0, 1, 2].map(|a: usize| p[a] + shift[a]);
                let d2: f64 = (0..3).map(|a| (q[a] - centre[a]).powi(2)).sum();
                if d2 <= radius * radius {
                    found.push(q.map(|v| (v * 1e6).round() as i64));
                }
            }
            None
        });
        found.sort_unstable();
        found
    }

    proptest! {
        #[test]
        fn every_point_of_a_ball_is_visited_once(
            points in prop::collection::vec([0.0..20.0_f64, 0.0..20.0_f64, 0.0..20.0_f64], 1..60),
            centre in [-5.0..25.0_f64, -5.0..25.0_f64, -5.0..25.0_f64],
            radius in 0.1..15.0_f64,
            side in 1.5..30.0_f64,
            periodic in any::<bool>(),
        ) {
            let layout = if periodic { Layout::tiling([0.0; 3], [20.0; 3], [side; 3]) } else { Layout::covering([0.0; 3], [20.0; 3], [side; 3]) };
            let grid = PointGrid::new(&points, layout);
            let images = if periodic { -2..=2 } else { 0..=0 };
            let mut expected = Vec::new();
            for p in &points {
                for i in images.clone() { for j in images.clone() { for k in images.clone() {
                    let q = [p[0] + 20.0 * f64::from(i), p[1] + 20.0 * f64::from(j), p[2] + 20.0 * f64::from(k)];
                    let d2: f64 = (0..3).map(|a| (q[a] - centre[a]).powi(2)).sum();
                    if d2 <= radius * radius { expected.push(q.map(|v| (v * 1e6).round() as i64)); }
                }}}
            }
            expected.sort_unstable();
            prop_assert_eq!(in_ball(&grid, centre, radius), expected);
        }
    }
}
