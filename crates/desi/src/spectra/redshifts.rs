//! Redshifts of targets: redrock files (REDSHIFTS, and ZBEST of old), redshift catalogues, quasar catalogues.

use std::collections::HashMap;
use std::path::Path;

use archive::fits::{FitsFile, Table};
use arrow::array::AsArray;

use crate::DesiError;

/// Table names that hold redshifts, in order of preference.
const TABLES: [&str; 4] = ["REDSHIFTS", "ZBEST", "ZCATALOG", "QSO_CAT"];

/// A target's redshift; what a table does not have is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetRedshift {
    /// TARGETID.
    pub target_id: i64,
    /// Z.
    pub redshift: f64,
    /// ZERR.
    pub redshift_error: Option<f64>,
    /// ZWARN bits.
    pub zwarn: Option<i64>,
    /// SPECTYPE (`QSO`, `GALAXY`, `STAR`), or CLASS.
    pub spectype: Option<String>,
    /// SUBTYPE.
    pub subtype: Option<String>,
    /// CHI2.
    pub chi2: Option<f64>,
    /// DELTACHI2.
    pub deltachi2: Option<f64>,
    /// TARGET_RA (or RA), ICRS degrees.
    pub ra_deg: Option<f64>,
    /// TARGET_DEC (or DEC), ICRS degrees.
    pub dec_deg: Option<f64>,
}

/// Reads all redshifts of a file, in its order. Memory: the columns asked for.
///
/// # Errors
/// When no table holds TARGETID and Z.
pub fn read_redshifts(path: &Path) -> Result<Vec<TargetRedshift>, DesiError> {
    let file = FitsFile::open(path)?;
    let table = match TABLES.iter().find(|name| file.has_table(name)) {
        Some(name) => file.table(name)?,
        None => file.first_table()?,
    };
    let (target_ids, redshifts) = (table.i64_column("TARGETID")?, table.f64_column("Z")?);
    let errors = optional_f64(&table, "ZERR")?;
    let (chi2, deltachi2) = (optional_f64(&table, "CHI2")?, optional_f64(&table, "DELTACHI2")?);
    let [ra, dec] = [["TARGET_RA", "RA"], ["TARGET_DEC", "DEC"]].map(|names| {
        names.into_iter().find(|name| table.has_column(name)).map_or(Ok(Vec::new()), |name| table.f64_column(name))
    });
    let (ra, dec) = (ra?, dec?);
    let zwarn = if table.has_column("ZWARN") { table.i64_column("ZWARN")? } else { Vec::new() };
    let (mut spectype, subtype) = (texts(&table, "SPECTYPE")?, texts(&table, "SUBTYPE")?);
    if spectype.is_empty() && table.name() == "QSO_CAT" {
        // A catalogue of quasars does not say so in every row.
        spectype = vec![Some("QSO".to_owned()); target_ids.len()];
    }
    let known = |values: &[f64], row: usize| values.get(row).copied().filter(|value| value.is_finite());
    let row = |(row, (target_id, redshift))| TargetRedshift {
        target_id,
        redshift,
        redshift_error: known(&errors, row),
        zwarn: zwarn.get(row).copied(),
        spectype: spectype.get(row).cloned().flatten(),
        subtype: subtype.get(row).cloned().flatten(),
        chi2: known(&chi2, row),
        deltachi2: known(&deltachi2, row),
        ra_deg: known(&ra, row),
        dec_deg: known(&dec, row),
    };
    let rows = target_ids.into_iter().zip(redshifts).enumerate().map(row);
    Ok(rows.filter(|target| target.redshift.is_finite()).collect())
}

/// The redshifts of a file by TARGETID; of several rows of one target the first.
///
/// # Errors
/// As [`read_redshifts`].
pub fn redshifts_by_target(path: &Path) -> Result<HashMap<i64, TargetRedshift>, DesiError> {
    let redshifts = read_redshifts(path)?;
    let mut found = HashMap::with_capacity(redshifts.len());
    for one in redshifts {
        found.entry(one.target_id).or_insert(one);
    }
    Ok(found)
}

fn optional_f64(table: &Table<'_>, name: &str) -> Result<Vec<f64>, DesiError> {
    if table.has_column(name) { Ok(table.f64_column(name)?) } else { Ok(Vec::new()) }
}

fn texts(table: &Table<'_>, name: &str) -> Result<Vec<Option<String>>, DesiError> {
    if !table.has_column(name) {
        return Ok(Vec::new());
    }
    let batch = table.read(&[name], 0..table.n_rows())?;
    let column = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8)
        .map_err(|source| DesiError::Columns { table: "redshifts", source })?;
    let text = column.as_string::<i32>();
    Ok(text.iter().map(|value| value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())).collect())
}
