//! The headline number: quenched fraction of walls minus that of voids, at fixed mass and redshift.

use astro::statistics::{
    Binning, Interval, bootstrap, bootstrap_scaled_poisson, jackknife, sign_flip_p_value, standard_deviation,
    stratified_difference_p_value, student_t_interval,
};
use rand::RngExt;

use super::strata::{Cell, Strata, difference, mantel_haenszel, stratum_counts};
use super::{PopulationError, Sample};

/// Widest mass bin inside which galaxies count as equally massive.
pub(crate) const FINE_BIN_DEX: f64 = 0.05;

/// How the effect is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EffectSettings {
    /// Range of log10 mass, solar masses, both ends included.
    pub log_mass: [f64; 2],
    /// Greatest width of the mass bins of figures and tables, dex.
    pub mass_bin_dex: f64,
    /// Range of redshift, both ends included.
    pub redshift: [f64; 2],
    /// Greatest width of the redshift bins.
    pub redshift_bin: f64,
    /// Bootstrap samples.
    pub bootstraps: usize,
    /// Permutations.
    pub permutations: usize,
    /// Seed of both.
    pub seed: u64,
}

impl Default for EffectSettings {
    fn default() -> Self {
        Self {
            log_mass: [8.0, 12.0],
            mass_bin_dex: 0.1,
            redshift: [0.0, 0.24],
            redshift_bin: 0.02,
            bootstraps: 1_000,
            permutations: 1_000,
            seed: 1,
        }
    }
}

impl EffectSettings {
    pub(crate) fn mass_bins(&self) -> Result<Binning, PopulationError> {
        bins("mass_bin_dex", self.log_mass, self.mass_bin_dex)
    }

    pub(crate) fn redshift_bins(&self) -> Result<Binning, PopulationError> {
        bins("redshift_bin", self.redshift, self.redshift_bin)
    }
}

fn bins(name: &'static str, [low, high]: [f64; 2], width: f64) -> Result<Binning, PopulationError> {
    let count = ((high - low) / width - 1e-9).ceil();
    if !(1.0..=10_000.0).contains(&count) {
        return Err(PopulationError::Setting { name, value: width, expected: "a width that gives 1 to 10,000 bins" });
    }
    Ok(Binning::uniform(low, high, count as usize)?)
}

/// An effect with its errors and tests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect {
    /// Quenched fraction of walls minus voids.
    pub value: f64,
    /// Jackknife error over regions of the sky: the one to quote, since it knows of clustering.
    pub error: f64,
    /// Spread of the bootstrap of galaxies, which takes them as independent.
    pub error_galaxies: f64,
    /// Spread of the bootstrap of regions.
    pub error_regions: f64,
    /// 68.27 % interval, Student's t with regions - 1 degrees of freedom.
    pub interval_68: Interval,
    /// 95.45 % interval.
    pub interval_95: Interval,
    /// p-value of shuffled environments within bins of mass and redshift (galaxies independent).
    pub p_permutation: f64,
    /// p-value of the signs of the regions' contributions (clustering allowed).
    pub p_regions: f64,
    /// Galaxies in voids.
    pub void_galaxies: u64,
    /// Galaxies in walls.
    pub wall_galaxies: u64,
    /// Jackknife regions.
    pub regions: usize,
}

/// Measures the effect at fixed mass and redshift, by the Mantel-Haenszel mean over fine bins of both.
///
/// # Errors
/// Masks of another length, no bin with both environments, or fewer than two regions.
pub fn effect(
    sample: &Sample,
    in_void: &[Option<bool>],
    quenched: &[Option<bool>],
    settings: &EffectSettings,
) -> Result<Effect, PopulationError> {
    // Finer than the bins of tables, so that a gradient inside a bin leaves no trace of the masses' difference.
    let fine = EffectSettings { mass_bin_dex: settings.mass_bin_dex.min(FINE_BIN_DEX), ..*settings };
    let strata = Strata::new(sample, in_void, quenched, &fine)?;
    let wall_galaxies = Strata::count(&strata.totals, 0);
    let void_galaxies = Strata::count(&strata.totals, 1);
    let value = difference(&strata.totals).ok_or(PopulationError::TooFew {
        what: "the effect of the environment",
        whom: "bins of mass and redshift with galaxies of both environments",
        found: 0,
        needed: 1,
    })?;
    let jackknife = jackknife(strata.regions, |r| vec![difference(&strata.without(r)).unwrap_or(value)])?;
    let error = jackknife.errors().first().copied().unwrap_or_default();
    let (error_galaxies, error_regions) = bootstrap_errors(&strata, settings);
    Ok(Effect {
        value,
        error,
        error_galaxies,
        error_regions,
        interval_68: student_t_interval(value, error, 0.682_689, strata.regions - 1),
        interval_95: student_t_interval(value, error, 0.954_500, strata.regions - 1),
        p_permutation: stratified_difference_p_value(
            &stratum_counts(&strata.totals),
            settings.permutations,
            settings.seed,
        )?,
        p_regions: sign_flip_p_value(&contributions(&strata), settings.permutations, settings.seed ^ 1)?,
        void_galaxies,
        wall_galaxies,
        regions: strata.regions,
    })
}

/// What each region adds to the numerator.
fn contributions(strata: &Strata) -> Vec<f64> {
    (0..strata.regions).map(|region| mantel_haenszel(strata.region(region)).0).collect()
}

/// Standard errors by resampled galaxies and by resampled regions.
fn bootstrap_errors(strata: &Strata, settings: &EffectSettings) -> (f64, f64) {
    let galaxies = bootstrap(settings.bootstraps, settings.seed ^ 2, |rng| {
        let drawn: Vec<Cell> = strata
            .totals
            .iter()
            .map(|cell| {
                let mut drawn = Cell::default();
                for environment in 0..2 {
                    for state in 0..2 {
                        let (sum, square) = (cell.weight[environment][state], cell.square[environment][state]);
                        drawn.weight[environment][state] = bootstrap_scaled_poisson(sum, square, rng);
                    }
                }
                drawn
            })
            .collect();
        difference(&drawn)
    });
    let regions = bootstrap(settings.bootstraps, settings.seed ^ 3, |rng| {
        let mut times = vec![0.0; strata.regions];
        for _ in 0..strata.regions {
            times[rng.random_range(0..strata.regions)] += 1.0;
        }
        let mut drawn = vec![Cell::default(); strata.totals.len()];
        for (region, factor) in times.iter().enumerate().filter(|(_, factor)| **factor > 0.0) {
            for (cell, part) in drawn.iter_mut().zip(strata.region(region)) {
                cell.add(part, *factor);
            }
        }
        difference(&drawn)
    });
    let spread = |values: Vec<Option<f64>>| {
        standard_deviation(&values.into_iter().flatten().collect::<Vec<_>>()).unwrap_or_default()
    };
    (spread(galaxies), spread(regions))
}
