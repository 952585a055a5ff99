//! Emission lines, complex by complex: which lines there are, how they are tied, and their fit.
//!
//! A complex is a window with lines; lines belong to kinematic groups (broad, narrow, wing) that share velocity and
//! width; fluxes may be fixed ratios of each other. All of it is read from one TOML line list, and the default list is
//! part of the program. Vacuum wavelengths: NIST Atomic Spectra Database; Vanden Berk et al. 2001 (2001AJ....122..549V).

mod binned;
mod complex;
mod fit;
mod fitted;
mod list;
mod scan;

pub(crate) use complex::{LineModel, Pixels};
pub(crate) use fit::{FitSettings, fit_complex};
pub use fitted::{ComplexFit, FittedLine, LineLimit};
pub(crate) use fitted::{Other, describe};
pub use list::{Complex, Group, Line, LineList};
