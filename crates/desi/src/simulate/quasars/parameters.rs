//! What simulated quasars are made of: every number a user may set, with its meaning and default.

use serde::{Deserialize, Serialize};

use crate::DesiError;

/// Parameters of simulated quasars. Two equal sets give the same spectra, whatever the number of threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuasarParameters {
    /// Seed of every random number.
    pub seed: u64,
    /// Number of quasars.
    pub quasars: usize,
    /// Least and greatest redshift, both included; between them the numbers follow DESI's quasars.
    pub redshift: [f64; 2],
    /// Brightest and faintest AB magnitude in r, without dust.
    pub magnitude_r: [f64; 2],
    /// Median of true flux over its error in the pixels of the combined spectrum, reached by scaling the noise of each
    /// quasar; `None` for what the exposure time gives.
    pub signal_to_noise: Option<f64>,
    /// Exposure time of one exposure, seconds. Quasars at z > 2.1 get one to four, others one.
    pub exposure_s: f64,
    /// Gaussians of a broad line: 1, or 2 (a core and a base 1.8 to 2.6 times as wide).
    pub broad_components: usize,
    /// Share of quasars with a wing in [O III].
    pub wing_fraction: f64,
    /// Greatest flux density of the Balmer continuum at 3646 Angstrom over that of the power law; drawn evenly from 0.
    pub balmer_continuum_max: f64,
    /// Median equivalent width of Fe II, 2250 to 2650 and 4434 to 4684 Angstrom alike, rest frame, Angstrom (log-normal,
    /// 0.2 dex); 0 for none. Only where there are templates.
    pub iron_equivalent_width_angstrom: f64,
    /// Whether faint quasars have a host galaxy, where there are templates.
    pub host: bool,
    /// Share of quasars with broad absorption.
    pub bal_fraction: f64,
    /// Share of those that absorb in Al III and Mg II too.
    pub low_ionisation_fraction: f64,
    /// Mean number of narrow C IV absorbers a quasar.
    pub narrow_absorbers: f64,
    /// Whether intergalactic hydrogen absorbs blueward of Lyman alpha.
    pub forest: bool,
    /// Median E(B-V) of the Galaxy's dust in front, magnitudes (log-normal, 0.25 dex); 0 for none.
    pub ebv_median: f64,
    /// Share of pixels that are masked.
    pub masked_fraction: f64,
    /// Share of quasars to which the redshift catalogue gives a wrong redshift, with ZWARN set.
    pub redshift_failures: f64,
    /// Quasars a square degree: how many share a HEALPix pixel of nside 64, and so a file.
    pub quasars_per_deg2: f64,
    /// Nested pixel of nside 64 in which the first file lies; others follow it.
    pub first_pixel: u64,
    /// Matter density of the flat universe, with H0 = 70 km/s/Mpc, for luminosities.
    pub omega_m: f64,
}

impl Default for QuasarParameters {
    fn default() -> Self {
        Self {
            seed: 1,
            quasars: 1_000,
            redshift: [0.1, 4.0],
            magnitude_r: [17.0, 22.8],
            signal_to_noise: None,
            exposure_s: 1_000.0,
            broad_components: 2,
            wing_fraction: 0.5,
            balmer_continuum_max: 0.3,
            iron_equivalent_width_angstrom: 40.0,
            host: true,
            bal_fraction: 0.2,
            low_ionisation_fraction: 0.1,
            narrow_absorbers: 0.3,
            forest: true,
            ebv_median: 0.04,
            masked_fraction: 0.001,
            redshift_failures: 0.005,
            quasars_per_deg2: 200.0,
            first_pixel: 9_144,
            omega_m: 0.3,
        }
    }
}

impl QuasarParameters {
    /// # Errors
    /// [`DesiError::Parameter`] names the first parameter outside its range.
    pub fn validate(&self) -> Result<(), DesiError> {
        let ranges = [
            ("quasars", self.quasars as f64, 1.0, 100_000_000.0),
            ("redshift", self.redshift[0], 0.02, 6.0),
            ("redshift", self.redshift[1], self.redshift[0], 6.0),
            ("magnitude_r", self.magnitude_r[0], 12.0, 25.0),
            ("magnitude_r", self.magnitude_r[1], self.magnitude_r[0], 25.0),
            ("signal_to_noise", self.signal_to_noise.unwrap_or(1.0), 0.01, 10_000.0),
            ("exposure_s", self.exposure_s, 1.0, 1e7),
            ("broad_components", self.broad_components as f64, 1.0, 2.0),
            ("wing_fraction", self.wing_fraction, 0.0, 1.0),
            ("balmer_continuum_max", self.balmer_continuum_max, 0.0, 2.0),
            ("iron_equivalent_width_angstrom", self.iron_equivalent_width_angstrom, 0.0, 1_000.0),
            ("bal_fraction", self.bal_fraction, 0.0, 1.0),
            ("low_ionisation_fraction", self.low_ionisation_fraction, 0.0, 1.0),
            ("narrow_absorbers", self.narrow_absorbers, 0.0, 20.0),
            ("ebv_median", self.ebv_median, 0.0, 1.0),
            ("masked_fraction", self.masked_fraction, 0.0, 1.0),
            ("redshift_failures", self.redshift_failures, 0.0, 1.0),
            ("quasars_per_deg2", self.quasars_per_deg2, 0.1, 5_000.0),
            ("first_pixel", self.first_pixel as f64, 0.0, 49_151.0),
            ("omega_m", self.omega_m, 0.05, 1.0),
        ];
        for (name, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(DesiError::Parameter { name, value, least, most });
            }
        }
        Ok(())
    }
}
