//! The profile of a line's pixels, without a model.

use astro::statistics::{rng_stream, standard_deviation};
use rand_distr::{Distribution, StandardNormal};

use super::{LineProfile, ProfileError, SHARES};

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
