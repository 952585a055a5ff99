//! Permutation tests: how often does a shuffled label do as well?
//!
//! p-values are (1 + hits) / (1 + permutations), which is never zero (Phipson & Smyth 2010, doi:10.2202/1544-6115.1585).

use rand::RngExt;
use rand_distr::{Distribution, Hypergeometric};

use super::{StatisticsError, bootstrap, require_count, require_finite};

/// Two-sided p-value of an observed statistic among values under the null that are symmetric about zero.
#[must_use]
pub fn permutation_p_value(observed: f64, null: &[f64]) -> f64 {
    // Rounding must not turn a tie into a miss.
    let threshold = observed.abs() * (1.0 - 1e-12);
    let hits = null.iter().filter(|value| value.abs() >= threshold).count();
    (1 + hits) as f64 / (1 + null.len()) as f64
}

/// Two-sided p-value of the sum of `contributions`, one a region, when the sign of each is arbitrary: the test that
/// survives correlation between the galaxies of one region. With R regions no p below 2^(1-R) is possible.
///
/// # Errors
/// Fewer than two contributions, or one that is not finite.
pub fn sign_flip_p_value(contributions: &[f64], permutations: usize, seed: u64) -> Result<f64, StatisticsError> {
    require_count("sign-flip test", 2, contributions.len())?;
    require_finite("sign-flip test", contributions)?;
    let null = bootstrap(permutations, seed, |rng| {
        contributions.iter().map(|value| if rng.random::<bool>() { *value } else { -value }).sum::<f64>()
    });
    Ok(permutation_p_value(contributions.iter().sum(), &null))
}

/// Counts of one stratum (say, one bin of mass and redshift) in two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StratumCounts {
    /// Members of the first group.
    pub first: u64,
    /// Those of them that have the property.
    pub first_with: u64,
    /// Members of the second group.
    pub second: u64,
    /// Those of them that have the property.
    pub second_with: u64,
}

/// Permutation p-value of the Mantel-Haenszel difference of fractions (first - second): labels are shuffled inside
/// each stratum, for which the counts follow a hypergeometric distribution, so that no shuffling is done.
///
/// # Errors
/// No stratum with both groups in it.
pub fn stratified_difference_p_value(
    strata: &[StratumCounts],
    permutations: usize,
    seed: u64,
) -> Result<f64, StatisticsError> {
    const NAME: &str = "stratified permutation test";
    let used: Vec<StratumCounts> = strata.iter().copied().filter(|s| s.first > 0 && s.second > 0).collect();
    require_count(NAME, 1, used.len())?;
    // The Mantel-Haenszel numerator: sum of (first_with * second - second_with * first) / n.
    let numerator = |s: &StratumCounts, first_with: f64| {
        let with = (s.first_with + s.second_with) as f64;
        first_with - with * s.first as f64 / (s.first + s.second) as f64
    };
    let observed: f64 = used.iter().map(|s| numerator(s, s.first_with as f64)).sum();
    let distributions: Vec<_> = used
        .iter()
        .map(|s| Hypergeometric::new(s.first + s.second, s.first_with + s.second_with, s.first))
        .collect::<Result<_, _>>()
        .map_err(|_| StatisticsError::Degenerate { statistic: NAME, reason: "more with the property than members" })?;
    let null = bootstrap(permutations, seed, |rng| {
        used.iter().zip(&distributions).map(|(s, d)| numerator(s, d.sample(rng) as f64)).sum::<f64>()
    });
    Ok(permutation_p_value(observed, &null))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::statistics::rng_stream;
    use rand_distr::Binomial;

    // scipy.stats.fisher_exact([[30, 70], [45, 55]], "two-sided").pvalue = 0.040534
    #[test]
    fn one_stratum_is_the_exact_test_of_fisher() {
        let counts = StratumCounts { first: 100, first_with: 30, second: 100, second_with: 45 };
        let p = stratified_difference_p_value(&[counts], 20_000, 1).unwrap();
        assert!((p - 0.040534).abs() < 0.007, "{p}");
    }

    #[test]
    fn under_the_null_p_values_are_uniform() {
        let draw = Binomial::new(200, 0.4).unwrap();
        let below: usize = (0..400)
            .filter(|trial| {
                let mut rng = rng_stream(11, *trial);
                let strata: Vec<StratumCounts> = (0..5)
                    .map(|_| StratumCounts {
                        first: 200,
                        first_with: draw.sample(&mut rng),
                        second: 200,
                        second_with: draw.sample(&mut rng),
                    })
                    .collect();
                stratified_difference_p_value(&strata, 300, *trial).unwrap() <= 0.1
            })
            .count();
        // 40 expected of 400, standard deviation 6.
        assert!((22..=58).contains(&below), "{below} of 400 below 0.1");
    }

    #[test]
    fn equal_signs_are_unlikely_to_be_chance() {
        assert!(sign_flip_p_value(&[1.0; 12], 5_000, 2).unwrap() < 0.002);
        assert!(sign_flip_p_value(&[1.0, -1.0, 1.0, -1.0], 500, 2).unwrap() > 0.9);
    }
}
