//! `astrolab data ...`: files and tables.

mod ingest;
mod query;

use std::process::ExitCode;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    Ingest(ingest::Ingest),
    Query(query::Query),
}

impl Data {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Ingest(ingest) => ingest.run(),
            Self::Query(query) => query.run(),
        }
    }
}
