//! Random points: what the galaxies would be without clustering.
//!
//! Directions are uniform over the observed sky, or as likely as it is complete there. Distances follow the galaxies' own
//! density with distance, smoothed: a sample is seldom quite volume-limited, and against points uniform in the volume its
//! slow change with distance looks like clustering along the line of sight, a quadrupole that never returns to zero. The
//! smoothing keeps structures much thinner than its width in the correlation; wider ones are lost with the trend.

use astro::sphere::{norm, position_mpc_h};
use astro::statistics::rng_stream;
use rand::{Rng, RngExt};
use rayon::prelude::*;

use crate::survey::{HealpixSurvey, SurveyVolume};

/// Random points drawn from one stream of random numbers; fixed, so that the points do not depend on the threads.
const POINTS_PER_STREAM: usize = 4096;
/// Width of the shells in which the density is counted, Mpc/h.
const SHELL_MPC_H: f64 = 5.0;
/// Reach of the smoothing, in widths.
const REACH_SIGMA: f64 = 4.0;

/// How dense the galaxies are at a distance, relative to where they are densest.
#[derive(Debug, Clone, PartialEq)]
pub struct RadialDensity {
    nearest_mpc_h: f64,
    shell_mpc_h: f64,
    /// By shell, 0 to 1.
    relative: Vec<f64>,
}

impl RadialDensity {
    /// Of galaxies at these distances between two limits (Mpc/h): at each distance a straight line is fitted to galaxies
    /// over volume, weighted by a Gaussian of standard deviation `smoothing_mpc_h`. Constant where there are no galaxies.
    #[must_use]
    pub fn of(distances_mpc_h: &[f64], [near, far]: [f64; 2], smoothing_mpc_h: f64) -> Self {
        let count = ((far - near) / SHELL_MPC_H).ceil().clamp(1.0, 100_000.0) as usize;
        let shell = ((far - near) / count as f64).max(f64::MIN_POSITIVE);
        let mut galaxies = vec![0.0; count];
        for distance in distances_mpc_h {
            galaxies[(((distance - near) / shell).max(0.0) as usize).min(count - 1)] += 1.0;
        }
        let edge = |index: usize| near + index as f64 * shell;
        let volume = |index: usize| edge(index + 1).powi(3) - edge(index).powi(3);
        let reach = (REACH_SIGMA * smoothing_mpc_h / shell).ceil() as usize;
        let smoothed: Vec<f64> = (0..count)
            .map(|at| {
                // A straight line through the neighbouring shells, so that a trend is kept up to the limits.
                let (mut s, mut t) = ([0.0; 3], [0.0; 2]);
                let first = at.saturating_sub(reach);
                for (other, number) in galaxies.iter().enumerate().take(at + reach + 1).skip(first) {
                    let apart = (other as f64 - at as f64) * shell / smoothing_mpc_h;
                    let weight = (-0.5 * apart * apart).exp();
                    let space = weight * volume(other);
                    s = [s[0] + space, s[1] + space * apart, s[2] + space * apart * apart];
                    t = [t[0] + weight * number, t[1] + weight * number * apart];
                }
                let line = (s[2] * t[0] - s[1] * t[1]) / (s[0] * s[2] - s[1] * s[1]);
                if line.is_finite() && line > 0.0 { line } else { t[0] / s[0] }
            })
            .collect();
        let densest = smoothed.iter().copied().fold(0.0, f64::max);
        let relative = smoothed.iter().map(|density| if densest > 0.0 { density / densest } else { 1.0 }).collect();
        Self { nearest_mpc_h: near, shell_mpc_h: shell, relative }
    }

    /// At a distance, 0 to 1: linear between the middles of shells.
    #[must_use]
    pub fn at(&self, distance_mpc_h: f64) -> f64 {
        let last = self.relative.len() - 1;
        let place = ((distance_mpc_h - self.nearest_mpc_h) / self.shell_mpc_h - 0.5).clamp(0.0, last as f64);
        let below = place as usize;
        let share = place - below as f64;
        self.relative[below] * (1.0 - share) + self.relative[(below + 1).min(last)] * share
    }
}

/// Points uniform in the survey's volume (comoving Mpc/h); the same for the same seed on any number of threads.
#[must_use]
pub fn random_positions(survey: &HealpixSurvey, count: usize, seed: u64) -> Vec<[f64; 3]> {
    drawn(survey, (count, seed), |_, _| true)
}

/// Points uniform in a box between two corners (comoving Mpc/h).
#[must_use]
pub fn random_positions_in_box(low_mpc_h: [f64; 3], high_mpc_h: [f64; 3], count: usize, seed: u64) -> Vec<[f64; 3]> {
    let mut rng = rng_stream(seed, 0);
    let mut along = |k: usize| low_mpc_h[k] + rng.random::<f64>() * (high_mpc_h[k] - low_mpc_h[k]);
    (0..count).map(|_| [along(0), along(1), along(2)]).collect()
}

/// Points that follow the density of galaxies with distance and the completeness of the sky.
#[must_use]
pub fn random_positions_like(
    survey: &HealpixSurvey,
    density: &RadialDensity,
    count: usize,
    seed: u64,
) -> Vec<[f64; 3]> {
    drawn(survey, (count, seed), |point, chance| chance < density.at(norm(point)) * survey.completeness(point))
}

/// Points in the directions (ICRS degrees) of a random catalogue, at distances that follow the density of galaxies.
#[must_use]
pub fn random_distances_like(
    survey: &HealpixSurvey,
    density: &RadialDensity,
    directions_deg: &[(f64, f64)],
    seed: u64,
) -> Vec<[f64; 3]> {
    let cubes = survey.distance_mpc_h().map(|distance| distance.max(0.0).powi(3));
    let placed = |(stream, directions): (usize, &[(f64, f64)])| {
        let mut rng = rng_stream(seed, stream as u64);
        let mut points = Vec::with_capacity(directions.len());
        for &(ra_deg, dec_deg) in directions {
            let distance = loop {
                let distance = uniform_distance(cubes, &mut rng);
                if rng.random::<f64>() < density.at(distance) {
                    break distance;
                }
            };
            points.push(position_mpc_h(ra_deg, dec_deg, distance));
        }
        points
    };
    directions_deg.par_chunks(POINTS_PER_STREAM).enumerate().flat_map_iter(placed).collect()
}

/// A distance uniform in volume between two cubes of distances.
fn uniform_distance([near, far]: [f64; 2], rng: &mut impl Rng) -> f64 {
    (near + rng.random::<f64>() * (far - near)).cbrt()
}

/// Points of the survey that are kept, given a place and a number from 0 to 1.
fn drawn(
    survey: &HealpixSurvey,
    (count, seed): (usize, u64),
    kept: impl Fn([f64; 3], f64) -> bool + Sync,
) -> Vec<[f64; 3]> {
    if survey.volume_mpc_h3() <= 0.0 {
        return Vec::new();
    }
    let cubes = survey.distance_mpc_h().map(|distance| distance.max(0.0).powi(3));
    (0..count.div_ceil(POINTS_PER_STREAM))
        .into_par_iter()
        .flat_map_iter(|stream| {
            let mut rng = rng_stream(seed, stream as u64);
            let points = POINTS_PER_STREAM.min(count - stream * POINTS_PER_STREAM);
            let mut drawn = Vec::with_capacity(points);
            while drawn.len() < points {
                let z: f64 = rng.random_range(-1.0..1.0);
                let angle = rng.random_range(0.0..std::f64::consts::TAU);
                let distance = uniform_distance(cubes, &mut rng);
                let chance = rng.random::<f64>();
                let across = (1.0 - z * z).sqrt();
                let point = [across * angle.cos() * distance, across * angle.sin() * distance, z * distance];
                if survey.contains(point) && kept(point, chance) {
                    drawn.push(point);
                }
            }
            drawn
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole_sky() -> HealpixSurvey {
        let directions: Vec<(f64, f64)> =
            (0..40_000).map(|i| (f64::from(i % 200) * 1.8, f64::from(i / 200) * 0.9 - 89.9)).collect();
        HealpixSurvey::from_directions(2, &directions, [100.0, 300.0])
    }

    #[test]
    fn points_follow_a_density_that_falls_with_distance() {
        let survey = whole_sky();
        // Galaxies thinned out linearly with distance, to a third at the far side.
        let thinned = |distance: f64| 1.0 - (distance - 100.0) / 300.0;
        let mut rng = rng_stream(1, 0);
        let galaxies: Vec<f64> = random_positions(&survey, 200_000, 2)
            .into_iter()
            .map(norm)
            .filter(|&distance| rng.random::<f64>() < thinned(distance))
            .collect();
        let density = RadialDensity::of(&galaxies, survey.distance_mpc_h(), 20.0);
        for distance in [120.0, 200.0, 280.0] {
            let (found, expected) = (density.at(distance) / density.at(150.0), thinned(distance) / thinned(150.0));
            assert!((found / expected - 1.0).abs() < 0.05, "{distance}: {found} {expected}");
        }
        let share = |points: &[f64]| points.iter().filter(|&&d| d > 250.0).count() as f64 / points.len() as f64;
        let like: Vec<f64> = random_positions_like(&survey, &density, 100_000, 3).into_iter().map(norm).collect();
        assert!((share(&like) / share(&galaxies) - 1.0).abs() < 0.03, "{} {}", share(&like), share(&galaxies));
        let directions = vec![(10.0, 20.0); 50_000];
        let along = random_distances_like(&survey, &density, &directions, 4);
        let along: Vec<f64> = along.into_iter().map(norm).collect();
        assert!((share(&along) / share(&galaxies) - 1.0).abs() < 0.03, "{} {}", share(&along), share(&galaxies));
    }

    #[test]
    fn no_galaxies_give_a_constant_density() {
        let density = RadialDensity::of(&[], [0.0, 100.0], 30.0);
        assert!([0.0, 50.0, 100.0].iter().all(|&distance| density.at(distance) == 1.0));
    }
}
