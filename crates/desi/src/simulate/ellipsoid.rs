//! Semi-axes of a body from its second moments: Jacobi's rotations of a symmetric 3 x 3 matrix.

/// Sweeps over the three off-diagonal elements; convergence is quadratic and done after five.
const SWEEPS: usize = 12;

/// The semi-axis vectors of the ellipsoid with these second moments about its centre (xx, yy, zz, xy, xz, yz) and the
/// volume of a sphere of `radius`, longest first.
pub(super) fn semi_axes(moments: [f64; 6], radius: f64) -> [[f64; 3]; 3] {
    let [xx, yy, zz, xy, xz, yz] = moments;
    let mut matrix = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]];
    let mut vectors = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..SWEEPS {
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            rotate(&mut matrix, &mut vectors, p, q);
        }
    }
    let lengths: [f64; 3] = std::array::from_fn(|k| matrix[k][k].max(1e-12).sqrt());
    let scale = radius / lengths.iter().product::<f64>().cbrt();
    let mut axes: [(f64, [f64; 3]); 3] =
        std::array::from_fn(|k| (lengths[k] * scale, [vectors[0][k], vectors[1][k], vectors[2][k]]));
    axes.sort_by(|a, b| b.0.total_cmp(&a.0));
    axes.map(|(length, direction)| direction.map(|x| length * x))
}

/// Makes the element (p, q) zero by a rotation in that plane.
fn rotate(matrix: &mut [[f64; 3]; 3], vectors: &mut [[f64; 3]; 3], p: usize, q: usize) {
    if matrix[p][q] == 0.0 {
        return;
    }
    let theta = (matrix[q][q] - matrix[p][p]) / (2.0 * matrix[p][q]);
    let tangent = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    for row in matrix.iter_mut().chain(vectors.iter_mut()) {
        (row[p], row[q]) = (cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]);
    }
    let (first, second) = (matrix[p], matrix[q]);
    for (column, (a, b)) in first.into_iter().zip(second).enumerate() {
        (matrix[p][column], matrix[q][column]) = (cosine * a - sine * b, sine * a + cosine * b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_ellipsoid_has_its_axes_back() {
        // Semi-axes 4, 2, 1 along (0.6, 0.8, 0), (-0.8, 0.6, 0) and z: moments are the squares over 5.
        let (a, b, c) = (16.0 / 5.0, 4.0 / 5.0, 1.0 / 5.0);
        let moments = [0.36 * a + 0.64 * b, 0.64 * a + 0.36 * b, c, 0.48 * (a - b), 0.0, 0.0];
        let axes = semi_axes(moments, 2.0);
        let expected = [[2.4, 3.2, 0.0], [-1.6, 1.2, 0.0], [0.0, 0.0, 1.0]];
        for (axis, expected) in axes.iter().zip(expected) {
            let along: f64 = axis.iter().zip(expected).map(|(x, y)| x * y).sum();
            let norm: f64 = expected.iter().map(|x| x * x).sum();
            assert!((along.abs() - norm).abs() < 1e-12, "{axis:?} is not {expected:?} or its opposite");
        }
    }

    #[test]
    fn a_sphere_stays_a_sphere() {
        let axes = semi_axes([3.0, 3.0, 3.0, 0.0, 0.0, 0.0], 7.0);
        assert_eq!(axes.map(|axis| axis.iter().map(|x| x * x).sum::<f64>().sqrt().round()), [7.0; 3]);
    }
}
