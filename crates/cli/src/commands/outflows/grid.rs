//! `astrolab outflows grid`: photoionisation models, run with Cloudy or taken from tables.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use outflows::cloudy::{Geometry, GridPlan, ModelRecord, Runner, Sed, audit_table, collect, run_grid, status_of};
use outflows::grid::{GridLayout, ModelGrid};
use study::tables::write_parquet;

use crate::terminal::Bars;

/// CPU time of a model of this kind with Cloudy 17 on one core, s.
const USUAL_SECONDS: f64 = 30.0;

/// Grids of photoionisation models: run Cloudy, or import tables of models.
#[derive(Debug, Subcommand)]
pub(crate) enum Grid {
    Run(Run),
    Import(Import),
}

/// Run a grid of Cloudy models: decks, runs over all cores, audit, tables. What has ended well is not run again.
#[derive(Debug, Args)]
#[command(
    after_help = "Cloudy is not part of this program: get it from its authors (zlib licence) and name its program with --cloudy or in
CLOUDY_EXE; its data folder is taken from CLOUDY_DATA_PATH as Cloudy does. A range is low:high:step. OUTPUT gets the decks and outputs
(work), models.parquet (how each model ended), lines.parquet and columns.parquet. A killed grid goes on where it was.

Examples:
  astrolab outflows grid run --dry-run --output grid
  astrolab outflows grid run --cloudy ~/cloudy/source/cloudy.exe --log-u=-4:-1:0.5 --log-nh 1:6:1 --metals 0.3,1,2 --output grid
  CLOUDY_EXE=/opt/cloudy/cloudy.exe astrolab outflows grid run --sed table-agn --geometry sphere --jobs 8 --output grid"
)]
pub(crate) struct Run {
    /// Cloudy's program.
    #[arg(long, value_name = "PROGRAM", env = "CLOUDY_EXE")]
    cloudy: Option<PathBuf>,
    /// Folder of the grid.
    #[arg(short, long)]
    output: PathBuf,
    /// Ionisation parameter, log10.
    #[arg(long, default_value = "-4:-1:0.1", allow_hyphen_values = true, value_parser = range)]
    log_u: Range,
    /// Hydrogen density, log10 1/cm3.
    #[arg(long, default_value = "1:6:0.25", allow_hyphen_values = true, value_parser = range)]
    log_nh: Range,
    /// Metals over solar.
    #[arg(long, value_delimiter = ',', default_value = "0.1,0.3,1,2,3")]
    metals: Vec<f64>,
    /// Hydrogen columns that are told, log10 1/cm2; the last stops a model.
    #[arg(long, default_value = "20:22:0.5", value_parser = range)]
    columns: Range,
    /// Spectrum of the nucleus.
    #[arg(long, value_enum, default_value = "agn")]
    sed: SedName,
    /// File of Cloudy's `table SED` format, instead of --sed.
    #[arg(long, value_name = "FILE", conflicts_with = "sed")]
    sed_file: Option<PathBuf>,
    /// An open slab or a closed sphere.
    #[arg(long, value_enum, default_value = "slab")]
    geometry: GeometryName,
    /// Models at once; all cores when not given.
    #[arg(short, long)]
    jobs: Option<usize>,
    /// Seconds after which a model is killed.
    #[arg(long, default_value_t = 1_800)]
    time_limit: u64,
    /// Further tries of a model that crashed, hung or aborted.
    #[arg(long, default_value_t = 1)]
    retries: usize,
    /// Say what would be run, and run nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print how it ended as JSON.
    #[arg(long)]
    json: bool,
}

/// Bring a table of models into the form of a grid: log10 of every quantity on log10 axes.
#[derive(Debug, Args)]
#[command(
    after_help = "Cloudy tables have the axes logU, lognH, Z, logNH; NebulaBayes' grids (MAPPINGS models) name theirs with --axes.

Examples:
  astrolab outflows grid import lines.csv --kind cloudy-lines --output lines-grid.parquet
  astrolab outflows grid import NB_NLR_grid.fits.gz --kind nebulabayes --output nlr.parquet"
)]
pub(crate) struct Import {
    /// The table: CSV, Parquet or FITS.
    table: PathBuf,
    /// What it is.
    #[arg(long, value_enum)]
    kind: GridKind,
    /// Axes of a NebulaBayes grid, slowest first.
    #[arg(long, value_delimiter = ',')]
    axes: Vec<String>,
    /// Where the grid goes (Parquet).
    #[arg(short, long)]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GridKind {
    /// Lines over H beta, linear.
    CloudyLines,
    /// Ionic columns, log10.
    CloudyColumns,
    /// NebulaBayes: lines over H beta.
    Nebulabayes,
}

/// Axes of NebulaBayes' grid of narrow-line regions, and of that of H II regions.
const NEBULABAYES_AXES: [&[&str]; 2] =
    [&["log P/k", "log U", "12 + log O/H", "log E_peak"], &["log P/k", "log U", "12 + log O/H"]];

impl GridKind {
    /// Reads a table of this kind.
    pub(crate) fn read(self, path: &Path, axes: &[String]) -> Result<ModelGrid> {
        let layout = match self {
            Self::CloudyLines => GridLayout::cloudy_lines(),
            Self::CloudyColumns => GridLayout::cloudy_columns(),
            Self::Nebulabayes => {
                let names = outflows::object_table::ObjectTable::read(path)?.names();
                let known =
                    NEBULABAYES_AXES.into_iter().find(|axes| axes.iter().all(|axis| names.iter().any(|n| n == axis)));
                let given: Vec<&str> = axes.iter().map(String::as_str).collect();
                match (given.is_empty(), known) {
                    (false, _) => GridLayout::mappings(&given),
                    (true, Some(axes)) => GridLayout::mappings(axes),
                    (true, None) => bail!(
                        "cannot tell the axes of {}\nhint: name them with --axes; its first columns are {}",
                        path.display(),
                        names.iter().take(6).cloned().collect::<Vec<_>>().join(", ")
                    ),
                }
            }
        };
        Ok(ModelGrid::read(path, &layout)?)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SedName {
    /// AGN T=1.5e5 a_ox=-1.4 a_uv=-0.5 a_x=-1.
    Agn,
    /// Mathews & Ferland 1987.
    TableAgn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GeometryName {
    Slab,
    Sphere,
}

/// Values from low to high.
#[derive(Debug, Clone)]
struct Range(Vec<f64>);

fn range(text: &str) -> Result<Range, String> {
    let told = || format!("expected low:high:step or one value, found `{text}`");
    let numbers = text.split(':').map(|word| word.trim().parse::<f64>().map_err(|_| told()));
    match numbers.collect::<Result<Vec<_>, _>>()?.as_slice() {
        [value] => Ok(Range(vec![*value])),
        &[low, high, step] => GridPlan::range("the range", [low, high, step]).map(Range).map_err(|e| e.to_string()),
        _ => Err(told()),
    }
}

impl Grid {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Run(run) => run.run(),
            Self::Import(import) => import.run(),
        }
    }
}

impl Run {
    fn run(self) -> Result<ExitCode> {
        let plan = self.plan()?;
        plan.check()?;
        let work = self.output.join("work");
        if self.dry_run {
            return self.tell(&plan, &work);
        }
        let Some(program) = &self.cloudy else {
            bail!(
                "cannot run Cloudy: its program is not known\nhint: give its path with --cloudy or in CLOUDY_EXE, or take a table of models with `outflows grid import`"
            )
        };
        let program = std::path::absolute(program).with_context(|| format!("cannot use {}", program.display()))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let runner = Runner {
            program,
            jobs: self.jobs.unwrap_or(cores),
            time_limit: Duration::from_secs(self.time_limit),
            retries: self.retries,
        };
        let records = run_grid(&work, &plan, &runner, &Bars::default())?;
        std::fs::create_dir_all(&self.output).with_context(|| format!("cannot create {}", self.output.display()))?;
        write_parquet(&self.output.join("models.parquet"), &audit_table(&records)?)?;
        let (lines, columns) = collect(&work, &plan, &records)?;
        write_parquet(&self.output.join("lines.parquet"), &lines)?;
        write_parquet(&self.output.join("columns.parquet"), &columns)?;
        let failed: Vec<&ModelRecord> = records.iter().filter(|record| !record.status.is_usable()).collect();
        for record in failed.iter().take(20) {
            crate::terminal::complain(&format!("{}: {}, tries {}", record.model, record.status.word(), record.tries));
        }
        let counts = |word: &str| records.iter().filter(|record| record.status.word() == word).count();
        let words = ["ok", "warned", "short", "aborted", "crashed", "timedout"];
        if self.json {
            let counted: serde_json::Map<String, serde_json::Value> =
                words.iter().map(|word| ((*word).to_owned(), counts(word).into())).collect();
            crate::terminal::print(&format!("{:#}\n", serde_json::Value::Object(counted)))?;
        } else {
            let told: Vec<String> = words.iter().map(|word| format!("{word} {}", counts(word))).collect();
            crate::terminal::print(&format!(
                "models   {} ({})\ntables   {} rows in {}\n",
                records.len(),
                told.join(", "),
                lines.num_rows(),
                self.output.display()
            ))?;
        }
        Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    fn plan(&self) -> Result<GridPlan> {
        let sed = match (&self.sed_file, self.sed) {
            (Some(file), _) => {
                Sed::Table(std::path::absolute(file).with_context(|| format!("cannot use {}", file.display()))?)
            }
            (None, SedName::Agn) => Sed::Agn,
            (None, SedName::TableAgn) => Sed::MathewsFerland,
        };
        Ok(GridPlan {
            log_u: self.log_u.0.clone(),
            log_n_h: self.log_nh.0.clone(),
            metallicity: self.metals.clone(),
            log_column: self.columns.0.clone(),
            sed,
            geometry: if self.geometry == GeometryName::Sphere { Geometry::Sphere } else { Geometry::Slab },
        })
    }

    fn tell(&self, plan: &GridPlan, work: &Path) -> Result<ExitCode> {
        let models = plan.models();
        let done = models
            .iter()
            .filter(|model| status_of(work, model, &plan.deck(model)).is_some_and(|record| record.status.is_usable()));
        let done = done.count();
        let hours = (models.len() - done) as f64 * USUAL_SECONDS / 3_600.0;
        let first = models.first().map_or_else(String::new, |model| plan.deck(model));
        crate::terminal::print(&format!(
            "models   {} (log U {}, log n_H {}, metals {}), {done} done before\ncost     about {hours:.1} CPU hours at {USUAL_SECONDS} s a model\n\
             folder   {}\n\nThe first deck:\n{first}",
            models.len(),
            plan.log_u.len(),
            plan.log_n_h.len(),
            plan.metallicity.len(),
            work.display(),
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    fn run(self) -> Result<ExitCode> {
        let grid = self.kind.read(&self.table, &self.axes)?;
        write_parquet(&self.output, &grid.table()?)?;
        let axes: Vec<String> =
            grid.axes().iter().map(|axis| format!("{} ({})", axis.name, axis.values.len())).collect();
        crate::terminal::print(&format!(
            "models       {}\naxes         {}\nquantities   {}\ngrid         {}\n",
            grid.models(),
            axes.join(", "),
            grid.quantities().len(),
            self.output.display()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}
