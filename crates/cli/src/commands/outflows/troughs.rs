//! `astrolab outflows troughs`: absorption troughs of spectra in files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::Progress;
use arrow::array::RecordBatch;
use clap::Args;
use desi::spectra::{Spectrum, SpectrumFile, redshifts_by_target};
use outflows::object_table::ObjectTable;
use outflows::troughs::{
    Eigenspectra, Transition, TroughSearch, TroughSettings, VelocityScale, desi_catalogue, find_troughs, index_table,
    resample, trough_figure, trough_table,
};
use rayon::prelude::*;

use crate::tables;
use crate::terminal::Bars;

/// Broad absorption: balnicity, absorption index and troughs of C IV, Si IV, Al III (and Mg II, N V).
#[derive(Debug, Args)]
#[command(
    after_help = "FILES are DESI coadds, SDSS spec files, X-Shooter tables, or CSV and Parquet tables with the columns wave (vacuum,
observed frame, Angstrom), flux (1e-17 erg/s/cm2/Angstrom), ivar and perhaps continuum, which is then not fitted.
Spectra that cannot be searched are named on stderr; the exit code is 1 only if none can.

Examples:
  astrolab outflows troughs coadd-main-dark-27258.fits --redshifts redrock-main-dark-27258.fits \\
      --eigenspectra PCA_Eigenvectors.fits --output troughs.parquet --troughs list.parquet --desi balcat.fits
  astrolab outflows troughs quasar.csv --redshift 2.37 --resample 100 --json
  astrolab outflows troughs spec-3655-55240-0026.fits --plot figures"
)]
pub(crate) struct Troughs {
    /// Spectra.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Redshift of every spectrum, before the file's own.
    #[arg(short = 'z', long)]
    redshift: Option<f64>,
    /// Table of TARGETID and Z (redrock file or catalogue).
    #[arg(long, value_name = "FILE", conflicts_with = "redshift")]
    redshifts: Option<PathBuf>,
    /// Eigenspectra of quasars: a FITS table of WAVE, PCA0, PCA1, ...; without, a polynomial and lines.
    #[arg(long, value_name = "FILE")]
    eigenspectra: Option<PathBuf>,
    /// Lines: CIV, SIIV, ALIII, and with a given continuum MGII, NV.
    #[arg(long, value_delimiter = ',', default_value = "CIV,SIIV,ALIII", value_parser = transition)]
    lines: Vec<Transition>,
    /// Take velocities as true speeds; otherwise c (1 - lambda / lambda_0), as in the DESI BAL catalogues.
    #[arg(long)]
    relativistic: bool,
    /// Errors from this many resamplings of the noise, not from propagation.
    #[arg(long, value_name = "DRAWS")]
    resample: Option<usize>,
    /// Seed of the resamplings.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write one row a spectrum and line here: Parquet, or CSV if the name ends in .csv.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write one row a trough here: Parquet, or CSV.
    #[arg(long, value_name = "FILE")]
    troughs: Option<PathBuf>,
    /// Write a FITS table with the columns of DESI's BAL catalogue here.
    #[arg(long, value_name = "FILE")]
    desi: Option<PathBuf>,
    /// Draw every search into this folder: continuum, and flux over continuum against velocity with the troughs shaded.
    #[arg(long, value_name = "FOLDER")]
    plot: Option<PathBuf>,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print JSON, one object a spectrum and line.
    #[arg(long)]
    json: bool,
}

impl Troughs {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let eigenspectra = self.eigenspectra.as_deref().map(Eigenspectra::read).transpose()?;
        let redshifts = self.redshifts.as_deref().map(redshifts_by_target).transpose()?.unwrap_or_default();
        let bars = Bars::default();
        let (mut found, mut asked) = (Vec::new(), 0);
        for path in &self.files {
            let file = match Source::open(path) {
                Ok(file) => file,
                Err(error) if self.files.len() > 1 => {
                    crate::terminal::complain(&format!("{error:#}"));
                    continue;
                }
                Err(error) => return Err(error),
            };
            asked += file.len();
            bars.begin(&path.file_name().unwrap_or_default().to_string_lossy(), file.len() as u64, "spectra");
            let one = |row: usize| -> Result<TroughSearch> {
                let (mut spectrum, continuum) = file.spectrum(row)?;
                spectrum.redshift = super::redshift_of(&spectrum, self.redshift, &redshifts);
                let mut search = self.search(&spectrum, eigenspectra.as_ref(), continuum.as_deref())?;
                self.draw(&spectrum, &search)?;
                search.forget_pixels();
                Ok(search)
            };
            let searched: Vec<Result<TroughSearch>> = (0..file.len())
                .into_par_iter()
                .map(|row| {
                    let search = one(row);
                    bars.advance(1);
                    search
                })
                .collect();
            bars.end();
            for search in searched {
                match search {
                    Ok(search) => found.push(search),
                    Err(error) => crate::terminal::complain(&format!("{}: {error:#}", path.display())),
                }
            }
        }
        if found.is_empty() {
            bail!("none of the {asked} spectra could be searched for troughs");
        }
        let indices = index_table(&found)?;
        self.write(&found, &indices)?;
        crate::terminal::print(&if self.json { tables::json_lines(indices)? } else { text(&found) })?;
        Ok(ExitCode::SUCCESS)
    }

    fn settings(&self) -> TroughSettings {
        let scale = if self.relativistic { VelocityScale::Relativistic } else { VelocityScale::Linear };
        TroughSettings { transitions: self.lines.clone(), scale, ..TroughSettings::default() }
    }

    fn draw(&self, spectrum: &Spectrum, found: &TroughSearch) -> Result<()> {
        let Some(folder) = &self.plot else { return Ok(()) };
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create folder {}", folder.display()))?;
        let (figure, data) = trough_figure(spectrum, found, &self.settings())?;
        figure.save(folder, &format!("{}_troughs", super::file_stem(&found.name)), &data)?;
        Ok(())
    }

    fn search(
        &self,
        spectrum: &Spectrum,
        eigenspectra: Option<&Eigenspectra>,
        continuum: Option<&[f64]>,
    ) -> Result<TroughSearch> {
        let settings = self.settings();
        Ok(match (self.resample, continuum) {
            (Some(draws), None) => resample(spectrum, eigenspectra, &settings, (draws, self.seed))?,
            _ => find_troughs(spectrum, eigenspectra, continuum, &settings)?,
        })
    }

    fn write(&self, found: &[TroughSearch], indices: &RecordBatch) -> Result<()> {
        if let Some(path) = &self.output {
            tables::write(path, indices)?;
        }
        if let Some(path) = &self.troughs {
            tables::write(path, &trough_table(found)?)?;
        }
        if let Some(path) = &self.desi {
            let table = desi_catalogue(found)?;
            archive::output::fits(path, &table.schema(), std::iter::once(Ok(table.clone())))?;
        }
        Ok(())
    }
}

/// Spectra of a file, with the continuum where the file has one.
enum Source {
    Fits(SpectrumFile),
    Table(Box<(Spectrum, Option<Vec<f64>>)>),
}

impl Source {
    fn open(path: &Path) -> Result<Self> {
        let name = path.to_string_lossy().to_ascii_lowercase();
        if [".fits", ".fits.gz", ".fit"].iter().any(|end| name.ends_with(end)) {
            return Ok(Self::Fits(SpectrumFile::open(path)?));
        }
        Ok(Self::Table(Box::new(from_table(path)?)))
    }

    fn len(&self) -> usize {
        match self {
            Self::Fits(file) => file.len(),
            Self::Table(_) => 1,
        }
    }

    fn spectrum(&self, row: usize) -> Result<(Spectrum, Option<Vec<f64>>)> {
        match self {
            Self::Fits(file) => Ok((file.spectrum(row)?, None)),
            Self::Table(one) => Ok((**one).clone()),
        }
    }
}

fn from_table(path: &Path) -> Result<(Spectrum, Option<Vec<f64>>)> {
    let table = ObjectTable::read(path)?;
    let values =
        |column: Vec<Option<f64>>| column.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect::<Vec<f64>>();
    let column = |name: &str| table.numbers(name).map(values);
    let mut spectrum = Spectrum::from_arrays(column("wave")?, column("flux")?, column("ivar")?);
    if spectrum.wavelength_angstrom.windows(2).any(|pair| pair[1] <= pair[0] || pair[1].is_nan()) {
        bail!("cannot use {}: expected wave to increase", path.display());
    }
    let name = path.file_stem().context("a file without a name")?;
    spectrum.name = name.to_string_lossy().into_owned();
    Ok((spectrum, table.optional("continuum")?.map(values)))
}

fn transition(text: &str) -> Result<Transition, String> {
    let named = Transition::ALL.into_iter().find(|line| line.name().eq_ignore_ascii_case(text));
    named.ok_or_else(|| format!("expected one of {}", Transition::ALL.map(Transition::name).join(", ")))
}

fn text(found: &[TroughSearch]) -> String {
    let width = found.iter().map(|one| one.name.chars().count()).max().unwrap_or(0).max(8);
    let mut lines = format!(
        "{:<width$}{:>9}{:>7}{:>8}{:>16}{:>18}{:>16}  troughs, km/s\n",
        "spectrum", "z", "line", "S/N", "BI, km/s", "BI to 60,000", "AI, km/s"
    );
    let with_error =
        |value: f64, error: f64| if value > 0.0 { format!("{value:.0} ± {error:.0}") } else { "0".to_owned() };
    for one in found {
        for indices in &one.indices {
            let wide = indices.balnicity_60000.as_ref();
            let broad = wide.unwrap_or(&indices.balnicity);
            let list = if broad.troughs.is_empty() { &indices.absorption.troughs } else { &broad.troughs };
            let troughs: Vec<String> =
                list.iter().map(|trough| format!("{:.0}-{:.0}", trough.v_min_km_s, trough.v_max_km_s)).collect();
            lines.push_str(&format!(
                "{:<width$}{:>9.4}{:>7}{:>8}{:>16}{:>18}{:>16}  {}\n",
                one.name,
                one.redshift,
                indices.transition.name(),
                one.snr_civ.map_or("-".to_owned(), |snr| format!("{snr:.1}")),
                with_error(indices.balnicity.value_km_s, indices.balnicity.error_km_s),
                wide.map_or("-".to_owned(), |index| with_error(index.value_km_s, index.error_km_s)),
                with_error(indices.absorption.value_km_s, indices.absorption.error_km_s),
                troughs.join(", ")
            ));
        }
        if one.indices.is_empty() {
            lines.push_str(&format!("{:<width$}{:>9.4}  no line is covered\n", one.name, one.redshift));
        }
    }
    lines
}
