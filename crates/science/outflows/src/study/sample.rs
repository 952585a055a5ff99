//! Spectra of an archive outside a study: chosen by SQL conditions, read a part at a time.

use std::path::Path;

use archive::Tables;

use super::StudyError;
use super::source::{ArchivedSpectra, Candidate, Reader};
use crate::Spectrum;

/// Spectra of an archive's table that meet some conditions, in order of place on the sky and TARGETID.
///
/// Memory: their names and redshifts; the spectra only of the part that is read.
pub struct ArchiveSample<'a> {
    reader: Reader<'a>,
    rows: Vec<Candidate>,
}

impl<'a> ArchiveSample<'a> {
    /// Lists the spectra of a table of an archive that meet all of `conditions` (SQL over the table's columns).
    ///
    /// # Errors
    /// The archive cannot be asked, a condition is no SQL, or the table is none of spectra.
    pub fn select(
        archive: &'a dyn Tables,
        (folder, table): (&'a Path, &'a str),
        conditions: &[String],
    ) -> Result<Self, StudyError> {
        let archived = ArchivedSpectra { archive, folder, table };
        let rows = archived.candidates(conditions)?;
        Ok(Self { reader: Reader::Archive(archived), rows })
    }

    /// Number of spectra.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no spectrum meets the conditions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Some of the spectra with the archive's redshifts, free of the Galaxy's dust; of one that cannot be had, why.
    ///
    /// # Errors
    /// The archive cannot be asked.
    pub fn read(&self, range: std::ops::Range<usize>) -> Result<Vec<Result<Spectrum, String>>, StudyError> {
        let end = range.end.min(self.rows.len());
        self.reader.read(&self.rows[range.start.min(end)..end])
    }
}
