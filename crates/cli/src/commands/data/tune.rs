//! `astrolab data tune`: settings of a PostgreSQL server.

use std::process::ExitCode;

use anyhow::Result;
use archive::postgres::{Disk, Machine, Purpose, parse_memory, tune};
use clap::{Args, ValueEnum};

/// Print settings of a PostgreSQL server for its machine: a piece of postgresql.conf, each line with its reason and the page of
/// the manual it comes from.
///
/// Computed from what is given; no server is asked, nothing is changed. The machine should be the server's alone: where it is
/// shared, give the memory and cores that the server may have.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data tune --memory 32G --cores 8 --disk nvme > /etc/postgresql/16/main/conf.d/astrolab.conf
  astrolab data tune --memory 32G --cores 8 --disk nvme --for bulk    # for the first load: less safe, says how
  astrolab data tune --memory 512G --cores 64 --disk ssd --json")]
pub(crate) struct Tune {
    /// Memory of the machine, powers of 1024: 512M, 32G, 1T.
    #[arg(long)]
    memory: String,
    /// Cores of the machine.
    #[arg(long)]
    cores: u32,
    /// What the data lie on.
    #[arg(long, value_enum)]
    disk: DiskKind,
    /// What the server does.
    #[arg(long = "for", value_enum, default_value = "serve")]
    purpose: PurposeKind,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DiskKind {
    /// Solid state on PCI Express.
    Nvme,
    /// Solid state on SATA or a network.
    Ssd,
    /// Spinning.
    Hdd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PurposeKind {
    /// Take big loads that can be repeated; gives up some safety for the time.
    Bulk,
    /// Answer people.
    Serve,
}

impl Tune {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let disk = match self.disk {
            DiskKind::Nvme => Disk::Nvme,
            DiskKind::Ssd => Disk::Ssd,
            DiskKind::Hdd => Disk::Hdd,
        };
        let purpose = match self.purpose {
            PurposeKind::Bulk => Purpose::Bulk,
            PurposeKind::Serve => Purpose::Serve,
        };
        let machine = Machine { memory_bytes: parse_memory(&self.memory)?, cores: self.cores, disk };
        let tuning = tune(machine, purpose)?;
        crate::terminal::print(&if self.json {
            serde_json::to_string_pretty(&tuning)? + "\n"
        } else {
            tuning.fragment()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}
