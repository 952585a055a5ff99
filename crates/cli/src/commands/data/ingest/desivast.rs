//! DESIVAST's files as archive tables: one a table and algorithm, both caps together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use archive::columns::{Column, Columns};
use archive::fits::FitsFile;
use archive::ingest::{DEFAULT_ROW_GROUP_ROWS, TablePart, TableRequest, TableSource};
use desi::desivast::{Algorithm, HDUS, columns};

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

/// The tables to make of some files, by name: `desivast_<algorithm>_<table>`, with a column `CAP`.
pub(super) fn tables(files: &[PathBuf]) -> Result<Vec<TableRequest>> {
    let mut requests: BTreeMap<String, TableRequest> = BTreeMap::new();
    for path in files {
        let file = FitsFile::open(path)?;
        let (algorithm, cap) = (algorithm_of(path)?, cap_of(path)?);
        for hdu in HDUS.iter().filter(|hdu| file.has_table(hdu)) {
            let name = format!("desivast_{algorithm}_{}", hdu.to_lowercase());
            let request = match requests.get_mut(&name) {
                Some(request) => request,
                None => requests.entry(name.clone()).or_insert(request(&name, hdu)?),
            };
            let constants = vec![("CAP".to_owned(), cap.to_owned())];
            if request.parts.iter().any(|part| part.constants == constants) {
                bail!("cannot ingest {}: another file has the voids of {algorithm} in {cap}", path.display());
            }
            request.parts.push(TablePart { path: path.clone(), table: TableSource::Hdu((*hdu).to_owned()), constants });
        }
    }
    Ok(requests.into_values().collect())
}

fn request(name: &str, hdu: &str) -> Result<TableRequest> {
    let cap = Column::new("CAP", "Galactic cap: NGC or SGC").with_ucd("meta.id");
    let declared = columns(hdu)?.unwrap_or_default();
    let columns: Columns = std::iter::once(cap).chain(declared.iter().cloned()).collect();
    let sort_by = SORTED_BY.iter().find(|(table, _)| *table == hdu).map_or(&[][..], |(_, keys)| *keys);
    Ok(TableRequest {
        name: name.to_owned(),
        parts: Vec::new(),
        columns,
        sort_by: sort_by.iter().map(|key| (*key).to_owned()).collect(),
        row_group_rows: DEFAULT_ROW_GROUP_ROWS,
    })
}

/// The algorithm in a file's name, in lower case.
fn algorithm_of(path: &Path) -> Result<String> {
    let known = [Algorithm::VoidFinder, Algorithm::Revolver, Algorithm::Vide, Algorithm::Zobov];
    let name = file_name(path).to_lowercase();
    let word = |algorithm: &Algorithm| algorithm.name().trim_start_matches("V2_").to_lowercase();
    match known.iter().map(word).find(|word| name.contains(word.as_str())) {
        Some(word) => Ok(word),
        None => bail!(
            "cannot tell the algorithm of {}: expected VoidFinder, REVOLVER, VIDE or ZOBOV in its name",
            path.display()
        ),
    }
}

fn cap_of(path: &Path) -> Result<&'static str> {
    let name = file_name(path).to_uppercase();
    match (name.contains("NGC"), name.contains("SGC")) {
        (true, false) => Ok("NGC"),
        (false, true) => Ok("SGC"),
        _ => bail!("cannot tell the Galactic cap of {}: expected NGC or SGC in its name", path.display()),
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
        assert_eq!((algorithm_of(path).unwrap().as_str(), cap_of(path).unwrap()), ("vide", "NGC"));
        assert_eq!(algorithm_of(Path::new("DESIVAST_BGS_VOLLIM_VoidFinder_SGC.fits")).unwrap(), "voidfinder");
        assert!(cap_of(Path::new("voids.fits")).unwrap_err().to_string().contains("expected NGC or SGC"));
        assert!(algorithm_of(Path::new("voids_NGC.fits")).is_err());
    }
}
