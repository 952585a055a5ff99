//! All parameters together at a minimum: derivatives of the model, and their normal matrix.

use super::Separable;
use super::columns::Columns;
use super::marquardt::Minimum;
use super::nnls::{cholesky, cholesky_solve};

/// Derivatives of the model, in units of the pixels' errors, by what is free at a minimum: parameters that are not at a
/// bound and move something, then amplitudes that are not zero (or uncertain all the same).
#[derive(Debug, Clone, Default)]
pub(crate) struct Jacobian {
    columns: Columns,
    /// Which parameter (below the number of parameters) or amplitude (beyond) each derivative is by.
    pub free: Vec<usize>,
    /// Number of parameters and amplitudes, free or not.
    pub n: usize,
}

/// The derivatives at a minimum.
pub(crate) fn jacobian(model: &impl Separable, minimum: &Minimum) -> Jacobian {
    let (n, m) = (model.n_parameters(), model.n_columns());
    let mut own = Columns::default();
    own.reset(m, model.n_pixels());
    model.columns(&minimum.parameters, &mut own);
    model.fixed_columns(&mut own);
    let mut directions = Columns::default();
    directions.reset(n, model.n_pixels());
    model.directions(&minimum.parameters, &minimum.amplitudes, &own, &mut directions);
    let inside = |k: usize| {
        let (least, most) = model.bounds(k);
        minimum.parameters[k] > least && minimum.parameters[k] < most && directions.dot(k, &directions, k) > 1e-14
    };
    let kept = (0..n).filter(|k| inside(*k));
    let lit = (0..m).filter(|j| minimum.amplitudes[*j] != 0.0 || model.is_uncertain(*j)).map(|j| n + j);
    let free: Vec<usize> = kept.chain(lit).collect();
    let mut columns = Columns::default();
    columns.reset(free.len(), model.n_pixels());
    for (at, which) in free.iter().enumerate() {
        let (from, index) = if *which < n { (&directions, *which) } else { (&own, which - n) };
        columns.claim(at, from.stretch(index)).copy_from_slice(from.stored(index));
    }
    Jacobian { columns, free, n: n + m }
}

impl Jacobian {
    /// `J' J`, rows and columns in the order of `free`.
    pub fn normal(&self) -> Vec<f64> {
        let p = self.free.len();
        let mut normal = vec![0.0; p * p];
        for i in 0..p {
            for j in 0..=i {
                normal[i * p + j] = self.columns.dot(i, &self.columns, j);
                normal[j * p + i] = normal[i * p + j];
            }
        }
        normal
    }

    /// The derivatives of one pixel, in the order of `free`.
    pub fn at_pixel(&self, pixel: usize) -> Vec<f64> {
        let value = |column: usize| {
            let stretch = self.columns.stretch(column);
            if stretch.contains(&pixel) { self.columns.stored(column)[pixel - stretch.start] } else { 0.0 }
        };
        (0..self.free.len()).map(value).collect()
    }

    /// What a minimum leaves of the data: the derivatives by amplitudes are the model's columns.
    pub fn residual(&self, data: &[f64], minimum: &Minimum) -> Vec<f64> {
        let n = minimum.parameters.len();
        let mut left = data.to_vec();
        for (at, which) in self.free.iter().enumerate().filter(|(_, which)| **which >= n) {
            self.columns.add_to(at, -minimum.amplitudes[which - n], &mut left);
        }
        left
    }

    /// Covariance of all parameters and amplitudes, `n` by `n`; zero for what is not free.
    pub fn covariance(&self) -> Vec<f64> {
        self.spread(&inverse(&self.normal(), self.free.len()))
    }

    /// A matrix over what is free as one over everything, with zeros for the rest.
    pub fn spread(&self, matrix: &[f64]) -> Vec<f64> {
        let p = self.free.len();
        let mut out = vec![0.0; self.n * self.n];
        for (i, row) in self.free.iter().enumerate() {
            for (j, column) in self.free.iter().enumerate() {
                out[row * self.n + column] = matrix[i * p + j];
            }
        }
        out
    }

    /// Products with the derivatives of another model over the same pixels, those pixels only where `counts` is 1.
    pub fn cross(&self, other: &Self, counts: Option<&[f64]>) -> Vec<f64> {
        let (p, q) = (self.free.len(), other.free.len());
        let mut products = vec![0.0; p * q];
        if counts.is_some_and(|counts| counts.iter().all(|count| *count == 0.0)) {
            return products;
        }
        for i in 0..p {
            for j in 0..q {
                products[i * q + j] = match counts {
                    None => self.columns.dot(i, &other.columns, j),
                    Some(counts) => self.columns.dot_where(i, &other.columns, j, counts),
                };
            }
        }
        products
    }
}

/// Inverse of a symmetric positive matrix of `n`; directions that the data do not hold are left out (infinite errors
/// would say nothing of the others), as if their parameters were known.
pub(crate) fn inverse(matrix: &[f64], n: usize) -> Vec<f64> {
    let mut chosen: Vec<usize> = (0..n).collect();
    let mut out = vec![0.0; n * n];
    while !chosen.is_empty() {
        if let Some(factor) = cholesky(matrix, n, &chosen) {
            for (place, column) in chosen.iter().enumerate() {
                let mut unit = vec![0.0; chosen.len()];
                unit[place] = 1.0;
                cholesky_solve(&factor, &mut unit);
                for (row, value) in chosen.iter().zip(unit) {
                    out[row * n + column] = value;
                }
            }
            break;
        }
        // The first that repeats those before it goes.
        let repeats = (1..=chosen.len()).find(|end| cholesky(matrix, n, &chosen[..*end]).is_none());
        chosen.remove(repeats.unwrap_or(chosen.len()) - 1);
    }
    out
}
