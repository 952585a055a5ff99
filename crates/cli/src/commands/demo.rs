//! `astrolab demo`: the whole system in miniature, from a simulated survey to a report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use clap::Args;
use desi::simulate::{Parameters, QuasarParameters, QuasarSky, write_quasars};

use crate::terminal::Bars;

/// Everything in miniature: simulate a survey, ingest it, ask it, run the studies of voids and of winds, say where the reports are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab demo
  astrolab demo --galaxies 60000 --seed 7 --output /tmp/demo")]
pub(crate) struct Demo {
    /// Seed of the simulated sky.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Galaxies of the simulated sky.
    #[arg(long, default_value_t = 500_000)]
    galaxies: usize,
    /// Quasars of the simulated spectra.
    #[arg(long, default_value_t = 150)]
    quasars: usize,
    /// Folder to write.
    #[arg(short, long, default_value = "demo")]
    output: PathBuf,
}

impl Demo {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let parameters = Parameters::new(self.seed, self.galaxies);
        let sky = self.output.join(format!("sky-{}-{}", self.seed, self.galaxies));
        super::data::simulate(&parameters, &sky, &desi::fastspecfit::DEFAULT_LINES)?;
        let archive = self.output.join(format!("archive-{}-{}", self.seed, self.galaxies));
        // The simulation was written anew, so an archive of an earlier demo is of other files.
        if archive.exists() {
            std::fs::remove_dir_all(&archive).with_context(|| format!("cannot remove {}", archive.display()))?;
        }
        super::data::ingest_release(&sky, &archive)?;
        let study = self.output.join(format!("voids-{}-{}.toml", self.seed, self.galaxies));
        let text = study_file(&self.output, &archive, &parameters);
        std::fs::write(&study, text).with_context(|| format!("cannot write {}", study.display()))?;
        let finished = super::run::run_study(&study, &self.output.join("runs"))?;
        let winds = self.winds()?;
        let effect = parameters.environment_effect;
        crate::terminal::print(&format!(
            "sky                  {}\narchive              {}\nstudy                {}\n{}\
             injected effect      {effect:+.3} quenched fraction, wall minus void\n\
             measured effect      {}\n\n{}",
            sky.display(),
            archive.display(),
            study.display(),
            super::run::summary(&finished),
            measured_effect(&finished)?,
            super::run::summary(&winds)
        ))?;
        let [voids, winds] = [&finished, &winds].map(super::run::verdict);
        Ok(if voids == ExitCode::SUCCESS { winds } else { voids })
    }

    /// The study of winds on simulated quasars, through an archive of their spectra.
    fn winds(&self) -> Result<study::run::Finished> {
        let named = |kind: &str| format!("{kind}-{}-{}", self.seed, self.quasars);
        let (spectra, archive) = (self.output.join(named("quasars")), self.output.join(named("spectra-archive")));
        for folder in [&spectra, &archive] {
            if folder.exists() {
                std::fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
            }
        }
        let parameters = QuasarParameters { seed: self.seed, quasars: self.quasars, ..QuasarParameters::default() };
        write_quasars(&spectra, &QuasarSky::new(parameters)?, &Bars::default())?;
        super::data::ingest_release(&spectra, &archive)?;
        let study = self.output.join(format!("{}.toml", named("outflows")));
        let text = format!(
            "# The demo's second study: winds of simulated quasars in an archive.\n\
             study = \"outflows\"\nversion = 1\nseed = {}\n\n[inputs]\narchive = {:?}\n\n\
             [test]\nremeasured = 10\ninjected = 10\n\n[report]\ngallery = 3\n",
            self.seed,
            named("spectra-archive"),
        );
        std::fs::write(&study, text).with_context(|| format!("cannot write {}", study.display()))?;
        super::run::run_study(&study, &self.output.join("runs"))
    }
}

/// The study's headline: the effect by the first catalogue and definition of its table.
fn measured_effect(finished: &study::run::Finished) -> Result<String> {
    let effects = study::tables::read_parquet(&finished.folder.join("tables/effects.parquet"))?;
    let first = |name: &str| {
        let column = effects.column_by_name(name)?.as_primitive_opt::<Float64Type>()?;
        (!column.is_empty()).then(|| column.value(0))
    };
    let words = |name: &str| {
        let column = effects.column_by_name(name)?.as_string_opt::<i32>()?;
        (!column.is_empty()).then(|| column.value(0).to_owned())
    };
    Ok(match (first("delta_f_quenched"), first("error"), words("algorithm")) {
        (Some(value), Some(error), Some(algorithm)) => format!("{value:+.3} ± {error:.3} ({algorithm} voids)"),
        _ => "none: the sample is too small".to_owned(),
    })
}

/// The study of the demo, as a user would write it.
fn study_file(base: &Path, archive: &Path, parameters: &Parameters) -> String {
    let relative = |path: &Path| path.strip_prefix(base).unwrap_or(path).display().to_string();
    let (seed, omega_m) = (parameters.seed, parameters.omega_m);
    format!(
        "# The demo's study: galaxies of a simulated sky in an archive, its true voids as catalogues, and voids found anew.\n\
         study = \"voids\"\nversion = 1\nseed = {seed}\n\n[inputs]\narchive = {:?}\n\n[cosmology]\nomega_m = {omega_m}\n\n\
         [sample]\nwhere = [\"\\\"ZWARN\\\" = 0\", \"\\\"SPECTYPE\\\" = 'GALAXY'\"]\nredshift = [0.01, 0.24]\n\
         # As bright as the finders' tracers: fainter galaxies are in voids by their colour.\nmagnitude_limit = -20.0\n\n\
         [voids]\narchived = [\"voidfinder\", \"vide\", \"zobov\", \"revolver\"]\nfind = [\"voidfinder\", \"vide\"]\n\
         redshift = [0.0, 0.24]\nmagnitude_limit = -20.0\n",
        relative(archive),
    )
}
