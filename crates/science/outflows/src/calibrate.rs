//! Are the errors true? Spectra of known parts, fitted, and what comes back in units of its errors.
//!
//! The parts are those of the fit (a power law and Gaussians with DESI's width), so this tests errors and bias of the fit of a
//! right model, not what a wrong model does; [`calibrate_light`] adds Fe II and hosts. Half of the spectra are at redshift 0.5
//! (Mg II, H beta, [O III] with and without a wing), half at 1.9 (C IV, C III], Mg II).

mod light;

use arrow::array::RecordBatch;
use astro::statistics::rng_stream;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use study::tables::Columns;

use crate::continuum::{ContinuumSettings, Templates};
use crate::lines::LineList;
use crate::measure::{FitPlan, Measured, QuasarFit, fit_quasar};
use crate::profile::{GaussianComponent, profile_of_model};
use crate::{Error, InstrumentResolution, Spectrum};

pub use light::calibrate_light;

/// Signal to noise a pixel at rest wavelength 3000 Angstrom.
pub const SIGNAL_TO_NOISE: [f64; 4] = [2.0, 5.0, 10.0, 20.0];
/// Shares of the wing in the [O III] flux.
pub const WING_FRACTIONS: [f64; 6] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5];
const REDSHIFTS: [f64; 2] = [0.5, 1.9];
/// Power law at 3000 Angstrom, rest frame, 1e-17 erg/s/cm2/Angstrom.
const AT_3000: f64 = 20.0;
/// Standard deviation of the instrument's line, Angstrom.
const INSTRUMENT_ANGSTROM: f64 = 0.75;
const SPEED_OF_LIGHT_KM_S: f64 = astro::cosmology::SPEED_OF_LIGHT_KM_S;

/// How many spectra, and from which seed.
#[derive(Debug, Clone, Copy)]
pub struct Calibration {
    /// Spectra in all.
    pub spectra: usize,
    /// Fits with new noise for each; 0: errors from the covariance.
    pub draws: usize,
    /// Seed of the spectra and their noise.
    pub seed: u64,
}

/// A Gaussian line of the truth.
#[derive(Debug, Clone, Copy)]
struct TrueLine {
    name: &'static str,
    group: &'static str,
    wavelength: f64,
    flux: f64,
    velocity: f64,
    sigma: f64,
}

/// One spectrum's truth.
struct Truth {
    redshift: f64,
    slope: f64,
    snr: usize,
    wing: usize,
    lines: Vec<TrueLine>,
}

/// What came back of one spectrum.
struct Outcome {
    snr: usize,
    wing: Option<(usize, bool)>,
    /// Quantity, pull, and the difference over the truth (or in km/s).
    pulls: Vec<(String, f64, f64)>,
    /// Lines that were there, and whether they were found.
    found: Vec<(String, bool)>,
}

fn truth(index: usize, random: &mut ChaCha8Rng) -> Truth {
    let redshift = REDSHIFTS[index % 2];
    let wing = index / 8 % WING_FRACTIONS.len();
    let mut between = |low: f64, high: f64| low + (high - low) * random.random::<f64>();
    let slope = between(-2.0, -1.0);
    let mut lines = Vec::new();
    let mut add = |name, group, wavelength: f64, width: f64, velocity: f64, sigma: f64| {
        let flux = width * AT_3000 * (wavelength / 3_000.0_f64).powf(slope);
        lines.push(TrueLine { name, group, wavelength, flux, velocity, sigma });
    };
    let mgii = (between(20.0, 60.0), between(-300.0, 300.0), between(1_000.0, 2_200.0));
    add("MgII2799", "broad", 2_799.12, mgii.0, mgii.1, mgii.2);
    if index.is_multiple_of(2) {
        let hbeta = (between(50.0, 120.0), between(-400.0, 400.0), between(1_200.0, 2_500.0));
        add("Hb_broad", "broad", 4_862.68, hbeta.0, hbeta.1, hbeta.2);
        let (width, velocity, sigma) = (between(15.0, 50.0), between(-100.0, 100.0), between(120.0, 220.0));
        let (share, blue, broad) = (WING_FRACTIONS[wing], between(-500.0, -200.0), between(450.0, 900.0));
        for (name, wavelength, ratio) in [("OIII5008", 5_008.24, 1.0), ("OIII4960", 4_960.3, 0.335_57)] {
            // The ratio is one of fluxes, so that the slope of the continuum must not enter.
            let even = (5_008.24_f64 / wavelength).powf(slope);
            add(name, "narrow", wavelength, width * ratio * (1.0 - share) * even, velocity, sigma);
            if share > 0.0 {
                let wing = if ratio == 1.0 { "OIII5008_wing" } else { "OIII4960_wing" };
                add(wing, "wing", wavelength, width * ratio * share * even, velocity + blue, broad);
            }
        }
    } else {
        let civ = (between(20.0, 60.0), between(-1_500.0, 200.0), between(1_500.0, 3_000.0));
        add("CIV1549", "broad", 1_549.06, civ.0, civ.1, civ.2);
        let ciii = (between(15.0, 30.0), between(-400.0, 400.0), between(1_500.0, 2_500.0));
        add("CIII1909", "broad", 1_908.73, ciii.0, ciii.1, ciii.2);
    }
    Truth { redshift, slope, snr: index / 2 % SIGNAL_TO_NOISE.len(), wing, lines }
}

/// DESI's pixels, observed Angstrom.
fn wavelengths() -> Vec<f64> {
    (0..7_781).map(|at| 3_600.0 + 0.8 * f64::from(at)).collect()
}

/// The spectrum, with `light` added (rest-frame flux density of every pixel, or nothing).
fn spectrum(truth: &Truth, light: &[f64], random: &mut ChaCha8Rng) -> Spectrum {
    let stretch = 1.0 + truth.redshift;
    let wavelength = wavelengths();
    let error = AT_3000 / stretch / SIGNAL_TO_NOISE[truth.snr];
    let added = light.iter().copied().chain(std::iter::repeat(0.0));
    let flux: Vec<f64> = (wavelength.iter().zip(added))
        .map(|(observed, added)| {
            let rest = observed / stretch;
            let mut flux = AT_3000 * (rest / 3_000.0).powf(truth.slope) + added;
            for line in &truth.lines {
                let centre = line.wavelength.ln() + line.velocity / SPEED_OF_LIGHT_KM_S;
                let sigma = (line.sigma / SPEED_OF_LIGHT_KM_S).hypot(INSTRUMENT_ANGSTROM / (centre.exp() * stretch));
                let away = (rest.ln() - centre) / sigma;
                if away.abs() < 8.0 {
                    let area = centre.exp() * sigma * std::f64::consts::TAU.sqrt();
                    flux += line.flux / area * (-0.5 * away * away).exp();
                }
            }
            let deviate: f64 = StandardNormal.sample(random);
            flux / stretch + error * deviate
        })
        .collect();
    let n = wavelength.len();
    let mut spectrum = Spectrum::from_arrays(wavelength, flux, vec![1.0 / (error * error); n]);
    spectrum.resolution = InstrumentResolution::GaussianSigma(vec![INSTRUMENT_ANGSTROM; n]);
    spectrum
}

fn outcome(index: usize, plan: &FitPlan<'_>, seed: u64) -> Option<Outcome> {
    let mut random = rng_stream(seed, index as u64);
    let truth = truth(index, &mut random);
    let fit = fit_quasar(&spectrum(&truth, &[], &mut random), truth.redshift, plan).ok()?;
    let mut pulls = Vec::new();
    let mut add = |name: String, measured: Option<Measured>, truth: f64, scale: f64| {
        if let Some(Measured { value, error: Some(error) }) = measured {
            pulls.push((name, (value - truth) / error, (value - truth) / scale));
        }
    };
    add("continuum SLOPE".to_owned(), Some(fit.slope), truth.slope, 1.0);
    add("continuum F3000".to_owned(), Some(fit.power_law_3000), AT_3000, AT_3000);
    let mut found = Vec::new();
    for line in truth.lines.iter().filter(|line| !line.name.ends_with("wing") && line.name != "OIII4960") {
        let whole = line.name == "OIII5008";
        let group = if whole { "whole" } else { line.group };
        let Some(row) = fit.lines.iter().find(|row| row.line == line.name && row.group == group) else { continue };
        found.push((line.name.to_owned(), row.quantities.is_some()));
        let wing = truth.lines.iter().find(|other| whole && other.name == "OIII5008_wing");
        let flux = line.flux + wing.map_or(0.0, |wing| wing.flux);
        add(format!("{} FLUX", line.name), row.quantity("FLUX"), flux, flux);
        let mean = (line.flux * line.velocity + wing.map_or(0.0, |wing| wing.flux * wing.velocity)) / flux;
        add(format!("{} CENTROID", line.name), row.quantity("CENTROID"), mean, 1.0);
        let part =
            |one: &TrueLine| GaussianComponent { flux: one.flux, centre_km_s: one.velocity, sigma_km_s: one.sigma };
        let profile = profile_of_model(&std::iter::once(line).chain(wing).map(part).collect::<Vec<_>>()).ok()?;
        add(format!("{} FWHM", line.name), row.quantity("FWHM"), profile.fwhm_km_s, profile.fwhm_km_s);
        add(format!("{} V50", line.name), row.quantity("V50"), profile.v50(), 1.0);
        if whole {
            add(format!("{} W80", line.name), row.quantity("W80"), profile.w80(), profile.w80());
        }
    }
    let wing = truth.lines.iter().any(|line| line.name == "OIII5008").then(|| (truth.wing, has_wing(&fit)));
    Some(Outcome { snr: truth.snr, wing, pulls, found })
}

fn has_wing(fit: &QuasarFit) -> bool {
    fit.lines.iter().any(|row| row.line == "OIII5008_wing" && row.quantities.is_some())
}

/// Pulls (one row a quantity and signal to noise) and wings (one row a share and signal to noise). Results do not depend on
/// the threads.
///
/// # Errors
/// None in practice: columns have one length.
pub fn calibrate(calibration: Calibration, advance: &(dyn Fn() + Sync)) -> Result<(RecordBatch, RecordBatch), Error> {
    let (templates, lines) = (Templates::default(), LineList::default_list()?);
    let continuum = ContinuumSettings { balmer: false, host: false, ..ContinuumSettings::default() };
    let plan = FitPlan {
        templates: &templates,
        lines: &lines,
        continuum,
        thorough: false,
        draws: calibration.draws,
        seed: calibration.seed,
    };
    let outcomes: Vec<Outcome> = (0..calibration.spectra)
        .into_par_iter()
        .map(|index| {
            let outcome = outcome(index, &plan, calibration.seed);
            advance();
            outcome
        })
        .collect::<Vec<_>>()
        .into_iter()
        .flatten()
        .collect();
    Ok((pulls(&outcomes)?, wings(&outcomes)?))
}

/// One row of the table of pulls: quantity, signal to noise, values, mean, standard deviation, share beyond 3, bias.
type PullRow = (String, f64, usize, f64, f64, f64, f64, Option<f64>);

fn pulls(outcomes: &[Outcome]) -> Result<RecordBatch, Error> {
    let mut names: Vec<&String> = outcomes.iter().flat_map(|one| one.pulls.iter().map(|pull| &pull.0)).collect();
    names.sort();
    names.dedup();
    let mut rows: Vec<PullRow> = Vec::new();
    for name in names {
        for (class, snr) in SIGNAL_TO_NOISE.iter().enumerate() {
            let of = outcomes.iter().filter(|one| one.snr == class);
            let all: Vec<(f64, f64)> = of
                .clone()
                .flat_map(|one| one.pulls.iter().filter(|pull| pull.0 == *name).map(|pull| (pull.1, pull.2)))
                .collect();
            let [mean, deviation, beyond] = mean_deviation_beyond(all.iter().map(|one| one.0));
            let mut differences: Vec<f64> = all.iter().map(|one| one.1).collect();
            differences.sort_by(f64::total_cmp);
            let bias = differences.get(differences.len() / 2).copied().unwrap_or(f64::NAN);
            let line = name.split(' ').next().unwrap_or_default();
            let lines: Vec<bool> =
                of.flat_map(|one| one.found.iter().filter(|found| found.0 == line).map(|found| found.1)).collect();
            let share = lines.iter().filter(|found| **found).count() as f64 / lines.len() as f64;
            rows.push((
                name.clone(),
                *snr,
                all.len(),
                mean,
                deviation,
                beyond,
                bias,
                (!lines.is_empty()).then_some(share),
            ));
        }
    }
    Ok(Columns::new()
        .text("quantity", "", "line (or continuum) and quantity", rows.iter().map(|row| row.0.as_str()))
        .float("snr", "", "signal to noise a pixel of the continuum at 3000 Angstrom", rows.iter().map(|row| row.1))
        .integer("n", "", "values with an error", rows.iter().map(|row| row.2 as i64))
        .float("mean", "", "mean pull, those beyond 5 left out", rows.iter().map(|row| row.3))
        .float(
            "deviation",
            "",
            "standard deviation of the pulls, those beyond 5 left out",
            rows.iter().map(|row| row.4),
        )
        .float("beyond_5", "", "share of pulls beyond 5", rows.iter().map(|row| row.5))
        .float(
            "bias",
            "",
            "median difference: a share for fluxes and widths, km/s for velocities",
            rows.iter().map(|row| row.6),
        )
        .optional("found", "", "share of the lines that were detected", rows.iter().map(|row| row.7))
        .table()?)
}

/// Mean and standard deviation of pulls within 5 (not a number where there are none), and the share of those beyond, which are
/// counted apart: they are other minima, not wrong errors.
fn mean_deviation_beyond(pulls: impl ExactSizeIterator<Item = f64>) -> [f64; 3] {
    let all = pulls.len().max(1) as f64;
    let inside: Vec<f64> = pulls.filter(|pull| pull.abs() <= 5.0).collect();
    let n = inside.len() as f64;
    let mean = inside.iter().sum::<f64>() / n;
    let deviation = (inside.iter().map(|pull| (pull - mean).powi(2)).sum::<f64>() / n).sqrt();
    [mean, deviation, 1.0 - n / all]
}

fn wings(outcomes: &[Outcome]) -> Result<RecordBatch, Error> {
    let mut rows = Vec::new();
    for (class, snr) in SIGNAL_TO_NOISE.iter().enumerate() {
        for (at, fraction) in WING_FRACTIONS.iter().enumerate() {
            let of = outcomes.iter().filter(|one| one.snr == class).filter_map(|one| one.wing);
            let found: Vec<bool> = of.filter(|wing| wing.0 == at).map(|wing| wing.1).collect();
            let share = found.iter().filter(|found| **found).count() as f64 / found.len().max(1) as f64;
            rows.push((*snr, *fraction, found.len() as i64, share));
        }
    }
    Ok(Columns::new()
        .float("snr", "", "signal to noise a pixel of the continuum at 3000 Angstrom", rows.iter().map(|row| row.0))
        .float("wing_fraction", "", "share of the wing in the [O III] flux; 0: no wing", rows.iter().map(|row| row.1))
        .integer("n", "", "spectra", rows.iter().map(|row| row.2))
        .float(
            "found",
            "",
            "share with a wing in the fit; at fraction 0 the false positives",
            rows.iter().map(|row| row.3),
        )
        .table()?)
}
