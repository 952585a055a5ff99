//! The fit of the continuum in its windows, absorption clipped.

use super::model::{ContinuumModel, Ingredients, Part};
use super::templates::{IRON_OPTICAL_BAND, IRON_UV_BAND, Templates};
use crate::Error;
use crate::separable::{Columns, Minimum, Separable, Tolerance, Workspace, minimise};

/// Rest wavelengths without strong lines, Angstrom (Shen et al. 2011, and the red end of the optical).
const WINDOWS_ANGSTROM: [(f64, f64); 20] = [
    (1_275.0, 1_290.0),
    (1_350.0, 1_360.0),
    (1_445.0, 1_465.0),
    (1_690.0, 1_705.0),
    (1_770.0, 1_810.0),
    (1_970.0, 2_400.0),
    (2_480.0, 2_675.0),
    (2_925.0, 3_300.0),
    (3_500.0, 3_690.0),
    (3_775.0, 3_832.0),
    (4_000.0, 4_050.0),
    (4_200.0, 4_230.0),
    (4_435.0, 4_640.0),
    (5_100.0, 5_535.0),
    (6_005.0, 6_035.0),
    (6_110.0, 6_250.0),
    (6_800.0, 7_000.0),
    (7_160.0, 7_180.0),
    (7_500.0, 7_800.0),
    (8_050.0, 8_150.0),
];
/// Fewest good pixels in windows.
const LEAST_PIXELS: usize = 60;
/// A template needs this many pixels of windows in its band.
const LEAST_BAND_PIXELS: usize = 50;
/// Every how many pixels are used to compare starts.
const THINNING: usize = 6;

/// What the continuum is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct ContinuumSettings {
    /// Whether the power law may bend at 4661 Angstrom.
    pub broken_power_law: bool,
    /// Whether there is a Balmer continuum where 3646 Angstrom is covered from both sides.
    pub balmer: bool,
    /// Whether there is a host galaxy where its templates are covered and the redshift is below 1.
    pub host: bool,
    /// Whether a cubic is added, for spectra whose calibration bends.
    pub polynomial: bool,
    /// Pixels this many sigma below the fit are left out as absorption (0: none are).
    pub clip_sigma: f64,
    /// When a fit stops.
    pub tolerance: Tolerance,
}

impl Default for ContinuumSettings {
    fn default() -> Self {
        let tolerance = Tolerance { relative_chi2: 1e-5, steps: 40 };
        Self { broken_power_law: false, balmer: true, host: true, polynomial: false, clip_sigma: 3.0, tolerance }
    }
}

/// A fitted continuum.
#[derive(Debug, Clone)]
pub struct ContinuumFit {
    /// Parameters, amplitudes and chi2.
    pub minimum: Minimum,
    /// Pixels used.
    pub n_pixels: usize,
    pub(crate) parts: Ingredients,
    pub(crate) kinds: Vec<Part>,
}

impl ContinuumFit {
    /// Chi2 per degree of freedom.
    #[must_use]
    pub fn reduced_chi2(&self) -> f64 {
        let fitted = self.minimum.parameters.len() + self.minimum.amplitudes.len();
        self.minimum.chi2 / self.n_pixels.saturating_sub(fitted).max(1) as f64
    }

    /// Slope of the power law, flux density against wavelength.
    #[must_use]
    pub fn slope(&self) -> f64 {
        self.minimum.parameters.first().copied().unwrap_or(0.0)
    }

    fn amplitude(&self, kind: Part) -> Option<f64> {
        let at = self.kinds.iter().position(|part| *part == kind)?;
        self.minimum.amplitudes.get(at).copied()
    }

    /// Power law at 3000 Angstrom, 1e-17 erg/s/cm2/Angstrom in the rest frame.
    #[must_use]
    pub fn power_law_3000(&self) -> f64 {
        self.amplitude(Part::PowerLaw).unwrap_or(0.0)
    }

    /// Fe II flux of the ultraviolet band 2250 to 2650 Angstrom, 1e-17 erg/s/cm2; `None` where not fitted.
    #[must_use]
    pub fn iron_uv_flux(&self) -> Option<f64> {
        self.amplitude(Part::IronUv)
    }

    /// Fe II flux of the optical band 4434 to 4684 Angstrom, 1e-17 erg/s/cm2; `None` where not fitted.
    #[must_use]
    pub fn iron_optical_flux(&self) -> Option<f64> {
        self.amplitude(Part::IronOptical)
    }

    /// Balmer continuum at its edge, 1e-17 erg/s/cm2/Angstrom; `None` where not fitted.
    #[must_use]
    pub fn balmer_edge(&self) -> Option<f64> {
        self.amplitude(Part::Balmer)
    }

    /// Whether the fit has a host galaxy.
    #[must_use]
    pub fn has_host(&self) -> bool {
        self.kinds.contains(&Part::Host)
    }

    /// The model at rest wavelengths: power law, Fe II, Balmer, host, polynomial.
    #[must_use]
    pub fn evaluate(&self, wavelength_rest_angstrom: &[f64], templates: &Templates) -> [Vec<f64>; 5] {
        let ln: Vec<f64> = wavelength_rest_angstrom.iter().map(|x| x.ln()).collect();
        let ones = vec![1.0; ln.len()];
        let model = ContinuumModel::new((wavelength_rest_angstrom, &ln, &ones), templates, self.parts);
        let mut columns = Columns::default();
        columns.reset(model.n_columns(), model.n_pixels());
        model.columns(&self.minimum.parameters, &mut columns);
        let mut out: [Vec<f64>; 5] = std::array::from_fn(|_| vec![0.0; ln.len()]);
        for (column, (kind, amplitude)) in self.kinds.iter().zip(&self.minimum.amplitudes).enumerate() {
            let place = match kind {
                Part::PowerLaw => 0,
                Part::IronUv | Part::IronOptical => 1,
                Part::Balmer => 2,
                Part::Host => 3,
                Part::Polynomial => 4,
            };
            columns.add_to(column, *amplitude, &mut out[place]);
        }
        out
    }
}

/// Good pixels in the rest frame.
#[derive(Debug, Clone, Default)]
pub(crate) struct RestPixels {
    pub wavelength: Vec<f64>,
    pub ln_wavelength: Vec<f64>,
    pub flux: Vec<f64>,
    pub weight: Vec<f64>,
    pub instrument: Vec<f64>,
}

struct Chosen {
    wavelength: Vec<f64>,
    ln_wavelength: Vec<f64>,
    weight: Vec<f64>,
    data: Vec<f64>,
}

fn choose(pixels: &RestPixels, used: impl Iterator<Item = usize>) -> Chosen {
    let mut chosen = Chosen { wavelength: vec![], ln_wavelength: vec![], weight: vec![], data: vec![] };
    for pixel in used {
        chosen.wavelength.push(pixels.wavelength[pixel]);
        chosen.ln_wavelength.push(pixels.ln_wavelength[pixel]);
        chosen.weight.push(pixels.weight[pixel]);
        chosen.data.push(pixels.flux[pixel] * pixels.weight[pixel]);
    }
    chosen
}

/// Fits the continuum in its windows.
pub(crate) fn fit_continuum(
    name: &str,
    pixels: &RestPixels,
    templates: &Templates,
    settings: &ContinuumSettings,
    space: &mut Workspace,
) -> Result<ContinuumFit, Error> {
    let inside = |wavelength: f64| WINDOWS_ANGSTROM.iter().any(|(from, to)| wavelength >= *from && wavelength <= *to);
    let mut used: Vec<usize> = (0..pixels.wavelength.len()).filter(|pixel| inside(pixels.wavelength[*pixel])).collect();
    if used.len() < LEAST_PIXELS {
        let reason = format!("expected {LEAST_PIXELS} good pixels in windows of the continuum, found {}", used.len());
        return Err(Error::Unfit { name: name.to_owned(), reason });
    }
    let parts = ingredients(pixels, &used, templates, settings);
    let thin = choose(pixels, used.iter().copied().step_by(THINNING));
    let start = best_start(&thin, templates, parts, space);
    let mut minimum = refine(pixels, &used, templates, parts, (&start, settings.tolerance), space);
    for _ in 0..2 {
        let kept = clip(pixels, &used, templates, (parts, &minimum), settings.clip_sigma);
        if kept.len() == used.len() || kept.len() < LEAST_PIXELS {
            break;
        }
        used = kept;
        minimum = refine(pixels, &used, templates, parts, (&[minimum.parameters], settings.tolerance), space);
    }
    let kinds = ContinuumModel::new((&[], &[], &[]), templates, parts).parts();
    Ok(ContinuumFit { minimum, n_pixels: used.len(), parts, kinds })
}

fn ingredients(
    pixels: &RestPixels,
    used: &[usize],
    templates: &Templates,
    settings: &ContinuumSettings,
) -> Ingredients {
    let within = |from: f64, to: f64| {
        used.iter().filter(|pixel| pixels.wavelength[**pixel] >= from && pixels.wavelength[**pixel] <= to).count()
    };
    let balmer_sides = within(2_925.0, 3_640.0).min(within(3_700.0, 5_000.0));
    Ingredients {
        broken: settings.broken_power_law && within(3_500.0, 4_661.0).min(within(4_661.0, 8_000.0)) > LEAST_BAND_PIXELS,
        iron_uv: templates.iron_uv.is_some() && within(IRON_UV_BAND.0 - 200.0, IRON_UV_BAND.1) > LEAST_BAND_PIXELS,
        iron_optical: templates.iron_optical.is_some()
            && within(IRON_OPTICAL_BAND.0, IRON_OPTICAL_BAND.1).max(within(5_100.0, 5_535.0)) > LEAST_BAND_PIXELS,
        balmer: settings.balmer && balmer_sides > LEAST_BAND_PIXELS,
        host: settings.host && templates.host.is_some() && within(3_700.0, 8_000.0) > 4 * LEAST_BAND_PIXELS,
        polynomial: settings.polynomial,
        shift_bounds: (-0.01, 0.01),
    }
}

/// Slopes and widths of Fe II over a coarse grid; the best three.
fn best_start(chosen: &Chosen, templates: &Templates, parts: Ingredients, space: &mut Workspace) -> Vec<Vec<f64>> {
    let view = (chosen.wavelength.as_slice(), chosen.ln_wavelength.as_slice(), chosen.weight.as_slice());
    let model = ContinuumModel::new(view, templates, parts);
    let slopes = 1 + usize::from(parts.broken);
    let n_irons = (model.n_parameters() - slopes) / 2;
    let widths = [1_600.0_f64, 4_000.0, 10_000.0].map(f64::ln);
    let quick = Tolerance { relative_chi2: 1e-2, steps: 6 };
    let mut starts = Vec::new();
    for combination in 0..3_usize.pow(n_irons as u32) {
        for shift in if n_irons > 0 { vec![-0.004, 0.004] } else { vec![0.0] } {
            let mut start = vec![-1.5; slopes];
            for iron in 0..n_irons {
                start.extend([widths[combination / 3_usize.pow(iron as u32) % 3], shift]);
            }
            let minimum = minimise(&model, &chosen.data, &start, quick, space);
            starts.push((minimum.chi2, minimum.parameters));
        }
    }
    starts.sort_by(|a, b| a.0.total_cmp(&b.0));
    starts.into_iter().take(3).map(|(_, start)| start).collect()
}

fn refine(
    pixels: &RestPixels,
    used: &[usize],
    templates: &Templates,
    parts: Ingredients,
    (starts, tolerance): (&[Vec<f64>], Tolerance),
    space: &mut Workspace,
) -> Minimum {
    let chosen = choose(pixels, used.iter().copied());
    let view = (chosen.wavelength.as_slice(), chosen.ln_wavelength.as_slice(), chosen.weight.as_slice());
    let model = ContinuumModel::new(view, templates, parts);
    let mut best = Minimum { chi2: f64::INFINITY, ..Minimum::default() };
    for start in starts {
        let minimum = minimise(&model, &chosen.data, start, tolerance, space);
        if minimum.chi2 < best.chi2 {
            best = minimum;
        }
    }
    best
}

/// Pixels that are not in absorption: the limit is scaled by how well the fit is, so that a bad fit does not lose its data.
fn clip(
    pixels: &RestPixels,
    used: &[usize],
    templates: &Templates,
    (parts, minimum): (Ingredients, &Minimum),
    sigma: f64,
) -> Vec<usize> {
    if sigma <= 0.0 {
        return used.to_vec();
    }
    let chosen = choose(pixels, used.iter().copied());
    let view = (chosen.wavelength.as_slice(), chosen.ln_wavelength.as_slice(), chosen.weight.as_slice());
    let model = ContinuumModel::new(view, templates, parts);
    let mut columns = Columns::default();
    columns.reset(model.n_columns(), model.n_pixels());
    model.columns(&minimum.parameters, &mut columns);
    let mut residual = chosen.data;
    for (column, amplitude) in minimum.amplitudes.iter().enumerate() {
        columns.add_to(column, -amplitude, &mut residual);
    }
    let limit = -sigma * (minimum.chi2 / used.len().max(1) as f64).sqrt().max(1.0);
    used.iter().zip(residual).filter(|(_, residual)| *residual > limit).map(|(pixel, _)| *pixel).collect()
}

#[cfg(test)]
#[path = "oracle.rs"]
mod oracle;
