//! Where one more component of a group would help most: a grid of velocities and widths tried against what is left over.
//!
//! The columns of the grid are made once a complex. For each the fall of chi2 is exact for fixed kinematics of the other
//! components, their amplitudes solved anew (Schur complement of the normal matrix), as long as none of those reaches zero.

use std::ops::Range;

use super::complex::{LineModel, Pixels};
use super::list::Complex;
use crate::separable::{Columns, NonNegative, Separable, dot, factorise, forward, non_negative};

/// Most velocities a width.
const MOST_VELOCITIES: f64 = 24.0;
/// Step of the widths, in ln.
const WIDTH_STEP: f64 = 0.6;

/// A place for a component: fall of chi2, and velocity and ln sigma (in ln wavelength).
pub(crate) type Place = (f64, [f64; 2]);

/// Components that are there, at best amplitudes; amplitudes at zero are left out.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    columns: Columns,
    gram: Vec<f64>,
    right: Vec<f64>,
    passive: Vec<usize>,
    amplitudes: Vec<f64>,
    nnls: NonNegative,
    factor: Vec<f64>,
    residual: Vec<f64>,
    /// Chi2 of these components alone.
    pub chi2: f64,
}

impl Beside {
    /// Becomes the components of a model at some parameters, one of them perhaps left out.
    pub fn set(&mut self, model: &LineModel<'_>, parameters: &[f64], data: &[f64], without: Option<usize>) {
        let n = model.n_columns();
        let Self { columns, gram, right, passive, amplitudes, nnls, factor, residual, chi2 } = self;
        columns.reset(n, model.n_pixels());
        model.columns(parameters, columns);
        if let Some(component) = without {
            model.component_columns[component].clone().for_each(|column| columns.clear(column));
        }
        gram.resize(n * n, 0.0);
        for i in 0..n {
            for j in 0..=i {
                gram[i * n + j] = columns.dot(i, columns, j);
                gram[j * n + i] = gram[i * n + j];
            }
        }
        right.clear();
        right.extend((0..n).map(|column| columns.dot_pixels(column, data)));
        passive.clear();
        non_negative((gram, right), &vec![false; n], passive, amplitudes, nnls);
        if !factorise(gram, n, passive, factor) {
            passive.clear();
        }
        residual.clear();
        residual.extend_from_slice(data);
        for column in &*passive {
            columns.add_to(*column, -amplitudes[*column], residual);
        }
        *chi2 = dot(residual, residual);
    }

    /// Best amplitudes of further columns beside these: their fall of chi2, and value and variance of each (for one
    /// column; of several, the variance is that with the others fixed).
    fn fall(&self, grid: &Grid, place: usize, scratch: &mut Scratch) -> f64 {
        let (m, n) = (self.passive.len(), grid.lines);
        scratch.shadows.clear();
        scratch.right.clear();
        for column in place * n..(place + 1) * n {
            let (stretch, values) = grid.columns.column(column);
            scratch.right.push(dot(values, &self.residual[stretch.clone()]));
            let start = scratch.shadows.len();
            scratch.shadows.extend(self.passive.iter().map(|other| overlap(&self.columns, *other, &stretch, values)));
            forward(&self.factor, &mut scratch.shadows[start..]);
        }
        scratch.gram.clear();
        scratch.gram.resize(n * n, 0.0);
        for i in 0..n {
            for j in 0..=i {
                let own = grid.products[(place * n + i) * n + j];
                let shared = dot(&scratch.shadows[i * m..(i + 1) * m], &scratch.shadows[j * m..(j + 1) * m]);
                // What is in the span of the others already cannot be told from them.
                let left = if i == j && own - shared < 1e-6 * own { 0.0 } else { own - shared };
                (scratch.gram[i * n + j], scratch.gram[j * n + i]) = (left, left);
            }
        }
        if n == 1 {
            let (slope, curvature) = (scratch.right[0], scratch.gram[0]);
            return if slope > 0.0 && curvature > 0.0 { slope * slope / curvature } else { 0.0 };
        }
        let Scratch { right, gram, free, passive, amplitudes, nnls, .. } = scratch;
        passive.clear();
        free.resize(n, false);
        non_negative((gram, right), free, passive, amplitudes, nnls);
        dot(amplitudes, right)
    }

    /// Amplitude of one more column with any sign, and its standard error.
    pub fn amplitude(&self, stretch: Range<usize>, values: &[f64]) -> Option<(f64, f64)> {
        let slope = dot(values, &self.residual[stretch.clone()]);
        let mut shadow: Vec<f64> =
            self.passive.iter().map(|other| overlap(&self.columns, *other, &stretch, values)).collect();
        forward(&self.factor, &mut shadow);
        let own = dot(values, values);
        let left = own - dot(&shadow, &shadow);
        (own > 0.0 && left > 1e-6 * own).then(|| (slope / left, 1.0 / left.sqrt()))
    }
}

fn overlap(columns: &Columns, column: usize, stretch: &Range<usize>, values: &[f64]) -> f64 {
    let own = columns.stretch(column);
    let (from, to) = (own.start.max(stretch.start), own.end.min(stretch.end));
    if from >= to {
        return 0.0;
    }
    dot(&columns.stored(column)[from - own.start..to - own.start], &values[from - stretch.start..to - stretch.start])
}

#[derive(Debug, Default)]
struct Scratch {
    shadows: Vec<f64>,
    right: Vec<f64>,
    gram: Vec<f64>,
    free: Vec<bool>,
    passive: Vec<usize>,
    amplitudes: Vec<f64>,
    nnls: NonNegative,
}

/// Columns one behind the other, only where they are not zero.
#[derive(Debug, Default)]
struct Packed {
    values: Vec<f64>,
    columns: Vec<(usize, Range<usize>)>,
}

impl Packed {
    fn push(&mut self, stretch: Range<usize>, values: &[f64]) {
        self.columns.push((self.values.len(), stretch));
        self.values.extend_from_slice(values);
    }

    fn column(&self, column: usize) -> (Range<usize>, &[f64]) {
        let (start, stretch) = &self.columns[column];
        (stretch.clone(), &self.values[*start..start + stretch.len()])
    }
}

/// The grid of one group.
#[derive(Debug, Default)]
struct Grid {
    at: Vec<[f64; 2]>,
    lines: usize,
    columns: Packed,
    /// Products of the columns of each place, `[place][column][column]`; the lower triangle.
    products: Vec<f64>,
}

impl Grid {
    fn new(complex: &Complex, group: usize, pixels: &Pixels) -> Self {
        let mut components = vec![0; complex.group.len()];
        components[group] = 1;
        let model = LineModel::new(complex, &components, pixels);
        let (velocity, width) = (model.bounds[0], model.bounds[1]);
        let n_widths = ((width.1 - width.0) / WIDTH_STEP).ceil().clamp(1.0, 6.0);
        let mut grid = Self { at: Vec::new(), lines: model.n_columns(), ..Self::default() };
        let mut columns = Columns::default();
        for step in 0..=n_widths as usize {
            let ln_sigma = width.0 + (width.1 - width.0) * step as f64 / n_widths;
            // Neighbours closer than a sigma are the same start.
            let n = ((velocity.1 - velocity.0) / (1.5 * ln_sigma.exp())).ceil().clamp(2.0, MOST_VELOCITIES);
            for place in 0..=n as usize {
                let at = [velocity.0 + (velocity.1 - velocity.0) * place as f64 / n, ln_sigma];
                columns.reset(grid.lines, model.n_pixels());
                model.columns(&at, &mut columns);
                grid.at.push(at);
                for column in 0..grid.lines {
                    grid.columns.push(columns.stretch(column), columns.stored(column));
                    let product =
                        |other: usize| if other > column { 0.0 } else { columns.dot(column, &columns, other) };
                    grid.products.extend((0..grid.lines).map(product));
                }
            }
        }
        grid
    }
}

/// The grids of a complex, made when first asked for.
pub(crate) struct Scan<'a> {
    complex: &'a Complex,
    pixels: &'a Pixels,
    grids: Vec<Option<Grid>>,
}

impl<'a> Scan<'a> {
    pub fn new(complex: &'a Complex, pixels: &'a Pixels) -> Self {
        Self { complex, pixels, grids: (0..complex.group.len()).map(|_| None).collect() }
    }

    /// The best places of a component of a group beside others, best first, each in a valley of its own and none near
    /// `away` (a velocity and ln sigma).
    pub fn places(&mut self, group: usize, beside: &Beside, away: Option<[f64; 2]>, most: usize) -> Vec<Place> {
        let (complex, pixels) = (self.complex, self.pixels);
        let grid = self.grids[group].get_or_insert_with(|| Grid::new(complex, group, pixels));
        let mut scratch = Scratch::default();
        let mut found: Vec<Place> = Vec::new();
        for (index, at) in grid.at.iter().enumerate() {
            if away.is_some_and(|away| near(*at, away)) {
                continue;
            }
            let fall = beside.fall(grid, index, &mut scratch);
            if fall > 0.0 {
                found.push((fall, *at));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut kept: Vec<Place> = Vec::new();
        for place in found {
            if kept.len() == most {
                break;
            }
            if !kept.iter().any(|other| near(place.1, other.1)) {
                kept.push(place);
            }
        }
        kept
    }
}

/// Whether two places lead to the same valley.
fn near(a: [f64; 2], b: [f64; 2]) -> bool {
    (a[0] - b[0]).abs() < a[1].max(b[1]).exp() && (a[1] - b[1]).abs() < 0.7
}
