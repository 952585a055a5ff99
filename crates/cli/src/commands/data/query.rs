//! `astrolab data query`: SQL over an archive.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::output;
use archive::sql::{Answer, Session, SessionSettings};
use clap::{Args, ValueEnum};

/// Ask an archive in SQL. Column names are written as they are (RA, not ra).
#[derive(Debug, Args)]
#[command(after_help = "Functions of the sky (degrees, Mpc/h):
  cone(ra, dec, ra0, dec0, radius)   angular_separation(ra1, dec1, ra2, dec2)   healpix(ra, dec, order)
  comoving_distance(z)               comoving_distance_in(z, omega_m)

Examples:
  astrolab data query --archive archive --tables
  astrolab data query --archive archive 'SELECT count(*) FROM metadata WHERE cone(RA, DEC, 180.0, 30.0, 2.0)'
  astrolab data query --archive archive 'SELECT TARGETID, Z FROM metadata WHERE Z < 0.1' --output near.fits
  astrolab data query --archive archive 'SELECT * FROM metadata' --format csv | gzip > metadata.csv.gz
What the columns mean: astrolab data dictionary --archive archive")]
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
    /// Rows of a printed table at most; other formats have all rows.
    #[arg(long, default_value_t = 100)]
    rows: usize,
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
        let session = crate::session::open(&self.archive, SessionSettings { memory_bytes, threads: 0 })?;
        let Some(sql) = self.sql.as_deref().filter(|_| !self.tables) else {
            return list(&session);
        };
        let format = self.format()?;
        let answer = session.stream(sql)?;
        let schema = answer.schema().clone();
        match (&self.output, format) {
            (Some(path), Format::Parquet) => output::parquet(path, &schema, answer)?,
            (Some(path), Format::Fits) => output::fits(path, &schema, answer)?,
            (None, Format::Parquet | Format::Fits) => {
                bail!("cannot print a binary file\nhint: name it with `--output FILE`")
            }
            (Some(path), Format::Csv | Format::Json) => {
                let mut file = output::File::create(path)?;
                write_lines(format, &mut file, answer)?;
                file.finish()?;
            }
            (None, Format::Csv | Format::Json) => print_lines(format, answer)?,
            (path, Format::Table) => self.print_table(path.as_deref(), answer)?,
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

    fn print_table(&self, path: Option<&Path>, answer: Answer<'_>) -> Result<()> {
        let schema = answer.schema().clone();
        let (table, more) = output::text(&schema, answer, self.rows)?;
        match path {
            Some(path) => {
                let mut file = output::File::create(path)?;
                file.write_all(table.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
                file.finish()?;
            }
            None => crate::terminal::print(&table)?,
        }
        if more {
            let rows = self.rows;
            crate::terminal::complain(&format!(
                "only the first {rows} rows are shown; `--rows N` shows more, `--output FILE` writes all of them as csv, json, parquet or fits"
            ));
        }
        Ok(())
    }
}

fn write_lines(format: Format, out: &mut dyn Write, answer: Answer<'_>) -> Result<()> {
    let schema = answer.schema().clone();
    match format {
        Format::Csv => output::csv(out, &schema, answer)?,
        _ => output::json(out, answer)?,
    }
    Ok(())
}

/// Prints rows as they come. A reader that has gone away (`| head`) ends the work, and is no failure.
fn print_lines(format: Format, answer: Answer<'_>) -> Result<()> {
    let mut out = Watched { out: std::io::stdout().lock(), gone: false };
    let written = write_lines(format, &mut out, answer);
    if out.gone { Ok(()) } else { written }
}

/// Standard output that remembers that nobody reads it any more.
struct Watched<'a> {
    out: std::io::StdoutLock<'a>,
    gone: bool,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes);
        self.gone |= written.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe);
        written
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn list(session: &Session) -> Result<ExitCode> {
    let mut lines = format!("{:24} {:>12} {:>8} {:>6}\n", "table", "rows", "columns", "files");
    for catalogue in session.catalogues() {
        let (columns, files) = (catalogue.schema.fields().len(), catalogue.partitions.len());
        lines.push_str(&format!("{:24} {:>12} {columns:>8} {files:>6}\n", catalogue.name, catalogue.rows));
    }
    for view in session.views() {
        lines.push_str(&format!("{:24} {:>12} {:>8} {:>6}\n", view.name, "view", view.schema.fields().len(), ""));
    }
    crate::terminal::print(&lines)?;
    Ok(ExitCode::SUCCESS)
}
