//! The galaxies of a study with their environments, quenching by every definition, and the mass limit.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use astro::statistics::Binning;

use super::super::select::{MAGNITUDE, floats, targets};
use super::super::{Settings, StudyError};
use super::Given;
use crate::population::{
    EffectSettings, FaintLimits, MainSequence, MassLimit, PopulationError, Quenching, Sample, SampleColumns,
    VmaxSettings, main_sequence, quenched,
};
use crate::survey::HealpixSurvey;

/// Mass at which main sequences are compared, log10 of solar masses.
pub(super) const PIVOT_LOG_MASS: f64 = 10.0;
/// Redshift bins of the mass limit of completeness.
const LIMIT_BINS: usize = 12;
/// The definitions of quenching, side by side; the first is the fiducial one.
pub(super) const DEFINITIONS: [Quenching; 3] = Quenching::ALL;

/// Galaxies, and everything that is measured of them once.
pub(super) struct Population {
    pub(super) galaxies: Sample,
    pub(super) rules: EffectSettings,
    pub(super) omega_m: f64,
    /// Do edge galaxies count, fiducially?
    pub(super) include_edge: bool,
    /// Main sequence of all galaxies.
    pub(super) sequence: MainSequence,
    /// Quenched by each of [`DEFINITIONS`].
    pub(super) masks: Vec<Vec<Option<bool>>>,
    pub(super) limit: MassLimit,
    pub(super) vmax: VmaxSettings,
    /// Lower-case names, the fiducial one first.
    pub(super) algorithms: Vec<String>,
    environments: RecordBatch,
}

impl Population {
    pub(super) fn new(given: &Given<'_>) -> Result<Self, StudyError> {
        let settings = given.settings;
        let galaxies = Sample::new(columns(given.sample)?, settings.statistics.jackknife_order)?;
        Self::of(galaxies, given.environments.clone(), given, settings.omega_m)
    }

    /// The same study of galaxies on another distance scale.
    pub(super) fn of(
        galaxies: Sample,
        environments: RecordBatch,
        given: &Given<'_>,
        omega_m: f64,
    ) -> Result<Self, StudyError> {
        let settings = given.settings;
        let rules = effect_settings(settings);
        let sequence = main_sequence(&galaxies, |_| true, rules.log_mass, PIVOT_LOG_MASS)?;
        let masks = DEFINITIONS
            .iter()
            .map(|definition| Ok(quenched(&galaxies, *definition, Some(&sequence.ridge))?))
            .collect::<Result<Vec<_>, StudyError>>()?;
        let [low, high] = rules.redshift;
        let bins = Binning::uniform(low, high, LIMIT_BINS).map_err(PopulationError::from)?;
        let absolute = match settings.sample.magnitude_limit {
            Some(limit) => Some((limit, optional(given.sample, MAGNITUDE)?)),
            None => None,
        };
        let absolute_r = absolute.as_ref().map(|(limit, values)| (*limit, values.as_slice()));
        let faint = FaintLimits { apparent_r: settings.sample.r_limit, absolute_r };
        let limit = MassLimit::measure(&galaxies, &masks[0], faint, bins)?;
        let directions: Vec<(f64, f64)> =
            galaxies.columns().ra_deg.iter().copied().zip(galaxies.columns().dec_deg.iter().copied()).collect();
        let order = HealpixSurvey::suitable_order(&directions);
        let area_deg2 = HealpixSurvey::from_directions(order, &directions, [0.0, 1.0]).area_deg2();
        let vmax = VmaxSettings { r_limit: settings.sample.r_limit, redshift: rules.redshift, area_deg2, omega_m };
        let algorithms = algorithms(&environments);
        let include_edge = settings.environment.include_edge;
        Ok(Self { galaxies, rules, omega_m, include_edge, sequence, masks, limit, vmax, algorithms, environments })
    }

    /// Environments by one algorithm: `Some(true)` void, `Some(false)` wall, `None` no statement.
    pub(super) fn in_void(&self, algorithm: &str, include_edge: bool) -> Result<Vec<Option<bool>>, StudyError> {
        let missing = |column: &str| StudyError::NoColumn { column: column.to_owned() };
        let table = &self.environments;
        let name = format!("{algorithm}_environment");
        let words = table.column_by_name(&name).and_then(|c| c.as_string_opt::<i32>()).ok_or_else(|| missing(&name))?;
        let void_name = format!("{algorithm}_void");
        let void = table.column_by_name(&void_name).ok_or_else(|| missing(&void_name))?;
        Ok((0..table.num_rows())
            .map(|row| match words.value(row) {
                "void" => Some(true),
                "wall" => Some(false),
                "edge" if include_edge => Some(void.is_valid(row)),
                _ => None,
            })
            .collect())
    }

    /// Environments by the fiducial edge rule, every mass.
    pub(super) fn fiducial(&self, algorithm: &str) -> Result<Vec<Option<bool>>, StudyError> {
        self.in_void(algorithm, self.include_edge)
    }

    /// The same of the galaxies above the mass limit.
    pub(super) fn complete(&self, algorithm: &str, include_edge: bool) -> Result<Vec<Option<bool>>, StudyError> {
        Ok(self.limit.restrict(&self.galaxies, &self.in_void(algorithm, include_edge)?))
    }
}

/// The algorithms that a table of environments has columns of, in order.
fn algorithms(environments: &RecordBatch) -> Vec<String> {
    let schema = environments.schema();
    schema.fields().iter().filter_map(|field| field.name().strip_suffix("_environment").map(str::to_owned)).collect()
}

fn effect_settings(settings: &Settings) -> EffectSettings {
    EffectSettings {
        log_mass: settings.sample.log_mass,
        mass_bin_dex: settings.statistics.mass_bin_dex,
        redshift: settings.sample.redshift,
        bootstraps: settings.statistics.bootstraps as usize,
        permutations: settings.statistics.permutations as usize,
        seed: settings.seed,
        ..EffectSettings::default()
    }
}

/// A column's finite values.
fn optional(sample: &RecordBatch, name: &str) -> Result<Vec<Option<f64>>, StudyError> {
    Ok(floats(sample, name)?.iter().map(|value| value.filter(|value| value.is_finite())).collect())
}

fn columns(sample: &RecordBatch) -> Result<SampleColumns, StudyError> {
    let missing = |column: &str| StudyError::NoColumn { column: column.to_owned() };
    let plain = |name: &str| -> Result<Vec<f64>, StudyError> { Ok(floats(sample, name)?.values().to_vec()) };
    let measured = |name: &str| optional(sample, name);
    let rows = sample.num_rows();
    let weight = sample.column_by_name("WEIGHT").and_then(|c| c.as_primitive_opt::<Float64Type>());
    Ok(SampleColumns {
        target_id: targets(sample).ok_or_else(|| missing("TARGETID"))?.values().to_vec(),
        ra_deg: plain("RA")?,
        dec_deg: plain("DEC")?,
        redshift: plain("Z")?,
        log_mass: measured("LOGMSTAR")?,
        sfr_msun_yr: measured("SFR")?,
        dn4000: measured("DN4000")?,
        apparent_r: measured("RMAG")?,
        k_correction_r: measured("KCORR_R").unwrap_or_else(|_| vec![None; rows]),
        weight: weight.map_or_else(|| vec![1.0; rows], |weight| weight.values().to_vec()),
    })
}
