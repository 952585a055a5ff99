//! Tables with units and provenance: FITS in and out, the column registry, HATS-partitioned Parquet, embedded SQL.

mod progress;

pub use progress::{Progress, Quiet};
