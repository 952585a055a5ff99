//! One spectrum of one object.

/// What is known of the instrument's line-spread function, one value a pixel of the spectrum.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum InstrumentResolution {
    /// Nothing.
    #[default]
    Unknown,
    /// Standard deviation of a Gaussian line-spread function, in Angstrom of the observed frame, one a pixel. For DESI
    /// it is the second moment of the resolution matrix, pixel included.
    GaussianSigma(Vec<f64>),
}

/// A spectrum in the observed frame, with wavelengths in vacuum.
///
/// The vectors have one length. A pixel counts only where [`good`](Self::good) is set: there its flux is finite and its
/// inverse variance finite and positive.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spectrum {
    /// TARGETID, or for SDSS `plate * 10^9 + MJD * 10^4 + fiber`; `None` where the file has no number for it.
    pub target_id: Option<i64>,
    /// What people call it: the target, or the name of its file.
    pub name: String,
    /// Right ascension, ICRS degrees.
    pub ra_deg: Option<f64>,
    /// Declination, ICRS degrees.
    pub dec_deg: Option<f64>,
    /// Heliocentric redshift that came with the spectrum.
    pub redshift: Option<f64>,
    /// Galactic reddening E(B-V) in magnitudes, Schlegel, Finkbeiner & Davis (1998) scale.
    pub ebv: Option<f64>,
    /// Vacuum wavelength in the observed frame, Angstrom, increasing.
    pub wavelength_angstrom: Vec<f64>,
    /// Flux density, 1e-17 erg/s/cm2/Angstrom.
    pub flux_1e17_cgs: Vec<f64>,
    /// Inverse variance of the flux density; 0 where nothing is known.
    pub ivar: Vec<f64>,
    /// Whether the pixel may be used.
    pub good: Vec<bool>,
    /// The line-spread function.
    pub resolution: InstrumentResolution,
}

impl Spectrum {
    /// A spectrum of bare arrays, cut to the shortest of them, with pixels good where they can be.
    #[must_use]
    pub fn from_arrays(wavelength_angstrom: Vec<f64>, flux_1e17_cgs: Vec<f64>, ivar: Vec<f64>) -> Self {
        let n = wavelength_angstrom.len().min(flux_1e17_cgs.len()).min(ivar.len());
        let mut spectrum = Self { wavelength_angstrom, flux_1e17_cgs, ivar, ..Self::default() };
        spectrum.wavelength_angstrom.truncate(n);
        spectrum.flux_1e17_cgs.truncate(n);
        spectrum.ivar.truncate(n);
        spectrum.good = vec![true; n];
        spectrum.refuse_unusable();
        spectrum
    }

    /// Clears [`good`](Self::good) where flux or inverse variance cannot be used, and sets such an inverse variance to 0.
    pub fn refuse_unusable(&mut self) {
        let pixels = self.good.iter_mut().zip(&mut self.ivar).zip(&mut self.flux_1e17_cgs);
        for ((good, ivar), flux) in pixels {
            let usable = flux.is_finite() && ivar.is_finite() && *ivar > 0.0;
            *good &= usable;
            if !usable {
                *ivar = 0.0;
            }
            if !flux.is_finite() {
                *flux = 0.0;
            }
        }
    }

    /// Number of pixels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wavelength_angstrom.len()
    }

    /// Whether there are no pixels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wavelength_angstrom.is_empty()
    }

    /// Number of pixels that may be used.
    #[must_use]
    pub fn n_good(&self) -> usize {
        self.good.iter().filter(|good| **good).count()
    }

    /// Wavelengths in the rest frame of `redshift`, Angstrom.
    #[must_use]
    pub fn wavelength_rest_angstrom(&self, redshift: f64) -> Vec<f64> {
        self.wavelength_angstrom.iter().map(|wavelength| wavelength / (1.0 + redshift)).collect()
    }

    /// Median of flux over its error, good pixels only; `None` without any.
    #[must_use]
    pub fn median_signal_to_noise(&self) -> Option<f64> {
        let pixels = self.flux_1e17_cgs.iter().zip(&self.ivar).zip(&self.good);
        let mut ratios: Vec<f64> =
            pixels.filter(|(_, good)| **good).map(|((flux, ivar), _)| flux * ivar.sqrt()).collect();
        let middle = ratios.len() / 2;
        (!ratios.is_empty()).then(|| *ratios.select_nth_unstable_by(middle, f64::total_cmp).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_without_a_variance_are_not_good() {
        let spectrum =
            Spectrum::from_arrays(vec![1.0, 2.0, 3.0, 4.0], vec![1.0, f64::NAN, 2.0, 3.0], vec![4.0, 1.0, 0.0, 1.0]);
        assert_eq!(spectrum.good, [true, false, false, true]);
        assert_eq!(spectrum.ivar, [4.0, 0.0, 0.0, 1.0]);
        assert_eq!(spectrum.median_signal_to_noise(), Some(3.0));
        assert_eq!(spectrum.wavelength_rest_angstrom(1.0)[3], 2.0);
    }
}
