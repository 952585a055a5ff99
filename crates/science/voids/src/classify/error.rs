//! What can be wrong with the input of a classification.

/// Why galaxies could not be classified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClassifyError {
    /// No void catalogue was given.
    #[error("cannot classify galaxies: no void catalogue was given")]
    NoCatalogue,
    /// Parts of one catalogue come from two algorithms.
    #[error("cannot join void catalogues of different algorithms: `{first}` and `{other}`")]
    MixedAlgorithms {
        /// Algorithm of the first part.
        first: &'static str,
        /// Algorithm of the part that differs.
        other: &'static str,
    },
    /// The galaxies were placed on another distance scale than the voids.
    #[error("cannot classify galaxies placed with omega_m = {galaxies} by voids found with omega_m = {catalogue}")]
    OtherDistanceScale {
        /// Matter density of the galaxies' distances.
        galaxies: f64,
        /// Matter density of the catalogue's distances.
        catalogue: f64,
    },
    /// A table refers to a void or a zone that its catalogue does not hold.
    #[error("cannot read {table} row {row} of the {algorithm} catalogue (part {part}): {what} {id} is not in it")]
    UnknownReference {
        /// Algorithm of the catalogue.
        algorithm: &'static str,
        /// Which of the catalogues given.
        part: usize,
        /// The table that refers.
        table: &'static str,
        /// Its row, from 0.
        row: usize,
        /// `void` or `zone`.
        what: &'static str,
        /// The number that was not found.
        id: i64,
    },
    /// A watershed catalogue without a single tracer inside the mask.
    #[error("cannot classify by the {algorithm} catalogue: it holds no tracers\n  hint: it needs the GALZONE table")]
    NoTracers {
        /// Algorithm of the catalogue.
        algorithm: &'static str,
    },
    /// Columns of unequal length.
    #[error("cannot use galaxies with columns of different lengths: {column} has {found} rows, RA has {expected}")]
    UnequalColumns {
        /// The column that differs.
        column: &'static str,
        /// Its rows.
        found: usize,
        /// Rows of RA.
        expected: usize,
    },
    /// A declination beyond the poles: degrees mistaken, or columns swapped.
    #[error(
        "cannot place galaxy {row}: declination {dec_deg} is outside -90 to 90 degrees\n  hint: are RA and DEC swapped?"
    )]
    BadDeclination {
        /// Row, from 0.
        row: usize,
        /// The value.
        dec_deg: f64,
    },
    /// The output table could not be built.
    #[error("cannot build the table of environments")]
    Table(#[from] arrow::error::ArrowError),
}
