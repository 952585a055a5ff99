//! `astrolab voids find` on a simulated survey: from an archive as from a file.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod run;

use std::path::Path;

use astro::sphere::ra_dec_deg;
use astro::statistics::rng_stream;
use rand::RngExt;
use run::{astrolab, counts, json, refused, text};

/// Galaxies uniform in the volume of a patch from RA `west` to `west` + 40, Dec 0 to 40, out to 250 Mpc/h; one line each.
fn survey(west_deg: f64, count: usize, seed: u64) -> Vec<(f64, f64, f64)> {
    let cosmology = astro::Cosmology::flat_lcdm(0.3153);
    let mut random = rng_stream(seed, 0);
    let mut galaxies = Vec::new();
    while galaxies.len() < count {
        let place: [f64; 3] = std::array::from_fn(|_| 250.0 * random.random::<f64>());
        let (ra, dec) = ra_dec_deg(place);
        let distance = astro::sphere::norm(place);
        if ra < 40.0 && dec < 40.0 && distance < 250.0 {
            galaxies.push(((west_deg + ra).rem_euclid(360.0), dec, cosmology.redshift_at_mpc_h(distance)));
        }
    }
    galaxies
}

fn write(path: &Path, galaxies: &[(f64, f64, f64)]) {
    let row = |(id, (ra, dec, z)): (usize, &(f64, f64, f64))| {
        format!("{id},{ra},{dec},{z},{}\n", -18.0 - (id % 40) as f64 / 10.0)
    };
    let rows: String = galaxies.iter().enumerate().map(row).collect();
    std::fs::write(path, format!("TARGETID,RA,DEC,Z,MR\n{rows}")).unwrap();
}

#[test]
fn an_archive_gives_the_voids_of_the_file_it_was_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let (file, archive) = (folder.path().join("sky.csv"), folder.path().join("archive"));
    write(&file, &survey(10.0, 5000, 1));
    let ingested = astrolab(&["data", "ingest", text(&file), "--archive", text(&archive), "--name", "sky"]);
    assert!(ingested.status.success(), "{}", String::from_utf8_lossy(&ingested.stderr));
    let out = folder.path().join("found");
    let find = |input: &[&str], threads: &str| {
        json(&[&["find", "-a", "all", "-o", text(&out), "--json", "-t", threads, "--no-surfaces"], input].concat())
    };
    let of_file = find(&[text(&file)], "1");
    let of_table = find(&["--archive", text(&archive), "--table", "sky"], "1");
    assert_eq!(counts(&of_file), counts(&of_table));
    assert!(counts(&of_file)[0].1 > 3, "{:?}", counts(&of_file));
    assert_eq!(of_table, find(&["--archive", text(&archive), "--table", "sky"], "3"));
    assert!(out.join("sky_V2_VIDE.fits").exists() && of_table["input"]["sql"].as_str().unwrap().contains("ORDER BY"));

    let bright = ["--columns", "magnitude=MR", "--magnitude-limit", "-20"];
    let cut = find(&[&[text(&file)], &bright[..]].concat(), "2");
    let query = "SELECT *, \"MR\" AS m FROM sky WHERE \"MR\" <= -20;";
    let asked = find(&["--archive", text(&archive), "--query", query], "2");
    let tracers = |manifest: &serde_json::Value| manifest["catalogues"][0]["tracers"].as_u64().unwrap();
    assert_eq!(tracers(&cut), tracers(&asked));

    let wrong = |extra: &[&str], words: &[&str]| {
        refused(&[&["find", "-a", "vide", "-o", text(&out)], extra].concat(), words);
    };
    wrong(&["--archive", text(&archive), "--table", "ski"], &["ski", "sky"]);
    wrong(&["--archive", text(&archive), "--query", "SELECT nothing FROM sky"], &["nothing"]);
    wrong(&["--archive", text(&archive), "--query", "SELECT \"RA\", \"DEC\" FROM sky"], &["redshift", "the query to"]);
    wrong(&["--archive", text(&archive)], &["GALAXIES"]);
    wrong(&["--table", "sky"], &["--archive"]);
    wrong(&[text(&file), "--archive", text(&archive), "--table", "sky"], &["cannot be used with"]);
}

#[test]
fn the_seam_of_right_ascension_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let find = |west: f64, mask: &str| {
        let file = folder.path().join(format!("sky{west}.csv"));
        write(&file, &survey(west, 5000, 2));
        let out = folder.path().join("found");
        json(&["find", text(&file), "-a", "all", "--mask", mask, "-o", text(&out), "--json", "--no-surfaces"])
    };
    // HEALPix cells repeat every 90 degrees, pixels every degree, so that the masks are the same but for the shift.
    for (mask, east, across) in [("healpix", 70.0, 340.0), ("pixels", 100.0, 345.0)] {
        let (plain, seam) = (find(east, mask), find(across, mask));
        let facts = |manifest: &serde_json::Value, row: usize| {
            ["voids", "parts"].map(|name| manifest["catalogues"][row][name].as_f64().unwrap())
        };
        // The grid that VoidFinder's holes start from lies otherwise against a sky that was turned.
        let ([voids, _], [turned, _]) = (facts(&plain, 0), facts(&seam, 0));
        assert!((voids - turned).abs() < 0.12 * voids, "{mask}: {voids} and {turned} voids");
        if mask == "healpix" {
            (1..4).for_each(|row| assert_eq!(facts(&plain, row), facts(&seam, row)));
        }
    }
}
