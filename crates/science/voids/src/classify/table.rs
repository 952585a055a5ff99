//! Environments as an Arrow table, and their counts.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::{Classification, ClassifyError, Environment};

/// How many galaxies are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// By [`Environment::ALL`].
    pub by_environment: [usize; 4],
    /// Inside the volume and in a void, at the edge or not.
    pub in_void: usize,
    /// Inside the volume and within `R_eff` of a void's centre.
    pub spherical: usize,
}

impl Counts {
    /// Galaxies inside the survey volume.
    #[must_use]
    pub fn inside(&self) -> usize {
        self.by_environment[..3].iter().sum()
    }

    /// Share of the galaxies inside the volume that are in a void; `None` when none is inside.
    #[must_use]
    pub fn void_share(&self) -> Option<f64> {
        (self.inside() > 0).then(|| self.in_void as f64 / self.inside() as f64)
    }
}

impl Classification {
    /// Counts by environment.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for row in &self.rows {
            counts.by_environment[row.environment as usize] += 1;
            counts.in_void += usize::from(row.void().is_some());
            counts.spherical += usize::from(row.spherical);
        }
        counts
    }

    /// The columns of this algorithm, each name preceded by the catalogue's (`voidfinder_environment`, ...).
    #[must_use]
    pub fn columns(&self) -> Vec<(Field, ArrayRef)> {
        let rows = &self.rows;
        let inside = |environment: Environment| environment != Environment::Outside;
        let flag = |value: &dyn Fn(&super::Membership) -> bool| -> ArrayRef {
            Arc::new(rows.iter().map(|row| inside(row.environment).then(|| value(row))).collect::<BooleanArray>())
        };
        let environment = StringArray::from_iter_values(rows.iter().map(|row| row.environment.name()));
        let void: Int64Array = rows.iter().map(|row| row.void().map(i64::from)).collect();
        let nearest: Int64Array = rows.iter().map(|row| row.nearest().map(|(void, _)| i64::from(void))).collect();
        let distance: Float32Array = rows.iter().map(|row| row.nearest().map(|(_, distance)| distance)).collect();
        let ratio: Float32Array = rows
            .iter()
            .map(|row| {
                let (void, distance) = row.nearest()?;
                let radius = self.voids.voids.get(void as usize)?.r_eff_mpc_h;
                (radius > 0.0).then(|| (f64::from(distance) / radius) as f32)
            })
            .collect();
        let column = |name: &str, data: ArrayRef, unit: &str, ucd: &str, description: &str| {
            let metadata = [("unit", unit), ("ucd", ucd), ("description", description)];
            let metadata: HashMap<String, String> = metadata
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect();
            let name = format!("{}_{name}", self.voids.name());
            (
                Field::new(name, data.data_type().clone(), *data.data_type() != DataType::Utf8).with_metadata(metadata),
                data,
            )
        };
        vec![
            column(
                "environment",
                Arc::new(environment),
                "",
                "meta.code.class",
                "void, wall, edge or outside (the survey volume)",
            ),
            column(
                "void",
                Arc::new(void),
                "",
                "meta.id",
                "row, in the table of voids, of the void it is in; kept at the edge",
            ),
            column("nearest_void", Arc::new(nearest), "", "meta.id", "row of the void with the nearest centre"),
            column(
                "distance_mpc_h",
                Arc::new(distance),
                "Mpc/h",
                "phys.distance",
                "comoving distance to the nearest void's centre",
            ),
            column(
                "r_over_reff",
                Arc::new(ratio),
                "",
                "arith.ratio",
                "that distance in units of the void's effective radius",
            ),
            column(
                "spherical",
                flag(&|row| row.spherical),
                "",
                "meta.code",
                "within R_eff of any void's centre, the simple rule",
            ),
            column(
                "near_boundary",
                flag(&|row| row.near_boundary),
                "",
                "meta.code",
                "a point one margin away along an axis is outside",
            ),
            column(
                "edge_void",
                flag(&|row| row.edge_void),
                "",
                "meta.code",
                "its void, or its Voronoi cell, touches the survey edge",
            ),
        ]
    }
}

/// One table of several algorithms, after `leading` columns (identifiers, coordinates) of the same length.
///
/// # Errors
/// When the lengths differ.
pub fn environment_table(
    leading: Vec<(Field, ArrayRef)>,
    classifications: &[Classification],
) -> Result<RecordBatch, ClassifyError> {
    let columns = leading.into_iter().chain(classifications.iter().flat_map(Classification::columns));
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.unzip();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}
