//! Samples from simulated skies, and the calibration of the effect on many of them.

use archive::Progress;
use astro::statistics::Binning;
use desi::DesiError;
use desi::desivast::VoidCatalogue;
use desi::simulate::{Environment, LightCone, Parameters, voidfinder_catalogues};
use rayon::prelude::*;

use super::{
    Calibration, EffectSettings, FaintLimits, MassLimit, PopulationError, Quenching, Sample, SampleColumns, Trial,
    calibrate, effect, main_sequence, quenched,
};
use crate::classify::{self, Classification, ClassifyError, ClassifySettings, Galaxies, Membership, classify};
use crate::survey::HealpixSurvey;

/// A simulated sample with what is true of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedSample {
    /// The measured columns, for [`Sample::new`].
    pub columns: SampleColumns,
    /// Truly in a void?
    pub in_void: Vec<Option<bool>>,
    /// Truly quenched?
    pub quenched: Vec<Option<bool>>,
}

/// The galaxies of a light-cone below a redshift.
#[must_use]
pub fn simulated_sample(cone: &LightCone, redshift_max: f64) -> SimulatedSample {
    let mut sample = SimulatedSample { columns: SampleColumns::default(), in_void: Vec::new(), quenched: Vec::new() };
    let columns = &mut sample.columns;
    for galaxy in cone.galaxies.iter().filter(|galaxy| (0.0..=redshift_max).contains(&galaxy.redshift)) {
        columns.target_id.push(galaxy.target_id);
        columns.ra_deg.push(galaxy.ra_deg);
        columns.dec_deg.push(galaxy.dec_deg);
        columns.redshift.push(galaxy.redshift);
        columns.log_mass.push(Some(f64::from(galaxy.log_mass[0])));
        columns.sfr_msun_yr.push(Some(10_f64.powf(f64::from(galaxy.log_sfr[0]))));
        columns.dn4000.push(Some(f64::from(galaxy.dn4000[0])));
        columns.apparent_r.push(Some(f64::from(galaxy.apparent_r)));
        columns.k_correction_r.push(Some(f64::from(galaxy.k_correction_r)));
        columns.weight.push(1.0);
        sample.in_void.push(Some(galaxy.environment == Environment::Void));
        sample.quenched.push(Some(galaxy.quenched));
    }
    sample
}

/// Why a calibration stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// A sky could not be simulated.
    #[error(transparent)]
    Simulation(#[from] DesiError),
    /// A sky's galaxies could not be classified.
    #[error(transparent)]
    Classification(#[from] ClassifyError),
    /// A sky could not be measured.
    #[error(transparent)]
    Population(#[from] PopulationError),
}

/// What is simulated and how it is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationPlan {
    /// The sky; its seed is replaced.
    pub parameters: Parameters,
    /// Seeds `1..=seeds`.
    pub seeds: u64,
    /// HEALPix order of the jackknife's regions.
    pub region_order: u8,
    /// How the effect is measured.
    pub settings: EffectSettings,
}

/// Where the environments of a calibrated measurement come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownBy {
    /// The simulation says who is in a void.
    Truth,
    /// Classification by the sky's VoidFinder catalogue, as in a study; the flag includes edge galaxies.
    Catalogue(bool),
}

/// A way to measure the effect on a simulated sky.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Who is in a void.
    pub environment: KnownBy,
    /// Who is quenched; `None` is the truth.
    pub quenching: Option<Quenching>,
}

impl Measured {
    /// Name in tables.
    #[must_use]
    pub fn name(self) -> String {
        let environment = match self.environment {
            KnownBy::Truth => "true environment",
            KnownBy::Catalogue(false) => "catalogue, edge galaxies excluded",
            KnownBy::Catalogue(true) => "catalogue, edge galaxies included",
        };
        format!("{environment}; {}", self.quenching.map_or("truly quenched", Quenching::name))
    }
}

/// The rows of a calibration: the truth, each definition with true environments, and what a study does.
pub const CALIBRATED: [Measured; 6] = {
    const fn row(environment: KnownBy, quenching: Option<Quenching>) -> Measured {
        Measured { environment, quenching }
    }
    [
        row(KnownBy::Truth, None),
        row(KnownBy::Truth, Some(Quenching::SpecificRate)),
        row(KnownBy::Truth, Some(Quenching::BelowMainSequence)),
        row(KnownBy::Truth, Some(Quenching::Break4000)),
        row(KnownBy::Catalogue(false), Some(Quenching::SpecificRate)),
        row(KnownBy::Catalogue(true), Some(Quenching::SpecificRate)),
    ]
};

/// Simulates each sky once and measures the effect on its mass-complete galaxies in every way of [`CALIBRATED`]: one
/// [`Calibration`] an entry. Skies are made in parallel; the answer does not depend on the number of threads.
///
/// # Errors
/// A sky that cannot be simulated or measured, or fewer than two seeds.
pub fn calibrate_on_light_cones(
    plan: &CalibrationPlan,
    progress: &dyn Progress,
) -> Result<Vec<Calibration>, CalibrationError> {
    let seeds: Vec<u64> = (1..=plan.seeds).collect();
    let effect = plan.parameters.environment_effect;
    progress.begin(&format!("skies with effect {effect}"), plan.seeds, "skies");
    let skies = seeds
        .par_iter()
        .map(|seed| {
            let trials = measure_sky(plan, *seed);
            progress.advance(1);
            trials
        })
        .collect::<Result<Vec<_>, _>>()?;
    progress.end();
    (0..CALIBRATED.len())
        .map(|which| {
            let mut sky = skies.iter();
            calibrate(&seeds, |_| sky.next().and_then(|trials| trials.get(which)).copied().ok_or_else(no_sky))
                .map_err(CalibrationError::from)
        })
        .collect()
}

fn no_sky() -> PopulationError {
    PopulationError::TooFew { what: "bias and coverage", whom: "skies", found: 0, needed: 2 }
}

fn measure_sky(plan: &CalibrationPlan, seed: u64) -> Result<Vec<Trial>, CalibrationError> {
    let cone = LightCone::generate(&Parameters { seed, ..plan.parameters.clone() })?;
    let simulated = simulated_sample(&cone, plan.settings.redshift[1]);
    let sample = Sample::new(simulated.columns, plan.region_order)?;
    let [low, high] = plan.settings.redshift;
    let bins = Binning::uniform(low, high, 12).map_err(PopulationError::from)?;
    let sequence = main_sequence(&sample, |_| true, plan.settings.log_mass, 10.0)?;
    let specific = quenched(&sample, Quenching::SpecificRate, None)?;
    let faint = FaintLimits { apparent_r: plan.parameters.r_limit, absolute_r: None };
    let limit = MassLimit::measure(&sample, &specific, faint, bins)?;
    let environments = classified(&cone, &sample)?;
    let settings = EffectSettings { seed, ..plan.settings };
    CALIBRATED
        .iter()
        .map(|Measured { environment, quenching }| {
            let mask = match quenching {
                None => simulated.quenched.clone(),
                Some(definition) => quenched(&sample, *definition, Some(&sequence.ridge))?,
            };
            let in_void = match environment {
                KnownBy::Truth => simulated.in_void.clone(),
                KnownBy::Catalogue(include_edge) => in_void(&environments, *include_edge),
            };
            let measured = effect(&sample, &limit.restrict(&sample, &in_void), &mask, &settings)?;
            Ok(Trial { seed, truth: plan.parameters.environment_effect, measured })
        })
        .collect()
}

/// The environments by the sky's own VoidFinder catalogue.
fn classified(cone: &LightCone, sample: &Sample) -> Result<Classification, CalibrationError> {
    let columns = sample.columns();
    let directions: Vec<(f64, f64)> = columns.ra_deg.iter().copied().zip(columns.dec_deg.iter().copied()).collect();
    let galaxies = Galaxies::new(
        columns.ra_deg.clone().into(),
        columns.dec_deg.clone().into(),
        columns.redshift.clone().into(),
        None,
    )?;
    let catalogues = voidfinder_catalogues(cone);
    let furthest = catalogues.iter().map(|part| part.limits.distance_mpc_h[1]).fold(0.0, f64::max);
    let order = HealpixSurvey::suitable_order(&directions);
    let volume = HealpixSurvey::from_directions(order, &directions, [0.0, furthest]);
    let rules = ClassifySettings::default();
    let placed = galaxies.place(cone.parameters.omega_m, &volume, rules.boundary_margin_mpc_h);
    let parts: Vec<VoidCatalogue> = catalogues.into_iter().map(VoidCatalogue::VoidFinder).collect();
    Ok(classify(&placed, &parts, &rules)?)
}

fn in_void(found: &Classification, include_edge: bool) -> Vec<Option<bool>> {
    let of = |row: &Membership| match row.environment {
        classify::Environment::Void => Some(true),
        classify::Environment::Wall => Some(false),
        classify::Environment::Edge if include_edge => Some(row.void().is_some()),
        _ => None,
    };
    found.rows.iter().map(of).collect()
}

/// The calibration as a page: one table an injected effect.
#[must_use]
pub fn calibration_page(runs: &[(CalibrationPlan, Vec<Calibration>)], command: &str) -> String {
    let mut page = format!(
        "# Calibration of the void effect\n\nMade by `{command}`.\n\n\
         Each simulated sky has a known difference of the quenched fraction (wall minus void) at fixed mass. The effect \
         is\nmeasured on mass-complete galaxies in several ways, from the true environment and the true state of each \
         galaxy to\nwhat a study does: classification by a void catalogue, edge galaxies excluded, quenched by log sSFR \
         < -11. Bias and\nscatter are the mean and the standard deviation of measured minus true; the scatter is what \
         the mean error should be.\nIntervals are Student's t on the jackknife error over regions of equally many \
         galaxies; in brackets is the 95 % Wilson\ninterval of the coverage. The last two columns are the share of skies \
         with p <= 0.05, by shuffled galaxies and by the\nsigns of regions: the rate of false positives where nothing \
         was injected, the power elsewhere. A definition that\nmistakes some galaxies dilutes the effect, which shows as \
         bias towards zero. All skies share seeds, so that the rows of\na table, and the tables, are not independent of \
         each other.\n"
    );
    for (plan, calibrations) in runs {
        let parameters = &plan.parameters;
        page.push_str(&format!(
            "\n## Injected {:+.3}: {} skies of {} galaxies, {:.0} deg^2\n\n\
             | measured by | bias | scatter | mean error | 68.3 % covers | 95.5 % covers | p galaxies | p regions |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|\n",
            parameters.environment_effect, plan.seeds, parameters.galaxies, parameters.area_deg2
        ));
        for (measured, c) in CALIBRATED.iter().zip(calibrations) {
            page.push_str(&format!(
                "| {} | {:+.4} ± {:.4} | {:.4} | {:.4} | {:.2} ({:.2}–{:.2}) | {:.2} ({:.2}–{:.2}) | {:.2} | {:.2} |\n",
                measured.name(),
                c.bias,
                c.bias_error,
                c.scatter,
                c.mean_error,
                c.coverage_68,
                c.coverage_68_range.low,
                c.coverage_68_range.high,
                c.coverage_95,
                c.coverage_95_range.low,
                c.coverage_95_range.high,
                c.detections_permutation,
                c.detections_regions,
            ));
        }
    }
    page
}
