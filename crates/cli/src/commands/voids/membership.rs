//! `astrolab voids membership`: in which void a position lies.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use arrow::array::RecordBatch;
use clap::Args;
use desi::desivast::{self, read_box};
use rayon::prelude::*;
use study::number::{grouped, plus_minus};
use study::tables::Columns;
use voids::catalogue::algorithm_name;
use voids::classify::ClassifySettings;
use voids::galaxies::{BoxTable, ColumnNames, GalaxyTable};
use voids::mask::HealpixMask;
use voids::membership::{BoxLookup, Standing, SurveyLookup};

use super::columns::{column_names, corner};
use crate::tables;

/// Tell in which void of each catalogue positions lie, and which void's centre is nearest.
#[derive(Debug, Args)]
#[command(
    after_help = "Outside the distance limits of a catalogue, and outside the sky where its tracers are, nothing is said.
VoidFinder files hold no tracers: there `none` may also mean that the sky was not observed, unless a --mask says where it was.
In a catalogue of a box, positions are x, y and z (Mpc/h).

With --output there is one row a position and catalogue: Parquet, or CSV if the name ends in .csv.

Examples:
  astrolab voids membership --voids found/galaxies_VoidFinder.fits --at 184.5,27.1,0.07
  astrolab voids membership --voids vide.fits zobov.fits --at 184.5,27.1,0.07 --at 210,-1.5,0.05 --json
  astrolab voids membership clusters.csv --columns ra=RAJ2000,dec=DEJ2000,z=zspec --voids vide.fits --output in_voids.parquet
  astrolab voids membership --voids found/haloes_V2_VIDE.fits --at 10,990,500"
)]
pub(crate) struct WhichVoid {
    /// Positions: FITS, Parquet or CSV with RA, Dec and redshift, or x, y and z in a box.
    #[arg(required_unless_present = "at")]
    positions: Option<PathBuf>,
    /// Void catalogues in DESIVAST's format.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    voids: Vec<PathBuf>,
    /// Right ascension and declination (degrees, ICRS) and redshift, or in a box x, y and z; may be repeated.
    #[arg(long, value_name = "RA,DEC,Z", value_parser = corner, allow_hyphen_values = true, conflicts_with = "positions")]
    at: Vec<Triple>,
    /// Names of columns, such as ra=ALPHA,dec=DELTA,z=ZCMB.
    #[arg(long, value_name = "KEY=NAME,..", value_parser = column_names, requires = "positions")]
    columns: Option<ColumnNames>,
    /// Observed sky: a MOC, or a HEALPix map of completeness (FITS).
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Write one row a position and catalogue here.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

type Triple = [f64; 3];

/// A catalogue of either volume.
enum Lookup {
    Survey(Box<SurveyLookup>),
    Box(Box<BoxLookup>),
}

/// What one catalogue says of every position.
struct Answers {
    file: String,
    algorithm: &'static str,
    standings: Vec<Standing>,
}

impl WhichVoid {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let mask = self.mask.as_deref().map(|path| HealpixMask::read(path, f64::MIN_POSITIVE)).transpose()?;
        let mut lookups = Vec::new();
        for path in &self.voids {
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            lookups.push((file, lookup(path, mask.as_ref())?));
        }
        let in_box = lookups.iter().filter(|(_, lookup)| matches!(lookup, Lookup::Box(_))).count();
        if in_box > 0 && in_box < lookups.len() {
            bail!("cannot ask catalogues of a box and of the sky at once: their positions are not the same");
        }
        let places = self.places(in_box > 0)?;
        let answers: Vec<Answers> =
            lookups.into_iter().map(|(file, lookup)| Answers::of(file, &lookup, &places)).collect();
        let table = || table(&places, &answers, in_box > 0);
        if let Some(path) = &self.output {
            tables::write(path, &table()?)?;
        }
        let text = match (self.json, &self.output) {
            (true, None) => crate::tables::json_array(table()?)?,
            (true, Some(_)) => format!("{}\n", serde_json::to_string_pretty(&counts(&answers))?),
            (false, None) => lines(&places, &answers, in_box > 0),
            (false, Some(_)) => summary(&answers),
        };
        crate::terminal::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn places(&self, in_box: bool) -> Result<Vec<Triple>> {
        let names = self.columns.clone().unwrap_or_default();
        let places: Vec<Triple> = match &self.positions {
            Some(path) if in_box => BoxTable::read(path, &names)?.positions_mpc_h,
            Some(path) => {
                let table = GalaxyTable::read(path, &names)?;
                let sky = table.ra_deg.into_iter().zip(table.dec_deg).zip(table.redshift);
                sky.map(|((ra, dec), z)| [ra, dec, z]).collect()
            }
            None => self.at.clone(),
        };
        let on_sky = |[ra, dec, z]: &Triple| ra.abs() <= 360.0 && dec.abs() <= 90.0 && *z > -1.0;
        if let Some([ra, dec, z]) = places.iter().find(|place| !in_box && !on_sky(place)) {
            bail!(
                "cannot look at {ra},{dec},{z}: expected RA,DEC,Z, that is degrees, degrees from -90 to 90, and a redshift"
            );
        }
        if places.is_empty() {
            bail!("cannot tell anything of no positions: the file has no rows");
        }
        Ok(places)
    }
}

fn lookup(path: &Path, mask: Option<&HealpixMask>) -> Result<Lookup> {
    let edge_area_fraction = ClassifySettings::default().edge_area_fraction;
    Ok(match read_box(path)? {
        Some(catalogue) => Lookup::Box(Box::new(BoxLookup::new(&catalogue, edge_area_fraction))),
        None => Lookup::Survey(Box::new(SurveyLookup::new(desivast::read(path)?, mask, edge_area_fraction)?)),
    })
}

impl Answers {
    fn of(file: String, lookup: &Lookup, places: &[Triple]) -> Self {
        let standing = |place: &Triple| match lookup {
            Lookup::Survey(survey) => survey.at(place[0], place[1], place[2]),
            Lookup::Box(cuboid) => cuboid.at(*place),
        };
        let algorithm = match lookup {
            Lookup::Survey(survey) => survey.algorithm(),
            Lookup::Box(cuboid) => cuboid.algorithm(),
        };
        let standings = places.par_iter().with_min_len(256).map(standing).collect();
        Self { file, algorithm: algorithm_name(algorithm), standings }
    }
}

/// One row a position and catalogue.
fn table(places: &[Triple], answers: &[Answers], in_box: bool) -> Result<RecordBatch> {
    let coordinate = |k: usize| answers.iter().flat_map(move |_| places.iter().map(move |place| place[k]));
    let rows = answers.iter().flat_map(|_| (0..places.len()).map(|row| row as i64));
    let text = |of: fn(&Answers) -> &str| {
        answers.iter().flat_map(|one| one.standings.iter().map(move |_| of(one))).collect::<Vec<&str>>()
    };
    let columns = Columns::new().integer("row", "", "row of the position in its file, from 0", rows);
    let columns = if in_box {
        columns
            .float("x", "Mpc/h", "comoving position", coordinate(0))
            .float("y", "Mpc/h", "comoving position", coordinate(1))
            .float("z", "Mpc/h", "comoving position", coordinate(2))
    } else {
        columns
            .float("ra_deg", "deg", "right ascension, ICRS", coordinate(0))
            .float("dec_deg", "deg", "declination, ICRS", coordinate(1))
            .float("redshift", "", "redshift", coordinate(2))
    };
    let all = || answers.iter().flat_map(|one| &one.standings);
    let number = |of: fn(&Standing) -> Option<f64>| all().map(of).collect::<Vec<_>>();
    let void = |of: fn(&Standing) -> Option<i64>| {
        std::sync::Arc::new(all().map(of).collect::<arrow::array::Int64Array>()) as arrow::array::ArrayRef
    };
    let edge: arrow::array::BooleanArray = all().map(|standing| standing.at_edge).collect();
    Ok(columns
        .text("file", "", "void catalogue", text(|one| &one.file))
        .text("algorithm", "", "void finder", text(|one| one.algorithm))
        .flag("inside_survey", "whether the catalogue can tell of this place", all().map(|standing| standing.inside))
        .array("void", "", "void that holds the position", void(|standing| standing.void))
        .optional("void_r_eff_mpc_h", "Mpc/h", "its effective radius", number(|s| s.void_r_eff_mpc_h))
        .array("at_edge", "", "whether that void touches the edge", std::sync::Arc::new(edge))
        .array("nearest_void", "", "void with the nearest centre", void(|standing| standing.nearest_void))
        .optional("nearest_distance_mpc_h", "Mpc/h", "distance of that centre", number(|s| s.nearest_distance_mpc_h))
        .optional("nearest_r_over_r_eff", "", "the same in its effective radii", number(|s| s.nearest_r_over_r_eff))
        .table()?)
}

/// Positions by what each catalogue says of them.
fn counts(answers: &[Answers]) -> Vec<serde_json::Value> {
    let row = |one: &Answers| {
        let inside = one.standings.iter().filter(|standing| standing.inside).count();
        let in_void = one.standings.iter().filter(|standing| standing.void.is_some()).count();
        serde_json::json!({
            "file": one.file, "algorithm": one.algorithm, "positions": one.standings.len(),
            "inside_survey": inside, "in_void": in_void,
        })
    };
    answers.iter().map(row).collect()
}

fn summary(answers: &[Answers]) -> String {
    let count = |value: &serde_json::Value| grouped(value.as_i64().unwrap_or_default());
    let (a, b, c, d, e) = ("algorithm", "positions", "inside", "in a void", "in a void, %");
    let mut lines = format!("{a:<12}{b:>12}{c:>12}{d:>12}{e:>18}   file\n");
    for (row, one) in counts(answers).iter().zip(answers) {
        let number = |name: &str| row[name].as_f64().unwrap_or_default();
        let share = number("in_void") / number("inside_survey").max(1.0);
        let error = (share * (1.0 - share) / number("inside_survey").max(1.0)).sqrt();
        lines.push_str(&format!(
            "{:<12}{:>12}{:>12}{:>12}{:>18}   {}\n",
            one.algorithm,
            count(&row["positions"]),
            count(&row["inside_survey"]),
            count(&row["in_void"]),
            plus_minus(100.0 * share, 100.0 * error),
            one.file
        ));
    }
    lines
}

/// One line a position and catalogue.
fn lines(places: &[Triple], answers: &[Answers], in_box: bool) -> String {
    let number = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let [a, b, c] = if in_box { ["x", "y", "z"] } else { ["RA", "Dec", "z"] };
    let (d, e, f, g, h) = ("algorithm", "in void", "R_eff", "nearest", "distance");
    let mut lines = format!("{a:>10}{b:>10}{c:>10}   {d:<12}{e:>10}{f:>9}{g:>10}{h:>10}{:>9}\n", "r/R_eff");
    for one in answers {
        for ([a, b, c], standing) in places.iter().zip(&one.standings) {
            let void = match (standing.inside, standing.void) {
                (false, _) => "outside".to_owned(),
                (true, None) => "none".to_owned(),
                (true, Some(void)) => format!("{void}{}", if standing.at_edge == Some(true) { "*" } else { "" }),
            };
            let nearest = standing.nearest_void.map_or("-".to_owned(), |void| void.to_string());
            lines.push_str(&format!(
                "{a:>10.4}{b:>10.4}{c:>10.5}   {:<12}{void:>10}{:>9}{nearest:>10}{:>10}{:>9}\n",
                one.algorithm,
                number(standing.void_r_eff_mpc_h, 2),
                number(standing.nearest_distance_mpc_h, 2),
                number(standing.nearest_r_over_r_eff, 3),
            ));
        }
    }
    lines.push_str("\nlengths in Mpc/h; nearest: the void with the nearest centre; * touches the survey's edge\n");
    lines
}
