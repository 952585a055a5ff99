//! The sky and the maths: cosmology, sphere, HEALPix, neighbours, statistics. No files, no network.

pub mod cosmology;
pub mod healpix;
pub mod neighbours;
pub mod sphere;
pub mod statistics;

pub use cosmology::Cosmology;
pub use healpix::HealpixCell;
pub use neighbours::PointTree;
