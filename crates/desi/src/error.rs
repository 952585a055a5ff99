//! What can go wrong with a DESI file or a simulation of one.

use std::path::PathBuf;

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DesiError {
    /// A simulation parameter outside its range.
    #[error("cannot simulate with {name} = {value}: expected {least} to {most}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What it was.
        value: f64,
        /// Least value allowed.
        least: f64,
        /// Greatest value allowed.
        most: f64,
    },
    /// The simulated sky would not hold the galaxies asked for.
    #[error(
        "cannot place {galaxies} galaxies: only {placed} found after {trials} trials\nhint: enlarge the area or the redshift range"
    )]
    Sparse {
        /// Asked for.
        galaxies: usize,
        /// Found.
        placed: usize,
        /// Trials made.
        trials: u64,
    },
    /// A template file that cannot be used.
    #[error("cannot read the template {}: {reason}", path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// A FITS file that cannot be read.
    #[error(transparent)]
    Fits(#[from] archive::fits::FitsError),
    /// Column declarations that cannot be read.
    #[error(transparent)]
    Archive(Box<archive::Error>),
    /// An emission line that FastSpecFit does not fit.
    #[error(
        "cannot use the emission line `{name}`: FastSpecFit has no such line{}",
        nearest.as_ref().map_or_else(String::new, |name| format!("\nhint: the nearest name is `{name}`"))
    )]
    UnknownLine {
        /// What was asked for.
        name: String,
        /// The line with the most similar name.
        nearest: Option<String>,
    },
    /// A declared column that the simulation has no value for: a fault of this crate.
    #[error("cannot simulate column `{column}`: it has no value")]
    NoValue {
        /// The column.
        column: String,
    },
    /// A file without the tables of FastSpecFit.
    #[error("cannot read {} as FastSpecFit: expected the tables METADATA and FASTSPEC", path.display())]
    NotFastSpecFit {
        /// The file.
        path: PathBuf,
    },
    /// Files of different versions of FastSpecFit.
    #[error(
        "cannot read {} ({second_version}) together with {} ({first_version})\nhint: ingest each version into an archive of its own",
        second.display(), first.display()
    )]
    MixedVersions {
        /// The first file.
        first: PathBuf,
        /// What it is.
        first_version: String,
        /// The file that differs.
        second: PathBuf,
        /// What it is.
        second_version: String,
    },
    /// A file that is no void catalogue, or one of another kind.
    #[error("cannot read {path} as a void catalogue: {reason}", path = path.display())]
    Catalogue {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// A file of spectra that is broken, or of no known kind.
    #[error("cannot read spectra from {}{}: {reason}", path.display(), row.map_or(String::new(), |row| format!(", row {row}")))]
    Spectrum {
        /// The file.
        path: PathBuf,
        /// Row, counted from 0, where one is to blame.
        row: Option<usize>,
        /// What was expected and found.
        reason: String,
    },
    /// Coadds in which no target can be or is to be taken.
    #[error(
        "cannot find a spectrum to ingest: of {targets} targets, {unplaced} have no position, the others are not {wanted}\nhint: `--redshifts CATALOGUE` with TARGETID, Z, TARGET_RA and TARGET_DEC gives redshifts and positions"
    )]
    NoneChosen {
        /// Targets of all coadds.
        targets: usize,
        /// Of the right type, but without right ascension and declination.
        unplaced: usize,
        /// What was asked for.
        wanted: String,
    },
    /// Columns that do not make a table.
    #[error("cannot make the table {table}: {source}")]
    Columns {
        /// The table.
        table: &'static str,
        /// What Arrow says.
        source: arrow::error::ArrowError,
    },
    /// A Parquet file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the Parquet library says.
        source: parquet::errors::ParquetError,
    },
    /// A folder or file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
}

impl From<archive::Error> for DesiError {
    fn from(error: archive::Error) -> Self {
        Self::Archive(Box::new(error))
    }
}
