//! One index of one transition: smoothing, the troughs' limits, the integral and its error.

use desi::spectra::Spectrum;

use super::continuum::{Continuum, median};
use super::edge::{Pixel, fitted_edge};
use super::search::VelocityScale;

/// Flux below this share of the continuum counts as absorbed (Weymann et al. 1991).
const THRESHOLD: f64 = 0.9;
/// A gap in a trough breaks it only if its mean is above the threshold by this many standard deviations.
const GAP_SIGMA: f64 = 2.0;
/// Least ratio of balnicity to its error at which a quasar is called a BAL quasar.
const CLASSIFYING_SIGMA: f64 = 3.0;
/// A trough that does not count, but is this many times its error, may be there: what it would add is an error of the index.
const DOUBTFUL_SIGMA: f64 = 2.0;
/// Pixels within one least width tell where a trough ends, and with little noise those within this share of it.
const LEAST_EDGE_SHARE: f64 = 0.5;

/// Whether an index is above 0 by three times its error.
pub(crate) fn is_significant(value_km_s: f64, error_km_s: f64) -> bool {
    value_km_s > CLASSIFYING_SIGMA * error_km_s
}

/// How troughs are told from noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexSettings {
    /// The smoothing is as wide as brings the error of the transmission down to this, within the limits below.
    pub target_error: f64,
    /// Narrowest smoothing, standard deviation of the Gaussian in km/s.
    pub min_smoothing_km_s: f64,
    /// Widest smoothing as a share of the width that a trough must have.
    pub max_smoothing_share: f64,
    /// A trough counts if its equivalent width is this many times its error.
    pub min_significance: f64,
    /// Share of 3,000-25,000 km/s that must be covered by good pixels with a continuum.
    pub min_coverage: f64,
}

impl Default for IndexSettings {
    fn default() -> Self {
        Self {
            target_error: 0.04,
            min_smoothing_km_s: 60.0,
            max_smoothing_share: 0.15,
            min_significance: 4.0,
            min_coverage: 0.5,
        }
    }
}

/// Which index: its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IndexKind {
    /// Velocities integrated, km/s.
    pub range_km_s: [f64; 2],
    /// Continuous width a trough must have, and that is not counted at its high-velocity end, km/s.
    pub min_width_km_s: f64,
}

/// One absorption trough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trough {
    /// Lowest velocity, km/s.
    pub v_min_km_s: f64,
    /// Highest velocity, km/s.
    pub v_max_km_s: f64,
    /// Standard error of the highest velocity, km/s.
    pub v_max_error_km_s: f64,
    /// Velocity of the lowest smoothed transmission, km/s.
    pub v_deepest_km_s: f64,
    /// Lowest smoothed transmission.
    pub minimum: f64,
    /// Equivalent width below the continuum, km/s.
    pub equivalent_width_km_s: f64,
    /// Its standard error, km/s.
    pub equivalent_width_error_km_s: f64,
}

impl Trough {
    /// `v_max - v_min`, km/s.
    #[must_use]
    pub fn width_km_s(&self) -> f64 {
        self.v_max_km_s - self.v_min_km_s
    }

    /// 1 - minimum.
    #[must_use]
    pub fn depth(&self) -> f64 {
        1.0 - self.minimum
    }
}

/// An index and the troughs it consists of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TroughIndex {
    /// The index, km/s.
    pub value_km_s: f64,
    /// Its standard error, km/s; for an index of zero, that of a trough of the least width that was not seen. Troughs that do
    /// not count but may be there are part of it.
    pub error_km_s: f64,
    /// Its troughs, by increasing velocity.
    pub troughs: Vec<Trough>,
}

impl TroughIndex {
    /// Balnicity (Weymann et al. 1991).
    pub const BALNICITY: IndexKind = IndexKind { range_km_s: [3_000.0, 25_000.0], min_width_km_s: 2_000.0 };
    /// Balnicity up to 60,000 km/s, for extremely fast winds (Rodriguez Hidalgo et al. 2020, 2020ApJ...896..151R).
    pub const BALNICITY_60000: IndexKind = IndexKind { range_km_s: [3_000.0, 60_000.0], min_width_km_s: 2_000.0 };
    /// Absorption index.
    pub const ABSORPTION: IndexKind = IndexKind { range_km_s: [0.0, 25_000.0], min_width_km_s: 450.0 };

    /// Whether it is above 0 by three times its error: a trough hardly wider than the least width may be narrower.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        is_significant(self.value_km_s, self.error_km_s)
    }

    /// Takes the standard deviation of repeated values as error.
    pub(super) fn take_scatter(&mut self, values: &[f64]) {
        if let Some(scatter) = astro::statistics::standard_deviation(values)
            && self.value_km_s > 0.0
            && scatter > 0.0
        {
            self.error_km_s = scatter;
        }
    }
}

/// Flux over continuum against velocity, in order of increasing velocity.
#[derive(Debug, Clone)]
pub(super) struct Normalised<'a> {
    velocity_km_s: Vec<f64>,
    /// Velocity covered by each pixel.
    width_km_s: Vec<f64>,
    transmission: Vec<f64>,
    /// Photon noise of the transmission.
    variance: Vec<f64>,
    continuum_flux: Vec<f64>,
    pixel: Vec<usize>,
    continuum: &'a Continuum,
}

/// A stretch of pixels that may be a trough: first and one past last.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: usize,
    end: usize,
}

impl<'a> Normalised<'a> {
    pub(super) fn new(spectrum: &Spectrum, continuum: &'a Continuum, line_angstrom: f64, scale: VelocityScale) -> Self {
        let wavelength = &spectrum.wavelength_angstrom;
        let velocity = |angstrom: f64| scale.velocity_km_s(angstrom / line_angstrom);
        let mut normalised = Self {
            velocity_km_s: Vec::new(),
            width_km_s: Vec::new(),
            transmission: Vec::new(),
            variance: Vec::new(),
            continuum_flux: Vec::new(),
            pixel: Vec::new(),
            continuum,
        };
        // Errors that are too small for the continuum are too small for the troughs.
        let inflation = continuum.reduced_chi2.unwrap_or(1.0).max(1.0);
        for pixel in (0..wavelength.len()).rev() {
            let speed = velocity(wavelength[pixel]);
            let Some(level) = continuum.flux_1e17_cgs[pixel] else { continue };
            if !spectrum.good[pixel] || !(-8_000.0..=68_000.0).contains(&speed) {
                continue;
            }
            let before = wavelength[pixel.saturating_sub(1)];
            let after = wavelength[(pixel + 1).min(wavelength.len() - 1)];
            normalised.velocity_km_s.push(speed);
            normalised.width_km_s.push(0.5 * (velocity(before) - velocity(after)));
            normalised.transmission.push(spectrum.flux_1e17_cgs[pixel] / level);
            normalised.variance.push(inflation / (spectrum.ivar[pixel] * level * level));
            normalised.continuum_flux.push(level);
            normalised.pixel.push(pixel);
        }
        normalised
    }

    /// Share of a velocity range that good pixels cover.
    pub(super) fn coverage(&self, [low, high]: [f64; 2]) -> f64 {
        let inside = |velocity: f64| (low..=high).contains(&velocity);
        let pixels = self.velocity_km_s.iter().zip(&self.width_km_s);
        pixels.filter(|(velocity, _)| inside(**velocity)).map(|(_, width)| width).sum::<f64>() / (high - low)
    }

    /// Median continuum over noise in a velocity range.
    pub(super) fn signal_to_noise(&self, [low, high]: [f64; 2]) -> Option<f64> {
        let inside = |velocity: f64| (low..=high).contains(&velocity);
        let pixels = self.velocity_km_s.iter().zip(&self.variance);
        let ratios: Vec<f64> =
            pixels.filter(|(v, _)| inside(**v)).map(|(_, variance)| variance.sqrt().recip()).collect();
        (!ratios.is_empty()).then(|| median(ratios))
    }

    /// Mean transmission in bins of velocity (centre, mean), empty bins left out.
    pub(super) fn binned(&self, bin_km_s: f64) -> (Vec<f64>, Vec<f64>) {
        let (mut centres, mut means) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < self.velocity_km_s.len() {
            let bin = (self.velocity_km_s[at] / bin_km_s).floor();
            let same = self.velocity_km_s[at..].iter().take_while(|v| (**v / bin_km_s).floor() == bin).count();
            centres.push((bin + 0.5) * bin_km_s);
            means.push(self.transmission[at..at + same].iter().sum::<f64>() / same as f64);
            at += same;
        }
        (centres, means)
    }

    /// The index of a kind, with its troughs, of those that are `possible`.
    pub(super) fn index(
        &self,
        kind: &IndexKind,
        settings: &IndexSettings,
        possible: impl Fn(&Trough) -> bool,
    ) -> TroughIndex {
        let smooth = self.smoothed(kind, settings);
        let mut index = TroughIndex::default();
        let (mut variance, mut doubtful) = (0.0, 0.0);
        let runs = self.runs(&smooth, kind);
        for (at, run) in runs.iter().enumerate() {
            // Half way to its neighbours: a fitted edge goes no further.
            let middle = |one: usize, other: usize| 0.5 * (self.velocity_km_s[one] + self.velocity_km_s[other]);
            let before = at.checked_sub(1).map(|before| middle(runs[before].end - 1, run.start));
            let after = runs.get(at + 1).map(|after| middle(run.end - 1, after.start));
            let room = [before.unwrap_or(f64::NEG_INFINITY), after.unwrap_or(f64::INFINITY)];
            let Some((trough, part, part_variance)) = self.trough((*run, room), &smooth, (kind, settings)) else {
                continue;
            };
            let significance = trough.equivalent_width_km_s / trough.equivalent_width_error_km_s;
            if !possible(&trough) {
                continue;
            }
            if significance > settings.min_significance {
                index.value_km_s += part;
                variance += part_variance;
                index.troughs.push(trough);
            } else if significance > DOUBTFUL_SIGMA {
                doubtful += part * part + part_variance;
            }
        }
        let counted = if index.troughs.is_empty() { self.null_error(kind).powi(2) } else { variance };
        index.error_km_s = (counted + doubtful).sqrt();
        index
    }

    /// Smoothed transmission inside a trough, by pixel of the spectrum.
    pub(super) fn smoothed_within(&self, trough: &Trough, settings: &IndexSettings) -> Vec<(usize, f64)> {
        let kind = if trough.width_km_s() > 2_000.0 { TroughIndex::BALNICITY } else { TroughIndex::ABSORPTION };
        let smooth = self.smoothed(&kind, settings);
        let margin = 500.0;
        let inside = |v: f64| v >= trough.v_min_km_s - margin && v <= trough.v_max_km_s + margin;
        (0..smooth.len())
            .filter(|&i| inside(self.velocity_km_s[i]))
            .map(|i| (self.pixel[i], smooth[i].min(1.0)))
            .collect()
    }

    /// Standard deviation of the smoothing at a pixel.
    fn smoothing_km_s(&self, index: usize, kind: &IndexKind, settings: &IndexSettings) -> f64 {
        let widest = settings.max_smoothing_share * kind.min_width_km_s;
        // Error of a Gaussian mean: sigma_pixel sqrt(dv / (2 sqrt(pi) s)); solved for s.
        let ratio = self.variance[index] / (settings.target_error * settings.target_error);
        (ratio * self.width_km_s[index] / (2.0 * std::f64::consts::PI.sqrt()))
            .clamp(settings.min_smoothing_km_s.min(widest), widest)
    }

    /// Gaussian smoothing, wide enough for the target error and never wider than the kind allows.
    fn smoothed(&self, kind: &IndexKind, settings: &IndexSettings) -> Vec<f64> {
        (0..self.velocity_km_s.len())
            .map(|centre| {
                let (sd, middle) = (self.smoothing_km_s(centre, kind, settings), self.velocity_km_s[centre]);
                let first = self.velocity_km_s.partition_point(|velocity| *velocity < middle - 3.0 * sd);
                let last = self.velocity_km_s.partition_point(|velocity| *velocity <= middle + 3.0 * sd);
                let (mut sum, mut weights) = (0.0, 0.0);
                for i in first..last {
                    // Weighted by width alone: weights by variance would favour the absorbed pixels.
                    let weight = self.width_km_s[i] * (-0.5 * ((self.velocity_km_s[i] - middle) / sd).powi(2)).exp();
                    sum += weight * self.transmission[i];
                    weights += weight;
                }
                sum / weights
            })
            .collect()
    }

    /// Stretches below the threshold; gaps that noise explains are closed.
    fn runs(&self, smooth: &[f64], kind: &IndexKind) -> Vec<Run> {
        let [_, high] = kind.range_km_s;
        let mut runs: Vec<Run> = Vec::new();
        let mut index = 0;
        while index < smooth.len() {
            let start = index;
            while index < smooth.len() && smooth[index] < THRESHOLD && self.velocity_km_s[index] <= high {
                index += 1;
            }
            if index > start {
                let run = Run { start, end: index };
                match runs.last_mut() {
                    Some(last) if self.gap_is_noise(*last, run, kind) => last.end = index,
                    _ => runs.push(run),
                }
            }
            index = index.max(start + 1);
        }
        runs.retain(|run| self.velocity_km_s[run.end - 1] > kind.range_km_s[0].max(0.0));
        runs
    }

    /// Whether a gap between two stretches is narrow, not above the threshold by more than its error allows, and by less
    /// than either stretch is below it.
    fn gap_is_noise(&self, before: Run, after: Run, kind: &IndexKind) -> bool {
        let gap = before.end..after.start;
        let width: f64 = gap.clone().map(|i| self.width_km_s[i]).sum();
        if gap.is_empty() || width > 0.25 * kind.min_width_km_s {
            return gap.is_empty();
        }
        let below = |range: std::ops::Range<usize>| -> f64 {
            range.map(|i| (THRESHOLD - self.transmission[i]) * self.width_km_s[i]).sum()
        };
        let excess = -below(gap.clone());
        let variance: f64 = gap.map(|i| self.variance[i] * self.width_km_s[i] * self.width_km_s[i]).sum();
        let lesser = below(before.start..before.end).min(below(after.start..after.end));
        excess < (GAP_SIGMA * variance.sqrt()).min(lesser)
    }

    /// The trough of a run, what it adds to the index, and that part's variance; `None` if it is too narrow.
    fn trough(
        &self,
        (run, room): (Run, [f64; 2]),
        smooth: &[f64],
        (kind, settings): (&IndexKind, &IndexSettings),
    ) -> Option<(Trough, f64, f64)> {
        let [low, high] = kind.range_km_s;
        // The step's shape is not the trough's: where there is little noise, only what lies near the edge tells of it.
        let reach = |at: usize| {
            let smoothing = self.smoothing_km_s(at, kind, settings) / settings.max_smoothing_share;
            smoothing.clamp(LEAST_EDGE_SHARE * kind.min_width_km_s, kind.min_width_km_s)
        };
        let (v_min, _) = self.edge(run.start, smooth, (reach(run.start), -1.0));
        let (v_max, v_max_error) = self.edge(run.end - 1, smooth, (reach(run.end - 1), 1.0));
        let (v_min, v_max) = (v_min.max(room[0]), v_max.min(high).min(room[1]));
        if v_max - v_min.max(0.0) < kind.min_width_km_s {
            return None;
        }
        let deepest = (run.start..run.end).min_by(|&a, &b| smooth[a].total_cmp(&smooth[b]))?;
        let (equivalent, equivalent_variance) = self.integral([v_min, v_max], 1.0);
        let counted = [v_min.max(low), v_max - kind.min_width_km_s];
        let (part, mut part_variance) =
            if counted[1] > counted[0] { self.integral(counted, THRESHOLD) } else { (0.0, 0.0) };
        // The limit of the integral is as uncertain as the edge it hangs on.
        let at_limit = self.velocity_km_s.partition_point(|v| *v < counted[1]).min(smooth.len() - 1);
        let slope = (1.0 - smooth[at_limit] / THRESHOLD).max(0.0);
        part_variance += (slope * v_max_error).powi(2);
        let trough = Trough {
            v_min_km_s: v_min,
            v_max_km_s: v_max,
            v_max_error_km_s: v_max_error,
            v_deepest_km_s: self.velocity_km_s[deepest],
            minimum: smooth[deepest],
            equivalent_width_km_s: equivalent,
            equivalent_width_error_km_s: equivalent_variance.sqrt(),
        };
        Some((trough, part.max(0.0), part_variance))
    }

    /// Integral of `1 - f / level` over a range, and its variance: photons, and the continuum's errors. Pixels at the
    /// limits count in part; gaps without pixels count nothing.
    fn integral(&self, [from, to]: [f64; 2], level: f64) -> (f64, f64) {
        let (mut sum, mut photons) = (0.0, 0.0);
        let mut factors = Vec::new();
        for i in 0..self.velocity_km_s.len() {
            let (middle, width) = (self.velocity_km_s[i], self.width_km_s[i]);
            let part = ((middle + 0.5 * width).min(to) - (middle - 0.5 * width).max(from)).clamp(0.0, width);
            if part > 0.0 {
                let lit = self.transmission[i] / level * part;
                sum += part - lit;
                photons += self.variance[i] * (part / level).powi(2);
                factors.push((self.pixel[i], lit / self.continuum_flux[i]));
            }
        }
        let continuum = self.continuum.uncertainty.as_ref().map_or(0.0, |uncertainty| uncertainty.variance(&factors));
        (sum, photons + continuum)
    }

    /// Where the transmission crosses the threshold near a pixel, and the error of that: a smooth step through the
    /// unsmoothed pixels within `reach`. Where none fits, the pixel itself.
    fn edge(&self, at: usize, smooth: &[f64], (reach, outwards): (f64, f64)) -> (f64, f64) {
        let start = self.velocity_km_s[at];
        let first = self.velocity_km_s.partition_point(|v| *v < start - reach);
        let last = self.velocity_km_s.partition_point(|v| *v <= start + reach);
        let pixels: Vec<Pixel> = (first..last)
            .map(|i| (outwards * (self.velocity_km_s[i] - start), self.transmission[i], self.variance[i]))
            .collect();
        let depth = 1.0 - smooth[first..last].iter().copied().fold(1.0, f64::min);
        match fitted_edge(&pixels, THRESHOLD, depth, reach) {
            Some((crossing, error)) => (start + outwards * crossing, error.min(reach)),
            None => (start, 0.5 * reach),
        }
    }

    /// The error of an index of zero: the integral over one trough of the least width, at the median noise.
    fn null_error(&self, kind: &IndexKind) -> f64 {
        let [low, _] = kind.range_km_s;
        self.integral([low, low + kind.min_width_km_s], THRESHOLD).1.sqrt()
    }
}
