//! `astrolab data ...`: files and tables.

mod backup;
mod dictionary;
mod download;
mod health;
mod ingest;
mod inspect;
pub(crate) mod load;
mod query;
mod simulate;
mod tune;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use ingest::ingest_release;
pub(crate) use simulate::simulate;

#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    Inspect(inspect::Inspect),
    Simulate(simulate::Simulate),
    Ingest(ingest::Ingest),
    Query(query::Query),
    Dictionary(dictionary::Dictionary),
    Download(download::Download),
    Verify(verify::Verify),
    Load(load::Load),
    Tune(tune::Tune),
    Health(health::Health),
    Backup(backup::MakeBackup),
    Restore(backup::Restore),
}

impl Data {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Inspect(inspect) => inspect.run(),
            Self::Simulate(simulate) => simulate.run(),
            Self::Ingest(ingest) => ingest.run(),
            Self::Query(query) => query.run(),
            Self::Dictionary(dictionary) => dictionary.run(),
            Self::Download(download) => download.run(),
            Self::Verify(verify) => verify.run(),
            Self::Load(load) => load.run(),
            Self::Tune(tune) => tune.run(),
            Self::Health(health) => health.run(),
            Self::Backup(backup) => backup.run(),
            Self::Restore(restore) => restore.run(),
        }
    }
}
