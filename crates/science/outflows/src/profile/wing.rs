//! How much of a line is in its wing.

use super::{LinePixels, ProfileError, profile_of_data};

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
