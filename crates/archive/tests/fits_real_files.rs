//! Every real FITS file can be read whole: all tables, all images; and checksums.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use archive::fits::{FitsError, FitsFile, HduKind};

fn fits_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
        if path.is_dir() {
            fits_files(&path, found);
        } else if [".fits", ".fit", ".fits.gz"].iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
}

fn read_whole(path: &Path) -> Result<usize, FitsError> {
    let file = FitsFile::open(path)?;
    let mut values = 0;
    for hdu in file.hdus() {
        match hdu.kind {
            HduKind::Table => {
                for batch in file.table_at(hdu.index)?.read_all(&[], 1000)? {
                    values += batch.num_rows() * batch.num_columns();
                }
            }
            HduKind::Image => {
                let image = file.image_at(hdu.index)?;
                values += image.read_f64(0..image.len())?.len();
            }
            HduKind::Other => {}
        }
    }
    Ok(values)
}

/// Files whose stored CHECKSUM is wrong as published: a mock whose header was edited. astropy 7 (`checksum=True`)
/// rejects the same HDU and accepts its DATASUM.
const WRONG_CHECKSUM: [&str; 1] = ["zbest-16-1.fits"];

#[test]
fn checksums_match_where_present() {
    let Some(folder) = testkit::real_data() else { return };
    let mut files = Vec::new();
    fits_files(&folder, &mut files);
    let mut wrong = Vec::new();
    for path in &files {
        let file = FitsFile::open(path).unwrap();
        if file.hdus().iter().any(|hdu| file.verify(hdu).is_err()) {
            wrong.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert_eq!(wrong, WRONG_CHECKSUM);
}

#[test]
fn every_real_file_is_read_whole() {
    let Some(folder) = testkit::real_data() else { return };
    let mut files = Vec::new();
    fits_files(&folder, &mut files);
    files.sort();
    let mut failures = Vec::new();
    let mut values = 0;
    for path in &files {
        match read_whole(path) {
            Ok(count) => values += count,
            Err(error) => failures.push(error.to_string()),
        }
    }
    println!("{} files, {values} values", files.len());
    assert!(failures.is_empty(), "{} of {} files failed:\n{}", failures.len(), files.len(), failures.join("\n"));
}

#[test]
fn every_real_file_is_inspected_and_one_checksum_is_wrong() {
    let Some(folder) = testkit::real_data() else { return };
    let mut files = Vec::new();
    fits_files(&folder, &mut files);
    let mut wrong = Vec::new();
    for path in &files {
        let summary = archive::fits::inspect(path, true).unwrap_or_else(|error| panic!("{error}"));
        assert!(!summary.hdus.is_empty(), "{} has no HDU", path.display());
        if summary.any_checksum_wrong() {
            wrong.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    assert_eq!(wrong, WRONG_CHECKSUM);
}
