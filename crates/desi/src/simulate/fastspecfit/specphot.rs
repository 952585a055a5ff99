//! Values of SPECPHOT's columns.

use super::fill::{COEFFICIENTS, Fill};
use super::metadata::identity;
use super::observed::Observed;

/// Bands of absolute magnitudes as (name in the columns, nearest band of [`Observed::absolute_mag`], offset, mag). The
/// offsets turn AB magnitudes of SDSS at z = 0.1 into those of the other bands, roughly.
const ABSOLUTE_BANDS: [(&str, usize, f64); 13] = [
    ("10_DECAM_G", 1, 0.75),
    ("10_DECAM_R", 2, 0.75),
    ("10_DECAM_Z", 4, 0.75),
    ("00_U", 0, 0.05),
    ("00_B", 1, 0.25),
    ("00_V", 2, 0.15),
    ("00_TWOMASS_J", 4, -0.35),
    ("01_SDSS_U", 0, 0.0),
    ("01_SDSS_G", 1, 0.0),
    ("01_SDSS_R", 2, 0.0),
    ("01_SDSS_I", 3, 0.0),
    ("01_SDSS_Z", 4, 0.0),
    ("01_W1", 5, 0.0),
];

pub(super) fn fill(name: &str) -> Option<Fill> {
    identity(name)
        .or_else(|| magnitude(name))
        .or_else(|| synthetic(name))
        .or_else(|| luminosity(name))
        .or_else(|| stars(name))
}

fn stars(name: &str) -> Option<Fill> {
    Some(match name {
        "SEED" => Fill::Integer(|seen| seen.galaxy.target_id & i64::from(u32::MAX)),
        "COEFF" => Fill::Coefficients(coefficients),
        "RCHI2" | "RCHI2_CONT" => Fill::number(|seen| 1.05 + 0.03 * seen.deviates[10]),
        "RCHI2_LINE" => Fill::number(|seen| 1.0 + 0.03 * seen.deviates[10]),
        "RCHI2_PHOT" => Fill::number(|seen| (0.5 * seen.deviates[11]).exp()),
        "VDISP" => Fill::number(|seen| dispersion(seen).0),
        "VDISP_IVAR" => Fill::number(|seen| dispersion(seen).1),
        "TAUV" => Fill::number(|seen| seen.tau_v),
        "TAUV_IVAR" => Fill::number(|_| 0.1_f64.powi(-2)),
        "AGE" => Fill::number(age_gyr),
        "AGE_IVAR" => Fill::number(|seen| (0.15 * age_gyr(seen)).powi(-2)),
        // Templates have the metallicity of the Sun.
        "ZZSUN" | "ZZSUN_IVAR" => Fill::number(|_| 0.0),
        "LOGMSTAR" => Fill::number(|seen| seen.galaxy.log_mass[0].into()),
        "LOGMSTAR_IVAR" => Fill::number(|seen| f64::from(seen.galaxy.log_mass[1]).powi(-2)),
        "SFR" => Fill::number(|seen| 10_f64.powf(seen.galaxy.log_sfr[0].into())),
        "SFR_IVAR" => Fill::number(|seen| {
            let [log_sfr, error] = seen.galaxy.log_sfr.map(f64::from);
            (10_f64.powf(log_sfr) * std::f64::consts::LN_10 * error).powi(-2)
        }),
        "DN4000" => Fill::number(|seen| seen.galaxy.dn4000[0].into()),
        // Lines at the edges of the index fill some of the break.
        "DN4000_OBS" => Fill::number(|seen| f64::from(seen.galaxy.dn4000[0]) - 0.01),
        "DN4000_IVAR" => Fill::number(|seen| f64::from(seen.galaxy.dn4000[1]).powi(-2)),
        "DN4000_MODEL" => Fill::number(|seen| f64::from(seen.galaxy.true_dn4000) + 0.01 * seen.deviates[12]),
        "DN4000_MODEL_IVAR" => Fill::number(|_| 0.01_f64.powi(-2)),
        _ => return None,
    })
}

fn magnitude(name: &str) -> Option<Fill> {
    let known = |rest: &str| ABSOLUTE_BANDS.into_iter().find(|(band, ..)| *band == rest);
    if let Some((_, band, _)) = name.strip_prefix("KCORR").and_then(known) {
        let redshift = redshift_of(name.strip_prefix("KCORR")?);
        return Some(match band {
            2 if redshift == 0.1 => Fill::number(|seen| seen.k_correction_mag(2)),
            _ => Fill::number(move |seen| seen.k_correction_to(band, redshift)),
        });
    }
    let rest = name.strip_prefix("ABSMAG")?;
    let of_model = rest.contains("SYNTH_");
    let is_weight = rest.contains("IVAR_");
    let (_, band, offset) = known(&rest.replace("SYNTH_", "").replace("IVAR_", ""))?;
    Some(match (is_weight, of_model) {
        (true, true) => Fill::number(|_| 0.02_f64.powi(-2)),
        (true, false) => Fill::number(|_| 0.015_f64.powi(-2)),
        (false, true) => Fill::number(move |seen| seen.absolute_mag(band) + offset + 0.02 * seen.deviates[13]),
        (false, false) => Fill::number(move |seen| seen.absolute_mag(band) + offset),
    })
}

fn redshift_of(rest: &str) -> f64 {
    match rest.get(..2) {
        Some("10") => 1.0,
        Some("00") => 0.0,
        _ => 0.1,
    }
}

fn synthetic(name: &str) -> Option<Fill> {
    let rest = name.strip_prefix("FLUX_SYNTH_")?;
    let band = ["G", "R", "Z", "W1", "W2", "W3", "W4"].iter().position(|band| rest.ends_with(band))?;
    let of_photometry = rest.starts_with("PHOTMODEL");
    Some(Fill::number(
        move |seen| if of_photometry { seen.flux_nmgy[band] } else { seen.flux_nmgy[band] * seen.fibre_share },
    ))
}

/// Wavelengths of the continua, Angstrom.
const CONTINUA: [(&str, f64); 5] = [
    ("FLYA_1215_CONT", 1_215.67),
    ("FOII_3727_CONT", 3_728.483),
    ("FHBETA_CONT", 4_862.683),
    ("FOIII_5007_CONT", 5_008.239),
    ("FHALPHA_CONT", 6_564.613),
];

fn luminosity(name: &str) -> Option<Fill> {
    let (column, is_weight) = name.strip_suffix("_IVAR").map_or((name, false), |column| (column, true));
    if let Some((_, wavelength)) = CONTINUA.into_iter().find(|(continuum, _)| *continuum == column) {
        return Some(match is_weight {
            true => Fill::number(move |seen| (0.05 * seen.continuum(at(seen, wavelength))).powi(-2)),
            false => Fill::number(move |seen| seen.continuum(at(seen, wavelength))),
        });
    }
    let (is_density, wavelength) = match column.strip_prefix("LOGLNU_") {
        Some(text) => (true, text.parse().ok()?),
        None => (false, column.strip_prefix("LOGL_")?.parse().ok()?),
    };
    if is_weight {
        return Some(Fill::number(|_| 0.05_f64.powi(-2)));
    }
    Some(Fill::number(move |seen| log_luminosity(seen, wavelength, is_density)))
}

fn at(seen: &Observed<'_>, rest_angstrom: f64) -> f64 {
    rest_angstrom * (1.0 + seen.galaxy.redshift)
}

/// Log of the luminosity a Hz (10^28 erg/s/Hz), or of wavelength times luminosity (10^10 solar), h = 1.
fn log_luminosity(seen: &Observed<'_>, rest_angstrom: f64, is_density: bool) -> f64 {
    let total = seen.continuum(at(seen, rest_angstrom)) / seen.fibre_share * 1e-17;
    let sphere_cm2 = 4.0 * std::f64::consts::PI * (seen.luminosity_distance_mpc_h * 3.0857e24).powi(2);
    let per_angstrom = total * sphere_cm2 * (1.0 + seen.galaxy.redshift);
    if is_density {
        (per_angstrom * rest_angstrom.powi(2) / 2.998e18).log10() - 28.0
    } else {
        (per_angstrom * rest_angstrom / 3.828e33).log10() - 10.0
    }
}

/// Stars by age: the mass in the oldest template, what formed of late in the youngest.
fn coefficients(seen: &Observed<'_>) -> [f64; COEFFICIENTS] {
    let young = (10_f64.powf(f64::from(seen.galaxy.true_log_sfr - seen.galaxy.true_log_mass) + 9.0)).min(1.0);
    let scale = 10_f64.powf(f64::from(seen.galaxy.log_mass[0]) - 10.0);
    [0.1 * young, 0.3 * young, young, 0.5, 1.0].map(|share| share * scale)
}

/// Velocity dispersion and its inverse variance, km/s: fitted for bright quenched galaxies, 250 with weight 0 else.
fn dispersion(seen: &Observed<'_>) -> (f64, f64) {
    let snr = seen.pixel_snr(6_430.0);
    if !seen.galaxy.quenched || snr < 3.0 {
        return (250.0, 0.0);
    }
    let truth = 10_f64.powf(2.2 + 0.3 * (f64::from(seen.galaxy.true_log_mass) - 10.3));
    let error = truth * 0.3 / snr + 5.0;
    ((truth + error * seen.deviates[14]).clamp(50.0, 475.0), error.powi(-2))
}

fn age_gyr(seen: &Observed<'_>) -> f64 {
    (1.0 + 9.0 * (f64::from(seen.galaxy.true_dn4000) - 1.15) + 0.5 * seen.deviates[15]).clamp(0.2, 13.0)
}
