//! Do galaxies in cosmic voids evolve differently? Void finding, membership, population statistics, validation.
pub mod delaunay;
pub mod study;
pub mod watershed;
