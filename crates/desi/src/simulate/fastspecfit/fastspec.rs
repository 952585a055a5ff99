//! Values of FASTSPEC's columns: the emission lines that star formation implies.
//!
//! H alpha follows the star formation rate (Kennicutt & Evans 2012, 2012ARA&A..50..531K), the other Balmer lines case B
//! recombination, both dimmed by the galaxy's dust; metal lines follow mass as on the star-forming branch, or are those
//! of old stars (LINER) in quenched galaxies. No galaxy has broad or ultraviolet lines: their values are 0 with weight 0,
//! as the catalogue has it for lines that were not fitted.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use astro::cosmology::SPEED_OF_LIGHT_KM_S;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::fill::{Fill, floats};
use super::metadata::identity;
use super::observed::Observed;

/// Range of the spectrographs, Angstrom.
const RANGE_ANGSTROM: [f64; 2] = [3_600.0, 9_824.0];
/// Width of a pixel, Angstrom.
const PIXEL_ANGSTROM: f64 = 0.8;
/// Log luminosity of H alpha at one solar mass a year, erg/s (Kennicutt & Evans 2012, table 1).
const LOG_HALPHA_PER_SFR: f64 = 41.27;
/// Width of the spectrograph's blur, km/s.
const BLUR_KM_S: f64 = 55.0;

/// The 35 columns that belong to no line.
pub(super) fn fill(name: &str) -> Option<Fill> {
    if let Some(fill) = identity(name) {
        return Some(fill);
    }
    Some(match name {
        "SNR_B" => Fill::number(|seen| seen.pixel_snr(4_700.0)),
        "SNR_R" => Fill::number(|seen| seen.pixel_snr(6_700.0)),
        "SNR_Z" => Fill::number(|seen| seen.pixel_snr(8_700.0)),
        "SMOOTHCORR_B" | "SMOOTHCORR_R" | "SMOOTHCORR_Z" => Fill::number(|seen| seen.deviates[10]),
        "APERCORR" | "APERCORR_G" | "APERCORR_R" | "APERCORR_Z" => Fill::number(|seen| 1.0 / seen.fibre_share),
        "INIT_SIGMA_UV" | "INIT_SIGMA_BALMER" => Fill::number(|_| 3_000.0),
        "INIT_SIGMA_NARROW" => Fill::number(|_| 150.0),
        "INIT_VSHIFT_UV" | "INIT_VSHIFT_NARROW" | "INIT_VSHIFT_BALMER" | "DELTA_LINECHI2" => Fill::number(|_| 0.0),
        "INIT_BALMER_BROAD" => Fill::Flag(|_| false),
        "DELTA_LINENDOF" => Fill::Integer(|_| 0),
        "MGII_DOUBLET_RATIO" => Fill::number(|_| 0.0),
        "OII_DOUBLET_RATIO" => Fill::number(|_| 0.74),
        "OIII_DOUBLET_RATIO" => Fill::number(|_| 2.98),
        "SII_DOUBLET_RATIO" => Fill::number(|_| 0.74),
        "NII_DOUBLET_RATIO" => Fill::number(|_| 2.94),
        "OIIRED_DOUBLET_RATIO" => Fill::number(|_| 1.23),
        _ if name.ends_with("_DOUBLET_RATIO_IVAR") => Fill::number(|_| 0.0),
        _ => return None,
    })
}

/// A line of one galaxy. All 0 where it was not fitted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LineFit {
    /// 10^-17 erg/s/cm2.
    flux: f64,
    flux_error: f64,
    box_flux: f64,
    vshift_km_s: f64,
    vshift_error_km_s: f64,
    sigma_km_s: f64,
    sigma_error_km_s: f64,
    /// 10^-17 erg/s/cm2/Angstrom.
    continuum: f64,
    observed_angstrom: f64,
    redshift: f64,
}

/// Fits one line of one galaxy, that is: its true flux, blurred by the noise.
pub(super) fn fit(seen: &Observed<'_>, name: &str, rest_angstrom: f64, rng: &mut ChaCha8Rng) -> LineFit {
    let [noise, shift, width]: [f64; 3] = std::array::from_fn(|_| rng.sample(StandardNormal));
    let observed_angstrom = rest_angstrom * (1.0 + seen.galaxy.redshift);
    let ratio = ratio_to_halpha(seen, name);
    if ratio == 0.0 || !(RANGE_ANGSTROM[0]..RANGE_ANGSTROM[1]).contains(&observed_angstrom) {
        return LineFit::default();
    }
    let continuum = seen.continuum(observed_angstrom);
    let truth = halpha_flux(seen) * ratio * dimming(seen, rest_angstrom);
    let flux_error = (1.0 + 0.3 * continuum).hypot(0.02 * truth);
    let flux = (truth + flux_error * noise).max(0.0);
    let snr = flux / flux_error;
    let sigma = 10_f64.powf(1.95 + 0.25 * (f64::from(seen.galaxy.true_log_mass) - 9.7)).clamp(40.0, 300.0);
    let fit =
        LineFit { flux_error, continuum, observed_angstrom, redshift: seen.galaxy.redshift, ..LineFit::default() };
    if flux == 0.0 {
        return fit;
    }
    let (vshift_error_km_s, sigma_error_km_s) = (sigma / snr.max(1.0), 0.7 * sigma / snr.max(1.0));
    LineFit {
        flux,
        box_flux: flux + 0.5 * flux_error * shift,
        vshift_km_s: (vshift_error_km_s * shift).clamp(-500.0, 500.0),
        vshift_error_km_s,
        sigma_km_s: (sigma + sigma_error_km_s * width).clamp(10.0, 475.0),
        sigma_error_km_s,
        ..fit
    }
}

/// Flux of H alpha in the fibre before the galaxy's dust, 10^-17 erg/s/cm2.
fn halpha_flux(seen: &Observed<'_>) -> f64 {
    let luminosity = f64::from(seen.galaxy.true_log_sfr) + LOG_HALPHA_PER_SFR;
    let sphere_cm2 = 4.0 * std::f64::consts::PI * (seen.luminosity_distance_mpc_h * 3.0857e24).powi(2);
    10_f64.powf(luminosity + 17.0) / sphere_cm2 * seen.fibre_share
}

/// Share of the light that passes the galaxy's dust (Charlot & Fall 2000, 2000ApJ...539..718C).
fn dimming(seen: &Observed<'_>, rest_angstrom: f64) -> f64 {
    (-seen.tau_v * (rest_angstrom / 5_500.0).powf(-0.7)).exp()
}

/// Flux before dust over that of H alpha; 0 for lines that no galaxy has.
fn ratio_to_halpha(seen: &Observed<'_>, name: &str) -> f64 {
    let log_mass = f64::from(seen.galaxy.true_log_mass);
    let quenched = seen.galaxy.quenched;
    let hbeta = 1.0 / 2.86;
    let nii = if quenched { 1.1 } else { 10_f64.powf((-0.45 + 0.45 * (log_mass - 10.0)).clamp(-1.3, -0.3)) };
    let oiii = hbeta * if quenched { 1.5 } else { 10_f64.powf((-0.1 - 0.6 * (log_mass - 10.0)).clamp(-0.7, 0.7)) };
    let sii = if quenched { 0.9 } else { 0.4 };
    let oii = if quenched { 1.5 } else { 1.1 - 0.3 * (log_mass - 10.0).clamp(-1.5, 1.5) };
    match name {
        "HALPHA" => 1.0,
        "HBETA" => hbeta,
        "HGAMMA" => 0.468 * hbeta,
        "HDELTA" => 0.259 * hbeta,
        "HEPSILON" => 0.159 * hbeta,
        "H6" => 0.105 * hbeta,
        "NII_6584" => nii,
        "NII_6548" => nii / 2.94,
        "NII_5755" => 0.01 * nii,
        "OIII_5007" => oiii,
        "OIII_4959" => oiii / 2.98,
        "OIII_4363" => 0.005 * oiii,
        "SII_6716" => sii / 1.74,
        "SII_6731" => sii * 0.74 / 1.74,
        "OII_3729" => oii / 1.74,
        "OII_3726" => oii * 0.74 / 1.74,
        "OII_7320" => 0.015,
        "OII_7330" => 0.012,
        "OI_6300" => 0.1 * sii,
        "NEIII_3869" => 0.3 * oiii,
        "HEI_5876" => 0.04,
        "HEI_4471" => 0.014,
        "HEII_4686" | "SIII_6312" => 0.003,
        "ARIII_7135" => 0.03,
        "SIII_9069" => 0.1,
        "SIII_9532" => 0.24,
        _ => 0.0,
    }
}

/// The column of a line by the rest of its name; `None` for an unknown one.
pub(super) fn line_array(suffix: &str, fits: &[LineFit]) -> Option<ArrayRef> {
    let column = |value: fn(&LineFit) -> f64| Some(floats(fits.iter().map(value)));
    match suffix {
        "MODELAMP" => column(|fit| fit.amplitude(fit.sigma_km_s)),
        "AMP" => column(|fit| fit.amplitude(fit.sigma_km_s.hypot(BLUR_KM_S))),
        "AMP_IVAR" => column(|fit| weight(fit.amplitude(fit.sigma_km_s.hypot(BLUR_KM_S)) * fit.relative_error())),
        "FLUX" => column(|fit| fit.flux),
        "FLUX_IVAR" => column(|fit| if fit.flux > 0.0 { weight(fit.flux_error) } else { 0.0 }),
        "BOXFLUX" => column(|fit| fit.box_flux),
        "BOXFLUX_IVAR" => column(|fit| weight(1.1 * fit.flux_error)),
        "VSHIFT" => column(|fit| fit.vshift_km_s),
        "VSHIFT_IVAR" => column(|fit| weight(fit.vshift_error_km_s)),
        "SIGMA" => column(|fit| fit.sigma_km_s),
        "SIGMA_IVAR" => column(|fit| weight(fit.sigma_error_km_s)),
        "CONT" => column(|fit| fit.continuum),
        "CONT_IVAR" => column(|fit| weight(0.05 * fit.continuum)),
        "EW" => column(LineFit::width_angstrom),
        "EW_IVAR" => column(|fit| weight(fit.width_angstrom() * fit.relative_error())),
        "FLUX_LIMIT" => column(|fit| 1e-17 * fit.flux_error),
        "CHI2" => column(|fit| f64::from(fit.pixels())),
        "NPIX" => Some(Arc::new(Int32Array::from_iter_values(fits.iter().map(LineFit::pixels)))),
        _ => None,
    }
}

/// A moment of a line by the rest of its name.
pub(super) fn moment_array(suffix: &str, fits: &[LineFit]) -> Option<ArrayRef> {
    let seen = |fit: &LineFit, value: f64| if fit.flux > 0.0 { value } else { 0.0 };
    let column = |value: &dyn Fn(&LineFit) -> f64| Some(floats(fits.iter().map(|fit| seen(fit, value(fit)))));
    match suffix {
        "MOMENT1" => column(&|fit| fit.observed_angstrom * (1.0 + fit.vshift_km_s / SPEED_OF_LIGHT_KM_S)),
        "MOMENT1_IVAR" => column(&|fit| weight(fit.angstrom(fit.vshift_error_km_s))),
        "MOMENT2" => column(&|fit| fit.angstrom(fit.sigma_km_s.hypot(BLUR_KM_S)).powi(2)),
        "MOMENT2_IVAR" => {
            column(&|fit| weight(2.0 * fit.angstrom(fit.sigma_km_s) * fit.angstrom(fit.sigma_error_km_s)))
        }
        "MOMENT3" => column(&|_| 0.0),
        "MOMENT3_IVAR" => column(&|fit| weight(fit.angstrom(fit.sigma_km_s).powi(3))),
        _ => None,
    }
}

/// Inverse variance; 0 for no error at all.
fn weight(error: f64) -> f64 {
    if error > 0.0 { error.powi(-2) } else { 0.0 }
}

impl LineFit {
    fn angstrom(&self, velocity_km_s: f64) -> f64 {
        self.observed_angstrom * velocity_km_s / SPEED_OF_LIGHT_KM_S
    }

    fn amplitude(&self, sigma_km_s: f64) -> f64 {
        if self.flux > 0.0 {
            self.flux / ((2.0 * std::f64::consts::PI).sqrt() * self.angstrom(sigma_km_s))
        } else {
            0.0
        }
    }

    fn relative_error(&self) -> f64 {
        if self.flux > 0.0 { self.flux_error / self.flux } else { 0.0 }
    }

    fn width_angstrom(&self) -> f64 {
        if self.continuum > 0.0 { self.flux / self.continuum / (1.0 + self.redshift) } else { 0.0 }
    }

    fn pixels(&self) -> i32 {
        (10.0 * self.angstrom(self.sigma_km_s.hypot(BLUR_KM_S)) / PIXEL_ANGSTROM).round() as i32
            * i32::from(self.flux > 0.0)
    }
}
