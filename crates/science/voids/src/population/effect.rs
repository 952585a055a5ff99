//! The headline number: quenched fraction of walls minus that of voids, at fixed mass and redshift.

use astro::statistics::{
    Binning, Interval, bootstrap, bootstrap_scaled_poisson, jackknife, sign_flip_p_value, standard_deviation,
    stratified_difference_p_value, student_t_interval,
};
use rand::RngExt;

use super::strata::{Cell, Strata, difference, fraction, mantel_haenszel, stratum_counts};
use super::{PopulationError, Sample};

/// Least galaxies of each environment for a mass bin to be shown.
const LEAST_GALAXIES: u64 = 20;
/// Widest mass bin of the headline number.
const FINE_BIN_DEX: f64 = 0.05;

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

/// Quenched fractions by mass bin, each standardised to one redshift distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct QuenchedFractions {
    /// Lower and upper edge of each bin, log10 mass. Bins with fewer than 20 galaxies of an environment are left out.
    pub bins: Vec<[f64; 2]>,
    /// Quenched fraction in walls.
    pub wall: Vec<f64>,
    /// Jackknife error of it.
    pub wall_error: Vec<f64>,
    /// Quenched fraction in voids.
    pub void: Vec<f64>,
    /// Jackknife error of it.
    pub void_error: Vec<f64>,
    /// Wall minus void.
    pub difference: Vec<f64>,
    /// Jackknife covariance of the differences `[n_bin, n_bin]`.
    pub difference_covariance: Vec<Vec<f64>>,
    /// Permutation p-value of each bin; adjust them together with [`super::adjust`].
    pub p_value: Vec<f64>,
    /// Galaxies in walls.
    pub wall_galaxies: Vec<u64>,
    /// Galaxies in voids.
    pub void_galaxies: Vec<u64>,
}

impl QuenchedFractions {
    /// Middle of each bin.
    #[must_use]
    pub fn centres(&self) -> Vec<f64> {
        self.bins.iter().map(|[low, high]| 0.5 * (low + high)).collect()
    }

    /// Jackknife error of the differences.
    #[must_use]
    pub fn difference_error(&self) -> Vec<f64> {
        self.difference_covariance.iter().enumerate().map(|(k, row)| row[k].max(0.0).sqrt()).collect()
    }
}

/// Measures quenched fractions by mass.
///
/// # Errors
/// As [`effect`]; also no mass bin with enough galaxies of both environments.
pub fn quenched_fractions(
    sample: &Sample,
    in_void: &[Option<bool>],
    quenched: &[Option<bool>],
    settings: &EffectSettings,
) -> Result<QuenchedFractions, PopulationError> {
    let strata = Strata::new(sample, in_void, quenched, settings)?;
    let measure = |cells: &[Cell], bin: usize| {
        let cells = strata.mass_bin(cells, bin);
        Some([fraction(cells, 0)?, fraction(cells, 1)?, difference(cells)?])
    };
    let count = |bin: usize, environment: usize| Strata::count(strata.mass_bin(&strata.totals, bin), environment);
    let without: Vec<Vec<Cell>> = (0..strata.regions).map(|region| strata.without(region)).collect();
    let usable: Vec<usize> = (0..strata.masses.len())
        .filter(|bin| count(*bin, 0).min(count(*bin, 1)) >= LEAST_GALAXIES)
        .filter(|bin| without.iter().all(|cells| measure(cells, *bin).is_some()))
        .collect();
    let full: Vec<[f64; 3]> = usable.iter().filter_map(|bin| measure(&strata.totals, *bin)).collect();
    if full.is_empty() {
        let (what, whom) = ("quenched fractions by mass", "mass bins with 20 galaxies of each environment");
        return Err(PopulationError::TooFew { what, whom, found: 0, needed: 1 });
    }
    let size = usable.len();
    let result = jackknife(strata.regions, |region| {
        let values: Vec<[f64; 3]> = usable.iter().filter_map(|bin| measure(&without[region], *bin)).collect();
        (0..3).flat_map(|which| values.iter().map(move |value| value[which])).collect()
    })?;
    let errors = result.errors();
    let column = |which: usize| full.iter().map(|values| values[which]).collect::<Vec<f64>>();
    let p_value = usable
        .iter()
        .map(|bin| {
            let counts = stratum_counts(strata.mass_bin(&strata.totals, *bin));
            stratified_difference_p_value(&counts, settings.permutations, settings.seed.wrapping_add(*bin as u64))
        })
        .collect::<Result<_, _>>()?;
    let edges = strata.masses.edges();
    Ok(QuenchedFractions {
        bins: usable.iter().map(|bin| [edges[*bin], edges[bin + 1]]).collect(),
        wall: column(0),
        wall_error: errors[..size].to_vec(),
        void: column(1),
        void_error: errors[size..2 * size].to_vec(),
        difference: column(2),
        difference_covariance: result.covariance[2 * size..].iter().map(|row| row[2 * size..].to_vec()).collect(),
        p_value,
        wall_galaxies: usable.iter().map(|bin| count(*bin, 0)).collect(),
        void_galaxies: usable.iter().map(|bin| count(*bin, 1)).collect(),
    })
}
