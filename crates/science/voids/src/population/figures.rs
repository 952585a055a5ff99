//! Figures of populations. Void galaxies are blue, wall galaxies vermillion throughout.

use study::figures::{Axis, Band, Colour, Density, Figure, Line, Panel, Points, Rule, Steps};

use super::{Balance, DoubleSchechter, MainSequence, MassFunction, QuenchedFractions, Sample, Variant};

const VOID: Colour = Colour::BLUE;
const WALL: Colour = Colour::VERMILLION;
const LOG_MASS: &str = "log₁₀(M★/M⊙)";
const LOG_RATE: &str = "log₁₀(SFR/M⊙ yr⁻¹)";
const LOG_SPECIFIC: &str = "log₁₀(sSFR/yr⁻¹)";

/// Values of the galaxies of one environment, missing and infinite ones left out.
fn values(in_void: &[Option<bool>], void: bool, value: impl Fn(usize) -> Option<f64>) -> Vec<f64> {
    (0..in_void.len())
        .filter(|row| in_void[*row] == Some(void))
        .filter_map(value)
        .filter(|value| value.is_finite())
        .collect()
}

/// Pairs of values of one environment.
fn pairs(in_void: &[Option<bool>], void: bool, value: impl Fn(usize) -> Option<(f64, f64)>) -> (Vec<f64>, Vec<f64>) {
    (0..in_void.len())
        .filter(|row| in_void[*row] == Some(void))
        .filter_map(value)
        .filter(|(x, y)| x.is_finite() && y.is_finite())
        .unzip()
}

/// Distributions of mass, star formation rate, Dn4000 and redshift in voids and walls.
#[must_use]
pub fn distributions(sample: &Sample, in_void: &[Option<bool>]) -> Figure {
    let columns = sample.columns();
    let mass = |row: usize| columns.log_mass[row];
    let rate = |row: usize| sample.log_sfr(row);
    let dn4000 = |row: usize| columns.dn4000[row];
    let redshift = |row: usize| Some(columns.redshift[row]);
    type Value<'a> = &'a dyn Fn(usize) -> Option<f64>;
    let panels: [(&str, (f64, f64), Value<'_>); 4] = [
        (LOG_MASS, (7.5, 12.0), &mass),
        (LOG_RATE, (-4.0, 2.5), &rate),
        ("Dn4000", (0.9, 2.3), &dn4000),
        ("Redshift", (0.0, columns.redshift.iter().copied().fold(0.01, f64::max)), &redshift),
    ];
    panels.into_iter().fold(Figure::new("Void and wall galaxies").columns(2), |figure, (label, range, value)| {
        let steps = |void: bool| Steps::counts(&values(in_void, void, value), range, 45).normalised();
        figure.panel(
            Panel::new()
                .x(Axis::linear(label))
                .y(Axis::linear("Probability density"))
                .steps(steps(false).filled().label("Wall").colour(WALL))
                .steps(steps(true).label("Void").colour(VOID)),
        )
    })
}

/// Density of galaxies in mass and redshift: what a flux limit does.
#[must_use]
pub fn mass_redshift(sample: &Sample, in_void: &[Option<bool>]) -> Figure {
    let columns = sample.columns();
    two_densities("Mass and redshift", ("Redshift", LOG_MASS), in_void, |row| {
        Some((columns.redshift[row], columns.log_mass[row]?))
    })
}

/// Specific star formation rate against mass, with the limit of quenching.
#[must_use]
pub fn specific_rate(sample: &Sample, in_void: &[Option<bool>]) -> Figure {
    let value = |row: usize| Some((sample.columns().log_mass[row]?, sample.log_ssfr(row)?));
    environments().into_iter().fold(
        Figure::new("Specific star formation rate").columns(2).share_x().share_y(),
        |figure, (void, name, _)| {
            let (x, y) = pairs(in_void, void, value);
            figure.panel(
                density_panel(name, (LOG_MASS, LOG_SPECIFIC), (&x, &y))
                    .rule(Rule::horizontal(-11.0).label("quenched below").colour(Colour::BLACK)),
            )
        },
    )
}

/// Star formation rate against mass with the ridge line of each environment.
#[must_use]
pub fn main_sequence_plane(
    sample: &Sample,
    in_void: &[Option<bool>],
    void: &MainSequence,
    wall: &MainSequence,
) -> Figure {
    let value = |row: usize| Some((sample.columns().log_mass[row]?, sample.log_sfr(row)?));
    environments().into_iter().fold(
        Figure::new("Star formation and mass").columns(2).share_x().share_y(),
        |figure, (is_void, name, _)| {
            let (x, y) = pairs(in_void, is_void, value);
            let ridge = &if is_void { void } else { wall }.ridge;
            let mass: Vec<f64> = ridge.points.iter().map(|point| point[0]).collect();
            let line: Vec<f64> = mass.iter().map(|mass| ridge.line.at(*mass)).collect();
            figure.panel(
                density_panel(name, (LOG_MASS, LOG_RATE), (&x, &y))
                    .line(Line::new(&mass, &line).label("main sequence").colour(Colour::VERMILLION).width(2.0)),
            )
        },
    )
}

fn environments() -> [(bool, &'static str, Colour); 2] {
    [(true, "Void", VOID), (false, "Wall", WALL)]
}

fn two_densities(
    title: &str,
    labels: (&str, &str),
    in_void: &[Option<bool>],
    value: impl Fn(usize) -> Option<(f64, f64)>,
) -> Figure {
    environments().into_iter().fold(Figure::new(title).columns(2).share_x().share_y(), |figure, (void, name, _)| {
        let (x, y) = pairs(in_void, void, &value);
        figure.panel(density_panel(name, labels, (&x, &y)))
    })
}

fn density_panel(name: &str, (x_label, y_label): (&str, &str), (x, y): (&[f64], &[f64])) -> Panel {
    Panel::new().title(name).x(Axis::linear(x_label)).y(Axis::linear(y_label)).density(Density::hexagons(x, y, 40))
}

/// Main sequences of both environments: medians by mass with their errors, and the fitted lines.
#[must_use]
pub fn main_sequences(void: &MainSequence, wall: &MainSequence) -> Figure {
    let add = |panel: Panel, sequence: &MainSequence, name: &str, colour: Colour| {
        let column = |k: usize| sequence.ridge.points.iter().map(|point| point[k]).collect::<Vec<f64>>();
        let (mass, rate, error) = (column(0), column(1), column(2));
        let line: Vec<f64> = mass.iter().map(|mass| sequence.ridge.line.at(*mass)).collect();
        let scatter = vec![sequence.ridge.scatter_dex; mass.len()];
        panel
            .points(Points::new(&mass, &rate).y_errors(&error).label(name).colour(colour))
            .line(Line::new(&mass, &line).colour(colour))
            .band(Band::around(&mass, &line, &scatter).colour(colour))
    };
    let panel = Panel::new().x(Axis::linear(LOG_MASS)).y(Axis::linear(LOG_RATE));
    let panel = add(add(panel, wall, "Wall", WALL), void, "Void", VOID);
    Figure::new("Star-forming main sequence (bands: scatter)").panel(panel)
}

/// Mass functions with their jackknife errors, and double Schechter curves where the fit converged.
#[must_use]
pub fn mass_functions(
    void: (&MassFunction, Option<&DoubleSchechter>),
    wall: (&MassFunction, Option<&DoubleSchechter>),
) -> Figure {
    let label =
        if void.0.absolute && wall.0.absolute { "Φ  (h³ Mpc⁻³ dex⁻¹)" } else { "Φ / ∫Φ  (dex⁻¹)" };
    let add = |panel: Panel, (measured, fit): (&MassFunction, Option<&DoubleSchechter>), name: &str, colour: Colour| {
        // A logarithmic axis has no room for an error bar that reaches zero.
        let errors: Vec<(f64, f64)> =
            measured.phi.iter().zip(measured.errors()).map(|(phi, error)| (error.min(0.9 * phi), error)).collect();
        let panel = panel.points(
            Points::new(&measured.log_mass, &measured.phi).y_errors_between(&errors).label(name).colour(colour),
        );
        let (Some(fit), Some(first), Some(last)) =
            (fit.filter(|fit| fit.converged), measured.log_mass.first(), measured.log_mass.last())
        else {
            return panel;
        };
        let x: Vec<f64> = (0..=100).map(|k| first + (last - first) * f64::from(k) / 100.0).collect();
        let y: Vec<f64> = x.iter().map(|x| fit.at(*x)).collect();
        panel.line(Line::new(&x, &y).colour(colour))
    };
    let phi = || void.0.phi.iter().chain(&wall.0.phi).copied().filter(|phi| *phi > 0.0);
    let (low, high) = (phi().fold(f64::MAX, f64::min), phi().fold(0.0, f64::max));
    let panel = Panel::new().x(Axis::linear(LOG_MASS)).y(Axis::log(label).range(0.3 * low, 5.0 * high));
    let panel = add(add(panel, wall, "Wall", WALL), void, "Void", VOID);
    Figure::new("Stellar mass function").panel(panel)
}

/// Quenched fractions by mass with error bands, and their difference below.
#[must_use]
pub fn quenched_fractions(fractions: &QuenchedFractions, title: &str) -> Figure {
    let mass = fractions.centres();
    let add = |panel: Panel, value: &[f64], error: &[f64], name: &str, colour: Colour| {
        panel
            .points(Points::new(&mass, value).y_errors(error).label(name).colour(colour).joined())
            .band(Band::around(&mass, value, error).colour(colour))
    };
    let above = Panel::new().x(Axis::linear(LOG_MASS)).y(Axis::linear("Quenched fraction"));
    let above = add(above, &fractions.wall, &fractions.wall_error, "Wall", WALL);
    let above = add(above, &fractions.void, &fractions.void_error, "Void", VOID);
    let below = Panel::new()
        .x(Axis::linear(LOG_MASS))
        .y(Axis::linear("Wall − void"))
        .rule(Rule::horizontal(0.0).colour(Colour::GREY))
        .points(
            Points::new(&mass, &fractions.difference).y_errors(&fractions.difference_error()).colour(Colour::BLACK),
        );
    Figure::new(title).share_x().panel_size(460.0, 250.0).panel(above).panel(below)
}

/// The effect under each set of choices, the fiducial one on top.
#[must_use]
pub fn systematics(variants: &[Variant]) -> Figure {
    let fiducial = variants.first();
    let names: Vec<String> = variants.iter().map(|variant| name(variant, fiducial)).collect();
    let place: Vec<f64> = (0..variants.len()).map(|row| row as f64).collect();
    let effect: Vec<f64> = variants.iter().map(|variant| variant.effect.value).collect();
    let error: Vec<f64> = variants.iter().map(|variant| variant.effect.error).collect();
    Figure::new("The effect under other choices").panel_size(460.0, 40.0 + 22.0 * variants.len() as f64).panel(
        Panel::new()
            .x(Axis::linear("Δ quenched fraction (wall − void) at fixed mass"))
            .y(Axis::categories("", names))
            .rule(Rule::vertical(0.0).colour(Colour::GREY))
            .points(Points::new(&effect, &place).x_errors(&error).colour(Colour::BLUE)),
    )
}

/// The algorithm, and whatever else differs from the fiducial variant.
fn name(variant: &Variant, fiducial: Option<&Variant>) -> String {
    let mut words = vec![variant.algorithm.as_str()];
    if let Some(first) = fiducial {
        let others = [
            (&variant.edge_rule, &first.edge_rule),
            (&variant.definition, &first.definition),
            (&variant.cosmology, &first.cosmology),
            (&variant.completeness, &first.completeness),
        ];
        words.extend(others.into_iter().filter(|(own, usual)| own != usual).map(|(own, _)| own.as_str()));
    }
    words.join(", ")
}

/// Standardised mean differences before and after matching (a "love plot").
#[must_use]
pub fn balance(balances: &[Balance]) -> Figure {
    let names: Vec<&str> = balances.iter().map(|balance| balance.quantity).collect();
    let place: Vec<f64> = (0..balances.len()).map(|row| row as f64).collect();
    let before: Vec<f64> = balances.iter().map(|balance| balance.before).collect();
    let after: Vec<f64> = balances.iter().map(|balance| balance.after).collect();
    Figure::new("Balance of the matched samples").panel_size(460.0, 60.0 + 45.0 * balances.len() as f64).panel(
        Panel::new()
            .x(Axis::linear("Standardised mean difference (void − wall)"))
            .y(Axis::categories("", names))
            .rule(Rule::vertical(-0.1).colour(Colour::GREY))
            .rule(Rule::vertical(0.1).colour(Colour::GREY))
            .points(Points::new(&before, &place).label("before").colour(Colour::VERMILLION))
            .points(Points::new(&after, &place).label("after").colour(Colour::BLUE)),
    )
}
