//! The fit of one complex: structured starts, refinement, number of components, absorption clipped.

use astro::cosmology::SPEED_OF_LIGHT_KM_S;

use super::complex::{Gaussian, LineModel, Pixels};
use super::list::{Complex, Group};
use super::starts::{Start, Starts};
use crate::separable::{Minimum, Separable, Tolerance, Workspace, minimise};

/// Fewest good pixels of a complex.
const LEAST_PIXELS: usize = 20;

/// How hard a fit looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FitSettings {
    /// When a fit from one start stops.
    pub tolerance: Tolerance,
    /// How many of the starts, best first, are followed to their minimum.
    pub followed: usize,
    /// How often each component of the best minimum is tried elsewhere, as long as that helps.
    pub rounds: usize,
    /// How many of those places are followed in a round.
    pub moves: usize,
    /// Starts scattered over all bounds; an eighth of them, the best, is followed.
    pub scattered: usize,
    /// Penalty on a further component, in units of that of the Bayesian information criterion.
    pub bic_penalty: f64,
}

impl Default for FitSettings {
    fn default() -> Self {
        let tolerance = Tolerance { relative_chi2: 1e-4, steps: 30 };
        Self { tolerance, followed: 2, rounds: 0, moves: 0, scattered: 0, bic_penalty: 1.0 }
    }
}

impl FitSettings {
    /// Looks until nothing better is found: some hundred times the work, for single objects.
    pub fn thorough() -> Self {
        let tolerance = Tolerance::default();
        Self { tolerance, followed: 3, rounds: 4, moves: 10, scattered: 400, bic_penalty: 1.0 }
    }
}

/// One Gaussian of a fitted line.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedLine {
    /// Which line of the complex.
    pub line: usize,
    /// Velocity of its centre against the rest wavelength, km/s, positive redward.
    pub velocity_km_s: f64,
    /// Velocity dispersion without the instrument, km/s.
    pub sigma_km_s: f64,
    /// Flux in the rest frame, 1e-17 erg/s/cm2.
    pub flux_1e17_cgs: f64,
}

/// The fit of a complex.
#[derive(Debug, Clone, PartialEq)]
pub struct ComplexFit {
    /// Gaussians a line, one number a group.
    pub components: Vec<usize>,
    /// Every Gaussian.
    pub gaussians: Vec<FittedLine>,
    /// Parameters, amplitudes and chi2.
    pub minimum: Minimum,
    /// Pixels used.
    pub n_pixels: usize,
    /// Number of parameters and amplitudes.
    pub n_fitted: usize,
    /// Parameters that ended at a bound: group by group `velocity`, `sigma`.
    pub at_bound: bool,
}

impl ComplexFit {
    /// Chi2 per degree of freedom.
    #[must_use]
    pub fn reduced_chi2(&self) -> f64 {
        self.minimum.chi2 / (self.n_pixels.saturating_sub(self.n_fitted)).max(1) as f64
    }
}

/// Fits a complex to the line flux (continuum already subtracted, in units of the error). `None` with too few pixels.
pub(crate) fn fit_complex(
    complex: &Complex,
    pixels: &Pixels,
    data: &[f64],
    settings: FitSettings,
    space: &mut Workspace,
) -> Option<ComplexFit> {
    if data.len() < LEAST_PIXELS {
        return None;
    }
    let mut components: Vec<usize> = complex.group.iter().map(|group| group.components[0]).collect();
    let mut best = fit_with(complex, &components, pixels, data, (settings, None), space);
    loop {
        let tried = (0..components.len()).filter(|group| components[*group] < complex.group[*group].components[1]);
        let mut improved: Option<(usize, Minimum, f64)> = None;
        for group in tried {
            let mut more = components.clone();
            more[group] += 1;
            let from = (group, &best);
            let fit = fit_with(complex, &more, pixels, data, (settings, Some(from)), space);
            let gain = gain(complex, (&components, &best), (&more, &fit), data.len(), settings);
            if gain > 0.0 && improved.as_ref().is_none_or(|(_, _, most)| gain > *most) {
                improved = Some((group, fit, gain));
            }
        }
        let Some((group, fit, _)) = improved else { break };
        components[group] += 1;
        best = fit;
    }
    Some(describe(complex, components, pixels, best))
}

/// How much the Bayesian information criterion falls, with chi2 scaled so that the richer model would fit well: the
/// features that no Gaussian describes must not buy components.
fn gain(
    complex: &Complex,
    poor: (&[usize], &Minimum),
    rich: (&[usize], &Minimum),
    n_pixels: usize,
    settings: FitSettings,
) -> f64 {
    let fitted = |components: &[usize]| n_fitted(complex, components);
    let freedom = n_pixels.saturating_sub(fitted(rich.0)).max(1) as f64;
    let scale = (rich.1.chi2 / freedom).max(1.0);
    let penalty = settings.bic_penalty * (fitted(rich.0) - fitted(poor.0)) as f64 * (n_pixels as f64).ln();
    (poor.1.chi2 - rich.1.chi2) / scale - penalty
}

fn n_fitted(complex: &Complex, components: &[usize]) -> usize {
    let lines =
        |group: &Group| complex.line.iter().filter(|line| line.group == group.name && line.flux_of.is_none()).count();
    complex.group.iter().zip(components).map(|(group, count)| count * (2 + lines(group))).sum()
}

type Known<'a> = Option<(usize, &'a Minimum)>;

/// The best of several starts. With a known fit of one component fewer, the new component is placed beside it.
fn fit_with(
    complex: &Complex,
    components: &[usize],
    pixels: &Pixels,
    data: &[f64],
    (settings, known): (FitSettings, Known<'_>),
    space: &mut Workspace,
) -> Minimum {
    let model = LineModel::new(complex, components, pixels);
    let mut starts = Starts::new(&model, data);
    let found = match known {
        Some((group, minimum)) => {
            let place = components[..=group].iter().sum::<usize>() - 1;
            starts.beside(place, &minimum.parameters)
        }
        None => starts.search(),
    };
    let mut best = Minimum { chi2: f64::INFINITY, ..Minimum::default() };
    follow(&model, data, &found, (settings, settings.followed), &mut best, space);
    if settings.scattered > 0 {
        let scattered = starts.scattered(settings.scattered);
        follow(&model, data, &scattered, (settings, settings.scattered / 8), &mut best, space);
    }
    for _ in 0..settings.rounds {
        let moved = starts.moved(&best.parameters);
        if !follow(&model, data, &moved, (settings, settings.moves), &mut best, space) {
            break;
        }
    }
    best
}

/// Refines starts, best first, and keeps the deepest minimum; whether one deeper than before was found.
fn follow(
    model: &LineModel<'_>,
    data: &[f64],
    starts: &[Start],
    (settings, most): (FitSettings, usize),
    best: &mut Minimum,
    space: &mut Workspace,
) -> bool {
    let before = best.chi2;
    for (_, start) in starts.iter().take(most.max(1)) {
        let minimum = minimise(model, data, start, settings.tolerance, space);
        if minimum.chi2 < best.chi2 {
            *best = minimum;
        }
    }
    best.chi2 < before * (1.0 - 1e-5)
}

fn describe(complex: &Complex, components: Vec<usize>, pixels: &Pixels, minimum: Minimum) -> ComplexFit {
    let model = LineModel::new(complex, &components, pixels);
    let fitted = |gaussian: &Gaussian| FittedLine {
        line: gaussian.line,
        velocity_km_s: minimum.parameters[gaussian.kinematics] * SPEED_OF_LIGHT_KM_S,
        sigma_km_s: minimum.parameters[gaussian.kinematics + 1].exp() * SPEED_OF_LIGHT_KM_S,
        flux_1e17_cgs: gaussian.factor * minimum.amplitudes[gaussian.column],
    };
    let carries = |place: usize| {
        model.gaussians.iter().any(|line| line.kinematics == 2 * place && minimum.amplitudes[line.column] > 0.0)
    };
    let touches = |(at, (least, most)): (usize, &(f64, f64))| {
        carries(at / 2) && (minimum.parameters[at] <= *least || minimum.parameters[at] >= *most)
    };
    let at_bound = model.bounds.iter().enumerate().any(touches);
    ComplexFit {
        gaussians: model.gaussians.iter().map(fitted).collect(),
        n_pixels: model.n_pixels(),
        n_fitted: n_fitted(complex, &components),
        at_bound,
        components,
        minimum,
    }
}

#[cfg(test)]
#[path = "oracle.rs"]
mod oracle;
