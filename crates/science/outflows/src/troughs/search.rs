//! From a spectrum to the troughs of each transition.

use desi::spectra::Spectrum;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::continuum::{Continuum, ContinuumSettings, fit_continuum};
use super::eigenspectra::Eigenspectra;
use super::index::{IndexSettings, Normalised, Trough, TroughIndex};
use super::{LIGHT_KM_S, TroughError};
use astro::statistics::rng_stream;

/// Resonance doublets whose winds are looked for; wavelengths are vacuum, weighted by oscillator strength (Morton 2003,
/// 2003ApJS..149..205M).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// C IV 1548.20, 1550.78.
    Civ,
    /// Si IV 1393.76, 1402.77.
    Siiv,
    /// Al III 1854.72, 1862.79.
    Aliii,
    /// Mg II 2796.35, 2803.53. Needs a given continuum.
    Mgii,
    /// N V 1238.82, 1242.80. Needs a given continuum.
    Nv,
}

impl Transition {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Civ, Self::Siiv, Self::Aliii, Self::Mgii, Self::Nv];

    /// Its name as in DESI's BAL catalogue.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Civ => "CIV",
            Self::Siiv => "SIIV",
            Self::Aliii => "ALIII",
            Self::Mgii => "MGII",
            Self::Nv => "NV",
        }
    }

    /// Rest wavelength of velocity zero, vacuum Angstrom.
    #[must_use]
    pub fn rest_angstrom(self) -> f64 {
        match self {
            Self::Civ => 1549.06,
            Self::Siiv => 1396.76,
            Self::Aliii => 1857.40,
            Self::Mgii => 2798.74,
            Self::Nv => 1240.15,
        }
    }
}

/// How a wavelength becomes a velocity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VelocityScale {
    /// `c (1 - lambda / lambda_0)`, as in the DESI BAL catalogues.
    #[default]
    Linear,
    /// `c (1 - r^2) / (1 + r^2)` with `r = lambda / lambda_0`: the true speed along the line of sight. At 25,000 km/s of
    /// the linear scale it is 4 % larger.
    Relativistic,
}

impl VelocityScale {
    /// Velocity towards the observer, km/s, of a wavelength that is `ratio` of the rest wavelength.
    #[must_use]
    pub fn velocity_km_s(self, ratio: f64) -> f64 {
        match self {
            Self::Linear => LIGHT_KM_S * (1.0 - ratio),
            Self::Relativistic => LIGHT_KM_S * (1.0 - ratio * ratio) / (1.0 + ratio * ratio),
        }
    }
}

/// Velocities redward of a line that a fitted continuum must cover, km/s.
const REDWARD_KM_S: [f64; 2] = [-5_000.0, 0.0];

/// What is looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct TroughSettings {
    /// Transitions.
    pub transitions: Vec<Transition>,
    /// Wavelength to velocity.
    pub scale: VelocityScale,
    /// How the continuum is fitted, where none is given.
    pub continuum: ContinuumSettings,
    /// Smoothing and significance.
    pub index: IndexSettings,
}

impl Default for TroughSettings {
    fn default() -> Self {
        Self {
            transitions: vec![Transition::Civ, Transition::Siiv, Transition::Aliii],
            scale: VelocityScale::default(),
            continuum: ContinuumSettings::default(),
            index: IndexSettings::default(),
        }
    }
}

/// The troughs of one spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct TroughSearch {
    /// What the spectrum is called.
    pub name: String,
    /// Its TARGETID.
    pub target_id: Option<i64>,
    /// ICRS right ascension, degrees.
    pub ra_deg: Option<f64>,
    /// ICRS declination, degrees.
    pub dec_deg: Option<f64>,
    /// Redshift used.
    pub redshift: f64,
    /// Median signal to noise of a pixel within 0-25,000 km/s of C IV.
    pub snr_civ: Option<f64>,
    /// The continuum.
    pub continuum: Continuum,
    /// One a transition that is covered.
    pub indices: Vec<TransitionIndices>,
}

impl TroughSearch {
    /// Lets go of the continuum's pixels and of what it is known by: no table needs them, and those of many spectra are much.
    pub fn forget_pixels(&mut self) {
        self.continuum.flux_1e17_cgs = Vec::new();
        self.continuum.masked = Vec::new();
        self.continuum.uncertainty = None;
    }
}

/// Indices of one transition.
#[derive(Debug, Clone, PartialEq)]
pub struct TransitionIndices {
    /// Which.
    pub transition: Transition,
    /// 3,000-25,000 km/s, 2,000 km/s.
    pub balnicity: TroughIndex,
    /// The same up to 60,000 km/s; `None` where another line's troughs may be confused (all but C IV).
    pub balnicity_60000: Option<TroughIndex>,
    /// 0-25,000 km/s, 450 km/s.
    pub absorption: TroughIndex,
}

impl TransitionIndices {
    /// Whether the quasar counts as one with broad absorption in this transition.
    #[must_use]
    pub fn is_broad(&self) -> bool {
        self.balnicity.is_significant() || self.balnicity_60000.as_ref().is_some_and(TroughIndex::is_significant)
    }
}

/// Fits the continuum (or takes the one that is given) and looks for troughs.
///
/// # Errors
/// No redshift; a continuum that cannot be fitted or is of another length.
pub fn find_troughs(
    spectrum: &Spectrum,
    eigenspectra: Option<&Eigenspectra>,
    given: Option<&[f64]>,
    settings: &TroughSettings,
) -> Result<TroughSearch, TroughError> {
    let redshift = spectrum.redshift.ok_or_else(|| TroughError::NoRedshift { name: spectrum.name.clone() })?;
    let continuum = match given {
        Some(flux) => Continuum::given(spectrum, flux)?,
        None => fit_continuum(spectrum, redshift, eigenspectra, &settings.continuum)?,
    };
    let normalise = |transition: Transition| {
        Normalised::new(spectrum, &continuum, transition.rest_angstrom() * (1.0 + redshift), settings.scale)
    };
    // Al III absorbs in winds that absorb in C IV too (low-ionisation BAL quasars: Hall et al. 2002, 2002ApJS..141..267H).
    let civ = settings.transitions.contains(&Transition::Aliii).then(|| {
        let normalised = normalise(Transition::Civ);
        let absorption = normalised.index(&TroughIndex::ABSORPTION, &settings.index, |_| true);
        (normalised, absorption)
    });
    let in_civ = |trough: &Trough| {
        civ.as_ref().is_none_or(|(normalised, absorption)| {
            let [v_min, v_max] = [trough.v_min_km_s, trough.v_max_km_s];
            let covered = normalised.coverage([v_min, v_max]) >= settings.index.min_coverage;
            !covered || absorption.troughs.iter().any(|civ| civ.v_min_km_s < v_max && civ.v_max_km_s > v_min)
        })
    };
    let mut snr_civ = None;
    let mut indices = Vec::new();
    for &transition in &settings.transitions {
        let normalised = normalise(transition);
        if transition == Transition::Civ {
            snr_civ = normalised.signal_to_noise([0.0, 25_000.0]);
        }
        // A fitted continuum that ends blueward of the line follows the trough that it should pass over.
        let anchored = given.is_some() || normalised.coverage(REDWARD_KM_S) >= settings.index.min_coverage;
        if !anchored || normalised.coverage([3_000.0, 25_000.0]) < settings.index.min_coverage {
            continue;
        }
        let possible = |trough: &Trough| transition != Transition::Aliii || in_civ(trough);
        let index = |kind| normalised.index(kind, &settings.index, possible);
        indices.push(TransitionIndices {
            transition,
            balnicity: index(&TroughIndex::BALNICITY),
            balnicity_60000: (transition == Transition::Civ).then(|| index(&TroughIndex::BALNICITY_60000)),
            absorption: match &civ {
                Some((_, absorption)) if transition == Transition::Civ => absorption.clone(),
                _ => index(&TroughIndex::ABSORPTION),
            },
        });
    }
    Ok(TroughSearch {
        name: spectrum.name.clone(),
        target_id: spectrum.target_id,
        ra_deg: spectrum.ra_deg,
        dec_deg: spectrum.dec_deg,
        redshift,
        snr_civ,
        continuum,
        indices,
    })
}

/// Replaces the errors of a search by the scatter of `draws` repetitions: the fitted continuum times the smoothed
/// transmission is taken for the truth, noise of the spectrum's own variance is added, and everything is done again,
/// the continuum too. Indices of zero keep the error they had.
///
/// # Errors
/// As [`find_troughs`].
pub fn resample(
    spectrum: &Spectrum,
    eigenspectra: Option<&Eigenspectra>,
    settings: &TroughSettings,
    (draws, seed): (usize, u64),
) -> Result<TroughSearch, TroughError> {
    let mut found = find_troughs(spectrum, eigenspectra, None, settings)?;
    let truth = denoised(spectrum, &found, settings);
    let stream_of = spectrum.target_id.map_or(0, i64::unsigned_abs);
    let repeated: Vec<TroughSearch> = (0..draws as u64)
        .into_par_iter()
        .filter_map(|draw| {
            let mut rng = rng_stream(seed ^ stream_of, draw);
            let mut again = spectrum.clone();
            for (pixel, flux) in again.flux_1e17_cgs.iter_mut().enumerate() {
                let deviate: f64 = StandardNormal.sample(&mut rng);
                if spectrum.good[pixel] {
                    *flux = truth[pixel] + deviate / spectrum.ivar[pixel].sqrt();
                }
            }
            find_troughs(&again, eigenspectra, None, settings).ok()
        })
        .collect();
    for indices in &mut found.indices {
        let of = |pick: &dyn Fn(&TransitionIndices) -> f64| -> Vec<f64> {
            let same =
                |one: &TroughSearch| one.indices.iter().find(|other| other.transition == indices.transition).map(pick);
            repeated.iter().filter_map(same).collect()
        };
        let (bi, ai) = (of(&|one| one.balnicity.value_km_s), of(&|one| one.absorption.value_km_s));
        indices.balnicity.take_scatter(&bi);
        indices.absorption.take_scatter(&ai);
        if let Some(wide) = &mut indices.balnicity_60000 {
            wide.take_scatter(&of(&|one| one.balnicity_60000.as_ref().map_or(0.0, |index| index.value_km_s)));
        }
    }
    Ok(found)
}

/// What the spectrum would be without noise, as far as the search knows: continuum, with the troughs' smoothed shape.
fn denoised(spectrum: &Spectrum, found: &TroughSearch, settings: &TroughSettings) -> Vec<f64> {
    let mut truth: Vec<f64> = found
        .continuum
        .flux_1e17_cgs
        .iter()
        .zip(&spectrum.flux_1e17_cgs)
        .map(|(continuum, flux)| continuum.unwrap_or(*flux))
        .collect();
    for indices in &found.indices {
        let line = indices.transition.rest_angstrom() * (1.0 + found.redshift);
        let normalised = Normalised::new(spectrum, &found.continuum, line, settings.scale);
        let troughs = indices.balnicity.troughs.iter().chain(&indices.absorption.troughs);
        let wide = indices.balnicity_60000.iter().flat_map(|index| &index.troughs);
        for trough in troughs.chain(wide) {
            for (pixel, transmission) in normalised.smoothed_within(trough, &settings.index) {
                if let Some(continuum) = found.continuum.flux_1e17_cgs[pixel] {
                    truth[pixel] = continuum * transmission;
                }
            }
        }
    }
    truth
}
