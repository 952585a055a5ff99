//! What can go wrong in a run, a table, a figure or a report.

use std::io;
use std::path::{Path, PathBuf};

/// Errors of this crate. Messages say what was attempted and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("cannot {attempt} {}: {source}", path.display())]
    Io {
        /// What was attempted, a verb: "read", "write", "create folder".
        attempt: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A table could not be built.
    #[error("cannot build table: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Parquet file could not be written or read.
    #[error("cannot {attempt} table {}: {source}", path.display())]
    Parquet {
        /// "read" or "write".
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: parquet::errors::ParquetError,
    },
    /// A JSON record (manifest, step, validation) could not be read or written.
    #[error("cannot {attempt} {}: {source}", path.display())]
    Json {
        /// "read" or "write".
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: serde_json::Error,
    },
    /// The parameters of a step or a run could not be written as JSON.
    #[error("cannot write the parameters of `{name}` as JSON: {source}")]
    Parameters {
        /// The step or study.
        name: String,
        /// The library's reason.
        source: serde_json::Error,
    },
    /// A study file could not be understood.
    #[error("cannot read study file {}: {message}", path.display())]
    StudyFile {
        /// The file.
        path: PathBuf,
        /// Where and what, with a `hint:` line where a key was nearly right.
        message: String,
    },
    /// A figure could not be drawn.
    #[error("cannot draw figure `{figure}`: {reason}")]
    Figure {
        /// Its title or name.
        figure: String,
        /// What was expected.
        reason: String,
    },
    /// A name that would leave its folder or is not portable.
    #[error("cannot use `{name}` as the name of {what}: expected letters, digits, `_`, `-` and `.` only")]
    Name {
        /// What is being named.
        what: &'static str,
        /// The name given.
        name: String,
    },
    /// A step ended in an error of its own.
    #[error("step `{step}` failed: {source}")]
    Step {
        /// The step.
        step: String,
        /// What the step said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Two steps of one run carry the same name.
    #[error("cannot run step `{step}` twice in one run: expected every step to have its own name")]
    RepeatedStep {
        /// The step.
        step: String,
    },
    /// A manifest of a layout that this version cannot reproduce.
    #[error("cannot use manifest {}: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What was expected.
        reason: String,
    },
    /// The run is open in another process.
    #[error("cannot open run {}: expected to be alone, another process is working in it\nhint: wait for it to end", path.display())]
    Locked {
        /// The run's folder.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn io(attempt: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { attempt, path, source }
    }

    pub(crate) fn parquet(
        attempt: &'static str,
        path: &Path,
    ) -> impl FnOnce(parquet::errors::ParquetError) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Parquet { attempt, path, source }
    }

    pub(crate) fn json(attempt: &'static str, path: &Path) -> impl FnOnce(serde_json::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Json { attempt, path, source }
    }
}

/// Checks that a name is one portable path component.
pub(crate) fn portable_name(what: &'static str, name: &str) -> Result<(), Error> {
    let portable = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if name.is_empty() || name.starts_with('.') || !portable {
        return Err(Error::Name { what, name: name.to_owned() });
    }
    Ok(())
}
