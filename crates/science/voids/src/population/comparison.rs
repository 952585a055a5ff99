//! Distributions of void and wall galaxies against each other.

use astro::statistics::{
    anderson_darling, benjamini_hochberg, bootstrap, cohens_d, kolmogorov_smirnov, mean_difference_p_value, median,
    permutation_p_value,
};
use rand::RngExt;

use super::{EffectSettings, PopulationError};

/// Two-sample tests of one quantity. p-values take galaxies as independent.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What is compared.
    pub quantity: String,
    /// Galaxies in voids and in walls.
    pub galaxies: [usize; 2],
    /// Medians in voids and in walls.
    pub medians: [f64; 2],
    /// Cohen's d, wall minus void.
    pub cohens_d: f64,
    /// Kolmogorov-Smirnov statistic.
    pub ks_statistic: f64,
    /// Its p-value.
    pub ks_p_value: f64,
    /// Normalised Anderson-Darling statistic.
    pub ad_statistic: f64,
    /// Its p-value, limited to 0.001 to 0.25 by the published table.
    pub ad_p_value: f64,
    /// p-value of the difference of means when labels are shuffled: among all galaxies, or inside matched pairs.
    pub permutation_p_value: f64,
}

/// Compares the values of void and wall galaxies (both without missing values).
///
/// # Errors
/// Fewer than two values, or one that is not finite.
pub fn compare(
    quantity: &str,
    void: &[f64],
    wall: &[f64],
    settings: &EffectSettings,
) -> Result<Comparison, PopulationError> {
    let p = mean_difference_p_value(void, wall, settings.permutations, settings.seed ^ 6)?;
    comparison(quantity, (void, wall), p)
}

/// Compares matched pairs (void, wall): what is left of a difference at the same mass and redshift. KS and AD take the
/// two samples as independent, which is cautious.
///
/// # Errors
/// As [`compare`].
pub fn compare_pairs(
    quantity: &str,
    pairs: &[(f64, f64)],
    settings: &EffectSettings,
) -> Result<Comparison, PopulationError> {
    let (void, wall): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let observed: f64 = pairs.iter().map(|(void, wall)| wall - void).sum();
    let null = bootstrap(settings.permutations, settings.seed ^ 7, |rng| {
        // Sixty-four signs a draw.
        pairs.chunks(64).fold(0.0, |sum, chunk| {
            let mut signs: u64 = rng.random();
            chunk.iter().fold(sum, |sum, (void, wall)| {
                let difference = if signs & 1 == 0 { wall - void } else { void - wall };
                signs >>= 1;
                sum + difference
            })
        })
    });
    comparison(quantity, (&void, &wall), permutation_p_value(observed, &null))
}

fn comparison(
    quantity: &str,
    (void, wall): (&[f64], &[f64]),
    permutation_p_value: f64,
) -> Result<Comparison, PopulationError> {
    let ks = kolmogorov_smirnov((void, None), (wall, None))?;
    let ad = anderson_darling(&[void, wall])?;
    Ok(Comparison {
        quantity: quantity.to_owned(),
        galaxies: [void.len(), wall.len()],
        medians: [median(void)?, median(wall)?],
        cohens_d: cohens_d(wall, void)?,
        ks_statistic: ks.statistic,
        ks_p_value: ks.p_value,
        ad_statistic: ad.statistic,
        ad_p_value: ad.p_value,
        permutation_p_value,
    })
}

/// Adjusts the p-values of groups of tests (bins of several algorithms, say) together, by Benjamini-Hochberg; the
/// groups keep their shape.
///
/// # Errors
/// A p-value outside [0, 1].
pub fn adjust(groups: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, PopulationError> {
    let mut adjusted = benjamini_hochberg(&groups.concat())?.into_iter();
    Ok(groups.iter().map(|group| adjusted.by_ref().take(group.len()).collect()).collect())
}
