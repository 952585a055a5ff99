//! Are two samples alike in what they were matched in?

use astro::statistics::cohens_d;

use super::{PopulationError, Sample};

/// Standardised mean difference (void minus wall) of one quantity; |d| < 0.1 is called balanced (Austin 2009,
/// doi:10.1002/sim.3697).
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    /// The quantity.
    pub quantity: &'static str,
    /// Before matching.
    pub before: f64,
    /// After matching.
    pub after: f64,
}

/// The balance table of mass and redshift. `pairs` are rows (void, wall).
///
/// # Errors
/// Fewer than two galaxies of an environment, before or after matching.
pub fn balance(
    sample: &Sample,
    in_void: &[Option<bool>],
    pairs: &[(usize, usize)],
) -> Result<Vec<Balance>, PopulationError> {
    sample.check_mask("in_void", in_void)?;
    let columns = sample.columns();
    let mass = |row: usize| columns.log_mass[row];
    let redshift = |row: usize| columns.log_mass[row].map(|_| columns.redshift[row]);
    let quantities: [(&'static str, &dyn Fn(usize) -> Option<f64>); 2] = [("log mass", &mass), ("redshift", &redshift)];
    quantities
        .into_iter()
        .map(|(quantity, value)| {
            let all = |void: bool| -> Vec<f64> {
                (0..sample.len()).filter(|row| in_void[*row] == Some(void)).filter_map(value).collect()
            };
            let voids: Vec<f64> = pairs.iter().filter_map(|pair| value(pair.0)).collect();
            let walls: Vec<f64> = pairs.iter().filter_map(|pair| value(pair.1)).collect();
            let before = cohens_d(&all(true), &all(false))?;
            Ok(Balance { quantity, before, after: cohens_d(&voids, &walls)? })
        })
        .collect()
}
