//! *Select*: the galaxies that take part, with their number at each cut.

use std::path::Path;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Float64Type;
use study::tables::Columns;

use super::{Settings, StudyError};
use crate::galaxies::{ColumnNames, GalaxyTable};

/// The sample and how it came about.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    /// One row a galaxy: `TARGETID` (where known), `RA`, `DEC`, `Z`, and population columns from an archive.
    pub(super) sample: RecordBatch,
    /// One row a cut: its words, galaxies left.
    pub(super) cuts: RecordBatch,
}

/// Takes the galaxies of a catalogue file that has positions and redshifts alone.
pub(super) fn from_file(path: &Path, settings: &Settings) -> Result<Selected, StudyError> {
    let table = GalaxyTable::read(path, &ColumnNames::default())?;
    let mut columns = Columns::new();
    if let Some(targets) = &table.target_id {
        columns = columns.integer("TARGETID", "", "unique target identifier", targets.iter().copied());
    }
    let mut columns = columns
        .float("RA", "deg", "right ascension, ICRS", table.ra_deg.iter().copied())
        .float("DEC", "deg", "declination, ICRS", table.dec_deg.iter().copied())
        .float("Z", "", "redshift", table.redshift.iter().copied());
    for (name, values) in &table.measurements {
        columns = columns.float(name, "", "as in the catalogue", values.iter().copied());
    }
    let all = columns.table()?;
    cut(all, "galaxies in the catalogue", settings)
}

/// Applies the cuts that every source shares, and counts.
pub(super) fn cut(all: RecordBatch, source: &str, settings: &Settings) -> Result<Selected, StudyError> {
    let mut steps = vec![(source.to_owned(), all.num_rows())];
    let [low, high] = settings.sample.redshift;
    let mut sample = within(&all, "Z", [low, high])?;
    steps.push((format!("redshift {low} to {high}"), sample.num_rows()));
    if sample.column_by_name("LOGMSTAR").is_some() {
        let [low, high] = settings.sample.log_mass;
        sample = within(&sample, "LOGMSTAR", [low, high])?;
        steps.push((format!("log stellar mass {low} to {high}"), sample.num_rows()));
    }
    if sample.num_rows() == 0 {
        return Err(StudyError::EmptySample {
            cuts: steps.into_iter().map(|(cut, left)| format!("{cut}: {left}")).collect(),
        });
    }
    let cuts = Columns::new()
        .text("cut", "", "what was asked", steps.iter().map(|(cut, _)| cut.as_str()))
        .integer("galaxies", "", "galaxies left", steps.iter().map(|(_, left)| *left as i64))
        .table()?;
    Ok(Selected { sample, cuts })
}

/// The rows whose value lies in a range, both ends included; nulls and NaN do not. Limits are compared in single
/// precision, in which most catalogues store redshifts, so that a galaxy at the limit is not lost to rounding.
fn within(table: &RecordBatch, column: &str, [low, high]: [f64; 2]) -> Result<RecordBatch, StudyError> {
    let values = floats(table, column)?;
    let kept: BooleanArray = values
        .iter()
        .map(|value| Some(value.is_some_and(|v| v as f32 >= low as f32 && v as f32 <= high as f32)))
        .collect();
    Ok(filter_record_batch(table, &kept)?)
}

/// A column of 64-bit floats.
pub(super) fn floats<'a>(table: &'a RecordBatch, column: &str) -> Result<&'a arrow::array::Float64Array, StudyError> {
    table
        .column_by_name(column)
        .and_then(|array| array.as_primitive_opt::<Float64Type>())
        .ok_or_else(|| StudyError::NoColumn { column: column.to_owned() })
}

/// The `TARGETID`s, where the sample has them.
pub(super) fn targets(table: &RecordBatch) -> Option<arrow::array::Int64Array> {
    table
        .column_by_name("TARGETID")?
        .as_primitive_opt::<arrow::datatypes::Int64Type>()
        .filter(|ids| ids.null_count() == 0)
        .cloned()
}
