//! Weighted counts by region of the sky, mass bin, redshift bin, environment and quenching: all that an effect at
//! fixed mass needs, so that resampling never touches a galaxy again.

use astro::statistics::{Binning, StratumCounts};

use super::{EffectSettings, PopulationError, Sample};

/// Sums of one stratum, wall (0) and void (1): all and quenched galaxies.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Cell {
    /// Sum of weights `[environment][all but quenched, quenched]`.
    pub(crate) weight: [[f64; 2]; 2],
    /// Sum of squared weights.
    pub(crate) square: [[f64; 2]; 2],
    /// Galaxies.
    pub(crate) count: [[u64; 2]; 2],
}

impl Cell {
    pub(crate) fn add(&mut self, other: &Self, factor: f64) {
        for environment in 0..2 {
            for state in 0..2 {
                self.weight[environment][state] += factor * other.weight[environment][state];
                self.square[environment][state] += factor * other.square[environment][state];
            }
        }
    }

    pub(crate) fn total(&self, environment: usize) -> f64 {
        self.weight[environment][0] + self.weight[environment][1]
    }
}

/// Strata `[region][mass bin][redshift bin]`, flattened.
#[derive(Debug, Clone)]
pub(crate) struct Strata {
    pub(crate) masses: Binning,
    pub(crate) redshifts: Binning,
    pub(crate) regions: usize,
    cells: Vec<Cell>,
    pub(crate) totals: Vec<Cell>,
}

impl Strata {
    pub(crate) fn new(
        sample: &Sample,
        in_void: &[Option<bool>],
        quenched: &[Option<bool>],
        settings: &EffectSettings,
    ) -> Result<Self, PopulationError> {
        sample.check_mask("in_void", in_void)?;
        sample.check_mask("quenched", quenched)?;
        let masses = settings.mass_bins()?;
        let redshifts = settings.redshift_bins()?;
        let columns = sample.columns();
        let strata = masses.len() * redshifts.len();
        let mut cells = vec![Cell::default(); strata * sample.regions()];
        for row in 0..sample.len() {
            let (Some(void), Some(quenched), Some(mass)) = (in_void[row], quenched[row], columns.log_mass[row]) else {
                continue;
            };
            let (Some(mass), Some(redshift)) = (masses.index(mass), redshifts.index(columns.redshift[row])) else {
                continue;
            };
            let place = sample.region()[row] as usize * strata + mass * redshifts.len() + redshift;
            let cell = &mut cells[place];
            let weight = columns.weight[row];
            cell.weight[usize::from(void)][usize::from(quenched)] += weight;
            cell.square[usize::from(void)][usize::from(quenched)] += weight * weight;
            cell.count[usize::from(void)][usize::from(quenched)] += 1;
        }
        let mut totals = vec![Cell::default(); strata];
        for region in cells.chunks(strata) {
            for (total, cell) in totals.iter_mut().zip(region) {
                total.add(cell, 1.0);
                for environment in 0..2 {
                    for state in 0..2 {
                        total.count[environment][state] += cell.count[environment][state];
                    }
                }
            }
        }
        Ok(Self { masses, redshifts, regions: sample.regions(), cells, totals })
    }

    pub(crate) fn region(&self, region: usize) -> &[Cell] {
        let strata = self.totals.len();
        self.cells.get(region * strata..(region + 1) * strata).unwrap_or_default()
    }

    /// The totals without a region.
    pub(crate) fn without(&self, region: usize) -> Vec<Cell> {
        let mut cells = self.totals.clone();
        for (cell, part) in cells.iter_mut().zip(self.region(region)) {
            cell.add(part, -1.0);
        }
        cells
    }

    /// Galaxies of an environment, unweighted: wall 0, void 1.
    pub(crate) fn count(cells: &[Cell], environment: usize) -> u64 {
        cells.iter().map(|cell| cell.count[environment][0] + cell.count[environment][1]).sum()
    }
}

/// Counts for permutation tests, wall first.
pub(crate) fn stratum_counts(cells: &[Cell]) -> Vec<StratumCounts> {
    cells
        .iter()
        .map(|cell| StratumCounts {
            first: cell.count[0][0] + cell.count[0][1],
            first_with: cell.count[0][1],
            second: cell.count[1][0] + cell.count[1][1],
            second_with: cell.count[1][1],
        })
        .collect()
}

/// Numerator and denominator of the Mantel-Haenszel difference of fractions, wall minus void (Mantel & Haenszel 1959;
/// variance-optimal for a common difference): strata with one environment only do not count.
pub(crate) fn mantel_haenszel(cells: &[Cell]) -> (f64, f64) {
    let (mut numerator, mut denominator) = (0.0, 0.0);
    for cell in cells {
        let (wall, void) = (cell.total(0), cell.total(1));
        // Subtracting regions may leave rounding noise where nothing is left.
        if wall > 1e-9 && void > 1e-9 {
            numerator += (cell.weight[0][1] * void - cell.weight[1][1] * wall) / (wall + void);
            denominator += wall * void / (wall + void);
        }
    }
    (numerator, denominator)
}

/// Their ratio; `None` without a common stratum.
pub(crate) fn difference(cells: &[Cell]) -> Option<f64> {
    let (numerator, denominator) = mantel_haenszel(cells);
    (denominator > 0.0).then(|| numerator / denominator)
}

/// Weighted quenched fraction of an environment, strata standardised to the weights of walls and voids together.
pub(crate) fn fraction(cells: &[Cell], environment: usize) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for cell in cells {
        let (wall, void) = (cell.total(0), cell.total(1));
        if wall > 1e-9 && void > 1e-9 {
            let share = wall * void / (wall + void);
            sum += share * cell.weight[environment][1] / cell.total(environment);
            total += share;
        }
    }
    (total > 0.0).then(|| sum / total)
}
