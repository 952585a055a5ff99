//! What some files are: FastSpecFit, DESIVAST, or any galaxy catalogue.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use archive::fits::{FitsError, FitsFile};
use clap::ValueEnum;

/// A kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// FastSpecFit: METADATA, SPECPHOT and FASTSPEC become three catalogues joined by TARGETID.
    Fastspecfit,
    /// DESIVAST: each table of each algorithm becomes a table, both caps together.
    Desivast,
    /// Any galaxy catalogue: the first table of FITS, Parquet or CSV files.
    Galaxies,
    /// DESI coadds, joined with the redrock file beside each: the table `spectra`.
    Spectra,
}

/// The files, each kind by itself, in their order.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) fastspecfit: Vec<PathBuf>,
    pub(super) desivast: Vec<PathBuf>,
    pub(super) galaxies: Vec<PathBuf>,
    pub(super) spectra: Vec<PathBuf>,
}

impl Sorted {
    /// Sorts files by kind: as told, or by what is in them.
    pub(super) fn new(files: Vec<PathBuf>, kind: Option<Kind>) -> Result<Self> {
        let mut sorted = Self::default();
        for file in files {
            let kind = match kind {
                Some(kind) => kind,
                None => kind_of(&file)?,
            };
            match kind {
                Kind::Fastspecfit => sorted.fastspecfit.push(file),
                Kind::Desivast => sorted.desivast.push(file),
                Kind::Galaxies => sorted.galaxies.push(file),
                Kind::Spectra => sorted.spectra.push(file),
            }
        }
        Ok(sorted)
    }
}

fn kind_of(path: &Path) -> Result<Kind> {
    let is_table = [".parquet", ".csv"].iter().any(|ending| path.to_string_lossy().to_lowercase().ends_with(ending));
    if is_table {
        return Ok(Kind::Galaxies);
    }
    if is_coadd(path) {
        return Ok(Kind::Spectra);
    }
    Ok(match FitsFile::open(path) {
        Ok(file) if file.image("B_FLUX").is_ok() => Kind::Spectra,
        Ok(file) if file.has_table("METADATA") && file.has_table("FASTSPEC") => Kind::Fastspecfit,
        Ok(file) if file.has_table("MAXIMALS") || file.has_table("ZONEVOID") => Kind::Desivast,
        Ok(_) => Kind::Galaxies,
        // A Parquet file by another name; the ingest says what is wrong with all else.
        Err(FitsError::NotFits { .. }) if starts_as_parquet(path) => Kind::Galaxies,
        Err(error) => return Err(error.into()),
    })
}

fn starts_as_parquet(path: &Path) -> bool {
    let mut start = [0_u8; 4];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    read.is_ok() && start == *b"PAR1"
}

/// The files named, and the FITS files in folders named and in their folders `fastspecfit` and `desivast`.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let coadds = coadds_below(path)?;
        let mut inside: Vec<PathBuf> = fits_files(path)?;
        if !coadds.is_empty() {
            // What lies beside coadds belongs to them: redrock, afterburners, exposures.
            inside.retain(|file| !coadds.iter().any(|coadd| coadd.parent() == file.parent()));
            inside.extend(coadds);
        }
        // The folders of a simulation, which may be given as a whole.
        for folder in ["fastspecfit", "desivast"].map(|name| path.join(name)) {
            if folder.is_dir() {
                inside.extend(fits_files(&folder)?);
            }
        }
        if inside.is_empty() {
            bail!("cannot ingest folder {}: it holds no FITS file", path.display());
        }
        found.extend(inside);
    }
    Ok(found)
}

/// Named as DESI names coadds.
fn is_coadd(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("coadd-") && (name.ends_with(".fits") || name.ends_with(".fits.gz"))
}

/// Every coadd anywhere below a folder, in the order of their paths.
fn coadds_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            found.extend(coadds_below(&path)?);
        } else if is_coadd(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

fn fits_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_fits = |path: &PathBuf| {
        let name = path.to_string_lossy().to_lowercase();
        path.is_file() && [".fits", ".fits.gz", ".fit"].iter().any(|ending| name.ends_with(ending))
    };
    Ok(entries(folder)?.into_iter().filter(is_fits).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = || format!("cannot read folder {}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        found.push(entry.with_context(failed)?.path());
    }
    found.sort();
    Ok(found)
}
