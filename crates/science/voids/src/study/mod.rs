//! The study itself: select -> measure -> test -> report, as steps of a run.

mod error;
mod settings;

pub use error::StudyError;
pub use settings::{EnvironmentSettings, Finder, Inputs, Sample, Settings, Statistics};
