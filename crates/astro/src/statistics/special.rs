//! The few special functions that tests and intervals need.
//!
//! Accuracies are those measured against scipy in the tests below.

use std::f64::consts::{PI, SQRT_2};

/// Natural logarithm of the gamma function for x > 0 (Lanczos series with g = 7, relative accuracy about 1e-14).
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    const SERIES: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let shifted = x - 1.0;
    let sum = SERIES.iter().enumerate().skip(1).fold(SERIES[0], |sum, (k, c)| sum + c / (shifted + k as f64));
    let t = shifted + 7.5;
    0.5 * (2.0 * PI).ln() + (shifted + 0.5) * t.ln() - t + sum.ln()
}

/// Regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz & Stegun 26.5.8).
#[must_use]
pub fn regularised_incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below the mean; above it the symmetry relation is used.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - regularised_incomplete_beta(b, a, 1.0 - x);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp() / a;
    front * beta_fraction(a, b, x)
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            change = c * d;
            result *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    result
}

/// Cumulative distribution of the standard normal (relative accuracy about 1e-15, in the lower tail too).
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// Quantile of the standard normal: bisection on [`normal_cdf`] to 1e-13; infinite at 0 and 1.
#[must_use]
pub fn normal_quantile(probability: f64) -> f64 {
    invert(normal_cdf, probability, 40.0)
}

/// Quantile of Student's t with `degrees` of freedom (> 0).
#[must_use]
pub fn student_t_quantile(probability: f64, degrees: f64) -> f64 {
    let cdf = |t: f64| {
        let tail = 0.5 * regularised_incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + t * t));
        if t < 0.0 { tail } else { 1.0 - tail }
    };
    invert(cdf, probability, 1e6)
}

fn invert(cdf: impl Fn(f64) -> f64, probability: f64, limit: f64) -> f64 {
    if probability <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if probability >= 1.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (-limit, limit);
    while high - low > 1e-13 * (1.0 + low.abs().min(high.abs())) {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if cdf(middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    // scipy 1.x: special.gammaln, special.betainc, stats.norm.cdf/ppf, stats.t.ppf at the arguments below.
    #[test]
    fn golden_values_of_scipy() {
        let cases = [
            (ln_gamma(0.1), 2.252_712_651_734_206),
            (ln_gamma(12.3), 18.238_983_407_092_245),
            (regularised_incomplete_beta(2.0, 3.5, 0.3), 0.411_702_502_342_564_7),
            (regularised_incomplete_beta(0.5, 0.5, 0.9), 0.795_167_235_300_866_5),
            (normal_cdf(-1.3), 0.096_800_484_585_610_33),
            (normal_cdf(-8.0), 6.220_960_574_271_785e-16),
            (normal_quantile(0.975), 1.959_963_984_540_054),
            (student_t_quantile(0.975, 9.0), 2.262_157_162_798_205),
            (student_t_quantile(0.84, 2.5), 1.235_715_648_243_764),
        ];
        for (k, (measured, expected)) in cases.into_iter().enumerate() {
            assert!((measured / expected - 1.0).abs() < 1e-10, "case {k}: {measured} for {expected}");
        }
    }
}
