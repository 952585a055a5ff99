//! The shape of an emission line without a model's names: velocities that bound shares of its flux.
//!
//! `v_q` is the velocity below which q per cent of the flux lies (negative: towards the observer), `W80 = v90 - v10`,
//! `W90 = v95 - v05`, `dv = (v05 + v95) / 2`, asymmetry `(|v90 - v50| - |v10 - v50|) / W80` (Zakamska & Greene 2014,
//! 2014MNRAS.442..784Z), and for a broad component `v_max = |dv| + 2 sigma` (Rupke & Veilleux 2013,
//! 2013ApJ...768...75R). For one Gaussian W80 is 2.563 sigma.
//!
//! Not done here: the fit of the components, the subtraction of the continuum, the instrument's width.

mod gaussians;
mod pixels;
mod slopes;
mod wing;

pub use gaussians::profile_of_model;
pub use pixels::{LinePixels, profile_of_data};
pub(crate) use slopes::profile_slopes;
pub use wing::{WingFlux, wing_of_data, wing_of_model};

/// Shares of the flux whose velocities are given.
const SHARES: [f64; 7] = [0.02, 0.05, 0.10, 0.50, 0.90, 0.95, 0.98];

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

    /// Moves every velocity along a derivative.
    pub(crate) fn move_by(&mut self, step: f64, slope: &Self) {
        self.velocity_km_s.iter_mut().zip(&slope.velocity_km_s).for_each(|(velocity, slope)| *velocity += step * slope);
        self.peak_km_s += step * slope.peak_km_s;
        self.fwhm_km_s += step * slope.fwhm_km_s;
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
