//! `astrolab outflows calibrate`: whether the fitter's errors are true.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use archive::Progress;
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use clap::Args;
use outflows::calibrate::{Calibration, SIGNAL_TO_NOISE, WING_FRACTIONS, calibrate, calibrate_light};
use outflows::continuum::Templates;
use study::figures::{Axis, Colour, Figure, Line, Panel, Rule};

use crate::tables;
use crate::terminal::Bars;

/// Fit spectra of known parts: pulls and bias of every quantity, completeness and false positives of wings.
#[derive(Debug, Args)]
#[command(
    after_help = "Writes pulls.csv, wings.csv and the figure calibration (SVG, PNG and its data) into OUTPUT, and prints both tables with four
decimals.

Examples:
  astrolab outflows calibrate calibration
  astrolab outflows calibrate calibration --spectra 400 --draws 100 --seed 2
  astrolab outflows calibrate calibration --spectra 2000 --templates templates"
)]
pub(crate) struct Calibrate {
    /// Folder for the tables and the figure.
    output: PathBuf,
    /// Spectra in all, over S/N 2, 5, 10 and 20.
    #[arg(long, default_value_t = 10_000)]
    spectra: usize,
    /// Errors from this many fits with new noise, instead of the covariance.
    #[arg(long, default_value_t = 0)]
    draws: usize,
    /// Seed of the spectra.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder of templates: also tells how Fe II and host galaxies come back (light.csv).
    #[arg(long, value_name = "FOLDER")]
    templates: Option<PathBuf>,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print JSON, one object a row of the pulls.
    #[arg(long)]
    json: bool,
}

impl Calibrate {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let templates = self.templates.as_deref().map(Templates::read).transpose()?;
        std::fs::create_dir_all(&self.output)
            .with_context(|| format!("cannot create folder {}", self.output.display()))?;
        let bars = Bars::default();
        bars.begin("calibrate", self.spectra as u64, "spectra");
        let settings = Calibration { spectra: self.spectra, draws: self.draws, seed: self.seed };
        let (pulls, wings) = calibrate(settings, &|| bars.advance(1))?;
        bars.end();
        if let Some(templates) = &templates {
            bars.begin("calibrate Fe II and hosts", self.spectra as u64, "spectra");
            let light = calibrate_light(settings, templates, &|| bars.advance(1))?;
            bars.end();
            tables::write(&self.output.join("light.csv"), &light)?;
            if !self.json {
                crate::terminal::print(&format!("{}\n", pretty(&light)?))?;
            }
        }
        tables::write(&self.output.join("pulls.csv"), &pulls)?;
        tables::write(&self.output.join("wings.csv"), &wings)?;
        figure(&pulls, &wings).save(&self.output, "calibration", &wings)?;
        let text =
            if self.json { tables::json_lines(pulls)? } else { format!("{}\n{}\n", pretty(&pulls)?, pretty(&wings)?) };
        crate::terminal::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn pretty(table: &RecordBatch) -> Result<impl std::fmt::Display, arrow::error::ArrowError> {
    arrow::util::pretty::pretty_format_batches(&[rounded(table)?])
}

/// A table to be read, its numbers with four decimals.
fn rounded(table: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let round = |column: &ArrayRef| match column.as_any().downcast_ref::<Float64Array>() {
        Some(values) => Arc::new(values.unary::<_, Float64Type>(|value| (value * 1e4).round() / 1e4)),
        None => column.clone(),
    };
    RecordBatch::try_new(table.schema(), table.columns().iter().map(round).collect())
}

fn column(table: &RecordBatch, name: &str) -> Vec<f64> {
    let values = table.column_by_name(name).and_then(|column| column.as_any().downcast_ref::<Float64Array>());
    values.map(|values| values.values().to_vec()).unwrap_or_default()
}

fn figure(pulls: &RecordBatch, wings: &RecordBatch) -> Figure {
    let mut figure = Figure::new("Errors and wings of the fitter").panel_size(430.0, 280.0).columns(3);
    let names = pulls.column_by_name("quantity").and_then(|column| column.as_any().downcast_ref::<StringArray>());
    // The first word of a quantity is its line.
    let lines: Vec<&str> = names.into_iter().flatten().flatten().filter_map(|name| name.split(' ').next()).collect();
    for (name, label, ideal, range) in
        [("mean", "Mean pull", 0.0, (-0.5, 0.5)), ("deviation", "Standard deviation of pulls", 1.0, (0.5, 1.6))]
    {
        let mut panel = Panel::new().x(Axis::linear("S/N a pixel")).y(Axis::linear(label).range(range.0, range.1));
        let mut known: Vec<&str> = Vec::new();
        let quantities = lines.iter().step_by(SIGNAL_TO_NOISE.len());
        for (line, values) in quantities.zip(column(pulls, name).chunks_exact(SIGNAL_TO_NOISE.len())) {
            let at = known.iter().position(|known| known == line);
            let colour = Colour::PALETTE[at.unwrap_or(known.len()) % Colour::PALETTE.len()];
            let mut drawn = Line::new(&SIGNAL_TO_NOISE, values).colour(colour).width(1.0);
            if at.is_none() {
                drawn = drawn.label(line);
                known.push(line);
            }
            panel = panel.line(drawn);
        }
        figure = figure.panel(panel.rule(Rule::horizontal(ideal)));
    }
    let colours = [Colour::ORANGE, Colour::GREEN, Colour::BLUE, Colour::VERMILLION];
    let found = column(wings, "found");
    let mut panel =
        Panel::new().x(Axis::linear("Share of the wing in [O III]")).y(Axis::linear("Share found").range(0.0, 1.05));
    for ((snr, values), colour) in SIGNAL_TO_NOISE.iter().zip(found.chunks_exact(WING_FRACTIONS.len())).zip(colours) {
        panel =
            panel.line(Line::new(&WING_FRACTIONS, values).colour(colour).width(1.4).label(&format!("S/N {snr:.0}")));
    }
    figure.panel(panel)
}
