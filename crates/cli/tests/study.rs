//! `astrolab run` and `reproduce` through the real binary: from a simulated survey's files to a report, killed on the way,
//! with other parameters, and with an input whose bytes are wrong.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A study small enough for a test: a catalogue from the archive and one found by the run itself.
const STUDY: &str = "study = \"voids\"\nseed = 5\n[inputs]\narchive = \"archive\"\n[sample]\nredshift = [0.01, 0.24]\n\
    magnitude_limit = -20.0\n[voids]\narchived = [\"voidfinder\"]\nfind = [\"voidfinder\"]\n\
    [statistics]\nbootstraps = 20\npermutations = 20\njackknife_order = 2\n";

fn astrolab(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_astrolab"));
    command.current_dir(folder).args(arguments).env_remove("ASTROLAB_ARCHIVE").env_remove("ASTROLAB_RUNS");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn done(folder: &Path, arguments: &[&str]) -> Output {
    let output = astrolab(folder, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A folder with a simulated survey in `sky`, its archive in `archive`, and the study.
fn survey(galaxies: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    done(folder.path(), &["data", "simulate", "--galaxies", galaxies, "--lines", "HALPHA", "-o", "sky"]);
    done(folder.path(), &["data", "ingest", "sky", "--archive", "archive"]);
    std::fs::write(folder.path().join("study.toml"), STUDY).unwrap();
    folder
}

/// The one run below a folder of runs.
fn run_folder(runs: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(runs.join("voids")).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| path.is_dir())
}

/// The files that a run made, with their bytes; not the manifest, which has the time each step took.
fn made(runs: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![run_folder(runs).unwrap()];
    let root = open[0].clone();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(&root).unwrap().to_owned();
            let engine =
                ["steps", ".staging", "lock", "manifest.json", "report.html"].iter().any(|own| name.starts_with(own));
            match (engine, path.is_dir()) {
                (true, _) => {}
                (false, true) => open.push(path),
                (false, false) => {
                    found.insert(name, std::fs::read(&path).unwrap());
                }
            }
        }
    }
    found
}

fn finished_steps(runs: &Path) -> usize {
    let is_record = |path: PathBuf| {
        path.extension().is_some_and(|ending| ending == "json")
            && !path.file_name().unwrap().to_string_lossy().starts_with('.')
    };
    let entries = run_folder(runs).and_then(|run| std::fs::read_dir(run.join("steps")).ok());
    entries.into_iter().flatten().flatten().filter(|entry| is_record(entry.path())).count()
}

/// Starts the study and kills it some time after `steps` of its steps have ended.
fn killed(folder: &Path, steps: usize, later: Duration) {
    let runs = folder.join("killed");
    let mut running = astrolab(folder, &["run", "study.toml", "--output", "killed", "--threads", "2"]).spawn().unwrap();
    let start = Instant::now();
    while finished_steps(&runs) < steps && running.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(300), "the run stands still");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(later);
    running.kill().unwrap();
    running.wait().unwrap();
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let folder = survey("8000");
    let folder = folder.path();
    done(folder, &["run", "study.toml", "--output", "whole", "--threads", "1"]);
    let expected = made(&folder.join("whole"));
    for path in ["tables/effects.csv", "tables/validation.json", "figures/sky.png", "voids/VoidFinder.fits"] {
        assert!(expected.contains_key(Path::new(path)), "{path} is missing from {:?}", expected.keys());
    }
    for (steps, milliseconds) in [(0, 30), (1, 0), (2, 200), (4, 300), (5, 500)] {
        killed(folder, steps, Duration::from_millis(milliseconds));
        let run = run_folder(&folder.join("killed"));
        assert!(run.is_none_or(|run| !run.join("report.html").exists()), "a killed run has no report");
    }
    let resumed = done(folder, &["run", "study.toml", "--output", "killed", "--threads", "2", "--json"]);
    let said: Value = serde_json::from_slice(&resumed.stdout).unwrap();
    assert!(said["reused"].as_array().unwrap().len() >= 5, "{said:#}");
    let found = made(&folder.join("killed"));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let differing: Vec<_> = found.keys().filter(|path| found[*path] != expected[*path]).collect();
    assert!(differing.is_empty(), "{differing:?} differ between 1 thread and 2 with kills");

    // Another parameter of the statistics does only these anew.
    std::fs::write(folder.join("other.toml"), STUDY.replace("bootstraps = 20", "bootstraps = 21")).unwrap();
    let other = done(folder, &["run", "other.toml", "--output", "whole", "--json"]);
    let said: Value = serde_json::from_slice(&other.stdout).unwrap();
    let reused: Vec<_> = said["reused"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(reused, ["check", "select", "find-voidfinder", "measure", "void-figures"]);

    let manifest = run_folder(&folder.join("killed")).unwrap().join("manifest.json");
    let again = done(folder, &["reproduce", manifest.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("identical"));
}

#[test]
fn voids_are_the_same_from_files_and_from_the_archive_and_wrong_bytes_are_told() {
    let folder = survey("6000");
    let folder = folder.path();
    // Positions alone, so that nothing but environments is measured.
    let query = "SELECT \"TARGETID\", \"RA\", \"DEC\", \"Z\" FROM metadata";
    done(folder, &["data", "query", query, "--archive", "archive", "--output", "galaxies.parquet"]);
    done(folder, &["data", "ingest", "galaxies.parquet", "--name", "plain", "--archive", "archive"]);
    let caps = ["NGC", "SGC"].map(|cap| format!("sky/desivast/DESIVAST_BGS_VOLLIM_V2_VIDE_{cap}.fits"));
    let inputs =
        "study = \"voids\"\n[inputs]\narchive = \"archive\"\ntable = \"plain\"\n[sample]\nredshift = [0.0, 0.24]\n";
    let from_files = format!("{inputs}[voids]\ncatalogues = {caps:?}\n");
    std::fs::write(folder.join("files.toml"), from_files).unwrap();
    std::fs::write(folder.join("archive.toml"), format!("{inputs}[voids]\narchived = [\"vide\"]\n")).unwrap();
    done(folder, &["run", "files.toml", "--output", "files"]);
    done(folder, &["run", "archive.toml", "--output", "archived"]);
    let environments = |runs: &str| made(&folder.join(runs))[Path::new("tables/environments.parquet")].clone();
    assert!(environments("files") == environments("archived"), "environments differ");

    // One bit of one coordinate: the file reads well, but it is not what its maker wrote.
    let path = folder.join(&caps[0]);
    let mut bytes = std::fs::read(&path).unwrap();
    // The table follows its header's END in the next block; its rows start with the void's number and X.
    let header = bytes.windows(8).position(|word| word == b"XTENSION").unwrap();
    let end = header + bytes[header..].chunks(80).position(|card| card.starts_with(b"END     ")).unwrap() * 80;
    bytes[end / 2_880 * 2_880 + 2_880 + 15] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let output = astrolab(folder, &["run", "files.toml", "--output", "wrong"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("check failed: checksums of DESIVAST_BGS_VOLLIM_V2_VIDE_NGC.fits"), "{said}");
    let run = run_folder(&folder.join("wrong")).unwrap();
    assert!(run.join("report.html").exists(), "the run is whole all the same");
    std::fs::write(
        folder.join("absent.toml"),
        format!("{inputs}[voids]\narchived = [\"vide\"]\n").replace("\"archive\"", "\"no\""),
    )
    .unwrap();
    let output = astrolab(folder, &["run", "absent.toml", "--output", "absent"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot read the archive folder no"), "{said}");
}
