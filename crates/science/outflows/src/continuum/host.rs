//! The host galaxy as a sum of positive spectra made from eigenspectra.

use std::path::{Path, PathBuf};

use archive::fits::FitsFile;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type};

use crate::Error;

/// Eigenspectra beyond the mean that span the galaxies.
const N_DIRECTIONS: usize = 2;
/// Blueward of the templates the host fades linearly to nothing at this wavelength, Angstrom.
const FADED_ANGSTROM: f64 = 2_400.0;

/// Galaxy spectra that are positive everywhere: non-negative sums of them are galaxies.
#[derive(Debug, Clone)]
pub(crate) struct HostTemplates {
    wavelength: Vec<f64>,
    spectra: Vec<Vec<f64>>,
}

impl HostTemplates {
    /// Reads eigenspectra of galaxies (Yip et al. 2004, 2004AJ....128..585Y): one row of vectors WAVE and PCA. The mean
    /// and, along each further direction, the galaxies farthest from it that are still positive.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let invalid = |reason: String| Error::Template { path: PathBuf::from(path), reason };
        let file = FitsFile::open(path).map_err(|error| invalid(error.to_string()))?;
        let table = file.first_table().map_err(|error| invalid(error.to_string()))?;
        let batch = table.read(&["WAVE", "PCA"], 0..1).map_err(|error| invalid(error.to_string()))?;
        let vector = |column: usize| -> Result<Vec<f64>, Error> {
            let list = batch.column(column).as_fixed_size_list_opt();
            let list = list.ok_or_else(|| invalid("expected vectors in WAVE and PCA".to_owned()))?;
            Ok(arrow::compute::cast(list.values(), &DataType::Float64)?.as_primitive::<Float64Type>().values().to_vec())
        };
        let (wavelength, flat) = (vector(0)?, vector(1)?);
        let n = wavelength.len();
        if n < 100 || flat.len() < n * (1 + N_DIRECTIONS) || wavelength.windows(2).any(|pair| pair[1] <= pair[0]) {
            return Err(invalid(format!("expected {} eigenspectra or more over rising WAVE", 1 + N_DIRECTIONS)));
        }
        let mean: Vec<f64> = flat[..n].iter().map(|value| value.max(0.0)).collect();
        let mut spectra = vec![mean.clone()];
        for direction in 1..=N_DIRECTIONS {
            let vector = &flat[direction * n..(direction + 1) * n];
            for sign in [1.0, -1.0] {
                let limit =
                    |(mean, value): (&f64, &f64)| if sign * value < 0.0 { -mean / (sign * value) } else { f64::MAX };
                let reach = mean.iter().zip(vector).map(limit).fold(f64::MAX, f64::min);
                spectra.push(mean.iter().zip(vector).map(|(mean, value)| mean + sign * reach * value).collect());
            }
        }
        Ok(Self { wavelength, spectra })
    }

    pub fn len(&self) -> usize {
        self.spectra.len()
    }

    /// Flux of one of the spectra.
    pub fn flux(&self, spectrum: usize, wavelength: f64) -> f64 {
        let (values, grid) = (&self.spectra[spectrum], &self.wavelength);
        let blue = grid[0];
        if wavelength <= blue {
            return values[0] * ((wavelength - FADED_ANGSTROM) / (blue - FADED_ANGSTROM)).max(0.0);
        }
        let at = grid.partition_point(|x| *x < wavelength).clamp(1, grid.len() - 1);
        let share = ((wavelength - grid[at - 1]) / (grid[at] - grid[at - 1])).clamp(0.0, 1.0);
        values[at - 1] + share * (values[at] - values[at - 1])
    }
}
