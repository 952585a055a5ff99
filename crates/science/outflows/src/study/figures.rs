//! Figures of the population, made from the run's own tables.

use arrow::array::RecordBatch;
use study::figures::{Axis, Colour, Dash, Figure, Line, Marker, Panel, Points, Rule, Steps};
use study::run::StepFolder;
use study::tables::Columns;

use super::StudyError;
use super::columns::numbers;
use super::population::{KINDS, incidence, limited_powers};
use super::winds::{CivTrough, Winds};
use crate::survival::cumulative_with_upper_limits;

/// Shares of the bolometric luminosity that simulations of galaxies ask winds to carry (Hopkins & Elvis 2010,
/// 2010MNRAS.401....7H: 0.5 %; Di Matteo et al. 2005, 2005Natur.433..604D: 5 %).
const EFFICIENCIES: [(f64, &str); 2] = [(0.005, "0.5 % of L_bol"), (0.05, "5 % of L_bol")];
const KIND_COLOURS: [Colour; 3] = [Colour::BLUE, Colour::SKY, Colour::VERMILLION];

/// Draws every figure that the sample has data for.
pub(super) fn draw(folder: &StepFolder, winds: &[Winds], tables: &[RecordBatch; 5]) -> Result<(), StudyError> {
    shares(folder, winds)?;
    kinematics(folder, winds)?;
    energetics(folder, winds)?;
    powers(folder, winds)?;
    relations(folder, winds, &tables[0])
}

fn shares(folder: &StepFolder, winds: &[Winds]) -> Result<(), StudyError> {
    let shares = incidence(winds)?;
    let mut figure = Figure::new("Share of quasars with a wind").columns(2);
    for (over, label) in [("redshift", "redshift"), ("log L_bol", "log L_bol (erg s⁻¹)")] {
        let mut panel = Panel::new().x(Axis::linear(label)).y(Axis::linear("share of quasars").range(0.0, 1.0));
        for ((kind, _), colour) in KINDS.iter().zip(KIND_COLOURS) {
            let of: Vec<_> = shares.iter().filter(|one| one.over == over && one.kind == *kind).collect();
            let x: Vec<f64> = of.iter().map(|one| 0.5 * (one.low + one.high)).collect();
            let y: Vec<f64> = of.iter().map(|one| one.share).collect();
            let half: Vec<f64> = of.iter().map(|one| 0.5 * (one.high - one.low)).collect();
            let errors: Vec<(f64, f64)> =
                of.iter().map(|one| (one.share - one.interval.0, one.interval.1 - one.share)).collect();
            if !x.is_empty() {
                let points = Points::new(&x, &y).x_errors(&half).y_errors_between(&errors);
                panel = panel.points(points.colour(colour).size(4.0).label(kind));
            }
        }
        figure = figure.panel(panel);
    }
    let data = Columns::new()
        .text("wind", "", "which wind", shares.iter().map(|one| one.kind))
        .text("bins_of", "", "what the bin is of", shares.iter().map(|one| one.over))
        .float("low", "", "least value of the bin", shares.iter().map(|one| one.low))
        .float("high", "", "greatest value of the bin", shares.iter().map(|one| one.high))
        .float("share", "", "share with the wind", shares.iter().map(|one| one.share))
        .table()?;
    Ok(folder.figure("incidence", &figure, &data)?)
}

/// Values of what a quasar may have.
fn values(winds: &[Winds], of: impl Fn(&Winds) -> Option<f64>) -> Vec<f64> {
    winds.iter().filter_map(of).collect()
}

fn kinematics(folder: &StepFolder, winds: &[Winds]) -> Result<(), StudyError> {
    let wings = values(winds, |row| row.wing.filter(|wing| wing.detected)?.v_max);
    let troughs = values(winds, |row| row.civ.filter(CivTrough::absorbs)?.v_max);
    let shifts = values(winds, |row| row.civ_ew.and(row.civ_v50).map(|v50| -v50));
    let histogram = |values: &[f64], (low, high): (f64, f64), label: &str, colour: Colour| {
        Panel::new()
            .x(Axis::linear(label).range(low, high))
            .y(Axis::linear("quasars"))
            .steps(Steps::counts(values, (low, high), 24).filled().colour(colour))
            .without_legend()
    };
    let figure = Figure::new("How fast")
        .columns(3)
        .panel(histogram(&wings, (0.0, 6_000.0), "v_max of [O III] wings (km s⁻¹)", Colour::VERMILLION))
        .panel(histogram(&troughs, (0.0, 60_000.0), "highest velocity of C IV troughs (km s⁻¹)", Colour::BLUE))
        .panel(histogram(&shifts, (-4_000.0, 8_000.0), "blueshift of C IV emission (km s⁻¹)", Colour::GREEN));
    let pick = |of: &dyn Fn(&Winds) -> Option<f64>| winds.iter().map(of).collect::<Vec<_>>();
    let data = Columns::new()
        .optional("wing_v_max", "km/s", "v_max of a detected [O III] wing", {
            pick(&|row| row.wing.filter(|wing| wing.detected)?.v_max)
        })
        .optional("trough_v_max", "km/s", "highest velocity of C IV troughs", {
            pick(&|row| row.civ.filter(CivTrough::absorbs)?.v_max)
        })
        .optional("civ_blueshift", "km/s", "of C IV emission", pick(&|row| row.civ_ew.and(row.civ_v50).map(|v| -v)))
        .table()?;
    Ok(folder.figure("kinematics", &figure, &data)?)
}

/// A quasar's place, its power and the interval about it.
type Power = (f64, [f64; 3]);

fn energetics(folder: &StepFolder, winds: &[Winds]) -> Result<(), StudyError> {
    let axes: [(&str, fn(&Winds) -> Option<f64>); 2] =
        [("log L_bol (erg s⁻¹)", |row| row.log_l_bol), ("redshift", |row| Some(row.redshift))];
    let mut figure = Figure::new("What winds carry").columns(2).panel_size(430.0, 320.0);
    for (label, place) in axes {
        let of = |power: fn(&Winds) -> Option<[f64; 3]>| -> Vec<Power> {
            winds.iter().filter_map(|row| Some((place(row)?, power(row)?))).collect()
        };
        let limits: Vec<(f64, f64)> =
            winds.iter().filter_map(|row| Some((place(row)?, row.wing?.power_limit?))).collect();
        let (wings, troughs) = (of(|row| row.wing?.power), of(|row| row.trough_power));
        let mut panel = Panel::new().x(Axis::linear(label)).y(Axis::linear("log kinetic power (erg s⁻¹)"));
        if !limits.is_empty() {
            let (x, y): (Vec<f64>, Vec<f64>) = limits.into_iter().unzip();
            let points = Points::new(&x, &y).marker(Marker::Ring).size(2.5).colour(Colour::LIGHT_GREY);
            panel = panel.points(points.label("[O III] wing not seen: upper limit"));
        }
        for (powers, name, colour) in
            [(wings, "[O III] wing", Colour::VERMILLION), (troughs, "C IV trough (priors of R, N_H, Ω)", Colour::BLUE)]
        {
            if powers.is_empty() {
                continue;
            }
            let x: Vec<f64> = powers.iter().map(|one| one.0).collect();
            let y: Vec<f64> = powers.iter().map(|one| one.1[1]).collect();
            let errors: Vec<(f64, f64)> = powers.iter().map(|one| (one.1[1] - one.1[0], one.1[2] - one.1[1])).collect();
            panel = panel.points(Points::new(&x, &y).y_errors_between(&errors).size(3.0).colour(colour).label(name));
        }
        if label.starts_with("log L_bol") {
            let range = values(winds, |row| row.log_l_bol);
            let ends = [range.iter().copied().fold(f64::MAX, f64::min), range.iter().copied().fold(f64::MIN, f64::max)];
            for ((share, name), dash) in EFFICIENCIES.iter().zip([Dash::Dotted, Dash::Dashed]) {
                if ends[0] < ends[1] {
                    let y = ends.map(|l_bol| l_bol + share.log10());
                    panel = panel.line(Line::new(&ends, &y).dash(dash).colour(Colour::GREY).label(name));
                }
            }
        }
        figure = figure.panel(panel);
    }
    let power = |of: &dyn Fn(&Winds) -> Option<f64>| winds.iter().map(of).collect::<Vec<_>>();
    let data = Columns::new()
        .optional("log_l_bol", "log10(erg/s)", "bolometric luminosity", power(&|row| row.log_l_bol))
        .float("redshift", "", "redshift", winds.iter().map(|row| row.redshift))
        .optional("wing_log_edot", "log10(erg/s)", "power of the [O III] wing", power(&|row| Some(row.wing?.power?[1])))
        .optional("wing_log_edot_limit", "log10(erg/s)", "its upper limit", power(&|row| row.wing?.power_limit))
        .optional("trough_log_edot", "log10(erg/s)", "power of the trough", power(&|row| Some(row.trough_power?[1])))
        .table()?;
    Ok(folder.figure("energetics", &figure, &data)?)
}

fn powers(folder: &StepFolder, winds: &[Winds]) -> Result<(), StudyError> {
    let mut steps = cumulative_with_upper_limits(&limited_powers(winds));
    steps.reverse();
    let mut panel =
        Panel::new().x(Axis::linear("log kinetic power (erg s⁻¹)")).y(Axis::linear("share below").range(0.0, 1.0));
    if steps.len() > 1 {
        // A stair: the share below jumps at each measured value.
        let (mut x, mut y, mut error) = (Vec::new(), Vec::new(), Vec::new());
        for (at, step) in steps.iter().enumerate() {
            let before = if at == 0 { step } else { &steps[at] };
            x.extend([step.value, step.value]);
            let above = steps.get(at + 1).map_or(1.0, |next| next.share_below);
            y.extend([before.share_below, above]);
            error.extend([step.error, steps.get(at + 1).map_or(0.0, |next| next.error)]);
        }
        panel = panel
            .band(study::figures::Band::around(&x, &y, &error).colour(Colour::VERMILLION).opacity(0.2))
            .line(Line::new(&x, &y).colour(Colour::VERMILLION).label("Kaplan-Meier, ± 1 σ"));
    }
    let figure = Figure::new("Power of ionised winds, upper limits counted").panel_size(460.0, 280.0).panel(panel);
    let data = Columns::new()
        .float("log_edot", "log10(erg/s)", "power", steps.iter().map(|step| step.value))
        .float("share_below", "", "share of quasars with less", steps.iter().map(|step| step.share_below))
        .float("error", "", "its standard error", steps.iter().map(|step| step.error))
        .table()?;
    Ok(folder.figure("power_distribution", &figure, &data)?)
}

/// Relations that quasars are known to have: Baldwin effect, C IV blueshift and equivalent width.
fn relations(folder: &StepFolder, winds: &[Winds], quasars: &RecordBatch) -> Result<(), StudyError> {
    let luminosity = numbers(quasars, "LOGL1350")?;
    let ew = |row: &Winds| row.civ_ew.filter(|ew| *ew > 0.0).map(f64::log10);
    let baldwin: (Vec<f64>, Vec<f64>) =
        winds.iter().zip(&luminosity).filter_map(|(row, l)| Some(((*l)?, ew(row)?))).unzip();
    let shift: (Vec<f64>, Vec<f64>) = winds.iter().filter_map(|row| Some((-row.civ_v50?, ew(row)?))).unzip();
    let panel = |x: &str, (values, y): &(Vec<f64>, Vec<f64>)| {
        Panel::new()
            .x(Axis::linear(x))
            .y(Axis::linear("log equivalent width of C IV (Å)"))
            .points(Points::new(values, y).size(2.5).opacity(0.7).colour(Colour::GREEN))
            .without_legend()
    };
    let figure = Figure::new("Known relations of C IV")
        .columns(2)
        .panel(panel("log λL(1350 Å) (erg s⁻¹)", &baldwin))
        .panel(panel("blueshift of C IV (km s⁻¹)", &shift).rule(Rule::vertical(0.0)));
    let data = Columns::new()
        .optional("log_l_1350", "log10(erg/s)", "continuum luminosity", luminosity)
        .optional("log_ew_civ", "log10(Angstrom)", "equivalent width of C IV", winds.iter().map(ew))
        .optional("civ_blueshift", "km/s", "of C IV", winds.iter().map(|row| row.civ_v50.map(|v50| -v50)))
        .table()?;
    Ok(folder.figure("relations", &figure, &data)?)
}
