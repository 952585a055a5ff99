//! Luminosities, black-hole masses and the Eddington ratio.
//!
//! Masses are virial estimates from one spectrum, log M = a + b log(lambda L_lambda / 1e44 erg/s) + 2 log FWHM (km/s), good to
//! 0.3-0.4 dex whatever the error given, which is that of the noise alone.

use astro::Cosmology;

use super::{LineMeasurement, Measured};
use crate::Spectrum;
use crate::continuum::ContinuumFit;

/// Rest wavelengths of the monochromatic luminosities, Angstrom.
pub const LUMINOSITIES_ANGSTROM: [f64; 4] = [1_350.0, 1_450.0, 3_000.0, 5_100.0];
/// Bolometric corrections at 1350, 3000 and 5100 Angstrom from the composite of Richards et al. 2006 (2006ApJS..166..470R),
/// as used by Shen et al. 2011: place among the luminosities, factor, least and greatest redshift of preference.
const BOLOMETRIC: [(usize, f64); 3] = [(3, 9.26), (2, 5.15), (0, 3.81)];
/// Redshifts up to which 5100 and then 3000 Angstrom are preferred (Shen et al. 2011).
const PREFERRED_REDSHIFT: [f64; 2] = [0.7, 1.9];
/// Line, group, luminosity, a and b: Vestergaard & Peterson 2006 (2006ApJ...641..689V) for H beta and C IV, Shen et al. 2011
/// for Mg II. In the order in which they are believed.
const MASSES: [(&str, &str, usize, f64, f64); 3] = [
    ("Hb_broad", "broad", 3, 0.910, 0.50),
    ("MgII2799", "broad", 2, 0.740, 0.62),
    ("CIV1549", "broad", 0, 0.660, 0.53),
];
/// log10 of the Eddington luminosity of one solar mass, erg/s.
const LOG_EDDINGTON: f64 = 38.100_4;
/// Matter density and Hubble constant (in 100 km/s/Mpc) of the luminosities.
const OMEGA_M: f64 = 0.3;
const HUBBLE: f64 = 0.7;
const CM_PER_MPC: f64 = 3.085_677_581e24;
/// Unit of flux densities, erg/s/cm2/Angstrom.
const FLUX_UNIT: f64 = 1e-17;

/// What the fit says of the black hole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Physics {
    /// Standard errors of the luminosities, dex.
    pub log_luminosity_errors: [Option<f64>; 4],
    /// log10 of the bolometric luminosity, erg/s.
    pub log_bolometric: Option<Measured>,
    /// log10 of the black-hole mass in solar masses from H beta, Mg II and C IV.
    pub log_masses: [Option<Measured>; 3],
    /// log10 of bolometric over Eddington luminosity, with the first of those masses.
    pub log_eddington_ratio: Option<Measured>,
    /// Flux of optical Fe II (4434-4684 Angstrom) over that of broad H beta.
    pub iron_over_hbeta: Option<Measured>,
}

impl Physics {
    pub(super) fn of(
        redshift: f64,
        luminosities: &[Option<f64>; 4],
        (at_3000, slope): (Measured, Measured),
        continuum: &ContinuumFit,
        lines: &[LineMeasurement],
    ) -> Self {
        let error = |at: usize| {
            let (level, error) = continuum.power_law_at(LUMINOSITIES_ANGSTROM[at]);
            // Draws replace the covariance where there are any.
            let scale = at_3000.error.zip(slope.error).map_or(1.0, |(error, _)| {
                let own = continuum.power_law_at(3_000.0).1;
                if own > 0.0 { error / own } else { 1.0 }
            });
            (level > 0.0).then(|| scale * error / level / std::f64::consts::LN_10)
        };
        let log_luminosity_errors = std::array::from_fn(|at| luminosities[at].and_then(|_| error(at)));
        let with_error = |at: usize, add: f64| {
            luminosities[at].map(|log| Measured { value: log + add, error: log_luminosity_errors[at] })
        };
        let preferred = PREFERRED_REDSHIFT.iter().filter(|limit| redshift >= **limit).count();
        let order = (preferred..3).chain((0..preferred).rev());
        let log_bolometric = order.map(|at| BOLOMETRIC[at]).find_map(|(at, factor)| with_error(at, factor.log10()));
        let log_masses = MASSES.map(|(name, group, at, a, b)| {
            let line = lines.iter().find(|line| line.line == name && line.group == group)?;
            let (fwhm, luminosity) = (line.fwhm_km_s?, with_error(at, 0.0)?);
            let value = a + b * (luminosity.value - 44.0) + 2.0 * fwhm.value.log10();
            let errors = luminosity.error.zip(fwhm.error);
            let of_width = |error: f64| 2.0 * error / fwhm.value / std::f64::consts::LN_10;
            Some(Measured { value, error: errors.map(|(first, second)| (b * first).hypot(of_width(second))) })
        });
        let mass = log_masses.iter().flatten().next();
        let log_eddington_ratio = log_bolometric.zip(mass).map(|(luminosity, mass)| Measured {
            value: luminosity.value - LOG_EDDINGTON - mass.value,
            error: luminosity.error.zip(mass.error).map(|(a, b)| a.hypot(b)),
        });
        Self {
            log_luminosity_errors,
            log_bolometric,
            log_masses,
            log_eddington_ratio,
            iron_over_hbeta: iron(continuum, lines),
        }
    }
}

fn iron(continuum: &ContinuumFit, lines: &[LineMeasurement]) -> Option<Measured> {
    let line = lines.iter().find(|line| line.line == "Hb_broad" && line.quantities.is_some())?;
    let (iron, hbeta) = (continuum.iron_optical_flux()?, line.flux_1e17_cgs);
    let error = continuum.part_errors()[1].zip(hbeta.error);
    let ratio = iron / hbeta.value;
    Some(Measured { value: ratio, error: error.map(|(a, b)| (a / hbeta.value).hypot(ratio * b / hbeta.value)) })
}

/// Area of the sphere around the quasar on which we are, cm2.
fn sphere_cm2(redshift: f64) -> f64 {
    let distance_cm = Cosmology::flat_lcdm(OMEGA_M).luminosity_distance_mpc_h(redshift) / HUBBLE * CM_PER_MPC;
    4.0 * std::f64::consts::PI * distance_cm * distance_cm
}

/// log10 of a luminosity from a flux (1e-17 erg/s/cm2); `None` without flux.
pub(super) fn log_luminosity(flux: f64, redshift: f64) -> Option<f64> {
    (flux > 0.0 && redshift > 0.0).then(|| (sphere_cm2(redshift) * flux * FLUX_UNIT).log10())
}

pub(super) fn log_luminosities(spectrum: &Spectrum, redshift: f64, continuum: &ContinuumFit) -> [Option<f64>; 4] {
    let good = |at: &usize| spectrum.good[*at];
    let ends = ((0..spectrum.len()).find(good), (0..spectrum.len()).rfind(good));
    let (Some(first), Some(last)) = ends else { return [None; 4] };
    let covered = spectrum.wavelength_angstrom[first]..=spectrum.wavelength_angstrom[last];
    LUMINOSITIES_ANGSTROM.map(|rest| {
        let flux = continuum.power_law_at(rest).0;
        covered.contains(&(rest * (1.0 + redshift))).then(|| log_luminosity(rest * flux, redshift)).flatten()
    })
}
