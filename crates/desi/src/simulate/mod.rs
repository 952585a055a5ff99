//! A miniature data release with known truth: a light-cone of galaxies in and around voids.
//!
//! What it is: galaxies of a flux-limited survey in a Voronoi web with known voids, with a known mass function, main
//! sequence, quenched fraction, and a known difference between voids and walls. What it is not: a simulation of
//! gravity; clustering has the right kind of structure, not the measured correlation function.
//!
//! [`LightCone::generate`] works in memory; [`write_fastspecfit`] and [`write_desivast`] make the files of a
//! release of it, [`write_release`] all of them with the truth. [`QuasarSky`] makes spectra of quasars.

mod desivast;
mod ellipsoid;
mod fastspecfit;
mod footprint;
mod light_cone;
mod parameters;
mod population;
mod quasars;
mod release;
mod spheres;
mod structure;
mod survey;
mod truth;
mod zones;

pub use desivast::{voidfinder_catalogues, write_desivast};
pub use fastspecfit::write_fastspecfit;
pub use footprint::{Cap, CapLimits, Footprint, MaskHole};
pub use light_cone::{Environment, Galaxy, LightCone};
pub use parameters::{Parameters, natural_area_deg2};
pub use population::{LOG_MASS_STAR, SCHECHTER, k_correction_r, main_sequence, mass_function, quenched_fraction};
pub use quasars::{
    AbsorberKind, QuasarParameters, QuasarRelease, QuasarSky, QuasarTruth, SimulatedArm, SimulatedQuasar, TrueAbsorber,
    TrueGaussian, TrueLight, TrueLine, TrueTrough, write_quasars,
};
pub use release::{Release, write_release};
pub use spheres::{Sphere, TrueVoid};
pub use structure::Structure;

/// Ranges of random-number streams, so that no two purposes share numbers. Each leaves room for its own index.
mod streams {
    pub(crate) const MASK: u64 = 1;
    pub(crate) const NUCLEI: u64 = 1 << 32;
    pub(crate) const HOLES: u64 = 2 << 32;
    pub(crate) const GALAXIES: u64 = 3 << 32;
    pub(crate) const MEASUREMENTS: u64 = 4 << 32;
    pub(crate) const QUASARS: u64 = 5 << 32;
    pub(crate) const QUASAR_FOREST: u64 = 6 << 32;
    pub(crate) const QUASAR_NOISE: u64 = 7 << 32;
    pub(crate) const QUASAR_LIGHT: u64 = 8 << 32;
}
