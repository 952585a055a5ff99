//! The figures of the void statistics, each with its table.

use std::path::Path;

use study::figures::{Axis, Colour, Dash, Figure, Marker, Panel, Points, Rule};
use study::tables::Columns;

use super::{CrossCorrelation, VoidStatistics, VoidStatisticsError};

/// One value a bin with its errors, for drawing: bins without a value or an error are left out.
struct Series {
    x: Vec<f64>,
    y: Vec<f64>,
    errors: Vec<f64>,
}

impl Series {
    /// Of values with their jackknife and Poisson errors: the larger is drawn.
    fn new(x: &[f64], [y, jackknife, poisson]: [&[Option<f64>]; 3]) -> Self {
        let mut series = Self { x: Vec::new(), y: Vec::new(), errors: Vec::new() };
        for ((x, y), (a, b)) in x.iter().zip(y).zip(jackknife.iter().zip(poisson)) {
            if let (Some(y), Some(error)) = (y, larger(*a, *b)) {
                series.x.push(*x);
                series.y.push(*y);
                series.errors.push(error);
            }
        }
        series
    }

    fn points(&self, index: usize, label: &str) -> Points {
        const MARKERS: [Marker; 4] = [Marker::Disc, Marker::Square, Marker::Diamond, Marker::Triangle];
        Points::new(&self.x, &self.y)
            .y_errors(&self.errors)
            .marker(MARKERS[index % MARKERS.len()])
            .colour(Colour::PALETTE[index % Colour::PALETTE.len()])
            .size(2.6)
            .label(label)
            .joined()
    }
}

/// The jackknife error, but never below Poisson noise.
pub(super) fn larger(jackknife: Option<f64>, poisson: Option<f64>) -> Option<f64> {
    poisson.map(|poisson| jackknife.unwrap_or(0.0).max(poisson))
}

/// How far one of several series is moved aside, so that error bars of the same bins can be told apart: parts of a bin
/// to either side of its middle.
fn aside(index: usize, series: usize) -> f64 {
    const STEP: f64 = 0.14;
    STEP * (index as f64 - 0.5 * (series as f64 - 1.0))
}

/// Writes the figures `void_size_function`, `void_density_profile` and `void_galaxy_correlation` with one curve an
/// algorithm, each as SVG and PNG with its table as Parquet and CSV.
///
/// # Errors
/// A file cannot be written.
pub fn save(statistics: &[VoidStatistics], folder: &Path) -> Result<(), VoidStatisticsError> {
    size_figure(statistics).save(folder, "void_size_function", &size_table(statistics)?)?;
    profile_figure(statistics).save(folder, "void_density_profile", &profile_table(statistics)?)?;
    correlation_figure(statistics).save(folder, "void_galaxy_correlation", &correlation_table(statistics)?)?;
    Ok(())
}

/// The name a reader knows.
fn title(algorithm: &str) -> &str {
    match algorithm {
        "voidfinder" => "VoidFinder",
        "vide" => "VIDE",
        "zobov" => "ZOBOV",
        "revolver" => "REVOLVER",
        other => other,
    }
}

fn size_figure(statistics: &[VoidStatistics]) -> Figure {
    let mut panel = Panel::new().x(Axis::log("Effective radius R (h⁻¹ Mpc)")).y(Axis::log("dn / d ln R (h³ Mpc⁻³)"));
    for (index, one) in statistics.iter().enumerate() {
        let size = &one.size;
        let part = 0.5 + aside(index, statistics.len());
        let middles: Vec<f64> =
            size.edges_mpc_h.windows(2).map(|edge| edge[0] * (edge[1] / edge[0]).powf(part)).collect();
        let shown: Vec<Option<f64>> =
            size.density_mpc_h3.values.iter().map(|value| value.filter(|value| *value > 0.0)).collect();
        // The bars stop short of zero on the logarithmic axis.
        let bar = |(value, (a, b)): (&Option<f64>, (&Option<f64>, &Option<f64>))| {
            value.and_then(|value| Some(larger(*a, *b)?.min(0.95 * value)))
        };
        let errors: Vec<Option<f64>> =
            shown.iter().zip(size.density_mpc_h3.errors.iter().zip(&size.poisson_errors)).map(bar).collect();
        panel = panel.points(Series::new(&middles, [&shown, &errors, &errors]).points(index, title(one.algorithm)));
    }
    Figure::new("Void size function").panel(panel)
}

fn profile_figure(statistics: &[VoidStatistics]) -> Figure {
    let mut panel = Panel::new()
        .x(Axis::linear("Distance from the centre r / R (effective radii)"))
        .y(Axis::linear("Galaxy density contrast n(r) / n̄ − 1"))
        .rule(Rule::horizontal(0.0).colour(Colour::GREY).dash(Dash::Dashed))
        .rule(Rule::vertical(1.0).colour(Colour::LIGHT_GREY).dash(Dash::Dotted));
    for (index, one) in statistics.iter().enumerate() {
        let profile = &one.profile;
        let values = [&profile.contrast.values[..], &profile.contrast.errors, &profile.poisson_errors];
        let series = Series::new(&middles(&profile.edges_r_eff, aside(index, statistics.len())), values);
        panel = panel.points(series.points(index, &format!("{} ({} voids)", title(one.algorithm), one.stacked_voids)));
    }
    Figure::new("Galaxy density around voids").panel(panel)
}

fn correlation_figure(statistics: &[VoidStatistics]) -> Figure {
    let panel = |y: &str| {
        Panel::new()
            .x(Axis::linear("Separation s (h⁻¹ Mpc)"))
            .y(Axis::linear(y))
            .rule(Rule::horizontal(0.0).colour(Colour::GREY).dash(Dash::Dashed))
    };
    let mut monopole = panel("Monopole ξ₀(s)");
    let mut quadrupole = panel("Quadrupole ξ₂(s)").without_legend();
    for (index, one) in statistics.iter().enumerate() {
        let separation = middles(&one.correlation.edges_mpc_h, aside(index, statistics.len()));
        let series = |values: [&[Option<f64>]; 3]| Series::new(&separation, values).points(index, title(one.algorithm));
        monopole = monopole.points(series(one.correlation.monopole()));
        quadrupole = quadrupole.points(series(one.correlation.quadrupole()));
    }
    Figure::new("Void–galaxy cross-correlation").panel(monopole).panel(quadrupole).columns(2)
}

/// Middles of bins, moved by a part of the bin.
fn middles(edges: &[f64], aside: f64) -> Vec<f64> {
    edges.windows(2).map(|edge| f64::midpoint(edge[0], edge[1]) + aside * (edge[1] - edge[0])).collect()
}

type Table = Result<arrow::array::RecordBatch, study::Error>;

/// One value of `of` for every bin of every algorithm.
fn every<T>(statistics: &[VoidStatistics], of: impl Fn(&VoidStatistics) -> Vec<T>) -> Vec<T> {
    statistics.iter().flat_map(of).collect()
}

/// Columns `algorithm` and the two edges of each bin.
fn bins(
    statistics: &[VoidStatistics],
    edges: impl Fn(&VoidStatistics) -> &[f64],
    (name, unit): (&str, &str),
) -> Columns {
    let side = |at: usize| every(statistics, |one| edges(one).windows(2).map(|edge| edge[at]).collect());
    Columns::new()
        .text("algorithm", "", "Void finder", every(statistics, |one| vec![one.algorithm; edges(one).len() - 1]))
        .float(&format!("{name}_low"), unit, "Inner edge of the bin", side(0))
        .float(&format!("{name}_high"), unit, "Outer edge of the bin", side(1))
}

fn size_table(statistics: &[VoidStatistics]) -> Table {
    let size = |of: fn(&super::SizeFunction) -> &Vec<Option<f64>>| every(statistics, |one| of(&one.size).clone());
    let counts = every(statistics, |one| one.size.voids.iter().map(|count| count.cast_signed()).collect());
    bins(statistics, |one| &one.size.edges_mpc_h, ("r_eff_mpc_h", "Mpc/h"))
        .integer("voids", "", "Voids that fit into the survey", counts)
        .float(
            "volume_fraction",
            "",
            "Part of the survey in which a void of the middle radius fits",
            every(statistics, |one| one.size.volume_fraction.clone()),
        )
        .optional("density_mpc_h3", "(Mpc/h)^-3", "dn/dlnR", size(|size| &size.density_mpc_h3.values))
        .optional("jackknife_error", "(Mpc/h)^-3", "Jackknife error", size(|size| &size.density_mpc_h3.errors))
        .optional("poisson_error", "(Mpc/h)^-3", "Poisson error", size(|size| &size.poisson_errors))
        .table()
}

fn profile_table(statistics: &[VoidStatistics]) -> Table {
    let counts = |of: fn(&super::DensityProfile) -> &Vec<u64>| {
        every(statistics, |one| of(&one.profile).iter().map(|count| count.cast_signed()).collect())
    };
    bins(statistics, |one| &one.profile.edges_r_eff, ("r_over_r_eff", ""))
        .integer("galaxies", "", "Galaxies in the shell, of all voids", counts(|profile| &profile.galaxies))
        .integer("randoms", "", "Random points in the shell, of all voids", counts(|profile| &profile.randoms))
        .optional(
            "contrast",
            "",
            "Galaxy density over the mean, minus 1",
            every(statistics, |one| one.profile.contrast.values.clone()),
        )
        .optional("contrast_error", "", "Jackknife error", every(statistics, |one| one.profile.contrast.errors.clone()))
        .optional("poisson_error", "", "Poisson error", every(statistics, |one| one.profile.poisson_errors.clone()))
        .table()
}

fn correlation_table(statistics: &[VoidStatistics]) -> Table {
    let of = |multipole: fn(&CrossCorrelation) -> [&[Option<f64>]; 3], which: usize| {
        every(statistics, |one| multipole(&one.correlation)[which].to_vec())
    };
    let (zero, two) = (CrossCorrelation::monopole, CrossCorrelation::quadrupole);
    bins(statistics, |one| &one.correlation.edges_mpc_h, ("separation_mpc_h", "Mpc/h"))
        .optional("monopole", "", "xi_0", of(zero, 0))
        .optional("monopole_error", "", "Jackknife error", of(zero, 1))
        .optional("monopole_poisson_error", "", "Poisson error", of(zero, 2))
        .optional("quadrupole", "", "xi_2", of(two, 0))
        .optional("quadrupole_error", "", "Jackknife error", of(two, 1))
        .optional("quadrupole_poisson_error", "", "Poisson error", of(two, 2))
        .table()
}
