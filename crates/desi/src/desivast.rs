//! Void catalogues in DESIVAST's file format (DESI DR1 value-added catalogue, arXiv:2411.00148): the typed tables.
//!
//! Columns are looked up by name, upper or lower case, because VAST and DESIVAST differ in that. All positions are
//! comoving Cartesian in Mpc/h (H0 = 100), x towards RA 0 Dec 0, z towards the north pole.

mod columns;
mod cuboid;
mod read;
mod source;
mod stored;
mod write;

pub use columns::{HDUS, columns, published_rows};
pub use cuboid::{BoxCatalogue, BoxLimits, BoxVoids, BoxZoneVoid, read_box, write_box};
pub use read::read;
pub use stored::{archived_tables, read_archived, survey_columns, survey_constants};
pub(crate) use write::write_simulated;
pub use write::{write_voidfinder, write_zones};

/// The void-finding algorithm that made a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// VoidFinder: unions of empty spheres (El-Ad & Piran 1997; Hoyle & Vogeley 2002).
    VoidFinder,
    /// Watershed zones with VIDE pruning (Sutter et al. 2015).
    Vide,
    /// Watershed zones with ZOBOV pruning (Neyrinck 2008).
    Zobov,
    /// Watershed zones with REVOLVER pruning (Nadathur et al. 2019).
    Revolver,
}

/// A maximal sphere: the largest empty sphere of one VoidFinder void (HDU `MAXIMALS`).
#[derive(Debug, Clone, PartialEq)]
pub struct Maximal {
    /// Centre, comoving Mpc/h.
    pub centre_mpc_h: [f64; 3],
    /// Radius of the maximal sphere, Mpc/h.
    pub radius_mpc_h: f64,
    /// Void identifier that `Hole::void` refers to.
    pub void: i64,
    /// 0 interior, 1 a member hole crosses the survey boundary, 2 within 10 Mpc/h of it.
    pub edge: i64,
    /// Radius of the sphere with the volume of the union of the holes, Mpc/h; `None` in files without it.
    pub r_eff_mpc_h: Option<f64>,
    /// Standard error of `r_eff_mpc_h`.
    pub r_eff_uncert_mpc_h: Option<f64>,
}

/// One empty sphere of a VoidFinder void (HDU `HOLES`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hole {
    /// Centre, comoving Mpc/h.
    pub centre_mpc_h: [f64; 3],
    /// Radius, Mpc/h.
    pub radius_mpc_h: f64,
    /// The void it belongs to.
    pub void: i64,
}

/// One watershed void (HDU `VOIDS`).
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneVoid {
    /// Void identifier that `ZoneMembership` refers to.
    pub void: i64,
    /// Volume-weighted centre of the member cells, comoving Mpc/h.
    pub centre_mpc_h: [f64; 3],
    /// Redshift of the centre.
    pub redshift: f64,
    /// ICRS right ascension of the centre, degrees.
    pub ra_deg: f64,
    /// ICRS declination of the centre, degrees.
    pub dec_deg: f64,
    /// Effective radius, Mpc/h.
    pub radius_mpc_h: f64,
    /// The three semi-axis vectors of the ellipsoid, Mpc/h.
    pub axes_mpc_h: [[f64; 3]; 3],
    /// Outer surface, (Mpc/h)^2; `None` where surfaces were not computed.
    pub tot_area: Option<f64>,
    /// Part of the outer surface that lies against the survey edge, (Mpc/h)^2.
    pub edge_area: Option<f64>,
    /// VAST's edge flag, in files that have it instead of areas.
    pub edge: Option<i64>,
}

/// The voids a zone belongs to (HDU `ZONEVOID`): -1 in the file is `None` here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneMembership {
    /// Zone number.
    pub zone: i64,
    /// Smallest void that contains the zone.
    pub void0: Option<i64>,
    /// Largest void that contains the zone.
    pub void1: Option<i64>,
}

/// One tracer of the watershed (HDU `GALZONE`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tracer {
    /// Row of the galaxy in the finder's input.
    pub gal: i64,
    /// `TARGETID` of the galaxy, in files that carry it.
    pub target: Option<i64>,
    /// Position, comoving Mpc/h.
    pub position_mpc_h: [f64; 3],
    /// Zone of the galaxy's Voronoi cell, `None` outside all zones.
    pub zone: Option<i64>,
    /// Steps of steepest descent from the cell to its zone's core.
    pub depth: i64,
    /// The Voronoi cell touches the survey edge (it has no volume).
    pub edge: bool,
    /// Outside the survey mask.
    pub out: bool,
}

impl Tracer {
    /// Whether the watershed ran over it: the table lists every galaxy of the finder's input, and one that the cuts in
    /// redshift or magnitude left out has no zone and no cell.
    #[must_use]
    pub fn was_selected(&self) -> bool {
        !self.out && (self.zone.is_some() || self.edge)
    }
}

/// One triangle of the outer surface of a watershed void (HDU `TRIANGLE`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurfaceTriangle {
    /// The void whose surface it is part of.
    pub void: i64,
    /// Unit normal, out of the void.
    pub normal: [f64; 3],
    /// Corners, comoving Mpc/h.
    pub corners_mpc_h: [[f64; 3]; 3],
}

/// The voids whose surfaces pass at a galaxy's Voronoi cell (HDU `GALVIZ`): -1 in the file is `None` here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SurfaceGalaxy {
    /// Row of the galaxy in the finder's input (`GID`).
    pub gal: i64,
    /// The void that the galaxy belongs to and whose surface its cell is part of (`G2V`).
    pub void: Option<i64>,
    /// Another void that its cell touches (`G2V2`).
    pub other_void: Option<i64>,
}

/// The outer surfaces of the voids, for drawing (HDUs `TRIANGLE` and `GALVIZ`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Surfaces {
    /// Triangles, by void.
    pub triangles: Vec<SurfaceTriangle>,
    /// One row a galaxy of the finder's input.
    pub galaxies: Vec<SurfaceGalaxy>,
}

/// The survey limits a catalogue was made with, from its primary header.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyLimits {
    /// Matter density of the distance scale (`OMEGAM`).
    pub omega_m: f64,
    /// Nearest and furthest comoving distance, Mpc/h (`DLIML`, `DLIMU`).
    pub distance_mpc_h: [f64; 2],
    /// Redshift limits (`ZLIML`, `ZLIMU`).
    pub redshift: [f64; 2],
}

/// A VoidFinder catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct VoidFinderCatalogue {
    /// What the file says of the survey.
    pub limits: SurveyLimits,
    /// One row a void.
    pub maximals: Vec<Maximal>,
    /// The spheres whose unions are the voids.
    pub holes: Vec<Hole>,
}

/// A catalogue of the V2 (watershed) family.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneCatalogue {
    /// Which pruning.
    pub algorithm: Algorithm,
    /// What the file says of the survey.
    pub limits: SurveyLimits,
    /// One row a void.
    pub voids: Vec<ZoneVoid>,
    /// One row a zone.
    pub zones: Vec<ZoneMembership>,
    /// One row a galaxy of the finder's input.
    pub tracers: Vec<Tracer>,
    /// Outer surfaces, in files that have them (DESIVAST's ZOBOV files do not).
    pub surfaces: Option<Surfaces>,
}

/// Either kind of catalogue.
#[derive(Debug, Clone, PartialEq)]
pub enum VoidCatalogue {
    /// Spheres.
    VoidFinder(VoidFinderCatalogue),
    /// Watershed zones.
    Zones(ZoneCatalogue),
}
