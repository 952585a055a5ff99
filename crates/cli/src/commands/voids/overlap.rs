//! `astrolab voids overlap`: how far two void catalogues agree.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use astro::Cosmology;
use astro::sphere::position_mpc_h;
use clap::Args;
use desi::desivast::{self, BoxCatalogue, BoxLimits, BoxVoids, read_box};
use study::number::{grouped, plus_minus};
use voids::catalogue::{algorithm_name, algorithm_of};
use voids::galaxies::{BoxTable, ColumnNames, GalaxyTable};
use voids::membership::Membership;
use voids::overlap::{Overlap, overlap};
use voids::survey::SurveyVolume;
use voids::void_statistics::{random_positions, random_positions_in_box};

use super::catalogues::{Frame, limits, tracer_directions};
use super::columns::column_names;

/// Two headers give the same distance scale when their matter densities differ by less: they are rounded.
const SAME_OMEGA_M: f64 = 1e-6;

/// Tell how much volume, and how many galaxies, the voids of two catalogues share.
#[derive(Debug, Args)]
#[command(
    after_help = "Compared where both surveys reach: between the distances that both cover, on the sky where the galaxies are
(of --galaxies, else the tracers of a watershed catalogue). Volume is measured with random points. Catalogues of a box are
compared in the whole box, which must be the same.

Examples:
  astrolab voids overlap found/galaxies_VoidFinder.fits found/galaxies_V2_VIDE.fits
  astrolab voids overlap mine_VoidFinder.fits theirs_VoidFinder.fits --galaxies galaxies.fits --json"
)]
pub(crate) struct Compare {
    /// A void catalogue in DESIVAST's format.
    first: PathBuf,
    /// Another one, on the same distance scale.
    second: PathBuf,
    /// Count these galaxies, and take the sky they cover as the survey: FITS, Parquet or CSV.
    #[arg(long, value_name = "FILE")]
    galaxies: Option<PathBuf>,
    /// Names of columns of the galaxies, such as ra=ALPHA,dec=DELTA,z=ZCMB.
    #[arg(long, value_name = "KEY=NAME,..", value_parser = column_names, requires = "galaxies")]
    columns: Option<ColumnNames>,
    /// Random points that measure the volume.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(100..=100_000_000))]
    points: u32,
    /// Seed of the random points.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

/// What is printed.
#[derive(Debug, serde::Serialize)]
struct Comparison {
    first: &'static str,
    second: &'static str,
    survey_volume_mpc_h3: f64,
    points: Overlap,
    shared_volume_fraction: Option<f64>,
    galaxies: Overlap,
    shared_galaxy_fraction: Option<f64>,
}

impl Comparison {
    fn new(
        [first, second]: [&'static str; 2],
        survey_volume_mpc_h3: f64,
        [a, b]: &[Membership; 2],
        points: &[[f64; 3]],
        galaxies: &[[f64; 3]],
    ) -> Self {
        let (points, galaxies) = (overlap(a, b, points), overlap(a, b, galaxies));
        let (shared_volume_fraction, shared_galaxy_fraction) = (points.shared_fraction(), galaxies.shared_fraction());
        Self { first, second, survey_volume_mpc_h3, points, shared_volume_fraction, galaxies, shared_galaxy_fraction }
    }
}

/// The galaxies of a watershed catalogue.
fn box_tracers(catalogue: &BoxCatalogue) -> Option<Vec<[f64; 3]>> {
    match &catalogue.voids {
        BoxVoids::Spheres { .. } => None,
        BoxVoids::Zones { tracers, .. } => Some(tracers.iter().map(|tracer| tracer.position_mpc_h).collect()),
    }
}

impl Compare {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let comparison = self.compare()?;
        let text =
            if self.json { format!("{}\n", serde_json::to_string_pretty(&comparison)?) } else { summary(&comparison) };
        crate::terminal::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn compare(&self) -> Result<Comparison> {
        match [read_box(&self.first)?, read_box(&self.second)?] {
            [Some(first), Some(second)] => return self.compare_boxes(&first, &second),
            [None, None] => {}
            _ => bail!("cannot compare voids of a box with those of the sky: they have no places in common"),
        }
        let catalogues = [desivast::read(&self.first)?, desivast::read(&self.second)?];
        let [a, b] = [limits(&catalogues[0]), limits(&catalogues[1])];
        if (a.omega_m - b.omega_m).abs() > SAME_OMEGA_M {
            let (a, b) = (a.omega_m, b.omega_m);
            bail!(
                "cannot compare voids found with omega_m = {a} and {b}: places differ between distance scales\n\
                 hint: find the voids of both with one `voids find --omega-m`"
            );
        }
        let distance_mpc_h =
            [a.distance_mpc_h[0].max(b.distance_mpc_h[0]), a.distance_mpc_h[1].min(b.distance_mpc_h[1])];
        if distance_mpc_h[0] >= distance_mpc_h[1] {
            bail!(
                "cannot compare {} with {}: no distance lies within both",
                self.first.display(),
                self.second.display()
            );
        }
        let frame = Frame { omega_m: a.omega_m, distance_mpc_h };
        let (directions, galaxies) = self.galaxies(&catalogues, frame.omega_m)?;
        let survey = frame.survey(&directions);
        let galaxies: Vec<[f64; 3]> = galaxies.into_iter().filter(|&place| survey.contains(place)).collect();
        let points = random_positions(&survey, self.points as usize, self.seed);
        let memberships = [Membership::new(&catalogues[0]), Membership::new(&catalogues[1])];
        let names = [&catalogues[0], &catalogues[1]].map(|catalogue| algorithm_name(algorithm_of(catalogue)));
        Ok(Comparison::new(names, survey.volume_mpc_h3(), &memberships, &points, &galaxies))
    }

    fn compare_boxes(&self, first: &BoxCatalogue, second: &BoxCatalogue) -> Result<Comparison> {
        if first.limits != second.limits {
            bail!("cannot compare voids of two boxes: {:?} and {:?} differ", first.limits, second.limits);
        }
        let BoxLimits { low_mpc_h: low, high_mpc_h: high, .. } = first.limits;
        let galaxies = match &self.galaxies {
            Some(path) => BoxTable::read(path, &self.columns.clone().unwrap_or_default())?.positions_mpc_h,
            None => box_tracers(first).or_else(|| box_tracers(second)).unwrap_or_default(),
        };
        let within = |place: &[f64; 3]| (0..3).all(|k| place[k] >= low[k] && place[k] <= high[k]);
        if let Some(row) = galaxies.iter().position(|place| !within(place)) {
            bail!("cannot compare voids by galaxy {row} at {:?}: it lies outside the box", galaxies[row]);
        }
        let points = random_positions_in_box(low, high, self.points as usize, self.seed);
        let memberships = [Membership::in_box(first), Membership::in_box(second)];
        let names = [first.algorithm(), second.algorithm()].map(algorithm_name);
        let volume_mpc_h3 = (0..3).map(|k| high[k] - low[k]).product();
        Ok(Comparison::new(names, volume_mpc_h3, &memberships, &points, &galaxies))
    }

    /// Directions (degrees) and positions (Mpc/h) of the galaxies to count.
    fn galaxies(
        &self,
        catalogues: &[desivast::VoidCatalogue],
        omega_m: f64,
    ) -> Result<(Vec<(f64, f64)>, Vec<[f64; 3]>)> {
        if let Some(path) = &self.galaxies {
            let table = GalaxyTable::read(path, &self.columns.clone().unwrap_or_default())?;
            if table.is_empty() {
                bail!("cannot compare voids by the galaxies of {}: it has none", path.display());
            }
            let cosmology = Cosmology::flat_lcdm(omega_m);
            let directions: Vec<(f64, f64)> = table.ra_deg.iter().copied().zip(table.dec_deg).collect();
            let distances = table.redshift.iter().map(|&z| cosmology.comoving_distance_mpc_h(z.max(0.0)));
            let places = directions.iter().zip(distances).map(|(&(ra, dec), d)| position_mpc_h(ra, dec, d)).collect();
            return Ok((directions, places));
        }
        for catalogue in catalogues {
            let directions = tracer_directions(catalogue);
            if let (false, desivast::VoidCatalogue::Zones(zones)) = (directions.is_empty(), catalogue) {
                let places = zones.tracers.iter().filter(|tracer| !tracer.out).map(|tracer| tracer.position_mpc_h);
                return Ok((directions, places.collect()));
            }
        }
        bail!(
            "cannot tell which sky the catalogues cover: neither file holds galaxies\n\
             hint: name those the voids were found in: --galaxies FILE"
        )
    }
}

fn summary(found: &Comparison) -> String {
    let (first, second) = (found.first, found.second);
    let total = |o: &Overlap| o.both + o.first_only + o.second_only + o.neither;
    let shares = |part: usize, all: usize| {
        let p = part as f64 / all.max(1) as f64;
        plus_minus(100.0 * p, 100.0 * (p * (1.0 - p) / all.max(1) as f64).sqrt())
    };
    let (points, galaxies) = (&found.points, &found.galaxies);
    let rows = [
        ("voids of both".to_owned(), points.both, galaxies.both),
        (format!("first only ({first})"), points.first_only, galaxies.first_only),
        (format!("second only ({second})"), points.second_only, galaxies.second_only),
        ("no void".to_owned(), points.neither, galaxies.neither),
    ];
    let mut lines = format!("{:<26}{:>16}{:>16}{:>12}\n", "in", "volume, %", "galaxies, %", "galaxies");
    for (name, in_points, in_galaxies) in rows {
        let (volume, share) = (shares(in_points, total(points)), shares(in_galaxies, total(galaxies)));
        let count = grouped(i64::try_from(in_galaxies).unwrap_or(i64::MAX));
        lines.push_str(&format!("{name:<26}{volume:>16}{share:>16}{count:>12}\n"));
    }
    let shared = |fraction: Option<f64>| fraction.map_or("-".to_owned(), |shared| format!("{:.1}", 100.0 * shared));
    lines.push_str(&format!(
        "\nshared part of all that is in a void: volume {} %, galaxies {} %\nsurvey volume {:.4e} (Mpc/h)^3, {} random points\n",
        shared(found.shared_volume_fraction),
        shared(found.shared_galaxy_fraction),
        found.survey_volume_mpc_h3,
        grouped(i64::try_from(total(points)).unwrap_or(i64::MAX)),
    ));
    lines
}
