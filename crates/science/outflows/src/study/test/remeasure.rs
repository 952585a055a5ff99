//! Stage 3: the same quasars measured in another way: without templates of Fe II and galaxies, and with half their signal
//! to noise. What differs by more than its error is systematic.

use arrow::array::RecordBatch;
use astro::statistics::{median, rng_stream};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use study::run::StepFolder;
use study::tables::Columns;
use study::validation::{Validation, Verdict};

use super::{Context, Given, StudyError, told, too_few, verdict};
use crate::Spectrum;
use crate::continuum::Templates;
use crate::measure::QuasarFit;
use crate::study::measure::{Instruments, stream_of};
use crate::study::source::Candidate;

/// Lines whose change is told.
const LINES: [&str; 5] = ["CIV1549", "CIII1909", "MgII2799", "Hb_broad", "OIII5008"];
/// Fewest quasars of a comparison.
const FEWEST: usize = 5;

/// Change of a line between two measurements: log10 of the ratio of fluxes, and difference of v50 (km/s).
type Change = (&'static str, f64, Option<f64>);

pub(super) fn check(
    folder: &mut StepFolder,
    checks: &mut Validation,
    given: &Given<'_>,
    context: &Context<'_>,
) -> Result<(), StudyError> {
    let wanted = context.settings.test.remeasured.min(given.sample.len());
    if wanted == 0 {
        return Ok(());
    }
    // Evenly over the sample, so that every part of it is tested.
    let rows: Vec<Candidate> = (0..wanted).map(|at| given.sample[at * given.sample.len() / wanted].clone()).collect();
    context.progress.begin("measuring again", wanted as u64, "spectra");
    let bare = Instruments {
        templates: Templates::default(),
        lines: context.instruments.lines.clone(),
        eigenspectra: None,
        troughs: context.instruments.troughs.clone(),
        continuum: context.instruments.continuum.clone(),
        draws: 0,
        seed: context.settings.seed,
    };
    let with_templates = !context.instruments.templates.files.is_empty();
    let spectra = context.reader.read(&rows)?;
    let changes: Vec<[Vec<Change>; 2]> = spectra
        .par_iter()
        .zip(&rows)
        .filter_map(|(spectrum, row)| {
            let spectrum = spectrum.as_ref().ok()?;
            let first = context.instruments.fit(spectrum, row, 0).ok()?;
            let without = if with_templates { bare.fit(spectrum, row, 0).ok() } else { None };
            let noisy = context.instruments.fit(&half_as_good(spectrum, row, context.settings.seed), row, 0).ok();
            context.progress.advance(1);
            let against = |other: Option<QuasarFit>| other.map_or(Vec::new(), |other| differences(&first, &other));
            Some([against(without), against(noisy)])
        })
        .collect();
    context.progress.end();
    let mut rows = Vec::new();
    let names = ["without templates of Fe II and host", "with half the signal to noise"];
    for (variant, name) in names.into_iter().enumerate() {
        for line in LINES {
            let of: Vec<&Change> =
                changes.iter().flat_map(|both| &both[variant]).filter(|change| change.0 == line).collect();
            if of.len() >= FEWEST {
                rows.push(summary(name, line, &of));
            }
        }
        if variant == 0 && !with_templates {
            continue;
        }
        let shifts: Vec<f64> = changes.iter().flat_map(|both| &both[variant]).map(|change| change.1.abs()).collect();
        let title = format!("median change of line fluxes {name}, dex");
        match median(&shifts) {
            Ok(change) if shifts.len() >= FEWEST => {
                let ended = verdict(change <= 0.1, Verdict::Warn);
                checks.push(told(3, &title, format!("{change:.3}"), "0.1 or less", ended, ""));
            }
            _ => checks.push(too_few(3, &title, shifts.len(), FEWEST)),
        }
    }
    Ok(folder.table("remeasured", &table(&rows)?)?)
}

fn differences(first: &QuasarFit, other: &QuasarFit) -> Vec<Change> {
    let mut changes = Vec::new();
    for name in LINES {
        let of = |fit: &QuasarFit| {
            // The row of core and wing together, where there is one, comes last.
            let line = fit.lines.iter().rfind(|line| line.line == name)?;
            Some((line.flux_1e17_cgs.value, line.v50_km_s.map(|v50| v50.value)))
        };
        if let (Some((before, v_before)), Some((after, v_after))) = (of(first), of(other))
            && before > 0.0
            && after > 0.0
        {
            changes.push((name, (after / before).log10(), v_before.zip(v_after).map(|(before, after)| after - before)));
        }
    }
    changes
}

/// The spectrum with errors twice as large, and noise to match.
fn half_as_good(spectrum: &Spectrum, row: &Candidate, seed: u64) -> Spectrum {
    let mut rng = rng_stream(seed ^ 0x6861_6c66, stream_of(row));
    let mut worse = spectrum.clone();
    for (flux, ivar) in worse.flux_1e17_cgs.iter_mut().zip(&mut worse.ivar) {
        let deviate: f64 = StandardNormal.sample(&mut rng);
        if *ivar > 0.0 {
            *flux += deviate * (3.0 / *ivar).sqrt();
            *ivar *= 0.25;
        }
    }
    worse
}

type Row = (&'static str, &'static str, usize, f64, f64, Option<f64>);

fn summary(name: &'static str, line: &'static str, changes: &[&Change]) -> Row {
    let ratios: Vec<f64> = changes.iter().map(|change| change.1).collect();
    let shifts: Vec<f64> = changes.iter().filter_map(|change| change.2).collect();
    let middle = median(&ratios).unwrap_or(f64::NAN);
    let spread: Vec<f64> = ratios.iter().map(|ratio| (ratio - middle).abs()).collect();
    (name, line, ratios.len(), middle, 1.4826 * median(&spread).unwrap_or(f64::NAN), median(&shifts).ok())
}

fn table(rows: &[Row]) -> Result<RecordBatch, StudyError> {
    Ok(Columns::new()
        .text("measured", "", "how it was measured again", rows.iter().map(|row| row.0))
        .text("line", "", "the line", rows.iter().map(|row| row.1))
        .integer("quasars", "", "quasars compared", rows.iter().map(|row| row.2 as i64))
        .float("flux_change", "dex", "median change of its flux", rows.iter().map(|row| row.3))
        .float("flux_scatter", "dex", "robust scatter of the change", rows.iter().map(|row| row.4))
        .optional("v50_change", "km/s", "median change of its v50", rows.iter().map(|row| row.5))
        .table()?)
}
