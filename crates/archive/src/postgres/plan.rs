//! What a load will do: the tables, their statements and the pieces in which they are sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::Schema;

use super::columns::{SqlColumn, checks, literal, primary_key, quoted};
use super::error::PostgresError;
use super::migrate::SkyIndex;
use crate::digest::{sha256, sha256_of_file};
use crate::error::Error;
use crate::hats::{Catalogue, INDEX_COLUMN, read_footer};
use crate::nearest_name;

/// The schema of tables on their way in.
pub(super) const STAGING: &str = "astrolab_staging";
/// More columns than this and a table is wide: its rows stay in Parquet but for those that the choice names.
const WIDE_COLUMNS: usize = 400;
/// Changes when the same archive would give another table.
const LAYOUT: u32 = 2;

/// What to load.
#[derive(Debug, Clone)]
pub struct LoadRequest {
    /// Folder of the archive.
    pub archive: PathBuf,
    /// The tables; all where none is named.
    pub tables: Vec<String>,
    /// Schema of the database.
    pub schema: String,
    /// Begins the names of the tables in the database; may be empty.
    pub prefix: String,
    /// Columns that are loaded of tables with more than 400: beginnings or ends of names, for example `_FLUX`. Identifiers,
    /// positions and the index are always loaded.
    pub hot: Vec<String>,
    /// Connections that copy at once.
    pub connections: usize,
    /// How often a broken connection is made again, with growing pauses, before the load ends.
    pub attempts: u32,
}

/// One table on its way.
#[derive(Debug, Clone)]
pub struct TablePlan {
    /// Schema it will be in.
    pub schema: String,
    /// Name, in lower case.
    pub name: String,
    /// What its source says of itself.
    pub source: String,
    /// Its columns.
    pub columns: Vec<SqlColumn>,
    /// Columns of the archive that are not loaded.
    pub left_out: usize,
    /// Its rows.
    pub rows: u64,
    /// Names the content: the archive's files, the columns and the layout.
    pub fingerprint: String,
    /// Its pieces, each copied in one transaction.
    pub pieces: Vec<Piece>,
}

/// A row group of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The file.
    pub path: Arc<PathBuf>,
    /// Row group, from 0.
    pub row_group: usize,
    /// Its rows.
    pub rows: u64,
}

/// Reads what the archive has and lays the load out.
///
/// # Errors
/// [`PostgresError::NoTable`], [`PostgresError::Column`], or what reading the archive says.
pub fn plan(request: &LoadRequest) -> Result<Vec<TablePlan>, PostgresError> {
    let catalogues = Catalogue::open_all(&request.archive)?;
    let present: Vec<String> = catalogues.iter().map(|catalogue| catalogue.name.clone()).collect();
    for wanted in &request.tables {
        if !present.contains(wanted) {
            let nearest = nearest_name(wanted, present.iter().map(String::as_str));
            let (archive, table) = (request.archive.clone(), wanted.clone());
            return Err(PostgresError::NoTable { archive, table, nearest, present });
        }
    }
    let wanted = |catalogue: &&Catalogue| request.tables.is_empty() || request.tables.contains(&catalogue.name);
    catalogues.iter().filter(wanted).map(|catalogue| TablePlan::of(catalogue, request)).collect()
}

impl TablePlan {
    fn of(catalogue: &Catalogue, request: &LoadRequest) -> Result<Self, PostgresError> {
        let schema = catalogue.schema.as_ref();
        let wide = schema.fields().len() > WIDE_COLUMNS;
        let loaded = schema.fields().iter().filter(|field| !wide || is_hot(field.name(), &request.hot));
        let loaded = Schema::new(loaded.cloned().collect::<Vec<_>>());
        let columns = SqlColumn::of_schema(&catalogue.name, &loaded)?;
        let left_out = schema.fields().len() - columns.len();
        let mut pieces = Vec::new();
        for file in &catalogue.partitions {
            let (metadata, _) = read_footer(&file.path)?;
            let path = Arc::new(file.path.clone());
            for (row_group, facts) in metadata.row_groups().iter().enumerate() {
                let rows = u64::try_from(facts.num_rows()).unwrap_or(0);
                pieces.push(Piece { path: path.clone(), row_group, rows });
            }
        }
        let mut content = format!("{LAYOUT} {} {} {:?}", request.schema, request.prefix, columns);
        if let Some(path) = identity(catalogue) {
            content.push_str(&sha256_of_file(&path).map_err(Error::io("read", &path))?);
        }
        Ok(Self {
            schema: request.schema.clone(),
            name: format!("{}{}", request.prefix, catalogue.name).to_lowercase(),
            source: catalogue.description.clone().unwrap_or_else(|| catalogue.name.clone()),
            left_out,
            rows: catalogue.rows,
            fingerprint: sha256(content.as_bytes()),
            pieces,
            columns,
        })
    }

    /// `"schema"."table"`.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    pub(super) fn staging(&self) -> String {
        format!("{}.{}", quoted(STAGING), quoted(&self.name))
    }

    /// Makes the staging table.
    pub(super) fn create(&self) -> String {
        let mut lines: Vec<String> = self.columns.iter().map(SqlColumn::definition).collect();
        let constraint =
            |(name, condition): (String, String)| format!("CONSTRAINT {} CHECK ({condition})", quoted(&name));
        lines.extend(checks(&self.columns).into_iter().map(constraint));
        let mut sql = format!("CREATE TABLE {} (\n    {}\n);\n", self.staging(), lines.join(",\n    "));
        let source = literal(&format!("{}; {} rows of the archive", self.source, self.rows));
        sql.push_str(&format!("COMMENT ON TABLE {} IS {source};\n", self.staging()));
        for column in &self.columns {
            if let Some(comment) = column.comment() {
                let (staging, name, text) = (self.staging(), quoted(&column.name), literal(&comment));
                sql.push_str(&format!("COMMENT ON COLUMN {staging}.{name} IS {text};\n"));
            }
        }
        sql
    }

    /// Whether its rows are found by their place on the sky, whatever order they are in.
    pub(super) fn is_on_the_sky(&self) -> bool {
        self.columns.iter().any(|column| column.name == INDEX_COLUMN)
    }

    pub(super) fn copy(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| quoted(&column.name)).collect();
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.staging(), names.join(", "))
    }

    pub(super) fn checksum(&self) -> String {
        checksum_sql(&self.staging())
    }

    /// Keys and indexes of the staging table, one statement each.
    pub(super) fn indexes(&self, sky: SkyIndex) -> Vec<String> {
        let staging = self.staging();
        let mut statements = Vec::new();
        let key: Vec<String> = primary_key(&self.columns).iter().map(|column| quoted(&column.name)).collect();
        if !key.is_empty() {
            statements.push(format!("ALTER TABLE {staging} ADD PRIMARY KEY ({})", key.join(", ")));
        }
        let index = |name: &str, what: &str| {
            format!("CREATE INDEX {} ON {staging} {what}", quoted(&format!("{}_{name}", self.name)))
        };
        let has = |name: &str| self.columns.iter().any(|column| column.name == name && !column.list);
        if has(INDEX_COLUMN) {
            statements.push(index("healpix", &format!("({})", quoted(INDEX_COLUMN))));
        }
        statements.extend(self.sky_index(&staging, sky).map(|(_, create)| create));
        for name in ["z", "redshift", "logmstar"] {
            if has(name) && (name != "z" || has("ra")) {
                statements.push(index(name, &format!("({name})")));
            }
        }
        if has("targetid") && !key.iter().any(|name| name == "\"targetid\"") {
            statements.push(index("targetid", "(targetid)"));
        }
        statements
    }

    /// The index of positions on a table that has them: its name, and what makes it.
    pub(super) fn sky_index(&self, table: &str, sky: SkyIndex) -> Option<(String, String)> {
        let has = |name: &str| self.columns.iter().any(|column| column.name == name && !column.list);
        let what = match sky {
            SkyIndex::Q3c => "(q3c_ang2ipix(ra, \"dec\"))",
            SkyIndex::PgSphere => "USING gist (spoint(radians(ra), radians(\"dec\")))",
            SkyIndex::Plain => "(\"dec\", ra)",
        };
        let name = format!("{}_sky", self.name);
        let create = format!("CREATE INDEX {} ON {table} {what}", quoted(&name));
        (has("ra") && has("dec")).then_some((name, create))
    }

    /// Puts the verified staging table in the place of the old one, in one transaction. Without a checksum nothing is noted as
    /// loaded: a replay of printed SQL brings no rows.
    pub(super) fn swap(&self, checksum: Option<&super::Checksum>) -> String {
        let (target, staging) = (self.target(), self.staging());
        let (schema, name) = (literal(&self.schema), literal(&self.name));
        let mut sql = format!("BEGIN;\nDROP TABLE IF EXISTS {target};\n");
        if self.schema != "data_quality" {
            sql.push_str(&format!("GRANT SELECT ON {staging} TO astrolab_reader;\n"));
        }
        sql.push_str(&format!(
            "GRANT SELECT ON {staging} TO astrolab_owner;\nALTER TABLE {staging} SET SCHEMA {};\n",
            quoted(&self.schema)
        ));
        for book in ["columns", "loads", "load_pieces"] {
            sql.push_str(&format!(
                "DELETE FROM astrolab.{book} WHERE schema_name = {schema} AND table_name = {name};\n"
            ));
        }
        let rows: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let table = literal(&self.name);
                let SqlColumn { name, archive_name, unit, ucd, description, archive_type, .. } = column;
                let archive_type = archive_type.to_string();
                let texts = [name, archive_name, unit, ucd, description, &archive_type].map(|text| literal(text));
                format!("({schema}, {table}, {}, {})", place + 1, texts.join(", "))
            })
            .collect();
        sql.push_str(&format!("INSERT INTO astrolab.columns VALUES\n{};\n", rows.join(",\n")));
        match checksum {
            Some(super::Checksum { rows, sum }) => sql.push_str(&format!(
                "INSERT INTO astrolab.loads (schema_name, table_name, source, fingerprint, row_count, checksum, table_oid)\n    VALUES ({schema}, {name}, {}, '{}', {rows}, {sum}, {}::regclass);\n",
                literal(&self.source),
                self.fingerprint,
                literal(&target),
            )),
            None => sql.push_str("-- and a row of astrolab.loads: source, rows and checksum\n"),
        }
        sql + "COMMIT;"
    }

    /// Everything that loading it runs, for people to read. Where rows would come there is a remark, so that psql can replay it
    /// and makes empty tables.
    #[must_use]
    pub fn sql(&self, sky: SkyIndex) -> String {
        let mut text = format!(
            "-- {}: {} rows in {} pieces, {} columns",
            self.target(),
            self.rows,
            self.pieces.len(),
            self.columns.len()
        );
        if self.left_out > 0 {
            text.push_str(&format!(" ({} more stay in Parquet)", self.left_out));
        }
        text.push_str(&format!("\n{}-- for every piece: {}\n-- {};\n", self.create(), self.copy(), self.checksum()));
        for statement in self.indexes(sky) {
            text.push_str(&format!("{statement};\n"));
        }
        text.push_str(&format!("ANALYZE {};\n{}\n", self.staging(), self.swap(None)));
        text
    }
}

/// Rows and checksum of a table, for the server.
pub(super) fn checksum_sql(table: &str) -> String {
    format!("SELECT count(*), coalesce(sum(hash_record_extended(t, 0)), 0) FROM {table} AS t")
}

fn is_hot(name: &str, hot: &[String]) -> bool {
    let name = name.to_ascii_uppercase();
    let always = ["TARGETID", "SURVEY", "PROGRAM", "HEALPIX", "RA", "DEC", "Z"];
    name == INDEX_COLUMN.to_ascii_uppercase()
        || always.contains(&name.as_str())
        || hot.iter().map(|part| part.to_ascii_uppercase()).any(|part| name.starts_with(&part) || name.ends_with(&part))
}

/// The files by whose bytes a catalogue is known: the footers of all its files, or the one file of a plain table.
fn identity(catalogue: &Catalogue) -> Option<PathBuf> {
    let first = catalogue.partitions.first()?;
    let dataset = |path: &Path| {
        path.ancestors().find(|folder| folder.ends_with("dataset")).map(|folder| folder.join("_metadata"))
    };
    if first.cell.is_none() { Some(first.path.clone()) } else { dataset(&first.path) }
}
