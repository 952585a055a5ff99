//! `astrolab data ingest` and `data query` through the real binary: killed, and out of room.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use archive::fits::{FitsWriter, Header};
use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch};

const ROWS: usize = 12_000;
/// Rows a partition: small, so that there are many moments to be killed at.
const MAX_ROWS: &str = "500";

/// Galaxies over the whole sky in an order that is not the sky's, as METADATA, SPECPHOT and FASTSPEC.
fn write_survey(path: &Path) {
    let order = |row: usize| (row * 3_571) % ROWS;
    let ids: ArrayRef =
        Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| 39_627_000_000_000_000 + row as i64)));
    let ra = |row: usize| (order(row) as f64 * 137.507_764).rem_euclid(360.0);
    let dec = |row: usize| (1.0 - 2.0 * (order(row) as f64 + 0.5) / ROWS as f64).asin().to_degrees();
    let floats =
        |value: &dyn Fn(usize) -> f64| -> ArrayRef { Arc::new(Float64Array::from_iter_values((0..ROWS).map(value))) };
    let mass: ArrayRef = Arc::new(Float32Array::from_iter_values((0..ROWS).map(|row| 9.0 + (row % 997) as f32 * 1e-3)));
    let metadata =
        RecordBatch::try_from_iter([("TARGETID", ids.clone()), ("RA", floats(&ra)), ("DEC", floats(&dec))]).unwrap();
    let specphot = RecordBatch::try_from_iter([("TARGETID", ids.clone()), ("LOGMSTAR", mass.clone())]).unwrap();
    let fastspec = RecordBatch::try_from_iter([("TARGETID", ids), ("HALPHA_FLUX", mass)]).unwrap();
    let mut writer = FitsWriter::create(path).unwrap();
    writer.primary(&Header::new()).unwrap();
    for (name, table) in [("METADATA", metadata), ("SPECPHOT", specphot), ("FASTSPEC", fastspec)] {
        writer.table(name, &table.schema(), &[table]).unwrap();
    }
    writer.finish().unwrap();
}

fn astrolab() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_astrolab"));
    command.env_remove("ASTROLAB_ARCHIVE").stdin(Stdio::null());
    command
}

fn ingest(file: &Path, archive: &Path, threads: &str) -> Command {
    let mut command = astrolab();
    command.args(["data", "ingest", "--max-rows", MAX_ROWS, "--archive"]).arg(archive).arg(file);
    command.env("RAYON_NUM_THREADS", threads).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Every file below a folder and its bytes; also those with hidden names, so that nothing half-written stays unseen.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in files(folder) {
        found.insert(path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
    }
    found
}

/// What may vanish while one looks is passed over.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn partitions(archive: &Path) -> usize {
    files(archive).iter().filter(|path| is_partition(path)).count()
}

fn is_partition(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("Npix=") && name.to_string_lossy().ends_with(".parquet"))
}

/// Starts an ingest and kills it, so that it can clean up nothing, when it has made `after` partitions.
fn killed(file: &Path, archive: &Path, threads: &str, after: usize) {
    let mut running = ingest(file, archive, threads).spawn().unwrap();
    let start = Instant::now();
    while partitions(archive) < after && running.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(120), "the ingest stands still");
        std::thread::sleep(Duration::from_millis(1));
    }
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_killed_ingest_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("survey.fits");
    write_survey(&file);
    let whole = folder.path().join("whole");
    assert!(ingest(&file, &whole, "1").output().unwrap().status.success());
    let expected = content(&whole);
    let all = partitions(&whole);
    assert!(all > 100, "{all} partitions of three catalogues and their margins");
    for threads in ["1", "4"] {
        let archive = folder.path().join(format!("killed_{threads}"));
        for after in [0, 1, 7, all / 5, all / 2, all - 3] {
            killed(&file, &archive, threads, after);
            // What is there under its own name is whole, and a catalogue is only seen when all of it is.
            for (path, bytes) in content(&archive) {
                if is_partition(&path) {
                    assert!(expected[&path] == bytes, "{} after a kill", path.display());
                }
            }
            for catalogue in ["metadata", "specphot", "fastspec"] {
                let shown = archive.join(catalogue).join("collection.properties").exists();
                let made = partitions(&archive.join(catalogue));
                assert!(!shown || made == partitions(&whole.join(catalogue)), "{catalogue} is seen with {made} files");
            }
        }
        let resumed = ingest(&file, &archive, threads).output().unwrap();
        assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
        let found = content(&archive);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        let differing: Vec<&PathBuf> = found.keys().filter(|path| found[*path] != expected[*path]).collect();
        assert!(differing.is_empty(), "{differing:?} differ after kills on {threads} threads");
        let again = ingest(&file, &archive, threads).output().unwrap();
        assert!(String::from_utf8_lossy(&again.stdout).contains("done before"));
    }
}

/// Runs a command whose files may not grow beyond some blocks, as on a full disk: writes fail, the process lives.
fn with_little_room(command: &Command, blocks: u32) -> Output {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"")).arg("sh");
    shell.arg(command.get_program()).args(command.get_args()).env_remove("ASTROLAB_ARCHIVE").output().unwrap()
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let (file, archive) = (folder.path().join("survey.fits"), folder.path().join("archive"));
    write_survey(&file);
    let failed = with_little_room(&ingest(&file, &archive, "2"), 8);
    let message = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{message}");
    assert!(message.contains("cannot write") && message.to_lowercase().contains("too large"), "{message}");
    for path in files(&archive) {
        assert!(!path.to_string_lossy().ends_with(".partial"), "{} stays", path.display());
        assert!(!path.ends_with("collection.properties"), "{} is seen", path.display());
    }
    assert!(ingest(&file, &archive, "2").output().unwrap().status.success(), "with room it goes on");
    let mut query = astrolab();
    let answer = folder.path().join("answer.csv");
    query.args(["data", "query", "SELECT * FROM metadata", "--archive"]).arg(&archive).arg("--output").arg(&answer);
    let failed = with_little_room(&query, 8);
    assert_eq!(failed.status.code(), Some(1), "{}", String::from_utf8_lossy(&failed.stderr));
    let mut left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, ["archive", "survey.fits"]);
}
