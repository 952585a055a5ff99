//! The run engine: `runs/<study>/<id>/`, in which a finished step is not done again.
//!
//! A step's key is the hash of the program's version, the step's version, its parameters and the hashes of its inputs.
//! A step whose record carries the same key, and whose files still have their hashes, is taken as it is; if another
//! run of the same study holds it, its files are copied. So a killed run resumes, and a changed parameter redoes only
//! what depends on it. A step writes into a staging folder; its files are renamed into place when it has ended.
//!
//! What this does not do: decide what the steps are, or run them in parallel; a step is parallel inside.

mod manifest;
mod reproduce;
mod step;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use archive::{Progress, Tables};

pub use manifest::{Input, LAYOUT, Manifest, Output, StepRecord};
pub use reproduce::{Comparison, FileVerdict, Verdict, compare_runs, reproduce};
pub use step::{Done, Step, StepFolder};

use crate::digest::{Hashes, sha256, sha256_of_file};
use crate::error::portable_name;
use crate::{Error, atomic};

/// What a run is opened with.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// The folder of all runs, for example `runs`.
    pub root: PathBuf,
    /// The kind of study, for example `voids`.
    pub study: String,
    /// Where the study file is.
    pub study_path: PathBuf,
    /// Its text.
    pub study_file: String,
    /// Version of the program: another version does every step anew.
    pub code_version: String,
    /// The seed of every random number.
    pub seed: u64,
    /// Licence of the results, for example `CC-BY-4.0`.
    pub licence: String,
    /// What to cite.
    pub citations: Vec<String>,
    /// Names and places of the files to read.
    pub inputs: Vec<(String, PathBuf)>,
}

/// Opens the archive in a folder.
pub type OpenArchive<'a> = &'a dyn Fn(&Path) -> Result<Box<dyn Tables>, Box<archive::Error>>;

/// What a run of any kind of study is given.
pub struct Request<'a> {
    /// Folder of all runs.
    pub root: PathBuf,
    /// Where the study file is; relative paths in it count from its folder.
    pub study_path: PathBuf,
    /// Its text.
    pub study_file: String,
    /// Version of the program.
    pub code_version: String,
    /// Opens the archive that the study names; not called while what depends on it is done.
    pub open_archive: OpenArchive<'a>,
    /// Told how the work goes.
    pub progress: &'a dyn Progress,
}

/// A finished run of a study, for whoever asked for it.
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
    /// What was checked, and how it ended.
    pub validation: crate::validation::Validation,
}

/// An open run. While it lives no other process can open it.
#[derive(Debug)]
pub struct Run {
    folder: PathBuf,
    manifest: Manifest,
    _lock: File,
}

impl Run {
    /// Opens the run of this study file and these inputs, new or to be resumed. Files are hashed unless their size and
    /// time of change are as remembered.
    ///
    /// # Errors
    /// An input cannot be read, the folder cannot be created, or another process works in it.
    pub fn open(opening: Opening) -> Result<Self, Error> {
        portable_name("a study", &opening.study)?;
        let of_study = opening.root.join(&opening.study);
        fs::create_dir_all(&of_study).map_err(Error::io("create folder", &of_study))?;
        let mut hashes = Hashes::open(of_study.join("input-hashes.json"));
        let mut inputs = Vec::with_capacity(opening.inputs.len());
        for (name, path) in opening.inputs {
            let (sha256, bytes) = hashes.of(&path)?;
            inputs.push(Input { name, path, sha256, bytes });
        }
        let id = run_id(&opening.study_file, &inputs);
        let folder = of_study.join(&id);
        fs::create_dir_all(&folder).map_err(Error::io("create folder", &folder))?;
        let lock = locked(&folder)?;
        let staging = folder.join(".staging");
        if staging.exists() {
            fs::remove_dir_all(&staging).map_err(Error::io("remove", &staging))?;
        }
        // A killed run may have died while it wrote its manifest or a step's record.
        atomic::remove_unfinished(&folder)?;
        atomic::remove_unfinished(&folder.join("steps"))?;
        let manifest = Manifest {
            layout: LAYOUT,
            study: opening.study,
            id,
            complete: false,
            code_version: opening.code_version,
            seed: opening.seed,
            licence: opening.licence,
            citations: opening.citations,
            study_path: opening.study_path,
            study_file: opening.study_file,
            inputs,
            steps: Vec::new(),
        };
        manifest.write(&folder.join("manifest.json"))?;
        Ok(Self { folder, manifest, _lock: lock })
    }

    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The record so far.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The inputs whose name is `name` or starts with `name` and a slash, in the order of the opening.
    pub fn inputs<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Input> {
        let belongs = move |input: &&Input| {
            input.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.manifest.inputs.iter().filter(belongs)
    }

    /// Does `step` by `work`, unless it is done. `work` writes into the folder it is given and must depend on nothing
    /// but the step's parameters and inputs.
    ///
    /// # Errors
    /// `work` fails (then nothing of it shows in the run), the step's name was used before in this run, or files cannot
    /// be written.
    pub fn step<E>(&mut self, step: &Step, work: impl FnOnce(&mut StepFolder) -> Result<(), E>) -> Result<Done, Error>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        portable_name("a step", &step.name)?;
        if self.manifest.steps.iter().any(|done| done.name == step.name) {
            return Err(Error::RepeatedStep { step: step.name.clone() });
        }
        let key = step.key(&self.manifest.code_version);
        let record_path = self.folder.join("steps").join(format!("{}.json", step.name));
        if let Some(record) = self.finished(&record_path, &key) {
            tracing::info!(step = step.name, "finished before");
            return self.note_done(record, true);
        }
        if let Some(record) = self.borrowed(step, &key)? {
            tracing::info!(step = step.name, "taken from another run");
            return self.note_done(record, true);
        }
        let started = Instant::now();
        let mut staged = StepFolder { folder: self.staging(&step.name)?, warnings: Vec::new() };
        work(&mut staged).map_err(|error| Error::Step { step: step.name.clone(), source: error.into() })?;
        let record = StepRecord {
            layout: LAYOUT,
            name: step.name.clone(),
            key,
            version: step.version,
            parameters: step.parameters.clone(),
            inputs: step.inputs.clone(),
            outputs: step::outputs_in(&staged.folder)?,
            warnings: staged.warnings,
            seconds: started.elapsed().as_secs_f64(),
        };
        self.publish(&staged.folder, &record)?;
        self.note_done(record, false)
    }

    /// Writes `report.html` and the final manifest.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(mut self, report_html: &str) -> Result<Manifest, Error> {
        atomic::write(&self.folder.join("report.html"), report_html.as_bytes())?;
        self.manifest.complete = true;
        self.manifest.write(&self.folder.join("manifest.json"))?;
        Ok(self.manifest)
    }

    fn note_done(&mut self, record: StepRecord, reused: bool) -> Result<Done, Error> {
        self.manifest.steps.push(record.clone());
        self.manifest.write(&self.folder.join("manifest.json"))?;
        Ok(Done { folder: self.folder.clone(), record, reused })
    }

    /// The record at `path`, if it has this key and all its files still have their hashes.
    fn finished(&self, path: &Path, key: &str) -> Option<StepRecord> {
        let record = read_record(path).filter(|record| record.key == key)?;
        let folder = path.parent()?.parent()?;
        record.outputs.iter().all(|output| is_whole(folder, output)).then_some(record)
    }

    /// Copies a step with this key from another run of the study.
    fn borrowed(&self, step: &Step, key: &str) -> Result<Option<StepRecord>, Error> {
        let Some(siblings) = self.folder.parent() else { return Ok(None) };
        let listing = fs::read_dir(siblings).map_err(Error::io("read folder", siblings))?;
        let mut folders: Vec<PathBuf> = listing.filter_map(|entry| Some(entry.ok()?.path())).collect();
        folders.sort();
        for other in folders.into_iter().filter(|folder| *folder != self.folder && folder.is_dir()) {
            let Some(record) = self.finished(&other.join("steps").join(format!("{}.json", step.name)), key) else {
                continue;
            };
            let staged = self.staging(&step.name)?;
            for output in &record.outputs {
                let (from, to) = (other.join(&output.path), staged.join(&output.path));
                if let Some(parent) = to.parent() {
                    fs::create_dir_all(parent).map_err(Error::io("create folder", parent))?;
                }
                fs::copy(&from, &to).map_err(Error::io("copy", &from))?;
            }
            if record.outputs.iter().all(|output| is_whole(&staged, output)) {
                self.publish(&staged, &record)?;
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn staging(&self, step: &str) -> Result<PathBuf, Error> {
        let staged = self.folder.join(".staging").join(step);
        if staged.exists() {
            fs::remove_dir_all(&staged).map_err(Error::io("remove", &staged))?;
        }
        fs::create_dir_all(&staged).map_err(Error::io("create folder", &staged))?;
        Ok(staged)
    }

    /// Renames staged files into place and writes the record last: without it the step counts as not done.
    fn publish(&self, staged: &Path, record: &StepRecord) -> Result<(), Error> {
        let record_path = self.folder.join("steps").join(format!("{}.json", record.name));
        let taken =
            |path: &str| self.manifest.steps.iter().find(|step| step.outputs.iter().any(|output| output.path == path));
        for output in &record.outputs {
            if let Some(owner) = taken(&output.path) {
                let reason = format!("it writes {}, which step `{}` has written", output.path, owner.name);
                return Err(Error::Step { step: record.name.clone(), source: reason.into() });
            }
        }
        if let Some(old) = read_record(&record_path) {
            fs::remove_file(&record_path).map_err(Error::io("remove", &record_path))?;
            for output in old.outputs.iter().filter(|output| taken(&output.path).is_none()) {
                let path = self.folder.join(&output.path);
                if path.exists() {
                    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                }
            }
        }
        for output in &record.outputs {
            let (from, to) = (staged.join(&output.path), self.folder.join(&output.path));
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(Error::io("create folder", parent))?;
            }
            fs::rename(&from, &to).map_err(Error::io("move into place", &to))?;
        }
        let text = serde_json::to_vec_pretty(record).map_err(Error::json("write", &record_path))?;
        atomic::write(&record_path, &text)?;
        fs::remove_dir_all(staged).map_err(Error::io("remove", staged))
    }
}

/// The first 16 hexadecimal digits of the hash of study file and inputs.
fn run_id(study_file: &str, inputs: &[Input]) -> String {
    let names: Vec<(&str, &str)> = inputs.iter().map(|input| (input.name.as_str(), input.sha256.as_str())).collect();
    let facts = serde_json::json!([study_file, names]);
    sha256(facts.to_string().as_bytes()).chars().take(16).collect()
}

fn read_record(path: &Path) -> Option<StepRecord> {
    let text = fs::read(path).ok()?;
    serde_json::from_slice::<StepRecord>(&text).ok().filter(|record| record.layout == LAYOUT)
}

/// Is the file there, of its size and with its hash?
fn is_whole(folder: &Path, output: &Output) -> bool {
    let path = folder.join(&output.path);
    fs::metadata(&path).is_ok_and(|facts| facts.len() == output.bytes)
        && sha256_of_file(&path).is_ok_and(|found| found == output.sha256)
}

/// Takes the run's lock.
fn locked(folder: &Path) -> Result<File, Error> {
    let path = folder.join("lock");
    let held = archive::lock_file(&path).map_err(Error::io("lock", &path))?;
    held.ok_or_else(|| Error::Locked { path: folder.to_path_buf() })
}
