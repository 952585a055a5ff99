//! What a DESI file means, and how it enters the archive; a miniature data release with known truth.

pub mod desivast;
mod error;
pub mod fastspecfit;
pub mod release;
pub mod simulate;
pub mod spectra;
pub mod templates;

pub use error::DesiError;
