//! `astrolab outflows fit`: quasar spectra decomposed.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::Progress;
use clap::Args;
use desi::spectra::{Spectrum, SpectrumFile, TargetRedshift, read_redshifts};
use outflows::continuum::{ContinuumSettings, Templates};
use outflows::extinction::correct_for_dust;
use outflows::fit_figure::fit_figure;
use outflows::lines::LineList;
use outflows::measure::{FitPlan, QuasarFit, fit_quasar, line_table, quasar_table};
use rayon::prelude::*;

use crate::tables;
use crate::terminal::Bars;

/// Decompose quasar spectra: power law, Fe II, Balmer continuum, host galaxy, and emission lines complex by complex.
#[derive(Debug, Args)]
#[command(
    after_help = "FILES are DESI coadds, SDSS spec files or X-Shooter tables. The Galaxy's dust is taken off where the file gives E(B-V).
Fe II and host galaxies are fitted where TEMPLATES has their tables, which are not part of the program: `pip download --no-deps
qsospec` brings those of Fe II. Errors come from the covariance of
continuum and lines, or with --draws from fits with noise added. Files and spectra that cannot be fitted are named on stderr; the exit code is 1 only if
none can.

Examples:
  astrolab outflows fit spec-0685-52203-0467.fits --plot figures
  astrolab outflows fit coadd-main-dark-27258.fits --redshifts redrock-main-dark-27258.fits --qso \\
      --templates templates --draws 50 --output quasars.parquet --lines lines.parquet
  astrolab outflows fit coadd.fits -z 1.2 --targetid 39627652591521181 --thorough --json"
)]
pub(crate) struct Fit {
    /// Spectra.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Redshift of every spectrum, before the file's own.
    #[arg(short = 'z', long)]
    redshift: Option<f64>,
    /// Table of TARGETID and Z (redrock file or catalogue).
    #[arg(long, value_name = "FILE", conflicts_with = "redshift")]
    redshifts: Option<PathBuf>,
    /// Only targets whose SPECTYPE in that table is QSO.
    #[arg(long, requires = "redshifts")]
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

/// A spectrum free of the Galaxy's dust, and its fit.
type Fitted = (Spectrum, QuasarFit);

impl Fit {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let templates = self.templates.as_deref().map(Templates::read).transpose()?.unwrap_or_default();
        let list = self.line_list()?;
        let plan = FitPlan {
            templates: &templates,
            lines: &list,
            continuum: ContinuumSettings::default(),
            thorough: self.thorough,
            draws: self.draws,
            seed: self.seed,
        };
        let redshifts = self.redshifts.as_deref().map(read_redshifts).transpose()?.unwrap_or_default();
        let bars = Bars::default();
        let mut fitted: Vec<Fitted> = Vec::new();
        let mut asked = 0;
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
            asked += rows.len();
            bars.begin(&path.file_name().unwrap_or_default().to_string_lossy(), rows.len() as u64, "spectra");
            let results: Vec<Result<Fitted>> = rows
                .par_iter()
                .map(|&row| {
                    let found = self.fit(&file, row, &redshifts, &plan);
                    bars.advance(1);
                    found
                })
                .collect();
            bars.end();
            for result in results {
                match result {
                    Ok(one) => fitted.push(one),
                    Err(error) => crate::terminal::complain(&format!("{}: {error:#}", path.display())),
                }
            }
        }
        if asked == 0 {
            bail!("no spectrum meets the conditions\nhint: leave out --targetid or --qso");
        }
        if fitted.is_empty() {
            bail!("none of the {asked} spectra could be fitted");
        }
        self.draw(&fitted, &templates, &list)?;
        self.write(&fitted)?;
        Ok(ExitCode::SUCCESS)
    }

    fn line_list(&self) -> Result<LineList> {
        let Some(path) = &self.line_list else { return Ok(LineList::default_list()?) };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read line list {}", path.display()))?;
        LineList::parse(&text).with_context(|| format!("cannot use line list {}", path.display()))
    }

    fn wants(&self, target_id: Option<i64>, redshifts: &[TargetRedshift]) -> bool {
        let named = self.targetid.is_empty() || target_id.is_some_and(|id| self.targetid.contains(&id));
        let quasar = || {
            let listed = redshifts.iter().find(|one| Some(one.target_id) == target_id);
            listed.and_then(|one| one.spectype.as_deref()).is_some_and(|kind| kind.eq_ignore_ascii_case("QSO"))
        };
        named && (!self.qso || quasar())
    }

    fn fit(&self, file: &SpectrumFile, row: usize, redshifts: &[TargetRedshift], plan: &FitPlan<'_>) -> Result<Fitted> {
        let mut spectrum = file.spectrum(row)?;
        let listed = redshifts.iter().find(|one| Some(one.target_id) == spectrum.target_id).map(|one| one.redshift);
        let redshift = self.redshift.or(listed).or(spectrum.redshift);
        let Some(redshift) = redshift.filter(|z| z.is_finite() && *z > -0.5 && *z < 20.0) else {
            bail!(
                "cannot fit {}: it has no redshift\nhint: give --redshift, or --redshifts with the redrock file",
                spectrum.name
            );
        };
        correct_for_dust(&mut spectrum);
        let fit = fit_quasar(&spectrum, redshift, plan)?;
        Ok((spectrum, fit))
    }

    fn draw(&self, fitted: &[Fitted], templates: &Templates, list: &LineList) -> Result<()> {
        let Some(folder) = &self.plot else { return Ok(()) };
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create folder {}", folder.display()))?;
        for (spectrum, fit) in fitted {
            let (figure, data) = fit_figure(spectrum, fit, templates, list)?;
            figure.save(folder, &super::file_stem(&fit.name), &data)?;
        }
        Ok(())
    }

    fn write(&self, fitted: &[Fitted]) -> Result<()> {
        let fits: Vec<QuasarFit> = fitted.iter().map(|(_, fit)| fit.clone()).collect();
        let lines = line_table(&fits)?;
        if let Some(path) = &self.output {
            tables::write(path, &quasar_table(&fits)?)?;
        }
        if let Some(path) = &self.lines {
            tables::write(path, &lines)?;
        }
        crate::terminal::print(&if self.json { tables::json_lines(lines)? } else { text(&fits) })
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
