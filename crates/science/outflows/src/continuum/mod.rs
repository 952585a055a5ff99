//! The continuum: power law, Fe II, Balmer continuum, host galaxy; fitted in windows without lines.
//!
//! No polynomial unless asked for. Reference for the windows and the order of steps: Shen et al. 2011
//! (2011ApJS..194...45S).

pub(crate) mod balmer;
mod fit;
mod model;

pub use desi::templates::Templates;
pub(crate) use fit::{Chosen, RestPixels, fit_continuum};
pub use fit::{ContinuumFit, ContinuumSettings};
pub(crate) use model::ContinuumModel;
