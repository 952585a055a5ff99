//! `astrolab data dictionary`: what the columns of an archive mean.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use archive::columns::{DictionaryTable, dictionary_json, dictionary_markdown, dictionary_text};
use archive::sql::{Session, SessionSettings};
use clap::Args;

/// Show the name, type, unit, UCD, missing values and description of every column of an archive.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data dictionary --archive archive
  astrolab data dictionary --archive archive specphot
  astrolab data dictionary --archive archive --markdown > dictionary.md
  astrolab data dictionary --archive archive metadata --json | jq '.tables[0].columns[].name'")]
pub(crate) struct Dictionary {
    /// The table or view; all when not given.
    table: Option<String>,
    /// Folder of the archive.
    #[arg(long, default_value = "archive", env = "ASTROLAB_ARCHIVE")]
    archive: PathBuf,
    /// Print JSON.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print a Markdown page.
    #[arg(long)]
    markdown: bool,
}

impl Dictionary {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let session = crate::session::open(&self.archive, SessionSettings::default())?;
        let mut tables = Vec::new();
        for catalogue in session.catalogues().iter().filter(|catalogue| self.wants(&catalogue.name)) {
            tables.push(DictionaryTable {
                name: catalogue.name.clone(),
                schema: catalogue.schema.clone(),
                rows: Some(catalogue.rows),
                nulls: catalogue.null_counts()?,
            });
        }
        for view in session.views().iter().filter(|view| self.wants(&view.name)) {
            let (name, schema) = (view.name.clone(), view.schema.clone());
            tables.push(DictionaryTable { name, schema, rows: None, nulls: Vec::new() });
        }
        if let (true, Some(wanted)) = (tables.is_empty(), &self.table) {
            bail!("cannot find table `{wanted}` in {}{}", self.archive.display(), hint(wanted, &session));
        }
        crate::terminal::print(&match (self.json, self.markdown) {
            (true, _) => format!("{}\n", serde_json::to_string_pretty(&dictionary_json(&tables))?),
            (_, true) => dictionary_markdown(&tables),
            _ => dictionary_text(&tables),
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn wants(&self, name: &str) -> bool {
        self.table.as_ref().is_none_or(|wanted| wanted == name)
    }
}

fn hint(wanted: &str, session: &Session) -> String {
    let catalogues = session.catalogues().iter().map(|catalogue| catalogue.name.as_str());
    let names: Vec<&str> = catalogues.chain(session.views().iter().map(|view| view.name.as_str())).collect();
    match archive::nearest_name(wanted, names.iter().copied()) {
        Some(name) => format!("\nhint: did you mean `{name}`?"),
        None => format!("\nhint: it has {}", names.join(", ")),
    }
}
