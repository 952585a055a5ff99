//! `astrolab outflows ...`: quasar winds.

mod energetics;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Outflows {
    #[command(subcommand)]
    Energetics(energetics::Energetics),
}

impl Outflows {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Energetics(energetics) => energetics.run(),
        }
    }
}
