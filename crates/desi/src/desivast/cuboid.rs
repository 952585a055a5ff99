//! Void catalogues of a box, as found in simulations: DESIVAST's tables without what only a sky has.
//!
//! The same HDUs, column names and units as in a survey's file, but no `R`, `RA`, `DEC` and `REDSHIFT`, since a box has no
//! observer. The primary header has the box (`XMIN` to `ZMAX`, Mpc/h) and `PERIODIC` instead of survey limits.

use std::path::Path;

use archive::fits::{FitsFile, FitsWriter, Header};

use super::read::{drop_pseudo_zone, holes, maximals, memberships, optional_f64, pruning, tracers, triples};
use super::write::{
    AREA, LENGTH, OutColumn, hole_columns, integer, number, optional, table, tracer_columns, vector, with_pseudo_zone,
    write_surfaces, zone_columns,
};
use super::{Algorithm, Hole, Maximal, Surfaces, Tracer, ZoneMembership};
use crate::DesiError;

/// The box that was searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxLimits {
    /// Lowest corner, Mpc/h.
    pub low_mpc_h: [f64; 3],
    /// Highest corner, Mpc/h.
    pub high_mpc_h: [f64; 3],
    /// Whether opposite faces are the same place.
    pub periodic: bool,
}

/// A watershed void of a box (HDU `VOIDS`).
#[derive(Debug, Clone, PartialEq)]
pub struct BoxZoneVoid {
    /// Void identifier that `ZoneMembership` refers to.
    pub void: i64,
    /// Volume-weighted centre of the member cells, comoving Mpc/h.
    pub centre_mpc_h: [f64; 3],
    /// Effective radius, Mpc/h.
    pub radius_mpc_h: f64,
    /// The three semi-axis vectors of the ellipsoid, Mpc/h.
    pub axes_mpc_h: [[f64; 3]; 3],
    /// Outer surface, (Mpc/h)^2; `None` where surfaces were not computed.
    pub tot_area: Option<f64>,
    /// Part of the outer surface against cells that reach out of the box, (Mpc/h)^2; 0 in a periodic one.
    pub edge_area: Option<f64>,
}

/// The voids of a box.
#[derive(Debug, Clone, PartialEq)]
pub enum BoxVoids {
    /// VoidFinder's.
    Spheres {
        /// One row a void.
        maximals: Vec<Maximal>,
        /// The spheres whose unions are the voids.
        holes: Vec<Hole>,
    },
    /// The watershed's.
    Zones {
        /// Which pruning.
        algorithm: Algorithm,
        /// One row a void.
        voids: Vec<BoxZoneVoid>,
        /// One row a zone.
        zones: Vec<ZoneMembership>,
        /// One row a galaxy of the finder's input.
        tracers: Vec<Tracer>,
        /// Outer surfaces, in files that have them.
        surfaces: Option<Surfaces>,
    },
}

/// A void catalogue of a box.
#[derive(Debug, Clone, PartialEq)]
pub struct BoxCatalogue {
    /// The box.
    pub limits: BoxLimits,
    /// Its voids.
    pub voids: BoxVoids,
}

impl BoxCatalogue {
    /// The algorithm that made it.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match &self.voids {
            BoxVoids::Spheres { .. } => Algorithm::VoidFinder,
            BoxVoids::Zones { algorithm, .. } => *algorithm,
        }
    }
}

/// Writes a catalogue of a box. The file appears whole or not at all.
///
/// # Errors
/// [`DesiError::Fits`] where the file cannot be written.
pub fn write_box(path: impl AsRef<Path>, catalogue: &BoxCatalogue) -> Result<(), DesiError> {
    let mut file = FitsWriter::create(path)?;
    match &catalogue.voids {
        BoxVoids::Spheres { maximals, holes } => {
            file.primary(&primary(catalogue, maximals.len()))?;
            table(&mut file, "MAXIMALS", &maximal_columns(maximals), maximals)?;
            table(&mut file, "HOLES", &hole_columns(), holes)?;
        }
        BoxVoids::Zones { voids, zones, tracers, surfaces, .. } => {
            file.primary(&primary(catalogue, voids.len()))?;
            table(&mut file, "VOIDS", &void_columns(voids), voids)?;
            let (zones, pseudo_zone) = with_pseudo_zone(zones, tracers);
            table(&mut file, "ZONEVOID", &zone_columns(), &zones)?;
            table(&mut file, "GALZONE", &tracer_columns(tracers, pseudo_zone), tracers)?;
            if let Some(surfaces) = surfaces {
                write_surfaces(&mut file, surfaces)?;
            }
        }
    }
    Ok(file.finish()?)
}

/// Whether the primary header is that of a box.
pub(super) fn is_box(header: &Header) -> bool {
    header.get_bool("PERIODIC").is_some() && header.get_f64("XMIN").is_some()
}

/// Reads a catalogue of a box, as [`write_box`] wrote it; `None` where the file is a survey's.
///
/// # Errors
/// [`DesiError::Fits`] for an unreadable file or a missing column, [`DesiError::Catalogue`] for a header without the
/// box's corners.
pub fn read_box(path: impl AsRef<Path>) -> Result<Option<BoxCatalogue>, DesiError> {
    let file = FitsFile::open(path)?;
    if !is_box(file.primary()) {
        return Ok(None);
    }
    let corner = |names: [&str; 3]| -> Result<[f64; 3], DesiError> {
        let mut corner = [0.0; 3];
        for (value, name) in corner.iter_mut().zip(names) {
            *value = file.primary().get_f64(name).ok_or_else(|| DesiError::Catalogue {
                path: file.path().to_owned(),
                reason: format!("expected a number `{name}` in the primary header"),
            })?;
        }
        Ok(corner)
    };
    let limits = BoxLimits {
        low_mpc_h: corner(["XMIN", "YMIN", "ZMIN"])?,
        high_mpc_h: corner(["XMAX", "YMAX", "ZMAX"])?,
        periodic: file.primary().get_bool("PERIODIC").unwrap_or_default(),
    };
    if file.has_table("MAXIMALS") {
        let (maximals, holes) = (maximals(&file.table("MAXIMALS")?)?, holes(&file.table("HOLES")?)?);
        return Ok(Some(BoxCatalogue { limits, voids: BoxVoids::Spheres { maximals, holes } }));
    }
    let algorithm = pruning(&file)?;
    let voids = voids(&file)?;
    let mut zones = memberships(&file.table("ZONEVOID")?)?;
    let mut tracers = tracers(&file.table("GALZONE")?)?;
    drop_pseudo_zone(&mut zones, &mut tracers);
    let surfaces = if file.has_table("TRIANGLE") { Some(super::read::surfaces(&file)?) } else { None };
    Ok(Some(BoxCatalogue { limits, voids: BoxVoids::Zones { algorithm, voids, zones, tracers, surfaces } }))
}

fn voids(file: &FitsFile) -> Result<Vec<BoxZoneVoid>, DesiError> {
    let table = file.table("VOIDS")?;
    let axes = [["X1", "Y1", "Z1"], ["X2", "Y2", "Z2"], ["X3", "Y3", "Z3"]].map(|names| triples(&table, names));
    let [first, second, third] = axes;
    let axes = first?.into_iter().zip(second?).zip(third?).map(|((a, b), c)| [a, b, c]);
    let areas = optional_f64(&table, "TOT_AREA")?.into_iter().zip(optional_f64(&table, "EDGE_AREA")?);
    let places = table.i64_column("VOID")?.into_iter().zip(triples(&table, ["X", "Y", "Z"])?);
    let rows = places.zip(table.f64_column("RADIUS")?).zip(axes).zip(areas);
    Ok(rows
        .map(|((((void, centre_mpc_h), radius_mpc_h), axes_mpc_h), (tot_area, edge_area))| BoxZoneVoid {
            void,
            centre_mpc_h,
            radius_mpc_h,
            axes_mpc_h,
            tot_area,
            edge_area,
        })
        .collect())
}

fn primary(catalogue: &BoxCatalogue, voids: usize) -> Header {
    let mut header = Header::new();
    header.set("PRUNING", catalogue.algorithm().pruning(), "algorithm that made the catalogue");
    header.set("METRIC", "comoving", "distance metric");
    header.set("HP", 1.0, "reduced Hubble parameter h of the distances");
    let BoxLimits { low_mpc_h, high_mpc_h, periodic } = catalogue.limits;
    for (axis, name) in ["X", "Y", "Z"].iter().enumerate() {
        header.set(&format!("{name}MIN"), low_mpc_h[axis], "lowest corner of the box (Mpc/h)");
        header.set(&format!("{name}MAX"), high_mpc_h[axis], "highest corner of the box (Mpc/h)");
    }
    header.set("PERIODIC", periodic, "opposite faces are the same place");
    header.set("VOID", voids as i64, "number of voids");
    header
}

fn maximal_columns<'a>(maximals: &[Maximal]) -> Vec<OutColumn<'a, Maximal>> {
    let mut columns: Vec<OutColumn<'a, Maximal>> =
        vector(["X", "Y", "Z"], LENGTH, |row: &Maximal| row.centre_mpc_h).into();
    columns.extend([
        number("RADIUS", LENGTH, |row: &Maximal| row.radius_mpc_h),
        integer("VOID", |row: &Maximal| row.void),
        integer("EDGE", |row: &Maximal| row.edge),
    ]);
    if maximals.iter().all(|row| row.r_eff_mpc_h.is_some()) {
        columns.push(optional("R_EFF", LENGTH, |row: &Maximal| row.r_eff_mpc_h));
        columns.push(optional("R_EFF_UNCERT", LENGTH, |row: &Maximal| row.r_eff_uncert_mpc_h));
    }
    columns
}

fn void_columns<'a>(voids: &[BoxZoneVoid]) -> Vec<OutColumn<'a, BoxZoneVoid>> {
    let mut columns = vec![integer("VOID", |row: &BoxZoneVoid| row.void)];
    columns.extend(vector(["X", "Y", "Z"], LENGTH, |row: &BoxZoneVoid| row.centre_mpc_h));
    columns.push(number("RADIUS", LENGTH, |row: &BoxZoneVoid| row.radius_mpc_h));
    columns.extend(vector(["X1", "Y1", "Z1"], LENGTH, |row: &BoxZoneVoid| row.axes_mpc_h[0]));
    columns.extend(vector(["X2", "Y2", "Z2"], LENGTH, |row: &BoxZoneVoid| row.axes_mpc_h[1]));
    columns.extend(vector(["X3", "Y3", "Z3"], LENGTH, |row: &BoxZoneVoid| row.axes_mpc_h[2]));
    if voids.iter().any(|row| row.tot_area.is_some()) {
        columns.push(optional("TOT_AREA", AREA, |row: &BoxZoneVoid| row.tot_area));
        columns.push(optional("EDGE_AREA", AREA, |row: &BoxZoneVoid| row.edge_area));
    }
    columns
}
