//! `astrolab voids classify`: the environment of every galaxy by every void catalogue.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail};
use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Field};
use clap::Args;
use study::number::{grouped, plus_minus};
use study::tables::described;
use voids::catalogue::algorithm_name;
use voids::classify::{Classification, ClassifySettings, Environment, Galaxies, classify_all, environment_table};
use voids::galaxies::{ColumnNames, GalaxyTable};

use super::catalogues::{Frame, by_algorithm};
use super::columns::{column_names, redshift_range};
use crate::tables;

/// Tell of every galaxy whether it is in a void, a wall, at the survey's edge or outside.
#[derive(Debug, Args)]
#[command(
    after_help = "The survey covers the sky where GALAXIES has galaxies, between the distance limits of each catalogue; so give
the whole galaxy catalogue, and choose from the result. Several files of one algorithm are its survey caps.

Examples:
  astrolab voids classify galaxies.fits --voids found/galaxies_VoidFinder.fits --output environments.parquet
  astrolab voids classify bgs.parquet --columns ra=TARGET_RA,dec=TARGET_DEC --redshift ..0.24 \\
      --voids DESIVAST_BGS_VOLLIM_V2_VIDE_NGC.fits DESIVAST_BGS_VOLLIM_V2_VIDE_SGC.fits --json"
)]
pub(crate) struct Classify {
    /// Galaxies: FITS, Parquet or CSV with right ascension, declination (degrees, ICRS) and redshift.
    galaxies: PathBuf,
    /// Void catalogues in DESIVAST's format, of one algorithm or several.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    voids: Vec<PathBuf>,
    /// Names of columns, such as ra=ALPHA,dec=DELTA,z=ZCMB,target=ID.
    #[arg(long, value_name = "KEY=NAME,..", value_parser = column_names)]
    columns: Option<ColumnNames>,
    /// Keep galaxies within these redshifts (inclusive); either may be left out.
    #[arg(long, value_name = "LOW..HIGH", value_parser = redshift_range, default_value = "0..")]
    redshift: Redshift,
    /// Write one row a galaxy here: Parquet, or CSV if the name ends in .csv.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print the counts as JSON.
    #[arg(long)]
    json: bool,
}

type Redshift = [f64; 2];

impl Classify {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let table = GalaxyTable::read(&self.galaxies, &self.columns.clone().unwrap_or_default())?;
        let [low, high] = self.redshift;
        let within = |z: f64| z as f32 >= low as f32 && z as f32 <= high as f32;
        let rows: Vec<usize> = (0..table.len()).filter(|&row| within(table.redshift[row])).collect();
        if rows.is_empty() {
            let (all, path) = (table.len(), self.galaxies.display());
            bail!("none of the {all} galaxies of {path} has a redshift from {low} to {high}\nhint: widen --redshift");
        }
        let found = environments(&table, &rows, &self.voids)?;
        if let Some(output) = &self.output {
            tables::write(output, &environment_table(leading(&table, &rows), &found)?)?;
        }
        let text = if self.json { json(&found)? } else { summary(&found, self.output.as_deref()) };
        crate::terminal::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Classifies the rows by every algorithm; galaxies are placed once for each distance scale and depth.
fn environments(table: &GalaxyTable, rows: &[usize], paths: &[PathBuf]) -> Result<Vec<Classification>> {
    let settings = ClassifySettings::default();
    let float = |values: &[f64]| rows.iter().map(|&row| Some(values[row])).collect::<Float64Array>();
    let target = table.target_id.as_ref().map(|ids| rows.iter().map(|&row| Some(ids[row])).collect::<Int64Array>());
    let galaxies = Galaxies::new(float(&table.ra_deg), float(&table.dec_deg), float(&table.redshift), target)?;
    // The sky covered does not depend on the redshifts that are kept.
    let directions: Vec<(f64, f64)> = table.ra_deg.iter().copied().zip(table.dec_deg.iter().copied()).collect();
    let mut frames: Vec<(Frame, Vec<_>)> = Vec::new();
    for parts in by_algorithm(paths)?.into_values() {
        let frame = Frame::of(&parts);
        match frames.iter_mut().find(|(other, _)| *other == frame) {
            Some((_, algorithms)) => algorithms.push(parts),
            None => frames.push((frame, vec![parts])),
        }
    }
    let mut found = Vec::new();
    for (frame, algorithms) in &frames {
        let survey = frame.survey(&directions);
        let placed = galaxies.place(frame.omega_m, &survey, settings.boundary_margin_mpc_h);
        found.extend(classify_all(&placed, algorithms, &settings)?);
    }
    found.sort_by_key(|one| one.voids.algorithm);
    Ok(found)
}

/// What names a galaxy: its identifier, where there is one, and its place.
fn leading(table: &GalaxyTable, rows: &[usize]) -> Vec<(Field, ArrayRef)> {
    let float = |name: &str, unit: &str, description: &str, values: &[f64]| -> (Field, ArrayRef) {
        let values: Float64Array = rows.iter().map(|&row| Some(values[row])).collect();
        (described(name, unit, description, DataType::Float64), Arc::new(values))
    };
    let row_numbers: Int64Array = rows.iter().map(|&row| i64::try_from(row).ok()).collect();
    let row_field = described("row", "", "row of the galaxy in its catalogue, from 0", DataType::Int64);
    let mut columns: Vec<(Field, ArrayRef)> = vec![(row_field, Arc::new(row_numbers))];
    if let Some(ids) = &table.target_id {
        let ids: Int64Array = rows.iter().map(|&row| Some(ids[row])).collect();
        columns.push((described("TARGETID", "", "unique identifier", DataType::Int64), Arc::new(ids)));
    }
    columns.push(float("RA", "deg", "right ascension, ICRS", &table.ra_deg));
    columns.push(float("DEC", "deg", "declination, ICRS", &table.dec_deg));
    columns.push(float("Z", "", "redshift", &table.redshift));
    columns
}

/// Share of the galaxies inside the volume that are in a void, with its binomial error.
fn share(found: &Classification) -> Option<(f64, f64)> {
    let counts = found.counts();
    let share = counts.void_share()?;
    Some((share, (share * (1.0 - share) / counts.inside() as f64).sqrt()))
}

fn json(found: &[Classification]) -> Result<String> {
    let rows: Vec<serde_json::Value> = found
        .iter()
        .map(|one| {
            let counts = one.counts();
            let mut row = serde_json::json!({
                "algorithm": algorithm_name(one.voids.algorithm),
                "galaxies": one.rows.len(),
                "in_void": counts.in_void,
                "spherical": counts.spherical,
                "void_share": share(one).map(|share| share.0),
                "void_share_error": share(one).map(|share| share.1),
            });
            for (environment, count) in Environment::ALL.iter().zip(counts.by_environment) {
                row[environment.name()] = count.into();
            }
            row
        })
        .collect();
    Ok(format!("{}\n", serde_json::to_string_pretty(&rows)?))
}

/// One line an algorithm.
fn summary(found: &[Classification], output: Option<&Path>) -> String {
    let count = |number: usize| grouped(i64::try_from(number).unwrap_or(i64::MAX));
    let (a, b, c, d, e, f, g) = ("algorithm", "void", "wall", "edge", "outside", "in a void, %", "within R_eff");
    let mut lines = format!("{a:<12}{b:>10}{c:>10}{d:>10}{e:>10}{f:>18}{g:>14}\n");
    for one in found {
        let counts = one.counts();
        let [void, wall, edge, outside] = counts.by_environment.map(count);
        let share = share(one).map_or("-".to_owned(), |(share, error)| plus_minus(100.0 * share, 100.0 * error));
        let (name, spherical) = (algorithm_name(one.voids.algorithm), count(counts.spherical));
        lines.push_str(&format!("{name:<12}{void:>10}{wall:>10}{edge:>10}{outside:>10}{share:>18}{spherical:>14}\n"));
    }
    lines.push_str("\nedge: within 10 Mpc/h of the boundary, or in a void that touches it; outside: no statement;\n");
    lines.push_str("in a void: of all galaxies inside the volume, those at the edge included\n");
    if let Some(output) = output {
        lines.push_str(&format!("one row a galaxy in {}\n", output.display()));
    }
    lines
}
