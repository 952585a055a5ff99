//! The three stages of validation.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use study::run::StepFolder;
use study::validation::Validation;

use super::super::StudyError;
use super::super::select::floats;
use super::Given;
use super::controls::Controls;
use super::population::Population;
use crate::population::{
    BudgetLine, Integrity, Robustness, Variant, VoidSizes, integrity, plausibility, robustness, void_plausibility,
};

/// Checks everything and writes the verdicts.
pub(super) fn write(
    folder: &StepFolder,
    population: &Population,
    given: &Given<'_>,
    (variants, budget): (&[Variant], &[BudgetLine]),
    controls: &Controls,
) -> Result<(), StudyError> {
    let mut validation = Validation::new();
    let expected_rows = Some(given.sample.num_rows() as u64);
    integrity(&population.galaxies, Integrity { expected_rows }, &mut validation);
    plausibility(&population.galaxies, &population.masks[0], Some(&population.sequence), &mut validation)?;
    void_plausibility(&void_sizes(given)?, &mut validation);
    let (balances, matched) = (&controls.balances, controls.effect.as_ref());
    robustness(&Robustness { variants, budget, balances, matched }, &mut validation);
    Ok(folder.json("population_checks", &validation)?)
}

fn void_sizes(given: &Given<'_>) -> Result<Vec<VoidSizes>, StudyError> {
    let missing = || StudyError::NoColumn { column: "algorithm".to_owned() };
    let names = given.voids.column_by_name("algorithm").and_then(|c| c.as_string_opt::<i32>()).ok_or_else(missing)?;
    let mut sums: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for (name, radius) in names.iter().zip(floats(given.voids, "r_eff")?.iter()) {
        let sum = sums.entry(name.unwrap_or_default()).or_default();
        *sum = (sum.0 + 1, sum.1 + radius.unwrap_or_default());
    }
    let size = |(name, (voids, sum)): (&str, (usize, f64))| VoidSizes {
        algorithm: name.to_owned(),
        voids,
        mean_radius_mpc_h: sum / voids as f64,
    };
    Ok(sums.into_iter().map(size).collect())
}
