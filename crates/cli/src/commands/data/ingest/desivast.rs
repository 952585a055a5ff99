//! DESIVAST's files as archive tables: one a table and algorithm, both caps together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use archive::columns::{Column, Columns};
use archive::fits::FitsFile;
use archive::ingest::{DEFAULT_ROW_GROUP_ROWS, TablePart, TableRequest, TableSource};
use desi::desivast::{Algorithm, HDUS, columns, survey_columns, survey_constants};
use desi::release::is_simulated;

/// What each table is sorted by.
const SORTED_BY: [(&str, &[&str]); 7] = [
    ("MAXIMALS", &["CAP", "VOID"]),
    ("HOLES", &["CAP", "VOID"]),
    ("VOIDS", &["CAP", "VOID"]),
    ("ZONEVOID", &["CAP", "ZONE"]),
    ("GALZONE", &["CAP", "GAL"]),
    ("TRIANGLE", &["CAP", "VOID"]),
    ("GALVIZ", &["CAP", "GID"]),
];

/// The tables with one row a void, which also say what the survey was.
const VOID_TABLES: [&str; 2] = ["MAXIMALS", "VOIDS"];

/// The tables to make of some files, by name: `desivast_<algorithm>_<table>`, with a column `CAP`.
pub(super) fn tables(files: &[PathBuf]) -> Result<Vec<TableRequest>> {
    let mut requests: BTreeMap<String, TableRequest> = BTreeMap::new();
    for path in files {
        let file = FitsFile::open(path)?;
        let (algorithm, cap) = (algorithm_of(path)?.word(), cap_of(path)?);
        for hdu in HDUS.iter().filter(|hdu| file.has_table(hdu)) {
            let name = format!("desivast_{algorithm}_{}", hdu.to_lowercase());
            let request = match requests.get_mut(&name) {
                Some(request) => request,
                None => requests.entry(name.clone()).or_insert(request(&name, hdu, source_of(&file))?),
            };
            let mut constants = vec![("CAP".to_owned(), cap.to_owned())];
            if VOID_TABLES.contains(hdu) {
                constants.extend(survey_constants(&file)?);
            }
            if request.parts.iter().any(|part| part.constants.first() == constants.first()) {
                bail!("cannot ingest {}: another file has the voids of {algorithm} in {cap}", path.display());
            }
            request.parts.push(TablePart { path: path.clone(), table: TableSource::Hdu((*hdu).to_owned()), constants });
        }
    }
    Ok(requests.into_values().collect())
}

/// What a void catalogue says it is.
fn source_of(file: &FitsFile) -> &'static str {
    if is_simulated(file) { "void catalogue, simulated" } else { "void catalogue" }
}

fn request(name: &str, hdu: &str, description: &str) -> Result<TableRequest> {
    let cap = Column::new("CAP", "Galactic cap: NGC or SGC, or ALL where one file has both").with_ucd("meta.id");
    let declared = columns(hdu)?.unwrap_or_default();
    let survey = if VOID_TABLES.contains(&hdu) { survey_columns()? } else { Columns::default() };
    let columns: Columns = std::iter::once(cap).chain(survey.iter().chain(declared.iter()).cloned()).collect();
    let sort_by = SORTED_BY.iter().find(|(table, _)| *table == hdu).map_or(&[][..], |(_, keys)| *keys);
    Ok(TableRequest {
        name: name.to_owned(),
        description: description.to_owned(),
        parts: Vec::new(),
        columns,
        sort_by: sort_by.iter().map(|key| (*key).to_owned()).collect(),
        row_group_rows: DEFAULT_ROW_GROUP_ROWS,
    })
}

/// The algorithm in a file's name, in any case.
fn algorithm_of(path: &Path) -> Result<Algorithm> {
    let known = [Algorithm::VoidFinder, Algorithm::Revolver, Algorithm::Vide, Algorithm::Zobov];
    let name = file_name(path).to_lowercase();
    match known.into_iter().find(|algorithm| name.contains(algorithm.word())) {
        Some(algorithm) => Ok(algorithm),
        None => bail!(
            "cannot tell the algorithm of {}: expected VoidFinder, REVOLVER, VIDE or ZOBOV in its name",
            path.display()
        ),
    }
}

/// The Galactic cap in a file's name; a file that names none has the whole survey.
fn cap_of(path: &Path) -> Result<&'static str> {
    let name = file_name(path).to_uppercase();
    match (name.contains("NGC"), name.contains("SGC")) {
        (true, false) => Ok("NGC"),
        (false, true) => Ok("SGC"),
        (false, false) => Ok("ALL"),
        (true, true) => bail!("cannot tell the Galactic cap of {}: its name has both NGC and SGC", path.display()),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_say_algorithm_and_cap() {
        let path = Path::new("x/DESIVAST_BGS_VOLLIM_V2_VIDE_NGC.fits");
        assert_eq!((algorithm_of(path).unwrap(), cap_of(path).unwrap()), (Algorithm::Vide, "NGC"));
        let path = Path::new("DESIVAST_BGS_VOLLIM_VoidFinder_SGC.fits");
        assert_eq!((algorithm_of(path).unwrap(), cap_of(path).unwrap()), (Algorithm::VoidFinder, "SGC"));
        assert_eq!(cap_of(Path::new("v2_dr7_zobov.fits.gz")).unwrap(), "ALL");
        assert!(cap_of(Path::new("NGC_and_SGC.fits")).is_err());
        assert!(algorithm_of(Path::new("voids_NGC.fits")).is_err());
    }
}
