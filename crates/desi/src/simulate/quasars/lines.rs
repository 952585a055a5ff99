//! Emission lines of simulated quasars: which, how strong, how wide.
//!
//! Mean equivalent widths are those of the composite of Vanden Berk et al. (2001AJ....122..549V, table 2), widths and shifts are
//! typical of SDSS quasars (Shen et al. 2011, 2011ApJS..194...45S); both scatter from quasar to quasar.

use astro::cosmology::SPEED_OF_LIGHT_KM_S;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::parameters::QuasarParameters;
use super::truth::{TrueGaussian, TrueLine};

/// FWHM of a Gaussian over its sigma.
const FWHM: f64 = 2.354_820_045_030_949;

/// Whose velocity and width a line has.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kinematics {
    /// Balmer-like lines: this times the width of H beta.
    Low(f64),
    /// C IV-like lines: this times the width of C IV, this times its blueshift.
    High(f64, f64),
    Narrow,
    Wing,
}
use Kinematics::{High, Low, Narrow, Wing};

/// Name, group, vacuum wavelength (Angstrom), mean equivalent width (Angstrom), kinematics.
type Declared = (&'static str, &'static str, f64, f64, Kinematics);

const LINES: [Declared; 35] = [
    ("Lya", "broad", 1215.67, 80.0, High(0.9, 0.4)),
    ("NV1240", "nv", 1240.14, 14.0, High(0.9, 0.4)),
    ("SiIV1397", "broad", 1396.76, 8.0, High(1.0, 0.5)),
    ("CIV1549", "broad", 1549.06, 24.0, High(1.0, 1.0)),
    ("HeII1640", "heii", 1640.42, 5.0, High(1.6, 1.0)),
    ("OIII1663", "heii", 1663.48, 2.0, High(1.6, 1.0)),
    ("NIII1750", "niii", 1750.26, 1.0, Low(0.9)),
    ("AlIII1857", "blend", 1857.40, 2.5, Low(0.9)),
    ("SiIII1892", "blend", 1892.03, 4.0, Low(0.9)),
    ("CIII1909", "broad", 1908.73, 17.0, High(1.1, 0.3)),
    ("MgII2799", "broad", 2799.12, 32.0, Low(0.8)),
    ("NeV3347", "narrow", 3346.79, 0.4, Narrow),
    ("NeV3427", "narrow", 3426.85, 1.1, Narrow),
    ("OII3727", "narrow", 3727.09, 0.8, Narrow),
    ("OII3730", "narrow", 3729.88, 0.8, Narrow),
    ("NeIII3870", "narrow", 3869.85, 1.4, Narrow),
    ("Hd_broad", "broad", 4102.89, 5.0, Low(1.0)),
    ("Hg_broad", "broad", 4341.68, 12.0, Low(1.0)),
    ("Hg", "narrow", 4341.68, 0.6, Narrow),
    ("OIII4364", "narrow", 4364.44, 0.4, Narrow),
    ("Hb_broad", "broad", 4862.68, 42.0, Low(1.0)),
    ("Hb", "narrow", 4862.68, 1.5, Narrow),
    ("OIII4960", "narrow", 4960.30, 4.4, Narrow),
    ("OIII5008", "narrow", 5008.24, 13.0, Narrow),
    ("OIII4960_wing", "wing", 4960.30, 2.0, Wing),
    ("OIII5008_wing", "wing", 5008.24, 6.0, Wing),
    ("HeI5877_broad", "broad", 5877.25, 4.9, Low(1.0)),
    ("OI6302", "narrow", 6302.05, 0.7, Narrow),
    ("NII6549", "narrow", 6549.86, 1.5, Narrow),
    ("Ha_broad", "broad", 6564.61, 180.0, Low(0.9)),
    ("Ha", "narrow", 6564.61, 6.0, Narrow),
    ("NII6585", "narrow", 6585.27, 4.6, Narrow),
    ("SII6718", "narrow", 6718.29, 1.8, Narrow),
    ("SII6732", "narrow", 6732.67, 1.5, Narrow),
    ("HeII4687", "narrow", 4687.02, 0.4, Narrow),
];

/// Fixed flux ratios: line, of which, ratio ([O III]: 2000MNRAS.312..813S; the others as in the line list of the fits).
const TIED: [(&str, &str, f64); 4] = [
    ("OIII4960", "OIII5008", 0.335_57),
    ("OIII4960_wing", "OIII5008_wing", 0.335_57),
    ("NII6549", "NII6585", 0.327_87),
    ("NeV3347", "NeV3427", 0.366),
];

/// A broad profile of one or two Gaussians, in units of the core's sigma.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Share of the flux, sigma and shift of the base.
    base: Option<[f64; 3]>,
    /// Full width at half maximum.
    fwhm: f64,
}

/// Median blueshift of C IV, km/s.
const CIV_BLUESHIFT_KM_S: f64 = 650.0;

/// Widths and shifts that the lines of one quasar share.
#[derive(Debug, Clone, Copy)]
struct Shared {
    shape: Shape,
    balmer_fwhm_km_s: f64,
    civ_fwhm_km_s: f64,
    civ_blueshift_km_s: f64,
    narrow: (f64, f64),
    wing: Option<(f64, f64)>,
}

/// Draws the lines of one quasar; `power_law(rest wavelength)` is the flux density of the rest frame under them, and
/// `log_l1450` its luminosity there.
pub(super) fn draw_lines(
    rng: &mut ChaCha8Rng,
    parameters: &QuasarParameters,
    redshift: f64,
    log_l1450: f64,
    power_law: impl Fn(f64) -> f64,
) -> Vec<TrueLine> {
    let shared = Shared::draw(rng, parameters);
    // Baldwin effect: brighter quasars have weaker high-ionisation lines (1977ApJ...214..679B); slope of Kovacevic et al.
    let baldwin = 10_f64.powf(-0.17 * (log_l1450 - 45.5).clamp(-2.0, 2.0));
    // The faster the wind, the weaker they are (Richards et al. 2011, 2011AJ....141..167R); a slope about as real quasars of
    // SDSS and DESI have it (docs/reference/outflows-study.md).
    let windy = 10_f64.powf(-0.2 * (shared.civ_blueshift_km_s - CIV_BLUESHIFT_KM_S) / 1_000.0);
    let overall: f64 = StandardNormal.sample(rng);
    let narrow_overall: f64 = StandardNormal.sample(rng);
    let mut lines: Vec<TrueLine> = Vec::new();
    for (name, group, wavelength, mean, kinematics) in LINES {
        // Every number is drawn for every line, so that the others do not change with the redshift.
        let own: f64 = StandardNormal.sample(rng);
        let shift: f64 = StandardNormal.sample(rng);
        let width: f64 = StandardNormal.sample(rng);
        let scatter = match kinematics {
            Low(_) => 0.12 * overall + 0.1 * own,
            High(..) => 0.15 * overall + 0.1 * own,
            Narrow | Wing => 0.3 * narrow_overall + 0.15 * own,
        };
        let strength = if matches!(kinematics, High(..)) { baldwin * windy } else { 1.0 };
        let equivalent_width = mean * strength * 10_f64.powf(scatter);
        let observed = wavelength * (1.0 + redshift);
        let Some((velocity, sigma)) = shared.kinematics(kinematics, shift, width) else { continue };
        if !(3_560.0..9_864.0).contains(&observed) {
            continue;
        }
        let flux = equivalent_width * power_law(wavelength);
        lines.push(shared.line((name, group, wavelength), kinematics, flux, (velocity, sigma), equivalent_width));
    }
    tie(&mut lines, power_law);
    lines
}

impl Shared {
    fn draw(rng: &mut ChaCha8Rng, parameters: &QuasarParameters) -> Self {
        let shape = Shape::draw(rng, parameters.broad_components);
        let mut normal = || -> f64 { StandardNormal.sample(rng) };
        let balmer_fwhm_km_s = (4_300.0 * 10_f64.powf(0.17 * normal())).clamp(1_500.0, 12_000.0);
        let civ_fwhm_km_s = (4_800.0 * 10_f64.powf(0.12 * normal())).clamp(2_000.0, 12_000.0);
        let civ_blueshift_km_s = (CIV_BLUESHIFT_KM_S * 10_f64.powf(0.3 * normal())).min(4_000.0);
        let narrow = (40.0 * normal(), (170.0 * 10_f64.powf(0.12 * normal())).clamp(80.0, 400.0));
        let wing_velocity = -(280.0 * 10_f64.powf(0.25 * normal())).min(1_500.0);
        let wing_sigma = (520.0 * 10_f64.powf(0.15 * normal())).clamp(250.0, 1_100.0);
        let has_wing = rng.random::<f64>() < parameters.wing_fraction;
        let wing = has_wing.then_some((narrow.0 + wing_velocity, wing_sigma.max(1.5 * narrow.1)));
        Self { shape, balmer_fwhm_km_s, civ_fwhm_km_s, civ_blueshift_km_s, narrow, wing }
    }

    /// Velocity and core sigma of a line; `None` for a wing that is not there.
    fn kinematics(&self, kinematics: Kinematics, shift: f64, width: f64) -> Option<(f64, f64)> {
        let sigma = |fwhm: f64| fwhm * 10_f64.powf(0.03 * width) / self.shape.fwhm;
        match kinematics {
            Low(scale) => Some((120.0 * shift, sigma(scale * self.balmer_fwhm_km_s))),
            High(scale, blue) => {
                Some((-blue * self.civ_blueshift_km_s + 80.0 * shift, sigma(scale * self.civ_fwhm_km_s)))
            }
            Narrow => Some(self.narrow),
            Wing => self.wing,
        }
    }

    fn line(
        &self,
        (name, group, wavelength_angstrom): (&'static str, &'static str, f64),
        kinematics: Kinematics,
        flux: f64,
        (velocity, sigma): (f64, f64),
        equivalent_width_angstrom: f64,
    ) -> TrueLine {
        let one = |share: f64, velocity_km_s: f64, sigma_km_s: f64| TrueGaussian {
            flux_1e17_cgs: share * flux,
            velocity_km_s,
            sigma_km_s,
        };
        let broad = matches!(kinematics, Low(_) | High(..));
        let (gaussians, fwhm_km_s) = match self.shape.base.filter(|_| broad) {
            Some([share, wide, shift]) => (
                vec![one(1.0 - share, velocity, sigma), one(share, velocity + shift * sigma, wide * sigma)],
                sigma * self.shape.fwhm,
            ),
            None => (vec![one(1.0, velocity, sigma)], sigma * FWHM),
        };
        TrueLine { name, group, wavelength_angstrom, gaussians, fwhm_km_s, equivalent_width_angstrom }
    }
}

/// Gives tied lines their share of the flux of the line they follow.
fn tie(lines: &mut [TrueLine], power_law: impl Fn(f64) -> f64) {
    for (name, of, ratio) in TIED {
        let Some(followed) = lines.iter().find(|line| line.name == of) else { continue };
        let flux = followed.flux_1e17_cgs() * ratio;
        if let Some(line) = lines.iter_mut().find(|line| line.name == name) {
            let scale = flux / line.flux_1e17_cgs();
            line.gaussians.iter_mut().for_each(|one| one.flux_1e17_cgs *= scale);
            line.equivalent_width_angstrom = flux / power_law(line.wavelength_angstrom);
        }
    }
}

impl Shape {
    fn draw(rng: &mut ChaCha8Rng, components: usize) -> Self {
        let drawn = [rng.random_range(0.3..0.6), rng.random_range(1.8..2.6), 0.2 * rng.random_range(-1.0..1.0)];
        if components < 2 {
            return Self { base: None, fwhm: FWHM };
        }
        Self { base: Some(drawn), fwhm: two_gaussian_fwhm(drawn) }
    }
}

/// Full width at half maximum of a core of sigma 1 and a base of given share, sigma and shift.
fn two_gaussian_fwhm([share, wide, shift]: [f64; 3]) -> f64 {
    let height =
        |x: f64| (1.0 - share) * (-0.5 * x * x).exp() + share / wide * (-0.5 * ((x - shift) / wide).powi(2)).exp();
    let peak_at = (0..=80).map(|i| -0.4 + 0.01 * f64::from(i)).max_by(|a, b| height(*a).total_cmp(&height(*b)));
    let peak_at = peak_at.unwrap_or(0.0);
    let half = 0.5 * height(peak_at);
    let side = |direction: f64| {
        let (mut near, mut far) = (0.0, 4.0 * wide);
        for _ in 0..48 {
            let middle = 0.5 * (near + far);
            if height(peak_at + direction * middle) > half { near = middle } else { far = middle }
        }
        near
    };
    side(1.0) + side(-1.0)
}

/// Velocities below which a line, all of its parts together, has the given shares of its flux, km/s.
pub(super) fn velocity_quantiles<const N: usize>(gaussians: &[TrueGaussian], shares: [f64; N]) -> [f64; N] {
    let total: f64 = gaussians.iter().map(|one| one.flux_1e17_cgs).sum();
    let below = |velocity: f64| -> f64 {
        let part = |one: &TrueGaussian| {
            one.flux_1e17_cgs * astro::statistics::normal_cdf((velocity - one.velocity_km_s) / one.sigma_km_s)
        };
        gaussians.iter().map(part).sum::<f64>() / total
    };
    shares.map(|share| {
        let (mut low, mut high) = (-0.2 * SPEED_OF_LIGHT_KM_S, 0.2 * SPEED_OF_LIGHT_KM_S);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if below(middle) < share { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_gaussians() {
        assert!((two_gaussian_fwhm([0.0, 2.0, 0.0]) - FWHM).abs() < 1e-6);
        assert!((two_gaussian_fwhm([1.0, 2.0, 0.0]) - 2.0 * FWHM).abs() < 1e-6);
        let one = TrueGaussian { flux_1e17_cgs: 3.0, velocity_km_s: -100.0, sigma_km_s: 200.0 };
        let [v10, v50, v90] = velocity_quantiles(&[one], [0.1, 0.5, 0.9]);
        assert!((v50 + 100.0).abs() < 1e-3 && (v90 - v10 - 2.563 * 200.0).abs() < 0.1);
    }
}
