//! `astrolab voids statistics`: size function, density profile and cross-correlation of void catalogues.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use voids::catalogue::algorithm_of;
use voids::galaxies::{ColumnNames, GalaxyTable};
use voids::void_statistics::{self, SampleSettings, Settings, VoidStatistics};

/// Measure voids: size function, stacked density profile, void-galaxy cross-correlation; figures and tables.
#[derive(Debug, Args)]
#[command(after_help = "Several files of one algorithm are its survey caps; several algorithms are drawn side by side.

Examples:
  astrolab voids statistics galaxies.fits --voids voidfinder.fits --output statistics
  astrolab voids statistics galaxies.parquet --voids DESIVAST_BGS_VOLLIM_V2_VIDE_NGC.fits \\
      DESIVAST_BGS_VOLLIM_V2_VIDE_SGC.fits --output statistics --json")]
pub(crate) struct Statistics {
    /// The volume-limited galaxies that the voids were found in: FITS, Parquet or CSV with RA, Dec and redshift.
    galaxies: PathBuf,
    /// Void catalogues in DESIVAST's format.
    #[arg(long, required = true, num_args = 1..)]
    voids: Vec<PathBuf>,
    /// Folder for the figures and their tables; made when absent.
    #[arg(short, long)]
    output: PathBuf,
    /// Keep voids at the survey edge in profile and correlation.
    #[arg(long)]
    edge_voids: bool,
    /// Random points for each galaxy.
    #[arg(long, default_value_t = SampleSettings::default().randoms_per_galaxy)]
    randoms: usize,
    /// HEALPix order of the jackknife regions.
    #[arg(long, default_value_t = SampleSettings::default().region_order)]
    region_order: u8,
    /// Seed of the random points.
    #[arg(long, default_value_t = SampleSettings::default().seed)]
    seed: u64,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print every number as JSON.
    #[arg(long)]
    json: bool,
}

impl Statistics {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let settings = Settings {
            sample: SampleSettings {
                region_order: self.region_order,
                randoms_per_galaxy: self.randoms,
                seed: self.seed,
            },
            edge_voids: self.edge_voids,
            ..Settings::default()
        };
        let galaxies = GalaxyTable::read(&self.galaxies, &ColumnNames::default())?;
        let mut catalogues = self.voids.iter().map(desi::desivast::read).collect::<Result<Vec<_>, _>>()?;
        catalogues.sort_by_key(algorithm_of);
        let statistics = catalogues
            .chunk_by(|a, b| algorithm_of(a) == algorithm_of(b))
            .map(|parts| void_statistics::measure(parts, &galaxies, &settings))
            .collect::<Result<Vec<_>, _>>()?;
        std::fs::create_dir_all(&self.output)
            .with_context(|| format!("cannot create folder {}", self.output.display()))?;
        void_statistics::save(&statistics, &self.output)?;
        if self.json {
            crate::terminal::print(&format!("{}\n", serde_json::to_string_pretty(&statistics)?))?;
        } else {
            crate::terminal::print(&summary(&statistics))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One line an algorithm: what was stacked, how empty the centres are, where the wall is.
fn summary(statistics: &[VoidStatistics]) -> String {
    let mut lines =
        format!("{:<12}{:>8}{:>9}{:>10}{:>20}{:>24}\n", "algorithm", "voids", "stacked", "R_eff", "centre", "wall");
    for one in statistics {
        let profile = &one.profile;
        let shell = |shell: usize| {
            let value = profile.contrast.values.get(shell).copied().flatten();
            let error = profile.contrast.errors.get(shell).copied().flatten();
            value.zip(error).map_or("-".to_owned(), |(value, error)| format!("{value:.3} ± {error:.3}"))
        };
        let middle = |shell: usize| f64::midpoint(profile.edges_r_eff[shell], profile.edges_r_eff[shell + 1]);
        let highest = one.highest_shell();
        let wall = highest.map_or("-".to_owned(), |at| format!("{} at {:.2}", shell(at), middle(at)));
        let (algorithm, all, stacked) = (one.algorithm, one.catalogue_voids, one.stacked_voids);
        let radius = one.median_r_eff_mpc_h;
        lines.push_str(&format!("{algorithm:<12}{all:>8}{stacked:>9}{radius:>10.2}{:>20}{wall:>24}\n", shell(0)));
    }
    lines.push_str(
        "R_eff: median, Mpc/h; centre and wall: density contrast of the first and the densest shell (r/R_eff)\n",
    );
    lines
}
