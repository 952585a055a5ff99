//! Do Fe II, the Balmer continuum and host galaxies come back? The same spectra with all of them added, fitted with the default
//! settings (a bend of the power law is allowed too), so that what the parts take from each other shows.

use arrow::array::RecordBatch;
use astro::statistics::{median, rng_stream};
use desi::templates::{IRON_OPTICAL_RANGE, IRON_UV_RANGE};
use rand::RngExt as _;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use study::tables::Columns;

use super::{AT_3000, Calibration, SIGNAL_TO_NOISE, Truth, mean_deviation_beyond, spectrum, truth, wavelengths};
use crate::Error;
use crate::continuum::{ContinuumFit, ContinuumSettings, Templates, balmer};
use crate::lines::LineList;
use crate::measure::{FitPlan, fit_quasar};
use rand_chacha::ChaCha8Rng;

/// Where the host's share is given, rest Angstrom.
const HOST_ANGSTROM: f64 = 5_100.0;
/// Greatest height of the Balmer continuum at its edge over that of the power law, least height of its lines over that.
const MOST_BALMER: f64 = 0.3;
const LEAST_SERIES: f64 = 0.3;
/// Least host share of a spectrum whose host should be found.
const CLEAR_HOST: f64 = 0.2;

/// One part of one spectrum: its truth, and the fit with its error where the part is fitted.
struct Light {
    snr: usize,
    name: &'static str,
    truth: f64,
    fit: Option<(f64, f64)>,
}

/// Fits spectra with Fe II (40 Angstrom of equivalent width, 0.2 dex, 3,000 km/s wide), at redshift 0.5 a Balmer continuum of up
/// to 0.3 of the power law with its lines 0.3 to 1 as high, and, in half of those at redshift 0.5, a
/// host galaxy with up to 0.6 of the light at 5100 Angstrom. One row a part and signal to noise.
///
/// # Errors
/// None in practice: columns have one length.
pub fn calibrate_light(
    calibration: Calibration,
    templates: &Templates,
    advance: &(dyn Fn() + Sync),
) -> Result<RecordBatch, Error> {
    let lines = LineList::default_list()?;
    let plan = FitPlan {
        templates,
        lines: &lines,
        continuum: ContinuumSettings::default(),
        thorough: false,
        draws: 0,
        seed: calibration.seed,
    };
    let found: Vec<Vec<Light>> = (0..calibration.spectra)
        .into_par_iter()
        .map(|index| {
            let found = one(index, &plan).unwrap_or_default();
            advance();
            found
        })
        .collect();
    table(&found.into_iter().flatten().collect::<Vec<_>>())
}

fn one(index: usize, plan: &FitPlan<'_>) -> Option<Vec<Light>> {
    let mut random = rng_stream(plan.seed, index as u64);
    let truth = truth(index, &mut random);
    // Spectra without a host count the false ones.
    let with_host = truth.redshift < 0.9 && (index / 16).is_multiple_of(2);
    let (parts, light) = added(&truth, with_host, plan.templates, &mut random)?;
    let fit = fit_quasar(&spectrum(&truth, &light, &mut random), truth.redshift, plan).ok()?;
    let light = |(name, of): (&'static str, f64)| {
        let fit = measured(name, &fit.decomposition.continuum, plan.templates);
        Light { snr: truth.snr, name, truth: of, fit }
    };
    Some(parts.into_iter().map(light).collect())
}

/// Fe II, Balmer continuum and host: name and truth of each part that the spectrum covers, and their rest-frame flux density.
fn added(
    truth: &Truth,
    with_host: bool,
    templates: &Templates,
    random: &mut ChaCha8Rng,
) -> Option<(Vec<(&'static str, f64)>, Vec<f64>)> {
    let rest: Vec<f64> = wavelengths().iter().map(|observed| observed / (1.0 + truth.redshift)).collect();
    let ln: Vec<f64> = rest.iter().map(|rest| rest.ln()).collect();
    let power_law = |rest: f64| AT_3000 * (rest / 3_000.0).powf(truth.slope);
    let mut normal = || -> f64 { StandardNormal.sample(random) };
    let mut width = || 40.0 * 10_f64.powf(0.2 * normal());
    let irons = [width() * power_law(2_450.0), width() * power_law(4_560.0)];
    let fwhm_km_s = (3_000.0 * 10_f64.powf(0.15 * normal())).clamp(1_500.0, 10_000.0);
    let (share, mean_share, other) =
        (0.6 * random.random::<f64>(), random.random_range(0.3..1.0), random.random_range(1..7));
    let (mut parts, mut light): (Vec<(&'static str, f64)>, _) = (Vec::new(), vec![0.0; rest.len()]);
    let kinds = [
        (&templates.iron_uv, "Fe II UV FLUX", IRON_UV_RANGE),
        (&templates.iron_optical, "Fe II optical FLUX", IRON_OPTICAL_RANGE),
    ];
    for ((template, name, (from, to)), flux) in kinds.into_iter().zip(irons) {
        let start = rest.partition_point(|at| *at < from);
        let end = rest.partition_point(|at| *at < to).max(start);
        let Some(template) = template.as_ref().filter(|_| end > start) else { continue };
        let mut column = vec![0.0; end - start];
        template.column((&ln[start..end], &vec![flux; end - start]), fwhm_km_s.ln(), 0.0, &mut column);
        light[start..end].iter_mut().zip(&column).for_each(|(light, iron)| *light += iron);
        parts.push((name, flux));
    }
    let edge = MOST_BALMER * random.random::<f64>() * power_law(balmer::EDGE_ANGSTROM);
    let series = edge * random.random_range(LEAST_SERIES..1.0);
    let balmer = balmer::continuum(&rest).zip(balmer::series(&rest));
    (light.iter_mut().zip(balmer)).for_each(|(light, (below, lines))| *light += edge * below + series * lines);
    // At the other redshift its edge is out of view.
    if truth.redshift < 0.9 {
        parts.push(("Balmer continuum", edge));
    }
    let Some(host) = templates.host.as_ref().filter(|_| truth.redshift < 0.9) else { return Some((parts, light)) };
    if !with_host {
        parts.push(("host share, none", 0.0));
        return Some((parts, light));
    }
    let other = other.min(host.len() - 1);
    let mixed = |rest: &[f64]| -> Vec<f64> {
        let (n, columns) = (rest.len(), host.columns(rest));
        let (mean, other) = (&columns[..n], &columns[other * n..(other + 1) * n]);
        mean.iter().zip(other).map(|(mean, other)| mean_share * mean + (1.0 - mean_share) * other).collect()
    };
    let level = mixed(&[HOST_ANGSTROM]).first().copied().filter(|level| *level > 0.0)?;
    let scale = share / (1.0 - share) * power_law(HOST_ANGSTROM) / level;
    light.iter_mut().zip(mixed(&rest)).for_each(|(light, galaxy)| *light += scale * galaxy);
    parts.push((if share > CLEAR_HOST { "host share, above 0.2" } else { "host share, below 0.2" }, share));
    Some((parts, light))
}

fn measured(name: &str, continuum: &ContinuumFit, templates: &Templates) -> Option<(f64, f64)> {
    let [uv, optical, balmer] = continuum.part_errors();
    match name {
        "Fe II UV FLUX" => continuum.iron_uv_flux().zip(uv),
        "Balmer continuum" => continuum.balmer_edge().zip(balmer),
        "Fe II optical FLUX" => continuum.iron_optical_flux().zip(optical),
        _ => {
            let (host, error) = continuum.host_at(HOST_ANGSTROM, templates)?;
            // Of host and power law, as the truth is.
            let whole = host + continuum.power_law_at(HOST_ANGSTROM).0;
            Some((host / whole, error / whole)).filter(|_| whole > 0.0)
        }
    }
}

fn table(found: &[Light]) -> Result<RecordBatch, Error> {
    let mut names: Vec<&'static str> = found.iter().map(|one| one.name).collect();
    names.sort_unstable();
    names.dedup();
    let mut rows = Vec::new();
    for name in names {
        for (class, snr) in SIGNAL_TO_NOISE.iter().enumerate() {
            let of: Vec<&Light> = found.iter().filter(|one| one.name == name && one.snr == class).collect();
            let fitted: Vec<(f64, f64, f64)> =
                of.iter().filter_map(|one| one.fit.map(|(value, error)| (value, error, one.truth))).collect();
            // A part at zero has no error.
            let pulls: Vec<f64> =
                fitted.iter().filter(|fit| fit.1 > 0.0).map(|(value, error, truth)| (value - truth) / error).collect();
            let summary = mean_deviation_beyond(pulls.iter().copied());
            let share = name.starts_with("host");
            let differences: Vec<f64> = of
                .iter()
                .map(|one| {
                    let value = one.fit.map_or(0.0, |fit| fit.0);
                    if share { value - one.truth } else { value / one.truth - 1.0 }
                })
                .collect();
            let scatter: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
            rows.push((
                (name, *snr, of.len() as i64, fitted.len() as f64 / of.len().max(1) as f64),
                // Where nothing has an error there is nothing to tell.
                summary.map(|value| Some(value).filter(|value| value.is_finite() && !pulls.is_empty())),
                [median(&differences).unwrap_or(f64::NAN), median(&scatter).unwrap_or(f64::NAN)],
            ));
        }
    }
    Ok(Columns::new()
        .text("quantity", "", "part of the continuum", rows.iter().map(|row| row.0.0))
        .float("snr", "", "signal to noise a pixel of the power law at 3000 Angstrom", rows.iter().map(|row| row.0.1))
        .integer("n", "", "spectra", rows.iter().map(|row| row.0.2))
        .float("fitted", "", "share of the spectra in whose fit the part is", rows.iter().map(|row| row.0.3))
        .optional("mean", "", "mean pull, those beyond 5 left out", rows.iter().map(|row| row.1[0]))
        .optional("deviation", "", "standard deviation of the pulls", rows.iter().map(|row| row.1[1]))
        .optional("beyond_5", "", "share of pulls beyond 5", rows.iter().map(|row| row.1[2]))
        .float(
            "bias",
            "",
            "median difference, parts that are not fitted as zero: a share of fluxes, absolute for the host's share",
            rows.iter().map(|row| row.2[0]),
        )
        .float("scatter", "", "median absolute difference, the same", rows.iter().map(|row| row.2[1]))
        .table()?)
}
