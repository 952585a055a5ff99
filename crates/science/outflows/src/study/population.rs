//! Incidence, kinematics and energetics of winds over a population.

use arrow::array::RecordBatch;
use astro::statistics::{mean, median, quantile, wilson_interval};
use study::run::StepFolder;
use study::tables::Columns;

use super::StudyError;
use super::winds::Winds;
use crate::survival::{Limited, cumulative_with_upper_limits, median_with_upper_limits};

/// Confidence of intervals of shares.
const LEVEL: f64 = 0.6827;
/// Fewest quasars of a bin.
const FEWEST: usize = 5;

/// A share of objects with its interval.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Share {
    pub kind: &'static str,
    pub over: &'static str,
    pub low: f64,
    pub high: f64,
    pub quasars: usize,
    pub with_wind: usize,
    pub share: f64,
    pub interval: (f64, f64),
}

/// Whether a quasar has a wind of some kind; `None` where its spectrum cannot tell.
type Has = fn(&Winds) -> Option<bool>;

/// The kinds of wind whose incidence is told.
pub(super) const KINDS: [(&str, Has); 3] = [
    ("C IV, BAL", |row| Some(row.civ?.bal)),
    ("C IV, AI at 3 σ", |row| Some(row.civ?.absorbs())),
    ("[O III] wing", |row| Some(row.wing?.detected)),
];

/// Shares over all, and in bins of redshift and bolometric luminosity with equal numbers of quasars.
pub(super) fn incidence(winds: &[Winds]) -> Result<Vec<Share>, StudyError> {
    let mut shares = Vec::new();
    for (kind, has) in KINDS {
        let told: Vec<(&Winds, bool)> = winds.iter().filter_map(|row| Some((row, has(row)?))).collect();
        let all: Vec<bool> = told.iter().map(|(_, wind)| *wind).collect();
        let redshifts: Vec<f64> = told.iter().map(|(row, _)| row.redshift).collect();
        let ends = |values: &[f64]| values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        let Some(overall) = share(kind, "all", ends(&redshifts), &all) else { continue };
        shares.push(overall);
        let axes: [(&'static str, fn(&Winds) -> Option<f64>); 2] =
            [("redshift", |row| Some(row.redshift)), ("log L_bol", |row| row.log_l_bol)];
        for (over, value) in axes {
            let mut placed: Vec<(f64, bool)> =
                told.iter().filter_map(|(row, wind)| Some((value(row)?, *wind))).collect();
            placed.sort_by(|a, b| a.0.total_cmp(&b.0));
            let bins = (placed.len() / 20).clamp(1, 6);
            if placed.len() < 2 * FEWEST {
                continue;
            }
            for bin in placed.chunks(placed.len().div_ceil(bins)) {
                let (values, wind): (Vec<f64>, Vec<bool>) = bin.iter().copied().unzip();
                shares.extend(share(kind, over, ends(&values), &wind).filter(|share| share.quasars >= FEWEST));
            }
        }
    }
    Ok(shares)
}

fn share(kind: &'static str, over: &'static str, (low, high): (f64, f64), wind: &[bool]) -> Option<Share> {
    let with_wind = wind.iter().filter(|wind| **wind).count();
    let interval = wilson_interval(with_wind as f64, wind.len() as f64, LEVEL).ok()?;
    let share = with_wind as f64 / wind.len() as f64;
    let interval = (interval.low, interval.high);
    Some(Share { kind, over, low, high, quasars: wind.len(), with_wind, share, interval })
}

fn incidence_table(shares: &[Share]) -> Result<RecordBatch, StudyError> {
    Ok(Columns::new()
        .text("wind", "", "which wind", shares.iter().map(|one| one.kind))
        .text("bins_of", "", "what the bin is of", shares.iter().map(|one| one.over))
        .float("low", "", "least value of the bin", shares.iter().map(|one| one.low))
        .float("high", "", "greatest value of the bin", shares.iter().map(|one| one.high))
        .integer("quasars", "", "quasars whose spectra can tell", shares.iter().map(|one| one.quasars as i64))
        .integer("with_wind", "", "quasars with the wind", shares.iter().map(|one| one.with_wind as i64))
        .float("share", "", "share with the wind", shares.iter().map(|one| one.share))
        .float("share_low", "", "lower end of its 68 % interval (Wilson)", shares.iter().map(|one| one.interval.0))
        .float("share_high", "", "upper end", shares.iter().map(|one| one.interval.1))
        .table()?)
}

/// Quantities of winds whose distribution is told.
const KINEMATICS: [(&str, &str, fn(&Winds) -> Option<f64>); 6] = [
    ("v_max of [O III] wings", "km/s", |row| row.wing.filter(|wing| wing.detected)?.v_max),
    ("highest velocity of C IV troughs of BAL quasars", "km/s", |row| row.civ.filter(|civ| civ.bal)?.v_max),
    ("balnicity of BAL quasars", "km/s", |row| row.civ.filter(|civ| civ.bal).map(|civ| civ.bi)),
    ("blueshift of C IV emission", "km/s", |row| row.civ_ew.and(row.civ_v50).map(|v50| -v50)),
    ("log power of [O III] wings", "log10(erg/s)", |row| Some(row.wing?.power?[1])),
    ("log power of troughs (mostly prior)", "log10(erg/s)", |row| Some(row.trough_power?[1])),
];

fn distributions(winds: &[Winds]) -> Result<RecordBatch, StudyError> {
    let mut rows = Vec::new();
    for (name, unit, value) in KINEMATICS {
        let values: Vec<f64> = winds.iter().filter_map(value).collect();
        let at = |share: f64| quantile(&values, share).ok();
        rows.push((name, unit, values.len(), mean(&values), at(0.16), median(&values).ok(), at(0.84)));
    }
    Ok(Columns::new()
        .text("quantity", "", "what", rows.iter().map(|row| row.0))
        .text("unit", "", "its unit", rows.iter().map(|row| row.1))
        .integer("quasars", "", "quasars that have it", rows.iter().map(|row| row.2 as i64))
        .optional("mean", "", "mean", rows.iter().map(|row| row.3))
        .optional("p16", "", "16th percentile", rows.iter().map(|row| row.4))
        .optional("median", "", "median", rows.iter().map(|row| row.5))
        .optional("p84", "", "84th percentile", rows.iter().map(|row| row.6))
        .table()?)
}

/// Powers of the ionised winds with the limits of those that are not seen.
pub(super) fn limited_powers(winds: &[Winds]) -> Vec<Limited> {
    let one = |row: &Winds| {
        let wing = row.wing?;
        wing.power.map(|power| Limited::Value(power[1])).or(wing.power_limit.map(Limited::UpperLimit))
    };
    winds.iter().filter_map(one).collect()
}

fn power_table(powers: &[Limited]) -> Result<RecordBatch, StudyError> {
    let steps = cumulative_with_upper_limits(powers);
    Ok(Columns::new()
        .float("log_edot", "log10(erg/s)", "power of the ionised wind", steps.iter().map(|step| step.value))
        .float(
            "share_below",
            "",
            "share of quasars with less (Kaplan-Meier)",
            steps.iter().map(|step| step.share_below),
        )
        .float("share_below_error", "", "its standard error (Greenwood)", steps.iter().map(|step| step.error))
        .table()?)
}

/// Writes the tables of the population.
pub(super) fn tables(folder: &mut StepFolder, winds: &[Winds]) -> Result<(), StudyError> {
    folder.table("incidence", &incidence_table(&incidence(winds)?)?)?;
    folder.table("distributions", &distributions(winds)?)?;
    let powers = limited_powers(winds);
    if median_with_upper_limits(&powers).is_none() && !powers.is_empty() {
        folder.warn("more than half of the quasars with [O III] have only upper limits below every measured power");
    }
    Ok(folder.table("power_distribution", &power_table(&powers)?)?)
}
