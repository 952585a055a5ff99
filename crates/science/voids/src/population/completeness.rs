//! Above which mass does a survey limited in flux or luminosity have every galaxy, whether it forms stars or not?
//!
//! At one mass a quenched galaxy is fainter than a star-forming one. Below this limit the survey loses the quenched
//! ones first, and a quenched fraction is the survey's, not the sky's.

use astro::statistics::{Binning, quantile};

use super::{PopulationError, Sample};

/// Share of the faintest galaxies that sets the limit, and the percentile of their limiting masses.
const FAINTEST: f64 = 0.2;
const PERCENTILE: f64 = 0.95;
/// Fewer galaxies than this in a redshift bin give no limit; its galaxies are left out.
const LEAST_GALAXIES: usize = 50;

/// What keeps faint galaxies out of a sample.
#[derive(Debug, Clone, Copy)]
pub struct FaintLimits<'a> {
    /// Faintest apparent magnitude in r.
    pub apparent_r: f64,
    /// Faintest absolute magnitude in r of a volume-limited sample, and that of each galaxy.
    pub absolute_r: Option<(f64, &'a [Option<f64>])>,
}

/// The mass limit by redshift.
#[derive(Debug, Clone, PartialEq)]
pub struct MassLimit {
    /// Redshift bins.
    pub redshift: Binning,
    /// log10 mass above which the bin is complete; `None` where there are too few galaxies to tell.
    pub log_mass: Vec<Option<f64>>,
}

impl MassLimit {
    /// Measures the limit after Pozzetti et al. 2010 (2010A&A...523A..13P): the mass that each of the faintest fifth of
    /// `red` galaxies (the faint ones for their mass) would have at the faint limit, 95th percentile. Of two limits the
    /// higher mass counts.
    ///
    /// # Errors
    /// A mask or absolute magnitudes of another length.
    pub fn measure(
        sample: &Sample,
        red: &[Option<bool>],
        faint: FaintLimits<'_>,
        redshift: Binning,
    ) -> Result<Self, PopulationError> {
        sample.check_mask("red", red)?;
        let apparent = &sample.columns().apparent_r;
        let by_flux = limiting_masses(sample, red, (apparent, faint.apparent_r), &redshift)?;
        let Some((limit, absolute)) = faint.absolute_r else { return Ok(Self { redshift, log_mass: by_flux }) };
        if absolute.len() != sample.len() {
            let (column, expected, found) = ("absolute magnitudes", sample.len(), absolute.len());
            return Err(PopulationError::LengthMismatch { column, expected, found });
        }
        let by_luminosity = limiting_masses(sample, red, (absolute, limit), &redshift)?;
        let log_mass = by_flux.into_iter().zip(by_luminosity).map(|(a, b)| Some(a?.max(b?))).collect();
        Ok(Self { redshift, log_mass })
    }

    /// Whether a galaxy lies above the limit. The upper end of its redshift bin is what counts, so a galaxy near the
    /// lower end is judged by a limit that is a little too strict.
    #[must_use]
    pub fn complete(&self, log_mass: f64, redshift: f64) -> bool {
        let Some(bin) = self.redshift.index(redshift) else { return false };
        self.log_mass.get(bin).copied().flatten().is_some_and(|limit| log_mass >= limit)
    }

    /// The environments of complete galaxies; `None` for the others.
    #[must_use]
    pub fn restrict(&self, sample: &Sample, in_void: &[Option<bool>]) -> Vec<Option<bool>> {
        let columns = sample.columns();
        in_void
            .iter()
            .enumerate()
            .map(|(row, void)| {
                let (mass, redshift) = (columns.log_mass.get(row).copied().flatten()?, *columns.redshift.get(row)?);
                void.filter(|_| self.complete(mass, redshift))
            })
            .collect()
    }
}

/// The limit of each redshift bin by one kind of magnitude.
fn limiting_masses(
    sample: &Sample,
    red: &[Option<bool>],
    (magnitudes, limit): (&[Option<f64>], f64),
    redshift: &Binning,
) -> Result<Vec<Option<f64>>, PopulationError> {
    let columns = sample.columns();
    let mut members: Vec<Vec<(f64, f64)>> = vec![Vec::new(); redshift.len()];
    for row in (0..sample.len()).filter(|row| red[*row] == Some(true)) {
        let (Some(mass), Some(magnitude)) = (columns.log_mass[row], magnitudes[row]) else { continue };
        if let Some(bin) = redshift.index(columns.redshift[row]) {
            members[bin].push((magnitude, mass + 0.4 * (magnitude - limit)));
        }
    }
    let limit = |mut members: Vec<(f64, f64)>| {
        if members.len() < LEAST_GALAXIES {
            return Ok(None);
        }
        members.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1)));
        members.truncate((FAINTEST * members.len() as f64).ceil() as usize);
        let limits: Vec<f64> = members.into_iter().map(|member| member.1).collect();
        Ok(Some(quantile(&limits, PERCENTILE)?))
    };
    members.into_iter().map(limit).collect()
}
