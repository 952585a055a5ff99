//! Catalogues of positions in a box, as simulations have them.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::columns::{self, Role, check, integers, numbers};
use super::{ColumnNames, GalaxyTableError, MAGNITUDE, TARGET};

const X: Role = Role { meaning: "the coordinate x", key: "x", usual: &["X"] };
const Y: Role = Role { meaning: "the coordinate y", key: "y", usual: &["Y"] };
const Z: Role = Role { meaning: "the coordinate z", key: "z", usual: &["Z"] };

/// Galaxies or haloes by their place, one entry each in every column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BoxTable {
    /// Comoving positions, Mpc/h.
    pub positions_mpc_h: Vec<[f64; 3]>,
    /// Unique identifier, where the catalogue has one.
    pub target_id: Option<Vec<i64>>,
    /// Absolute magnitude, where a column for it was named.
    pub absolute_magnitude: Option<Vec<f64>>,
}

impl BoxTable {
    /// Reads a catalogue.
    ///
    /// # Errors
    /// The file is not readable as FITS, Parquet or CSV, a column is missing, or a position is not finite.
    pub fn read(path: &Path, names: &ColumnNames) -> Result<Self, GalaxyTableError> {
        Self::from_rows(&path.display().to_string(), &columns::open(path)?, names)
    }

    /// Names of the columns of `schema` that [`Self::from_rows`] reads.
    ///
    /// # Errors
    /// A column is missing.
    pub fn columns(origin: &str, schema: &Schema, names: &ColumnNames) -> Result<Vec<String>, GalaxyTableError> {
        Ok(Chosen::new(origin, schema, names)?.all())
    }

    /// Takes the galaxies of a table; `origin` names it in errors.
    ///
    /// # Errors
    /// A column is missing, or a position is not finite.
    pub fn from_rows(origin: &str, table: &RecordBatch, names: &ColumnNames) -> Result<Self, GalaxyTableError> {
        let chosen = Chosen::new(origin, &table.schema(), names)?;
        let [x, y, z] = &chosen.axes;
        let read = |name: &String| -> Result<Vec<f64>, GalaxyTableError> {
            let values = numbers(origin, table, name)?;
            check((origin, name), &values, "a finite coordinate in Mpc/h", f64::is_finite)?;
            Ok(values)
        };
        let (x, y, z) = (read(x)?, read(y)?, read(z)?);
        Ok(Self {
            positions_mpc_h: x.into_iter().zip(y).zip(z).map(|((x, y), z)| [x, y, z]).collect(),
            target_id: chosen.target.map(|name| integers(origin, table, &name)).transpose()?,
            absolute_magnitude: chosen.magnitude.map(|name| numbers(origin, table, &name)).transpose()?,
        })
    }

    /// Number of galaxies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positions_mpc_h.len()
    }

    /// Whether there are no galaxies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions_mpc_h.is_empty()
    }
}

/// The columns to read, by their names in the table.
struct Chosen {
    axes: [String; 3],
    target: Option<String>,
    magnitude: Option<String>,
}

impl Chosen {
    fn new(origin: &str, schema: &Schema, names: &ColumnNames) -> Result<Self, GalaxyTableError> {
        if let Some(key) = [("ra", &names.ra), ("dec", &names.dec)].iter().find(|(_, name)| name.is_some()) {
            return Err(GalaxyTableError::SkyInBox { key: key.0 });
        }
        let need = |role: &Role, named: &Option<String>| role.need(origin, schema, named.as_deref());
        Ok(Self {
            axes: [need(&X, &names.x)?, need(&Y, &names.y)?, need(&Z, &names.redshift)?],
            target: TARGET.find(origin, schema, names.target.as_deref())?,
            magnitude: names.magnitude.as_deref().map(|name| MAGNITUDE.need(origin, schema, Some(name))).transpose()?,
        })
    }

    fn all(self) -> Vec<String> {
        self.axes.into_iter().chain(self.target).chain(self.magnitude).collect()
    }
}
