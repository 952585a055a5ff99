//! Quenched fractions and their difference in bins of mass or of redshift.

use astro::statistics::{jackknife, stratified_difference_p_value};

use super::effect::FINE_BIN_DEX;
use super::strata::{Cell, Strata, difference, fraction, stratum_counts};
use super::{EffectSettings, PopulationError, Sample};

/// Least galaxies of each environment for a bin to be shown.
const LEAST_GALAXIES: u64 = 20;
/// Fine redshift bins that make a bin of tables and figures.
const REDSHIFT_GROUP: usize = 3;

/// What galaxies are binned by. The other quantity is held fixed in fine bins, and so is the first inside its bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinnedBy {
    /// log10 stellar mass.
    Mass,
    /// Redshift.
    Redshift,
}

impl BinnedBy {
    /// Name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mass => "log mass",
            Self::Redshift => "redshift",
        }
    }
}

/// Quenched fractions by bin, voids and walls standardised to one distribution of mass and redshift inside it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuenchedFractions {
    /// What the bins are of.
    pub binned_by: BinnedBy,
    /// Lower and upper edge of each bin. Bins with fewer than 20 galaxies of an environment are left out.
    pub bins: Vec<[f64; 2]>,
    /// Quenched fraction in walls.
    pub wall: Vec<f64>,
    /// Quenched fraction in voids.
    pub void: Vec<f64>,
    /// Wall minus void.
    pub difference: Vec<f64>,
    /// Jackknife covariance `[3 n_bin, 3 n_bin]` of walls, voids and differences, in this order.
    pub covariance: Vec<Vec<f64>>,
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

    /// Jackknife errors of the fractions in walls.
    #[must_use]
    pub fn wall_error(&self) -> Vec<f64> {
        self.errors(0)
    }

    /// Jackknife errors of the fractions in voids.
    #[must_use]
    pub fn void_error(&self) -> Vec<f64> {
        self.errors(1)
    }

    /// Jackknife errors of the differences.
    #[must_use]
    pub fn difference_error(&self) -> Vec<f64> {
        self.errors(2)
    }

    fn errors(&self, which: usize) -> Vec<f64> {
        let size = self.bins.len();
        self.covariance
            .iter()
            .enumerate()
            .skip(which * size)
            .take(size)
            .map(|(k, row)| row[k].max(0.0).sqrt())
            .collect()
    }
}

/// Measures quenched fractions by mass or redshift.
///
/// # Errors
/// As [`super::effect`]; also no bin with enough galaxies of both environments.
pub fn quenched_fractions(
    sample: &Sample,
    in_void: &[Option<bool>],
    quenched: &[Option<bool>],
    settings: &EffectSettings,
    binned_by: BinnedBy,
) -> Result<QuenchedFractions, PopulationError> {
    let parts = (settings.mass_bin_dex / FINE_BIN_DEX - 1e-9).ceil().max(1.0);
    let coarse = settings.mass_bins()?.len();
    let [low, high] = settings.log_mass;
    let fine = EffectSettings { mass_bin_dex: (high - low) / (coarse as f64 * parts), ..*settings };
    let strata = Strata::new(sample, in_void, quenched, &fine)?;
    let groups = Groups::new(&strata, binned_by, parts as usize);
    let measure = |cells: &[Cell], bin: usize| {
        let cells = groups.cells(cells, bin);
        Some([fraction(&cells, 0)?, fraction(&cells, 1)?, difference(&cells)?])
    };
    let totals: Vec<Vec<Cell>> = (0..groups.len()).map(|bin| groups.cells(&strata.totals, bin)).collect();
    let without: Vec<Vec<Cell>> = (0..strata.regions).map(|region| strata.without(region)).collect();
    let usable: Vec<usize> = (0..groups.len())
        .filter(|bin| Strata::count(&totals[*bin], 0).min(Strata::count(&totals[*bin], 1)) >= LEAST_GALAXIES)
        .filter(|bin| without.iter().all(|cells| measure(cells, *bin).is_some()))
        .collect();
    let full: Vec<[f64; 3]> = usable.iter().filter_map(|bin| measure(&strata.totals, *bin)).collect();
    if full.is_empty() {
        let (what, whom) = ("quenched fractions by bin", "bins with 20 galaxies of each environment");
        return Err(PopulationError::TooFew { what, whom, found: 0, needed: 1 });
    }
    let covariance = jackknife(strata.regions, |region| {
        let values: Vec<[f64; 3]> = usable.iter().filter_map(|bin| measure(&without[region], *bin)).collect();
        (0..3).flat_map(|which| values.iter().map(move |value| value[which])).collect()
    })?
    .covariance;
    let p_value = usable
        .iter()
        .map(|bin| {
            let counts = stratum_counts(&totals[*bin]);
            stratified_difference_p_value(&counts, settings.permutations, settings.seed.wrapping_add(*bin as u64))
        })
        .collect::<Result<_, _>>()?;
    let column = |which: usize| full.iter().map(|values| values[which]).collect::<Vec<f64>>();
    Ok(QuenchedFractions {
        binned_by,
        bins: usable.iter().map(|bin| groups.edges[*bin]).collect(),
        wall: column(0),
        void: column(1),
        difference: column(2),
        covariance,
        p_value,
        wall_galaxies: usable.iter().map(|bin| Strata::count(&totals[*bin], 0)).collect(),
        void_galaxies: usable.iter().map(|bin| Strata::count(&totals[*bin], 1)).collect(),
    })
}

/// Which strata make a bin.
struct Groups {
    binned_by: BinnedBy,
    /// Fine bins a bin.
    parts: usize,
    redshift_bins: usize,
    edges: Vec<[f64; 2]>,
}

impl Groups {
    fn new(strata: &Strata, binned_by: BinnedBy, mass_parts: usize) -> Self {
        let (edges, parts) = match binned_by {
            BinnedBy::Mass => (strata.masses.edges(), mass_parts),
            BinnedBy::Redshift => (strata.redshifts.edges(), REDSHIFT_GROUP),
        };
        let last = edges.len() - 1;
        let edges = (0..last).step_by(parts).map(|first| [edges[first], edges[(first + parts).min(last)]]).collect();
        Self { binned_by, parts, redshift_bins: strata.redshifts.len(), edges }
    }

    fn len(&self) -> usize {
        self.edges.len()
    }

    fn cells(&self, cells: &[Cell], bin: usize) -> Vec<Cell> {
        let wanted = bin * self.parts..(bin + 1) * self.parts;
        let place = |index: usize| match self.binned_by {
            BinnedBy::Mass => index / self.redshift_bins,
            BinnedBy::Redshift => index % self.redshift_bins,
        };
        cells.iter().enumerate().filter(|(index, _)| wanted.contains(&place(*index))).map(|(_, cell)| *cell).collect()
    }
}
