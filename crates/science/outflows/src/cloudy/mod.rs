//! Grids of Cloudy models: decks, the runs of the program, the audit of their convergence, and the tables they become.
//!
//! Cloudy is not part of this project: its program is given by path. A model is a slab or shell of constant density lit by
//! an active nucleus, stopped at the deepest column asked for; lines and ionic columns at every shallower column come from
//! the same model. Reference: Ferland et al. 2017, 2017RMxAA..53..385F. Solar abundances: Grevesse et al. 2010,
//! 2010Ap&SS.328..179G (`GASS10`).

mod collect;
mod deck;
mod run;

use std::path::PathBuf;

pub use collect::{audit_table, collect};
pub use deck::{Geometry, GridPlan, Model, Sed};
pub use run::{ModelRecord, Runner, Status, run_grid, status_of};

/// Grids of Cloudy models that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudyError {
    /// A plan without models, or with a number that Cloudy cannot use.
    #[error("cannot plan a grid: expected {expected} for {quantity}, found {found}")]
    Plan {
        /// Which number.
        quantity: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The program cannot be started.
    #[error("cannot start Cloudy as {}: {source}\nhint: give the path of its program with --cloudy or in CLOUDY_EXE", path.display())]
    Program {
        /// The program.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file of the grid's folder.
    #[error("cannot {attempt} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// An output of Cloudy that is not as expected.
    #[error("cannot use {}: {reason}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Nothing to collect.
    #[error("no model of the grid has ended well: {failed} failed\nhint: models.parquet says why")]
    Nothing {
        /// Models that failed.
        failed: usize,
    },
    /// A table or record.
    #[error(transparent)]
    Study(#[from] study::Error),
    /// A table that cannot be made.
    #[error("cannot make the table of the grid: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A record that is no JSON.
    #[error("cannot write the record of a model: {0}")]
    Json(#[from] serde_json::Error),
}

impl CloudyError {
    fn io(attempt: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { attempt, path, source }
    }
}
