//! `astrolab data load`: tables of an archive into PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use archive::postgres::{
    Address, Database, LoadRequest, Loaded, SkyIndex, Target, load, migrate, migrations_sql, plan,
};
use clap::{Args, ValueEnum};
use indicatif::HumanBytes;

use crate::terminal::Bars;

/// Load tables of an archive into PostgreSQL: binary COPY over several connections, verified, swapped in at once.
///
/// Readers see the old table until the new one is whole. A load that was killed goes on where it was when the same command is
/// given again; a table that is there from the same archive is left alone. The database must exist; its schemas, roles and
/// functions are made by numbered migrations. Passwords come from the address, PGPASSWORD, or the file of PGPASSFILE
/// (~/.pgpass).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data load --to postgres://ana@db.lab/desi --archive archive
  astrolab data load --to postgres://ana@db.lab/desi --table metadata --table specphot --connections 4
  astrolab data load --to postgres://ana@db.lab/desi --hot _FLUX,_FLUX_IVAR --table fastspec
  astrolab data load --to postgres://ana@db.lab/desi --dry-run > load.sql
  astrolab data load --to postgres://ana@db.lab/desi --migrate")]
pub(crate) struct Load {
    /// The database: postgres://USER@HOST:PORT/DATABASE.
    #[arg(long, env = "ASTROLAB_POSTGRES", hide_env_values = true)]
    to: String,
    /// Folder of the archive.
    #[arg(long, default_value = "archive", env = "ASTROLAB_ARCHIVE")]
    archive: PathBuf,
    /// Tables to load; all when not given.
    #[arg(long = "table")]
    tables: Vec<String>,
    /// Where they go.
    #[arg(long, value_enum, default_value = "raw-catalogs")]
    schema: Schema,
    /// Columns that are loaded of tables with more than 400: beginnings or ends of their names. Identifiers and positions
    /// always are; the others stay in Parquet.
    #[arg(long, value_delimiter = ',', default_value = "_FLUX,_FLUX_IVAR,_EW,_EW_IVAR,_SIGMA,SNR_,RCHI2")]
    hot: Vec<String>,
    /// Connections that copy at once.
    #[arg(long, default_value_t = 2)]
    connections: usize,
    /// How often a connection that broke is made again.
    #[arg(long, default_value_t = 6)]
    attempts: u32,
    /// Index of positions; the best that the server has when not given.
    #[arg(long, value_enum)]
    sky_index: Option<Sky>,
    /// Apply and check the migrations only.
    #[arg(long, conflicts_with = "dry_run")]
    migrate: bool,
    /// Print the SQL, connect to nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print what was loaded as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Schema {
    /// Catalogues as ingested.
    RawCatalogs,
    /// Derived tables.
    ScienceAnalysis,
    /// Validation reports.
    DataQuality,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sky {
    Q3c,
    Pgsphere,
    Btree,
}

impl Load {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let address = with_password(Address::parse(&self.to)?)?;
        let request = self.request();
        let sky = self.sky_index.map(|sky| match sky {
            Sky::Q3c => SkyIndex::Q3c,
            Sky::Pgsphere => SkyIndex::PgSphere,
            Sky::Btree => SkyIndex::Plain,
        });
        if self.dry_run {
            let sky = sky.unwrap_or(SkyIndex::Q3c);
            let tables: String = plan(&request)?.iter().map(|plan| plan.sql(sky)).collect();
            crate::terminal::print(&format!("{}\nSET ROLE astrolab_ingest;\n\n{tables}", migrations_sql(sky)))?;
            return Ok(ExitCode::SUCCESS);
        }
        // The archive is read first, so that a wrong name leaves the database alone.
        let plans = if self.migrate { Vec::new() } else { plan(&request)? };
        let migrated = migrate(&Database::connect(&address)?, sky)?;
        for step in &migrated.applied {
            crate::terminal::complain(&format!("migration {step} applied"));
        }
        if self.migrate {
            let state = format!("{address} is up to date; positions are indexed with {}\n", migrated.sky_index.name());
            crate::terminal::print(&state)?;
            return Ok(ExitCode::SUCCESS);
        }
        let target = Target { address: &address, sky_index: migrated.sky_index };
        let loaded = load(target, &request, &plans, &Bars::default())?;
        crate::terminal::print(&if self.json {
            serde_json::to_string_pretty(&loaded)? + "\n"
        } else {
            table(&loaded)
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn request(&self) -> LoadRequest {
        let schema = match self.schema {
            Schema::RawCatalogs => "raw_catalogs",
            Schema::ScienceAnalysis => "science_analysis",
            Schema::DataQuality => "data_quality",
        };
        LoadRequest {
            archive: self.archive.clone(),
            tables: self.tables.clone(),
            schema: schema.to_owned(),
            prefix: String::new(),
            hot: self.hot.clone(),
            connections: self.connections,
            attempts: self.attempts,
        }
    }
}

/// The address with the password that the environment or the password file has for it.
pub(crate) fn with_password(address: Address) -> Result<Address> {
    if address.has_password() {
        return Ok(address);
    }
    if let Ok(password) = std::env::var("PGPASSWORD") {
        return Ok(address.with_password(&password));
    }
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".pgpass"));
    let Some(path) = std::env::var_os("PGPASSFILE").map(PathBuf::from).or_else(home).filter(|path| path.is_file())
    else {
        return Ok(address);
    };
    let file = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(match address.password_in(&file) {
        Some(password) => address.with_password(&password),
        None => address,
    })
}

fn table(loaded: &[Loaded]) -> String {
    let mut lines =
        format!("{:40} {:>12} {:>8} {:>12} {:>10}  checksum\n", "table", "rows", "columns", "sent", "rows/s");
    for one in loaded {
        let sent = if one.unchanged { "done before".to_owned() } else { HumanBytes(one.sent_bytes).to_string() };
        let resumed = if one.resumed_pieces > 0 {
            format!("  (went on after {} pieces)", one.resumed_pieces)
        } else {
            String::new()
        };
        let Loaded { table, checksum, columns, seconds, .. } = one;
        let whole = !one.unchanged && one.resumed_pieces == 0 && seconds.copy > 0.0;
        let speed = if whole { format!("{:.0}", checksum.rows as f64 / seconds.copy) } else { "-".to_owned() };
        lines.push_str(&format!(
            "{table:40} {:>12} {columns:>8} {sent:>12} {speed:>10}  {}{resumed}\n",
            checksum.rows, checksum.sum
        ));
    }
    lines
}
