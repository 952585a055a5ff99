//! Writing void catalogues with DESIVAST's HDUs, column names, types and units.
//!
//! What differs from DESIVAST's own files: every HDU has checksums, `PRUNING` in the primary header names the
//! algorithm, processing keywords beyond the [`SurveyLimits`] are left out, and ZOBOV's
//! zero-radius void made of the pseudo-zone is not written. Column lists: DESIVAST v1.0 (arXiv:2411.00148).

use std::path::Path;
use std::sync::Arc;

use archive::fits::{FitsWriter, Header, TableWriter};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use super::{
    Algorithm, Hole, Maximal, SurfaceTriangle, Surfaces, SurveyLimits, Tracer, VoidCatalogue, VoidFinderCatalogue,
    ZoneCatalogue, ZoneMembership, ZoneVoid,
};
use crate::DesiError;
use crate::release::SIMULATED;

/// Rows turned into columns at once.
const BATCH_ROWS: usize = 65_536;

pub(super) const LENGTH: &str = "Mpc/h";
pub(super) const AREA: &str = "Mpc2/h2";
const ANGLE: &str = "deg";
const NO_UNIT: &str = "";

/// Writes a VoidFinder catalogue: HDUs `MAXIMALS` (with `R`, `RA`, `DEC` of the centre; `R_EFF` and `R_EFF_UNCERT` if
/// some void has them) and `HOLES`. The file appears whole or not at all.
///
/// # Errors
/// [`DesiError::Fits`] where the file cannot be written.
pub fn write_voidfinder(path: impl AsRef<Path>, catalogue: &VoidFinderCatalogue) -> Result<(), DesiError> {
    write_spheres(path.as_ref(), catalogue, primary(Algorithm::VoidFinder, &catalogue.limits, catalogue.maximals.len()))
}

/// Writes a catalogue of a simulated sky, whose primary header says so.
pub(crate) fn write_simulated(path: &Path, catalogue: &VoidCatalogue) -> Result<(), DesiError> {
    let said = |mut header: Header| {
        header.set(SIMULATED, true, "made by `astrolab data simulate`");
        header
    };
    match catalogue {
        VoidCatalogue::VoidFinder(found) => {
            write_spheres(path, found, said(primary(Algorithm::VoidFinder, &found.limits, found.maximals.len())))
        }
        VoidCatalogue::Zones(found) => {
            write_watershed(path, found, said(primary(found.algorithm, &found.limits, found.voids.len())))
        }
    }
}

fn write_spheres(path: &Path, catalogue: &VoidFinderCatalogue, header: Header) -> Result<(), DesiError> {
    let mut file = FitsWriter::create(path)?;
    file.primary(&header)?;
    table(&mut file, "MAXIMALS", &maximal_columns(&catalogue.maximals), &catalogue.maximals)?;
    table(&mut file, "HOLES", &hole_columns(), &catalogue.holes)?;
    Ok(file.finish()?)
}

/// Writes a watershed catalogue: HDUs `VOIDS`, `ZONEVOID`, `GALZONE` and, if the catalogue has surfaces, `TRIANGLE` and
/// `GALVIZ`. `TOT_AREA` and `EDGE_AREA` (or else `EDGE`) are written if some void has them, `TARGET` if every tracer
/// has one. As in DESIVAST the last row of `ZONEVOID` is the pseudo-zone of the cells without volume, numbered one
/// above the last zone; a tracer without zone belongs to it if it is on the edge and has -1 otherwise. [`read`] takes
/// the pseudo-zone away again. The file appears whole or not at all.
///
/// [`read`]: super::read
///
/// # Errors
/// [`DesiError::Fits`] where the file cannot be written.
pub fn write_zones(path: impl AsRef<Path>, catalogue: &ZoneCatalogue) -> Result<(), DesiError> {
    write_watershed(path.as_ref(), catalogue, primary(catalogue.algorithm, &catalogue.limits, catalogue.voids.len()))
}

fn write_watershed(path: &Path, catalogue: &ZoneCatalogue, header: Header) -> Result<(), DesiError> {
    let mut file = FitsWriter::create(path)?;
    file.primary(&header)?;
    table(&mut file, "VOIDS", &void_columns(&catalogue.voids), &catalogue.voids)?;
    let (zones, pseudo_zone) = with_pseudo_zone(&catalogue.zones, &catalogue.tracers);
    table(&mut file, "ZONEVOID", &zone_columns(), &zones)?;
    table(&mut file, "GALZONE", &tracer_columns(&catalogue.tracers, pseudo_zone), &catalogue.tracers)?;
    if let Some(surfaces) = &catalogue.surfaces {
        write_surfaces(&mut file, surfaces)?;
    }
    Ok(file.finish()?)
}

/// The zones with the pseudo-zone after them, and its number.
pub(super) fn with_pseudo_zone(zones: &[ZoneMembership], tracers: &[Tracer]) -> (Vec<ZoneMembership>, i64) {
    let last = zones.iter().map(|row| Some(row.zone)).chain(tracers.iter().map(|row| row.zone));
    let pseudo_zone = last.flatten().max().map_or(0, |zone| zone + 1);
    let mut zones = zones.to_vec();
    zones.push(ZoneMembership { zone: pseudo_zone, void0: None, void1: None });
    (zones, pseudo_zone)
}

impl Algorithm {
    /// The name in DESIVAST's file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::VoidFinder => "VoidFinder",
            Self::Vide => "V2_VIDE",
            Self::Zobov => "V2_ZOBOV",
            Self::Revolver => "V2_REVOLVER",
        }
    }

    /// The name in tables, columns and study files: lower case, without the family.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::VoidFinder => "voidfinder",
            Self::Vide => "vide",
            Self::Zobov => "zobov",
            Self::Revolver => "revolver",
        }
    }

    /// The value of `PRUNING` in the primary header.
    pub(super) fn pruning(self) -> &'static str {
        self.name().trim_start_matches("V2_")
    }
}

fn primary(algorithm: Algorithm, limits: &SurveyLimits, voids: usize) -> Header {
    let mut header = Header::new();
    header.set("PRUNING", algorithm.pruning(), "algorithm that made the catalogue");
    header.set("METRIC", "comoving", "distance metric");
    header.set("HP", 1.0, "reduced Hubble parameter h of the distances");
    header.set("OMEGAM", limits.omega_m, "matter density");
    header.set("DLIML", limits.distance_mpc_h[0], "lower distance limit (Mpc/h)");
    header.set("DLIMU", limits.distance_mpc_h[1], "upper distance limit (Mpc/h)");
    header.set("ZLIML", limits.redshift[0], "lower redshift limit");
    header.set("ZLIMU", limits.redshift[1], "upper redshift limit");
    header.set("VOID", voids as i64, "number of voids");
    header
}

type Getter<'a, Row, Value> = Box<dyn Fn(&Row) -> Value + 'a>;

/// How to get one column's value from a row; no value is NaN in a column of numbers.
enum Get<'a, Row> {
    Number(Getter<'a, Row, Option<f64>>),
    Integer(Getter<'a, Row, i64>),
}

pub(super) struct OutColumn<'a, Row> {
    name: &'static str,
    unit: &'static str,
    get: Get<'a, Row>,
}

pub(super) fn number<'a, Row>(
    name: &'static str,
    unit: &'static str,
    get: impl Fn(&Row) -> f64 + 'a,
) -> OutColumn<'a, Row> {
    OutColumn { name, unit, get: Get::Number(Box::new(move |row| Some(get(row)))) }
}

pub(super) fn optional<'a, Row>(
    name: &'static str,
    unit: &'static str,
    get: impl Fn(&Row) -> Option<f64> + 'a,
) -> OutColumn<'a, Row> {
    OutColumn { name, unit, get: Get::Number(Box::new(get)) }
}

pub(super) fn integer<'a, Row>(name: &'static str, get: impl Fn(&Row) -> i64 + 'a) -> OutColumn<'a, Row> {
    OutColumn { name, unit: NO_UNIT, get: Get::Integer(Box::new(get)) }
}

/// Three columns of a vector.
pub(super) fn vector<'a, Row>(
    names: [&'static str; 3],
    unit: &'static str,
    get: impl Fn(&Row) -> [f64; 3] + Copy + 'a,
) -> [OutColumn<'a, Row>; 3] {
    let [x, y, z] = names;
    [
        number(x, unit, move |row| get(row)[0]),
        number(y, unit, move |row| get(row)[1]),
        number(z, unit, move |row| get(row)[2]),
    ]
}

/// The file's -1 for none.
pub(super) fn index(index: Option<i64>) -> i64 {
    index.unwrap_or(-1)
}

fn maximal_columns<'a>(maximals: &[Maximal]) -> Vec<OutColumn<'a, Maximal>> {
    let distance = |centre: [f64; 3]| centre.iter().map(|x| x * x).sum::<f64>().sqrt();
    let mut columns: Vec<OutColumn<'a, Maximal>> =
        vector(["X", "Y", "Z"], LENGTH, |row: &Maximal| row.centre_mpc_h).into();
    columns.extend([
        number("RADIUS", LENGTH, |row: &Maximal| row.radius_mpc_h),
        integer("VOID", |row: &Maximal| row.void),
        integer("EDGE", |row: &Maximal| row.edge),
        number("R", LENGTH, move |row: &Maximal| distance(row.centre_mpc_h)),
        number("RA", ANGLE, |row: &Maximal| astro::sphere::ra_dec_deg(row.centre_mpc_h).0),
        number("DEC", ANGLE, |row: &Maximal| astro::sphere::ra_dec_deg(row.centre_mpc_h).1),
    ]);
    if maximals.iter().any(|row| row.r_eff_mpc_h.is_some()) {
        columns.push(optional("R_EFF", LENGTH, |row: &Maximal| row.r_eff_mpc_h));
        columns.push(optional("R_EFF_UNCERT", LENGTH, |row: &Maximal| row.r_eff_uncert_mpc_h));
    }
    columns
}

pub(super) fn hole_columns<'a>() -> Vec<OutColumn<'a, Hole>> {
    let mut columns: Vec<OutColumn<'a, Hole>> = vector(["X", "Y", "Z"], LENGTH, |row: &Hole| row.centre_mpc_h).into();
    columns.push(number("RADIUS", LENGTH, |row: &Hole| row.radius_mpc_h));
    columns.push(integer("VOID", |row: &Hole| row.void));
    columns
}

fn void_columns<'a>(voids: &[ZoneVoid]) -> Vec<OutColumn<'a, ZoneVoid>> {
    let mut columns = vec![integer("VOID", |row: &ZoneVoid| row.void)];
    columns.extend(vector(["X", "Y", "Z"], LENGTH, |row: &ZoneVoid| row.centre_mpc_h));
    columns.extend([
        number("REDSHIFT", NO_UNIT, |row: &ZoneVoid| row.redshift),
        number("RA", ANGLE, |row: &ZoneVoid| row.ra_deg),
        number("DEC", ANGLE, |row: &ZoneVoid| row.dec_deg),
        number("RADIUS", LENGTH, |row: &ZoneVoid| row.radius_mpc_h),
    ]);
    columns.extend(vector(["X1", "Y1", "Z1"], LENGTH, |row: &ZoneVoid| row.axes_mpc_h[0]));
    columns.extend(vector(["X2", "Y2", "Z2"], LENGTH, |row: &ZoneVoid| row.axes_mpc_h[1]));
    columns.extend(vector(["X3", "Y3", "Z3"], LENGTH, |row: &ZoneVoid| row.axes_mpc_h[2]));
    if voids.iter().any(|row| row.tot_area.is_some()) {
        columns.push(optional("TOT_AREA", AREA, |row: &ZoneVoid| row.tot_area));
        columns.push(optional("EDGE_AREA", AREA, |row: &ZoneVoid| row.edge_area));
    } else if voids.iter().any(|row| row.edge.is_some()) {
        columns.push(integer("EDGE", |row: &ZoneVoid| index(row.edge)));
    }
    columns
}

pub(super) fn zone_columns<'a>() -> Vec<OutColumn<'a, ZoneMembership>> {
    vec![
        integer("ZONE", |row: &ZoneMembership| row.zone),
        integer("VOID0", |row: &ZoneMembership| index(row.void0)),
        integer("VOID1", |row: &ZoneMembership| index(row.void1)),
    ]
}

pub(super) fn tracer_columns<'a>(tracers: &[Tracer], pseudo_zone: i64) -> Vec<OutColumn<'a, Tracer>> {
    let mut columns = vec![integer("GAL", |row: &Tracer| row.gal)];
    if tracers.iter().all(|row| row.target.is_some()) {
        columns.push(integer("TARGET", |row: &Tracer| index(row.target)));
    }
    columns.extend(vector(["X", "Y", "Z"], LENGTH, |row: &Tracer| row.position_mpc_h));
    columns.extend([
        integer("ZONE", move |row: &Tracer| row.zone.unwrap_or(if row.edge { pseudo_zone } else { -1 })),
        integer("DEPTH", |row: &Tracer| row.depth),
        integer("EDGE", |row: &Tracer| i64::from(row.edge)),
        integer("OUT", |row: &Tracer| i64::from(row.out)),
    ]);
    columns
}

pub(super) fn write_surfaces(file: &mut FitsWriter, surfaces: &Surfaces) -> Result<(), DesiError> {
    let mut columns = vec![integer("VOID", |row: &SurfaceTriangle| row.void)];
    columns.extend(vector(["N_X", "N_Y", "N_Z"], NO_UNIT, |row: &SurfaceTriangle| row.normal));
    columns.extend(vector(["P1_X", "P1_Y", "P1_Z"], LENGTH, |row: &SurfaceTriangle| row.corners_mpc_h[0]));
    columns.extend(vector(["P2_X", "P2_Y", "P2_Z"], LENGTH, |row: &SurfaceTriangle| row.corners_mpc_h[1]));
    columns.extend(vector(["P3_X", "P3_Y", "P3_Z"], LENGTH, |row: &SurfaceTriangle| row.corners_mpc_h[2]));
    table(file, "TRIANGLE", &columns, &surfaces.triangles)?;
    let columns = [
        integer("GID", |row: &super::SurfaceGalaxy| row.gal),
        integer("G2V", |row: &super::SurfaceGalaxy| index(row.void)),
        integer("G2V2", |row: &super::SurfaceGalaxy| index(row.other_void)),
    ];
    table(file, "GALVIZ", &columns, &surfaces.galaxies)
}

pub(super) fn table<Row>(
    file: &mut FitsWriter,
    name: &'static str,
    columns: &[OutColumn<'_, Row>],
    rows: &[Row],
) -> Result<(), DesiError> {
    let field = |column: &OutColumn<'_, Row>| {
        let data_type = match column.get {
            Get::Number(_) => DataType::Float64,
            Get::Integer(_) => DataType::Int64,
        };
        let field = Field::new(column.name, data_type, matches!(column.get, Get::Number(_)));
        if column.unit.is_empty() {
            return field;
        }
        field.with_metadata([("unit".to_owned(), column.unit.to_owned())].into())
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let mut writer = file.begin_table(name, &schema, &Header::new())?;
    for chunk in rows.chunks(BATCH_ROWS) {
        append(&mut writer, &schema, columns, chunk, name)?;
    }
    Ok(writer.end()?)
}

fn append<Row>(
    writer: &mut TableWriter<'_>,
    schema: &Arc<Schema>,
    columns: &[OutColumn<'_, Row>],
    rows: &[Row],
    name: &'static str,
) -> Result<(), DesiError> {
    let arrays = columns.iter().map(|column| match &column.get {
        Get::Number(get) => Arc::new(rows.iter().map(get).collect::<Float64Array>()) as ArrayRef,
        Get::Integer(get) => Arc::new(rows.iter().map(|row| Some(get(row))).collect::<Int64Array>()) as ArrayRef,
    });
    let batch = RecordBatch::try_new(Arc::clone(schema), arrays.collect())
        .map_err(|source| DesiError::Columns { table: name, source })?;
    Ok(writer.append(&batch)?)
}
