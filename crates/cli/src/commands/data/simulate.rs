//! `astrolab data simulate`: a miniature data release with known truth.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use archive::Progress;
use clap::Args;
use desi::fastspecfit::{DEFAULT_LINES, lines_named};
use desi::simulate::{LightCone, Parameters, QuasarParameters, QuasarSky, Release, write_quasars, write_release};
use desi::templates::Templates;

use crate::terminal::Bars;

/// Make a simulated survey: galaxies in and around known voids, void catalogues, and the truth beside them; or, with
/// --quasars, spectra of quasars as coadd and redrock files, and their truth.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data simulate --seed 1 --galaxies 60000 --output sky
  astrolab data simulate --seed 2 --galaxies 60000 --environment-effect 0 --output null
  astrolab data simulate --galaxies 10000 --lines HALPHA,HBETA,OIII_5007 --output lines
  astrolab data simulate --galaxies 10000 --lines all --output full
  astrolab data simulate --quasars 2000 --seed 1 --output quasars
  astrolab data simulate --quasars 10000 --snr 5 --redshift 1.6,3.2 --bal-fraction 0.5 --output troughs
  astrolab data simulate --quasars 2000 --redshift 0.2,1.0 --templates templates --output hosts")]
pub(crate) struct Simulate {
    /// Seed of every random number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Make spectra of this many quasars instead of galaxies.
    #[arg(long, conflicts_with_all = ["galaxies", "environment_effect", "lines", "area_deg2"])]
    quasars: Option<usize>,
    #[command(flatten)]
    quasar: QuasarOptions,
    /// Number of galaxies.
    #[arg(long, default_value_t = 60_000)]
    galaxies: usize,
    /// Quenched fraction in walls minus that in voids at the same mass; 0 for none.
    #[arg(long, default_value_t = 0.03, allow_negative_numbers = true)]
    environment_effect: f64,
    /// Emission lines of FASTSPEC, or `all` for its 887 columns; without lines it has 35.
    #[arg(long, value_delimiter = ',', default_values_t = DEFAULT_LINES.map(str::to_owned))]
    lines: Vec<String>,
    /// Survey area in square degrees; by the number of galaxies when not given.
    #[arg(long)]
    area_deg2: Option<f64>,
    /// Folder to write.
    #[arg(short, long)]
    output: PathBuf,
    /// Write over an earlier simulation.
    #[arg(long)]
    force: bool,
}

/// What simulated quasars are like; the rest of their parameters are in `truth/parameters.json`.
#[derive(Debug, Args)]
struct QuasarOptions {
    /// Of quasars: folder of templates of Fe II and galaxies, which are not part of the program; without it there are none.
    #[arg(long, requires = "quasars", value_name = "FOLDER")]
    templates: Option<PathBuf>,
    /// Of quasars: median signal to noise of every spectrum, instead of what the exposure time gives.
    #[arg(long, requires = "quasars")]
    snr: Option<f64>,
    /// Of quasars: least and greatest redshift.
    #[arg(long, requires = "quasars", value_name = "LEAST,MOST", value_parser = pair)]
    redshift: Option<[f64; 2]>,
    /// Of quasars: brightest and faintest magnitude in r.
    #[arg(long, requires = "quasars", value_name = "BRIGHT,FAINT", value_parser = pair)]
    magnitude: Option<[f64; 2]>,
    /// Of quasars: share with broad absorption.
    #[arg(long, requires = "quasars")]
    bal_fraction: Option<f64>,
    /// Of quasars: share with a wing in [O III].
    #[arg(long, requires = "quasars")]
    wing_fraction: Option<f64>,
    /// Of quasars: Gaussians of a broad line, 1 or 2.
    #[arg(long, requires = "quasars")]
    broad_components: Option<usize>,
}

/// Two numbers with a comma between them.
fn pair(text: &str) -> Result<[f64; 2], String> {
    let numbers: Vec<f64> = text.split(',').filter_map(|number| number.trim().parse().ok()).collect();
    <[f64; 2]>::try_from(numbers)
        .map_err(|_| "expected two numbers with a comma between them, such as 1.6,3.2".to_owned())
}

impl QuasarOptions {
    fn parameters(&self, seed: u64, quasars: usize) -> QuasarParameters {
        let known = QuasarParameters::default();
        QuasarParameters {
            seed,
            quasars,
            signal_to_noise: self.snr,
            redshift: self.redshift.unwrap_or(known.redshift),
            magnitude_r: self.magnitude.unwrap_or(known.magnitude_r),
            bal_fraction: self.bal_fraction.unwrap_or(known.bal_fraction),
            wing_fraction: self.wing_fraction.unwrap_or(known.wing_fraction),
            broad_components: self.broad_components.unwrap_or(known.broad_components),
            ..known
        }
    }
}

impl Simulate {
    pub(crate) fn run(self) -> Result<ExitCode> {
        if let Some(quasars) = self.quasars {
            return self.run_quasars(quasars);
        }
        if self.output.join("galaxies.fits").exists() && !self.force {
            bail!(
                "cannot write {}: it holds a simulation\nhint: add `--force` to write over it",
                self.output.display()
            );
        }
        let mut parameters = Parameters::new(self.seed, self.galaxies);
        parameters.environment_effect = self.environment_effect;
        if let Some(area) = self.area_deg2 {
            parameters.area_deg2 = area;
        }
        let lines = lines_named(&self.lines)?;
        let release = simulate(&parameters, &self.output, &lines)?;
        crate::terminal::print(&format!(
            "FastSpecFit  {} files in {}\nvoids        {} catalogues in {}\ngalaxies     {} (11 columns)\ntruth        {}\n",
            release.fastspecfit.len(),
            self.output.join("fastspecfit").display(),
            release.voids.len(),
            self.output.join("desivast").display(),
            release.galaxies.display(),
            release.truth.display()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Simulate {
    fn run_quasars(&self, quasars: usize) -> Result<ExitCode> {
        if self.output.join("healpix").exists() && !self.force {
            bail!(
                "cannot write {}: it holds a simulation\nhint: add `--force` to write over it",
                self.output.display()
            );
        }
        let templates = self.quasar.templates.as_deref().map(Templates::read).transpose()?.unwrap_or_default();
        let sky = QuasarSky::with_templates(self.quasar.parameters(self.seed, quasars), templates)?;
        let release = write_quasars(&self.output, &sky, &Bars::default())?;
        crate::terminal::print(&format!(
            "coadd and redrock  {} files in {}\nspectra            {}\ntruth              {}\n",
            2 * release.pixels,
            release.healpix.display(),
            release.quasars,
            release.truth.display()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Simulates and writes; what `simulate` and `demo` share.
pub(crate) fn simulate(parameters: &Parameters, folder: &Path, lines: &[&'static str]) -> Result<Release> {
    let bars = Bars::default();
    bars.begin("simulating the sky", 2, "steps");
    let sky = LightCone::generate(parameters)?;
    bars.advance(1);
    let release = write_release(folder, &sky, lines)?;
    bars.advance(1);
    bars.end();
    Ok(release)
}
