//! Lines of a decomposition: flux, shape and how sure they are.

use super::physics::log_luminosity;
use super::{FitPlan, Measured, half_range};
use crate::continuum::RestPixels;
use crate::decompose::Decomposition;
use crate::lines::{Complex, ComplexFit, FittedLine};
use crate::profile::{
    GaussianComponent, LineProfile, WingFlux, maximum_velocity_km_s, profile_of_model, profile_slopes, wing_of_model,
};

/// Quantities of a line with its flux: name, unit, meaning. Velocities are positive redward.
pub const QUANTITIES: [(&str, &str, &str); 18] = [
    ("FLUX", "1e-17 erg/s/cm2", "flux, rest frame"),
    ("V50", "km/s", "velocity that halves the flux, positive redward"),
    ("FWHM", "km/s", "full width at half maximum, instrument removed"),
    ("W80", "km/s", "width of the middle 80 per cent of the flux"),
    ("SIGMA", "km/s", "standard deviation of the profile, instrument removed"),
    ("CENTROID", "km/s", "mean velocity of the flux"),
    ("SKEW", "", "skewness of the profile, negative for a blue wing"),
    ("VPEAK", "km/s", "velocity of the peak"),
    ("V02", "km/s", "velocity below which 2 per cent of the flux lies"),
    ("V05", "km/s", "velocity below which 5 per cent of the flux lies"),
    ("V10", "km/s", "velocity below which 10 per cent of the flux lies"),
    ("V90", "km/s", "velocity below which 90 per cent of the flux lies"),
    ("V95", "km/s", "velocity below which 95 per cent of the flux lies"),
    ("V98", "km/s", "velocity below which 98 per cent of the flux lies"),
    ("W90", "km/s", "width of the middle 90 per cent of the flux"),
    ("DV", "km/s", "offset of the wings, half of V05 + V95"),
    ("ASYMMETRY", "", "(|V90 - V50| - |V10 - V50|) / W80, negative for a blue wing"),
    ("VMAX", "km/s", "offset of the broadest Gaussian from the others plus twice its standard deviation"),
];
/// Bits of a line's flags and their meaning.
pub const FLAGS: [(&str, i64); 8] = [
    ("NOT_DETECTED", 1),
    ("EDGE", 2),
    ("ABSORBED", 4),
    ("NOT_CONVERGED", 8),
    ("UNRESOLVED", 16),
    ("AT_BOUND", 32),
    ("FOREST", 64),
    ("DROWNED", 128),
];
/// Standard errors of an upper limit.
const LIMIT_SIGMA: f64 = 3.0;
/// A line is cut where pixels lack within this many of its standard deviations (or the velocity below) of its centre.
const EDGE: (f64, f64) = (1.5, 300.0);
/// Share of a flux or width by which a Gaussian is moved for a derivative.
const SMALL: f64 = 1e-4;
const LYA_ANGSTROM: f64 = 1_215.67;
const SPEED_OF_LIGHT_KM_S: f64 = astro::cosmology::SPEED_OF_LIGHT_KM_S;

/// One line of one complex; or core and wing of one together (`group` is then `whole`).
#[derive(Debug, Clone, PartialEq)]
pub struct LineMeasurement {
    /// The complex.
    pub complex: String,
    /// The line.
    pub line: String,
    /// The group whose velocity and width it has: `broad`, `narrow`, `wing`; `whole` for core and wing together.
    pub group: String,
    /// Rest wavelength in vacuum, Angstrom.
    pub wavelength_angstrom: f64,
    /// Gaussians with flux.
    pub gaussians: usize,
    /// Flux in the rest frame, 1e-17 erg/s/cm2. Of a line that was not detected: of a line of usual width, any sign.
    pub flux_1e17_cgs: Measured,
    /// Upper limit of the flux of a line that was not detected: three standard errors above what is positive of it.
    pub flux_limit_1e17_cgs: Option<f64>,
    /// log10 of the luminosity, erg/s; `None` where not detected.
    pub log_luminosity: Option<f64>,
    /// Equivalent width against the whole continuum, rest frame, Angstrom; `None` where the continuum is not positive.
    pub equivalent_width_angstrom: Option<f64>,
    /// Its standard error.
    pub equivalent_width_error_angstrom: Option<f64>,
    /// Velocity that halves the flux, km/s; `None` without flux.
    pub v50_km_s: Option<Measured>,
    /// Full width at half maximum, km/s, the instrument's removed.
    pub fwhm_km_s: Option<Measured>,
    /// Width that holds the middle 80 per cent of the flux, km/s.
    pub w80_km_s: Option<Measured>,
    /// All [`QUANTITIES`]; `None` where not detected.
    pub quantities: Option<[Measured; QUANTITIES.len()]>,
    /// Share of the wing in a whole line; `None` elsewhere and without a wing.
    pub wing: Option<WingFlux>,
    /// Chi2 per degree of freedom of the complex.
    pub reduced_chi2: f64,
    /// Pixels of the complex that were used.
    pub n_pixels: usize,
    /// A velocity or width of the line ended at a bound.
    pub at_bound: bool,
    /// Sum of [`FLAGS`].
    pub flags: i64,
}

impl LineMeasurement {
    fn set_quantities(&mut self, quantities: &[Measured; QUANTITIES.len()]) {
        self.quantities = Some(*quantities);
        self.flux_1e17_cgs = quantities[0];
        (self.v50_km_s, self.fwhm_km_s, self.w80_km_s) =
            (Some(quantities[1]), Some(quantities[2]), Some(quantities[3]));
        let width = self.equivalent_width_angstrom.zip(quantities[0].error);
        if let (Some((width, error)), true) = (width, quantities[0].value > 0.0) {
            self.equivalent_width_error_angstrom = Some(width * error / quantities[0].value);
        }
    }

    /// A quantity by its name in [`QUANTITIES`].
    #[must_use]
    pub fn quantity(&self, name: &str) -> Option<Measured> {
        let at = QUANTITIES.iter().position(|(known, _, _)| *known == name)?;
        Some(self.quantities.as_ref()?[at])
    }
}

/// A row of the table: which lines of the complex make it.
struct Row {
    main: usize,
    wings: Vec<usize>,
}

fn rows(complex: &Complex) -> Vec<Row> {
    let alone = (0..complex.line.len()).map(|main| Row { main, wings: Vec::new() });
    let whole = (0..complex.line.len()).filter_map(|main| {
        let is_wing = |line: &usize| complex.line[*line].wing_of.as_ref() == Some(&complex.line[main].name);
        let wings: Vec<usize> = (0..complex.line.len()).filter(is_wing).collect();
        (!wings.is_empty()).then_some(Row { main, wings })
    });
    alone.chain(whole).collect()
}

/// Gaussians of a row that have flux.
fn gaussians<'a>(fit: &'a ComplexFit, row: &Row) -> Vec<&'a FittedLine> {
    let of = |one: &&FittedLine| (one.line == row.main || row.wings.contains(&one.line)) && one.flux_1e17_cgs > 0.0;
    fit.gaussians.iter().filter(of).collect()
}

pub(super) fn measured(
    decomposition: &Decomposition,
    plan: &FitPlan<'_>,
    redshift: f64,
    pixels: &RestPixels,
) -> Vec<LineMeasurement> {
    let mut lines = Vec::new();
    for ((_, fit), complex) in decomposition.complexes.iter().zip(&plan.lines.complex) {
        let Some(fit) = fit else { continue };
        let levels: Vec<(f64, f64)> = (complex.line.iter())
            .map(|line| decomposition.continuum.level_at(line.wavelength_angstrom, plan.templates))
            .collect();
        for row in rows(complex) {
            lines.push(measure(complex, fit, &row, (redshift, levels[row.main]), pixels));
        }
    }
    lines
}

fn measure(
    complex: &Complex,
    fit: &ComplexFit,
    row: &Row,
    (redshift, (level, level_error)): (f64, (f64, f64)),
    pixels: &RestPixels,
) -> LineMeasurement {
    let line = &complex.line[row.main];
    let own = gaussians(fit, row);
    let quantities = if own.is_empty() { None } else { with_errors(fit, &own) };
    let quantities = quantities.map(|known| {
        let more = others(fit, complex, row).into_iter();
        let more = more.filter_map(|(at, odds, own)| Some((odds, with_errors(&fit.others[at].fit, &own)?)));
        averaged(&[(1.0, known)].into_iter().chain(more).collect::<Vec<_>>())
    });
    let limit = fit.limits.iter().find(|limit| limit.line == row.main);
    let flux = match (&quantities, limit) {
        (Some(quantities), _) => quantities[0],
        (None, Some(limit)) => Measured::new(limit.flux_1e17_cgs, limit.error_1e17_cgs),
        (None, None) => Measured { value: 0.0, error: None },
    };
    let quantity = |at: usize| quantities.as_ref().map(|all| all[at]);
    let width = flux.value / level;
    LineMeasurement {
        complex: complex.name.clone(),
        line: line.name.clone(),
        group: if row.wings.is_empty() { line.group.clone() } else { "whole".to_owned() },
        wavelength_angstrom: line.wavelength_angstrom,
        gaussians: own.len(),
        flux_1e17_cgs: flux,
        flux_limit_1e17_cgs: match (&quantities, flux.error) {
            (None, Some(error)) => Some(flux.value.max(0.0) + LIMIT_SIGMA * error),
            _ => None,
        },
        log_luminosity: quantities.and_then(|all| log_luminosity(all[0].value, redshift)),
        equivalent_width_angstrom: (level > 0.0).then_some(width),
        equivalent_width_error_angstrom: (flux.error.filter(|_| level > 0.0))
            .map(|error| (error / level).hypot(width * level_error / level)),
        v50_km_s: quantity(1),
        fwhm_km_s: quantity(2),
        w80_km_s: quantity(3),
        wing: wing(fit, row),
        reduced_chi2: fit.reduced_chi2(),
        n_pixels: fit.n_pixels,
        at_bound: own.iter().any(|one| one.at_bound),
        flags: flags(fit, &own, line.wavelength_angstrom, pixels),
        quantities,
    }
}

fn flags(fit: &ComplexFit, own: &[&FittedLine], wavelength: f64, pixels: &RestPixels) -> i64 {
    let uncovered = |velocity: f64, reach: f64| {
        let at = |velocity: f64| wavelength * (1.0 + velocity / SPEED_OF_LIGHT_KM_S);
        let (from, to) = (at(velocity - reach), at(velocity + reach));
        let inside = pixels.wavelength.partition_point(|x| *x < to) - pixels.wavelength.partition_point(|x| *x < from);
        let ends = pixels.wavelength.first().zip(pixels.wavelength.last());
        inside < 3 || ends.is_none_or(|(first, last)| from < *first || to > *last)
    };
    let edge = match own {
        [] => uncovered(0.0, EDGE.1),
        own => own.iter().any(|one| uncovered(one.velocity_km_s, (EDGE.0 * one.sigma_km_s).max(EDGE.1))),
    };
    let raised = [
        own.is_empty(),
        edge,
        fit.n_masked > 0 || fit.drowned,
        !fit.minimum.converged,
        own.iter().any(|one| one.unresolved),
        own.iter().any(|one| one.at_bound),
        wavelength < LYA_ANGSTROM + 1.0,
        fit.drowned,
    ];
    FLAGS.iter().zip(raised).filter(|(_, raised)| *raised).map(|((_, bit), _)| bit).sum()
}

fn wing(fit: &ComplexFit, row: &Row) -> Option<WingFlux> {
    let amplitude = |line: usize| fit.gaussians.iter().find(|one| one.line == line && one.flux_1e17_cgs > 0.0);
    let (core, wing) = (amplitude(row.main), amplitude(*row.wings.first()?)?);
    let n = fit.minimum.parameters.len() + fit.minimum.amplitudes.len();
    let covariance = |a: &FittedLine, b: &FittedLine| {
        a.place.2 * b.place.2 * fit.covariance.get(a.place.1 * n + b.place.1).unwrap_or(&0.0)
    };
    let (core_flux, matrix) = match core {
        Some(core) => {
            let both = covariance(core, wing);
            (core.flux_1e17_cgs, [[covariance(core, core), both], [both, covariance(wing, wing)]])
        }
        None => (0.0, [[0.0, 0.0], [0.0, covariance(wing, wing)]]),
    };
    wing_of_model([core_flux, wing.flux_1e17_cgs], matrix).ok()
}

/// The quantities of some Gaussians.
fn quantities(gaussians: &[GaussianComponent]) -> Option<[f64; QUANTITIES.len()]> {
    quantities_with(gaussians, &profile_of_model(gaussians).ok()?)
}

/// The quantities of some Gaussians whose profile is known.
fn quantities_with(gaussians: &[GaussianComponent], profile: &LineProfile) -> Option<[f64; QUANTITIES.len()]> {
    let flux: f64 = gaussians.iter().map(|one| one.flux).sum();
    let mean = gaussians.iter().map(|one| one.flux * one.centre_km_s).sum::<f64>() / flux;
    let moment = |of: &dyn Fn(f64, f64) -> f64| {
        gaussians.iter().map(|one| one.flux * of(one.centre_km_s - mean, one.sigma_km_s)).sum::<f64>() / flux
    };
    let sigma = moment(&|away, sigma| away * away + sigma * sigma).sqrt();
    let skew = moment(&|away, sigma| away.powi(3) + 3.0 * away * sigma * sigma) / sigma.powi(3);
    let [v02, v05, v10, v50, v90, v95, v98] = profile.velocity_km_s;
    let broadest = gaussians.iter().max_by(|a, b| a.sigma_km_s.total_cmp(&b.sigma_km_s))?;
    let others = flux - broadest.flux;
    let systemic = if others > 0.0 { (mean * flux - broadest.flux * broadest.centre_km_s) / others } else { 0.0 };
    let vmax = maximum_velocity_km_s(broadest, systemic);
    let (w80, w90, dv, asymmetry) = (profile.w80(), profile.w90(), profile.dv(), profile.asymmetry());
    let peak = profile.peak_km_s;
    let fwhm = profile.fwhm_km_s;
    Some([flux, v50, fwhm, w80, sigma, mean, skew, peak, v02, v05, v10, v90, v95, v98, w90, dv, asymmetry, vmax])
}

fn component(one: &FittedLine) -> GaussianComponent {
    GaussianComponent { flux: one.flux_1e17_cgs, centre_km_s: one.velocity_km_s, sigma_km_s: one.sigma_km_s }
}

/// The fits with one component more of a row's lines: place among the others, odds against the fit that was kept, Gaussians.
fn others<'a>(fit: &'a ComplexFit, complex: &Complex, row: &Row) -> Vec<(usize, f64, Vec<&'a FittedLine>)> {
    let lines = || row.wings.iter().chain([&row.main]).map(|line| &complex.line[*line]);
    (fit.others.iter().enumerate())
        .filter(|(_, other)| lines().any(|line| line.group == complex.group[other.group].name))
        .map(|(at, other)| (at, other.weight / (1.0 - other.weight), gaussians(&other.fit, row)))
        .collect()
}

/// Mean of the quantities of several fits by their weights. Its variance is the mean of theirs and what they differ by.
fn averaged(fits: &[(f64, [Measured; QUANTITIES.len()])]) -> [Measured; QUANTITIES.len()] {
    let total: f64 = fits.iter().map(|(weight, _)| weight).sum();
    std::array::from_fn(|at| {
        let mean =
            |of: &dyn Fn(Measured) -> f64| fits.iter().map(|(weight, all)| weight * of(all[at])).sum::<f64>() / total;
        let value = mean(&|one| one.value);
        let known = fits.iter().all(|(_, all)| all[at].error.is_some());
        let variance = mean(&|one| one.error.unwrap_or(0.0).powi(2) + (one.value - value).powi(2));
        Measured { value, error: if known { Some(variance.sqrt()) } else { fits[0].1[at].error } }
    })
}

/// The quantities with errors by the covariance.
fn with_errors(fit: &ComplexFit, own: &[&FittedLine]) -> Option<[Measured; QUANTITIES.len()]> {
    let components: Vec<GaussianComponent> = own.iter().map(|one| component(one)).collect();
    let profile = profile_of_model(&components).ok()?;
    let slopes = profile_slopes(&components, &profile);
    let values = quantities_with(&components, &profile)?;
    let n = fit.minimum.parameters.len() + fit.minimum.amplitudes.len();
    let variance = |at: usize| fit.covariance.get(at * n + at).copied().unwrap_or(0.0);
    let mut places: Vec<usize> = own.iter().flat_map(|one| [one.place.0, one.place.0 + 1, one.place.1]).collect();
    places.sort_unstable();
    places.dedup();
    places.retain(|place| variance(*place) > 0.0);
    let mut gradients = Vec::with_capacity(places.len());
    for place in &places {
        // What a unit of the parameter changes of a Gaussian: flux, centre, standard deviation.
        let change = |one: &FittedLine| {
            if one.place.0 == *place {
                [0.0, SPEED_OF_LIGHT_KM_S, 0.0]
            } else if one.place.0 + 1 == *place {
                [0.0, 0.0, one.sigma_km_s]
            } else if one.place.1 == *place {
                [one.place.2, 0.0, 0.0]
            } else {
                [0.0; 3]
            }
        };
        let changes: Vec<[f64; 3]> = own.iter().map(|one| change(one)).collect();
        // A small step for what is a formula of the Gaussians and their profile.
        let scale = |(one, by): (&GaussianComponent, &[f64; 3])| {
            let shares = [one.flux / by[0].abs(), one.sigma_km_s / by[1].abs(), one.sigma_km_s / by[2].abs()];
            shares.into_iter().fold(f64::INFINITY, f64::min)
        };
        let step = SMALL * components.iter().zip(&changes).map(scale).fold(f64::INFINITY, f64::min);
        let moved = |step: f64| {
            let (mut moved, mut profile) = (components.clone(), profile);
            for ((component, by), slopes) in moved.iter_mut().zip(&changes).zip(&slopes) {
                component.flux += step * by[0];
                component.centre_km_s += step * by[1];
                component.sigma_km_s += step * by[2];
                by.iter().zip(slopes).for_each(|(by, slope)| profile.move_by(step * by, slope));
            }
            quantities_with(&moved, &profile)
        };
        let (above, below) = (moved(step)?, moved(-step)?);
        gradients
            .push(std::array::from_fn::<f64, { QUANTITIES.len() }, _>(|at| (above[at] - below[at]) / (2.0 * step)));
    }
    let error = |at: usize| {
        let mut sum = 0.0;
        for (i, a) in places.iter().enumerate() {
            for (j, b) in places.iter().enumerate() {
                sum += gradients[i][at] * gradients[j][at] * fit.covariance[a * n + b];
            }
        }
        sum.max(0.0).sqrt()
    };
    Some(std::array::from_fn(|at| Measured::new(values[at], error(at))))
}

/// Replaces errors by half the range of the middle 68 per cent of the draws.
pub(super) fn errors_of_draws(
    lines: &mut [LineMeasurement],
    known: &Decomposition,
    drawn: &[Decomposition],
    plan: &FitPlan<'_>,
) {
    let mut at = 0;
    for (place, ((_, fit), complex)) in known.complexes.iter().zip(&plan.lines.complex).enumerate() {
        let Some(fit) = fit else { continue };
        for row in rows(complex) {
            let line = &mut lines[at];
            at += 1;
            if line.quantities.is_none() {
                continue;
            }
            // Of the fit that was kept or of another one: its quantities, and how those of the draws scatter.
            let scattered = |own: &[&FittedLine], which: &dyn Fn(&ComplexFit) -> Option<&ComplexFit>| {
                let shape = |own: &[&FittedLine]| own.iter().map(|one| component(one)).collect::<Vec<_>>();
                let of_draw = |one: &Decomposition| {
                    let fit = which(one.complexes[place].1.as_ref()?)?;
                    quantities(&shape(&gaussians(fit, &row)))
                };
                let values = quantities(&shape(own))?;
                let draws: Vec<_> = drawn.iter().filter_map(of_draw).collect();
                Some(std::array::from_fn(|at| Measured {
                    value: values[at],
                    error: half_range(&draws.iter().map(|all| all[at]).collect::<Vec<f64>>()),
                }))
            };
            let Some(known) = scattered(&gaussians(fit, &row), &|fit| Some(fit)) else { continue };
            let more = others(fit, complex, &row).into_iter().filter_map(|(at, odds, own)| {
                Some((odds, scattered(&own, &|fit| fit.others.get(at).map(|other| &other.fit))?))
            });
            line.set_quantities(&averaged(&[(1.0, known)].into_iter().chain(more).collect::<Vec<_>>()));
        }
    }
}
