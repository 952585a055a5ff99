//! *Test*: do the populations differ at fixed mass, by every algorithm and definition, and can the answer be trusted?
//!
//! Here the parts are put in order. A sample may be too small for one of them: that is told as a warning of the step,
//! and the others are made.

mod controls;
mod distributions;
mod effects;
mod functions;
mod population;
mod verdicts;
mod volumes;

use archive::Progress;
use arrow::array::RecordBatch;
use study::run::StepFolder;

use super::measure::Catalogues;
use super::select::targets;
use super::{Settings, StudyError};
use population::Population;
use volumes::Volumes;

/// What the populations are measured from.
pub(super) struct Given<'a> {
    /// The selected galaxies.
    pub(super) sample: &'a RecordBatch,
    /// Their environments, row by row.
    pub(super) environments: &'a RecordBatch,
    /// The voids of every algorithm.
    pub(super) voids: &'a RecordBatch,
    /// The void catalogues by finder, for what needs them anew: other distance scales, volumes.
    pub(super) catalogues: &'a Catalogues,
    /// The study.
    pub(super) settings: &'a Settings,
}

/// Whether a sample has what populations are measured from.
pub(super) fn has_populations(sample: &RecordBatch) -> bool {
    ["LOGMSTAR", "SFR", "DN4000", "RMAG"].iter().all(|name| sample.column_by_name(name).is_some())
        && targets(sample).is_some()
}

/// Measures, tests, tabulates and draws everything about populations.
pub(super) fn populations(
    folder: &mut StepFolder,
    given: &Given<'_>,
    progress: &dyn Progress,
) -> Result<(), StudyError> {
    for finder in &given.settings.find {
        let limit = finder.settings.magnitude_limit.unwrap_or(f64::INFINITY);
        if given.settings.sample.magnitude_limit.unwrap_or(f64::INFINITY) > limit {
            folder.warn(format!(
                "voids were found among galaxies of absolute magnitude {limit} or brighter, but the sample has fainter ones: at \
                 fixed mass these are redder and lie in voids more often; set `magnitude_limit = {limit}` in [sample]"
            ));
        }
    }
    progress.begin("populations", 6, "parts");
    let population = Population::new(given)?;
    let volumes = Volumes::measure(given)?;
    volumes.write(folder)?;
    let variants = effects::by_choice(&population, given, &volumes)?;
    let budget = effects::write(folder, &variants)?;
    progress.advance(1);
    tell(folder, "no effect by bin", |folder| effects::by_bin(folder, &population));
    progress.advance(1);
    tell(folder, "no mass functions", |folder| functions::mass_functions(folder, &population, &volumes));
    progress.advance(1);
    tell(folder, "no main sequences by environment", |folder| functions::main_sequences(folder, &population));
    progress.advance(1);
    let matched = controls::matched(folder, &population)?;
    tell(folder, "no comparison of distributions", |folder| distributions::write(folder, &population, &matched));
    progress.advance(1);
    verdicts::write(folder, &population, given, (&variants, &budget), &matched)?;
    progress.end();
    Ok(())
}

/// Does a part; notes why where it cannot be done.
fn tell(folder: &mut StepFolder, what: &str, part: impl FnOnce(&mut StepFolder) -> Result<(), StudyError>) {
    if let Err(error) = part(folder) {
        folder.warn(format!("{what}: {error}"));
    }
}
