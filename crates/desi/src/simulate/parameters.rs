//! What the simulated sky is made of: every number a user may set, with its meaning and default.

use serde::{Deserialize, Serialize};

use crate::DesiError;

/// Parameters of a simulated light-cone. Two equal sets give the same galaxies, whatever the number of threads.
///
/// Masses, luminosities and rates are for H0 = 100 km/s/Mpc (h = 1), as in the FastSpecFit catalogues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Seed of every random number.
    pub seed: u64,
    /// Number of galaxies in the light-cone, exactly.
    pub galaxies: usize,
    /// Survey area, square degrees, both caps together and before the holes in the mask are cut.
    pub area_deg2: f64,
    /// Furthest cosmological redshift of a galaxy.
    pub redshift_max: f64,
    /// Matter density of the flat universe.
    pub omega_m: f64,
    /// Faintest apparent magnitude in r (AB, corrected for dust).
    pub r_limit: f64,
    /// Quenched fraction in walls minus that in voids, at the same mass; 0 for no effect of the environment.
    pub environment_effect: f64,
    /// Shift of log mass of the galaxies in voids, dex (void galaxies are fainter: Hoyle et al. 2005,
    /// 2005ApJ...620..618H). It makes samples that are not matched in mass differ even without an effect.
    pub void_mass_shift_dex: f64,
    /// Mean volume of one Voronoi cell, (Mpc/h)^3: 1 / number density of void nuclei.
    pub cell_volume_mpc_h3: f64,
    /// Share of galaxies that stay where they are instead of moving to a wall: the dilute void population.
    pub field_fraction: f64,
    /// Share of the galaxies on walls that move on to a filament.
    pub filament_fraction: f64,
    /// Share of the galaxies on filaments that move on to a node.
    pub node_fraction: f64,
    /// Thickness of walls, filaments and nodes (one standard deviation a coordinate), Mpc/h.
    pub wall_thickness_mpc_h: f64,
    /// Slope of the star-forming main sequence, d log SFR / d log mass.
    pub main_sequence_slope: f64,
    /// Scatter of the main sequence, dex.
    pub main_sequence_scatter_dex: f64,
    /// Standard deviation of the measured redshift, km/s.
    pub redshift_error_km_s: f64,
    /// Line-of-sight velocity dispersion of galaxies, km/s: 0 switches redshift-space distortions off, so that the
    /// catalogued voids hold exactly the galaxies that are truly in voids.
    pub velocity_dispersion_km_s: f64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            seed: 1,
            galaxies: 100_000,
            area_deg2: natural_area_deg2(100_000),
            redshift_max: 0.6,
            omega_m: 0.3153,
            r_limit: 19.5,
            environment_effect: 0.03,
            void_mass_shift_dex: -0.1,
            cell_volume_mpc_h3: 32_000.0,
            field_fraction: 0.18,
            filament_fraction: 0.55,
            node_fraction: 0.30,
            wall_thickness_mpc_h: 1.0,
            main_sequence_slope: 1.0,
            main_sequence_scatter_dex: 0.3,
            redshift_error_km_s: 10.0,
            velocity_dispersion_km_s: 0.0,
        }
    }
}

/// The area used when none is asked for: large enough for voids that do not touch the edge, up to the 7,500 deg^2 of
/// the BGS Bright sample of DESI DR1 at 750,000 galaxies and more.
#[must_use]
pub fn natural_area_deg2(galaxies: usize) -> f64 {
    (0.01 * galaxies as f64).clamp(400.0, 7_500.0)
}

impl Parameters {
    /// Defaults for a number of galaxies and a seed.
    #[must_use]
    pub fn new(seed: u64, galaxies: usize) -> Self {
        Self { seed, galaxies, area_deg2: natural_area_deg2(galaxies), ..Self::default() }
    }

    /// # Errors
    /// [`DesiError::Parameter`] names the first parameter outside its range.
    pub fn validate(&self) -> Result<(), DesiError> {
        let ranges = [
            ("area_deg2", self.area_deg2, 20.0, 12_000.0),
            ("redshift_max", self.redshift_max, 0.05, 1.0),
            ("omega_m", self.omega_m, 0.05, 1.0),
            ("r_limit", self.r_limit, 14.0, 22.0),
            ("environment_effect", self.environment_effect, -0.15, 0.15),
            ("void_mass_shift_dex", self.void_mass_shift_dex, -1.0, 0.0),
            ("cell_volume_mpc_h3", self.cell_volume_mpc_h3, 5_000.0, 200_000.0),
            ("field_fraction", self.field_fraction, 0.0, 1.0),
            ("filament_fraction", self.filament_fraction, 0.0, 1.0),
            ("node_fraction", self.node_fraction, 0.0, 1.0),
            ("wall_thickness_mpc_h", self.wall_thickness_mpc_h, 0.0, 3.0),
            ("main_sequence_slope", self.main_sequence_slope, 0.0, 2.0),
            ("main_sequence_scatter_dex", self.main_sequence_scatter_dex, 0.0, 1.0),
            ("redshift_error_km_s", self.redshift_error_km_s, 0.0, 3_000.0),
            ("velocity_dispersion_km_s", self.velocity_dispersion_km_s, 0.0, 2_000.0),
            ("galaxies", self.galaxies as f64, 1.0, 20_000_000.0),
        ];
        for (name, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(DesiError::Parameter { name, value, least, most });
            }
        }
        Ok(())
    }
}
