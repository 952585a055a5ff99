//! `astrolab voids find --box` through the binary: a cavity across the faces of a periodic box, and input that has no
//! good answer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod run;

use std::path::{Path, PathBuf};

use astro::statistics::rng_stream;
use desi::desivast::{BoxVoids, read_box};
use rand::RngExt;
use run::{counts, json, refused, text, voids};

const SIDE_MPC_H: f64 = 80.0;

fn poisson(count: usize, seed: u64) -> Vec<[f64; 3]> {
    let mut random = rng_stream(seed, 0);
    (0..count).map(|_| std::array::from_fn(|_| SIDE_MPC_H * random.random::<f64>())).collect()
}

/// Distance to the nearest image in the periodic box.
fn apart(a: [f64; 3], b: [f64; 3]) -> f64 {
    let along = |k: usize| a[k] - b[k] - SIDE_MPC_H * ((a[k] - b[k]) / SIDE_MPC_H).round();
    (0..3).map(|k| along(k).powi(2)).sum::<f64>().sqrt()
}

fn write(folder: &Path, name: &str, points: &[[f64; 3]]) -> PathBuf {
    let rows: String = points.iter().map(|[x, y, z]| format!("{x},{y},{z}\n")).collect();
    let path = folder.join(name);
    std::fs::write(&path, format!("x,y,z\n{rows}")).unwrap();
    path
}

#[test]
fn a_cavity_across_the_faces_is_one_void_of_every_algorithm() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, radius) = ([0.5, 79.5, 1.0], 16.0);
    let mut points = poisson(4000, 14);
    points.retain(|point| apart(*point, centre) > radius);
    // The same place twice, by name and by image.
    points.push([0.0, 40.0, 40.0]);
    points.push([SIDE_MPC_H, 40.0, 40.0]);
    let galaxies = write(folder.path(), "box.csv", &points);
    let find = |name: &str, threads: &str| {
        let output = folder.path().join(name);
        let arguments = ["--box", "80", "--periodic", "-a", "all", "--least-radius", "12", "--json", "-t", threads];
        (json(&[&["find", text(&galaxies), "-o", text(&output)], &arguments[..]].concat()), output)
    };
    let ((found, one), (again, three)) = (find("one", "1"), find("three", "3"));
    assert_eq!(found, again, "bytes depend on the threads");
    let bytes = |folder: &Path| std::fs::read(folder.join("manifest.json")).unwrap();
    assert_eq!(bytes(&one), bytes(&three));

    let BoxVoids::Spheres { maximals, .. } = read_box(one.join("box_VoidFinder.fits")).unwrap().unwrap().voids else {
        panic!("VoidFinder's file has no spheres")
    };
    let here: Vec<_> = maximals.iter().filter(|void| apart(void.centre_mpc_h, centre) < radius / 2.0).collect();
    assert_eq!(here.len(), 1, "{here:?}");
    assert!(here[0].radius_mpc_h > radius && maximals.iter().all(|void| void.edge == 0));

    let catalogue = read_box(one.join("box_V2_REVOLVER.fits")).unwrap().unwrap();
    assert!(catalogue.limits.periodic && catalogue.limits.high_mpc_h == [SIDE_MPC_H; 3]);
    let BoxVoids::Zones { voids, tracers, .. } = catalogue.voids else { panic!("REVOLVER's file has no zones") };
    let largest = voids.iter().max_by(|a, b| a.radius_mpc_h.total_cmp(&b.radius_mpc_h)).unwrap();
    assert!(apart(largest.centre_mpc_h, centre) < radius / 2.0, "{largest:?}");
    assert!(voids.iter().all(|void| void.edge_area == Some(0.0)));
    assert!(tracers.len() == points.len() && tracers.iter().all(|tracer| tracer.zone.is_some()));
    let counted = &found["catalogues"][1]["counts"];
    let volume = |name: &str| counted[name].as_f64().unwrap();
    testkit::assert_close(volume("cell_volume_mpc_h3"), volume("box_volume_mpc_h3"), 1e-9, "sum of the cells");
    assert_eq!(volume("cells") as usize, points.len() - 1, "images of a face are one place");

    let table = study::tables::read_parquet(&one.join("box_V2_VIDE_voids.parquet")).unwrap();
    assert!(table.column_by_name("x").is_some() && table.column_by_name("ra").is_none());
    // What asks for a sky says that there is none.
    let file = |algorithm: &str| one.join(format!("box_{algorithm}.fits"));
    refused(
        &[
            "classify",
            text(&galaxies),
            "--columns",
            "ra=x,dec=y",
            "--redshift",
            "0..",
            "--voids",
            text(&file("V2_VIDE")),
        ],
        &["no place on the sky"],
    );
    // The cavity is reached through every face, and both finders agree on it.
    let [spheres, cells] = ["VoidFinder", "V2_REVOLVER"].map(file);
    let arguments = ["membership", "--json", "--at", "79,79,79", "--at", "6,74,5", "--at", "90,0,0", "--voids"];
    let answers = json(&[&arguments[..], &[text(&spheres), text(&cells)]].concat());
    for catalogue in [0, 3] {
        let [corner, inner, outside] = [0, 1, 2].map(|row| &answers[catalogue + row]);
        assert!(corner["void"].is_i64() && corner["void"] == inner["void"], "{corner} {inner}");
        assert_eq!((&outside["inside_survey"], outside["void"].is_null()), (&false.into(), true));
    }
    // Around the voids the density is measured through the faces too.
    let statistics = folder.path().join("statistics");
    let arguments = ["statistics", text(&galaxies), "--json", "--edge-voids", "-o", text(&statistics), "--voids"];
    let measured = &json(&[&arguments[..], &[text(&cells), text(&file("V2_VIDE"))]].concat())["statistics"];
    assert_eq!([&measured[0]["algorithm"], &measured[1]["algorithm"]], ["vide", "revolver"]);
    assert_eq!((&measured[0]["periodic"], &measured[0]["volume_mpc_h3"]), (&true.into(), &512_000.0.into()));
    assert!(measured[0]["profile"]["contrast"]["values"][2].as_f64().unwrap() < -0.3, "{}", measured[0]["profile"]);
    assert!(statistics.join("void_galaxy_correlation.png").exists());
    refused(&[&arguments[..], &[text(&cells), text(&cells)]].concat(), &["revolver", "no survey caps"]);
    refused(&[&arguments[..], &[text(&cells), "--mask", text(&galaxies)]].concat(), &["--mask", "uniform"]);
    let shared = json(&["overlap", text(&spheres), text(&cells), "--json", "--points", "20000"]);
    assert_eq!(shared["survey_volume_mpc_h3"], 512_000.0);
    assert_eq!(json(&["overlap", text(&cells), text(&cells), "--json"])["shared_volume_fraction"], 1.0);
}

#[test]
fn walls_cut_what_a_periodic_box_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let galaxies = write(folder.path(), "box.csv", &poisson(3000, 3));
    let find = |extra: &[&str]| {
        let output = folder.path().join("found");
        let arguments = ["find", text(&galaxies), "--box", "80,80,80", "-a", "voidfinder,zobov", "--json", "-o"];
        json(&[&arguments[..], &[text(&output), "--least-radius", "5", "--no-surfaces"], extra].concat())
    };
    let (walls, periodic) = (find(&[]), find(&["--periodic"]));
    let cells =
        |manifest: &serde_json::Value| manifest["catalogues"][1]["counts"]["cell_volume_mpc_h3"].as_f64().unwrap();
    assert!(cells(&walls) < 0.9 * cells(&periodic), "cells that reach out of the walls have no volume");
    let edges = |manifest: &serde_json::Value| manifest["catalogues"][0]["edge_voids"].as_u64().unwrap();
    assert!(edges(&walls) > 0 && edges(&periodic) == 0);
}

#[test]
fn degenerate_boxes_have_an_error_or_an_empty_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("found");
    let find = |points: &[[f64; 3]], extra: &[&str]| {
        let galaxies = write(folder.path(), "g.csv", points);
        let arguments = ["find", text(&galaxies), "--box", "80", "-o", text(&out), "--json"];
        (arguments.map(str::to_owned).to_vec(), extra.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    };
    let wrong = |points: &[[f64; 3]], extra: &[&str], words: &[&str]| {
        let (arguments, extra) = find(points, extra);
        let all: Vec<&str> = arguments.iter().chain(&extra).map(String::as_str).collect();
        refused(&all, words);
    };
    let defined = |points: &[[f64; 3]], extra: &[&str]| {
        let (arguments, extra) = find(points, extra);
        let all: Vec<&str> = arguments.iter().chain(&extra).map(String::as_str).collect();
        let output = voids(&all);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{extra:?}: {said}");
        (serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap(), said)
    };
    let points = poisson(300, 5);
    for mode in [&["-a", "all"][..], &["-a", "all", "--periodic"]] {
        wrong(&[&points[..], &[[81.0, 1.0, 1.0]]].concat(), mode, &["galaxy 300", "outside the box", "--corner"]);
        wrong(&[&points[..], &[[f64::NAN, 1.0, 1.0]]].concat(), mode, &["row 300", "`x`", "NaN"]);
        wrong(&points[..4], mode, &["4 distinct galaxies", "at least 5"]);
        wrong(&[points[0]; 200], mode, &["1 distinct galaxies"]);
        wrong(&[], mode, &["galaxies"]);
        // Every galaxy twice is every galaxy once.
        let twice = [&points[..], &points[..]].concat();
        let of = |points: &[[f64; 3]]| counts(&defined(points, mode).0)[0].1;
        assert_eq!(of(&points), of(&twice));
        // All in one start cell.
        let close: Vec<[f64; 3]> = points.iter().map(|p| p.map(|x| 40.0 + x / 100.0)).collect();
        let (manifest, said) = defined(&close, &[mode, &["--least-radius", "60"]].concat());
        assert_eq!(counts(&manifest)[0], ("voidfinder", 0));
        assert!(said.contains("warning: voidfinder found no void"), "{said}");
        assert_eq!(manifest["warnings"][0].as_str().map(|words| words.contains("empty")), Some(true));
        let table = study::tables::read_parquet(&out.join("g_VoidFinder_voids.parquet")).unwrap();
        assert_eq!(table.num_rows(), 0);
    }
    let plane: Vec<[f64; 3]> = points.iter().map(|p| [p[0], p[1], 40.0]).collect();
    let line: Vec<[f64; 3]> = points.iter().map(|p| [p[0], 40.0, 40.0]).collect();
    for flat in [&plane, &line] {
        wrong(flat, &["-a", "vide"], &["one plane"]);
        assert_eq!(counts(&defined(flat, &["-a", "voidfinder"]).0), [("voidfinder", 0)]);
        // Images of a plane fill a periodic box: no empty sphere is bounded, but the cells make up the box.
        let (found, _) = defined(flat, &["-a", "all", "--periodic"]);
        assert_eq!(counts(&found)[0], ("voidfinder", 0));
        let cells = found["catalogues"][1]["counts"]["cell_volume_mpc_h3"].as_f64().unwrap();
        testkit::assert_close(cells, 80.0_f64.powi(3), 1e-9, "volume of all cells");
    }
}

#[test]
fn a_box_and_a_sky_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let galaxies = write(folder.path(), "g.csv", &poisson(50, 6));
    let out = folder.path().join("found");
    let wrong = |extra: &[&str], words: &[&str]| {
        refused(&[&["find", text(&galaxies), "-a", "vide", "-o", text(&out)], extra].concat(), words);
    };
    wrong(&["--columns", "ra=x,dec=y", "--box", "80"], &["in a box by `ra`", "x=NAME"]);
    wrong(&["--columns", "x=x,y=y"], &["on the sky by `x`", "--box SIDE"]);
    wrong(&["--box", "80", "--redshift", "0..1"], &["--box", "--redshift"]);
    wrong(&["--box", "80", "--omega-m", "0.3"], &["--omega-m"]);
    wrong(&["--periodic"], &["--box"]);
    wrong(&["--box", "0"], &["above 0"]);
    wrong(&["--box", "80,80"], &["SIDE,SIDE,SIDE"]);
    wrong(&["--box", "80", "--columns", "x=q"], &["coordinate x", "q"]);
    assert!(!out.exists());
}
