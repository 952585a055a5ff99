//! A complex with a chosen number of components, as a separable model of pixels.

use std::ops::Range;

use astro::cosmology::SPEED_OF_LIGHT_KM_S;

use super::list::Complex;
use crate::separable::{Columns, Separable, exp, in_lanes};

/// Gaussians are followed to this many sigma.
const REACH_SIGMA: f64 = 6.0;

/// Pixels of a window in the rest frame; only good ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pixels {
    /// ln of the rest wavelength, rising.
    pub ln_wavelength: Vec<f64>,
    /// sqrt(ivar) of the rest-frame flux density.
    pub weight: Vec<f64>,
    /// Standard deviation of the line-spread function in ln wavelength, one a pixel.
    pub instrument: Vec<f64>,
    places: Places,
}

impl Pixels {
    /// Pixels of which the ln wavelength rises; all three of one length.
    pub fn new(ln_wavelength: Vec<f64>, weight: Vec<f64>, instrument: Vec<f64>) -> Self {
        let places = Places::new(&ln_wavelength);
        Self { ln_wavelength, weight, instrument, places }
    }

    fn stretch(&self, from: f64, to: f64) -> Range<usize> {
        let start = self.places.first(&self.ln_wavelength, from, |x| x < from);
        start..self.places.first(&self.ln_wavelength, to, |x| x <= to).max(start)
    }

    /// Standard deviation of the instrument's line there, in ln wavelength.
    pub fn instrument_at(&self, ln_wavelength: f64) -> f64 {
        let at = self.places.first(&self.ln_wavelength, ln_wavelength, |x| x < ln_wavelength);
        self.instrument.get(at.min(self.instrument.len().saturating_sub(1))).copied().unwrap_or(0.0)
    }
}

/// Equal cells, about as many as pixels, and the first pixel of each: places are found without a search.
#[derive(Debug, Clone, Default)]
struct Places {
    start: f64,
    per_unit: f64,
    first: Vec<u32>,
}

impl Places {
    fn new(rising: &[f64]) -> Self {
        let (Some(start), Some(end)) = (rising.first(), rising.last()) else { return Self::default() };
        let n = rising.len();
        let mut places = Self { start: *start, per_unit: (n - 1) as f64 / (end - start), first: vec![0; n] };
        let mut cell = 0;
        for (at, x) in rising.iter().enumerate() {
            let next = places.cell(*x);
            // Cells between two pixels begin with the second.
            while cell < next {
                cell += 1;
                places.first[cell] = at as u32;
            }
        }
        // None lies beyond the last pixel's cell, which is the last.
        places
    }

    fn cell(&self, x: f64) -> usize {
        (((x - self.start) * self.per_unit) as usize).min(self.first.len().saturating_sub(1))
    }

    /// The first pixel that is not `before` some place; all pixels of earlier cells are.
    fn first(&self, rising: &[f64], place: f64, before: impl Fn(f64) -> bool) -> usize {
        let from = self.first.get(self.cell(place)).map_or(0, |first| *first as usize);
        from + rising[from..].iter().take_while(|x| before(**x)).count()
    }
}

/// One Gaussian of one line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gaussian {
    /// Line of the complex it belongs to.
    pub line: usize,
    /// ln of the line's rest wavelength.
    pub ln_wavelength: f64,
    /// Place of its velocity among the parameters; its ln sigma follows.
    pub kinematics: usize,
    /// Its amplitude.
    pub column: usize,
    /// Flux in units of the amplitude.
    pub factor: f64,
}

/// A complex as a model. Parameters: velocity and ln sigma (both in ln wavelength) of each component of each group.
/// Amplitudes: line fluxes in the rest frame.
#[derive(Debug, Clone)]
pub(crate) struct LineModel<'a> {
    pixels: &'a Pixels,
    pub gaussians: Vec<Gaussian>,
    pub bounds: Vec<(f64, f64)>,
    /// Which group each component is of.
    pub groups: Vec<usize>,
    /// The amplitudes of each component.
    pub component_columns: Vec<Range<usize>>,
    n_columns: usize,
    /// Which columns are one Gaussian.
    alone: Vec<bool>,
}

impl<'a> LineModel<'a> {
    /// `components[g]` Gaussians a line for group `g`.
    pub fn new(complex: &Complex, components: &[usize], pixels: &'a Pixels) -> Self {
        let (mut gaussians, mut bounds, mut n_columns) = (Vec::new(), Vec::new(), 0);
        let (mut groups, mut component_columns) = (Vec::new(), Vec::new());
        for (at, (group, count)) in complex.group.iter().zip(components).enumerate() {
            for _ in 0..*count {
                let kinematics = bounds.len();
                let (first, first_column) = (gaussians.len(), n_columns);
                for (line, declared) in complex.line.iter().enumerate().filter(|(_, line)| line.group == group.name) {
                    let ln_wavelength = declared.wavelength_angstrom.ln();
                    let column = if declared.flux_of.is_none() { n_columns } else { usize::MAX };
                    n_columns += usize::from(declared.flux_of.is_none());
                    gaussians.push(Gaussian { line, ln_wavelength, kinematics, column, factor: declared.ratio });
                }
                tie(complex, &mut gaussians[first..]);
                let [least, most] = group.offset_km_s.map(|offset| offset / SPEED_OF_LIGHT_KM_S);
                bounds.push((least, most));
                let [least, most] = group.sigma_km_s.map(|sigma| (sigma / SPEED_OF_LIGHT_KM_S).ln());
                bounds.push((least, most));
                groups.push(at);
                component_columns.push(first_column..n_columns);
            }
        }
        let mut members = vec![0; n_columns];
        gaussians.iter().for_each(|gaussian| members[gaussian.column] += 1);
        let alone = members.into_iter().map(|members| members == 1).collect();
        Self { pixels, gaussians, bounds, groups, component_columns, n_columns, alone }
    }

    /// Adds a Gaussian to its column.
    fn add_column(&self, gaussian: &Gaussian, parameters: &[f64], out: &mut Columns) {
        let shape = self.shape(gaussian, parameters);
        let (x, weight) =
            (&self.pixels.ln_wavelength[shape.stretch.clone()], &self.pixels.weight[shape.stretch.clone()]);
        let (scale, inverse) = (gaussian.factor * shape.height, 1.0 / shape.total);
        let (values, first) = out.widen(gaussian.column, shape.stretch);
        in_lanes(
            #[inline(always)]
            || {
                for ((value, x), weight) in values.iter_mut().zip(x).zip(weight) {
                    let u = (x - shape.centre) * inverse;
                    let others = if first { 0.0 } else { *value };
                    *value = others + scale * weight * exp(-0.5 * u * u);
                }
            },
        );
    }

    fn shape(&self, gaussian: &Gaussian, parameters: &[f64]) -> Shape {
        let velocity = parameters[gaussian.kinematics];
        let sigma = parameters[gaussian.kinematics + 1].exp();
        let centre = gaussian.ln_wavelength + velocity;
        let total = (sigma * sigma + self.pixels.instrument_at(centre).powi(2)).sqrt();
        let stretch = self.pixels.stretch(centre - REACH_SIGMA * total, centre + REACH_SIGMA * total);
        // Area 1 in Angstrom: d wavelength = wavelength d ln wavelength.
        let height = 1.0 / (total * (2.0 * std::f64::consts::PI).sqrt() * centre.exp());
        Shape { centre, total, intrinsic_share: (sigma / total).powi(2), height, stretch }
    }
}

/// A Gaussian at given parameters.
struct Shape {
    centre: f64,
    total: f64,
    intrinsic_share: f64,
    height: f64,
    stretch: Range<usize>,
}

/// Gives tied lines the amplitude of the line they follow.
fn tie(complex: &Complex, gaussians: &mut [Gaussian]) {
    let columns: Vec<(usize, usize)> = gaussians.iter().map(|gaussian| (gaussian.line, gaussian.column)).collect();
    for gaussian in gaussians.iter_mut().filter(|gaussian| gaussian.column == usize::MAX) {
        let followed = complex.line[gaussian.line].flux_of.as_ref();
        let of = columns.iter().find(|(line, _)| Some(&complex.line[*line].name) == followed);
        // The list was checked: the line that is followed is in the same group.
        gaussian.column = of.map_or(0, |(_, column)| *column);
    }
}

impl Separable for LineModel<'_> {
    fn n_parameters(&self) -> usize {
        self.bounds.len()
    }

    fn n_columns(&self) -> usize {
        self.n_columns
    }

    fn n_pixels(&self) -> usize {
        self.pixels.ln_wavelength.len()
    }

    fn bounds(&self, parameter: usize) -> (f64, f64) {
        self.bounds[parameter]
    }

    fn columns(&self, parameters: &[f64], out: &mut Columns) {
        for gaussian in &self.gaussians {
            self.add_column(gaussian, parameters, out);
        }
    }

    fn directions(&self, parameters: &[f64], amplitudes: &[f64], columns: &Columns, out: &mut Columns) {
        for gaussian in &self.gaussians {
            let amplitude = amplitudes[gaussian.column];
            if amplitude == 0.0 {
                continue;
            }
            let shape = self.shape(gaussian, parameters);
            let inverse = 1.0 / shape.total;
            let x = &self.pixels.ln_wavelength[shape.stretch.clone()];
            let weight = &self.pixels.weight[shape.stretch.clone()];
            // A column of one Gaussian holds its values already.
            let alone = self.alone[gaussian.column];
            let scale = amplitude * gaussian.factor * shape.height;
            let (velocity, width, first) = out.widen_two(gaussian.kinematics, shape.stretch.clone());
            let pixels = velocity.iter_mut().zip(width).zip(x);
            let add = |((velocity, width), x): ((&mut f64, &mut f64), &f64), value: f64| {
                let away = (x - shape.centre) * inverse;
                let (others, other_widths) = if first { (0.0, 0.0) } else { (*velocity, *width) };
                // The height falls as 1 / wavelength of the centre.
                *velocity = others + value * (away * inverse - 1.0);
                *width = other_widths + value * (away * away - 1.0) * shape.intrinsic_share;
            };
            if alone {
                let known = columns.stored(gaussian.column);
                in_lanes(
                    #[inline(always)]
                    || pixels.zip(known).for_each(|(pixel, value)| add(pixel, amplitude * value)),
                );
            } else {
                let value = |x: f64, weight: f64| scale * weight * exp(-0.5 * ((x - shape.centre) * inverse).powi(2));
                in_lanes(
                    #[inline(always)]
                    || {
                        pixels.zip(weight).for_each(|((moved, x), weight)| add((moved, x), value(*x, *weight)));
                    },
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pixels;
    use proptest::prelude::*;

    proptest! {
        /// Places among pixels with gaps, and repeated ones, are those of a binary search.
        #[test]
        fn places_are_found(steps in prop::collection::vec(prop_oneof![Just(0.0), 1e-4..3e-4_f64, 0.1..0.2_f64], 1..60), from in -0.5..4.0_f64, at in 0_usize..60) {
            let sums = steps.iter().scan(0.3, |sum, step| { *sum += step; Some(*sum) });
            let rising: Vec<f64> = sums.collect();
            let n = rising.len();
            let pixels = Pixels::new(rising.clone(), vec![1.0; n], (0..n).map(|at| at as f64).collect());
            for place in [from, rising[at % n]] {
                let (first, beyond) = (rising.partition_point(|x| *x < place), rising.partition_point(|x| *x <= place));
                prop_assert_eq!(pixels.stretch(place, place), first..beyond);
                prop_assert_eq!(pixels.instrument_at(place), first.min(n - 1) as f64);
            }
        }
    }
}
