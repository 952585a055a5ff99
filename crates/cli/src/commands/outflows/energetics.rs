//! `astrolab outflows energetics`: what winds carry, from a table of objects or from flags.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use clap::{Args, Subcommand, ValueEnum};
use outflows::energetics::{
    Defaults, MassCalibration, Measured, Posterior, Propagation, ShellConvention, WindGeometry, WindTable,
    absorption_from_table, emission_from_table,
};
use outflows::object_table::ObjectTable;

use crate::tables;

/// Mass, energy and momentum rates of winds as posteriors (log10; 16th, 50th and 84th percentiles).
#[derive(Debug, Subcommand)]
pub(crate) enum Energetics {
    Absorption(Absorption),
    Emission(Emission),
}

/// Of a shell seen in absorption: Mdot = 4 pi Omega R mu m_p N_H v.
#[derive(Debug, Args)]
#[command(
    after_help = "Columns of TABLE, in any case: logNH (1/cm2), v_kms, Omega, and R_kpc, or logU with logQH (1/s) and logne (1/cm3);
log_Lbol (erg/s) for the efficiency, rho_logU_logNH for the correlation of those two errors. Errors are columns
<name>_err, or <name>_err_lo and <name>_err_hi. A flag stands in for a column that is not there. On the command line
a number may carry its error: 21.4+-0.2.

Examples:
  astrolab outflows energetics absorption objects.csv --output energetics.parquet
  astrolab outflows energetics absorption --log-nh 21.44 --velocity 3200 --radius 16 --omega 0.2
  astrolab outflows energetics absorption --log-u -1.75+-0.2 --log-nh 21.44+-0.2 --rho 0.9 --log-ne 2.6+-0.1 \\
      --log-qh 57.73 --velocity 3200 --omega 0.2+-0.1 --json"
)]
pub(crate) struct Absorption {
    /// Objects, one a row: CSV, Parquet or FITS. Left out: one object from the flags.
    table: Option<PathBuf>,
    /// Hydrogen column, log10 1/cm2.
    #[arg(long, value_parser = measured, allow_hyphen_values = true)]
    log_nh: Option<Measured>,
    /// Ionisation parameter, log10.
    #[arg(long, value_parser = measured, allow_hyphen_values = true)]
    log_u: Option<Measured>,
    /// Electron density, log10 1/cm3.
    #[arg(long, value_parser = measured, allow_hyphen_values = true)]
    log_ne: Option<Measured>,
    /// Ionising photons a second, log10.
    #[arg(long, value_parser = measured)]
    log_qh: Option<Measured>,
    /// Distance, kpc; used before log U.
    #[arg(long, value_parser = measured)]
    radius: Option<Measured>,
    /// Velocity, km/s.
    #[arg(long, value_parser = measured)]
    velocity: Option<Measured>,
    /// Share of the sky covered by the wind.
    #[arg(long, value_parser = measured)]
    omega: Option<Measured>,
    /// Correlation of the errors of log U and log N_H.
    #[arg(long, default_value_t = 0.0, allow_hyphen_values = true)]
    rho: f64,
    /// Bolometric luminosity, log10 erg/s.
    #[arg(long)]
    log_lbol: Option<f64>,
    /// 4pi: over the dynamical time R/v; 8pi: twice that, as in older work.
    #[arg(long, value_enum, default_value = "4pi")]
    convention: Convention,
    #[command(flatten)]
    how: How,
}

/// Of ionised gas seen in emission: Mdot = k M v / R, M from a line's luminosity and the density.
#[derive(Debug, Args)]
#[command(
    after_help = "Columns of TABLE, in any case: log_L (or L_line_erg_s), logne (or ne_cm3), v_kms, R_kpc; log_Lbol (erg/s) for the
efficiency. Errors are columns <name>_err, or <name>_err_lo and <name>_err_hi.

Examples:
  astrolab outflows energetics emission objects.parquet --mass carniani15-hbeta --geometry filled -o energetics.parquet
  astrolab outflows energetics emission --log-l 43.0+-0.05 --log-ne 2.3+-0.2 --velocity 1500 --radius 3"
)]
pub(crate) struct Emission {
    /// Objects, one a row: CSV, Parquet or FITS. Left out: one object from the flags.
    table: Option<PathBuf>,
    /// Luminosity of the wind's line, log10 erg/s.
    #[arg(long, value_parser = measured)]
    log_l: Option<Measured>,
    /// Electron density, log10 1/cm3.
    #[arg(long, value_parser = measured, allow_hyphen_values = true)]
    log_ne: Option<Measured>,
    /// Velocity, km/s.
    #[arg(long, value_parser = measured)]
    velocity: Option<Measured>,
    /// Extent, kpc.
    #[arg(long, value_parser = measured)]
    radius: Option<Measured>,
    /// Bolometric luminosity, log10 erg/s.
    #[arg(long)]
    log_lbol: Option<f64>,
    /// Oxygen abundance, dex of solar (for [O III] masses).
    #[arg(long, default_value_t = 0.0, allow_hyphen_values = true)]
    oxygen: f64,
    /// Calibration of the mass.
    #[arg(long, value_parser = calibration, default_value = "carniani15-oiii")]
    mass: MassCalibration,
    /// shell: M v / R; filled: 3 M v / R.
    #[arg(long, value_enum, default_value = "shell")]
    geometry: Geometry,
    #[command(flatten)]
    how: How,
}

/// Draws and output of both kinds.
#[derive(Debug, Args)]
struct How {
    /// Draws from the errors.
    #[arg(long, default_value_t = 10_000)]
    draws: usize,
    /// Seed of the draws.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write one row an object here: Parquet, or CSV if the name ends in .csv.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Convention {
    #[value(name = "4pi")]
    FourPi,
    #[value(name = "8pi")]
    EightPi,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Geometry {
    Shell,
    Filled,
}

impl Energetics {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let (found, how) = match self {
            Self::Absorption(arguments) => (arguments.compute()?, arguments.how),
            Self::Emission(arguments) => (arguments.compute()?, arguments.how),
        };
        if let Some(output) = &how.output {
            tables::write(output, &found.table()?)?;
        }
        crate::terminal::print(&if how.json {
            tables::json_lines(found.table()?)?
        } else {
            text(&found, how.output.as_deref())
        })?;
        if found.outcomes.iter().all(|outcome| outcome.posterior.is_err()) {
            bail!("none of the {} objects could be computed", found.outcomes.len());
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Absorption {
    fn compute(&self) -> Result<WindTable> {
        let table = match &self.table {
            Some(path) => ObjectTable::read(path)?,
            None => one_object(&[
                ("logNH", self.log_nh),
                ("v_kms", self.velocity),
                ("logU", self.log_u),
                ("R_kpc", self.radius),
                ("log_Lbol", self.log_lbol.map(Measured::exact)),
            ])?,
        };
        let defaults = Defaults {
            covering: self.omega,
            log_q_h: self.log_qh,
            log_n_e: self.log_ne,
            correlation: self.rho,
            oxygen_dex: 0.0,
        };
        let convention = match self.convention {
            Convention::FourPi => ShellConvention::DynamicalTime,
            Convention::EightPi => ShellConvention::Swept,
        };
        Ok(absorption_from_table(&table, &defaults, convention, self.how.propagation())?)
    }
}

impl Emission {
    fn compute(&self) -> Result<WindTable> {
        let table = match &self.table {
            Some(path) => ObjectTable::read(path)?,
            None => one_object(&[
                ("log_L", self.log_l),
                ("v_kms", self.velocity),
                ("R_kpc", self.radius),
                ("log_Lbol", self.log_lbol.map(Measured::exact)),
            ])?,
        };
        let defaults = Defaults { log_n_e: self.log_ne, oxygen_dex: self.oxygen, ..Defaults::default() };
        let geometry = match self.geometry {
            Geometry::Shell => WindGeometry::ThinShell,
            Geometry::Filled => WindGeometry::Filled,
        };
        Ok(emission_from_table(&table, &defaults, (self.mass, geometry), self.how.propagation())?)
    }
}

impl How {
    fn propagation(&self) -> Propagation {
        Propagation { draws: self.draws, seed: self.seed, stream: 0 }
    }
}

/// The flags as a table of one row.
fn one_object(columns: &[(&str, Option<Measured>)]) -> Result<ObjectTable> {
    if columns.iter().all(|(_, value)| value.is_none()) {
        bail!(
            "cannot compute energetics: neither a table of objects nor flags were given\nhint: see --help for examples"
        );
    }
    let mut arrays: Vec<(String, ArrayRef)> = Vec::new();
    for (name, value) in columns {
        let mut add = |suffix: &str, number: Option<f64>| {
            arrays.push((format!("{name}{suffix}"), Arc::new(Float64Array::from(vec![number])) as ArrayRef));
        };
        add("", value.map(|value| value.value));
        add("_err", value.map(|value| value.above));
    }
    Ok(ObjectTable::new(Path::new("the command line"), RecordBatch::try_from_iter(arrays)?))
}

/// `21.4` or `21.4+-0.2`.
fn measured(text: &str) -> Result<Measured, String> {
    let number = |text: &str| {
        text.trim().parse::<f64>().map_err(|_| format!("expected a number such as 21.4 or 21.4+-0.2, found `{text}`"))
    };
    match text.split_once("+-").or_else(|| text.split_once('±')) {
        None => Ok(Measured::exact(number(text)?)),
        Some((value, error)) => Ok(Measured::new(number(value)?, number(error)?)),
    }
}

fn calibration(text: &str) -> Result<MassCalibration, String> {
    let named = MassCalibration::ALL.into_iter().find(|calibration| calibration.name() == text);
    named.ok_or_else(|| format!("expected one of {}", MassCalibration::ALL.map(MassCalibration::name).join(", ")))
}

fn text(found: &WindTable, output: Option<&Path>) -> String {
    let width = found.outcomes.iter().map(|outcome| outcome.object.chars().count()).max().unwrap_or(0).max(6);
    let heads = ["R, kpc", "log Mdot, Msun/yr", "log Edot, erg/s", "log pdot, dyn", "log Edot/L_bol"];
    let mut lines = format!("{:<width$}", "object");
    heads.iter().for_each(|head| lines.push_str(&format!("{head:>22}")));
    lines.push('\n');
    for outcome in &found.outcomes {
        lines.push_str(&format!("{:<width$}", outcome.object));
        match &outcome.posterior {
            Err(reason) => lines.push_str(&format!("  {}", reason.replace("\nhint:", ";"))),
            Ok(posterior) => {
                let cells = [
                    Some(posterior.radius_kpc),
                    Some(posterior.log_mass_rate_msun_yr),
                    Some(posterior.log_power_erg_s),
                    Some(posterior.log_momentum_rate_dyn),
                    outcome.log_efficiency(),
                ];
                cells.iter().for_each(|cell| lines.push_str(&format!("{:>22}", cell.map_or("-".to_owned(), interval))));
            }
        }
        lines.push('\n');
    }
    lines.push_str("\nmedian, with the distances to the 84th and 16th percentiles\n");
    if let Some(output) = output {
        lines.push_str(&format!("one row an object in {}\n", output.display()));
    }
    lines
}

fn interval(posterior: Posterior) -> String {
    let (up, down) = (posterior.p84 - posterior.p50, posterior.p50 - posterior.p16);
    if up + down < 1e-9 {
        return format!("{:.3}", posterior.p50);
    }
    format!("{:.2} +{up:.2} -{down:.2}", posterior.p50)
}
