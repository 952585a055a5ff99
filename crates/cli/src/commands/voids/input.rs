//! Where the galaxies of `voids find` come from: a file, or rows of an archive.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use archive::sql::SessionSettings;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use clap::Args;
use study::digest::{sha256, sha256_of_file};
use voids::galaxies::{BoxTable, ColumnNames, GalaxyTable, GalaxyTableError};

use super::columns::column_names;

/// A catalogue of galaxies: exactly one of a file, a table and a statement.
#[derive(Debug, Args)]
pub(super) struct GalaxyInput {
    /// Galaxies: FITS, Parquet or CSV with right ascension, declination (degrees, ICRS) and redshift, or with --box x, y
    /// and z.
    #[arg(required_unless_present_any = ["table", "query"])]
    galaxies: Option<PathBuf>,
    /// Folder of an archive to take the galaxies from.
    #[arg(long, value_name = "DIR", env = "ASTROLAB_ARCHIVE")]
    archive: Option<PathBuf>,
    /// Its table with the galaxies; rows without a position are left out.
    #[arg(long, value_name = "NAME", requires = "archive", conflicts_with_all = ["query", "galaxies"])]
    table: Option<String>,
    /// A SELECT whose rows are the galaxies.
    #[arg(long, value_name = "SQL", requires = "archive", conflicts_with = "galaxies")]
    query: Option<String>,
    /// Names of columns, such as ra=ALPHA,dec=DELTA,z=ZCMB,magnitude=MR, or with --box x=X,y=Y,z=Z.
    #[arg(long, value_name = "KEY=NAME,..", value_parser = column_names)]
    columns: Option<ColumnNames>,
}

/// What was read, for the manifest.
#[derive(Debug, serde::Serialize)]
pub(super) struct Input {
    /// The file, or the folder of the archive.
    pub(super) path: PathBuf,
    /// What an archive was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    sql: Option<String>,
    /// Of the file, or of the rows that the archive answered.
    sha256: String,
    pub(super) galaxies: usize,
}

impl GalaxyInput {
    /// Whether a magnitude column was named.
    pub(super) fn has_magnitude(&self) -> bool {
        self.columns.as_ref().is_some_and(|names| names.magnitude.is_some())
    }

    /// The file's name without its endings, or the table's name.
    pub(super) fn stem(&self) -> String {
        match (&self.galaxies, &self.table) {
            (Some(path), _) => stem(path),
            (None, Some(table)) => table.clone(),
            (None, None) => "query".to_owned(),
        }
    }

    /// Galaxies on the sky.
    pub(super) fn on_sky(&self) -> Result<(GalaxyTable, Input)> {
        let (table, input) = self.read(&GalaxyTable::read, &GalaxyTable::from_rows, &GalaxyTable::columns)?;
        let galaxies = table.len();
        Ok((table, Input { galaxies, ..input }))
    }

    /// Galaxies in a box.
    pub(super) fn in_box(&self) -> Result<(BoxTable, Input)> {
        let (table, input) = self.read(&BoxTable::read, &BoxTable::from_rows, &BoxTable::columns)?;
        let galaxies = table.len();
        Ok((table, Input { galaxies, ..input }))
    }

    fn read<T>(
        &self,
        file: &dyn Fn(&Path, &ColumnNames) -> Result<T, GalaxyTableError>,
        rows: &dyn Fn(&str, &RecordBatch, &ColumnNames) -> Result<T, GalaxyTableError>,
        columns: &dyn Fn(&str, &Schema, &ColumnNames) -> Result<Vec<String>, GalaxyTableError>,
    ) -> Result<(T, Input)> {
        let names = self.columns.clone().unwrap_or_default();
        if let Some(path) = &self.galaxies {
            let table = file(path, &names)?;
            let sha256 = sha256_of_file(path)?;
            return Ok((table, Input { path: path.clone(), sql: None, sha256, galaxies: 0 }));
        }
        let Some(folder) = &self.archive else {
            bail!("cannot tell which galaxies to read\nhint: name a file, or `--archive DIR --table NAME`");
        };
        let (origin, from) = match (&self.table, &self.query) {
            (Some(table), _) => (format!("table `{table}` of {}", folder.display()), quoted(table)),
            (None, Some(query)) => {
                (format!("the query to {}", folder.display()), format!("({})", query.trim().trim_end_matches(';')))
            }
            (None, None) => bail!("cannot read galaxies from an archive without `--table NAME` or `--query SQL`"),
        };
        let session = crate::session::open(folder, SessionSettings::default())?;
        let schema = session.stream(&format!("SELECT * FROM {from} AS galaxies LIMIT 0"))?.schema().clone();
        let chosen = columns(&origin, &schema, &names)?;
        let sql = statement(&from, &chosen, self.table.is_some());
        let answer = session.stream(&sql)?;
        let schema = answer.schema().clone();
        let batches = answer.collect::<Result<Vec<_>, _>>()?;
        let batch = concat_batches(&schema, &batches).context("cannot join the archive's answer")?;
        let sha256 = digest(&batch)?;
        let table = rows(&origin, &batch, &names)?;
        Ok((table, Input { path: folder.clone(), sql: Some(sql), sha256, galaxies: 0 }))
    }
}

/// Asks for the columns, in the order of their values, so that the same rows come in the same order on any number of
/// threads. Of a table the rows with a place; a statement has its own conditions.
fn statement(from: &str, chosen: &[String], is_table: bool) -> String {
    let columns: Vec<String> = chosen.iter().map(|name| quoted(name)).collect();
    let placed = columns.iter().take(3).map(|name| format!("{name} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
    let condition = if is_table { format!(" WHERE {placed}") } else { String::new() };
    // The identifier, where there is one, comes after the three coordinates.
    let mut order = columns.clone();
    let identified = order.len().min(4);
    order[..identified].rotate_right(1);
    format!("SELECT {} FROM {from} AS galaxies{condition} ORDER BY {}", columns.join(", "), order.join(", "))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// SHA-256 of the rows as CSV: the same for the same values, however the archive stores them.
fn digest(batch: &RecordBatch) -> Result<String> {
    let mut bytes = Vec::new();
    archive::output::csv(&mut bytes, &batch.schema(), std::iter::once(Ok(batch.clone())))?;
    Ok(sha256(&bytes))
}

/// A file's name without its endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}
