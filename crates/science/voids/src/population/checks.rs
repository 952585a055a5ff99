//! Validation in three stages: is the sample whole, is it plausible, is the result robust?

use std::collections::HashSet;

use study::validation::{Check, Validation, Verdict};

use super::{Balance, BudgetLine, Effect, MainSequence, PopulationError, SYSTEMATIC, Sample, Variant};

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
    let within = |values: &[f64], low: f64, high: f64| {
        values.iter().filter(|value| (low..=high).contains(*value)).count() as u64
    };
    let rows = sample.len() as u64;
    validation.equal(1, "right ascensions within 0 to 360", within(&columns.ra_deg, 0.0, 360.0), rows);
    validation.equal(1, "declinations within -90 to 90", within(&columns.dec_deg, -90.0, 90.0), rows);
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
    let rates = share(&columns.sfr_msun_yr, 0.0, f64::MAX);
    validation.between(2, "share of star formation rates of 0 or more", rates, (1.0, 1.0));
    validation.between(2, "share of Dn4000 within 0.5 to 5", share(&columns.dn4000, 0.5, 5.0), (0.98, 1.0));
    let kept = (0..sample.len())
        .filter(|row| {
            columns.log_mass[*row].is_some_and(|mass| (6.0..=13.0).contains(&mass))
                && columns.sfr_msun_yr[*row].is_some()
                && columns.dn4000[*row].is_some_and(|value| (0.5..=5.0).contains(&value))
                && (0.001..=1.0).contains(&columns.redshift[*row])
        })
        .count() as f64
        / sample.len().max(1) as f64;
    let verdict = if kept >= 0.95 { Verdict::Pass } else { Verdict::Warn };
    let note = "mass, rate, Dn4000 and redshift in range; 0.984 was seen in DESI DR1";
    add(validation, (2, "share of rows with every value in range"), kept, ("at least 0.95", verdict), note);
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

/// Number and mean effective radius of the voids of one algorithm.
#[derive(Debug, Clone, PartialEq)]
pub struct VoidSizes {
    /// The algorithm's lower-case name.
    pub algorithm: String,
    /// Its voids.
    pub voids: usize,
    /// Mean effective radius, Mpc/h.
    pub mean_radius_mpc_h: f64,
}

/// Stage 2, the voids: VoidFinder finds more and smaller ones than the watershed does.
pub fn void_plausibility(sizes: &[VoidSizes], validation: &mut Validation) {
    for each in sizes {
        let name = format!("mean effective radius of {} voids, Mpc/h", each.algorithm);
        let verdict = if (8.0..=40.0).contains(&each.mean_radius_mpc_h) { Verdict::Pass } else { Verdict::Warn };
        let note = format!("{} voids; 12.6 to 17.3 was seen in DESIVAST", each.voids);
        add(validation, (2, &name), each.mean_radius_mpc_h, ("8 to 40", verdict), &note);
    }
    let of = |name: &str| sizes.iter().find(|each| each.algorithm == name && each.voids > 0);
    let (Some(spheres), Some(zones)) = (of("voidfinder"), of("vide").or(of("revolver"))) else { return };
    let ratios = [
        ("voids of VoidFinder over voids of", spheres.voids as f64 / zones.voids as f64, "2.5", (1.0, 5.0)),
        (
            "mean radius of VoidFinder's holes under that of",
            zones.mean_radius_mpc_h / spheres.mean_radius_mpc_h,
            "1.4",
            (0.5, 2.5),
        ),
    ];
    for (words, ratio, seen, (low, high)) in ratios {
        let verdict = if (low..=high).contains(&ratio) { Verdict::Pass } else { Verdict::Warn };
        let criterion = format!("{} to {}", study::number::plain(low), study::number::plain(high));
        let note = format!("a ratio of {seen} was seen in DESI DR1 (VoidFinder, maximal spheres, and VIDE)");
        add(validation, (2, &format!("{words} {}", zones.algorithm)), ratio, (&criterion, verdict), &note);
    }
}

/// What the robustness of a result is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Robustness<'a> {
    /// The effect under every choice, the fiducial one first.
    pub variants: &'a [Variant],
    /// The error budget of the variants.
    pub budget: &'a [BudgetLine],
    /// Balance of the matched samples.
    pub balances: &'a [Balance],
    /// The effect by matched pairs.
    pub matched: Option<&'a Effect>,
}

/// Stage 3: algorithms and definitions agree in sign, control matching works and gives the same effect, both kinds of
/// error agree, and the budget is known.
pub fn robustness(found: &Robustness<'_>, validation: &mut Validation) {
    let Some(fiducial) = found.variants.first() else {
        validation.holds(3, "effects measured", false, "at least one", Verdict::Fail);
        return;
    };
    agreement(found.variants, fiducial, validation);
    for balance in found.balances {
        let verdict = if balance.after.abs() < 0.1 { Verdict::Pass } else { Verdict::Fail };
        let note = format!("{:.3} before matching", balance.before);
        let name = format!("standardised difference of {} after matching", balance.quantity);
        add(validation, (3, &name), balance.after, ("|d| < 0.1", verdict), &note);
    }
    if let Some(matched) = found.matched {
        // The two share galaxies, so that their difference is surer than this error says.
        let error = fiducial.effect.error.hypot(matched.error);
        let pull = (matched.value - fiducial.effect.value) / error;
        let verdict = if pull.abs() < 3.0 { Verdict::Pass } else { Verdict::Warn };
        let note = format!(
            "{} by {} matched pairs",
            study::number::plus_minus(matched.value, matched.error),
            matched.void_galaxies
        );
        add(
            validation,
            (3, "effect by matched pairs, in errors from the fiducial"),
            pull,
            ("within 3", verdict),
            &note,
        );
    }
    let ratio = fiducial.effect.error_regions / fiducial.effect.error;
    let verdict = if (0.5..=2.0).contains(&ratio) { Verdict::Pass } else { Verdict::Warn };
    add(validation, (3, "bootstrap error over jackknife error"), ratio, ("0.5 to 2", verdict), "regions of the sky");
    let ratio = fiducial.effect.error / fiducial.effect.error_galaxies;
    let verdict = if (0.5..=3.0).contains(&ratio) { Verdict::Pass } else { Verdict::Warn };
    let note = "above 1 where galaxies of one region are alike";
    add(validation, (3, "jackknife error over error of independent galaxies"), ratio, ("0.5 to 3", verdict), note);
    validation.holds(3, "at least 20 jackknife regions", fiducial.effect.regions >= 20, "20 or more", Verdict::Warn);
    let missing: Vec<&str> = found.budget.iter().filter(|line| line.error.is_none()).map(|line| line.source).collect();
    let criterion = "every source of the error budget varied";
    validation.holds(
        3,
        criterion,
        missing.is_empty(),
        "algorithm, edge, definition, cosmology, completeness",
        Verdict::Warn,
    );
    if let Some(error) = found.budget.iter().find(|line| line.source == SYSTEMATIC).and_then(|line| line.error) {
        let pull = fiducial.effect.value.abs() / fiducial.effect.error.hypot(error);
        let verdict = if pull >= 3.0 { Verdict::Pass } else { Verdict::Warn };
        let note = "below 3 the data do not tell an effect from none";
        add(validation, (3, "effect over its whole error"), pull, ("at least 3", verdict), note);
    }
}

/// Do other algorithms and definitions say the same?
fn agreement(variants: &[Variant], fiducial: &Variant, validation: &mut Validation) {
    let same = |v: &&Variant| {
        v.finder == fiducial.finder
            && v.edge_rule == fiducial.edge_rule
            && v.cosmology == fiducial.cosmology
            && v.completeness == fiducial.completeness
    };
    let algorithms: Vec<&Variant> =
        variants.iter().filter(same).filter(|v| v.definition == fiducial.definition).collect();
    let definitions: Vec<&Variant> =
        variants.iter().filter(same).filter(|v| v.algorithm == fiducial.algorithm).collect();
    for (name, group) in [("algorithms of one sign", algorithms), ("quenching definitions of one sign", definitions)] {
        let agree = group.iter().filter(|v| v.effect.value.signum() == fiducial.effect.value.signum()).count();
        let verdict = if agree >= 2 { Verdict::Pass } else { Verdict::Warn };
        let note = format!("of {}, the fiducial one included", group.len());
        add(validation, (3, name), agree as f64, ("at least 2", verdict), &note);
    }
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
