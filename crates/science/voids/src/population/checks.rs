//! Validation in three stages: is the sample whole, is it plausible, is the result robust?

use std::collections::HashSet;

use study::validation::{Check, Validation, Verdict};

use super::{Balance, MainSequence, PopulationError, Sample, Variant};

/// What the integrity of a sample is checked against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Integrity {
    /// Rows the source promised, where it did.
    pub expected_rows: Option<u64>,
}

/// Stage 1: row count, unique identifiers, positions, missing values.
pub fn integrity(sample: &Sample, expected: Integrity, validation: &mut Validation) {
    let columns = sample.columns();
    if let Some(rows) = expected.expected_rows {
        validation.equal(1, "rows of the sample", sample.len() as u64, rows);
    }
    let unique: HashSet<i64> = columns.target_id.iter().copied().collect();
    validation.equal(1, "unique TARGETID", unique.len() as u64, sample.len() as u64);
    let least = columns.redshift.iter().copied().fold(f64::INFINITY, f64::min);
    let most = columns.redshift.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    validation.between(1, "least redshift", least, (0.001, 1.0));
    validation.between(1, "greatest redshift", most, (0.001, 1.0));
    for (name, values) in
        [("log mass", &columns.log_mass), ("star formation rate", &columns.sfr_msun_yr), ("Dn4000", &columns.dn4000)]
    {
        let valid = values.iter().flatten().count() as f64 / sample.len().max(1) as f64;
        let verdict = match valid {
            share if share >= 0.9 => Verdict::Pass,
            share if share > 0.0 => Verdict::Warn,
            _ => Verdict::Fail,
        };
        add(validation, (1, &format!("share of rows with {name}")), valid, ("at least 0.9", verdict), "");
    }
}

/// Stage 2: ranges, the mass-redshift correlation of a flux-limited sample, main sequence, quenched share.
///
/// # Errors
/// A mask of another length.
pub fn plausibility(
    sample: &Sample,
    quenched: &[Option<bool>],
    sequence: Option<&MainSequence>,
    validation: &mut Validation,
) -> Result<(), PopulationError> {
    sample.check_mask("quenched", quenched)?;
    let columns = sample.columns();
    let share = |values: &[Option<f64>], low: f64, high: f64| {
        let valid: Vec<f64> = values.iter().flatten().copied().collect();
        valid.iter().filter(|value| (low..=high).contains(*value)).count() as f64 / valid.len().max(1) as f64
    };
    validation.between(2, "share of log masses within 6 to 13", share(&columns.log_mass, 6.0, 13.0), (0.98, 1.0));
    validation.between(2, "share of Dn4000 within 0.5 to 5", share(&columns.dn4000, 0.5, 5.0), (0.98, 1.0));
    let correlation = mass_redshift_correlation(sample);
    let verdict = if (0.2..=0.9).contains(&correlation) { Verdict::Pass } else { Verdict::Warn };
    let note = "Malmquist bias; 0.614 was seen in DESI DR1, a volume-limited sample may have none";
    add(validation, (2, "correlation of mass and redshift"), correlation, ("0.2 to 0.9", verdict), note);
    match sequence {
        Some(sequence) => validation.between(2, "slope of the main sequence", sequence.ridge.line.slope, (0.4, 1.2)),
        None => validation.holds(2, "main sequence measured", false, "a ridge line", Verdict::Warn),
    }
    let known: Vec<bool> = quenched.iter().flatten().copied().collect();
    let share = known.iter().filter(|quenched| **quenched).count() as f64 / known.len().max(1) as f64;
    let verdict = if (0.2..=0.9).contains(&share) { Verdict::Pass } else { Verdict::Warn };
    add(validation, (2, "quenched share"), share, ("0.2 to 0.9", verdict), "0.722 was seen in DESI DR1");
    Ok(())
}

/// Stage 3: algorithms agree in sign, matched samples are balanced, both kinds of error agree. `variants` start with
/// the fiducial one.
pub fn robustness(variants: &[Variant], balances: &[Balance], validation: &mut Validation) {
    let Some(fiducial) = variants.first() else {
        validation.holds(3, "effects measured", false, "at least one", Verdict::Fail);
        return;
    };
    let algorithms: Vec<&Variant> = variants
        .iter()
        .filter(|v| {
            v.edge_rule == fiducial.edge_rule
                && v.definition == fiducial.definition
                && v.cosmology == fiducial.cosmology
                && v.completeness == fiducial.completeness
        })
        .collect();
    let agree = algorithms.iter().filter(|v| v.effect.value.signum() == fiducial.effect.value.signum()).count();
    let verdict = if agree >= 2 { Verdict::Pass } else { Verdict::Warn };
    let note = format!("of {} algorithms, the fiducial one included", algorithms.len());
    add(validation, (3, "algorithms of one sign"), agree as f64, ("at least 2", verdict), &note);
    for balance in balances {
        let verdict = if balance.after.abs() < 0.1 { Verdict::Pass } else { Verdict::Fail };
        let note = format!("{:.3} before matching", balance.before);
        let name = format!("standardised difference of {} after matching", balance.quantity);
        add(validation, (3, &name), balance.after, ("|d| < 0.1", verdict), &note);
    }
    let ratio = fiducial.effect.error_regions / fiducial.effect.error;
    let verdict = if (0.5..=2.0).contains(&ratio) { Verdict::Pass } else { Verdict::Warn };
    add(validation, (3, "bootstrap error over jackknife error"), ratio, ("0.5 to 2", verdict), "regions of the sky");
    validation.holds(3, "at least 20 jackknife regions", fiducial.effect.regions >= 20, "20 or more", Verdict::Warn);
}

fn add(
    validation: &mut Validation,
    (stage, name): (u8, &str),
    value: f64,
    (criterion, verdict): (&str, Verdict),
    note: &str,
) {
    validation.push(Check {
        stage,
        name: name.to_owned(),
        measured: study::number::plain(value),
        criterion: criterion.to_owned(),
        verdict,
        note: note.to_owned(),
    });
}

/// Pearson's correlation over the galaxies with a mass.
fn mass_redshift_correlation(sample: &Sample) -> f64 {
    let columns = sample.columns();
    let pairs: Vec<(f64, f64)> =
        columns.log_mass.iter().zip(&columns.redshift).filter_map(|(mass, z)| Some(((*mass)?, *z))).collect();
    let n = pairs.len() as f64;
    let (mx, my) = pairs.iter().fold((0.0, 0.0), |(x, y), pair| (x + pair.0 / n, y + pair.1 / n));
    let (xx, yy, xy) = pairs.iter().fold((0.0, 0.0, 0.0), |(xx, yy, xy), (x, y)| {
        (xx + (x - mx).powi(2), yy + (y - my).powi(2), xy + (x - mx) * (y - my))
    });
    xy / (xx * yy).sqrt()
}
