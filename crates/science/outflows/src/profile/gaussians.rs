//! The profile of a sum of Gaussians.

use astro::statistics::normal_cdf;

use super::{GaussianComponent, LineProfile, ProfileError, SHARES};

/// Quantiles of the normal distribution at these shares.
pub(super) const DEVIATES: [f64; 7] = [
    -2.053_748_910_631_823,
    -1.644_853_626_951_472_7,
    -1.281_551_565_544_600_4,
    0.0,
    1.281_551_565_544_600_4,
    1.644_853_626_951_472_7,
    2.053_748_910_631_823,
];
pub(super) const FWHM_OF_SIGMA: f64 = 2.354_820_045_030_949_3;
/// Standard deviations beyond which a Gaussian has no flux.
const REACH: f64 = 9.0;
/// Places between the outermost centres at which the peak is sought first, and steps that narrow it down.
const PEAK_STEPS: usize = 24;
const GOLDEN_STEPS: usize = 30;
const GOLDEN: f64 = 0.618_033_988_749_894_8;

/// Profile of a sum of Gaussians.
///
/// # Errors
/// No component, a negative flux, a width that is not positive, a total flux of zero.
pub fn profile_of_model(components: &[GaussianComponent]) -> Result<LineProfile, ProfileError> {
    check(components)?;
    if let [one] = components {
        let velocity_km_s = DEVIATES.map(|deviate| one.centre_km_s + deviate * one.sigma_km_s);
        return Ok(LineProfile {
            velocity_km_s,
            peak_km_s: one.centre_km_s,
            fwhm_km_s: FWHM_OF_SIGMA * one.sigma_km_s,
        });
    }
    let peak_km_s = peak(components, |velocity| density(components, velocity));
    let [blue, red] = edges(components, peak_km_s);
    Ok(LineProfile { velocity_km_s: quantiles(components), peak_km_s, fwhm_km_s: red - blue })
}

/// Flux density in units of 1 / sqrt(2 pi).
fn density(components: &[GaussianComponent], velocity: f64) -> f64 {
    let one = |one: &GaussianComponent| {
        one.flux / one.sigma_km_s * (-0.5 * ((velocity - one.centre_km_s) / one.sigma_km_s).powi(2)).exp()
    };
    components.iter().map(one).sum()
}

/// The half-maximum points nearest to the peak, blue and red. Where a narrow component is far the steps are as wide as the way
/// to it.
pub(super) fn edges(components: &[GaussianComponent], peak_km_s: f64) -> [f64; 2] {
    let half = 0.5 * density(components, peak_km_s);
    let (low, high) = ends(components);
    [-1.0, 1.0].map(|sign: f64| {
        let step = |velocity: f64| {
            let one = |one: &GaussianComponent| {
                let away = (velocity - one.centre_km_s).abs() - REACH * one.sigma_km_s;
                0.5 * away.max(one.sigma_km_s)
            };
            sign * components.iter().map(one).fold(f64::INFINITY, f64::min)
        };
        let (mut inner, mut outer) = (peak_km_s, peak_km_s + step(peak_km_s));
        while density(components, outer) >= half && outer > low && outer < high {
            (inner, outer) = (outer, outer + step(outer));
        }
        root(inner, outer, |velocity| half - density(components, velocity))
    })
}

/// Velocities below which [`SHARES`] of the flux of a sum of Gaussians lie: Newton's steps inside a bracket, from where they
/// would be if it were one Gaussian of the same mean and width.
fn quantiles(components: &[GaussianComponent]) -> [f64; 7] {
    let total: f64 = components.iter().map(|one| one.flux).sum();
    let moment = |of: &dyn Fn(&GaussianComponent) -> f64| -> f64 {
        components.iter().map(|one| one.flux * of(one)).sum::<f64>() / total
    };
    let mean = moment(&|one| one.centre_km_s);
    let sigma = moment(&|one| (one.centre_km_s - mean).powi(2) + one.sigma_km_s * one.sigma_km_s).sqrt();
    let (low, high) = ends(components);
    let below = |velocity: f64| {
        let add = |(sum, slope): (f64, f64), one: &GaussianComponent| {
            let away = (velocity - one.centre_km_s) / one.sigma_km_s;
            let density = (-0.5 * away * away).exp() / (one.sigma_km_s * std::f64::consts::TAU.sqrt());
            (sum + one.flux * normal_cdf(away), slope + one.flux * density)
        };
        components.iter().fold((0.0, 0.0), add)
    };
    std::array::from_fn(|at| {
        let (mut from, mut to) = (low, high);
        let mut velocity = (mean + DEVIATES[at] * sigma).clamp(low, high);
        for _ in 0..100 {
            let (sum, slope) = below(velocity);
            let excess = sum - SHARES[at] * total;
            if excess < 0.0 {
                from = velocity
            } else {
                to = velocity
            }
            let newton = velocity - excess / slope;
            let next = if newton > from && newton < to { newton } else { 0.5 * (from + to) };
            let step = (next - velocity).abs();
            velocity = next;
            if step < 1e-9 * (1.0 + velocity.abs()) {
                break;
            }
        }
        velocity
    })
}

/// Velocities beyond which a sum of Gaussians has no flux.
fn ends(components: &[GaussianComponent]) -> (f64, f64) {
    let at = |reach: f64| components.iter().map(move |one| one.centre_km_s + reach * one.sigma_km_s);
    (at(-REACH).fold(f64::INFINITY, f64::min), at(REACH).fold(f64::NEG_INFINITY, f64::max))
}

/// Where a sum of Gaussians is highest: between the outermost centres, at or near one of them or between.
fn peak(components: &[GaussianComponent], density: impl Fn(f64) -> f64) -> f64 {
    let least = components.iter().map(|one| one.centre_km_s).fold(f64::INFINITY, f64::min);
    let most = components.iter().map(|one| one.centre_km_s).fold(f64::NEG_INFINITY, f64::max);
    let between = (0..=PEAK_STEPS).map(|step| least + (most - least) * step as f64 / PEAK_STEPS as f64);
    let mut places: Vec<f64> = components.iter().map(|one| one.centre_km_s).chain(between).collect();
    places.sort_by(f64::total_cmp);
    // The last of those between is the outermost centre but for rounding: two places at the peak would leave no room for it.
    places.dedup_by(|next, place| *next - *place < 1e-9 * (most - least));
    let heights: Vec<f64> = places.iter().map(|place| density(*place)).collect();
    let best = (0..places.len()).max_by(|a, b| heights[*a].total_cmp(&heights[*b])).unwrap_or(0);
    let (mut from, mut to) = (places[best.saturating_sub(1)], places[(best + 1).min(places.len() - 1)]);
    // The golden section, one of the two inner places known from the step before.
    let (mut a, mut b) = (to - GOLDEN * (to - from), from + GOLDEN * (to - from));
    let (mut at_a, mut at_b) = (density(a), density(b));
    for _ in 0..GOLDEN_STEPS {
        if at_a > at_b {
            (to, b, at_b) = (b, a, at_a);
            a = to - GOLDEN * (to - from);
            at_a = density(a);
        } else {
            (from, a, at_a) = (a, b, at_b);
            b = from + GOLDEN * (to - from);
            at_b = density(b);
        }
    }
    0.5 * (from + to)
}

fn check(components: &[GaussianComponent]) -> Result<(), ProfileError> {
    for (component, one) in components.iter().enumerate() {
        let wrong = |expected, found| Err(ProfileError::Component { component, expected, found });
        if !(one.flux >= 0.0 && one.flux.is_finite()) {
            return wrong("a flux that is not negative", one.flux);
        }
        if !(one.sigma_km_s > 0.0 && one.sigma_km_s.is_finite()) {
            return wrong("a positive width", one.sigma_km_s);
        }
        if !one.centre_km_s.is_finite() {
            return wrong("a finite velocity", one.centre_km_s);
        }
    }
    let flux: f64 = components.iter().map(|one| one.flux).sum();
    if flux > 0.0 { Ok(()) } else { Err(ProfileError::NoFlux { flux, pixels: 0 }) }
}

/// Root of a function between a place where it is negative and one where it is not (Illinois variant of regula falsi).
fn root(mut negative: f64, mut positive: f64, function: impl Fn(f64) -> f64) -> f64 {
    let (mut below, mut above) = (function(negative), function(positive));
    let mut last: i32 = 0;
    for _ in 0..200 {
        if (positive - negative).abs() < 1e-10 * (1.0 + negative.abs()) || above - below <= 0.0 {
            break;
        }
        let secant = negative - below * (positive - negative) / (above - below);
        // The secant creeps where the function is flat at one end.
        let middle = if last.abs() > 3 { 0.5 * (negative + positive) } else { secant };
        let value = function(middle);
        if value < 0.0 {
            (negative, below) = (middle, value);
            last = if last < 0 { last - 1 } else { -1 };
            above *= if last < -1 { 0.5 } else { 1.0 };
        } else {
            (positive, above) = (middle, value);
            last = if last > 0 { last + 1 } else { 1 };
            below *= if last > 1 { 0.5 } else { 1.0 };
        }
        if value == 0.0 {
            return middle;
        }
    }
    0.5 * (negative + positive)
}
