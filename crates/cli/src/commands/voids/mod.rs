//! `astrolab voids ...`: void catalogues.

mod calibrate;
mod calibrate_finders;
mod catalogues;
mod classify;
mod columns;
mod find;
mod found;
mod input;
mod mask;
mod membership;
mod overlap;
mod statistics;
mod void_tables;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Voids {
    Find(Box<find::Find>),
    Classify(classify::Classify),
    Membership(membership::WhichVoid),
    Overlap(overlap::Compare),
    Statistics(statistics::Statistics),
    Calibrate(calibrate::Calibrate),
    CalibrateFinders(calibrate_finders::CalibrateFinders),
}

impl Voids {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Find(find) => find.run(),
            Self::Classify(classify) => classify.run(),
            Self::Membership(membership) => membership.run(),
            Self::Overlap(overlap) => overlap.run(),
            Self::Statistics(statistics) => statistics.run(),
            Self::Calibrate(calibrate) => calibrate.run(),
            Self::CalibrateFinders(calibrate) => calibrate.run(),
        }
    }
}
