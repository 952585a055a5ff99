//! Troughs as a figure: the spectrum with its continuum, and each line's flux over continuum against velocity.

use arrow::array::RecordBatch;
use desi::spectra::Spectrum;
use study::figures::{Axis, Band, Colour, Figure, Line, Panel, Rule};
use study::tables::Columns;

use super::TroughError;
use super::index::{Normalised, Trough};
use super::search::{TransitionIndices, TroughSearch, TroughSettings};

/// Pixels averaged for one point of the overview.
const BINNED: usize = 5;
/// Width of the bins of velocity, km/s.
const BIN_KM_S: f64 = 150.0;
const FLUX_LABEL: &str = "f(λ) (10⁻¹⁷ erg s⁻¹ cm⁻² Å⁻¹)";

/// Draws what was found; the data have one row a pixel with a continuum.
///
/// # Errors
/// None in practice: columns have one length.
pub fn trough_figure(
    spectrum: &Spectrum,
    found: &TroughSearch,
    settings: &TroughSettings,
) -> Result<(Figure, RecordBatch), TroughError> {
    let title = format!("{}, z = {:.4}: absorption", found.name, found.redshift);
    let mut figure = Figure::new(&title).panel_size(460.0, 250.0).columns(2).panel(overview(spectrum, found));
    for indices in &found.indices {
        figure = figure.panel(velocities(spectrum, found, indices, settings));
    }
    let rest = spectrum.wavelength_rest_angstrom(found.redshift);
    let pixels: Vec<usize> =
        (0..spectrum.len()).filter(|at| spectrum.good[*at] && found.continuum.flux_1e17_cgs[*at].is_some()).collect();
    let data = Columns::new()
        .float("wavelength", "Angstrom", "vacuum, rest frame", pixels.iter().map(|at| rest[*at]))
        .float("flux", "1e-17 erg/s/cm2/Angstrom", "as observed", pixels.iter().map(|at| spectrum.flux_1e17_cgs[*at]))
        .float("error", "1e-17 erg/s/cm2/Angstrom", "its standard error", {
            pixels.iter().map(|at| spectrum.ivar[*at].sqrt().recip())
        })
        .optional("continuum", "1e-17 erg/s/cm2/Angstrom", "with emission lines, without absorption", {
            pixels.iter().map(|at| found.continuum.flux_1e17_cgs[*at])
        })
        .flag("masked", "taken for absorption by the fit", pixels.iter().map(|at| found.continuum.masked[*at]))
        .table()?;
    Ok((figure, data))
}

fn overview(spectrum: &Spectrum, found: &TroughSearch) -> Panel {
    let rest = spectrum.wavelength_rest_angstrom(found.redshift);
    let pixels: Vec<usize> =
        (0..spectrum.len()).filter(|at| spectrum.good[*at] && found.continuum.flux_1e17_cgs[*at].is_some()).collect();
    let mean = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
        pixels.chunks(BINNED).map(|some| some.iter().map(|at| of(*at)).sum::<f64>() / some.len() as f64).collect()
    };
    let x = mean(&|at| rest[at]);
    let level = mean(&|at| found.continuum.flux_1e17_cgs[at].unwrap_or(0.0));
    let top = level.iter().copied().fold(0.0, f64::max) * 1.25;
    Panel::new()
        .x(Axis::linear("Rest wavelength (Å)"))
        .y(Axis::linear(FLUX_LABEL).range((-0.05 * top).min(0.0), top.max(1e-3)))
        .line(Line::new(&x, &mean(&|at| spectrum.flux_1e17_cgs[at])).colour(Colour::GREY).width(0.7).label("spectrum"))
        .line(Line::new(&x, &level).colour(Colour::ORANGE).width(1.4).label("continuum and lines"))
}

fn velocities(
    spectrum: &Spectrum,
    found: &TroughSearch,
    indices: &TransitionIndices,
    settings: &TroughSettings,
) -> Panel {
    let line = indices.transition.rest_angstrom() * (1.0 + found.redshift);
    let normalised = Normalised::new(spectrum, &found.continuum, line, settings.scale);
    let (velocity, transmission) = normalised.binned(BIN_KM_S);
    let broad = indices.balnicity_60000.as_ref().unwrap_or(&indices.balnicity);
    let high = if indices.balnicity_60000.is_some() { 60_000.0 } else { 25_000.0 };
    let furthest = velocity.iter().copied().filter(|v| *v < high).fold(0.0, f64::max);
    let title = format!(
        "{}: BI {:.0} ± {:.0}, AI {:.0} ± {:.0} km/s",
        indices.transition.name(),
        indices.balnicity.value_km_s,
        indices.balnicity.error_km_s,
        indices.absorption.value_km_s,
        indices.absorption.error_km_s,
    );
    let mut panel = Panel::new()
        .title(&title)
        .x(Axis::linear("Velocity towards us (km s⁻¹)").range(-6_000.0, furthest.max(10_000.0)))
        .y(Axis::linear("flux / continuum").range(-0.1, 1.8));
    for (troughs, colour, label) in
        [(&indices.absorption.troughs, Colour::SKY, "AI"), (&broad.troughs, Colour::BLUE, "BI")]
    {
        panel = shaded(panel, troughs, colour, label);
    }
    panel
        .line(Line::new(&velocity, &transmission).colour(Colour::BLACK).width(0.8))
        .rule(Rule::horizontal(1.0))
        .rule(Rule::horizontal(0.9).colour(Colour::VERMILLION))
        .rule(Rule::vertical(0.0))
}

fn shaded(mut panel: Panel, troughs: &[Trough], colour: Colour, label: &str) -> Panel {
    for (at, trough) in troughs.iter().enumerate() {
        let (x, low, high) = ([trough.v_min_km_s, trough.v_max_km_s], [-0.1; 2], [0.9; 2]);
        let band = Band::new(&x, &low, &high).colour(colour).opacity(0.25);
        panel = panel.band(if at == 0 { band.label(label) } else { band });
    }
    panel
}
