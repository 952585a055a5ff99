//! X-Shooter spectra as the XQR-30 survey publishes them (D'Odorico et al. 2023, 2023MNRAS.523.1399D).

use std::path::Path;

use archive::fits::FitsFile;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type};

use super::spectrum::Spectrum;
use crate::DesiError;

/// Reads one arm of one quasar: a table of one row whose cells are vectors WAVE (Angstrom, vacuum, heliocentric), FLUX
/// and ERROR in erg/s/cm2/Angstrom, corrected for telluric absorption. The file knows neither redshift nor position.
///
/// # Errors
/// When the table lacks a column or its vectors differ in length.
pub fn read_xshooter(path: &Path) -> Result<Spectrum, DesiError> {
    of(&FitsFile::open(path)?)
}

pub(crate) fn of(file: &FitsFile) -> Result<Spectrum, DesiError> {
    let table = file.first_table()?;
    let batch = table.read(&["WAVE", "FLUX", "ERROR"], 0..1)?;
    let invalid = |reason: String| DesiError::Spectrum { path: file.path().to_owned(), row: Some(0), reason };
    let vector = |column: usize| {
        let list = batch.column(column).as_fixed_size_list_opt();
        let list = list.ok_or_else(|| invalid("expected vectors in WAVE, FLUX and ERROR".to_owned()))?;
        let values = arrow::compute::cast(list.values(), &DataType::Float64)
            .map_err(|source| DesiError::Columns { table: "X-Shooter spectrum", source })?;
        let values = values.as_primitive::<Float64Type>();
        Ok::<_, DesiError>(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect::<Vec<f64>>())
    };
    let (wavelength, flux, error) = (vector(0)?, vector(1)?, vector(2)?);
    if wavelength.len() != flux.len() || flux.len() != error.len() {
        return Err(invalid("WAVE, FLUX and ERROR differ in length".to_owned()));
    }
    let ivar = error.iter().map(|error| if *error > 0.0 { (error * 1e17).powi(-2) } else { 0.0 }).collect();
    let flux = flux.iter().map(|flux| flux * 1e17).collect();
    let mut spectrum = Spectrum::from_arrays(wavelength, flux, ivar);
    spectrum.name = file.path().file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    Ok(spectrum)
}
