//! Control samples: wall galaxies matched to void galaxies in mass and redshift.

use study::run::StepFolder;

use super::super::StudyError;
use super::population::{DEFINITIONS, Population};
use crate::population::{
    Balance, Effect, MatchSettings, Matched, balance, figures, match_controls, matched_effect, tables,
};
use crate::study::figures::title;

/// The pairs of the fiducial algorithm and what they say.
pub(super) struct Controls {
    pub(super) pairs: Matched,
    pub(super) balances: Vec<Balance>,
    /// The effect by the fiducial definition.
    pub(super) effect: Option<Effect>,
}

/// Matches complete galaxies of the fiducial algorithm.
pub(super) fn matched(folder: &mut StepFolder, population: &Population) -> Result<Controls, StudyError> {
    let algorithm = population.algorithms.first().map(String::as_str).unwrap_or_default();
    let environment = population.complete(algorithm, population.include_edge)?;
    let pairs = match_controls(&population.galaxies, &environment, &MatchSettings::default())?;
    let balances = match balance(&population.galaxies, &environment, &pairs.pairs) {
        Ok(balances) => balances,
        Err(error) => {
            folder.warn(format!("no balance of matched samples: {error}"));
            Vec::new()
        }
    };
    let mut effects = Vec::new();
    for (which, definition) in DEFINITIONS.iter().enumerate() {
        match matched_effect(&population.galaxies, &pairs, &population.masks[which], &population.rules) {
            Ok(effect) => effects.push((format!("{}, {}", title(algorithm), definition.name()), effect)),
            Err(error) => folder.warn(format!("no effect by matched pairs, {}: {error}", definition.name())),
        }
    }
    folder.table("matched_effects", &tables::effects(&effects)?)?;
    folder.figure("balance", &figures::balance(&balances), &tables::balances(&balances)?)?;
    Ok(Controls { pairs, balances, effect: effects.first().map(|(_, effect)| *effect) })
}
