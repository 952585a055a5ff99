//! Spectra: the files of DESI, SDSS and X-Shooter surveys, as one type on a vacuum wavelength scale.
//!
//! Columns and HDUs are looked up by name, so that releases with more or fewer of them are read. Arms are combined by
//! inverse variance onto DESI's 0.8 Angstrom grid. Nothing here is smoothed, fitted or rejected.
//! Reference: DESI Collaboration 2024, 2024AJ....168...58D (early data release).

mod archived;
mod coadd;
mod combine;
mod combined_row;
mod extinction;
mod open;
mod redshifts;
mod resolution;
mod sdss;
mod spectrum;
mod xshooter;

pub use archived::{CoaddSource, SpectraSelection, redshift_file_beside, spectra_columns};
pub use coadd::CoaddFile;
pub use combine::{ArmPixels, GRID_PIXELS, GRID_START_ANGSTROM, GRID_STEP_ANGSTROM, combine_arms, combined_spectrum};
pub use combined_row::{CombinedRow, RESOLUTION_UNIT, RESOLUTION_WIDTH};
pub use extinction::{correct_for_dust, fitzpatrick99};
pub use open::{SpectrumFile, SpectrumKind};
pub use redshifts::{TargetRedshift, read_redshifts, redshifts_by_target};
pub use resolution::ResolutionMatrix;
pub use sdss::{read_sdss, vacuum_from_air_angstrom};
pub use spectrum::{InstrumentResolution, Spectrum};
pub use xshooter::read_xshooter;
