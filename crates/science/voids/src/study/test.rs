//! *Test*: do the populations differ at fixed mass, by every algorithm and definition, and can the answer be trusted?

use arrow::array::{Array, AsArray, RecordBatch};
use astro::statistics::Binning;
use desi::desivast::VoidCatalogue;
use study::run::StepFolder;
use study::validation::Validation;

use super::select::{floats, targets};
use super::{Settings, StudyError};
use crate::catalogue::{algorithm_name, algorithm_of};
use crate::population::{
    EffectSettings, Integrity, MainSequence, MassLimit, MatchSettings, Quenching, Sample, SampleColumns, Variant,
    balance, effect, error_budget, figures, integrity, main_sequence, match_controls, plausibility, quenched,
    quenched_fractions, robustness, tables,
};

/// Mass at which main sequences are compared, log10 of solar masses.
const PIVOT_LOG_MASS: f64 = 10.0;
/// Redshift bins of the mass limit of completeness.
const LIMIT_BINS: usize = 12;
/// The definitions of quenching, side by side.
const DEFINITIONS: [Quenching; 3] = [Quenching::SpecificRate, Quenching::BelowMainSequence, Quenching::Break4000];

/// Whether a sample has what populations are measured from.
pub(super) fn has_populations(sample: &RecordBatch) -> bool {
    ["LOGMSTAR", "SFR", "DN4000", "RMAG"].iter().all(|name| sample.column_by_name(name).is_some())
        && targets(sample).is_some()
}

/// Environments by one algorithm: `Some(true)` void, `Some(false)` wall, `None` no statement.
fn in_void(environments: &RecordBatch, algorithm: &str, include_edge: bool) -> Result<Vec<Option<bool>>, StudyError> {
    let missing = |column: &str| StudyError::NoColumn { column: column.to_owned() };
    let name = format!("{algorithm}_environment");
    let words =
        environments.column_by_name(&name).and_then(|c| c.as_string_opt::<i32>()).ok_or_else(|| missing(&name))?;
    let void_name = format!("{algorithm}_void");
    let void = environments.column_by_name(&void_name).ok_or_else(|| missing(&void_name))?;
    Ok((0..environments.num_rows())
        .map(|row| match words.value(row) {
            "void" => Some(true),
            "wall" => Some(false),
            "edge" if include_edge => Some(void.is_valid(row)),
            _ => None,
        })
        .collect())
}

/// The algorithms of the catalogues, each once, in order.
pub(super) fn algorithms(catalogues: &[VoidCatalogue]) -> Vec<&'static str> {
    let mut found: Vec<_> = catalogues.iter().map(algorithm_of).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(algorithm_name).collect()
}

/// Measures, tests, tabulates and draws everything about populations.
pub(super) fn populations(
    folder: &mut StepFolder,
    sample: &RecordBatch,
    environments: &RecordBatch,
    algorithms: &[&str],
    settings: &Settings,
) -> Result<(), StudyError> {
    let galaxies = Sample::new(columns(sample)?, settings.statistics.jackknife_order)?;
    let rules = effect_settings(settings);
    let whole = main_sequence(&galaxies, |_| true, rules.log_mass, PIVOT_LOG_MASS)?;
    let masks = DEFINITIONS
        .iter()
        .map(|definition| Ok(quenched(&galaxies, *definition, Some(&whole.ridge))?))
        .collect::<Result<Vec<_>, StudyError>>()?;
    let bins = Binning::uniform(rules.redshift[0], rules.redshift[1], LIMIT_BINS)
        .map_err(crate::population::PopulationError::from)?;
    let limit = MassLimit::measure(&galaxies, &masks[0], settings.sample.r_limit, bins)?;
    let mut variants = Vec::new();
    for algorithm in algorithms {
        for include_edge in [settings.environment.include_edge, !settings.environment.include_edge] {
            let environment = limit.restrict(&galaxies, &in_void(environments, algorithm, include_edge)?);
            for (definition, mask) in DEFINITIONS.iter().zip(&masks) {
                // A rule under which an algorithm leaves no void or wall galaxy has no effect to tell.
                if let Ok(measured) = effect(&galaxies, &environment, mask, &rules) {
                    variants.push(Variant {
                        algorithm: (*algorithm).to_owned(),
                        edge_rule: if include_edge { "included" } else { "left out" }.to_owned(),
                        definition: definition.name().to_owned(),
                        cosmology: format!("flat, Omega_m {}", settings.omega_m),
                        completeness: "complete masses".to_owned(),
                        effect: measured,
                    });
                }
            }
        }
    }
    folder.table("effects", &tables::variants(&variants)?)?;
    folder.figure("systematics", &figures::systematics(&variants), &tables::variants(&variants)?)?;
    folder.table("error_budget", &tables::budget(&error_budget(&variants))?)?;
    let first =
        in_void(environments, algorithms.first().copied().unwrap_or_default(), settings.environment.include_edge)?;
    let fiducial = limit.restrict(&galaxies, &first);
    // A small sample may be too small for a figure: that is told, and the others are drawn.
    if let Err(error) = fractions_figure(folder, &galaxies, &fiducial, &masks[0], settings) {
        folder.warn(format!("no quenched fractions by mass: {error}"));
    }
    if let Err(error) = sequence_figures(folder, &galaxies, &first, settings) {
        folder.warn(format!("no main sequences by environment: {error}"));
    }
    let balances = control_figures(folder, &galaxies, &first)?;
    let mut validation = Validation::new();
    integrity(&galaxies, Integrity { expected_rows: Some(sample.num_rows() as u64) }, &mut validation);
    plausibility(&galaxies, &masks[0], Some(&whole), &mut validation)?;
    robustness(&variants, &balances, &mut validation);
    folder.json("validation", &validation)?;
    Ok(folder.table("validation", &validation.table()?)?)
}

/// Quenched fractions by mass, void and wall.
fn fractions_figure(
    folder: &StepFolder,
    galaxies: &Sample,
    environment: &[Option<bool>],
    mask: &[Option<bool>],
    settings: &Settings,
) -> Result<(), StudyError> {
    let fractions = quenched_fractions(galaxies, environment, mask, &effect_settings(settings))?;
    let table = tables::quenched_fractions(&fractions, &vec![1.0; fractions.bins.len()])?;
    Ok(folder.figure(
        "quenched_fraction",
        &figures::quenched_fractions(&fractions, "Quenched fraction by mass"),
        &table,
    )?)
}

/// The main sequence of voids and of walls.
fn sequence_figures(
    folder: &StepFolder,
    galaxies: &Sample,
    environment: &[Option<bool>],
    settings: &Settings,
) -> Result<(), StudyError> {
    let log_mass = effect_settings(settings).log_mass;
    let of = |void: bool| -> Result<MainSequence, StudyError> {
        Ok(main_sequence(galaxies, |row| environment[row] == Some(void), log_mass, PIVOT_LOG_MASS)?)
    };
    let (void, wall) = (of(true)?, of(false)?);
    let table = tables::main_sequences(&[("void", &void), ("wall", &wall)])?;
    folder.table("main_sequences", &table)?;
    folder.figure("main_sequence", &figures::main_sequences(&void, &wall), &table)?;
    Ok(folder.figure(
        "main_sequence_plane",
        &figures::main_sequence_plane(galaxies, environment, &void, &wall),
        &table,
    )?)
}

/// Distributions of both environments, and the balance of the matched control sample.
fn control_figures(
    folder: &StepFolder,
    galaxies: &Sample,
    environment: &[Option<bool>],
) -> Result<Vec<crate::population::Balance>, StudyError> {
    let matched = match_controls(galaxies, environment, &MatchSettings::default())?;
    let balances = balance(galaxies, environment, &matched.pairs)?;
    let table = tables::balances(&balances)?;
    folder.figure("balance", &figures::balance(&balances), &table)?;
    folder.figure("distributions", &figures::distributions(galaxies, environment), &table)?;
    folder.figure("mass_redshift", &figures::mass_redshift(galaxies, environment), &table)?;
    folder.figure("specific_rate", &figures::specific_rate(galaxies, environment), &table)?;
    Ok(balances)
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

fn columns(sample: &RecordBatch) -> Result<SampleColumns, StudyError> {
    let missing = |column: &str| StudyError::NoColumn { column: column.to_owned() };
    let plain = |name: &str| -> Result<Vec<f64>, StudyError> { Ok(floats(sample, name)?.values().to_vec()) };
    let measured = |name: &str| -> Result<Vec<Option<f64>>, StudyError> {
        Ok(floats(sample, name)?.iter().map(|value| value.filter(|value| value.is_finite())).collect())
    };
    let rows = sample.num_rows();
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
        weight: vec![1.0; rows],
    })
}
