//! The continuum: power law, Fe II, Balmer continuum, host galaxy; fitted in windows without lines.
//!
//! No polynomial unless asked for. Reference for the windows and the order of steps: Shen et al. 2011
//! (2011ApJS..194...45S).

pub(crate) mod balmer;
mod fit;
mod fitted;
mod model;
mod pixels;

pub use desi::templates::Templates;
pub use fit::ContinuumSettings;
pub(crate) use fit::{ABSORBED_BELOW_ANGSTROM, fit_continuum};
pub use fitted::ContinuumFit;
pub(crate) use model::ContinuumModel;
pub(crate) use pixels::{Chosen, RestPixels};
