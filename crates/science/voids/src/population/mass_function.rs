//! The stellar mass function, and the double Schechter function that describes it.

use astro::statistics::{Binning, Errors, curve_fit, jackknife};

use super::{PopulationError, Sample};

/// A binned mass function.
#[derive(Debug, Clone, PartialEq)]
pub struct MassFunction {
    /// Middle of each bin that holds galaxies, log10 mass.
    pub log_mass: Vec<f64>,
    /// Galaxies (Mpc/h)^-3 dex^-1; or dex^-1 with unit integral where `absolute` is false.
    pub phi: Vec<f64>,
    /// Jackknife covariance `[n_bin, n_bin]`.
    pub covariance: Vec<Vec<f64>>,
    /// Galaxies in each bin.
    pub galaxies: Vec<u64>,
    /// Whether the volume of the environment was known; else the shape only.
    pub absolute: bool,
    /// Jackknife regions.
    pub regions: usize,
}

impl MassFunction {
    /// Jackknife errors of `phi`.
    #[must_use]
    pub fn errors(&self) -> Vec<f64> {
        self.covariance.iter().enumerate().map(|(k, row)| row[k].max(0.0).sqrt()).collect()
    }
}

/// Measures the mass function of the galaxies for which `select` holds.
///
/// `inverse_volume` is 1/Vmax of the whole survey ([`super::inverse_vmax`]). `volume_share` is the share of the survey's
/// volume that the environment fills; without it the shape alone is given, normalised to unit integral.
///
/// # Errors
/// A column of another length, no galaxy, fewer than two regions, or a share outside (0, 1].
pub fn mass_function(
    sample: &Sample,
    select: impl Fn(usize) -> bool,
    inverse_volume: &[Option<f64>],
    volume_share: Option<f64>,
    bins: &Binning,
) -> Result<MassFunction, PopulationError> {
    if inverse_volume.len() != sample.len() {
        let (column, found) = ("inverse_volume", inverse_volume.len());
        return Err(PopulationError::LengthMismatch { column, expected: sample.len(), found });
    }
    if let Some(value) = volume_share.filter(|share| !(*share > 0.0 && *share <= 1.0)) {
        return Err(PopulationError::Setting { name: "volume_share", value, expected: "above 0, at most 1" });
    }
    let mut by_region = vec![vec![0.0; bins.len()]; sample.regions()];
    let mut counts = vec![0_u64; bins.len()];
    for row in (0..sample.len()).filter(|row| select(*row)) {
        let bin = sample.columns().log_mass[row].and_then(|mass| bins.index(mass));
        if let (Some(bin), Some(density)) = (bin, inverse_volume[row]) {
            by_region[sample.region()[row] as usize][bin] += density;
            counts[bin] += 1;
        }
    }
    let used: Vec<usize> = (0..bins.len()).filter(|bin| counts[*bin] > 0).collect();
    if used.is_empty() {
        let (what, whom) = ("the mass function", "galaxies with a mass and a volume");
        return Err(PopulationError::TooFew { what, whom, found: 0, needed: 1 });
    }
    let widths = bins.widths();
    let total: Vec<f64> = used.iter().map(|bin| by_region.iter().map(|sums| sums[*bin]).sum()).collect();
    let normalised = |sums: Vec<f64>, area_factor: f64| -> Vec<f64> {
        let scale = match volume_share {
            Some(share) => area_factor / share,
            None => 1.0 / sums.iter().sum::<f64>().max(f64::MIN_POSITIVE),
        };
        sums.iter().zip(&used).map(|(sum, bin)| sum * scale / widths[*bin]).collect()
    };
    let regions = by_region.len();
    // Without one region the survey is smaller by one part in `regions`.
    let factor = regions as f64 / (regions as f64 - 1.0).max(1.0);
    let jackknife = jackknife(regions, |region| {
        let rest = total.iter().zip(&used).map(|(sum, bin)| (sum - by_region[region][*bin]).max(0.0)).collect();
        normalised(rest, factor)
    })?;
    let centres = bins.centres();
    Ok(MassFunction {
        log_mass: used.iter().map(|bin| centres[*bin]).collect(),
        phi: normalised(total.clone(), 1.0),
        covariance: jackknife.covariance,
        galaxies: used.iter().map(|bin| counts[*bin]).collect(),
        absolute: volume_share.is_some(),
        regions,
    })
}

/// Two Schechter functions with one characteristic mass (Baldry et al. 2012, 2012MNRAS.421..621B).
#[derive(Debug, Clone, PartialEq)]
pub struct DoubleSchechter {
    /// log10 of the characteristic mass, ln of the two densities per dex, and the two slopes:
    /// `[log M*, ln phi1, alpha1, ln phi2, alpha2]`, the first component the one with the shallower slope.
    pub parameters: [f64; 5],
    /// Their covariance; empty where the fit did not converge.
    pub covariance: Vec<Vec<f64>>,
    /// Chi-square.
    pub chi_square: f64,
    /// Bins - 5.
    pub degrees: usize,
    /// Whether the full covariance of the bins was used: it needs more regions than twice the bins, else it is noise,
    /// and an absolute mass function; otherwise the bins are taken as independent.
    pub full_covariance: bool,
    /// Whether the fit converged; if not, draw no curve.
    pub converged: bool,
}

impl DoubleSchechter {
    /// Names of the parameters in tables, in their order.
    pub const NAMES: [&str; 5] = ["log_m_star", "ln_phi_1", "alpha_1", "ln_phi_2", "alpha_2"];

    /// Standard error of a parameter; `None` where the fit did not converge.
    #[must_use]
    pub fn error(&self, parameter: usize) -> Option<f64> {
        self.covariance
            .get(parameter)?
            .get(parameter)
            .filter(|_| self.converged)
            .map(|variance| variance.max(0.0).sqrt())
    }

    /// Fits a binned mass function, bins with at least ten galaxies.
    ///
    /// # Errors
    /// Fewer than six such bins.
    pub fn fit(measured: &MassFunction) -> Result<Self, PopulationError> {
        let errors = measured.errors();
        let used: Vec<usize> = (0..measured.phi.len())
            .filter(|bin| measured.galaxies[*bin] >= 10 && errors[*bin] > 0.0 && measured.phi[*bin] > 0.0)
            .collect();
        if used.len() < 6 {
            let (what, whom) = ("a double Schechter fit", "mass bins with 10 galaxies");
            return Err(PopulationError::TooFew { what, whom, found: used.len(), needed: 6 });
        }
        let pick = |values: &[f64]| used.iter().map(|bin| values[*bin]).collect::<Vec<f64>>();
        // Logarithms are closer to normal, and keep the faint and the massive end in balance.
        let (x, phi) = (pick(&measured.log_mass), pick(&measured.phi));
        let y: Vec<f64> = phi.iter().map(|value| value.ln()).collect();
        // The bins of a shape sum to one, so that their covariance is singular.
        let full_covariance = measured.absolute && measured.regions > 2 * used.len() + 2;
        // Hartlap et al. 2007 (2007A&A...464..399H): the inverse of a noisy covariance is too large by this factor.
        let regions = measured.regions as f64;
        let inflate = if full_covariance { (regions - 1.0) / (regions - used.len() as f64 - 2.0) } else { 1.0 };
        let matrix: Vec<Vec<f64>> = used
            .iter()
            .map(|i| {
                used.iter()
                    .map(|j| match (i == j, full_covariance) {
                        (false, false) => 0.0,
                        _ => inflate * measured.covariance[*i][*j] / (measured.phi[*i] * measured.phi[*j]),
                    })
                    .collect()
            })
            .collect();
        let peak = phi.iter().copied().fold(f64::MIN_POSITIVE, f64::max).ln();
        let start = [10.5, peak - 0.5, -0.4, peak - 2.0, -1.4];
        let model = |x: f64, p: &[f64]| log_density(x, p);
        let fit = curve_fit(model, &x, &y, Errors::Covariance(&matrix), &start)?;
        let p = &fit.parameters;
        let shallow_first = p[2] >= p[4];
        let order = if shallow_first { [0, 1, 2, 3, 4] } else { [0, 3, 4, 1, 2] };
        let covariance = if fit.covariance.is_empty() {
            Vec::new()
        } else {
            order.iter().map(|i| order.iter().map(|j| fit.covariance[*i][*j]).collect()).collect()
        };
        Ok(Self {
            parameters: order.map(|k| p[k]),
            covariance,
            chi_square: fit.chi_square,
            degrees: fit.degrees,
            full_covariance,
            converged: fit.converged,
        })
    }

    /// Density per dex at a log mass, in the units of the measured function.
    #[must_use]
    pub fn at(&self, log_mass: f64) -> f64 {
        log_density(log_mass, &self.parameters).exp()
    }
}

fn log_density(log_mass: f64, p: &[f64]) -> f64 {
    let t = std::f64::consts::LN_10 * (log_mass - p[0]);
    let (first, second) = (p[1] + t * (p[2] + 1.0), p[3] + t * (p[4] + 1.0));
    let high = first.max(second);
    high + ((first - high).exp() + (second - high).exp()).ln() - t.exp()
}
