//! One target of a coadd as the archive keeps it: arms combined, in single precision, with the resolution matrix.

use super::coadd::{ARMS, CoaddFile};
use super::combine::GRID_PIXELS;
use crate::DesiError;

/// Weights of a row of the combined resolution matrix: of true pixels `i - 5` to `i + 5`.
pub const RESOLUTION_WIDTH: usize = 11;
/// Unit of the stored weights.
pub const RESOLUTION_UNIT: f32 = 1.0 / 32_768.0;
/// Pixels on each side over which a row's second moment is taken: beyond, the weights scatter around zero.
const CORE: usize = 3;

/// Combined arms of one target; every vector but `resolution` has 7781 elements. Use it again for the next row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CombinedRow {
    /// Flux density, 1e-17 erg/s/cm2/Angstrom; 0 where nothing is known.
    pub flux: Vec<f32>,
    /// Inverse variance; 0 where nothing is known.
    pub ivar: Vec<f32>,
    /// 0 where some arm is good, else the bits of the arms.
    pub mask: Vec<i32>,
    /// Line-spread sigma, Angstrom; empty where the file has no resolution.
    pub sigma_angstrom: Vec<f32>,
    /// Resolution matrix, row after row, in units of 2^-15; empty where the file has none.
    pub resolution: Vec<i16>,
    weighted: Vec<f64>,
    weights: Vec<f64>,
    rows: Vec<f32>,
    shares: Vec<f32>,
}

impl CombinedRow {
    fn clear(&mut self, with_resolution: bool) {
        fn zeros<T: Clone>(values: &mut Vec<T>, n: usize, zero: T) {
            values.clear();
            values.resize(n, zero);
        }
        zeros(&mut self.weighted, GRID_PIXELS, 0.0);
        zeros(&mut self.weights, GRID_PIXELS, 0.0);
        // Until an arm clears it: nothing known.
        zeros(&mut self.mask, GRID_PIXELS, 0);
        let rows = if with_resolution { GRID_PIXELS } else { 0 };
        zeros(&mut self.rows, rows * RESOLUTION_WIDTH, 0.0);
        zeros(&mut self.shares, rows, 0.0);
    }

    /// Median of flux over its error in the good pixels; `None` without any.
    #[must_use]
    pub fn median_signal_to_noise(&self) -> Option<f32> {
        let pixels = self.flux.iter().zip(&self.ivar).filter(|(_, ivar)| **ivar > 0.0);
        let mut ratios: Vec<f32> = pixels.map(|(flux, ivar)| flux * ivar.sqrt()).collect();
        let middle = ratios.len() / 2;
        (!ratios.is_empty()).then(|| *ratios.select_nth_unstable_by(middle, f32::total_cmp).1)
    }
}

impl CoaddFile {
    /// Reads one row and combines its arms, by inverse variance; so are the rows of their resolution matrices, which makes
    /// the combined matrix exact.
    ///
    /// # Errors
    /// When the row is beyond the file, an image cannot be read, or an arm lies on another grid.
    pub fn combine_row(&self, row: usize, with_resolution: bool, out: &mut CombinedRow) -> Result<(), DesiError> {
        self.check_row(row)?;
        let with_resolution = with_resolution && self.has_resolution();
        out.clear(with_resolution);
        for arm in 0..ARMS.len() {
            self.add_arm(arm, row, with_resolution, out)?;
        }
        let mean = |(sum, weight): (&f64, &f64)| if *weight > 0.0 { (sum / weight) as f32 } else { 0.0 };
        out.flux.clear();
        out.flux.extend(out.weighted.iter().zip(&out.weights).map(mean));
        out.ivar.clear();
        out.ivar.extend(out.weights.iter().map(|weight| *weight as f32));
        for (mask, ivar) in out.mask.iter_mut().zip(&out.ivar) {
            if *ivar > 0.0 {
                *mask = 0;
            }
        }
        finish_resolution(out);
        Ok(())
    }

    fn add_arm(&self, arm: usize, row: usize, with_resolution: bool, out: &mut CombinedRow) -> Result<(), DesiError> {
        let (first, n) = (self.first_pixel(arm)?, self.n_pixels(arm));
        let pixels = row * n..(row + 1) * n;
        let (flux, ivar) = (self.read_f32(arm, "FLUX", pixels.clone())?, self.read_f32(arm, "IVAR", pixels.clone())?);
        let mask = self.read_mask(arm, pixels)?;
        let place = first..first + n;
        let good = |pixel: usize| {
            mask.get(pixel).is_none_or(|bits| *bits == 0)
                && flux[pixel].is_finite()
                && ivar[pixel].is_finite()
                && ivar[pixel] > 0.0
        };
        let weight: Vec<f32> = (0..n).map(|pixel| if good(pixel) { ivar[pixel] } else { 0.0 }).collect();
        for ((sum, weights), (flux, weight)) in
            out.weighted[place.clone()].iter_mut().zip(&mut out.weights[place.clone()]).zip(flux.iter().zip(&weight))
        {
            if *weight > 0.0 {
                *sum += f64::from(*weight) * f64::from(*flux);
                *weights += f64::from(*weight);
            }
        }
        for (bits, own) in out.mask[place.clone()].iter_mut().zip(&mask) {
            *bits |= *own as i32;
        }
        if with_resolution && let Some(matrix) = self.resolution(arm, row)? {
            matrix.add_rows(&weight, &mut out.rows[first * RESOLUTION_WIDTH..], &mut out.shares[place]);
        }
        Ok(())
    }
}

/// Divides the summed rows by their weights, and takes second moments.
fn finish_resolution(out: &mut CombinedRow) {
    out.resolution.clear();
    out.sigma_angstrom.clear();
    let mut last = 0.0_f32;
    for (row, share) in out.rows.as_chunks::<RESOLUTION_WIDTH>().0.iter().zip(&out.shares) {
        let scale = if *share > 0.0 { 1.0 / share } else { 0.0 };
        let stored = |weight: &f32| (weight * scale / RESOLUTION_UNIT).round().clamp(-32_768.0, 32_767.0) as i16;
        out.resolution.extend(row.iter().map(stored));
        last = second_moment(row).unwrap_or(last);
        out.sigma_angstrom.push(last * super::combine::GRID_STEP_ANGSTROM as f32);
    }
    // Rows without weight at the blue end take the first that has some.
    if let Some(first) = out.sigma_angstrom.iter().copied().find(|sigma| *sigma > 0.0) {
        out.sigma_angstrom.iter_mut().take_while(|sigma| **sigma == 0.0).for_each(|sigma| *sigma = first);
    }
}

/// Standard deviation in pixels of a row's core; `None` for rows without much weight.
fn second_moment(row: &[f32; RESOLUTION_WIDTH]) -> Option<f32> {
    let half = RESOLUTION_WIDTH / 2;
    let core = &row[half - CORE..=half + CORE];
    let (mut total, mut mean, mut square) = (0.0, 0.0, 0.0);
    for (place, weight) in core.iter().enumerate() {
        let x = place as f32 - CORE as f32;
        total += weight;
        mean += weight * x;
        square += weight * x * x;
    }
    let variance = square / total - (mean / total).powi(2);
    (total > 0.0 && variance > 0.01 && variance < 25.0).then(|| variance.sqrt())
}
