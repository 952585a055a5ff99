//! Distributions of values of which some are limits: the product-limit estimator.
//!
//! Kaplan & Meier 1958 (doi:10.1080/01621459.1958.10501452); for upper limits, as astronomers have them, values are
//! reversed first (Feigelson & Nelson 1985, 1985ApJ...293..192F). Errors by Greenwood's formula. Not done: values known to
//! an interval; limits that depend on the value itself (then the estimator is biased).

/// A value, or an upper limit of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limited {
    /// A measured value.
    Value(f64),
    /// The truth lies below.
    UpperLimit(f64),
}

impl Limited {
    fn number(self) -> f64 {
        match self {
            Self::Value(value) | Self::UpperLimit(value) => value,
        }
    }
}

/// A step of the distribution: the share of objects whose value is at most `value`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Where the step is: a measured value.
    pub value: f64,
    /// Share of objects at most this, just below the step at the left.
    pub share_below: f64,
    /// Greenwood's standard error of it.
    pub error: f64,
}

/// The cumulative distribution of values with upper limits: at each measured value the share of objects below it, from
/// high to low. Objects with limits count as long as the limit does not exclude them. Empty without measured values;
/// numbers that are not finite are left out.
#[must_use]
pub fn cumulative_with_upper_limits(values: &[Limited]) -> Vec<Step> {
    let mut sorted: Vec<Limited> = values.iter().copied().filter(|one| one.number().is_finite()).collect();
    // Highest first; at ties a measured value comes before a limit, which may lie anywhere below.
    let is_limit = |one: &Limited| matches!(one, Limited::UpperLimit(_));
    sorted.sort_by(|a, b| b.number().total_cmp(&a.number()).then(is_limit(a).cmp(&is_limit(b))));
    let (mut below, mut greenwood) = (1.0, 0.0);
    let mut steps = Vec::new();
    let mut at = 0;
    while at < sorted.len() {
        let value = sorted[at].number();
        let at_risk = (sorted.len() - at) as f64;
        let same = sorted[at..].iter().take_while(|one| one.number() == value).count();
        let measured = sorted[at..at + same].iter().filter(|one| !is_limit(one)).count() as f64;
        if measured > 0.0 {
            below *= 1.0 - measured / at_risk;
            greenwood += if at_risk > measured { measured / (at_risk * (at_risk - measured)) } else { 0.0 };
            steps.push(Step { value, share_below: below, error: below * greenwood.sqrt() });
        }
        at += same;
    }
    steps
}

/// The median: the highest measured value with at most half of the objects below it; `None` where the limits leave it open.
#[must_use]
pub fn median_with_upper_limits(values: &[Limited]) -> Option<f64> {
    cumulative_with_upper_limits(values).into_iter().find(|step| step.share_below <= 0.5).map(|step| step.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weeks of remission under 6-mercaptopurine, `+` censored (Freireich et al. 1963), whose survival function is in
    /// every text book. Times are right-censored, so that minus the time has upper limits.
    #[test]
    fn remission_times_give_the_text_book_curve() {
        let events = [6.0, 6.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0].map(|t: f64| Limited::Value(-t));
        let censored = [6.0, 9.0, 10.0, 11.0, 17.0, 19.0, 20.0, 25.0, 32.0, 32.0, 34.0, 35.0];
        let mut values = events.to_vec();
        values.extend(censored.map(|t: f64| Limited::UpperLimit(-t)));
        let steps = cumulative_with_upper_limits(&values);
        let expected = [
            (6.0, 0.8571, 0.0764),
            (7.0, 0.8067, 0.0869),
            (10.0, 0.7529, 0.0963),
            (13.0, 0.6902, 0.1068),
            (16.0, 0.6275, 0.1141),
            (22.0, 0.5378, 0.1282),
            (23.0, 0.4482, 0.1346),
        ];
        assert_eq!(steps.len(), expected.len());
        for (step, (time, share, error)) in steps.iter().zip(expected) {
            assert_eq!(step.value, -time);
            // Four decimals are printed.
            assert!((step.share_below - share).abs() < 6e-5 && (step.error - error).abs() < 6e-5, "{step:?}");
        }
        assert_eq!(median_with_upper_limits(&values), Some(-23.0));
    }

    #[test]
    fn without_limits_it_is_the_empirical_distribution() {
        let steps = cumulative_with_upper_limits(&[1.0, 2.0, 4.0, 3.0].map(Limited::Value));
        let shares: Vec<(f64, f64)> = steps.iter().map(|step| (step.value, step.share_below)).collect();
        assert_eq!(shares, [(4.0, 0.75), (3.0, 0.5), (2.0, 0.25), (1.0, 0.0)]);
        assert_eq!(median_with_upper_limits(&[Limited::UpperLimit(1.0)]), None);
    }
}
