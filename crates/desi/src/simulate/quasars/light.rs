//! Fe II and the host galaxy of a simulated quasar, from templates.

use astro::statistics::rng_stream;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::parameters::QuasarParameters;
use super::truth::{QuasarTruth, TrueLight};
use crate::simulate::streams;
use crate::templates::{HostTemplates, IRON_OPTICAL_RANGE, IRON_UV_RANGE, IronTemplate, Templates};

/// Scatter of the equivalent widths, dex.
const IRON_SCATTER_DEX: f64 = 0.2;
/// Median width of Fe II, km/s FWHM, its scatter in dex and its limits.
const IRON_FWHM: (f64, f64, [f64; 2]) = (3_000.0, 0.15, [1_500.0, 10_000.0]);
/// Scatter of the host about the relation, dex.
const HOST_SCATTER_DEX: f64 = 0.15;
/// Rest wavelength at which the host is given, Angstrom.
const HOST_ANGSTROM: f64 = 5_100.0;

/// Draws Fe II and host of the quasar of a number; from numbers of its own, so that nothing else changes with them.
pub(super) fn draw(
    parameters: &QuasarParameters,
    index: usize,
    log_l5100: f64,
    power_law: impl Fn(f64) -> f64,
) -> TrueLight {
    let mut rng = rng_stream(parameters.seed, streams::QUASAR_LIGHT + index as u64);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let mut iron = |at: f64| {
        let width = parameters.iron_equivalent_width_angstrom * 10_f64.powf(IRON_SCATTER_DEX * normal());
        width * power_law(at)
    };
    let (iron_uv_flux_1e17_cgs, iron_optical_flux_1e17_cgs) = (iron(2_450.0), iron(4_560.0));
    let (median, scatter, [least, most]) = IRON_FWHM;
    let iron_fwhm_km_s = (median * 10_f64.powf(scatter * normal())).clamp(least, most);
    let host = if parameters.host { host_share(log_l5100) * 10_f64.powf(HOST_SCATTER_DEX * normal()) } else { 0.0 };
    let host_mix = (rng.random_range(0.3..1.0), rng.random_range(1..5));
    TrueLight {
        iron_uv_flux_1e17_cgs,
        iron_optical_flux_1e17_cgs,
        iron_fwhm_km_s,
        host_5100_rest_1e17_cgs: host * power_law(HOST_ANGSTROM),
        host_mix,
    }
}

/// Light of the host over that of the quasar at 5100 Angstrom against the luminosity there (Shen et al. 2011, equation 1,
/// 2011ApJS..194...45S); fainter quasars than it holds for have the share of the faintest.
fn host_share(log_l5100: f64) -> f64 {
    let x = (log_l5100 - 44.0).max(0.0);
    if x < 1.053 { (0.8052 - 1.5502 * x + 0.9121 * x * x - 0.1577 * x * x * x).max(0.0) } else { 0.0 }
}

/// Adds both to fluxes of the observed frame at rising wavelengths (and their logarithms).
pub(super) fn add(
    flux: &mut [f32],
    (wavelength, ln_wavelength): (&[f64], &[f64]),
    truth: &QuasarTruth,
    templates: &Templates,
) {
    let light = &truth.light;
    let stretch = 1.0 + truth.redshift;
    let irons = [
        (&templates.iron_uv, light.iron_uv_flux_1e17_cgs, IRON_UV_RANGE),
        (&templates.iron_optical, light.iron_optical_flux_1e17_cgs, IRON_OPTICAL_RANGE),
    ];
    for (template, amplitude, (from, to)) in irons {
        if let (Some(template), true) = (template, amplitude > 0.0) {
            let start = wavelength.partition_point(|x| *x < from * stretch);
            let end = wavelength.partition_point(|x| *x < to * stretch).max(start);
            let (flux, ln_wavelength) = (&mut flux[start..end], &ln_wavelength[start..end]);
            add_iron(flux, ln_wavelength, (template, amplitude / stretch), (light.iron_fwhm_km_s, stretch.ln()));
        }
    }
    if let (Some(host), true) = (&templates.host, light.host_5100_rest_1e17_cgs > 0.0) {
        add_host(flux, wavelength, host, truth);
    }
}

fn add_iron(
    flux: &mut [f32],
    ln_wavelength: &[f64],
    (template, amplitude): (&IronTemplate, f64),
    (fwhm_km_s, shift): (f64, f64),
) {
    let (weight, mut column) = (vec![amplitude; flux.len()], vec![0.0; flux.len()]);
    template.column((ln_wavelength, &weight), fwhm_km_s.ln(), shift, &mut column);
    flux.iter_mut().zip(&column).for_each(|(flux, iron)| *flux += *iron as f32);
}

fn add_host(flux: &mut [f32], wavelength: &[f64], host: &HostTemplates, truth: &QuasarTruth) {
    let light = &truth.light;
    let (mean_share, other) = light.host_mix;
    let other = other.min(host.len() - 1);
    let mixed = |rest: &[f64]| -> Vec<f64> {
        let n = rest.len();
        let columns = host.columns(rest);
        let (mean, other) = (&columns[..n], &columns[other * n..(other + 1) * n]);
        mean.iter().zip(other).map(|(mean, other)| mean_share * mean + (1.0 - mean_share) * other).collect()
    };
    let level = mixed(&[HOST_ANGSTROM]).first().copied().unwrap_or(0.0);
    if level <= 0.0 {
        return;
    }
    let stretch = 1.0 + truth.redshift;
    let rest: Vec<f64> = wavelength.iter().map(|x| x / stretch).collect();
    let scale = light.host_5100_rest_1e17_cgs / stretch / level;
    flux.iter_mut().zip(mixed(&rest)).for_each(|(flux, galaxy)| *flux += (scale * galaxy) as f32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_fades_with_luminosity() {
        assert!((host_share(43.0) - 0.8052).abs() < 1e-12 && (host_share(44.0) - 0.8052).abs() < 1e-12);
        assert!(host_share(44.5) < 0.3 && host_share(45.1) == 0.0);
    }
}
