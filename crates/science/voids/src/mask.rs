//! Survey masks: which directions of the sky a galaxy catalogue covers.
//!
//! [`HealpixMask`] is the default: equal-area cells (nested), optional completeness per cell, no seam at RA 0/360 or at
//! the poles. [`PixelMask`] is the RA-Dec pixel grid of VAST (Douglass et al. 2023, 2023ApJS..265....7D), kept so
//! that results can be compared. Neither knows about distance; see [`crate::voidfinder::Region`] and [`crate::survey`].

mod cap;
mod clearance;
mod error;
mod healpix;
mod moc;
mod pixel;
mod randoms;

pub use cap::GalacticCap;
pub use error::MaskError;
pub use healpix::HealpixMask;
pub use pixel::PixelMask;

use astro::sphere::ra_dec_deg;

pub(crate) use clearance::{Clearance, SkyBounds};
use healpix::FINEST_MASK_ORDER;
pub(crate) use healpix::finest_order;

/// A mask of either kind, with the angular distance of every cell from the survey's boundary.
#[derive(Debug, Clone)]
pub struct SkyMask {
    kind: Kind,
    clearance: Clearance,
}

/// What a [`SkyMask`] is made of.
#[derive(Debug, Clone)]
pub enum Kind {
    /// RA-Dec pixels.
    Pixels(PixelMask),
    /// HEALPix cells.
    Healpix(HealpixMask),
}

impl From<PixelMask> for SkyMask {
    fn from(mask: PixelMask) -> Self {
        let clearance = mask.clearance();
        Self { kind: Kind::Pixels(mask), clearance }
    }
}

impl From<HealpixMask> for SkyMask {
    fn from(mask: HealpixMask) -> Self {
        let clearance = mask.clearance();
        Self { kind: Kind::Healpix(mask), clearance }
    }
}

impl SkyMask {
    /// What the mask is made of.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Is the direction of this vector (any length) inside the survey?
    #[must_use]
    #[inline(always)]
    pub fn contains(&self, vector: [f64; 3]) -> bool {
        match &self.kind {
            Kind::Pixels(mask) => mask.contains(vector),
            Kind::Healpix(mask) => {
                let (ra_deg, dec_deg) = ra_dec_deg(vector);
                mask.contains_deg(ra_deg, dec_deg)
            }
        }
    }

    /// Is this direction (ICRS degrees) inside the survey?
    #[must_use]
    pub fn contains_deg(&self, ra_deg: f64, dec_deg: f64) -> bool {
        match &self.kind {
            Kind::Pixels(mask) => mask.contains_deg(ra_deg, dec_deg),
            Kind::Healpix(mask) => mask.contains_deg(ra_deg, dec_deg),
        }
    }

    /// Relative completeness in [0, 1] of a direction: 1 or 0 in masks without weights.
    #[must_use]
    pub fn completeness_deg(&self, ra_deg: f64, dec_deg: f64) -> f64 {
        match &self.kind {
            Kind::Pixels(mask) => f64::from(u8::from(mask.contains_deg(ra_deg, dec_deg))),
            Kind::Healpix(mask) => mask.completeness_deg(ra_deg, dec_deg),
        }
    }

    /// Area inside, square degrees.
    #[must_use]
    pub fn area_deg2(&self) -> f64 {
        match &self.kind {
            Kind::Pixels(mask) => mask.area_deg2(),
            Kind::Healpix(mask) => mask.area_deg2(),
        }
    }

    /// A part of the sky outside which nothing is inside.
    pub(crate) fn bounds(&self) -> SkyBounds {
        self.clearance.bounds()
    }

    /// An angle, radians, by which the direction of `vector` is certainly inside: every direction closer than that is
    /// inside too. 0 where nothing can be said.
    #[must_use]
    #[inline(always)]
    pub fn clearance_rad(&self, vector: [f64; 3]) -> f64 {
        let cell = match &self.kind {
            Kind::Pixels(mask) => mask.index_about(vector),
            Kind::Healpix(mask) => {
                let (ra_deg, dec_deg) = ra_dec_deg(vector);
                mask.index_of(ra_deg, dec_deg)
            }
        };
        self.clearance.of(cell)
    }
}
