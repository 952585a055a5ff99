//! The simulated DESIVAST files through the public door: they hold the true voids and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::path::PathBuf;
use std::sync::LazyLock;

use desi::desivast::{VoidCatalogue, VoidFinderCatalogue, ZoneCatalogue, read};
use desi::simulate::{Environment, LightCone, Parameters, write_desivast};

struct Written {
    folder: tempfile::TempDir,
    paths: Vec<PathBuf>,
    sky: LightCone,
}

static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let sky = LightCone::generate(&Parameters { area_deg2: 900.0, redshift_max: 0.25, ..Parameters::new(5, 30_000) });
    let (sky, folder) = (sky.unwrap(), tempfile::tempdir().unwrap());
    let paths = write_desivast(folder.path(), &sky).unwrap();
    Written { folder, paths, sky }
});

fn spheres(cap: &str) -> VoidFinderCatalogue {
    match read(WRITTEN.folder.path().join(format!("DESIVAST_BGS_VOLLIM_VoidFinder_{cap}.fits"))).unwrap() {
        VoidCatalogue::VoidFinder(catalogue) => catalogue,
        VoidCatalogue::Zones(_) => panic!("expected spheres"),
    }
}

fn zones(algorithm: &str, cap: &str) -> ZoneCatalogue {
    match read(WRITTEN.folder.path().join(format!("DESIVAST_BGS_VOLLIM_V2_{algorithm}_{cap}.fits"))).unwrap() {
        VoidCatalogue::Zones(catalogue) => catalogue,
        VoidCatalogue::VoidFinder(_) => panic!("expected zones"),
    }
}

#[test]
fn eight_files_that_are_the_same_every_time() {
    assert_eq!(WRITTEN.paths.len(), 8);
    let again = tempfile::tempdir().unwrap();
    for (first, second) in WRITTEN.paths.iter().zip(write_desivast(again.path(), &WRITTEN.sky).unwrap()) {
        assert_eq!(std::fs::read(first).unwrap(), std::fs::read(second).unwrap(), "{}", first.display());
    }
}

#[test]
fn a_hole_holds_void_galaxies_only_and_most_void_galaxies_in_the_volume_are_in_one() {
    let near = |galaxy: &&desi::simulate::Galaxy| galaxy.true_redshift < 0.24;
    let catalogues = [spheres("NGC"), spheres("SGC")];
    let (mut void, mut found) = (0, 0);
    for galaxy in WRITTEN.sky.galaxies.iter().filter(near) {
        let inside = catalogues.iter().flat_map(|catalogue| &catalogue.holes).any(|hole| {
            let squared: f64 = (0..3).map(|k| (hole.centre_mpc_h[k] - galaxy.position_mpc_h[k]).powi(2)).sum();
            squared < hole.radius_mpc_h * hole.radius_mpc_h
        });
        assert!(!inside || galaxy.environment == Environment::Void);
        void += i32::from(galaxy.environment == Environment::Void);
        found += i32::from(inside);
    }
    // The others are in voids that the boundary cuts.
    assert!(void > 500 && found > void / 2 && found < void, "{found} of {void}");
}

#[test]
fn voids_are_numbered_by_size_and_flagged_at_the_boundary() {
    let catalogue = spheres("NGC");
    let radii: Vec<f64> = catalogue.maximals.iter().map(|maximal| maximal.radius_mpc_h).collect();
    assert!(radii.len() > 50 && radii.is_sorted_by(|a, b| a >= b) && radii.iter().all(|radius| *radius > 10.0));
    for (rank, maximal) in catalogue.maximals.iter().enumerate() {
        assert_eq!(maximal.void, rank as i64);
        assert!(maximal.r_eff_mpc_h.unwrap() > 0.99 * maximal.radius_mpc_h);
        let squared: f64 = maximal.centre_mpc_h.iter().map(|x| x * x).sum();
        let reach = squared.sqrt() + maximal.radius_mpc_h;
        assert!(maximal.edge == 1 || reach < catalogue.limits.distance_mpc_h[1] + 1.0, "{maximal:?}");
    }
    let counts = [0, 1, 2].map(|flag| catalogue.maximals.iter().filter(|maximal| maximal.edge == flag).count());
    assert!(counts.iter().all(|count| *count > 0), "edge flags {counts:?}");
}

#[test]
fn zones_fill_the_survey_once() {
    let catalogue = zones("ZOBOV", "NGC");
    let volume: f64 = catalogue.voids.iter().map(|void| 4.0 / 3.0 * PI * void.radius_mpc_h.powi(3)).sum();
    let area = WRITTEN.sky.footprint.observed_area_deg2(desi::simulate::Cap::Ngc, 1.0) / 3_282.806_35;
    let expected = area / 3.0 * catalogue.limits.distance_mpc_h[1].powi(3);
    // Slivers of cells at the boundary without a tracer are missing.
    assert!((0.9..1.01).contains(&(volume / expected)), "{volume} of {expected}");
    for void in &catalogue.voids {
        let semi = void.axes_mpc_h.map(|axis| axis.iter().map(|x| x * x).sum::<f64>().sqrt());
        assert!((semi.iter().product::<f64>() / void.radius_mpc_h.powi(3) - 1.0).abs() < 1e-9);
        assert!(void.edge_area.unwrap() <= void.tot_area.unwrap());
        // No body has less surface than the sphere; a lattice of 5 Mpc/h resolves voids of twice that.
        let sphere = 4.0 * PI * void.radius_mpc_h.powi(2);
        assert!(void.radius_mpc_h < 10.0 || void.tot_area.unwrap() > 0.95 * sphere, "{void:?}");
    }
}

#[test]
fn tracers_are_bright_galaxies_and_every_pruning_has_its_voids() {
    let targets: BTreeMap<i64, _> = WRITTEN.sky.galaxies.iter().map(|galaxy| (galaxy.target_id, galaxy)).collect();
    let catalogues = ["ZOBOV", "REVOLVER", "VIDE"].map(|algorithm| zones(algorithm, "SGC"));
    for tracer in &catalogues[0].tracers {
        let galaxy = targets[&tracer.target.unwrap()];
        assert!(galaxy.absolute_r < -20.0 && galaxy.redshift < 0.24);
        assert_eq!(tracer.zone.is_none(), tracer.edge);
    }
    let counts = catalogues.each_ref().map(|catalogue| catalogue.voids.len());
    assert!(counts[0] >= counts[1] && counts[1] > counts[2] && counts[2] > 0, "{counts:?}");
    assert_eq!(catalogues[0].zones, zones("ZOBOV", "SGC").zones);
    for catalogue in &catalogues {
        assert!(catalogue.tracers.iter().filter_map(|tracer| tracer.zone).all(|zone| zone < counts[0] as i64));
    }
}
