//! Any spectrum file: which kind it is is read from its content, never from its name.

use std::path::Path;

use archive::fits::FitsFile;

use super::coadd::CoaddFile;
use super::spectrum::Spectrum;
use super::{sdss, xshooter};
use crate::DesiError;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpectrumKind {
    /// DESI coadd or spectra: images of three arms.
    DesiCoadd,
    /// SDSS spec: a table with LOGLAM.
    Sdss,
    /// X-Shooter as XQR-30 publishes it: a table of one row of vectors.
    XShooter,
}

/// An open file of one or many spectra.
#[derive(Debug)]
pub enum SpectrumFile {
    /// Many targets, read one at a time.
    Coadd(CoaddFile),
    /// One spectrum.
    Single(SpectrumKind, Box<Spectrum>),
}

impl SpectrumFile {
    /// Opens a file.
    ///
    /// # Errors
    /// When it is no FITS file, holds no spectra of a known kind, or is broken.
    pub fn open(path: &Path) -> Result<Self, DesiError> {
        let file = FitsFile::open(path)?;
        let arm = |name: &str| ["B_", "R_", "Z_"].iter().any(|arm| name.to_ascii_uppercase().starts_with(arm));
        if file.hdus().iter().any(|hdu| arm(&hdu.name)) || file.has_table("FIBERMAP") && !file.has_table("REDSHIFTS") {
            return Ok(Self::Coadd(CoaddFile::of(file)?));
        }
        let table = file.first_table();
        let has = |column: &str| table.as_ref().is_ok_and(|table| table.has_column(column));
        let single = if has("LOGLAM") && has("IVAR") {
            Some((SpectrumKind::Sdss, sdss::of(&file)?))
        } else if has("WAVE") && has("ERROR") {
            Some((SpectrumKind::XShooter, xshooter::of(&file)?))
        } else {
            None
        };
        let (kind, spectrum) = single.ok_or_else(|| DesiError::Spectrum {
            path: path.to_owned(),
            row: None,
            reason: "expected DESI images B_FLUX, R_FLUX, Z_FLUX, an SDSS table with LOGLAM, or vectors WAVE, FLUX, \
                     ERROR\nhint: `astrolab data inspect` shows what the file holds"
                .to_owned(),
        })?;
        Ok(Self::Single(kind, Box::new(spectrum)))
    }

    /// Number of spectra.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Coadd(file) => file.len(),
            Self::Single(..) => 1,
        }
    }

    /// Whether there is no spectrum.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// TARGETID of a row, where the file has one.
    #[must_use]
    pub fn target_id(&self, row: usize) -> Option<i64> {
        match self {
            Self::Coadd(file) => file.target_ids().get(row).copied(),
            Self::Single(_, spectrum) => spectrum.target_id,
        }
    }

    /// One spectrum. DESI's has no redshift yet: that is in the redrock file or a catalogue.
    ///
    /// # Errors
    /// When the row is beyond the file or cannot be read.
    pub fn spectrum(&self, row: usize) -> Result<Spectrum, DesiError> {
        match self {
            Self::Coadd(file) => file.spectrum(row),
            Self::Single(_, spectrum) => Ok((**spectrum).clone()),
        }
    }
}
