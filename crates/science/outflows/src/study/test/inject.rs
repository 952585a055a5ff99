//! Stage 3: winds put into real spectra, and looked for as if they were there.

use arrow::array::RecordBatch;
use astro::statistics::{mean, median, standard_deviation};
use rayon::prelude::*;
use study::run::StepFolder;
use study::tables::Columns;
use study::validation::{Validation, Verdict};

use super::{Context, Given, StudyError, told, too_few, verdict};
use crate::Spectrum;
use crate::study::measure::Instruments;
use crate::study::source::Candidate;
use crate::troughs::{InjectedTrough, Transition, TroughIndex, VelocityScale};

/// Troughs put in: centre, half width (km/s), depth.
const TROUGHS: [(f64, f64, f64); 4] =
    [(9_000.0, 3_500.0, 0.7), (18_000.0, 3_500.0, 0.7), (9_000.0, 2_000.0, 0.4), (18_000.0, 2_500.0, 0.3)];
/// Wings put in: velocity, sigma (km/s), flux as a share of the [O III] line's.
const WINGS: [(f64, f64, f64); 2] = [(-600.0, 700.0, 0.5), (-1_000.0, 900.0, 0.3)];
/// Fewest quasars of a verdict.
const FEWEST: usize = 5;
const LIGHT_KM_S: f64 = 299_792.458;
const OIII: [(f64, f64); 2] = [(5_008.24, 1.0), (4_960.30, 0.335_57)];

/// What became of one kind of injected wind.
struct Recovered {
    wind: String,
    quasars: usize,
    found: usize,
    /// Median of measured over true, minus 1.
    bias: Option<f64>,
    pull_mean: Option<f64>,
    pull_sd: Option<f64>,
}

pub(super) fn check(
    folder: &mut StepFolder,
    checks: &mut Validation,
    given: &Given<'_>,
    context: &Context<'_>,
) -> Result<(), StudyError> {
    let wanted = context.settings.test.injected;
    if wanted == 0 {
        return Ok(());
    }
    let mut rows = troughs(wanted, given, context)?;
    let found: usize = rows.iter().map(|row| row.found).sum();
    let all: usize = rows.iter().map(|row| row.quasars).sum();
    let name = "share of injected C IV troughs that are found";
    if all < FEWEST {
        checks.push(too_few(3, name, all, FEWEST));
    } else {
        let share = found as f64 / all as f64;
        let ended = verdict(share >= 0.9, Verdict::Warn);
        checks.push(told(3, name, format!("{share:.3}"), "0.9 or more", ended, ""));
        let bias = rows.iter().filter_map(|row| row.bias).fold(0.0, |worst: f64, bias| worst.max(bias.abs()));
        let ended = verdict(bias <= 0.2, Verdict::Warn);
        checks.push(told(3, "worst median bias of their balnicity", format!("{bias:.3}"), "0.2 or less", ended, ""));
    }
    let winged = wings(wanted, given, context)?;
    let name = "median recovered over injected flux of [O III] wings";
    match winged.iter().filter_map(|row| Some((row.bias? + 1.0, row.quasars))).next() {
        Some((ratio, quasars)) if quasars >= FEWEST => {
            let ended = verdict((0.8..=1.25).contains(&ratio), Verdict::Warn);
            checks.push(told(3, name, format!("{ratio:.2}"), "0.8 to 1.25", ended, "wing and core together"));
        }
        _ => checks.push(too_few(3, name, winged.first().map_or(0, |row| row.quasars), FEWEST)),
    }
    rows.extend(winged);
    Ok(folder.table("injection", &table(&rows)?)?)
}

/// The first quasars of the sample for which a condition holds, evenly spread.
fn some(given: &Given<'_>, wanted: usize, holds: impl Fn(&crate::study::winds::Winds) -> bool) -> Vec<Candidate> {
    let able: Vec<&Candidate> = given
        .winds
        .iter()
        .filter(|row| holds(row))
        .filter_map(|row| given.sample.get(usize::try_from(row.spectrum).ok()?))
        .collect();
    let taken = wanted.min(able.len());
    (0..taken).map(|at| able[at * able.len() / taken].clone()).collect()
}

fn troughs(wanted: usize, given: &Given<'_>, context: &Context<'_>) -> Result<Vec<Recovered>, StudyError> {
    let rows = some(given, wanted, |row| row.civ.is_some_and(|civ| civ.ai == 0.0 && civ.bi == 0.0));
    context.progress.begin("injecting troughs", rows.len() as u64, "spectra");
    let spectra = context.reader.read(&rows)?;
    let mut recovered = Vec::new();
    for (centre_km_s, width_km_s, depth) in TROUGHS {
        let trough = InjectedTrough { centre_km_s, width_km_s, depth };
        let truth = trough.index(&TroughIndex::BALNICITY);
        let measured: Vec<(f64, f64, bool)> = spectra
            .par_iter()
            .flatten()
            .filter_map(|spectrum| {
                let search = context.instruments.search(&absorbed(spectrum, &trough)).ok()?;
                let index = &search.indices.iter().find(|one| one.transition == Transition::Civ)?.balnicity;
                let over = |one: &crate::troughs::Trough| one.v_min_km_s < centre_km_s && one.v_max_km_s > centre_km_s;
                Some((index.value_km_s, index.error_km_s, index.troughs.iter().any(over)))
            })
            .collect();
        let hits: Vec<&(f64, f64, bool)> = measured.iter().filter(|one| one.2).collect();
        let pulls: Vec<f64> = hits.iter().map(|one| (one.0 - truth) / one.1).collect();
        let ratios: Vec<f64> = hits.iter().map(|one| one.0 / truth - 1.0).collect();
        recovered.push(Recovered {
            wind: format!("C IV at {centre_km_s} km/s, half width {width_km_s}, depth {depth}: BI {truth:.0} km/s"),
            quasars: measured.len(),
            found: hits.len(),
            bias: median(&ratios).ok(),
            pull_mean: mean(&pulls),
            pull_sd: standard_deviation(&pulls),
        });
    }
    context.progress.end();
    Ok(recovered)
}

/// The spectrum behind a trough. Its noise stays: photons that are absorbed bring less of it, so that this is harder.
fn absorbed(spectrum: &Spectrum, trough: &InjectedTrough) -> Spectrum {
    let mut changed = spectrum.clone();
    let line = Transition::Civ.rest_angstrom() * (1.0 + spectrum.redshift.unwrap_or(0.0));
    for (flux, wavelength) in changed.flux_1e17_cgs.iter_mut().zip(&spectrum.wavelength_angstrom) {
        *flux *= trough.transmission(VelocityScale::Linear.velocity_km_s(wavelength / line));
    }
    changed
}

fn wings(wanted: usize, given: &Given<'_>, context: &Context<'_>) -> Result<Vec<Recovered>, StudyError> {
    let rows = some(given, wanted, |row| row.wing.is_some_and(|wing| !wing.detected));
    context.progress.begin("injecting wings", rows.len() as u64, "spectra");
    let spectra = context.reader.read(&rows)?;
    let instruments = context.instruments;
    let mut recovered = Vec::new();
    for (velocity, sigma, share) in WINGS {
        let measured: Vec<(f64, bool)> = spectra
            .par_iter()
            .zip(&rows)
            .filter_map(|(spectrum, row)| {
                let spectrum = spectrum.as_ref().ok()?;
                let before = oiii(instruments, spectrum, row)?;
                let injected = share * before.0.max(before.1);
                let winged = with_wing(spectrum, row.redshift?, (injected, velocity, sigma));
                let after = oiii(instruments, &winged, row)?;
                let gained = after.0 + after.1 - before.0 - before.1;
                (injected > 0.0).then(|| (gained / injected, after.1 > 0.5 * injected))
            })
            .collect();
        let ratios: Vec<f64> = measured.iter().map(|one| one.0 - 1.0).collect();
        recovered.push(Recovered {
            wind: format!("[O III] wing at {velocity} km/s, sigma {sigma}, {share} of the line's flux"),
            quasars: measured.len(),
            found: measured.iter().filter(|one| one.1).count(),
            bias: median(&ratios).ok(),
            pull_mean: None,
            pull_sd: None,
        });
    }
    context.progress.end();
    Ok(recovered)
}

/// Flux of the [O III] 5008 core and wing.
fn oiii(instruments: &Instruments, spectrum: &Spectrum, row: &Candidate) -> Option<(f64, f64)> {
    let fit = instruments.fit(spectrum, row, 0).ok()?;
    let flux = |wing: bool| -> f64 {
        // Core and wing, not the row of both together.
        let of = (fit.lines.iter().filter(|line| line.line.starts_with("OIII5008") && line.group != "whole"))
            .filter(|line| line.group.contains("wing") == wing);
        of.map(|line| line.flux_1e17_cgs.value).sum()
    };
    Some((flux(false), flux(true)))
}

/// The spectrum with a Gaussian wing on both [O III] lines; `flux` is that of 5008 in the rest frame.
fn with_wing(spectrum: &Spectrum, redshift: f64, (flux, velocity, sigma): (f64, f64, f64)) -> Spectrum {
    let mut changed = spectrum.clone();
    for (line, share) in OIII {
        let centre = line * (1.0 + redshift) * (velocity / LIGHT_KM_S).exp();
        let width = centre * sigma / LIGHT_KM_S;
        let peak = flux * share / (width * (2.0 * std::f64::consts::PI).sqrt());
        for (flux, wavelength) in changed.flux_1e17_cgs.iter_mut().zip(&spectrum.wavelength_angstrom) {
            *flux += peak * (-0.5 * ((wavelength - centre) / width).powi(2)).exp();
        }
    }
    changed
}

fn table(rows: &[Recovered]) -> Result<RecordBatch, StudyError> {
    Ok(Columns::new()
        .text("wind", "", "what was put in", rows.iter().map(|row| &row.wind))
        .integer("quasars", "", "quasars it was put into", rows.iter().map(|row| row.quasars as i64))
        .integer("found", "", "in which it was found", rows.iter().map(|row| row.found as i64))
        .optional("bias", "", "median of measured over true, minus 1", rows.iter().map(|row| row.bias))
        .optional("pull_mean", "", "mean of (measured - true) / error", rows.iter().map(|row| row.pull_mean))
        .optional("pull_sd", "", "standard deviation of the same", rows.iter().map(|row| row.pull_sd))
        .table()?)
}
