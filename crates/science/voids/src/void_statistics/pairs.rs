//! Counts of pairs of void centres and points, kept apart by the jackknife region of the void.

use rayon::prelude::*;

use super::sample::{Sample, VoidSphere};

/// Points a grid cell should hold on average: few enough that little is looked at in vain.
const POINTS_PER_CELL: f64 = 8.0;

/// Points sorted into cubic cells.
pub(super) struct PointCells {
    low: [f64; 3],
    size: f64,
    counts: [usize; 3],
    /// Where each cell starts in `points`; one more entry than cells.
    starts: Vec<usize>,
    points: Vec<[f64; 3]>,
}

impl PointCells {
    /// Sorts finite points into cells.
    pub(super) fn new(points: &[[f64; 3]]) -> Self {
        let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for point in points {
            for axis in 0..3 {
                low[axis] = low[axis].min(point[axis]);
                high[axis] = high[axis].max(point[axis]);
            }
        }
        let sides = [0, 1, 2].map(|axis| (high[axis] - low[axis]).max(1e-6));
        let size = if points.is_empty() {
            1.0
        } else {
            (sides.iter().product::<f64>() * POINTS_PER_CELL / points.len() as f64)
                .cbrt()
                .max(sides.iter().fold(0.0_f64, |a, b| a.max(*b)) / 512.0)
        };
        let counts = if points.is_empty() { [0; 3] } else { sides.map(|side| (side / size) as usize + 1) };
        let mut cells = Self { low, size, counts, starts: Vec::new(), points: Vec::new() };
        let of: Vec<usize> = points.iter().map(|point| cells.cell_of(*point)).collect();
        let mut starts = vec![0; counts.iter().product::<usize>() + 1];
        for cell in &of {
            starts[cell + 1] += 1;
        }
        for cell in 1..starts.len() {
            starts[cell] += starts[cell - 1];
        }
        let mut next = starts.clone();
        let mut sorted = vec![[0.0; 3]; points.len()];
        for (cell, point) in of.iter().zip(points) {
            sorted[next[*cell]] = *point;
            next[*cell] += 1;
        }
        (cells.starts, cells.points) = (starts, sorted);
        cells
    }

    fn along(&self, axis: usize, value: f64) -> usize {
        (((value - self.low[axis]) / self.size).max(0.0) as usize).min(self.counts[axis].saturating_sub(1))
    }

    fn cell_of(&self, point: [f64; 3]) -> usize {
        let [x, y, z] = [0, 1, 2].map(|axis| self.along(axis, point[axis]));
        (x * self.counts[1] + y) * self.counts[2] + z
    }

    /// Shows `visit` the offset from `centre` and the distance of every point closer than `reach`.
    fn visit(&self, centre: [f64; 3], reach: f64, mut visit: impl FnMut([f64; 3], f64)) {
        if self.points.is_empty() {
            return;
        }
        let from = [0, 1, 2].map(|axis| self.along(axis, centre[axis] - reach));
        let to = [0, 1, 2].map(|axis| self.along(axis, centre[axis] + reach));
        for x in from[0]..=to[0] {
            for y in from[1]..=to[1] {
                let row = (x * self.counts[1] + y) * self.counts[2];
                for point in &self.points[self.starts[row + from[2]]..self.starts[row + to[2] + 1]] {
                    let offset = [0, 1, 2].map(|axis| point[axis] - centre[axis]);
                    let squared = offset.iter().map(|d| d * d).sum::<f64>();
                    if squared < reach * reach {
                        visit(offset, squared.sqrt());
                    }
                }
            }
        }
    }
}

/// How far to look around a void, and the bin (below `count`) of a pair: offset of the point from the centre, distance.
pub(super) struct PairBins<R, B> {
    pub(super) count: usize,
    pub(super) reach: R,
    pub(super) bin: B,
}

/// Pairs by region of the void and bin, `[n_regions][n_bins]`. Whole numbers: their sums do not depend on the order.
pub(super) fn count_pairs<R, B>(sample: &Sample, points: &PointCells, bins: &PairBins<R, B>) -> Vec<Vec<u64>>
where
    R: Fn(&VoidSphere) -> f64 + Sync,
    B: Fn(&VoidSphere, [f64; 3], f64) -> Option<usize> + Sync,
{
    let empty = || vec![vec![0_u64; bins.count]; sample.regions.len()];
    let period = sample.volume.period();
    let add = |mut counts: Vec<Vec<u64>>, (void, region): (&VoidSphere, &usize)| {
        let (row, reach) = (&mut counts[*region], (bins.reach)(void));
        let mut around = |centre: [f64; 3]| {
            points.visit(centre, reach, |offset, distance| {
                if let Some(cell) = (bins.bin)(void, offset, distance).and_then(|bin| row.get_mut(bin)) {
                    *cell += 1;
                }
            });
        };
        match period {
            Some(period) => period.images(void.centre_mpc_h, reach).for_each(around),
            None => around(void.centre_mpc_h),
        }
        counts
    };
    let merge = |mut a: Vec<Vec<u64>>, b: Vec<Vec<u64>>| {
        for (a, b) in a.iter_mut().flatten().zip(b.iter().flatten()) {
            *a += b;
        }
        a
    };
    sample.voids.par_iter().zip(&sample.void_region).fold(empty, add).reduce(empty, merge)
}

/// Sum over the regions, without region `left_out`, by bin.
pub(super) fn sum_without(counts: &[Vec<u64>], left_out: Option<usize>) -> Vec<u64> {
    let mut sum = vec![0; counts.first().map_or(0, Vec::len)];
    for (_, row) in counts.iter().enumerate().filter(|(region, _)| Some(*region) != left_out) {
        for (total, count) in sum.iter_mut().zip(row) {
            *total += count;
        }
    }
    sum
}
