//! Dust of our own Galaxy, where the fits look for it.

pub use desi::spectra::{correct_for_dust, fitzpatrick99};
