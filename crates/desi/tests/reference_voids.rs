//! The void catalogues of SDSS DR7 that VAST made, read through the public door.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use desi::desivast::{Algorithm, VoidCatalogue, ZoneCatalogue, read};

fn zones(name: &str) -> Option<ZoneCatalogue> {
    let path = testkit::real_data()?.join("voids/reference").join(name);
    match read(path).unwrap() {
        VoidCatalogue::Zones(catalogue) => Some(catalogue),
        VoidCatalogue::VoidFinder(_) => panic!("{name} is a watershed catalogue"),
    }
}

#[test]
fn voidfinder_has_897_maximals_and_29483_holes() {
    let Some(data) = testkit::real_data() else { return };
    let VoidCatalogue::VoidFinder(catalogue) = read(data.join("voids/reference/voidfinder_dr7.fits")).unwrap() else {
        panic!("expected spheres");
    };
    assert_eq!((catalogue.maximals.len(), catalogue.holes.len()), (897, 29_483));
    assert_eq!((catalogue.limits.omega_m, catalogue.limits.redshift), (0.26, [0.0, 0.1026]));
    let edges = [0, 1, 2].map(|flag| catalogue.maximals.iter().filter(|maximal| maximal.edge == flag).count());
    assert_eq!(edges, [576, 306, 15]);
    let largest = catalogue.maximals.iter().map(|maximal| maximal.radius_mpc_h).fold(0.0, f64::max);
    testkit::assert_close(largest, 22.1472, 1e-5, "largest maximal");
    assert!(catalogue.maximals.iter().all(|maximal| maximal.r_eff_mpc_h.is_none()));
}

#[test]
fn the_watershed_catalogues_have_their_voids_and_619_zones() {
    let expected = [
        ("v2_dr7_vide.fits.gz", Algorithm::Vide, 321, 58.1090),
        ("v2_dr7_zobov.fits.gz", Algorithm::Zobov, 437, f64::NAN),
        ("v2_dr7_revolver.fits.gz", Algorithm::Revolver, 437, 41.1066),
    ];
    for (name, algorithm, voids, largest) in expected {
        let Some(catalogue) = zones(name) else { return };
        assert_eq!(catalogue.algorithm, algorithm);
        assert_eq!((catalogue.voids.len(), catalogue.zones.len()), (voids, 619), "{name}");
        assert_eq!(catalogue.tracers.len(), 120_606);
        let zoned = catalogue.tracers.iter().filter(|tracer| tracer.zone.is_some()).count();
        assert_eq!(zoned, 91_957, "{name}: tracers whose cells have a volume");
        if largest.is_finite() {
            let found = catalogue.voids.iter().map(|void| void.radius_mpc_h).fold(0.0, f64::max);
            testkit::assert_close(found, largest, 1e-5, name);
        }
    }
}

#[test]
fn a_file_of_another_kind_says_what_was_expected() {
    let Some(data) = testkit::real_data() else { return };
    let error = read(data.join("voids/vollim_dr7_cbp_102709.fits")).unwrap_err();
    assert!(error.to_string().contains("as a void catalogue"), "{error}");
}
