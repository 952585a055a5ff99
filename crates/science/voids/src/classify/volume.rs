//! How much of the survey's volume each environment fills, by points that fill it evenly.

use desi::desivast::VoidCatalogue;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{ClassifyError, ClassifySettings, Environment, PlacedGalaxies, classify};
use crate::survey::{HealpixSurvey, SurveyVolume};

/// Points thrown in blocks of this many, each with its own random stream.
const BLOCK: u64 = 1 << 16;
/// Give up after this many blocks: a footprint of a few square degrees then has fewer points.
const MOST_BLOCKS: u64 = 1 << 10;

/// The shares of the volume of a survey.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VolumeShares {
    /// Points in each of [`Environment::ALL`].
    pub points: [u64; 4],
}

impl VolumeShares {
    /// Share of the volume in an environment; `None` without points. Points outside the catalogue's own volume count
    /// to the whole.
    #[must_use]
    pub fn share(&self, environment: Environment) -> Option<f64> {
        let total: u64 = self.points.iter().sum();
        (total > 0).then(|| self.points[environment as usize] as f64 / total as f64)
    }

    /// Binomial standard error of [`VolumeShares::share`].
    #[must_use]
    pub fn error(&self, environment: Environment) -> Option<f64> {
        let total: u64 = self.points.iter().sum();
        self.share(environment).map(|p| (p * (1.0 - p) / total as f64).sqrt())
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
    let placed = PlacedGalaxies::at(positions, omega_m, survey, settings.boundary_margin_mpc_h);
    let found = classify(&placed, parts, settings)?;
    Ok(VolumeShares { points: found.counts().by_environment.map(|count| count as u64) })
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
