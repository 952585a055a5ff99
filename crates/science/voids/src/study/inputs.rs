//! The files that a study reads, under the names its manifest has for them.
//!
//! A catalogue of an archive is known by its `dataset/_metadata`: the Parquet footers of all its files, with the rows,
//! sizes and ranges of every column of every row group. Another ingest of the same rows gives the same bytes there.

use std::path::{Path, PathBuf};

use archive::hats::Catalogue;
use desi::desivast;

use super::StudyError;
use super::settings::{GalaxySource, Inputs};

/// The table of galaxies in an archive: a view of FastSpecFit's tables, or a catalogue of this name.
pub(super) const GALAXIES: &str = "galaxies";
/// FastSpecFit's tables, of which the view is made.
const FASTSPECFIT: [&str; 2] = ["metadata", "specphot"];

/// Name in the manifest and place of every file, galaxies first.
pub(super) fn files(inputs: &Inputs) -> Result<Vec<(String, PathBuf)>, StudyError> {
    let mut files = match &inputs.galaxies {
        GalaxySource::File(path) => vec![(format!("galaxies/{}", file_name(path)), path.clone())],
        GalaxySource::Archive { folder, table } => of_archive(folder, table)?,
    };
    files.extend(inputs.voids.iter().map(|path| (format!("voids/{}", file_name(path)), path.clone())));
    if let GalaxySource::Archive { folder, .. } = &inputs.galaxies {
        let tables = inputs.archived_voids.iter().flat_map(|algorithm| desivast::archived_tables(folder, *algorithm));
        for path in tables {
            let name = file_name(&path);
            if !path.exists() {
                let present = Catalogue::open_all(folder)?.into_iter().map(|catalogue| catalogue.name).collect();
                let table = name.trim_end_matches(".parquet").to_owned();
                return Err(StudyError::NoTable { archive: folder.clone(), table, present });
            }
            files.push((format!("archived-voids/{name}"), path));
        }
    }
    Ok(files)
}

/// The tables that must be fetched from a database before the run, and the archive they go into; `None` for a study that
/// has its inputs already.
pub(super) fn to_fetch(inputs: &Inputs) -> Option<(PathBuf, Vec<String>)> {
    let GalaxySource::Archive { folder, table } = &inputs.galaxies else { return None };
    let mut tables = match table.as_str() {
        GALAXIES => FASTSPECFIT.map(str::to_owned).to_vec(),
        other => vec![other.to_owned()],
    };
    let of_voids = inputs.archived_voids.iter().flat_map(|algorithm| desivast::archived_tables(folder, *algorithm));
    tables.extend(of_voids.map(|path| file_name(&path).trim_end_matches(".parquet").to_owned()));
    inputs.fetched.then(|| (folder.clone(), tables))
}

fn of_archive(folder: &Path, table: &str) -> Result<Vec<(String, PathBuf)>, StudyError> {
    let catalogues = Catalogue::open_all(folder)?;
    let named = |name: &str| catalogues.iter().find(|catalogue| catalogue.name == name);
    let asked = match named(table) {
        Some(catalogue) => vec![catalogue],
        None if table == GALAXIES => FASTSPECFIT.iter().filter_map(|name| named(name)).collect(),
        None => Vec::new(),
    };
    if asked.is_empty() || (named(table).is_none() && asked.len() < FASTSPECFIT.len()) {
        return Err(StudyError::NoTable {
            archive: folder.to_owned(),
            table: table.to_owned(),
            present: catalogues.into_iter().map(|catalogue| catalogue.name).collect(),
        });
    }
    Ok(asked
        .into_iter()
        .filter_map(|catalogue| Some((format!("galaxies/{}", catalogue.name), identity(catalogue)?)))
        .collect())
}

/// The file by which a catalogue is known.
fn identity(catalogue: &Catalogue) -> Option<PathBuf> {
    let first = catalogue.partitions.first()?;
    match first.cell {
        None => Some(first.path.clone()),
        Some(_) => {
            first.path.ancestors().find(|folder| folder.ends_with("dataset")).map(|folder| folder.join("_metadata"))
        }
    }
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
