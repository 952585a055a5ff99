//! One step of a run: what it depends on, and the folder it writes into.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::manifest::{Input, Output, StepRecord};
use crate::digest::sha256;
use crate::error::portable_name;
use crate::figures::Figure;
use crate::{Error, atomic, tables};

/// What a step is and depends on. Its key is the hash of all of this and of the program's version.
#[derive(Debug, Clone)]
pub struct Step {
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) parameters: Value,
    pub(crate) inputs: Vec<(String, String)>,
}

impl Step {
    /// A step without parameters and inputs. Raise `version` whenever the code of the step changes its results.
    #[must_use]
    pub fn new(name: &str, version: u32) -> Self {
        Self { name: name.to_owned(), version, parameters: Value::Null, inputs: Vec::new() }
    }

    /// Sets the parameters that its results depend on: anything that serde can write.
    ///
    /// # Errors
    /// They have no JSON form.
    pub fn parameters(mut self, parameters: &impl Serialize) -> Result<Self, Error> {
        self.parameters =
            serde_json::to_value(parameters).map_err(|source| Error::Parameters { name: self.name.clone(), source })?;
        Ok(self)
    }

    /// Makes it depend on a file that the run reads.
    #[must_use]
    pub fn input(mut self, input: &Input) -> Self {
        self.inputs.push((input.name.clone(), input.sha256.clone()));
        self
    }

    /// Makes it depend on everything that an earlier step made.
    #[must_use]
    pub fn after(mut self, done: &Done) -> Self {
        let outputs = done.record.outputs.iter();
        self.inputs.extend(outputs.map(|output| (output.path.clone(), output.sha256.clone())));
        self
    }

    pub(crate) fn key(&self, code_version: &str) -> String {
        let facts = json!([code_version, self.name, self.version, self.parameters, self.inputs]);
        sha256(facts.to_string().as_bytes())
    }
}

/// A finished step: where its files are.
#[derive(Debug, Clone)]
pub struct Done {
    pub(crate) folder: PathBuf,
    /// Its record.
    pub record: StepRecord,
    /// Were its files there already (in this run or in another with the same key)?
    pub reused: bool,
}

impl Done {
    /// Where the file `relative` of this step is.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// Reads its table `tables/<name>.parquet`.
    ///
    /// # Errors
    /// The step made no such table.
    pub fn table(&self, name: &str) -> Result<RecordBatch, Error> {
        tables::read_parquet(&self.path(&format!("tables/{name}.parquet")))
    }

    /// Reads a value written by [`StepFolder::json`].
    ///
    /// # Errors
    /// The step made no such file, or the value is of another type.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        let path = self.path(&format!("tables/{name}.json"));
        let text = std::fs::read(&path).map_err(Error::io("read", &path))?;
        serde_json::from_slice(&text).map_err(Error::json("read", &path))
    }
}

/// Where a running step writes. Nothing shows in the run before the step has ended well.
#[derive(Debug)]
pub struct StepFolder {
    pub(crate) folder: PathBuf,
    pub(crate) warnings: Vec<String>,
}

impl StepFolder {
    /// A place for the file `relative` (for example `"tables/galaxies.parquet"`); its folder exists.
    ///
    /// # Errors
    /// `relative` would leave the run's folder, or the folder cannot be created.
    pub fn path(&self, relative: &str) -> Result<PathBuf, Error> {
        for part in relative.split('/') {
            portable_name("an output", part)?;
        }
        let path = self.folder.join(relative);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io("create folder", parent))?;
        }
        Ok(path)
    }

    /// Writes `tables/<name>.parquet` and `tables/<name>.csv`.
    ///
    /// # Errors
    /// The files cannot be written, or a column has no CSV form: write such tables with
    /// [`crate::tables::write_parquet`] to [`StepFolder::path`].
    pub fn table(&self, name: &str, table: &RecordBatch) -> Result<(), Error> {
        tables::write_parquet(&self.path(&format!("tables/{name}.parquet"))?, table)?;
        tables::write_csv(&self.path(&format!("tables/{name}.csv"))?, table)
    }

    /// Writes `figures/<name>.{svg,png,parquet,csv}`.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn figure(&self, name: &str, figure: &Figure, data: &RecordBatch) -> Result<(), Error> {
        self.path(&format!("figures/{name}.svg"))?;
        figure.save(&self.folder.join("figures"), name, data)
    }

    /// Writes `tables/<name>.json`.
    ///
    /// # Errors
    /// The value has no JSON form or the file cannot be written.
    pub fn json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let path = self.path(&format!("tables/{name}.json"))?;
        let mut text = serde_json::to_vec_pretty(value).map_err(Error::json("write", &path))?;
        text.push(b'\n');
        atomic::write(&path, &text)
    }

    /// Writes any file atomically.
    ///
    /// # Errors
    /// As [`StepFolder::path`], or the file cannot be written.
    pub fn file(&self, relative: &str, bytes: &[u8]) -> Result<(), Error> {
        atomic::write(&self.path(relative)?, bytes)
    }

    /// Notes something that a reader of the results must know; it stays in the manifest and the report, once.
    pub fn warn(&mut self, warning: impl Into<String>) {
        // A hint of an error has a line of its own; a warning is one sentence.
        let warning = warning.into().replace("\nhint: ", "; hint: ");
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// The files under `folder` in order of their paths, with hashes and row counts.
pub(crate) fn outputs_in(folder: &Path) -> Result<Vec<Output>, Error> {
    let mut outputs = Vec::new();
    let mut open = vec![(folder.to_path_buf(), String::new())];
    while let Some((place, prefix)) = open.pop() {
        for entry in std::fs::read_dir(&place).map_err(Error::io("read folder", &place))? {
            let entry = entry.map_err(Error::io("read folder", &place))?;
            let relative = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let path = entry.path();
            if path.is_dir() {
                open.push((path, format!("{relative}/")));
                continue;
            }
            let bytes = entry.metadata().map_err(Error::io("read", &path))?.len();
            let is_table = path.extension().is_some_and(|extension| extension == "parquet");
            let rows = if is_table { Some(tables::parquet_rows(&path)?) } else { None };
            outputs.push(Output { path: relative, sha256: crate::digest::sha256_of_file(&path)?, bytes, rows });
        }
    }
    outputs.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(outputs)
}
