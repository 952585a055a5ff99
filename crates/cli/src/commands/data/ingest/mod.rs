//! `astrolab data ingest`: survey files into the archive.

mod desivast;
mod kinds;
mod spectra;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use archive::columns::{Column, Columns};
use archive::fits::FitsFile;
use archive::ingest::{
    CatalogueRequest, DEFAULT_MARGIN_ARCSEC, DEFAULT_MAX_ROWS, IngestRequest, Ingested, TableSource, ingest,
    ingest_tables,
};
use clap::Args;
use desi::fastspecfit::{self, Release, Table, Version};

use crate::terminal::{Bars, complain};
use kinds::{Kind, Sorted};

/// Put catalogues into the archive: sorted by position, partitioned over the sky (HATS), ready for SQL and LSDB.
///
/// A killed ingest goes on where it was; a finished one is not done again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data ingest dr1/fastspecfit dr1/desivast --archive archive
  astrolab data ingest sky --archive archive
  astrolab data ingest dr1/healpix --spectype QSO --archive archive
  astrolab data ingest zall-pix-iron.fits --name zcat --columns ra=TARGET_RA,dec=TARGET_DEC --archive archive
  astrolab data ingest galaxies.csv --name sdss --columns ra=RAJ2000,dec=DEJ2000 --archive archive")]
pub(crate) struct Ingest {
    /// Files, or folders of FITS files (also of their folders `fastspecfit` and `desivast`); of a folder with `coadd-*.fits`
    /// anywhere below, those, each with the `redrock-*.fits` beside it.
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
    /// Rows a partition at most: 200,000, of spectra 2,000, when not given.
    #[arg(long)]
    max_rows: Option<usize>,
    #[command(flatten)]
    spectra: spectra::Options,
    /// Width of the margin around partitions, arcseconds.
    #[arg(long, default_value_t = DEFAULT_MARGIN_ARCSEC)]
    margin: f64,
    /// Print what was made as JSON.
    #[arg(long)]
    json: bool,
}

/// Ingests a folder with FastSpecFit and DESIVAST as `data ingest FOLDER --archive ARCHIVE` does.
pub(crate) fn ingest_release(folder: &Path, archive: &Path) -> Result<()> {
    let ingest = Ingest {
        paths: vec![folder.to_owned()],
        archive: archive.to_owned(),
        kind: None,
        name: None,
        columns: Vec::new(),
        max_rows: None,
        spectra: spectra::Options::none(),
        margin: DEFAULT_MARGIN_ARCSEC,
        json: false,
    };
    ingest.run().map(|_| ())
}

impl Ingest {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut sorted = Sorted::new(kinds::files(&self.paths)?, self.kind)?;
        if !sorted.fastspecfit.is_empty() && self.kind.is_none() {
            // Beside FastSpecFit's own files, a catalogue of the same galaxies would be a third copy.
            sorted.galaxies.retain(|path| !path.ends_with("galaxies.fits"));
        }
        if sorted.spectra.is_empty() && self.spectra.any() {
            bail!(
                "cannot find a coadd in what was given: `--spectype`, `--redshifts` and `--without-resolution` are for \
                 coadds\nhint: coadds are files named coadd-*.fits, anywhere below a folder; or say `--kind spectra`"
            );
        }
        let bars = Bars::default();
        let mut made = Vec::new();
        // Every plan is made before the first table, so that a wrong file leaves nothing behind.
        let fastspecfit = self.fastspecfit(sorted.fastspecfit)?;
        let voids = desivast::tables(&sorted.desivast)?;
        let galaxies = if sorted.galaxies.is_empty() { None } else { Some(self.galaxies(sorted.galaxies)?) };
        for request in [fastspecfit, galaxies].into_iter().flatten() {
            made.extend(ingest(&request, &bars)?);
        }
        if !voids.is_empty() {
            made.extend(ingest_tables(&self.archive, &voids, &bars)?);
        }
        if !sorted.spectra.is_empty() {
            let (place, layout) = ((self.archive.as_path(), self.name.as_deref()), (self.max_rows, self.margin));
            made.extend(self.spectra.ingest(&sorted.spectra, place, layout, &bars)?);
        }
        crate::terminal::print(&if self.json { json(&made)? } else { table(&made) })?;
        Ok(ExitCode::SUCCESS)
    }

    fn fastspecfit(&self, files: Vec<PathBuf>) -> Result<Option<IngestRequest>> {
        if files.is_empty() {
            return Ok(None);
        }
        let release = Release::open(&files)?;
        say(&release);
        let mut catalogues = Vec::new();
        for table in Table::ALL {
            let columns = match (table, release.version) {
                // Versions before 3.0 keep the columns of SPECPHOT inside FASTSPEC.
                (Table::Specphot, version) if version < Version::V3 => continue,
                (Table::Fastspec, version) if version < Version::V3 => {
                    let both = [fastspecfit::columns(Table::Fastspec)?, fastspecfit::columns(Table::Specphot)?];
                    // They have another number of templates.
                    let untyped = |column: &Column| match column.name.as_str() {
                        "COEFF" => Column { data_type: None, ..column.clone() },
                        _ => column.clone(),
                    };
                    both.iter().flat_map(Columns::iter).map(untyped).collect()
                }
                _ => fastspecfit::columns(table)?,
            };
            let hdu = table.hdu();
            let source = TableSource::Hdu(hdu.to_owned());
            let (name, description) = (hdu.to_lowercase(), release.to_string());
            catalogues.push(CatalogueRequest { name, description, table: source, columns });
        }
        let position = ("RA".to_owned(), "DEC".to_owned());
        Ok(Some(self.request(files, catalogues, position, Some("TARGETID".to_owned()))))
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
        let (table, columns, description) = (TableSource::First, Columns::default(), String::new());
        let catalogues = vec![CatalogueRequest { name, description, table, columns }];
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
        IngestRequest {
            archive,
            files,
            catalogues,
            ra,
            dec,
            id,
            max_rows: self.max_rows.unwrap_or(DEFAULT_MAX_ROWS),
            margin_arcsec: self.margin,
        }
    }
}

/// Position columns as the file writes them, since the catalogue keeps its names.
fn written_names(path: &Path, ra: &str, dec: &str) -> Result<(String, String)> {
    if FitsFile::open(path).is_err() {
        return Ok((ra.to_owned(), dec.to_owned()));
    }
    let file = FitsFile::open(path)?;
    let table = file.first_table()?;
    let written = |name: &str| match table.column(name) {
        Ok(column) => Ok(column.name.clone()),
        Err(absent) => bail!("{absent}\nhint: name the positions: `--columns ra=TARGET_RA,dec=TARGET_DEC`"),
    };
    Ok((written(ra)?, written(dec)?))
}

/// Which FastSpecFit it is, and what differs from the published one.
fn say(release: &Release) {
    let rows: u64 = release.files.iter().map(|file| file.rows).sum();
    let files = release.files.len();
    if release.simulated {
        complain(&format!("FastSpecFit, simulated: {files} files, {rows} rows"));
        return;
    }
    complain(&format!("FastSpecFit {}: {files} files, {rows} rows; {}", release.version, release.version.caution()));
    let differences = release.differences();
    if differences.is_empty() && release.files.len() == fastspecfit::PUBLISHED_ROWS.len() {
        complain("rows are as published");
    }
    for difference in differences {
        complain(&format!("warning: {difference}"));
    }
}

fn table(made: &[Ingested]) -> String {
    let mut lines = format!("{:32} {:>12} {:>10} {:>12}  \n", "catalogue", "rows", "partitions", "MB on disk");
    for one in made {
        let how = match (one.unchanged, one.resumed) {
            (true, _) => "done before".to_owned(),
            (false, 0) => String::new(),
            (false, resumed) => format!("{resumed} partitions done before"),
        };
        let megabytes = one.bytes as f64 / 1e6;
        lines.push_str(&format!("{:32} {:>12} {:>10} {megabytes:>12.1}  {how}\n", one.name, one.rows, one.partitions));
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
