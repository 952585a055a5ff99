//! Mass, energy and momentum rates of a wind from its distance, column, density and velocity.
//!
//! Absorption: a thin partial shell, `Mdot = 4 pi Omega R mu m_p N_H v`, `Edot = Mdot v^2 / 2`, `pdot = Mdot v`, with
//! R from the ionisation parameter where it is not given (Borguet et al. 2012, 2012ApJ...758...69B). Emission: a mass
//! from a line's luminosity and the electron density, and `Mdot = k M v / R` (Carniani et al. 2015,
//! 2015A&A...580A.102C). Every rate is a posterior: inputs are drawn from their errors, log U and log N_H together.
//!
//! Not done here: measuring the inputs (troughs, profiles, grids do), and corrections for projection.

mod absorption;
mod emission;
mod propagate;
mod table;

pub use absorption::{AbsorptionWind, Distance, ShellConvention, distance_kpc};
pub use emission::{EmissionWind, MassCalibration, WindGeometry};
pub use propagate::{Measured, Posterior, Propagation, WindPosterior};
pub use table::{Defaults, Outcome, WindTable, absorption_from_table, emission_from_table};

/// One kiloparsec, cm (IAU 2015 resolution B2).
pub(crate) const KPC_CM: f64 = 3.085_677_581_491_367e21;
/// Mass of the Sun, g (IAU 2015 nominal GM over CODATA 2018 G).
pub(crate) const SOLAR_MASS_G: f64 = 1.988_409_870_698_051e33;
/// Julian year, s.
pub(crate) const YEAR_S: f64 = 3.155_76e7;
/// Mass of the proton, g (CODATA 2018).
const PROTON_MASS_G: f64 = 1.672_621_923_69e-24;
/// Speed of light, cm/s.
const LIGHT_CM_S: f64 = 2.997_924_58e10;
/// Mass per hydrogen nucleus over the proton's, helium included (Borguet et al. 2012).
pub const MEAN_MOLECULAR_WEIGHT: f64 = 1.4;
/// Electrons per hydrogen nucleus in highly ionised gas of solar composition.
pub const ELECTRONS_PER_HYDROGEN: f64 = 1.2;

/// What a wind carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindRates {
    /// Distance from the centre, kpc.
    pub radius_kpc: f64,
    /// Mass of the outflowing gas, solar masses. For a shell seen in absorption `Mdot R / v`.
    pub mass_msun: f64,
    /// Mass rate, solar masses a year.
    pub mass_rate_msun_yr: f64,
    /// Kinetic power, log10 erg/s.
    pub log_power_erg_s: f64,
    /// Momentum rate, log10 dyn.
    pub log_momentum_rate_dyn: f64,
}

impl WindRates {
    /// From mass, mass rate (g/s), distance and velocity.
    fn new(radius_kpc: f64, mass_msun: f64, mass_rate_g_s: f64, velocity_km_s: f64) -> Self {
        let velocity_cm_s = velocity_km_s * 1e5;
        Self {
            radius_kpc,
            mass_msun,
            mass_rate_msun_yr: mass_rate_g_s * YEAR_S / SOLAR_MASS_G,
            log_power_erg_s: (0.5 * mass_rate_g_s * velocity_cm_s * velocity_cm_s).log10(),
            log_momentum_rate_dyn: (mass_rate_g_s * velocity_cm_s).log10(),
        }
    }
}

/// Energetics that cannot be computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnergeticsError {
    /// A quantity outside of what is physical.
    #[error("cannot compute energetics: expected {expected} for {quantity}, found {found}")]
    Value {
        /// Which quantity.
        quantity: &'static str,
        /// What was expected.
        expected: &'static str,
        /// What was given.
        found: f64,
    },
    /// A quantity that is needed and is not given.
    #[error("cannot compute energetics: no {quantity}\nhint: {hint}")]
    Missing {
        /// Which quantity.
        quantity: &'static str,
        /// How to give it.
        hint: &'static str,
    },
    /// The table of objects cannot be used.
    #[error(transparent)]
    Table(#[from] crate::object_table::ObjectTableError),
    /// The answer cannot be put into a table.
    #[error(transparent)]
    Study(#[from] study::Error),
}
