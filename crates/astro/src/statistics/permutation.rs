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

/// Values are permuted in this many groups of neighbours, which holds 99.99 % of the variance of a normal sample.
const VALUE_GROUPS: usize = 256;

/// Permutation p-value of the difference of two means. Sorted values are taken in groups of neighbours, each with its
/// mean, and labels are dealt to the groups by hypergeometric draws, so that a permutation costs the same for a thousand
/// values and for a million.
///
/// # Errors
/// Fewer than two values in a sample, or one that is not finite.
pub fn mean_difference_p_value(
    first: &[f64],
    second: &[f64],
    permutations: usize,
    seed: u64,
) -> Result<f64, StatisticsError> {
    const NAME: &str = "permutation test of means";
    require_count(NAME, 2, first.len().min(second.len()))?;
    require_finite(NAME, first)?;
    require_finite(NAME, second)?;
    let mut pooled: Vec<(f64, bool)> =
        first.iter().map(|value| (*value, true)).chain(second.iter().map(|value| (*value, false))).collect();
    pooled.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let groups: Vec<(f64, u64, u64)> = pooled
        .chunks(pooled.len().div_ceil(VALUE_GROUPS))
        .map(|group| {
            let sum: f64 = group.iter().map(|(value, _)| value).sum();
            let of_first = group.iter().filter(|(_, first)| *first).count() as u64;
            (sum / group.len() as f64, group.len() as u64, of_first)
        })
        .collect();
    let mean = pooled.iter().map(|(value, _)| value).sum::<f64>() / pooled.len() as f64;
    // With the pooled mean taken away, the difference of means is proportional to the sum over the first sample.
    let observed: f64 = groups.iter().map(|(value, _, count)| (value - mean) * *count as f64).sum();
    let null = bootstrap(permutations, seed, |rng| {
        let (mut left, mut left_first, mut sum) = (pooled.len() as u64, first.len() as u64, 0.0);
        for (value, size, _) in &groups {
            // Always a valid draw: no more are left than there are.
            let drawn = Hypergeometric::new(left, left_first, *size).map_or(0, |deal| deal.sample(rng));
            sum += (value - mean) * drawn as f64;
            left -= size;
            left_first -= drawn;
        }
        sum
    });
    Ok(permutation_p_value(observed, &null))
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
    fn shuffled_means_agree_with_the_test_of_student() {
        let normal = |seed: u64, shift: f64, count: usize| -> Vec<f64> {
            let mut rng = rng_stream(seed, 0);
            (0..count).map(|_| rng.sample::<f64, _>(rand_distr::StandardNormal) + shift).collect()
        };
        // With 3,000 values each, t is normal: a shift of t standard errors has a known p.
        let (a, b) = (normal(1, 0.0, 3_000), normal(2, 0.0, 3_000));
        let moments = |v: &[f64]| {
            let mean = v.iter().sum::<f64>() / v.len() as f64;
            (mean, v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (v.len() as f64 - 1.0) / v.len() as f64)
        };
        let ((mean_a, var_a), (mean_b, var_b)) = (moments(&a), moments(&b));
        for (t, expected) in [(0.5, 0.617_1), (1.0, 0.317_3), (1.96, 0.05), (3.0, 0.002_7)] {
            let shift = mean_a - mean_b + t * (var_a + var_b).sqrt();
            let shifted: Vec<f64> = b.iter().map(|x| x + shift).collect();
            let p = mean_difference_p_value(&a, &shifted, 4_000, 3).unwrap();
            // Four standard deviations of 4,000 draws.
            let allowed = 4.0 * (expected * (1.0 - expected) / 4_000.0_f64).sqrt() + 1e-3;
            assert!((p - expected).abs() < allowed, "t {t}: {p} for {expected}");
        }
        assert!(mean_difference_p_value(&[1.0], &[1.0, 2.0], 10, 1).is_err());
    }

    #[test]
    fn equal_signs_are_unlikely_to_be_chance() {
        assert!(sign_flip_p_value(&[1.0; 12], 5_000, 2).unwrap() < 0.002);
        assert!(sign_flip_p_value(&[1.0, -1.0, 1.0, -1.0], 500, 2).unwrap() > 0.9);
    }
}
