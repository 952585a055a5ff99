//! What is true of a simulated quasar.

use crate::templates::Templates;

/// A Gaussian of a line in ln wavelength: `flux / (sigma sqrt(2 pi) lambda_c) exp(-(ln lambda - ln lambda_c)^2 / 2 sigma^2)`
/// with `sigma` over the speed of light and `ln lambda_c = ln lambda_0 + v / c`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrueGaussian {
    /// Flux, 1e-17 erg/s/cm2, free of dust.
    pub flux_1e17_cgs: f64,
    /// Velocity of the centre in the quasar's rest frame, km/s, positive redward.
    pub velocity_km_s: f64,
    /// Velocity dispersion, km/s, without the instrument.
    pub sigma_km_s: f64,
}

/// One line, or one part (narrow, wing) of one.
#[derive(Debug, Clone, PartialEq)]
pub struct TrueLine {
    /// Name, as in the default line list of the fits.
    pub name: &'static str,
    /// Group whose kinematics it shares.
    pub group: &'static str,
    /// Vacuum rest wavelength, Angstrom.
    pub wavelength_angstrom: f64,
    /// Its Gaussians.
    pub gaussians: Vec<TrueGaussian>,
    /// Full width at half maximum of all of them together, km/s.
    pub fwhm_km_s: f64,
    /// Equivalent width over the power law, rest frame, Angstrom.
    pub equivalent_width_angstrom: f64,
}

impl TrueLine {
    /// Flux of all Gaussians, 1e-17 erg/s/cm2.
    #[must_use]
    pub fn flux_1e17_cgs(&self) -> f64 {
        self.gaussians.iter().map(|one| one.flux_1e17_cgs).sum()
    }

    /// Flux-weighted mean velocity, km/s.
    #[must_use]
    pub fn velocity_km_s(&self) -> f64 {
        let moment: f64 = self.gaussians.iter().map(|one| one.flux_1e17_cgs * one.velocity_km_s).sum();
        moment / self.flux_1e17_cgs()
    }

    /// Second moment about the mean velocity, km/s.
    #[must_use]
    pub fn sigma_km_s(&self) -> f64 {
        let mean = self.velocity_km_s();
        let spread = |one: &TrueGaussian| one.sigma_km_s.powi(2) + (one.velocity_km_s - mean).powi(2);
        let moment: f64 = self.gaussians.iter().map(|one| one.flux_1e17_cgs * spread(one)).sum();
        (moment / self.flux_1e17_cgs()).sqrt()
    }
}

/// What comes from templates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrueLight {
    /// Fe II flux, 2250 to 2650 Angstrom, 1e-17 erg/s/cm2, free of dust.
    pub iron_uv_flux_1e17_cgs: f64,
    /// Fe II flux, 4434 to 4684 Angstrom, the same unit.
    pub iron_optical_flux_1e17_cgs: f64,
    /// Full width at half maximum of the lines of Fe II, km/s.
    pub iron_fwhm_km_s: f64,
    /// Flux density of the host galaxy at 5100 Angstrom, rest frame, 1e-17 erg/s/cm2/Angstrom.
    pub host_5100_rest_1e17_cgs: f64,
    /// Shares of the templates' galaxies in it: of the mean one, and of another, by its place.
    pub host_mix: (f64, usize),
}

impl TrueLight {
    /// What there is no template of is not there.
    pub(super) fn keep(&mut self, templates: &Templates) {
        let of = |there: bool, value: f64| if there { value } else { 0.0 };
        self.iron_uv_flux_1e17_cgs = of(templates.iron_uv.is_some(), self.iron_uv_flux_1e17_cgs);
        self.iron_optical_flux_1e17_cgs = of(templates.iron_optical.is_some(), self.iron_optical_flux_1e17_cgs);
        self.host_5100_rest_1e17_cgs = of(templates.host.is_some(), self.host_5100_rest_1e17_cgs);
    }
}

/// What absorbs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsorberKind {
    /// A broad component: `1 - depth exp(-|(v - centre) / width|^3)` in C IV, weaker in other ions.
    Broad,
    /// A narrow C IV doublet, Gaussian in optical depth.
    Narrow,
}

/// One absorber of a quasar. Velocities are `c (1 - lambda / lambda_0)` from the true redshift, positive towards us.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrueAbsorber {
    /// Broad or narrow.
    pub kind: AbsorberKind,
    /// Velocity of the centre, km/s.
    pub velocity_km_s: f64,
    /// Half width of a broad component, Doppler parameter of a narrow one, km/s.
    pub width_km_s: f64,
    /// 1 - transmission in the middle of C IV; of a narrow one in the stronger line, before the instrument.
    pub depth: f64,
    /// log10 column of C IV in cm^-2, for narrow ones.
    pub log_column: Option<f64>,
    /// Whether Al III and Mg II absorb as well.
    pub low_ionisation: bool,
}

/// A continuous stretch of C IV transmission below 0.9, broad absorbers alone, of 450 km/s or more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrueTrough {
    /// Its lowest velocity, km/s.
    pub v_min_km_s: f64,
    /// Its highest velocity, km/s.
    pub v_max_km_s: f64,
    /// Lowest transmission.
    pub minimum: f64,
}

/// Everything true of one quasar.
#[derive(Debug, Clone, PartialEq)]
pub struct QuasarTruth {
    /// Its number, from 0.
    pub index: usize,
    /// TARGETID.
    pub target_id: i64,
    /// Right ascension, ICRS degrees.
    pub ra_deg: f64,
    /// Declination, ICRS degrees.
    pub dec_deg: f64,
    /// Nested HEALPix pixel of nside 64.
    pub healpix: u64,
    /// True (systemic) redshift.
    pub redshift: f64,
    /// What the redshift catalogue says.
    pub catalogue_redshift: f64,
    /// Its quoted error.
    pub catalogue_redshift_error: f64,
    /// Its ZWARN: 0, or 4 (small difference in chi2) where the redshift is wrong.
    pub zwarn: i64,
    /// E(B-V) of the Galaxy's dust that is in the spectrum, magnitudes.
    pub ebv: f64,
    /// AB magnitude in r of the power law, without dust.
    pub magnitude_r: f64,
    /// Slope of the power law, `f_lambda ~ lambda^slope`.
    pub slope: f64,
    /// Power law at 3000 Angstrom, flux density of the rest frame, 1e-17 erg/s/cm2/Angstrom: `(1 + z)` times the
    /// observed one.
    pub f3000_rest_1e17_cgs: f64,
    /// Balmer continuum at 3646 Angstrom, rest frame, the same unit.
    pub balmer_edge_rest_1e17_cgs: f64,
    /// Fe II and host galaxy; 0 where there is no template.
    pub light: TrueLight,
    /// log10 of lambda L_lambda of the power law at 1350, 1450, 3000, 5100 Angstrom, erg/s (H0 = 70 km/s/Mpc).
    pub log_luminosities: [f64; 4],
    /// Lines in the observed range.
    pub lines: Vec<TrueLine>,
    /// Velocities below which [O III] 5008, wing included, has 10, 50 and 90 % of its flux, km/s; `None` out of range.
    pub oiii_v10_v50_v90_km_s: Option<[f64; 3]>,
    /// Absorbers.
    pub absorbers: Vec<TrueAbsorber>,
    /// Troughs of the broad ones.
    pub troughs: Vec<TrueTrough>,
    /// True balnicity of C IV, km/s (1991ApJ...373...23W), integrated from 25,000 km/s down as DESI's catalogues are.
    pub bi_civ_km_s: f64,
    /// True absorption index of C IV, 0 to 25,000 km/s and 450 km/s wide, km/s.
    pub ai_civ_km_s: f64,
    /// Exposures.
    pub exposures: u16,
    /// Exposure time, seconds.
    pub exposure_s: f64,
    /// Median of true flux over its error, combined spectrum.
    pub signal_to_noise: f64,
}

impl QuasarTruth {
    /// Flux of the power law behind the Galaxy's dust at an observed wavelength (Angstrom), nanomaggies.
    pub(super) fn nanomaggies(&self, angstrom: f64) -> f64 {
        let dust = crate::spectra::fitzpatrick99(&[angstrom]).first().copied().unwrap_or(0.0) * self.ebv;
        // f_nu goes as lambda^(slope + 2).
        10_f64.powf(0.4 * (22.5 - self.magnitude_r - dust)) * (angstrom / 6_400.0).powf(self.slope + 2.0)
    }

    /// A line by name and group.
    #[must_use]
    pub fn line(&self, name: &str, group: &str) -> Option<&TrueLine> {
        self.lines.iter().find(|line| line.name == name && line.group == group)
    }
}
