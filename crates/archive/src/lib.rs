//! Tables with units and provenance: FITS in and out, the column registry, HATS-partitioned Parquet, embedded SQL.

pub mod columns;
pub mod digest;
#[cfg(feature = "download")]
pub mod download;
mod error;
pub mod fits;
pub mod hats;
pub mod ingest;
mod lock;
mod names;
pub mod output;
#[cfg(feature = "postgres")]
pub mod postgres;
mod progress;
#[cfg(feature = "sql")]
pub mod sql;
mod tables;

pub use error::Error;
pub use lock::lock_file;
pub use names::nearest_name;
pub use progress::{Progress, Quiet};
pub use tables::Tables;
