//! What the columns of DESIVAST's tables mean.

use archive::columns::{Columns, parse_declarations};

use crate::DesiError;

/// The tables of DESIVAST's files: VoidFinder's two, then those of the watershed family.
pub const HDUS: [&str; 7] = ["MAXIMALS", "HOLES", "VOIDS", "ZONEVOID", "GALZONE", "TRIANGLE", "GALVIZ"];

/// Rows of the tables of DESIVAST v1.0 (arXiv:2411.00148), by what the file's name ends in.
const PUBLISHED: [(&str, &[(&str, u64)]); 8] = [
    ("VoidFinder_NGC", &[("MAXIMALS", 3_241), ("HOLES", 89_003)]),
    ("VoidFinder_SGC", &[("MAXIMALS", 524), ("HOLES", 12_860)]),
    ("V2_REVOLVER_NGC", &[("VOIDS", 1_692), ("GALZONE", 604_032), ("TRIANGLE", 5_321_800)]),
    ("V2_REVOLVER_SGC", &[("VOIDS", 300), ("GALZONE", 90_610), ("TRIANGLE", 756_302)]),
    ("V2_VIDE_NGC", &[("VOIDS", 1_258), ("GALZONE", 604_032), ("TRIANGLE", 3_854_410)]),
    ("V2_VIDE_SGC", &[("VOIDS", 220), ("GALZONE", 90_610), ("TRIANGLE", 511_574)]),
    ("V2_ZOBOV_NGC", &[("VOIDS", 2_950), ("GALZONE", 604_032)]),
    ("V2_ZOBOV_SGC", &[("VOIDS", 569), ("GALZONE", 90_610)]),
];

/// Tables and their published rows, for a file with the name of one of DESIVAST v1.0; empty for all others.
#[must_use]
pub fn published_rows(file_name: &str) -> &'static [(&'static str, u64)] {
    let stem = file_name.strip_suffix(".gz").unwrap_or(file_name).strip_suffix(".fits").unwrap_or_default();
    let which = stem.strip_prefix("DESIVAST_BGS_VOLLIM_").unwrap_or_default();
    PUBLISHED.iter().find(|(name, _)| *name == which).map_or(&[], |(_, tables)| tables)
}

const MAXIMALS: &str = "
X           | f64 | Mpc/h | pos.cartesian.x | - | Centre of the maximal sphere, comoving, towards RA 0 Dec 0
Y           | f64 | Mpc/h | pos.cartesian.y | - | Centre of the maximal sphere, comoving, towards RA 90 Dec 0
Z           | f64 | Mpc/h | pos.cartesian.z | - | Centre of the maximal sphere, comoving, towards Dec 90
RADIUS      | f64 | Mpc/h | phys.size.radius | - | Radius of the maximal sphere
VOID        | i64 | -     | meta.id;meta.main | - | Void that the maximal sphere belongs to
EDGE        | i64 | -     | meta.code.qual | - | 0 interior, 1 a hole crosses the survey boundary, 2 within 10 Mpc/h of it
R           | f64 | Mpc/h | pos.distance | - | Comoving distance of the centre
RA          | f64 | deg   | pos.eq.ra;meta.main | - | Right ascension of the centre, ICRS
DEC         | f64 | deg   | pos.eq.dec;meta.main | - | Declination of the centre, ICRS
R_EFF       | f64 | Mpc/h | phys.size.radius | nan | Radius of the sphere with the volume of the union of the void's holes
R_EFF_UNCERT | f64 | Mpc/h | stat.error;phys.size.radius | nan | Standard error of R_EFF
";

const HOLES: &str = "
X      | f64 | Mpc/h | pos.cartesian.x | - | Centre of the hole, comoving, towards RA 0 Dec 0
Y      | f64 | Mpc/h | pos.cartesian.y | - | Centre of the hole, comoving, towards RA 90 Dec 0
Z      | f64 | Mpc/h | pos.cartesian.z | - | Centre of the hole, comoving, towards Dec 90
RADIUS | f64 | Mpc/h | phys.size.radius | - | Radius of the hole
VOID   | i64 | -     | meta.id | - | Void that the hole belongs to
";

const VOIDS: &str = "
VOID      | i64 | -     | meta.id;meta.main | - | Number of the void
X         | f64 | Mpc/h | pos.cartesian.x | - | Volume-weighted centre, comoving, towards RA 0 Dec 0
Y         | f64 | Mpc/h | pos.cartesian.y | - | Volume-weighted centre, comoving, towards RA 90 Dec 0
Z         | f64 | Mpc/h | pos.cartesian.z | - | Volume-weighted centre, comoving, towards Dec 90
REDSHIFT  | f64 | -     | src.redshift | - | Redshift of the centre
RA        | f64 | deg   | pos.eq.ra;meta.main | - | Right ascension of the centre, ICRS
DEC       | f64 | deg   | pos.eq.dec;meta.main | - | Declination of the centre, ICRS
RADIUS    | f64 | Mpc/h | phys.size.radius | - | Radius of the sphere with the volume of the void
X1        | f64 | Mpc/h | phys.size.axis | - | First semi-axis of the ellipsoid, x
Y1        | f64 | Mpc/h | phys.size.axis | - | First semi-axis of the ellipsoid, y
Z1        | f64 | Mpc/h | phys.size.axis | - | First semi-axis of the ellipsoid, z
X2        | f64 | Mpc/h | phys.size.axis | - | Second semi-axis of the ellipsoid, x
Y2        | f64 | Mpc/h | phys.size.axis | - | Second semi-axis of the ellipsoid, y
Z2        | f64 | Mpc/h | phys.size.axis | - | Second semi-axis of the ellipsoid, z
X3        | f64 | Mpc/h | phys.size.axis | - | Third semi-axis of the ellipsoid, x
Y3        | f64 | Mpc/h | phys.size.axis | - | Third semi-axis of the ellipsoid, y
Z3        | f64 | Mpc/h | phys.size.axis | - | Third semi-axis of the ellipsoid, z
TOT_AREA  | f64 | Mpc2/h2 | phys.area | nan | Outer surface
EDGE_AREA | f64 | Mpc2/h2 | phys.area | nan | Part of the outer surface that lies against the survey edge
EDGE      | i64 | -     | meta.code.qual | - | 1 where a cell of the void touches the survey edge (files without areas)
";

const ZONEVOID: &str = "
ZONE  | i64 | - | meta.id;meta.main | - | Zone of the watershed
VOID0 | i64 | - | meta.id | -1 | Smallest void that contains the zone
VOID1 | i64 | - | meta.id | -1 | Largest void that contains the zone
";

const GALZONE: &str = "
GAL    | i64 | -     | meta.record | - | Row of the galaxy in the finder's input
TARGET | i64 | -     | meta.id;meta.main | - | TARGETID of the galaxy
X      | f64 | Mpc/h | pos.cartesian.x | - | Position, comoving, towards RA 0 Dec 0
Y      | f64 | Mpc/h | pos.cartesian.y | - | Position, comoving, towards RA 90 Dec 0
Z      | f64 | Mpc/h | pos.cartesian.z | - | Position, comoving, towards Dec 90
ZONE   | i64 | -     | meta.id | -1 | Zone of the galaxy's Voronoi cell; the last zone is that of cells without volume
DEPTH  | i64 | -     | meta.number | - | Cells between this one and the core of its zone
EDGE   | i64 | -     | meta.code.qual | - | 1 where the cell has no volume, at the survey edge
OUT    | i64 | -     | meta.code.qual | - | 1 outside the survey mask
";

const TRIANGLE: &str = "
VOID | i64 | -     | meta.id | - | Void whose outer surface the triangle is part of
N_X  | f64 | -     | pos.cartesian.x | - | Unit normal, out of the void, x
N_Y  | f64 | -     | pos.cartesian.y | - | Unit normal, out of the void, y
N_Z  | f64 | -     | pos.cartesian.z | - | Unit normal, out of the void, z
P1_X | f64 | Mpc/h | pos.cartesian.x | - | First corner, x
P1_Y | f64 | Mpc/h | pos.cartesian.y | - | First corner, y
P1_Z | f64 | Mpc/h | pos.cartesian.z | - | First corner, z
P2_X | f64 | Mpc/h | pos.cartesian.x | - | Second corner, x
P2_Y | f64 | Mpc/h | pos.cartesian.y | - | Second corner, y
P2_Z | f64 | Mpc/h | pos.cartesian.z | - | Second corner, z
P3_X | f64 | Mpc/h | pos.cartesian.x | - | Third corner, x
P3_Y | f64 | Mpc/h | pos.cartesian.y | - | Third corner, y
P3_Z | f64 | Mpc/h | pos.cartesian.z | - | Third corner, z
";

const GALVIZ: &str = "
GID  | i64 | - | meta.record;meta.main | - | Row of the galaxy in the finder's input
G2V  | i64 | - | meta.id | -1 | Void that the galaxy belongs to and whose surface its cell is part of
G2V2 | i64 | - | meta.id | -1 | Another void that its cell touches
";

/// The columns of a table, by its EXTNAME in any case; `None` for a table that DESIVAST does not have.
///
/// # Errors
/// [`DesiError::Archive`] where a committed declaration cannot be read: a fault of this crate.
pub fn columns(hdu: &str) -> Result<Option<Columns>, DesiError> {
    let texts = [MAXIMALS, HOLES, VOIDS, ZONEVOID, GALZONE, TRIANGLE, GALVIZ];
    let found = HDUS.iter().zip(texts).find(|(name, _)| name.eq_ignore_ascii_case(hdu));
    found.map(|(_, text)| Ok(Columns::new(parse_declarations(text)?))).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_of_the_release_are_known_by_name() {
        assert_eq!(published_rows("DESIVAST_BGS_VOLLIM_VoidFinder_SGC.fits"), [("MAXIMALS", 524), ("HOLES", 12_860)]);
        assert_eq!(published_rows("DESIVAST_BGS_VOLLIM_V2_VIDE_NGC.fits.gz").len(), 3);
        assert!(published_rows("v2_dr7_vide.fits.gz").is_empty());
    }

    #[test]
    fn every_table_has_the_columns_of_desivast() {
        // VOIDS has EDGE besides the 19 columns, which VAST writes where it does not compute areas.
        let counts = HDUS.map(|hdu| columns(hdu).unwrap().unwrap().len());
        assert_eq!(counts, [11, 5, 20, 3, 9, 13, 3]);
        assert!(columns("METADATA").unwrap().is_none());
        assert!(columns("galzone").unwrap().unwrap().get("ZONE").unwrap().nullable());
    }
}
