//! Stage 2: do these quasars look like quasars? Ranges, and correlations that every large sample has shown.

use astro::statistics::fit_line;
use study::validation::{Validation, Verdict};

use super::{Given, StudyError, told, too_few, verdict};
use crate::study::columns::numbers;
use crate::study::winds::Winds;

/// Fewest quasars of a correlation.
const FEWEST: usize = 30;

pub(super) fn check(checks: &mut Validation, given: &Given<'_>) -> Result<(), StudyError> {
    let quasars = &given.tables[0];
    let slopes: Vec<f64> = numbers(quasars, "SLOPE")?.into_iter().flatten().collect();
    let usual = slopes.iter().filter(|slope| (-3.5..=1.5).contains(*slope)).count() as f64;
    checks.between(2, "share of power laws with a slope of -3.5 to 1.5", usual / slopes.len() as f64, (0.9, 1.0));
    let luminosities: Vec<f64> = given.winds.iter().filter_map(|row| row.log_l_bol).collect();
    let usual = luminosities.iter().filter(|l| (43.5..=49.0).contains(*l)).count() as f64;
    checks.between(2, "share with log L_bol of 43.5 to 49", usual / luminosities.len() as f64, (0.95, 1.0));
    let ew = |row: &Winds| row.civ_ew.filter(|ew| *ew > 1.0).map(f64::log10);
    let at_1350 = numbers(quasars, "LOGL1350")?;
    let baldwin = given.winds.iter().zip(&at_1350).filter_map(|(row, l)| Some(((*l)?, ew(row)?))).unzip();
    falls(checks, "Baldwin effect: log EW of C IV against log L(1350)", baldwin);
    let shift = given.winds.iter().filter_map(|row| Some((-row.civ_v50? / 1000.0, ew(row)?))).unzip();
    falls(checks, "log EW of C IV against its blueshift (1000 km/s)", shift);
    let covered: Vec<bool> = given.winds.iter().filter_map(|row| Some(row.civ?.bal)).collect();
    let name = "share of quasars with a broad C IV trough";
    if covered.len() < FEWEST {
        checks.push(too_few(2, name, covered.len(), FEWEST));
    } else {
        let share = covered.iter().filter(|bal| **bal).count() as f64 / covered.len() as f64;
        let criterion = "0.03 to 0.35 (surveys find 0.1 to 0.2)";
        let holds = (0.03..=0.35).contains(&share);
        checks.push(told(2, name, format!("{share:.3}"), criterion, verdict(holds, Verdict::Warn), ""));
    }
    Ok(())
}

/// A relation that must fall: the slope of the line through all is negative. A rise that is significant fails.
fn falls(checks: &mut Validation, name: &str, (x, y): (Vec<f64>, Vec<f64>)) {
    if x.len() < FEWEST {
        checks.push(too_few(2, name, x.len(), FEWEST));
        return;
    }
    let scatter = astro::statistics::standard_deviation(&y).unwrap_or(1.0).max(1e-6);
    let Ok(line) = fit_line(&x, &y, &vec![scatter; x.len()]) else {
        checks.push(too_few(2, name, x.len(), FEWEST));
        return;
    };
    let measured = format!("slope {:+.3} ± {:.3}", line.slope, line.slope_error);
    let ended = match line.slope {
        slope if slope < 0.0 => Verdict::Pass,
        slope if slope < 2.0 * line.slope_error => Verdict::Warn,
        _ => Verdict::Fail,
    };
    checks.push(told(2, name, measured, "negative", ended, ""));
}
