//! Stage 3: spectra of one quasar taken again and again must agree within their errors where it did not vary.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use astro::sphere::angular_separation_deg;
use astro::statistics::{median, standard_deviation};
use study::run::StepFolder;
use study::tables::Columns;
use study::validation::{Validation, Verdict};

use super::{Given, StudyError, told, verdict};
use crate::study::columns::{KEY, integers, numbers, texts};
use crate::study::settings::Settings;

/// Robust scatter of the peers over 24 epochs of the quasar RM017: [O III] flux.
const PEER_OIII_SCATTER: f64 = 0.063;

/// What is compared: line and column. Narrow lines of large regions do not vary in years.
const COMPARED: [(&str, &str); 7] = [
    ("OIII5008", "FLUX"),
    ("OIII5008", "FWHM"),
    ("Hb_broad", "FLUX"),
    ("Hb_broad", "FWHM"),
    ("MgII2799", "FLUX"),
    ("MgII2799", "FWHM"),
    ("CIV1549", "FWHM"),
];

/// A quantity of an object over its epochs.
struct Repeated {
    object: String,
    quantity: String,
    epochs: usize,
    median: f64,
    /// Robust relative scatter.
    scatter: f64,
    /// Standard deviation of (value - mean) / error.
    pull_sd: Option<f64>,
}

pub(super) fn check(
    folder: &mut StepFolder,
    checks: &mut Validation,
    given: &Given<'_>,
    settings: &Settings,
) -> Result<(), StudyError> {
    let groups = groups(given, settings.test.match_arcsec);
    let repeated = compare(&groups, given)?;
    if repeated.is_empty() {
        let name = "repeated spectra";
        checks.push(told(3, name, "none".to_owned(), "two or more of one quasar", Verdict::Warn, "nothing to compare"));
    }
    for one in repeated.iter().filter(|one| one.quantity == "OIII5008 FLUX" && one.epochs >= 3) {
        let name = format!("scatter of the [O III] flux of {} over {} spectra", one.object, one.epochs);
        let criterion = format!("{PEER_OIII_SCATTER} or less (two other programs on RM017)");
        let ended = verdict(one.scatter <= PEER_OIII_SCATTER, Verdict::Warn);
        checks.push(told(3, &name, format!("{:.3}", one.scatter), &criterion, ended, "calibration of flux included"));
    }
    Ok(folder.table("repeats", &table(&repeated)?)?)
}

/// Spectra of one object: numbers of spectra, by the first of them.
fn groups(given: &Given<'_>, match_arcsec: f64) -> Vec<Vec<usize>> {
    let placed: Vec<(usize, f64, f64)> =
        given.sample.iter().enumerate().filter_map(|(at, row)| Some((at, row.ra_deg?, row.dec_deg?))).collect();
    let mut order = placed.clone();
    order.sort_by(|a, b| a.2.total_cmp(&b.2).then(a.0.cmp(&b.0)));
    let reach = match_arcsec / 3_600.0;
    let mut group_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, one) in order.iter().enumerate() {
        for other in order[at + 1..].iter().take_while(|other| other.2 - one.2 <= reach) {
            if angular_separation_deg(one.1, one.2, other.1, other.2) <= reach {
                let first = group_of.get(&one.0).copied().unwrap_or(one.0);
                group_of.insert(one.0, first);
                group_of.entry(other.0).or_insert(first);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (spectrum, first) in group_of {
        groups.entry(first).or_default().push(spectrum);
    }
    groups.into_values().filter(|group| group.len() > 1).collect()
}

fn compare(groups: &[Vec<usize>], given: &Given<'_>) -> Result<Vec<Repeated>, StudyError> {
    let lines = &given.tables[1];
    let (keys, names) = (integers(lines, KEY)?, texts(lines, "LINE")?);
    let mut repeated = Vec::new();
    for (line, column) in COMPARED {
        let (values, errors) = (numbers(lines, column)?, numbers(lines, &format!("{column}_ERR"))?);
        // The row of core and wing together, where there is one, comes last and is taken.
        let of: BTreeMap<i64, usize> =
            (0..lines.num_rows()).filter(|at| names.value(*at) == line).map(|at| (keys.value(at), at)).collect();
        for group in groups {
            let found: Vec<(f64, Option<f64>)> = group
                .iter()
                .filter_map(|spectrum| of.get(&(*spectrum as i64)))
                .filter_map(|at| Some((values[*at].filter(|value| *value > 0.0)?, errors[*at])))
                .collect();
            if found.len() > 1
                && let Some(first) = group.first()
            {
                let object = given.sample[*first].name.clone();
                repeated.push(summary(object, format!("{line} {column}"), &found));
            }
        }
    }
    Ok(repeated)
}

fn summary(object: String, quantity: String, found: &[(f64, Option<f64>)]) -> Repeated {
    let values: Vec<f64> = found.iter().map(|one| one.0).collect();
    let middle = median(&values).unwrap_or(f64::NAN);
    let away: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let weights: Vec<(f64, f64)> =
        found.iter().filter_map(|(value, error)| Some((*value, error.filter(|error| *error > 0.0)?))).collect();
    let sum: f64 = weights.iter().map(|(_, error)| error.powi(-2)).sum();
    let mean = weights.iter().map(|(value, error)| value * error.powi(-2)).sum::<f64>() / sum;
    let pulls: Vec<f64> = weights.iter().map(|(value, error)| (value - mean) / error).collect();
    Repeated {
        object,
        quantity,
        epochs: found.len(),
        median: middle,
        scatter: 1.4826 * median(&away).unwrap_or(f64::NAN) / middle,
        pull_sd: standard_deviation(&pulls),
    }
}

fn table(rows: &[Repeated]) -> Result<RecordBatch, StudyError> {
    Ok(Columns::new()
        .text("object", "", "its first spectrum", rows.iter().map(|row| &row.object))
        .text("quantity", "", "line and quantity", rows.iter().map(|row| &row.quantity))
        .integer("spectra", "", "spectra compared", rows.iter().map(|row| row.epochs as i64))
        .float("median", "", "median, in the unit of the table of lines", rows.iter().map(|row| row.median))
        .float("scatter", "", "robust relative scatter", rows.iter().map(|row| row.scatter))
        .optional("pull_sd", "", "standard deviation of (value - mean) / error: 1 if errors are right", {
            rows.iter().map(|row| row.pull_sd)
        })
        .table()?)
}
