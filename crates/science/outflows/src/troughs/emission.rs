//! The terms of the continuum: eigenspectra, a cubic, and Gaussian emission lines that follow the spectrum's own.
//!
//! A line is its Gaussian, for strong ones that Gaussian's derivatives by position and width, and for the strongest a wider
//! Gaussian. The derivatives' coefficients say how far the line is from where the Gaussian stands (a Gauss-Newton step): it
//! is moved there and everything solved again, so that in the end they only say how well position and width are known. A
//! Gaussian is never negative, unless the lines correct eigenspectra: a trough is no line upside down.

use std::ops::Range;

use super::LIGHT_KM_S;
use super::eigenspectra::Eigenspectra;
use super::solve::{HELD, Solved};

/// An emission line of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    /// Rest wavelength, vacuum Angstrom (Vanden Berk et al. 2001, 2001AJ....122..549V).
    rest_angstrom: f64,
    /// Expected shift to the red, km/s: high-ionisation lines are blueshifted (Richards et al. 2002, 2002AJ....124....1R).
    shift_km_s: f64,
    /// Standard deviation of the Gaussian at the start, km/s.
    width_km_s: f64,
    /// Prior standard deviation of its height over the continuum.
    height: f64,
    /// Whether it may move: its first two derivatives are there too.
    moves: bool,
    /// Width of a second Gaussian over that of the first, if there is one.
    base: Option<f64>,
}

const fn line(rest_angstrom: f64, shape: (f64, f64), height: f64, moves: bool, base: Option<f64>) -> Line {
    Line { rest_angstrom, shift_km_s: shape.0, width_km_s: shape.1, height, moves, base }
}

const LINES: [Line; 11] = [
    // Lyman alpha and N V: only their red wings are in the range.
    line(1225.0, (0.0, 6000.0), 0.5, false, None),
    line(1304.4, (0.0, 2500.0), 0.1, false, None),
    line(1398.3, (-400.0, 2200.0), 0.5, true, Some(2.25)),
    line(1549.06, (-800.0, 2000.0), 0.7, true, Some(2.25)),
    // The shelf between C IV and He II, whose origin is not known (Laor et al. 1994, 1994ApJ...420..110L).
    line(1610.0, (0.0, 5000.0), 0.05, false, None),
    line(1640.4, (-800.0, 3000.0), 0.3, true, None),
    line(1663.5, (-800.0, 3000.0), 0.1, false, None),
    line(1750.3, (0.0, 2000.0), 0.1, false, None),
    line(1857.4, (0.0, 2000.0), 0.2, true, None),
    line(1892.0, (0.0, 2000.0), 0.3, false, None),
    line(1908.7, (-200.0, 2400.0), 0.7, true, Some(2.0)),
];
/// Coefficients of [`LINES`].
const LINE_TERMS: usize = {
    let (mut terms, mut at) = (0, 0);
    while at < LINES.len() {
        terms += 1 + 2 * LINES[at].moves as usize + LINES[at].base.is_some() as usize;
        at += 1;
    }
    terms
};
/// Prior standard deviation of a line's terms where it corrects eigenspectra, in units of the median flux.
const CORRECTION_PRIOR: f64 = 0.5;
/// Prior standard deviation of the other coefficients, in the same unit: no constraint.
const FREE_PRIOR: f64 = 30.0;
/// Those of the polynomial's bent terms, where it stands for a power law.
const BENDING_PRIOR: [f64; 2] = [0.1, 0.03];
/// Terms of the polynomial.
const POLYNOMIAL_TERMS: usize = 4;
/// Widths of a Gaussian beyond which it is nothing.
const REACH: f64 = 6.0;

/// Solves in which only they move, and the mask stays as it is.
pub(super) const LINES_FIRST: usize = 5;
/// Solves after which lines may still move.
pub(super) const LINE_ITERATIONS: usize = 12;
/// A line moves if its height is this many times its error.
const MOVING_SIGMA: f64 = 5.0;
/// One that moves already does not any more below this share of the height it had.
const LOST_SHARE: f64 = 0.2;
/// Steps smaller than this are not taken, km/s.
const LEAST_STEP_KM_S: f64 = 60.0;
/// Furthest a line may be from its rest wavelength, km/s.
const FURTHEST_KM_S: f64 = 5_500.0;
/// Least and greatest width over that at the start.
const WIDTHS: [f64; 2] = [0.5, 1.5];
/// Prior standard deviations of a line's shift (km/s) and of the logarithm of its width, once its height is known: where
/// a trough hides one side of a line, the other alone does not tell them well.
const SHAPE_PRIOR: (f64, f64) = (1_200.0, 0.3);

/// Where the lines stand and how wide they are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EmissionLines {
    /// Shift to the red and width of each, km/s.
    shapes: [(f64, f64); LINES.len()],
    /// Height of each, flux density; 0 where it is not known.
    heights: [f64; LINES.len()],
    /// Index of their first coefficient.
    first: usize,
    /// Whether they correct eigenspectra, and so may be negative.
    corrections: bool,
}

impl EmissionLines {
    fn new(first: usize, corrections: bool) -> Self {
        let shapes = LINES.map(|line| (if corrections { 0.0 } else { line.shift_km_s }, line.width_km_s));
        Self { shapes, heights: [0.0; LINES.len()], first, corrections }
    }

    fn fill(&self, rest: f64, row: &mut [f64]) {
        let gaussian = |x: f64| if x.abs() < REACH { (-0.5 * x * x).exp() } else { 0.0 };
        let mut at = 0;
        let mut put = |value: f64| {
            row[at] = value;
            at += 1;
        };
        for (line, (shift, width)) in LINES.iter().zip(self.shapes) {
            let x = (LIGHT_KM_S * (rest / line.rest_angstrom - 1.0) - shift) / width;
            let height = gaussian(x);
            put(height);
            if line.moves {
                put(x * height);
                put((x * x - 1.0) * height);
            }
            if let Some(base) = line.base {
                put(gaussian(x / base));
            }
        }
    }

    /// The lines where a solution says they are; `None` if they are there already.
    pub(super) fn followed(&self, solved: &Solved) -> Option<Self> {
        let mut next = self.clone();
        let (mut at, mut moved) = (self.first, false);
        let state = next.shapes.iter_mut().zip(&mut next.heights);
        for (line, ((shift, width), known)) in LINES.iter().zip(state) {
            if line.moves {
                let (height, error) = self.height(line, at, solved);
                let before = (*shift, *width, *known > 0.0 && !self.corrections);
                let seen = height > if before.2 { LOST_SHARE * *known } else { MOVING_SIGMA * error };
                if seen {
                    let term = |offset: usize| solved.coefficients[at + offset] / height;
                    *known = height;
                    *shift += (*width * term(1)).clamp(-0.5 * *width, 0.5 * *width);
                    *shift = shift.clamp(-FURTHEST_KM_S, FURTHEST_KM_S);
                    *width *= term(2).clamp(-0.3, 0.3).exp();
                    *width = width.clamp(WIDTHS[0] * line.width_km_s, WIDTHS[1] * line.width_km_s);
                    moved |= (*shift - before.0).abs().max((*width - before.1).abs()) > LEAST_STEP_KM_S;
                } else if !self.corrections {
                    *known = 0.0;
                }
                moved |= !self.corrections && seen != before.2;
            }
            at += 1 + 2 * usize::from(line.moves) + usize::from(line.base.is_some());
        }
        moved.then_some(next)
    }

    /// Height of a line whose first coefficient is `at`, and its error.
    fn height(&self, line: &Line, at: usize, solved: &Solved) -> (f64, f64) {
        let (value, covariance) = (&solved.coefficients, &solved.solution);
        if self.corrections {
            return (value[at] - value[at + 2], covariance[(at, at)].sqrt());
        }
        // Core and base can hardly be told apart where there is noise: their sum can.
        let terms: &[(usize, f64)] =
            &[(at, 1.0), (at + 2, -1.0), (at + 3, 1.0)][..2 + usize::from(line.base.is_some())];
        let height = terms.iter().map(|(term, sign)| sign * value[*term]).sum();
        let pairs = terms.iter().flat_map(|one| terms.iter().map(move |other| (one, other)));
        let variance: f64 = pairs.map(|(one, other)| one.1 * other.1 * covariance[(one.0, other.0)]).sum();
        (height, variance.sqrt())
    }

    /// Where a line is expected, km/s: eigenspectra have its shift already.
    fn expected_km_s(&self, line: &Line) -> f64 {
        if self.corrections { 0.0 } else { line.shift_km_s }
    }

    /// Prior mean and standard deviation of every coefficient, flux density. `scale` is that of the spectrum.
    fn priors(&self, scale: f64) -> Vec<(f64, f64)> {
        let mut priors = Vec::with_capacity(LINE_TERMS);
        for (line, ((shift, width), height)) in LINES.iter().zip(self.shapes.iter().zip(&self.heights)) {
            let free = (0.0, scale * if self.corrections { CORRECTION_PRIOR } else { line.height });
            // A line that is not seen has no shape, unless it corrects the eigenspectra's.
            let unseen = if self.corrections { free } else { (0.0, HELD * scale) };
            priors.push(free);
            if line.moves {
                let (of_shift, of_width) = (height / width * SHAPE_PRIOR.0, height * SHAPE_PRIOR.1);
                let known = *height > 0.0;
                priors.push(if known {
                    ((self.expected_km_s(line) - shift) / width * height, of_shift)
                } else {
                    unseen
                });
                priors.push(if known { (-(width / line.width_km_s).ln() * height, of_width) } else { unseen });
            }
            priors.extend(line.base.map(|_| if *height > 0.0 { free } else { unseen }));
        }
        priors
    }

    /// Coefficients that are heights, each with those that mean nothing without it, and whether it is that of a base,
    /// which follows its core. None where lines may be negative.
    fn positive_terms(&self) -> Vec<(Range<usize>, bool)> {
        let mut terms = Vec::new();
        let mut at = self.first;
        for line in LINES.iter().filter(|_| !self.corrections) {
            let base = at + 1 + 2 * usize::from(line.moves);
            terms.push((at..base, false));
            at = base + usize::from(line.base.is_some());
            terms.extend(line.base.map(|_| (base..at, true)));
        }
        terms
    }

    /// How far the lines are from where they are expected, as a chi2.
    pub(super) fn cost(&self) -> f64 {
        let state = LINES.iter().zip(self.shapes.iter().zip(&self.heights));
        state
            .filter(|(line, (_, height))| line.moves && **height > 0.0)
            .map(|(line, ((shift, width), _))| {
                ((shift - self.expected_km_s(line)) / SHAPE_PRIOR.0).powi(2)
                    + ((width / line.width_km_s).ln() / SHAPE_PRIOR.1).powi(2)
            })
            .sum()
    }

    /// Rest wavelengths of the lines that may move.
    pub(super) fn prominent() -> impl Iterator<Item = f64> {
        LINES.iter().filter(|line| line.moves).map(|line| line.rest_angstrom)
    }
}

/// Derivative of the continuum by each coefficient, pixel by pixel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Model {
    /// One row after the other.
    rows: Vec<f64>,
    covered: Vec<bool>,
    pub(super) lines: EmissionLines,
    /// Coefficients of eigenspectra, which come first.
    pub(super) eigen_terms: usize,
}

impl Model {
    pub(super) fn new(
        rest: &[f64],
        inside: impl Fn(f64) -> bool,
        eigenspectra: Option<&Eigenspectra>,
        [low, high]: [f64; 2],
    ) -> Self {
        let eigen_terms = eigenspectra.map_or(0, Eigenspectra::len);
        let lines = EmissionLines::new(eigen_terms + POLYNOMIAL_TERMS, eigen_terms > 0);
        let covered: Vec<bool> = rest.iter().map(|rest| inside(*rest)).collect();
        let mut rows = Vec::with_capacity(rest.len() * (eigen_terms + POLYNOMIAL_TERMS + LINE_TERMS));
        for (&rest, covered) in rest.iter().zip(&covered) {
            if let Some(eigenspectra) = eigenspectra {
                eigenspectra.push_values(rest, &mut rows);
            }
            let x = 2.0 * (rest / low).ln() / (high / low).ln() - 1.0;
            // Legendre polynomials: nearly independent of each other.
            rows.extend([1.0, x, 0.5 * (3.0 * x * x - 1.0), 0.5 * (5.0 * x * x - 3.0) * x]);
            let end = rows.len();
            rows.resize(end + LINE_TERMS, 0.0);
            if *covered {
                lines.fill(rest, &mut rows[end..]);
            }
        }
        Self { rows, covered, lines, eigen_terms }
    }

    pub(super) fn set_lines(&mut self, rest: &[f64], lines: EmissionLines) {
        let terms = self.terms();
        for (pixel, row) in self.rows.chunks_exact_mut(terms).enumerate().filter(|(pixel, _)| self.covered[*pixel]) {
            lines.fill(rest[pixel], &mut row[lines.first..]);
        }
        self.lines = lines;
    }

    /// Puts the lines back where they are expected.
    pub(super) fn reset_lines(&mut self, rest: &[f64]) {
        self.set_lines(rest, EmissionLines::new(self.lines.first, self.lines.corrections));
    }

    /// Coefficients that must not be negative, each with those that mean nothing without it, and whether it is that of a
    /// line's base.
    pub(super) fn positive_terms(&self) -> Vec<(Range<usize>, bool)> {
        self.lines.positive_terms()
    }

    /// Number of coefficients.
    pub(super) fn terms(&self) -> usize {
        self.lines.first + LINE_TERMS
    }

    /// Prior mean and standard deviation of every coefficient, flux density. `scale` is that of the spectrum.
    pub(super) fn priors(&self, scale: f64) -> Vec<(f64, f64)> {
        let mut priors = vec![(0.0, FREE_PRIOR * scale); self.lines.first];
        if self.eigen_terms == 0 {
            priors[2].1 = BENDING_PRIOR[0] * scale;
            priors[3].1 = BENDING_PRIOR[1] * scale;
        }
        priors.extend(self.lines.priors(scale));
        priors
    }

    /// Derivatives at a pixel; `None` outside of the range.
    pub(super) fn row(&self, pixel: usize) -> Option<&[f64]> {
        let terms = self.terms();
        self.covered[pixel].then(|| &self.rows[pixel * terms..(pixel + 1) * terms])
    }

    /// The continuum at a pixel.
    pub(super) fn value(&self, pixel: usize, coefficients: &[f64]) -> Option<f64> {
        self.row(pixel).map(|row| dot(row, coefficients))
    }
}

pub(super) fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}
