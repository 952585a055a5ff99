//! A fit as a figure: the spectrum with its parts, residuals in units of the error, and every complex at its own scale.

use arrow::array::RecordBatch;
use study::figures::{Axis, Colour, Figure, Line, Panel, Rule};
use study::tables::Columns;

use crate::continuum::Templates;
use crate::lines::LineList;
use crate::measure::QuasarFit;
use crate::{Error, InstrumentResolution, Spectrum};

const SPEED_OF_LIGHT_KM_S: f64 = 299_792.458;
/// Pixels averaged for one point of the overview.
const BINNED: usize = 5;
const FLUX_LABEL: &str = "f(λ) (10⁻¹⁷ erg s⁻¹ cm⁻² Å⁻¹)";

/// A model at the good pixels of a spectrum, rest frame.
struct Model {
    wavelength: Vec<f64>,
    flux: Vec<f64>,
    error: Vec<f64>,
    /// Power law, Fe II, Balmer, host, polynomial.
    parts: [Vec<f64>; 5],
    continuum: Vec<f64>,
    /// Broad lines, and all others.
    broad: Vec<f64>,
    narrow: Vec<f64>,
}

impl Model {
    fn of(spectrum: &Spectrum, fit: &QuasarFit, templates: &Templates, list: &LineList) -> Self {
        let stretch = 1.0 + fit.redshift;
        let good: Vec<usize> = (0..spectrum.len()).filter(|at| spectrum.good[*at]).collect();
        let take = |value: &dyn Fn(usize) -> f64| good.iter().map(|at| value(*at)).collect::<Vec<f64>>();
        let wavelength = take(&|at| spectrum.wavelength_angstrom[at] / stretch);
        let parts = fit.decomposition.continuum.evaluate(&wavelength, templates);
        let continuum = (0..wavelength.len()).map(|at| parts.iter().map(|part| part[at]).sum()).collect();
        let instrument = take(&|at| match &spectrum.resolution {
            InstrumentResolution::GaussianSigma(sigma) => sigma[at] / spectrum.wavelength_angstrom[at],
            InstrumentResolution::Unknown => 0.0,
        });
        let mut model = Self {
            flux: take(&|at| spectrum.flux_1e17_cgs[at] * stretch),
            error: take(&|at| stretch / spectrum.ivar[at].sqrt()),
            broad: vec![0.0; wavelength.len()],
            narrow: vec![0.0; wavelength.len()],
            wavelength,
            parts,
            continuum,
        };
        model.add_lines(fit, list, &instrument);
        model
    }

    fn add_lines(&mut self, fit: &QuasarFit, list: &LineList, instrument: &[f64]) {
        for ((_, fitted), complex) in fit.decomposition.complexes.iter().zip(&list.complex) {
            for gaussian in fitted.iter().flat_map(|fit| &fit.gaussians) {
                let line = &complex.line[gaussian.line];
                let into = if line.group.contains("narrow") { &mut self.narrow } else { &mut self.broad };
                let centre = line.wavelength_angstrom.ln() + gaussian.velocity_km_s / SPEED_OF_LIGHT_KM_S;
                for ((flux, wavelength), instrument) in into.iter_mut().zip(&self.wavelength).zip(instrument) {
                    let sigma = (gaussian.sigma_km_s / SPEED_OF_LIGHT_KM_S).hypot(*instrument);
                    let away = (wavelength.ln() - centre) / sigma;
                    if away.abs() < 8.0 {
                        let area = sigma * (2.0 * std::f64::consts::PI).sqrt() * centre.exp();
                        *flux += gaussian.flux_1e17_cgs / area * (-0.5 * away * away).exp();
                    }
                }
            }
        }
    }

    fn total(&self, at: usize) -> f64 {
        self.continuum[at] + self.broad[at] + self.narrow[at]
    }

    fn values(&self, inside: &[usize], value: impl Fn(usize) -> f64) -> Vec<f64> {
        inside.iter().map(|at| value(*at)).collect()
    }
}

/// The figure of a fit and its data: one row a good pixel.
///
/// # Errors
/// None in practice: columns have one length.
pub fn fit_figure(
    spectrum: &Spectrum,
    fit: &QuasarFit,
    templates: &Templates,
    list: &LineList,
) -> Result<(Figure, RecordBatch), Error> {
    let model = Model::of(spectrum, fit, templates, list);
    let title = format!("{}, z = {:.4}", fit.name, fit.redshift);
    let mut figure =
        Figure::new(&title).panel_size(460.0, 250.0).columns(2).panel(overview(&model)).panel(residuals(&model));
    for ((name, fitted), complex) in fit.decomposition.complexes.iter().zip(&list.complex) {
        if let Some(fitted) = fitted {
            let title = format!("{name}: χ² per degree of freedom {:.2}", fitted.reduced_chi2());
            if let Some(panel) = zoom(&model, complex.window_angstrom, &title) {
                figure = figure.panel(panel);
            }
        }
    }
    let all: Vec<usize> = (0..model.wavelength.len()).collect();
    let table = Columns::new()
        .float("wavelength", "Angstrom", "vacuum, rest frame", model.wavelength.iter().copied())
        .float("flux", "1e-17 erg/s/cm2/Angstrom", "rest frame", model.flux.iter().copied())
        .float("error", "1e-17 erg/s/cm2/Angstrom", "its standard error", model.error.iter().copied())
        .float("power_law", "1e-17 erg/s/cm2/Angstrom", "power law", model.parts[0].iter().copied())
        .float("iron", "1e-17 erg/s/cm2/Angstrom", "Fe II", model.parts[1].iter().copied())
        .float("balmer", "1e-17 erg/s/cm2/Angstrom", "Balmer continuum", model.parts[2].iter().copied())
        .float("host", "1e-17 erg/s/cm2/Angstrom", "host galaxy", model.parts[3].iter().copied())
        .float(
            "broad_lines",
            "1e-17 erg/s/cm2/Angstrom",
            "lines of all groups but the narrow",
            model.broad.iter().copied(),
        )
        .float("narrow_lines", "1e-17 erg/s/cm2/Angstrom", "narrow lines", model.narrow.iter().copied())
        .float("model", "1e-17 erg/s/cm2/Angstrom", "everything", model.values(&all, |at| model.total(at)))
        .table()?;
    Ok((figure, table))
}

/// Means of neighbouring pixels.
fn binned(values: &[f64]) -> Vec<f64> {
    values.chunks(BINNED).map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64).collect()
}

fn overview(model: &Model) -> Panel {
    let all: Vec<usize> = (0..model.wavelength.len()).collect();
    let x = binned(&model.wavelength);
    let total = binned(&model.values(&all, |at| model.total(at)));
    let top = total.iter().copied().fold(0.0, f64::max) * 1.15;
    let bottom = (-0.05 * top).min(0.0);
    let mut panel = Panel::new()
        .x(Axis::linear("Rest wavelength (Å)"))
        .y(Axis::linear(FLUX_LABEL).range(bottom, top))
        .line(Line::new(&x, &binned(&model.flux)).colour(Colour::LIGHT_GREY).width(0.8).label("spectrum"));
    let parts = [
        ("power law", 0, Colour::ORANGE),
        ("Fe II", 1, Colour::GREEN),
        ("Balmer", 2, Colour::PURPLE),
        ("host", 3, Colour::SKY),
    ];
    for (name, part, colour) in parts {
        if model.parts[part].iter().any(|flux| *flux > 0.0) {
            panel = panel.line(Line::new(&x, &binned(&model.parts[part])).colour(colour).width(1.2).label(name));
        }
    }
    panel.line(Line::new(&x, &total).colour(Colour::VERMILLION).width(1.2).label("model"))
}

fn residuals(model: &Model) -> Panel {
    let all: Vec<usize> = (0..model.wavelength.len()).collect();
    let residual = model.values(&all, |at| (model.flux[at] - model.total(at)) / model.error[at]);
    Panel::new()
        .x(Axis::linear("Rest wavelength (Å)"))
        .y(Axis::linear("(spectrum − model) / error").range(-6.0, 6.0))
        .line(Line::new(&model.wavelength, &residual).colour(Colour::GREY).width(0.6))
        .rule(Rule::horizontal(0.0))
        .without_legend()
}

fn zoom(model: &Model, [from, to]: [f64; 2], title: &str) -> Option<Panel> {
    let inside: Vec<usize> =
        (0..model.wavelength.len()).filter(|at| (from..=to).contains(&model.wavelength[*at])).collect();
    let x = model.values(&inside, |at| model.wavelength[at]);
    let total = model.values(&inside, |at| model.total(at));
    let high = total.iter().copied().fold(f64::MIN, f64::max);
    let floor = model.values(&inside, |at| model.continuum[at]).into_iter().fold(f64::MAX, f64::min);
    if inside.len() < 2 || high.is_nan() || floor.is_nan() {
        return None;
    }
    let room =
        (high - floor).max(3.0 * model.values(&inside, |at| model.error[at]).iter().sum::<f64>() / inside.len() as f64);
    Some(
        Panel::new()
            .title(title)
            .x(Axis::linear("Rest wavelength (Å)").range(from, to))
            .y(Axis::linear(FLUX_LABEL).range(floor - 0.35 * room, high + 0.35 * room))
            .line(
                Line::new(&x, &model.values(&inside, |at| model.flux[at]))
                    .colour(Colour::LIGHT_GREY)
                    .width(0.8)
                    .label("spectrum"),
            )
            .line(
                Line::new(&x, &model.values(&inside, |at| model.continuum[at]))
                    .colour(Colour::ORANGE)
                    .width(1.2)
                    .label("continuum"),
            )
            .line(
                Line::new(&x, &model.values(&inside, |at| model.continuum[at] + model.broad[at]))
                    .colour(Colour::BLUE)
                    .width(1.2)
                    .label("and broad lines"),
            )
            .line(Line::new(&x, &total).colour(Colour::VERMILLION).width(1.2).label("model")),
    )
}
