//! A thin partial shell seen in absorption.
//!
//! Borguet et al. 2012 (2012ApJ...758...69B): distance from the ionisation parameter, rates from the column.

use super::propagate::{Measured, correlated_pair};
use super::{
    ELECTRONS_PER_HYDROGEN, EnergeticsError, KPC_CM, LIGHT_CM_S, MEAN_MOLECULAR_WEIGHT, PROTON_MASS_G, SOLAR_MASS_G,
    WindRates,
};
use rand_chacha::ChaCha8Rng;

/// Which mass rate of a shell is meant: publications differ by a factor of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShellConvention {
    /// `4 pi Omega R mu m_p N_H v`: the shell's mass over its dynamical time R / v (Borguet et al. 2012).
    #[default]
    DynamicalTime,
    /// `8 pi Omega R mu m_p N_H v`: twice as much, for a shell of constant N_H swept outwards (Moe et al. 2009,
    /// 2009ApJ...706..525M, and older work).
    Swept,
}

impl ShellConvention {
    /// The factor of pi.
    #[must_use]
    pub fn factor(self) -> f64 {
        match self {
            Self::DynamicalTime => 4.0,
            Self::Swept => 8.0,
        }
    }
}

/// Where the gas is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distance {
    /// Given, kpc.
    Known(Measured),
    /// From `U = Q_H / (4 pi R^2 n_H c)` with `n_H = n_e / 1.2`.
    FromIonisation {
        /// Hydrogen-ionising photons, log10 1/s.
        log_q_h: Measured,
        /// Electron density, log10 1/cm3.
        log_n_e: Measured,
    },
}

/// What is measured of an absorber, with errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AbsorptionWind {
    /// Ionisation parameter, log10; needed only where the distance comes from it.
    pub log_u: Option<Measured>,
    /// Total hydrogen column, log10 1/cm2.
    pub log_n_h: Measured,
    /// Correlation coefficient of the errors of `log_u` and `log_n_h`, -1 to 1.
    pub correlation: f64,
    /// Outflow velocity, km/s, positive.
    pub velocity_km_s: Measured,
    /// Share of the sky, seen from the centre, that the wind covers; above 0, at most 1.
    pub covering: Measured,
    /// Where it is.
    pub distance: Distance,
}

/// Distance of gas of ionisation parameter U and hydrogen density n_H from a source of Q_H photons a second, kpc.
///
/// `R = sqrt(Q_H / (4 pi U n_H c))`, everything in log10 (1/s, -, 1/cm3).
#[must_use]
pub fn distance_kpc(log_q_h: f64, log_u: f64, log_n_h_density: f64) -> f64 {
    let log_area = log_q_h - log_u - log_n_h_density - (4.0 * std::f64::consts::PI * LIGHT_CM_S).log10();
    10f64.powf(0.5 * log_area - KPC_CM.log10())
}

impl AbsorptionWind {
    /// Checks the numbers, before any is drawn.
    ///
    /// # Errors
    /// A value that is not finite or not in its range, a distance from ionisation without `log_u`.
    pub fn check(&self) -> Result<(), EnergeticsError> {
        self.log_n_h.check("log N_H", |value| (10.0..=26.0).contains(&value), "log10 1/cm2 of 10 to 26")?;
        self.velocity_km_s.check("velocity", |v| v > 0.0 && v < 3e5, "a speed of 0 to 300000 km/s")?;
        self.covering.check("covering", |share| share > 0.0 && share <= 1.0, "a share above 0 and at most 1")?;
        if !(-1.0..=1.0).contains(&self.correlation) {
            let expected = "a coefficient of -1 to 1";
            return Err(EnergeticsError::Value { quantity: "correlation", expected, found: self.correlation });
        }
        if let Some(log_u) = self.log_u {
            log_u.check("log U", |value| (-10.0..=5.0).contains(&value), "a log10 of -10 to 5")?;
        }
        match self.distance {
            Distance::Known(radius) => radius.check("distance", |r| r > 0.0, "a positive number of kpc"),
            Distance::FromIonisation { log_q_h, log_n_e } => {
                if self.log_u.is_none() {
                    let hint = "give log U, or the distance itself";
                    return Err(EnergeticsError::Missing { quantity: "ionisation parameter", hint });
                }
                log_q_h.check("log Q_H", |value| (40.0..=65.0).contains(&value), "log10 1/s of 40 to 65")?;
                log_n_e.check("log n_e", |value| (-5.0..=20.0).contains(&value), "log10 1/cm3 of -5 to 20")
            }
        }
    }

    /// Rates at the measured values themselves.
    #[must_use]
    pub fn rates(&self, convention: ShellConvention) -> WindRates {
        let log_u = self.log_u.map_or(f64::NAN, |log_u| log_u.value);
        let radius_kpc = match self.distance {
            Distance::Known(radius) => radius.value,
            Distance::FromIonisation { log_q_h, log_n_e } => radius_from(log_q_h.value, log_u, log_n_e.value),
        };
        shell_rates(radius_kpc, self.log_n_h.value, self.velocity_km_s.value, self.covering.value, convention)
    }

    /// Rates of one draw from the errors; log U and log N_H are drawn together.
    pub(super) fn draw(&self, convention: ShellConvention, rng: &mut ChaCha8Rng) -> WindRates {
        let log_u = self.log_u.unwrap_or(Measured::exact(0.0));
        let (log_u, log_n_h) = correlated_pair(log_u, self.log_n_h, self.correlation, rng);
        let velocity_km_s = self.velocity_km_s.draw_within(|v| v > 0.0, rng);
        let covering = self.covering.draw_within(|share| share > 0.0 && share <= 1.0, rng);
        let radius_kpc = match self.distance {
            Distance::Known(radius) => radius.draw_within(|r| r > 0.0, rng),
            Distance::FromIonisation { log_q_h, log_n_e } => radius_from(log_q_h.draw(rng), log_u, log_n_e.draw(rng)),
        };
        shell_rates(radius_kpc, log_n_h, velocity_km_s, covering, convention)
    }
}

fn radius_from(log_q_h: f64, log_u: f64, log_n_e: f64) -> f64 {
    distance_kpc(log_q_h, log_u, log_n_e - ELECTRONS_PER_HYDROGEN.log10())
}

fn shell_rates(
    radius_kpc: f64,
    log_n_h: f64,
    velocity_km_s: f64,
    covering: f64,
    convention: ShellConvention,
) -> WindRates {
    let surface_density_g_cm2 = MEAN_MOLECULAR_WEIGHT * PROTON_MASS_G * 10f64.powf(log_n_h);
    let radius_cm = radius_kpc * KPC_CM;
    let rate_g_s =
        convention.factor() * std::f64::consts::PI * covering * radius_cm * surface_density_g_cm2 * velocity_km_s * 1e5;
    // The shell's mass does not depend on the convention of the rate.
    let mass_g = 4.0 * std::f64::consts::PI * covering * radius_cm * radius_cm * surface_density_g_cm2;
    WindRates::new(radius_kpc, mass_g / SOLAR_MASS_G, rate_g_s, velocity_km_s)
}
