//! The continuum as a separable model of pixels.

use desi::templates::{IRON_OPTICAL_RANGE, IRON_UV_RANGE, IronTemplate, Templates};

use super::balmer;
use super::pixels::Chosen;
use crate::separable::{Columns, Separable, exp, in_lanes};

/// Reference wavelength of the power law, Angstrom.
pub(crate) const PIVOT_ANGSTROM: f64 = 3_000.0;
/// Least and greatest slope of the power law.
pub(crate) const SLOPES: (f64, f64) = (-5.0, 3.0);

/// What is known of the Balmer continuum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Balmer {
    /// There is none.
    Absent,
    /// Its edge is in view: it has an amplitude, and so have the high-order lines.
    Measured,
    /// Its edge is not: it has an amplitude that is expected to be [`EXPECTED_BALMER`] of the power law there, give or take this error
    /// (1e-17 erg/s/cm2/Angstrom in the rest frame).
    Expected(f64),
}

/// Height of the Balmer continuum at its edge in units of the power law there, and its scatter over quasars: median and half of
/// the middle 68 per cent of the 24 quasars of one BOSS plate that have the edge in view. Calderone et al. 2017
/// (2017MNRAS.472.4051C) take a tenth of the continuum at 3000 Angstrom where it is not.
pub(crate) const EXPECTED_BALMER: (f64, f64) = (0.17, 0.13);

/// Which parts the continuum has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ingredients {
    /// Where the power law bends, rest Angstrom.
    pub break_angstrom: Option<f64>,
    pub iron_uv: bool,
    pub iron_optical: bool,
    pub balmer: Balmer,
    pub host: bool,
    pub polynomial: bool,
    pub shift_bounds: (f64, f64),
}

/// Parameters: slope (blueward and redward where broken), then ln FWHM and shift of each Fe II template. Amplitudes: power law at 3000
/// Angstrom, Fe II fluxes, Balmer continuum and high-order lines at the edge, hosts, polynomial.
pub(crate) struct ContinuumModel<'a> {
    pub wavelength: &'a [f64],
    pub ln_wavelength: &'a [f64],
    pub weight: &'a [f64],
    pub templates: &'a Templates,
    pub parts: Ingredients,
    /// What is expected of the Balmer continuum, as one more row beyond the pixels: its standard error.
    expected: Option<f64>,
    /// Columns that do not change with the parameters, weighted, one after the other.
    fixed: Vec<f64>,
}

/// The kinds of amplitudes, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    PowerLaw,
    IronUv,
    IronOptical,
    Balmer,
    BalmerSeries,
    Host,
    Polynomial,
}

impl<'a> ContinuumModel<'a> {
    /// Over given pixels: wavelength, its logarithm and weight.
    pub fn new(pixels: (&'a [f64], &'a [f64], &'a [f64]), templates: &'a Templates, parts: Ingredients) -> Self {
        Self::with_rows(pixels, templates, parts, None)
    }

    /// Over the pixels of a fit, with a row for what is expected where these have one.
    pub fn of(chosen: &'a Chosen, templates: &'a Templates, parts: Ingredients) -> Self {
        let expected = match parts.balmer {
            Balmer::Expected(error) => Some(error),
            Balmer::Absent | Balmer::Measured => None,
        };
        Self::with_rows(chosen.view(), templates, parts, expected)
    }

    fn with_rows(
        (wavelength, ln_wavelength, weight): (&'a [f64], &'a [f64], &'a [f64]),
        templates: &'a Templates,
        parts: Ingredients,
        expected: Option<f64>,
    ) -> Self {
        let mut fixed = Vec::new();
        let nothing = expected.map(|_| 0.0);
        if parts.balmer != Balmer::Absent {
            push(&mut fixed, balmer::continuum(wavelength), weight, expected.map(|error| 1.0 / error));
        }
        if parts.balmer == Balmer::Measured {
            push(&mut fixed, balmer::series(wavelength), weight, nothing);
        }
        if let (true, Some(host)) = (parts.host, &templates.host) {
            let columns = host.columns(wavelength);
            let each = columns.chunks(wavelength.len().max(1));
            each.for_each(|column| push(&mut fixed, column.iter().copied(), weight, nothing));
        }
        if parts.polynomial {
            let away = |wavelength: &f64| (wavelength - PIVOT_ANGSTROM) / PIVOT_ANGSTROM;
            (1..=3).for_each(|n| push(&mut fixed, wavelength.iter().map(|x| away(x).powi(n)), weight, nothing));
        }
        Self { wavelength, ln_wavelength, weight, templates, parts, expected, fixed }
    }

    /// Slopes of the power law.
    pub fn n_slopes(&self) -> usize {
        1 + usize::from(self.parts.break_angstrom.is_some())
    }

    /// What each amplitude is of.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = vec![Part::PowerLaw];
        if self.parts.iron_uv {
            parts.push(Part::IronUv);
        }
        if self.parts.iron_optical {
            parts.push(Part::IronOptical);
        }
        match self.parts.balmer {
            Balmer::Absent => {}
            Balmer::Measured => parts.extend([Part::Balmer, Part::BalmerSeries]),
            Balmer::Expected(_) => parts.push(Part::Balmer),
        }
        if let (true, Some(host)) = (self.parts.host, &self.templates.host) {
            parts.extend(std::iter::repeat_n(Part::Host, host.len()));
        }
        if self.parts.polynomial {
            parts.extend([Part::Polynomial; 3]);
        }
        parts
    }

    fn n_moving(&self) -> usize {
        1 + usize::from(self.parts.iron_uv) + usize::from(self.parts.iron_optical)
    }

    /// The Fe II templates with their range, and the place of their first parameter.
    fn irons(&self) -> impl Iterator<Item = (usize, &IronTemplate, std::ops::Range<usize>)> {
        let uv = self.templates.iron_uv.as_ref().filter(|_| self.parts.iron_uv).map(|iron| (iron, IRON_UV_RANGE));
        let optical = self
            .templates
            .iron_optical
            .as_ref()
            .filter(|_| self.parts.iron_optical)
            .map(|iron| (iron, IRON_OPTICAL_RANGE));
        uv.into_iter().chain(optical).enumerate().map(|(at, (iron, (from, to)))| {
            let start = self.wavelength.partition_point(|x| *x <= from);
            (self.n_slopes() + 2 * at, iron, start..self.wavelength.partition_point(|x| *x < to).max(start))
        })
    }

    /// What multiplies each slope in the logarithm of the power law, which is 1 at the pivot, at a ln wavelength.
    fn ln_ratios(&self) -> impl Fn(f64) -> (f64, f64) + Copy + use<> {
        // Without a break all is blueward of it.
        let ln_break = self.parts.break_angstrom.map_or(f64::MAX, |at| (at / PIVOT_ANGSTROM).ln());
        let ln_pivot = PIVOT_ANGSTROM.ln();
        let (blue, red) = (ln_break.min(0.0), (-ln_break).max(0.0));
        move |ln_wavelength| {
            let ln = ln_wavelength - ln_pivot;
            (ln.min(ln_break) - blue, (ln - ln_break).max(0.0) - red)
        }
    }
}

/// Adds a column, weighted, and what it is beyond the pixels.
fn push(columns: &mut Vec<f64>, flux: impl Iterator<Item = f64>, weight: &[f64], row: Option<f64>) {
    columns.extend(flux.zip(weight).map(|(flux, weight)| flux * weight));
    columns.extend(row);
}

impl Separable for ContinuumModel<'_> {
    fn n_parameters(&self) -> usize {
        self.n_slopes() + 2 * (self.n_moving() - 1)
    }

    fn n_columns(&self) -> usize {
        self.n_moving() + self.fixed.len() / self.n_pixels().max(1)
    }

    fn n_pixels(&self) -> usize {
        self.wavelength.len() + usize::from(self.expected.is_some())
    }

    fn bounds(&self, parameter: usize) -> (f64, f64) {
        let slopes = self.n_slopes();
        if parameter < slopes {
            return SLOPES;
        }
        if (parameter - slopes).is_multiple_of(2) {
            let iron = self.templates.iron_uv.as_ref().or(self.templates.iron_optical.as_ref());
            iron.map_or((7.0, 9.8), IronTemplate::ln_fwhm_bounds)
        } else {
            self.parts.shift_bounds
        }
    }

    fn is_free(&self, column: usize) -> bool {
        self.parts().get(column) == Some(&Part::Polynomial)
    }

    fn is_uncertain(&self, column: usize) -> bool {
        matches!(self.parts.balmer, Balmer::Expected(_)) && self.parts().get(column) == Some(&Part::Balmer)
    }

    fn columns(&self, parameters: &[f64], out: &mut Columns) {
        let n = self.n_pixels();
        let power = out.claim(0, 0..n);
        let red = if self.parts.break_angstrom.is_some() { parameters[1] } else { 0.0 };
        let ratios = self.ln_ratios();
        let pixels = power.iter_mut().zip(self.ln_wavelength).zip(self.weight);
        in_lanes(
            #[inline(always)]
            || {
                for ((value, ln_wavelength), weight) in pixels {
                    let (blue, beyond) = ratios(*ln_wavelength);
                    *value = weight * exp(parameters[0] * blue + red * beyond);
                }
            },
        );
        if let (Some(error), Some(row)) = (self.expected, power.last_mut()) {
            let (blue, beyond) = ratios(balmer::EDGE_ANGSTROM.ln());
            *row = -EXPECTED_BALMER.0 / error * exp(parameters[0] * blue + red * beyond);
        }
        for (at, (first, iron, stretch)) in self.irons().enumerate() {
            let values = out.claim(1 + at, stretch.clone());
            let pixels = (&self.ln_wavelength[stretch.clone()], &self.weight[stretch]);
            iron.column(pixels, parameters[first], parameters[first + 1], values);
        }
    }

    fn first_fixed(&self) -> usize {
        self.n_moving()
    }

    fn fixed_columns(&self, out: &mut Columns) {
        let n = self.n_pixels();
        for (at, fixed) in self.fixed.chunks_exact(n.max(1)).enumerate() {
            // Neither the Balmer continuum nor a galaxy covers everything.
            let zero = |value: &&f64| **value == 0.0;
            let start = fixed.iter().take_while(zero).count();
            let end = (n - fixed.iter().rev().take_while(zero).count()).max(start);
            out.claim(self.n_moving() + at, start..end).copy_from_slice(&fixed[start..end]);
        }
    }

    fn directions(&self, parameters: &[f64], amplitudes: &[f64], columns: &Columns, out: &mut Columns) {
        let n = self.n_pixels();
        let ratios = self.ln_ratios();
        for slope in 0..self.n_slopes() {
            let direction = out.claim(slope, 0..n);
            let pixels = direction.iter_mut().zip(columns.stored(0)).zip(self.ln_wavelength);
            in_lanes(
                #[inline(always)]
                || {
                    for ((value, power), ln_wavelength) in pixels {
                        let (blue, beyond) = ratios(*ln_wavelength);
                        *value = amplitudes[0] * power * if slope == 0 { blue } else { beyond };
                    }
                },
            );
            if let (Some(_), Some(row), Some(power)) = (self.expected, direction.last_mut(), columns.stored(0).last()) {
                let (blue, beyond) = ratios(balmer::EDGE_ANGSTROM.ln());
                *row = amplitudes[0] * power * if slope == 0 { blue } else { beyond };
            }
        }
        for (at, (first, iron, stretch)) in self.irons().enumerate() {
            let amplitude = amplitudes[1 + at];
            if amplitude == 0.0 {
                continue;
            }
            let pixels = (&self.ln_wavelength[stretch.clone()], &self.weight[stretch.clone()]);
            let at_place = (parameters[first], parameters[first + 1]);
            iron.directions(pixels, at_place, amplitude, out.claim_two(first, stretch));
        }
    }
}
