//! Levenberg-Marquardt in the non-linear parameters, inside a box.

use super::nnls::{self, Scratch, cholesky_solve, factorise};
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
    point: Point,
    trial_point: Point,
    normal: Normal,
    nnls: Scratch,
    /// For what lies between fits.
    pub spare: Columns,
}

/// The best amplitudes at some parameters.
#[derive(Debug, Default)]
struct Point {
    amplitudes: Vec<f64>,
    passive: Vec<usize>,
    gram: Vec<f64>,
    right: Vec<f64>,
    chi2: f64,
}

/// Gauss-Newton matrix and slope in the parameters.
#[derive(Debug, Default)]
struct Normal {
    curvature: Vec<f64>,
    slope: Vec<f64>,
    /// Products of the directions with the columns that are not at zero, and those solved for one direction.
    shadows: Vec<f64>,
    solved: Vec<f64>,
    factor: Vec<f64>,
}

/// What stays during a fit: the data, their sum of squares, and which amplitudes may be negative.
struct Fixed<'a> {
    data: &'a [f64],
    square: f64,
    free: Vec<bool>,
}

/// Best amplitudes and chi2 at some parameters, into `point`; columns are left in `columns`, which hold the fixed ones already.
/// `before` is another point of the same fit.
fn evaluate(
    model: &impl Separable,
    parameters: &[f64],
    fixed: &Fixed<'_>,
    columns: &mut Columns,
    before: Option<&Point>,
    (point, scratch): (&mut Point, &mut Scratch),
) {
    let (n, moving) = (model.n_columns(), model.first_fixed());
    (0..moving).for_each(|column| columns.clear(column));
    model.columns(parameters, columns);
    match before {
        Some(before) => {
            point.gram.clone_from(&before.gram);
            point.right.clone_from(&before.right);
            point.passive.clone_from(&before.passive);
        }
        None => {
            point.gram.resize(n * n, 0.0);
            point.right.resize(n, 0.0);
            point.passive.clear();
        }
    }
    for i in 0..n {
        if i < moving || before.is_none() {
            point.right[i] = columns.dot_pixels(i, fixed.data);
        }
        for j in 0..=i {
            if j < moving || i < moving || before.is_none() {
                point.gram[i * n + j] = columns.dot(i, columns, j);
                point.gram[j * n + i] = point.gram[i * n + j];
            }
        }
    }
    nnls::solve((&point.gram, &point.right), &fixed.free, &mut point.passive, &mut point.amplitudes, scratch);
    point.chi2 = fixed.square - point.amplitudes.iter().zip(&point.right).map(|(a, b)| a * b).sum::<f64>();
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
    evaluate(model, &parameters, &fixed, &mut space.columns, None, (&mut space.point, &mut space.nnls));
    let (mut damping, mut converged) = (1e-3, n == 0);
    let mut step = 0;
    let (mut trial, mut scratch) = (Vec::with_capacity(n), Proposal::default());
    while step < tolerance.steps && !converged {
        normal_equations(model, &parameters, data, space);
        let free = free_parameters(model, &parameters, &space.normal);
        if free.is_empty() {
            converged = true;
        }
        loop {
            if converged || step >= tolerance.steps {
                break;
            }
            step += 1;
            propose(&parameters, &space.normal, &free, damping, clamp, (&mut trial, &mut scratch));
            let moved = (&mut space.trial_point, &mut space.nnls);
            evaluate(model, &trial, &fixed, &mut space.trial_columns, Some(&space.point), moved);
            let fall = space.point.chi2 - space.trial_point.chi2;
            if fall >= 0.0 {
                std::mem::swap(&mut space.columns, &mut space.trial_columns);
                std::mem::swap(&mut space.point, &mut space.trial_point);
                std::mem::swap(&mut parameters, &mut trial);
                converged = fall <= tolerance.relative_chi2 * space.point.chi2 && damping < 1e2;
                damping = (damping * 0.2).max(1e-9);
                break;
            }
            damping *= 6.0;
            converged = damping > 1e8;
        }
    }
    Minimum { parameters, amplitudes: space.point.amplitudes.clone(), chi2: space.point.chi2.max(0.0), converged }
}

/// Gauss-Newton matrix and slope in the parameters, the amplitudes projected out. The residual is orthogonal to the
/// passive columns, so no projection of pixels is needed.
fn normal_equations(model: &impl Separable, parameters: &[f64], data: &[f64], space: &mut Workspace) {
    let (n, columns) = (model.n_parameters(), model.n_columns());
    let Workspace { columns: own, directions, residual, point, normal, .. } = space;
    directions.reset(n, model.n_pixels());
    model.directions(parameters, &point.amplitudes, own, directions);
    residual.clear();
    residual.extend_from_slice(data);
    for column in 0..columns {
        own.add_to(column, -point.amplitudes[column], residual);
    }
    normal.slope.clear();
    normal.slope.extend((0..n).map(|k| directions.dot_pixels(k, residual)));
    normal.curvature.resize(n * n, 0.0);
    for i in 0..n {
        for j in 0..=i {
            normal.curvature[i * n + j] = directions.dot(i, directions, j);
        }
    }
    if factorise(&point.gram, columns, &point.passive, &mut normal.factor) {
        let m = point.passive.len();
        normal.shadows.clear();
        for k in 0..n {
            normal.shadows.extend(point.passive.iter().map(|column| directions.dot(k, own, *column)));
        }
        let shadow = |k: usize| &normal.shadows[k * m..(k + 1) * m];
        for i in 0..n {
            normal.solved.clear();
            normal.solved.extend_from_slice(shadow(i));
            cholesky_solve(&normal.factor, &mut normal.solved);
            for j in 0..=i {
                normal.curvature[i * n + j] -= super::columns::dot(&normal.solved, shadow(j));
            }
        }
    }
    for i in 0..n {
        for j in 0..i {
            normal.curvature[j * n + i] = normal.curvature[i * n + j];
        }
    }
}

/// Parameters that matter and are not held by a bound.
fn free_parameters(model: &impl Separable, parameters: &[f64], normal: &Normal) -> Vec<usize> {
    let (n, slope) = (parameters.len(), &normal.slope);
    let held = |k: usize| {
        let (least, most) = model.bounds(k);
        parameters[k] <= least && slope[k] < 0.0 || parameters[k] >= most && slope[k] > 0.0
    };
    (0..n).filter(|k| normal.curvature[k * n + k] > 1e-14 && !held(*k)).collect()
}

/// Buffers of [`propose`].
#[derive(Debug, Default)]
struct Proposal {
    damped: Vec<f64>,
    factor: Vec<f64>,
    step: Vec<f64>,
}

/// The place that a damped step leads to, inside the box.
fn propose(
    parameters: &[f64],
    normal: &Normal,
    free: &[usize],
    damping: f64,
    clamp: impl Fn(usize, f64) -> f64,
    (trial, scratch): (&mut Vec<f64>, &mut Proposal),
) {
    let n = parameters.len();
    let (curvature, Proposal { damped, factor, step }) = (&normal.curvature, scratch);
    damped.clone_from(curvature);
    for k in free {
        damped[k * n + k] += damping * curvature[k * n + k];
    }
    step.clear();
    step.extend(free.iter().map(|k| normal.slope[*k]));
    if factorise(damped, n, free, factor) {
        cholesky_solve(factor, step);
    } else {
        for (value, k) in step.iter_mut().zip(free) {
            *value /= curvature[k * n + k] * (1.0 + damping);
        }
    }
    trial.clear();
    trial.extend_from_slice(parameters);
    for (k, step) in free.iter().zip(step.iter()) {
        trial[*k] = clamp(*k, trial[*k] + step);
    }
}
