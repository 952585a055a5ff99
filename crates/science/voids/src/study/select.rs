//! *Select*: the galaxies that take part, with their number at each cut.

use std::path::Path;
use std::sync::Arc;

use archive::Tables;
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Float64Type, Int64Type, Schema};
use study::tables::{Columns, described};

use super::settings::GalaxySource;
use super::{OpenArchive, Settings, StudyError};
use crate::finders::FinderSettings;
use crate::galaxies::{ColumnNames, GalaxyTable};

/// The sample and how it came about.
#[derive(Debug, Clone)]
pub(super) struct Selected {
    /// One row a galaxy: `TARGETID` (where known), `RA`, `DEC`, `Z`, and population columns from an archive.
    pub(super) sample: RecordBatch,
    /// One row a cut: its words, galaxies left.
    pub(super) cuts: RecordBatch,
}

/// The identifier, which a table may lack.
const TARGET: &str = "TARGETID";
/// Position (ICRS, degrees) and redshift.
const PLACE: [&str; 3] = ["RA", "DEC", "Z"];
/// Columns of populations that an archive may have, beside position and redshift.
const MEASURED: [&str; 6] = ["LOGMSTAR", "SFR", "DN4000", "RMAG", "KCORR_R", MAGNITUDE];
/// Absolute magnitude in r, h = 1.
pub(super) const MAGNITUDE: &str = "ABSMAG_R";
/// Limits of redshift asked of an archive are this much wider, relatively: those of the study are in single precision.
const ROUNDING: f64 = 1e-6;

/// The galaxies of the study, wherever they come from. The archive is opened only here and in [`tracers`].
pub(super) fn sample(settings: &Settings, open: OpenArchive<'_>) -> Result<Selected, StudyError> {
    match &settings.inputs.galaxies {
        GalaxySource::File(path) => from_file(path, settings),
        GalaxySource::Archive { folder, table } => from_archive(&*open(folder)?, table, settings),
    }
}

/// The galaxies among which finders look for tracers: those that meet the conditions, between two redshifts.
pub(super) fn tracers(
    settings: &Settings,
    finder: &FinderSettings,
    open: OpenArchive<'_>,
) -> Result<GalaxyTable, StudyError> {
    match &settings.inputs.galaxies {
        GalaxySource::File(path) => {
            let magnitude = finder.magnitude_limit.map(|_| MAGNITUDE.to_owned());
            Ok(GalaxyTable::read(path, &ColumnNames { magnitude, ..ColumnNames::default() })?)
        }
        GalaxySource::Archive { folder, table } => {
            let archive = open(folder)?;
            let known = Known::of(&*archive, table)?;
            let condition = known.within_redshift(&settings.sample.conditions, finder.redshift);
            let all = known.gather(&*archive, table, &condition)?;
            let values = |name: &str| -> Result<Vec<f64>, StudyError> {
                Ok(floats(&all, name)?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
            };
            let absolute_magnitude = finder.magnitude_limit.filter(|_| all.column_by_name(MAGNITUDE).is_some());
            Ok(GalaxyTable {
                ra_deg: values("RA")?,
                dec_deg: values("DEC")?,
                redshift: values("Z")?,
                target_id: targets(&all).map(|ids| ids.values().to_vec()),
                absolute_magnitude: absolute_magnitude.map(|_| values(MAGNITUDE)).transpose()?,
                measurements: Vec::new(),
            })
        }
    }
}

/// Takes the galaxies of an archive that meet the conditions, and counts what each of these leaves.
fn from_archive(archive: &dyn Tables, table: &str, settings: &Settings) -> Result<Selected, StudyError> {
    let conditions = &settings.sample.conditions;
    let known = Known::of(archive, table)?;
    let mut counts = vec!["count(*)".to_owned()];
    let mut met = vec![known.with_positions()];
    for condition in conditions {
        met.push(format!("({condition})"));
        counts.push(format!("count(*) FILTER (WHERE {})", met.join(" AND ")));
    }
    let named: Vec<String> = counts.iter().enumerate().map(|(at, count)| format!("{count} AS c{at}")).collect();
    let answer = archive.query(&format!("SELECT {} FROM \"{table}\"", named.join(", ")))?;
    let count = |at: usize| -> usize {
        let number = answer.first().and_then(|batch| batch.column(at).as_primitive_opt::<Int64Type>().cloned());
        number.filter(|number| !number.is_empty()).map_or(0, |number| usize::try_from(number.value(0)).unwrap_or(0))
    };
    let mut steps = vec![(format!("galaxies in `{table}` of the archive"), count(0))];
    steps.extend(conditions.iter().enumerate().map(|(at, condition)| (condition.clone(), count(at + 1))));
    let all = known.gather(archive, table, &known.within_redshift(conditions, settings.sample.redshift))?;
    cut(all, steps, settings)
}

/// The columns of a table that a study uses: by which name the study knows each, and by which the table.
struct Known {
    columns: Vec<(&'static str, String)>,
}

impl Known {
    /// Looks for them in any case; position and redshift must be there.
    fn of(archive: &dyn Tables, table: &str) -> Result<Self, StudyError> {
        let quoted = table.replace('\'', "''");
        let sql = format!("SELECT column_name FROM information_schema.columns WHERE table_name = '{quoted}'");
        let mut present: Vec<String> = Vec::new();
        for batch in archive.query(&sql)? {
            let names = arrow::compute::cast(batch.column(0), &DataType::Utf8)?;
            present.extend(names.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        let named = |wanted: &str| {
            let exact = present.iter().find(|name| *name == wanted);
            exact.or_else(|| present.iter().find(|name| name.eq_ignore_ascii_case(wanted))).cloned()
        };
        let mut columns = Vec::new();
        for wanted in [TARGET].into_iter().chain(PLACE).chain(MEASURED) {
            match named(wanted) {
                Some(name) => columns.push((wanted, name)),
                None if PLACE.contains(&wanted) => {
                    return Err(StudyError::TableColumn { table: table.to_owned(), column: wanted });
                }
                None => {}
            }
        }
        Ok(Self { columns })
    }

    /// A column's name in the table, quoted for SQL.
    fn quoted(&self, wanted: &str) -> String {
        let name = self.columns.iter().find(|(known, _)| *known == wanted).map_or(wanted, |(_, name)| name);
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn with_positions(&self) -> String {
        PLACE.map(|name| format!("{} IS NOT NULL", self.quoted(name))).join(" AND ")
    }

    fn within_redshift(&self, conditions: &[String], [low, high]: [f64; 2]) -> String {
        let (low, high) = (low * (1.0 - ROUNDING), high * (1.0 + ROUNDING));
        let z = self.quoted("Z");
        let range = format!("{} AND {z} >= {low:?} AND {z} <= {high:?}", self.with_positions());
        conditions.iter().fold(range, |met, condition| format!("{met} AND ({condition})"))
    }

    /// The rows that meet a condition, in the order of their identifiers (where there are any) and positions.
    fn gather(&self, archive: &dyn Tables, table: &str, condition: &str) -> Result<RecordBatch, StudyError> {
        let mut asked = Vec::new();
        let mut fields = Vec::new();
        for (name, _) in &self.columns {
            let (sql_type, data_type, meaning) = match *name {
                TARGET => ("BIGINT", DataType::Int64, "unique target identifier"),
                _ => ("DOUBLE", DataType::Float64, "as in the archive"),
            };
            asked.push(format!("CAST({} AS {sql_type}) AS \"{name}\"", self.quoted(name)));
            fields.push(described(name, "", meaning, data_type));
        }
        let known = |name: &&str| self.columns.iter().any(|(known, _)| known == name);
        let order: Vec<String> =
            [TARGET].into_iter().chain(PLACE).filter(known).map(|name| self.quoted(name)).collect();
        let (asked, order) = (asked.join(", "), order.join(", "));
        let batches = archive.query(&format!("SELECT {asked} FROM \"{table}\" WHERE {condition} ORDER BY {order}"))?;
        let schema = Arc::new(Schema::new(fields));
        let same = |batch: RecordBatch| RecordBatch::try_new(schema.clone(), batch.columns().to_vec());
        let batches = batches.into_iter().map(same).collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&schema, &batches)?)
    }
}

/// Takes the galaxies of a catalogue file.
fn from_file(path: &Path, settings: &Settings) -> Result<Selected, StudyError> {
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
    let steps = vec![("galaxies in the catalogue".to_owned(), all.num_rows())];
    cut(all, steps, settings)
}

/// Applies the cuts that every source shares, and counts on from `steps`.
fn cut(all: RecordBatch, mut steps: Vec<(String, usize)>, settings: &Settings) -> Result<Selected, StudyError> {
    let [low, high] = settings.sample.redshift;
    let mut sample = within(&all, "Z", [low, high])?;
    steps.push((format!("redshift {low} to {high}"), sample.num_rows()));
    if sample.column_by_name("LOGMSTAR").is_some() {
        let [low, high] = settings.sample.log_mass;
        sample = within(&sample, "LOGMSTAR", [low, high])?;
        steps.push((format!("log stellar mass {low} to {high}"), sample.num_rows()));
    }
    if let Some(limit) = settings.sample.magnitude_limit {
        if sample.column_by_name(MAGNITUDE).is_none() {
            return Err(StudyError::NoMagnitude { limit });
        }
        sample = within(&sample, MAGNITUDE, [f64::NEG_INFINITY, limit])?;
        steps.push((format!("absolute magnitude {limit} or brighter"), sample.num_rows()));
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
    table.column_by_name("TARGETID")?.as_primitive_opt::<Int64Type>().filter(|ids| ids.null_count() == 0).cloned()
}
