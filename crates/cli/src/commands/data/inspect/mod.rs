//! `astrolab data inspect`: what is in FITS files.

mod braille;
mod page;
mod spectrum;
mod spectrum_figure;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::fits::{Checksums, Comparison, FileSummary, compare, inspect};
use clap::Args;
use rayon::prelude::*;
use serde::Serialize;

/// Show the HDUs, header cards, columns, types, units, valid fractions and ranges of FITS files, and what differs between
/// them; or, with --spectrum, --targetid, --row or --plot, the spectra in them (DESI coadds, SDSS, X-Shooter). Exits with 1 when a file cannot be read or a checksum is wrong.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data inspect DESIVAST_BGS_VOLLIM_V2_REVOLVER_NGC.fits
  astrolab data inspect catalogues/ --verify
  astrolab data inspect --cards spectra-main-dark-9144.fits
  astrolab data inspect coadd-main-dark-27247.fits --targetid 39627652591521181 --plot spectrum.png
  astrolab data inspect spec-3655-55240-0002.fits --spectrum
  astrolab data inspect a.fits b.fits.gz --json | jq '.union.hdus[].name'")]
pub(crate) struct Inspect {
    /// FITS files, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Print JSON: `files`, `failures` and, of several files, their `union`.
    #[arg(long)]
    json: bool,
    /// Check CHECKSUM and DATASUM too.
    #[arg(long)]
    verify: bool,
    /// Show every header card, not only the first few of each HDU.
    #[arg(long)]
    cards: bool,
    #[command(flatten)]
    spectra: spectrum::Options,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    files: Vec<FileSummary>,
    failures: Vec<Failure>,
    /// Of two files and more.
    union: Option<Comparison>,
}

/// A file that cannot be read.
#[derive(Debug, Serialize)]
struct Failure {
    path: PathBuf,
    error: String,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut paths = Vec::new();
        for path in &self.paths {
            find(path, &mut paths)?;
        }
        if paths.is_empty() {
            bail!("cannot find a FITS file in the given folders: expected names ending in .fits, .fit or .fits.gz");
        }
        if self.spectra.asked() {
            return self.spectra.run(&paths, self.json);
        }
        let report = Report::of(paths, self.verify);
        let text = if self.json {
            serde_json::to_string_pretty(&report)? + "\n"
        } else {
            page::page(&report.files, report.union.as_ref(), self.cards)
        };
        crate::terminal::print(&text)?;
        report.complain();
        Ok(ExitCode::from(u8::from(report.is_bad())))
    }
}

impl Report {
    fn of(paths: Vec<PathBuf>, verify: bool) -> Self {
        let outcomes: Vec<_> = paths.into_par_iter().map(|path| (inspect(&path, verify), path)).collect();
        let (mut files, mut failures) = (Vec::new(), Vec::new());
        for (outcome, path) in outcomes {
            match outcome {
                Ok(summary) => files.push(summary),
                Err(error) => failures.push(Failure { path, error: error.to_string() }),
            }
        }
        let union = (files.len() > 1).then(|| compare(&files));
        Self { files, failures, union }
    }

    fn is_bad(&self) -> bool {
        !self.failures.is_empty() || self.files.iter().any(FileSummary::any_checksum_wrong)
    }

    /// Says on stderr what is wrong with which file.
    fn complain(&self) {
        for failure in &self.failures {
            crate::terminal::complain(&format!("error: {}", failure.error));
        }
        for file in &self.files {
            for hdu in file.hdus.iter().filter(|hdu| hdu.checksums.as_ref().is_some_and(Checksums::any_wrong)) {
                crate::terminal::complain(&format!(
                    "error: a checksum of HDU {} ({}) of {} does not match its bytes\n\
                     hint: the file was damaged or edited; download it again",
                    hdu.index,
                    hdu.name,
                    file.path.display()
                ));
            }
        }
    }
}

/// A named file as it is; of a folder, every FITS file below it, in order of name.
fn find(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        let name = entry.to_string_lossy().to_lowercase();
        if entry.is_dir() || [".fits", ".fit", ".fits.gz"].iter().any(|ending| name.ends_with(ending)) {
            find(&entry, files)?;
        }
    }
    Ok(())
}
