//! The galaxies: masses, star formation, colours and spectral indices with known distributions.
//!
//! Stellar masses follow the double Schechter function of Baldry et al. 2012 (2012MNRAS.421..621B), converted to
//! h = 1. Mass-to-light ratios follow colours as in Bell et al. 2003 (2003ApJS..149..289B), K-corrections are linear in
//! redshift and colour (compare Chilingarian et al. 2010, 2010MNRAS.405.1409C). Nothing evolves but the main sequence.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::Parameters;

/// Absolute magnitude of the Sun in r, AB (Willmer 2018, 2018ApJS..236...47W).
pub(crate) const SUN_R_MAG: f64 = 4.65;

/// Characteristic log mass and (density, slope) of the two components; h = 1: log M* - 0.31, phi / 0.343.
pub const LOG_MASS_STAR: f64 = 10.66 - 0.31;
/// Densities in (Mpc/h)^-3 a natural logarithm of mass, and faint slopes.
pub const SCHECHTER: [(f64, f64); 2] = [(3.96e-3 / 0.343, -0.35), (0.79e-3 / 0.343, -1.47)];

/// Range of log mass that is simulated.
pub const LOG_MASS_RANGE: [f64; 2] = [7.0, 12.2];

const STEP_DEX: f64 = 0.01;

/// Number density a dex at a log mass, (Mpc/h)^-3.
#[must_use]
pub fn mass_function(log_mass: f64) -> f64 {
    let x = 10_f64.powf(log_mass - LOG_MASS_STAR);
    let sum: f64 = SCHECHTER.iter().map(|(phi, slope)| phi * x.powf(slope + 1.0)).sum();
    std::f64::consts::LN_10 * sum * (-x).exp()
}

/// The mass function as a cumulative table, to draw masses above a limit from.
#[derive(Debug, Clone)]
pub(crate) struct MassTable {
    /// Number density above `LOG_MASS_RANGE[0] + i STEP_DEX`, (Mpc/h)^-3.
    above: Vec<f64>,
}

impl MassTable {
    pub(crate) fn new() -> Self {
        let bins = ((LOG_MASS_RANGE[1] - LOG_MASS_RANGE[0]) / STEP_DEX).round() as usize;
        let mut above = vec![0.0; bins + 1];
        for bin in (0..bins).rev() {
            let middle = LOG_MASS_RANGE[0] + (bin as f64 + 0.5) * STEP_DEX;
            above[bin] = above[bin + 1] + STEP_DEX * mass_function(middle);
        }
        Self { above }
    }

    /// Number density of galaxies above a log mass, (Mpc/h)^-3.
    pub(crate) fn density_above(&self, log_mass: f64) -> f64 {
        let place = ((log_mass - LOG_MASS_RANGE[0]) / STEP_DEX).clamp(0.0, (self.above.len() - 1) as f64);
        let bin = (place as usize).min(self.above.len() - 2);
        let fraction = place - bin as f64;
        self.above[bin] + fraction * (self.above[bin + 1] - self.above[bin])
    }

    /// The log mass above which the density is `density`.
    pub(crate) fn mass_at(&self, density: f64) -> f64 {
        let bin = self.above.partition_point(|&above| above > density).clamp(1, self.above.len() - 1);
        let (high, low) = (self.above[bin - 1], self.above[bin]);
        let fraction = if high > low { (high - density) / (high - low) } else { 0.0 };
        LOG_MASS_RANGE[0] + ((bin - 1) as f64 + fraction.clamp(0.0, 1.0)) * STEP_DEX
    }
}

/// Fraction of quenched galaxies at a log mass (h = 1), averaged over environments; from 0.08 to 0.92, so that an
/// effect of the environment fits on both sides.
#[must_use]
pub fn quenched_fraction(log_mass: f64) -> f64 {
    0.08 + 0.84 / (1.0 + (-(log_mass - 10.15) / 0.28).exp())
}

/// Colour (g - r)^0.1 of the blue or red sequence at a log mass, before scatter.
pub(crate) fn colour_mean(log_mass: f64, quenched: bool) -> f64 {
    if quenched { 0.92 + 0.04 * (log_mass - 10.3) } else { 0.47 + 0.10 * (log_mass - 9.7) }
}

/// Scatter of the two sequences, mag.
pub(crate) fn colour_scatter(quenched: bool) -> f64 {
    if quenched { 0.035 } else { 0.08 }
}

/// Log mass-to-light ratio in r, solar, for a Chabrier initial mass function.
pub(crate) fn log_mass_to_light(colour: f64) -> f64 {
    1.097 * (colour - 0.2) - 0.456
}

/// K-correction in r to redshift 0.1 at a redshift and colour (g - r)^0.1, mag: the apparent magnitude is
/// M + distance modulus + K.
#[must_use]
pub fn k_correction_r(redshift: f64, colour: f64) -> f64 {
    -2.5 * 1.1_f64.log10() + (redshift - 0.1) * (0.25 + 1.2 * (colour - 0.4))
}

/// Random numbers that make a galaxy, drawn before it is known where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draws {
    pub(crate) colour: f64,
    pub(crate) mass_to_light: f64,
    pub(crate) star_formation: f64,
    pub(crate) quenching: f64,
}

/// What a galaxy is, without its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intrinsic {
    pub(crate) log_mass: f64,
    pub(crate) quenched: bool,
    pub(crate) colour: f64,
    pub(crate) absolute_r: f64,
}

/// Scatter of the mass-to-light ratio at fixed colour, dex.
const MASS_TO_LIGHT_SCATTER_DEX: f64 = 0.08;

impl Draws {
    pub(crate) fn new(rng: &mut ChaCha8Rng) -> Self {
        Self {
            colour: rng.sample(StandardNormal),
            mass_to_light: rng.sample(StandardNormal),
            star_formation: rng.sample(StandardNormal),
            quenching: rng.random(),
        }
    }

    /// Absolute magnitude in r (h = 1) of a galaxy of a mass and type.
    pub(crate) fn intrinsic(&self, log_mass: f64, quenched: bool) -> Intrinsic {
        let colour = colour_mean(log_mass, quenched) + colour_scatter(quenched) * self.colour;
        let ratio = log_mass_to_light(colour) + MASS_TO_LIGHT_SCATTER_DEX * self.mass_to_light;
        Intrinsic { log_mass, quenched, colour, absolute_r: SUN_R_MAG - 2.5 * (log_mass - ratio) }
    }

    /// Is a galaxy of this mass quenched, in a wall or a void?
    pub(crate) fn quenched(&self, log_mass: f64, in_void: bool, effect: f64) -> bool {
        let shift = if in_void { -0.5 * effect } else { 0.5 * effect };
        self.quenching < quenched_fraction(log_mass) + shift
    }

    /// Log star formation rate, solar masses a year (h = 1).
    pub(crate) fn log_sfr(&self, galaxy: &Intrinsic, redshift: f64, parameters: &Parameters) -> f64 {
        if galaxy.quenched {
            galaxy.log_mass - 11.95 + 0.3 * self.star_formation
        } else {
            main_sequence(galaxy.log_mass, redshift, parameters)
                + parameters.main_sequence_scatter_dex * self.star_formation
        }
    }
}

/// Log star formation rate on the ridge of the main sequence: 0.1 Gyr^-1 at log mass 10 today, rising as
/// (1 + z)^2.5 (compare Speagle et al. 2014, 2014ApJS..214...15S).
#[must_use]
pub fn main_sequence(log_mass: f64, redshift: f64, parameters: &Parameters) -> f64 {
    parameters.main_sequence_slope * (log_mass - 10.0) - 0.05 + 2.5 * (1.0 + redshift).log10()
}

/// Dn4000 from the specific star formation rate: low and narrow for star-forming galaxies, high for quenched ones.
pub(crate) fn dn4000(log_ssfr: f64, log_mass: f64, scatter: f64) -> f64 {
    1.56 - 0.24 * ((log_ssfr + 11.1) / 0.45).tanh() - 0.03 * (log_ssfr + 11.0)
        + 0.05 * (log_mass - 10.3)
        + 0.05 * scatter
}

/// The faintest log mass worth drawing for a limit in absolute magnitude: a blue galaxy three deviations too bright.
pub(crate) fn least_log_mass(absolute_r_limit: f64) -> f64 {
    let mut log_mass = LOG_MASS_RANGE[0];
    while log_mass < LOG_MASS_RANGE[1] {
        let colour = colour_mean(log_mass, false) - 3.0 * colour_scatter(false);
        let ratio = log_mass_to_light(colour) - 3.0 * MASS_TO_LIGHT_SCATTER_DEX;
        if SUN_R_MAG - 2.5 * (log_mass - ratio) < absolute_r_limit {
            break;
        }
        log_mass += STEP_DEX;
    }
    log_mass
}
