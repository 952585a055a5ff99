//! Tables of a database back into an archive, as plain Parquet files: what a study with `postgres` as its input reads.
//!
//! Every table is compared with the checksum of its load on the way, so that what a study sees is what was loaded. A table
//! that was fetched before and was not loaded anew since is left alone. Memory: a few batches.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt as _;

use super::address::Address;
use super::checksum::Checksum;
use super::columns::{SqlColumn, SqlType, literal, quoted};
use super::connection::Database;
use super::copy::encode;
use super::decode::{Decoder, Wanted, natural_type};
use super::error::PostgresError;
use crate::columns::{DESCRIPTION, UCD, UNIT};
use crate::error::Error;
use crate::hats::{DESCRIBED, INDEX_COLUMN, PartitionWriter, plain_table_path, read_footer};
use crate::nearest_name;
use crate::progress::Progress;

/// Rows that are turned into Arrow columns at once.
const BATCH_ROWS: usize = 16_384;
/// Rows of a row group.
const ROW_GROUP_ROWS: usize = 65_536;
/// Key of the Parquet file's metadata under which it is kept which load a table comes from.
const FETCHED_FROM: &str = "astrolab.fetched_from";

/// A table that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fetched {
    /// Its name.
    pub table: String,
    /// Its file.
    pub path: PathBuf,
    /// Rows and checksum, those of the load.
    pub checksum: Checksum,
    /// It was there, from the same load.
    pub unchanged: bool,
}

/// Fetches tables that `data load` made, all of a schema where none is named, into an archive folder.
///
/// # Errors
/// [`PostgresError::NotLoaded`], [`PostgresError::Different`] where a table was changed since its load, or what the server or
/// the disk says. Tables appear whole or not at all.
pub fn fetch(
    address: &Address,
    schema: &str,
    tables: &[String],
    archive: &Path,
    progress: &dyn Progress,
) -> Result<Vec<Fetched>, PostgresError> {
    std::fs::create_dir_all(archive).map_err(Error::io("create the folder", archive))?;
    let database = Database::connect(address)?;
    // Rows come in the order in which they were loaded.
    database.execute("begin to fetch", "SET synchronize_seqscans = off; SET max_parallel_workers_per_gather = 0")?;
    let sql = format!(
        "SELECT table_name, fingerprint, source, row_count, checksum FROM astrolab.loads
         WHERE schema_name = {} AND table_oid = to_regclass(format('%I.%I', schema_name, table_name)) ORDER BY 1",
        literal(schema)
    );
    let loads: Vec<Load> = database.rows("list the loads", &sql)?.iter().filter_map(|row| Load::of(row)).collect();
    if let Some(wanted) = tables.iter().find(|wanted| !loads.iter().any(|load| load.table == **wanted)) {
        let present: Vec<String> = loads.iter().map(|load| load.table.clone()).collect();
        let nearest = nearest_name(wanted, present.iter().map(String::as_str));
        let (database, table) = (address.to_string(), format!("{schema}.{wanted}"));
        return Err(PostgresError::NotLoaded { database, table, nearest, present });
    }
    let wanted = loads.iter().filter(|load| tables.is_empty() || tables.contains(&load.table));
    wanted.map(|load| fetch_table(&database, schema, load, archive, progress)).collect()
}

/// What the books say of a table.
struct Load {
    table: String,
    fingerprint: String,
    source: String,
    checksum: Checksum,
}

impl Load {
    fn of(row: &[Option<String>]) -> Option<Self> {
        let [Some(table), Some(fingerprint), Some(source), Some(rows), Some(sum)] = row else { return None };
        let checksum = Checksum { rows: rows.parse().ok()?, sum: sum.parse().ok()? };
        Some(Self { table: table.clone(), fingerprint: fingerprint.clone(), source: source.clone(), checksum })
    }

    /// Names the content: the same rows give the same.
    fn made_from(&self) -> String {
        format!("{} {}", self.fingerprint, self.checksum)
    }
}

fn fetch_table(
    database: &Database,
    schema: &str,
    load: &Load,
    archive: &Path,
    progress: &dyn Progress,
) -> Result<Fetched, PostgresError> {
    let path = plain_table_path(archive, &load.table);
    let fetched =
        |unchanged| Fetched { table: load.table.clone(), path: path.clone(), checksum: load.checksum, unchanged };
    if path.exists() && is_from(&path, load)? {
        return Ok(fetched(true));
    }
    let (columns, fields) = columns(database, schema, &load.table)?;
    let arrow_schema: SchemaRef = Arc::new(Schema::new(fields));
    let mut writer = PartitionWriter::plain(&path, &arrow_schema, ROW_GROUP_ROWS)?;
    progress.begin(&format!("fetch {}", load.table), load.checksum.rows, "rows");
    let sum = copy_out(database, &select(schema, &load.table, &columns), &columns, &arrow_schema, &mut |batch| {
        writer.write(batch)?;
        progress.advance(batch.num_rows() as u64);
        Ok(())
    });
    progress.end();
    let sum = sum?;
    if sum != load.checksum {
        let (sent, found) = (load.checksum.to_string(), sum.to_string());
        return Err(PostgresError::Changed { table: format!("{schema}.{}", load.table), sent, found });
    }
    writer.note(FETCHED_FROM, &load.made_from());
    writer.note(DESCRIBED, &load.source);
    writer.finish()?;
    Ok(fetched(false))
}

fn is_from(path: &Path, load: &Load) -> Result<bool, PostgresError> {
    let (metadata, _) = read_footer(path)?;
    let notes = metadata.file_metadata().key_value_metadata();
    let from = notes.into_iter().flatten().find(|note| note.key == FETCHED_FROM).and_then(|note| note.value.as_deref());
    match from {
        Some(from) => Ok(from == load.made_from()),
        // Not ours to replace.
        None => Err(Error::Occupied { path: path.to_owned() }.into()),
    }
}

/// A table's columns as the server has them, and as the archive had them.
fn columns(database: &Database, schema: &str, table: &str) -> Result<(Vec<SqlColumn>, Vec<Field>), PostgresError> {
    let sql = format!(
        "SELECT c.column_name, c.archive_name, c.archive_type, c.unit, c.ucd, c.description, format_type(a.atttypid, -1), a.attnotnull
         FROM astrolab.columns c JOIN pg_attribute a ON a.attname = c.column_name AND a.attrelid = to_regclass(format('%I.%I', schema_name, table_name))
         WHERE schema_name = {} AND table_name = {} ORDER BY position",
        literal(schema),
        literal(table)
    );
    let mut columns = Vec::new();
    let mut fields = Vec::new();
    for row in database.rows("read the columns", &sql)? {
        let text = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
        let told = text(6);
        let element = told.strip_suffix("[]");
        let Some(sql_type) = SqlType::named(element.unwrap_or(&told)) else {
            let reason = format!("has type {told}, which the archive has not");
            return Err(PostgresError::Column { table: table.to_owned(), column: text(0), reason });
        };
        let wanted = Wanted { sql_type, list: element.is_some() };
        let data_type = DataType::from_str(&text(2)).unwrap_or_else(|_| natural_type(wanted));
        let said = [(UNIT, text(3)), (UCD, text(4)), (DESCRIPTION, text(5))];
        let said = said.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value));
        let nullable = text(7) != "t";
        fields.push(Field::new(text(1), data_type.clone(), nullable).with_metadata(said.collect()));
        columns.push(SqlColumn {
            archive_name: text(1),
            name: text(0),
            sql_type,
            list: wanted.list,
            nullable,
            archive_type: data_type,
            unit: text(3),
            ucd: text(4),
            description: text(5),
        });
    }
    Ok((columns, fields))
}

/// Galaxies by their place on the sky, as in an archive; other tables as they were loaded.
fn select(schema: &str, table: &str, columns: &[SqlColumn]) -> String {
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    let has = |wanted: &str| columns.iter().any(|column| column.name == wanted);
    let order = match (has(INDEX_COLUMN), has("targetid")) {
        (true, true) => format!(" ORDER BY {}, targetid", quoted(INDEX_COLUMN)),
        (true, false) => format!(" ORDER BY {}", quoted(INDEX_COLUMN)),
        (false, _) => String::new(),
    };
    let (schema, table) = (quoted(schema), quoted(table));
    format!("COPY (SELECT {} FROM {schema}.{table}{order}) TO STDOUT (FORMAT binary)", names.join(", "))
}

/// Runs the copy, hands its rows on in batches and computes their checksum.
fn copy_out(
    database: &Database,
    sql: &str,
    columns: &[SqlColumn],
    schema: &SchemaRef,
    each: &mut dyn FnMut(&RecordBatch) -> Result<(), PostgresError>,
) -> Result<Checksum, PostgresError> {
    const ACTION: &str = "fetch rows";
    let failed = |error: tokio_postgres::Error| PostgresError::from_driver(ACTION, &error);
    let malformed = |reason: &str| PostgresError::Lost { action: ACTION.to_owned(), reason: reason.to_owned() };
    let wanted: Vec<Wanted> =
        columns.iter().map(|column| Wanted { sql_type: column.sql_type, list: column.list }).collect();
    let mut decoder = Decoder::new(&wanted);
    let mut sum = Checksum::default();
    let mut scratch = Vec::new();
    let mut hand_on = |decoder: &mut Decoder| -> Result<(), PostgresError> {
        let batch = batch(decoder.take(), schema)?;
        scratch.clear();
        encode(&batch, columns, &mut scratch, &mut sum).map_err(|bad| malformed(bad.reason))?;
        each(&batch)
    };
    let stream = database.wait(database.client.copy_out(sql)).map_err(failed)?;
    let mut stream = std::pin::pin!(stream);
    while let Some(bytes) = database.wait(stream.next()) {
        decoder.feed(&bytes.map_err(failed)?).map_err(malformed)?;
        if decoder.rows >= BATCH_ROWS {
            hand_on(&mut decoder)?;
        }
    }
    if !decoder.ended {
        return Err(malformed("the copy ended early"));
    }
    hand_on(&mut decoder)?;
    Ok(sum)
}

/// Columns in the archive's types.
fn batch(arrays: Vec<arrow::array::ArrayRef>, schema: &SchemaRef) -> Result<RecordBatch, PostgresError> {
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    let arrays =
        arrays.iter().zip(schema.fields()).map(|(array, field)| cast_with_options(array, field.data_type(), &exact));
    let place = Path::new("the database");
    let arrays = arrays.collect::<Result<Vec<_>, _>>().map_err(Error::arrow("read", place))?;
    Ok(RecordBatch::try_new(schema.clone(), arrays).map_err(Error::arrow("read", place))?)
}
