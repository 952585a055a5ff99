//! Do two samples come from one distribution?

use super::{StatisticsError, mean, require_count, require_finite, require_length};

/// Result of [`kolmogorov_smirnov`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KolmogorovSmirnov {
    /// Largest distance of the two (weighted) cumulative distributions.
    pub statistic: f64,
    /// Two-sided p-value from the asymptotic distribution with Stephens' finite-size term; good to a few per cent of
    /// itself for effective sizes above about 10. Values are taken as independent: clustering makes it too small.
    pub p_value: f64,
    /// n m / (n + m) of the effective sizes (sum w)^2 / sum w^2.
    pub effective_size: f64,
}

/// Two-sample Kolmogorov-Smirnov test, with optional weights for each sample.
///
/// # Errors
/// An empty sample, a value that is not finite, weights of another length or that sum to zero.
pub fn kolmogorov_smirnov(
    first: (&[f64], Option<&[f64]>),
    second: (&[f64], Option<&[f64]>),
) -> Result<KolmogorovSmirnov, StatisticsError> {
    const NAME: &str = "Kolmogorov-Smirnov test";
    let (first, first_size) = cumulative(NAME, first)?;
    let (second, second_size) = cumulative(NAME, second)?;
    let (mut i, mut j) = (0, 0);
    let (mut reached_first, mut reached_second) = (0.0, 0.0);
    let mut statistic: f64 = 0.0;
    while i < first.len() && j < second.len() {
        let value = first[i].0.min(second[j].0);
        while i < first.len() && first[i].0 <= value {
            reached_first = first[i].1;
            i += 1;
        }
        while j < second.len() && second[j].0 <= value {
            reached_second = second[j].1;
            j += 1;
        }
        statistic = statistic.max(f64::abs(reached_first - reached_second));
    }
    let effective_size = first_size * second_size / (first_size + second_size);
    let root = effective_size.sqrt();
    let p_value = kolmogorov_tail((root + 0.12 + 0.11 / root) * statistic);
    Ok(KolmogorovSmirnov { statistic, p_value, effective_size })
}

/// Sorted values with the cumulative weight fraction up to and including each, and the effective size.
fn cumulative(
    name: &'static str,
    (values, weights): (&[f64], Option<&[f64]>),
) -> Result<(Vec<(f64, f64)>, f64), StatisticsError> {
    require_count(name, 1, values.len())?;
    require_finite(name, values)?;
    let mut sorted: Vec<(f64, f64)> = match weights {
        None => values.iter().map(|value| (*value, 1.0)).collect(),
        Some(weights) => {
            require_length(name, "weights", values.len(), weights.len())?;
            require_finite(name, weights)?;
            values.iter().copied().zip(weights.iter().copied()).collect()
        }
    };
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let total: f64 = sorted.iter().map(|(_, weight)| weight).sum();
    let squares: f64 = sorted.iter().map(|(_, weight)| weight * weight).sum();
    if total <= 0.0 {
        return Err(StatisticsError::Degenerate { statistic: name, reason: "the weights sum to zero" });
    }
    let mut so_far = 0.0;
    for (_, weight) in &mut sorted {
        so_far += *weight;
        *weight = so_far / total;
    }
    Ok((sorted, total * total / squares))
}

/// Upper tail of the Kolmogorov distribution.
fn kolmogorov_tail(x: f64) -> f64 {
    if x < 0.3 {
        return 1.0;
    }
    let mut sum = 0.0;
    for k in 1..=100 {
        let k = f64::from(k);
        let term = (-2.0 * k * k * x * x).exp();
        sum += if k as i64 % 2 == 1 { term } else { -term };
        if term < 1e-18 {
            break;
        }
    }
    (2.0 * sum).clamp(0.0, 1.0)
}

/// Result of [`anderson_darling`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AndersonDarling {
    /// The normalised statistic T: (A2 - (k - 1)) / sigma.
    pub statistic: f64,
    /// p-value interpolated in the table of Scholz & Stephens 1987, which covers 0.001 to 0.25: values at either end
    /// are limits ("at most", "at least").
    pub p_value: f64,
}

/// k-sample Anderson-Darling test with mid-ranks for ties (Scholz & Stephens 1987, doi:10.1080/01621459.1987.10478517).
///
/// # Errors
/// Fewer than two samples, an empty one, all values equal, or a value that is not finite.
pub fn anderson_darling(samples: &[&[f64]]) -> Result<AndersonDarling, StatisticsError> {
    const NAME: &str = "Anderson-Darling test";
    require_count(NAME, 2, samples.len())?;
    let mut sorted: Vec<(f64, usize)> = Vec::with_capacity(samples.iter().map(|sample| sample.len()).sum());
    for (which, sample) in samples.iter().enumerate() {
        require_count(NAME, 1, sample.len())?;
        require_finite(NAME, sample)?;
        sorted.extend(sample.iter().map(|value| (*value, which)));
    }
    require_count(NAME, 4, sorted.len())?;
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    if sorted.first().map(|first| first.0) == sorted.last().map(|last| last.0) {
        return Err(StatisticsError::Degenerate { statistic: NAME, reason: "all values are equal" });
    }
    let sizes: Vec<f64> = samples.iter().map(|sample| sample.len() as f64).collect();
    let variance = scholz_stephens_variance(&sizes);
    let degrees = samples.len() as f64 - 1.0;
    let statistic = (midrank_statistic(&sorted, &sizes) - degrees) / variance.sqrt();
    Ok(AndersonDarling { statistic, p_value: scholz_stephens_p_value(statistic, degrees) })
}

/// Equation 7 of Scholz & Stephens 1987.
fn midrank_statistic(sorted: &[(f64, usize)], sizes: &[f64]) -> f64 {
    let total = sorted.len() as f64;
    let mut below = vec![0.0; sizes.len()];
    let mut sums = vec![0.0; sizes.len()];
    let mut start = 0;
    while start < sorted.len() {
        let mut end = start;
        let mut tied = vec![0.0; sizes.len()];
        while end < sorted.len() && sorted[end].0 == sorted[start].0 {
            tied[sorted[end].1] += 1.0;
            end += 1;
        }
        let ties = (end - start) as f64;
        let rank = start as f64 + 0.5 * ties;
        let weight = rank * (total - rank) - 0.25 * total * ties;
        for sample in 0..sizes.len() {
            let inner = below[sample] + 0.5 * tied[sample];
            // The last distinct value of an untied pair of samples has weight zero only if it stands alone on one side.
            if weight > 0.0 {
                sums[sample] += ties / total * (total * inner - rank * sizes[sample]).powi(2) / weight;
            }
            below[sample] += tied[sample];
        }
        start = end;
    }
    (total - 1.0) / total * sums.iter().zip(sizes).map(|(sum, size)| sum / size).sum::<f64>()
}

/// Variance of A2 under the null, equation 4 of Scholz & Stephens 1987.
fn scholz_stephens_variance(sizes: &[f64]) -> f64 {
    let k = sizes.len() as f64;
    let count = sizes.iter().sum::<f64>();
    let inverse_sizes: f64 = sizes.iter().map(|size| 1.0 / size).sum();
    let last = count as usize - 1;
    // h = sum 1/i; g = sum over i < j of 1 / ((N - i) j), accumulated from the far end.
    let harmonic: f64 = (1..=last).map(|i| 1.0 / i as f64).sum();
    let mut g = 0.0;
    let mut tail = 0.0;
    for i in (1..last).rev() {
        tail += 1.0 / (i + 1) as f64;
        g += tail / (count - i as f64);
    }
    let a = (4.0 * g - 6.0) * (k - 1.0) + (10.0 - 6.0 * g) * inverse_sizes;
    let b = (2.0 * g - 4.0) * k * k + 8.0 * harmonic * k + (2.0 * g - 14.0 * harmonic - 4.0) * inverse_sizes
        - 8.0 * harmonic
        + 4.0 * g
        - 6.0;
    let c = (6.0 * harmonic + 2.0 * g - 2.0) * k * k
        + (4.0 * harmonic - 4.0 * g + 6.0) * k
        + (2.0 * harmonic - 6.0) * inverse_sizes
        + 4.0 * harmonic;
    let d = (2.0 * harmonic + 6.0) * k * k - 4.0 * harmonic * k;
    (a * count.powi(3) + b * count.powi(2) + c * count + d) / ((count - 1.0) * (count - 2.0) * (count - 3.0))
}

/// Interpolates the published critical values: a parabola of log p in the statistic, as most implementations do.
fn scholz_stephens_p_value(statistic: f64, degrees: f64) -> f64 {
    const LEVELS: [f64; 7] = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001];
    const B0: [f64; 7] = [0.675, 1.281, 1.645, 1.96, 2.326, 2.573, 3.085];
    const B1: [f64; 7] = [-0.245, 0.25, 0.678, 1.149, 1.822, 2.364, 3.615];
    const B2: [f64; 7] = [-0.105, -0.305, -0.362, -0.391, -0.396, -0.345, -0.154];
    let critical: Vec<f64> = (0..7).map(|k| B0[k] + B1[k] / degrees.sqrt() + B2[k] / degrees).collect();
    if statistic <= critical[0] {
        return 0.25;
    }
    if statistic >= critical[6] {
        return 0.001;
    }
    let mut normal = nalgebra::Matrix3::<f64>::zeros();
    let mut right = nalgebra::Vector3::<f64>::zeros();
    for (value, level) in critical.iter().zip(LEVELS) {
        let row = nalgebra::Vector3::new(value * value, *value, 1.0);
        normal += row * row.transpose();
        right += row * level.ln();
    }
    let parabola = normal.lu().solve(&right).unwrap_or_else(nalgebra::Vector3::zeros);
    (parabola[0] * statistic * statistic + parabola[1] * statistic + parabola[2]).exp().clamp(0.001, 0.25)
}

/// Cohen's d: difference of means (first - second) in units of the pooled standard deviation.
///
/// # Errors
/// Fewer than two values in a sample, a value that is not finite, or no spread at all.
pub fn cohens_d(first: &[f64], second: &[f64]) -> Result<f64, StatisticsError> {
    const NAME: &str = "Cohen's d";
    for sample in [first, second] {
        require_count(NAME, 2, sample.len())?;
        require_finite(NAME, sample)?;
    }
    let moments = |sample: &[f64]| {
        let centre = mean(sample).unwrap_or_default();
        (centre, sample.iter().map(|value| (value - centre).powi(2)).sum::<f64>())
    };
    let ((mean_first, squares_first), (mean_second, squares_second)) = (moments(first), moments(second));
    let pooled = ((squares_first + squares_second) / (first.len() + second.len() - 2) as f64).sqrt();
    if pooled <= 0.0 {
        return Err(StatisticsError::Degenerate { statistic: NAME, reason: "both samples have no spread" });
    }
    Ok((mean_first - mean_second) / pooled)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::statistics::rng_stream;
    use rand::RngExt;

    fn samples() -> [Vec<f64>; 3] {
        let make = |count: u32, step: u32, modulus: u32, scale: f64, shift: f64| -> Vec<f64> {
            (0..count).map(|i| f64::from(i * step % modulus) / scale + shift).collect()
        };
        [make(60, 37, 101, 10.0, 0.0), make(45, 53, 97, 10.0, 1.5), make(30, 29, 89, 9.0, 0.0)]
    }

    // scipy 1.17: ks_2samp (exact p 0.566), anderson_ksamp (mid-ranks), pooled-variance Cohen's d.
    #[test]
    fn golden_values_of_scipy() {
        let [a, b, c] = samples();
        let ks = kolmogorov_smirnov((&a, None), (&b, None)).unwrap();
        assert!((ks.statistic - 0.15).abs() < 1e-12 && (ks.p_value - 0.566).abs() < 0.03, "{ks:?}");
        let round = |v: &[f64]| -> Vec<f64> { v.iter().map(|x| x.round_ties_even()).collect() };
        let (a_round, b_round) = (round(&a), round(&b));
        let cases = [
            (anderson_darling(&[&a, &b]), 1.534_573_371_6, 0.075_614_067),
            (anderson_darling(&[&a_round, &b_round]), 2.120_187_225_15, 0.043_560_897),
            (anderson_darling(&[&a, &b, &c]), 0.492_079_942_668, 0.240_012_196),
        ];
        for (measured, statistic, p_value) in cases {
            let measured = measured.unwrap();
            assert!((measured.statistic - statistic).abs() < 1e-8, "{measured:?}");
            assert!((measured.p_value - p_value).abs() < 1e-6, "{measured:?}");
        }
        assert!((cohens_d(&a, &b).unwrap() + 0.363_836_736_186).abs() < 1e-10);
    }

    #[test]
    fn p_values_are_uniform_under_the_null() {
        let (mut ks_below, mut ad_below) = (0, 0);
        for trial in 0..400 {
            let mut rng = rng_stream(5, trial);
            let mut draw = |count: usize| -> Vec<f64> { (0..count).map(|_| rng.random::<f64>()).collect() };
            let (a, b) = (draw(80), draw(120));
            ks_below += usize::from(kolmogorov_smirnov((&a, None), (&b, None)).unwrap().p_value <= 0.1);
            ad_below += usize::from(anderson_darling(&[&a, &b]).unwrap().p_value <= 0.1);
        }
        // 40 expected, standard deviation 6.
        assert!((20..=60).contains(&ks_below) && (20..=60).contains(&ad_below), "{ks_below} {ad_below}");
    }

    #[test]
    fn weights_count_as_repetitions_in_the_statistic() {
        let [a, b, _] = samples();
        let doubled: Vec<f64> = a.iter().chain(&a).copied().collect();
        let by_weight = kolmogorov_smirnov((&a, Some(&vec![2.0; 60])), (&b, None)).unwrap();
        let by_copy = kolmogorov_smirnov((&doubled, None), (&b, None)).unwrap();
        assert!((by_weight.statistic - by_copy.statistic).abs() < 1e-12);
        assert!(by_weight.effective_size < by_copy.effective_size);
        assert!(anderson_darling(&[&[1.0, 1.0], &[1.0, 1.0]]).is_err());
    }
}
