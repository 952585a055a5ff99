//! What the models saved, as tables: lines over H beta and ionic columns at every column density of the plan.

use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use study::tables::Columns;

use super::deck::ELEMENTS;
use super::{CloudyError, GridPlan, Model, ModelRecord};

/// Ionisation stages of an element that are told, at most (I to VIII).
const STAGES: usize = 8;
const ROMAN: [&str; STAGES] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII"];

/// A saved file: depth (cm) first, then one column a label, one row a zone.
struct Saved {
    labels: Vec<String>,
    depth_cm: Vec<f64>,
    /// One vector a label.
    columns: Vec<Vec<f64>>,
}

impl Saved {
    /// Reads tab-separated numbers under a header that begins with `#`; lines of dashes part iterations, of which the
    /// last counts.
    fn read(path: &Path) -> Result<Self, CloudyError> {
        let wrong = |reason: String| CloudyError::Output { path: path.to_owned(), reason };
        let text = fs::read_to_string(path).map_err(CloudyError::io("read", path))?;
        let header = text.lines().find(|line| line.starts_with('#')).ok_or_else(|| wrong("no header".to_owned()))?;
        let labels: Vec<String> = header.trim_start_matches('#').split('\t').skip(1).map(label).collect();
        let labels: Vec<String> = labels.into_iter().filter(|label| !label.is_empty()).collect();
        let mut saved = Self { columns: vec![Vec::new(); labels.len()], labels, depth_cm: Vec::new() };
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                saved.depth_cm.clear();
                saved.columns.iter_mut().for_each(Vec::clear);
                continue;
            }
            let values: Vec<f64> = line.split('\t').map_while(|word| word.trim().parse().ok()).collect();
            if values.len() < saved.columns.len() + 1 {
                let (expected, found) = (saved.columns.len() + 1, values.len());
                return Err(wrong(format!("line {}: expected {expected} numbers, found {found}", number + 1)));
            }
            saved.depth_cm.push(values[0]);
            for (column, value) in saved.columns.iter_mut().zip(&values[1..]) {
                column.push(*value);
            }
        }
        if saved.depth_cm.is_empty() || saved.depth_cm.windows(2).any(|pair| pair[1] < pair[0]) {
            return Err(wrong("expected zones of increasing depth".to_owned()));
        }
        Ok(saved)
    }

    /// A column at a depth, linear in the logarithms between zones.
    fn at(&self, column: &[f64], depth_cm: f64) -> f64 {
        let high = self.depth_cm.partition_point(|depth| *depth < depth_cm * (1.0 - 1e-9));
        let (Some(&at), Some(&value)) = (self.depth_cm.get(high), column.get(high)) else {
            return column.last().copied().unwrap_or(0.0);
        };
        if high == 0 || at <= depth_cm * (1.0 + 1e-9) {
            return value;
        }
        let (before, first) = (self.depth_cm[high - 1], column[high - 1]);
        if !(first > 0.0 && value > 0.0 && before > 0.0) {
            return first + (value - first) * (depth_cm - before) / (at - before);
        }
        (first.ln() + (value / first).ln() * (depth_cm / before).ln() / (at / before).ln()).exp()
    }
}

/// A label of Cloudy as a column's name: `O  3 5006.84A` becomes `O_3_5006.84A`.
fn label(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join("_").to_uppercase()
}

/// log10 of the hydrogen column that a model reached, 1/cm2.
pub(super) fn column_reached(folder: &Path, model: &Model) -> Result<f64, CloudyError> {
    let saved = Saved::read(&folder.join(format!("{}.cum", model.name())))?;
    let depth = saved.depth_cm.last().copied().unwrap_or(0.0);
    Ok(depth.log10() + model.log_n_h)
}

/// Lines and ionic columns of one model at one column density.
struct Row {
    model: Model,
    deck_sha256: String,
    log_column: f64,
    /// Over H beta.
    lines: Vec<f64>,
    /// log10 1/cm2.
    ions: Vec<f64>,
}

/// Gathers the models that have ended well: lines over H beta, and log10 of ionic columns (1/cm2), one row a model and
/// column density, each with the hash of its deck. Both tables are grids for [`crate::grid::ModelGrid`].
///
/// # Errors
/// No model has ended well, or a saved file is not as Cloudy writes it.
pub fn collect(
    folder: &Path,
    plan: &GridPlan,
    records: &[ModelRecord],
) -> Result<(RecordBatch, RecordBatch), CloudyError> {
    let mut rows: Vec<Row> = Vec::new();
    let (mut line_names, mut ion_names) = (Vec::new(), Vec::new());
    for model in plan.models() {
        let name = model.name();
        let Some(record) = records.iter().find(|one| one.model == name && one.status.is_usable()) else { continue };
        let saved = Saved::read(&folder.join(format!("{name}.cum")))?;
        let ions = ions(folder, &model)?;
        line_names.clone_from(&saved.labels);
        ion_names = ions.iter().map(|(name, _, _)| name.clone()).collect();
        for &log_column in &plan.log_column {
            let depth = 10f64.powf(log_column - model.log_n_h);
            let value = |column: &Vec<f64>| saved.at(column, depth);
            let hbeta = saved.columns.first().map_or(f64::NAN, value);
            rows.push(Row {
                model,
                deck_sha256: record.deck_sha256.clone(),
                log_column,
                lines: saved.columns.iter().map(|column| value(column) / hbeta).collect(),
                ions: ions.iter().map(|(_, saved, column)| saved.at(column, depth).max(1.0).log10()).collect(),
            });
        }
    }
    if rows.is_empty() {
        return Err(CloudyError::Nothing { failed: records.len() });
    }
    let lines = table(&rows, &line_names, ("", "intensity over H beta"), |row| &row.lines)?;
    let ions = table(&rows, &ion_names, ("log10(1/cm2)", "ionic column"), |row| &row.ions)?;
    Ok((lines, ions))
}

/// Name, file and cumulative column (1/cm2) of every ion.
fn ions(folder: &Path, model: &Model) -> Result<Vec<(String, std::rc::Rc<Saved>, Vec<f64>)>, CloudyError> {
    let mut all = Vec::new();
    for (_, ending, symbol, abundance, is_metal) in ELEMENTS {
        let saved = std::rc::Rc::new(Saved::read(&folder.join(format!("{}.{ending}", model.name())))?);
        let share = abundance * if is_metal { model.metallicity } else { 1.0 };
        let density = 10f64.powf(model.log_n_h) * share;
        for (stage, fraction) in saved.columns.iter().take(stages(symbol)).enumerate() {
            let (mut column, mut before, mut cumulative) = (0.0, 0.0, Vec::with_capacity(fraction.len()));
            for (depth, fraction) in saved.depth_cm.iter().zip(fraction) {
                column += fraction * density * (depth - before);
                before = *depth;
                cumulative.push(column);
            }
            all.push((format!("N_{symbol}{}", ROMAN[stage]), std::rc::Rc::clone(&saved), cumulative));
        }
    }
    Ok(all)
}

/// Stages of an element: the bare nucleus is the last.
fn stages(symbol: &str) -> usize {
    match symbol {
        "H" => 2,
        "He" => 3,
        _ => STAGES,
    }
}

fn table(
    rows: &[Row],
    names: &[String],
    (unit, meaning): (&str, &str),
    of: impl Fn(&Row) -> &Vec<f64>,
) -> Result<RecordBatch, CloudyError> {
    let mut columns = Columns::new()
        .float("logU", "", "ionisation parameter, log10", rows.iter().map(|row| row.model.log_u))
        .float("lognH", "log10(1/cm3)", "hydrogen density", rows.iter().map(|row| row.model.log_n_h))
        .float("Z", "solar", "metals", rows.iter().map(|row| row.model.metallicity))
        .float("logNH", "log10(1/cm2)", "hydrogen column", rows.iter().map(|row| row.log_column));
    for (at, name) in names.iter().enumerate() {
        let values = rows.iter().map(|row| of(row).get(at).copied().filter(|value| value.is_finite()));
        columns = columns.optional(name, unit, meaning, values);
    }
    Ok(columns.text("DECK_SHA256", "", "hash of the model's deck", rows.iter().map(|row| &row.deck_sha256)).table()?)
}

/// One row a model: how it ended.
///
/// # Errors
/// None in practice: columns have one length.
pub fn audit_table(records: &[ModelRecord]) -> Result<RecordBatch, CloudyError> {
    Ok(Columns::new()
        .text("MODEL", "", "name of the model's files", records.iter().map(|one| &one.model))
        .text(
            "STATUS",
            "",
            "ok, warned, short, aborted, crashed, timedout",
            records.iter().map(|one| one.status.word()),
        )
        .integer("TRIES", "", "tries made", records.iter().map(|one| one.tries as i64))
        .optional("ZONES", "", "zones computed", records.iter().map(|one| one.zones.map(|zones| zones as f64)))
        .integer("CAUTIONS", "", "cautions of Cloudy", records.iter().map(|one| one.cautions as i64))
        .integer("WARNINGS", "", "warnings of Cloudy", records.iter().map(|one| one.warnings as i64))
        .optional("LOG_NH_REACHED", "log10(1/cm2)", "column reached", records.iter().map(|one| one.log_column))
        .float("SECONDS", "s", "wall time of the last try", records.iter().map(|one| one.seconds))
        .text("DECK_SHA256", "", "hash of the deck", records.iter().map(|one| &one.deck_sha256))
        .table()?)
}
