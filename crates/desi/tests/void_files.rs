//! Void catalogues written and read again through the public door.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use archive::fits::{ChecksumStatus, FitsFile};
use desi::desivast::{
    Algorithm, Hole, Maximal, SurfaceGalaxy, SurfaceTriangle, Surfaces, SurveyLimits, Tracer, VoidCatalogue,
    VoidFinderCatalogue, ZoneCatalogue, ZoneMembership, ZoneVoid, read, write_voidfinder, write_zones,
};

const LIMITS: SurveyLimits =
    SurveyLimits { omega_m: 0.3153, distance_mpc_h: [0.0, 692.875_123_456_789], redshift: [0.0, 0.24] };

fn spheres() -> VoidFinderCatalogue {
    let maximal = |void: i64, r_eff_mpc_h| Maximal {
        centre_mpc_h: [-30.0, -40.0 * void as f64, 120.0],
        radius_mpc_h: 12.25 + 1e-13 * void as f64,
        void,
        edge: void % 3,
        r_eff_mpc_h,
        r_eff_uncert_mpc_h: r_eff_mpc_h.map(|_| 0.07),
    };
    let hole = |void| Hole { centre_mpc_h: [0.1, 1e6, -3.5], radius_mpc_h: 5.5, void };
    VoidFinderCatalogue {
        limits: LIMITS,
        maximals: vec![maximal(0, Some(15.5)), maximal(1, None), maximal(2, Some(14.25))],
        holes: (0..70_000).map(|row| hole(row % 3)).collect(),
    }
}

fn zones(algorithm: Algorithm) -> ZoneCatalogue {
    let void = |void| ZoneVoid {
        void,
        centre_mpc_h: [100.0, -50.0, 20.0],
        redshift: 0.0381,
        ra_deg: 333.43,
        dec_deg: 10.1,
        radius_mpc_h: 17.0,
        axes_mpc_h: [[20.0, 0.0, 1.0], [0.0, -15.0, 0.0], [-1.0, 0.0, 12.0]],
        tot_area: Some(5_000.0),
        edge_area: Some(12.5),
        edge: None,
    };
    let tracer = |gal: i64, zone, edge, out| Tracer {
        gal,
        target: Some((1 << 58) + gal),
        position_mpc_h: [gal as f64, 2.0, 3.0],
        zone,
        depth: gal % 7,
        edge,
        out,
    };
    ZoneCatalogue {
        algorithm,
        limits: LIMITS,
        voids: vec![void(0), void(1)],
        zones: vec![
            ZoneMembership { zone: 0, void0: Some(0), void1: Some(0) },
            ZoneMembership { zone: 1, void0: None, void1: None },
            ZoneMembership { zone: 2, void0: Some(0), void1: Some(1) },
        ],
        tracers: vec![
            tracer(0, Some(2), false, false),
            tracer(1, None, true, false),
            tracer(2, Some(1), false, false),
            tracer(3, None, false, true),
            tracer(9, Some(0), false, false),
        ],
        surfaces: None,
    }
}

fn names(file: &FitsFile, table: &str) -> Vec<String> {
    file.table(table).unwrap().columns().iter().map(|column| column.name.clone()).collect()
}

fn all_checksums_are_valid(file: &FitsFile) {
    for hdu in file.hdus() {
        assert_eq!(file.verify(hdu).unwrap(), ChecksumStatus::Valid);
    }
}

#[test]
fn spheres_come_back_bit_for_bit_under_desivasts_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("DESIVAST_BGS_VOLLIM_VoidFinder_NGC.fits");
    let written = spheres();
    write_voidfinder(&path, &written).unwrap();
    assert_eq!(read(&path).unwrap(), VoidCatalogue::VoidFinder(written));
    let file = FitsFile::open(&path).unwrap();
    let maximals = ["X", "Y", "Z", "RADIUS", "VOID", "EDGE", "R", "RA", "DEC", "R_EFF", "R_EFF_UNCERT"];
    assert_eq!(names(&file, "MAXIMALS"), maximals);
    assert_eq!(names(&file, "HOLES"), ["X", "Y", "Z", "RADIUS", "VOID"]);
    all_checksums_are_valid(&file);
    let table = file.table("MAXIMALS").unwrap();
    let (r, ra) = (table.f64_column("R").unwrap(), table.f64_column("RA").unwrap());
    // (-30, -40, 120): 130 Mpc/h away, in the third quadrant.
    assert!((r[1] - 130.0).abs() < 1e-12 && (ra[1] - 233.130_102_354_156).abs() < 1e-9, "{} {}", r[1], ra[1]);
    assert_eq!(table.column("R_EFF").unwrap().unit.as_deref(), Some("Mpc/h"));
}

#[test]
fn effective_radii_that_no_void_has_are_no_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("voids.fits");
    let mut written = spheres();
    written.maximals.retain(|maximal| maximal.r_eff_mpc_h.is_none());
    write_voidfinder(&path, &written).unwrap();
    assert_eq!(names(&FitsFile::open(&path).unwrap(), "MAXIMALS").len(), 9);
    assert_eq!(read(&path).unwrap(), VoidCatalogue::VoidFinder(written));
}

#[test]
fn zones_come_back_without_the_pseudo_zone_that_the_file_has() {
    let folder = tempfile::tempdir().unwrap();
    for algorithm in [Algorithm::Vide, Algorithm::Zobov, Algorithm::Revolver] {
        // The header says which pruning, so that any name will do.
        let path = folder.path().join("voids.fits");
        let written = zones(algorithm);
        write_zones(&path, &written).unwrap();
        assert_eq!(read(&path).unwrap(), VoidCatalogue::Zones(written));
        let file = FitsFile::open(&path).unwrap();
        all_checksums_are_valid(&file);
        assert_eq!(names(&file, "VOIDS").len(), 19);
        assert_eq!(file.table("ZONEVOID").unwrap().i64_column("ZONE").unwrap(), [0, 1, 2, 3]);
        assert_eq!(file.table("GALZONE").unwrap().i64_column("ZONE").unwrap(), [2, 3, 1, -1, 0]);
        assert_eq!(names(&file, "GALZONE"), ["GAL", "TARGET", "X", "Y", "Z", "ZONE", "DEPTH", "EDGE", "OUT"]);
    }
}

#[test]
fn surfaces_and_the_edge_flag_of_files_without_areas_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("DESIVAST_BGS_VOLLIM_V2_VIDE_SGC.fits");
    let mut written = zones(Algorithm::Vide);
    for void in &mut written.voids {
        (void.tot_area, void.edge_area, void.edge) = (None, None, Some(1));
    }
    written.tracers.iter_mut().for_each(|tracer| tracer.target = None);
    written.surfaces = Some(Surfaces {
        triangles: vec![SurfaceTriangle {
            void: 1,
            normal: [0.0, 0.6, -0.8],
            corners_mpc_h: [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.5]],
        }],
        galaxies: vec![
            SurfaceGalaxy { gal: 0, void: Some(1), other_void: None },
            SurfaceGalaxy { gal: 4, void: None, other_void: Some(0) },
        ],
    });
    write_zones(&path, &written).unwrap();
    let file = FitsFile::open(&path).unwrap();
    assert_eq!(names(&file, "TRIANGLE").len(), 13);
    assert_eq!(names(&file, "GALVIZ"), ["GID", "G2V", "G2V2"]);
    assert_eq!(read(&path).unwrap(), VoidCatalogue::Zones(written));
}

#[test]
fn catalogues_without_voids_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zobov.fits");
    let empty = ZoneCatalogue { voids: Vec::new(), zones: Vec::new(), tracers: Vec::new(), ..zones(Algorithm::Zobov) };
    write_zones(&path, &empty).unwrap();
    assert_eq!(read(&path).unwrap(), VoidCatalogue::Zones(empty));
}

#[test]
fn a_folder_that_is_not_there_is_named_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("absent").join("voids.fits");
    let error = write_voidfinder(&path, &spheres()).unwrap_err();
    assert!(error.to_string().contains("absent"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
