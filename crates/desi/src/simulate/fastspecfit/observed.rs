//! One galaxy as the survey sees it: the photometry and spectrum that its truth implies.
//!
//! Colours other than g - r follow from it linearly, so do K-corrections, as that in r. Galactic dust is a plane-parallel
//! layer with the coefficients of the Legacy Surveys DR9; the fibre takes a share that falls with apparent brightness.

use astro::Cosmology;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use crate::simulate::Galaxy;

/// Extinction over E(B-V) in g, r, z, W1, W2, W3, W4 (Legacy Surveys DR9).
const EXTINCTION: [f64; 7] = [3.214, 2.165, 1.211, 0.184, 0.113, 0.0241, 0.00910];
/// Depth of the imaging in these bands, one standard deviation of a galaxy's flux, nanomaggies.
const DEPTH_NMGY: [f64; 7] = [0.05, 0.09, 0.2, 0.5, 1.2, 25.0, 250.0];
/// Share of the flux by which it is uncertain at least.
const FLUX_FLOOR: f64 = 0.01;
/// Effective wavelengths of g, r, z, W1, Angstrom.
const WAVELENGTHS_ANGSTROM: [f64; 4] = [4_770.0, 6_430.0, 9_160.0, 33_500.0];
/// How much redder than r in colour, per magnitude of (g - r)^0.1, and by how much at 0.5: u, g, r, i, z, W1.
const COLOURS: [(f64, f64); 6] = [(1.60, 2.1), (0.50, 1.0), (0.0, 0.0), (-0.28, -0.25), (-0.48, -0.5), (-0.35, -1.0)];
/// Slopes of the K-corrections with redshift, at (g - r)^0.1 = 0.4 and per magnitude of it; r as in the light-cone.
const K_SLOPES: [(f64, f64); 6] = [(1.3, 2.5), (0.8, 2.2), (0.25, 1.2), (0.1, 0.7), (0.0, 0.4), (-0.9, 0.0)];

/// Normal deviates kept for the columns.
pub(super) const DEVIATES: usize = 16;

/// A galaxy, its distance and what is measured of it. Fluxes of nanomaggies are not corrected for Galactic dust.
pub(super) struct Observed<'a> {
    pub(super) galaxy: &'a Galaxy,
    pub(super) modulus_mag: f64,
    pub(super) luminosity_distance_mpc_h: f64,
    pub(super) ebv_mag: f64,
    /// Flux above the atmosphere and Galactic dust in g, r, z, W1, W2, W3, W4.
    pub(super) flux_nmgy: [f64; 7],
    /// Share of the light in the fibre.
    pub(super) fibre_share: f64,
    /// Dust in the galaxy, optical depth in V.
    pub(super) tau_v: f64,
    /// Random deviates for the columns, one purpose each.
    pub(super) deviates: [f64; DEVIATES],
}

impl<'a> Observed<'a> {
    pub(super) fn new(galaxy: &'a Galaxy, cosmology: &Cosmology, rng: &mut ChaCha8Rng) -> Self {
        let distance = cosmology.comoving_distance_mpc_h(galaxy.redshift.max(1e-4));
        let luminosity_distance_mpc_h = distance * (1.0 + galaxy.redshift);
        let deviates: [f64; DEVIATES] = std::array::from_fn(|_| rng.sample(StandardNormal));
        let tau_v = if galaxy.quenched { 0.15 } else { 0.5 + 0.3 * (f64::from(galaxy.true_log_mass) - 9.7) };
        let mut observed = Self {
            galaxy,
            modulus_mag: 5.0 * luminosity_distance_mpc_h.log10() + 25.0,
            luminosity_distance_mpc_h,
            ebv_mag: galactic_ebv(galaxy.ra_deg, galaxy.dec_deg),
            flux_nmgy: [0.0; 7],
            fibre_share: (0.35 + 0.05 * (f64::from(galaxy.apparent_r) - 18.0) + 0.03 * deviates[0]).clamp(0.1, 0.9),
            tau_v: (tau_v + 0.1 * deviates[1]).clamp(0.0, 3.0),
            deviates,
        };
        observed.flux_nmgy = observed.fluxes();
        observed
    }

    /// The fluxes without Galactic dust; that in r is the measured one of the light-cone, with its noise.
    fn fluxes(&self) -> [f64; 7] {
        let apparent = |band| self.absolute_mag(band) + self.modulus_mag + self.k_correction_mag(band);
        let infrared = apparent(5);
        let star_formation = f64::from(self.galaxy.true_log_sfr - self.galaxy.true_log_mass) + 11.0;
        let warm = (0.4 * star_formation).clamp(-0.8, 1.2);
        let magnitudes = [
            apparent(1) + 0.01 * self.deviates[2],
            f64::from(self.galaxy.apparent_r),
            apparent(4) + 0.01 * self.deviates[3],
            infrared + 0.02 * self.deviates[4],
            infrared + 0.5 - 0.1 * warm + 0.03 * self.deviates[5],
            infrared + 0.8 - 1.2 * warm + 0.1 * self.deviates[6],
            infrared + 0.3 - 1.6 * warm + 0.2 * self.deviates[7],
        ];
        magnitudes.map(|magnitude| 10_f64.powf(0.4 * (22.5 - magnitude)))
    }

    /// Absolute magnitude, h = 1, in u, g, r, i, z of SDSS and W1 at redshift 0.1.
    pub(super) fn absolute_mag(&self, band: usize) -> f64 {
        let r = f64::from(self.galaxy.apparent_r) - self.modulus_mag - self.k_correction_mag(2);
        let (at_half, slope) = COLOURS[band];
        r + at_half + slope * (f64::from(self.galaxy.colour) - 0.5)
    }

    /// K-correction of the same bands to redshift 0.1: apparent = absolute + modulus + K.
    pub(super) fn k_correction_mag(&self, band: usize) -> f64 {
        if band == 2 {
            return f64::from(self.galaxy.k_correction_r);
        }
        self.k_correction_to(band, 0.1)
    }

    /// K-correction of the same bands to any redshift.
    pub(super) fn k_correction_to(&self, band: usize, redshift: f64) -> f64 {
        let (base, slope) = K_SLOPES[band];
        let slope = base + slope * (f64::from(self.galaxy.colour) - 0.4);
        -2.5 * (1.0 + redshift).log10() + (self.galaxy.redshift - redshift) * slope
    }

    /// Share of the light that passes Galactic dust, in the bands of the fluxes.
    pub(super) fn transmission(&self, band: usize) -> f64 {
        10_f64.powf(-0.4 * EXTINCTION[band] * self.ebv_mag)
    }

    /// Standard error of a flux through Galactic dust.
    pub(super) fn flux_error_nmgy(&self, band: usize) -> f64 {
        DEPTH_NMGY[band].hypot(FLUX_FLOOR * self.flux_nmgy[band] * self.transmission(band))
    }

    /// Continuum of the fibre spectrum at a wavelength, 10^-17 erg/s/cm2/Angstrom, without Galactic dust.
    pub(super) fn continuum(&self, observed_angstrom: f64) -> f64 {
        let last = WAVELENGTHS_ANGSTROM.len() - 2;
        let bin = WAVELENGTHS_ANGSTROM[1..=last].iter().take_while(|edge| observed_angstrom > **edge).count();
        let (blue, red) = (WAVELENGTHS_ANGSTROM[bin].ln(), WAVELENGTHS_ANGSTROM[bin + 1].ln());
        let place = ((observed_angstrom.ln() - blue) / (red - blue)).max(-1.0);
        let (low, high) = (self.flux_nmgy[bin].ln(), self.flux_nmgy[bin + 1].ln());
        // One nanomaggy is 3.631e-29 erg/s/cm2/Hz, and the speed of light 2.998e18 Angstrom/s.
        let a_nanomaggy = 1.0885e7 / (observed_angstrom * observed_angstrom);
        (low + place * (high - low)).exp() * a_nanomaggy * self.fibre_share
    }

    /// Median signal-to-noise a pixel of the spectrum where the continuum is that of a wavelength.
    pub(super) fn pixel_snr(&self, observed_angstrom: f64) -> f64 {
        let flux = self.continuum(observed_angstrom);
        flux / (0.6_f64.powi(2) + 0.1 * flux).sqrt()
    }
}

/// E(B-V) of a plane-parallel layer: 0.015 mag at the Galactic pole, the pole at RA 192.859, Dec 27.128 degrees.
fn galactic_ebv(ra_deg: f64, dec_deg: f64) -> f64 {
    let (sin_dec, cos_dec) = dec_deg.to_radians().sin_cos();
    let (sin_pole, cos_pole) = 27.128_f64.to_radians().sin_cos();
    let sin_b = sin_dec * sin_pole + cos_dec * cos_pole * (ra_deg - 192.859).to_radians().cos();
    0.015 / sin_b.abs().max(0.05)
}
