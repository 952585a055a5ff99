//! The pixels of a fit: all good ones in the rest frame, and those chosen of them.

use super::model::{Balmer, Ingredients};

/// Pixels averaged into one to compare starts: Fe II and galaxies are wider.
pub(super) const BINNED: usize = 8;

/// Good pixels in the rest frame.
#[derive(Debug, Clone, Default)]
pub(crate) struct RestPixels {
    pub wavelength: Vec<f64>,
    pub ln_wavelength: Vec<f64>,
    pub flux: Vec<f64>,
    pub weight: Vec<f64>,
    pub instrument: Vec<f64>,
}

/// Some of the pixels, in units of their errors; beyond them the data may have one row more, for what is
/// [expected](super::model::Balmer::Expected) of the Balmer continuum.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chosen {
    pub wavelength: Vec<f64>,
    pub ln_wavelength: Vec<f64>,
    pub weight: Vec<f64>,
    pub data: Vec<f64>,
}

impl Chosen {
    pub fn new(pixels: &RestPixels, used: &[usize]) -> Self {
        let take = |values: &[f64]| used.iter().map(|pixel| values[*pixel]).collect::<Vec<f64>>();
        Self {
            wavelength: take(&pixels.wavelength),
            ln_wavelength: take(&pixels.ln_wavelength),
            weight: take(&pixels.weight),
            data: used.iter().map(|pixel| pixels.flux[*pixel] * pixels.weight[*pixel]).collect(),
        }
    }

    /// The data of what these parts of a continuum expect beyond the pixels are differences from it: zero.
    pub fn expecting(mut self, parts: Ingredients) -> Self {
        if matches!(parts.balmer, Balmer::Expected(_)) {
            self.data.push(0.0);
        }
        self
    }

    /// Some of these pixels, and what lies beyond them.
    pub fn of(&self, kept: &[usize]) -> Self {
        let take = |values: &[f64]| kept.iter().map(|at| values[*at]).collect::<Vec<f64>>();
        let mut data = take(&self.data);
        data.extend(&self.data[self.wavelength.len()..]);
        Self {
            wavelength: take(&self.wavelength),
            ln_wavelength: take(&self.ln_wavelength),
            weight: take(&self.weight),
            data,
        }
    }

    pub fn view(&self) -> (&[f64], &[f64], &[f64]) {
        (&self.wavelength, &self.ln_wavelength, &self.weight)
    }

    /// Means of neighbours, weighted by inverse variance, across no gap; nothing beyond the pixels.
    pub fn binned(&self) -> Self {
        let mut binned = Self::default();
        let mut start = 0;
        while start < self.wavelength.len() {
            let close = |at: &usize| self.ln_wavelength[*at] - self.ln_wavelength[start] < 0.003;
            let end = (start..(start + BINNED).min(self.wavelength.len())).take_while(close).count() + start;
            let (mut weights, mut wavelength, mut flux) = (0.0, 0.0, 0.0);
            for at in start..end {
                let square = self.weight[at] * self.weight[at];
                weights += square;
                wavelength += square * self.wavelength[at];
                flux += self.weight[at] * self.data[at];
            }
            if weights > 0.0 {
                binned.wavelength.push(wavelength / weights);
                binned.ln_wavelength.push((wavelength / weights).ln());
                binned.weight.push(weights.sqrt());
                binned.data.push(flux / weights.sqrt());
            }
            start = end;
        }
        binned
    }
}
