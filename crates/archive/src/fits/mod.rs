//! FITS files (standard 4.0, 2010A&A...524A..42P): tables to Arrow record batches, images, and both back.
//!
//! Reads every binary-table column type, scaling and null rule; writes what it reads. It does not read ASCII tables,
//! random groups or tile-compressed images.

mod batches;
mod cards;
mod checksum;
mod compare;
mod decode;
mod encode;
mod error;
mod file;
mod header;
mod heap;
mod image;
mod inspect;
mod pixels;
mod table;
mod tform;
mod transpose;
mod writer;

pub use batches::Batches;
pub use checksum::{ChecksumStatus, Checksums, Verdict};
pub use compare::{ColumnUnion, Comparison, HduUnion, Variant, compare};
pub use error::FitsError;
pub use file::{FitsFile, Hdu, HduKind};
pub use header::{Card, Header, Value};
pub use image::Image;
pub use inspect::{CardSummary, ColumnSummary, FileSummary, HduSummary, inspect};
pub use pixels::ImageData;
pub use table::{ColumnInfo, DESCRIPTION, ReadOptions, TDIM, Table, UNIT};
pub use tform::{Element, Scaling, Tform};
pub use writer::{FitsWriter, TableWriter};
