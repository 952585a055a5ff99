//! `astrolab data simulate`: a miniature data release with known truth.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use archive::Progress;
use clap::Args;
use desi::fastspecfit::{DEFAULT_LINES, lines_named};
use desi::simulate::{LightCone, Parameters, Release, write_release};

use crate::terminal::Bars;

/// Make a simulated survey: galaxies in and around known voids, void catalogues, and the truth beside them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data simulate --seed 1 --galaxies 60000 --output sky
  astrolab data simulate --seed 2 --galaxies 60000 --environment-effect 0 --output null
  astrolab data simulate --galaxies 10000 --lines HALPHA,HBETA,OIII_5007 --output lines
  astrolab data simulate --galaxies 10000 --lines all --output full")]
pub(crate) struct Simulate {
    /// Seed of every random number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
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

impl Simulate {
    pub(crate) fn run(self) -> Result<ExitCode> {
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
