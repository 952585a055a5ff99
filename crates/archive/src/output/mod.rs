//! Tables as text or files, a batch at a time: an aligned table, CSV, JSON lines, Parquet, FITS.
//!
//! Every writer takes an iterator of batches and holds a few of them at most (Parquet: one row group; FITS: one batch,
//! and a temporary copy on disk where it has strings, whose width must be known first). Files appear whole or not at all.

mod files;
mod json;
mod text;

pub use files::{File, fits, parquet};
pub use json::json;
pub use text::{csv, text};

use crate::error::Error;

fn not_written(format: &'static str, error: &dyn std::fmt::Display) -> Error {
    Error::Output { format, reason: error.to_string() }
}
