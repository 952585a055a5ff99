//! Exact orientation and in-sphere decisions, each behind a floating-point filter.

use robust::{Coord, Coord3D};

/// Relative error of the filtered 3x3 determinant (Devillers & Pion 2003): 14 roundings with a margin.
const ORIENT_ERROR: f64 = 5.2e-15;

fn coord(p: [f64; 3]) -> Coord3D<f64> {
    Coord3D { x: p[0], y: p[1], z: p[2] }
}

/// Orientation of (a, b, c, d): the determinant of (a-d, b-d, c-d). Exact in sign, not in value.
#[inline]
pub(super) fn orient(a: [f64; 3], b: [f64; 3], c: [f64; 3], d: [f64; 3]) -> f64 {
    let (ax, ay, az) = (a[0] - d[0], a[1] - d[1], a[2] - d[2]);
    let (bx, by, bz) = (b[0] - d[0], b[1] - d[1], b[2] - d[2]);
    let (cx, cy, cz) = (c[0] - d[0], c[1] - d[1], c[2] - d[2]);
    let determinant = ax * (by * cz - bz * cy) + bx * (cy * az - cz * ay) + cx * (ay * bz - az * by);
    let largest_x = ax.abs().max(bx.abs()).max(cx.abs());
    let largest_y = ay.abs().max(by.abs()).max(cy.abs());
    let largest_z = az.abs().max(bz.abs()).max(cz.abs());
    if determinant.abs() > ORIENT_ERROR * largest_x * largest_y * largest_z {
        return determinant;
    }
    robust::orient3d(coord(a), coord(b), coord(c), coord(d))
}

/// Whether e lies strictly inside the sphere through a, b, c, d, which have positive orientation.
#[cold]
#[inline(never)]
pub(super) fn inside_sphere_exactly(a: [f64; 3], b: [f64; 3], c: [f64; 3], d: [f64; 3], e: [f64; 3]) -> bool {
    robust::insphere(coord(a), coord(b), coord(c), coord(d), coord(e)) > 0.0
}

/// Whether three points lie on one line: exactly when their projections on all three coordinate planes do.
fn collinear(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> bool {
    [(0, 1), (1, 2), (2, 0)].into_iter().all(|(i, j)| {
        let flat = |p: [f64; 3]| Coord { x: p[i], y: p[j] };
        robust::orient2d(flat(a), flat(b), flat(c)) == 0.0
    })
}

/// Moves four affinely independent sites to the front of the insertion order, the first two left where they are.
/// False when all sites lie in one plane.
pub(super) fn bring_tetrahedron_to_front(sites: &[[f64; 3]], order: &mut [u32]) -> bool {
    let at = |site: u32| sites[site as usize];
    let (a, b) = (at(order[0]), at(order[1]));
    let Some(third) = (2..order.len()).find(|&i| !collinear(a, b, at(order[i]))) else {
        return false;
    };
    order.swap(2, third);
    let c = at(order[2]);
    let Some(fourth) = (3..order.len()).find(|&i| orient(a, b, c, at(order[i])) != 0.0) else {
        return false;
    };
    order.swap(3, fourth);
    true
}
