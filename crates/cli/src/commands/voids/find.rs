//! `astrolab voids find`: from a galaxy catalogue to void catalogues in DESIVAST's format.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use desi::desivast::{Algorithm, BoxLimits};
use voids::finders::{BoxSettings, FinderSettings, find_voids_in_box, find_voids_within};
use voids::voidfinder;

use super::columns::{corner, redshift_range, sides};
use super::found::{AllFound, Manifest, save, summary};
use super::input::GalaxyInput;
use super::mask::{SkyArguments, SkyRecord};
use crate::terminal::Bars;

/// Find voids among galaxies: DESIVAST-format FITS, a Parquet table of the voids, and a manifest.
#[derive(Debug, Args)]
#[command(after_help = "For each algorithm DIR gets NAME_VoidFinder.fits, NAME_V2_VIDE.fits, NAME_V2_ZOBOV.fits or
NAME_V2_REVOLVER.fits, and beside it ..._voids.parquet, one row a void; manifest.json tells how they were made.
VoidFinder includes galaxies at the redshift limits, the watershed (VIDE, ZOBOV, REVOLVER) does not.
In a box (--box) there is no sky: the files have x, y and z (Mpc/h), but no RA, Dec and redshift.

Examples:
  astrolab voids find galaxies.fits --redshift 0..0.1026 --omega-m 0.26 --mask pixels \\
      --algorithm voidfinder --output found
  astrolab voids find bgs.parquet --columns ra=TARGET_RA,dec=TARGET_DEC,z=Z,magnitude=ABSMAG_R \\
      --magnitude-limit -20 --redshift 0..0.24 --algorithm all --output found --json
  astrolab voids find bgs.parquet --mask footprint.moc.fits --cap north --algorithm all --output found
  astrolab voids find bgs.parquet --randoms randoms.fits --redshift 0..0.24 --algorithm all --output found
  astrolab voids find --archive archive --table galaxies --columns magnitude=ABSMAG_R \\
      --magnitude-limit -20 --redshift 0..0.24 --algorithm vide,revolver --output found
  astrolab voids find haloes.csv --columns x=X,y=Y,z=Z --box 1000 --periodic --algorithm all --output found")]
pub(crate) struct Find {
    #[command(flatten)]
    input: GalaxyInput,
    /// What to find voids with; may be repeated or a list with commas.
    #[arg(short, long, value_enum, required = true, value_delimiter = ',')]
    algorithm: Vec<Choice>,
    /// Galaxies are in a box with these sides, Mpc/h (one number: a cube).
    #[arg(long = "box", value_name = "SIDE[,SIDE,SIDE]", value_parser = sides,
        conflicts_with_all = ["redshift", "omega_m", "mask", "randoms", "cap"])]
    box_sides: Option<Sides>,
    /// Lowest corner of the box, Mpc/h.
    #[arg(long, value_name = "X,Y,Z", value_parser = corner, requires = "box_sides", default_value = "0,0,0",
        allow_hyphen_values = true)]
    corner: Sides,
    /// Opposite faces of the box are the same place.
    #[arg(long, requires = "box_sides")]
    periodic: bool,
    /// Redshift limits; either may be left out.
    #[arg(long, value_name = "LOW..HIGH", value_parser = redshift_range, default_value = "0..")]
    redshift: Redshift,
    /// Faintest absolute magnitude; needs a magnitude column.
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    magnitude_limit: Option<f64>,
    /// Matter density of the flat distance scale (Planck 2018).
    #[arg(long, default_value_t = 0.3153)]
    omega_m: f64,
    #[command(flatten)]
    sky: SkyArguments,
    /// Voids are larger than this, Mpc/h.
    #[arg(long, value_name = "MPC_H", default_value_t = 10.0, allow_negative_numbers = true)]
    least_radius: f64,
    /// Draw the surfaces of VIDE's and REVOLVER's voids (HDUs TRIANGLE and GALVIZ); the default.
    #[arg(long, overrides_with = "no_surfaces")]
    surfaces: bool,
    /// Leave the surfaces out: their triangles are most of a file.
    #[arg(long)]
    no_surfaces: bool,
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
type Sides = [f64; 3];

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    Voidfinder,
    Vide,
    Zobov,
    Revolver,
    All,
}

/// The settings in a box, as the manifest keeps them.
#[derive(Debug, serde::Serialize)]
struct BoxRecord {
    box_low_mpc_h: Sides,
    box_high_mpc_h: Sides,
    periodic: bool,
    magnitude_limit: Option<f64>,
    least_radius_mpc_h: f64,
    surfaces: bool,
    seed: u64,
}

/// The settings on the sky, as the manifest keeps them.
#[derive(Debug, serde::Serialize)]
struct Record {
    redshift: [Option<f64>; 2],
    magnitude_limit: Option<f64>,
    omega_m: f64,
    sky: SkyRecord,
    least_radius_mpc_h: f64,
    surfaces: bool,
    seed: u64,
}

impl Find {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        self.check()?;
        let (algorithms, bars) = (self.algorithms(), Bars::default());
        let (found, manifest) = if let Some(settings) = self.box_settings() {
            let (galaxies, input) = self.input.in_box()?;
            let found = find_voids_in_box(&galaxies, &algorithms, &settings, &bars)?;
            (AllFound::Box(found), Manifest::new(input, &box_record(&settings))?)
        } else {
            let (mask, sky) = self.sky.given()?;
            let (galaxies, input) = self.input.on_sky()?;
            let galaxies = match self.sky.cap() {
                Some(cap) => galaxies.restricted(|ra, dec| cap.holds(ra, dec)),
                None => galaxies,
            };
            let found = find_voids_within(&galaxies, mask.as_ref(), (&algorithms, &self.settings()), &bars)?;
            (AllFound::Survey(found), Manifest::new(input, &self.record(sky))?)
        };
        std::fs::create_dir_all(&self.output)
            .with_context(|| format!("cannot create folder {}", self.output.display()))?;
        let manifest = save(&self.output, &self.input.stem(), &found, manifest)?;
        for warning in manifest.warnings() {
            crate::terminal::complain(&format!("warning: {warning}"));
        }
        if self.json {
            crate::terminal::print(&format!("{}\n", serde_json::to_string_pretty(&manifest)?))?;
        } else {
            crate::terminal::print(&summary(&manifest, &self.output))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What no library call below would refuse, or would only after minutes of work.
    fn check(&self) -> Result<()> {
        let limit = self.magnitude_limit;
        if limit.is_some() && !self.input.has_magnitude() {
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

    fn box_settings(&self) -> Option<BoxSettings> {
        let (sides, low_mpc_h) = (self.box_sides?, self.corner);
        let high_mpc_h = [0, 1, 2].map(|k: usize| low_mpc_h[k] + sides[k]);
        Some(BoxSettings {
            limits: BoxLimits { low_mpc_h, high_mpc_h, periodic: self.periodic },
            magnitude_limit: self.magnitude_limit,
            least_radius_mpc_h: self.least_radius,
            surfaces: !self.no_surfaces,
            seed: self.seed,
        })
    }

    fn settings(&self) -> FinderSettings {
        FinderSettings {
            redshift: self.redshift,
            magnitude_limit: self.magnitude_limit,
            omega_m: self.omega_m,
            mask: self.sky.of_galaxies(),
            least_radius_mpc_h: self.least_radius,
            surfaces: !self.no_surfaces,
            seed: self.seed,
        }
    }

    fn record(&self, sky: SkyRecord) -> Record {
        let [low, high] = self.redshift;
        Record {
            redshift: [Some(low), high.is_finite().then_some(high)],
            magnitude_limit: self.magnitude_limit,
            omega_m: self.omega_m,
            sky,
            least_radius_mpc_h: self.least_radius,
            surfaces: !self.no_surfaces,
            seed: self.seed,
        }
    }
}

fn box_record(settings: &BoxSettings) -> BoxRecord {
    let BoxLimits { low_mpc_h, high_mpc_h, periodic } = settings.limits;
    BoxRecord {
        box_low_mpc_h: low_mpc_h,
        box_high_mpc_h: high_mpc_h,
        periodic,
        magnitude_limit: settings.magnitude_limit,
        least_radius_mpc_h: settings.least_radius_mpc_h,
        surfaces: settings.surfaces,
        seed: settings.seed,
    }
}
