//! Measurements as tables, each column with its unit and meaning.

use arrow::array::RecordBatch;
use study::tables::Columns;

use super::{
    Balance, BudgetLine, Calibration, Comparison, DoubleSchechter, Effect, MainSequence, MassFunction, PopulationError,
    QuenchedFractions, Variant,
};

const LOG_MASS: &str = "log10(Msun)";

/// Effects with their labels, one row each.
///
/// # Errors
/// When the table cannot be made.
pub fn effects(rows: &[(String, Effect)]) -> Result<RecordBatch, PopulationError> {
    let columns = Columns::new().text("label", "", "what was measured", rows.iter().map(|row| &row.0));
    Ok(effect_columns(columns, rows.iter().map(|row| row.1).collect()).table()?)
}

/// The systematics table: choices and the effect under them, with the p-values of regions adjusted over the table.
///
/// # Errors
/// `adjusted` of another length, or when the table cannot be made.
pub fn variants(rows: &[Variant], adjusted: &[f64]) -> Result<RecordBatch, PopulationError> {
    let columns = Columns::new()
        .text("algorithm", "", "void-finding algorithm", rows.iter().map(|row| &row.algorithm))
        .text("finder", "", "whose voids", rows.iter().map(|row| &row.finder))
        .text("edge_rule", "", "what happens to galaxies at the edge", rows.iter().map(|row| &row.edge_rule))
        .text("definition", "", "definition of quenching", rows.iter().map(|row| &row.definition))
        .text("cosmology", "", "distance scale", rows.iter().map(|row| &row.cosmology))
        .text("completeness", "", "completeness weights", rows.iter().map(|row| &row.completeness));
    Ok(effect_columns(columns, rows.iter().map(|row| row.effect).collect())
        .float("p_adjusted", "", "p_regions after Benjamini-Hochberg over this table", adjusted.to_vec())
        .table()?)
}

/// The effect with one choice changed at a time, the fiducial one first and told in full.
///
/// # Errors
/// When the table cannot be made.
pub fn one_at_a_time(rows: &[Variant]) -> Result<RecordBatch, PopulationError> {
    let mut shown = super::one_at_a_time(rows);
    if let Some((name, variant)) = shown.first_mut() {
        *name = format!("{name}: {}", super::in_words(variant));
    }
    let columns = Columns::new().text("choice", "", "what differs from the fiducial", shown.iter().map(|row| &row.0));
    Ok(effect_columns(columns, shown.iter().map(|row| row.1.effect).collect()).table()?)
}

fn effect_columns(columns: Columns, rows: Vec<Effect>) -> Columns {
    let pick = |value: fn(&Effect) -> f64| rows.iter().map(value).collect::<Vec<f64>>();
    let whole = |value: fn(&Effect) -> i64| rows.iter().map(value).collect::<Vec<i64>>();
    columns
        .float(
            "delta_f_quenched",
            "",
            "quenched fraction, wall minus void, at fixed mass and redshift",
            pick(|e| e.value),
        )
        .float("error", "", "jackknife error over regions of the sky", pick(|e| e.error))
        .float("error_galaxies", "", "error if galaxies were independent", pick(|e| e.error_galaxies))
        .float("error_regions", "", "bootstrap error over regions of the sky", pick(|e| e.error_regions))
        .float("low_95", "", "lower end of the 95.45 % interval", pick(|e| e.interval_95.low))
        .float("high_95", "", "upper end of the 95.45 % interval", pick(|e| e.interval_95.high))
        .float(
            "p_permutation",
            "",
            "p-value, environments shuffled at fixed mass and redshift",
            pick(|e| e.p_permutation),
        )
        .float("p_regions", "", "p-value, signs of regions shuffled", pick(|e| e.p_regions))
        .integer("void_galaxies", "", "galaxies in voids", whole(|e| e.void_galaxies as i64))
        .integer("wall_galaxies", "", "galaxies in walls", whole(|e| e.wall_galaxies as i64))
        .integer("regions", "", "jackknife regions", whole(|e| e.regions as i64))
}

/// What was measured in a labelled set-up.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled<T> {
    /// Void catalogue.
    pub algorithm: String,
    /// Definition of quenching, environment, or sample, as the table needs.
    pub label: String,
    /// The measurement.
    pub value: T,
}

/// One text a row of each labelled measurement that has `rows` rows.
fn repeated<T>(measured: &[Labelled<T>], text: fn(&Labelled<T>) -> &String, rows: fn(&T) -> usize) -> Vec<String> {
    measured.iter().flat_map(|each| std::iter::repeat_n(text(each).clone(), rows(&each.value))).collect()
}

/// Quenched fractions by bin, with p-values adjusted over all bins that were tested together, one row a bin.
///
/// # Errors
/// `adjusted` of another length, or when the table cannot be made.
pub fn quenched_fractions(
    measured: &[Labelled<QuenchedFractions>],
    adjusted: &[Vec<f64>],
) -> Result<RecordBatch, PopulationError> {
    let each = |pick: &dyn Fn(&QuenchedFractions) -> Vec<f64>| {
        measured.iter().flat_map(|each| pick(&each.value)).collect::<Vec<f64>>()
    };
    let whole = |pick: fn(&QuenchedFractions) -> &Vec<u64>| {
        measured.iter().flat_map(|each| pick(&each.value).iter().map(|n| *n as i64)).collect::<Vec<i64>>()
    };
    let text = |pick| repeated(measured, pick, |f| f.bins.len());
    let binned_by: Vec<&str> = measured
        .iter()
        .flat_map(|each| std::iter::repeat_n(each.value.binned_by.name(), each.value.bins.len()))
        .collect();
    Ok(Columns::new()
        .text("algorithm", "", "void catalogue", text(|each| &each.algorithm))
        .text("definition", "", "definition of quenching", text(|each| &each.label))
        .text("binned_by", "", "what the bins are of: log mass in solar masses, or redshift", binned_by)
        .float("low", "", "lower edge of the bin", each(&|f| f.bins.iter().map(|bin| bin[0]).collect()))
        .float("high", "", "upper edge of the bin", each(&|f| f.bins.iter().map(|bin| bin[1]).collect()))
        .float("f_wall", "", "quenched fraction in walls", each(&|f| f.wall.clone()))
        .float("f_wall_error", "", "jackknife error", each(&QuenchedFractions::wall_error))
        .float("f_void", "", "quenched fraction in voids", each(&|f| f.void.clone()))
        .float("f_void_error", "", "jackknife error", each(&QuenchedFractions::void_error))
        .float("delta_f", "", "wall minus void at fixed mass and redshift", each(&|f| f.difference.clone()))
        .float("delta_f_error", "", "jackknife error", each(&QuenchedFractions::difference_error))
        .float("p_value", "", "permutation p-value of the bin", each(&|f| f.p_value.clone()))
        .float(
            "p_adjusted",
            "",
            "p-value after Benjamini-Hochberg over all bins, definitions and algorithms of this table",
            adjusted.concat(),
        )
        .integer("wall_galaxies", "", "galaxies in walls", whole(|f| &f.wall_galaxies))
        .integer("void_galaxies", "", "galaxies in voids", whole(|f| &f.void_galaxies))
        .table()?)
}

/// A covariance matrix with what its rows and columns are.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedCovariance {
    /// Void catalogue.
    pub algorithm: String,
    /// What the matrix is of.
    pub label: String,
    /// Name of each row and column.
    pub names: Vec<String>,
    /// The matrix `[n, n]`.
    pub matrix: Vec<Vec<f64>>,
}

/// The covariance of quenched fractions in walls, voids and their difference.
#[must_use]
pub fn fractions_covariance(measured: &Labelled<QuenchedFractions>) -> NamedCovariance {
    let f = &measured.value;
    let names = ["f_wall", "f_void", "delta_f"]
        .iter()
        .flat_map(|what| f.bins.iter().map(move |[low, high]| format!("{what} {low:.3} to {high:.3}")))
        .collect();
    let label = format!("{}, by {}", measured.label, f.binned_by.name());
    NamedCovariance { algorithm: measured.algorithm.clone(), label, names, matrix: f.covariance.clone() }
}

/// The covariance of a mass function.
#[must_use]
pub fn mass_function_covariance(measured: &Labelled<MassFunction>) -> NamedCovariance {
    let f = &measured.value;
    NamedCovariance {
        algorithm: measured.algorithm.clone(),
        label: measured.label.clone(),
        names: f.log_mass.iter().map(|mass| format!("phi at {mass:.3}")).collect(),
        matrix: f.covariance.clone(),
    }
}

/// The covariance of a double Schechter fit; empty where it did not converge.
#[must_use]
pub fn schechter_covariance(measured: &Labelled<DoubleSchechter>) -> NamedCovariance {
    let names = DoubleSchechter::NAMES.map(str::to_owned).to_vec();
    let (algorithm, label) = (measured.algorithm.clone(), measured.label.clone());
    NamedCovariance { algorithm, label, names, matrix: measured.value.covariance.clone() }
}

/// Covariance matrices, one row an entry, with the correlation beside it.
///
/// # Errors
/// When the table cannot be made.
pub fn covariances(matrices: &[NamedCovariance]) -> Result<RecordBatch, PopulationError> {
    let mut labels: [Vec<&str>; 4] = Default::default();
    let (mut values, mut correlations) = (Vec::new(), Vec::new());
    for each in matrices {
        for (i, (row, first)) in each.matrix.iter().zip(&each.names).enumerate() {
            for (j, (value, second)) in row.iter().zip(&each.names).enumerate() {
                for (column, text) in labels.iter_mut().zip([&each.algorithm, &each.label, first, second]) {
                    column.push(text);
                }
                let scale = (each.matrix[i][i] * each.matrix[j][j]).sqrt();
                values.push(*value);
                correlations.push((scale > 0.0).then(|| value / scale));
            }
        }
    }
    let [algorithm, label, first, second] = labels;
    Ok(Columns::new()
        .text("algorithm", "", "void catalogue", algorithm)
        .text("label", "", "what the covariance is of", label)
        .text("row", "", "first quantity", first)
        .text("column", "", "second quantity", second)
        .float("covariance", "", "jackknife covariance, in the product of both units", values)
        .optional("correlation", "", "covariance over both standard errors", correlations)
        .table()?)
}

/// Mass functions by environment (the label), one row a bin.
///
/// # Errors
/// When the table cannot be made.
pub fn mass_functions(measured: &[Labelled<MassFunction>]) -> Result<RecordBatch, PopulationError> {
    let unit = if measured.iter().all(|each| each.value.absolute) { "h3 Mpc-3 dex-1" } else { "dex-1" };
    let each = |pick: &dyn Fn(&MassFunction) -> Vec<f64>| {
        measured.iter().flat_map(|each| pick(&each.value)).collect::<Vec<f64>>()
    };
    let text = |pick| repeated(measured, pick, |f| f.phi.len());
    let galaxies: Vec<i64> = measured.iter().flat_map(|m| m.value.galaxies.iter().map(|n| *n as i64)).collect();
    Ok(Columns::new()
        .text("algorithm", "", "void catalogue", text(|each| &each.algorithm))
        .text("environment", "", "which galaxies", text(|each| &each.label))
        .float("log_mass", LOG_MASS, "middle of the mass bin", each(&|f| f.log_mass.clone()))
        .float(
            "phi",
            unit,
            "mass function by 1/Vmax (shape with unit integral where the volume is unknown)",
            each(&|f| f.phi.clone()),
        )
        .float("phi_error", unit, "jackknife error", each(&MassFunction::errors))
        .integer("galaxies", "", "galaxies in the bin", galaxies)
        .table()?)
}

/// Double Schechter fits by environment (the label); parameters are null where a fit did not converge.
///
/// # Errors
/// When the table cannot be made.
pub fn schechter_fits(measured: &[Labelled<DoubleSchechter>]) -> Result<RecordBatch, PopulationError> {
    const UNITS: [&str; 5] = [LOG_MASS, "", "", "", ""];
    const MEANINGS: [&str; 5] = [
        "log10 of the characteristic mass",
        "ln of the density of the first component, per dex",
        "slope of the first component",
        "ln of the density of the second component, per dex",
        "slope of the second component",
    ];
    let mut columns = Columns::new()
        .text("algorithm", "", "void catalogue", measured.iter().map(|each| &each.algorithm))
        .text("environment", "", "which galaxies", measured.iter().map(|each| &each.label))
        .flag("converged", "whether the fit converged", measured.iter().map(|each| each.value.converged));
    for (k, name) in DoubleSchechter::NAMES.into_iter().enumerate() {
        let value = measured.iter().map(|each| each.value.converged.then(|| each.value.parameters[k]));
        let error = measured.iter().map(|each| each.value.error(k));
        columns = columns.optional(name, UNITS[k], MEANINGS[k], value);
        columns = columns.optional(&format!("{name}_error"), UNITS[k], "standard error", error);
    }
    Ok(columns
        .float("chi_square", "", "chi-square of the fit", measured.iter().map(|each| each.value.chi_square))
        .integer("degrees", "", "degrees of freedom", measured.iter().map(|each| each.value.degrees as i64))
        .flag(
            "full_covariance",
            "whether the bins' covariance was used, else their errors alone",
            measured.iter().map(|each| each.value.full_covariance),
        )
        .table()?)
}

/// Main sequences by environment (the label).
///
/// # Errors
/// When the table cannot be made.
pub fn main_sequences(measured: &[Labelled<MainSequence>]) -> Result<RecordBatch, PopulationError> {
    let each = |pick: fn(&MainSequence) -> f64| measured.iter().map(|row| pick(&row.value)).collect::<Vec<f64>>();
    Ok(Columns::new()
        .text("algorithm", "", "void catalogue", measured.iter().map(|each| &each.algorithm))
        .text("environment", "", "which galaxies", measured.iter().map(|each| &each.label))
        .float("slope", "", "d log SFR / d log mass of the ridge", each(|m| m.ridge.line.slope))
        .float("slope_error", "", "jackknife error", each(|m| m.slope_error))
        .float("pivot_log_mass", LOG_MASS, "mass of the intercept", each(|m| m.pivot_log_mass))
        .float("intercept", "log10(Msun/yr)", "log SFR of the ridge at the pivot", each(|m| m.intercept))
        .float("intercept_error", "dex", "jackknife error", each(|m| m.intercept_error))
        .float("scatter", "dex", "standard deviation about the ridge", each(|m| m.ridge.scatter_dex))
        .float("scatter_error", "dex", "jackknife error", each(|m| m.scatter_error_dex))
        .table()?)
}

/// The medians that main sequences are fitted to, one row a mass bin.
///
/// # Errors
/// When the table cannot be made.
pub fn ridges(measured: &[Labelled<MainSequence>]) -> Result<RecordBatch, PopulationError> {
    let text = |pick| repeated(measured, pick, |m: &MainSequence| m.ridge.points.len());
    let column = |k: usize| measured.iter().flat_map(move |m| m.value.ridge.points.iter().map(move |point| point[k]));
    let line = measured.iter().flat_map(|m| m.value.ridge.points.iter().map(|point| m.value.ridge.line.at(point[0])));
    Ok(Columns::new()
        .text("algorithm", "", "void catalogue", text(|each| &each.algorithm))
        .text("environment", "", "which galaxies", text(|each| &each.label))
        .float("log_mass", LOG_MASS, "middle of the mass bin", column(0))
        .float("log_sfr", "log10(Msun/yr)", "median of the star-forming galaxies", column(1))
        .float("log_sfr_error", "dex", "standard error of the median, galaxies independent", column(2))
        .float("line", "log10(Msun/yr)", "the fitted line", line)
        .table()?)
}

/// Comparisons of distributions (label: which galaxies), with permutation p-values adjusted over all of them.
///
/// # Errors
/// `adjusted` of another length, or when the table cannot be made.
pub fn comparisons(measured: &[Labelled<Comparison>], adjusted: &[f64]) -> Result<RecordBatch, PopulationError> {
    let each = |pick: fn(&Comparison) -> f64| measured.iter().map(|each| pick(&each.value)).collect::<Vec<f64>>();
    Ok(Columns::new()
        .text("algorithm", "", "void catalogue", measured.iter().map(|each| &each.algorithm))
        .text("galaxies", "", "all galaxies, or pairs matched in mass and redshift", measured.iter().map(|m| &m.label))
        .text("quantity", "", "what is compared", measured.iter().map(|each| &each.value.quantity))
        .float("median_void", "", "median in voids", each(|c| c.medians[0]))
        .float("median_wall", "", "median in walls", each(|c| c.medians[1]))
        .float("cohens_d", "", "difference of means (wall minus void) in standard deviations", each(|c| c.cohens_d))
        .float("ks_statistic", "", "Kolmogorov-Smirnov distance", each(|c| c.ks_statistic))
        .float("ks_p_value", "", "p-value, galaxies independent", each(|c| c.ks_p_value))
        .float("ad_statistic", "", "normalised Anderson-Darling statistic", each(|c| c.ad_statistic))
        .float("ad_p_value", "", "p-value, limited to 0.001 to 0.25", each(|c| c.ad_p_value))
        .float("p_permutation", "", "p-value of the means, labels shuffled", each(|c| c.permutation_p_value))
        .float("p_adjusted", "", "after Benjamini-Hochberg over this table", adjusted.to_vec())
        .integer("void_galaxies", "", "galaxies in voids", measured.iter().map(|c| c.value.galaxies[0] as i64))
        .integer("wall_galaxies", "", "galaxies in walls", measured.iter().map(|c| c.value.galaxies[1] as i64))
        .table()?)
}

/// The error budget; a null error was not tried, which is not zero.
///
/// # Errors
/// When the table cannot be made.
pub fn budget(rows: &[BudgetLine]) -> Result<RecordBatch, PopulationError> {
    let largest = |row: &BudgetLine| row.largest.as_ref().map_or(String::new(), |(name, _)| name.clone());
    Ok(Columns::new()
        .text("source", "", "source of uncertainty", rows.iter().map(|row| row.source))
        .integer("choices", "", "choices tried", rows.iter().map(|row| row.choices as i64))
        .optional(
            "error",
            "",
            "half range over the choices; jackknife error for the first row, root of the sum of squares for the last",
            rows.iter().map(|row| row.error),
        )
        .text("largest", "", "choice that moves the effect most", rows.iter().map(largest))
        .optional("shift", "", "by how much", rows.iter().map(|row| row.largest.as_ref().map(|(_, shift)| *shift)))
        .table()?)
}

/// The balance table.
///
/// # Errors
/// When the table cannot be made.
pub fn balances(rows: &[Balance]) -> Result<RecordBatch, PopulationError> {
    Ok(Columns::new()
        .text("quantity", "", "what was matched", rows.iter().map(|row| row.quantity))
        .float("before", "", "standardised mean difference before matching", rows.iter().map(|row| row.before))
        .float("after", "", "and after", rows.iter().map(|row| row.after))
        .table()?)
}

/// Calibrations of labelled set-ups, one row each.
///
/// # Errors
/// When the table cannot be made.
pub fn calibrations(rows: &[(String, Calibration)]) -> Result<RecordBatch, PopulationError> {
    let each = |pick: fn(&Calibration) -> f64| rows.iter().map(|row| pick(&row.1)).collect::<Vec<f64>>();
    Ok(Columns::new()
        .text("label", "", "what was injected and how it was measured", rows.iter().map(|row| &row.0))
        .integer("seeds", "", "simulated skies", rows.iter().map(|row| row.1.trials.len() as i64))
        .float("bias", "", "mean of measured minus true", each(|c| c.bias))
        .float("bias_error", "", "its standard error", each(|c| c.bias_error))
        .float("scatter", "", "standard deviation of measured minus true", each(|c| c.scatter))
        .float("mean_error", "", "mean reported error", each(|c| c.mean_error))
        .float("coverage_68", "", "share of 68.27 % intervals with the truth", each(|c| c.coverage_68))
        .float("coverage_95", "", "share of 95.45 % intervals with the truth", each(|c| c.coverage_95))
        .float("detections_permutation", "", "share with permutation p <= 0.05", each(|c| c.detections_permutation))
        .float("detections_regions", "", "share with region p <= 0.05", each(|c| c.detections_regions))
        .table()?)
}
