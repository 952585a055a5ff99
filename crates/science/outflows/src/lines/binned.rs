//! Fewer pixels for complexes of which every line is many pixels wide: a search among them finds the same minima for less.

use super::complex::Pixels;
use super::list::Complex;

/// Width of a bin in units of the least sigma of the complex. A Gaussian averaged over it is one whose variance is larger
/// by that of the positions within the bin, to a thousandth of its height.
const WIDTH_SIGMA: f64 = 0.5;
/// Bins are made where there are this many times fewer of them than pixels.
const WORTH_IT: usize = 2;

/// Means of neighbours, weighted by inverse variance.
#[derive(Debug, Clone)]
pub(crate) struct Binned {
    pub pixels: Pixels,
    /// Means in units of their errors.
    pub data: Vec<f64>,
    /// What no model of the bins can explain: chi2 of the pixels about the means of their bins.
    pub chi2_inside: f64,
}

impl Binned {
    /// Bins of a complex; `None` where its narrowest line is too narrow for that. Pixels without weight are left out.
    pub fn new(complex: &Complex, pixels: &Pixels, data: &[f64]) -> Option<Self> {
        let least = complex.group.iter().map(|group| group.sigma_km_s[0]).fold(f64::INFINITY, f64::min);
        let width = WIDTH_SIGMA * least / astro::cosmology::SPEED_OF_LIGHT_KM_S;
        let n = pixels.ln_wavelength.len();
        let span = pixels.ln_wavelength.last()? - pixels.ln_wavelength.first()?;
        if WORTH_IT as f64 * span > n as f64 * width {
            return None;
        }
        let mut bins = Means::default();
        let mut start = 0;
        while start < n {
            let inside = |at: &usize| pixels.ln_wavelength[*at] - pixels.ln_wavelength[start] < width;
            let end = (start..n).take_while(inside).count() + start;
            bins.push(pixels, data, start..end);
            start = end;
        }
        let Means { ln_wavelength, weight, instrument, data, chi2_inside } = bins;
        Some(Self { pixels: Pixels::new(ln_wavelength, weight, instrument), data, chi2_inside })
    }
}

/// Bins under way.
#[derive(Default)]
struct Means {
    ln_wavelength: Vec<f64>,
    weight: Vec<f64>,
    instrument: Vec<f64>,
    data: Vec<f64>,
    chi2_inside: f64,
}

impl Means {
    fn push(&mut self, pixels: &Pixels, data: &[f64], bin: std::ops::Range<usize>) {
        let (mut squares, mut place, mut sum, mut chi2) = (0.0, 0.0, 0.0, 0.0);
        let first = pixels.ln_wavelength[bin.start];
        for at in bin.clone() {
            let square = pixels.weight[at] * pixels.weight[at];
            squares += square;
            place += square * (pixels.ln_wavelength[at] - first);
            sum += pixels.weight[at] * data[at];
            chi2 += data[at] * data[at];
        }
        if squares <= 0.0 {
            return;
        }
        let centre = first + place / squares;
        let variance: f64 = bin
            .map(|at| {
                let away = pixels.ln_wavelength[at] - centre;
                pixels.weight[at] * pixels.weight[at] * (away * away + pixels.instrument[at] * pixels.instrument[at])
            })
            .sum();
        let weight = squares.sqrt();
        self.ln_wavelength.push(centre);
        self.weight.push(weight);
        self.instrument.push((variance / squares).sqrt());
        self.data.push(sum / weight);
        self.chi2_inside += chi2 - (sum / weight).powi(2);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::LineList;
    use super::super::complex::LineModel;
    use super::*;
    use crate::separable::{Columns, Separable};

    /// The narrowest Gaussian, away from the middle of any bin.
    #[test]
    fn a_line_in_bins_is_the_line_averaged() {
        let complex = LineList::default_list().unwrap().complex.remove(2);
        let step = 3e-5;
        let n = (1_700_f64 / 1_500.0).ln() / step;
        let ln_wavelength = (0..n as usize).map(|at| 1_500_f64.ln() + step * at as f64).collect();
        let weight = (0..n as usize).map(|at| if at % 7 == 0 { 0.0 } else { 1.0 + 0.1 * (at % 5) as f64 }).collect();
        let pixels = Pixels::new(ln_wavelength, weight, vec![8e-5; n as usize]);
        let column = |pixels: &Pixels| {
            let model = LineModel::new(&complex, &[1, 0], pixels);
            let mut columns = Columns::default();
            columns.reset(1, model.n_pixels());
            model.columns(&[0.000_37, model.bounds[1].0], &mut columns);
            let mut whole = vec![0.0; model.n_pixels()];
            columns.add_to(0, 1.0, &mut whole);
            whole
        };
        let line = column(&pixels);
        let bins = Binned::new(&complex, &pixels, &line).unwrap();
        assert!(3 * bins.data.len() < pixels.ln_wavelength.len());
        let expected = column(&bins.pixels);
        let highest = expected.iter().fold(0.0_f64, |most, value| most.max(*value));
        for (mean, expected) in bins.data.iter().zip(&expected) {
            assert!((mean - expected).abs() < 2e-3 * highest, "{mean} {expected} of {highest}");
        }
        let chi2 = |data: &[f64]| data.iter().map(|value| value * value).sum::<f64>();
        assert!((chi2(&line) - chi2(&bins.data) - bins.chi2_inside).abs() < 1e-9 * chi2(&line));
    }
}
