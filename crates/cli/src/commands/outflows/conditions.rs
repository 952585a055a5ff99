//! `astrolab outflows conditions`: ionisation, density, metals and column of gas from lines or ionic columns.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use outflows::conditions::{Conditions, Measurements, conditions, conditions_table};
use outflows::inference::InferenceSettings;
use outflows::object_table::ObjectTable;
use outflows::recovery::{Injection, Truth, check_interpolation, recovery};

use super::grid::GridKind;
use crate::tables;

/// Gas conditions over a grid of models: posteriors, and how well known conditions are recovered.
#[derive(Debug, Subcommand)]
pub(crate) enum ConditionsCommand {
    Infer(Infer),
    Recover(Recover),
}

/// The grid and how it is used.
#[derive(Debug, Args)]
struct GridArguments {
    /// Table of models: lines.parquet or columns.parquet of `grid run`, or any that `grid import` takes.
    #[arg(long, value_name = "FILE")]
    grid: PathBuf,
    /// What the table is.
    #[arg(long, value_enum)]
    kind: GridKind,
    /// Axes of a NebulaBayes grid.
    #[arg(long, value_delimiter = ',')]
    axes: Vec<String>,
    /// Line that others are divided by.
    #[arg(long, default_value = "H_1_4861.33A")]
    over: String,
    /// Axes held at a value: logZ=0,logNH=21.
    #[arg(long, value_delimiter = ',', value_parser = fixed, allow_hyphen_values = true)]
    fix: Vec<(String, f64)>,
    /// Error of the models themselves, dex; that of the interpolation is measured and added.
    #[arg(long, default_value_t = 0.05)]
    model_error: f64,
    /// Points of the first mesh between two nodes of the grid, on each axis; closer meshes follow.
    #[arg(long, default_value_t = 4)]
    refine: usize,
}

/// Posteriors of every object of a table.
#[derive(Debug, Args)]
#[command(
    after_help = "TABLE has one row an object and columns named as the grid's quantities: line fluxes (linear) or ionic columns (log10),
each with <name>_err; <name>_bound of 1 is a lower limit, -1 an upper limit. The output is what `energetics absorption` reads.

Examples:
  astrolab outflows conditions infer objects.csv --grid columns.csv --kind cloudy-columns --fix logZ=0 --output gas.parquet
  astrolab outflows conditions infer fluxes.csv --grid lines.parquet --kind cloudy-lines --json"
)]
pub(crate) struct Infer {
    /// Objects: CSV, Parquet or FITS.
    table: PathBuf,
    #[command(flatten)]
    grid: GridArguments,
    /// Write one row an object here: Parquet, or CSV if the name ends in .csv.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Put known conditions in and infer them: bias, error and coverage of each axis.
#[derive(Debug, Args)]
#[command(
    after_help = "Two tests. `between nodes`: conditions from the prior, with an error of the interpolation drawn as it is claimed: whether the
inference does what it says. `models left out`: every second model along one axis, which the inference does not know: whether the claim is right.
In both the noise holds the error of the models (--model-error). A last table compares the interpolation's errors at the models left out with those
claimed, in standard deviations at smooth places.

Examples:
  astrolab outflows conditions recover --grid columns.csv --kind cloudy-columns --quantities N_CIV,N_SiIV,N_AlIII,N_SiII --know logZ,lognH
  astrolab outflows conditions recover --grid NB_NLR_grid.fits.gz --kind nebulabayes --over Hbeta --quantities OIII5007,NII6583,HeII4686 --left-out 'log U' --know 'log P/k'"
)]
pub(crate) struct Recover {
    #[command(flatten)]
    grid: GridArguments,
    /// Quantities measured.
    #[arg(long, value_delimiter = ',', required = true)]
    quantities: Vec<String>,
    /// Their errors, dex.
    #[arg(long, default_value_t = 0.05)]
    error: f64,
    /// Axes known of each object, at whatever value it has.
    #[arg(long, value_delimiter = ',', value_name = "AXIS")]
    know: Vec<String>,
    /// Axis whose every second model is left out.
    #[arg(long, default_value = "logU", value_name = "AXIS")]
    left_out: String,
    /// Conditions put in.
    #[arg(long, default_value_t = 200)]
    points: usize,
    /// Seed of places and noise.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn fixed(text: &str) -> Result<(String, f64), String> {
    let told = || format!("expected AXIS=VALUE, found `{text}`");
    let (axis, value) = text.split_once('=').ok_or_else(told)?;
    Ok((axis.to_owned(), value.parse().map_err(|_| told())?))
}

impl GridArguments {
    fn settings(&self) -> InferenceSettings {
        InferenceSettings {
            refine: self.refine,
            model_error_dex: self.model_error,
            fixed: self.fix.clone(),
            ..InferenceSettings::default()
        }
    }

    fn over(&self) -> Option<&str> {
        (self.kind != GridKind::CloudyColumns).then_some(self.over.as_str())
    }
}

impl ConditionsCommand {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Infer(infer) => infer.run(),
            Self::Recover(recover) => recover.run(),
        }
    }
}

impl Infer {
    fn run(self) -> Result<ExitCode> {
        let grid = self.grid.kind.read(&self.grid.grid, &self.grid.axes)?;
        let table = ObjectTable::read(&self.table)?;
        let measurements = match self.grid.over() {
            Some(over) => Measurements::Lines { over: over.to_owned() },
            None => Measurements::Columns,
        };
        let found = conditions(&grid, &table, &measurements, &self.grid.settings())?;
        let answer = conditions_table(&grid, &found)?;
        if let Some(output) = &self.output {
            tables::write(output, &answer)?;
        }
        crate::terminal::print(&if self.json { tables::json_lines(answer)? } else { text(&found) })?;
        if found.iter().all(|one| one.posterior.is_err()) {
            anyhow::bail!("none of the {} objects could be inferred", found.len());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn text(found: &[Conditions]) -> String {
    let mut lines = String::new();
    for one in found {
        lines.push_str(&format!("{}  ({} quantities)\n", one.object, one.used));
        match &one.posterior {
            Err(reason) => lines.push_str(&format!("  {}\n", reason.replace("\nhint:", ";"))),
            Ok(posterior) => {
                for axis in &posterior.axes {
                    let [low, high] = axis.interval_68;
                    let edge = if axis.at_edge { "  at the grid's edge" } else { "" };
                    lines.push_str(&format!(
                        "  {:8} {:7.2} +{:.2} -{:.2}{edge}\n",
                        axis.name,
                        axis.median,
                        high - axis.median,
                        axis.median - low
                    ));
                }
            }
        }
    }
    lines
}

impl Recover {
    fn run(self) -> Result<ExitCode> {
        let grid = self.grid.kind.read(&self.grid.grid, &self.grid.axes)?;
        let over = self.grid.over().map(str::to_owned);
        let Self { quantities, error, know, left_out, points, seed, .. } = self;
        let injection = Injection { quantities, over, error_dex: error, points, seed, known: know, left_out };
        let settings = self.grid.settings();
        // First, since it also tells at once what cannot be left out.
        let check = check_interpolation(&grid, &injection)?;
        let mut lines = format!(
            "{:18}{:14}{:>8}{:>12}{:>12}{:>19}{:>14}{:>14}\n",
            "truth", "axis", "points", "bias, dex", "error, dex", "within 0.3 dex, %", "in 68 %, %", "in 95 %, %"
        );
        for (name, truth) in [("between nodes", Truth::Between), ("models left out", Truth::LeftOut)] {
            let known =
                |axis: &String| injection.known.contains(axis) || settings.fixed.iter().any(|(fixed, _)| fixed == axis);
            for axis in recovery(&grid, &injection, truth, &settings)?.iter().filter(|axis| !known(&axis.axis)) {
                lines.push_str(&format!(
                    "{name:18}{:14}{:>8}{:>+12.3}{:>12.3}{:>19.1}{:>14.1}{:>14.1}\n",
                    axis.axis,
                    axis.points,
                    axis.bias_dex,
                    axis.error_dex,
                    100.0 * axis.within_03,
                    100.0 * axis.coverage_68,
                    100.0 * axis.coverage_95
                ));
            }
        }
        lines.push_str(&format!(
            "\nInterpolation at models left out along {}: 68 % of {} errors below {:.3} dex; leave-one-out, at twice the step: {:.3} dex.\n",
            injection.left_out, check.compared, check.error_dex, check.leave_one_out_dex
        ));
        for [sigmas, found, claimed] in check.within {
            let (found, claimed) = (100.0 * found, 100.0 * claimed);
            lines.push_str(&format!("  within {sigmas} standard deviations: {found:.1} %, claimed {claimed:.1} %\n"));
        }
        crate::terminal::print(&lines)?;
        Ok(ExitCode::SUCCESS)
    }
}
