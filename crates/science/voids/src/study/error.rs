//! What can go wrong in a study.

use std::path::PathBuf;

/// A failure of the void study.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// A value of the study file that cannot be used.
    #[error("cannot use `{key}` of {}: expected {expected}, found {found}", path.display())]
    Setting {
        /// The study file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The run engine, a table, a figure or the study file itself.
    #[error(transparent)]
    Study(#[from] study::Error),
}
