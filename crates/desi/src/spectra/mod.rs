//! Spectra: the files of DESI, SDSS and X-Shooter surveys, as one type on a vacuum wavelength scale.
//!
//! Columns and HDUs are looked up by name, so that releases with more or fewer of them are read. Arms are combined by
//! inverse variance onto DESI's 0.8 Angstrom grid. Nothing here is smoothed, fitted or rejected.
//! Reference: DESI Collaboration 2024, 2024AJ....168...58D (early data release).

mod spectrum;

pub use spectrum::{InstrumentResolution, Spectrum};
