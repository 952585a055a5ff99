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
