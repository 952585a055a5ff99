//! Random catalogues: points that a survey would have seen, had its galaxies no clustering.

use std::path::Path;

use super::columns::{self, check, numbers};
use super::{ColumnNames, DEC, GalaxyTableError, RA, REDSHIFT};

/// One entry a random point in every column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RandomTable {
    /// ICRS right ascension, degrees.
    pub ra_deg: Vec<f64>,
    /// ICRS declination, degrees.
    pub dec_deg: Vec<f64>,
    /// Redshift, in catalogues that have one.
    pub redshift: Option<Vec<f64>>,
}

impl RandomTable {
    /// Reads a catalogue; its redshift may be absent.
    ///
    /// # Errors
    /// The file is not readable as FITS, Parquet or CSV, a column is missing, or a row has no finite direction.
    pub fn read(path: &Path, names: &ColumnNames) -> Result<Self, GalaxyTableError> {
        let (origin, table) = (path.display().to_string(), columns::open(path)?);
        let schema = table.schema();
        let ra = RA.need(&origin, &schema, names.ra.as_deref())?;
        let dec = DEC.need(&origin, &schema, names.dec.as_deref())?;
        let z = REDSHIFT.find(&origin, &schema, names.redshift.as_deref())?;
        let read = Self {
            ra_deg: numbers(&origin, &table, &ra)?,
            dec_deg: numbers(&origin, &table, &dec)?,
            redshift: z.as_deref().map(|name| numbers(&origin, &table, name)).transpose()?,
        };
        let right = |value: f64| value.abs() <= 360.0;
        check((&origin, &ra), &read.ra_deg, "a right ascension of -360 to 360 degrees", right)?;
        check((&origin, &dec), &read.dec_deg, "a declination of -90 to 90 degrees", |value| value.abs() <= 90.0)?;
        if let (Some(name), Some(values)) = (&z, &read.redshift) {
            check((&origin, name), values, "a finite redshift above -1", |value| value.is_finite() && value > -1.0)?;
        }
        Ok(read)
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ra_deg.len()
    }

    /// Whether there are no points.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ra_deg.is_empty()
    }
}
