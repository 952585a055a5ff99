//! A spectrum decomposed: continuum in its windows, then emission lines complex by complex.
//!
//! Galactic extinction is not removed here, and there are no uncertainties yet. Reference: Shen et al. 2011
//! (2011ApJS..194...45S).

use crate::continuum::{ContinuumFit, ContinuumSettings, RestPixels, Templates, fit_continuum};
use crate::lines::{ComplexFit, FitSettings, LineList, Pixels, fit_complex};
use crate::separable::Workspace;
use crate::{Error, InstrumentResolution, Spectrum};

/// What a spectrum was decomposed into.
#[derive(Debug, Clone)]
pub struct Decomposition {
    /// The continuum.
    pub continuum: ContinuumFit,
    /// Name and fit of every complex of the list; `None` where the spectrum has too few good pixels of it.
    pub complexes: Vec<(String, Option<ComplexFit>)>,
}

/// Fits the continuum and every complex of a list. `thorough` follows hundreds of starts a complex instead of a few.
///
/// # Errors
/// When too few good pixels lie in windows of the continuum.
pub fn decompose(
    spectrum: &Spectrum,
    redshift: f64,
    (templates, list): (&Templates, &LineList),
    settings: &ContinuumSettings,
    thorough: bool,
) -> Result<Decomposition, Error> {
    let pixels = rest_pixels(spectrum, redshift);
    let mut space = Workspace::default();
    let continuum = fit_continuum(&spectrum.name, &pixels, templates, settings, &mut space)?;
    let parts = continuum.evaluate(&pixels.wavelength, templates);
    let search = if thorough { FitSettings::thorough() } else { FitSettings::default() };
    let mut complexes = Vec::with_capacity(list.complex.len());
    for complex in &list.complex {
        let [from, to] = complex.window_angstrom;
        let inside: Vec<usize> =
            (0..pixels.wavelength.len()).filter(|at| (from..=to).contains(&pixels.wavelength[*at])).collect();
        let take = |values: &[f64]| inside.iter().map(|at| values[*at]).collect::<Vec<f64>>();
        let window = Pixels {
            ln_wavelength: take(&pixels.ln_wavelength),
            weight: take(&pixels.weight),
            instrument: take(&pixels.instrument),
        };
        let line_flux = |at: &usize| pixels.flux[*at] - parts.iter().map(|part| part[*at]).sum::<f64>();
        let data: Vec<f64> = inside.iter().map(|at| line_flux(at) * pixels.weight[*at]).collect();
        complexes.push((complex.name.clone(), fit_complex(complex, &window, &data, search, &mut space)));
    }
    Ok(Decomposition { continuum, complexes })
}

/// Good pixels in the rest frame; flux density grows by 1 + z so that line fluxes stay.
fn rest_pixels(spectrum: &Spectrum, redshift: f64) -> RestPixels {
    let mut pixels = RestPixels::default();
    let stretch = 1.0 + redshift;
    for at in (0..spectrum.len()).filter(|at| spectrum.good[*at]) {
        let observed = spectrum.wavelength_angstrom[at];
        let sigma = match &spectrum.resolution {
            InstrumentResolution::GaussianSigma(sigma) => sigma.get(at).copied().unwrap_or(0.0),
            InstrumentResolution::Unknown => 0.0,
        };
        pixels.wavelength.push(observed / stretch);
        pixels.ln_wavelength.push((observed / stretch).ln());
        pixels.flux.push(spectrum.flux_1e17_cgs[at] * stretch);
        pixels.weight.push(spectrum.ivar[at].sqrt() / stretch);
        pixels.instrument.push(sigma / observed);
    }
    pixels
}
