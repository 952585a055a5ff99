//! A spectrum decomposed: continuum in its windows, then emission lines complex by complex, with the covariance of both.
//!
//! Galactic extinction is not removed here. Reference: Shen et al. 2011 (2011ApJS..194...45S).

use crate::continuum::{
    ABSORBED_BELOW_ANGSTROM, Chosen, ContinuumFit, ContinuumModel, ContinuumSettings, RestPixels, Templates,
    fit_continuum,
};
use crate::lines::{Complex, ComplexFit, FitSettings, LineList, LineModel, Other, Pixels, describe, fit_complex};
use crate::residuals::{misfit, runs_below, upper_spread};
use crate::separable::{Jacobian, Tolerance, Workspace, added, inverse, jacobian, minimise};
use crate::{Error, InstrumentResolution, Spectrum};

/// Neighbouring pixels whose mean tells absorption in a line from noise, how many of its sigma below the fit it must be,
/// and how many pixels beside it go with it.
const ABSORPTION: (usize, f64, usize) = (5, 5.0, 2);
/// Redward of what [`ABSORBED_BELOW_ANGSTROM`] says only sodium, in stars and winds, absorbs within a complex (that of He I 5877).
const SODIUM_ANGSTROM: (f64, f64) = (5_850.0, 5_905.0);
/// The share of a complex's pixels that may be left out as absorption.
const MOST_ABSORBED: f64 = 0.35;
/// Length in ln wavelength (600 km/s) over which residuals are summed to tell what lines lack from noise.
const STRETCH: f64 = 0.002;
/// Steps from a minimum to that of the same spectrum with noise added.
const REDRAW: Tolerance = Tolerance { relative_chi2: 1e-5, steps: 4 };

/// What a spectrum was decomposed into.
#[derive(Debug, Clone)]
pub struct Decomposition {
    /// The continuum.
    pub continuum: ContinuumFit,
    /// Name and fit of every complex of the list; `None` where the spectrum has too few good pixels of it.
    pub complexes: Vec<(String, Option<ComplexFit>)>,
}

/// Fits the continuum and every complex of a list of which the spectrum covers a line. `thorough` tries components at more places.
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
    Decomposer::new(spectrum, redshift, (templates, list), Workspace::default()).fit(settings, thorough)
}

/// A spectrum cut into the pixels of its complexes, to be fitted once or many times.
pub(crate) struct Decomposer<'a> {
    name: &'a str,
    templates: &'a Templates,
    list: &'a LineList,
    pub pixels: RestPixels,
    windows: Vec<Window>,
    pub space: Workspace,
}

/// The pixels of one complex.
#[derive(Debug, Clone)]
struct Window {
    /// Place of the first among the good pixels.
    start: usize,
    pixels: Pixels,
}

impl Window {
    fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.pixels.weight.len()
    }
}

impl<'a> Decomposer<'a> {
    /// `space` may come from another fit, of which nothing but memory is used again.
    pub fn new(
        spectrum: &'a Spectrum,
        redshift: f64,
        (templates, list): (&'a Templates, &'a LineList),
        space: Workspace,
    ) -> Self {
        let pixels = rest_pixels(spectrum, redshift);
        let windows = list.complex.iter().map(|complex| window(complex, &pixels)).collect();
        Self { name: &spectrum.name, templates, list, pixels, windows, space }
    }

    /// The fit, with covariances.
    pub fn fit(&mut self, settings: &ContinuumSettings, thorough: bool) -> Result<Decomposition, Error> {
        let continuum = fit_continuum(self.name, &self.pixels, self.templates, settings, &mut self.space)?;
        let search = if thorough { FitSettings::thorough() } else { FitSettings::default() };
        let mut used = vec![0.0; self.pixels.wavelength.len()];
        continuum.used.iter().for_each(|pixel| used[*pixel] = 1.0);
        let mut complexes = Vec::with_capacity(self.list.complex.len());
        for (complex, window) in self.list.complex.iter().zip(&mut self.windows) {
            if window.pixels.weight.len() < 2 || !covers_a_line(complex, &window.pixels) {
                complexes.push((complex.name.clone(), None));
                continue;
            }
            let range = window.range();
            let ones = vec![1.0; range.len()];
            let bare = (&self.pixels.wavelength[range.clone()], &self.pixels.ln_wavelength[range.clone()], &ones[..]);
            let below = ContinuumModel::new((bare.0, bare.1, bare.2), self.templates, continuum.parts);
            let flux = &self.pixels.flux[range.clone()];
            let line_flux = added(flux, -1.0, &below, &continuum.minimum, &mut self.space.spare);
            let mut fit = fit_window(complex, window, &line_flux, search, &mut self.space);
            if let Some(fit) = &mut fit {
                let weighted =
                    ContinuumModel::new((bare.0, bare.1, &window.pixels.weight), self.templates, continuum.parts);
                let beneath = jacobian(&weighted, &continuum.minimum);
                let data: Vec<f64> =
                    line_flux.iter().zip(&window.pixels.weight).map(|(flux, weight)| flux * weight).collect();
                let set_covariance = |fit: &mut ComplexFit| {
                    let model = LineModel::new(complex, &fit.components, &window.pixels);
                    let lines = jacobian(&model, &fit.minimum);
                    let mut covariance = joint_covariance(&lines, &beneath, &continuum, &used[range.clone()]);
                    let residual = lines.residual(&data, &fit.minimum);
                    fit.misfit = misfit((&window.pixels.ln_wavelength, &residual), STRETCH, fit.n_fitted);
                    covariance.iter_mut().for_each(|value| *value *= fit.misfit);
                    fit.covariance = within_bounds(covariance, &model.bounds, lines.n);
                };
                set_covariance(fit);
                fit.others.iter_mut().for_each(|other| set_covariance(&mut other.fit));
                fit.set_limits(complex, &window.pixels, &data);
            }
            complexes.push((complex.name.clone(), fit));
        }
        Ok(Decomposition { continuum, complexes })
    }

    /// Fits of the same spectrum with the noise of each draw added, from a known minimum and with its components. The noise has
    /// one value more than there are good pixels: that of what the continuum expects.
    pub fn refit(&mut self, known: &Decomposition, noise: impl Iterator<Item = Vec<f64>>) -> Vec<Decomposition> {
        let parts = known.continuum.parts;
        let chosen = Chosen::new(&self.pixels, &known.continuum.used).expecting(parts);
        let model = ContinuumModel::of(&chosen, self.templates, parts);
        let ones: Vec<f64> = vec![1.0; self.pixels.wavelength.len()];
        let below: Vec<ContinuumModel<'_>> = (self.windows.iter())
            .map(|window| {
                let range = window.range();
                let (wavelength, ln) =
                    (&self.pixels.wavelength[range.clone()], &self.pixels.ln_wavelength[range.clone()]);
                ContinuumModel::new((wavelength, ln, &ones[range]), self.templates, parts)
            })
            .collect();
        // Of each complex the fit that was kept, then the others.
        let lines: Vec<Vec<LineModel<'_>>> = (known.complexes.iter().zip(&self.list.complex).zip(&self.windows))
            .map(|(((_, fit), complex), window)| {
                let model = |fit: &ComplexFit| LineModel::new(complex, &fit.components, &window.pixels);
                let with_others = |fit: &ComplexFit| {
                    std::iter::once(model(fit)).chain(fit.others.iter().map(|other| model(&other.fit))).collect()
                };
                fit.as_ref().map(with_others).unwrap_or_default()
            })
            .collect();
        let used = known.continuum.used.iter().copied().chain([self.pixels.wavelength.len()]);
        let mut drawn = Vec::new();
        for noise in noise {
            let data: Vec<f64> = chosen
                .data
                .iter()
                .zip(used.clone())
                .map(|(data, pixel)| data + known.continuum.misfit.sqrt() * noise[pixel])
                .collect();
            let minimum = minimise(&model, &data, &known.continuum.minimum.parameters, REDRAW, &mut self.space);
            let mut complexes = Vec::with_capacity(lines.len());
            for (at, (name, fit)) in known.complexes.iter().enumerate() {
                let Some(fit) = fit else {
                    complexes.push((name.clone(), None));
                    continue;
                };
                let window = &self.windows[at];
                let flux = &self.pixels.flux[window.range()];
                let line_flux = added(flux, -1.0, &below[at], &minimum, &mut self.space.spare);
                let scale = fit.misfit.sqrt();
                let data: Vec<f64> = (line_flux.iter().zip(window.range()).zip(&window.pixels.weight))
                    .map(|((flux, pixel), weight)| {
                        let shift = if *weight > 0.0 { scale * noise[pixel] } else { 0.0 };
                        flux * weight + shift
                    })
                    .collect();
                let complex = &self.list.complex[at];
                let mut again = |model: &LineModel<'_>, fit: &ComplexFit| {
                    let minimum = minimise(model, &data, &fit.minimum.parameters, REDRAW, &mut self.space);
                    describe(complex, fit.components.clone(), &window.pixels, minimum)
                };
                let mut drawn = again(&lines[at][0], fit);
                drawn.others = (fit.others.iter().zip(&lines[at][1..]))
                    .map(|(other, model)| Other { fit: again(model, &other.fit), ..*other })
                    .collect();
                complexes.push((name.clone(), Some(drawn)));
            }
            let continuum = ContinuumFit { minimum, ..known.continuum.clone() };
            drawn.push(Decomposition { continuum, complexes });
        }
        drawn
    }
}

/// Fits a complex; pixels in absorption lose their weight, and the fit is done again.
fn fit_window(
    complex: &Complex,
    window: &mut Window,
    line_flux: &[f64],
    search: FitSettings,
    space: &mut Workspace,
) -> Option<ComplexFit> {
    let weighted =
        |weight: &[f64]| line_flux.iter().zip(weight).map(|(flux, weight)| flux * weight).collect::<Vec<f64>>();
    let mut data = weighted(&window.pixels.weight);
    let mut fit = fit_complex(complex, &window.pixels, &data, search, space)?;
    let (run, sigma, beside) = ABSORPTION;
    let (blue, sodium) = (ABSORBED_BELOW_ANGSTROM.ln(), SODIUM_ANGSTROM.0.ln()..SODIUM_ANGSTROM.1.ln());
    let may_absorb = |at: usize| {
        let ln_wavelength = window.pixels.ln_wavelength[at];
        ln_wavelength < blue || sodium.contains(&ln_wavelength)
    };
    let mut masked = 0;
    for _ in 0..2 {
        let model = LineModel::new(complex, &fit.components, &window.pixels);
        let residual = added(&data, -1.0, &model, &fit.minimum, &mut space.spare);
        let absorbed = |spread: f64| -> Vec<usize> {
            let below = runs_below(&window.pixels.ln_wavelength, &residual, run, -sigma * spread.max(1.0));
            let near = |at: usize| below[at.saturating_sub(beside)..(at + beside + 1).min(below.len())].contains(&true);
            let counts = |at: &usize| window.pixels.weight[*at] > 0.0 && near(*at) && may_absorb(*at);
            (0..below.len()).filter(counts).collect()
        };
        let too_many = |absorbed: &[usize]| (masked + absorbed.len()) as f64 > MOST_ABSORBED * residual.len() as f64;
        let mut found = absorbed(upper_spread(&residual));
        if too_many(&found) {
            fit.drowned = true;
            // What is deepest by the measure of the bad fit that this is.
            found = absorbed(fit.reduced_chi2().sqrt());
        }
        if found.is_empty() || too_many(&found) {
            break;
        }
        masked += found.len();
        found.iter().for_each(|at| window.pixels.weight[*at] = 0.0);
        data = weighted(&window.pixels.weight);
        fit = ComplexFit { drowned: fit.drowned, ..fit_complex(complex, &window.pixels, &data, search, space)? };
    }
    fit.n_masked = masked;
    Some(fit)
}

/// Covariance of the lines' parameters and amplitudes, the continuum's share included: lines are fitted to what the
/// continuum leaves, so that `lines = N^-1 J' (data - C continuum)`, and the noise of pixels used by both is the same.
fn joint_covariance(lines: &Jacobian, beneath: &Jacobian, continuum: &ContinuumFit, used: &[f64]) -> Vec<f64> {
    let (p, q) = (lines.free.len(), beneath.free.len());
    let normal = lines.normal();
    let (response, shared) = (lines.cross(beneath, None), lines.cross(beneath, Some(used)));
    let known = |i: usize, j: usize| continuum.covariance[beneath.free[i] * beneath.n + beneath.free[j]];
    // response * covariance, then the products with response and with the shared pixels.
    let mut carried = vec![0.0; p * q];
    for i in 0..p {
        for j in 0..q {
            carried[i * q + j] = (0..q).map(|k| response[i * q + k] * known(k, j)).sum();
        }
    }
    let product = |left: &[f64], right: &[f64], i: usize, j: usize| -> f64 {
        (0..q).map(|k| left[i * q + k] * right[j * q + k]).sum()
    };
    let mut middle = vec![0.0; p * p];
    for i in 0..p {
        for j in 0..p {
            middle[i * p + j] = normal[i * p + j] + product(&carried, &response, i, j)
                - (product(&carried, &shared, i, j) + product(&carried, &shared, j, i)) / continuum.misfit;
        }
    }
    let inverse = inverse(&normal, p);
    let multiply = |a: &[f64], b: &[f64]| -> Vec<f64> {
        (0..p * p).map(|at| (0..p).map(|k| a[at / p * p + k] * b[k * p + at % p]).sum()).collect()
    };
    lines.spread(&multiply(&multiply(&inverse, &middle), &inverse))
}

/// A covariance in which no velocity or width is less sure than one that may be anything between its bounds: errors of what
/// depends on them are linear, and would grow without limit.
fn within_bounds(mut covariance: Vec<f64>, bounds: &[(f64, f64)], n: usize) -> Vec<f64> {
    for (at, (least, most)) in bounds.iter().enumerate() {
        let share = (most - least) / 12_f64.sqrt() / covariance[at * n + at].max(0.0).sqrt();
        if share < 1.0 {
            (0..n).for_each(|other| covariance[at * n + other] *= share);
            (0..n).for_each(|other| covariance[other * n + at] *= share);
        }
    }
    covariance
}

/// Whether the rest wavelength of some line of a complex lies between its first and last pixel: an edge alone is no line.
fn covers_a_line(complex: &Complex, pixels: &Pixels) -> bool {
    let ends = pixels.ln_wavelength.first().zip(pixels.ln_wavelength.last());
    ends.is_some_and(|(first, last)| {
        complex.line.iter().map(|line| line.wavelength_angstrom.ln()).any(|at| at > *first && at < *last)
    })
}

fn window(complex: &Complex, pixels: &RestPixels) -> Window {
    let [from, to] = complex.window_angstrom;
    let start = pixels.wavelength.partition_point(|x| *x < from);
    let end = pixels.wavelength.partition_point(|x| *x <= to).max(start);
    let take = |values: &[f64]| values[start..end].to_vec();
    let (ln_wavelength, weight) = (take(&pixels.ln_wavelength), take(&pixels.weight));
    Window { start, pixels: Pixels::new(ln_wavelength, weight, take(&pixels.instrument)) }
}

/// Good pixels in the rest frame; flux density grows by 1 + z so that line fluxes stay.
fn rest_pixels(spectrum: &Spectrum, redshift: f64) -> RestPixels {
    let n = spectrum.n_good();
    let room = || Vec::with_capacity(n);
    let mut pixels =
        RestPixels { wavelength: room(), ln_wavelength: room(), flux: room(), weight: room(), instrument: room() };
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
