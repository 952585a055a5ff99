//! Measurements as tables, each column with its unit and meaning.

use arrow::array::RecordBatch;
use study::tables::Columns;

use super::{
    Balance, BudgetLine, Calibration, Comparison, Effect, MainSequence, MassFunction, PopulationError,
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

/// The systematics table: choices and the effect under them.
///
/// # Errors
/// When the table cannot be made.
pub fn variants(rows: &[Variant]) -> Result<RecordBatch, PopulationError> {
    let columns = Columns::new()
        .text("algorithm", "", "void catalogue", rows.iter().map(|row| &row.algorithm))
        .text("edge_rule", "", "what happens to galaxies at the edge", rows.iter().map(|row| &row.edge_rule))
        .text("definition", "", "definition of quenching", rows.iter().map(|row| &row.definition))
        .text("cosmology", "", "distance scale", rows.iter().map(|row| &row.cosmology))
        .text("completeness", "", "completeness weights", rows.iter().map(|row| &row.completeness));
    Ok(effect_columns(columns, rows.iter().map(|row| row.effect).collect()).table()?)
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

/// Quenched fractions by mass, with p-values adjusted over all bins that were tested together.
///
/// # Errors
/// `adjusted` of another length, or when the table cannot be made.
pub fn quenched_fractions(fractions: &QuenchedFractions, adjusted: &[f64]) -> Result<RecordBatch, PopulationError> {
    let f = fractions;
    Ok(Columns::new()
        .float("log_mass_low", LOG_MASS, "lower edge of the mass bin", f.bins.iter().map(|bin| bin[0]))
        .float("log_mass_high", LOG_MASS, "upper edge of the mass bin", f.bins.iter().map(|bin| bin[1]))
        .float("f_wall", "", "quenched fraction in walls", f.wall.clone())
        .float("f_wall_error", "", "jackknife error", f.wall_error.clone())
        .float("f_void", "", "quenched fraction in voids", f.void.clone())
        .float("f_void_error", "", "jackknife error", f.void_error.clone())
        .float("delta_f", "", "wall minus void at fixed redshift", f.difference.clone())
        .float("delta_f_error", "", "jackknife error", f.difference_error())
        .float("p_value", "", "permutation p-value of the bin", f.p_value.clone())
        .float("p_adjusted", "", "Benjamini-Hochberg over all bins and algorithms", adjusted.to_vec())
        .integer("wall_galaxies", "", "galaxies in walls", f.wall_galaxies.iter().map(|n| *n as i64))
        .integer("void_galaxies", "", "galaxies in voids", f.void_galaxies.iter().map(|n| *n as i64))
        .table()?)
}

/// Mass functions of labelled samples, one row a bin.
///
/// # Errors
/// When the table cannot be made.
pub fn mass_functions(rows: &[(&str, &MassFunction)]) -> Result<RecordBatch, PopulationError> {
    let unit = if rows.iter().all(|(_, f)| f.absolute) { "h3 Mpc-3 dex-1" } else { "dex-1" };
    let each = |pick: &dyn Fn(&MassFunction) -> Vec<f64>| rows.iter().flat_map(|(_, f)| pick(f)).collect::<Vec<f64>>();
    let labels: Vec<&str> = rows.iter().flat_map(|(label, f)| f.phi.iter().map(move |_| *label)).collect();
    let galaxies: Vec<i64> = rows.iter().flat_map(|(_, f)| f.galaxies.iter().map(|n| *n as i64)).collect();
    Ok(Columns::new()
        .text("environment", "", "which galaxies", labels)
        .float("log_mass", LOG_MASS, "middle of the mass bin", each(&|f| f.log_mass.clone()))
        .float(
            "phi",
            unit,
            "mass function (shape with unit integral where the volume is unknown)",
            each(&|f| f.phi.clone()),
        )
        .float("phi_error", unit, "jackknife error", each(&|f| f.errors()))
        .integer("galaxies", "", "galaxies in the bin", galaxies)
        .table()?)
}

/// Main sequences of labelled samples.
///
/// # Errors
/// When the table cannot be made.
pub fn main_sequences(rows: &[(&str, &MainSequence)]) -> Result<RecordBatch, PopulationError> {
    let each = |pick: fn(&MainSequence) -> f64| rows.iter().map(|row| pick(row.1)).collect::<Vec<f64>>();
    Ok(Columns::new()
        .text("environment", "", "which galaxies", rows.iter().map(|row| row.0))
        .float("slope", "", "d log SFR / d log mass of the ridge", each(|m| m.ridge.line.slope))
        .float("slope_error", "", "jackknife error", each(|m| m.slope_error))
        .float("pivot_log_mass", LOG_MASS, "mass of the intercept", each(|m| m.pivot_log_mass))
        .float("intercept", "log10(Msun/yr)", "log SFR of the ridge at the pivot", each(|m| m.intercept))
        .float("intercept_error", "dex", "jackknife error", each(|m| m.intercept_error))
        .float("scatter", "dex", "standard deviation about the ridge", each(|m| m.ridge.scatter_dex))
        .float("scatter_error", "dex", "jackknife error", each(|m| m.scatter_error_dex))
        .table()?)
}

/// Comparisons of distributions.
///
/// # Errors
/// When the table cannot be made.
pub fn comparisons(rows: &[Comparison]) -> Result<RecordBatch, PopulationError> {
    let each = |pick: fn(&Comparison) -> f64| rows.iter().map(pick).collect::<Vec<f64>>();
    Ok(Columns::new()
        .text("quantity", "", "what is compared", rows.iter().map(|row| &row.quantity))
        .float("median_void", "", "median in voids", each(|c| c.medians[0]))
        .float("median_wall", "", "median in walls", each(|c| c.medians[1]))
        .float("cohens_d", "", "difference of means (wall minus void) in standard deviations", each(|c| c.cohens_d))
        .float("ks_statistic", "", "Kolmogorov-Smirnov distance", each(|c| c.ks_statistic))
        .float("ks_p_value", "", "p-value, galaxies independent", each(|c| c.ks_p_value))
        .float("ad_statistic", "", "normalised Anderson-Darling statistic", each(|c| c.ad_statistic))
        .float("ad_p_value", "", "p-value, limited to 0.001 to 0.25", each(|c| c.ad_p_value))
        .integer("void_galaxies", "", "galaxies in voids", rows.iter().map(|c| c.galaxies[0] as i64))
        .integer("wall_galaxies", "", "galaxies in walls", rows.iter().map(|c| c.galaxies[1] as i64))
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
            "half range over the choices; jackknife error for the first row",
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
