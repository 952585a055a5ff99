//! What can go wrong in a study.

use std::path::{Path, PathBuf};

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
    /// A step that failed on inputs of which a check had failed before.
    #[error("{source}\nhint: an input is not what its maker wrote: {}", checks.join("; "))]
    BadInput {
        /// Why the step failed.
        source: Box<StudyError>,
        /// The checks that failed, with what they measured.
        checks: Vec<String>,
    },
    /// No galaxy is left after the cuts.
    #[error("no galaxy is left after the cuts ({})\nhint: widen `[sample]` or check that the inputs belong together", cuts.join("; "))]
    EmptySample {
        /// Each cut with the number of galaxies left.
        cuts: Vec<String>,
    },
    /// A volume-limited sample of galaxies without absolute magnitudes.
    #[error(
        "cannot select galaxies brighter than {limit}: they have no column `ABSMAG_R`\nhint: leave out `magnitude_limit` in `[sample]`, or add the column (absolute magnitude in r, h = 1)"
    )]
    NoMagnitude {
        /// The faintest magnitude.
        limit: f64,
    },
    /// An archive without the table that the study asks.
    #[error("cannot find table `{table}` in the archive {}: it has {}\nhint: put the survey's files into it with `astrolab data ingest`, or name another table", archive.display(), if present.is_empty() { "none".to_owned() } else { present.join(", ") })]
    NoTable {
        /// The archive's folder.
        archive: PathBuf,
        /// The table.
        table: String,
        /// Those that it has.
        present: Vec<String>,
    },
    /// A table without a column that every study needs.
    #[error("cannot select galaxies from table `{table}`: it has no column `{column}`")]
    TableColumn {
        /// The table.
        table: String,
        /// The column.
        column: &'static str,
    },
    /// The archive.
    #[error(transparent)]
    Archive(#[from] Box<archive::Error>),
    /// A void finder.
    #[error(transparent)]
    Finder(Box<crate::finders::FinderError>),
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

impl StudyError {
    pub(super) fn setting(path: &Path, key: &'static str, expected: &str, found: String) -> Self {
        Self::Setting { path: path.to_owned(), key, expected: expected.to_owned(), found }
    }
}

impl From<archive::Error> for StudyError {
    fn from(error: archive::Error) -> Self {
        Self::Archive(Box::new(error))
    }
}

impl From<crate::finders::FinderError> for StudyError {
    fn from(error: crate::finders::FinderError) -> Self {
        Self::Finder(Box::new(error))
    }
}
