//! A run through the public door: resume, dependants, tampering, hints, escaping.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use study::Error;
use study::figures::{Axis, Figure, Line, Panel};
use study::report::Report;
use study::run::{Manifest, Opening, Run, Step, Verdict, compare_runs};
use study::tables::Columns;
use study::validation::Validation;

/// Three steps: `b` depends on `a` and the factor, `c` on nothing. Returns the run's folder and the steps really done.
fn go(root: &Path, input: &Path, factor: f64, fail_in_b: bool) -> (Result<PathBuf, Error>, Vec<&'static str>) {
    let done = RefCell::new(Vec::new());
    let result = (|| {
        let mut run = Run::open(Opening {
            root: root.to_path_buf(),
            study: "toy".into(),
            study_file: format!("study = \"toy\"\nfactor = {factor}\n"),
            code_version: "1".into(),
            inputs: vec![("numbers".into(), input.to_path_buf())],
            ..Opening::default()
        })?;
        let numbers = run.inputs("numbers").next().unwrap().clone();
        let a = run.step(&Step::new("a", 1).input(&numbers), |folder| {
            done.borrow_mut().push("a");
            let values = fs::read_to_string(&numbers.path).unwrap();
            let values = values.lines().map(|line| line.parse::<f64>().unwrap());
            folder.table("a", &Columns::new().float("x", "Mpc/h", "a length", values).table()?)
        })?;
        run.step(&Step::new("b", 1).parameters(&factor)?.after(&a), |folder| {
            done.borrow_mut().push("b");
            let rows = a.table("a")?.num_rows() as f64;
            let table = Columns::new().float("y", "", "scaled", [rows * factor]).table()?;
            folder.table("b", &table)?;
            if fail_in_b {
                return Err(Error::Figure { figure: "b".into(), reason: "killed half-way".into() });
            }
            folder.figure(
                "b",
                &Figure::new("b").panel(Panel::new().x(Axis::linear("x")).line(Line::new(&[0.0, 1.0], &[0.0, factor]))),
                &table,
            )
        })?;
        run.step(&Step::new("c", 1), |folder| {
            done.borrow_mut().push("c");
            folder.json("c", &1)
        })?;
        let folder = run.folder().to_path_buf();
        let mut report = Report::new("<toy>", "a & b");
        report.figure(&folder, "b", "\"quoted\" <caption>")?;
        report.validation(&Validation::new());
        let html = report.html(run.manifest());
        run.finish(&html)?;
        Ok(folder)
    })();
    (result, done.into_inner())
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let input = place.path().join("numbers.txt");
    fs::write(&input, "1\n2\n3\n").unwrap();
    (place, input)
}

#[test]
fn a_broken_run_resumes_and_a_finished_one_is_left_alone() {
    let (place, input) = place();
    let (broken, done) = go(place.path(), &input, 2.0, true);
    assert!(broken.unwrap_err().to_string().contains("step `b` failed"));
    assert_eq!(done, ["a", "b"]);
    let (folder, done) = go(place.path(), &input, 2.0, false);
    assert_eq!(done, ["b", "c"]);
    let folder = folder.unwrap();
    assert!(Manifest::read(&folder.join("manifest.json")).unwrap().complete);
    assert_eq!(go(place.path(), &input, 2.0, false).1, Vec::<&str>::new());
}

#[test]
fn what_a_killed_write_left_is_removed() {
    let (root, input) = place();
    let folder = go(root.path(), &input, 2.0, false).0.unwrap();
    let left = [folder.join(".writing-a1b2c3"), folder.join("steps/.writing-d4e5f6")];
    left.iter().for_each(|path| fs::write(path, "half").unwrap());
    let (again, done) = go(root.path(), &input, 2.0, false);
    assert!(again.is_ok() && done.is_empty());
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
}

#[test]
fn a_changed_parameter_or_input_redoes_only_what_depends_on_it() {
    let (place, input) = place();
    let first = go(place.path(), &input, 2.0, false).0.unwrap();
    let (second, done) = go(place.path(), &input, 3.0, false);
    assert_eq!(done, ["b"]);
    assert_ne!(first, second.unwrap());
    fs::write(&input, "1\n2\n3\n4\n").unwrap();
    assert_eq!(go(place.path(), &input, 2.0, false).1, ["a", "b"]);
}

#[test]
fn a_tampered_table_is_redone_and_told_by_the_comparison() {
    let (place, input) = place();
    let first = go(place.path(), &input, 2.0, false).0.unwrap();
    let again = go(&place.path().join("again"), &input, 2.0, false).0.unwrap();
    let manifest = Manifest::read(&first.join("manifest.json")).unwrap();
    assert!(compare_runs(&first, &manifest, &again).unwrap().is_identical());
    assert_eq!(fs::read(first.join("report.html")).unwrap(), fs::read(again.join("report.html")).unwrap());
    let table = again.join("tables/b.parquet");
    let mut bytes = fs::read(&table).unwrap();
    bytes[10] ^= 1;
    fs::write(&table, bytes).unwrap();
    let comparison = compare_runs(&first, &manifest, &again).unwrap();
    let differing: Vec<_> = comparison.differences().map(|file| (file.path.as_str(), file.verdict)).collect();
    assert_eq!(differing, [("tables/b.parquet", Verdict::Differs)]);
    assert_eq!(go(&place.path().join("again"), &input, 2.0, false).1, ["b"]);
}

#[test]
fn the_report_escapes_what_it_is_given() {
    let (place, input) = place();
    let folder = go(place.path(), &input, 2.0, false).0.unwrap();
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(html.contains("<h1>&lt;toy&gt;</h1>") && html.contains("a &amp; b") && html.contains("&lt;caption&gt;"));
    assert!(!html.contains("<toy>"));
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_one() {
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Toy {
        study: String,
        tolerance: f64,
    }
    let text = "study = \"toy\"\ntolerence = 1.0\n";
    let message = study::study_file::parse::<Toy>(text, Path::new("toy.toml")).unwrap_err().to_string();
    assert!(message.contains("line 2, column 1") && message.contains("hint: did you mean `tolerance`?"), "{message}");
}
