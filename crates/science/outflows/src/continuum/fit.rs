//! The fit of the continuum in its windows, absorption clipped.

use desi::templates::{IRON_OPTICAL_BAND, IRON_UV_BAND, Templates};

use super::balmer::EDGE_ANGSTROM;
use super::fitted::ContinuumFit;
use super::model::{Balmer, ContinuumModel, EXPECTED_BALMER, Ingredients, PIVOT_ANGSTROM, Part, SLOPES};
use super::pixels::{BINNED, Chosen, RestPixels};
use crate::Error;
use crate::separable::{Columns, Minimum, Separable, Tolerance, Workspace, added, jacobian, minimise};

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
/// Neighbouring pixels whose mean tells absorption from noise.
const RUN: usize = 5;
/// Quasars and the gas on the way to them absorb blueward of Mg II: beyond this rest wavelength, Angstrom, nothing is left out as
/// absorption, or a model that is too high there would lose the pixels that say so.
pub(crate) const ABSORBED_BELOW_ANGSTROM: f64 = 3_000.0;
/// Length in ln wavelength (3,000 km/s) over which residuals are summed to tell what the model lacks from noise.
const STRETCH: f64 = 0.01;
/// What an amplitude of a host galaxy must lower chi2 by: Akaike's criterion. Every quasar has a host, and one that the
/// Bayesian criterion leaves out at low signal to noise would go to the power law.
const HOST_PENALTY: f64 = 2.0;
/// Where the power law may bend, rest Angstrom. 4661 is that of Vanden Berk et al. 2001 (2001AJ....122..549V). None is below
/// 1750: two windows blueward keep a trough of C IV, which covers one, from being taken for a bend.
const BREAKS_ANGSTROM: [f64; 5] = [1_750.0, 2_200.0, 2_600.0, 3_000.0, 4_661.0];
/// What a bend must lower chi2 by, in units of ln n. It has two parameters; six times their penalty, as templates of Fe II are
/// not exact, and a faint bend only trades light with them.
const BREAK_PENALTY: f64 = 12.0;

/// What the continuum is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct ContinuumSettings {
    /// Whether the power law may bend, once, where the Bayesian information criterion asks for it.
    pub broken_power_law: bool,
    /// Whether there is a Balmer continuum: measured where 3646 Angstrom is covered from both sides, and where it is out of view
    /// blueward of it one as high as other quasars have it, within their scatter.
    pub balmer: bool,
    /// Whether there may be a host galaxy where its templates are covered; it is kept if Akaike's information criterion asks for it.
    pub host: bool,
    /// Whether a cubic is added, for spectra whose calibration bends.
    pub polynomial: bool,
    /// Runs of pixels whose mean is this many of its own sigma below the fit are left out as absorption (0: none are).
    pub clip_sigma: f64,
    /// When a fit stops.
    pub tolerance: Tolerance,
}

impl Default for ContinuumSettings {
    fn default() -> Self {
        let tolerance = Tolerance { relative_chi2: 1e-5, steps: 40 };
        Self { broken_power_law: true, balmer: true, host: true, polynomial: false, clip_sigma: 4.0, tolerance }
    }
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
    let mut chosen = Chosen::new(pixels, &used);
    let mut binned = chosen.binned();
    let (mut parts, mut minimum) =
        coarse_fit(&binned, templates, ingredients(pixels, &used, templates, settings), space);
    if settings.balmer
        && let Some(error) = expected_balmer(&chosen, parts, &minimum)
    {
        parts.balmer = Balmer::Expected(error);
        binned = binned.expecting(parts);
        chosen = chosen.expecting(parts);
        minimum = quick_fit(&binned, templates, parts, &minimum.parameters, space);
    }
    if settings.broken_power_law {
        (parts, minimum) = bend(&binned, templates, (parts, minimum), settings.clip_sigma, space);
    }
    for round in 0..3 {
        let kept = without_absorption(&chosen, templates, (parts, &minimum), settings.clip_sigma, &mut space.spare);
        let all = kept.len() == used.len() || kept.len() < LEAST_PIXELS;
        if !all {
            used = kept.into_iter().map(|at| used[at]).collect();
            chosen = Chosen::new(pixels, &used).expecting(parts);
        }
        if all && round > 0 {
            break;
        }
        let model = ContinuumModel::of(&chosen, templates, parts);
        minimum = minimise(&model, &chosen.data, &minimum.parameters, settings.tolerance, space);
    }
    let model = ContinuumModel::of(&chosen, templates, parts);
    let derivatives = jacobian(&model, &minimum);
    let residual = derivatives.residual(&chosen.data, &minimum);
    let misfit = crate::residuals::misfit(
        (&chosen.ln_wavelength, &residual),
        STRETCH,
        minimum.parameters.len() + minimum.amplitudes.len(),
    );
    let mut covariance = derivatives.covariance();
    covariance.iter_mut().for_each(|value| *value *= misfit);
    Ok(ContinuumFit { minimum, n_pixels: used.len(), misfit, covariance, used, parts, kinds: model.parts() })
}

/// The error of what is expected of a Balmer continuum whose edge is out of view while its light is not: a share of the power
/// law of a fit without it, which has taken that light.
fn expected_balmer(chosen: &Chosen, parts: Ingredients, without: &Minimum) -> Option<f64> {
    let within = |from: f64, to: f64| chosen.wavelength.iter().filter(|x| **x > from && **x < to).count();
    if parts.balmer != Balmer::Absent
        || within(1_970.0, EDGE_ANGSTROM) < LEAST_BAND_PIXELS
        || within(3_700.0, f64::MAX) > LEAST_BAND_PIXELS
    {
        return None;
    }
    let (mean, scatter) = EXPECTED_BALMER;
    let at_edge = without.amplitudes.first()? * (EDGE_ANGSTROM / PIVOT_ANGSTROM).powf(*without.parameters.first()?);
    (at_edge > 0.0).then(|| scatter * at_edge / (1.0 + mean))
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
        break_angstrom: None,
        iron_uv: templates.iron_uv.is_some() && within(IRON_UV_BAND.0 - 200.0, IRON_UV_BAND.1) > LEAST_BAND_PIXELS,
        iron_optical: templates.iron_optical.is_some()
            && within(IRON_OPTICAL_BAND.0, IRON_OPTICAL_BAND.1).max(within(5_100.0, 5_535.0)) > LEAST_BAND_PIXELS,
        balmer: if settings.balmer && balmer_sides > LEAST_BAND_PIXELS { Balmer::Measured } else { Balmer::Absent },
        host: settings.host && templates.host.is_some() && within(3_700.0, 8_000.0) > 4 * LEAST_BAND_PIXELS,
        polynomial: settings.polynomial,
        shift_bounds: (-0.01, 0.01),
    }
}

/// The minimum over binned pixels from many starts, and whether a host galaxy is worth its amplitudes.
fn coarse_fit(
    binned: &Chosen,
    templates: &Templates,
    parts: Ingredients,
    space: &mut Workspace,
) -> (Ingredients, Minimum) {
    let with_host = search(binned, templates, parts, space);
    if !parts.host {
        return (parts, with_host);
    }
    let bare = Ingredients { host: false, ..parts };
    let mut without = quick_fit(binned, templates, bare, &with_host.parameters, space);
    let kinds = ContinuumModel::new((&[], &[], &[]), templates, parts).parts();
    let galaxies =
        kinds.iter().zip(&with_host.amplitudes).filter(|(kind, a)| **kind == Part::Host && **a > 0.0).count();
    let n = binned.data.len() as f64;
    let scale = (with_host.chi2 / n).max(1.0);
    if galaxies > 0 && (without.chi2 - with_host.chi2) / scale > HOST_PENALTY * galaxies.max(2) as f64 {
        return (parts, with_host);
    }
    // Where no galaxy was wanted the search was one without.
    if galaxies == 0 {
        return (bare, without);
    }
    let searched = search(binned, templates, bare, space);
    if searched.chi2 < without.chi2 {
        without = searched;
    }
    (bare, without)
}

/// The minimum over binned pixels near a known one.
fn quick_fit(
    binned: &Chosen,
    templates: &Templates,
    parts: Ingredients,
    start: &[f64],
    space: &mut Workspace,
) -> Minimum {
    let model = ContinuumModel::of(binned, templates, parts);
    minimise(&model, &binned.data, start, Tolerance { relative_chi2: 1e-4, steps: 15 }, space)
}

/// The power law with the best of [`BREAKS_ANGSTROM`], if it is worth its parameters. Both are judged by what they leave of
/// bins that are not far below them, so that absorption neither makes nor hides a bend.
fn bend(
    binned: &Chosen,
    templates: &Templates,
    (parts, straight): (Ingredients, Minimum),
    clip_sigma: f64,
    space: &mut Workspace,
) -> (Ingredients, Minimum) {
    let n = binned.data.len() as f64;
    let bins = |from: f64, to: f64| binned.wavelength.iter().filter(|x| **x > from && **x < to).count();
    let (cost, clipped) = without_dips(binned, templates, (parts, straight), clip_sigma, space);
    let fitted = clipped.parameters.len() + clipped.amplitudes.len();
    let (mut best, mut lowest) = ((parts, clipped), cost);
    if cost <= n - fitted as f64 {
        return best;
    }
    for at in BREAKS_ANGSTROM {
        if bins(0.0, at).min(bins(at, f64::MAX)) < LEAST_BAND_PIXELS / BINNED {
            continue;
        }
        let bent = Ingredients { break_angstrom: Some(at), ..parts };
        let mut start = Minimum { parameters: best.1.parameters.clone(), ..Minimum::default() };
        if best.0.break_angstrom.is_none() {
            start.parameters.insert(0, start.parameters[0]);
        }
        let (left, minimum) = without_dips(binned, templates, (bent, start), clip_sigma, space);
        let inside = minimum.parameters[..2].iter().all(|slope| *slope > SLOPES.0 && *slope < SLOPES.1);
        if inside && left < lowest {
            (best, lowest) = ((bent, minimum), left);
        }
    }
    let scale = (lowest / (n - fitted as f64).max(1.0)).max(1.0);
    if (cost - lowest) / scale > BREAK_PENALTY * n.ln() {
        return best;
    }
    let straight = Ingredients { break_angstrom: None, ..best.0 };
    let mut start = best.1;
    if best.0.break_angstrom.is_some() {
        start.parameters.remove(0);
    }
    let (_, minimum) = without_dips(binned, templates, (straight, start), clip_sigma, space);
    (straight, minimum)
}

/// The minimum without bins far below it, and chi2 of all bins, those counted as no further below than the limit.
fn without_dips(
    binned: &Chosen,
    templates: &Templates,
    (parts, start): (Ingredients, Minimum),
    sigma: f64,
    space: &mut Workspace,
) -> (f64, Minimum) {
    let model = ContinuumModel::of(binned, templates, parts);
    let mut minimum = quick_fit(binned, templates, parts, &start.parameters, space);
    if sigma <= 0.0 {
        return (minimum.chi2, minimum);
    }
    let mut cost = f64::INFINITY;
    for round in 0..3 {
        let residual = added(&binned.data, -1.0, &model, &minimum, &mut space.spare);
        let spread = (crate::separable::dot(&residual, &residual) / residual.len() as f64).sqrt();
        let limit = -sigma * spread.clamp(1.0, 2.0);
        let counted = |(value, wavelength): (&f64, &f64)| {
            if *wavelength < ABSORBED_BELOW_ANGSTROM { value.max(limit).powi(2) } else { value * value }
        };
        cost = residual.iter().zip(&binned.wavelength).map(counted).sum();
        let n = binned.wavelength.len();
        let may_absorb = |at: usize| binned.wavelength[at] < ABSORBED_BELOW_ANGSTROM;
        let kept: Vec<usize> = (0..n).filter(|at| residual[*at] > limit || !may_absorb(*at)).collect();
        if round == 2 || kept.len() == n {
            break;
        }
        minimum = quick_fit(&binned.of(&kept), templates, parts, &minimum.parameters, space);
    }
    (cost, minimum)
}

/// Widths and shifts of one Fe II template after the other, the best two followed.
pub(crate) fn search(binned: &Chosen, templates: &Templates, parts: Ingredients, space: &mut Workspace) -> Minimum {
    let model = ContinuumModel::of(binned, templates, parts);
    let slopes = model.n_slopes();
    let n_irons = (model.n_parameters() - slopes) / 2;
    let quick = Tolerance { relative_chi2: 1e-3, steps: 4 };
    let middle = [4_000.0_f64.ln(), 0.0];
    let mut start = vec![-1.5; slopes];
    start.extend((0..n_irons).flat_map(|_| middle));
    let first = minimise(&model, &binned.data, &start, quick, space);
    let mut found = vec![(first.chi2, first.parameters)];
    for iron in 0..n_irons {
        let base = found[0].1.clone();
        for fwhm in [1_600.0_f64, 4_000.0, 10_000.0] {
            for shift in [-0.005, 0.005] {
                let mut start = base.clone();
                start[slopes + 2 * iron..slopes + 2 * iron + 2].copy_from_slice(&[fwhm.ln(), shift]);
                let minimum = minimise(&model, &binned.data, &start, quick, space);
                found.push((minimum.chi2, minimum.parameters));
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let mut best = Minimum { chi2: f64::INFINITY, ..Minimum::default() };
    for (_, start) in found.iter().take(2) {
        let tolerance = Tolerance { relative_chi2: 1e-4, steps: 25 };
        let minimum = minimise(&model, &binned.data, start, tolerance, space);
        if minimum.chi2 < best.chi2 {
            best = minimum;
        }
    }
    best
}

/// Which pixels are not in absorption: means of [`RUN`] neighbours are compared with the fit, so that noise alone rarely
/// removes a pixel (and moves no mean). The limit is scaled by how well the fit is, so that a bad fit does not lose its data.
fn without_absorption(
    chosen: &Chosen,
    templates: &Templates,
    (parts, minimum): (Ingredients, &Minimum),
    sigma: f64,
    spare: &mut Columns,
) -> Vec<usize> {
    let n = chosen.wavelength.len();
    if sigma <= 0.0 {
        return (0..n).collect();
    }
    let model = ContinuumModel::of(chosen, templates, parts);
    let residual = &added(&chosen.data, -1.0, &model, minimum, spare)[..n];
    let chi2 = crate::separable::dot(residual, residual);
    let limit = -sigma * (chi2 / n.max(1) as f64).sqrt().max(1.0);
    let absorbed = crate::residuals::runs_below(&chosen.ln_wavelength, residual, RUN, limit);
    (0..n).filter(|at| !absorbed[*at] || chosen.wavelength[*at] > ABSORBED_BELOW_ANGSTROM).collect()
}

#[cfg(test)]
#[path = "oracle.rs"]
mod oracle;
