//! `astrolab outflows ...`: quasar winds.

mod calibrate;
mod energetics;
mod fit;
mod troughs;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Outflows {
    Fit(Box<fit::Fit>),
    #[command(subcommand)]
    Energetics(energetics::Energetics),
    Troughs(troughs::Troughs),
    Calibrate(calibrate::Calibrate),
}

impl Outflows {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Fit(fit) => fit.run(),
            Self::Energetics(energetics) => energetics.run(),
            Self::Troughs(troughs) => troughs.run(),
            Self::Calibrate(calibrate) => calibrate.run(),
        }
    }
}
