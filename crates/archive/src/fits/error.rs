//! What can be wrong with a FITS file, and where.

use std::path::PathBuf;

/// A failure to read or write a FITS file: the message names the file and, where it applies, HDU, column and row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitsError {
    /// The operating system refused.
    #[error("cannot {attempt} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file does not begin as a FITS file does.
    #[error("{} is not a FITS file: expected it to begin with `SIMPLE  =`, found {found}{}", path.display(), hint(found))]
    NotFits {
        /// The file.
        path: PathBuf,
        /// How it begins.
        found: String,
    },
    /// Fewer bytes than the header promises.
    #[error(
        "{} is truncated in HDU {hdu}: its header promises data up to byte {expected}, the file ends at byte {found}\n\
         hint: download it again, and check it against the published checksum", path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// HDU as `index (NAME)`.
        hdu: String,
        /// Where the data should end.
        expected: u64,
        /// Where the file ends.
        found: u64,
    },
    /// A header that breaks the standard or this reader's limits.
    #[error("cannot read the header of HDU {hdu} of {}: {reason}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// HDU as `index (NAME)`.
        hdu: String,
        /// What is wrong.
        reason: String,
    },
    /// An HDU that is not there, or is of another kind.
    #[error("cannot find {wanted} in {}: it has {}", path.display(), present.join(", "))]
    NoSuchHdu {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: String,
        /// What is there.
        present: Vec<String>,
    },
    /// A column that is not there.
    #[error("cannot find column `{column}` in HDU {hdu} of {}{}", path.display(), nearest.as_ref().map_or(String::new(), |name| format!("\nhint: the nearest name is `{name}`")))]
    NoSuchColumn {
        /// The file.
        path: PathBuf,
        /// HDU as `index (NAME)`.
        hdu: String,
        /// What was looked for.
        column: String,
        /// The most similar column name.
        nearest: Option<String>,
    },
    /// A column whose declaration or content cannot be used.
    #[error("cannot read column `{column}` in HDU {hdu} of {}{}: {reason}", path.display(), row.map_or(String::new(), |row| format!(", row {row}")))]
    Column {
        /// The file.
        path: PathBuf,
        /// HDU as `index (NAME)`.
        hdu: String,
        /// The column.
        column: String,
        /// Row, counted from 0, where one is to blame.
        row: Option<u64>,
        /// Expected and found.
        reason: String,
    },
    /// CHECKSUM or DATASUM disagrees with the bytes.
    #[error("{keyword} of HDU {hdu} of {} does not match its bytes: expected {expected}, found {found}\nhint: the file was damaged or edited; download it again", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// HDU as `index (NAME)`.
        hdu: String,
        /// `CHECKSUM` or `DATASUM`.
        keyword: &'static str,
        /// What the header says.
        expected: String,
        /// What the bytes give.
        found: String,
    },
    /// A table, image or header that cannot be written.
    #[error("cannot write {what} to {}: {reason}", path.display())]
    CannotWrite {
        /// The file.
        path: PathBuf,
        /// The table, column, image or header.
        what: String,
        /// Why not.
        reason: String,
    },
    /// Values that a FITS table cannot hold.
    #[error("cannot write column `{column}`{} to {}: {reason}", row.map_or(String::new(), |row| format!(", row {row},")), path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Row, counted from 0, where one is to blame.
        row: Option<u64>,
        /// Why not.
        reason: String,
    },
}

/// What usually explains a file that begins like this.
fn hint(found: &str) -> &'static str {
    if found.contains('<') {
        "\nhint: this looks like an HTML page, often an error page saved by a download: fetch the file again"
    } else if found.contains("empty") {
        "\nhint: the file has no content: the download may have failed"
    } else {
        ""
    }
}
