//! The commands, noun verb: one file each, each with its arguments and its `run`.

mod data;
mod demo;
mod outflows;
mod run;
mod voids;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// From public survey files to a published, reproducible catalogue.
#[derive(Debug, Parser)]
#[command(name = "astrolab", version, max_term_width = 110, arg_required_else_help = true)]
pub(crate) struct Astrolab {
    /// Say more on stderr: -v what is done, -vv how.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    /// Files and tables: inspect, simulate, ingest, query, load into PostgreSQL.
    #[command(subcommand)]
    Data(data::Data),
    /// Void catalogues: find, classify, membership, overlap, statistics.
    #[command(subcommand)]
    Voids(voids::Voids),
    /// Quasar winds: absorption troughs, energetics.
    #[command(subcommand)]
    Outflows(outflows::Outflows),
    Run(run::RunStudy),
    Reproduce(run::Reproduce),
}

impl Command {
    /// Exit code 0: done; 1: the user can mend it; errors that are our own fault end in 2.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Demo(demo) => demo.run(),
            Self::Data(data) => data.run(),
            Self::Voids(voids) => voids.run(),
            Self::Outflows(outflows) => outflows.run(),
            Self::Run(run) => run.run(),
            Self::Reproduce(reproduce) => reproduce.run(),
        }
    }
}
