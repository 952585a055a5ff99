//! `astrolab voids calibrate-finders`: do the finders find cavities, and how many voids do they make of nothing?

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use desi::desivast::Algorithm;
use serde_json::{Value, json};
use voids::finder_calibration::{FinderPlan, FinderScore, calibrate_finders};

use crate::terminal::Bars;

const ALGORITHMS: [Algorithm; 4] = [Algorithm::VoidFinder, Algorithm::Vide, Algorithm::Zobov, Algorithm::Revolver];

/// Let every finder loose on boxes with one known cavity, and on boxes of random points: completeness, purity, false voids.
#[derive(Debug, Args)]
#[command(after_help = "Prints a page in Markdown; the same options give the same page.

Examples:
  astrolab voids calibrate-finders
  astrolab voids calibrate-finders --boxes 10 --radii 10,20 --json
  astrolab voids calibrate-finders --output docs/reference/calibration-finders.md")]
pub(crate) struct CalibrateFinders {
    /// Boxes for each radius, and as many without a cavity.
    #[arg(long, default_value_t = 40)]
    boxes: u64,
    /// Random points of a box.
    #[arg(long, default_value_t = 8_000)]
    points: usize,
    /// Radii of the cavities, Mpc/h; the mean separation of the points is 5.6.
    #[arg(long, value_delimiter = ',', default_values_t = [6.0, 8.0, 10.0, 12.0, 15.0, 20.0])]
    radii: Vec<f64>,
    /// Voids are larger than this, Mpc/h.
    #[arg(long, default_value_t = 10.0)]
    least_radius: f64,
    /// Seed of the points.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the page here instead of printing it.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print the numbers as JSON.
    #[arg(long)]
    json: bool,
}

impl CalibrateFinders {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let plan = FinderPlan {
            boxes: self.boxes,
            points: self.points,
            radii_mpc_h: self.radii.clone(),
            least_radius_mpc_h: self.least_radius,
            seed: self.seed,
            ..FinderPlan::default()
        };
        let half = 0.5 * plan.side_mpc_h();
        if self.boxes < 2 {
            bail!("cannot calibrate on {} boxes of a kind\nhint: errors need at least 2, better 40", self.boxes);
        }
        if let Some(radius) = self.radii.iter().find(|radius| !(**radius > 0.0 && **radius < half)) {
            bail!(
                "cannot carve a cavity of radius {radius} Mpc/h: expected above 0 and below half the box's side, {half:.1}"
            );
        }
        if !(self.least_radius > 0.0 && self.least_radius.is_finite()) {
            bail!("cannot use --least-radius {}: expected a radius above 0", self.least_radius);
        }
        let scores = calibrate_finders(&plan, &ALGORITHMS, &Bars::default())?;
        let page = page(&plan, &scores);
        if let Some(path) = &self.output {
            study::write_file(path, page.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if self.json {
            let rows: Vec<Value> = scores.iter().map(|score| row(&plan, score)).collect();
            crate::terminal::print(&format!("{}\n", serde_json::to_string_pretty(&rows)?))?;
        } else if self.output.is_none() {
            crate::terminal::print(&page)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn row(plan: &FinderPlan, score: &FinderScore) -> Value {
    json!({
        "algorithm": score.algorithm.word(), "radius_mpc_h": score.radius_mpc_h,
        "radius_over_separation": score.radius_mpc_h / plan.separation_mpc_h(), "boxes": plan.boxes,
        "completeness": score.completeness,
        "completeness_range": [score.completeness_range.low, score.completeness_range.high],
        "purity": score.purity(), "r_eff_over_radius": score.radius_ratio, "offset_over_radius": score.offset_ratio,
        "false_voids_a_box": score.false_voids, "false_voids_a_box_error": score.false_voids_error,
    })
}

fn page(plan: &FinderPlan, scores: &[FinderScore]) -> String {
    let radii: Vec<String> = plan.radii_mpc_h.iter().map(f64::to_string).collect();
    let FinderPlan { boxes, points, least_radius_mpc_h, seed, .. } = plan;
    let mut page = format!(
        "# Calibration of the finders

Made by `astrolab voids calibrate-finders --boxes {boxes} --points {points} --radii {} --least-radius {least_radius_mpc_h} --seed {seed}`.

Periodic boxes of {:.1} Mpc/h hold {points} Poisson points: as dense as SDSS DR7 and DESIVAST, with a mean separation of {:.2} Mpc/h. In
{boxes} boxes for each radius an empty sphere was carved at a random place; {boxes} others have none. A cavity counts as found when a
void of at least its radius has its centre within half of it. Completeness is the share of cavities found, in brackets its 95 %
Wilson interval. False voids are those of at least the cavity's radius in a box without one; purity is the share of true voids
where every box has one. Voids smaller than {least_radius_mpc_h} Mpc/h are not looked for.

Poisson points leave large empty places of their own, which a finder joins to a cavity: voids are larger than what was carved.
ZOBOV's largest void joins everything around the deepest zone: it keeps the hierarchy and is no finder of single cavities.
",
        radii.join(","),
        plan.side_mpc_h(),
        plan.separation_mpc_h(),
    );
    for algorithm in ALGORITHMS {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n| radius, Mpc/h | radius / separation | completeness | purity | R_eff / radius | offset / radius | false voids a box |\n\
             |---:|---:|---:|---:|---:|---:|---:|\n",
            algorithm.name().replace('_', " ")
        );
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        for score in scores.iter().filter(|score| score.algorithm == algorithm) {
            let _ = writeln!(
                page,
                "| {} | {:.2} | {:.2} ({:.2}–{:.2}) | {} | {} | {} | {:.2} ± {:.2} |",
                score.radius_mpc_h,
                score.radius_mpc_h / plan.separation_mpc_h(),
                score.completeness,
                score.completeness_range.low,
                score.completeness_range.high,
                number(score.purity()),
                number(score.radius_ratio),
                number(score.offset_ratio),
                score.false_voids,
                score.false_voids_error,
            );
        }
    }
    page
}
