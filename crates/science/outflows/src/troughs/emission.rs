//! The terms of the continuum: eigenspectra, a cubic, and Gaussian emission lines that follow the spectrum's own.
//!
//! A line is its Gaussian, that Gaussian's derivatives by position and width, and for C IV and C III] a wider Gaussian. The
//! derivatives' coefficients say how far the line is from where the Gaussian stands (a Gauss-Newton step): it is moved
//! there and everything solved again, so that in the end they only say how well position and width are known.

use super::LIGHT_KM_S;
use super::continuum::Solved;
use super::eigenspectra::Eigenspectra;

/// An emission line of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    /// Rest wavelength, vacuum Angstrom (Vanden Berk et al. 2001, 2001AJ....122..549V).
    rest_angstrom: f64,
    /// Standard deviation of the Gaussian at the start, km/s.
    width_km_s: f64,
    /// Whether it may move: its first two derivatives are there too.
    moves: bool,
    /// Width of a second Gaussian over that of the first, if there is one.
    base: Option<f64>,
}

const fn line(rest_angstrom: f64, width_km_s: f64, moves: bool, base: Option<f64>) -> Line {
    Line { rest_angstrom, width_km_s, moves, base }
}

const LINES: [Line; 6] = [
    line(1304.4, 2500.0, false, None),
    line(1398.3, 2200.0, true, None),
    line(1549.06, 2000.0, true, Some(2.25)),
    line(1640.4, 3000.0, true, None),
    line(1857.8, 2500.0, false, None),
    line(1908.7, 2600.0, true, Some(2.0)),
];
/// Coefficients of [`LINES`].
const LINE_TERMS: usize = 16;
/// Prior standard deviation of a line's terms, in units of the median flux.
const LINE_PRIOR: f64 = 0.5;
/// Prior standard deviation of the other coefficients, in the same unit: no constraint.
const FREE_PRIOR: f64 = 30.0;
/// Terms of the polynomial.
const POLYNOMIAL_TERMS: usize = 4;
/// Widths of a Gaussian beyond which it is nothing.
const REACH: f64 = 6.0;

/// Solves after which lines may still move.
pub(super) const LINE_ITERATIONS: usize = 6;
/// A line moves if its height is this many times its error.
const MOVING_SIGMA: f64 = 5.0;
/// Steps smaller than this are not taken, km/s.
const LEAST_STEP_KM_S: f64 = 60.0;
/// Furthest a line may be from its rest wavelength, km/s.
const FURTHEST_KM_S: f64 = 4_000.0;
/// Least and greatest width over that at the start.
const WIDTHS: [f64; 2] = [0.5, 2.0];
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
}

impl EmissionLines {
    fn new(first: usize) -> Self {
        Self { shapes: LINES.map(|line| (0.0, line.width_km_s)), heights: [0.0; LINES.len()], first }
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
            let term = |offset: usize| solved.coefficients[at + offset];
            if line.moves {
                let height = term(0) - term(2);
                if height > MOVING_SIGMA * solved.covariance[(at, at)].sqrt() {
                    let before = (*shift, *width);
                    *known = height;
                    *shift += (*width * term(1) / height).clamp(-0.5 * *width, 0.5 * *width);
                    *shift = shift.clamp(-FURTHEST_KM_S, FURTHEST_KM_S);
                    *width *= (term(2) / height).clamp(-0.3, 0.3).exp();
                    *width = width.clamp(WIDTHS[0] * line.width_km_s, WIDTHS[1] * line.width_km_s);
                    moved |= (*shift - before.0).abs().max((*width - before.1).abs()) > LEAST_STEP_KM_S;
                }
            }
            at += 1 + 2 * usize::from(line.moves) + usize::from(line.base.is_some());
        }
        moved.then_some(next)
    }

    /// Prior mean and standard deviation of every coefficient, flux density. `scale` is that of the spectrum.
    fn priors(&self, scale: f64) -> Vec<(f64, f64)> {
        let free = (0.0, LINE_PRIOR * scale);
        let mut priors = Vec::with_capacity(LINE_TERMS);
        for (line, ((shift, width), height)) in LINES.iter().zip(self.shapes.iter().zip(&self.heights)) {
            priors.push(free);
            if line.moves {
                let (of_shift, of_width) = (height / width * SHAPE_PRIOR.0, height * SHAPE_PRIOR.1);
                let known = *height > 0.0;
                priors.push(if known { (-shift / width * height, of_shift) } else { free });
                priors.push(if known { (-(width / line.width_km_s).ln() * height, of_width) } else { free });
            }
            priors.extend(line.base.map(|_| free));
        }
        priors
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
        let lines = EmissionLines::new(eigen_terms + POLYNOMIAL_TERMS);
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

    /// Number of coefficients.
    pub(super) fn terms(&self) -> usize {
        self.lines.first + LINE_TERMS
    }

    /// Prior mean and standard deviation of every coefficient, flux density. `scale` is that of the spectrum.
    pub(super) fn priors(&self, scale: f64) -> Vec<(f64, f64)> {
        let mut priors = vec![(0.0, FREE_PRIOR * scale); self.lines.first];
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
