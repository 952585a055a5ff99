//! The study itself: select -> measure -> test -> report, as steps of a run.
//!
//! What each verb does is in the module of its name; here they are put in order. Nothing is decided about the terminal,
//! and tables are asked through a trait, so that the same study runs under any engine.

mod error;
mod figures;
mod measure;
mod report;
mod select;
mod settings;
mod test;

use std::path::{Path, PathBuf};

use archive::Progress;
use desi::desivast::{self, VoidCatalogue};
use study::run::{Done, Input, Opening, Run, Step};
use study::tables::{read_parquet, write_parquet};

pub use error::StudyError;
pub use settings::{EnvironmentSettings, Inputs, Sample, Settings, Statistics};

/// What a run of the study is given.
pub struct Request<'a> {
    /// Folder of all runs.
    pub root: PathBuf,
    /// Where the study file is; relative paths in it count from its folder.
    pub study_path: PathBuf,
    /// Its text.
    pub study_file: String,
    /// Version of the program.
    pub code_version: String,
    /// Told how the work goes.
    pub progress: &'a dyn Progress,
}

/// A finished run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The run's folder.
    pub folder: PathBuf,
    /// The page to read.
    pub report: PathBuf,
    /// Steps that were done before and taken as they are.
    pub reused: Vec<String>,
    /// Every step, in order.
    pub steps: Vec<String>,
}

/// Runs the study, or finishes what an earlier run began.
///
/// # Errors
/// The study file or an input cannot be used, a file cannot be written, or another process works on the same run.
pub fn run(request: &Request<'_>) -> Result<Finished, StudyError> {
    let settings = Settings::read(&request.study_file, &request.study_path)?;
    let mut run = Run::open(opening(request, &settings))?;
    let selected = select_step(&mut run, &settings)?;
    let measured = measure_step(&mut run, &settings, &selected, request.progress)?;
    let drawn = figure_step(&mut run, &settings, &selected, &measured)?;
    let tested = test_step(&mut run, &settings, (&selected, &measured), request.progress)?;
    let steps: Vec<&Done> = [&selected, &measured, &drawn].into_iter().chain(&tested).collect();
    let reused = steps.iter().filter(|done| done.reused).map(|done| done.record.name.clone()).collect();
    let page = report::page(&run, &settings, (&selected, &measured, tested.as_ref()))?;
    let folder = run.folder().to_owned();
    run.finish(&page)?;
    let steps = steps.iter().map(|done| done.record.name.clone()).collect();
    Ok(Finished { report: folder.join("report.html"), folder, reused, steps })
}

fn opening(request: &Request<'_>, settings: &Settings) -> Opening {
    let inputs = &settings.inputs;
    let mut files: Vec<(String, PathBuf)> = Vec::new();
    files.push((format!("galaxies/{}", file_name(&inputs.galaxies)), inputs.galaxies.clone()));
    files.extend(inputs.voids.iter().map(|path| (format!("voids/{}", file_name(path)), path.clone())));
    Opening {
        root: request.root.clone(),
        study: "voids".to_owned(),
        study_path: request.study_path.clone(),
        study_file: request.study_file.clone(),
        code_version: request.code_version.clone(),
        seed: settings.seed,
        licence: inputs.licence.clone(),
        citations: inputs.citations.clone(),
        inputs: files,
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn inputs_named(run: &Run, name: &str) -> Vec<Input> {
    run.inputs(name).cloned().collect()
}

fn select_step(run: &mut Run, settings: &Settings) -> Result<Done, StudyError> {
    let galaxies = inputs_named(run, "galaxies");
    let mut step = Step::new("select", 1).parameters(&settings.sample)?;
    for input in &galaxies {
        step = step.input(input);
    }
    let done = run.step(&step, |folder| -> Result<(), StudyError> {
        let selected = select::from_file(&settings.inputs.galaxies, settings)?;
        write_parquet(&folder.path("tables/sample.parquet")?, &selected.sample)?;
        Ok(folder.table("selection", &selected.cuts)?)
    })?;
    Ok(done)
}

fn measure_step(
    run: &mut Run,
    settings: &Settings,
    selected: &Done,
    progress: &dyn Progress,
) -> Result<Done, StudyError> {
    let files = inputs_named(run, "voids");
    let mut step = Step::new("measure", 1).parameters(&settings.environment)?.after(selected);
    for input in &files {
        step = step.input(input);
    }
    let done = run.step(&step, |folder| -> Result<(), StudyError> {
        let sample = sample(selected)?;
        progress.begin("environments", files.len() as u64, "catalogues");
        let mut catalogues: Vec<VoidCatalogue> = Vec::with_capacity(files.len());
        for input in &files {
            catalogues.push(desivast::read(&input.path)?);
            progress.advance(1);
        }
        progress.end();
        let catalogues = measure::by_algorithm(catalogues);
        let found = measure::classify_sample(&sample, &catalogues, settings)?;
        write_parquet(&folder.path("tables/environments.parquet")?, &measure::environments(&sample, &found)?)?;
        folder.table("environment_counts", &measure::counts_table(&found)?)?;
        Ok(folder.table("voids", &measure::void_table(&found)?)?)
    })?;
    Ok(done)
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
    (selected, measured): (&Done, &Done),
    progress: &dyn Progress,
) -> Result<Option<Done>, StudyError> {
    let table = sample(selected)?;
    if !test::has_populations(&table) {
        return Ok(None);
    }
    let step = Step::new("test", 2)
        .parameters(&(&settings.statistics, &settings.sample, &settings.environment, settings.seed, settings.omega_m))?
        .after(selected)
        .after(measured);
    let files = inputs_named(run, "voids");
    let done = run.step(&step, |folder| -> Result<(), StudyError> {
        let catalogues = files.iter().map(|input| desivast::read(&input.path)).collect::<Result<Vec<_>, _>>()?;
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
