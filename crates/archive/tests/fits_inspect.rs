//! What `inspect` says of a file, and lying headers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use archive::fits::{FitsFile, FitsWriter, Header, inspect};
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
    assert_eq!((table.kind, table.rows, table.checksum), ("table", Some(3), Some("valid")));
    let ranges: Vec<_> = table.columns.iter().map(|column| column.range.clone().unwrap()).collect();
    assert_eq!(ranges[0], ["-1", "39633461863940097"]);
    assert_eq!(ranges[1], ["-2", "1.5"]);
    assert_eq!(ranges[2], ["main", "sv3"]);
    assert!((table.columns[1].valid_fraction.unwrap() - 2.0 / 3.0).abs() < 1e-12);
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
