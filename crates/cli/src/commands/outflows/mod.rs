//! `astrolab outflows ...`: quasar winds.

mod energetics;
mod troughs;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Outflows {
    #[command(subcommand)]
    Energetics(energetics::Energetics),
    Troughs(troughs::Troughs),
}

impl Outflows {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Energetics(energetics) => energetics.run(),
            Self::Troughs(troughs) => troughs.run(),
        }
    }
}
