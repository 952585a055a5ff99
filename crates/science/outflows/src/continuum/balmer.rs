//! The Balmer continuum of partly optically thick clouds, and the lines that pile up at its edge.

use std::sync::OnceLock;

/// Wavelength of the edge, Angstrom.
pub(crate) const EDGE_ANGSTROM: f64 = 3646.0;
/// hc/k, Angstrom Kelvin.
const HC_OVER_K: f64 = 1.438_776_877e8;
/// Lines of the series that are summed: lower ones are fitted as lines.
const SERIES: std::ops::RangeInclusive<u32> = 8..=60;
/// Where they are summed, Angstrom.
const SERIES_ANGSTROM: (f64, f64) = (3_400.0, 4_200.0);
/// Width of the summed lines, km/s.
const SERIES_SIGMA_KM_S: f64 = 1_800.0;

/// The continuum's flux density at rest wavelengths, in units of that at the edge: Planck function at 15,000 K, optical
/// depth 1 at the edge falling as wavelength cubed (Dietrich et al. 2002, 2002ApJ...564..581D).
pub(crate) fn continuum(wavelengths_angstrom: &[f64]) -> impl Iterator<Item = f64> {
    static CONTINUUM: OnceLock<Vec<f64>> = OnceLock::new();
    tabulated(
        &CONTINUUM,
        |wavelength| thick(wavelength) / thick(EDGE_ANGSTROM),
        (0.0, EDGE_ANGSTROM),
        wavelengths_angstrom,
    )
}

/// Flux density of the lines beyond the edge, which goes as n^-3 (case B at high n), in units of its limit at the edge.
/// How high that is against the continuum is not known: clouds are not thin (Calderone et al. 2017, 2017MNRAS.472.4051C,
/// take a half), so that it has an amplitude of its own.
pub(crate) fn series(wavelengths_angstrom: &[f64]) -> impl Iterator<Item = f64> {
    static LINES: OnceLock<Vec<f64>> = OnceLock::new();
    tabulated(&LINES, summed, SERIES_ANGSTROM, wavelengths_angstrom)
}

/// A function between points an Angstrom apart, which is little against the width of anything here; zero out of its range.
fn tabulated(
    table: &'static OnceLock<Vec<f64>>,
    function: fn(f64) -> f64,
    (from, to): (f64, f64),
    wavelengths: &[f64],
) -> impl Iterator<Item = f64> {
    // Never at zero itself, where the Planck function is none.
    let points = || (0..=(to - from) as usize + 1).map(|step| function((from + step as f64).max(1.0))).collect();
    let table = table.get_or_init(points);
    wavelengths.iter().map(move |wavelength| {
        if *wavelength < from || *wavelength > to {
            return 0.0;
        }
        let at = (wavelength - from) as usize;
        table[at] + (wavelength - from - at as f64) * (table[at + 1] - table[at])
    })
}

fn thick(wavelength: f64) -> f64 {
    let planck = wavelength.powi(-5) / ((HC_OVER_K / wavelength / 15_000.0).exp() - 1.0);
    planck * (1.0 - (-(wavelength / EDGE_ANGSTROM).powi(3)).exp())
}

fn summed(wavelength: f64) -> f64 {
    SERIES
        .map(|n| {
            let square = f64::from(n * n);
            let centre = EDGE_ANGSTROM * square / (square - 4.0);
            let sigma = centre * SERIES_SIGMA_KM_S / astro::cosmology::SPEED_OF_LIGHT_KM_S;
            // The spacing of the lines is 8 edge / n^3: that flux in each makes a continuum of height 1.
            let area = 8.0 * EDGE_ANGSTROM / f64::from(n).powi(3);
            let u = (wavelength - centre) / sigma;
            area * (-0.5 * u * u).exp() / (sigma * std::f64::consts::TAU.sqrt())
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_is_one_and_the_series_meets_it() {
        assert!((thick(3646.0) / thick(EDGE_ANGSTROM) - 1.0).abs() < 1e-12);
        // Half the series' light at its limit: Gaussians spill over the edge.
        let all = [3_660.0, 4_190.0, 2_500.0, 3_700.0, 3_000.0];
        let (continuum, series): (Vec<f64>, Vec<f64>) = (continuum(&all).collect(), series(&all).collect());
        let flux = |at: usize| continuum[at] + series[at];
        assert!((0.3..1.1).contains(&flux(0)), "{}", flux(0));
        assert!(flux(1) < 0.05 && flux(2) > 0.3);
        assert!(continuum[3] == 0.0 && series[4] == 0.0);
    }
}
