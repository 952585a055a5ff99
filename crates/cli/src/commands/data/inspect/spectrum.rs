//! `data inspect` of spectra: drawn in the terminal, and as a figure.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use desi::spectra::{Spectrum, SpectrumFile, TargetRedshift, read_redshifts, redshift_file_beside};
use serde_json::json;

use super::{braille, spectrum_figure};

/// Rows shown when none is chosen.
const MOST_UNCHOSEN: usize = 1;

/// Options that make `inspect` show spectra.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Show the file's first spectrum, not its HDUs.
    #[arg(long)]
    spectrum: bool,
    /// Show the spectra of these targets.
    #[arg(long, value_delimiter = ',')]
    targetid: Vec<i64>,
    /// Show the spectra of these rows, from 0.
    #[arg(long, value_delimiter = ',')]
    row: Vec<usize>,
    /// Draw the spectrum into this file (SVG or PNG by its ending); of several spectra, `-TARGETID` is added to the name.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Redshift for the names of the lines; by default that of the redrock file beside the coadd, or the file's own.
    #[arg(short = 'z', long)]
    redshift: Option<f64>,
}

/// A spectrum with what is known about it.
pub(super) struct Shown {
    pub(super) spectrum: Spectrum,
    pub(super) redshift: Option<f64>,
    /// SPECTYPE and ZWARN.
    pub(super) class: Option<(String, i64)>,
}

impl Options {
    /// Whether spectra were asked for.
    pub(super) fn asked(&self) -> bool {
        self.spectrum || self.plot.is_some() || !self.targetid.is_empty() || !self.row.is_empty()
    }

    /// Shows the spectra of some files.
    pub(super) fn run(&self, paths: &[PathBuf], as_json: bool) -> Result<ExitCode> {
        let mut shown = Vec::new();
        for path in paths {
            shown.extend(self.of_file(path, paths.len() == 1)?);
        }
        if shown.is_empty() {
            bail!("cannot find TARGETID {:?} in the files given", self.targetid);
        }
        for one in &shown {
            let text = if as_json { format!("{}\n", summary(one)) } else { page(one) };
            crate::terminal::print(&text)?;
            if let Some(plot) = &self.plot {
                save(one, &named(plot, one, shown.len() > 1))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn of_file(&self, path: &Path, alone: bool) -> Result<Vec<Shown>> {
        let file = SpectrumFile::open(path)?;
        let rows: Vec<usize> = if self.targetid.is_empty() && self.row.is_empty() {
            (0..file.len().min(MOST_UNCHOSEN)).collect()
        } else {
            let named = |row: &usize| {
                self.row.contains(row) || file.target_id(*row).is_some_and(|id| self.targetid.contains(&id))
            };
            (0..file.len()).filter(named).collect()
        };
        if let Some(beyond) = self.row.iter().find(|row| **row >= file.len()) {
            bail!("cannot show row {beyond} of {}: it has {} spectra, rows from 0", path.display(), file.len());
        }
        let missing = self.targetid.iter().find(|id| !(0..file.len()).any(|row| file.target_id(row) == Some(**id)));
        if let (true, Some(id)) = (alone, missing) {
            let some: Vec<String> =
                (0..file.len().min(5)).filter_map(|row| file.target_id(row)).map(|id| id.to_string()).collect();
            bail!(
                "cannot find TARGETID {id} in {}\nhint: it has {} spectra, among them {}",
                path.display(),
                file.len(),
                if some.is_empty() { "none with a TARGETID: use --row".to_owned() } else { some.join(", ") }
            );
        }
        let redshifts = match redshift_file_beside(path) {
            Some(beside) if !rows.is_empty() => read_redshifts(&beside)?,
            _ => Vec::new(),
        };
        rows.into_iter().map(|row| Ok(self.shown(file.spectrum(row)?, &redshifts))).collect()
    }

    fn shown(&self, spectrum: Spectrum, redshifts: &[TargetRedshift]) -> Shown {
        let listed = redshifts.iter().find(|one| Some(one.target_id) == spectrum.target_id);
        let redshift = self.redshift.or(listed.map(|one| one.redshift)).or(spectrum.redshift);
        let class = listed.and_then(|one| Some((one.spectype.clone()?, one.zwarn?)));
        Shown { spectrum, redshift, class }
    }
}

impl Shown {
    pub(super) fn title(&self) -> String {
        let mut title = self.spectrum.name.clone();
        if let Some(redshift) = self.redshift {
            title.push_str(&format!(", z = {redshift:.4}"));
        }
        if let Some((spectype, zwarn)) = &self.class {
            title.push_str(&format!(", {spectype}"));
            if *zwarn != 0 {
                title.push_str(&format!(", ZWARN {zwarn}"));
            }
        }
        title
    }
}

fn summary(shown: &Shown) -> serde_json::Value {
    let spectrum = &shown.spectrum;
    let ends = (spectrum.wavelength_angstrom.first(), spectrum.wavelength_angstrom.last());
    json!({
        "name": spectrum.name,
        "targetid": spectrum.target_id.map(|id| id.to_string()),
        "ra_deg": spectrum.ra_deg, "dec_deg": spectrum.dec_deg, "ebv": spectrum.ebv,
        "redshift": shown.redshift,
        "spectype": shown.class.as_ref().map(|(spectype, _)| spectype),
        "zwarn": shown.class.as_ref().map(|(_, zwarn)| zwarn),
        "wavelength_angstrom": [ends.0, ends.1],
        "pixels": spectrum.len(), "good_pixels": spectrum.n_good(),
        "median_signal_to_noise": spectrum.median_signal_to_noise(),
    })
}

fn page(shown: &Shown) -> String {
    let spectrum = &shown.spectrum;
    let number = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |value| format!("{value:.digits$}"));
    let mut text = format!(
        "{}\nRA {}  Dec {}  E(B-V) {}  {} of {} pixels good  median S/N {}\n",
        shown.title(),
        number(spectrum.ra_deg, 5),
        number(spectrum.dec_deg, 5),
        number(spectrum.ebv, 3),
        spectrum.n_good(),
        spectrum.len(),
        number(spectrum.median_signal_to_noise(), 2)
    );
    text.push_str(&braille::plot(spectrum, shown.redshift, braille::terminal_columns()));
    text
}

/// The file of one of several spectra: `plot-39627.png`.
fn named(plot: &Path, shown: &Shown, several: bool) -> PathBuf {
    if !several {
        return plot.to_owned();
    }
    let stem = plot.file_stem().unwrap_or_default().to_string_lossy();
    let ending = plot.extension().unwrap_or_default().to_string_lossy();
    let name: String = shown
        .spectrum
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect();
    plot.with_file_name(format!("{stem}-{name}.{ending}"))
}

fn save(shown: &Shown, path: &Path) -> Result<()> {
    let figure = spectrum_figure::figure(shown);
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let bytes = match ending.as_deref() {
        Some("svg") => figure.svg("spectrum").into_bytes(),
        Some("png") => figure.png()?,
        _ => bail!("cannot draw {}: expected a name ending in .svg or .png", path.display()),
    };
    study::write_file(path, &bytes).with_context(|| format!("cannot write {}", path.display()))
}
