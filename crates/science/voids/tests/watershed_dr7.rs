//! The watershed of the real SDSS DR7 catalogue against the tables that VAST 1.7.6 made of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use archive::Quiet;
use archive::fits::FitsFile;
use arrow::array::{Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use testkit::assert_close;
use voids::watershed::{
    CatalogueRequest, Footprint, Galaxies, Pruning, Region, Settings, SurveyCuts, SurveySample, find,
};

/// The recipe of the reference: Omega_m 0.3, 0 < z < 0.1, nside 32, radius above 10 Mpc/h.
fn cuts() -> SurveyCuts {
    SurveyCuts { redshift: [0.0, 0.1], faintest_magnitude: None, omega_m: 0.3, footprint_order: 5 }
}

fn reals(file: &Path, table: Option<&str>, columns: &[&str]) -> Vec<Vec<f64>> {
    let file = FitsFile::open(file).unwrap();
    let table = table.map_or_else(|| file.first_table().unwrap(), |name| file.table(name).unwrap());
    let batch = table.read(columns, 0..table.n_rows()).unwrap();
    let column = |i: usize| cast(batch.column(i), &DataType::Float64).unwrap();
    (0..columns.len()).map(|i| column(i).as_any().downcast_ref::<Float64Array>().unwrap().values().to_vec()).collect()
}

fn integers(file: &Path, table: &str, columns: &[&str]) -> Vec<Vec<i64>> {
    let file = FitsFile::open(file).unwrap();
    let table = file.table(table).unwrap();
    let batch = table.read(columns, 0..table.n_rows()).unwrap();
    (0..columns.len())
        .map(|i| batch.column(i).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec())
        .collect()
}

#[test]
fn dr7_agrees_with_the_reference_on_the_references_positions() {
    let Some(data) = testkit::real_data() else {
        return;
    };
    let folder = data.join("voids");
    let sky = reals(&folder.join("vollim_dr7_cbp_102709.fits"), None, &["ra", "dec", "z"]);
    let galaxies =
        Galaxies { ra_deg: &sky[0], dec_deg: &sky[1], redshift: &sky[2], absolute_magnitude: None, target: None };
    let sample = SurveySample::new(&galaxies, cuts(), None).unwrap();
    assert_eq!(sample.tracers().len(), 100_502);

    // The reference computes distances in single precision (up to 9e-4 Mpc/h off): its own positions, then.
    let vide = folder.join("reference/v2_dr7_vide.fits.gz");
    let xyz = reals(&vide, Some("GALZONE"), &["x", "y", "z"]);
    let positions: Vec<[f64; 3]> =
        sample.tracers().iter().map(|&row| [0, 1, 2].map(|k| xyz[k][row as usize])).collect();
    let footprint =
        Footprint::of_positions(5, sample.tracers().iter().map(|&r| (sky[0][r as usize], sky[1][r as usize])));
    let watershed = find(&positions, Region::Survey { coverage: &footprint }, &Quiet).unwrap();
    let volumes = watershed.tessellation().volumes_mpc_h3();
    assert_eq!(volumes.iter().filter(|&&volume| volume > 0.0).count(), 91_957);
    assert_close(volumes.iter().sum(), 15_731_991.998_827_538, 1e-12, "sum of the volumes");
    assert_eq!(watershed.zones().len(), 619);
    assert_eq!(watershed.hierarchy().pre_voids().len(), 612);

    let galzone = integers(&vide, "GALZONE", &["zone", "depth"]);
    for (tracer, &row) in sample.tracers().iter().enumerate() {
        // 619 is the reference's zone of cells without volume.
        assert_eq!(watershed.zone_of_tracer(tracer).map_or(619, i64::from), galzone[0][row as usize]);
        if watershed.zone_of_tracer(tracer).is_some() {
            assert_eq!(i64::from(watershed.depth_of_tracer(tracer)), galzone[1][row as usize]);
        }
    }
    for (name, pruning, count) in
        [("vide", Pruning::Vide, 321), ("zobov", Pruning::Zobov, 437), ("revolver", Pruning::Revolver, 437)]
    {
        let file = folder.join(format!("reference/v2_dr7_{name}.fits.gz"));
        let expected = reals(&file, Some("VOIDS"), &["x", "y", "z", "radius", "edge"]);
        let voids = watershed.voids(pruning, &Settings::default());
        assert_eq!(voids.len(), count);
        for (i, void) in voids.iter().enumerate() {
            assert_close(
                void.volume_mpc_h3.cbrt(),
                expected[3][i] * (4.0 * std::f64::consts::PI / 3.0_f64).cbrt(),
                3e-9,
                name,
            );
            for (centre, column) in void.centre_mpc_h.iter().zip(&expected) {
                assert_close(*centre, column[i], 1e-9, name);
            }
            assert_eq!(void.edge_cells > 0, expected[4][i] > 0.5);
        }
        let zonevoid = integers(&file, "ZONEVOID", &["void0", "void1"]);
        let request = CatalogueRequest { pruning, settings: Settings::default(), areas: None, triangles: false };
        for zone in watershed.catalogue(&sample, &request).zones {
            assert_eq!(zone.void0.unwrap_or(-1), zonevoid[0][zone.zone as usize]);
            assert_eq!(zone.void1.unwrap_or(-1), zonevoid[1][zone.zone as usize]);
        }
    }
}

#[test]
fn dr7_at_exact_distances_has_the_same_numbers_of_voids() {
    let Some(data) = testkit::real_data() else {
        return;
    };
    let sky = reals(&data.join("voids/vollim_dr7_cbp_102709.fits"), None, &["ra", "dec", "z"]);
    let galaxies =
        Galaxies { ra_deg: &sky[0], dec_deg: &sky[1], redshift: &sky[2], absolute_magnitude: None, target: None };
    let sample = SurveySample::new(&galaxies, cuts(), None).unwrap();
    let watershed = sample.find(&Quiet).unwrap();
    assert_eq!((watershed.zones().len(), watershed.hierarchy().pre_voids().len()), (619, 612));
    let areas = watershed.zone_areas();
    for (pruning, count) in [(Pruning::Vide, 321), (Pruning::Zobov, 437), (Pruning::Revolver, 437)] {
        let request = CatalogueRequest { pruning, settings: Settings::default(), areas: Some(&areas), triangles: true };
        let catalogue = watershed.catalogue(&sample, &request);
        assert_eq!(catalogue.voids.len(), count);
        assert_eq!(catalogue.tracers.len(), 120_606);
        assert!(catalogue.voids.iter().all(|void| void.edge_area <= void.tot_area && void.redshift < 0.1));
        assert!(catalogue.surfaces.is_some_and(|surfaces| surfaces.triangles.len() > 100_000));
    }
}
