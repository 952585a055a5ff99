//! Do galaxies in cosmic voids evolve differently? Void finding, membership, population statistics, validation.

pub mod catalogue;
pub mod classify;
pub mod delaunay;
pub mod distance_scale;
pub mod finder_calibration;
pub mod finders;
pub mod galaxies;
pub mod mask;
pub mod membership;
pub mod overlap;
pub mod population;
mod sphere_union;
pub mod study;
pub mod survey;
pub mod union_volume;
pub mod void_statistics;
pub mod voidfinder;
pub mod watershed;
