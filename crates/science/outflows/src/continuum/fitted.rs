//! A fitted continuum: its parts, what they are worth at a wavelength, and their errors.

use desi::templates::Templates;

use super::model::{Balmer, ContinuumModel, Ingredients, Part};
use crate::separable::{Columns, Minimum, Separable, jacobian};

/// A fitted continuum.
#[derive(Debug, Clone)]
pub struct ContinuumFit {
    /// Parameters, amplitudes and chi2.
    pub minimum: Minimum,
    /// Pixels used.
    pub n_pixels: usize,
    /// What the variances are greater than those of noise alone, for what the model lacks; 1 and more.
    pub(crate) misfit: f64,
    /// Covariance of the parameters and amplitudes, those at a bound or zero left out as known.
    pub(crate) covariance: Vec<f64>,
    /// Which of the good pixels were used.
    pub(crate) used: Vec<usize>,
    pub(crate) parts: Ingredients,
    pub(crate) kinds: Vec<Part>,
}

impl ContinuumFit {
    /// Chi2 per degree of freedom.
    #[must_use]
    pub fn reduced_chi2(&self) -> f64 {
        let fitted = self.minimum.parameters.len() + self.minimum.amplitudes.len();
        self.minimum.chi2 / self.n_pixels.saturating_sub(fitted).max(1) as f64
    }

    fn n_slopes(&self) -> usize {
        1 + usize::from(self.parts.break_angstrom.is_some())
    }

    /// Rest wavelength at which the power law bends, Angstrom; `None` where it does not.
    #[must_use]
    pub fn break_angstrom(&self) -> Option<f64> {
        self.parts.break_angstrom
    }

    /// Which of the slopes holds at 3000 Angstrom.
    fn usual_slope(&self) -> usize {
        usize::from(self.parts.break_angstrom.is_some_and(|at| at < 3_000.0))
    }

    /// Slope of the power law at 3000 Angstrom, flux density against wavelength.
    #[must_use]
    pub fn slope(&self) -> f64 {
        self.slope_at(self.usual_slope()).0
    }

    /// Standard error of the slope.
    #[must_use]
    pub fn slope_error(&self) -> f64 {
        self.slope_at(self.usual_slope()).1
    }

    /// The slope beyond the break, on the side away from 3000 Angstrom, and its standard error; `None` without a break.
    #[must_use]
    pub fn slope_beyond(&self) -> Option<(f64, f64)> {
        self.parts.break_angstrom.map(|_| self.slope_at(1 - self.usual_slope()))
    }

    fn slope_at(&self, at: usize) -> (f64, f64) {
        let n = self.minimum.parameters.len() + self.minimum.amplitudes.len();
        let variance = self.covariance.get(at * n + at).copied().unwrap_or(0.0);
        (self.minimum.parameters.get(at).copied().unwrap_or(0.0), variance.max(0.0).sqrt())
    }

    /// Power law at rest wavelengths with its standard error, 1e-17 erg/s/cm2/Angstrom in the rest frame.
    #[must_use]
    pub fn power_law_at(&self, wavelength_rest_angstrom: f64) -> (f64, f64) {
        let one = Ingredients {
            iron_uv: false,
            iron_optical: false,
            balmer: Balmer::Absent,
            host: false,
            polynomial: false,
            ..self.parts
        };
        let slopes = self.n_slopes();
        let minimum = Minimum {
            parameters: self.minimum.parameters[..slopes].to_vec(),
            amplitudes: vec![self.power_law_3000()],
            ..Minimum::default()
        };
        let n = self.minimum.parameters.len();
        let place = |at: usize| if at < slopes { at } else { n };
        self.level(wavelength_rest_angstrom, &Templates::default(), (one, &minimum), place)
    }

    /// The host galaxy at a rest wavelength with its standard error, 1e-17 erg/s/cm2/Angstrom; `None` where none is fitted.
    #[must_use]
    pub fn host_at(&self, wavelength_rest_angstrom: f64, templates: &Templates) -> Option<(f64, f64)> {
        let first = self.kinds.iter().position(|kind| *kind == Part::Host)?;
        let hosts = self.kinds.iter().filter(|kind| **kind == Part::Host).count();
        let one = Ingredients {
            iron_uv: false,
            iron_optical: false,
            balmer: Balmer::Absent,
            polynomial: false,
            ..self.parts
        };
        let slopes = self.n_slopes();
        // A power law of nothing comes first.
        let mut amplitudes = vec![0.0];
        amplitudes.extend(&self.minimum.amplitudes[first..first + hosts]);
        let parameters = self.minimum.parameters[..slopes].to_vec();
        let minimum = Minimum { parameters, amplitudes, ..Minimum::default() };
        let n = self.minimum.parameters.len();
        let place = |at: usize| if at <= slopes { at.min(slopes - 1) } else { n + first + at - slopes - 1 };
        Some(self.level(wavelength_rest_angstrom, templates, (one, &minimum), place))
    }

    /// The whole continuum at a rest wavelength with its standard error.
    #[must_use]
    pub fn level_at(&self, wavelength_rest_angstrom: f64, templates: &Templates) -> (f64, f64) {
        self.level(wavelength_rest_angstrom, templates, (self.parts, &self.minimum), |at| at)
    }

    fn level(
        &self,
        wavelength: f64,
        templates: &Templates,
        (parts, minimum): (Ingredients, &Minimum),
        place: impl Fn(usize) -> usize,
    ) -> (f64, f64) {
        let (wavelengths, ln, ones) = ([wavelength], [wavelength.ln()], [1.0]);
        let model = ContinuumModel::new((&wavelengths, &ln, &ones), templates, parts);
        let derivatives = jacobian(&model, minimum);
        let n = self.minimum.parameters.len() + self.minimum.amplitudes.len();
        let gradient = derivatives.at_pixel(0);
        let variance: f64 = (gradient.iter().zip(&derivatives.free))
            .flat_map(|(a, i)| gradient.iter().zip(&derivatives.free).map(move |(b, j)| (a * b, *i, *j)))
            .map(|(product, i, j)| product * self.covariance.get(place(i) * n + place(j)).unwrap_or(&0.0))
            .sum();
        let n_parameters = minimum.parameters.len();
        // The amplitudes' derivatives are the columns.
        let value = (gradient.iter().zip(&derivatives.free))
            .filter(|(_, at)| **at >= n_parameters)
            .map(|(column, at)| column * minimum.amplitudes[at - n_parameters])
            .sum();
        (value, variance.max(0.0).sqrt())
    }

    /// Standard error of an amplitude; `None` where it is not fitted.
    fn amplitude_error(&self, kind: Part) -> Option<f64> {
        let at = self.minimum.parameters.len() + self.kinds.iter().position(|part| *part == kind)?;
        let n = self.minimum.parameters.len() + self.minimum.amplitudes.len();
        Some(self.covariance.get(at * n + at)?.max(0.0).sqrt())
    }

    /// Standard errors of [`Self::iron_uv_flux`], [`Self::iron_optical_flux`] and [`Self::balmer_edge`].
    #[must_use]
    pub fn part_errors(&self) -> [Option<f64>; 3] {
        [Part::IronUv, Part::IronOptical, Part::Balmer].map(|part| self.amplitude_error(part))
    }

    fn amplitude(&self, kind: Part) -> Option<f64> {
        let at = self.kinds.iter().position(|part| *part == kind)?;
        self.minimum.amplitudes.get(at).copied()
    }

    /// Power law at 3000 Angstrom, 1e-17 erg/s/cm2/Angstrom in the rest frame.
    #[must_use]
    pub fn power_law_3000(&self) -> f64 {
        self.amplitude(Part::PowerLaw).unwrap_or(0.0)
    }

    /// Fe II flux of the ultraviolet band 2250 to 2650 Angstrom, 1e-17 erg/s/cm2; `None` where not fitted.
    #[must_use]
    pub fn iron_uv_flux(&self) -> Option<f64> {
        self.amplitude(Part::IronUv)
    }

    /// Fe II flux of the optical band 4434 to 4684 Angstrom, 1e-17 erg/s/cm2; `None` where not fitted.
    #[must_use]
    pub fn iron_optical_flux(&self) -> Option<f64> {
        self.amplitude(Part::IronOptical)
    }

    /// Balmer continuum at its edge, 1e-17 erg/s/cm2/Angstrom; `None` where the edge is out of view.
    #[must_use]
    pub fn balmer_edge(&self) -> Option<f64> {
        self.amplitude(Part::Balmer).filter(|_| self.parts.balmer == Balmer::Measured)
    }

    /// Whether the fit has a host galaxy.
    #[must_use]
    pub fn has_host(&self) -> bool {
        self.kinds.contains(&Part::Host)
    }

    /// The model at rest wavelengths: power law, Fe II, Balmer, host, polynomial.
    #[must_use]
    pub fn evaluate(&self, wavelength_rest_angstrom: &[f64], templates: &Templates) -> [Vec<f64>; 5] {
        let ln: Vec<f64> = wavelength_rest_angstrom.iter().map(|x| x.ln()).collect();
        let ones = vec![1.0; ln.len()];
        let model = ContinuumModel::new((wavelength_rest_angstrom, &ln, &ones), templates, self.parts);
        let mut columns = Columns::default();
        columns.reset(model.n_columns(), model.n_pixels());
        model.columns(&self.minimum.parameters, &mut columns);
        model.fixed_columns(&mut columns);
        let mut out: [Vec<f64>; 5] = std::array::from_fn(|_| vec![0.0; ln.len()]);
        for (column, (kind, amplitude)) in self.kinds.iter().zip(&self.minimum.amplitudes).enumerate() {
            let place = match kind {
                Part::PowerLaw => 0,
                Part::IronUv | Part::IronOptical => 1,
                Part::Balmer | Part::BalmerSeries => 2,
                Part::Host => 3,
                Part::Polynomial => 4,
            };
            columns.add_to(column, *amplitude, &mut out[place]);
        }
        out
    }
}
