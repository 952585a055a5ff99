//! The study itself: select -> measure -> test -> report, as steps of a run.
//!
//! What each verb does is in the module of its name; here they are put in order. Nothing is decided about the terminal,
//! and tables are asked through a trait, so that the same study runs under any engine.

mod compare;
mod error;
mod figures;
mod file;
mod find;
mod inputs;
mod integrity;
mod measure;
mod report;
mod select;
mod settings;
mod test;

use std::path::{Path, PathBuf};

use archive::Progress;
use desi::desivast::{self, VoidCatalogue};
use study::run::{Done, Finished, Opening, Run, Step};
use study::tables::{read_parquet, write_parquet};
use study::validation::{Validation, Verdict};

use measure::Catalogues;

pub use error::StudyError;
pub use settings::{EnvironmentSettings, Finder, GalaxySource, Inputs, Sample, Settings, Statistics};
pub use study::run::{OpenArchive, Request};

/// Runs the study, or finishes what an earlier run began.
///
/// # Errors
/// The study file or an input cannot be used, a file cannot be written, or another process works on the same run.
pub fn run(request: &Request<'_>) -> Result<Finished, StudyError> {
    let settings = Settings::read(&request.study_file, &request.study_path)?;
    let mut run = Run::open(opening(request, &settings)?)?;
    let checked = check_step(&mut run, &settings)?;
    let steps = steps(&mut run, &settings, request, &checked).or_else(|error| Err(blamed(error, &checked)?))?;
    let all = [&steps.checked, &steps.selected].into_iter().chain(&steps.own);
    let all: Vec<&Done> =
        all.chain([&steps.measured, &steps.drawn]).chain(&steps.tested).chain([&steps.judged]).collect();
    let names = |wanted: fn(&Done) -> bool| -> Vec<String> {
        all.iter().filter(|done| wanted(done)).map(|done| done.record.name.clone()).collect()
    };
    let (reused, names) = (names(|done| done.reused), names(|_| true));
    let validation: Validation = steps.judged.json("validation")?;
    let page = report::page(&run, &settings, &steps)?;
    let folder = run.folder().to_owned();
    run.finish(&page)?;
    Ok(Finished { report: folder.join("report.html"), folder, reused, steps: names, validation })
}

/// The tables that a study wants fetched from a database before its run, and the archive they go into; `None` for a study
/// whose inputs are files.
///
/// # Errors
/// The study file cannot be used.
pub fn tables_to_fetch(study_file: &str, study_path: &Path) -> Result<Option<(PathBuf, Vec<String>)>, StudyError> {
    Ok(inputs::to_fetch(&Settings::read(study_file, study_path)?.inputs))
}

/// Every step, done.
struct Steps {
    checked: Done,
    selected: Done,
    own: Vec<Done>,
    measured: Done,
    drawn: Done,
    tested: Option<Done>,
    judged: Done,
}

fn steps(run: &mut Run, settings: &Settings, request: &Request<'_>, checked: &Done) -> Result<Steps, StudyError> {
    let selected = select_step(run, settings, request)?;
    let own = find::steps(run, settings, request)?;
    let measured = measure_step(run, settings, (&selected, &own), request.progress)?;
    let drawn = figure_step(run, settings, &selected, &measured)?;
    let tested = test_step(run, settings, (&selected, &own, &measured), request.progress)?;
    let judged = validate_step(run, checked, tested.as_ref())?;
    Ok(Steps { checked: checked.clone(), selected, own, measured, drawn, tested, judged })
}

/// A step's failure, with the checks of its inputs that had failed before.
fn blamed(error: StudyError, checked: &Done) -> Result<StudyError, StudyError> {
    let validation: Validation = checked.json("input_checks")?;
    let failed = validation.with(Verdict::Fail);
    if failed.is_empty() {
        return Ok(error);
    }
    let checks = failed.iter().map(|check| format!("{}: {}", check.name, check.measured)).collect();
    Ok(StudyError::BadInput { source: Box::new(error), checks })
}

fn opening(request: &Request<'_>, settings: &Settings) -> Result<Opening, StudyError> {
    Ok(Opening {
        root: request.root.clone(),
        study: "voids".to_owned(),
        study_path: request.study_path.clone(),
        study_file: request.study_file.clone(),
        code_version: request.code_version.clone(),
        seed: settings.seed,
        licence: settings.inputs.licence.clone(),
        citations: settings.inputs.citations.clone(),
        inputs: inputs::files(&settings.inputs)?,
    })
}

/// A step that reads the galaxies.
fn of_galaxies(run: &Run, name: &str) -> Step {
    run.inputs("galaxies").fold(Step::new(name, 1), Step::input)
}

fn check_step(run: &mut Run, settings: &Settings) -> Result<Done, StudyError> {
    let step = of_galaxies(run, "check");
    let step = run.inputs("voids").chain(run.inputs("archived-voids")).fold(step, Step::input);
    let done = run.step(&step, |folder| -> Result<(), StudyError> {
        Ok(folder.json("input_checks", &integrity::check(&settings.inputs)?)?)
    })?;
    Ok(done)
}

/// All checks together, in the order of their stages.
fn validate_step(run: &mut Run, checked: &Done, tested: Option<&Done>) -> Result<Done, StudyError> {
    let step = tested.into_iter().fold(Step::new("validate", 1).after(checked), Step::after);
    let done = run.step(&step, |folder| -> Result<(), StudyError> {
        let mut validation: Validation = checked.json("input_checks")?;
        if let Some(tested) = tested {
            let of_populations: Validation = tested.json("population_checks")?;
            validation.checks.extend(of_populations.checks);
        }
        folder.json("validation", &validation)?;
        Ok(folder.table("validation", &validation.table()?)?)
    })?;
    Ok(done)
}

fn select_step(run: &mut Run, settings: &Settings, request: &Request<'_>) -> Result<Done, StudyError> {
    let step = of_galaxies(run, "select").parameters(&(&settings.sample, settings.inputs.galaxies.table()))?;
    let done = run.step(&step, |folder| -> Result<(), StudyError> {
        request.progress.begin("selecting galaxies", 0, "galaxies");
        let selected = select::sample(settings, request.open_archive)?;
        write_parquet(&folder.path("tables/sample.parquet")?, &selected.sample)?;
        request.progress.end();
        Ok(folder.table("selection", &selected.cuts)?)
    })?;
    Ok(done)
}

fn measure_step(
    run: &mut Run,
    settings: &Settings,
    (selected, own): (&Done, &[Done]),
    progress: &dyn Progress,
) -> Result<Done, StudyError> {
    let step = Step::new("measure", 4).parameters(&(&settings.environment, settings.seed))?.after(selected);
    let step = run.inputs("voids").chain(run.inputs("archived-voids")).fold(step, Step::input);
    let step = own.iter().fold(step, Step::after);
    let done = run.step(&step, |folder| -> Result<(), StudyError> {
        let sample = sample(selected)?;
        let catalogues = catalogues(&settings.inputs, own, progress)?;
        progress.begin("environments", catalogues.len() as u64, "catalogues");
        let found = measure::classify_sample(&sample, &catalogues, settings, progress)?;
        progress.end();
        write_parquet(&folder.path("tables/environments.parquet")?, &measure::environments(&sample, &found)?)?;
        folder.table("environment_counts", &measure::counts_table(&found)?)?;
        if let Some(table) = compare::table(&sample, &catalogues, &found, settings)? {
            folder.table("own_and_catalogue", &table)?;
        }
        Ok(folder.table("voids", &measure::void_table(&found)?)?)
    })?;
    Ok(done)
}

/// Published and own catalogues.
fn catalogues(inputs: &Inputs, own: &[Done], progress: &dyn Progress) -> Result<Catalogues, StudyError> {
    let paths: Vec<PathBuf> = own.iter().flat_map(find::files).collect();
    let total = inputs.voids.len() + inputs.archived_voids.len() + paths.len();
    progress.begin("reading voids", total as u64, "catalogues");
    let read = |path: &Path| -> Result<VoidCatalogue, StudyError> {
        let catalogue = desivast::read(path)?;
        progress.advance(1);
        Ok(catalogue)
    };
    let mut published = inputs.voids.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    if let GalaxySource::Archive { folder, .. } = &inputs.galaxies {
        for algorithm in &inputs.archived_voids {
            published.extend(desivast::read_archived(folder, *algorithm)?);
            progress.advance(1);
        }
    }
    let found = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    progress.end();
    Ok(measure::by_finder(published, found))
}

fn figure_step(run: &mut Run, settings: &Settings, selected: &Done, measured: &Done) -> Result<Done, StudyError> {
    let step = Step::new("void-figures", 1).parameters(&settings.omega_m)?.after(selected).after(measured);
    let done = run.step(&step, |folder| -> Result<(), StudyError> {
        let voids = measured.table("voids")?;
        folder.table("void_radii", &figures::void_summary(&voids)?)?;
        figures::draw(folder, &sample(selected)?, &voids, settings.omega_m)
    })?;
    Ok(done)
}

/// Populations, where the galaxies have masses and star formation rates.
fn test_step(
    run: &mut Run,
    settings: &Settings,
    (selected, own, measured): (&Done, &[Done], &Done),
    progress: &dyn Progress,
) -> Result<Option<Done>, StudyError> {
    let table = sample(selected)?;
    if !test::has_populations(&table) {
        return Ok(None);
    }
    let step = Step::new("test", 4)
        .parameters(&(
            &settings.statistics,
            &settings.sample,
            &settings.environment,
            settings.seed,
            settings.omega_m,
            &settings.find,
        ))?
        .after(selected)
        .after(measured);
    let done = run.step(&step, |folder| -> Result<(), StudyError> {
        let catalogues = catalogues(&settings.inputs, own, progress)?;
        let environments = read_parquet(&measured.path("tables/environments.parquet"))?;
        let voids = measured.table("voids")?;
        let given = test::Given {
            sample: &table,
            environments: &environments,
            voids: &voids,
            catalogues: &catalogues,
            settings,
        };
        test::populations(folder, &given, progress)
    })?;
    Ok(Some(done))
}

fn sample(selected: &Done) -> Result<arrow::array::RecordBatch, StudyError> {
    Ok(read_parquet(&selected.path("tables/sample.parquet"))?)
}
