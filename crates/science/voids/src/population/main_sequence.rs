//! The main sequence of star-forming galaxies: the ridge of star formation rate against mass.
//!
//! In each mass bin the median log rate of galaxies that form stars, then a straight line through the medians. A first
//! pass takes galaxies with log sSFR > -11; two further passes those within 1 dex of the ridge, so that neither cut
//! tilts it. Medians come from fine histograms, so that a jackknife needs no second look at the galaxies.

use astro::statistics::{Binning, LineFit, fit_line, jackknife};

use super::{PopulationError, Sample};

const RATE_RANGE: [f64; 2] = [-6.0, 6.0];
const RATE_STEP: f64 = 0.02;
const MASS_STEP: f64 = 0.2;
const LEAST_GALAXIES: f64 = 30.0;
/// Galaxies this near to the ridge belong to the sequence, dex.
const WIDTH_DEX: f64 = 1.0;

/// A ridge line.
#[derive(Debug, Clone, PartialEq)]
pub struct Ridge {
    /// Log rate against log mass.
    pub line: LineFit,
    /// Standard deviation about the line from the 16th and 84th percentile, dex.
    pub scatter_dex: f64,
    /// Mass bins: centre, median log rate, standard error of the median.
    pub points: Vec<[f64; 3]>,
    /// Sum of the weights of the galaxies of the sequence.
    pub weight: f64,
}

/// A ridge line with jackknife errors.
#[derive(Debug, Clone, PartialEq)]
pub struct MainSequence {
    /// The line of all regions.
    pub ridge: Ridge,
    /// The mass where the intercept below is taken.
    pub pivot_log_mass: f64,
    /// Log rate at the pivot.
    pub intercept: f64,
    /// Jackknife errors of slope, intercept at the pivot, and scatter.
    pub slope_error: f64,
    /// See `slope_error`.
    pub intercept_error: f64,
    /// See `slope_error`.
    pub scatter_error_dex: f64,
}

/// Weighted counts `[mass bin][rate bin]` of one region.
type Counts = Vec<Vec<f64>>;

/// Measures the main sequence of the galaxies for which `select` holds, in a range of log mass. Intercepts are taken
/// at `pivot_log_mass`, so that those of two environments may be compared.
///
/// # Errors
/// Fewer than two mass bins with 30 star-forming galaxies, or fewer than two regions.
pub fn main_sequence(
    sample: &Sample,
    select: impl Fn(usize) -> bool,
    log_mass: [f64; 2],
    pivot_log_mass: f64,
) -> Result<MainSequence, PopulationError> {
    let bins = (((log_mass[1] - log_mass[0]) / MASS_STEP).round() as usize).clamp(1, 200);
    let masses = Binning::uniform(log_mass[0], log_mass[1], bins)?;
    let rates = ((RATE_RANGE[1] - RATE_RANGE[0]) / RATE_STEP).round() as usize;
    let mut by_region: Vec<Counts> = vec![vec![vec![0.0; rates]; bins]; sample.regions()];
    for row in (0..sample.len()).filter(|row| select(*row)) {
        let (Some(mass), Some(rate)) = (sample.columns().log_mass[row], sample.log_sfr(row)) else { continue };
        let place = (rate - RATE_RANGE[0]) / RATE_STEP;
        if let Some(bin) = masses.index(mass).filter(|_| (0.0..rates as f64).contains(&place)) {
            by_region[sample.region()[row] as usize][bin][place as usize] += sample.columns().weight[row];
        }
    }
    let mut total = vec![vec![0.0; rates]; bins];
    by_region.iter().for_each(|counts| add(&mut total, counts, 1.0));
    let centres = masses.centres();
    let ridge = ridge(&total, &centres)?;
    let summary = |ridge: &Ridge| vec![ridge.line.slope, ridge.line.at(pivot_log_mass), ridge.scatter_dex];
    let full = summary(&ridge);
    let errors = jackknife(by_region.len(), |region| {
        let mut rest = total.clone();
        add(&mut rest, &by_region[region], -1.0);
        self::ridge(&rest, &centres).map_or_else(|_| full.clone(), |ridge| summary(&ridge))
    })?
    .errors();
    Ok(MainSequence {
        intercept: full[1],
        ridge,
        pivot_log_mass,
        slope_error: errors[0],
        intercept_error: errors[1],
        scatter_error_dex: errors[2],
    })
}

fn add(total: &mut Counts, part: &Counts, factor: f64) {
    for (sums, counts) in total.iter_mut().zip(part) {
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += factor * count;
        }
    }
}

fn ridge(counts: &Counts, centres: &[f64]) -> Result<Ridge, PopulationError> {
    let mut line: Option<LineFit> = None;
    let mut points = Vec::new();
    for _ in 0..3 {
        points = counts
            .iter()
            .zip(centres)
            .filter_map(|(counts, mass)| {
                let [low, high] = match &line {
                    None => [mass - 11.0, RATE_RANGE[1]],
                    Some(line) => [line.at(*mass) - WIDTH_DEX, line.at(*mass) + WIDTH_DEX],
                };
                let (total, [p16, p50, p84]) = percentiles(counts, low, high)?;
                // Standard error of the median of a normal distribution: sqrt(pi / 2) sigma / sqrt(n).
                (total >= LEAST_GALAXIES)
                    .then(|| [*mass, p50, 1.2533 * (0.5 * (p84 - p16)).max(RATE_STEP) / total.sqrt()])
            })
            .collect::<Vec<[f64; 3]>>();
        if points.len() < 2 {
            let (what, whom) = ("the main sequence", "mass bins with 30 star-forming galaxies");
            return Err(PopulationError::TooFew { what, whom, found: points.len(), needed: 2 });
        }
        let column = |which: usize| points.iter().map(|point| point[which]).collect::<Vec<f64>>();
        line = Some(fit_line(&column(0), &column(1), &column(2))?);
    }
    let line = line.ok_or(PopulationError::TooFew { what: "the main sequence", whom: "fits", found: 0, needed: 1 })?;
    let (weight, scatter_dex) = scatter(counts, centres, &line);
    Ok(Ridge { line, scatter_dex, points, weight })
}

/// Weight and half the 16-84 range of the distances to the ridge.
fn scatter(counts: &Counts, centres: &[f64], line: &LineFit) -> (f64, f64) {
    let steps = (2.0 * WIDTH_DEX / RATE_STEP) as usize;
    let mut distances = vec![0.0; steps];
    for (counts, mass) in counts.iter().zip(centres) {
        for (bin, count) in counts.iter().enumerate() {
            let place = (rate_of(bin as f64 + 0.5) - line.at(*mass) + WIDTH_DEX) / RATE_STEP;
            if (0.0..steps as f64).contains(&place) {
                distances[place as usize] += count;
            }
        }
    }
    let weight = distances.iter().sum();
    let at = |fraction: f64| quantile_bin(&distances, fraction * weight) * RATE_STEP;
    (weight, 0.5 * (at(0.8413) - at(0.1587)))
}

fn rate_of(place: f64) -> f64 {
    RATE_RANGE[0] + place * RATE_STEP
}

/// Total weight and the 16th, 50th and 84th percentile of log rate between two limits.
fn percentiles(counts: &[f64], low: f64, high: f64) -> Option<(f64, [f64; 3])> {
    let bin = |rate: f64| ((rate - RATE_RANGE[0]) / RATE_STEP).clamp(0.0, counts.len() as f64) as usize;
    let (first, last) = (bin(low), bin(high));
    let inside = counts.get(first..last)?;
    let total: f64 = inside.iter().sum();
    let at = |fraction: f64| rate_of(first as f64 + quantile_bin(inside, fraction * total));
    (total > 0.0).then(|| (total, [at(0.1587), at(0.5), at(0.8413)]))
}

/// Where the cumulative weight reaches `target`, in bins, linear inside a bin.
fn quantile_bin(counts: &[f64], target: f64) -> f64 {
    let mut before = 0.0;
    for (bin, count) in counts.iter().enumerate() {
        if before + count >= target && *count > 0.0 {
            return bin as f64 + (target - before) / count;
        }
        before += count;
    }
    counts.len() as f64
}
