//! Fe II templates, broadened once on a grid of widths.

use std::ops::Range;
use std::path::{Path, PathBuf};

use astro::cosmology::SPEED_OF_LIGHT_KM_S;

use crate::DesiError;

/// Width of the lines of the templates themselves (I Zw 1 and the like), km/s FWHM.
const TEMPLATE_FWHM_KM_S: f64 = 900.0;
/// Widths of the grid, km/s FWHM, and how many.
const FWHM_RANGE_KM_S: (f64, f64) = (1_000.0, 20_000.0);
const N_WIDTHS: usize = 40;
/// Samples are kept this many times finer than the template's own, so that straight lines between them do.
const OVERSAMPLING: usize = 2;

/// One template at every width, over ln of the rest wavelength. Zero outside its coverage.
#[derive(Debug, Clone)]
pub struct IronTemplate {
    ln_start: f64,
    ln_step: f64,
    n: usize,
    /// `[width][sample]`.
    values: Vec<f32>,
    ln_fwhm_start: f64,
    ln_fwhm_step: f64,
}

impl IronTemplate {
    /// Reads two columns of text: wavelength (Angstrom, or its log10) and flux; `#` begins a comment. Fluxes are scaled so
    /// that the integral over `band_angstrom` is 1: amplitudes are then the flux in that band. Rows out of `range_angstrom` are
    /// left out before the template is broadened, so that it ends softly.
    ///
    /// # Errors
    /// [`DesiError::Template`] when the file cannot be read, has no rising wavelengths, or no flux in the band.
    pub fn read(path: &Path, band_angstrom: (f64, f64), (from, to): (f64, f64)) -> Result<Self, DesiError> {
        let invalid = |reason: String| DesiError::Template { path: PathBuf::from(path), reason };
        let text = std::fs::read_to_string(path).map_err(|source| invalid(source.to_string()))?;
        let mut rows = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut fields = line.split([' ', '\t', ',']).filter(|field| !field.is_empty()).map(str::parse::<f64>);
            let (Some(Ok(x)), Some(Ok(y))) = (fields.next(), fields.next()) else {
                return Err(invalid(format!("line {}: expected wavelength and flux, found `{line}`", at + 1)));
            };
            // Wavelengths below 10 are logarithms.
            let ln_wavelength = if x < 10.0 { x * std::f64::consts::LN_10 } else { x.ln() };
            if ln_wavelength >= from.ln() && ln_wavelength <= to.ln() {
                rows.push((ln_wavelength, y));
            }
        }
        if rows.len() < 50 || rows.windows(2).any(|pair| pair[1].0 <= pair[0].0) {
            return Err(invalid(format!("expected 50 rows or more of rising wavelength, found {}", rows.len())));
        }
        Self::broadened(&rows, band_angstrom)
            .ok_or_else(|| invalid(format!("no flux between {band_angstrom:?} Angstrom")))
    }

    fn broadened(rows: &[(f64, f64)], band: (f64, f64)) -> Option<Self> {
        let (first, last) = (rows.first()?.0, rows.last()?.0);
        // The mean step keeps the samples of a logarithmic template where they are.
        let step = (last - first) / (rows.len() - 1) as f64;
        let samples: Vec<f64> = (0..rows.len()).map(|i| interpolate(rows, first + step * i as f64)).collect();
        let area: f64 = (0..samples.len())
            .map(|i| ((first + step * i as f64).exp(), samples[i]))
            .filter(|(wavelength, _)| *wavelength > band.0 && *wavelength < band.1)
            .map(|(wavelength, flux)| flux * wavelength * step)
            .sum();
        if area <= 0.0 {
            return None;
        }
        let (ln_fwhm_start, ln_fwhm_end) = (FWHM_RANGE_KM_S.0.ln(), FWHM_RANGE_KM_S.1.ln());
        let ln_fwhm_step = (ln_fwhm_end - ln_fwhm_start) / (N_WIDTHS - 1) as f64;
        // Room beyond the ends for what broadening pushes out.
        let margin = (0.09 / step).ceil() as usize;
        let n = (samples.len() + 2 * margin) * OVERSAMPLING;
        let mut values = Vec::with_capacity(n * N_WIDTHS);
        for width in 0..N_WIDTHS {
            let fwhm = (ln_fwhm_start + ln_fwhm_step * width as f64).exp();
            let sigma = (fwhm * fwhm - TEMPLATE_FWHM_KM_S.powi(2)).sqrt() / 2.354_820_045 / SPEED_OF_LIGHT_KM_S / step;
            let wide = convolve(&samples, sigma, margin);
            values.extend((0..n).map(|i| (cubic(&wide, i as f64 / OVERSAMPLING as f64) / area) as f32));
        }
        let ln_start = first - step * margin as f64;
        Some(Self { ln_start, ln_step: step / OVERSAMPLING as f64, n, values, ln_fwhm_start, ln_fwhm_step })
    }

    /// Least and greatest ln FWHM in km/s.
    #[must_use]
    pub fn ln_fwhm_bounds(&self) -> (f64, f64) {
        (1_200_f64.ln(), 18_000_f64.ln())
    }

    /// The template at rising pixels, times a weight; 0 where it does not cover them.
    pub fn column(&self, pixels: (&[f64], &[f64]), ln_fwhm: f64, shift: f64, out: &mut [f64]) {
        let (low, high, y) = self.rows(ln_fwhm);
        let covered = self.covered(pixels.0, shift);
        let out = inside(out, &covered).iter_mut();
        for (out, (i, t, weight)) in out.zip(self.places(pixels, shift, covered)) {
            let (a, b, c, d) = corners(low, high, i);
            let (below, above) = (a + t * (b - a), c + t * (d - c));
            *out = weight * (below + y * (above - below));
        }
    }

    /// The derivatives by ln FWHM, and by shift in ln wavelength (a redward shift is positive), times a weight and a factor.
    pub fn directions(
        &self,
        pixels: (&[f64], &[f64]),
        (ln_fwhm, shift): (f64, f64),
        factor: f64,
        (by_fwhm, by_shift): (&mut [f64], &mut [f64]),
    ) {
        let (low, high, y) = self.rows(ln_fwhm);
        let (fwhm_scale, shift_scale) = (factor / self.ln_fwhm_step, -factor / self.ln_step);
        let covered = self.covered(pixels.0, shift);
        let out = inside(by_fwhm, &covered).iter_mut().zip(inside(by_shift, &covered));
        for ((by_fwhm, by_shift), (i, t, weight)) in out.zip(self.places(pixels, shift, covered)) {
            let (a, b, c, d) = corners(low, high, i);
            *by_fwhm = fwhm_scale * weight * ((c + t * (d - c)) - (a + t * (b - a)));
            *by_shift = shift_scale * weight * ((1.0 - y) * (b - a) + y * (d - c));
        }
    }

    /// Which of rising pixels lie between the first and last sample.
    fn covered(&self, ln_wavelength: &[f64], shift: f64) -> Range<usize> {
        let start = self.ln_start + shift;
        let end = start + self.ln_step * ((self.n - 1) as f64 - 1e-6);
        let first = ln_wavelength.partition_point(|x| *x < start);
        first..ln_wavelength.partition_point(|x| *x < end).max(first)
    }

    /// The sample before each of some pixels, how far it is to the next, and the weight.
    fn places<'a>(
        &self,
        (ln_wavelength, weight): (&'a [f64], &'a [f64]),
        shift: f64,
        pixels: Range<usize>,
    ) -> impl Iterator<Item = (usize, f64, f64)> + use<'a> {
        let (start, inverse) = (self.ln_start + shift, 1.0 / self.ln_step);
        ln_wavelength[pixels.clone()].iter().zip(&weight[pixels]).map(move |(x, weight)| {
            let place = (x - start) * inverse;
            // A conversion by way of 32 bits is one instruction on every processor.
            let i = place as i32;
            (i as usize, place - f64::from(i), *weight)
        })
    }

    /// The templates of the two widths around one, and how far it is between them.
    fn rows(&self, ln_fwhm: f64) -> (&[f32], &[f32], f64) {
        let level = ((ln_fwhm - self.ln_fwhm_start) / self.ln_fwhm_step).clamp(0.0, (N_WIDTHS - 1) as f64 - 1e-9);
        let k = level as usize;
        let row = |k: usize| &self.values[k * self.n..(k + 1) * self.n];
        (row(k), row(k + 1), level.fract())
    }
}

/// The values within a range; those outside are set to 0.
fn inside<'a>(values: &'a mut [f64], range: &Range<usize>) -> &'a mut [f64] {
    values[..range.start].fill(0.0);
    values[range.end..].fill(0.0);
    &mut values[range.clone()]
}

#[inline(always)]
fn corners(low: &[f32], high: &[f32], i: usize) -> (f64, f64, f64, f64) {
    let (low, high) = (&low[i..i + 2], &high[i..i + 2]);
    (f64::from(low[0]), f64::from(low[1]), f64::from(high[0]), f64::from(high[1]))
}

fn interpolate(rows: &[(f64, f64)], x: f64) -> f64 {
    let at = rows.partition_point(|row| row.0 < x).clamp(1, rows.len() - 1);
    let ((x0, y0), (x1, y1)) = (rows[at - 1], rows[at]);
    y0 + (y1 - y0) * ((x - x0) / (x1 - x0)).clamp(0.0, 1.0)
}

/// Gaussian broadening by `sigma` samples, with `margin` more samples at both ends.
fn convolve(samples: &[f64], sigma: f64, margin: usize) -> Vec<f64> {
    let half = (4.0 * sigma).ceil().max(1.0) as usize;
    let kernel: Vec<f64> = (0..=2 * half).map(|i| (-0.5 * ((i as f64 - half as f64) / sigma).powi(2)).exp()).collect();
    let total: f64 = kernel.iter().sum();
    let n = samples.len() + 2 * margin;
    let mut out = vec![0.0; n];
    for (i, sample) in samples.iter().enumerate().filter(|(_, sample)| **sample != 0.0) {
        // The kernel's first element may lie before the first sample of the result.
        let (start, cut) = ((i + margin).saturating_sub(half), half.saturating_sub(i + margin));
        for (out, weight) in out[start..].iter_mut().zip(&kernel[cut..]) {
            *out += sample * weight / total;
        }
    }
    out
}

/// Catmull-Rom through the samples.
fn cubic(samples: &[f64], x: f64) -> f64 {
    let (i, t) = (x as usize, x.fract());
    let value = |offset: isize| {
        let at = (i as isize + offset).clamp(0, samples.len() as isize - 1);
        samples[at as usize]
    };
    let (a, b, c, d) = (value(-1), value(0), value(1), value(2));
    b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
}
