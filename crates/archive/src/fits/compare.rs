//! Several FITS files side by side: the union of their HDUs and columns, and in what they differ.
//!
//! HDUs are matched by name (the second of the same name with the second), unnamed ones by their place; columns by name
//! within their HDU. A column is missing only from files that have its HDU: the HDU's own absence is told once. Values
//! are not compared.

use std::path::PathBuf;

use serde::Serialize;

use super::{ColumnSummary, FileSummary, HduSummary};

/// The union of several files' HDUs and columns, each in the order in which it is first met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// How many files.
    pub files: usize,
    /// Every HDU that any of them has.
    pub hdus: Vec<HduUnion>,
}

/// An HDU of several files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HduUnion {
    /// EXTNAME, with ` #2` for the second of that name; `HDU 3` where it has none.
    pub name: String,
    /// In how many files it is.
    pub in_files: usize,
    /// The files without it.
    pub missing_from: Vec<PathBuf>,
    /// Its kinds: one, where the files agree.
    pub kinds: Vec<Variant>,
    /// Shapes of an image: one, where the files agree.
    pub shapes: Vec<Variant>,
    /// Fewest and most rows of a table.
    pub rows: Option<[usize; 2]>,
    /// Rows of all files together.
    pub total_rows: Option<usize>,
    /// Every column that any of them has.
    pub columns: Vec<ColumnUnion>,
}

/// A column of several files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnUnion {
    /// TTYPE.
    pub name: String,
    /// In how many files it is.
    pub in_files: usize,
    /// The files that have the HDU, but not the column.
    pub missing_from: Vec<PathBuf>,
    /// Its types: one, where the files agree.
    pub types: Vec<Variant>,
    /// Its units, empty for none: one, where the files agree.
    pub units: Vec<Variant>,
}

/// One of the ways in which files differ.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variant {
    /// What these files say.
    pub value: String,
    /// The files.
    pub files: Vec<PathBuf>,
}

impl HduUnion {
    /// Whether every file has it, of one kind and shape. The number of rows may differ.
    #[must_use]
    pub fn is_common(&self) -> bool {
        self.missing_from.is_empty() && self.kinds.len() < 2 && self.shapes.len() < 2
    }
}

impl ColumnUnion {
    /// Whether every file that has the HDU has the column, of one type and unit.
    #[must_use]
    pub fn is_common(&self) -> bool {
        self.missing_from.is_empty() && self.types.len() < 2 && self.units.len() < 2
    }
}

/// Lays files side by side.
#[must_use]
pub fn compare(files: &[FileSummary]) -> Comparison {
    let mut met: Vec<(String, Vec<(usize, &HduSummary)>)> = Vec::new();
    for (file, summary) in files.iter().enumerate() {
        for (hdu, name) in summary.hdus.iter().zip(names(&summary.hdus)) {
            match met.iter_mut().find(|(known, _)| *known == name) {
                Some((_, seen)) => seen.push((file, hdu)),
                None => met.push((name, vec![(file, hdu)])),
            }
        }
    }
    let hdus = met.into_iter().map(|(name, seen)| unite_hdus(files, name, &seen)).collect();
    Comparison { files: files.len(), hdus }
}

/// By what each HDU of a file is matched.
fn names(hdus: &[HduSummary]) -> Vec<String> {
    let same = |place: usize| hdus[..place].iter().filter(|hdu| hdu.name == hdus[place].name).count();
    let name = |(place, hdu): (usize, &HduSummary)| match (hdu.name.as_str(), same(place)) {
        ("", _) => format!("HDU {}", hdu.index),
        (name, 0) => name.to_owned(),
        (name, before) => format!("{name} #{}", before + 1),
    };
    hdus.iter().enumerate().map(name).collect()
}

fn unite_hdus(files: &[FileSummary], name: String, seen: &[(usize, &HduSummary)]) -> HduUnion {
    let rows: Vec<usize> = seen.iter().filter_map(|(_, hdu)| hdu.rows).collect();
    let having: Vec<usize> = seen.iter().map(|(file, _)| *file).collect();
    let all: Vec<usize> = (0..files.len()).collect();
    let mut columns: Vec<(&str, Vec<(usize, &ColumnSummary)>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (file, column) in seen.iter().flat_map(|(file, hdu)| hdu.columns.iter().map(|column| (*file, column))) {
        let place = *places.entry(column.name.as_str()).or_insert_with(|| {
            columns.push((column.name.as_str(), Vec::new()));
            columns.len() - 1
        });
        columns[place].1.push((file, column));
    }
    let shapes = seen.iter().filter_map(|(file, hdu)| hdu.shape.as_ref().map(|shape| (*file, format!("{shape:?}"))));
    HduUnion {
        name,
        in_files: seen.len(),
        missing_from: without(files, &all, &having),
        kinds: variants(files, seen.iter().map(|(file, hdu)| (*file, hdu.kind.to_owned()))),
        shapes: variants(files, shapes),
        rows: rows.iter().min().zip(rows.iter().max()).map(|(fewest, most)| [*fewest, *most]),
        total_rows: (!rows.is_empty()).then(|| rows.iter().sum()),
        columns: columns.into_iter().map(|(name, seen)| unite_columns(files, &having, name, &seen)).collect(),
    }
}

fn unite_columns(
    files: &[FileSummary],
    with_hdu: &[usize],
    name: &str,
    seen: &[(usize, &ColumnSummary)],
) -> ColumnUnion {
    // A table may name two columns alike.
    let mut having: Vec<usize> = seen.iter().map(|(file, _)| *file).collect();
    having.dedup();
    let unit = |column: &ColumnSummary| column.unit.clone().unwrap_or_default();
    ColumnUnion {
        name: name.to_owned(),
        in_files: having.len(),
        missing_from: without(files, with_hdu, &having),
        types: variants(files, seen.iter().map(|(file, column)| (*file, column.data_type.clone()))),
        units: variants(files, seen.iter().map(|(file, column)| (*file, unit(column)))),
    }
}

fn without(files: &[FileSummary], of: &[usize], having: &[usize]) -> Vec<PathBuf> {
    of.iter().filter(|file| !having.contains(file)).map(|file| files[*file].path.clone()).collect()
}

fn variants(files: &[FileSummary], said: impl Iterator<Item = (usize, String)>) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for (file, value) in said {
        let path = files[file].path.clone();
        match variants.iter_mut().find(|variant| variant.value == value) {
            Some(variant) if variant.files.last() == Some(&path) => {}
            Some(variant) => variant.files.push(path),
            None => variants.push(Variant { value, files: vec![path] }),
        }
    }
    variants
}
