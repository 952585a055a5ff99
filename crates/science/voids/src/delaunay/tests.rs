#![allow(clippy::unwrap_used, clippy::expect_used)]

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::mesh::{FACE, INFINITE};
use super::predicates::{inside_sphere_exactly, orient};
use super::*;

fn random_points(n: usize, seed: u64) -> Vec<[f64; 3]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| std::array::from_fn(|_| rng.random::<f64>())).collect()
}

/// Exact checks: every tetrahedron is positively oriented, linked both ways, and its circumsphere is empty of the
/// vertices opposite its faces, which for a triangulation means of all points.
fn assert_delaunay(delaunay: &Delaunay) {
    let at = |v: u32| delaunay.sites()[v as usize];
    let mut seen = vec![false; delaunay.sites().len()];
    for (index, tetra) in delaunay.tetras().iter().enumerate() {
        for slot in 0..4 {
            let handle = tetra.neighbours[slot];
            let other = &delaunay.tetras()[(handle >> 2) as usize];
            assert_eq!(other.neighbours[(handle & 3) as usize], (index as u32) << 2 | slot as u32);
            let opposite = other.vertices[(handle & 3) as usize];
            if tetra.is_finite() {
                let [a, b, c, d] = tetra.vertices.map(at);
                assert!(orient(a, b, c, d) > 0.0);
                assert!(opposite == INFINITE || !inside_sphere_exactly(a, b, c, d, at(opposite)));
            } else if tetra.vertices[slot] != INFINITE && opposite != INFINITE {
                // The next face of the hull does not see this one's outside.
                let infinite = tetra.vertices.iter().position(|&v| v == INFINITE).unwrap();
                let [a, b, c] = FACE[infinite].map(|s| at(tetra.vertices[s]));
                assert!(orient(a, b, c, at(opposite)) <= 0.0);
            }
        }
        for v in tetra.vertices {
            if v != INFINITE {
                seen[v as usize] = true;
            }
        }
    }
    assert!(seen.into_iter().all(|s| s), "every site is a vertex");
}

#[test]
fn random_points_make_a_delaunay_triangulation() {
    assert_delaunay(&Delaunay::new(&random_points(3000, 1)).unwrap());
}

#[test]
fn a_lattice_is_triangulated() {
    let mut points = Vec::new();
    for i in 0..9 {
        for j in 0..9 {
            for k in 0..9 {
                points.push([f64::from(i), f64::from(j) * 0.1, f64::from(k)]);
            }
        }
    }
    assert_delaunay(&Delaunay::new(&points).unwrap());
}

#[test]
fn clustered_points_over_many_scales_are_triangulated() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let points: Vec<[f64; 3]> = (0..3000)
        .map(|_| {
            let scale = 10_f64.powf(-12.0 * rng.random::<f64>());
            std::array::from_fn(|_| 5.0 + scale * (rng.random::<f64>() - 0.5))
        })
        .collect();
    assert_delaunay(&Delaunay::new(&points).unwrap());
}

#[test]
fn points_on_a_sphere_and_its_centre_are_triangulated() {
    // Integer points with x^2 + y^2 + z^2 = 230 are exactly cospherical.
    let mut points = vec![[0.0; 3]];
    for x in -15_i32..=15 {
        for y in -15_i32..=15 {
            for z in -15_i32..=15 {
                if x * x + y * y + z * z == 230 {
                    points.push([f64::from(x), f64::from(y), f64::from(z)]);
                }
            }
        }
    }
    assert!(points.len() > 80);
    assert_delaunay(&Delaunay::new(&points).unwrap());
}

#[test]
fn a_plane_and_a_line_with_one_point_beside_them_are_triangulated() {
    let mut points: Vec<[f64; 3]> = (0..200).map(|i| [f64::from(i % 20), f64::from(i / 20), 0.0]).collect();
    points.push([0.3, 0.4, 1.0]);
    assert_delaunay(&Delaunay::new(&points).unwrap());
    let mut line: Vec<[f64; 3]> = (0..50).map(|i| [f64::from(i), 0.0, 0.0]).collect();
    line.push([0.0, 1.0, 0.0]);
    line.push([0.0, 0.0, 1.0]);
    assert_delaunay(&Delaunay::new(&line).unwrap());
}

#[test]
fn sets_that_span_no_volume_are_errors() {
    let plane: Vec<[f64; 3]> = (0..100).map(|i| [f64::from(i % 10), f64::from(i / 10), 3.0]).collect();
    assert!(matches!(Delaunay::new(&plane), Err(DelaunayError::Coplanar { distinct: 100 })));
    let line: Vec<[f64; 3]> = (0..10).map(|i| [0.1 * f64::from(i); 3]).collect();
    assert!(matches!(Delaunay::new(&line), Err(DelaunayError::Coplanar { .. })));
    assert!(matches!(Delaunay::new(&[]), Err(DelaunayError::TooFew { distinct: 0 })));
    assert!(matches!(Delaunay::new(&[[1.0; 3]; 50]), Err(DelaunayError::TooFew { distinct: 1 })));
    let mut bad = random_points(20, 3);
    bad[11][1] = f64::NAN;
    assert!(matches!(Delaunay::new(&bad), Err(DelaunayError::NotFinite { row: 11, .. })));
    bad[11][1] = f64::INFINITY;
    assert!(matches!(Delaunay::new(&bad), Err(DelaunayError::NotFinite { row: 11, .. })));
}

#[test]
fn the_order_of_points_and_coincident_points_do_not_matter() {
    let points = random_points(500, 9);
    let mut shuffled: Vec<[f64; 3]> = points.iter().rev().copied().collect();
    shuffled.extend_from_slice(&points[..100]);
    let (a, b) = (Delaunay::new(&points).unwrap(), Delaunay::new(&shuffled).unwrap());
    assert_eq!(a.sites(), b.sites());
    assert_eq!(a.tetras(), b.tetras());
    assert_eq!(b.multiplicity().iter().filter(|&&m| m == 2).count(), 100);
    assert_eq!(a.site_of_point()[3], b.site_of_point()[496]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Small integer coordinates: nearly all decisions are ties.
    #[test]
    fn coarse_coordinates_make_a_delaunay_triangulation(
        points in proptest::collection::vec(proptest::array::uniform3(-3_i8..=3), 4..120),
    ) {
        let points: Vec<[f64; 3]> = points.into_iter().map(|p| p.map(|c| f64::from(c) * 0.1)).collect();
        match Delaunay::new(&points) {
            Ok(delaunay) => assert_delaunay(&delaunay),
            Err(error) => assert!(matches!(error, DelaunayError::Coplanar { .. } | DelaunayError::TooFew { .. })),
        }
    }
}
