//! Levenberg-Marquardt in the non-linear parameters, inside a box.

use super::nnls::{self, cholesky, cholesky_solve};
use super::{Columns, Separable};

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Relative fall of chi2 in a step below which the fit has converged.
    pub relative_chi2: f64,
    /// Greatest number of steps.
    pub steps: usize,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { relative_chi2: 1e-6, steps: 60 }
    }
}

/// Where a fit ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Minimum {
    /// Non-linear parameters.
    pub parameters: Vec<f64>,
    /// Linear amplitudes.
    pub amplitudes: Vec<f64>,
    /// Chi2 at the minimum.
    pub chi2: f64,
    /// Whether chi2 stopped falling before the steps ran out.
    pub converged: bool,
}

/// Buffers that one thread uses for fit after fit.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    columns: Columns,
    trial_columns: Columns,
    directions: Columns,
    residual: Vec<f64>,
}

#[derive(Default)]
struct Point {
    amplitudes: Vec<f64>,
    passive: Vec<usize>,
    gram: Vec<f64>,
    right: Vec<f64>,
    chi2: f64,
}

/// What stays during a fit: the data, their sum of squares, and which amplitudes may be negative.
struct Fixed<'a> {
    data: &'a [f64],
    square: f64,
    free: Vec<bool>,
}

/// Best amplitudes and chi2 at some parameters; columns are left in `columns`, which hold the fixed ones already.
/// `before` is another point of the same fit, or an empty one.
fn evaluate(
    model: &impl Separable,
    parameters: &[f64],
    fixed: &Fixed<'_>,
    columns: &mut Columns,
    before: &Point,
) -> Point {
    let (n, moving) = (model.n_columns(), model.first_fixed());
    (0..moving).for_each(|column| columns.clear(column));
    model.columns(parameters, columns);
    let first = before.gram.is_empty();
    let mut gram = if first { vec![0.0; n * n] } else { before.gram.clone() };
    let mut right = if first { vec![0.0; n] } else { before.right.clone() };
    for i in 0..n {
        if i < moving || first {
            right[i] = columns.dot_pixels(i, fixed.data);
        }
        let known = if first { 0 } else { moving };
        for j in 0..=i {
            if j < moving || i < moving || known == 0 {
                gram[i * n + j] = columns.dot(i, columns, j);
                gram[j * n + i] = gram[i * n + j];
            }
        }
    }
    let mut passive = before.passive.clone();
    let amplitudes = nnls::solve(&gram, &right, &fixed.free, &mut passive);
    let chi2 = fixed.square - amplitudes.iter().zip(&right).map(|(a, b)| a * b).sum::<f64>();
    Point { amplitudes, passive, gram, right, chi2 }
}

/// Minimises chi2 from a start. `data` is in units of its errors.
pub(crate) fn minimise(
    model: &impl Separable,
    data: &[f64],
    start: &[f64],
    tolerance: Tolerance,
    space: &mut Workspace,
) -> Minimum {
    let n = model.n_parameters();
    let clamp = |parameter: usize, value: f64| {
        let (least, most) = model.bounds(parameter);
        value.clamp(least, most)
    };
    let mut parameters: Vec<f64> = (0..n).map(|k| clamp(k, start[k])).collect();
    for columns in [&mut space.columns, &mut space.trial_columns] {
        columns.reset(model.n_columns(), model.n_pixels());
    }
    model.fixed_columns(&mut space.columns);
    if model.first_fixed() < model.n_columns() && n > 0 {
        model.fixed_columns(&mut space.trial_columns);
    }
    let free = (0..model.n_columns()).map(|column| model.is_free(column)).collect();
    let fixed = Fixed { data, square: super::columns::dot(data, data), free };
    let mut point = evaluate(model, &parameters, &fixed, &mut space.columns, &Point::default());
    let (mut damping, mut converged) = (1e-3, n == 0);
    let mut step = 0;
    while step < tolerance.steps && !converged {
        let (curvature, slope) = normal_equations(model, &parameters, data, &point, space);
        let free = free_parameters(model, &parameters, &slope, &curvature);
        if free.is_empty() {
            converged = true;
        }
        loop {
            if converged || step >= tolerance.steps {
                break;
            }
            step += 1;
            let trial = propose(&parameters, &curvature, &slope, &free, damping, clamp);
            let moved = evaluate(model, &trial, &fixed, &mut space.trial_columns, &point);
            let fall = point.chi2 - moved.chi2;
            if fall >= 0.0 {
                std::mem::swap(&mut space.columns, &mut space.trial_columns);
                (parameters, point) = (trial, moved);
                converged = fall <= tolerance.relative_chi2 * point.chi2 && damping < 1e2;
                damping = (damping * 0.2).max(1e-9);
                break;
            }
            damping *= 6.0;
            converged = damping > 1e8;
        }
    }
    Minimum { parameters, amplitudes: point.amplitudes, chi2: point.chi2.max(0.0), converged }
}

/// Gauss-Newton matrix and slope in the parameters, the amplitudes projected out. The residual is orthogonal to the
/// passive columns, so no projection of pixels is needed.
fn normal_equations(
    model: &impl Separable,
    parameters: &[f64],
    data: &[f64],
    point: &Point,
    space: &mut Workspace,
) -> (Vec<f64>, Vec<f64>) {
    let (n, columns) = (model.n_parameters(), model.n_columns());
    space.directions.reset(n, model.n_pixels());
    model.directions(parameters, &point.amplitudes, &space.columns, &mut space.directions);
    space.residual.clear();
    space.residual.extend_from_slice(data);
    for column in 0..columns {
        space.columns.add_to(column, -point.amplitudes[column], &mut space.residual);
    }
    let slope = (0..n).map(|k| space.directions.dot_pixels(k, &space.residual)).collect();
    let mut curvature = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            curvature[i * n + j] = space.directions.dot(i, &space.directions, j);
        }
    }
    if let Some(factor) = cholesky(&point.gram, columns, &point.passive) {
        let shadow = |k: usize| -> Vec<f64> {
            point.passive.iter().map(|column| space.directions.dot(k, &space.columns, *column)).collect()
        };
        let shadows: Vec<Vec<f64>> = (0..n).map(shadow).collect();
        for i in 0..n {
            let mut solved = shadows[i].clone();
            cholesky_solve(&factor, &mut solved);
            for j in 0..=i {
                curvature[i * n + j] -= super::columns::dot(&solved, &shadows[j]);
            }
        }
    }
    for i in 0..n {
        for j in 0..i {
            curvature[j * n + i] = curvature[i * n + j];
        }
    }
    (curvature, slope)
}

/// Parameters that matter and are not held by a bound.
fn free_parameters(model: &impl Separable, parameters: &[f64], slope: &[f64], curvature: &[f64]) -> Vec<usize> {
    let n = parameters.len();
    let held = |k: usize| {
        let (least, most) = model.bounds(k);
        parameters[k] <= least && slope[k] < 0.0 || parameters[k] >= most && slope[k] > 0.0
    };
    (0..n).filter(|k| curvature[k * n + k] > 1e-14 && !held(*k)).collect()
}

fn propose(
    parameters: &[f64],
    curvature: &[f64],
    slope: &[f64],
    free: &[usize],
    damping: f64,
    clamp: impl Fn(usize, f64) -> f64,
) -> Vec<f64> {
    let n = parameters.len();
    let mut damped = curvature.to_vec();
    for k in free {
        damped[k * n + k] += damping * curvature[k * n + k];
    }
    let mut step: Vec<f64> = free.iter().map(|k| slope[*k]).collect();
    match cholesky(&damped, n, free) {
        Some(factor) => cholesky_solve(&factor, &mut step),
        None => {
            for (value, k) in step.iter_mut().zip(free) {
                *value /= curvature[k * n + k] * (1.0 + damping);
            }
        }
    }
    let mut trial = parameters.to_vec();
    for (k, step) in free.iter().zip(step) {
        trial[*k] = clamp(*k, trial[*k] + step);
    }
    trial
}
