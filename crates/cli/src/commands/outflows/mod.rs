//! `astrolab outflows ...`: quasar winds.

mod calibrate;
mod conditions;
mod energetics;
mod fit;
mod grid;
mod troughs;

use std::collections::HashMap;
use std::process::ExitCode;

use clap::Subcommand;
use desi::spectra::{Spectrum, TargetRedshift};

#[derive(Debug, Subcommand)]
pub(crate) enum Outflows {
    Fit(Box<fit::Fit>),
    #[command(subcommand)]
    Grid(grid::Grid),
    #[command(subcommand)]
    Conditions(conditions::ConditionsCommand),
    #[command(subcommand)]
    Energetics(energetics::Energetics),
    Troughs(troughs::Troughs),
    Calibrate(calibrate::Calibrate),
}

impl Outflows {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Fit(fit) => fit.run(),
            Self::Grid(grid) => grid.run(),
            Self::Conditions(conditions) => conditions.run(),
            Self::Energetics(energetics) => energetics.run(),
            Self::Troughs(troughs) => troughs.run(),
            Self::Calibrate(calibrate) => calibrate.run(),
        }
    }
}

/// The redshift to take for a spectrum: the one given for all, else that of its target in a table, else its own.
fn redshift_of(spectrum: &Spectrum, given: Option<f64>, listed: &HashMap<i64, TargetRedshift>) -> Option<f64> {
    let of_target = || Some(listed.get(&spectrum.target_id?)?.redshift);
    given.or_else(of_target).or(spectrum.redshift)
}

/// A name that every system takes for a file.
pub(crate) fn file_stem(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect()
}
