//! `astrolab data inspect`: what is in FITS files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use archive::fits::{FileSummary, HduSummary, inspect};
use clap::Args;
use rayon::prelude::*;

/// Show the HDUs, columns, types, units, valid fractions and ranges of FITS files, and what differs between them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data inspect DESIVAST_BGS_VOLLIM_V2_REVOLVER_NGC.fits
  astrolab data inspect catalogues/ --verify
  astrolab data inspect a.fits b.fits.gz --json")]
pub(crate) struct Inspect {
    /// FITS files, or folders of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Check CHECKSUM and DATASUM too.
    #[arg(long)]
    verify: bool,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let mut files = Vec::new();
        for path in &self.paths {
            find(path, &mut files)?;
        }
        if files.is_empty() {
            bail!("cannot find a FITS file in the given folders: expected names ending in .fits, .fit or .fits.gz");
        }
        let outcomes: Vec<_> = files.par_iter().map(|path| inspect(path, self.verify)).collect();
        let mut summaries = Vec::new();
        let mut failed = false;
        for outcome in outcomes {
            match outcome {
                Ok(summary) => summaries.push(summary),
                Err(error) => {
                    failed = true;
                    crate::terminal::complain(&format!("error: {error}"));
                }
            }
        }
        if self.json {
            crate::terminal::print(&format!("{}\n", serde_json::to_string_pretty(&summaries)?))?;
        } else {
            let mut page = String::new();
            summaries.iter().for_each(|file| write_file(&mut page, file));
            write_differences(&mut page, &summaries);
            crate::terminal::print(&page)?;
        }
        Ok(ExitCode::from(u8::from(failed)))
    }
}

/// A named file as it is; of a folder, every FITS file below it, in order of name.
fn find(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))?;
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for entry in entries {
        let name = entry.to_string_lossy().to_lowercase();
        if entry.is_dir() || [".fits", ".fit", ".fits.gz"].iter().any(|ending| name.ends_with(ending)) {
            find(&entry, files)?;
        }
    }
    Ok(())
}

fn write_file(page: &mut String, file: &FileSummary) {
    let _ = writeln!(page, "{}  {} bytes", file.path.display(), file.bytes);
    for hdu in &file.hdus {
        let _ = writeln!(page, "  HDU {} {}  {}", hdu.index, hdu.name, describe(hdu));
        let rows = hdu.columns.iter().map(|column| {
            let valid = column.valid_fraction.map_or("-".to_owned(), |share| format!("{:.1}%", 100.0 * share));
            let range = column.range.as_ref().map_or("-".to_owned(), |[low, high]| format!("{low} .. {high}"));
            let unit = column.unit.clone().unwrap_or_default();
            [column.name.clone(), column.tform.clone(), column.data_type.clone(), unit, valid, range]
        });
        let titles = ["column", "TFORM", "type", "unit", "valid", "range"].map(str::to_owned);
        if !hdu.columns.is_empty() {
            write_table(page, &std::iter::once(titles).chain(rows).collect::<Vec<_>>());
        }
    }
    page.push('\n');
}

fn describe(hdu: &HduSummary) -> String {
    let mut text = hdu.kind.to_owned();
    if let Some(rows) = hdu.rows {
        text += &format!(", {rows} rows, {} columns", hdu.columns.len());
    }
    if let Some(shape) = hdu.shape.as_ref().filter(|shape| !shape.is_empty()) {
        text += &format!(", shape {shape:?}, BITPIX {}", hdu.bitpix.unwrap_or_default());
    }
    if let Some([low, high]) = hdu.range {
        text += &format!(", {low} .. {high} {}", hdu.unit.as_deref().unwrap_or_default());
    }
    if let Some(checksum) = hdu.checksum {
        text += &format!(", checksum {checksum}");
    }
    text
}

fn write_table<const N: usize>(page: &mut String, rows: &[[String; N]]) {
    let widths: [usize; N] =
        std::array::from_fn(|place| rows.iter().map(|row| row[place].chars().count()).max().unwrap_or(0));
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(page, "    {}", cells.join("  ").trim_end());
    }
}

/// Columns that are not the same in every file: absent from some, or of another type or unit.
fn write_differences(page: &mut String, files: &[FileSummary]) {
    if files.len() < 2 {
        return;
    }
    let mut found: BTreeMap<(&str, &str), Vec<(&str, &str)>> = BTreeMap::new();
    for hdu in files.iter().flat_map(|file| &file.hdus) {
        for column in &hdu.columns {
            let of_column = found.entry((hdu.name.as_str(), column.name.as_str())).or_default();
            of_column.push((column.data_type.as_str(), column.unit.as_deref().unwrap_or("")));
        }
    }
    let total = found.len();
    let mut rows = vec![["HDU", "column", "in files", "types", "units"].map(str::to_owned)];
    for ((hdu, column), seen) in found {
        let distinct = |pick: fn(&(&str, &str)) -> String| {
            let mut values: Vec<String> = seen.iter().map(pick).collect();
            values.sort();
            values.dedup();
            values
        };
        let (types, units) = (distinct(|seen| seen.0.to_owned()), distinct(|seen| format!("`{}`", seen.1)));
        if seen.len() != files.len() || types.len() > 1 || units.len() > 1 {
            let count = format!("{} of {}", seen.len(), files.len());
            rows.push([hdu.to_owned(), column.to_owned(), count, types.join(" | "), units.join(" | ")]);
        }
    }
    let _ = writeln!(
        page,
        "{} files, {total} columns in all, {} of them not the same in every file",
        files.len(),
        rows.len() - 1
    );
    if rows.len() > 1 {
        write_table(page, &rows);
    }
}
