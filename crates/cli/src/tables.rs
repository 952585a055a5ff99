//! Result tables of a command: into a file by its ending, or as text.

use std::path::Path;

use anyhow::Result;
use arrow::array::RecordBatch;
use study::tables::{write_csv, write_parquet};

/// Writes a table as CSV where the file's name ends in `.csv`, else as Parquet.
pub(crate) fn write(path: &Path, table: &RecordBatch) -> Result<()> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) {
        write_csv(path, table)?;
    } else {
        write_parquet(path, table)?;
    }
    Ok(())
}

/// A table as lines of JSON, one a row.
pub(crate) fn json_lines(table: RecordBatch) -> Result<String> {
    let mut bytes = Vec::new();
    archive::output::json(&mut bytes, std::iter::once(Ok(table)))?;
    Ok(String::from_utf8(bytes)?)
}

/// A table as one JSON array of its rows.
pub(crate) fn json_array(table: RecordBatch) -> Result<String> {
    let rows = json_lines(table)?;
    let rows: Vec<serde_json::Value> = rows.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok(format!("{}\n", serde_json::to_string_pretty(&rows)?))
}
