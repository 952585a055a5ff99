//! Three arms onto one grid, by inverse variance.

use super::spectrum::{InstrumentResolution, Spectrum};

/// Centre of the first pixel of the combined grid, Angstrom in vacuum.
pub const GRID_START_ANGSTROM: f64 = 3600.0;
/// Width of a pixel of the combined grid, Angstrom.
pub const GRID_STEP_ANGSTROM: f64 = 0.8;
/// Pixels of the combined grid: 3600 to 9824 Angstrom, both included.
pub const GRID_PIXELS: usize = 7781;
/// How far from a grid point an arm's pixel may lie, in pixels, before the arm is refused.
const ALIGNMENT_PIXELS: f64 = 0.02;

/// One arm of one target. All vectors have the length of the wavelengths; `mask` and `sigma_angstrom` may be empty.
#[derive(Debug, Clone, Default)]
pub struct ArmPixels {
    /// Vacuum wavelength, Angstrom.
    pub wavelength_angstrom: Vec<f64>,
    /// Flux density, 1e-17 erg/s/cm2/Angstrom.
    pub flux_1e17_cgs: Vec<f64>,
    /// Inverse variance of it.
    pub ivar: Vec<f64>,
    /// DESI's mask bits; 0 is good.
    pub mask: Vec<i64>,
    /// Standard deviation of the line-spread function, Angstrom; empty where unknown.
    pub sigma_angstrom: Vec<f64>,
}

/// Flux, inverse variance and line-spread sigma on the combined grid.
#[derive(Debug, Clone)]
struct Combined {
    pub flux: Vec<f64>,
    pub ivar: Vec<f64>,
    /// Empty where no arm knows its resolution.
    pub sigma_angstrom: Vec<f64>,
}

/// Wavelengths of the combined grid, Angstrom.
fn grid_angstrom() -> Vec<f64> {
    (0..GRID_PIXELS).map(|pixel| GRID_START_ANGSTROM + GRID_STEP_ANGSTROM * pixel as f64).collect()
}

/// Averages arms with their inverse variances onto the combined grid. Where arms overlap the line-spread variance is
/// averaged with the same weights. Masked pixels do not count; a grid point without any has flux 0 and ivar 0.
///
/// # Errors
/// Says which wavelength does not lie on the grid.
pub fn combine_arms(arms: &[ArmPixels]) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>), String> {
    combine(arms).map(|combined| (combined.flux, combined.ivar, combined.sigma_angstrom))
}

/// The same as a spectrum without name, place and redshift; Galactic extinction is still in it.
///
/// # Errors
/// As [`combine_arms`].
pub fn combined_spectrum(arms: &[ArmPixels]) -> Result<Spectrum, String> {
    let combined = combine(arms)?;
    let resolution = match combined.sigma_angstrom {
        sigma if sigma.is_empty() => InstrumentResolution::Unknown,
        sigma => InstrumentResolution::GaussianSigma(sigma),
    };
    Ok(Spectrum { resolution, ..Spectrum::from_arrays(grid_angstrom(), combined.flux, combined.ivar) })
}

fn combine(arms: &[ArmPixels]) -> Result<Combined, String> {
    let (mut weighted, mut ivar) = (vec![0.0; GRID_PIXELS], vec![0.0; GRID_PIXELS]);
    // The resolution is kept where no pixel is good too: a model is still evaluated there.
    let (mut variance, mut weights) = (vec![0.0; GRID_PIXELS], vec![0.0; GRID_PIXELS]);
    let knows = arms.iter().all(|arm| !arm.sigma_angstrom.is_empty());
    for arm in arms {
        for pixel in 0..arm.wavelength_angstrom.len() {
            let place = place(arm.wavelength_angstrom[pixel])?;
            let good = arm.mask.get(pixel).is_none_or(|bits| *bits == 0);
            let (flux, weight) = (arm.flux_1e17_cgs[pixel], arm.ivar[pixel]);
            let weight = if good && flux.is_finite() && weight.is_finite() && weight > 0.0 { weight } else { 0.0 };
            if weight > 0.0 {
                weighted[place] += weight * flux;
                ivar[place] += weight;
            }
            if knows {
                let share = weight.max(f64::MIN_POSITIVE.sqrt());
                variance[place] += share * arm.sigma_angstrom[pixel].powi(2);
                weights[place] += share;
            }
        }
    }
    let flux = weighted.iter().zip(&ivar).map(|(sum, ivar)| if *ivar > 0.0 { sum / ivar } else { 0.0 }).collect();
    let sigma = |(sum, weight): (f64, f64)| if weight > 0.0 { (sum / weight).sqrt() } else { 0.0 };
    let sigma_angstrom = if knows { variance.into_iter().zip(weights).map(sigma).collect() } else { Vec::new() };
    Ok(Combined { flux, ivar, sigma_angstrom })
}

/// Where an arm begins on the combined grid, if all its pixels lie on it one after the other.
pub(super) fn first_pixel(wavelength_angstrom: &[f64]) -> Result<usize, String> {
    let first = place(wavelength_angstrom.first().copied().unwrap_or(f64::NAN))?;
    for (pixel, wavelength) in wavelength_angstrom.iter().enumerate() {
        if place(*wavelength)? != first + pixel {
            return Err(format!("expected steps of 0.8 Angstrom, found {wavelength} at pixel {pixel}"));
        }
    }
    Ok(first)
}

fn place(wavelength_angstrom: f64) -> Result<usize, String> {
    let pixel = (wavelength_angstrom - GRID_START_ANGSTROM) / GRID_STEP_ANGSTROM;
    let nearest = pixel.round();
    let inside = (0.0..GRID_PIXELS as f64).contains(&nearest);
    if inside && (pixel - nearest).abs() <= ALIGNMENT_PIXELS {
        Ok(nearest as usize)
    } else {
        Err(format!("expected wavelengths 3600 + 0.8 k Angstrom up to 9824, found {wavelength_angstrom}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn overlaps_are_weighted_means_and_masked_pixels_do_not_count() {
        let arm = |flux: f64, ivar: f64, mask: i64, sigma: f64| ArmPixels {
            wavelength_angstrom: vec![5760.0, 5760.8],
            flux_1e17_cgs: vec![flux, flux],
            ivar: vec![ivar, ivar],
            mask: vec![0, mask],
            sigma_angstrom: vec![sigma, sigma],
        };
        let (flux, ivar, sigma) = combine_arms(&[arm(1.0, 1.0, 0, 1.0), arm(4.0, 2.0, 1, 2.0)]).unwrap();
        assert!((flux[2700] - 3.0).abs() < 1e-12 && (ivar[2700] - 3.0).abs() < 1e-12);
        assert!((flux[2701] - 1.0).abs() < 1e-12 && (ivar[2701] - 1.0).abs() < 1e-12);
        assert!((sigma[2700] - 3.0_f64.sqrt()).abs() < 1e-12);
        assert_eq!(ivar[0], 0.0);
    }

    #[test]
    fn another_grid_is_refused() {
        let arm = ArmPixels {
            wavelength_angstrom: vec![5760.4],
            flux_1e17_cgs: vec![1.0],
            ivar: vec![1.0],
            ..ArmPixels::default()
        };
        assert!(combine_arms(&[arm]).unwrap_err().contains("5760.4"));
    }
}
