//! The volume that each environment fills, and the part of it in which a galaxy would be seen.

use std::collections::BTreeMap;

use study::run::StepFolder;
use study::tables::Columns;

use super::super::StudyError;
use super::super::measure;
use super::Given;
use super::population::Population;
use crate::classify::{ClassifySettings, Environment, VolumeShares, volume_shares};
use crate::population::{inverse_vmax, visible_to_mpc_h};
use crate::study::figures::title;

/// Points thrown into the survey to measure volumes: a share of a tenth is known to 1 %.
const POINTS: usize = 100_000;

/// Volumes by algorithm, where there is a catalogue.
pub(super) struct Volumes {
    by_algorithm: BTreeMap<&'static str, VolumeShares>,
}

impl Volumes {
    pub(super) fn measure(given: &Given<'_>) -> Result<Self, StudyError> {
        let mut by_algorithm = BTreeMap::new();
        let rules = ClassifySettings {
            boundary_margin_mpc_h: given.settings.environment.edge_distance_mpc_h,
            ..ClassifySettings::default()
        };
        let directions = measure::directions(given.sample)?;
        for (finder, parts) in given.catalogues {
            let (survey, omega_m) = measure::survey(&directions, parts);
            let points = (POINTS, given.settings.seed);
            let shares = volume_shares(&survey, parts, omega_m, &rules, points)?;
            by_algorithm.insert(finder.name(), shares);
        }
        Ok(Self { by_algorithm })
    }

    /// The table of shares.
    pub(super) fn write(&self, folder: &StepFolder) -> Result<(), StudyError> {
        let shares = || self.by_algorithm.values();
        let names = self.by_algorithm.keys().map(|name| title(name));
        let mut table = Columns::new().text("algorithm", "", "void catalogue", names);
        for of in Environment::ALL {
            let meaning = format!("share of the survey's volume in environment {}", of.name());
            table = table.optional(of.name(), "", &meaning, shares().map(|share| share.share(of)));
            let error = shares().map(|share| share.error(of));
            table = table.optional(&format!("{}_error", of.name()), "", "binomial standard error", error);
        }
        Ok(folder.table("volume_shares", &table.table()?)?)
    }

    /// The completeness weight over the volume of a galaxy's own environment in which it would be seen, (Mpc/h)^-3, and
    /// whether that is what it is: without a catalogue it is over the whole survey. An environment is not spread evenly
    /// along the line of sight (near the observer every void touches the edge), so that the whole survey's Vmax would
    /// weight bright and faint galaxies wrongly. `None` where there is no environment or hardly any volume.
    pub(super) fn inverse_vmax(
        &self,
        population: &Population,
        algorithm: &str,
        environment: &[Option<bool>],
    ) -> Result<(Vec<Option<f64>>, bool), StudyError> {
        let Some(shares) = self.by_algorithm.get(algorithm) else {
            return Ok((inverse_vmax(&population.galaxies, &population.vmax)?, false));
        };
        let visible = visible_to_mpc_h(&population.galaxies, &population.vmax)?;
        let weights = &population.galaxies.columns().weight;
        let density = (0..visible.len())
            .map(|row| {
                let of = if environment[row]? { Environment::Void } else { Environment::Wall };
                shares.volume_within_mpc_h3(of, visible[row]?).map(|volume| weights[row] / volume)
            })
            .collect();
        Ok((density, true))
    }
}
