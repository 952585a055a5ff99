//! The archive on disk: HATS catalogues, Parquet files partitioned over HEALPix cells and sorted by position.
//!
//! A catalogue is a collection folder with the catalogue proper and a margin catalogue (the neighbours just outside each
//! partition, so that a crossmatch needs no other partition). LSDB and the `hats` package open it as it is. This module
//! lays partitions out and writes and reads the files; where the rows come from is `ingest`'s business.
//! Reference: IVOA note "HATS: a standard for the hierarchical adaptive tiling scheme" (<https://www.ivoa.net/documents/Notes/HATS/>).

mod catalogue;
mod file;
mod footers;
mod margin;
mod partition;
mod properties;
mod skymap;

pub use catalogue::{Catalogue, PartitionFile};
pub(crate) use catalogue::{DESCRIBED, plain_table_path};
#[cfg(feature = "download")]
pub(crate) use file::write_whole;
pub(crate) use file::{PartitionWriter, row_bytes, write_atomically};
pub(crate) use footers::{read_footer, write_footers};
pub use margin::margin_rows;
pub use partition::{Partition, partitions};
pub use properties::Properties;
pub(crate) use skymap::{SKYMAP_ORDER_MAX, covered_fraction, skymap_bytes};

/// Name of the first column of every catalogue: the nested order-29 HEALPix index of the row's position.
pub const INDEX_COLUMN: &str = "_healpix_29";
