//! Ionised gas seen in emission: mass from a line's luminosity, rates from its velocity and distance.

use super::propagate::Measured;
use super::{EnergeticsError, KPC_CM, SOLAR_MASS_G, WindRates};
use rand_chacha::ChaCha8Rng;

/// Which calibration turns luminosity and density into mass, `M = a (L / L0) (n_e / n0)^-1`, in solar masses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MassCalibration {
    /// [O III] 5008: 0.8e8, 1e44 erg/s, 500 1/cm3 (Carniani et al. 2015, 2015A&A...580A.102C).
    CarnianiOiii,
    /// [O III] 5008: 4.0e7, 1e44 erg/s, 1000 1/cm3 (Kakkad et al. 2016, 2016A&A...592A.148K).
    KakkadOiii,
    /// [O III] 5008: 5.33e7, 1e44 erg/s, 1000 1/cm3 (Cano-Diaz et al. 2012, 2012A&A...537L...8C).
    CanoDiazOiii,
    /// H beta: 1.7e9, 1e44 erg/s, 500 1/cm3 (Carniani et al. 2015, 2015A&A...580A.102C).
    CarnianiHbeta,
    /// H beta: 2.82e9, 1e43 erg/s, 100 1/cm3 (Nesvadba et al. 2011, 2011MNRAS.415.2359N; Harrison et al. 2014,
    /// 2014MNRAS.441.3306H).
    NesvadbaHbeta,
}

impl MassCalibration {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::CarnianiOiii, Self::KakkadOiii, Self::CanoDiazOiii, Self::CarnianiHbeta, Self::NesvadbaHbeta];

    /// Its name in commands and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CarnianiOiii => "carniani15-oiii",
            Self::KakkadOiii => "kakkad16-oiii",
            Self::CanoDiazOiii => "canodiaz12-oiii",
            Self::CarnianiHbeta => "carniani15-hbeta",
            Self::NesvadbaHbeta => "nesvadba11-hbeta",
        }
    }

    /// Mass at (`log L0` erg/s, `n0` 1/cm3): solar masses, log10, 1/cm3.
    fn anchor(self) -> (f64, f64, f64) {
        match self {
            Self::CarnianiOiii => (0.8e8, 44.0, 500.0),
            Self::KakkadOiii => (4.0e7, 44.0, 1000.0),
            Self::CanoDiazOiii => (5.33e7, 44.0, 1000.0),
            Self::CarnianiHbeta => (1.7e9, 44.0, 500.0),
            Self::NesvadbaHbeta => (2.82e9, 43.0, 100.0),
        }
    }

    /// Whether the mass depends on the oxygen abundance.
    fn is_oxygen(self) -> bool {
        matches!(self, Self::CarnianiOiii | Self::KakkadOiii | Self::CanoDiazOiii)
    }

    /// Mass of the ionised gas, solar masses. Oxygen lines are divided by `10^[O/H]`.
    #[must_use]
    pub fn mass_msun(self, log_luminosity_erg_s: f64, log_n_e: f64, oxygen_dex: f64) -> f64 {
        let (mass, log_luminosity, density) = self.anchor();
        let abundance = if self.is_oxygen() { oxygen_dex } else { 0.0 };
        mass * 10f64.powf(log_luminosity_erg_s - log_luminosity - (log_n_e - density.log10()) - abundance)
    }
}

/// How the gas fills the volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WindGeometry {
    /// `Mdot = M v / R`: a thin shell.
    #[default]
    ThinShell,
    /// `Mdot = 3 M v / R`: a cone or sphere filled evenly (Cano-Diaz et al. 2012).
    Filled,
}

impl WindGeometry {
    fn factor(self) -> f64 {
        match self {
            Self::ThinShell => 1.0,
            Self::Filled => 3.0,
        }
    }
}

/// What is measured of a wind in emission, with errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmissionWind {
    /// Luminosity of the outflowing component, log10 erg/s.
    pub log_luminosity_erg_s: Measured,
    /// Electron density, log10 1/cm3.
    pub log_n_e: Measured,
    /// Outflow velocity, km/s, positive (`v_max`, `W80 / 1.3`, ... as the study defines it).
    pub velocity_km_s: Measured,
    /// Extent of the wind, kpc.
    pub radius_kpc: Measured,
    /// Oxygen abundance, log10 of the solar one.
    pub oxygen_dex: f64,
}

impl EmissionWind {
    /// Checks the numbers, before any is drawn.
    ///
    /// # Errors
    /// A value that is not finite or not in its range.
    pub fn check(&self) -> Result<(), EnergeticsError> {
        self.log_luminosity_erg_s.check("log L", |value| (30.0..=50.0).contains(&value), "log10 erg/s of 30 to 50")?;
        self.log_n_e.check("log n_e", |value| (-5.0..=20.0).contains(&value), "log10 1/cm3 of -5 to 20")?;
        self.velocity_km_s.check("velocity", |v| v > 0.0 && v < 3e5, "a speed of 0 to 300000 km/s")?;
        self.radius_kpc.check("distance", |r| r > 0.0, "a positive number of kpc")?;
        Measured::exact(self.oxygen_dex).check("[O/H]", |value| value.abs() < 5.0, "a number of dex")
    }

    /// Rates at the measured values themselves.
    #[must_use]
    pub fn rates(&self, calibration: MassCalibration, geometry: WindGeometry) -> WindRates {
        let mass = calibration.mass_msun(self.log_luminosity_erg_s.value, self.log_n_e.value, self.oxygen_dex);
        rates_of(mass, self.velocity_km_s.value, self.radius_kpc.value, geometry)
    }

    /// Rates of one draw from the errors.
    pub(super) fn draw(&self, calibration: MassCalibration, geometry: WindGeometry, rng: &mut ChaCha8Rng) -> WindRates {
        let mass = calibration.mass_msun(self.log_luminosity_erg_s.draw(rng), self.log_n_e.draw(rng), self.oxygen_dex);
        let velocity_km_s = self.velocity_km_s.draw_within(|v| v > 0.0, rng);
        let radius_kpc = self.radius_kpc.draw_within(|r| r > 0.0, rng);
        rates_of(mass, velocity_km_s, radius_kpc, geometry)
    }
}

fn rates_of(mass_msun: f64, velocity_km_s: f64, radius_kpc: f64, geometry: WindGeometry) -> WindRates {
    let rate_g_s = geometry.factor() * mass_msun * SOLAR_MASS_G * velocity_km_s * 1e5 / (radius_kpc * KPC_CM);
    WindRates::new(radius_kpc, mass_msun, rate_g_s, velocity_km_s)
}
