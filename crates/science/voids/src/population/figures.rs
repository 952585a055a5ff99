//! Figures of populations. Void galaxies are blue, wall galaxies vermillion throughout.

use arrow::array::RecordBatch;
use astro::statistics::{Binning, histogram};
use study::figures::{Axis, Band, Colour, Dash, Density, Figure, Line, Marker, Panel, Points, Rule, Steps};

use study::tables::Columns;

use super::tables::Labelled;
use super::{
    Balance, BinnedBy, DoubleSchechter, MainSequence, MassFunction, PopulationError, QuenchedFractions, Sample,
    Variant, one_at_a_time,
};

const VOID: Colour = Colour::BLUE;
const WALL: Colour = Colour::VERMILLION;
/// Told apart in grey as well.
const MARKERS: [Marker; 4] = [Marker::Disc, Marker::Square, Marker::Triangle, Marker::Diamond];
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
///
/// # Errors
/// When the table of the data cannot be made.
pub fn distributions(sample: &Sample, in_void: &[Option<bool>]) -> Result<(Figure, RecordBatch), PopulationError> {
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
    let mut figure = Figure::new("Void and wall galaxies").columns(2);
    let mut drawn = Vec::new();
    for (label, range, value) in panels {
        let (void, wall) = (values(in_void, true, value), values(in_void, false, value));
        figure = figure.panel(two_histograms(label, range, (&void, &wall)));
        drawn.push((label, range, void, wall));
    }
    let rows: Vec<_> = drawn.iter().map(|(label, range, void, wall)| (*label, *range, (&**void, &**wall))).collect();
    Ok((figure, histogram_table(&rows)?))
}

/// Bins of the histograms.
const BINS: usize = 45;

fn two_histograms(label: &str, range: (f64, f64), (void, wall): (&[f64], &[f64])) -> Panel {
    let steps = |values: &[f64]| Steps::counts(values, range, BINS).normalised();
    Panel::new()
        .x(Axis::linear(label))
        .y(Axis::linear("Probability density"))
        .steps(steps(wall).filled().label("Wall").colour(WALL))
        .steps(steps(void).label("Void").colour(VOID))
}

/// What [`two_histograms`] draws, as counts: one row a bin.
fn histogram_table(drawn: &[(&str, (f64, f64), (&[f64], &[f64]))]) -> Result<RecordBatch, PopulationError> {
    let (mut names, mut edges, mut counts) = (Vec::new(), [Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for (label, (low, high), (void, wall)) in drawn {
        let bins = Binning::uniform(*low, *high, BINS)?;
        names.extend(std::iter::repeat_n(*label, BINS));
        edges[0].extend_from_slice(&bins.edges()[..BINS]);
        edges[1].extend_from_slice(&bins.edges()[1..]);
        for (column, values) in counts.iter_mut().zip([void, wall]) {
            column.extend(histogram(&bins, values, None)?.into_iter().map(|count| count as i64));
        }
    }
    let ([low, high], [void, wall]) = (edges, counts);
    Ok(Columns::new()
        .text("quantity", "", "what is binned", names)
        .float("low", "", "lower edge of the bin", low)
        .float("high", "", "upper edge of the bin", high)
        .integer("void", "", "galaxies in voids", void)
        .integer("wall", "", "galaxies in walls", wall)
        .table()?)
}

/// Density of galaxies in mass and redshift: what a flux limit does.
///
/// # Errors
/// When the table of the data cannot be made.
pub fn mass_redshift(sample: &Sample, in_void: &[Option<bool>]) -> Result<(Figure, RecordBatch), PopulationError> {
    let columns = sample.columns();
    let value = |row: usize| Some((columns.redshift[row], columns.log_mass[row]?));
    let figure = two_densities("Mass and redshift", ("Redshift", LOG_MASS), in_void, value);
    Ok((figure, plane_table(("redshift", "log_mass"), in_void, value)?))
}

/// Galaxies in cells of a plane, one row a cell that is not empty: the data of a density.
fn plane_table(
    (x_name, y_name): (&str, &str),
    in_void: &[Option<bool>],
    value: impl Fn(usize) -> Option<(f64, f64)>,
) -> Result<RecordBatch, PopulationError> {
    let mut cells = std::collections::BTreeMap::<[i64; 2], [i64; 2]>::new();
    for is_void in [true, false] {
        let (x, y) = pairs(in_void, is_void, &value);
        for (x, y) in x.iter().zip(&y) {
            let cell = [x, y].map(|value| (value / PLANE_CELL).floor() as i64);
            cells.entry(cell).or_default()[usize::from(!is_void)] += 1;
        }
    }
    let middle = |axis: usize| cells.keys().map(move |cell| (cell[axis] as f64 + 0.5) * PLANE_CELL);
    Ok(Columns::new()
        .float(x_name, "", "middle of the cell", middle(0))
        .float(y_name, "", "middle of the cell", middle(1))
        .integer("void", "", "galaxies in voids", cells.values().map(|count| count[0]))
        .integer("wall", "", "galaxies in walls", cells.values().map(|count| count[1]))
        .table()?)
}

/// Side of the cells of [`plane_table`], in the units of the axes.
const PLANE_CELL: f64 = 0.05;

/// Specific star formation rate against mass, with the limit of quenching.
///
/// # Errors
/// When the table of the data cannot be made.
pub fn specific_rate(sample: &Sample, in_void: &[Option<bool>]) -> Result<(Figure, RecordBatch), PopulationError> {
    let value = |row: usize| Some((sample.columns().log_mass[row]?, sample.log_ssfr(row)?));
    let figure = environments().into_iter().fold(
        Figure::new("Specific star formation rate").columns(2).share_x().share_y(),
        |figure, (void, name, _)| {
            let (x, y) = pairs(in_void, void, value);
            figure.panel(
                density_panel(name, (LOG_MASS, LOG_SPECIFIC), (&x, &y))
                    .rule(Rule::horizontal(-11.0).label("quenched below").colour(Colour::BLACK)),
            )
        },
    );
    Ok((figure, plane_table(("log_mass", "log_ssfr"), in_void, value)?))
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
pub fn main_sequences(void: &MainSequence, wall: &MainSequence, title: &str) -> Figure {
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
    Figure::new(title).panel(panel)
}

/// Mass functions with their jackknife errors, and double Schechter curves where the fit converged.
#[must_use]
pub fn mass_functions(
    void: (&MassFunction, Option<&DoubleSchechter>),
    wall: (&MassFunction, Option<&DoubleSchechter>),
    title: &str,
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
    Figure::new(title).panel(panel)
}

/// Quenched fractions by mass with error bands, and their difference below: one column a definition.
#[must_use]
pub fn quenched_fractions(measured: &[&Labelled<QuenchedFractions>], title: &str) -> Figure {
    let add = |panel: Panel, (f, void): (&QuenchedFractions, bool)| {
        let (value, error) = if void { (&f.void, f.void_error()) } else { (&f.wall, f.wall_error()) };
        let (name, colour) = if void { ("Void", VOID) } else { ("Wall", WALL) };
        panel
            .points(Points::new(&f.centres(), value).y_errors(&error).label(name).colour(colour).joined())
            .band(Band::around(&f.centres(), value, &error).colour(colour))
    };
    let above = measured.iter().map(|each| {
        let axis = Axis::linear("Quenched fraction").range(0.0, 1.0);
        let panel = Panel::new().title(&each.label).x(Axis::linear(LOG_MASS)).y(axis);
        add(add(panel, (&each.value, false)), (&each.value, true))
    });
    // One range for the differences, so that definitions can be compared by eye.
    let reach = measured
        .iter()
        .flat_map(|each| each.value.difference.iter().zip(each.value.difference_error()))
        .map(|(value, error)| 1.15 * (value.abs() + error))
        .fold(0.05, f64::max);
    let below = measured.iter().map(|each| {
        let f = &each.value;
        Panel::new()
            .x(Axis::linear(LOG_MASS))
            .y(Axis::linear("Wall − void").range(-reach, reach))
            .rule(Rule::horizontal(0.0).colour(Colour::GREY))
            .points(Points::new(&f.centres(), &f.difference).y_errors(&f.difference_error()).colour(Colour::BLACK))
    });
    let figure = Figure::new(title).columns(measured.len().max(1)).panel_size(250.0, 200.0).share_x();
    above.chain(below).fold(figure, Figure::panel)
}

/// The effect in bins of mass and of redshift, one colour an algorithm, drawn side by side inside each bin.
#[must_use]
pub fn effects_by_bin(measured: &[&Labelled<QuenchedFractions>], title: &str) -> Figure {
    let figure = Figure::new(title).columns(2).panel_size(380.0, 260.0).share_y();
    [(BinnedBy::Mass, LOG_MASS), (BinnedBy::Redshift, "Redshift")].into_iter().fold(figure, |figure, (by, label)| {
        let of: Vec<_> = measured.iter().filter(|each| each.value.binned_by == by).collect();
        let panel = Panel::new()
            .x(Axis::linear(label))
            .y(Axis::linear("Δ quenched fraction (wall − void)"))
            .rule(Rule::horizontal(0.0).colour(Colour::GREY));
        figure.panel(of.iter().enumerate().fold(panel, |panel, (k, each)| {
            let f = &each.value;
            let share = (k as f64 + 1.0) / (of.len() as f64 + 1.0);
            let x: Vec<f64> = f.bins.iter().map(|[low, high]| low + share * (high - low)).collect();
            let marker = MARKERS[k % MARKERS.len()];
            let points = Points::new(&x, &f.difference).y_errors(&f.difference_error()).marker(marker);
            panel.points(points.label(&each.algorithm).colour(Colour::PALETTE[k % Colour::PALETTE.len()]))
        }))
    })
}

/// The effect when one choice at a time differs from the fiducial variant, which is on top; its value is the line.
#[must_use]
pub fn systematics(variants: &[Variant]) -> Figure {
    let shown = one_at_a_time(variants);
    let names: Vec<String> = shown.iter().map(|(name, _)| name.clone()).collect();
    let place: Vec<f64> = (0..shown.len()).map(|row| row as f64).collect();
    let effect: Vec<f64> = shown.iter().map(|(_, variant)| variant.effect.value).collect();
    let error: Vec<f64> = shown.iter().map(|(_, variant)| variant.effect.error).collect();
    let panel = Panel::new()
        .x(Axis::linear("Δ quenched fraction (wall − void) at fixed mass and redshift"))
        .y(Axis::categories("", names))
        .rule(Rule::vertical(0.0).colour(Colour::GREY))
        .points(Points::new(&effect, &place).x_errors(&error).colour(Colour::BLUE));
    let panel = match effect.first() {
        Some(first) => panel.rule(Rule::vertical(*first).colour(Colour::BLUE).dash(Dash::Dotted)),
        None => panel,
    };
    Figure::new("The effect, one choice changed at a time")
        .panel_size(460.0, 40.0 + 22.0 * shown.len() as f64)
        .panel(panel)
}

/// Local densities of void and wall galaxies, log10 of (Mpc/h)^-3.
///
/// # Errors
/// When the table of the data cannot be made.
pub fn local_density(void: &[f64], wall: &[f64]) -> Result<(Figure, RecordBatch), PopulationError> {
    const LABEL: &str = "log₁₀(density to the fifth nearest tracer / h³ Mpc⁻³)";
    let both = || void.iter().chain(wall);
    let range = both().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    let range = (range.0, range.1.max(range.0 + 0.1));
    let figure = Figure::new("Local density by environment").panel(two_histograms(LABEL, range, (void, wall)));
    Ok((figure, histogram_table(&[("log_local_density", range, (void, wall))])?))
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
