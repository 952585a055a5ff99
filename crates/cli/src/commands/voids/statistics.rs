//! `astrolab voids statistics`: size function, density profile and cross-correlation of void catalogues.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::Progress;
use clap::Args;
use desi::desivast::{BoxCatalogue, VoidCatalogue, read_box};
use study::digest::sha256_of_file;
use voids::catalogue::{algorithm_name, algorithm_of};
use voids::galaxies::{BoxTable, ColumnNames, GalaxyTable, RandomTable};
use voids::mask::HealpixMask;
use voids::void_statistics::{self, SampleSettings, Settings, Sky, VoidStatistics, VoidStatisticsError};

use super::columns::column_names;
use crate::terminal::Bars;

/// Measure voids: size function, stacked density profile, void-galaxy cross-correlation; figures and tables.
#[derive(Debug, Args)]
#[command(after_help = "Several files of one algorithm are its survey caps; several algorithms are drawn side by side.
DIR gets a figure (SVG, PNG) and a table (Parquet, CSV) of each, and statistics.json with every number, covariances
included. Errors are the jackknife's, drawn never smaller than Poisson noise.

Random points follow the galaxies' density with distance, smoothed. A random catalogue with redshifts is taken as it is;
without, it tells the directions. With a mask or a random catalogue the survey is the sky they cover, else where galaxies are.
Voids of a box are measured against galaxies with x, y and z (Mpc/h) and uniform points; the line of sight is the z axis.

Examples:
  astrolab voids statistics galaxies.fits --voids voidfinder.fits --output statistics
  astrolab voids statistics galaxies.parquet --columns ra=TARGET_RA,dec=TARGET_DEC --randoms randoms.fits \\
      --voids DESIVAST_BGS_VOLLIM_V2_VIDE_NGC.fits DESIVAST_BGS_VOLLIM_V2_VIDE_SGC.fits --output statistics --json
  astrolab voids statistics haloes.csv --voids found/haloes_VoidFinder.fits found/haloes_V2_VIDE.fits --output statistics")]
pub(crate) struct Statistics {
    /// The volume-limited galaxies that the voids were found in: FITS, Parquet or CSV with RA, Dec and redshift, or x, y
    /// and z in a box.
    galaxies: PathBuf,
    /// Void catalogues in DESIVAST's format.
    #[arg(long, required = true, num_args = 1..)]
    voids: Vec<PathBuf>,
    /// Folder for the figures and their tables; made when absent.
    #[arg(short, long)]
    output: PathBuf,
    /// Names of columns of the galaxies, such as ra=ALPHA,dec=DELTA,z=ZCMB, or in a box x=X,y=Y,z=Z.
    #[arg(long, value_name = "KEY=NAME,..", value_parser = column_names)]
    columns: Option<ColumnNames>,
    /// Random catalogue of the galaxies: RA, Dec, perhaps redshift.
    #[arg(long, value_name = "FILE", conflicts_with = "mask")]
    randoms: Option<PathBuf>,
    /// Observed sky: a MOC, or a HEALPix map of completeness (FITS).
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Sky that is less complete than this is outside (of a mask or randoms).
    #[arg(long, value_name = "FRACTION", default_value_t = 0.5)]
    least_completeness: f64,
    /// Keep voids at the survey edge in profile and correlation.
    #[arg(long)]
    edge_voids: bool,
    /// Random points for each galaxy, where there is no random catalogue.
    #[arg(long, default_value_t = SampleSettings::default().randoms_per_galaxy)]
    randoms_per_galaxy: usize,
    /// Smoothing of the galaxies' density with distance, Mpc/h (standard deviation of a Gaussian).
    #[arg(long, value_name = "MPC_H", default_value_t = SampleSettings::default().radial_smoothing_mpc_h)]
    radial_smoothing: f64,
    /// HEALPix order of the jackknife regions; a box is cut into 2^order parts along each side.
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

/// `statistics.json`.
#[derive(Debug, serde::Serialize)]
struct Report<'a> {
    program: &'static str,
    version: &'static str,
    inputs: Vec<InputFile>,
    settings: &'a Settings,
    statistics: &'a [VoidStatistics],
}

#[derive(Debug, serde::Serialize)]
struct InputFile {
    path: PathBuf,
    sha256: String,
}

impl Statistics {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let settings = self.settings();
        let boxes = self.voids.iter().map(read_box).collect::<Result<Vec<_>, _>>()?;
        let in_box: Vec<BoxCatalogue> = boxes.into_iter().flatten().collect();
        let statistics = match in_box.len() {
            0 => self.of_survey(&settings)?,
            count if count == self.voids.len() => self.of_box(in_box, &settings)?,
            _ => bail!("cannot measure voids of a box and of the sky at once: their galaxies are not the same"),
        };
        std::fs::create_dir_all(&self.output)
            .with_context(|| format!("cannot create folder {}", self.output.display()))?;
        void_statistics::save(&statistics, &self.output)?;
        let (program, version) = ("astrolab voids statistics", env!("CARGO_PKG_VERSION"));
        let report = Report { program, version, inputs: self.inputs()?, settings: &settings, statistics: &statistics };
        let text = format!("{}\n", serde_json::to_string_pretty(&report)?);
        study::write_file(&self.output.join("statistics.json"), text.as_bytes())?;
        crate::terminal::print(if self.json { text } else { summary(&statistics) }.as_str())?;
        Ok(ExitCode::SUCCESS)
    }

    fn of_survey(&self, settings: &Settings) -> Result<Vec<VoidStatistics>> {
        let (sky, bars) = (self.sky()?, Bars::default());
        let galaxies = GalaxyTable::read(&self.galaxies, &self.columns.clone().unwrap_or_default())?;
        let mut catalogues = self.voids.iter().map(desi::desivast::read).collect::<Result<Vec<_>, _>>()?;
        catalogues.sort_by_key(algorithm_of);
        let groups: Vec<_> = catalogues.chunk_by(|a, b| algorithm_of(a) == algorithm_of(b)).collect();
        let measure = |parts: &&[VoidCatalogue]| void_statistics::measure(parts, &galaxies, &sky, settings);
        each(&groups, &bars, measure)
    }

    fn of_box(&self, mut catalogues: Vec<BoxCatalogue>, settings: &Settings) -> Result<Vec<VoidStatistics>> {
        if self.randoms.is_some() || self.mask.is_some() {
            bail!("cannot use --randoms or --mask with voids of a box: its random points are uniform in the whole box");
        }
        catalogues.sort_by_key(BoxCatalogue::algorithm);
        if let Some(pair) = catalogues.windows(2).find(|pair| pair[0].algorithm() == pair[1].algorithm()) {
            let algorithm = algorithm_name(pair[0].algorithm());
            bail!("cannot measure two catalogues of a box by {algorithm} at once: a box has no survey caps");
        }
        let galaxies = BoxTable::read(&self.galaxies, &self.columns.clone().unwrap_or_default())?;
        let measure = |one: &BoxCatalogue| void_statistics::measure_in_box(one, &galaxies.positions_mpc_h, settings);
        each(&catalogues, &Bars::default(), measure)
    }

    fn settings(&self) -> Settings {
        let sample = SampleSettings {
            region_order: self.region_order,
            randoms_per_galaxy: self.randoms_per_galaxy,
            radial_smoothing_mpc_h: self.radial_smoothing,
            seed: self.seed,
        };
        Settings { sample, edge_voids: self.edge_voids, ..Settings::default() }
    }

    fn sky(&self) -> Result<Sky> {
        let least = self.least_completeness;
        if !(0.0..=1.0).contains(&least) {
            bail!("cannot use --least-completeness {least}: expected a fraction from 0 to 1");
        }
        if let Some(path) = &self.randoms {
            let randoms = RandomTable::read(path, &ColumnNames::default())?;
            let mask = HealpixMask::from_randoms(&randoms.ra_deg, &randoms.dec_deg, least)?;
            return Ok(Sky { mask: Some(mask), randoms: Some(randoms) });
        }
        let mask = self.mask.as_deref().map(|path| HealpixMask::read(path, least)).transpose()?;
        Ok(Sky { mask, randoms: None })
    }

    fn inputs(&self) -> Result<Vec<InputFile>> {
        let paths = [&self.galaxies].into_iter().chain(&self.randoms).chain(&self.mask).chain(&self.voids);
        paths.map(|path| Ok(InputFile { path: path.clone(), sha256: sha256_of_file(path)? })).collect()
    }
}

/// Measures each catalogue, and tells how far it is.
fn each<T>(
    catalogues: &[T],
    bars: &Bars,
    measure: impl Fn(&T) -> Result<VoidStatistics, VoidStatisticsError>,
) -> Result<Vec<VoidStatistics>> {
    bars.begin("measuring voids", catalogues.len() as u64, "catalogues");
    let mut statistics = Vec::with_capacity(catalogues.len());
    for catalogue in catalogues {
        statistics.push(measure(catalogue)?);
        bars.advance(1);
    }
    bars.end();
    Ok(statistics)
}

/// One line an algorithm: what was stacked, how empty the centres are, where the wall is.
fn summary(statistics: &[VoidStatistics]) -> String {
    let mut lines =
        format!("{:<12}{:>8}{:>9}{:>10}{:>20}{:>24}\n", "algorithm", "voids", "stacked", "R_eff", "centre", "wall");
    for one in statistics {
        let profile = &one.profile;
        let shell = |shell: usize| {
            let value = profile.contrast.values.get(shell).copied().flatten();
            let [jackknife, poisson] =
                [&profile.contrast.errors, &profile.poisson_errors].map(|errors| errors.get(shell).copied().flatten());
            let error = poisson.map(|poisson| jackknife.unwrap_or(0.0).max(poisson));
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
