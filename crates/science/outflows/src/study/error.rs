//! What can go wrong in a study of winds.

use std::path::{Path, PathBuf};

/// A failure of the study of winds.
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
    /// A folder that cannot be listed.
    #[error("cannot read folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Inputs without any spectrum.
    #[error(
        "cannot find spectra in {}\nhint: give DESI coadds, SDSS spec files, or folders of them in `[inputs] spectra`",
        places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoSpectra {
        /// Where was looked.
        places: Vec<PathBuf>,
    },
    /// No quasar is left after the cuts.
    #[error("no quasar is left after the cuts ({})\nhint: widen `[sample]`", cuts.join("; "))]
    EmptySample {
        /// Each cut with the number of spectra left.
        cuts: Vec<String>,
    },
    /// An archive without the table that the study asks, or a table without a column.
    #[error("cannot take spectra from table `{table}` of the archive {}: {reason}\nhint: `astrolab data ingest` puts coadds into it", archive.display())]
    Table {
        /// The archive's folder.
        archive: PathBuf,
        /// The table.
        table: String,
        /// What is missing.
        reason: String,
    },
    /// A table of the run without a column: a fault of this program.
    #[error("the run's table has no column `{column}` of the expected type")]
    NoColumn {
        /// The column.
        column: String,
    },
    /// The archive.
    #[error(transparent)]
    Archive(#[from] Box<archive::Error>),
    /// A spectrum file.
    #[error(transparent)]
    Desi(#[from] desi::DesiError),
    /// The decomposition, its line list or templates.
    #[error(transparent)]
    Fit(#[from] crate::Error),
    /// The finder of troughs.
    #[error(transparent)]
    Troughs(#[from] crate::troughs::TroughError),
    /// Energetics.
    #[error(transparent)]
    Energetics(#[from] crate::energetics::EnergeticsError),
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

    pub(super) fn no_column(column: &str) -> Self {
        Self::NoColumn { column: column.to_owned() }
    }
}

impl From<archive::Error> for StudyError {
    fn from(error: archive::Error) -> Self {
        Self::Archive(Box::new(error))
    }
}
