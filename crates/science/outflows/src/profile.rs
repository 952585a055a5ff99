//! The shape of an emission line without a model's names: velocities that bound shares of its flux.
//!
//! `v_q` is the velocity below which q per cent of the flux lies (negative: towards the observer), `W80 = v90 - v10`,
//! `W90 = v95 - v05`, `dv = (v05 + v95) / 2`, asymmetry `(|v90 - v50| - |v10 - v50|) / W80` (Zakamska & Greene 2014,
//! 2014MNRAS.442..784Z), and for a broad component `v_max = |dv| + 2 sigma` (Rupke & Veilleux 2013,
//! 2013ApJ...768...75R). For one Gaussian W80 is 2.563 sigma.
//!
//! Not done here: the fit of the components, the subtraction of the continuum, the instrument's width.

use astro::statistics::{normal_cdf, rng_stream, standard_deviation};
use rand_distr::{Distribution, StandardNormal};

/// Shares of the flux whose velocities are given.
const SHARES: [f64; 7] = [0.02, 0.05, 0.10, 0.50, 0.90, 0.95, 0.98];
/// Quantiles of the normal distribution at these shares.
const DEVIATES: [f64; 7] = [
    -2.053_748_910_631_823,
    -1.644_853_626_951_472_7,
    -1.281_551_565_544_600_4,
    0.0,
    1.281_551_565_544_600_4,
    1.644_853_626_951_472_7,
    2.053_748_910_631_823,
];
const FWHM_OF_SIGMA: f64 = 2.354_820_045_030_949_3;
/// Standard deviations beyond which a Gaussian has no flux.
const REACH: f64 = 9.0;
/// Places between the outermost centres at which the peak is sought first, and steps that narrow it down.
const PEAK_STEPS: usize = 24;
const GOLDEN_STEPS: usize = 30;
const GOLDEN: f64 = 0.618_033_988_749_894_8;

/// One Gaussian of a line's model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaussianComponent {
    /// Flux, any unit, not negative.
    pub flux: f64,
    /// Centre, km/s from the systemic velocity, negative towards the observer.
    pub centre_km_s: f64,
    /// Standard deviation, km/s.
    pub sigma_km_s: f64,
}

/// Velocities of a line, km/s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineProfile {
    /// Velocities below which 2, 5, 10, 50, 90, 95 and 98 per cent of the flux lie.
    pub velocity_km_s: [f64; 7],
    /// Velocity of the peak.
    pub peak_km_s: f64,
    /// Full width at half of the peak.
    pub fwhm_km_s: f64,
}

/// A profile that cannot be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// A component that is no line.
    #[error("cannot measure a line's profile: expected {expected}, found {found} in component {component}")]
    Component {
        /// Which, from 0.
        component: usize,
        /// What was expected.
        expected: &'static str,
        /// What is there.
        found: f64,
    },
    /// No flux to measure.
    #[error("cannot measure a line's profile: its flux is {flux} within the {pixels} pixels given")]
    NoFlux {
        /// Sum of the flux.
        flux: f64,
        /// Pixels.
        pixels: usize,
    },
    /// Columns of unequal length, or velocities that do not increase.
    #[error("cannot measure a line's profile: expected {expected}")]
    Pixels {
        /// What was expected.
        expected: &'static str,
    },
}

impl LineProfile {
    /// Velocity below which 2 % of the flux lies.
    #[must_use]
    pub fn v02(&self) -> f64 {
        self.velocity_km_s[0]
    }

    /// Velocity below which 98 % of the flux lies.
    #[must_use]
    pub fn v98(&self) -> f64 {
        self.velocity_km_s[6]
    }

    /// Median velocity.
    #[must_use]
    pub fn v50(&self) -> f64 {
        self.velocity_km_s[3]
    }

    /// Width that holds 80 % of the flux.
    #[must_use]
    pub fn w80(&self) -> f64 {
        self.velocity_km_s[4] - self.velocity_km_s[2]
    }

    /// Width that holds 90 % of the flux.
    #[must_use]
    pub fn w90(&self) -> f64 {
        self.velocity_km_s[5] - self.velocity_km_s[1]
    }

    /// Offset of the wings, `(v05 + v95) / 2`.
    #[must_use]
    pub fn dv(&self) -> f64 {
        0.5 * (self.velocity_km_s[1] + self.velocity_km_s[5])
    }

    /// `(|v90 - v50| - |v10 - v50|) / W80`: negative for a blue wing.
    #[must_use]
    pub fn asymmetry(&self) -> f64 {
        let [_, _, v10, v50, v90, _, _] = self.velocity_km_s;
        ((v90 - v50).abs() - (v10 - v50).abs()) / self.w80()
    }

    /// Everything in one list, in the order of [`LineProfile::NAMES`].
    #[must_use]
    pub fn values(&self) -> [f64; 13] {
        let [v02, v05, v10, v50, v90, v95, v98] = self.velocity_km_s;
        let (dv, asymmetry) = (self.dv(), self.asymmetry());
        [v02, v05, v10, v50, v90, v95, v98, self.w80(), self.w90(), dv, asymmetry, self.peak_km_s, self.fwhm_km_s]
    }

    /// Names of [`LineProfile::values`]; all in km/s but the asymmetry.
    pub const NAMES: [&str; 13] =
        ["V02", "V05", "V10", "V50", "V90", "V95", "V98", "W80", "W90", "DV", "ASYMMETRY", "VPEAK", "FWHM"];
}

/// `v_max = |dv| + 2 sigma` of a broad component whose centre is `dv` from the narrow one, km/s.
#[must_use]
pub fn maximum_velocity_km_s(wing: &GaussianComponent, systemic_km_s: f64) -> f64 {
    (wing.centre_km_s - systemic_km_s).abs() + 2.0 * wing.sigma_km_s
}

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
    let velocity_km_s = quantiles(components);
    let density = |velocity: f64| -> f64 {
        let one = |one: &GaussianComponent| {
            one.flux / one.sigma_km_s * (-0.5 * ((velocity - one.centre_km_s) / one.sigma_km_s).powi(2)).exp()
        };
        components.iter().map(one).sum()
    };
    let peak_km_s = peak(components, density);
    let half = 0.5 * density(peak_km_s);
    let (low, high) = ends(components);
    // The half-maximum points nearest to the peak. Where a narrow component is far the steps are as wide as the way to it.
    let edge = |sign: f64| {
        let step = |velocity: f64| {
            let one = |one: &GaussianComponent| {
                let away = (velocity - one.centre_km_s).abs() - REACH * one.sigma_km_s;
                0.5 * away.max(one.sigma_km_s)
            };
            sign * components.iter().map(one).fold(f64::INFINITY, f64::min)
        };
        let (mut inner, mut outer) = (peak_km_s, peak_km_s + step(peak_km_s));
        while density(outer) >= half && outer > low && outer < high {
            (inner, outer) = (outer, outer + step(outer));
        }
        root(inner, outer, |velocity| half - density(velocity))
    };
    Ok(LineProfile { velocity_km_s, peak_km_s, fwhm_km_s: edge(1.0) - edge(-1.0) })
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
    places.dedup();
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

/// A line as pixels: continuum and neighbouring lines subtracted.
#[derive(Debug, Clone, Copy)]
pub struct LinePixels<'a> {
    /// Velocity, km/s, increasing, negative towards the observer.
    pub velocity_km_s: &'a [f64],
    /// Flux density, any unit, per km/s or per Angstrom.
    pub flux: &'a [f64],
    /// Inverse variance of the flux; 0 for a pixel that does not count.
    pub ivar: &'a [f64],
}

/// Profile of pixels as they are, with standard errors of [`LineProfile::values`] from `draws` resamplings of the noise.
///
/// The window should hold the line and little else: noise beyond the line moves the outer velocities. Where the summed
/// flux crosses a share several times, the middle between the first and the last crossing is taken.
///
/// # Errors
/// Columns of unequal length or with unordered velocities, fewer than 3 pixels, no positive flux.
pub fn profile_of_data(
    pixels: LinePixels<'_>,
    (draws, seed): (usize, u64),
) -> Result<(LineProfile, [f64; 13]), ProfileError> {
    let LinePixels { velocity_km_s, flux, ivar } = pixels;
    if velocity_km_s.len() != flux.len() || flux.len() != ivar.len() || flux.len() < 3 {
        return Err(ProfileError::Pixels { expected: "velocity, flux and ivar of one length, at least 3" });
    }
    if velocity_km_s.windows(2).any(|pair| pair[1] <= pair[0]) {
        return Err(ProfileError::Pixels { expected: "velocities that increase" });
    }
    let measured = pixel_profile(velocity_km_s, flux, ivar)?;
    let repeated: Vec<[f64; 13]> = (0..draws as u64)
        .filter_map(|draw| {
            let mut rng = rng_stream(seed, draw);
            let noisy: Vec<f64> = flux
                .iter()
                .zip(ivar)
                .map(|(flux, ivar)| {
                    let deviate: f64 = StandardNormal.sample(&mut rng);
                    if *ivar > 0.0 { flux + deviate / ivar.sqrt() } else { *flux }
                })
                .collect();
            pixel_profile(velocity_km_s, &noisy, ivar).ok().map(|profile| profile.values())
        })
        .collect();
    let errors = std::array::from_fn(|index| {
        let values: Vec<f64> = repeated.iter().map(|values| values[index]).collect();
        standard_deviation(&values).unwrap_or(f64::NAN)
    });
    Ok((measured, errors))
}

fn pixel_profile(velocity: &[f64], flux: &[f64], ivar: &[f64]) -> Result<LineProfile, ProfileError> {
    let pixels = velocity.len();
    let used: Vec<usize> = (0..pixels).filter(|&pixel| ivar[pixel] > 0.0 && flux[pixel].is_finite()).collect();
    // Sum at the right edge of each pixel.
    let edge = |pixel: usize| {
        if pixel + 1 < pixels {
            0.5 * (velocity[pixel] + velocity[pixel + 1])
        } else {
            velocity[pixel] + 0.5 * (velocity[pixel] - velocity[pixel - 1])
        }
    };
    let start = |pixel: usize| if pixel == 0 { 2.0 * velocity[0] - edge(0) } else { edge(pixel - 1) };
    let mut sums = Vec::with_capacity(used.len());
    let mut sum = 0.0;
    for &pixel in &used {
        sum += flux[pixel] * (edge(pixel) - start(pixel));
        sums.push(sum);
    }
    if used.len() < 3 || sum <= 0.0 || !sum.is_finite() {
        return Err(ProfileError::NoFlux { flux: sum, pixels: used.len() });
    }
    let crossing = |target: f64| {
        let cross = |index: usize| {
            let before = if index == 0 { 0.0 } else { sums[index - 1] };
            let rise = sums[index] - before;
            let part = if rise == 0.0 { 0.5 } else { ((target - before) / rise).clamp(0.0, 1.0) };
            let pixel = used[index];
            start(pixel) + part * (edge(pixel) - start(pixel))
        };
        let first = sums.iter().position(|sum| *sum >= target).unwrap_or(sums.len() - 1);
        let last = sums.iter().rposition(|sum| *sum < target).map_or(0, |index| (index + 1).min(sums.len() - 1));
        0.5 * (cross(first) + cross(last))
    };
    let velocity_km_s = SHARES.map(|share| crossing(share * sum));
    let peak = used.iter().copied().fold(used[0], |best, pixel| if flux[pixel] > flux[best] { pixel } else { best });
    let half = 0.5 * flux[peak];
    let between = |inside: usize, outside: usize| {
        let share = (flux[inside] - half) / (flux[inside] - flux[outside]);
        velocity[inside] + share * (velocity[outside] - velocity[inside])
    };
    let left = (0..peak).rev().find(|&pixel| flux[pixel] < half).map_or(velocity[0], |out| between(out + 1, out));
    let right =
        (peak..pixels).find(|&pixel| flux[pixel] < half).map_or(velocity[pixels - 1], |out| between(out - 1, out));
    Ok(LineProfile { velocity_km_s, peak_km_s: velocity[peak], fwhm_km_s: right - left })
}

/// How much of a line is in its wing, and whether it is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WingFlux {
    /// Wing over total flux, 0 to 1.
    pub fraction: f64,
    /// Its standard error.
    pub fraction_error: f64,
    /// Wing flux over its standard error.
    pub significance: f64,
}

/// The wing of a fitted line: fluxes of core and wing, and their covariance `[[core, both], [both, wing]]`.
///
/// # Errors
/// Fluxes without a positive sum, a wing without a positive variance.
pub fn wing_of_model([core, wing]: [f64; 2], covariance: [[f64; 2]; 2]) -> Result<WingFlux, ProfileError> {
    let total = core + wing;
    if !(total > 0.0 && total.is_finite()) {
        return Err(ProfileError::NoFlux { flux: total, pixels: 0 });
    }
    let variance = covariance[1][1];
    if !(variance > 0.0 && variance.is_finite()) {
        return Err(ProfileError::Component { component: 1, expected: "a positive variance", found: variance });
    }
    // d fraction = (core d wing - wing d core) / total^2
    let spread = core * core * variance + wing * wing * covariance[0][0] - 2.0 * core * wing * covariance[0][1];
    Ok(WingFlux {
        fraction: wing / total,
        fraction_error: spread.max(0.0).sqrt() / (total * total),
        significance: wing / variance.sqrt(),
    })
}

/// The wing of a line's pixels: the flux beyond `beyond_km_s` on either side of the peak that the core leaves there. The
/// core is a Gaussian of the line's own peak and half width.
///
/// # Errors
/// As [`profile_of_data`].
pub fn wing_of_data(pixels: LinePixels<'_>, beyond_km_s: f64) -> Result<WingFlux, ProfileError> {
    let (profile, _) = profile_of_data(pixels, (0, 0))?;
    let LinePixels { velocity_km_s, flux, ivar } = pixels;
    let sigma = profile.fwhm_km_s / (8.0 * std::f64::consts::LN_2).sqrt();
    let core = |velocity: f64| (-0.5 * ((velocity - profile.peak_km_s) / sigma).powi(2)).exp();
    let (mut top, mut weights) = (0.0, 0.0);
    for (pixel, velocity) in velocity_km_s.iter().enumerate() {
        if (velocity - profile.peak_km_s).abs() < 0.5 * profile.fwhm_km_s {
            top += ivar[pixel] * flux[pixel] * core(*velocity);
            weights += ivar[pixel] * core(*velocity).powi(2);
        }
    }
    if weights <= 0.0 {
        return Err(ProfileError::NoFlux { flux: top, pixels: flux.len() });
    }
    let height = top / weights;
    let (mut wing, mut total, mut variance, mut core_outside) = (0.0, 0.0, 0.0, 0.0);
    for (pixel, velocity) in velocity_km_s.iter().enumerate().filter(|(pixel, _)| ivar[*pixel] > 0.0) {
        total += flux[pixel];
        if (velocity - profile.peak_km_s).abs() > beyond_km_s {
            wing += flux[pixel] - height * core(*velocity);
            core_outside += core(*velocity);
            variance += 1.0 / ivar[pixel];
        }
    }
    let error = (variance + core_outside * core_outside / weights).sqrt();
    if !(total > 0.0 && error > 0.0) {
        return Err(ProfileError::NoFlux { flux: total, pixels: flux.len() });
    }
    Ok(WingFlux { fraction: wing / total, fraction_error: error / total, significance: wing / error })
}
