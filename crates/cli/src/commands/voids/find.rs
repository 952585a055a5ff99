//! `astrolab voids find`: from a galaxy catalogue to void catalogues in DESIVAST's format.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use desi::desivast::Algorithm;
use voids::finders::{FinderMask, FinderSettings, find_voids};
use voids::galaxies::{ColumnNames, GalaxyTable};
use voids::voidfinder;

use super::columns::{column_names, redshift_range};
use super::found::{Input, Manifest, save, summary};
use crate::terminal::Bars;

/// Find voids among galaxies: DESIVAST-format FITS, a Parquet table of the voids, and a manifest.
#[derive(Debug, Args)]
#[command(after_help = "For each algorithm DIR gets NAME_VoidFinder.fits, NAME_V2_VIDE.fits, NAME_V2_ZOBOV.fits or
NAME_V2_REVOLVER.fits, and beside it ..._voids.parquet, one row a void; manifest.json tells how they were made.
VoidFinder includes galaxies at the redshift limits, the watershed (VIDE, ZOBOV, REVOLVER) does not.

Examples:
  astrolab voids find galaxies.fits --redshift 0..0.1026 --omega-m 0.26 --mask pixels \\
      --algorithm voidfinder --output found
  astrolab voids find bgs.parquet --columns ra=TARGET_RA,dec=TARGET_DEC,z=Z,magnitude=ABSMAG_R \\
      --magnitude-limit -20 --redshift 0..0.24 --algorithm all --output found --json")]
pub(crate) struct Find {
    /// Galaxies: FITS, Parquet or CSV with right ascension, declination (degrees, ICRS) and redshift.
    galaxies: PathBuf,
    /// What to find voids with; may be repeated or a list with commas.
    #[arg(short, long, value_enum, required = true, value_delimiter = ',')]
    algorithm: Vec<Choice>,
    /// Names of columns, such as ra=ALPHA,dec=DELTA,z=ZCMB,magnitude=MR.
    #[arg(long, value_name = "KEY=NAME,..", value_parser = column_names)]
    columns: Option<ColumnNames>,
    /// Redshift limits; either may be left out.
    #[arg(long, value_name = "LOW..HIGH", value_parser = redshift_range, default_value = "0..")]
    redshift: Redshift,
    /// Faintest absolute magnitude; needs a magnitude column.
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    magnitude_limit: Option<f64>,
    /// Matter density of the flat distance scale (Planck 2018).
    #[arg(long, default_value_t = 0.3153)]
    omega_m: f64,
    /// How VoidFinder's sky mask is made of the galaxies; the watershed's is always HEALPix of order 5.
    #[arg(long, value_enum, default_value_t = Mask::Healpix)]
    mask: Mask,
    /// Voids are larger than this, Mpc/h.
    #[arg(long, value_name = "MPC_H", default_value_t = 10.0, allow_negative_numbers = true)]
    least_radius: f64,
    /// Round VoidFinder's positions to single precision, as VAST does; for comparison only.
    #[arg(long)]
    compat_single_precision: bool,
    /// Seed of VoidFinder's effective radii.
    #[arg(long, default_value_t = voidfinder::Settings::default().seed)]
    seed: u64,
    /// Folder for the results; made when absent.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print the manifest, with every count, instead of the table.
    #[arg(long)]
    json: bool,
}

type Redshift = [f64; 2];

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Voidfinder,
    Vide,
    Zobov,
    Revolver,
    All,
}

/// How VoidFinder's mask is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Mask {
    /// HEALPix cells that hold galaxies.
    Healpix,
    /// VAST's right ascension-declination pixels.
    Pixels,
}

/// The settings as the manifest keeps them.
#[derive(Debug, serde::Serialize)]
struct Record {
    redshift: [Option<f64>; 2],
    magnitude_limit: Option<f64>,
    omega_m: f64,
    mask: Mask,
    least_radius_mpc_h: f64,
    single_precision: bool,
    seed: u64,
}

impl Find {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        self.check()?;
        let names = self.columns.clone().unwrap_or_default();
        let galaxies = GalaxyTable::read(&self.galaxies, &names)?;
        let input = Input::of(&self.galaxies, galaxies.len())?;
        let algorithms = self.algorithms();
        let bars = Bars::default();
        let found = find_voids(&galaxies, &algorithms, &self.settings(), &bars)?;
        std::fs::create_dir_all(&self.output)
            .with_context(|| format!("cannot create folder {}", self.output.display()))?;
        let manifest = save(&self.output, &stem(&self.galaxies), &found, Manifest::new(input, &self.record())?)?;
        if self.json {
            crate::terminal::print(&format!("{}\n", serde_json::to_string_pretty(&manifest)?))?;
        } else {
            crate::terminal::print(&summary(&manifest, &found, &self.output))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What no library call below would refuse, or would only after minutes of work.
    fn check(&self) -> Result<()> {
        let (limit, named) =
            (self.magnitude_limit, self.columns.as_ref().is_some_and(|names| names.magnitude.is_some()));
        if limit.is_some() && !named {
            bail!(
                "cannot apply --magnitude-limit without magnitudes\nhint: name their column: --columns magnitude=NAME"
            );
        }
        if limit.is_some_and(|limit| !limit.is_finite()) {
            bail!("cannot use --magnitude-limit {}: expected a number", limit.unwrap_or_default());
        }
        if !(self.least_radius.is_finite() && self.least_radius > 0.0) {
            bail!("cannot use --least-radius {}: expected a radius above 0 Mpc/h", self.least_radius);
        }
        if !(self.omega_m > 0.0 && self.omega_m <= 1.0) {
            bail!("cannot use --omega-m {}: expected a density above 0, at most 1", self.omega_m);
        }
        if self.output.exists() && !self.output.is_dir() {
            bail!("cannot write to {}: expected a folder, found a file", self.output.display());
        }
        Ok(())
    }

    /// Those asked for, each once, in the order of tables.
    fn algorithms(&self) -> Vec<Algorithm> {
        [
            (Choice::Voidfinder, Algorithm::VoidFinder),
            (Choice::Vide, Algorithm::Vide),
            (Choice::Zobov, Algorithm::Zobov),
            (Choice::Revolver, Algorithm::Revolver),
        ]
        .into_iter()
        .filter(|(choice, _)| self.algorithm.contains(choice) || self.algorithm.contains(&Choice::All))
        .map(|(_, algorithm)| algorithm)
        .collect()
    }

    fn settings(&self) -> FinderSettings {
        FinderSettings {
            redshift: self.redshift,
            magnitude_limit: self.magnitude_limit,
            omega_m: self.omega_m,
            mask: match self.mask {
                Mask::Healpix => FinderMask::Healpix,
                Mask::Pixels => FinderMask::Pixels,
            },
            least_radius_mpc_h: self.least_radius,
            single_precision: self.compat_single_precision,
            seed: self.seed,
        }
    }

    fn record(&self) -> Record {
        let [low, high] = self.redshift;
        Record {
            redshift: [Some(low), high.is_finite().then_some(high)],
            magnitude_limit: self.magnitude_limit,
            omega_m: self.omega_m,
            mask: self.mask,
            least_radius_mpc_h: self.least_radius,
            single_precision: self.compat_single_precision,
            seed: self.seed,
        }
    }
}

/// The file's name without its endings.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}
