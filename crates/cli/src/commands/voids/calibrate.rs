//! `astrolab voids calibrate`: does the study find what is there? Bias and coverage over many simulated skies.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use desi::simulate::Parameters;
use serde_json::{Value, json};
use voids::population::{
    CALIBRATED, Calibration, CalibrationPlan, EffectSettings, calibrate_on_light_cones, calibration_page,
};

use crate::terminal::Bars;

/// Redshift where DESIVAST's volume ends, and with it the simulated skies.
const REDSHIFT_MAX: f64 = 0.24;

/// Measure a known effect on many simulated skies, and none on as many: bias, coverage, false positives.
#[derive(Debug, Args)]
#[command(
    after_help = "Prints a page in Markdown. Skies have the seeds 1 to SEEDS, so that a second run gives the same page.

Examples:
  astrolab voids calibrate
  astrolab voids calibrate --seeds 12 --galaxies 20000 --json
  astrolab voids calibrate --seeds 50 --galaxies 60000 --effect 0.03 --output docs/reference/calibration-voids.md"
)]
pub(crate) struct Calibrate {
    /// Simulated skies for each injected effect.
    #[arg(long, default_value_t = 50)]
    seeds: u64,
    /// Galaxies of each sky, below redshift 0.24.
    #[arg(long, default_value_t = 60_000)]
    galaxies: usize,
    /// Injected effect: quenched fraction in walls minus that in voids at fixed mass. Skies without one are always made.
    #[arg(long, default_value_t = 0.03, allow_negative_numbers = true)]
    effect: f64,
    /// HEALPix order whose cells are as large as the jackknife's regions.
    #[arg(long, default_value_t = 3)]
    region_order: u8,
    /// Permutations of the tests.
    #[arg(long, default_value_t = 499)]
    permutations: usize,
    /// Write the page here instead of printing it.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print the numbers as JSON.
    #[arg(long)]
    json: bool,
}

impl Calibrate {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        if self.seeds < 2 {
            bail!("cannot calibrate on {} skies\nhint: bias and coverage need at least 2, better 50", self.seeds);
        }
        // The interval is the jackknife's; the bootstrap is not looked at.
        let settings = EffectSettings { bootstraps: 2, permutations: self.permutations, ..EffectSettings::default() };
        let mut runs = Vec::new();
        for environment_effect in [self.effect, 0.0] {
            let parameters =
                Parameters { environment_effect, redshift_max: REDSHIFT_MAX, ..Parameters::new(1, self.galaxies) };
            let plan = CalibrationPlan { parameters, seeds: self.seeds, region_order: self.region_order, settings };
            let calibrations = calibrate_on_light_cones(&plan, &Bars::default())?;
            runs.push((plan, calibrations));
        }
        let Self { seeds, galaxies, effect, .. } = self;
        let command = format!("astrolab voids calibrate --seeds {seeds} --galaxies {galaxies} --effect {effect}");
        let page = calibration_page(&runs, &command);
        if let Some(path) = &self.output {
            study::write_file(path, page.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if self.json {
            let rows: Vec<Value> = runs.iter().flat_map(|(plan, found)| rows(plan, found)).collect();
            crate::terminal::print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
        } else if self.output.is_none() {
            crate::terminal::print(&page)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn rows(plan: &CalibrationPlan, found: &[Calibration]) -> Vec<Value> {
    let row = |(measured, c): (&voids::population::Measured, &Calibration)| {
        json!({
            "injected": plan.parameters.environment_effect, "measured_by": measured.name(), "skies": plan.seeds,
            "galaxies": plan.parameters.galaxies, "bias": c.bias, "bias_error": c.bias_error, "scatter": c.scatter,
            "mean_error": c.mean_error, "coverage_68": c.coverage_68,
            "coverage_68_range": [c.coverage_68_range.low, c.coverage_68_range.high], "coverage_95": c.coverage_95,
            "coverage_95_range": [c.coverage_95_range.low, c.coverage_95_range.high],
            "detections_permutation": c.detections_permutation, "detections_regions": c.detections_regions,
        })
    };
    CALIBRATED.iter().zip(found).map(row).collect()
}
