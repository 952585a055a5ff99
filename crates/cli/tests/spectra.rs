//! Spectra through the real binary: simulated, ingested, killed and resumed, asked, drawn.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod run;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use run::{astrolab, text};

const QUASARS: &str = "60";

fn done(arguments: &[&str]) -> String {
    let output = astrolab(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(arguments: &[&str], words: &[&str]) {
    let output = astrolab(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(words.iter().all(|word| said.contains(word)), "{arguments:?} should say {words:?}: {said}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let read = |path: PathBuf| (path.strip_prefix(folder).unwrap().to_owned(), std::fs::read(&path).unwrap());
    files(folder).into_iter().map(read).collect()
}

#[test]
fn quasars_go_from_files_to_answers_and_figures() {
    let folder = tempfile::tempdir().unwrap();
    let (sky, archive) = (folder.path().join("sky"), folder.path().join("archive"));
    done(&["data", "simulate", "--quasars", QUASARS, "--redshift", "0.3,2.5", "--output", text(&sky)]);
    refused(&["data", "simulate", "--quasars", QUASARS, "--output", text(&sky)], &["--force"]);
    let made = done(&["data", "ingest", text(&sky), "--spectype", "qso", "--archive", text(&archive), "--json"]);
    assert!(made.contains("\"catalogue\": \"spectra\"") && made.contains("\"rows\": 60"), "{made}");
    let ask = |sql: &str, format: &str| done(&["data", "query", "--archive", text(&archive), sql, "--format", format]);
    let counted = ask("SELECT count(*) AS n FROM spectra WHERE \"SPECTYPE\" = 'QSO' AND \"EBV\" > 0", "csv");
    assert_eq!(counted.trim(), "n\n60");
    // The list columns: whole in JSON, abridged in a table, refused in CSV, vectors in FITS.
    let one = "SELECT \"TARGETID\", \"Z\", flux, mask FROM spectra WHERE \"TARGETID\" = 39600000000000007";
    let row: serde_json::Value = serde_json::from_str(&ask(one, "json")).unwrap();
    assert_eq!((row["flux"].as_array().unwrap().len(), row["mask"].as_array().unwrap().len()), (7781, 7781));
    assert_eq!(row["TARGETID"], "39600000000000007");
    assert!(ask(one, "table").contains("… 7781]"));
    refused(&["data", "query", "--archive", text(&archive), one, "--format", "csv"], &["flux", "JSON"]);
    let fits = folder.path().join("one.fits");
    done(&["data", "query", "--archive", text(&archive), one, "--output", text(&fits)]);
    assert!(done(&["data", "inspect", text(&fits)]).contains("7781E"));
    // What was asked is what is in the file.
    let coadd = files(&sky).into_iter().find(|path| path.ends_with("coadd-main-dark-9144.fits")).unwrap();
    let read = desi::spectra::CoaddFile::open(&coadd).unwrap().spectrum(6).unwrap();
    let same = row["flux"].as_array().unwrap().iter().zip(&read.flux_1e17_cgs);
    assert!(same.clone().all(|(a, b)| (a.as_f64().unwrap() - b).abs() <= 1e-5 * b.abs() + 1e-6));
    draws(folder.path(), &coadd);
    // Another choice is another catalogue.
    refused(&["data", "ingest", text(&sky), "--archive", text(&archive)], &["other files or settings"]);
    refused(&["data", "ingest", text(&sky), "--spectype", "star", "--archive", "none"], &["of 60 targets"]);
    refused(&["data", "ingest", text(&sky), "--spectype", "comet", "--archive", "none"], &["QSO, GALAXY or STAR"]);
    assert!(!Path::new("none/spectra").exists());
}

fn draws(folder: &Path, coadd: &Path) {
    let (png, svg) = (folder.join("one.png"), folder.join("one.svg"));
    let shown = done(&["data", "inspect", text(coadd), "--targetid", "39600000000000007", "--plot", text(&png)]);
    assert!(shown.contains("QSO") && shown.contains("Mg II") && shown.contains('⡇'), "{shown}");
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
    done(&["data", "inspect", text(coadd), "--row", "2", "--plot", text(&svg)]);
    assert!(std::fs::read_to_string(&svg).unwrap().contains("39600000000000003"));
    refused(&["data", "inspect", text(coadd), "--targetid", "5"], &["TARGETID 5", "39600000000000001"]);
    refused(&["data", "inspect", text(coadd), "--row", "99"], &["60 spectra"]);
    refused(&["data", "inspect", text(coadd), "--plot", "one.gif"], &[".svg or .png"]);
}

#[test]
fn a_killed_ingest_of_spectra_resumes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let sky = folder.path().join("sky");
    done(&["data", "simulate", "--quasars", QUASARS, "--output", text(&sky)]);
    // Partitions of five, so that there are moments to be killed at.
    let ingest = |archive: &Path, threads: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_astrolab"));
        command.args(["data", "ingest", text(&sky), "--max-rows", "5", "--archive", text(archive)]);
        command.env("RAYON_NUM_THREADS", threads).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let whole = folder.path().join("whole");
    assert!(ingest(&whole, "2").status().unwrap().success());
    let cut = folder.path().join("cut");
    for wanted in [1, 6] {
        let mut running = ingest(&cut, "1").spawn().unwrap();
        let begun = Instant::now();
        let parts = || files(&cut).iter().filter(|path| path.to_string_lossy().ends_with(".parquet")).count();
        while parts() < wanted && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(2));
        }
        running.kill().unwrap();
        running.wait().unwrap();
        assert!(!cut.join("spectra/collection.properties").exists(), "killed too late");
    }
    assert!(ingest(&cut, "2").status().unwrap().success());
    let (whole, cut) = (content(&whole), content(&cut));
    assert!(whole.keys().eq(cut.keys()));
    // The journal counts what was there before.
    assert!(whole.iter().all(|(path, bytes)| bytes == &cut[path]));
}
