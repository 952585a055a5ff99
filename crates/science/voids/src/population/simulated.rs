//! Samples from simulated skies, and the calibration of the effect on many of them.

use astro::statistics::Binning;
use desi::DesiError;
use desi::simulate::{Environment, LightCone, Parameters};

use super::{
    Calibration, EffectSettings, MassLimit, PopulationError, Quenching, Sample, SampleColumns, Trial, calibrate,
    effect, main_sequence, quenched,
};

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

/// The rows of a calibration: true quenching first, then each measured definition.
pub const CALIBRATED: [Option<Quenching>; 4] =
    [None, Some(Quenching::SpecificRate), Some(Quenching::BelowMainSequence), Some(Quenching::Break4000)];

/// Simulates each sky once and measures the effect on its mass-complete galaxies, with true environments, by true
/// quenching and by each definition: one [`Calibration`] an entry of [`CALIBRATED`].
///
/// # Errors
/// A sky that cannot be simulated or measured, or fewer than two seeds.
pub fn calibrate_on_light_cones(
    plan: &CalibrationPlan,
    mut finished: impl FnMut(u64),
) -> Result<Vec<Calibration>, CalibrationError> {
    let mut skies = Vec::new();
    for seed in 1..=plan.seeds {
        skies.push(measure_sky(plan, seed)?);
        finished(seed);
    }
    let seeds: Vec<u64> = (1..=plan.seeds).collect();
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
    let limit = MassLimit::measure(&sample, &simulated.quenched, plan.parameters.r_limit, bins)?;
    let in_void = limit.restrict(&sample, &simulated.in_void);
    let settings = EffectSettings { seed, ..plan.settings };
    let sequence = main_sequence(&sample, |_| true, settings.log_mass, 10.0)?;
    CALIBRATED
        .iter()
        .map(|definition| {
            let mask = match definition {
                None => simulated.quenched.clone(),
                Some(definition) => quenched(&sample, *definition, Some(&sequence.ridge))?,
            };
            let measured = effect(&sample, &in_void, &mask, &settings)?;
            Ok(Trial { seed, truth: plan.parameters.environment_effect, measured })
        })
        .collect()
}

/// The calibration as a page: one table an injected effect.
#[must_use]
pub fn calibration_page(runs: &[(CalibrationPlan, Vec<Calibration>)], command: &str) -> String {
    let mut page = format!(
        "# Calibration of the void effect\n\nMade by `{command}`. Each simulated sky has a known difference of the quenched \
         fraction (wall minus void) at fixed\nmass; the measurement uses true environments and mass-complete galaxies. \
         Bias and scatter are of measured minus\ntrue; a definition that mistakes some galaxies dilutes the effect, \
         which shows as bias. The last two columns are the\nshare of skies with p <= 0.05: false positives where \
         nothing was injected, power elsewhere.\n"
    );
    for (plan, calibrations) in runs {
        let parameters = &plan.parameters;
        page.push_str(&format!(
            "\n## Injected {:+.3}: {} skies of {} galaxies, {:.0} deg^2\n\n\
             | quenched by | bias | scatter | mean error | 68 % covers | 95 % covers | p galaxies | p regions |\n\
             |---|---|---|---|---|---|---|---|\n",
            parameters.environment_effect, plan.seeds, parameters.galaxies, parameters.area_deg2
        ));
        for (definition, c) in CALIBRATED.iter().zip(calibrations) {
            page.push_str(&format!(
                "| {} | {:+.4} ± {:.4} | {:.4} | {:.4} | {:.2} ({:.2}–{:.2}) | {:.2} ({:.2}–{:.2}) | {:.2} | {:.2} |\n",
                definition.map_or("truth", Quenching::name),
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
