//! Study files: one TOML, its kind, and unknown keys told with the nearest known one.
//!
//! A science crate reads its file into a private versioned serde type (with `deny_unknown_fields`) and turns that into
//! a validated public one; here is what all share.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// What every study file may have beside the keys of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Header {
    /// The kind of study: `study = "voids"`.
    pub study: String,
    /// The version of the file's layout: `version = 1`.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Where its tables are published: `publish = "postgres"`.
    #[serde(default)]
    pub publish: Publish,
    /// The database of a study that reads from it or publishes to it.
    #[serde(default)]
    pub database: Database,
}

/// Where a study's tables go beside the folder of its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Publish {
    /// Nowhere.
    #[default]
    Nowhere,
    /// Tables to the schema `science_analysis` of a PostgreSQL database, the validation to `data_quality`.
    Postgres,
}

/// `[database]` of a study file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://USER@HOST:PORT/DATABASE`, without a password; the program's own setting where it is absent.
    pub address: Option<String>,
}

fn first_version() -> u32 {
    1
}

/// Reads the kind of study and the version of the layout.
///
/// # Errors
/// The text is not TOML or has no `study` key.
pub fn header(text: &str, path: &Path) -> Result<Header, Error> {
    parse(text, path)
}

/// Reads a whole study file.
///
/// # Errors
/// [`Error::StudyFile`] with line, column and, for a key or a name that is nearly right, a hint.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| line_and_column(text, span.start));
        let place = place.map_or(String::new(), |(line, column)| format!("line {line}, column {column}: "));
        let hint = nearest_hint(error.message()).map_or(String::new(), |hint| format!("\nhint: {hint}"));
        let message = format!("{place}{}{hint}", error.message());
        Error::StudyFile { path: path.to_path_buf(), message }
    })
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// "did you mean" for serde's messages on unknown fields and variants, which quote the known names in backticks.
fn nearest_hint(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    nearest(unknown, quoted).map(|known| format!("did you mean `{known}`?"))
}

/// The name of `known` that a typing error would most likely turn into `word`; `None` where all are far.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|name| (strsim::jaro_winkler(word, name), name));
    let best = scored.fold(
        None,
        |best: Option<(f64, &str)>, next| if best.is_none_or(|best| next.0 > best.0) { Some(next) } else { best },
    );
    best.filter(|(score, _)| *score > 0.75).map(|(_, name)| name)
}
