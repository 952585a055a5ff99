//! How much of the survey's volume each environment fills, by points that fill it evenly.

use astro::sphere;
use desi::desivast::VoidCatalogue;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ClassifyError, ClassifySettings, Environment, PlacedGalaxies, classify};
use crate::survey::{HealpixSurvey, SurveyVolume};

/// Points thrown in blocks of this many, each with its own random stream.
const BLOCK: u64 = 1 << 16;
/// Give up after this many blocks: a footprint of a few square degrees then has fewer points.
const MOST_BLOCKS: u64 = 1 << 10;

/// Fewer points tell no volume.
const LEAST_POINTS: usize = 20;

/// The volume of a survey by environment.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeShares {
    /// Distances of the points in each of [`Environment::ALL`], in order, comoving Mpc/h.
    distances_mpc_h: [Vec<f64>; 4],
    /// Volume of the whole survey, (Mpc/h)^3.
    survey_mpc_h3: f64,
}

impl VolumeShares {
    /// Share of the volume in an environment; `None` without points. Points outside the catalogue's own volume count
    /// to the whole.
    #[must_use]
    pub fn share(&self, environment: Environment) -> Option<f64> {
        let total = self.points();
        (total > 0).then(|| self.distances_mpc_h[environment as usize].len() as f64 / total as f64)
    }

    /// Binomial standard error of [`VolumeShares::share`].
    #[must_use]
    pub fn error(&self, environment: Environment) -> Option<f64> {
        self.share(environment).map(|p| (p * (1.0 - p) / self.points() as f64).sqrt())
    }

    /// Volume of an environment nearer than a distance, (Mpc/h)^3; `None` where fewer than 20 points lie in it, which
    /// leaves it unknown by more than a fifth.
    #[must_use]
    pub fn volume_within_mpc_h3(&self, environment: Environment, distance_mpc_h: f64) -> Option<f64> {
        let within = self.distances_mpc_h[environment as usize].partition_point(|d| *d <= distance_mpc_h);
        (within >= LEAST_POINTS).then(|| self.survey_mpc_h3 * within as f64 / self.points() as f64)
    }

    fn points(&self) -> usize {
        self.distances_mpc_h.iter().map(Vec::len).sum()
    }
}

/// Throws `points` points evenly into a survey's volume and asks in which environment each is, by the caps of one
/// algorithm. `omega_m` is the catalogues' distance scale.
///
/// # Errors
/// As [`classify`].
pub fn volume_shares(
    survey: &HealpixSurvey,
    parts: &[VoidCatalogue],
    omega_m: f64,
    settings: &ClassifySettings,
    (points, seed): (usize, u64),
) -> Result<VolumeShares, ClassifyError> {
    let positions = even_points(survey, points, seed);
    let mut distances_mpc_h: [Vec<f64>; 4] = Default::default();
    let distances: Vec<f64> = positions.iter().map(|place| sphere::norm(*place)).collect();
    let placed = PlacedGalaxies::at(positions, omega_m, survey, settings.boundary_margin_mpc_h);
    let found = classify(&placed, parts, settings)?;
    for (row, distance) in found.rows.iter().zip(distances) {
        distances_mpc_h[row.environment as usize].push(distance);
    }
    distances_mpc_h.iter_mut().for_each(|distances| distances.sort_unstable_by(f64::total_cmp));
    Ok(VolumeShares { distances_mpc_h, survey_mpc_h3: survey.volume_mpc_h3() })
}

fn even_points(survey: &HealpixSurvey, wanted: usize, seed: u64) -> Vec<[f64; 3]> {
    let [near, far] = survey.distance_mpc_h().map(|distance| distance.powi(3));
    let mut points = Vec::with_capacity(wanted);
    for block in 0..MOST_BLOCKS {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(block);
        for _ in 0..BLOCK {
            let distance = (near + (far - near) * rng.random::<f64>()).cbrt();
            let (z, phi) = (2.0 * rng.random::<f64>() - 1.0, std::f64::consts::TAU * rng.random::<f64>());
            let across = (1.0 - z * z).sqrt();
            let point = [across * phi.cos(), across * phi.sin(), z].map(|x| x * distance);
            if survey.contains(point) {
                points.push(point);
            }
        }
        if points.len() >= wanted {
            points.truncate(wanted);
            break;
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use desi::desivast::{Hole, Maximal, SurveyLimits, VoidFinderCatalogue};

    #[test]
    fn a_sphere_of_known_volume_is_measured() {
        let centre_mpc_h = astro::sphere::position_mpc_h(150.0, 20.0, 200.0);
        let limits = SurveyLimits { omega_m: 0.3, distance_mpc_h: [100.0, 300.0], redshift: [0.03, 0.1] };
        let (radius_mpc_h, void) = (25.0, 0);
        let maximal =
            Maximal { centre_mpc_h, radius_mpc_h, void, edge: 0, r_eff_mpc_h: None, r_eff_uncert_mpc_h: None };
        let holes = vec![Hole { centre_mpc_h, radius_mpc_h, void }];
        let parts = [VoidCatalogue::VoidFinder(VoidFinderCatalogue { limits, maximals: vec![maximal], holes })];
        let directions: Vec<(f64, f64)> =
            (0..40_000).map(|i| (f64::from(i % 200) * 0.3 + 120.0, f64::from(i / 200) * 0.25 - 5.0)).collect();
        let survey = HealpixSurvey::from_directions(5, &directions, [100.0, 300.0]);
        let rules = ClassifySettings::default();
        let shares = volume_shares(&survey, &parts, 0.3, &rules, (60_000, 1)).unwrap();
        let expected = 4.0 / 3.0 * std::f64::consts::PI * radius_mpc_h.powi(3) / survey.volume_mpc_h3();
        let (share, error) = (shares.share(Environment::Void).unwrap(), shares.error(Environment::Void).unwrap());
        assert!((share - expected).abs() < 4.0 * error && error < 0.1 * expected, "{share} ± {error} for {expected}");
        // All of the sphere lies beyond 170 Mpc/h, half of it (a little more, the observer is near) beyond its centre.
        assert_eq!(shares.volume_within_mpc_h3(Environment::Void, 170.0), None);
        let half = shares.volume_within_mpc_h3(Environment::Void, 200.0).unwrap() / survey.volume_mpc_h3() / expected;
        assert!((half - 0.5).abs() < 0.1, "{half}");
    }
}
