//! A run: its steps, manifest, figures, tables and report.
//!
//! The machinery that every study shares, and no science: what a study selects, measures and tests is the business of
//! the science crates above. A run is a folder `runs/<study>/<id>/` in which finished steps are not done again.

mod atomic;
pub mod digest;
mod error;
pub mod figures;
pub mod number;
pub mod report;
pub mod run;
pub mod study_file;
pub mod tables;
pub mod validation;

pub use atomic::write as write_file;
pub use error::Error;
