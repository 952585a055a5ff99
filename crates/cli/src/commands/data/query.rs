//! `astrolab data query`: SQL over an archive.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::output;
use archive::sql::{Session, SessionSettings};
use clap::{Args, ValueEnum};

/// Ask an archive in SQL. Column names are written as they are (RA, not ra).
#[derive(Debug, Args)]
#[command(after_help = "Functions of the sky (degrees, Mpc/h):
  cone(ra, dec, ra0, dec0, radius)   angular_separation(ra1, dec1, ra2, dec2)   healpix(ra, dec, order)
  comoving_distance(z)               comoving_distance_in(z, omega_m)

Examples:
  astrolab data query --archive archive --tables
  astrolab data query --archive archive 'SELECT count(*) FROM metadata WHERE cone(RA, DEC, 180.0, 30.0, 2.0)'
  astrolab data query --archive archive 'SELECT TARGETID, Z FROM metadata WHERE Z < 0.1' --output near.fits")]
pub(crate) struct Query {
    /// The statement.
    #[arg(required_unless_present = "tables")]
    sql: Option<String>,
    /// Folder of the archive.
    #[arg(long, default_value = "archive", env = "ASTROLAB_ARCHIVE")]
    archive: PathBuf,
    /// List the tables and their sizes instead.
    #[arg(long)]
    tables: bool,
    /// How to print; by the ending of `--output` when not given.
    #[arg(short, long, value_enum)]
    format: Option<Format>,
    /// File to write instead of printing.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Memory that sorts and joins may use before they spill, in GiB.
    #[arg(long, default_value_t = 2.0)]
    memory: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Parquet,
    Fits,
}

impl Query {
    pub(crate) fn run(self) -> Result<ExitCode> {
        if !(self.memory > 0.0 && self.memory < 1e6) {
            bail!("cannot use {} GiB of memory: expected a number above 0", self.memory);
        }
        let memory_bytes = (self.memory * f64::from(1 << 30)) as usize;
        let session = Session::open(&self.archive, SessionSettings { memory_bytes, threads: 0 })?;
        let Some(sql) = self.sql.as_deref().filter(|_| !self.tables) else {
            return list(&session);
        };
        let (schema, batches) = session.ask(sql)?;
        match (self.format()?, &self.output) {
            (Format::Parquet, Some(path)) => output::parquet(path, &schema, &batches)?,
            (Format::Fits, Some(path)) => output::fits(path, &schema, &batches)?,
            (Format::Parquet | Format::Fits, None) => {
                bail!("cannot print a binary file\nhint: name it with `--output FILE`")
            }
            (format, path) => self.write_text(&render(format, &batches)?, path.is_some())?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn format(&self) -> Result<Format> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        let ending = self
            .output
            .as_ref()
            .and_then(|path| path.extension())
            .map(|ending| ending.to_string_lossy().to_lowercase());
        Ok(match ending.as_deref() {
            None | Some("txt") => Format::Table,
            Some("csv") => Format::Csv,
            Some("json" | "jsonl" | "ndjson") => Format::Json,
            Some("parquet") => Format::Parquet,
            Some("fits" | "fit") => Format::Fits,
            Some(other) => bail!("cannot tell the format of a `.{other}` file\nhint: say it with `--format`"),
        })
    }

    fn write_text(&self, text: &[u8], to_file: bool) -> Result<()> {
        match (&self.output, to_file) {
            (Some(path), true) => {
                std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
            }
            _ => crate::terminal::print(&String::from_utf8_lossy(text)),
        }
    }
}

fn render(format: Format, batches: &[arrow::array::RecordBatch]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match format {
        Format::Csv => output::csv(&mut out, batches)?,
        Format::Json => output::json(&mut out, batches)?,
        _ => out = output::text(batches)?.into_bytes(),
    }
    Ok(out)
}

fn list(session: &Session) -> Result<ExitCode> {
    let mut lines = format!("{:24} {:>12} {:>8} {:>6}\n", "table", "rows", "columns", "files");
    for catalogue in session.catalogues() {
        let (columns, files) = (catalogue.schema.fields().len(), catalogue.partitions.len());
        lines.push_str(&format!("{:24} {:>12} {columns:>8} {files:>6}\n", catalogue.name, catalogue.rows));
    }
    crate::terminal::print(&lines)?;
    Ok(ExitCode::SUCCESS)
}
