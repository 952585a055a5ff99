//! Void catalogues in an archive: the tables `desivast_<algorithm>_<hdu>`, both caps of a survey in each.
//!
//! A file's primary header has no place in a table: what is needed of it (limits of the survey, distance scale) is in
//! columns of `MAXIMALS` and `VOIDS` that are the same in every row of a cap.

use std::path::{Path, PathBuf};

use archive::columns::{Column, Columns, parse_declarations};
use archive::fits::FitsFile;
use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::source::{Rows, Stored};
use super::{Algorithm, SurveyLimits, VoidCatalogue, VoidFinderCatalogue, read};
use crate::DesiError;

/// The columns that come from the primary header, in the order of [`survey_constants`].
const SURVEY: &str = "
OMEGAM | f64 | -     | - | - | Matter density of the distance scale (flat)
DLIML  | f64 | Mpc/h | pos.distance;stat.min | - | Nearest comoving distance of the survey
DLIMU  | f64 | Mpc/h | pos.distance;stat.max | - | Furthest comoving distance of the survey
ZLIML  | f64 | -     | src.redshift;stat.min | - | Least redshift of the survey
ZLIMU  | f64 | -     | src.redshift;stat.max | - | Greatest redshift of the survey
";

/// The columns that tables of voids (`MAXIMALS`, `VOIDS`) have in an archive beside their own.
///
/// # Errors
/// [`DesiError::Archive`] where the committed declaration cannot be read: a fault of this crate.
pub fn survey_columns() -> Result<Columns, DesiError> {
    Ok(Columns::new(parse_declarations(SURVEY)?))
}

/// Name and value of these columns for the voids of one file.
///
/// # Errors
/// The file cannot be read, or its primary header lacks one of them.
pub fn survey_constants(file: &FitsFile) -> Result<Vec<(String, String)>, DesiError> {
    let SurveyLimits { omega_m, distance_mpc_h, redshift } = read::limits(file)?;
    let values = [omega_m, distance_mpc_h[0], distance_mpc_h[1], redshift[0], redshift[1]];
    let named = |(column, value): (&Column, f64)| (column.name.clone(), format!("{value:?}"));
    Ok(survey_columns()?.iter().zip(values).map(named).collect())
}

/// The tables of an archive that hold the voids of an algorithm, the one with the voids first.
#[must_use]
pub fn archived_tables(archive: &Path, algorithm: Algorithm) -> Vec<PathBuf> {
    let hdus: &[&str] = match algorithm {
        Algorithm::VoidFinder => &["maximals", "holes"],
        Algorithm::Vide | Algorithm::Zobov | Algorithm::Revolver => &["voids", "zonevoid", "galzone"],
    };
    let name = |hdu: &&str| archive.join(format!("desivast_{}_{hdu}.parquet", algorithm.word()));
    hdus.iter().map(name).collect()
}

/// Reads the voids of an algorithm from an archive: one catalogue a cap, without surfaces.
///
/// # Errors
/// [`DesiError::Catalogue`] for a table that is missing, lacks a column or cannot be read.
pub fn read_archived(archive: &Path, algorithm: Algorithm) -> Result<Vec<VoidCatalogue>, DesiError> {
    let tables: Vec<Stored> = archived_tables(archive, algorithm).into_iter().map(stored).collect::<Result<_, _>>()?;
    let caps: Vec<Vec<String>> = tables.iter().map(|table| table.text_column("CAP")).collect::<Result<_, _>>()?;
    let mut names: Vec<&String> = caps.first().into_iter().flatten().collect();
    names.sort_unstable();
    names.dedup();
    let catalogue = |cap: &&String| {
        let parts: Vec<Stored> = tables.iter().zip(&caps).map(|(table, caps)| of_cap(table, caps, cap)).collect();
        one_cap(algorithm, &parts)
    };
    names.iter().map(catalogue).collect()
}

fn one_cap(algorithm: Algorithm, parts: &[Stored]) -> Result<VoidCatalogue, DesiError> {
    match parts {
        [of_maximals, of_holes] => Ok(VoidCatalogue::VoidFinder(VoidFinderCatalogue {
            limits: limits(of_maximals)?,
            maximals: read::maximals(of_maximals)?,
            holes: read::holes(of_holes)?,
        })),
        [voids, zones, tracers] => {
            let catalogue = read::zone_catalogue(algorithm, limits(voids)?, [voids, zones, tracers])?;
            Ok(VoidCatalogue::Zones(catalogue))
        }
        _ => Err(DesiError::Catalogue { path: PathBuf::new(), reason: "expected two or three tables".to_owned() }),
    }
}

fn limits(voids: &Stored) -> Result<SurveyLimits, DesiError> {
    let first = |name: &str| -> Result<f64, DesiError> {
        let fault = || DesiError::Catalogue {
            path: voids.path.clone(),
            reason: format!("expected a number in column `{name}`\nhint: ingest the void catalogues again"),
        };
        if !voids.has_column(name) {
            return Err(fault());
        }
        voids.f64_column(name)?.first().copied().filter(|value| value.is_finite()).ok_or_else(fault)
    };
    Ok(SurveyLimits {
        omega_m: first("OMEGAM")?,
        distance_mpc_h: [first("DLIML")?, first("DLIMU")?],
        redshift: [first("ZLIML")?, first("ZLIMU")?],
    })
}

fn of_cap(table: &Stored, caps: &[String], cap: &str) -> Stored {
    let chosen: BooleanArray = caps.iter().map(|each| Some(each == cap)).collect();
    let rows = filter_record_batch(&table.rows, &chosen).unwrap_or_else(|_| table.rows.slice(0, 0));
    Stored { path: table.path.clone(), rows }
}

fn stored(path: PathBuf) -> Result<Stored, DesiError> {
    match rows_of(&path) {
        Ok(rows) => Ok(Stored { path, rows }),
        Err(reason) => Err(DesiError::Catalogue { path, reason }),
    }
}

fn rows_of(path: &Path) -> Result<RecordBatch, String> {
    let file = std::fs::File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            "the archive has no such table\nhint: put DESIVAST's files into it with `astrolab data ingest`".to_owned()
        }
        _ => error.to_string(),
    })?;
    let read = || -> Result<RecordBatch, parquet::errors::ParquetError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let schema = builder.schema().clone();
        let batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
        Ok(concat_batches(&schema, &batches)?)
    };
    read().map_err(|error| error.to_string())
}
