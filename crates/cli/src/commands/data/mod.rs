//! `astrolab data ...`: files and tables.

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Data {}

impl Data {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {}
    }
}
