//! DESI's resolution matrix: how an arm's true spectrum becomes its pixels (2010PASP..122..248B, spectroperfectionism).

/// The band matrix of one arm of one target, as DESI stores it: `n_diagonals` rows of `n_pixels`, the first with offset
/// `+(n_diagonals - 1) / 2`. The element of diagonal `k` and column `j` takes true pixel `j` to row `j - offset_k`.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolutionMatrix {
    n_diagonals: usize,
    diagonals: Vec<f32>,
}

impl ResolutionMatrix {
    /// A matrix from its diagonals, row after row; `None` unless they make a whole odd number of rows.
    #[must_use]
    pub fn new(n_diagonals: usize, diagonals: Vec<f32>) -> Option<Self> {
        let whole = n_diagonals % 2 == 1 && !diagonals.is_empty() && diagonals.len().is_multiple_of(n_diagonals);
        whole.then_some(Self { n_diagonals, diagonals })
    }

    /// Pixels of the arm.
    #[must_use]
    pub fn n_pixels(&self) -> usize {
        self.diagonals.len() / self.n_diagonals
    }

    /// What the instrument makes of a true spectrum given on the arm's own pixels.
    #[must_use]
    pub fn apply(&self, truth: &[f64]) -> Vec<f64> {
        let n = self.n_pixels();
        (0..n)
            .map(|row| self.row(row).map(|(column, weight)| weight * truth.get(column).unwrap_or(&0.0)).sum())
            .collect()
    }

    /// Columns and weights of one row.
    fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let (n, half) = (self.n_pixels(), self.n_diagonals / 2);
        (0..self.n_diagonals).filter_map(move |diagonal| {
            let column = (row + half).checked_sub(diagonal).filter(|column| *column < n)?;
            Some((column, f64::from(self.diagonals[diagonal * n + column])))
        })
    }

    /// Adds each row's weights of true pixels `i - 5` to `i + 5`, times the row's share, to `rows`, and the share to
    /// `shares`. A row without weight gets a tiny one, so that its resolution is known all the same.
    pub(super) fn add_rows(&self, weight: &[f32], rows: &mut [f32], shares: &mut [f32]) {
        const WIDTH: usize = super::combined_row::RESOLUTION_WIDTH;
        let (n, half, own_half) = (self.n_pixels(), WIDTH / 2, self.n_diagonals / 2);
        let share: Vec<f32> = weight.iter().map(|weight| weight.max(1e-20)).collect();
        let into = rows.as_chunks_mut::<WIDTH>().0;
        for diagonal in 0..self.n_diagonals {
            // Diagonal k has offset own_half - k: its column j belongs to row j - offset.
            let offset = own_half as isize - diagonal as isize;
            let Ok(place) = usize::try_from(half as isize + offset) else { continue };
            if place >= WIDTH {
                continue;
            }
            let stored = &self.diagonals[diagonal * n..(diagonal + 1) * n];
            let (first_row, first_column) = ((-offset).max(0) as usize, offset.max(0) as usize);
            let columns = stored.iter().skip(first_column);
            for ((row, share), element) in into[..n].iter_mut().zip(&share).skip(first_row).zip(columns) {
                row[place] += share * element;
            }
        }
        shares.iter_mut().zip(&share).for_each(|(sum, share)| *sum += share);
    }

    /// Second moment of each row as a Gaussian sigma in pixels; rows without weight take the nearest one that has.
    #[must_use]
    pub fn sigma_pixels(&self) -> Vec<f64> {
        let mut sigma: Vec<f64> = (0..self.n_pixels()).map(|row| self.row_sigma(row).unwrap_or(0.0)).collect();
        let mut last = sigma.iter().copied().find(|sigma| *sigma > 0.0).unwrap_or(0.0);
        for value in &mut sigma {
            if *value > 0.0 {
                last = *value;
            } else {
                *value = last;
            }
        }
        sigma
    }

    /// The cells outside the core scatter around zero, so the moment is taken over the seven central ones.
    fn row_sigma(&self, row: usize) -> Option<f64> {
        let core = || self.row(row).filter(|(column, _)| column.abs_diff(row) <= 3);
        let total: f64 = core().map(|(_, weight)| weight).sum();
        if total < 0.1 {
            return None;
        }
        let mean = core().map(|(column, weight)| weight * column as f64).sum::<f64>() / total;
        let variance = core().map(|(column, weight)| weight * (column as f64 - mean).powi(2)).sum::<f64>() / total;
        (variance > 0.01 && variance < 25.0).then(|| variance.sqrt())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_gaussian_band_keeps_flux_and_tells_its_width() {
        let n = 60;
        let sigma = 0.9_f64;
        let weight =
            |offset: i64| (-0.5 * (offset as f64 / sigma).powi(2)).exp() / (sigma * std::f64::consts::TAU.sqrt());
        let diagonals = (0..11).flat_map(|k| vec![weight(5 - k) as f32; n]).collect();
        let matrix = ResolutionMatrix::new(11, diagonals).unwrap();
        let mut truth = vec![0.0; n];
        truth[30] = 2.0;
        let seen = matrix.apply(&truth);
        assert!((seen.iter().sum::<f64>() - 2.0).abs() < 1e-5);
        assert!(seen[30] > seen[29] && seen[29] > seen[28]);
        assert!((matrix.sigma_pixels()[30] - sigma).abs() < 0.02);
        assert!(ResolutionMatrix::new(10, vec![0.0; 20]).is_none());
    }
}
