//! Why no mask could be made.

use std::path::PathBuf;

use archive::fits::FitsError;

/// A mask that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// The file is no readable FITS file, or lacks a table.
    #[error(transparent)]
    Fits(#[from] FitsError),
    /// The table is no map of the sky.
    #[error("cannot read a mask from {}: {reason}", path.display())]
    NoMap {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Nothing is left of the survey.
    #[error(
        "cannot use a mask of {origin}: no cell is at least {least} complete\nhint: a smaller `--least-completeness` keeps more of the sky"
    )]
    Empty {
        /// What the mask is made of.
        origin: String,
        /// Least completeness of a cell.
        least: f64,
    },
    /// Too few random points to tell a cell's completeness.
    #[error(
        "cannot make a mask of {points} random points: expected at least {needed}, better some 2,000 a square degree"
    )]
    TooFewRandoms {
        /// How many there are.
        points: usize,
        /// How many are needed.
        needed: usize,
    },
}
