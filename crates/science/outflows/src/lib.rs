//! How much energy do quasar winds carry?
//!
//! From a quasar's spectrum to a decomposition, absorption troughs, emission-line winds, gas conditions, and mass and
//! energy rates, each with an uncertainty. Wavelengths are in vacuum, velocities in km/s, blueward positive for
//! absorption as in the DESI BAL catalogues (Guo & Martini 2019, 2019ApJ...879...72G).

pub mod calibrate;
pub mod cloudy;
pub mod conditions;
pub mod continuum;
mod decompose;
pub mod energetics;
mod error;
pub mod extinction;
pub mod fit_figure;
pub mod grid;
pub mod inference;
pub mod lines;
pub mod measure;
pub mod object_table;
pub mod profile;
pub mod recovery;
mod residuals;
mod separable;
pub mod study;
pub mod survival;
pub mod troughs;

pub use decompose::{Decomposition, decompose};
pub use desi::spectra::{InstrumentResolution, Spectrum};
pub use error::Error;
pub use separable::{Minimum, Tolerance};
