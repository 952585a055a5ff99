//! FITS files (standard 4.0, 2010A&A...524A..42P): tables to Arrow record batches, images, and both back.
//!
//! Reads every binary-table column type, scaling and null rule; writes what it reads. It does not read ASCII tables,
//! random groups or tile-compressed images.

mod decode;
mod error;
mod file;
mod header;
mod image;
mod table;
mod tform;

pub use error::FitsError;
pub use file::{FitsFile, Hdu, HduKind};
pub use header::{Card, Header, Value};
pub use image::Image;
pub use table::{ColumnInfo, DESCRIPTION, ReadOptions, TDIM, Table, UNIT};
pub use tform::{Element, Scaling, Tform};
