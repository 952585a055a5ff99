//! Tables without positions go in sorted, told apart, described; and what a declaration says is what the archive has.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::columns::{Column, Columns, NullRule};
use archive::fits::{FitsWriter, Header};
use archive::hats::Catalogue;
use archive::ingest::{TablePart, TableRequest, TableSource, ingest_tables};
use archive::{Error, Quiet};
use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const ROWS: i64 = 1_000;

/// A table of galaxies and their zones, in no order; every tenth galaxy has no zone, every seventh no depth.
fn write_zones(path: &Path, first: i64) {
    let order = |row: i64| first + (row * 371) % ROWS;
    let galaxies: ArrayRef = Arc::new(Int64Array::from_iter_values((0..ROWS).map(order)));
    let zone = |galaxy: i64| if galaxy % 10 == 0 { -1 } else { (galaxy % 17) as i32 };
    let zones: ArrayRef = Arc::new(Int32Array::from_iter_values((0..ROWS).map(|row| zone(order(row)))));
    let depth = |galaxy: i64| if galaxy % 7 == 0 { f32::NAN } else { galaxy as f32 };
    let depths: ArrayRef = Arc::new(Float32Array::from_iter_values((0..ROWS).map(|row| depth(order(row)))));
    let batch = RecordBatch::try_from_iter([("GAL", galaxies), ("ZONE", zones), ("DEPTH", depths)]).unwrap();
    let mut writer = FitsWriter::create(path).unwrap();
    writer.primary(&Header::new()).unwrap();
    writer.table("GALZONE", &batch.schema(), &[batch]).unwrap();
    writer.finish().unwrap();
}

fn request(folder: &Path) -> TableRequest {
    let part = |cap: &str, first: i64| {
        let path = folder.join(format!("zones_{cap}.fits"));
        if !path.exists() {
            write_zones(&path, first);
        }
        let constants = vec![("CAP".to_owned(), cap.to_owned())];
        TablePart { path, table: TableSource::Hdu("GALZONE".to_owned()), constants }
    };
    let columns = Columns::new(vec![
        Column::new("CAP", "Galactic cap"),
        Column::new("ZONE", "Zone of the galaxy").with_type(DataType::Int64).with_nulls(NullRule::Integer(-1)),
        Column::new("DEPTH", "Depth in the void").with_unit("Mpc/h").with_nulls(NullRule::NotANumber),
    ]);
    TableRequest {
        description: "test".to_owned(),
        name: "galzone".to_owned(),
        parts: vec![part("SGC", 5_000), part("NGC", 0)],
        columns,
        sort_by: vec!["CAP".to_owned(), "ZONE".to_owned(), "GAL".to_owned()],
        row_group_rows: 300,
    }
}

fn read(path: &Path) -> (usize, RecordBatch) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(path).unwrap()).unwrap();
    let groups = builder.metadata().num_row_groups();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    (groups, arrow::compute::concat_batches(&schema, &batches).unwrap())
}

#[test]
fn several_files_become_one_sorted_table_with_nulls_and_meanings() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let made = ingest_tables(&archive, &[request(folder.path())], &Quiet).unwrap();
    assert_eq!((made[0].rows, made[0].unchanged), (2 * ROWS as usize, false));
    let (groups, table) = read(&archive.join("galzone.parquet"));
    assert_eq!(groups, 7, "row groups of 300 rows");
    let names: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["CAP", "GAL", "ZONE", "DEPTH"]);
    let caps = table.column(0).as_string::<i32>();
    let galaxies = table.column(1).as_primitive::<Int64Type>();
    let zones = table.column(2).as_primitive::<Int64Type>();
    let key = |row: usize| (caps.value(row), zones.is_valid(row).then(|| zones.value(row)), galaxies.value(row));
    assert!((1..table.num_rows()).all(|row| key(row - 1) < key(row)), "sorted by cap, zone, galaxy, nulls first");
    for row in 0..table.num_rows() {
        let galaxy = galaxies.value(row);
        assert_eq!(caps.value(row), if galaxy >= 5_000 { "SGC" } else { "NGC" });
        assert_eq!(zones.is_null(row), galaxy % 10 == 0);
        let depth = table.column(3).as_primitive::<Float32Type>();
        assert_eq!(depth.is_null(row), galaxy % 7 == 0);
        assert!(depth.is_null(row) || depth.value(row) == galaxy as f32);
    }
    let catalogue = &Catalogue::open_all(&archive).unwrap()[0];
    assert_eq!((catalogue.name.as_str(), catalogue.rows), ("galzone", 2 * ROWS as u64));
    assert_eq!(catalogue.schema.field_with_name("DEPTH").unwrap().metadata()["unit"], "Mpc/h");
    assert_eq!(catalogue.null_counts().unwrap(), [Some(0), Some(0), Some(200), Some(286)]);
}

#[test]
fn a_table_is_made_once_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let request = request(folder.path());
    ingest_tables(&one, std::slice::from_ref(&request), &Quiet).unwrap();
    let again = ingest_tables(&one, std::slice::from_ref(&request), &Quiet).unwrap();
    assert!(again[0].unchanged && again[0].rows == 2 * ROWS as usize);
    ingest_tables(&other, std::slice::from_ref(&request), &Quiet).unwrap();
    let bytes = |archive: &Path| std::fs::read(archive.join("galzone.parquet")).unwrap();
    assert_eq!(bytes(&one), bytes(&other));
    let changed = TableRequest { sort_by: vec!["GAL".to_owned()], ..request };
    let error = ingest_tables(&one, &[changed], &Quiet).unwrap_err();
    assert!(matches!(error, Error::Occupied { .. }), "{error}");
    assert_eq!(bytes(&one), bytes(&other));
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let refused = |request: TableRequest| -> String {
        let error = ingest_tables(&archive, &[request], &Quiet).unwrap_err();
        let left: Vec<PathBuf> = std::fs::read_dir(&archive).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [archive.join(".lock")], "{error}");
        error.to_string()
    };
    let mut unknown = request(folder.path());
    unknown.sort_by = vec!["ZONES".to_owned()];
    assert!(refused(unknown).contains("`ZONE`"));
    let mut unequal = request(folder.path());
    unequal.parts[1].constants.clear();
    assert!(refused(unequal).contains("adds the columns"));
    let mut narrow = request(folder.path());
    narrow.columns = Columns::new(vec![Column::new("GAL", "Galaxy").with_type(DataType::Int8)]);
    let message = refused(narrow);
    assert!(message.contains("column `GAL` is ") && message.contains("which a column of type Int8 cannot hold"));
}
