//! `astrolab voids ...`: void catalogues.

mod statistics;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Voids {
    Statistics(statistics::Statistics),
}

impl Voids {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Statistics(statistics) => statistics.run(),
        }
    }
}
