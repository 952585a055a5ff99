//! *Measure*: every spectrum decomposed and searched for troughs, as many at once as there are threads.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use rayon::prelude::*;
use study::tables::Columns;

use super::StudyError;
use super::columns::keyed;
use super::settings::Settings;
use super::source::Candidate;
use crate::Spectrum;
use crate::continuum::{ContinuumSettings, Templates};
use crate::lines::LineList;
use crate::measure::{FitPlan, QuasarFit, fit_quasar, line_table, quasar_table};
use crate::troughs::{Eigenspectra, TroughSearch, TroughSettings, find_troughs, index_table, trough_table};

/// Names of the tables that a step of measuring makes.
pub(super) const TABLES: [&str; 5] = ["quasars", "lines", "trough_indices", "troughs", "failures"];

/// What measuring needs besides spectra.
pub(super) struct Instruments {
    pub templates: Templates,
    pub lines: LineList,
    pub eigenspectra: Option<Eigenspectra>,
    pub troughs: TroughSettings,
    pub continuum: ContinuumSettings,
    pub draws: usize,
    pub seed: u64,
}

impl Instruments {
    pub(super) fn of(settings: &Settings) -> Result<Self, StudyError> {
        let inputs = &settings.inputs;
        let lines = match &inputs.line_list {
            None => LineList::default_list()?,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| StudyError::Folder { path: path.clone(), source })?;
                LineList::parse(&text)?
            }
        };
        Ok(Self {
            templates: inputs.templates.as_deref().map(Templates::read).transpose()?.unwrap_or_default(),
            lines,
            eigenspectra: inputs.eigenspectra.as_deref().map(Eigenspectra::read).transpose()?,
            troughs: TroughSettings::default(),
            continuum: ContinuumSettings { broken_power_law: !settings.fit.straight, ..ContinuumSettings::default() },
            draws: settings.fit.draws,
            seed: settings.seed,
        })
    }

    /// Fits one spectrum with `draws` new noises. The noise depends on the study's seed and the spectrum alone.
    pub(super) fn fit(&self, spectrum: &Spectrum, row: &Candidate, draws: usize) -> Result<QuasarFit, String> {
        let plan = FitPlan {
            templates: &self.templates,
            lines: &self.lines,
            continuum: self.continuum.clone(),
            thorough: false,
            draws,
            seed: self.seed ^ stream_of(row),
        };
        let redshift = row.redshift.ok_or("no redshift")?;
        fit_quasar(spectrum, redshift, &plan).map_err(|error| error.to_string())
    }

    pub(super) fn search(&self, spectrum: &Spectrum) -> Result<TroughSearch, String> {
        find_troughs(spectrum, self.eigenspectra.as_ref(), None, &self.troughs).map_err(|error| error.to_string())
    }
}

/// A number of its own for every spectrum (FNV-1a of what it is called).
pub(super) fn stream_of(row: &Candidate) -> u64 {
    let text = format!("{}#{}#{}", row.source, row.row, row.name);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Measures spectra, the first of which has the number `first`; the tables of [`TABLES`], rows in order of the spectra.
pub(super) fn measure(
    spectra: &[Result<Spectrum, String>],
    (rows, first): (&[Candidate], usize),
    instruments: &Instruments,
    advance: &(dyn Fn() + Sync),
) -> Result<[RecordBatch; 5], StudyError> {
    let measured: Vec<Result<[RecordBatch; 5], StudyError>> = spectra
        .par_iter()
        .zip(rows)
        .enumerate()
        .map(|(at, (spectrum, row))| {
            let tables = one(spectrum, (row, (first + at) as i64), instruments);
            advance();
            tables
        })
        .collect();
    let measured = measured.into_iter().collect::<Result<Vec<_>, _>>()?;
    joined(&measured)
}

/// Tables one below the other.
pub(super) fn joined(parts: &[[RecordBatch; 5]]) -> Result<[RecordBatch; 5], StudyError> {
    let join = |table: usize| -> Result<RecordBatch, StudyError> {
        let first = parts.first().ok_or_else(|| StudyError::no_column(TABLES[table]))?;
        Ok(concat_batches(&first[table].schema(), parts.iter().map(|part| &part[table]))?)
    };
    Ok([join(0)?, join(1)?, join(2)?, join(3)?, join(4)?])
}

fn one(
    spectrum: &Result<Spectrum, String>,
    (row, number): (&Candidate, i64),
    instruments: &Instruments,
) -> Result<[RecordBatch; 5], StudyError> {
    let mut failures: Vec<(&str, String)> = Vec::new();
    let (mut fits, mut searches) = (Vec::new(), Vec::new());
    match spectrum {
        Err(reason) => failures.push(("reading", reason.clone())),
        Ok(spectrum) => {
            match instruments.fit(spectrum, row, instruments.draws) {
                Ok(fit) => fits.push(fit),
                Err(reason) => failures.push(("decomposition", reason)),
            }
            match instruments.search(spectrum) {
                Ok(search) => searches.push(search),
                // Most redshifts do not show the lines of troughs: no failure.
                Err(_) if !covers_troughs(row.redshift) => {}
                Err(reason) => failures.push(("troughs", reason)),
            }
        }
    }
    let failures = Columns::new()
        .text("NAME", "", "name of the spectrum", failures.iter().map(|_| &row.name))
        .text("STAGE", "", "what failed", failures.iter().map(|(stage, _)| *stage))
        .text("REASON", "", "why", failures.iter().map(|(_, reason)| reason.lines().next().unwrap_or_default()))
        .table()?;
    let tables =
        [quasar_table(&fits)?, line_table(&fits)?, index_table(&searches)?, trough_table(&searches)?, failures];
    let [quasars, lines, indices, troughs, failures] = &tables;
    Ok([
        keyed(quasars, number)?,
        keyed(lines, number)?,
        keyed(indices, number)?,
        keyed(troughs, number)?,
        keyed(failures, number)?,
    ])
}

/// Whether optical spectra of a redshift show C IV with 25,000 km/s to its blue.
pub(super) fn covers_troughs(redshift: Option<f64>) -> bool {
    redshift.is_some_and(|z| (1.6..5.0).contains(&z))
}
