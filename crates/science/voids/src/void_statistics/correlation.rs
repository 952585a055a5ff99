//! The void-galaxy cross-correlation xi(s, mu), its monopole and quadrupole.
//!
//! The estimator is that of Davis & Peebles (1983ApJ...267..465D), D_v D_g / D_v R_g - 1: it asks how many galaxies
//! are around the centres that were found, against how many uniform points are around the same centres. Landy-Szalay
//! would need random void centres as well, that is the probability of finding a void at each place of the survey, which
//! falls towards the edges in a way that depends on the finder and on the void's size and is not known.
//! mu is the cosine between the separation and the line of sight to the void's centre (redshift space, no
//! reconstruction), in a box the z axis.

use super::measured::Measured;
use super::pairs::{PairBins, PointCells, count_pairs, sum_without};
use super::profile::{contrasts, poisson_errors};
use super::{Sample, VoidSphere, VoidStatisticsError};

/// Bins of separation and angle.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CorrelationSettings {
    /// Largest separation, Mpc/h, above 0, at most 1000.
    pub furthest_mpc_h: f64,
    /// Number of separation bins of equal width from 0, 1 to 1000.
    pub bins: usize,
    /// Number of bins of |mu| from 0 to 1, 2 to 1000.
    pub mu_bins: usize,
}

impl Default for CorrelationSettings {
    fn default() -> Self {
        Self { furthest_mpc_h: 60.0, bins: 20, mu_bins: 20 }
    }
}

/// The cross-correlation by separation.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CrossCorrelation {
    /// Edges of the separation bins, Mpc/h, one more than bins.
    pub edges_mpc_h: Vec<f64>,
    /// xi(s, |mu|), `[n_bins][n_mu_bins]`; `None` where there is no random point.
    pub xi: Vec<Vec<Option<f64>>>,
    /// Monopole for every bin, then quadrupole for every bin, with their common covariance.
    pub multipoles: Measured,
    /// Poisson errors of the same, with one galaxy where there is none.
    pub poisson_errors: Vec<Option<f64>>,
}

impl CrossCorrelation {
    /// Values, jackknife errors and Poisson errors of the monopole, by bin.
    #[must_use]
    pub fn monopole(&self) -> [&[Option<f64>]; 3] {
        self.every().map(|both| &both[..self.xi.len()])
    }

    /// Values, jackknife errors and Poisson errors of the quadrupole, by bin.
    #[must_use]
    pub fn quadrupole(&self) -> [&[Option<f64>]; 3] {
        self.every().map(|both| &both[self.xi.len()..])
    }

    fn every(&self) -> [&Vec<Option<f64>>; 3] {
        [&self.multipoles.values, &self.multipoles.errors, &self.poisson_errors]
    }
}

/// Correlates the voids of a sample with its galaxies.
///
/// # Errors
/// Settings out of range.
pub fn cross_correlation(
    sample: &Sample,
    settings: &CorrelationSettings,
) -> Result<CrossCorrelation, VoidStatisticsError> {
    check(settings)?;
    let (furthest, bins, mu_bins) = (settings.furthest_mpc_h, settings.bins, settings.mu_bins);
    let pair_bins = PairBins {
        count: bins * mu_bins,
        reach: |_: &VoidSphere| furthest,
        bin: |void: &VoidSphere, offset: [f64; 3], distance: f64| {
            let along = (distance / furthest * bins as f64) as usize;
            let mu_bin = ((cosine(sample.volume.line_of_sight(void.centre_mpc_h), offset) * mu_bins as f64) as usize)
                .min(mu_bins - 1);
            (along < bins).then_some(along * mu_bins + mu_bin)
        },
    };
    let galaxies = count_pairs(sample, &PointCells::new(&sample.galaxies), &pair_bins);
    let randoms = count_pairs(sample, &PointCells::new(&sample.randoms), &pair_bins);
    let expected = sample.galaxies.len() as f64 / sample.randoms.len() as f64;
    let xi = |left_out| contrasts(&sum_without(&galaxies, left_out), &sum_without(&randoms, left_out), expected);
    let multipoles = Measured::new(sample.regions.len(), |left_out| {
        let xi = xi(left_out);
        let of = |degree| xi.chunks(mu_bins).map(move |row| multipole(row, degree)).collect::<Vec<_>>();
        [of(Degree::Monopole), of(Degree::Quadrupole)].concat()
    })?;
    let noise = poisson_errors(&sum_without(&galaxies, None), &sum_without(&randoms, None), expected);
    Ok(CrossCorrelation {
        edges_mpc_h: (0..=bins).map(|edge| furthest * edge as f64 / bins as f64).collect(),
        xi: xi(None).chunks(mu_bins).map(<[Option<f64>]>::to_vec).collect(),
        poisson_errors: [Degree::Monopole, Degree::Quadrupole]
            .iter()
            .flat_map(|degree| noise.chunks(mu_bins).map(|row| multipole_error(row, *degree)))
            .collect(),
        multipoles,
    })
}

fn check(settings: &CorrelationSettings) -> Result<(), VoidStatisticsError> {
    let wrong = |setting, expected, found: String| Err(VoidStatisticsError::Setting { setting, expected, found });
    if !(settings.furthest_mpc_h > 0.0 && settings.furthest_mpc_h <= 1000.0) {
        return wrong("furthest_mpc_h", "more than 0, at most 1000", settings.furthest_mpc_h.to_string());
    }
    if !(1..=1000).contains(&settings.bins) {
        return wrong("bins", "1 to 1000", settings.bins.to_string());
    }
    if !(2..=1000).contains(&settings.mu_bins) {
        return wrong("mu_bins", "2 to 1000", settings.mu_bins.to_string());
    }
    Ok(())
}

/// |cosine| between two vectors; 0 where one has no length.
fn cosine(a: [f64; 3], b: [f64; 3]) -> f64 {
    let product = a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = astro::sphere::norm(a) * astro::sphere::norm(b);
    if lengths > 0.0 { (product / lengths).abs() } else { 0.0 }
}

#[derive(Debug, Clone, Copy)]
enum Degree {
    Monopole,
    Quadrupole,
}

/// The weight of each bin of mu in (2 l + 1) times the integral of xi(mu) P_l(mu) from 0 to 1, with P_l integrated
/// exactly over each bin.
fn weights(bins: usize, degree: Degree) -> impl Iterator<Item = f64> {
    let integral = move |mu: f64| match degree {
        Degree::Monopole => mu,
        Degree::Quadrupole => 2.5 * (mu.powi(3) - mu),
    };
    (0..bins).map(move |bin| integral((bin + 1) as f64 / bins as f64) - integral(bin as f64 / bins as f64))
}

fn multipole(xi: &[Option<f64>], degree: Degree) -> Option<f64> {
    xi.iter().zip(weights(xi.len(), degree)).map(|(xi, weight)| xi.map(|xi| xi * weight)).sum()
}

/// The standard error of a multipole whose bins have independent errors.
fn multipole_error(errors: &[Option<f64>], degree: Degree) -> Option<f64> {
    let squares = errors.iter().zip(weights(errors.len(), degree)).map(|(e, w)| e.map(|e| (e * w).powi(2)));
    squares.sum::<Option<f64>>().map(f64::sqrt)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// xi = 0.3 + 0.2 P_2(mu) has these multipoles; the bins see averages, so the error falls as the width squared.
    #[test]
    fn multipoles_of_a_known_function_come_back() {
        let bins = 200;
        let mu = |bin: usize| (bin as f64 + 0.5) / f64::from(bins);
        let xi: Vec<Option<f64>> =
            (0..bins as usize).map(|bin| Some(0.3 + 0.2 * (1.5 * mu(bin).powi(2) - 0.5))).collect();
        assert!((multipole(&xi, Degree::Monopole).unwrap() - 0.3).abs() < 1e-5);
        assert!((multipole(&xi, Degree::Quadrupole).unwrap() - 0.2).abs() < 1e-4);
        assert_eq!(multipole(&[Some(1.0), None], Degree::Monopole), None);
    }
}
