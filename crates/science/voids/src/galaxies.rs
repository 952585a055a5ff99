//! Galaxy catalogues from files: position and redshift, and what else a finder or a classification can use.
//!
//! Reads FITS (the first binary table), Parquet and CSV with a header line. Columns are taken by name in any case, or as
//! named. Nothing is computed here; rows that cannot be placed on the sky are errors, not guesses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::fits::{FitsError, FitsFile};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type};

/// One entry a galaxy in every column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GalaxyTable {
    /// ICRS right ascension, degrees.
    pub ra_deg: Vec<f64>,
    /// ICRS declination, degrees, -90 to 90.
    pub dec_deg: Vec<f64>,
    /// Redshift.
    pub redshift: Vec<f64>,
    /// Unique identifier, where the catalogue has one.
    pub target_id: Option<Vec<i64>>,
    /// Absolute magnitude, where a column for it was named.
    pub absolute_magnitude: Option<Vec<f64>>,
    /// Measurements of populations that the catalogue has, by name (of [`MEASUREMENTS`]); null as NaN.
    pub measurements: Vec<(&'static str, Vec<f64>)>,
}

/// Columns of populations, read where they are there: log10 stellar mass (solar), star formation rate (solar masses a
/// year), Dn4000, apparent r magnitude (AB, dust-corrected) and its K-correction.
pub const MEASUREMENTS: [&str; 5] = ["LOGMSTAR", "SFR", "DN4000", "RMAG", "KCORR_R"];

/// Which columns to read; where a name is `None` the usual ones are tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames {
    /// Right ascension; else `RA`, `TARGET_RA`, `RAJ2000`.
    pub ra: Option<String>,
    /// Declination; else `DEC`, `TARGET_DEC`, `DEJ2000`.
    pub dec: Option<String>,
    /// Redshift; else `Z`, `REDSHIFT`.
    pub redshift: Option<String>,
    /// Identifier; else `TARGETID`, `ID` where present.
    pub target: Option<String>,
    /// Absolute magnitude; read only when named.
    pub magnitude: Option<String>,
}

/// A galaxy catalogue that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GalaxyTableError {
    /// The file is no readable FITS file.
    #[error(transparent)]
    Fits(#[from] FitsError),
    /// The file is no readable Parquet file.
    #[error(transparent)]
    Parquet(#[from] study::Error),
    /// The file cannot be read, or is none of the formats.
    #[error("cannot read galaxies from {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A column that is not there.
    #[error("cannot find a column for {meaning} in {}: looked for {tried}; it has {present}\nhint: name it, for example `--columns {key}=NAME`", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What the column is for.
        meaning: &'static str,
        /// The key to name it by.
        key: &'static str,
        /// Names that were tried.
        tried: String,
        /// Names that are there.
        present: String,
    },
    /// A value that is no place on the sky.
    #[error("cannot use column `{column}` of {}, row {row}: expected {expected}, found {found}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Row, counted from 0.
        row: usize,
        /// What was expected.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}

impl GalaxyTable {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// The file is not readable as FITS, Parquet or CSV, a column is missing, or a row has no finite position in range.
    pub fn read(path: &Path, names: &ColumnNames) -> Result<Self, GalaxyTableError> {
        let table = open(path)?;
        let find = |role: &Role, named: &Option<String>| role.find(path, &table, named.as_deref());
        let needed =
            |role: &Role, named: &Option<String>| find(role, named)?.ok_or_else(|| role.missing(path, &table, named));
        let (ra, dec, z) = (needed(&RA, &names.ra)?, needed(&DEC, &names.dec)?, needed(&REDSHIFT, &names.redshift)?);
        let target = match find(&TARGET, &names.target)? {
            Some(column) => Some(integers(path, &table, &column)?),
            None => None,
        };
        let absolute_magnitude = match &names.magnitude {
            Some(_) => Some(numbers(path, &table, &needed(&MAGNITUDE, &names.magnitude)?)?),
            None => None,
        };
        let mut measurements = Vec::new();
        for name in MEASUREMENTS {
            if table.column_by_name(name).is_some() {
                measurements.push((name, numbers(path, &table, name)?));
            }
        }
        let read = Self {
            measurements,
            ra_deg: numbers(path, &table, &ra)?,
            dec_deg: numbers(path, &table, &dec)?,
            redshift: numbers(path, &table, &z)?,
            target_id: target,
            absolute_magnitude,
        };
        let check = |column: &str, values: &[f64], expected, good: &dyn Fn(f64) -> bool| match values
            .iter()
            .position(|value| !good(*value))
        {
            None => Ok(()),
            Some(row) => {
                let found = values[row].to_string();
                Err(GalaxyTableError::Value { path: path.to_owned(), column: column.to_owned(), row, expected, found })
            }
        };
        check(&ra, &read.ra_deg, "a right ascension of -360 to 360 degrees", &|value| value.abs() <= 360.0)?;
        check(&dec, &read.dec_deg, "a declination of -90 to 90 degrees", &|value| value.abs() <= 90.0)?;
        check(&z, &read.redshift, "a finite redshift above -1", &|value| value.is_finite() && value > -1.0)?;
        Ok(read)
    }

    /// Number of galaxies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ra_deg.len()
    }

    /// Whether there are no galaxies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ra_deg.is_empty()
    }
}

/// What a column is for, and the names it usually has.
struct Role {
    meaning: &'static str,
    key: &'static str,
    usual: &'static [&'static str],
}

const RA: Role = Role { meaning: "right ascension", key: "ra", usual: &["RA", "TARGET_RA", "RAJ2000"] };
const DEC: Role = Role { meaning: "declination", key: "dec", usual: &["DEC", "TARGET_DEC", "DEJ2000"] };
const REDSHIFT: Role = Role { meaning: "redshift", key: "z", usual: &["Z", "REDSHIFT"] };
const TARGET: Role = Role { meaning: "identifier", key: "target", usual: &["TARGETID", "ID"] };
const MAGNITUDE: Role = Role { meaning: "absolute magnitude", key: "magnitude", usual: &[] };

impl Role {
    /// The column's name as the table writes it; an error where a name was given that is not there.
    fn find(&self, path: &Path, table: &RecordBatch, named: Option<&str>) -> Result<Option<String>, GalaxyTableError> {
        let schema = table.schema();
        let present = |name: &str| {
            schema
                .fields()
                .iter()
                .find(|field| field.name().eq_ignore_ascii_case(name))
                .map(|field| field.name().clone())
        };
        match named {
            Some(name) => present(name).map(Some).ok_or_else(|| self.missing(path, table, &Some(name.to_owned()))),
            None => Ok(self.usual.iter().find_map(|name| present(name))),
        }
    }

    fn missing(&self, path: &Path, table: &RecordBatch, named: &Option<String>) -> GalaxyTableError {
        let schema = table.schema();
        let present: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).take(30).collect();
        GalaxyTableError::NoColumn {
            path: path.to_owned(),
            meaning: self.meaning,
            key: self.key,
            tried: named.clone().unwrap_or_else(|| self.usual.join(", ")),
            present: present.join(", "),
        }
    }
}

/// Reads the whole table, whatever its format: the bytes decide between FITS and Parquet, all else is taken as CSV.
fn open(path: &Path) -> Result<RecordBatch, GalaxyTableError> {
    let unreadable = |reason: String| GalaxyTableError::Unreadable { path: path.to_owned(), reason };
    let mut start = [0_u8; 4];
    let mut file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let length = std::io::Read::read(&mut file, &mut start).map_err(|error| unreadable(error.to_string()))?;
    match &start[..length] {
        b"SIMP" | [0x1f, 0x8b, ..] => Ok(FitsFile::open(path)?.first_table()?.read(&[], 0..usize::MAX)?),
        b"PAR1" => Ok(study::tables::read_parquet(path)?),
        _ => csv(path).map_err(unreadable),
    }
}

fn csv(path: &Path) -> Result<RecordBatch, String> {
    use arrow::csv::reader::Format;
    let open = || std::fs::File::open(path).map_err(|error| error.to_string());
    let format = Format::default().with_header(true);
    let (schema, _) = format
        .infer_schema(open()?, Some(10_000))
        .map_err(|error| format!("expected FITS, Parquet or CSV: {error}"))?;
    let schema = Arc::new(schema);
    let reader = arrow::csv::ReaderBuilder::new(schema.clone())
        .with_format(format)
        .build(open()?)
        .map_err(|error| error.to_string())?;
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    concat_batches(&schema, &batches).map_err(|error| error.to_string())
}

fn numbers(path: &Path, table: &RecordBatch, name: &str) -> Result<Vec<f64>, GalaxyTableError> {
    let array = typed(path, table, name, &DataType::Float64)?;
    Ok(array.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

fn integers(path: &Path, table: &RecordBatch, name: &str) -> Result<Vec<i64>, GalaxyTableError> {
    let array = typed(path, table, name, &DataType::Int64)?;
    let values = array.as_primitive::<Int64Type>();
    let missing = |row: usize| GalaxyTableError::Value {
        path: path.to_owned(),
        column: name.to_owned(),
        row,
        expected: "an integer",
        found: "none".to_owned(),
    };
    values.iter().enumerate().map(|(row, value)| value.ok_or_else(|| missing(row))).collect()
}

fn typed(path: &Path, table: &RecordBatch, name: &str, to: &DataType) -> Result<Arc<dyn Array>, GalaxyTableError> {
    let unreadable = |reason: String| GalaxyTableError::Unreadable { path: path.to_owned(), reason };
    let column = table.column_by_name(name).ok_or_else(|| unreadable(format!("column `{name}` vanished")))?;
    if !column.data_type().is_numeric() {
        return Err(unreadable(format!("expected one number a row in column `{name}`, found {}", column.data_type())));
    }
    cast(column, to).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn csv_with_usual_names_is_read_without_a_mapping() {
        let (_folder, path) =
            written("g.csv", "targetid,ra,dec,z\n39627000000000001,10.5,-3.25,0.1\n2,359.0,80.0,0.2\n");
        let table = GalaxyTable::read(&path, &ColumnNames::default()).unwrap();
        assert_eq!(table.target_id, Some(vec![39_627_000_000_000_001, 2]));
        assert_eq!(
            (table.ra_deg, table.dec_deg, table.redshift),
            (vec![10.5, 359.0], vec![-3.25, 80.0], vec![0.1, 0.2])
        );
    }

    #[test]
    fn a_missing_column_and_a_bad_row_say_where() {
        let (_folder, path) = written("g.csv", "right_ascension,dec,z\n10.0,0.0,0.1\n");
        let error = GalaxyTable::read(&path, &ColumnNames::default()).unwrap_err().to_string();
        assert!(
            error.contains("right ascension") && error.contains("right_ascension") && error.contains("--columns ra="),
            "{error}"
        );
        let (_folder, path) = written("g.csv", "ra,dec,z\n10.0,0.0,0.1\n11.0,91.0,0.1\n");
        let error = GalaxyTable::read(&path, &ColumnNames::default()).unwrap_err().to_string();
        assert!(error.contains("row 1") && error.contains("-90 to 90"), "{error}");
    }

    #[test]
    fn the_real_dr7_catalogue_is_read() {
        let Some(data) = testkit::real_data() else { return };
        let table = GalaxyTable::read(&data.join("voids/vollim_dr7_cbp_102709.fits"), &ColumnNames::default()).unwrap();
        assert_eq!(table.len(), 120_606);
        assert!(table.target_id.is_none());
    }
}
