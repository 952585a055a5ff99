//! Absorption troughs of quasar winds: balnicity, absorption index, and the troughs themselves.
//!
//! `BI = integral of (1 - f / 0.9) C dv` over 3,000 to 25,000 km/s, where f is flux over continuum and C is 1 once f has
//! been below 0.9 for 2,000 km/s, counted from the high velocities downwards (Weymann et al. 1991,
//! 1991ApJ...373...23W); AI is the same over 0 to 25,000 km/s with 450 km/s (Hall et al. 2002, Trump et al. 2006).
//! Velocities are positive towards the observer, and by default `c (1 - lambda / lambda_0)`.
//!
//! What noise does to these: f crosses 0.9 by chance, so a noisy trough falls apart and BI is too low. Here the trough is
//! delimited on a smoothed f, its edges by a smooth step through the pixels around them, and the integral is then taken of
//! the unsmoothed f: being linear in f it has no bias of its own. Errors carry photon noise, those of the continuum
//! and the edge's error.

mod columns;
mod continuum;
mod discrepancy;
mod edge;
mod eigenspectra;
mod emission;
mod figure;
mod index;
mod mask;
mod search;
mod simulate;
mod solve;
mod table;

pub use columns::{TROUGH_SLOTS, desi_catalogue};
pub use continuum::{Continuum, ContinuumSettings, fit_continuum};
pub use eigenspectra::Eigenspectra;
pub use figure::trough_figure;
pub(crate) use index::is_significant;
pub use index::{IndexKind, IndexSettings, Trough, TroughIndex};
pub use search::{Transition, TransitionIndices, TroughSearch, TroughSettings, VelocityScale, find_troughs, resample};
pub use simulate::{InjectedTrough, Recovery, recovery, simulate_spectrum, survey_quasars, survey_spectrum};
pub use table::{index_table, trough_table};

/// Speed of light, km/s.
pub(crate) const LIGHT_KM_S: f64 = 299_792.458;

/// Troughs that cannot be looked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TroughError {
    /// A spectrum without redshift.
    #[error("cannot look for troughs in {name}: no redshift\nhint: give one with --redshift")]
    NoRedshift {
        /// The spectrum.
        name: String,
    },
    /// Too little of the spectrum can be used.
    #[error(
        "cannot fit a continuum to {name}: expected at least {needed} usable pixels at rest {low:.0}-{high:.0} Angstrom, found {found}"
    )]
    Uncovered {
        /// The spectrum.
        name: String,
        /// Pixels that are needed.
        needed: usize,
        /// Pixels that are there.
        found: usize,
        /// Shortest rest wavelength, Angstrom.
        low: f64,
        /// Longest rest wavelength, Angstrom.
        high: f64,
    },
    /// The linear system has no solution.
    #[error("cannot fit a continuum to {name}: its {pixels} pixels do not determine the model")]
    Singular {
        /// The spectrum.
        name: String,
        /// Pixels used.
        pixels: usize,
    },
    /// A given continuum does not fit its spectrum.
    #[error("cannot use the continuum given for {name}: expected {expected} values, found {found}")]
    Continuum {
        /// The spectrum.
        name: String,
        /// Pixels of the spectrum.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// Eigenspectra that cannot be used.
    #[error("cannot use eigenspectra of {}: {reason}", path.display())]
    Eigenspectra {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        reason: String,
    },
    /// The eigenspectra cannot be read.
    #[error(transparent)]
    Fits(#[from] archive::fits::FitsError),
    /// The answer cannot be put into a table.
    #[error(transparent)]
    Study(#[from] study::Error),
    /// The answer cannot be put into a table.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}
