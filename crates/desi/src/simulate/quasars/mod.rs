//! Quasars with known truth, as DESI would see them.
//!
//! What it is: a power law with Balmer continuum, broad, narrow and wing lines, absorption by winds, by gas on the way and by
//! our Galaxy's dust, seen through DESI's resolution matrices with the noise of its sky, exposure by exposure time. What it
//! is not: a model of a quasar. There is no variability, lines are Gaussians, and Fe II and a host galaxy are there only where
//! templates of them are given.
//!
//! [`QuasarSky::quasar`] makes one in memory, and is a function of its number alone; [`write_quasars`] makes the files
//! of a release of them.

mod absorbers;
mod emission;
mod exponential;
mod fibermap;
mod files;
mod forest;
mod instrument;
mod light;
mod lines;
mod parameters;
mod population;
mod sky;
mod tables;
mod truth;

use astro::statistics::rng_stream;

use super::streams;
use crate::DesiError;
use crate::spectra::{ArmPixels, GRID_STEP_ANGSTROM, InstrumentResolution, Spectrum, combined_spectrum};
use crate::templates::Templates;
use emission::Emission;
use forest::Forest;
use instrument::{ARMS, FIBRES, Instrument};

pub use files::{QuasarRelease, write_quasars};
pub use instrument::SimulatedArm;
pub use parameters::QuasarParameters;
pub use truth::{AbsorberKind, QuasarTruth, TrueAbsorber, TrueGaussian, TrueLight, TrueLine, TrueTrough};

/// A sky of quasars: what they share. About 4 MB.
#[derive(Debug)]
pub struct QuasarSky {
    parameters: QuasarParameters,
    templates: Templates,
    emission: Emission,
    forest: Forest,
    instrument: Instrument,
}

/// One quasar, observed.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedQuasar {
    /// What is true of it.
    pub truth: QuasarTruth,
    /// B, R and Z.
    pub arms: [SimulatedArm; 3],
    /// Which of the instrument's resolutions it was seen with.
    fibre: usize,
}

impl QuasarSky {
    /// Prepares instrument and forest.
    ///
    /// # Errors
    /// [`DesiError::Parameter`] names the first parameter outside its range.
    pub fn new(parameters: QuasarParameters) -> Result<Self, DesiError> {
        Self::with_templates(parameters, Templates::default())
    }

    /// The same with Fe II and host galaxies, as far as there are templates of them.
    ///
    /// # Errors
    /// As [`QuasarSky::new`].
    pub fn with_templates(parameters: QuasarParameters, templates: Templates) -> Result<Self, DesiError> {
        parameters.validate()?;
        Ok(Self {
            parameters,
            templates,
            emission: Emission::new(),
            forest: Forest::new(),
            instrument: Instrument::new(),
        })
    }

    /// The parameters.
    #[must_use]
    pub fn parameters(&self) -> &QuasarParameters {
        &self.parameters
    }

    /// Number of quasars.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parameters.quasars
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The quasar of a number. The same number gives the same quasar, whoever asks and in whatever order.
    #[must_use]
    pub fn quasar(&self, index: usize) -> SimulatedQuasar {
        let mut truth = population::draw(&self.parameters, index);
        truth.light.keep(&self.templates);
        let flux = self.true_flux(&truth);
        let fibre = index % FIBRES;
        let seen = [0, 1, 2].map(|arm| {
            let (first, count) = ARMS[arm];
            self.instrument.arms[arm].resolution[fibre].apply(&flux[first..first + count])
        });
        let mut variance =
            [0, 1, 2].map(|arm| self.instrument.arms[arm].variance(&seen[arm], truth.exposures, truth.exposure_s));
        truth.signal_to_noise = median_signal_to_noise(&seen, &variance);
        if let Some(wanted) = self.parameters.signal_to_noise.filter(|_| truth.signal_to_noise > 0.0) {
            let scale = (truth.signal_to_noise / wanted).powi(2);
            variance.iter_mut().flatten().for_each(|variance| *variance *= scale);
            truth.signal_to_noise = wanted;
        }
        let mut rng = rng_stream(self.parameters.seed, streams::QUASAR_NOISE + index as u64);
        let arms = [0, 1, 2]
            .map(|arm| SimulatedArm::observe(&mut rng, &seen[arm], &variance[arm], self.parameters.masked_fraction));
        SimulatedQuasar { truth, arms, fibre }
    }

    /// What would be seen without instrument and noise, on the pixels of the combined grid, 1e-17 erg/s/cm2/Angstrom.
    #[must_use]
    pub fn true_flux(&self, truth: &QuasarTruth) -> Vec<f32> {
        let mut flux = self.emission.flux(truth, &self.templates);
        let wavelength = &self.emission.wavelength;
        absorbers::absorb(&mut flux, wavelength, GRID_STEP_ANGSTROM, truth.redshift, &truth.absorbers);
        if self.parameters.forest {
            let mut rng = rng_stream(self.parameters.seed, streams::QUASAR_FOREST + truth.index as u64);
            self.forest.absorb(&mut rng, &mut flux, (wavelength, GRID_STEP_ANGSTROM), truth.redshift);
        }
        self.emission.redden(&mut flux, truth.ebv);
        flux
    }

    /// A quasar as the readers would give it from its files: arms combined, with its catalogue redshift, dust still in it.
    #[must_use]
    pub fn spectrum(&self, quasar: &SimulatedQuasar) -> Spectrum {
        let arm = |arm: usize| {
            let (own, seen) = (&self.instrument.arms[arm], &quasar.arms[arm]);
            let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect();
            ArmPixels {
                wavelength_angstrom: own.wavelength.clone(),
                flux_1e17_cgs: wide(&seen.flux),
                ivar: wide(&seen.ivar),
                mask: seen.mask.iter().map(|bits| i64::from(*bits)).collect(),
                sigma_angstrom: own.resolution[quasar.fibre].sigma_angstrom.clone(),
            }
        };
        let truth = &quasar.truth;
        // The arms lie on the grid, so that they can always be combined.
        let bare = combined_spectrum(&[arm(0), arm(1), arm(2)]).unwrap_or_default();
        debug_assert!(bare.resolution != InstrumentResolution::Unknown);
        Spectrum {
            target_id: Some(truth.target_id),
            name: truth.target_id.to_string(),
            ra_deg: Some(truth.ra_deg),
            dec_deg: Some(truth.dec_deg),
            redshift: Some(truth.catalogue_redshift),
            ebv: Some(truth.ebv),
            ..bare
        }
    }

    /// The stored diagonals of the resolution matrix of an arm of a quasar.
    fn stored_resolution(&self, quasar: &SimulatedQuasar, arm: usize) -> &[f32] {
        &self.instrument.arms[arm].resolution[quasar.fibre].stored
    }
}

impl SimulatedQuasar {
    fn exposures(&self) -> u16 {
        self.truth.exposures
    }
}

/// Median over the arms' pixels.
fn median_signal_to_noise(seen: &[Vec<f32>; 3], variance: &[Vec<f64>; 3]) -> f64 {
    let pixels = seen.iter().flatten().zip(variance.iter().flatten());
    let mut ratios: Vec<f32> = pixels.map(|(flux, variance)| flux / variance.sqrt() as f32).collect();
    let middle = ratios.len() / 2;
    f64::from(*ratios.select_nth_unstable_by(middle, f32::total_cmp).1)
}
