//! The study of winds: select -> measure -> test -> report, as steps of a run.
//!
//! Spectra are measured in steps of a thousand, so that a killed run loses no more than one of these, and memory holds no
//! more than the spectra of one. Nothing is decided about the terminal, and an archive is asked through a trait.

mod columns;
mod error;
mod figures;
mod gallery;
mod measure;
mod population;
mod report;
mod sample;
mod select;
mod settings;
mod source;
mod test;
mod winds;

use std::path::PathBuf;

use archive::{Progress, Tables};
use arrow::array::RecordBatch;
use study::run::{Done, Finished, Opening, Run, Step};
use study::tables::{read_parquet, write_parquet};
use study::validation::Validation;

use measure::Instruments;
use source::{ArchivedSpectra, Candidate, Reader, SpectrumFiles};

pub use error::StudyError;
pub use sample::ArchiveSample;
pub use settings::{FitSettings, Inputs, ReportSettings, Sample, Settings, SpectraSource, TestSettings, WindSettings};
pub use study::run::Request;

/// Runs the study, or finishes what an earlier run began.
///
/// # Errors
/// The study file or an input cannot be used, a file cannot be written, or another process works on the same run.
pub fn run(request: &Request<'_>) -> Result<Finished, StudyError> {
    let settings = Settings::read(&request.study_file, &request.study_path)?;
    let files = SpectrumFiles::find(&settings.inputs)?;
    let mut run = Run::open(opening(request, &settings, &files)?)?;
    let opened = match &settings.inputs.spectra {
        SpectraSource::Archive { folder, .. } => Some((request.open_archive)(folder)?),
        SpectraSource::Files { .. } => None,
    };
    let work =
        Work { settings: &settings, reader: reader(&settings, &files, opened.as_deref()), progress: request.progress };
    let steps = work.steps(&mut run)?;
    let names = |wanted: fn(&Done) -> bool| -> Vec<String> {
        steps.all().filter(|done| wanted(done)).map(|done| done.record.name.clone()).collect()
    };
    let (reused, names) = (names(|done| done.reused), names(|_| true));
    let validation: Validation = steps.judged.json("validation")?;
    let page = report::page(&run, &settings, &steps)?;
    let folder = run.folder().to_owned();
    run.finish(&page)?;
    Ok(Finished { report: folder.join("report.html"), folder, reused, steps: names, validation })
}

fn opening(request: &Request<'_>, settings: &Settings, files: &SpectrumFiles) -> Result<Opening, StudyError> {
    Ok(Opening {
        root: request.root.clone(),
        study: "outflows".to_owned(),
        study_path: request.study_path.clone(),
        study_file: request.study_file.clone(),
        code_version: request.code_version.clone(),
        seed: settings.seed,
        licence: settings.inputs.licence.clone(),
        citations: settings.inputs.citations.clone(),
        inputs: source::inputs(&settings.inputs, files)?,
    })
}

fn reader<'a>(settings: &'a Settings, files: &'a SpectrumFiles, opened: Option<&'a dyn Tables>) -> Reader<'a> {
    match (&settings.inputs.spectra, opened) {
        (SpectraSource::Archive { folder, table }, Some(archive)) => {
            Reader::Archive(ArchivedSpectra { archive, folder, table })
        }
        _ => Reader::Files(files),
    }
}

/// Every step, done.
struct Steps {
    selected: Done,
    measured: Vec<Done>,
    catalogued: Done,
    tested: Done,
    judged: Done,
    drawn: Done,
    gallery: Done,
}

impl Steps {
    fn all(&self) -> impl Iterator<Item = &Done> {
        let last = [&self.catalogued, &self.tested, &self.judged, &self.drawn, &self.gallery];
        std::iter::once(&self.selected).chain(&self.measured).chain(last)
    }
}

/// What the steps share.
struct Work<'a> {
    settings: &'a Settings,
    reader: Reader<'a>,
    progress: &'a dyn Progress,
}

impl Work<'_> {
    fn steps(&self, run: &mut Run) -> Result<Steps, StudyError> {
        let selected = self.select(run)?;
        let sample = select::of_table(&read_parquet(&selected.path("tables/sample.parquet"))?)?;
        let instruments = Instruments::of(self.settings)?;
        let measured = self.measure(run, (&selected, &sample), &instruments)?;
        let catalogued = self.catalogue(run, &selected, &measured)?;
        let tables = catalogue(&catalogued)?;
        let winds = winds::winds(&tables, self.settings)?;
        let tested = self.test(
            run,
            &catalogued,
            &test::Given { sample: &sample, winds: &winds, tables: &tables },
            &instruments,
        )?;
        let judged = self.validate(run, &selected, &catalogued, &tested)?;
        let drawn = run.step(&Step::new("figures", 1).after(&catalogued), |folder| -> Result<(), StudyError> {
            population::tables(folder, &winds)?;
            figures::draw(folder, &winds, &tables)
        })?;
        let gallery = self.gallery(run, &catalogued, (&sample, &winds), &instruments)?;
        Ok(Steps { selected, measured, catalogued, tested, judged, drawn, gallery })
    }

    fn select(&self, run: &mut Run) -> Result<Done, StudyError> {
        let step = Step::new("select", 1).parameters(&self.settings.sample)?;
        let step = run.inputs("spectra").chain(run.inputs("redshifts")).fold(step, Step::input);
        let done = run.step(&step, |folder| -> Result<(), StudyError> {
            self.progress.begin("selecting spectra", 0, "spectra");
            let (candidates, cuts) = match &self.reader {
                Reader::Files(files) => {
                    let (candidates, refused) = files.candidates()?;
                    refused.iter().for_each(|reason| folder.warn(reason.clone()));
                    let cuts = vec![("spectra in the files".to_owned(), candidates.len())];
                    (candidates, cuts)
                }
                Reader::Archive(archived) => {
                    let conditions = &self.settings.sample.conditions;
                    let names = std::iter::once("spectra in the archive".to_owned()).chain(conditions.iter().cloned());
                    let counts = archived.counts(conditions)?;
                    let counts = counts.into_iter().map(|count| usize::try_from(count).unwrap_or(0));
                    (archived.candidates(conditions)?, names.zip(counts).collect())
                }
            };
            let selected = select::cut(candidates, cuts, &self.settings.sample)?;
            write_parquet(&folder.path("tables/sample.parquet")?, &select::table(&selected.sample)?)?;
            self.progress.end();
            Ok(folder.table("selection", &selected.cut_table()?)?)
        })?;
        Ok(done)
    }

    fn measure(
        &self,
        run: &mut Run,
        (selected, sample): (&Done, &[Candidate]),
        instruments: &Instruments,
    ) -> Result<Vec<Done>, StudyError> {
        let size = self.settings.fit.spectra_a_step;
        let mut all = Vec::new();
        self.progress.begin("measuring", sample.len() as u64, "spectra");
        for (number, rows) in sample.chunks(size).enumerate() {
            let step = Step::new(&format!("measure-{number:05}"), 2);
            let step = step.parameters(&(
                self.settings.fit.draws,
                self.settings.fit.straight,
                self.settings.seed,
                number * size,
                rows.len(),
            ))?;
            let inputs = ["templates", "eigenspectra", "line-list"];
            let step = inputs.iter().flat_map(|kind| run.inputs(kind)).fold(step.after(selected), Step::input);
            let done = run.step(&step, |folder| -> Result<(), StudyError> {
                let spectra = self.reader.read(rows)?;
                let advance = || self.progress.advance(1);
                let tables = measure::measure(&spectra, (rows, number * size), instruments, &advance)?;
                for (name, table) in measure::TABLES.iter().zip(&tables) {
                    write_parquet(&folder.path(&format!("parts/{number:05}/{name}.parquet"))?, table)?;
                }
                Ok(())
            })?;
            if done.reused {
                self.progress.advance(rows.len() as u64);
            }
            all.push(done);
        }
        self.progress.end();
        Ok(all)
    }

    /// The parts of the catalogue as one, and the winds.
    fn catalogue(&self, run: &mut Run, selected: &Done, measured: &[Done]) -> Result<Done, StudyError> {
        let step = Step::new("catalogue", 1).parameters(&(&self.settings.winds, self.settings.seed))?.after(selected);
        let step = measured.iter().fold(step, Step::after);
        let done = run.step(&step, |folder| -> Result<(), StudyError> {
            let mut parts = Vec::with_capacity(measured.len());
            for (number, done) in measured.iter().enumerate() {
                parts.push(tables_of(|name| done.path(&format!("parts/{number:05}/{name}.parquet")))?);
            }
            let tables = measure::joined(&parts)?;
            for (name, table) in measure::TABLES.iter().zip(&tables) {
                write_parquet(&folder.path(&format!("tables/{name}.parquet"))?, table)?;
            }
            let failed = tables[4].num_rows();
            if failed > 0 {
                folder.warn(format!("{failed} measurements failed: tables/failures.parquet says which and why"));
            }
            let winds = winds::winds(&tables, self.settings)?;
            Ok(write_parquet(&folder.path("tables/winds.parquet")?, &winds::table(&winds, &tables[0])?).map(|_| ())?)
        })?;
        Ok(done)
    }

    fn test(
        &self,
        run: &mut Run,
        catalogued: &Done,
        given: &test::Given<'_>,
        instruments: &Instruments,
    ) -> Result<Done, StudyError> {
        let step = Step::new("test", 1).parameters(&(&self.settings.test, self.settings.seed))?.after(catalogued);
        let done = run.step(&step, |folder| -> Result<(), StudyError> {
            let context =
                test::Context { settings: self.settings, reader: &self.reader, instruments, progress: self.progress };
            test::run(folder, given, &context)
        })?;
        Ok(done)
    }

    /// All checks together, in the order of their stages.
    fn validate(&self, run: &mut Run, selected: &Done, catalogued: &Done, tested: &Done) -> Result<Done, StudyError> {
        let step = Step::new("validate", 1).after(selected).after(catalogued).after(tested);
        let done = run.step(&step, |folder| -> Result<(), StudyError> {
            let validation: Validation = tested.json("checks")?;
            folder.json("validation", &validation)?;
            Ok(folder.table("validation", &validation.table()?)?)
        })?;
        Ok(done)
    }

    fn gallery(
        &self,
        run: &mut Run,
        catalogued: &Done,
        (sample, winds): (&[Candidate], &[winds::Winds]),
        instruments: &Instruments,
    ) -> Result<Done, StudyError> {
        let step = Step::new("gallery", 1).parameters(&self.settings.report)?.after(catalogued);
        let done = run.step(&step, |folder| -> Result<(), StudyError> {
            let strongest = gallery::strongest(winds, self.settings.report.gallery);
            self.progress.begin("drawing the gallery", strongest.len() as u64, "quasars");
            gallery::draw(folder, &strongest, (sample, &self.reader), instruments, &|| self.progress.advance(1))?;
            self.progress.end();
            Ok(())
        })?;
        Ok(done)
    }
}

fn catalogue(done: &Done) -> Result<[RecordBatch; 5], StudyError> {
    tables_of(|name| done.path(&format!("tables/{name}.parquet")))
}

fn tables_of(path: impl Fn(&str) -> PathBuf) -> Result<[RecordBatch; 5], StudyError> {
    let [a, b, c, d, e] = measure::TABLES.map(|name| read_parquet(&path(name)));
    Ok([a?, b?, c?, d?, e?])
}
