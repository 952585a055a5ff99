//! Non-negative least squares on the normal equations: the number of amplitudes is small, the pixels are many.

/// Buffers of [`solve`], for one solution after the other.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    factor: Vec<f64>,
    solution: Vec<f64>,
    dropped: Vec<bool>,
}

/// Cholesky factor of the chosen rows and columns of a symmetric matrix of `n`; `None` where it is not positive.
pub(crate) fn cholesky(matrix: &[f64], n: usize, chosen: &[usize]) -> Option<Vec<f64>> {
    let mut factor = Vec::new();
    factorise(matrix, n, chosen, &mut factor).then_some(factor)
}

/// As [`cholesky`], into a buffer of which only the lower triangle is set; `false` where the matrix is not positive.
pub(crate) fn factorise(matrix: &[f64], n: usize, chosen: &[usize], factor: &mut Vec<f64>) -> bool {
    let m = chosen.len();
    factor.resize(m * m, 0.0);
    for i in 0..m {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| factor[i * m + k] * factor[j * m + k]).sum();
            let rest = matrix[chosen[i] * n + chosen[j]] - known;
            if i == j {
                // Columns that repeat others leave nothing of their own.
                if rest <= 1e-10 * matrix[chosen[i] * n + chosen[i]] {
                    return false;
                }
                factor[i * m + i] = rest.sqrt();
            } else {
                factor[i * m + j] = rest / factor[j * m + j];
            }
        }
    }
    true
}

/// Solves with a factor of [`cholesky`], in place.
pub(crate) fn cholesky_solve(factor: &[f64], right: &mut [f64]) {
    let m = right.len();
    forward(factor, right);
    for i in (0..m).rev() {
        let known: f64 = (i + 1..m).map(|k| factor[k * m + i] * right[k]).sum();
        right[i] = (right[i] - known) / factor[i * m + i];
    }
}

/// Solves with the lower triangle of a factor of [`cholesky`], in place.
pub(crate) fn forward(factor: &[f64], right: &mut [f64]) {
    let m = right.len();
    for i in 0..m {
        let known: f64 = factor[i * m..i * m + i].iter().zip(&right[..i]).map(|(a, b)| a * b).sum();
        right[i] = (right[i] - known) / factor[i * m + i];
    }
}

/// Minimises `x' G x - 2 b' x` with `x >= 0` except for free columns. `passive` is the set to begin with (it may be any)
/// and holds the columns that are not at zero afterwards.
pub(crate) fn solve(
    (gram, right): (&[f64], &[f64]),
    free: &[bool],
    passive: &mut Vec<usize>,
    x: &mut Vec<f64>,
    scratch: &mut Scratch,
) {
    let n = right.len();
    x.clear();
    x.resize(n, 0.0);
    passive.retain(|column| gram[column * n + column] > 0.0);
    for column in (0..n).filter(|column| free[*column] && gram[column * n + column] > 0.0) {
        if !passive.contains(&column) {
            passive.push(column);
        }
    }
    if !passive.is_empty() {
        settle((gram, right), free, passive, x, true, scratch);
    }
    for _ in 0..3 * n + 3 {
        let Some(column) = steepest(gram, right, passive, x) else { break };
        passive.push(column);
        if !settle((gram, right), free, passive, x, false, scratch) {
            passive.retain(|kept| *kept != column);
            break;
        }
    }
}

/// The column at zero whose growth helps most.
fn steepest(gram: &[f64], right: &[f64], passive: &[usize], x: &[f64]) -> Option<usize> {
    let n = right.len();
    let mut best = None;
    for column in (0..n).filter(|column| !passive.contains(column)) {
        let norm = gram[column * n + column];
        if norm <= 0.0 {
            continue;
        }
        let slope = right[column] - passive.iter().map(|other| gram[column * n + other] * x[*other]).sum::<f64>();
        let gain = slope / norm.sqrt();
        if gain > 1e-9 * right[column].abs().max(1e-30) / norm.sqrt() + 1e-12
            && best.is_none_or(|(_, most)| gain > most)
        {
            best = Some((column, gain));
        }
    }
    best.map(|(column, _)| column)
}

/// Moves to the least-squares solution of the passive set, dropping columns that would go negative. `false` when the
/// set is singular. A first guess (`fresh`) drops them at once, later sets by the step that keeps all positive.
fn settle(
    (gram, right): (&[f64], &[f64]),
    free: &[bool],
    passive: &mut Vec<usize>,
    x: &mut [f64],
    fresh: bool,
    scratch: &mut Scratch,
) -> bool {
    let n = right.len();
    let Scratch { factor, solution, dropped } = scratch;
    loop {
        if !factorise(gram, n, passive, factor) {
            if fresh && passive.pop().is_some() {
                continue;
            }
            return false;
        }
        solution.clear();
        solution.extend(passive.iter().map(|column| right[*column]));
        cholesky_solve(factor, solution);
        let negative = |place: usize| !free[passive[place]] && solution[place] <= 0.0;
        if !(0..passive.len()).any(negative) {
            x.fill(0.0);
            for (column, value) in passive.iter().zip(solution.iter()) {
                x[*column] = *value;
            }
            return true;
        }
        let step = if fresh {
            0.0
        } else {
            let reach = |place: usize| x[passive[place]] / (x[passive[place]] - solution[place]);
            (0..passive.len()).filter(|place| negative(*place)).map(reach).fold(1.0, f64::min)
        };
        dropped.clear();
        dropped.extend((0..passive.len()).map(|place| {
            let moved = x[passive[place]] + step * (solution[place] - x[passive[place]]);
            negative(place) && (fresh || moved <= 1e-14 * solution[place].abs().max(x[passive[place]]))
        }));
        for (place, column) in passive.iter().enumerate() {
            x[*column] += step * (solution[place] - x[*column]);
        }
        let before = passive.len();
        let mut place = 0;
        passive.retain(|column| {
            place += 1;
            if dropped[place - 1] {
                x[*column] = 0.0;
            }
            !dropped[place - 1]
        });
        if passive.len() == before || passive.is_empty() {
            x.fill(0.0);
            return passive.is_empty();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The conditions of Karush, Kuhn and Tucker hold whatever the matrix and the first guess.
        #[test]
        fn solutions_are_optimal(values in prop::collection::vec(-1.0_f64..1.0, 24), y in prop::collection::vec(-1.0_f64..1.0, 6), guess in 0_usize..16) {
            let n = 4;
            let column = |j: usize| &values[j * 6..(j + 1) * 6];
            let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
            let gram: Vec<f64> = (0..16).map(|at| product(column(at / n), column(at % n))).collect();
            let right: Vec<f64> = (0..n).map(|j| product(column(j), &y)).collect();
            let mut passive = (0..n).filter(|j| guess >> j & 1 == 1).collect();
            let mut x = Vec::new();
            solve((&gram, &right), &[false; 4], &mut passive, &mut x, &mut Scratch::default());
            for j in 0..n {
                let slope = right[j] - (0..n).map(|k| gram[j * n + k] * x[k]).sum::<f64>();
                prop_assert!(x[j] >= 0.0);
                prop_assert!(slope < 1e-6, "column {j} could still grow: {slope}");
                prop_assert!(x[j] == 0.0 || slope.abs() < 1e-6);
            }
        }
    }
}
