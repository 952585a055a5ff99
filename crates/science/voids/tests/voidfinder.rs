//! VoidFinder's laws: empty spheres bounded by four galaxies, independence of order and threads, carved cavities,
//! true periodicity, and defined answers for degenerate input.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use archive::Quiet;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use voids::voidfinder::{FoundVoids, Region, Settings, VoidFinderError, find};

const SIDE_MPC_H: f64 = 80.0;

fn poisson(count: usize, seed: u64) -> Vec<[f64; 3]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| std::array::from_fn(|_| SIDE_MPC_H * random.random::<f64>())).collect()
}

fn box_region() -> Region {
    Region::Box { low_mpc_h: [0.0; 3], high_mpc_h: [SIDE_MPC_H; 3] }
}

fn periodic_region() -> Region {
    Region::Periodic { low_mpc_h: [0.0; 3], side_mpc_h: [SIDE_MPC_H; 3] }
}

fn run(points: &[[f64; 3]], region: &Region) -> FoundVoids {
    find(points, region, &Settings::default(), &Quiet).unwrap()
}

fn carve(points: &mut Vec<[f64; 3]>, region: &Region, centre: [f64; 3], radius: f64) {
    points.retain(|p| region.separation(*p, centre) > radius);
}

/// Random points with a cavity, in a box with walls or a periodic one.
fn skies() -> impl Strategy<Value = (Vec<[f64; 3]>, Region)> {
    let centre = prop::array::uniform3(0.0..SIDE_MPC_H);
    (300..2500_usize, any::<u64>(), centre, 8.0..20.0_f64, any::<bool>()).prop_map(
        |(count, seed, centre, radius, periodic)| {
            let region = if periodic { periodic_region() } else { box_region() };
            let mut points = poisson(count, seed);
            carve(&mut points, &region, centre, radius);
            (points, region)
        },
    )
}

/// A quarter turn about the axis through the middle of the box maps its start cells onto themselves.
fn turned(p: [f64; 3]) -> [f64; 3] {
    [SIDE_MPC_H - p[1], p[0], p[2]]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_hole_is_empty_and_touches_four_wall_galaxies((points, region) in skies()) {
        let found = run(&points, &region);
        for hole in &found.holes {
            let distances: Vec<f64> = points
                .iter()
                .zip(&found.is_wall)
                .filter(|(_, wall)| **wall == Some(true))
                .map(|(p, _)| region.separation(*p, hole.centre_mpc_h) - hole.radius_mpc_h)
                .collect();
            prop_assert!(distances.iter().all(|d| *d > -1e-8), "a galaxy inside {:?}", hole);
            let touching = distances.iter().filter(|d| d.abs() < 1e-8).count();
            prop_assert!(touching >= 4, "{touching} galaxies bound {:?}", hole);
        }
    }

    #[test]
    fn the_order_of_the_galaxies_and_the_threads_do_not_matter((mut points, region) in skies(), seed in any::<u64>()) {
        let found = run(&points, &region);
        points.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let shuffled = run(&points, &region);
        prop_assert_eq!((&found.maximals, &found.holes), (&shuffled.maximals, &shuffled.holes));
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        prop_assert_eq!(&shuffled, &one.install(|| run(&points, &region)));
    }

    /// Not so with walls: the points that test how far a hole reaches beyond them are laid out along the axes.
    #[test]
    fn a_turned_periodic_box_has_the_same_voids((points, _) in skies()) {
        let region = periodic_region();
        let (found, other) = (run(&points, &region), run(&points.iter().map(|p| turned(*p)).collect::<Vec<_>>(), &region));
        prop_assert_eq!((found.counts.grown_holes, found.counts.holes), (other.counts.grown_holes, other.counts.holes));
        prop_assert_eq!(found.maximals.len(), other.maximals.len());
        for (one, other) in found.maximals.iter().zip(&other.maximals) {
            prop_assert!((one.radius_mpc_h - other.radius_mpc_h).abs() < 1e-7, "{:?} {:?}", one, other);
            prop_assert!(region.separation(turned(one.centre_mpc_h), other.centre_mpc_h) < 1e-6, "{:?} {:?}", one, other);
            prop_assert_eq!(one.edge, other.edge);
        }
    }
}

#[test]
fn a_cavity_gives_holes() {
    let mut points = poisson(2500, 11);
    carve(&mut points, &box_region(), [30.0, 40.0, 50.0], 16.0);
    assert!(run(&points, &box_region()).holes.len() > 10);
}

#[test]
fn a_carved_cavity_is_found() {
    let (centre, radius) = ([38.0, 42.0, 40.0], 15.0);
    let mut points = poisson(4000, 13);
    carve(&mut points, &box_region(), centre, radius);
    let found = run(&points, &box_region());
    let largest = &found.maximals[0];
    assert!(box_region().separation(largest.centre_mpc_h, centre) < 2.0, "{largest:?}");
    assert!(largest.radius_mpc_h > radius && largest.radius_mpc_h < radius + 3.0, "{largest:?}");
    assert!(largest.r_eff_mpc_h.unwrap() >= largest.radius_mpc_h * 0.99);
    assert_eq!(largest.edge, 0);
}

#[test]
fn a_cavity_across_the_faces_of_a_periodic_box_is_one_void() {
    let (centre, radius) = ([0.5, 79.5, 1.0], 16.0);
    let mut points = poisson(4000, 14);
    carve(&mut points, &periodic_region(), centre, radius);
    let found = run(&points, &periodic_region());
    let here: Vec<_> =
        found.maximals.iter().filter(|m| periodic_region().separation(m.centre_mpc_h, centre) < radius / 2.0).collect();
    assert_eq!(here.len(), 1, "{here:?}");
    assert!(here[0].radius_mpc_h > radius);
    assert!(found.maximals.iter().all(|m| m.edge == 0));
}

#[test]
fn degenerate_input_has_a_defined_answer() {
    let settings = Settings::default();
    let try_find = |points: &[[f64; 3]], region: &Region| find(points, region, &settings, &Quiet);
    assert!(matches!(try_find(&[], &box_region()), Err(VoidFinderError::TooFewGalaxies { .. })));
    assert!(matches!(
        try_find(&[[1.0; 3]; 50], &box_region()),
        Err(VoidFinderError::TooFewGalaxies { distinct: 1, .. })
    ));
    let mut points = poisson(100, 1);
    points[7][1] = f64::NAN;
    assert!(matches!(try_find(&points, &box_region()), Err(VoidFinderError::NotFinite { row: 7, .. })));
    assert!(matches!(try_find(&[[-1.0; 3]; 9], &box_region()), Err(VoidFinderError::OutsideBox { row: 0, .. })));
    for region in [box_region(), periodic_region()] {
        let line: Vec<[f64; 3]> = (0..40).map(|i| [2.0 * f64::from(i), 40.0, 40.0]).collect();
        assert!(try_find(&line, &region).unwrap().maximals.is_empty());
        let plane: Vec<[f64; 3]> = poisson(400, 5).iter().map(|p| [p[0], p[1], 40.0]).collect();
        assert!(matches!(region, Region::Periodic { .. }) || try_find(&plane, &region).unwrap().maximals.is_empty());
        // A lattice: many galaxies on every sphere.
        let lattice: Vec<[f64; 3]> =
            (0..512).map(|i| [i % 8, (i / 8) % 8, i / 64].map(|c| 10.0 * f64::from(c) + 5.0)).collect();
        let settings = Settings { smallest_maximal_mpc_h: 5.0, isolation_sigma: 1.5, ..Settings::default() };
        find(&lattice, &region, &settings, &Quiet).unwrap();
    }
    let bad = Settings { cell_mpc_h: -1.0, ..Settings::default() };
    assert!(matches!(find(&poisson(50, 2), &box_region(), &bad, &Quiet), Err(VoidFinderError::Setting { .. })));
    let bad = Settings { same_hole_mpc_h: -1.0, ..Settings::default() };
    let error = find(&poisson(50, 2), &box_region(), &bad, &Quiet).unwrap_err();
    assert!(matches!(error, VoidFinderError::Setting { name: "same_hole_mpc_h", value: -1.0, .. }), "{error}");
}
