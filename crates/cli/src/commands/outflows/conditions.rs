//! `astrolab outflows conditions`: ionisation, density, metals and column of gas from lines or ionic columns.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use outflows::conditions::{Conditions, Measurements, conditions, conditions_table, recovery};
use outflows::inference::InferenceSettings;
use outflows::object_table::ObjectTable;

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
    /// Mesh points between two nodes of the grid, on each axis.
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
    after_help = "Two tests: places between nodes, whose truth is the interpolation itself (the best case), and models left out of the grid
(every second log U), which the inference does not know.

Examples:
  astrolab outflows conditions recover --grid columns.csv --kind cloudy-columns --quantities N_CIV,N_SiIV,N_AlIII,N_SiII --fix logZ=0"
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
        let mut lines = format!(
            "{:24}{:10}{:>8}{:>12}{:>14}{:>18}{:>16}\n",
            "truth", "axis", "points", "bias, dex", "error, dex", "within 0.3 dex, %", "coverage 68, %"
        );
        for (name, left_out) in [("between nodes", false), ("models left out", true)] {
            let how = (self.points, self.error, self.seed);
            let found = recovery(&grid, (&self.quantities, self.grid.over()), how, left_out, &self.grid.settings())?;
            let free = found.iter().filter(|axis| !self.grid.fix.iter().any(|(fixed, _)| *fixed == axis.axis));
            for axis in free {
                lines.push_str(&format!(
                    "{name:24}{:10}{:>8}{:>+12.3}{:>14.3}{:>18.1}{:>16.1}\n",
                    axis.axis,
                    axis.points,
                    axis.bias_dex,
                    axis.error_dex,
                    100.0 * axis.within_03,
                    100.0 * axis.coverage_68
                ));
            }
        }
        crate::terminal::print(&lines)?;
        Ok(ExitCode::SUCCESS)
    }
}
