//! Eigenspectra of quasars, from a file.

use std::path::Path;

use archive::fits::FitsFile;

use super::TroughError;

/// Eigenspectra of quasars in the rest frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenspectra {
    wavelength_angstrom: Vec<f64>,
    /// One vector an eigenspectrum.
    vectors: Vec<Vec<f64>>,
}

impl Eigenspectra {
    /// Reads a FITS table with the columns `WAVE` (rest frame, Angstrom) and `PCA0`, `PCA1`, ...
    ///
    /// # Errors
    /// The file is no such table.
    pub fn read(path: &Path) -> Result<Self, TroughError> {
        let unusable = |reason: &str| TroughError::Eigenspectra { path: path.to_owned(), reason: reason.to_owned() };
        let file = FitsFile::open(path)?;
        let table = file.first_table()?;
        let wavelength_angstrom = table.f64_column("WAVE")?;
        let mut vectors: Vec<Vec<f64>> = Vec::new();
        while table.has_column(&format!("PCA{}", vectors.len())) {
            let vector = table.f64_column(&format!("PCA{}", vectors.len()))?;
            // To order one, so that one prior fits all.
            let scale = (vector.iter().map(|value| value * value).sum::<f64>() / vector.len().max(1) as f64).sqrt();
            if !(scale > 0.0 && scale.is_finite()) {
                return Err(unusable("expected eigenspectra of finite numbers"));
            }
            vectors.push(vector.iter().map(|value| value / scale).collect());
        }
        if vectors.is_empty() || wavelength_angstrom.len() < 2 {
            return Err(unusable("expected columns WAVE and PCA0, PCA1, ..."));
        }
        if wavelength_angstrom.windows(2).any(|pair| pair[1] <= pair[0]) {
            return Err(unusable("expected WAVE to increase"));
        }
        Ok(Self { wavelength_angstrom, vectors })
    }

    pub(super) fn covers(&self, rest: f64) -> bool {
        self.wavelength_angstrom.first().is_some_and(|first| rest >= *first)
            && self.wavelength_angstrom.last().is_some_and(|last| rest <= *last)
    }

    /// Number of eigenspectra.
    pub(super) fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Their values at a rest wavelength, put at the end of `row`.
    pub(super) fn push_values(&self, rest: f64, row: &mut Vec<f64>) {
        let high = self.wavelength_angstrom.partition_point(|wavelength| *wavelength < rest);
        let high = high.clamp(1, self.wavelength_angstrom.len() - 1);
        let (before, after) = (self.wavelength_angstrom[high - 1], self.wavelength_angstrom[high]);
        let share = (rest - before) / (after - before);
        row.extend(self.vectors.iter().map(|vector| vector[high - 1] * (1.0 - share) + vector[high] * share));
    }
}
