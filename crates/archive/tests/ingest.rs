//! Files go in, HATS catalogues come out: the same bytes however the work was done, and nothing from bad input.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use archive::columns::Columns;
use archive::fits::{FitsWriter, Header};
use archive::ingest::{CatalogueRequest, IngestRequest, TableSource, ingest};
use archive::{Error, Quiet};
use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch};
use testkit::python::python_with;

const ROWS: usize = 6_000;

/// A spiral of galaxies over the whole sky, in an order that is not the sky's.
struct Sky {
    ids: Vec<i64>,
    ra: Vec<f64>,
    dec: Vec<f64>,
}

impl Sky {
    fn new() -> Self {
        let order = |row: usize| (row * 3_571) % ROWS;
        let dec = |row: usize| (1.0 - 2.0 * (order(row) as f64 + 0.5) / ROWS as f64).asin().to_degrees();
        Self {
            ids: (0..ROWS).map(|row| 39_627_000_000_000_000 + row as i64).collect(),
            ra: (0..ROWS).map(|row| (order(row) as f64 * 137.507_764).rem_euclid(360.0)).collect(),
            dec: (0..ROWS).map(dec).collect(),
        }
    }

    /// Writes METADATA and SPECPHOT, the second with its own identifiers.
    fn write(&self, path: &Path, sibling_ids: &[i64]) {
        let ids = |ids: &[i64]| -> ArrayRef { Arc::new(Int64Array::from(ids.to_vec())) };
        let floats = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
        let metadata = RecordBatch::try_from_iter([
            ("TARGETID", ids(&self.ids)),
            ("RA", floats(&self.ra)),
            ("DEC", floats(&self.dec)),
        ])
        .unwrap();
        let mass: ArrayRef = Arc::new(Float32Array::from_iter_values((0..ROWS).map(|row| 9.0 + row as f32 * 1e-4)));
        let specphot = RecordBatch::try_from_iter([("TARGETID", ids(sibling_ids)), ("LOGMSTAR", mass)]).unwrap();
        let mut writer = FitsWriter::create(path).unwrap();
        writer.primary(&Header::new()).unwrap();
        writer.table("METADATA", &metadata.schema(), &[metadata]).unwrap();
        writer.table("SPECPHOT", &specphot.schema(), &[specphot]).unwrap();
        writer.finish().unwrap();
    }
}

fn request(file: &Path, archive: PathBuf) -> IngestRequest {
    let catalogue = |hdu: &str| CatalogueRequest {
        description: "test".to_owned(),
        name: hdu.to_lowercase(),
        table: TableSource::Hdu(hdu.to_owned()),
        columns: Columns::default(),
    };
    IngestRequest {
        archive,
        files: vec![file.to_owned()],
        catalogues: vec![catalogue("METADATA"), catalogue("SPECPHOT")],
        ra: "RA".to_owned(),
        dec: "DEC".to_owned(),
        id: Some("TARGETID".to_owned()),
        max_rows: 400,
        margin_arcsec: 3_600.0,
    }
}

/// Every file below a folder and its bytes.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_bytes_do_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sky.fits");
    let sky = Sky::new();
    sky.write(&file, &sky.ids);
    let on = |threads: usize| {
        let archive = folder.path().join(format!("on_{threads}"));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let made = pool.install(|| ingest(&request(&file, archive.clone()), &Quiet).unwrap());
        assert_eq!(made.iter().map(|one| one.rows).collect::<Vec<_>>(), [ROWS, ROWS]);
        assert_eq!(made[0].partitions, made[1].partitions);
        assert!(made[0].partitions > 12);
        content(&archive)
    };
    let (one, four) = (on(1), on(4));
    assert!(one.len() > 2 * 12);
    assert_eq!(one, four);
}

#[test]
fn an_interrupted_ingest_goes_on_and_a_finished_one_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (file, archive) = (folder.path().join("sky.fits"), folder.path().join("archive"));
    let sky = Sky::new();
    sky.write(&file, &sky.ids);
    let request = request(&file, archive.clone());
    ingest(&request, &Quiet).unwrap();
    let whole = content(&archive);
    assert!(ingest(&request, &Quiet).unwrap().iter().all(|one| one.unchanged));
    // What a kill leaves behind: some partitions missing, one half-written under its temporary name, an open journal.
    let files: Vec<&PathBuf> = whole
        .keys()
        .filter(|path| {
            path.starts_with("specphot/specphot") && path.extension().is_some_and(|ending| ending == "parquet")
        })
        .collect();
    for path in &files[..files.len() / 2] {
        std::fs::remove_file(archive.join(path)).unwrap();
    }
    let half = archive.join(files[0]);
    let partial = half.with_file_name(format!(".{}.partial", half.file_name().unwrap().to_string_lossy()));
    std::fs::write(partial, b"PAR1 half").unwrap();
    std::fs::remove_file(archive.join("specphot/collection.properties")).unwrap();
    let journal = archive.join("specphot/.ingest.json");
    let open = std::fs::read_to_string(&journal).unwrap().replace("\"complete\": true", "\"complete\": false");
    std::fs::write(&journal, open).unwrap();
    let made = ingest(&request, &Quiet).unwrap();
    assert!(made[0].unchanged && !made[1].unchanged);
    assert_eq!(made[1].resumed, files.len() - files.len() / 2);
    assert_eq!(content(&archive), whole);
}

#[test]
fn bad_input_is_refused_and_leaves_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |name: &str, sky: &Sky, sibling_ids: &[i64]| {
        let file = folder.path().join(format!("{name}.fits"));
        sky.write(&file, sibling_ids);
        let archive = folder.path().join(name);
        let error = ingest(&request(&file, archive.clone()), &Quiet).unwrap_err();
        assert!(!archive.join("specphot/collection.properties").exists());
        error
    };
    let sky = Sky::new();
    let mut swapped = sky.ids.clone();
    swapped.swap(5, 6);
    assert!(
        matches!(refused("swapped", &sky, &swapped), Error::Unmatched { reason, .. } if reason.starts_with("row 5 "))
    );
    let mut twice = Sky::new();
    twice.ids[17] = twice.ids[2_900];
    let error = refused("twice", &twice, &twice.ids);
    assert!(matches!(error, Error::DuplicateId { first_row: 17, second_row: 2_900, .. }), "{error}");
    let mut lost = Sky::new();
    lost.ra[11] = f64::NAN;
    let error = refused("lost", &lost, &lost.ids);
    assert!(matches!(&error, Error::BadValue { row: 11, column, .. } if column == "RA"), "{error}");
    let mut beyond = Sky::new();
    beyond.dec[12] = 90.5;
    let error = refused("beyond", &beyond, &beyond.ids);
    assert!(matches!(&error, Error::BadValue { row: 12, column, .. } if column == "DEC"), "{error}");
}

/// What LSDB must find: a valid collection, every row, every row of a cone, every row matched with itself.
const PYTHON_CHECK: &str = r#"
import sys, numpy, hats, lsdb
from hats.io.skymap import read_skymap
from hats.io.validation import is_valid_catalog
path, rows = sys.argv[1], int(sys.argv[2])
assert is_valid_catalog(path, strict=True), "not a valid catalogue"
assert read_skymap(hats.read_hats(path).main_catalog, None).sum() == rows, "the point map does not count the rows"
sky = lsdb.open_catalog(path)
assert len(sky) == rows and sky.margin is not None, "rows or margin are missing"
table = sky.compute()
ra, dec = (numpy.radians(table[name].to_numpy(dtype=float)) for name in ("RA", "DEC"))
lon, lat = numpy.radians(150.0), numpy.radians(20.0)
cosine = numpy.sin(dec) * numpy.sin(lat) + numpy.cos(dec) * numpy.cos(lat) * numpy.cos(ra - lon)
expected = int((cosine >= numpy.cos(numpy.radians(10.0))).sum())
found = len(sky.cone_search(150.0, 20.0, 36000).compute())
assert expected > 10 and found == expected, f"cone: {found}, expected {expected}"
same = sky.crossmatch(sky, radius_arcsec=1, suffixes=("_a", "_b")).compute()
assert len(same) == rows, f"crossmatch: {len(same)}"
"#;

/// Needs `python3` with `venv` and the network once: the packages are kept in the build folder.
#[test]
#[ignore = "installs hats and lsdb: run with `cargo test -p archive --test ingest -- --ignored lsdb`"]
fn lsdb_opens_counts_searches_and_crossmatches() {
    let folder = tempfile::tempdir().unwrap();
    let (file, archive) = (folder.path().join("sky.fits"), folder.path().join("archive"));
    let sky = Sky::new();
    sky.write(&file, &sky.ids);
    ingest(&request(&file, archive.clone()), &Quiet).unwrap();
    let packages = ["hats==0.11.1", "lsdb==0.11.1"];
    let python = python_with(&packages, &Path::new(env!("CARGO_TARGET_TMPDIR")).join("lsdb-venv"));
    for name in ["metadata", "specphot"] {
        let run = Command::new(&python)
            .args(["-W", "ignore", "-c", PYTHON_CHECK])
            .arg(archive.join(name))
            .arg(ROWS.to_string())
            .output()
            .unwrap();
        assert!(run.status.success(), "{name}: {}", String::from_utf8_lossy(&run.stderr));
    }
}
