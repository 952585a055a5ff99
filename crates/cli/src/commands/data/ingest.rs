//! `astrolab data ingest`: survey files into the archive.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::columns::Columns;
use archive::fits::FitsFile;
use archive::ingest::{
    CatalogueRequest, DEFAULT_MARGIN_ARCSEC, DEFAULT_MAX_ROWS, IngestRequest, Ingested, TableSource, ingest,
};
use clap::{Args, ValueEnum};

use crate::terminal::Bars;

/// Put catalogues into the archive: sorted by position, partitioned over the sky (HATS), ready for SQL and LSDB.
///
/// A killed ingest goes on where it was; a finished one is not done again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data ingest dr1/fastspecfit --archive archive
  astrolab data ingest galaxies.csv --name sdss --columns ra=RAJ2000,dec=DEJ2000 --archive archive")]
pub(crate) struct Ingest {
    /// Files, or folders of FITS files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Folder of the archive.
    #[arg(long, default_value = "archive", env = "ASTROLAB_ARCHIVE")]
    archive: PathBuf,
    /// What the files are; seen from the first file when not given.
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// Name of the catalogue in the archive (for `galaxies`); the first file's name when not given.
    #[arg(long)]
    name: Option<String>,
    /// Which columns are position and identifier, for example `ra=RAJ2000,dec=DEJ2000,id=ID`.
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
    /// Rows a partition at most.
    #[arg(long, default_value_t = DEFAULT_MAX_ROWS)]
    max_rows: usize,
    /// Width of the margin around partitions, arcseconds.
    #[arg(long, default_value_t = DEFAULT_MARGIN_ARCSEC)]
    margin: f64,
    /// Print what was made as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// FastSpecFit: METADATA, SPECPHOT and FASTSPEC become three catalogues joined by TARGETID.
    Fastspecfit,
    /// Any galaxy catalogue: the first table of FITS, Parquet or CSV files.
    Galaxies,
}

impl Ingest {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let files = files(&self.paths)?;
        let kind = match self.kind {
            Some(kind) => kind,
            None => kind_of(&files[0])?,
        };
        let request = match kind {
            Kind::Fastspecfit => self.fastspecfit(files)?,
            Kind::Galaxies => self.galaxies(files)?,
        };
        let made = ingest(&request, &Bars::default())?;
        crate::terminal::print(&if self.json { json(&made)? } else { table(&made) })?;
        Ok(ExitCode::SUCCESS)
    }

    fn fastspecfit(&self, files: Vec<PathBuf>) -> Result<IngestRequest> {
        let first = FitsFile::open(&files[0])?;
        let mut catalogues = Vec::new();
        for hdu in ["METADATA", "SPECPHOT", "FASTSPEC"] {
            // Versions before 3.0 keep SPECPHOT inside FASTSPEC.
            if hdu == "SPECPHOT" && !first.has_table(hdu) {
                continue;
            }
            catalogues.push(CatalogueRequest {
                name: hdu.to_lowercase(),
                table: TableSource::Hdu(hdu.to_owned()),
                columns: Columns::default(),
            });
        }
        Ok(self.request(files, catalogues, ("RA".to_owned(), "DEC".to_owned()), Some("TARGETID".to_owned())))
    }

    fn galaxies(&self, files: Vec<PathBuf>) -> Result<IngestRequest> {
        let stem = files[0].file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = self.name.clone().unwrap_or_else(|| stem.split('.').next().unwrap_or_default().to_owned());
        if name.is_empty() || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
            bail!(
                "cannot name a catalogue `{name}`: expected letters, digits and underscores\nhint: give one with `--name`"
            );
        }
        let mut mapped = [None, None, None];
        for pair in &self.columns {
            let place =
                pair.split_once('=').and_then(|(key, _)| ["ra", "dec", "id"].iter().position(|known| *known == key));
            match (place, pair.split_once('=')) {
                (Some(place), Some((_, column))) => mapped[place] = Some(column.to_owned()),
                _ => bail!("cannot use `--columns {pair}`: expected ra=NAME, dec=NAME or id=NAME"),
            }
        }
        let [ra, dec, id] = mapped;
        let (ra, dec) = (ra.unwrap_or_else(|| "RA".to_owned()), dec.unwrap_or_else(|| "DEC".to_owned()));
        let catalogues = vec![CatalogueRequest { name, table: TableSource::First, columns: Columns::default() }];
        let written = written_names(&files[0], &ra, &dec)?;
        Ok(self.request(files, catalogues, written, id))
    }

    fn request(
        &self,
        files: Vec<PathBuf>,
        catalogues: Vec<CatalogueRequest>,
        (ra, dec): (String, String),
        id: Option<String>,
    ) -> IngestRequest {
        let archive = self.archive.clone();
        IngestRequest { archive, files, catalogues, ra, dec, id, max_rows: self.max_rows, margin_arcsec: self.margin }
    }
}

/// Position columns as the file writes them, since the catalogue keeps its names.
fn written_names(path: &Path, ra: &str, dec: &str) -> Result<(String, String)> {
    if FitsFile::open(path).is_err() {
        return Ok((ra.to_owned(), dec.to_owned()));
    }
    let file = FitsFile::open(path)?;
    let table = file.first_table()?;
    Ok((table.column(ra)?.name.clone(), table.column(dec)?.name.clone()))
}

/// The files named, and the FITS files in folders named, sorted.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot read folder {}", path.display()))?;
        let mut inside = Vec::new();
        for entry in entries {
            let file = entry.with_context(|| format!("cannot read folder {}", path.display()))?.path();
            let name = file.to_string_lossy().to_lowercase();
            if [".fits", ".fits.gz", ".fit"].iter().any(|ending| name.ends_with(ending)) {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            bail!("cannot ingest folder {}: it holds no FITS file", path.display());
        }
        inside.sort();
        found.extend(inside);
    }
    Ok(found)
}

fn kind_of(path: &Path) -> Result<Kind> {
    match FitsFile::open(path) {
        Ok(file) if file.has_table("METADATA") && file.has_table("FASTSPEC") => Ok(Kind::Fastspecfit),
        Ok(file) if file.has_table("MAXIMALS") || file.has_table("ZONEVOID") => {
            bail!(
                "cannot ingest {}: void catalogues are read as they are\nhint: name them in the study file under `voids`",
                path.display()
            )
        }
        _ => Ok(Kind::Galaxies),
    }
}

fn table(made: &[Ingested]) -> String {
    let mut lines = format!("{:20} {:>12} {:>10} {:>12}  \n", "catalogue", "rows", "partitions", "MB on disk");
    for one in made {
        let how = match (one.unchanged, one.resumed) {
            (true, _) => "done before".to_owned(),
            (false, 0) => String::new(),
            (false, resumed) => format!("{resumed} partitions done before"),
        };
        let megabytes = one.bytes as f64 / 1e6;
        lines.push_str(&format!("{:20} {:>12} {:>10} {megabytes:>12.1}  {how}\n", one.name, one.rows, one.partitions));
    }
    lines
}

fn json(made: &[Ingested]) -> Result<String> {
    let rows: Vec<serde_json::Value> = made
        .iter()
        .map(|one| {
            serde_json::json!({
                "catalogue": one.name, "rows": one.rows, "partitions": one.partitions,
                "bytes": one.bytes, "resumed": one.resumed, "unchanged": one.unchanged,
            })
        })
        .collect();
    Ok(format!("{}\n", serde_json::to_string_pretty(&rows)?))
}
