//! The truth behind a simulated sky, as Parquet tables.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use archive::columns::Column;
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;

use super::{Environment, Galaxy, LightCone, TrueVoid};
use crate::DesiError;

/// Rows a batch.
const BATCH_ROWS: usize = 65_536;

type Described<'a, Row> = (Column, Box<dyn Fn(&[Row]) -> ArrayRef + 'a>);

/// Writes the true properties of every galaxy, in the order of their TARGETID, with the number of the void it is in.
pub(super) fn write_galaxies(path: &Path, galaxies: &[&Galaxy]) -> Result<(), DesiError> {
    write(path, "truth", &galaxy_columns(), galaxies)
}

/// Writes the true voids: number, largest sphere, number of spheres.
pub(super) fn write_voids(path: &Path, sky: &LightCone) -> Result<(), DesiError> {
    let voids: Vec<(i64, &TrueVoid)> = (0..).zip(&sky.voids).collect();
    write(path, "voids", &void_columns(), &voids)
}

fn number<'a, Row: 'a>(name: &str, unit: &str, text: &str, value: impl Fn(&Row) -> f64 + 'a) -> Described<'a, Row> {
    let values = move |rows: &[Row]| -> ArrayRef { Arc::new(Float64Array::from_iter_values(rows.iter().map(&value))) };
    (Column::new(name, text).with_unit(unit), Box::new(values))
}

fn integer<'a, Row: 'a>(name: &str, text: &str, value: impl Fn(&Row) -> Option<i64> + 'a) -> Described<'a, Row> {
    let values = move |rows: &[Row]| -> ArrayRef { Arc::new(Int64Array::from_iter(rows.iter().map(&value))) };
    (Column::new(name, text), Box::new(values))
}

fn flag<'a, Row: 'a>(name: &str, text: &str, value: impl Fn(&Row) -> bool + 'a) -> Described<'a, Row> {
    let values = move |rows: &[Row]| -> ArrayRef {
        Arc::new(BooleanArray::from(rows.iter().map(&value).collect::<Vec<bool>>()))
    };
    (Column::new(name, text), Box::new(values))
}

fn galaxy_columns<'a>() -> Vec<Described<'a, &'a Galaxy>> {
    vec![
        integer("TARGETID", "Unique target identifier", |g: &&Galaxy| Some(g.target_id)),
        number("TRUE_Z", "", "Cosmological redshift", |g: &&Galaxy| g.true_redshift),
        number("X", "Mpc/h", "Comoving position, towards RA 0 Dec 0", |g: &&Galaxy| g.position_mpc_h[0]),
        number("Y", "Mpc/h", "Comoving position, towards RA 90 Dec 0", |g: &&Galaxy| g.position_mpc_h[1]),
        number("Z", "Mpc/h", "Comoving position, towards Dec 90", |g: &&Galaxy| g.position_mpc_h[2]),
        flag("IN_VOID", "Inside the union of a void's holes", |g: &&Galaxy| g.environment == Environment::Void),
        integer("TRUE_VOID", "Void it is in, a row of voids.parquet", |g: &&Galaxy| g.void.map(i64::from)),
        flag("QUENCHED", "Truly quenched", |g: &&Galaxy| g.quenched),
        number("TRUE_LOGMSTAR", "log(solMass)", "True log stellar mass, h = 1", |g: &&Galaxy| g.true_log_mass.into()),
        number("TRUE_LOGSFR", "log(solMass/yr)", "True log star formation rate, h = 1", |g: &&Galaxy| {
            g.true_log_sfr.into()
        }),
        number("TRUE_DN4000", "", "True Dn4000", |g: &&Galaxy| g.true_dn4000.into()),
        number("TRUE_ABSMAG_R", "mag", "True absolute magnitude in r at z = 0.1, h = 1", |g: &&Galaxy| {
            g.absolute_r.into()
        }),
    ]
}

fn void_columns<'a>() -> Vec<Described<'a, (i64, &'a TrueVoid)>> {
    let axis = |name: &str, axis: usize| {
        number(name, "Mpc/h", "Centre of the largest sphere, comoving", move |row: &(i64, &TrueVoid)| {
            row.1.maximal.centre_mpc_h[axis]
        })
    };
    vec![
        integer("VOID", "Number of the void", |row: &(i64, &TrueVoid)| Some(row.0)),
        axis("X", 0),
        axis("Y", 1),
        axis("Z", 2),
        number("RADIUS", "Mpc/h", "Radius of the largest sphere", |row: &(i64, &TrueVoid)| row.1.maximal.radius_mpc_h),
        integer("HOLES", "Spheres whose union the void is", |row: &(i64, &TrueVoid)| Some(row.1.holes.len() as i64)),
    ]
}

fn write<Row>(path: &Path, table: &'static str, columns: &[Described<'_, Row>], rows: &[Row]) -> Result<(), DesiError> {
    let failed = |source| DesiError::Columns { table, source };
    let empty: Vec<ArrayRef> = columns.iter().map(|(_, values)| values(&[])).collect();
    let field = |((column, _), array): (&Described<'_, Row>, &ArrayRef)| -> Field {
        // Only the number of a void may be missing.
        column.clone().with_type(array.data_type().clone()).field().with_nullable(column.name == "TRUE_VOID")
    };
    let schema = Arc::new(Schema::new(columns.iter().zip(&empty).map(field).collect::<Vec<_>>()));
    let file = new_file(path)?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let parquet = |source| DesiError::Parquet { path: path.to_owned(), source };
    let mut writer = ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(parquet)?;
    for rows in rows.chunks(BATCH_ROWS) {
        let arrays = columns.iter().map(|(_, values)| values(rows)).collect();
        let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(failed)?;
        writer.write(&batch).map_err(parquet)?;
    }
    keep(writer.into_inner().map_err(parquet)?, path)
}

/// Writes some bytes as a file, whole or not at all.
pub(super) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), DesiError> {
    let mut file = new_file(path)?;
    file.write_all(bytes).map_err(|source| DesiError::Folder { path: path.to_owned(), source })?;
    keep(file, path)
}

/// A temporary file in the folder of `path`.
pub(super) fn new_file(path: &Path) -> Result<NamedTempFile, DesiError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Temporary files are private; the truth is as readable as any new file (the system takes the umask off).
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|source| DesiError::Folder { path: path.to_owned(), source })
}

/// Puts a temporary file in its place, all of it on disk.
pub(super) fn keep(file: NamedTempFile, path: &Path) -> Result<(), DesiError> {
    let kept = file.as_file().sync_all().and_then(|()| file.persist(path).map_err(|error| error.error));
    kept.map(|_| ()).map_err(|source| DesiError::Folder { path: path.to_owned(), source })
}
