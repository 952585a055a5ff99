//! Galaxy catalogues from files: position and redshift, and what else a finder or a classification can use.
//!
//! Reads FITS (the first binary table), Parquet, CSV with a header line, and rows that an archive answered. Columns are
//! taken by name in any case, or as named. Nothing is computed here; rows that cannot be placed on the sky (or in a box,
//! [`BoxTable`]) are errors, not guesses.

mod cartesian;
mod columns;
mod randoms;

pub use cartesian::BoxTable;
pub use randoms::RandomTable;

use std::path::Path;

use archive::fits::FitsError;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use columns::{Role, check, integers, numbers};

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
pub const MEASUREMENTS: [&str; 6] = ["LOGMSTAR", "SFR", "DN4000", "RMAG", "KCORR_R", "ABSMAG_R"];

/// Which columns to read; where a name is `None` the usual ones are tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames {
    /// Right ascension; else `RA`, `TARGET_RA`, `RAJ2000`.
    pub ra: Option<String>,
    /// Declination; else `DEC`, `TARGET_DEC`, `DEJ2000`.
    pub dec: Option<String>,
    /// Redshift; else `Z`, `REDSHIFT`. In a box the third coordinate; else `Z`.
    pub redshift: Option<String>,
    /// First coordinate in a box; else `X`.
    pub x: Option<String>,
    /// Second coordinate in a box; else `Y`.
    pub y: Option<String>,
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
    #[error("cannot read galaxies from {origin}: {reason}")]
    Unreadable {
        /// The file, or what else the rows came from.
        origin: String,
        /// Why not.
        reason: String,
    },
    /// A column that is not there.
    #[error(
        "cannot find a column for {meaning} in {origin}: looked for {tried}; it has {present}\nhint: name it, for example `--columns {key}=NAME`"
    )]
    NoColumn {
        /// The file, or what else the rows came from.
        origin: String,
        /// What the column is for.
        meaning: &'static str,
        /// The key to name it by.
        key: &'static str,
        /// Names that were tried.
        tried: String,
        /// Names that are there.
        present: String,
    },
    /// Columns of the sky for galaxies in a box.
    #[error(
        "cannot place galaxies in a box by `{key}`\nhint: name their coordinates in Mpc/h: `--columns x=NAME,y=NAME,z=NAME`"
    )]
    SkyInBox {
        /// The key that was given.
        key: &'static str,
    },
    /// Columns of a box for galaxies on the sky.
    #[error("cannot place galaxies on the sky by `{key}`\nhint: coordinates in Mpc/h need their box: `--box SIDE`")]
    BoxOnSky {
        /// The key that was given.
        key: &'static str,
    },
    /// A value that is no place on the sky.
    #[error("cannot use column `{column}` of {origin}, row {row}: expected {expected}, found {found}")]
    Value {
        /// The file, or what else the rows came from.
        origin: String,
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
        Self::from_rows(&path.display().to_string(), &columns::open(path)?, names)
    }

    /// Names of the columns of `schema` that a finder reads: position, redshift, identifier, magnitude.
    ///
    /// # Errors
    /// A column is missing.
    pub fn columns(origin: &str, schema: &Schema, names: &ColumnNames) -> Result<Vec<String>, GalaxyTableError> {
        let Chosen { ra, dec, z, target, magnitude } = Chosen::new(origin, schema, names)?;
        Ok([ra, dec, z].into_iter().chain(target).chain(magnitude).collect())
    }

    /// Takes the galaxies of a table; `origin` names it in errors.
    ///
    /// # Errors
    /// A column is missing, or a row has no finite position in range.
    pub fn from_rows(origin: &str, table: &RecordBatch, names: &ColumnNames) -> Result<Self, GalaxyTableError> {
        let Chosen { ra, dec, z, target, magnitude } = Chosen::new(origin, &table.schema(), names)?;
        let mut measurements = Vec::new();
        for name in MEASUREMENTS {
            if table.column_by_name(name).is_some() {
                measurements.push((name, numbers(origin, table, name)?));
            }
        }
        let read = Self {
            measurements,
            ra_deg: numbers(origin, table, &ra)?,
            dec_deg: numbers(origin, table, &dec)?,
            redshift: numbers(origin, table, &z)?,
            target_id: target.map(|name| integers(origin, table, &name)).transpose()?,
            absolute_magnitude: magnitude.map(|name| numbers(origin, table, &name)).transpose()?,
        };
        let right = |value: f64| value.abs() <= 360.0;
        check((origin, &ra), &read.ra_deg, "a right ascension of -360 to 360 degrees", right)?;
        check((origin, &dec), &read.dec_deg, "a declination of -90 to 90 degrees", |value| value.abs() <= 90.0)?;
        let receding = |value: f64| value.is_finite() && value > -1.0;
        check((origin, &z), &read.redshift, "a finite redshift above -1", receding)?;
        Ok(read)
    }

    /// The galaxies whose directions (ICRS degrees) are `kept`, in the same order.
    #[must_use]
    pub fn restricted(&self, kept: impl Fn(f64, f64) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.len()).filter(|&row| kept(self.ra_deg[row], self.dec_deg[row])).collect();
        let take = |values: &Vec<f64>| rows.iter().map(|&row| values[row]).collect::<Vec<f64>>();
        Self {
            ra_deg: take(&self.ra_deg),
            dec_deg: take(&self.dec_deg),
            redshift: take(&self.redshift),
            target_id: self.target_id.as_ref().map(|ids| rows.iter().map(|&row| ids[row]).collect()),
            absolute_magnitude: self.absolute_magnitude.as_ref().map(take),
            measurements: self.measurements.iter().map(|(name, values)| (*name, take(values))).collect(),
        }
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

const RA: Role = Role { meaning: "right ascension", key: "ra", usual: &["RA", "TARGET_RA", "RAJ2000"] };
const DEC: Role = Role { meaning: "declination", key: "dec", usual: &["DEC", "TARGET_DEC", "DEJ2000"] };
const REDSHIFT: Role = Role { meaning: "redshift", key: "z", usual: &["Z", "REDSHIFT"] };
const TARGET: Role = Role { meaning: "identifier", key: "target", usual: &["TARGETID", "ID"] };
const MAGNITUDE: Role = Role { meaning: "absolute magnitude", key: "magnitude", usual: &[] };

/// The columns to read, by their names in the table.
struct Chosen {
    ra: String,
    dec: String,
    z: String,
    target: Option<String>,
    magnitude: Option<String>,
}

impl Chosen {
    fn new(origin: &str, schema: &Schema, names: &ColumnNames) -> Result<Self, GalaxyTableError> {
        if let Some(key) = [("x", &names.x), ("y", &names.y)].iter().find(|(_, name)| name.is_some()) {
            return Err(GalaxyTableError::BoxOnSky { key: key.0 });
        }
        let need = |role: &Role, named: &Option<String>| role.need(origin, schema, named.as_deref());
        Ok(Self {
            ra: need(&RA, &names.ra)?,
            dec: need(&DEC, &names.dec)?,
            z: need(&REDSHIFT, &names.redshift)?,
            target: TARGET.find(origin, schema, names.target.as_deref())?,
            magnitude: names.magnitude.as_deref().map(|name| MAGNITUDE.need(origin, schema, Some(name))).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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
