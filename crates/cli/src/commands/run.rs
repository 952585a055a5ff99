//! `astrolab run` and `astrolab reproduce`: a study, from its file to its report.

mod database;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::Tables;
use archive::sql::SessionSettings;
use clap::Args;
use study::run::{Finished, Manifest, Request};
use study::study_file::{Header, Publish};
use study::validation::{Check, Verdict};

use crate::terminal::Bars;

/// Kinds of study that this program knows.
const KINDS: [&str; 2] = ["voids", "outflows"];

/// Run a study file: check, select, measure, test, report. A finished step is not run again, a killed run resumes.
#[derive(Debug, Args)]
#[command(after_help = "Ends with 1 where a check of the validation fails; everything is written all the same.

Examples:
  astrolab run studies/voids.toml
  astrolab run studies/outflows.toml
  astrolab run studies/voids.toml --output /data/runs --threads 8")]
pub(crate) struct RunStudy {
    /// The study file (TOML).
    study: PathBuf,
    /// Folder of all runs.
    #[arg(short, long, default_value = "runs", env = "ASTROLAB_RUNS")]
    output: PathBuf,
    /// Threads; all cores when not given. Results do not depend on it.
    #[arg(short, long)]
    threads: Option<usize>,
    /// Print what was made as JSON.
    #[arg(long)]
    json: bool,
}

/// Run a finished study anew and compare every file byte for byte.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab reproduce runs/voids/0123456789abcdef/manifest.json
  astrolab reproduce runs/voids/0123456789abcdef/manifest.json --into /tmp/again")]
pub(crate) struct Reproduce {
    /// The run's manifest.
    manifest: PathBuf,
    /// Folder for the new run; a temporary one when not given.
    #[arg(long)]
    into: Option<PathBuf>,
    /// Print the verdict on every file as JSON.
    #[arg(long)]
    json: bool,
}

impl RunStudy {
    pub(crate) fn run(self) -> Result<ExitCode> {
        crate::terminal::use_threads(self.threads)?;
        let finished = run_study(&self.study, &self.output)?;
        if self.json {
            let facts = serde_json::json!({
                "folder": finished.folder, "report": finished.report, "steps": finished.steps, "reused": finished.reused,
                "validation": { "verdict": finished.validation.overall(), "checks": finished.validation.checks },
            });
            crate::terminal::print(&format!("{facts:#}\n"))?;
        } else {
            crate::terminal::print(&summary(&finished))?;
        }
        Ok(verdict(&finished))
    }
}

/// Tells of failed checks; 1 where there are any.
pub(crate) fn verdict(finished: &Finished) -> ExitCode {
    let failed = finished.validation.with(Verdict::Fail);
    for check in &failed {
        let Check { name, measured, criterion, .. } = check;
        crate::terminal::complain(&format!("check failed: {name}: {measured}, expected {criterion}"));
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// Runs a study file; what `run` and `demo` share.
pub(crate) fn run_study(path: &Path, root: &Path) -> Result<Finished> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read study file {}", path.display()))?;
    let (header, finished) = dispatch(path, text, root)?;
    if header.publish == Publish::Postgres {
        database::publish(&header, &finished)?;
    }
    Ok(finished)
}

/// Opens an archive for a study.
fn open_archive(folder: &Path) -> Result<Box<dyn Tables>, Box<archive::Error>> {
    Ok(Box::new(crate::session::open(folder, SessionSettings::default())?))
}

/// Hands a study file to the crate of its kind; also what the file says for every kind.
fn dispatch(path: &Path, text: String, root: &Path) -> Result<(Header, Finished)> {
    let header = study::study_file::header(&text, path)?;
    let request = Request {
        root: root.to_owned(),
        study_path: path.to_owned(),
        study_file: text,
        code_version: env!("CARGO_PKG_VERSION").to_owned(),
        open_archive: &open_archive,
        progress: &Bars::default(),
    };
    let finished = match header.study.as_str() {
        "voids" => {
            if let Some((archive, tables)) = voids::study::tables_to_fetch(&request.study_file, path)? {
                database::fetch_inputs(&header.database, &archive, &tables)?;
            }
            voids::study::run(&request)?
        }
        "outflows" => outflows::study::run(&request)?,
        other => {
            let hint = study::study_file::nearest(other, KINDS)
                .map_or(String::new(), |kind| format!(", did you mean `{kind}`?"));
            bail!(
                "cannot run {}: unknown kind of study `{other}`\nhint: known kinds are {}{hint}",
                path.display(),
                KINDS.join(", ")
            )
        }
    };
    Ok((header, finished))
}

pub(crate) fn summary(finished: &Finished) -> String {
    let mut lines = String::new();
    for step in &finished.steps {
        let how = if finished.reused.contains(step) { "done before" } else { "done" };
        lines.push_str(&format!("{step:20} {how}\n"));
    }
    let checks = &finished.validation;
    let counts = [Verdict::Pass, Verdict::Warn, Verdict::Fail].map(|verdict| checks.with(verdict).len());
    let [passed, warned, failed] = counts;
    lines.push_str(&format!("validation           {passed} checks passed, {warned} to look at, {failed} failed\n"));
    lines.push_str(&format!("report               {}\n", finished.report.display()));
    lines
}

impl Reproduce {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
        let into = self.into.unwrap_or_else(|| temporary.path().to_owned());
        let rerun = |manifest: &Manifest, into: &Path| -> Result<PathBuf> {
            let (_, finished) = dispatch(&manifest.study_path, manifest.study_file.clone(), into)?;
            Ok(finished.folder)
        };
        let comparison = study::run::reproduce(&self.manifest, &into, rerun)?;
        if self.json {
            crate::terminal::print(&format!("{}\n", serde_json::to_string_pretty(&comparison)?))?;
        } else {
            crate::terminal::print(&verdicts(&comparison))?;
        }
        Ok(if comparison.is_identical() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn verdicts(comparison: &study::run::Comparison) -> String {
    let total = comparison.files.len();
    let mut lines = String::new();
    for file in comparison.differences() {
        lines.push_str(&format!("{:16} {}\n", format!("{:?}", file.verdict).to_lowercase(), file.path));
    }
    let different = comparison.differences().count();
    lines.push_str(&match different {
        0 => format!("identical: all {total} files have the same bytes\n"),
        _ => format!("different: {different} of {total} files\n"),
    });
    lines
}
