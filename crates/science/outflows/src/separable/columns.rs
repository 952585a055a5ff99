//! Columns over pixels of which only a stretch differs from zero.

use std::ops::Range;

use super::in_lanes;

/// Shortest loops for which wider vectors are worth a call.
const LONG: usize = 24;

/// Columns of one length, each zero outside its stretch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    n_pixels: usize,
    values: Vec<f64>,
    stretches: Vec<Range<usize>>,
}

impl Columns {
    /// Forgets the values and makes room for `n` empty columns.
    pub fn reset(&mut self, n: usize, n_pixels: usize) {
        self.n_pixels = n_pixels;
        // What was there need not be cleared: a stretch is claimed and set.
        if self.values.len() < n * n_pixels {
            self.values.resize(n * n_pixels, 0.0);
        }
        self.stretches.clear();
        self.stretches.resize(n, 0..0);
    }

    pub fn stretch(&self, column: usize) -> Range<usize> {
        self.stretches[column].clone()
    }

    /// The values of a column within its stretch.
    pub fn stored(&self, column: usize) -> &[f64] {
        let stretch = &self.stretches[column];
        &self.values[column * self.n_pixels + stretch.start..column * self.n_pixels + stretch.end]
    }

    /// Makes a column empty.
    pub fn clear(&mut self, column: usize) {
        self.stretches[column] = 0..0;
    }

    /// The values of an empty column within a stretch that becomes its own. What they are is not said: all must be set.
    pub fn claim(&mut self, column: usize, stretch: Range<usize>) -> &mut [f64] {
        let start = column * self.n_pixels;
        self.stretches[column] = stretch.clone();
        &mut self.values[start + stretch.start..start + stretch.end]
    }

    /// As [`Self::claim`] for a column and the next one.
    pub fn claim_two(&mut self, column: usize, stretch: Range<usize>) -> (&mut [f64], &mut [f64]) {
        self.claim(column, stretch.clone());
        self.claim(column + 1, stretch.clone());
        self.two(column, stretch)
    }

    fn two(&mut self, column: usize, stretch: Range<usize>) -> (&mut [f64], &mut [f64]) {
        let (first, second) = self.values.split_at_mut((column + 1) * self.n_pixels);
        let start = column * self.n_pixels;
        (&mut first[start + stretch.start..start + stretch.end], &mut second[stretch])
    }

    /// Widens a column's stretch to include another, with zeros in what is new; the values of that other, and whether the column
    /// was empty: then they are [claimed](Self::claim) and not zero.
    pub fn widen(&mut self, column: usize, other: Range<usize>) -> (&mut [f64], bool) {
        let (start, old) = (column * self.n_pixels, self.stretches[column].clone());
        if old.is_empty() {
            return (self.claim(column, other), true);
        }
        if !other.is_empty() {
            let joined = old.start.min(other.start)..old.end.max(other.end);
            self.values[start + joined.start..start + old.start].fill(0.0);
            self.values[start + old.end..start + joined.end].fill(0.0);
            self.stretches[column] = joined;
        }
        (&mut self.values[start + other.start..start + other.end], false)
    }

    /// As [`Self::widen`] for a column and the next one, which have one stretch.
    pub fn widen_two(&mut self, column: usize, other: Range<usize>) -> (&mut [f64], &mut [f64], bool) {
        let (_, empty) = self.widen(column, other.clone());
        self.widen(column + 1, other.clone());
        let (first, second) = self.two(column, other);
        (first, second, empty)
    }

    pub fn dot(&self, a: usize, other: &Self, b: usize) -> f64 {
        let (first, second) = (self.stretch(a), other.stretch(b));
        let (from, to) = (first.start.max(second.start), first.end.min(second.end));
        if from >= to {
            return 0.0;
        }
        let left = &self.stored(a)[from - first.start..to - first.start];
        dot(left, &other.stored(b)[from - second.start..to - second.start])
    }

    /// As [`Self::dot`], over pixels of which `counts` is not 0.
    pub fn dot_where(&self, a: usize, other: &Self, b: usize, counts: &[f64]) -> f64 {
        let (first, second) = (self.stretch(a), other.stretch(b));
        let (from, to) = (first.start.max(second.start), first.end.min(second.end));
        let left = self.stored(a);
        let right = other.stored(b);
        (from..to).map(|at| left[at - first.start] * right[at - second.start] * counts[at]).sum()
    }

    pub fn dot_pixels(&self, column: usize, pixels: &[f64]) -> f64 {
        dot(self.stored(column), &pixels[self.stretch(column)])
    }

    /// `pixels += factor * column`.
    pub fn add_to(&self, column: usize, factor: f64, pixels: &mut [f64]) {
        if factor != 0.0 {
            let (pixels, values) = (&mut pixels[self.stretch(column)], self.stored(column));
            in_lanes(
                #[inline(always)]
                || pixels.iter_mut().zip(values).for_each(|(pixel, value)| *pixel += factor * value),
            );
        }
    }
}

/// Eight running sums, so that the additions do not wait for each other; the order is fixed.
#[inline]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    if a.len() < LONG {
        return sum_of_products(a, b);
    }
    in_lanes(
        #[inline(always)]
        || sum_of_products(a, b),
    )
}

#[inline(always)]
fn sum_of_products(a: &[f64], b: &[f64]) -> f64 {
    let (left, left_rest) = a.as_chunks::<8>();
    let (right, right_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (x, y) in left.iter().zip(right) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = left_rest.iter().zip(right_rest).map(|(x, y)| x * y).sum();
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}
