//! The effect under every choice, its error budget, and the effect by bin.

use archive::Quiet;
use arrow::array::RecordBatch;
use astro::Cosmology;
use desi::desivast::VoidCatalogue;
use study::run::StepFolder;

use super::super::measure;
use super::super::{Settings, StudyError};
use super::Given;
use super::population::{DEFINITIONS, Population};
use super::volumes::Volumes;
use crate::distance_scale::on_distance_scale;
use crate::population::tables::{self, Labelled};
use crate::population::{
    BinnedBy, BudgetLine, EffectSettings, FAINTEST_TRACER, FaintLimits, MassLimit, QuenchedFractions, Sample, Variant,
    absolute_magnitudes, adjust, effect, error_budget, figures, quenched_fractions, volume_limit,
};
use crate::study::figures::title;

/// Matter densities tried beside the study's own: the range of current measurements, twice over.
const OTHER_OMEGA_M: [f64; 2] = [0.25, 0.38];

const COMPLETE: &str = "complete masses";

/// The effect for every algorithm, edge rule and definition, the fiducial one first; then, for the fiducial algorithm,
/// on other distance scales and with other corrections for completeness. A choice that leaves no void or no wall galaxy
/// has no effect to tell, and is left out.
pub(super) fn by_choice(
    population: &Population,
    given: &Given<'_>,
    volumes: &Volumes,
) -> Result<Vec<Variant>, StudyError> {
    let mut variants = Vec::new();
    for algorithm in &population.algorithms {
        for include_edge in [population.include_edge, !population.include_edge] {
            let environment = population.complete(algorithm, include_edge)?;
            for (which, definition) in DEFINITIONS.iter().enumerate() {
                let measured = effect(&population.galaxies, &environment, &population.masks[which], &population.rules);
                if let Ok(effect) = measured {
                    let rule = edge_rule(include_edge);
                    let choices = [algorithm.as_str(), rule, definition.name(), COMPLETE];
                    variants.push(variant(choices, population.omega_m, effect));
                }
            }
        }
    }
    if let Some(algorithm) = population.algorithms.first() {
        variants.extend(by_cosmology(algorithm, population, given)?);
        variants.extend(by_completeness(algorithm, population, given, volumes)?);
    }
    Ok(variants)
}

fn edge_rule(include_edge: bool) -> &'static str {
    if include_edge { "edge galaxies included" } else { "edge galaxies excluded" }
}

fn variant(choices: [&str; 4], omega_m: f64, effect: crate::population::Effect) -> Variant {
    let [algorithm, edge_rule, definition, completeness] = choices;
    let (edge_rule, definition, completeness) = (edge_rule.to_owned(), definition.to_owned(), completeness.to_owned());
    let published = algorithm.strip_suffix("_own");
    let finder = if published.is_some() { "found in this run" } else { "published catalogue" }.to_owned();
    let algorithm = title(published.unwrap_or(algorithm)).to_owned();
    let cosmology = format!("flat, Ωm = {omega_m}");
    Variant { algorithm, finder, edge_rule, definition, cosmology, completeness, effect }
}

/// The fiducial measurement in other universes: catalogues and galaxies are placed anew, environments told anew, masses
/// and rates follow the luminosity distance, and with them the main sequence and the mass limit.
fn by_cosmology(algorithm: &str, population: &Population, given: &Given<'_>) -> Result<Vec<Variant>, StudyError> {
    let fiducial = given.catalogues.iter().find(|(finder, _)| finder.name() == algorithm);
    let Some((finder, parts)) = fiducial else { return Ok(Vec::new()) };
    let mut variants = Vec::new();
    let own = Cosmology::flat_lcdm(population.omega_m);
    for omega_m in OTHER_OMEGA_M {
        let other = Cosmology::flat_lcdm(omega_m);
        let stretch: Vec<f64> = population
            .galaxies
            .columns()
            .redshift
            .iter()
            .map(|z| if *z > 0.0 { other.comoving_distance_mpc_h(*z) / own.comoving_distance_mpc_h(*z) } else { 1.0 })
            .collect();
        let galaxies = population.galaxies.stretched(&stretch)?;
        let environments = environments_at((*finder, parts), omega_m, given.sample, given.settings)?;
        let population = Population::of(galaxies, environments, given, omega_m)?;
        let environment = population.complete(algorithm, population.include_edge)?;
        if let Ok(effect) = effect(&population.galaxies, &environment, &population.masks[0], &population.rules) {
            let rule = edge_rule(population.include_edge);
            variants.push(variant([algorithm, rule, DEFINITIONS[0].name(), COMPLETE], omega_m, effect));
        }
    }
    Ok(variants)
}

fn environments_at(
    (finder, parts): (measure::Finder, &[VoidCatalogue]),
    omega_m: f64,
    sample: &RecordBatch,
    settings: &Settings,
) -> Result<RecordBatch, StudyError> {
    let moved = parts.iter().map(|catalogue| on_distance_scale(catalogue, omega_m)).collect();
    let moved = measure::Catalogues::from([(finder, moved)]);
    measure::environments(sample, &measure::classify_sample(sample, &moved, settings, &Quiet)?)
}

/// The fiducial measurement with other answers to the flux limit: a volume-limited sample (unless the study's is one),
/// and all galaxies that are massive enough to be seen over half the range, weighted by 1/Vmax of their environment.
/// Within bins of redshift the weights would do nothing, so that there is one bin, and edge galaxies, whose volume is not
/// known, take no part.
fn by_completeness(
    algorithm: &str,
    population: &Population,
    given: &Given<'_>,
    volumes: &Volumes,
) -> Result<Vec<Variant>, StudyError> {
    let columns = population.galaxies.columns();
    let mut tried: Vec<(String, Sample, Vec<Option<bool>>, EffectSettings)> = Vec::new();
    if given.settings.sample.magnitude_limit.is_none() {
        let name = format!("volume-limited, Mr < {FAINTEST_TRACER}");
        tried.push((name, population.galaxies.clone(), volume_limited(algorithm, population)?, population.rules));
    }
    let mut limits: Vec<f64> = population.limit.log_mass.iter().flatten().copied().collect();
    limits.sort_unstable_by(f64::total_cmp);
    if let Some(least) = limits.get(limits.len() / 2) {
        let environment = population.in_void(algorithm, false)?;
        let (density, _) = volumes.inverse_vmax(population, algorithm, &environment)?;
        // In units of the largest volume: a galaxy that is seen everywhere has a weight of about 1.
        let smallest = density.iter().flatten().copied().filter(|d| *d > 0.0).fold(f64::INFINITY, f64::min);
        let weight = density.iter().map(|d| d.map_or(0.0, |d| d / smallest)).collect();
        let massive = (0..population.galaxies.len())
            .map(|row| environment[row].filter(|_| columns.log_mass[row].is_some_and(|mass| mass >= *least)))
            .collect();
        let [low, high] = population.rules.redshift;
        let rules = EffectSettings { redshift_bin: high - low, ..population.rules };
        tried.push(("1/Vmax weights".to_owned(), population.galaxies.weighted(weight)?, massive, rules));
    }
    let rule = edge_rule(population.include_edge);
    Ok(tried
        .iter()
        .filter_map(|(name, galaxies, environment, rules)| {
            let effect = effect(galaxies, environment, &population.masks[0], rules).ok()?;
            Some(variant([algorithm, rule, DEFINITIONS[0].name(), name], population.omega_m, effect))
        })
        .collect())
}

/// Environments of galaxies as bright as tracers, to where the survey sees all these, of masses of which all are so bright.
fn volume_limited(algorithm: &str, population: &Population) -> Result<Vec<Option<bool>>, StudyError> {
    let galaxies = &population.galaxies;
    let zmax = volume_limit(galaxies, FAINTEST_TRACER, &population.vmax);
    let magnitudes = absolute_magnitudes(galaxies, population.omega_m);
    let faint = FaintLimits { apparent_r: population.vmax.r_limit, absolute_r: Some((FAINTEST_TRACER, &magnitudes)) };
    let limit = MassLimit::measure(galaxies, &population.masks[0], faint, population.limit.redshift.clone())?;
    let environment = limit.restrict(galaxies, &population.fiducial(algorithm)?);
    let seen = |row: usize| {
        galaxies.columns().redshift[row] <= zmax
            && magnitudes[row].is_some_and(|magnitude| magnitude <= FAINTEST_TRACER)
    };
    Ok((0..galaxies.len()).map(|row| environment[row].filter(|_| seen(row))).collect())
}

/// Tables and figure of the choices.
pub(super) fn write(folder: &StepFolder, variants: &[Variant]) -> Result<Vec<BudgetLine>, StudyError> {
    let p_values: Vec<f64> = variants.iter().map(|variant| variant.effect.p_regions).collect();
    let table = tables::variants(variants, &adjust(&[p_values])?.concat())?;
    folder.table("effects", &table)?;
    let alone = tables::one_at_a_time(variants)?;
    folder.table("systematics", &alone)?;
    folder.figure("systematics", &figures::systematics(variants), &alone)?;
    let budget = error_budget(variants);
    folder.table("error_budget", &tables::budget(&budget)?)?;
    Ok(budget)
}

/// The effect by mass and by redshift, for every algorithm and definition; p-values adjusted over all of them.
pub(super) fn by_bin(folder: &mut StepFolder, population: &Population) -> Result<(), StudyError> {
    let mut measured: Vec<Labelled<QuenchedFractions>> = Vec::new();
    let mut failed = Vec::new();
    for algorithm in &population.algorithms {
        let environment = population.complete(algorithm, population.include_edge)?;
        for (which, definition) in DEFINITIONS.iter().enumerate() {
            let (galaxies, mask) = (&population.galaxies, &population.masks[which]);
            for binned_by in [BinnedBy::Mass, BinnedBy::Redshift] {
                match quenched_fractions(galaxies, &environment, mask, &population.rules, binned_by) {
                    Ok(value) => measured.push(Labelled {
                        algorithm: title(algorithm).to_owned(),
                        label: definition.name().to_owned(),
                        value,
                    }),
                    Err(error) => failed.push((algorithm, error)),
                }
            }
        }
    }
    if let (true, Some((_, error))) = (measured.is_empty(), failed.pop()) {
        return Err(error.into());
    }
    for (algorithm, error) in failed {
        folder.warn(format!("no effect by bin for {}: {error}", title(algorithm)));
    }
    let p_values: Vec<Vec<f64>> = measured.iter().map(|each| each.value.p_value.clone()).collect();
    let table = tables::quenched_fractions(&measured, &adjust(&p_values)?)?;
    folder.table("effects_by_bin", &table)?;
    let covariances: Vec<_> = measured.iter().map(tables::fractions_covariance).collect();
    folder.table("effects_by_bin_covariance", &tables::covariances(&covariances)?)?;
    let first = measured.first().map(|each| each.algorithm.clone()).unwrap_or_default();
    let side_by_side: Vec<_> =
        measured.iter().filter(|m| m.algorithm == first && m.value.binned_by == BinnedBy::Mass).collect();
    let caption = format!("Quenched fraction by mass ({first} voids)");
    folder.figure("quenched_fraction", &figures::quenched_fractions(&side_by_side, &caption), &table)?;
    let definition = DEFINITIONS[0].name();
    let fiducial: Vec<_> = measured.iter().filter(|each| each.label == definition).collect();
    let caption = format!("The effect by mass and redshift (quenched: {definition})");
    Ok(folder.figure("effects_by_bin", &figures::effects_by_bin(&fiducial, &caption), &table)?)
}
