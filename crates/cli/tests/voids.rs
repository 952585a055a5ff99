//! `astrolab voids ...` through the binary: on the real DR7 catalogue, and on input that is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod run;

use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use run::{counts, json, refused, text};

fn dr7() -> Option<PathBuf> {
    Some(testkit::real_data()?.join("voids/vollim_dr7_cbp_102709.fits"))
}

#[test]
fn voidfinder_finds_the_reference_voids_and_they_classify() {
    let Some(galaxies) = dr7() else { return };
    let folder = tempfile::tempdir().unwrap();
    let find = |output: &Path, threads: &str| {
        let reference = ["--redshift", "0..0.1026", "--omega-m", "0.26", "--mask", "pixels", "--json"];
        let mut arguments = vec!["find", text(&galaxies), "-a", "voidfinder", "-o", text(output), "-t", threads];
        arguments.extend(reference);
        json(&arguments)
    };
    let (one, three) = (folder.path().join("one"), folder.path().join("three"));
    let found = find(&one, "1");
    // VAST has 897, in single precision with c = 299792 km/s; the library finds those 897 when it is given VAST's own
    // positions (see the tests of the voids crate). Positions computed here at the exact speed of light give 896.
    assert_eq!(counts(&found), [("voidfinder", 896)]);
    assert_eq!(
        (&found["catalogues"][0]["counts"]["wall"], &found["input"]["galaxies"]),
        (&98_421.into(), &120_606.into())
    );
    assert_eq!(found, find(&three, "3"), "bytes depend on the threads");
    assert_eq!(std::fs::read(one.join("manifest.json")).unwrap(), std::fs::read(three.join("manifest.json")).unwrap());

    let table = study::tables::read_parquet(&one.join("vollim_dr7_cbp_102709_VoidFinder_voids.parquet")).unwrap();
    assert_eq!(table.num_rows(), 896);

    let catalogue = one.join("vollim_dr7_cbp_102709_VoidFinder.fits");
    let environments = folder.path().join("environments.parquet");
    let arguments = ["classify", text(&galaxies), "--voids", text(&catalogue), "-o", text(&environments), "--json"];
    let classified = json(&arguments);
    testkit::assert_close(classified[0]["void_share"].as_f64().unwrap(), 0.065, 5e-3, "share in voids");
    assert_eq!(study::tables::read_parquet(&environments).unwrap().num_rows(), 120_606);
}

#[test]
fn every_algorithm_is_written_read_back_and_compared() {
    let Some(galaxies) = dr7() else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = text(folder.path());
    let found = json(&[
        "find",
        text(&galaxies),
        "-a",
        "all",
        "--redshift",
        "0..0.1",
        "--omega-m",
        "0.3",
        "-o",
        output,
        "--json",
    ]);
    let by_algorithm = counts(&found);
    assert_eq!(by_algorithm[1..], [("vide", 321), ("zobov", 437), ("revolver", 437)]);
    assert_eq!(by_algorithm[0].0, "voidfinder");

    let files: Vec<String> = found["catalogues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{output}/{}", one["file"].as_str().unwrap()))
        .collect();
    let mut arguments = vec!["classify", text(&galaxies), "--json", "--voids"];
    arguments.extend(files.iter().map(String::as_str));
    let classified = json(&arguments);
    let in_void = |row: usize| classified[row]["in_void"].as_i64().unwrap();
    // Joins of GALZONE and ZONEVOID in the reference's tables; galaxies on the redshift limit may differ.
    for (row, expected) in [(1, 63_914), (2, 91_957), (3, 88_901)] {
        assert!((in_void(row) - expected).abs() <= 10, "{}: {}", classified[row]["algorithm"], in_void(row));
    }

    let same = json(&["overlap", &files[1], &files[1], "--points", "2000", "--json"]);
    assert_eq!(same["shared_volume_fraction"], 1.0);
    let other = json(&["overlap", &files[1], &files[3], "--points", "20000", "--json"]);
    assert!(other["shared_volume_fraction"].as_f64().unwrap() < 0.8, "{other}");

    // Inside the survey, off its sky, and beyond its depth.
    let mut asked = vec!["membership", "--at", "184.5,27.1,0.07", "--at", "10,-60,0.05", "--at", "184.5,27.1,0.3"];
    asked.extend(["--json", "--voids", &files[2]]);
    let answers = json(&asked);
    assert!(answers[0]["void"].is_i64());
    assert!([1, 2].iter().all(|&row| answers[row]["inside_survey"] == false && answers[row]["void"].is_null()));
}

#[test]
fn every_galaxy_of_dr7_is_in_the_void_of_the_reference() {
    let Some(galaxies) = dr7() else { return };
    let reference = testkit::real_data().unwrap().join("voids/reference");
    let files =
        ["voidfinder_dr7.fits", "v2_dr7_vide.fits.gz", "v2_dr7_revolver.fits.gz"].map(|name| reference.join(name));
    let folder = tempfile::tempdir().unwrap();
    // The same positions from a FITS file and from a CSV file, and the answers in both formats.
    let rows = voids::galaxies::GalaxyTable::read(&galaxies, &voids::galaxies::ColumnNames::default()).unwrap();
    let copy = folder.path().join("copy.csv");
    let line = |row: usize| format!("{:?},{:?},{:?}\n", rows.ra_deg[row], rows.dec_deg[row], rows.redshift[row]);
    std::fs::write(&copy, format!("a,d,red\n{}", (0..rows.len()).map(line).collect::<String>())).unwrap();
    let (parquet, csv) = (folder.path().join("in.parquet"), folder.path().join("in.csv"));
    let ask = |positions: &[&str], output: &Path, threads: &str| {
        let mut arguments = vec!["membership"];
        arguments.extend(positions);
        arguments.extend(["--json", "-t", threads, "-o", text(output), "--voids"]);
        arguments.extend(files.iter().map(|file| text(file)));
        json(&arguments)
    };
    let of_fits = ask(&[text(&galaxies)], &parquet, "1");
    assert_eq!(of_fits, ask(&[text(&copy), "--columns", "ra=a,dec=d,z=red"], &csv, "3"));
    // VoidFinder: of the 6,984 tracers in holes with the finder's own coordinates, but for some at the limits; the
    // watershed: joins of GALZONE and ZONEVOID.
    let in_void = |row: usize| of_fits[row]["in_void"].as_i64().unwrap();
    assert!((in_void(0) - 6_984).abs() <= 20 && in_void(1) == 63_914 && in_void(2) == 88_901, "{of_fits}");
    let table = study::tables::read_parquet(&parquet).unwrap();
    assert_eq!(table.num_rows(), 3 * 120_606);
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 3 * 120_606 + 1);
    let void = table.column_by_name("void").unwrap().as_primitive::<Int64Type>();
    let desi::desivast::VoidCatalogue::Zones(vide) = desi::desivast::read(&files[1]).unwrap() else { unreachable!() };
    for tracer in vide.tracers.iter().filter(|tracer| tracer.was_selected()) {
        let expected = tracer.zone.and_then(|zone| vide.zones[usize::try_from(zone).unwrap()].void0);
        let row = 120_606 + usize::try_from(tracer.gal).unwrap();
        assert_eq!(void.is_valid(row).then(|| void.value(row)), expected, "galaxy {}", tracer.gal);
    }
    // The classification says the same.
    let classified = json(&["classify", text(&galaxies), "--json", "--voids", text(&files[0])]);
    assert!((classified[0]["in_void"].as_i64().unwrap() - in_void(0)).abs() <= 20, "{classified}");
}

#[test]
fn wrong_input_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("galaxies.csv");
    std::fs::write(&csv, "alpha,dec,z\n10.0,1.0,0.05\n11.0,1.0,0.06\n").unwrap();
    let (csv, out) = (text(&csv), folder.path().join("out"));
    let out = text(&out);
    refused(&["find", "absent.fits", "-a", "all", "-o", out], &["absent.fits"]);
    refused(&["find", csv, "-a", "all", "-o", out], &["right ascension", "alpha", "--columns ra="]);
    let found = |extra: &[&str], words: &[&str]| {
        refused(&[&["find", csv, "-o", out, "--columns", "ra=alpha"], extra].concat(), words);
    };
    found(&["-a", "voidfinder"], &["2 distinct galaxies", "hint:"]);
    found(&["-a", "vide", "--redshift", "1..2"], &["none of 2 galaxies"]);
    found(&["-a", "vide", "--magnitude-limit", "-20"], &["--columns magnitude=NAME"]);
    found(&["-a", "vide", "--redshift", "2..1"], &["LOW..HIGH"]);
    found(&["-a", "vide", "--omega-m", "2"], &["--omega-m 2"]);
    found(&["-a", "vide", "--least-radius", "-1"], &["--least-radius"]);
    found(&["-a", "watershed"], &["voidfinder, vide, zobov, revolver, all"]);
    assert!(!Path::new(out).exists(), "nothing is written where nothing is found");
    refused(&["classify", csv, "--columns", "ra=alpha", "--voids", "absent.fits"], &["absent.fits"]);
    refused(&["classify", csv, "--columns", "ra=alpha", "--voids", csv], &["galaxies.csv"]);
    refused(&["membership", "--voids", csv, "--at", "1,2"], &["--at", "X,Y,Z"]);
    refused(&["membership", "--voids", csv], &["POSITIONS"]);
    refused(&["overlap", csv, csv], &["galaxies.csv"]);
}

#[test]
fn help_has_examples() {
    for command in ["find", "classify", "membership", "overlap", "statistics"] {
        let help = run::voids(&[command, "--help"]);
        assert!(help.status.success());
        let help = String::from_utf8(help.stdout).unwrap();
        assert!(help.contains("Examples:") && help.contains(&format!("astrolab voids {command}")), "{help}");
    }
}
