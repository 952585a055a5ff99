//! Coadds into the archive's table `spectra`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use archive::Progress;
use archive::ingest::{CatalogueRequest, IngestRequest, Ingested, RowSource, TableSource, ingest_rows};
use desi::DesiError;
use desi::spectra::{CoaddSource, SpectraSelection, read_redshifts, redshift_file_beside, spectra_columns};
use rayon::prelude::*;

use crate::terminal::{Bars, complain};

/// Rows a partition at most: spectra take some 0.2 MB each on disk.
const MAX_ROWS: usize = 2_000;

/// What the user chose of the spectra.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Of coadds: only targets of this SPECTYPE (QSO, GALAXY, STAR).
    #[arg(long)]
    spectype: Option<String>,
    /// Of coadds: take redshifts (and missing positions) by TARGETID from this catalogue, not from the redrock files.
    #[arg(long, value_name = "FILE")]
    redshifts: Option<PathBuf>,
    /// Of coadds: leave the resolution matrices out; the line-spread sigma stays. Halves the archive.
    #[arg(long)]
    without_resolution: bool,
}

impl Options {
    pub(super) fn none() -> Self {
        Self { spectype: None, redshifts: None, without_resolution: false }
    }

    /// Whether anything was chosen that only coadds have.
    pub(super) fn any(&self) -> bool {
        self.spectype.is_some() || self.redshifts.is_some() || self.without_resolution
    }

    /// Ingests coadds.
    pub(super) fn ingest(
        &self,
        coadds: &[PathBuf],
        (archive, name): (&Path, Option<&str>),
        (max_rows, margin_arcsec): (Option<usize>, f64),
        bars: &Bars,
    ) -> Result<Vec<Ingested>> {
        let spectype = self.spectype.as_deref().map(str::to_uppercase);
        if let Some(kind) = spectype.as_deref().filter(|kind| !["QSO", "GALAXY", "STAR"].contains(kind)) {
            bail!("cannot choose spectra of SPECTYPE `{kind}`: expected QSO, GALAXY or STAR");
        }
        let mut files = coadds.to_vec();
        match &self.redshifts {
            Some(catalogue) => files.push(catalogue.clone()),
            None => files.extend(coadds.iter().filter_map(|coadd| redshift_file_beside(coadd))),
        }
        let request = IngestRequest {
            archive: archive.to_owned(),
            files,
            catalogues: vec![CatalogueRequest {
                name: name.unwrap_or("spectra").to_owned(),
                description: self.description(coadds, spectype.as_deref()),
                table: TableSource::Hdu("B_FLUX".to_owned()),
                columns: spectra_columns(self.without_resolution),
            }],
            ra: "RA".to_owned(),
            dec: "DEC".to_owned(),
            id: Some("TARGETID".to_owned()),
            max_rows: max_rows.unwrap_or(MAX_ROWS),
            margin_arcsec,
        };
        let open = || self.open(coadds, spectype, bars).map_err(Into::into);
        Ok(ingest_rows(&request, open, bars)?)
    }

    fn description(&self, coadds: &[PathBuf], spectype: Option<&str>) -> String {
        let simulated = coadds.first().is_some_and(|path| {
            archive::fits::FitsFile::open(path).is_ok_and(|file| desi::release::is_simulated(&file))
        });
        let mut text = if simulated { "DESI coadds, simulated" } else { "DESI coadds" }.to_owned();
        if let Some(kind) = spectype {
            text.push_str(&format!(", SPECTYPE {kind}"));
        }
        text
    }

    /// Opens every coadd, a few at a time, and says what was left out.
    fn open(
        &self,
        coadds: &[PathBuf],
        spectype: Option<String>,
        bars: &Bars,
    ) -> Result<Vec<Box<dyn RowSource>>, DesiError> {
        let redshifts = match &self.redshifts {
            None => None,
            Some(path) => {
                let rows = read_redshifts(path)?.into_iter().map(|one| (one.target_id, one));
                Some(Arc::new(rows.collect::<HashMap<_, _>>()))
            }
        };
        let selection = SpectraSelection { spectype, without_resolution: self.without_resolution, redshifts };
        bars.begin("coadds", coadds.len() as u64, "files");
        let sources: Vec<CoaddSource> = coadds
            .par_iter()
            .map(|path| {
                let source = CoaddSource::open(path, &selection);
                bars.advance(1);
                source
            })
            .collect::<Result<_, _>>()?;
        bars.end();
        report(&sources, &selection)?;
        Ok(sources.into_iter().map(|source| Box::new(source) as Box<dyn RowSource>).collect())
    }
}

/// Says what will be ingested and what will not.
fn report(sources: &[CoaddSource], selection: &SpectraSelection) -> Result<(), DesiError> {
    let sum = |count: fn(&CoaddSource) -> usize| sources.iter().map(count).sum::<usize>();
    let (targets, chosen) = (sum(CoaddSource::n_targets), sum(|source| source.n_rows()));
    let unplaced = sum(CoaddSource::n_unplaced);
    if chosen == 0 {
        let wanted = selection.spectype.clone().unwrap_or_else(|| "there".to_owned());
        return Err(DesiError::NoneChosen { targets, unplaced, wanted });
    }
    let kind = selection.spectype.as_deref().map_or_else(String::new, |kind| format!(" of SPECTYPE {kind}"));
    complain(&format!("{targets} targets in {} files: {chosen} spectra{kind} to ingest", sources.len()));
    if unplaced > 0 {
        complain(&format!(
            "warning: {unplaced} targets have no position and are left out\n\
             hint: `--redshifts CATALOGUE` with TARGETID, TARGET_RA and TARGET_DEC gives them one"
        ));
    }
    let without = chosen - sum(CoaddSource::n_with_redshift);
    if without > 0 {
        complain(&format!(
            "warning: {without} spectra have no redshift\n\
             hint: keep redrock files beside the coadds, or give `--redshifts CATALOGUE`"
        ));
    }
    Ok(())
}
