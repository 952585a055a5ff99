//! Dust of our own Galaxy: the mean law of Fitzpatrick (1999PASP..111...63F) for R_V = 3.1.
//!
//! Below 2700 Angstrom the parametric curve of Fitzpatrick & Massa, above it a natural cubic spline through the paper's
//! anchor points. E(B-V) is taken as it comes with the spectrum (DESI: Schlegel, Finkbeiner & Davis 1998), not rescaled.

use super::spectrum::Spectrum;

const R_V: f64 = 3.1;
/// Where the parametric curve ends, Angstrom.
const ULTRAVIOLET_ANGSTROM: f64 = 2_700.0;
/// Wavelengths of the spline's anchors, inverse micrometres; the last two lie on the ultraviolet curve.
const ANCHORS: [f64; 9] =
    [0.0, 1.0 / 2.65, 1.0 / 1.22, 1.0 / 0.6, 1.0 / 0.547, 1.0 / 0.467, 1.0 / 0.411, 1.0 / 0.27, 1.0 / 0.26];

/// A(lambda) / E(B-V) at wavelengths in vacuum, Angstrom; valid from 1,150 Angstrom to the infrared.
#[must_use]
pub fn fitzpatrick99(wavelength_angstrom: &[f64]) -> Vec<f64> {
    let heights = anchor_heights();
    let bends = second_derivatives(&ANCHORS, &heights);
    wavelength_angstrom
        .iter()
        .map(|&wavelength| {
            let x = 1e4 / wavelength;
            if wavelength < ULTRAVIOLET_ANGSTROM { ultraviolet(x) } else { spline(x, &ANCHORS, &heights, &bends) }
        })
        .collect()
}

/// Takes the Galaxy's dust off a spectrum; its signal to noise stays. Nothing happens where E(B-V) is not known.
pub fn correct_for_dust(spectrum: &mut Spectrum) {
    let Some(ebv) = spectrum.ebv.filter(|ebv| ebv.is_finite() && *ebv != 0.0) else { return };
    let law = fitzpatrick99(&spectrum.wavelength_angstrom);
    for ((flux, ivar), ratio) in spectrum.flux_1e17_cgs.iter_mut().zip(&mut spectrum.ivar).zip(law) {
        let gain = (0.4 * std::f64::consts::LN_10 * ratio * ebv).exp();
        *flux *= gain;
        *ivar /= gain * gain;
    }
}

/// A/E(B-V) in the ultraviolet; `x` in inverse micrometres.
fn ultraviolet(x: f64) -> f64 {
    let (x0, gamma, c3, c4) = (4.596, 0.99, 3.23, 0.41);
    let c2 = -0.824 + 4.717 / R_V;
    let c1 = 2.030 - 3.007 * c2;
    let bump = x * x / ((x * x - x0 * x0).powi(2) + (x * gamma).powi(2));
    let far = (x - 5.9).max(0.0);
    c1 + c2 * x + c3 * bump + c4 * (0.5392 * far.powi(2) + 0.05644 * far.powi(3)) + R_V
}

fn anchor_heights() -> [f64; 9] {
    let r = R_V;
    [
        0.0,
        0.26469 * r / 3.1,
        0.82925 * r / 3.1,
        -0.422_809 + 1.002_70 * r + 2.135_72e-4 * r * r,
        -5.135_40e-2 + 1.002_16 * r - 7.357_78e-5 * r * r,
        0.700_127 + 1.001_84 * r - 3.325_98e-5 * r * r,
        1.194_56 + 1.017_07 * r - 5.469_59e-3 * r * r + 7.978_09e-4 * r.powi(3) - 4.456_36e-5 * r.powi(4),
        ultraviolet(ANCHORS[7]),
        ultraviolet(ANCHORS[8]),
    ]
}

/// Second derivatives of the natural cubic spline through some points.
fn second_derivatives(x: &[f64; 9], y: &[f64; 9]) -> [f64; 9] {
    let (mut bends, mut carried) = ([0.0; 9], [0.0; 9]);
    for i in 1..8 {
        let share = (x[i] - x[i - 1]) / (x[i + 1] - x[i - 1]);
        let pivot = share * bends[i - 1] + 2.0;
        bends[i] = (share - 1.0) / pivot;
        let slopes = (y[i + 1] - y[i]) / (x[i + 1] - x[i]) - (y[i] - y[i - 1]) / (x[i] - x[i - 1]);
        carried[i] = (6.0 * slopes / (x[i + 1] - x[i - 1]) - share * carried[i - 1]) / pivot;
    }
    for i in (0..8).rev() {
        bends[i] = bends[i] * bends[i + 1] + carried[i];
    }
    bends
}

fn spline(at: f64, x: &[f64; 9], y: &[f64; 9], bends: &[f64; 9]) -> f64 {
    let above = x.partition_point(|anchor| *anchor <= at).clamp(1, 8);
    let (low, high) = (above - 1, above);
    let width = x[high] - x[low];
    let (a, b) = ((x[high] - at) / width, (at - x[low]) / width);
    a * y[low] + b * y[high] + ((a.powi(3) - a) * bends[low] + (b.powi(3) - b) * bends[high]) * width * width / 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The package `dust_extinction` 1.7 (PyPI), `F99(Rv=3.1)` times 3.1, at these wavelengths.
    const PEER: [(f64, f64); 11] = [
        (1_200.0, 10.5815),
        (1_500.0, 8.0678),
        (2_175.0, 9.5352),
        (2_500.0, 7.0553),
        (2_700.0, 6.2648),
        (3_000.0, 5.5699),
        (4_000.0, 4.4122),
        (5_500.0, 3.0315),
        (7_000.0, 2.1331),
        (9_800.0, 1.2097),
        (12_000.0, 0.8525),
    ];

    #[test]
    fn the_law_is_that_of_the_peer() {
        for (wavelength, expected) in PEER {
            let found = fitzpatrick99(&[wavelength])[0];
            assert!((found - expected).abs() < 2e-3, "{wavelength}: {found} against {expected}");
        }
    }

    #[test]
    fn dust_changes_flux_and_not_signal_to_noise() {
        let mut spectrum = Spectrum::from_arrays(vec![4_000.0, 8_000.0], vec![1.0, 1.0], vec![4.0, 4.0]);
        spectrum.ebv = Some(0.1);
        correct_for_dust(&mut spectrum);
        let [blue, red] = [spectrum.flux_1e17_cgs[0], spectrum.flux_1e17_cgs[1]];
        assert!(blue > red && red > 1.0);
        assert!((blue * spectrum.ivar[0].sqrt() - 2.0).abs() < 1e-12);
    }
}
