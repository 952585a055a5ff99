//! Many objects at once: inputs from a table's columns, posteriors as a table with units.

use arrow::array::RecordBatch;
use rayon::prelude::*;
use study::tables::Columns;

use super::{
    AbsorptionWind, Distance, EmissionWind, EnergeticsError, MassCalibration, Measured, Posterior, Propagation,
    ShellConvention, WindGeometry, WindPosterior,
};
use crate::object_table::ObjectTable;

/// Values for what a table has no column for.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Defaults {
    /// Share of the sky covered by an absorber.
    pub covering: Option<Measured>,
    /// Hydrogen-ionising photons, log10 1/s.
    pub log_q_h: Option<Measured>,
    /// Electron density, log10 1/cm3.
    pub log_n_e: Option<Measured>,
    /// Correlation coefficient of the errors of log U and log N_H.
    pub correlation: f64,
    /// Oxygen abundance, dex of solar.
    pub oxygen_dex: f64,
}

/// One object's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What the table calls it.
    pub object: String,
    /// Its posterior, or why there is none.
    pub posterior: Result<WindPosterior, String>,
    /// Bolometric luminosity, log10 erg/s, where the table has it.
    pub log_l_bol_erg_s: Option<f64>,
}

/// Answers of many objects, in the order of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct WindTable {
    /// One a row.
    pub outcomes: Vec<Outcome>,
}

/// Columns that name an object.
const LABELS: [&str; 4] = ["object", "name", "TARGETID", "id"];

/// Posteriors of absorbers. Columns (any case; errors `<name>_err`, or `<name>_err_lo` and `<name>_err_hi`): `logNH`,
/// `v_kms`; `R_kpc`, or `logU` with `logQH` and `logne`; `Omega`; optional `rho_logU_logNH` and `log_Lbol`. Where a row
/// has `R_kpc`, that is used.
///
/// # Errors
/// `logNH` or `v_kms` is missing, a column is not of numbers. An object that cannot be computed is an [`Outcome`].
pub fn absorption_from_table(
    table: &ObjectTable,
    defaults: &Defaults,
    convention: ShellConvention,
    how: Propagation,
) -> Result<WindTable, EnergeticsError> {
    table.numbers("logNH")?;
    table.numbers("v_kms")?;
    let [log_u, log_n_h, velocity, radius] = ["logU", "logNH", "v_kms", "R_kpc"].map(|name| measured(table, name));
    let (log_u, log_n_h, velocity, radius) = (log_u?, log_n_h?, velocity?, radius?);
    let (covering, log_q_h, log_n_e) =
        (measured(table, "Omega")?, measured(table, "logQH")?, measured(table, "logne")?);
    let correlation = table.optional("rho_logU_logNH")?;
    let wind = |row: usize| -> Result<AbsorptionWind, EnergeticsError> {
        let distance = match radius[row] {
            Some(radius) => Distance::Known(radius),
            None => Distance::FromIonisation {
                log_q_h: need(log_q_h[row].or(defaults.log_q_h), "log Q_H", "column logQH or --log-qh, or R_kpc")?,
                log_n_e: need(log_n_e[row].or(defaults.log_n_e), "log n_e", "column logne or --log-ne, or R_kpc")?,
            },
        };
        Ok(AbsorptionWind {
            log_u: log_u[row],
            log_n_h: need(log_n_h[row], "log N_H", "column logNH")?,
            correlation: correlation.as_ref().and_then(|column| column[row]).unwrap_or(defaults.correlation),
            velocity_km_s: need(velocity[row], "velocity", "column v_kms")?,
            covering: need(covering[row].or(defaults.covering), "covering", "column Omega or --omega")?,
            distance,
        })
    };
    outcomes(table, |row| WindPosterior::of_absorption(&wind(row)?, convention, stream(how, row)))
}

/// Posteriors of winds in emission. Columns (any case; errors as for absorbers): `log_L` (erg/s, or linear
/// `L_line_erg_s` without error), `logne` (or linear `ne_cm3`), `v_kms`, `R_kpc`; optional `log_Lbol`.
///
/// # Errors
/// `v_kms` or `R_kpc` is missing, a column is not of numbers. An object that cannot be computed is an [`Outcome`].
pub fn emission_from_table(
    table: &ObjectTable,
    defaults: &Defaults,
    (calibration, geometry): (MassCalibration, WindGeometry),
    how: Propagation,
) -> Result<WindTable, EnergeticsError> {
    table.numbers("v_kms")?;
    table.numbers("R_kpc")?;
    let (log_l, log_n_e) = (logarithm(table, "log_L", "L_line_erg_s")?, logarithm(table, "logne", "ne_cm3")?);
    let (velocity, radius) = (measured(table, "v_kms")?, measured(table, "R_kpc")?);
    let wind = |row: usize| -> Result<EmissionWind, EnergeticsError> {
        Ok(EmissionWind {
            log_luminosity_erg_s: need(log_l[row], "luminosity", "column log_L or L_line_erg_s")?,
            log_n_e: need(log_n_e[row].or(defaults.log_n_e), "log n_e", "column logne or ne_cm3, or --log-ne")?,
            velocity_km_s: need(velocity[row], "velocity", "column v_kms")?,
            radius_kpc: need(radius[row], "distance", "column R_kpc")?,
            oxygen_dex: defaults.oxygen_dex,
        })
    };
    outcomes(table, |row| WindPosterior::of_emission(&wind(row)?, calibration, geometry, stream(how, row)))
}

fn stream(how: Propagation, row: usize) -> Propagation {
    Propagation { stream: how.stream + row as u64, ..how }
}

fn need<T>(value: Option<T>, quantity: &'static str, hint: &'static str) -> Result<T, EnergeticsError> {
    value.ok_or(EnergeticsError::Missing { quantity, hint })
}

fn outcomes(
    table: &ObjectTable,
    posterior: impl Fn(usize) -> Result<WindPosterior, EnergeticsError> + Sync,
) -> Result<WindTable, EnergeticsError> {
    let log_l_bol = table.optional("log_Lbol")?;
    let labels = table.labels(&LABELS);
    let outcomes = labels
        .into_par_iter()
        .enumerate()
        .map(|(row, object)| Outcome {
            object,
            posterior: posterior(row).map_err(|error| error.to_string()),
            log_l_bol_erg_s: log_l_bol.as_ref().and_then(|column| column[row]),
        })
        .collect();
    Ok(WindTable { outcomes })
}

/// A column with its errors; all `None` where the column is not there. A null error counts as none.
fn measured(table: &ObjectTable, name: &str) -> Result<Vec<Option<Measured>>, EnergeticsError> {
    let rows = table.len();
    let column = |suffix: &str| -> Result<Option<Vec<Option<f64>>>, EnergeticsError> {
        Ok(table.optional(&format!("{name}{suffix}"))?)
    };
    let Some(values) = column("")? else { return Ok(vec![None; rows]) };
    let both = column("_err")?;
    let (below, above) = (column("_err_lo")?.or_else(|| both.clone()), column("_err_hi")?.or(both));
    let error = |errors: &Option<Vec<Option<f64>>>, row: usize| errors.as_ref().and_then(|column| column[row]);
    let one = |(row, value): (usize, Option<f64>)| {
        value.map(|value| Measured {
            value,
            below: error(&below, row).unwrap_or(0.0),
            above: error(&above, row).unwrap_or(0.0),
        })
    };
    Ok(values.into_iter().enumerate().map(one).collect())
}

/// A logarithmic column, or the logarithm of a linear one where that is what the table has.
fn logarithm(table: &ObjectTable, name: &str, linear: &str) -> Result<Vec<Option<Measured>>, EnergeticsError> {
    let direct = measured(table, name)?;
    let linear = table.optional(linear)?.unwrap_or_else(|| vec![None; table.len()]);
    let from_linear = |value: f64| (value > 0.0).then(|| Measured::exact(value.log10()));
    Ok(direct.into_iter().zip(linear).map(|(log, value)| log.or_else(|| value.and_then(from_linear))).collect())
}

type Pick = fn(&WindPosterior) -> Posterior;

/// Name, unit, meaning and value of each posterior.
const QUANTITIES: [(&str, &str, &str, Pick); 5] = [
    ("R", "kpc", "distance from the centre", |p| p.radius_kpc),
    ("LOG_M", "log(Msun)", "mass of the outflowing gas", |p| p.log_mass_msun),
    ("LOG_MDOT", "log(Msun/yr)", "mass rate", |p| p.log_mass_rate_msun_yr),
    ("LOG_EDOT", "log(erg/s)", "kinetic power", |p| p.log_power_erg_s),
    ("LOG_PDOT", "log(dyn)", "momentum rate", |p| p.log_momentum_rate_dyn),
];

impl Outcome {
    /// Feedback efficiency, kinetic power over bolometric luminosity, log10; posterior where both are known.
    #[must_use]
    pub fn log_efficiency(&self) -> Option<Posterior> {
        let power = self.posterior.as_ref().ok()?.log_power_erg_s;
        let luminosity = self.log_l_bol_erg_s?;
        let [value, p16, p50, p84] = [power.value, power.p16, power.p50, power.p84].map(|log| log - luminosity);
        Some(Posterior { value, p16, p50, p84 })
    }
}

impl WindTable {
    /// One row an object: `<quantity>` at the measured values, `<quantity>_P16`, `_P50`, `_P84`; nulls where there is
    /// no answer, with the reason in `STATUS` (`ok` otherwise).
    ///
    /// # Errors
    /// None in practice: columns have one length.
    pub fn table(&self) -> Result<RecordBatch, EnergeticsError> {
        let rows = &self.outcomes;
        let mut columns =
            Columns::new().text("OBJECT", "", "what the input calls it", rows.iter().map(|row| &row.object));
        let picks: [fn(&Posterior) -> f64; 4] = [|p| p.value, |p| p.p16, |p| p.p50, |p| p.p84];
        let labels = [
            ("", "at the measured values"),
            ("_P16", "16th percentile"),
            ("_P50", "median"),
            ("_P84", "84th percentile"),
        ];
        let mut add = |name: &str, unit: &str, meaning: &str, of: &dyn Fn(&Outcome) -> Option<Posterior>| {
            for (pick, (suffix, which)) in picks.iter().zip(labels) {
                let values = rows.iter().map(|row| of(row).map(|posterior| pick(&posterior)));
                let (name, meaning) = (format!("{name}{suffix}"), format!("{meaning}, {which}"));
                let taken = std::mem::take(&mut columns);
                columns = taken.optional(&name, unit, &meaning, values);
            }
        };
        for (name, unit, meaning, pick) in QUANTITIES {
            add(name, unit, meaning, &|row| row.posterior.as_ref().ok().map(pick));
        }
        add("LOG_EFFICIENCY", "", "log10 of kinetic power over bolometric luminosity", &Outcome::log_efficiency);
        let status = |row: &Outcome| row.posterior.as_ref().err().map_or("ok".to_owned(), Clone::clone);
        Ok(columns.text("STATUS", "", "ok, or why there is no answer", rows.iter().map(status)).table()?)
    }
}
