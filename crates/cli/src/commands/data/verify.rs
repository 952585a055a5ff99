//! `astrolab data verify`: a local copy against its record.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use archive::download::{Fault, MANIFEST, Record, Verified, discard, verify};
use clap::Args;
use indicatif::HumanBytes;

use crate::terminal::Bars;

/// Re-check downloaded files: present, whole, byte for byte as recorded, FITS checksums right. Exits with 1 and says what to
/// fetch again when a file is not.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data verify dr1
  astrolab data verify dr1 --discard    # then the same `data download` fetches the bad files again")]
pub(crate) struct Verify {
    /// Folder of the local copy.
    folder: PathBuf,
    /// Remove bad files, so that the next download fetches them again.
    #[arg(long)]
    discard: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(self) -> Result<ExitCode> {
        if !self.folder.join(MANIFEST).exists() {
            bail!(
                "cannot verify {}: it has no {MANIFEST}\nhint: `astrolab data download --to FOLDER` writes one",
                self.folder.display()
            );
        }
        let verdict = verify(&self.folder, &Bars::default())?;
        crate::terminal::print(&if self.json { json(&verdict)? } else { text(&verdict) })?;
        if self.discard && !verdict.bad.is_empty() {
            discard(&self.folder, &verdict.bad)?;
            crate::terminal::complain("discarded: the same `data download` fetches them again");
        } else if !verdict.bad.is_empty() {
            crate::terminal::complain(
                "hint: `--discard` removes them, then the same `data download` fetches them again",
            );
        }
        Ok(if verdict.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn json(verdict: &Verified) -> Result<String> {
    let told = |(record, fault): &(Record, Fault)| serde_json::json!({"path": record.path, "url": record.url, "fault": fault.to_string()});
    let bad: Vec<_> = verdict.bad.iter().map(told).collect();
    let notes =
        verdict.wrong_at_source.iter().map(|(record, hdu)| serde_json::json!({"path": record.path, "hdu": hdu}));
    let value = serde_json::json!({
        "good": verdict.good, "good_bytes": verdict.good_bytes, "bad": bad, "wrong_at_source": notes.collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

fn text(verdict: &Verified) -> String {
    let mut lines = format!("good  {} files, {}\n", verdict.good, HumanBytes(verdict.good_bytes));
    for (record, fault) in &verdict.bad {
        lines
            .push_str(&format!("bad   {}: {fault}; recorded {} bytes, {}\n", record.path, record.bytes, record.sha256));
    }
    for (record, hdu) in &verdict.wrong_at_source {
        lines.push_str(&format!(
            "note  {}: HDU {hdu} disagrees with its own CHECKSUM; the file is as it was published, fetching it again does not help\n",
            record.path
        ));
    }
    if !verdict.bad.is_empty() {
        let bytes: u64 = verdict.bad.iter().map(|(record, _)| record.bytes).sum();
        lines.push_str(&format!("fetch again  {} files, {}\n", verdict.bad.len(), HumanBytes(bytes)));
    }
    lines
}
