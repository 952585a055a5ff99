//! What `data inspect` prints for people.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use archive::fits::{ColumnUnion, Comparison, FileSummary, HduSummary, HduUnion, Variant, Verdict};
use indicatif::{HumanBytes, HumanCount};

/// Header cards of an HDU that are shown unasked.
const FEW_CARDS: usize = 8;
/// Characters of a text in a range.
const RANGE_TEXT: usize = 24;
/// Files that a difference names; of more it gives the number.
const NAMED_FILES: usize = 2;

/// Every file, then what differs between them.
pub(super) fn page(files: &[FileSummary], union: Option<&Comparison>, all_cards: bool) -> String {
    let mut page = String::new();
    files.iter().for_each(|file| write_file(&mut page, file, all_cards));
    if let Some(union) = union {
        write_union(&mut page, union);
    }
    page
}

fn write_file(page: &mut String, file: &FileSummary, all_cards: bool) {
    let _ = writeln!(page, "{}: {} HDUs, {}\n", file.path.display(), file.hdus.len(), HumanBytes(file.bytes));
    write_hdus(page, &file.hdus);
    for hdu in file.hdus.iter().filter(|hdu| !hdu.cards.is_empty() || !hdu.columns.is_empty()) {
        let _ = writeln!(page, "\n  {} {}", hdu.index, hdu.name);
        write_cards(page, hdu, all_cards);
        write_columns(page, hdu);
    }
    page.push('\n');
}

/// The table of HDUs; sums only where they were asked for.
fn write_hdus(page: &mut String, hdus: &[HduSummary]) {
    let verified = hdus.iter().any(|hdu| hdu.checksums.is_some());
    let mut titles = vec!["#", "HDU", "kind", "content", "range"];
    if verified {
        titles.extend(["CHECKSUM", "DATASUM"]);
    }
    let row = |hdu: &HduSummary| {
        let range = hdu.range.map_or(String::new(), |[low, high]| {
            let unit = hdu.unit.as_deref().unwrap_or_default();
            format!("{} .. {} {unit}", short(&format!("{low:?}")), short(&format!("{high:?}"))).trim_end().to_owned()
        });
        let mut row = vec![hdu.index.to_string(), hdu.name.clone(), hdu.kind.to_owned(), content(hdu), range];
        if let Some(sums) = &hdu.checksums {
            row.extend([verdict(&sums.checksum), verdict(&sums.datasum)]);
        }
        row
    };
    write_table(page, "  ", &titles, &hdus.iter().map(row).collect::<Vec<_>>());
}

fn content(hdu: &HduSummary) -> String {
    match (&hdu.rows, &hdu.shape) {
        (Some(rows), _) => format!("{} rows x {} columns", HumanCount(*rows as u64), hdu.columns.len()),
        (None, Some(shape)) if !shape.is_empty() => {
            let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!("{} pixels, BITPIX {}", axes.join(" x "), hdu.bitpix.unwrap_or_default())
        }
        (None, Some(_)) => "no pixels".to_owned(),
        (None, None) => "-".to_owned(),
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Absent => "absent".to_owned(),
        Verdict::Correct => "correct".to_owned(),
        Verdict::Wrong { expected, found } => format!("WRONG: expected {expected}, found {found}"),
        _ => "unknown".to_owned(),
    }
}

fn write_cards(page: &mut String, hdu: &HduSummary, all: bool) {
    let shown = if all { hdu.cards.len() } else { FEW_CARDS };
    let rows = hdu.cards.iter().take(shown).map(|card| {
        let value = match &card.value {
            serde_json::Value::String(text) => format!("'{text}'"),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        };
        vec![card.keyword.clone(), value, card.comment.clone()]
    });
    write_table(page, "    ", &[], &rows.collect::<Vec<_>>());
    if hdu.cards.len() > shown {
        let _ = writeln!(page, "    and {} cards more: `--cards` shows them", hdu.cards.len() - shown);
    }
}

fn write_columns(page: &mut String, hdu: &HduSummary) {
    if hdu.columns.is_empty() {
        return;
    }
    let row = |column: &archive::fits::ColumnSummary| {
        let valid = column.valid_fraction.map_or("-".to_owned(), |share| format!("{:.1}%", 100.0 * share));
        let range = column.range.as_ref();
        let range = range.map_or("-".to_owned(), |[low, high]| format!("{} .. {}", short(low), short(high)));
        let unit = column.unit.clone().unwrap_or_default();
        vec![column.name.clone(), column.tform.clone(), column.data_type.clone(), unit, valid, range]
    };
    if !hdu.cards.is_empty() {
        page.push('\n');
    }
    let titles = ["column", "TFORM", "type", "unit", "valid", "range"];
    write_table(page, "    ", &titles, &hdu.columns.iter().map(row).collect::<Vec<_>>());
}

/// A number in nine digits, a text's beginning: the exact value is in `--json`.
fn short(value: &str) -> String {
    if value.chars().count() > 10
        && value.contains(['.', 'e'])
        && let Ok(number) = value.parse::<f64>()
        && let Ok(rounded) = format!("{number:.8e}").parse::<f64>()
    {
        return format!("{rounded:?}");
    }
    if value.chars().count() <= RANGE_TEXT {
        return value.to_owned();
    }
    value.chars().take(RANGE_TEXT - 3).collect::<String>() + "..."
}

/// Every HDU of several files; then the columns that are not the same in every file.
fn write_union(page: &mut String, union: &Comparison) {
    let columns = || union.hdus.iter().flat_map(|hdu| hdu.columns.iter().map(move |column| (hdu, column)));
    let different = columns().filter(|(_, column)| !column.is_common());
    let _ = writeln!(
        page,
        "{} files side by side: {} HDUs, {} of them not the same everywhere; {} columns, {} of them not\n",
        union.files,
        union.hdus.len(),
        union.hdus.iter().filter(|hdu| !hdu.is_common()).count(),
        columns().count(),
        different.clone().count()
    );
    let row = |hdu: &HduUnion| {
        let rows = match hdu.rows {
            Some([fewest, most]) if fewest == most => HumanCount(fewest as u64).to_string(),
            Some([fewest, most]) => format!("{} .. {}", HumanCount(fewest as u64), HumanCount(most as u64)),
            None => "-".to_owned(),
        };
        let total = hdu.total_rows.map_or("-".to_owned(), |rows| HumanCount(rows as u64).to_string());
        let files = format!("{} of {}", hdu.in_files, union.files);
        vec![hdu.name.clone(), files, rows, total, hdu.columns.len().to_string(), differences_of_hdu(hdu)]
    };
    let titles = ["HDU", "in files", "rows", "rows in all", "columns", "differs"];
    write_table(page, "  ", &titles, &union.hdus.iter().map(row).collect::<Vec<_>>());
    let rows: Vec<Vec<String>> = different
        .map(|(hdu, column)| vec![hdu.name.clone(), column.name.clone(), differences_of_column(column)])
        .collect();
    if !rows.is_empty() {
        page.push('\n');
        write_table(page, "  ", &["HDU", "column", "differs"], &rows);
    }
}

fn differences_of_hdu(hdu: &HduUnion) -> String {
    let mut parts = missing(&hdu.missing_from);
    parts.extend(differing("kind", &hdu.kinds));
    parts.extend(differing("shape", &hdu.shapes));
    parts.join("; ")
}

fn differences_of_column(column: &ColumnUnion) -> String {
    let mut parts = missing(&column.missing_from);
    parts.extend(differing("type", &column.types));
    parts.extend(differing("unit", &column.units));
    parts.join("; ")
}

fn missing(files: &[PathBuf]) -> Vec<String> {
    if files.is_empty() { Vec::new() } else { vec![format!("missing from {}", named(files))] }
}

fn differing(what: &str, variants: &[Variant]) -> Option<String> {
    let say = |variant: &Variant| {
        let value = if variant.value.is_empty() { "none" } else { &variant.value };
        format!("{value} in {}", named(&variant.files))
    };
    let said: Vec<String> = variants.iter().map(say).collect();
    (variants.len() > 1).then(|| format!("{what} {}", said.join(", ")))
}

fn named(files: &[PathBuf]) -> String {
    if files.len() > NAMED_FILES {
        return format!("{} files", files.len());
    }
    let name = |path: &PathBuf| path.file_name().map(Path::new).unwrap_or(path).display().to_string();
    files.iter().map(name).collect::<Vec<_>>().join(" and ")
}

/// Columns as wide as their widest cell, two blanks apart.
fn write_table(page: &mut String, indent: &str, titles: &[&str], rows: &[Vec<String>]) {
    let titles: Vec<String> = titles.iter().map(|title| (*title).to_owned()).collect();
    let lines = || std::iter::once(&titles).filter(|titles| !titles.is_empty()).chain(rows);
    let columns = lines().map(Vec::len).max().unwrap_or(0);
    let width = |place: usize| lines().filter_map(|row| row.get(place)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|place| width(place).unwrap_or(0)).collect();
    for row in lines() {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(page, "{indent}{}", cells.join("  ").trim_end());
    }
}
