//! `astrolab outflows fit`: quasar spectra decomposed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::Progress;
use archive::sql::SessionSettings;
use clap::Args;
use desi::spectra::{Spectrum, SpectrumFile, TargetRedshift, redshifts_by_target};
use outflows::continuum::{ContinuumSettings, Templates};
use outflows::extinction::correct_for_dust;
use outflows::fit_figure::fit_figure;
use outflows::lines::LineList;
use outflows::measure::{FitPlan, QuasarFit, fit_quasar, line_table, quasar_table};
use outflows::study::ArchiveSample;
use rayon::prelude::*;

use crate::tables;
use crate::terminal::Bars;

/// Decompose quasar spectra: power law, Fe II, Balmer continuum, host galaxy, and emission lines complex by complex.
#[derive(Debug, Args)]
#[command(
    after_help = "FILES are DESI coadds, SDSS spec files or X-Shooter tables; --archive takes the spectra that `data ingest` made of a tree of
coadds, a thousand at a time. The Galaxy's dust is taken off where the file gives E(B-V).
Fe II and host galaxies are fitted where TEMPLATES has their tables, which are not part of the program: `pip download --no-deps
qsospec` brings those of Fe II. Errors come from the covariance of
continuum and lines, or with --draws from fits with noise added. Files and spectra that cannot be fitted are named on stderr; the exit code is 1 only if
none can.

Examples:
  astrolab outflows fit spec-0685-52203-0467.fits --plot figures
  astrolab outflows fit coadd-main-dark-27258.fits --redshifts redrock-main-dark-27258.fits --qso \\
      --templates templates --draws 50 --output quasars.parquet --lines lines.parquet
  astrolab outflows fit --archive archive --qso --where '\"Z\" > 0.5 AND \"SNR\" > 2' \\
      --output quasars.parquet --lines lines.parquet
  astrolab outflows fit coadd.fits -z 1.2 --targetid 39627652591521181 --thorough --json"
)]
pub(crate) struct Fit {
    /// Spectra.
    #[arg(required_unless_present = "archive")]
    files: Vec<PathBuf>,
    /// Fit spectra of this archive, with its redshifts, instead of files.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["files", "redshift", "redshifts"])]
    archive: Option<PathBuf>,
    /// Table of the archive that holds the spectra.
    #[arg(long, default_value = "spectra", requires = "archive")]
    table: String,
    /// Only rows of the archive that meet this SQL condition; may be given several times.
    #[arg(long = "where", value_name = "SQL", requires = "archive")]
    conditions: Vec<String>,
    /// Redshift of every spectrum, before the file's own.
    #[arg(short = 'z', long)]
    redshift: Option<f64>,
    /// Table of TARGETID and Z (redrock file or catalogue).
    #[arg(long, value_name = "FILE", conflicts_with = "redshift")]
    redshifts: Option<PathBuf>,
    /// Only targets whose SPECTYPE in that table, or in the archive, is QSO.
    #[arg(long)]
    qso: bool,
    /// Only these targets.
    #[arg(long, value_delimiter = ',')]
    targetid: Vec<i64>,
    /// Folder of templates of Fe II and galaxies.
    #[arg(long, value_name = "FOLDER", env = "ASTROLAB_TEMPLATES")]
    templates: Option<PathBuf>,
    /// Line list (TOML), instead of the program's own.
    #[arg(long, value_name = "FILE")]
    line_list: Option<PathBuf>,
    /// One power law for the whole spectrum: it may not bend.
    #[arg(long)]
    straight: bool,
    /// Try components of lines at more places: for single objects.
    #[arg(long)]
    thorough: bool,
    /// Errors from this many fits with new noise, instead of the covariance.
    #[arg(long, default_value_t = 0)]
    draws: usize,
    /// Seed of the noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write one row a quasar here: Parquet, or CSV if the name ends in .csv.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write one row a quasar and line here: Parquet, or CSV.
    #[arg(long, value_name = "FILE")]
    lines: Option<PathBuf>,
    /// Draw every fit into this folder (SVG, PNG and the data).
    #[arg(long, value_name = "FOLDER")]
    plot: Option<PathBuf>,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print JSON, one object a line of a quasar.
    #[arg(long)]
    json: bool,
}

/// Spectra of an archive that are read together.
const READ_TOGETHER: usize = 1_000;

/// Fits so far, drawn as they come, so that memory holds few spectra.
struct Results<'a> {
    fit: &'a Fit,
    plan: &'a FitPlan<'a>,
    fits: Vec<QuasarFit>,
    asked: usize,
}

impl Results<'_> {
    /// Fits `n` spectra of one place, on all threads; those that cannot be fitted are told of.
    fn take(
        &mut self,
        place: &str,
        n: usize,
        read: &(dyn Fn(usize) -> Result<Spectrum> + Sync),
        advance: &(dyn Fn() + Sync),
    ) -> Result<()> {
        self.asked += n;
        let one = |at: usize| -> Result<(Spectrum, QuasarFit)> {
            let spectrum = read(at)?;
            let Some(redshift) = spectrum.redshift.filter(|z| z.is_finite() && *z > -0.5 && *z < 20.0) else {
                bail!(
                    "cannot fit {}: it has no redshift\nhint: give --redshift, or --redshifts with the redrock file",
                    spectrum.name
                );
            };
            let fit = fit_quasar(&spectrum, redshift, self.plan)?;
            Ok((spectrum, fit))
        };
        let found: Vec<Result<(Spectrum, QuasarFit)>> = (0..n)
            .into_par_iter()
            .map(|at| {
                let found = one(at);
                advance();
                found
            })
            .collect();
        for result in found {
            match result {
                Ok((spectrum, fit)) => {
                    self.draw(&spectrum, &fit)?;
                    self.fits.push(fit);
                }
                Err(error) => crate::terminal::complain(&format!("{place}: {error:#}")),
            }
        }
        Ok(())
    }

    fn draw(&self, spectrum: &Spectrum, fit: &QuasarFit) -> Result<()> {
        let Some(folder) = &self.fit.plot else { return Ok(()) };
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create folder {}", folder.display()))?;
        let (figure, data) = fit_figure(spectrum, fit, self.plan.templates, self.plan.lines)?;
        Ok(figure.save(folder, &super::file_stem(&fit.name), &data)?)
    }
}

impl Fit {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        if self.qso && self.archive.is_none() && self.redshifts.is_none() {
            bail!("cannot tell which targets are quasars\nhint: give --redshifts with the redrock file or a catalogue");
        }
        let templates = self.templates.as_deref().map(Templates::read).transpose()?.unwrap_or_default();
        let list = self.line_list()?;
        let plan = FitPlan {
            templates: &templates,
            lines: &list,
            continuum: ContinuumSettings { broken_power_law: !self.straight, ..ContinuumSettings::default() },
            thorough: self.thorough,
            draws: self.draws,
            seed: self.seed,
        };
        let mut results = Results { fit: &self, plan: &plan, fits: Vec::new(), asked: 0 };
        match &self.archive {
            Some(folder) => self.fit_archive(folder, &mut results)?,
            None => self.fit_files(&mut results)?,
        }
        if results.asked == 0 {
            bail!("no spectrum meets the conditions\nhint: leave out --targetid, --qso or --where");
        }
        if results.fits.is_empty() {
            bail!("none of the {} spectra could be fitted", results.asked);
        }
        self.write(&results.fits)?;
        Ok(ExitCode::SUCCESS)
    }

    fn fit_files(&self, results: &mut Results<'_>) -> Result<()> {
        let redshifts = self.redshifts.as_deref().map(redshifts_by_target).transpose()?.unwrap_or_default();
        let bars = Bars::default();
        for path in &self.files {
            let file = match SpectrumFile::open(path) {
                Ok(file) => file,
                Err(error) if self.files.len() > 1 => {
                    crate::terminal::complain(&error.to_string());
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let rows: Vec<usize> = (0..file.len()).filter(|row| self.wants(file.target_id(*row), &redshifts)).collect();
            bars.begin(&path.file_name().unwrap_or_default().to_string_lossy(), rows.len() as u64, "spectra");
            let read = |at: usize| self.spectrum(&file, rows[at], &redshifts);
            let named = path.display().to_string();
            results.take(&named, rows.len(), &read, &|| bars.advance(1))?;
            bars.end();
        }
        Ok(())
    }

    fn fit_archive(&self, folder: &Path, results: &mut Results<'_>) -> Result<()> {
        let session = crate::session::open(folder, SessionSettings::default())?;
        let mut conditions = self.conditions.clone();
        if self.qso {
            conditions.push("\"SPECTYPE\" = 'QSO'".to_owned());
        }
        if !self.targetid.is_empty() {
            let targets: Vec<String> = self.targetid.iter().map(i64::to_string).collect();
            conditions.push(format!("\"TARGETID\" IN ({})", targets.join(", ")));
        }
        let sample = ArchiveSample::select(&session, (folder, &self.table), &conditions)?;
        let bars = Bars::default();
        bars.begin("fitting", sample.len() as u64, "spectra");
        for start in (0..sample.len()).step_by(READ_TOGETHER) {
            let spectra = sample.read(start..start + READ_TOGETHER)?;
            let read = |at: usize| match &spectra[at] {
                Ok(spectrum) => Ok(spectrum.clone()),
                Err(reason) => bail!("{reason}"),
            };
            results.take(&folder.display().to_string(), spectra.len(), &read, &|| bars.advance(1))?;
        }
        bars.end();
        Ok(())
    }

    fn line_list(&self) -> Result<LineList> {
        let Some(path) = &self.line_list else { return Ok(LineList::default_list()?) };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read line list {}", path.display()))?;
        LineList::parse(&text).with_context(|| format!("cannot use line list {}", path.display()))
    }

    fn wants(&self, target_id: Option<i64>, redshifts: &HashMap<i64, TargetRedshift>) -> bool {
        let named = self.targetid.is_empty() || target_id.is_some_and(|id| self.targetid.contains(&id));
        let quasar = || {
            let listed = target_id.and_then(|id| redshifts.get(&id));
            listed.and_then(|one| one.spectype.as_deref()).is_some_and(|kind| kind.eq_ignore_ascii_case("QSO"))
        };
        named && (!self.qso || quasar())
    }

    /// A spectrum with its redshift, free of the Galaxy's dust.
    fn spectrum(&self, file: &SpectrumFile, row: usize, redshifts: &HashMap<i64, TargetRedshift>) -> Result<Spectrum> {
        let mut spectrum = file.spectrum(row)?;
        spectrum.redshift = super::redshift_of(&spectrum, self.redshift, redshifts);
        correct_for_dust(&mut spectrum);
        Ok(spectrum)
    }

    fn write(&self, fits: &[QuasarFit]) -> Result<()> {
        let lines = line_table(fits)?;
        if let Some(path) = &self.output {
            tables::write(path, &quasar_table(fits)?)?;
        }
        if let Some(path) = &self.lines {
            tables::write(path, &lines)?;
        }
        crate::terminal::print(&if self.json { tables::json_lines(lines)? } else { text(fits) })
    }
}

fn text(fits: &[QuasarFit]) -> String {
    let mut lines = String::new();
    for fit in fits {
        let luminosity = fit.log_luminosities.iter().flatten().next_back();
        lines.push_str(&format!(
            "{}  z {:.4}  S/N {}  slope {:.2}  log λL(λ) {}  continuum χ²/dof {:.2}\n",
            fit.name,
            fit.redshift,
            fit.signal_to_noise.map_or("-".to_owned(), |snr| format!("{snr:.1}")),
            fit.slope.value,
            luminosity.map_or("-".to_owned(), |log| format!("{log:.2}")),
            fit.decomposition.continuum.reduced_chi2(),
        ));
        for line in fit.lines.iter().filter(|line| line.quantities.is_some()) {
            let number = |measured: Option<outflows::measure::Measured>| match measured {
                Some(outflows::measure::Measured { value, error: Some(error) }) => format!("{value:.0} ± {error:.0}"),
                Some(measured) => format!("{:.0}", measured.value),
                None => "-".to_owned(),
            };
            lines.push_str(&format!(
                "  {:12} {:8} flux {:>16}  FWHM {:>14}  v50 {:>14} km/s{}\n",
                line.line,
                line.group,
                number(Some(line.flux_1e17_cgs)),
                number(line.fwhm_km_s),
                number(line.v50_km_s),
                if line.at_bound { "  at a bound" } else { "" },
            ));
        }
    }
    lines
}
