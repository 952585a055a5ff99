//! SDSS spec files: one spectrum on a logarithmic vacuum scale, with its row of the catalogue.

use std::path::Path;

use archive::fits::{FitsFile, Table};
use arrow::array::AsArray;

use super::spectrum::{InstrumentResolution, Spectrum};
use crate::DesiError;

/// SDSS pixels are 1e-4 wide in log10 of wavelength.
const DEX_PER_PIXEL: f64 = 1e-4;
/// A_r per E(B-V) and A_u / A_g of the two dust scales SDSS has used: Schlafly & Finkbeiner (2011), then SFD (1998).
const DUST_SCALES: [(f64, f64); 2] = [(2.285, 4.239 / 3.303), (2.751, 5.155 / 3.793)];

/// Reads the coadded spectrum of an SDSS spec file (DR8 to DR17). The wavelength is vacuum as SDSS writes it, or from
/// air by Ciddor's formula where the header says `VACUUM = F`. Pixels flagged in AND_MASK stay unless their ivar is 0.
///
/// # Errors
/// When HDU 1 does not hold FLUX, LOGLAM and IVAR.
pub fn read_sdss(path: &Path) -> Result<Spectrum, DesiError> {
    of(&FitsFile::open(path)?)
}

pub(crate) fn of(file: &FitsFile) -> Result<Spectrum, DesiError> {
    // Files of some releases leave EXTNAME blank: the order never changed.
    let table = if file.has_table("COADD") { file.table("COADD")? } else { file.table_at(1)? };
    let loglam = table.f64_column("LOGLAM")?;
    let mut wavelength: Vec<f64> = loglam.iter().map(|log| (log * std::f64::consts::LN_10).exp()).collect();
    if file.primary().get_bool("VACUUM") == Some(false) {
        wavelength = wavelength.into_iter().map(vacuum_from_air_angstrom).collect();
    }
    let mut spectrum = Spectrum::from_arrays(wavelength, table.f64_column("FLUX")?, table.f64_column("IVAR")?);
    if table.has_column("WDISP") {
        let pixels = table.f64_column("WDISP")?;
        spectrum.resolution = InstrumentResolution::GaussianSigma(sigma_angstrom(&spectrum, &pixels));
    }
    let stem = file.path().file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    spectrum.name = stem.trim_start_matches("spec-").to_owned();
    if let Ok(row) = file.table_at(2) {
        describe(&mut spectrum, &row)?;
    }
    Ok(spectrum)
}

fn sigma_angstrom(spectrum: &Spectrum, pixels: &[f64]) -> Vec<f64> {
    let per_pixel = DEX_PER_PIXEL * std::f64::consts::LN_10;
    spectrum
        .wavelength_angstrom
        .iter()
        .zip(pixels)
        .map(|(wavelength, pixels)| pixels.max(0.0) * wavelength * per_pixel)
        .collect()
}

/// Redshift, position, number and reddening from the catalogue row in HDU 2.
fn describe(spectrum: &mut Spectrum, row: &Table<'_>) -> Result<(), DesiError> {
    let number = |name: &str| {
        let value = if row.has_column(name) { row.f64_column(name)?.first().copied() } else { None };
        Ok::<_, DesiError>(value.filter(|value| value.is_finite()))
    };
    spectrum.redshift = number("Z")?;
    spectrum.ra_deg = number("PLUG_RA")?.or(number("RA")?);
    spectrum.dec_deg = number("PLUG_DEC")?.or(number("DEC")?);
    if let (Some(plate), Some(mjd), Some(fiber)) = (number("PLATE")?, number("MJD")?, number("FIBERID")?) {
        spectrum.target_id = Some(plate as i64 * 1_000_000_000 + mjd as i64 * 10_000 + fiber as i64);
    }
    spectrum.ebv = reddening(row)?;
    Ok(())
}

fn reddening(row: &Table<'_>) -> Result<Option<f64>, DesiError> {
    if !row.has_column("EXTINCTION") {
        return Ok(None);
    }
    let batch = row.read(&["EXTINCTION"], 0..1)?;
    let Some(list) = batch.column(0).as_fixed_size_list_opt() else { return Ok(None) };
    let values = arrow::compute::cast(list.values(), &arrow::datatypes::DataType::Float64)
        .map_err(|source| DesiError::Columns { table: "EXTINCTION", source })?;
    let values = values.as_primitive::<arrow::datatypes::Float64Type>().values().to_vec();
    let &[u, g, r, ..] = values.as_slice() else { return Ok(None) };
    let scale = DUST_SCALES.iter().find(|(_, ratio)| (u / g / ratio - 1.0).abs() < 0.02);
    Ok(scale.map(|(per_ebv, _)| r / per_ebv).filter(|ebv| ebv.is_finite() && *ebv >= 0.0))
}

/// Vacuum wavelength of an air wavelength in standard air, Angstrom: Ciddor 1996 (1996ApOpt..35.1566C), solved for the
/// vacuum wavelength by iteration. Below 2000 Angstrom the wavelength is vacuum by convention and stays.
#[must_use]
pub fn vacuum_from_air_angstrom(air_angstrom: f64) -> f64 {
    if air_angstrom < 2000.0 {
        return air_angstrom;
    }
    let index = |vacuum_angstrom: f64| {
        let square = (1e4 / vacuum_angstrom).powi(2);
        1.0 + 5.792_105e-2 / (238.0185 - square) + 1.679_17e-3 / (57.362 - square)
    };
    (0..4).fold(air_angstrom, |vacuum, _| air_angstrom * index(vacuum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oxygen_goes_to_its_vacuum_wavelength() {
        // NIST: [O III] 5006.843 in air, 5008.240 in vacuum.
        assert!((vacuum_from_air_angstrom(5006.843) - 5008.240).abs() < 0.002);
        assert!((vacuum_from_air_angstrom(6562.79) - 6564.60).abs() < 0.01);
        assert_eq!(vacuum_from_air_angstrom(1549.0), 1549.0);
    }
}
