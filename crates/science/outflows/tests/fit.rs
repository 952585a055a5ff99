//! A quasar of known parts, fitted and measured: values and errors come back, whatever the threads.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use outflows::continuum::{ContinuumSettings, Templates};
use outflows::lines::LineList;
use outflows::measure::{FitPlan, LineMeasurement, QuasarFit, fit_quasar, line_table, quasar_table};
use outflows::{InstrumentResolution, Spectrum};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const REDSHIFT: f64 = 1.0;
const SLOPE: f64 = -1.5;
/// Flux of the power law at 3000 Angstrom and of Mg II, rest frame, 1e-17 in cgs.
const AT_3000: f64 = 20.0;
const MGII_FLUX: f64 = 900.0;
const MGII_SIGMA_KM_S: f64 = 1_500.0;
const C_KM_S: f64 = 299_792.458;

/// A power law and a Gaussian Mg II line, seen with noise.
fn quasar(seed: u64) -> Spectrum {
    with_lines(REDSHIFT, &[(2_799.12, MGII_FLUX, MGII_SIGMA_KM_S)], seed)
}

/// A power law and Gaussian lines (rest wavelength, flux, sigma in km/s) on DESI's grid, seen with noise.
fn with_lines(redshift: f64, lines: &[(f64, f64, f64)], seed: u64) -> Spectrum {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let wavelength: Vec<f64> = (0..7_781).map(|at| 3_600.0 + 0.8 * f64::from(at)).collect();
    let error = 0.6;
    let flux = wavelength.iter().map(|observed| {
        let rest = observed / (1.0 + redshift);
        let line = |(wavelength, flux, sigma_km_s): &(f64, f64, f64)| {
            let sigma = sigma_km_s / C_KM_S;
            let away = (rest / wavelength).ln() / sigma;
            flux / (wavelength * sigma * (2.0 * std::f64::consts::PI).sqrt()) * (-0.5 * away * away).exp()
        };
        let lines: f64 = lines.iter().map(line).sum();
        let clean = (AT_3000 * (rest / 3_000.0).powf(SLOPE) + lines) / (1.0 + redshift);
        let deviate: f64 = StandardNormal.sample(&mut random);
        clean + error * deviate
    });
    let flux: Vec<f64> = flux.collect();
    let ivar = vec![1.0 / (error * error); wavelength.len()];
    let mut spectrum = Spectrum::from_arrays(wavelength, flux, ivar);
    spectrum.resolution = InstrumentResolution::GaussianSigma(vec![0.9; spectrum.len()]);
    spectrum.name = "known".to_owned();
    spectrum
}

fn fitted(spectrum: &Spectrum, draws: usize) -> QuasarFit {
    fitted_at(spectrum, REDSHIFT, draws)
}

fn fitted_at(spectrum: &Spectrum, redshift: f64, draws: usize) -> QuasarFit {
    let (templates, lines) = (Templates::default(), LineList::default_list().unwrap());
    let continuum = ContinuumSettings { host: false, balmer: false, ..ContinuumSettings::default() };
    let plan = FitPlan { templates: &templates, lines: &lines, continuum, thorough: false, draws, seed: 7 };
    fit_quasar(spectrum, redshift, &plan).unwrap()
}

fn mgii(fit: &QuasarFit) -> &LineMeasurement {
    fit.lines.iter().find(|line| line.line.starts_with("MgII")).unwrap()
}

#[test]
fn what_was_put_in_comes_out_within_its_errors() {
    let mut pulls = Vec::new();
    for seed in 0..6 {
        let fit = fitted(&quasar(seed), 20);
        let line = mgii(&fit);
        let fwhm = line.fwhm_km_s.unwrap();
        for (measured, truth) in [
            (fit.slope, SLOPE),
            (fit.power_law_3000, AT_3000),
            (line.flux_1e17_cgs, MGII_FLUX),
            (fwhm, 2.354_82 * MGII_SIGMA_KM_S),
            (line.v50_km_s.unwrap(), 0.0),
        ] {
            pulls.push((measured.value - truth) / measured.error.unwrap());
        }
        assert!(fit.log_luminosities[2].is_some() && fit.log_luminosities[0].is_none(), "{:?}", fit.log_luminosities);
    }
    let spread = (pulls.iter().map(|pull| pull * pull).sum::<f64>() / pulls.len() as f64).sqrt();
    // Errors of 20 draws are themselves good to a sixth; 30 pulls to another eighth.
    assert!((0.5..1.8).contains(&spread), "pulls scatter by {spread}: {pulls:?}");
    assert!(pulls.iter().all(|pull| pull.abs() < 5.0), "{pulls:?}");
}

#[test]
fn tables_have_a_row_a_quasar_and_a_row_a_line_and_do_not_change() {
    let fits = [fitted(&quasar(1), 6), fitted(&quasar(2), 6)];
    let (quasars, lines) = (quasar_table(&fits).unwrap(), line_table(&fits).unwrap());
    assert_eq!(quasars.num_rows(), 2);
    assert_eq!(lines.num_rows(), fits.iter().map(|fit| fit.lines.len()).sum::<usize>());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let again = pool.install(|| [fitted(&quasar(1), 6), fitted(&quasar(2), 6)]);
    assert_eq!(line_table(&again).unwrap(), lines);
    let units: Vec<_> = lines.schema().fields().iter().map(|field| field.metadata().get("unit").cloned()).collect();
    assert!(units.contains(&Some("km/s".to_owned())));
}

#[test]
fn a_power_law_bends_only_where_the_spectrum_does() {
    let slopes = |change: &dyn Fn(f64) -> f64| {
        let mut spectrum = quasar(3);
        for (flux, observed) in spectrum.flux_1e17_cgs.iter_mut().zip(&spectrum.wavelength_angstrom) {
            *flux *= change(observed / (1.0 + REDSHIFT));
        }
        let continuum = fitted(&spectrum, 0).decomposition.continuum;
        (continuum.break_angstrom(), continuum.slope(), continuum.slope_beyond())
    };
    assert_eq!(slopes(&|_| 1.0).0, None);
    // A trough over one window of the continuum is no bend.
    assert_eq!(slopes(&|rest| if (1_975.0..2_030.0).contains(&rest) { 0.4 } else { 1.0 }).0, None);
    let (at, slope, beyond) = slopes(&|rest| (rest / 2_600.0).min(1.0).powf(2.0));
    assert_eq!(at, Some(2_600.0));
    assert!((slope - SLOPE).abs() < 0.1, "{slope}");
    assert!((beyond.unwrap().0 - (SLOPE + 2.0)).abs() < 0.1, "{beyond:?}");
}

#[test]
fn a_spectrum_without_windows_is_refused_by_name() {
    let mut spectrum = quasar(1);
    spectrum.good = vec![false; spectrum.len()];
    let (templates, lines) = (Templates::default(), LineList::default_list().unwrap());
    let plan = FitPlan {
        templates: &templates,
        lines: &lines,
        continuum: ContinuumSettings::default(),
        thorough: false,
        draws: 0,
        seed: 1,
    };
    let error = fit_quasar(&spectrum, REDSHIFT, &plan).unwrap_err().to_string();
    assert!(error.contains("cannot fit known"), "{error}");
}

#[test]
fn absorption_is_left_out_of_a_line_and_told() {
    // A trough beside the line's core; one through most of the window, which no mask can take away.
    let flags = |from: f64, to: f64, depth: f64| {
        let mut spectrum = quasar(4);
        for (flux, observed) in spectrum.flux_1e17_cgs.iter_mut().zip(&spectrum.wavelength_angstrom) {
            let rest = observed / (1.0 + REDSHIFT);
            *flux *= if (from..to).contains(&rest) { 1.0 - depth } else { 1.0 };
        }
        let fit = fitted(&spectrum, 0);
        (mgii(&fit).flags & (4 | 128), mgii(&fit).flux_1e17_cgs.value)
    };
    assert_eq!(flags(0.0, 0.0, 0.0).0, 0);
    let (narrow, flux) = flags(2_780.0, 2_790.0, 0.6);
    assert_eq!(narrow, 4);
    assert!((flux / MGII_FLUX - 1.0).abs() < 0.1, "{flux}");
    assert_eq!(flags(2_710.0, 2_790.0, 0.5).0, 4 | 128);
}

#[test]
fn a_wing_is_a_line_s_and_not_what_lies_below_it() {
    // [O III] with another component: of the width of a wing, or as wide as what Fe II leaves there.
    let wing = |sigma_km_s: f64| {
        let core = [(5_008.24, 100.0, 150.0), (4_960.3, 33.6, 150.0)];
        let other = [(5_008.24, 150.0, sigma_km_s), (4_960.3, 50.0, sigma_km_s)];
        let fit = fitted_at(&with_lines(0.5, &[core, other].concat(), 5), 0.5, 0);
        let line = |name: &str, group: &str| {
            let line = fit.lines.iter().find(|line| line.line == name && line.group == group);
            line.map_or(0.0, |line| line.flux_1e17_cgs.value)
        };
        (line("OIII5008", "narrow"), line("OIII5008_wing", "wing"))
    };
    let (core, found) = wing(700.0);
    assert!((core - 100.0).abs() < 15.0 && (found - 150.0).abs() < 20.0, "{core} {found}");
    // Little of what lies there goes to a wing.
    let (core, found) = wing(3_000.0);
    assert!((core - 100.0).abs() < 20.0 && found < 20.0, "{core} {found}");
}

/// Four spectra of BOSS, one of them a galaxy, whose continuum was 9 to 42 per cent too high blueward of 3900 Angstrom.
#[test]
fn the_continuum_meets_the_spectrum_at_the_high_order_balmer_lines() {
    let Some(data) = testkit::real_data() else { return };
    let templates = Templates::read(&data.join("templates")).unwrap();
    let lines = LineList::default_list().unwrap();
    let continuum = ContinuumSettings::default();
    let plan = FitPlan { templates: &templates, lines: &lines, continuum, thorough: false, draws: 0, seed: 1 };
    for (fibre, most_off) in [("0258", 0.05), ("0436", 0.05), ("0630", 0.08), ("0660", 0.05)] {
        let path = data.join(format!("quasars/sdss_boss/3655/spec-3655-55240-{fibre}.fits"));
        let mut spectrum = desi::spectra::SpectrumFile::open(&path).unwrap().spectrum(0).unwrap();
        let redshift = spectrum.redshift.unwrap();
        outflows::extinction::correct_for_dust(&mut spectrum);
        let fit = fit_quasar(&spectrum, redshift, &plan).unwrap();
        for name in ["OII", "NeIII", "Hd"] {
            let complex = fit.lines.iter().find(|line| line.complex == name).unwrap();
            assert!(complex.reduced_chi2 < 3.0, "{fibre} {name}: {}", complex.reduced_chi2);
        }
        // Between [O II] and [Ne III].
        let rest: Vec<f64> = spectrum.wavelength_angstrom.iter().map(|observed| observed / (1.0 + redshift)).collect();
        let parts = fit.decomposition.continuum.evaluate(&rest, &templates);
        let inside = (0..rest.len()).filter(|at| spectrum.good[*at] && (3_740.0..3_855.0).contains(&rest[*at]));
        let (flux, model) = inside.fold((0.0, 0.0), |(flux, model), at| {
            let continuum: f64 = parts.iter().map(|part| part[at]).sum();
            (flux + spectrum.flux_1e17_cgs[at] * (1.0 + redshift), model + continuum)
        });
        assert!((model / flux - 1.0).abs() < most_off, "{fibre}: {:.3}", model / flux);
    }
}

/// What is expected of Balmer continua whose edge is out of view is what quasars have where it is in view.
#[test]
fn balmer_continua_are_as_high_as_expected() {
    let Some(data) = testkit::real_data() else { return };
    let templates = Templates::read(&data.join("templates")).unwrap();
    let lines = LineList { complex: Vec::new() };
    let continuum = ContinuumSettings::default();
    let plan = FitPlan { templates: &templates, lines: &lines, continuum, thorough: false, draws: 0, seed: 1 };
    let files = std::fs::read_dir(data.join("quasars/sdss_boss/3655")).unwrap().map(|entry| entry.unwrap().path());
    let height = |path: std::path::PathBuf| {
        let mut spectrum = desi::spectra::SpectrumFile::open(&path).ok()?.spectrum(0).ok()?;
        let redshift = spectrum.redshift.filter(|z| (0.3..1.6).contains(z))?;
        outflows::extinction::correct_for_dust(&mut spectrum);
        let continuum = fit_quasar(&spectrum, redshift, &plan).ok()?.decomposition.continuum;
        Some(continuum.balmer_edge()? / continuum.power_law_at(3_646.0).0)
    };
    let heights: Vec<f64> = files.filter_map(height).collect();
    let at = |share: f64| astro::statistics::quantile(&heights, share).unwrap();
    assert!(heights.len() > 20, "{} quasars", heights.len());
    let (median, half) = (at(0.5), 0.5 * (at(0.84) - at(0.16)));
    assert!((median - 0.17).abs() < 0.03 && (half - 0.13).abs() < 0.03, "{median} {half} of {heights:?}");
}
