//! What can go wrong with the study of outflows.

/// Errors of the decomposition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line list that cannot be used.
    #[error("cannot use the line list: {reason}\nhint: the default list shows the form")]
    LineList {
        /// What is wrong, and where.
        reason: String,
    },
    /// A spectrum that cannot be fitted.
    #[error("cannot fit {name}: {reason}")]
    Unfit {
        /// The spectrum.
        name: String,
        /// What it lacks.
        reason: String,
    },
    /// A spectrum file that cannot be read.
    #[error(transparent)]
    Desi(#[from] desi::DesiError),
    /// Results that cannot be written.
    #[error(transparent)]
    Study(#[from] study::Error),
    /// Columns that do not make a table.
    #[error("cannot make the table of results: {0}")]
    Table(#[from] arrow::error::ArrowError),
}
