//! What `inspect` says of a file, and lying headers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use archive::fits::{Checksums, FitsFile, FitsWriter, Header, Verdict, compare, inspect};
use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;

fn written(folder: &std::path::Path) -> std::path::PathBuf {
    let path = folder.join("small.fits");
    let batch = RecordBatch::try_from_iter([
        ("TARGETID", Arc::new(Int64Array::from(vec![39_633_461_863_940_097, -1, 7])) as ArrayRef),
        ("FLUX", Arc::new(Float32Array::from(vec![1.5, f32::NAN, -2.0]))),
        ("SURVEY", Arc::new(StringArray::from(vec!["sv3", "main", "main"]))),
    ]);
    let batch = batch.unwrap();
    let mut writer = FitsWriter::create(&path).unwrap();
    writer.primary(&Header::new()).unwrap();
    writer.table("T", &batch.schema(), &[batch]).unwrap();
    writer.finish().unwrap();
    path
}

#[test]
fn ranges_and_valid_fractions_are_those_of_the_values() {
    let folder = tempfile::tempdir().unwrap();
    let summary = inspect(&written(folder.path()), true).unwrap();
    let table = &summary.hdus[1];
    assert_eq!((table.kind, table.rows), ("table", Some(3)));
    assert_eq!(table.checksums, Some(Checksums { checksum: Verdict::Correct, datasum: Verdict::Correct }));
    let ranges: Vec<_> = table.columns.iter().map(|column| column.range.clone().unwrap()).collect();
    assert_eq!(ranges[0], ["-1", "39633461863940097"]);
    assert_eq!(ranges[1], ["-2.0", "1.5"]);
    assert_eq!(ranges[2], ["main", "sv3"]);
    assert!((table.columns[1].valid_fraction.unwrap() - 2.0 / 3.0).abs() < 1e-12);
}

#[test]
fn a_wrong_byte_is_told_of_its_hdu_and_the_others_stay_correct() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let mut bytes = std::fs::read(&path).unwrap();
    // The first byte of the table: its data fill the last block but the padding.
    let at = bytes.len() - 2_880;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let summary = inspect(&path, true).unwrap();
    assert!(summary.any_checksum_wrong());
    let wrong: Vec<bool> = summary.hdus.iter().map(|hdu| hdu.checksums.as_ref().unwrap().any_wrong()).collect();
    assert_eq!(wrong, [false, true]);
}

#[test]
fn files_side_by_side_tell_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let first = written(folder.path());
    let second = folder.path().join("other.fits");
    let batch = RecordBatch::try_from_iter([
        ("TARGETID", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("FLUX", Arc::new(Int64Array::from(vec![2]))),
    ]);
    let batch = batch.unwrap();
    let mut writer = FitsWriter::create(&second).unwrap();
    writer.primary(&Header::new()).unwrap();
    writer.table("T", &batch.schema(), std::slice::from_ref(&batch)).unwrap();
    writer.table("ONLY", &batch.schema(), &[batch]).unwrap();
    writer.finish().unwrap();
    let union = compare(&[inspect(&first, false).unwrap(), inspect(&second, false).unwrap()]);
    let table = union.hdus.iter().find(|hdu| hdu.name == "T").unwrap();
    assert_eq!((table.rows, table.total_rows, table.is_common()), (Some([1, 3]), Some(4), true));
    let column = |name: &str| table.columns.iter().find(|column| column.name == name).unwrap();
    assert!(column("TARGETID").is_common() && !column("FLUX").is_common());
    assert_eq!(column("FLUX").types.len(), 2);
    assert_eq!(column("SURVEY").missing_from, [second]);
    let only = union.hdus.iter().find(|hdu| hdu.name == "ONLY").unwrap();
    assert_eq!((only.in_files, &only.missing_from), (1, &vec![first]));
}

#[test]
fn rows_without_bytes_are_refused() {
    let cards = ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", "END"];
    let table = [
        "XTENSION= 'BINTABLE'",
        "BITPIX  = 8",
        "NAXIS   = 2",
        "NAXIS1  = 0",
        "NAXIS2  = 9000000000000000000",
        "PCOUNT  = 0",
        "GCOUNT  = 1",
        "TFIELDS = 0",
        "END",
    ];
    let header = |cards: &[&str]| {
        let text: String = cards.iter().map(|card| format!("{card:<80}")).collect();
        format!("{text:<2880}")
    };
    let file = FitsFile::from_bytes("lie.fits", (header(&cards) + &header(&table)).into_bytes()).unwrap();
    assert!(file.table_at(1).unwrap_err().to_string().contains("NAXIS1 = 0"));
}

proptest! {
    #[test]
    fn damaged_files_never_panic(damage in prop::collection::vec((0_usize..12_000, 32_u8..127), 1..12)) {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path());
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.len();
        damage.into_iter().for_each(|(place, byte)| bytes[place % length] = byte);
        std::fs::write(&path, bytes).unwrap();
        // Either outcome is right; a panic or an abort for want of memory is not.
        let _outcome = inspect(&path, true);
    }
}
