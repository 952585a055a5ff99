//! A fitted complex: its Gaussians, and what lines that were not found could have.

use astro::cosmology::SPEED_OF_LIGHT_KM_S;

use super::complex::{Gaussian, LineModel, Pixels};
use super::list::{Complex, Group, Line};
use super::scan::Beside;
use crate::separable::{Columns, Minimum, Separable};

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
    /// Whether its velocity or width ended at a bound.
    pub at_bound: bool,
    /// Whether it is narrower than the instrument's own line.
    pub unresolved: bool,
    /// Place of its velocity among the parameters, of its amplitude after them, and its flux in units of the amplitude.
    pub(crate) place: (usize, usize, f64),
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
    /// Pixels left out as absorption.
    pub n_masked: usize,
    /// Whether more than may be left out lies far below the fit, which has the absorption in it then.
    pub drowned: bool,
    /// Number of parameters and amplitudes.
    pub n_fitted: usize,
    /// Parameters that ended at a bound: group by group `velocity`, `sigma`.
    pub at_bound: bool,
    /// Lines that were not found: what a line of usual velocity and width could have.
    pub limits: Vec<LineLimit>,
    /// What the variances are greater than those of noise alone, for what the model lacks; 1 and more.
    pub(crate) misfit: f64,
    /// Covariance of parameters, then amplitudes; zero for those at a bound or at zero.
    pub(crate) covariance: Vec<f64>,
    /// Fits with one component more that were not kept.
    pub(crate) others: Vec<Other>,
}

/// A fit with one component more than the one that was kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Other {
    /// The group whose component it is.
    pub group: usize,
    /// Its weight against the one that was kept, 0 to 1.
    pub weight: f64,
    pub fit: ComplexFit,
}

/// The flux of a line that was not found, fitted with any sign at a usual velocity and width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineLimit {
    /// Which line of the complex.
    pub line: usize,
    /// The flux, 1e-17 erg/s/cm2.
    pub flux_1e17_cgs: f64,
    /// Its standard error, the continuum taken as known.
    pub error_1e17_cgs: f64,
}

impl ComplexFit {
    /// Fits every line without a Gaussian at the middle of its group's widths (geometric) and the velocity of rest.
    pub(crate) fn set_limits(&mut self, complex: &Complex, pixels: &Pixels, data: &[f64]) {
        let model = LineModel::new(complex, &self.components, pixels);
        let found = |line: usize| self.gaussians.iter().any(|one| one.line == line && one.flux_1e17_cgs > 0.0);
        let lacking: Vec<usize> = (0..complex.line.len()).filter(|line| !found(*line)).collect();
        if lacking.is_empty() {
            return;
        }
        let mut beside = Beside::default();
        beside.set(&model, &self.minimum.parameters, data, None);
        for line in lacking {
            let declared = &complex.line[line];
            let Some(group) = complex.group.iter().find(|group| group.name == declared.group) else { continue };
            let alone = Complex {
                line: vec![Line { flux_of: None, ratio: 1.0, ..declared.clone() }],
                group: vec![group.clone()],
                ..complex.clone()
            };
            let one = LineModel::new(&alone, &[1], pixels);
            let ln_sigma = 0.5 * (one.bounds[1].0 + one.bounds[1].1);
            let mut columns = Columns::default();
            columns.reset(1, one.n_pixels());
            one.columns(&[0.0_f64.clamp(one.bounds[0].0, one.bounds[0].1), ln_sigma], &mut columns);
            if let Some((flux, error)) = beside.amplitude(columns.stretch(0), columns.stored(0)) {
                self.limits.push(LineLimit { line, flux_1e17_cgs: flux, error_1e17_cgs: error });
            }
        }
    }

    /// Chi2 per degree of freedom.
    #[must_use]
    pub fn reduced_chi2(&self) -> f64 {
        self.minimum.chi2 / (self.n_pixels.saturating_sub(self.n_fitted)).max(1) as f64
    }
}

/// A minimum in the terms of its lines.
pub(crate) fn describe(complex: &Complex, components: Vec<usize>, pixels: &Pixels, minimum: Minimum) -> ComplexFit {
    let model = LineModel::new(complex, &components, pixels);
    let touches = |at: usize| {
        let (least, most) = model.bounds[at];
        minimum.parameters[at] <= least || minimum.parameters[at] >= most
    };
    let fitted = |gaussian: &Gaussian| {
        let (velocity, ln_sigma) =
            (minimum.parameters[gaussian.kinematics], minimum.parameters[gaussian.kinematics + 1]);
        FittedLine {
            line: gaussian.line,
            velocity_km_s: velocity * SPEED_OF_LIGHT_KM_S,
            sigma_km_s: ln_sigma.exp() * SPEED_OF_LIGHT_KM_S,
            flux_1e17_cgs: gaussian.factor * minimum.amplitudes[gaussian.column],
            at_bound: touches(gaussian.kinematics) || touches(gaussian.kinematics + 1),
            unresolved: ln_sigma.exp() < pixels.instrument_at(gaussian.ln_wavelength + velocity),
            place: (gaussian.kinematics, model.bounds.len() + gaussian.column, gaussian.factor),
        }
    };
    let gaussians: Vec<FittedLine> = model.gaussians.iter().map(fitted).collect();
    let at_bound = gaussians.iter().any(|one| one.at_bound && one.flux_1e17_cgs > 0.0);
    ComplexFit {
        gaussians,
        n_pixels: pixels.weight.iter().filter(|weight| **weight > 0.0).count(),
        n_fitted: n_fitted(complex, &components),
        at_bound,
        n_masked: 0,
        drowned: false,
        limits: Vec::new(),
        misfit: 1.0,
        covariance: Vec::new(),
        others: Vec::new(),
        components,
        minimum,
    }
}

/// Fluxes that a group adds with one more component.
pub(super) fn n_lines(complex: &Complex, group: &Group) -> usize {
    complex.line.iter().filter(|line| line.group == group.name && line.flux_of.is_none()).count()
}

/// Parameters and amplitudes of a complex.
pub(super) fn n_fitted(complex: &Complex, components: &[usize]) -> usize {
    complex.group.iter().zip(components).map(|(group, count)| count * (2 + n_lines(complex, group))).sum()
}
