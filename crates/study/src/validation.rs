//! Checks of data and results: what was measured, what was expected, the verdict.
//!
//! A red check does not stop a run; it shows in the report, in `validation.json` and in the exit code.

use arrow::array::RecordBatch;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::number;
use crate::tables::Columns;

/// How a check ended, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Within the criterion.
    Pass,
    /// Worth a look.
    Warn,
    /// Outside the criterion.
    Fail,
}

impl Verdict {
    /// `pass`, `warn` or `fail`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The stage: 1 integrity, 2 plausibility, 3 robustness.
    pub stage: u8,
    /// What is checked.
    pub name: String,
    /// What was measured, as printed.
    pub measured: String,
    /// What was expected, in words.
    pub criterion: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Why, where that needs saying; else empty.
    pub note: String,
}

/// All checks of a run, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validation {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Validation {
    /// No checks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check.
    pub fn push(&mut self, check: Check) {
        self.checks.push(check);
    }

    /// Passes where `value` lies in `low..=high`, else fails (a value that is not finite fails).
    pub fn between(&mut self, stage: u8, name: &str, value: f64, (low, high): (f64, f64)) {
        let verdict = if (low..=high).contains(&value) { Verdict::Pass } else { Verdict::Fail };
        let criterion = format!("{} to {}", number::plain(low), number::plain(high));
        self.add(stage, name, &number::plain(value), &criterion, verdict);
    }

    /// Passes where a count is as expected, else fails.
    pub fn equal(&mut self, stage: u8, name: &str, measured: u64, expected: u64) {
        let verdict = if measured == expected { Verdict::Pass } else { Verdict::Fail };
        self.add(stage, name, &measured.to_string(), &format!("= {expected}"), verdict);
    }

    /// Passes where `holds`, else ends in `otherwise`.
    pub fn holds(&mut self, stage: u8, name: &str, holds: bool, criterion: &str, otherwise: Verdict) {
        let verdict = if holds { Verdict::Pass } else { otherwise };
        self.add(stage, name, if holds { "yes" } else { "no" }, criterion, verdict);
    }

    fn add(&mut self, stage: u8, name: &str, measured: &str, criterion: &str, verdict: Verdict) {
        let (name, measured, criterion) = (name.to_owned(), measured.to_owned(), criterion.to_owned());
        self.push(Check { stage, name, measured, criterion, verdict, note: String::new() });
    }

    /// The checks that ended so.
    #[must_use]
    pub fn with(&self, verdict: Verdict) -> Vec<&Check> {
        self.checks.iter().filter(|check| check.verdict == verdict).collect()
    }

    /// The worst verdict; [`Verdict::Warn`] where nothing was checked, since that proves nothing.
    #[must_use]
    pub fn overall(&self) -> Verdict {
        self.checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Warn)
    }

    /// The checks as a table.
    ///
    /// # Errors
    /// None that a valid table could give; the signature is that of [`Columns::table`].
    pub fn table(&self) -> Result<RecordBatch, Error> {
        let texts = |pick: fn(&Check) -> &str| self.checks.iter().map(pick).collect::<Vec<_>>();
        Columns::new()
            .integer(
                "stage",
                "",
                "1 integrity, 2 plausibility, 3 robustness",
                self.checks.iter().map(|check| check.stage.into()),
            )
            .text("name", "", "what is checked", texts(|check| &check.name))
            .text("measured", "", "what was measured", texts(|check| &check.measured))
            .text("criterion", "", "what was expected", texts(|check| &check.criterion))
            .text("verdict", "", "pass, warn or fail", texts(|check| check.verdict.word()))
            .text("note", "", "why", texts(|check| &check.note))
            .table()
    }
}
