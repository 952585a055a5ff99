//! Where fits of a complex begin: each component is tried over a grid of velocity and width with the others held.
//!
//! Few starts reach the deepest minimum of a complex by chance, so they are structured: components are placed one after
//! the other from the broadest and from the narrowest, and later each is taken out of a minimum and placed elsewhere.

use super::complex::LineModel;
use crate::separable::{Columns, Separable, chi2_of, non_negative};

/// A start and its chi2 before refinement.
pub(crate) type Start = (f64, Vec<f64>);

/// Bases of the Halton sequence.
const PRIMES: [usize; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];

/// The digits of a number in a base, mirrored at the point (Halton 1960, Numer. Math. 2, 84).
fn radical_inverse(mut index: usize, base: usize) -> f64 {
    let (mut value, mut scale) = (0.0, 1.0);
    while index > 0 {
        scale /= base as f64;
        value += scale * (index % base) as f64;
        index /= base;
    }
    value
}

/// What the grid search of one component needs, kept from grid point to grid point.
pub(crate) struct Starts<'a, 'p> {
    model: &'a LineModel<'p>,
    data: &'a [f64],
    columns: Columns,
    gram: Vec<f64>,
    right: Vec<f64>,
    passive: Vec<usize>,
    free: Vec<bool>,
}

impl<'a, 'p> Starts<'a, 'p> {
    pub fn new(model: &'a LineModel<'p>, data: &'a [f64]) -> Self {
        let n = model.n_columns();
        let columns = Columns::default();
        Self {
            model,
            data,
            columns,
            gram: vec![0.0; n * n],
            right: vec![0.0; n],
            passive: Vec::new(),
            free: vec![false; n],
        }
    }

    /// Components placed from the broadest to the narrowest and the other way, each order once and twice.
    pub fn search(&mut self) -> Vec<Start> {
        let bounds = &self.model.bounds;
        let middle: Vec<f64> = bounds.iter().map(|(least, most)| 0.5 * (least + most)).collect();
        let mut order: Vec<usize> = (0..bounds.len() / 2).collect();
        order.sort_by(|a, b| bounds[2 * b + 1].1.total_cmp(&bounds[2 * a + 1].1));
        let mut starts = Vec::new();
        for _ in 0..2 {
            let mut at = middle.clone();
            for _ in 0..2 {
                let mut chi2 = f64::INFINITY;
                for component in &order {
                    chi2 = self.place(&mut at, *component);
                }
                starts.push((chi2, at.clone()));
            }
            order.reverse();
        }
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        starts.dedup_by(|a, b| a.1 == b.1);
        starts
    }

    /// Points of a Halton sequence over the whole box, for minima that no order of placing finds.
    pub fn scattered(&mut self, n: usize) -> Vec<Start> {
        let mut starts = Vec::with_capacity(n);
        for index in 1..=n {
            let at: Vec<f64> = (self.model.bounds.iter().zip(PRIMES.iter().cycle()))
                .map(|((least, most), base)| least + (most - least) * radical_inverse(index, *base))
                .collect();
            self.fill(&at);
            let amplitudes = non_negative(&self.gram, &self.right, &self.free, &mut self.passive);
            starts.push((chi2_of(self.data, &amplitudes, &self.right), at));
        }
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        starts
    }

    /// A minimum with each of its components in turn elsewhere: at the best place of each width of its grid.
    pub fn moved(&mut self, minimum: &[f64]) -> Vec<Start> {
        let mut starts = Vec::new();
        for component in 0..minimum.len() / 2 {
            let away = (minimum[2 * component], minimum[2 * component + 1]);
            self.fill(minimum);
            for ln_sigma in self.widths(component) {
                let mut at = minimum.to_vec();
                let chi2 = self.best_velocity(&mut at, component, ln_sigma, Some(away));
                if chi2.is_finite() {
                    starts.push((chi2, at));
                }
            }
        }
        starts.sort_by(|a, b| a.0.total_cmp(&b.0));
        starts
    }

    /// A known minimum with one component more, inserted at `place` among the components.
    pub fn beside(&mut self, place: usize, known: &[f64]) -> Vec<Start> {
        let (velocity, sigma) = (self.model.bounds[2 * place], self.model.bounds[2 * place + 1]);
        let mut at = known.get(..2 * place).unwrap_or_default().to_vec();
        at.extend([0.5 * (velocity.0 + velocity.1), 0.5 * (sigma.0 + sigma.1)]);
        at.extend_from_slice(known.get(2 * place..).unwrap_or_default());
        let chi2 = self.place(&mut at, place);
        vec![(chi2, at)]
    }

    /// Moves one component to the best point of its grid; the chi2 there.
    fn place(&mut self, at: &mut [f64], component: usize) -> f64 {
        self.fill(at);
        let mut best = (f64::INFINITY, [at[2 * component], at[2 * component + 1]]);
        for ln_sigma in self.widths(component) {
            let chi2 = self.best_velocity(at, component, ln_sigma, None);
            if chi2 < best.0 {
                best = (chi2, [at[2 * component], at[2 * component + 1]]);
            }
        }
        at[2 * component..2 * component + 2].copy_from_slice(&best.1);
        best.0
    }

    fn widths(&self, component: usize) -> Vec<f64> {
        let (least, most) = self.model.bounds[2 * component + 1];
        let n = ((most - least) / 0.6).ceil().clamp(2.0, 5.0);
        (0..=n as usize).map(|step| least + (most - least) * step as f64 / n).collect()
    }

    /// Moves one component to the best velocity at a width (not near `away`); the chi2 there. Columns must be filled.
    fn best_velocity(&mut self, at: &mut [f64], component: usize, ln_sigma: f64, away: Option<(f64, f64)>) -> f64 {
        let (least, most) = self.model.bounds[2 * component];
        // Neighbours closer than a sigma are the same start.
        let n = ((most - least) / (1.5 * ln_sigma.exp())).ceil().clamp(2.0, 24.0);
        let mut best = (f64::INFINITY, at[2 * component]);
        for step in 0..=n as usize {
            let centre = least + (most - least) * step as f64 / n;
            let near = |(v, s): (f64, f64)| (centre - v).abs() < ln_sigma.exp() && (ln_sigma - s).abs() < 0.7;
            if away.is_some_and(near) {
                continue;
            }
            (at[2 * component], at[2 * component + 1]) = (centre, ln_sigma);
            let chi2 = self.with_component(component, at);
            if chi2 < best.0 {
                best = (chi2, centre);
            }
        }
        at[2 * component] = best.1;
        best.0
    }

    fn fill(&mut self, at: &[f64]) {
        let n = self.model.n_columns();
        self.columns.reset(n, self.model.n_pixels());
        self.model.columns(at, &mut self.columns);
        (0..n).for_each(|column| self.fill_products(column));
    }

    fn fill_products(&mut self, column: usize) {
        let n = self.model.n_columns();
        for other in 0..n {
            let product = self.columns.dot(column, &self.columns, other);
            self.gram[column * n + other] = product;
            self.gram[other * n + column] = product;
        }
        self.right[column] = self.columns.dot_pixels(column, self.data);
    }

    /// Chi2 after only one component has changed.
    fn with_component(&mut self, component: usize, at: &[f64]) -> f64 {
        for column in self.model.component_columns(component, at, &mut self.columns) {
            self.fill_products(column);
        }
        let amplitudes = non_negative(&self.gram, &self.right, &self.free, &mut self.passive);
        chi2_of(self.data, &amplitudes, &self.right)
    }
}
