//! Which version of FastSpecFit some files are, and whether they are complete.

use std::fmt;
use std::path::{Path, PathBuf};

use archive::fits::{FitsFile, Header};

use super::Table;
use crate::DesiError;
use crate::release::is_simulated;

/// Rows of `fastspec-iron-main-bright-nside1-hpNN.fits` in v3.0, by HEALPix pixel; 6,445,927 together.
pub const PUBLISHED_ROWS: [u64; 12] =
    [101_838, 1_017_041, 1_358_627, 403_581, 981_600, 301_057, 1_347_464, 673_711, 81_734, 66_856, 45_570, 66_848];

const STEM: &str = "fastspec-iron-main-bright-nside1-hp";

/// The name of the file of a pixel of nside 1 (nested).
#[must_use]
pub fn file_name(pixel: u64) -> String {
    format!("{STEM}{pixel:02}.fits")
}

/// The version of the catalogue, from the layout and from the version of the code in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// v1.0 (February 2023), code 2.1 and earlier.
    V1,
    /// v2.0 (August 2023), code 2.4.
    V2,
    /// v2.1 (January 2024), code 2.5.
    V2p1,
    /// Physical properties inside FASTSPEC, so v2.1 or earlier, but the header does not say which.
    UpToV2p1,
    /// v3.0 (June 2025) or later: physical properties in SPECPHOT.
    V3,
}

impl Version {
    /// The version of an open file: a table `SPECPHOT` makes it v3.0; below that the `DEPVERnn` of `fastspecfit` in the
    /// primary header decides. `None` for a file that is not of FastSpecFit.
    #[must_use]
    pub fn of(file: &FitsFile) -> Option<Self> {
        if !(file.has_table("METADATA") && file.has_table("FASTSPEC")) {
            return None;
        }
        if file.has_table("SPECPHOT") {
            return Some(Self::V3);
        }
        Some(match code_version(file.primary()) {
            Some((2, minor)) if minor >= 5 => Self::V2p1,
            Some((2, minor)) if minor >= 3 => Self::V2,
            Some((major, _)) if major <= 2 => Self::V1,
            _ => Self::UpToV2p1,
        })
    }

    /// What a reader should know of this version's numbers, from the upstream release notes.
    #[must_use]
    pub fn caution(self) -> &'static str {
        match self {
            Self::V1 => "stellar masses drift with redshift, and Dn4000 without lines is wrong: prefer v3.0",
            Self::V2 => {
                "stellar masses are 0.2 to 0.5 dex too high, and lines where two cameras overlap are twice too bright: \
                 prefer v3.0"
            }
            Self::V2p1 => "v3.0 is newer",
            Self::UpToV2p1 => "if it is v2.0, its stellar masses are 0.2 to 0.5 dex too high: prefer v3.0",
            Self::V3 => "a few strong lines are badly fitted",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::V1 => "v1.0",
            Self::V2 => "v2.0",
            Self::V2p1 => "v2.1",
            Self::UpToV2p1 => "v2.1 or earlier",
            Self::V3 => "v3.0",
        })
    }
}

/// The version of the code, major and minor, from the cards `DEPNAMnn` and `DEPVERnn`.
fn code_version(header: &Header) -> Option<(u32, u32)> {
    let is_code = |keyword: &str| keyword.starts_with("DEPNAM") && header.get_text(keyword) == Some("fastspecfit");
    let name = header.cards().iter().map(|card| card.keyword.as_str()).find(|keyword| is_code(keyword))?;
    let text = header.get_text(&name.replace("DEPNAM", "DEPVER"))?;
    let mut numbers = text.split('.').map_while(|part| part.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}

/// The rows of one file against those of the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRows {
    /// The file.
    pub path: PathBuf,
    /// Its HEALPix pixel at nside 1 (nested), where its name says one.
    pub pixel: Option<usize>,
    /// Rows found.
    pub rows: u64,
}

impl FileRows {
    /// The published number, where there is one.
    #[must_use]
    pub fn published(&self) -> Option<u64> {
        PUBLISHED_ROWS.get(self.pixel?).copied()
    }
}

/// A set of FastSpecFit files, as their headers describe them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Their version, one for all.
    pub version: Version,
    /// Made by `data simulate`: there is nothing published to compare with.
    pub simulated: bool,
    /// One entry a file.
    pub files: Vec<FileRows>,
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "FastSpecFit {}{}", self.version, if self.simulated { ", simulated" } else { "" })
    }
}

impl Release {
    /// Reads the headers of some files.
    ///
    /// # Errors
    /// [`DesiError::Fits`] for an unreadable file, [`DesiError::NotFastSpecFit`] for one without the tables,
    /// [`DesiError::MixedVersions`] where two files are of different versions, or one is simulated and one is not.
    pub fn open(paths: &[PathBuf]) -> Result<Self, DesiError> {
        let mut release: Option<Self> = None;
        for path in paths {
            let file = FitsFile::open(path)?;
            let version = Version::of(&file).ok_or_else(|| DesiError::NotFastSpecFit { path: path.clone() })?;
            let simulated = is_simulated(&file);
            let rows = file.table(Table::Metadata.hdu())?.n_rows() as u64;
            let rows = FileRows { path: path.clone(), pixel: pixel_of(path), rows };
            let release = release.get_or_insert_with(|| Self { version, simulated, files: Vec::new() });
            if release.version != version || release.simulated != simulated {
                let first = release.files.first().map(|file| file.path.clone()).unwrap_or_default();
                let said =
                    |version: Version, simulated| format!("{version}{}", if simulated { ", simulated" } else { "" });
                return Err(DesiError::MixedVersions {
                    first,
                    first_version: said(release.version, release.simulated),
                    second: path.clone(),
                    second_version: said(version, simulated),
                });
            }
            release.files.push(rows);
        }
        release.ok_or_else(|| DesiError::NotFastSpecFit { path: PathBuf::new() })
    }

    /// What differs from the published release v3.0: files with other row counts, files that are missing. Empty for a
    /// complete release, for simulated files, and for other versions.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        if self.simulated || self.version != Version::V3 || self.files.iter().all(|file| file.pixel.is_none()) {
            return Vec::new();
        }
        let mut differences = Vec::new();
        for file in &self.files {
            if let Some(published) = file.published().filter(|published| *published != file.rows) {
                differences.push(format!("{} has {} rows, published {published}", file.path.display(), file.rows));
            }
        }
        let missing: Vec<String> = (0..PUBLISHED_ROWS.len())
            .filter(|pixel| !self.files.iter().any(|file| file.pixel == Some(*pixel)))
            .map(|pixel| format!("hp{pixel:02}"))
            .collect();
        if !missing.is_empty() {
            differences.push(format!(
                "{} of {} files are missing: {}",
                missing.len(),
                PUBLISHED_ROWS.len(),
                missing.join(" ")
            ));
        }
        differences
    }
}

/// The pixel in a file name of the release, gzipped or not.
fn pixel_of(path: &Path) -> Option<usize> {
    let name = path.file_name()?.to_str()?;
    let rest = name.strip_prefix(STEM)?;
    let digits = rest.strip_suffix(".gz").unwrap_or(rest).strip_suffix(".fits")?;
    digits.parse().ok().filter(|pixel| *pixel < PUBLISHED_ROWS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_rows_add_up() {
        assert_eq!(PUBLISHED_ROWS.iter().sum::<u64>(), 6_445_927);
    }

    #[test]
    fn the_code_version_is_found_among_the_dependencies() {
        let mut header = Header::new();
        header.set("DEPNAM00", "numpy", "");
        header.set("DEPVER00", "1.22.4", "");
        header.set("DEPNAM07", "fastspecfit", "");
        header.set("DEPVER07", "2.4.2.dev1", "");
        assert_eq!(code_version(&header), Some((2, 4)));
        assert_eq!(code_version(&Header::new()), None);
    }

    #[test]
    fn a_short_file_and_missing_files_are_told() {
        let file = |pixel: usize, rows| {
            let path = PathBuf::from(file_name(pixel as u64));
            FileRows { pixel: pixel_of(&path), path, rows }
        };
        let mut files: Vec<FileRows> =
            PUBLISHED_ROWS.iter().enumerate().map(|(pixel, rows)| file(pixel, *rows)).collect();
        let release = |files: &[FileRows]| Release { version: Version::V3, simulated: false, files: files.to_vec() };
        assert!(release(&files).differences().is_empty());
        files[3].rows -= 1;
        files.remove(7);
        let differences = release(&files).differences();
        assert_eq!(differences.len(), 2, "{differences:?}");
        assert!(differences[0].ends_with("hp03.fits has 403580 rows, published 403581"), "{}", differences[0]);
        assert_eq!(differences[1], "1 of 12 files are missing: hp07");
        assert!(Release { simulated: true, ..release(&files) }.differences().is_empty());
        assert_eq!(pixel_of(Path::new("a/fastspec-iron-main-bright-nside1-hp12.fits")), None);
    }
}
