//! `astrolab voids find` on a simulated survey: from an archive as from a file, and through masks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod run;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::fits::{FitsWriter, Header, Value};
use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::Float64Type;
use astro::HealpixCell;
use astro::healpix::cell_count;
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

/// Observed patch and the hole in it: RA from and to, Dec from and to, degrees.
const PATCH: [f64; 4] = [10.0, 50.0, 0.0, 40.0];
const HOLE: [f64; 4] = [24.0, 36.0, 13.0, 25.0];

fn within([west, east, south, north]: [f64; 4], (ra, dec): (f64, f64)) -> bool {
    (west..east).contains(&ra) && (south..north).contains(&dec)
}

/// A table of one or two columns with the cards that say what it is.
fn write_map(path: &Path, columns: &[(&str, ArrayRef)], cards: &[(&str, Value)]) {
    let mut header = Header::new();
    for (name, value) in cards {
        header.set(name, value.clone(), "");
    }
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let mut writer = FitsWriter::create(path).unwrap();
    writer.primary(&Header::new()).unwrap();
    let mut table = writer.begin_table("MAP", &batch.schema(), &header).unwrap();
    table.append(&batch).unwrap();
    table.end().unwrap();
    writer.finish().unwrap();
}

/// Nested cells of order 6 in the patch and not in the hole, in the four forms that masks come in.
fn write_masks(folder: &Path) -> Vec<PathBuf> {
    let observed = |cell: &HealpixCell| within(PATCH, cell.centre_deg()) && !within(HOLE, cell.centre_deg());
    let all: Vec<HealpixCell> = (0..cell_count(6)).map(|index| HealpixCell { order: 6, index }).collect();
    let inside: Vec<&HealpixCell> = all.iter().filter(|cell| observed(cell)).collect();
    let integers =
        |values: Vec<u64>| -> ArrayRef { Arc::new(Int64Array::from_iter_values(values.into_iter().map(|v| v as i64))) };
    let word = |word: &str| Value::Text(word.to_owned());
    let file = |name: &str| folder.join(name);
    let unique = inside.iter().map(|cell| (4 << 12) + cell.index).collect();
    write_map(
        &file("nuniq.fits"),
        &[("UNIQ", integers(unique))],
        &[("ORDERING", word("NUNIQ")), ("COORDSYS", word("C"))],
    );
    let ranges = inside.iter().flat_map(|cell| [cell.range29().start, cell.range29().end]).collect();
    write_map(&file("range.fits"), &[("RANGE", integers(ranges))], &[("ORDERING", word("RANGE"))]);
    let cells: ArrayRef = integers(inside.iter().map(|cell| cell.index).collect());
    let ones: ArrayRef = Arc::new(Float64Array::from(vec![1.0; inside.len()]));
    let nested = [("ORDERING", word("NESTED")), ("NSIDE", Value::Integer(64)), ("INDXSCHM", word("EXPLICIT"))];
    write_map(&file("nested.fits"), &[("PIXEL", cells), ("COMPLETENESS", ones)], &nested);
    let by_ring = |ring: u64| f64::from(u8::from(observed(&HealpixCell::from_ring(6, ring))));
    let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..cell_count(6)).map(by_ring)));
    write_map(&file("ring.fits"), &[("T", values)], &[("ORDERING", word("RING")), ("NSIDE", Value::Integer(64))]);
    ["nuniq.fits", "range.fits", "nested.fits", "ring.fits"].map(file).to_vec()
}

#[test]
fn a_masked_out_patch_is_no_void() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("sky.csv"), folder.path().join("found"));
    let mut galaxies = survey(10.0, 9000, 3);
    galaxies.retain(|&(ra, dec, _)| !within(HOLE, (ra, dec)));
    write(&file, &galaxies);
    let find = |sky: &[&str]| {
        let arguments = ["find", text(&file), "-a", "all", "-o", text(&out), "--json", "--no-surfaces"];
        json(&[&arguments[..], sky].concat())
    };
    // Voids with their centres in the hole, 2 degrees from its border. Not ZOBOV's: the last of those is the whole survey,
    // whose centre may well be there.
    let in_hole = || {
        let [west, east, south, north] = HOLE;
        let inner = [west + 2.0, east - 2.0, south + 2.0, north - 2.0];
        ["VoidFinder", "V2_VIDE", "V2_REVOLVER"].map(|name| {
            let table = study::tables::read_parquet(&out.join(format!("sky_{name}_voids.parquet"))).unwrap();
            let column =
                |name: &str| table.column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec();
            column("ra").into_iter().zip(column("dec")).filter(|&place| within(inner, place)).count()
        })
    };
    // Taken for observed, the hole is full of voids.
    let whole = folder.path().join("whole.fits");
    let cells: Vec<i64> = (0..cell_count(6))
        .filter(|&index| within(PATCH, HealpixCell { order: 6, index }.centre_deg()))
        .map(|index| (4 << 12) + index as i64)
        .collect();
    write_map(
        &whole,
        &[("UNIQ", Arc::new(Int64Array::from(cells)) as ArrayRef)],
        &[("ORDERING", Value::Text("NUNIQ".to_owned()))],
    );
    find(&["--mask", text(&whole)]);
    let fooled = in_hole();
    assert!(fooled[0] > 0 && fooled[2] > 0, "{fooled:?}");

    // Random points of the same sky.
    let randoms = folder.path().join("randoms.csv");
    let mut points = survey(10.0, 400_000, 4);
    points.retain(|&(ra, dec, _)| !within(HOLE, (ra, dec)));
    write(&randoms, &points);
    let mut areas = Vec::new();
    for mask in write_masks(folder.path()) {
        let found = find(&["--mask", text(&mask)]);
        assert_eq!(in_hole(), [0; 3], "{}", mask.display());
        areas.push((
            found["settings"]["sky"]["area_deg2"].as_f64().unwrap(),
            counts(&found).iter().map(|c| c.1).collect::<Vec<_>>(),
        ));
    }
    assert!(areas.windows(2).all(|pair| pair[0] == pair[1]), "{areas:?}");
    find(&["--randoms", text(&randoms)]);
    assert_eq!(in_hole(), [0; 3]);
    // With the cells that the border cuts, the area is the patch without its hole.
    let sky = find(&["--randoms", text(&randoms), "--least-completeness", "0.01"])["settings"]["sky"].clone();
    let area = |[west, east, south, north]: [f64; 4]| {
        (east - west) * (north.to_radians().sin() - south.to_radians().sin()).to_degrees()
    };
    let found = sky["effective_area_deg2"].as_f64().unwrap();
    testkit::assert_close(found, area(PATCH) - area(HOLE), 0.02, "area of the random points");

    let wrong = |sky: &[&str], words: &[&str]| {
        refused(&[&["find", text(&file), "-a", "vide", "-o", text(&out)], sky].concat(), words);
    };
    wrong(&["--mask", text(&file)], &["sky.csv"]);
    wrong(&["--mask", "absent.fits"], &["absent.fits"]);
    wrong(&["--mask", "moc"], &["healpix, pixels"]);
    wrong(&["--mask", text(&whole), "--randoms", text(&randoms)], &["cannot be used with"]);
    wrong(&["--mask", text(&whole), "--least-completeness", "2"], &["fraction from 0 to 1"]);
    let galactic = folder.path().join("galactic.fits");
    let values: ArrayRef = Arc::new(Float64Array::from(vec![3.0; 12]));
    let cards = [("ORDERING", Value::Text("RING".to_owned())), ("NSIDE", Value::Integer(1))];
    write_map(&galactic, &[("COUNT", values.clone())], &cards);
    wrong(&["--mask", text(&galactic)], &["completeness from 0 to 1", "--randoms"]);
    write_map(&galactic, &[("T", values)], &[&cards[..], &[("COORDSYS", Value::Text("G".to_owned()))]].concat());
    wrong(&["--mask", text(&galactic)], &["equatorial", "`G`"]);
}

#[test]
fn caps_share_the_galaxies() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("sky.csv"), folder.path().join("found"));
    // Across the plane of the Milky Way, at RA 70 to 110.
    write(&file, &survey(70.0, 6000, 5));
    let tracers = |cap: &str| {
        let found = json(&["find", text(&file), "-a", "voidfinder", "--cap", cap, "-o", text(&out), "--json"]);
        found["catalogues"][0]["tracers"].as_u64().unwrap()
    };
    let (north, south) = (tracers("north"), tracers("south"));
    assert!(north > 500 && south > 500 && north + south == tracers("both"), "{north} {south}");
}

#[test]
fn surfaces_are_drawn_unless_they_are_not_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("sky.csv"), folder.path().join("found"));
    write(&file, &survey(10.0, 3000, 8));
    let drawn = |extra: &[&str]| {
        json(&[&["find", text(&file), "-a", "vide,zobov", "-o", text(&out), "--json"], extra].concat());
        ["V2_VIDE", "V2_ZOBOV"].map(|name| {
            let found = archive::fits::FitsFile::open(out.join(format!("sky_{name}.fits"))).unwrap();
            assert_eq!(found.has_table("TRIANGLE"), found.has_table("GALVIZ"));
            found.has_table("TRIANGLE")
        })
    };
    // DESIVAST draws none of ZOBOV's.
    assert_eq!(
        [drawn(&[]), drawn(&["--surfaces"]), drawn(&["--no-surfaces"])],
        [[true, false], [true, false], [false; 2]]
    );
}

#[test]
fn statistics_are_tables_figures_and_one_json_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("sky.csv"), folder.path().join("found"));
    write(&file, &survey(10.0, 6000, 6));
    json(&["find", text(&file), "-a", "voidfinder", "-o", text(&out), "--json"]);
    let catalogue = out.join("sky_VoidFinder.fits");
    let randoms = folder.path().join("randoms.csv");
    write(&randoms, &survey(10.0, 40_000, 7));
    // The galaxies under other names.
    let named = folder.path().join("named.csv");
    std::fs::write(&named, std::fs::read_to_string(&file).unwrap().replacen("RA,DEC,Z", "alpha,delta,zcmb", 1))
        .unwrap();
    let columns = ["--columns", "ra=alpha,dec=delta,z=zcmb"];
    let measure = |name: &str, threads: &str, extra: &[&str]| {
        let output = folder.path().join(name);
        let arguments =
            ["statistics", text(&named), "--voids", text(&catalogue), "--edge-voids", "--region-order", "3"];
        let found = json(&[&arguments[..], &columns, &["-o", text(&output), "--json", "-t", threads], extra].concat());
        let written: serde_json::Value =
            serde_json::from_slice(&std::fs::read(output.join("statistics.json")).unwrap()).unwrap();
        assert_eq!(found, written);
        for figure in ["void_size_function", "void_density_profile", "void_galaxy_correlation"] {
            for ending in ["svg", "png", "csv", "parquet"] {
                assert!(output.join(format!("{figure}.{ending}")).exists(), "{figure}.{ending}");
            }
        }
        found["statistics"][0].clone()
    };
    let drawn = measure("one", "1", &[]);
    assert_eq!(drawn, measure("three", "3", &[]), "numbers depend on the threads");
    let given = measure("given", "3", &["--randoms", text(&randoms)]);
    let centre = |one: &serde_json::Value| one["profile"]["contrast"]["values"][3].as_f64().unwrap();
    assert!(
        centre(&drawn) < -0.5 && (centre(&drawn) - centre(&given)).abs() < 0.1,
        "{} {}",
        centre(&drawn),
        centre(&given)
    );
    assert!(given["randoms"].as_u64().unwrap() > 30_000);
    let wrong = |extra: &[&str], words: &[&str]| {
        let arguments = ["statistics", text(&named), "--voids", text(&catalogue), "-o", text(&out)];
        refused(&[&arguments[..], extra].concat(), words);
    };
    wrong(&[], &["right ascension", "alpha", "--columns ra="]);
    wrong(&[&columns[..], &["--region-order", "9"]].concat(), &["`region_order`", "0 to 5"]);
    wrong(&[&columns[..], &["--radial-smoothing", "0"]].concat(), &["`radial_smoothing_mpc_h`"]);
    wrong(&[&columns[..], &["--randoms", text(&catalogue)]].concat(), &["random"]);
}
