//! Tables with units and provenance: FITS in and out, the column registry, HATS-partitioned Parquet, embedded SQL.

pub mod fits;
mod names;
mod progress;

pub use names::nearest_name;
pub use progress::{Progress, Quiet};
