//! Incomplete sky: what the watershed sees there when it knows how complete it is.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use archive::Quiet;
use astro::HealpixCell;
use astro::healpix::cell_count;
use astro::sphere::ra_dec_deg;
use astro::statistics::rng_stream;
use rand::RngExt;
use voids::mask::HealpixMask;
use voids::watershed::{Footprint, Galaxies, SurveyCuts, SurveySample};

const FURTHEST_MPC_H: f64 = 300.0;
/// RA that divides the observed octant into a complete and a half complete part.
const HALF_FROM_DEG: f64 = 45.0;

/// Poisson points of the octant x, y, z > 0, half of them where RA is above 45.
fn octant(count: usize) -> [Vec<f64>; 3] {
    let cosmology = astro::Cosmology::flat_lcdm(0.3);
    let mut random = rng_stream(8, 0);
    let [mut ra, mut dec, mut z] = [const { Vec::new() }; 3];
    while ra.len() < count {
        let place: [f64; 3] = std::array::from_fn(|_| FURTHEST_MPC_H * random.random::<f64>());
        let (east, north) = ra_dec_deg(place);
        let distance = astro::sphere::norm(place);
        if distance < FURTHEST_MPC_H && (east < HALF_FROM_DEG || random.random::<bool>()) {
            ra.push(east);
            dec.push(north);
            z.push(cosmology.redshift_at_mpc_h(distance));
        }
    }
    [ra, dec, z]
}

/// Median volume a galaxy of the complete and of the half complete part, (Mpc/h)^3.
fn typical_volumes(completeness_of_half: f64) -> [f64; 2] {
    let [ra, dec, z] = octant(9000);
    let of = |index: u64| match (HealpixCell { order: 4, index }).centre_deg() {
        (ra, dec) if ra > 90.0 || dec < 0.0 => 0.0,
        (ra, _) if ra > HALF_FROM_DEG => completeness_of_half,
        _ => 1.0,
    };
    let mask = HealpixMask::from_completeness(4, (0..cell_count(4)).map(of).collect(), 0.1).unwrap();
    let galaxies = Galaxies { ra_deg: &ra, dec_deg: &dec, redshift: &z, absolute_magnitude: None, target: None };
    let cuts = SurveyCuts { redshift: [0.0, 0.2], faintest_magnitude: None, omega_m: 0.3, footprint_order: 4 };
    let sample = SurveySample::new(&galaxies, cuts, Some(Footprint::from(mask))).unwrap();
    let watershed = sample.find(&Quiet).unwrap();
    let cells = watershed.tessellation();
    let mut volumes: [Vec<f64>; 2] = Default::default();
    for cell in 0..cells.len() {
        // Away from the line between the parts.
        let (ra, _) = ra_dec_deg(cells.position_mpc_h(cell));
        if cells.volumes_mpc_h3()[cell] > 0.0 && (ra - HALF_FROM_DEG).abs() > 8.0 {
            volumes[usize::from(ra > HALF_FROM_DEG)].push(cells.specific_volume_mpc_h3(cell));
        }
    }
    volumes.map(|mut values| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    })
}

#[test]
fn a_half_complete_sky_is_as_dense_as_a_complete_one() {
    let [complete, half] = typical_volumes(1.0);
    assert!((half / complete - 2.0).abs() < 0.3, "taken for complete it is half as dense: {complete} {half}");
    let [complete, half] = typical_volumes(0.5);
    assert!((half / complete - 1.0).abs() < 0.15, "weighted it is not: {complete} {half}");
}
