//! How well known gas conditions are recovered, and whether the errors that are claimed are those that are made.
//!
//! All draws have the noise and the error of the models that the inference is told. Two kinds of truth:
//!
//! - between the grid's models, with an error of the interpolation drawn as it is claimed: whether the inference does what
//!   it says;
//! - models left out (every second along one axis), whose interpolation is wrong by what it is: whether the claim is right. The
//!   grid that is used has twice the step and knows only its own leave-one-out errors, at twice that.
//!
//! Conditions come from the prior, except that models left out lie within the other axes: an interval with as much outside on
//! each side never holds the prior's edge.

use astro::statistics::{median, quantile, rng_stream};
use rand_distr::{Distribution, StandardNormal, Uniform};
use rayon::prelude::*;

use crate::grid::interpolation::{ErrorMaps, claimed_within};
use crate::grid::{GridError, ModelGrid};
use crate::inference::{Bound, InferenceSettings, Observed, infer_with, measured_in, needed};

/// What is put in.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// Quantities measured.
    pub quantities: Vec<String>,
    /// What each is divided by.
    pub over: Option<String>,
    /// Their errors, dex.
    pub error_dex: f64,
    /// Conditions put in.
    pub points: usize,
    /// Seed of places and noise.
    pub seed: u64,
    /// Axes known of each object: held at its true value. (Those that the settings hold have that value in truth too.)
    pub known: Vec<String>,
    /// Axis whose models are left out.
    pub left_out: String,
}

/// Where the truth comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// Places between the grid's models.
    Between,
    /// Models that the inference does not know.
    LeftOut,
}

/// How well an axis is recovered.
#[derive(Debug, Clone, PartialEq)]
pub struct AxisRecovery {
    /// The axis.
    pub axis: String,
    /// Points tried.
    pub points: usize,
    /// Median of inferred minus true, dex.
    pub bias_dex: f64,
    /// 68th percentile of the absolute difference, dex.
    pub error_dex: f64,
    /// Share within 0.3 dex.
    pub within_03: f64,
    /// Share of 68 % intervals that hold the truth.
    pub coverage_68: f64,
    /// Share of 95 % intervals that hold the truth.
    pub coverage_95: f64,
}

/// Errors of interpolation at models left out.
#[derive(Debug, Clone, PartialEq)]
pub struct InterpolationCheck {
    /// Errors compared.
    pub compared: usize,
    /// 68th percentile of the error's size, dex.
    pub error_dex: f64,
    /// The same of the leave-one-out errors about them, which have twice the step.
    pub leave_one_out_dex: f64,
    /// `(standard deviations at smooth places, share of errors within, share claimed)`.
    pub within: Vec<[f64; 3]>,
}

/// What both tests need.
struct Injected {
    /// The grid that the inference uses.
    used: ModelGrid,
    measured: Vec<(usize, Option<usize>)>,
    /// Models left out: all, and those within the free axes.
    left_out: Vec<Vec<f64>>,
}

impl Injected {
    fn new(grid: &ModelGrid, injection: &Injection, truth: Truth) -> Result<Self, GridError> {
        let axis = grid.axis(&injection.left_out)?;
        let nodes = &grid.axes()[axis].values;
        if truth == Truth::LeftOut && nodes.len() < 7 {
            let (quantity, found) = (injection.left_out.clone(), nodes.len() as f64);
            return Err(GridError::Value { quantity, expected: "an axis of 7 nodes or more to leave out", found });
        }
        let used = if truth == Truth::LeftOut { grid.thinned(axis) } else { grid.clone() };
        let kept = &used.axes()[axis].values;
        let between =
            |place: &Vec<f64>| !kept.contains(&place[axis]) && kept.last().is_some_and(|last| place[axis] < *last);
        let left_out = grid.places().into_iter().filter(between).collect();
        let mut measured = Vec::new();
        for quantity in &injection.quantities {
            measured.push(measured_in(grid, quantity, injection.over.as_deref())?);
        }
        Ok(Self { used, measured, left_out })
    }

    /// Values at a place of one of the grids.
    fn values(&self, grid: &ModelGrid, place: &[f64]) -> Option<Vec<f64>> {
        let corners = grid.corners_of(place, &needed(&self.measured))?;
        let of = |(quantity, over): &(usize, Option<usize>)| {
            grid.value(*quantity, &corners) - over.map_or(0.0, |over| grid.value(over, &corners))
        };
        Some(self.measured.iter().map(of).collect())
    }
}

/// Injects conditions and infers them. Seeded.
///
/// # Errors
/// A quantity or axis that the grid does not have, or too few models along the axis that is left out.
pub fn recovery(
    grid: &ModelGrid,
    injection: &Injection,
    truth: Truth,
    settings: &InferenceSettings,
) -> Result<Vec<AxisRecovery>, GridError> {
    for name in &injection.known {
        grid.axis(name)?;
    }
    let injected = Injected::new(grid, injection, truth)?;
    // An axis that is held is known: the truth has that value.
    let held: Vec<Option<f64>> = grid
        .axes()
        .iter()
        .map(|axis| settings.fixed.iter().find(|(fixed, _)| *fixed == axis.name).map(|(_, value)| *value))
        .collect();
    let within = |place: &&Vec<f64>| {
        grid.axes().iter().zip(&held).zip(place.iter()).all(|((axis, held), at)| match held {
            Some(held) => (held - at).abs() < 1e-6,
            None => injection.known.contains(&axis.name) || !is_end(&axis.values, *at),
        })
    };
    let candidates: Vec<&Vec<f64>> = injected.left_out.iter().filter(within).collect();
    let maps = ErrorMaps::new(&injected.used, &needed(&injected.measured));
    let noise = injection.error_dex.hypot(settings.model_error_dex);
    let one = |point: u64| -> Option<Vec<(f64, bool, bool)>> {
        let mut rng = rng_stream(injection.seed, point);
        let uniform = Uniform::new(0.0, 1.0).ok()?;
        let place: Vec<f64> = if truth == Truth::LeftOut {
            (*candidates.get((uniform.sample(&mut rng) * candidates.len() as f64) as usize)?).clone()
        } else {
            let mut place = Vec::new();
            for (axis, held) in grid.axes().iter().zip(&held) {
                let (low, high) = (*axis.values.first()?, *axis.values.last()?);
                let drawn = low + (high - low) * uniform.sample(&mut rng);
                place.push(held.unwrap_or(drawn));
            }
            place
        };
        let mut values = injected.values(grid, &place)?;
        if truth == Truth::Between && settings.interpolation_errors {
            let corners = grid.corners_of(&place, &needed(&injected.measured))?;
            let errors = maps.at(&corners, &injected.measured).draw(&mut rng);
            values.iter_mut().zip(errors).for_each(|(value, error)| *value += error);
        }
        let observed: Vec<Observed> = injection
            .quantities
            .iter()
            .zip(values)
            .map(|(quantity, value)| {
                let deviate: f64 = StandardNormal.sample(&mut rng);
                let (quantity, over) = (quantity.clone(), injection.over.clone());
                let (log_value, error_dex) = (value + noise * deviate, injection.error_dex);
                Observed { quantity, over, log_value, error_dex, bound: Bound::Value }
            })
            .collect();
        let mut settings = settings.clone();
        for name in &injection.known {
            settings.fixed.push((name.clone(), place[grid.axis(name).ok()?]));
        }
        let posterior = infer_with(&injected.used, &maps, &observed, &settings).ok()?;
        let holds = |interval: [f64; 2], at: f64| at >= interval[0] && at <= interval[1];
        let axes = posterior.axes.iter().zip(&place);
        Some(
            axes.map(|(axis, at)| (axis.median - at, holds(axis.interval_68, *at), holds(axis.interval_95, *at)))
                .collect(),
        )
    };
    let done: Vec<Vec<(f64, bool, bool)>> = (0..injection.points as u64).into_par_iter().filter_map(one).collect();
    Ok(grid.axes().iter().enumerate().map(|(at, axis)| summary(&axis.name, at, &done)).collect())
}

fn is_end(values: &[f64], at: f64) -> bool {
    values.first().is_some_and(|first| at <= *first) || values.last().is_some_and(|last| at >= *last)
}

fn summary(name: &str, at: usize, done: &[Vec<(f64, bool, bool)>]) -> AxisRecovery {
    let of = |pick: &dyn Fn(&(f64, bool, bool)) -> f64| done.iter().map(|one| pick(&one[at])).collect::<Vec<f64>>();
    let share = |pick: &dyn Fn(&(f64, bool, bool)) -> bool| {
        done.iter().filter(|one| pick(&one[at])).count() as f64 / done.len().max(1) as f64
    };
    AxisRecovery {
        axis: name.to_owned(),
        points: done.len(),
        bias_dex: median(&of(&|one| one.0)).unwrap_or(f64::NAN),
        error_dex: quantile(&of(&|one| one.0.abs()), 0.6827).unwrap_or(f64::NAN),
        within_03: share(&|one| one.0.abs() <= 0.3),
        coverage_68: share(&|one| one.1),
        coverage_95: share(&|one| one.2),
    }
}

/// Compares the errors of interpolation at models left out with those that are claimed.
///
/// # Errors
/// A quantity or axis that the grid does not have, or too few models along the axis that is left out.
pub fn check_interpolation(grid: &ModelGrid, injection: &Injection) -> Result<InterpolationCheck, GridError> {
    let injected = Injected::new(grid, injection, Truth::LeftOut)?;
    let needed = needed(&injected.measured);
    let maps = ErrorMaps::new(&injected.used, &needed);
    let axis = grid.axis(&injection.left_out)?;
    let (mut errors, mut twice, mut pulls) = (Vec::new(), Vec::new(), Vec::new());
    for place in &injected.left_out {
        let (Some(truth), Some(found)) = (injected.values(grid, place), injected.values(&injected.used, place)) else {
            continue;
        };
        let Some(corners) = injected.used.corners_of(place, &needed) else { continue };
        let claim = maps.at(&corners, &injected.measured);
        let about = maps.leave_one_out(&corners, &injected.measured, axis);
        for (at, (truth, found)) in truth.iter().zip(&found).enumerate() {
            let error = (found - claim.expected[at] - truth).abs();
            errors.push(error);
            twice.push(about[at].abs());
            pulls.push(error / claim.sigma(at).max(f64::MIN_POSITIVE));
        }
    }
    let share = |sigmas: f64| pulls.iter().filter(|pull| **pull <= sigmas).count() as f64 / pulls.len().max(1) as f64;
    Ok(InterpolationCheck {
        compared: errors.len(),
        error_dex: quantile(&errors, 0.6827).unwrap_or(f64::NAN),
        leave_one_out_dex: quantile(&twice, 0.6827).unwrap_or(f64::NAN),
        within: [1.0, 2.0, 4.0].map(|sigmas| [sigmas, share(sigmas), claimed_within(sigmas)]).to_vec(),
    })
}
