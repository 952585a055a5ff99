//! Interpolation between a grid's models, and the error that it is taken to have.
//!
//! Linear interpolation of a smooth quantity is wrong by `t (1 - t) h^2 f''/2` at the share `t` of a step `h`: nothing at the
//! models, a quarter of the leave-one-out error (which has the step `2 h`) in the middle, with its sign: most of that is taken
//! off, what may be left moves all quantities together. At kinks more is left: the error has a heavy tail.

use std::collections::BTreeMap;

use rand_distr::{Distribution, StandardNormal, Uniform};
use rayon::prelude::*;

use super::{ModelGrid, bracket};

/// Share of the leave-one-out error by which interpolation is wrong in the mean, in the middle between models.
const EXPECTED: f64 = 0.17;
/// Share that all quantities have together beside it, of either sign.
const TOGETHER: f64 = 0.15;
/// Share that each quantity has by itself there.
const ALONE: f64 = 0.18;
/// Probabilities of smooth places and of kinks, and by how much errors are larger there. With the shares above: measured
/// where models were left out (docs/reference/outflows-gas.md).
pub(crate) const SMOOTH_OR_KINK: [(f64, f64); 2] = [(0.85, 1.0), (0.15, 3.0)];

/// A model that an interpolation uses.
pub(crate) struct Corner {
    weight: f64,
    model: usize,
    /// The place, moved along the front.
    at: Vec<f64>,
    /// Along each axis `4 t (1 - t)`: 0 at a model, 1 in the middle between two.
    between: Vec<f64>,
}

impl ModelGrid {
    /// The models about a place and their weights. With a front, columns are compared at equal N_H / N_front; where that
    /// leads out of the grid, the two outermost columns are continued. `left_out` (axis, node) does not exist.
    pub(super) fn corners(
        &self,
        place: &[f64],
        left_out: Option<(usize, usize)>,
        front: Option<(usize, usize)>,
    ) -> Option<Vec<Corner>> {
        if place.len() != self.axes.len() {
            return None;
        }
        let mut corners = vec![Corner { weight: 1.0, model: 0, at: place.to_vec(), between: Vec::new() }];
        for (index, axis) in self.axes.iter().enumerate() {
            bracket(&axis.values, place[index], None, false)?;
            let skip = left_out.filter(|(axis, _)| *axis == index).map(|(_, node)| node);
            let moved = front.is_some_and(|(_, n_h)| n_h == index);
            let mut next = Vec::with_capacity(2 * corners.len());
            for corner in corners {
                for (node, share) in bracket(&axis.values, corner.at[index], skip, moved)? {
                    let mut at = corner.at.clone();
                    if let Some((u, n_h)) = front
                        && u == index
                    {
                        at[n_h] += axis.values[node] - place[u];
                    }
                    let mut between = corner.between.clone();
                    between.push((4.0 * share * (1.0 - share)).abs());
                    let model = corner.model * axis.values.len() + node;
                    next.push(Corner { weight: corner.weight * share, model, at, between });
                }
            }
            corners = next;
        }
        Some(corners)
    }

    /// The models that give all of some quantities at a place: along the front, or without it where models lack values.
    pub(crate) fn corners_of(&self, place: &[f64], quantities: &[usize]) -> Option<Vec<Corner>> {
        let usable = |corners: &Vec<Corner>| quantities.iter().all(|one| self.value(*one, corners).is_finite());
        let along_front = self.front.and_then(|front| self.corners(place, None, Some(front))).filter(usable);
        along_front.or_else(|| self.corners(place, None, None).filter(usable))
    }

    /// log10 of a quantity from models and weights; NaN where one has no value.
    pub(crate) fn value(&self, quantity: usize, corners: &[Corner]) -> f64 {
        let of = |corner: &Corner| self.values[corner.model * self.quantities.len() + quantity];
        corners.iter().map(|corner| corner.weight * of(corner)).sum()
    }

    /// Leave-one-out errors as a map, dex, `[axis][model]`. At an edge it is that of the nearest model with neighbours; an axis
    /// of two nodes has none.
    fn leave_one_out_map(&self, quantity: usize) -> Vec<Vec<f64>> {
        let mut errors = vec![vec![0.0; self.models()]; self.axes.len()];
        let places = self.places();
        for (index, axis) in self.axes.iter().enumerate().filter(|(_, axis)| axis.values.len() > 2) {
            let inner: usize = self.axes[index + 1..].iter().map(|axis| axis.values.len()).product();
            let length = axis.values.len();
            let of = |model: usize| self.left_out_error(quantity, &places[model], model, index);
            let map: Vec<Option<f64>> = (0..self.models()).map(of).collect();
            for model in 0..self.models() {
                let node = model / inner % length;
                let inside = node.clamp(1, length - 2);
                errors[index][model] = map[model + inside * inner - node * inner].unwrap_or(0.0);
            }
        }
        errors
    }

    /// Interpolated minus true where a model is taken away along an axis; `None` at the axis' ends and without values.
    pub(super) fn left_out_error(&self, quantity: usize, place: &[f64], model: usize, axis: usize) -> Option<f64> {
        let inner: usize = self.axes[axis + 1..].iter().map(|axis| axis.values.len()).product();
        let node = model / inner % self.axes[axis].values.len();
        if node == 0 || node + 1 == self.axes[axis].values.len() {
            return None;
        }
        let truth = self.values[model * self.quantities.len() + quantity];
        let guess = |front| Some(self.value(quantity, &self.corners(place, Some((axis, node)), front)?) - truth);
        let usable = |error: &f64| error.is_finite();
        self.front.and_then(|front| guess(Some(front))).filter(usable).or_else(|| guess(None).filter(usable))
    }
}

/// Leave-one-out errors of several quantities of one grid.
pub(crate) struct ErrorMaps {
    /// Of each quantity: `[axis][model]`, dex.
    maps: BTreeMap<usize, Vec<Vec<f64>>>,
    axes: usize,
}

impl ErrorMaps {
    /// Measures them.
    pub(crate) fn new(grid: &ModelGrid, quantities: &[usize]) -> Self {
        let maps = quantities.par_iter().map(|quantity| (*quantity, grid.leave_one_out_map(*quantity))).collect();
        Self { maps, axes: grid.axes().len() }
    }

    /// The error that interpolation at a place is taken to have, of each of `measured` (quantity, what it is divided by).
    pub(crate) fn at(&self, corners: &[Corner], measured: &[(usize, Option<usize>)]) -> InterpolationError {
        let mut error = InterpolationError { expected: Vec::new(), together: Vec::new(), alone: Vec::new() };
        for (quantity, over) in measured {
            let (mut expected, mut together, mut alone) = (0.0, vec![0.0; self.axes], 0.0);
            let (map, over) = (self.maps.get(quantity), over.and_then(|over| self.maps.get(&over)));
            for corner in corners {
                for (axis, sum) in together.iter_mut().enumerate() {
                    let of = |map: Option<&Vec<Vec<f64>>>| map.map_or(0.0, |map| map[axis][corner.model]);
                    let here = corner.between[axis] * (of(map) - of(over));
                    expected += EXPECTED * corner.weight * here;
                    *sum += TOGETHER * corner.weight * here;
                    alone += corner.weight.abs() * (ALONE * here).powi(2);
                }
            }
            error.expected.push(expected);
            error.together.push(together);
            error.alone.push(alone.sqrt());
        }
        error
    }

    /// Leave-one-out errors along an axis about a place, dex.
    pub(crate) fn leave_one_out(
        &self,
        corners: &[Corner],
        measured: &[(usize, Option<usize>)],
        axis: usize,
    ) -> Vec<f64> {
        let of = |quantity: &usize| -> f64 {
            let map = self.maps.get(quantity);
            corners.iter().map(|corner| corner.weight * map.map_or(0.0, |map| map[axis][corner.model])).sum()
        };
        measured.iter().map(|(quantity, over)| of(quantity) - over.as_ref().map_or(0.0, of)).collect()
    }
}

/// Error of interpolation at a place, dex: its size where the grid is smooth.
pub(crate) struct InterpolationError {
    /// Interpolated minus true of each quantity, in the mean.
    pub(crate) expected: Vec<f64>,
    /// What all quantities share, signed, `[quantity][axis]`.
    pub(crate) together: Vec<Vec<f64>>,
    /// What each has by itself.
    pub(crate) alone: Vec<f64>,
}

impl InterpolationError {
    /// Standard deviation of a quantity.
    pub(crate) fn sigma(&self, quantity: usize) -> f64 {
        self.together[quantity].iter().fold(self.alone[quantity], |sum, error| sum.hypot(*error))
    }

    /// True minus interpolated of each quantity, at random.
    pub(crate) fn draw(&self, rng: &mut impl rand::Rng) -> Vec<f64> {
        let chosen: f64 = Uniform::new(0.0, 1.0).map_or(0.0, |uniform| uniform.sample(rng));
        let [(smooth, small), (_, large)] = SMOOTH_OR_KINK;
        let scale = if chosen < smooth { small } else { large };
        let axes = self.together.first().map_or(0, Vec::len);
        let shared: Vec<f64> = (0..axes).map(|_| StandardNormal.sample(rng)).collect();
        let one = |((along, alone), expected): ((&Vec<f64>, &f64), &f64)| {
            let own: f64 = StandardNormal.sample(rng);
            let together: f64 = along.iter().zip(&shared).map(|(error, deviate)| error * deviate).sum();
            scale * (alone * own + together) - expected
        };
        self.together.iter().zip(&self.alone).zip(&self.expected).map(one).collect()
    }
}

/// Share of errors that the claim puts within so many of its standard deviations at smooth places.
pub(crate) fn claimed_within(sigmas: f64) -> f64 {
    let within = |scale: f64| 2.0 * astro::statistics::normal_cdf(sigmas / scale) - 1.0;
    SMOOTH_OR_KINK.iter().map(|(share, scale)| share * within(*scale)).sum()
}
