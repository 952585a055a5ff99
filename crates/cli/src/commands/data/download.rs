//! `astrolab data download`: files of a public release, verified.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use archive::download::{Outcome, Outlook, Patience, Plan, Settings, Source, Wanted, download, outlook, plan};
use archive::sql::SessionSettings;
use arrow::array::AsArray;
use arrow::datatypes::{DataType, UInt32Type};
use clap::{Args, ValueEnum};
use desi::release::{self, DataRelease, Pixel};
use indicatif::HumanBytes;

use crate::terminal::Bars;

/// Fetch files of a public data release: in parallel, resumable, verified against the published checksums.
///
/// No login is needed. An interrupted download goes on where it was when the same command is given again; a file gets its
/// name only when it is whole and right. `download.json` records what came from where and when.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  astrolab data download --product desivast --to dr1
  astrolab data download --product fastspecfit --to dr1 --dry-run
  astrolab data download --product coadd --survey main --program dark --healpix 27247,27248 --to dr1
  astrolab data download --product coadd --archive archive --table zcatalog \\
      --where \"spectype = 'QSO' and z > 1.5\" --to dr1 --limit 20MB
  astrolab data download --product desivast --from https://data.desi.lbl.gov/public/dr1 --to dr1")]
pub(crate) struct Download {
    /// Which release.
    #[arg(long, value_enum, default_value = "dr1")]
    release: ReleaseName,
    /// What to fetch.
    #[arg(long, value_enum)]
    product: ProductName,
    /// Folder of the local copy; paths below it are those of the release.
    #[arg(long)]
    to: PathBuf,
    /// Another root of the release than its public bucket: s3://BUCKET/PREFIX or https://HOST/PATH.
    #[arg(long)]
    from: Option<String>,
    /// Server of an S3 bucket other than Amazon's.
    #[arg(long, env = "ASTROLAB_S3_ENDPOINT")]
    endpoint: Option<String>,
    /// Pixels of coadds (nside 64, nested).
    #[arg(long, value_delimiter = ',', requires = "program")]
    healpix: Vec<u32>,
    /// Survey of `--healpix`.
    #[arg(long, default_value = "main")]
    survey: String,
    /// Program of `--healpix`, for example `dark`.
    #[arg(long)]
    program: Option<String>,
    /// Coadds of the targets that fulfil this SQL condition on `--table`.
    #[arg(long = "where", value_name = "SQL", conflicts_with = "healpix")]
    condition: Option<String>,
    /// Archive that `--where` asks.
    #[arg(long, default_value = "archive", env = "ASTROLAB_ARCHIVE")]
    archive: PathBuf,
    /// Table of the archive with SURVEY, PROGRAM and HEALPIX.
    #[arg(long, default_value = "zcatalog")]
    table: String,
    /// Requests at once.
    #[arg(long, default_value_t = 8)]
    parallel: usize,
    /// Bytes a second at most, for example `20MB`.
    #[arg(long, value_parser = bytes)]
    limit: Option<u64>,
    /// List the files and their sizes, fetch nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReleaseName {
    Dr1,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProductName {
    /// Void catalogues, 8 files, 1.2 GB.
    Desivast,
    /// FastSpecFit of the bright main survey, 12 files, 26.4 GB.
    Fastspecfit,
    /// The redshift catalogue of all targets.
    Zcatalog,
    /// Coadded spectra and redrock fits of pixels (`--healpix` or `--where`).
    Coadd,
}

impl Download {
    pub(crate) fn run(self) -> Result<ExitCode> {
        let ReleaseName::Dr1 = self.release;
        let release = DataRelease::Dr1;
        let wanted = self.wanted(release)?;
        let root = self.from.clone().unwrap_or_else(|| release.bucket().to_owned());
        let source = Source::open(&root, self.endpoint.as_deref(), Patience::default())?;
        let plan = plan(&source, &wanted)?;
        if self.dry_run {
            crate::terminal::print(&listing(&plan, &outlook(&plan, &self.to)?, self.json)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        for folder in &plan.without_checksums {
            crate::terminal::complain(&format!("note: {folder} publishes no checksum for some of these files"));
        }
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let settings =
            Settings { parallel: self.parallel.max(1), bytes_per_second: self.limit, ..Settings::new(&self.to, now) };
        let outcome = download(&source, &plan, &settings, &Bars::default())?;
        crate::terminal::print(&summary(&outcome, &self.to, self.json)?)?;
        for failure in &outcome.failed {
            crate::terminal::complain(&format!("error: {failure}"));
        }
        Ok(if outcome.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    fn wanted(&self, release: DataRelease) -> Result<Vec<Wanted>> {
        let product = match self.product {
            ProductName::Desivast => release::Product::Desivast,
            ProductName::Fastspecfit => release::Product::Fastspecfit,
            ProductName::Zcatalog => release::Product::Zcatalog,
            ProductName::Coadd => release::Product::Coadd,
        };
        let folders = match product {
            release::Product::Coadd => release::coadds(release, self.pixels()?),
            _ if !self.healpix.is_empty() || self.condition.is_some() => {
                bail!("cannot select pixels of this product\nhint: `--healpix` and `--where` go with `--product coadd`")
            }
            _ => release::folders(release, product),
        };
        Ok(folders.into_iter().map(|folder| Wanted { folder: folder.path, names: folder.names }).collect())
    }

    fn pixels(&self) -> Result<Vec<Pixel>> {
        if let Some(condition) = &self.condition {
            return pixels_where(&self.archive, &self.table, condition);
        }
        let Some(program) = self.program.clone().filter(|_| !self.healpix.is_empty()) else {
            bail!(
                "cannot tell which coadds\nhint: name pixels (`--program dark --healpix 27247`) or targets (`--where`)"
            )
        };
        let pixel = |&healpix: &u32| Pixel { survey: self.survey.clone(), program: program.clone(), healpix };
        Ok(self.healpix.iter().map(pixel).collect())
    }
}

/// The pixels that hold the targets of a condition.
fn pixels_where(archive: &Path, table: &str, condition: &str) -> Result<Vec<Pixel>> {
    let session = crate::session::open(archive, SessionSettings::default())?;
    let sql = format!("SELECT DISTINCT SURVEY, PROGRAM, HEALPIX FROM {table} WHERE {condition}");
    let (_, batches) = session.ask(&sql)?;
    let mut pixels = Vec::new();
    for batch in &batches {
        let typed = |place: usize, data_type| arrow::compute::cast(batch.column(place), data_type);
        let (survey, program) = (typed(0, &DataType::Utf8)?, typed(1, &DataType::Utf8)?);
        let healpix = typed(2, &DataType::UInt32)?;
        let (survey, program) = (survey.as_string::<i32>(), program.as_string::<i32>());
        for (row, healpix) in healpix.as_primitive::<UInt32Type>().iter().enumerate() {
            let healpix = healpix.with_context(|| format!("cannot place a target of {table}: it has no HEALPIX"))?;
            let (survey, program) = (survey.value(row).trim().to_owned(), program.value(row).trim().to_owned());
            pixels.push(Pixel { survey, program, healpix });
        }
    }
    if pixels.is_empty() {
        bail!("cannot find a target in {table} with {condition}");
    }
    Ok(pixels)
}

fn listing(plan: &Plan, outlook: &Outlook, json: bool) -> Result<String> {
    let files = plan.files.iter().zip(&outlook.in_place);
    if json {
        let files: Vec<_> = files
            .map(|(file, there)| {
                serde_json::json!({"path": file.path, "bytes": file.bytes, "sha256": file.sha256, "there": there})
            })
            .collect();
        let value = serde_json::json!({
            "files": files, "bytes": plan.bytes(), "bytes_to_fetch": outlook.bytes, "bytes_free": outlook.free,
        });
        return Ok(serde_json::to_string_pretty(&value)? + "\n");
    }
    let size = |bytes: u64| format!("{:>12}", HumanBytes(bytes).to_string());
    let mut lines = String::new();
    for (file, there) in files {
        let (verified, there) = (if file.sha256.is_some() { "sha256" } else { "-" }, if *there { "there" } else { "" });
        lines.push_str(&format!("{}  {verified:6}  {there:5}  {}\n", size(file.bytes), file.path));
    }
    let room = if outlook.bytes > outlook.free { ": too few" } else { "" };
    lines.push_str(&format!("{}  in {} files\n", size(plan.bytes()), plan.files.len()));
    lines.push_str(&format!("{}  to fetch\n{}  free on the disk{room}\n", size(outlook.bytes), size(outlook.free)));
    Ok(lines)
}

fn summary(outcome: &Outcome, folder: &Path, json: bool) -> Result<String> {
    let fetched: u64 = outcome.fetched.iter().map(|record| record.bytes).sum();
    if json {
        let failed: Vec<String> = outcome.failed.iter().map(ToString::to_string).collect();
        let value = serde_json::json!({
            "folder": folder, "fetched": outcome.fetched, "kept": outcome.kept,
            "resumed_bytes": outcome.resumed_bytes, "failed": failed,
        });
        return Ok(serde_json::to_string_pretty(&value)? + "\n");
    }
    let unverified = outcome.fetched.iter().filter(|record| !record.published).count();
    let mut lines = format!("fetched    {} files, {}\n", outcome.fetched.len(), HumanBytes(fetched));
    for (many, line) in [
        (outcome.kept.len(), format!("there      {} files\n", outcome.kept.len())),
        (usize::from(outcome.resumed_bytes > 0), format!("resumed    {}\n", HumanBytes(outcome.resumed_bytes))),
        (unverified, format!("unverified {unverified} files: no checksum is published\n")),
        (outcome.failed.len(), format!("failed     {} files\n", outcome.failed.len())),
    ] {
        if many > 0 {
            lines.push_str(&line);
        }
    }
    Ok(format!("{lines}folder     {}\n", folder.display()))
}

/// A number of bytes with an optional decimal unit.
fn bytes(text: &str) -> Result<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '/');
    let unit = match text[digits.len()..].trim_end_matches("/s").to_ascii_uppercase().as_str() {
        "" | "B" => 1.0,
        "K" | "KB" => 1e3,
        "M" | "MB" => 1e6,
        "G" | "GB" => 1e9,
        other => bail!("`{other}` is no unit: expected kB, MB or GB"),
    };
    let number: f64 = digits.trim().parse().map_err(|_| anyhow!("expected a number and a unit, as `20MB`"))?;
    if !(number > 0.0 && number < 1e12) {
        bail!("expected more than nothing");
    }
    Ok((number * unit) as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    #[test]
    fn limits_are_understood() {
        assert_eq!(super::bytes("20MB").unwrap(), 20_000_000);
        assert_eq!(super::bytes("1.5 GB/s").unwrap(), 1_500_000_000);
        assert!(super::bytes("fast").is_err() && super::bytes("-3MB").is_err() && super::bytes("3 parsec").is_err());
    }
}
