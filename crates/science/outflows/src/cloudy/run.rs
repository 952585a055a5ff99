//! Runs of the program: as many at once as asked, each with a time limit and retries; a model that has ended well is not
//! run again.
//!
//! In the grid's folder each model has its deck (`.in`), Cloudy's output (`.out`), what the deck saves, and a record
//! (`.json`) with the hash of the deck. The record is written last and whole: without it, or with another deck, the model
//! counts as not done, so that a killed grid goes on where it was.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use archive::Progress;
use archive::digest::sha256;
use serde::{Deserialize, Serialize};

use super::collect::column_reached;
use super::{CloudyError, GridPlan, Model};

/// How often a running model is looked at.
const POLL: Duration = Duration::from_millis(20);
/// A model has reached its column when it is this close, dex.
const COLUMN_DEX: f64 = 0.02;

/// How models are run.
#[derive(Debug, Clone, PartialEq)]
pub struct Runner {
    /// The program; it reads the deck from its standard input and runs in the grid's folder.
    pub program: PathBuf,
    /// Models at once.
    pub jobs: usize,
    /// Time after which a model is killed.
    pub time_limit: Duration,
    /// Further tries of a model that crashed, hung or aborted.
    pub retries: usize,
}

/// How a model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Cloudy exited well and reached the column.
    Ok,
    /// The same, with warnings of Cloudy: look before use.
    Warned,
    /// It stopped before the column asked for.
    Short,
    /// Cloudy gave up.
    Aborted,
    /// The program died.
    Crashed,
    /// It ran longer than allowed.
    TimedOut,
}

impl Status {
    /// Whether its numbers are used.
    #[must_use]
    pub fn is_usable(self) -> bool {
        matches!(self, Self::Ok | Self::Warned)
    }

    /// As it is written.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warned => "warned",
            Self::Short => "short",
            Self::Aborted => "aborted",
            Self::Crashed => "crashed",
            Self::TimedOut => "timedout",
        }
    }
}

/// What became of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Its name.
    pub model: String,
    /// SHA-256 of its deck.
    pub deck_sha256: String,
    /// How it ended.
    pub status: Status,
    /// Tries made.
    pub tries: usize,
    /// Zones computed.
    pub zones: Option<u64>,
    /// Cautions of Cloudy.
    pub cautions: u64,
    /// Warnings of Cloudy.
    pub warnings: u64,
    /// Hydrogen column reached, log10 1/cm2.
    pub log_column: Option<f64>,
    /// Wall time of the last try, s.
    pub seconds: f64,
}

/// The record of a model, if it has one with this deck.
#[must_use]
pub fn status_of(folder: &Path, model: &Model, deck: &str) -> Option<ModelRecord> {
    let text = fs::read(folder.join(format!("{}.json", model.name()))).ok()?;
    let record: ModelRecord = serde_json::from_slice(&text).ok()?;
    (record.deck_sha256 == sha256(deck.as_bytes())).then_some(record)
}

/// Runs every model of a plan that has not ended well; the records of all, in the plan's order.
///
/// # Errors
/// The program cannot be started, or a file cannot be written. A model that fails is a record.
pub fn run_grid(
    folder: &Path,
    plan: &GridPlan,
    runner: &Runner,
    progress: &dyn Progress,
) -> Result<Vec<ModelRecord>, CloudyError> {
    plan.check()?;
    fs::create_dir_all(folder).map_err(CloudyError::io("create folder", folder))?;
    let models = plan.models();
    let decks: Vec<String> = models.iter().map(|model| plan.deck(model)).collect();
    let mut records: Vec<Option<ModelRecord>> =
        models.iter().zip(&decks).map(|(model, deck)| status_of(folder, model, deck)).collect();
    let todo: Vec<usize> =
        (0..models.len()).filter(|at| records[*at].as_ref().is_none_or(|record| !record.status.is_usable())).collect();
    progress.begin("Cloudy", models.len() as u64, "models");
    progress.advance((models.len() - todo.len()) as u64);
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<ModelRecord, CloudyError>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..runner.jobs.clamp(1, todo.len().max(1)) {
            scope.spawn(|| {
                while let Some(&at) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ended = one(folder, (&models[at], &decks[at]), plan, runner);
                    if ended.is_err() {
                        // The others would fail alike.
                        next.store(todo.len(), Ordering::Relaxed);
                    }
                    if let Ok(mut done) = done.lock() {
                        done.push((at, ended));
                    }
                    progress.advance(1);
                }
            });
        }
    });
    progress.end();
    for (at, ended) in done.into_inner().unwrap_or_default() {
        records[at] = Some(ended?);
    }
    Ok(records.into_iter().flatten().collect())
}

fn one(
    folder: &Path,
    (model, deck): (&Model, &str),
    plan: &GridPlan,
    runner: &Runner,
) -> Result<ModelRecord, CloudyError> {
    let name = model.name();
    study::write_file(&folder.join(format!("{name}.in")), deck.as_bytes())?;
    let wanted = plan.log_column.last().copied().unwrap_or(f64::INFINITY);
    let mut tries = 0;
    loop {
        tries += 1;
        let started = Instant::now();
        let ended = attempt(folder, &name, runner)?;
        let text = fs::read_to_string(folder.join(format!("{name}.out"))).unwrap_or_default();
        let log_column = column_reached(folder, model).ok();
        let audit = Audit::of(&text);
        let status = match ended {
            Ended::TimedOut => Status::TimedOut,
            _ if audit.aborted => Status::Aborted,
            Ended::Failed => Status::Crashed,
            Ended::Well if !audit.exited_ok => Status::Crashed,
            Ended::Well if log_column.is_none_or(|column| column < wanted - COLUMN_DEX) => Status::Short,
            Ended::Well if audit.warnings > 0 => Status::Warned,
            Ended::Well => Status::Ok,
        };
        let again = matches!(status, Status::Crashed | Status::TimedOut | Status::Aborted);
        if again && tries <= runner.retries {
            continue;
        }
        let record = ModelRecord {
            model: name.clone(),
            deck_sha256: sha256(deck.as_bytes()),
            status,
            tries,
            zones: audit.zones,
            cautions: audit.cautions,
            warnings: audit.warnings,
            log_column,
            seconds: started.elapsed().as_secs_f64(),
        };
        study::write_file(&folder.join(format!("{name}.json")), &serde_json::to_vec_pretty(&record)?)?;
        return Ok(record);
    }
}

enum Ended {
    Well,
    Failed,
    TimedOut,
}

fn attempt(folder: &Path, name: &str, runner: &Runner) -> Result<Ended, CloudyError> {
    let place = |ending: &str| folder.join(format!("{name}.{ending}"));
    // What an earlier try saved must not pass for this one's.
    for ending in super::deck::ELEMENTS.iter().map(|element| element.1).chain(["cum", "ovr", "out"]) {
        let _ = fs::remove_file(place(ending));
    }
    let (deck, output) = (place("in"), place("out"));
    let mut child = Command::new(&runner.program)
        .current_dir(folder)
        .stdin(File::open(&deck).map_err(CloudyError::io("read", &deck))?)
        .stdout(File::create(&output).map_err(CloudyError::io("write", &output))?)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| CloudyError::Program { path: runner.program.clone(), source })?;
    let started = Instant::now();
    loop {
        match child.try_wait().map_err(CloudyError::io("wait for", &runner.program))? {
            Some(status) if status.success() => return Ok(Ended::Well),
            Some(_) => return Ok(Ended::Failed),
            None if started.elapsed() > runner.time_limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Ok(Ended::TimedOut);
            }
            None => std::thread::sleep(POLL),
        }
    }
}

/// What Cloudy's main output says of the calculation.
struct Audit {
    exited_ok: bool,
    aborted: bool,
    zones: Option<u64>,
    cautions: u64,
    warnings: u64,
}

impl Audit {
    /// Warnings begin with ` W-`, cautions with ` C-`; the last lines tell zones and how it ended.
    fn of(text: &str) -> Self {
        let begins = |mark: &str| text.lines().filter(|line| line.starts_with(mark)).count() as u64;
        let zones = text.lines().rev().find(|line| line.contains("Cloudy ends:")).and_then(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| word.starts_with("zone"))?;
            words.get(at.checked_sub(1)?)?.parse().ok()
        });
        Self {
            exited_ok: text.contains("Cloudy exited OK"),
            aborted: text.contains("ABORT"),
            zones,
            cautions: begins(" C-"),
            warnings: begins(" W-"),
        }
    }
}
