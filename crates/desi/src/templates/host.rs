//! The host galaxy as a sum of positive spectra made from eigenspectra.

use std::path::{Path, PathBuf};

use archive::fits::FitsFile;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type};

use crate::DesiError;

/// Eigenspectra beyond the mean that span the galaxies.
const N_DIRECTIONS: usize = 3;
/// The share of pixels at which the farthest galaxies along a direction would be negative; they are zero there.
const NEGATIVE_SHARE: f64 = 0.01;
/// Emission lines of the templates' own galaxies, Angstrom: they are bridged, as narrow lines are fitted as lines.
const BRIDGED_ANGSTROM: [(f64, f64); 9] = [
    (3_717.0, 3_739.0),
    (3_861.0, 3_879.0),
    (4_333.0, 4_349.0),
    (4_853.0, 4_872.0),
    (4_951.0, 4_969.0),
    (4_997.0, 5_019.0),
    (6_292.0, 6_312.0),
    (6_536.0, 6_600.0),
    (6_706.0, 6_746.0),
];
/// More lines by which galaxies differ, Angstrom, bridged along the directions alone: the mean has the stars' absorption there.
/// H 9, H 8, H epsilon with [Ne III], H delta, He I, [O I], [Ar III], [O II] and [Ar III].
const DIFFERING_ANGSTROM: [(f64, f64); 12] = [
    (3_830.0, 3_842.0),
    (3_884.0, 3_898.0),
    (3_963.0, 3_977.0),
    (4_096.0, 4_109.0),
    (4_467.0, 4_477.0),
    (5_870.0, 5_884.0),
    (6_358.0, 6_371.0),
    (6_673.0, 6_687.0),
    (7_060.0, 7_073.0),
    (7_130.0, 7_144.0),
    (7_313.0, 7_338.0),
    (7_745.0, 7_759.0),
];
/// Width beside a line over which its bridge starts, Angstrom.
const BANK_ANGSTROM: f64 = 12.0;
/// Blueward of the templates the host fades linearly to nothing at this wavelength, Angstrom.
const FADED_ANGSTROM: f64 = 2_400.0;

/// Galaxy spectra that are nowhere negative: non-negative sums of them are galaxies.
#[derive(Debug, Clone)]
pub struct HostTemplates {
    wavelength: Vec<f64>,
    spectra: Vec<Vec<f64>>,
}

impl HostTemplates {
    /// Reads eigenspectra of galaxies (Yip et al. 2004, 2004AJ....128..585Y): one row of vectors WAVE and PCA. The mean
    /// and, along each further direction, the galaxies farthest from it that are positive but for a hundredth of the pixels.
    ///
    /// # Errors
    /// [`DesiError::Template`] when the file cannot be read or holds no such vectors.
    pub fn read(path: &Path) -> Result<Self, DesiError> {
        let invalid = |reason: String| DesiError::Template { path: PathBuf::from(path), reason };
        let file = FitsFile::open(path).map_err(|error| invalid(error.to_string()))?;
        let table = file.first_table().map_err(|error| invalid(error.to_string()))?;
        let batch = table.read(&["WAVE", "PCA"], 0..1).map_err(|error| invalid(error.to_string()))?;
        let vector = |column: usize| -> Result<Vec<f64>, DesiError> {
            let list = batch.column(column).as_fixed_size_list_opt();
            let list = list.ok_or_else(|| invalid("expected vectors in WAVE and PCA".to_owned()))?;
            let values =
                arrow::compute::cast(list.values(), &DataType::Float64).map_err(|error| invalid(error.to_string()))?;
            Ok(values.as_primitive::<Float64Type>().values().to_vec())
        };
        let (wavelength, mut flat) = (vector(0)?, vector(1)?);
        let n = wavelength.len();
        if n < 100 || flat.len() < n * (1 + N_DIRECTIONS) || wavelength.windows(2).any(|pair| pair[1] <= pair[0]) {
            return Err(invalid(format!("expected {} eigenspectra or more over rising WAVE", 1 + N_DIRECTIONS)));
        }
        for (at, spectrum) in flat.chunks_exact_mut(n).enumerate() {
            bridge_lines(&wavelength, spectrum, &BRIDGED_ANGSTROM);
            if at > 0 {
                bridge_lines(&wavelength, spectrum, &DIFFERING_ANGSTROM);
            }
        }
        let mean: Vec<f64> = flat[..n].iter().map(|value| value.max(0.0)).collect();
        let mut spectra = vec![mean.clone()];
        for direction in 1..=N_DIRECTIONS {
            let vector = &flat[direction * n..(direction + 1) * n];
            for sign in [1.0, -1.0] {
                let limit =
                    |(mean, value): (&f64, &f64)| if sign * value < 0.0 { -mean / (sign * value) } else { f64::MAX };
                let mut limits: Vec<f64> = mean.iter().zip(vector).map(limit).collect();
                let (_, reach, _) = limits.select_nth_unstable_by((NEGATIVE_SHARE * n as f64) as usize, f64::total_cmp);
                let farthest = |(mean, value): (&f64, &f64)| (mean + sign * *reach * value).max(0.0);
                spectra.push(mean.iter().zip(vector).map(farthest).collect());
            }
        }
        Ok(Self { wavelength, spectra })
    }

    /// Number of spectra.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spectra.len()
    }

    /// Whether there are none; never, once read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spectra.is_empty()
    }

    /// The spectra at rising wavelengths, one after the other.
    #[must_use]
    pub fn columns(&self, wavelength: &[f64]) -> Vec<f64> {
        let (grid, n) = (&self.wavelength, wavelength.len());
        let mut columns = vec![0.0; n * self.len()];
        let mut at = 1;
        for (pixel, x) in wavelength.iter().enumerate() {
            while at + 1 < grid.len() && grid[at] < *x {
                at += 1;
            }
            let fade = ((x - FADED_ANGSTROM) / (grid[0] - FADED_ANGSTROM)).clamp(0.0, 1.0);
            let share = ((x - grid[at - 1]) / (grid[at] - grid[at - 1])).clamp(0.0, 1.0);
            for (spectrum, values) in self.spectra.iter().enumerate() {
                let flux = values[at - 1] + share * (values[at] - values[at - 1]);
                columns[spectrum * n + pixel] = fade * flux;
            }
        }
        columns
    }
}

/// Draws a straight line below each emission line, between means on its banks.
fn bridge_lines(wavelength: &[f64], spectrum: &mut [f64], lines: &[(f64, f64)]) {
    for (from, to) in lines.iter().copied() {
        let at = |x: f64| wavelength.partition_point(|grid| *grid < x);
        let mean = |range: std::ops::Range<usize>| {
            let n = range.len() as f64;
            spectrum[range].iter().sum::<f64>() / n
        };
        let (start, end) = (at(from), at(to));
        let (left, right) = (at(from - BANK_ANGSTROM)..start, end..at(to + BANK_ANGSTROM));
        if left.is_empty() || right.is_empty() {
            continue;
        }
        let (low, high) = (mean(left), mean(right));
        for pixel in start..end {
            let share = (wavelength[pixel] - from) / (to - from);
            spectrum[pixel] = low + share * (high - low);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emission_lines_are_bridged_and_the_rest_stays() {
        let wavelength: Vec<f64> = (0..4_000).map(|at| 3_500.0 + f64::from(at)).collect();
        let level = |x: f64| 2.0 + x / 1e4;
        let line = |x: f64| 5.0 * (-0.5 * ((x - 5_008.24) / 3.0).powi(2)).exp();
        let mut spectrum: Vec<f64> = wavelength.iter().map(|x| level(*x) + line(*x)).collect();
        bridge_lines(&wavelength, &mut spectrum, &BRIDGED_ANGSTROM);
        for (x, flux) in wavelength.iter().zip(&spectrum) {
            assert!((flux - level(*x)).abs() < 0.02, "{x}: {flux}");
        }
    }
}
