//! What a decomposition says of a quasar: continuum, luminosities, and the shape of every line, with errors.
//!
//! Errors come from fits of the same spectrum with noise added anew (half the range of the middle 68 per cent): they hold
//! what photon noise does to the whole fit, continuum included, and nothing of the model's own faults. Luminosities are for
//! a flat universe with H0 = 70 km/s/Mpc and Omega_m = 0.3, as quasar catalogues have them (Shen et al. 2011).

use arrow::array::RecordBatch;
use astro::Cosmology;
use astro::statistics::{quantile, rng_stream};
use rand_distr::{Distribution, StandardNormal};
use study::tables::Columns;

use crate::continuum::{ContinuumSettings, Templates};
use crate::decompose::{Decomposition, decompose};
use crate::lines::LineList;
use crate::profile::{GaussianComponent, profile_of_model};
use crate::{Error, Spectrum};

/// Rest wavelengths of the monochromatic luminosities, Angstrom.
pub const LUMINOSITIES_ANGSTROM: [f64; 3] = [1_350.0, 3_000.0, 5_100.0];
/// Matter density and Hubble constant (in 100 km/s/Mpc) of the luminosities.
const OMEGA_M: f64 = 0.3;
const HUBBLE: f64 = 0.7;
const CM_PER_MPC: f64 = 3.085_677_581e24;
/// Unit of flux densities, erg/s/cm2/Angstrom.
const FLUX_UNIT: f64 = 1e-17;

/// How a spectrum is fitted.
#[derive(Debug, Clone)]
pub struct FitPlan<'a> {
    /// Templates of Fe II and galaxies; may be none.
    pub templates: &'a Templates,
    /// The lines.
    pub lines: &'a LineList,
    /// The continuum.
    pub continuum: ContinuumSettings,
    /// Follow hundreds of starts a complex.
    pub thorough: bool,
    /// Fits with new noise, for errors; 0 for none.
    pub draws: usize,
    /// Seed of the noise.
    pub seed: u64,
}

/// A number and its standard error, where one was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// Its error.
    pub error: Option<f64>,
}

/// One line of one complex.
#[derive(Debug, Clone, PartialEq)]
pub struct LineMeasurement {
    /// The complex.
    pub complex: String,
    /// The line.
    pub line: String,
    /// The group whose velocity and width it has: `broad`, `narrow`, `wing`.
    pub group: String,
    /// Rest wavelength in vacuum, Angstrom.
    pub wavelength_angstrom: f64,
    /// Gaussians.
    pub gaussians: usize,
    /// Flux in the rest frame, 1e-17 erg/s/cm2.
    pub flux_1e17_cgs: Measured,
    /// log10 of the luminosity, erg/s; `None` without flux.
    pub log_luminosity: Option<f64>,
    /// Equivalent width against the whole continuum, rest frame, Angstrom; `None` where the continuum is not positive.
    pub equivalent_width_angstrom: Option<f64>,
    /// Velocity that halves the flux, km/s; `None` without flux.
    pub v50_km_s: Option<Measured>,
    /// Full width at half maximum, km/s, the instrument's removed.
    pub fwhm_km_s: Option<Measured>,
    /// Width that holds the middle 80 per cent of the flux, km/s.
    pub w80_km_s: Option<Measured>,
    /// Chi2 per degree of freedom of the complex.
    pub reduced_chi2: f64,
    /// A velocity or width of the complex ended at a bound.
    pub at_bound: bool,
}

/// A fitted quasar.
#[derive(Debug, Clone)]
pub struct QuasarFit {
    /// Name of the spectrum.
    pub name: String,
    /// TARGETID, where there is one.
    pub target_id: Option<i64>,
    /// Right ascension and declination, ICRS degrees.
    pub sky_deg: Option<(f64, f64)>,
    /// Redshift.
    pub redshift: f64,
    /// E(B-V) that was corrected for.
    pub ebv: Option<f64>,
    /// Median signal to noise of a pixel.
    pub signal_to_noise: Option<f64>,
    /// The fit.
    pub decomposition: Decomposition,
    /// Slope of the power law.
    pub slope: Measured,
    /// Power law at 3000 Angstrom, 1e-17 erg/s/cm2/Angstrom, rest frame.
    pub power_law_3000: Measured,
    /// log10 of lambda L_lambda of the power law at [`LUMINOSITIES_ANGSTROM`], erg/s; `None` where not covered.
    pub log_luminosities: [Option<f64>; 3],
    /// Every line that the spectrum covers.
    pub lines: Vec<LineMeasurement>,
    /// Fits with new noise that failed.
    pub failed_draws: usize,
}

/// Fits a spectrum (already free of the Galaxy's dust) and measures it.
///
/// # Errors
/// When too few good pixels lie in windows of the continuum.
pub fn fit_quasar(spectrum: &Spectrum, redshift: f64, plan: &FitPlan<'_>) -> Result<QuasarFit, Error> {
    let fit = |spectrum: &Spectrum, thorough: bool| {
        decompose(spectrum, redshift, (plan.templates, plan.lines), &plan.continuum, thorough)
    };
    let decomposition = fit(spectrum, plan.thorough)?;
    let mut lines = lines_of(&decomposition, plan, redshift);
    let mut draws: Vec<(f64, f64, Vec<LineMeasurement>)> = Vec::new();
    let mut failed_draws = 0;
    for draw in 0..plan.draws {
        match fit(&with_noise(spectrum, plan.seed, draw as u64), false) {
            Ok(drawn) => {
                let continuum = &drawn.continuum;
                draws.push((continuum.slope(), continuum.power_law_3000(), lines_of(&drawn, plan, redshift)));
            }
            Err(_) => failed_draws += 1,
        }
    }
    let spread = |pick: &dyn Fn(&(f64, f64, Vec<LineMeasurement>)) -> Option<f64>| {
        half_range(&draws.iter().filter_map(pick).collect::<Vec<f64>>())
    };
    for (at, line) in lines.iter_mut().enumerate() {
        line.flux_1e17_cgs.error = spread(&|draw| Some(draw.2.get(at)?.flux_1e17_cgs.value));
        let of = |value: fn(&LineMeasurement) -> Option<Measured>| spread(&|draw| Some(value(draw.2.get(at)?)?.value));
        let errors = [of(|line| line.v50_km_s), of(|line| line.fwhm_km_s), of(|line| line.w80_km_s)];
        for (quantity, error) in [&mut line.v50_km_s, &mut line.fwhm_km_s, &mut line.w80_km_s].into_iter().zip(errors) {
            if let Some(quantity) = quantity {
                quantity.error = error;
            }
        }
    }
    let continuum = &decomposition.continuum;
    let slope = Measured { value: continuum.slope(), error: spread(&|draw| Some(draw.0)) };
    let power_law_3000 = Measured { value: continuum.power_law_3000(), error: spread(&|draw| Some(draw.1)) };
    Ok(QuasarFit {
        name: spectrum.name.clone(),
        target_id: spectrum.target_id,
        sky_deg: spectrum.ra_deg.zip(spectrum.dec_deg),
        redshift,
        ebv: spectrum.ebv,
        signal_to_noise: spectrum.median_signal_to_noise(),
        log_luminosities: log_luminosities(spectrum, redshift, (slope.value, power_law_3000.value)),
        decomposition,
        slope,
        power_law_3000,
        lines,
        failed_draws,
    })
}

/// The same spectrum as another night might have seen it: its flux with as much noise again.
fn with_noise(spectrum: &Spectrum, seed: u64, draw: u64) -> Spectrum {
    let mut random = rng_stream(seed, draw);
    let mut drawn = spectrum.clone();
    for (flux, ivar) in drawn.flux_1e17_cgs.iter_mut().zip(&spectrum.ivar) {
        let deviate: f64 = StandardNormal.sample(&mut random);
        if *ivar > 0.0 {
            *flux += deviate / ivar.sqrt();
        }
    }
    drawn
}

/// Half the range of the middle 68.27 per cent; `None` of fewer than five values.
fn half_range(values: &[f64]) -> Option<f64> {
    if values.len() < 5 {
        return None;
    }
    let at = |fraction: f64| quantile(values, fraction).ok();
    Some(0.5 * (at(0.841_345)? - at(0.158_655)?))
}

/// Area of the sphere around the quasar on which we are, cm2.
fn sphere_cm2(redshift: f64) -> f64 {
    let distance_cm = Cosmology::flat_lcdm(OMEGA_M).luminosity_distance_mpc_h(redshift) / HUBBLE * CM_PER_MPC;
    4.0 * std::f64::consts::PI * distance_cm * distance_cm
}

fn log_luminosities(spectrum: &Spectrum, redshift: f64, (slope, at_3000): (f64, f64)) -> [Option<f64>; 3] {
    let ends = (spectrum.wavelength_angstrom.first(), spectrum.wavelength_angstrom.last());
    LUMINOSITIES_ANGSTROM.map(|rest| {
        let (Some(first), Some(last)) = ends else { return None };
        let flux = at_3000 * (rest / 3_000.0).powf(slope);
        let covered = (*first..=*last).contains(&(rest * (1.0 + redshift)));
        (covered && flux > 0.0).then(|| (sphere_cm2(redshift) * rest * flux * FLUX_UNIT).log10())
    })
}

fn lines_of(decomposition: &Decomposition, plan: &FitPlan<'_>, redshift: f64) -> Vec<LineMeasurement> {
    let mut measured = Vec::new();
    for ((name, fit), complex) in decomposition.complexes.iter().zip(&plan.lines.complex) {
        let Some(fit) = fit else { continue };
        for (at, line) in complex.line.iter().enumerate() {
            let gaussians: Vec<GaussianComponent> = fit
                .gaussians
                .iter()
                .filter(|gaussian| gaussian.line == at)
                .map(|gaussian| GaussianComponent {
                    flux: gaussian.flux_1e17_cgs.max(0.0),
                    centre_km_s: gaussian.velocity_km_s,
                    sigma_km_s: gaussian.sigma_km_s,
                })
                .collect();
            let flux: f64 = gaussians.iter().map(|gaussian| gaussian.flux).sum();
            let profile = if flux > 0.0 { profile_of_model(&gaussians).ok() } else { None };
            let plain = |value: f64| Some(Measured { value, error: None });
            let continuum: f64 = decomposition
                .continuum
                .evaluate(&[line.wavelength_angstrom], plan.templates)
                .iter()
                .filter_map(|part| part.first())
                .sum();
            measured.push(LineMeasurement {
                complex: name.clone(),
                line: line.name.clone(),
                group: line.group.clone(),
                wavelength_angstrom: line.wavelength_angstrom,
                gaussians: gaussians.len(),
                flux_1e17_cgs: Measured { value: flux, error: None },
                log_luminosity: (flux > 0.0).then(|| (sphere_cm2(redshift) * flux * FLUX_UNIT).log10()),
                equivalent_width_angstrom: (continuum > 0.0).then(|| flux / continuum),
                v50_km_s: profile.and_then(|profile| plain(profile.v50())),
                fwhm_km_s: profile.and_then(|profile| plain(profile.fwhm_km_s)),
                w80_km_s: profile.and_then(|profile| plain(profile.w80())),
                reduced_chi2: fit.reduced_chi2(),
                at_bound: fit.at_bound,
            });
        }
    }
    measured
}

/// One row a quasar.
///
/// # Errors
/// None in practice: columns have one length.
pub fn quasar_table(fits: &[QuasarFit]) -> Result<RecordBatch, Error> {
    let number = |pick: &dyn Fn(&QuasarFit) -> Option<f64>| fits.iter().map(pick).collect::<Vec<_>>();
    let luminosity = |at: usize| number(&move |fit| fit.log_luminosities[at]);
    let ids: arrow::array::Int64Array = fits.iter().map(|fit| fit.target_id).collect();
    let continuum = |pick: fn(&crate::continuum::ContinuumFit) -> Option<f64>| {
        fits.iter().map(|fit| pick(&fit.decomposition.continuum)).collect::<Vec<_>>()
    };
    Ok(Columns::new()
        .text("NAME", "", "name of the spectrum", fits.iter().map(|fit| fit.name.as_str()))
        .array("TARGETID", "", "unique target identifier", std::sync::Arc::new(ids))
        .optional("RA", "deg", "right ascension, ICRS", number(&|fit| Some(fit.sky_deg?.0)))
        .optional("DEC", "deg", "declination, ICRS", number(&|fit| Some(fit.sky_deg?.1)))
        .float("Z", "", "redshift", fits.iter().map(|fit| fit.redshift))
        .optional("EBV", "mag", "reddening of the Galaxy that was corrected for", number(&|fit| fit.ebv))
        .optional("SNR", "", "median signal to noise of a pixel", number(&|fit| fit.signal_to_noise))
        .float(
            "SLOPE",
            "",
            "slope of the power law, flux density against wavelength",
            fits.iter().map(|f| f.slope.value),
        )
        .optional("SLOPE_ERR", "", "its standard error", number(&|fit| fit.slope.error))
        .float(
            "F3000",
            "1e-17 erg/s/cm2/Angstrom",
            "power law at 3000 Angstrom, rest frame",
            fits.iter().map(|f| f.power_law_3000.value),
        )
        .optional(
            "F3000_ERR",
            "1e-17 erg/s/cm2/Angstrom",
            "its standard error",
            number(&|fit| fit.power_law_3000.error),
        )
        .optional(
            "LOGL1350",
            "log10(erg/s)",
            "log10 of lambda L_lambda of the power law at 1350 Angstrom",
            luminosity(0),
        )
        .optional(
            "LOGL3000",
            "log10(erg/s)",
            "log10 of lambda L_lambda of the power law at 3000 Angstrom",
            luminosity(1),
        )
        .optional(
            "LOGL5100",
            "log10(erg/s)",
            "log10 of lambda L_lambda of the power law at 5100 Angstrom",
            luminosity(2),
        )
        .optional(
            "FEII_UV_FLUX",
            "1e-17 erg/s/cm2",
            "Fe II, 2250-2650 Angstrom; null where not fitted",
            continuum(|c| c.iron_uv_flux()),
        )
        .optional(
            "FEII_OPT_FLUX",
            "1e-17 erg/s/cm2",
            "Fe II, 4434-4684 Angstrom; null where not fitted",
            continuum(|c| c.iron_optical_flux()),
        )
        .optional(
            "BALMER_EDGE",
            "1e-17 erg/s/cm2/Angstrom",
            "Balmer continuum at its edge; null where not fitted",
            continuum(|c| c.balmer_edge()),
        )
        .flag("HOST", "the continuum has a host galaxy", fits.iter().map(|fit| fit.decomposition.continuum.has_host()))
        .float(
            "CONTINUUM_CHI2",
            "",
            "chi2 per degree of freedom of the continuum",
            fits.iter().map(|f| f.decomposition.continuum.reduced_chi2()),
        )
        .integer("FAILED_DRAWS", "", "fits with new noise that failed", fits.iter().map(|fit| fit.failed_draws as i64))
        .table()?)
}

/// One row a quasar and line.
///
/// # Errors
/// None in practice: columns have one length.
pub fn line_table(fits: &[QuasarFit]) -> Result<RecordBatch, Error> {
    let rows: Vec<(&QuasarFit, &LineMeasurement)> =
        fits.iter().flat_map(|fit| fit.lines.iter().map(move |line| (fit, line))).collect();
    let number =
        |pick: &dyn Fn(&LineMeasurement) -> Option<f64>| rows.iter().map(|row| pick(row.1)).collect::<Vec<_>>();
    let value = |pick: fn(&LineMeasurement) -> Option<Measured>| number(&move |line| Some(pick(line)?.value));
    let error = |pick: fn(&LineMeasurement) -> Option<Measured>| number(&move |line| pick(line)?.error);
    let ids: arrow::array::Int64Array = rows.iter().map(|row| row.0.target_id).collect();
    Ok(Columns::new()
        .text("NAME", "", "name of the spectrum", rows.iter().map(|row| row.0.name.as_str()))
        .array("TARGETID", "", "unique target identifier", std::sync::Arc::new(ids))
        .text("COMPLEX", "", "lines that are fitted together", rows.iter().map(|row| row.1.complex.as_str()))
        .text("LINE", "", "the line", rows.iter().map(|row| row.1.line.as_str()))
        .text("GROUP", "", "lines that share velocity and width", rows.iter().map(|row| row.1.group.as_str()))
        .float("WAVELENGTH", "Angstrom", "rest wavelength, vacuum", rows.iter().map(|row| row.1.wavelength_angstrom))
        .integer("GAUSSIANS", "", "Gaussians of the line", rows.iter().map(|row| row.1.gaussians as i64))
        .float("FLUX", "1e-17 erg/s/cm2", "flux, rest frame", rows.iter().map(|row| row.1.flux_1e17_cgs.value))
        .optional("FLUX_ERR", "1e-17 erg/s/cm2", "its standard error", number(&|line| line.flux_1e17_cgs.error))
        .optional("LOGL", "log10(erg/s)", "log10 of the luminosity", number(&|line| line.log_luminosity))
        .optional("EW", "Angstrom", "equivalent width, rest frame", number(&|line| line.equivalent_width_angstrom))
        .optional("V50", "km/s", "velocity that halves the flux, positive redward", value(|line| line.v50_km_s))
        .optional("V50_ERR", "km/s", "its standard error", error(|line| line.v50_km_s))
        .optional("FWHM", "km/s", "full width at half maximum, instrument removed", value(|line| line.fwhm_km_s))
        .optional("FWHM_ERR", "km/s", "its standard error", error(|line| line.fwhm_km_s))
        .optional("W80", "km/s", "width of the middle 80 per cent of the flux", value(|line| line.w80_km_s))
        .optional("W80_ERR", "km/s", "its standard error", error(|line| line.w80_km_s))
        .float("CHI2", "", "chi2 per degree of freedom of the complex", rows.iter().map(|row| row.1.reduced_chi2))
        .flag("AT_BOUND", "a velocity or width of the complex ended at a bound", rows.iter().map(|row| row.1.at_bound))
        .table()?)
}
