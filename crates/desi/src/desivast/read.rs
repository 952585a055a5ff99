//! Reading void catalogues: DESIVAST's files and those of VAST, whose column names are in lower case.

use std::path::Path;

use archive::fits::FitsFile;

use super::cuboid::is_box;
use super::source::Rows;
use super::{
    Algorithm, Hole, Maximal, SurfaceGalaxy, SurfaceTriangle, Surfaces, SurveyLimits, Tracer, VoidCatalogue,
    VoidFinderCatalogue, ZoneCatalogue, ZoneMembership, ZoneVoid,
};
use crate::DesiError;

/// Reads a void catalogue, gzipped or not. The kind comes from the HDUs (`MAXIMALS` or `VOIDS`), the pruning of a
/// watershed catalogue from `PRUNING` in the primary header, or else from the file name (`vide`, `zobov`, `revolver`,
/// in any case), which is the only place where other programs' files name it. Memory: the whole catalogue, about 150 bytes a tracer.
///
/// Tracers on the survey edge belong to a pseudo-zone: it is the last zone of `ZONEVOID`, and neither it nor a void
/// of radius 0 made of it is returned; its tracers have no zone, like those marked -1.
///
/// # Errors
/// [`DesiError::Fits`] for an unreadable file or a missing column, [`DesiError::Catalogue`] for a file without the
/// HDUs, the header keywords or the name of a void catalogue.
pub fn read(path: impl AsRef<Path>) -> Result<VoidCatalogue, DesiError> {
    let file = FitsFile::open(path)?;
    if is_box(file.primary()) {
        let reason = "expected voids of a survey, found those of a box, which have no place on the sky".to_owned();
        return Err(DesiError::Catalogue { path: file.path().to_owned(), reason });
    }
    let limits = limits(&file)?;
    if file.has_table("MAXIMALS") {
        let (maximals, holes) = (maximals(&file.table("MAXIMALS")?)?, holes(&file.table("HOLES")?)?);
        return Ok(VoidCatalogue::VoidFinder(VoidFinderCatalogue { limits, maximals, holes }));
    }
    if !file.has_table("VOIDS") {
        let reason = "expected an HDU `MAXIMALS` (VoidFinder) or `VOIDS` (watershed), found neither".to_owned();
        return Err(DesiError::Catalogue { path: file.path().to_owned(), reason });
    }
    let algorithm = pruning(&file)?;
    let tables = [file.table("VOIDS")?, file.table("ZONEVOID")?, file.table("GALZONE")?];
    let catalogue = zone_catalogue(algorithm, limits, [&tables[0], &tables[1], &tables[2]])?;
    let surfaces = if file.has_table("TRIANGLE") { Some(surfaces(&file)?) } else { None };
    Ok(VoidCatalogue::Zones(ZoneCatalogue { surfaces, ..catalogue }))
}

/// A watershed catalogue from the rows of `VOIDS`, `ZONEVOID` and `GALZONE`, without surfaces.
pub(super) fn zone_catalogue<R: Rows>(
    algorithm: Algorithm,
    limits: SurveyLimits,
    [of_voids, of_zones, of_tracers]: [&R; 3],
) -> Result<ZoneCatalogue, DesiError> {
    let voids = voids(of_voids)?;
    let (mut zones, mut tracers) = (memberships(of_zones)?, tracers(of_tracers)?);
    drop_pseudo_zone(&mut zones, &mut tracers);
    Ok(ZoneCatalogue { algorithm, limits, voids, zones, tracers, surfaces: None })
}

pub(super) fn pruning(file: &FitsFile) -> Result<Algorithm, DesiError> {
    let path = file.path();
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let card = file.primary().get_text("PRUNING").map(str::to_lowercase).unwrap_or_default();
    let known = [("vide", Algorithm::Vide), ("zobov", Algorithm::Zobov), ("revolver", Algorithm::Revolver)];
    let named = |text: &str| known.iter().find(|(word, _)| text.contains(word)).map(|&(_, algorithm)| algorithm);
    named(&card).or_else(|| named(&name)).ok_or_else(|| {
        let reason = "expected `VIDE`, `ZOBOV` or `REVOLVER` in the header keyword `PRUNING` or in the file name\n\
                      hint: neither says how the zones were joined"
            .to_owned();
        DesiError::Catalogue { path: path.to_owned(), reason }
    })
}

pub(super) fn limits(file: &FitsFile) -> Result<SurveyLimits, DesiError> {
    let number = |keyword: &str| {
        file.primary().get_f64(keyword).ok_or_else(|| DesiError::Catalogue {
            path: file.path().to_owned(),
            reason: format!("expected a number `{keyword}` in the primary header"),
        })
    };
    Ok(SurveyLimits {
        omega_m: number("OMEGAM")?,
        distance_mpc_h: [number("DLIML")?, number("DLIMU")?],
        redshift: [number("ZLIML")?, number("ZLIMU")?],
    })
}

/// Three columns as positions.
pub(super) fn triples<R: Rows>(table: &R, names: [&str; 3]) -> Result<Vec<[f64; 3]>, DesiError> {
    let [x, y, z] = names;
    let (x, y, z) = (table.f64_column(x)?, table.f64_column(y)?, table.f64_column(z)?);
    Ok(x.into_iter().zip(y).zip(z).map(|((x, y), z)| [x, y, z]).collect())
}

/// A column that older or other files lack: `None` in every row of those, and where it is null.
pub(super) fn optional_f64<R: Rows>(table: &R, name: &str) -> Result<Vec<Option<f64>>, DesiError> {
    if table.has_column(name) {
        return Ok(table.f64_column(name)?.into_iter().map(|value| (!value.is_nan()).then_some(value)).collect());
    }
    Ok(vec![None; table.n_rows()])
}

fn optional_i64<R: Rows>(table: &R, name: &str) -> Result<Vec<Option<i64>>, DesiError> {
    if table.has_column(name) {
        return Ok(table.i64_column(name)?.into_iter().map(Some).collect());
    }
    Ok(vec![None; table.n_rows()])
}

pub(super) fn maximals<R: Rows>(table: &R) -> Result<Vec<Maximal>, DesiError> {
    let centres = triples(table, ["X", "Y", "Z"])?;
    let (radii, void, edge) = (table.f64_column("RADIUS")?, table.i64_column("VOID")?, table.i64_column("EDGE")?);
    let (r_eff, uncert) = (optional_f64(table, "R_EFF")?, optional_f64(table, "R_EFF_UNCERT")?);
    let rows = centres.into_iter().zip(radii).zip(void.into_iter().zip(edge)).zip(r_eff.into_iter().zip(uncert));
    let maximal = |(((centre_mpc_h, radius_mpc_h), (void, edge)), (r_eff_mpc_h, r_eff_uncert_mpc_h))| Maximal {
        centre_mpc_h,
        radius_mpc_h,
        void,
        edge,
        r_eff_mpc_h,
        r_eff_uncert_mpc_h,
    };
    Ok(rows.map(maximal).collect())
}

pub(super) fn holes<R: Rows>(table: &R) -> Result<Vec<Hole>, DesiError> {
    let centres = triples(table, ["X", "Y", "Z"])?;
    let rows = centres.into_iter().zip(table.f64_column("RADIUS")?).zip(table.i64_column("VOID")?);
    Ok(rows.map(|((centre_mpc_h, radius_mpc_h), void)| Hole { centre_mpc_h, radius_mpc_h, void }).collect())
}

fn voids<R: Rows>(table: &R) -> Result<Vec<ZoneVoid>, DesiError> {
    let void = table.i64_column("VOID")?;
    let centres = triples(table, ["X", "Y", "Z"])?;
    let sky = triples(table, ["REDSHIFT", "RA", "DEC"])?;
    let radii = table.f64_column("RADIUS")?;
    let first = triples(table, ["X1", "Y1", "Z1"])?;
    let second = triples(table, ["X2", "Y2", "Z2"])?;
    let third = triples(table, ["X3", "Y3", "Z3"])?;
    let areas = optional_f64(table, "TOT_AREA")?.into_iter().zip(optional_f64(table, "EDGE_AREA")?);
    let flags = areas.zip(optional_i64(table, "EDGE")?);
    let axes = first.into_iter().zip(second).zip(third).map(|((a, b), c)| [a, b, c]);
    let places = void.into_iter().zip(centres).zip(sky).zip(radii);
    let rows = places.zip(axes).zip(flags);
    let all = rows.map(|(((((void, centre_mpc_h), sky), radius_mpc_h), axes_mpc_h), ((tot_area, edge_area), edge))| {
        let [redshift, ra_deg, dec_deg] = sky;
        ZoneVoid { void, centre_mpc_h, redshift, ra_deg, dec_deg, radius_mpc_h, axes_mpc_h, tot_area, edge_area, edge }
    });
    Ok(all.filter(|void| void.radius_mpc_h > 0.0).collect())
}

pub(super) fn memberships<R: Rows>(table: &R) -> Result<Vec<ZoneMembership>, DesiError> {
    let rows = table.i64_column("ZONE")?.into_iter().zip(table.i64_column("VOID0")?).zip(table.i64_column("VOID1")?);
    Ok(rows
        .map(|((zone, void0), void1)| ZoneMembership { zone, void0: present(void0), void1: present(void1) })
        .collect())
}

pub(super) fn tracers<R: Rows>(table: &R) -> Result<Vec<Tracer>, DesiError> {
    let gal = table.i64_column("GAL")?;
    let target = optional_i64(table, "TARGET")?;
    let positions = triples(table, ["X", "Y", "Z"])?;
    let (zone, depth) = (table.i64_column("ZONE")?, table.i64_column("DEPTH")?);
    let (edge, out) = (table.i64_column("EDGE")?, table.i64_column("OUT")?);
    let rows =
        gal.into_iter().zip(target).zip(positions).zip(zone.into_iter().zip(depth)).zip(edge.into_iter().zip(out));
    let tracer = |((((gal, target), position_mpc_h), (zone, depth)), (edge, out)): (_, (i64, i64))| Tracer {
        gal,
        target,
        position_mpc_h,
        zone: present(zone),
        depth,
        edge: edge != 0,
        out: out != 0,
    };
    Ok(rows.map(tracer).collect())
}

/// The last zone collects the cells without volume; it is one only if every tracer in it says so.
pub(super) fn drop_pseudo_zone(zones: &mut Vec<ZoneMembership>, tracers: &mut [Tracer]) {
    let Some(last) = zones.iter().map(|membership| membership.zone).max() else { return };
    if tracers.iter().any(|tracer| tracer.zone == Some(last) && !tracer.edge && !tracer.out) {
        return;
    }
    zones.retain(|membership| membership.zone != last);
    for tracer in tracers.iter_mut().filter(|tracer| tracer.zone == Some(last)) {
        tracer.zone = None;
    }
}

pub(super) fn surfaces(file: &FitsFile) -> Result<Surfaces, DesiError> {
    let table = file.table("TRIANGLE")?;
    let void = table.i64_column("VOID")?;
    let normals = triples(&table, ["N_X", "N_Y", "N_Z"])?;
    let first = triples(&table, ["P1_X", "P1_Y", "P1_Z"])?;
    let second = triples(&table, ["P2_X", "P2_Y", "P2_Z"])?;
    let third = triples(&table, ["P3_X", "P3_Y", "P3_Z"])?;
    let corners = first.into_iter().zip(second).zip(third).map(|((a, b), c)| [a, b, c]);
    let rows = void.into_iter().zip(normals).zip(corners);
    let triangles =
        rows.map(|((void, normal), corners_mpc_h)| SurfaceTriangle { void, normal, corners_mpc_h }).collect();
    let mut galaxies = Vec::new();
    if file.has_table("GALVIZ") {
        let table = file.table("GALVIZ")?;
        let rows = table.i64_column("GID")?.into_iter().zip(table.i64_column("G2V")?).zip(table.i64_column("G2V2")?);
        galaxies.extend(rows.map(|((gal, void), other)| SurfaceGalaxy {
            gal,
            void: present(void),
            other_void: present(other),
        }));
    }
    Ok(Surfaces { triangles, galaxies })
}

/// An index, where -1 means none.
fn present(index: i64) -> Option<i64> {
    (index >= 0).then_some(index)
}
