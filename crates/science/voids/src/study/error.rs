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
    /// No galaxy is left after the cuts.
    #[error("no galaxy is left after the cuts ({})\nhint: widen `[sample]` or check that the inputs belong together", cuts.join("; "))]
    EmptySample {
        /// Each cut with the number of galaxies left.
        cuts: Vec<String>,
    },
    /// The sample lacks a column that this step needs.
    #[error("the sample has no column `{column}` of 64-bit floats")]
    NoColumn {
        /// The column.
        column: String,
    },
    /// The galaxy catalogue.
    #[error(transparent)]
    Galaxies(#[from] crate::galaxies::GalaxyTableError),
    /// A void catalogue.
    #[error(transparent)]
    Desi(#[from] desi::DesiError),
    /// The classification.
    #[error(transparent)]
    Classify(#[from] crate::classify::ClassifyError),
    /// The statistics of populations.
    #[error(transparent)]
    Population(#[from] crate::population::PopulationError),
    /// Tables in memory.
    #[error("cannot work on the sample in memory: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The run engine, a table, a figure or the study file itself.
    #[error(transparent)]
    Study(#[from] study::Error),
}
