//! *Test*: is it real? Integrity of what was measured, plausibility against what is known of quasars, robustness against
//! templates and noise, repeated spectra, and winds put in by hand.

mod inject;
mod plausible;
mod remeasure;
mod repeat;

use archive::Progress;
use arrow::array::RecordBatch;
use study::run::StepFolder;
use study::validation::{Check, Validation, Verdict};

use super::StudyError;
use super::columns::{numbers, texts};
use super::measure::Instruments;
use super::settings::Settings;
use super::source::{Candidate, Reader};
use super::winds::Winds;

/// What was measured.
pub(super) struct Given<'a> {
    pub sample: &'a [Candidate],
    pub winds: &'a [Winds],
    pub tables: &'a [RecordBatch; 5],
}

/// How to measure more.
pub(super) struct Context<'a> {
    pub settings: &'a Settings,
    pub reader: &'a Reader<'a>,
    pub instruments: &'a Instruments,
    pub progress: &'a dyn Progress,
}

/// Every check, and the tables that it rests on.
pub(super) fn run(folder: &mut StepFolder, given: &Given<'_>, context: &Context<'_>) -> Result<(), StudyError> {
    let mut checks = Validation::new();
    integrity(&mut checks, given)?;
    plausible::check(&mut checks, given)?;
    remeasure::check(folder, &mut checks, given, context)?;
    repeat::check(folder, &mut checks, given, context.settings)?;
    inject::check(folder, &mut checks, given, context)?;
    Ok(folder.json("checks", &checks)?)
}

/// A check whose verdict is known.
fn told(stage: u8, name: &str, measured: String, criterion: &str, verdict: Verdict, note: &str) -> Check {
    Check { stage, name: name.to_owned(), measured, criterion: criterion.to_owned(), verdict, note: note.to_owned() }
}

/// A check that a sample is too small for.
fn too_few(stage: u8, name: &str, found: usize, needed: usize) -> Check {
    let criterion = format!("{needed} or more quasars");
    told(stage, name, format!("{found} quasars"), &criterion, Verdict::Warn, "too few to tell")
}

fn verdict(holds: bool, otherwise: Verdict) -> Verdict {
    if holds { Verdict::Pass } else { otherwise }
}

/// Stage 1: what was read and fitted.
fn integrity(checks: &mut Validation, given: &Given<'_>) -> Result<(), StudyError> {
    let [quasars, lines, _, _, failures] = given.tables;
    let all = given.sample.len();
    let fitted = quasars.num_rows() as f64 / all as f64;
    checks.between(1, "share of spectra that were decomposed", fitted, (0.95, 1.0));
    let failed = texts(failures, "STAGE")?.iter().flatten().filter(|stage| *stage == "reading").count();
    checks.equal(1, "spectra that could not be read", failed as u64, 0);
    let warned = given.sample.iter().filter(|row| row.zwarn.is_none()).count();
    let measured = format!("{warned} of {all}");
    let note = if warned == 0 { "" } else { "their files or redshift tables do not say" };
    checks.push(told(1, "spectra without ZWARN", measured, "none", verdict(warned == 0, Verdict::Warn), note));
    let chi2: Vec<f64> = numbers(quasars, "CONTINUUM_CHI2")?.into_iter().flatten().collect();
    if let Ok(median) = astro::statistics::median(&chi2) {
        checks.between(1, "median chi2 per degree of freedom of the continuum", median, (0.7, 1.5));
    }
    let (fluxes, errors) = (numbers(lines, "FLUX")?, numbers(lines, "FLUX_ERR")?);
    let found: Vec<_> = fluxes.iter().zip(&errors).filter(|(flux, _)| flux.is_some_and(|flux| flux > 0.0)).collect();
    let with_error = found.iter().filter(|(_, error)| error.is_some()).count() as f64 / found.len().max(1) as f64;
    checks.between(1, "share of lines with flux that have an error", with_error, (0.95, 1.0));
    Ok(())
}
