//! Centres and ellipsoids of groups of zones.

use nalgebra::{Matrix3, SymmetricEigen, Vector3};

use super::Region;
use super::tessellation::Tessellation;
use super::zones::{NO_ZONE, Zones};

/// Volume-weighted moments of a zone's tracer positions about its core.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    core: Vector3<f64>,
    volume: f64,
    first: Vector3<f64>,
    second: Matrix3<f64>,
}

/// The shape of a void.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub(super) centre_mpc_h: [f64; 3],
    pub(super) radius_mpc_h: f64,
    pub(super) axes_mpc_h: [[f64; 3]; 3],
}

/// The shortest of the vectors that are the same in a periodic box.
pub(super) fn shortest(mut vector: Vector3<f64>, region: &Region<'_>) -> Vector3<f64> {
    if let Region::Periodic { low, high } = region {
        for k in 0..3 {
            let side = high[k] - low[k];
            vector[k] -= side * (vector[k] / side).round();
        }
    }
    vector
}

/// Moments of all zones.
pub(super) fn zone_moments(tessellation: &Tessellation, zones: &Zones, region: &Region<'_>) -> Vec<Moments> {
    let mut moments: Vec<Moments> = zones
        .zones
        .iter()
        .map(|zone| Moments {
            core: tessellation.position_mpc_h(zone.core_cell as usize).into(),
            volume: 0.0,
            first: Vector3::zeros(),
            second: Matrix3::zeros(),
        })
        .collect();
    for (cell, &zone) in zones.zone_of_cell.iter().enumerate() {
        if zone == NO_ZONE {
            continue;
        }
        let of = &mut moments[zone as usize];
        let volume = tessellation.volumes_mpc_h3()[cell];
        let offset = shortest(Vector3::from(tessellation.position_mpc_h(cell)) - of.core, region);
        of.volume += volume;
        of.first += volume * offset;
        of.second += volume * offset * offset.transpose();
    }
    moments
}

/// Shape of a group of zones. The semi-axes are those of the ellipsoid with the volume of the group and the second
/// moments, about the group's centre, of its tracers weighted by their cells' volumes; longest first, each with its
/// largest component positive. Fewer than four tracers, or tracers in a plane, span no ellipsoid: then a sphere.
pub(super) fn shape(moments: &[Moments], zones: &[u32], region: &Region<'_>) -> Shape {
    let core = moments[zones[0] as usize].core;
    let (mut volume, mut first, mut second) = (0.0, Vector3::zeros(), Matrix3::zeros());
    for &zone in zones {
        let of = &moments[zone as usize];
        let offset = shortest(of.core - core, region);
        volume += of.volume;
        first += of.first + of.volume * offset;
        let mixed = of.first * offset.transpose();
        second += of.second + mixed + mixed.transpose() + of.volume * offset * offset.transpose();
    }
    let shift = first / volume;
    let covariance = second / volume - shift * shift.transpose();
    let radius_mpc_h = (3.0 * volume / (4.0 * std::f64::consts::PI)).cbrt();
    let mut centre = core + shift;
    if let Region::Periodic { low, high } = region {
        for k in 0..3 {
            centre[k] = low[k] + (centre[k] - low[k]).rem_euclid(high[k] - low[k]);
        }
    }
    Shape { centre_mpc_h: centre.into(), radius_mpc_h, axes_mpc_h: semi_axes(covariance, radius_mpc_h) }
}

fn semi_axes(covariance: Matrix3<f64>, radius: f64) -> [[f64; 3]; 3] {
    let eigen = SymmetricEigen::new(covariance);
    let mut order = [0, 1, 2];
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let smallest = eigen.eigenvalues[order[2]];
    if smallest.is_nan() || smallest <= 1e-12 * eigen.eigenvalues[order[0]] {
        return [[radius, 0.0, 0.0], [0.0, radius, 0.0], [0.0, 0.0, radius]];
    }
    let scale = radius / eigen.eigenvalues.iter().product::<f64>().powf(1.0 / 6.0);
    order.map(|i| {
        let axis = eigen.eigenvectors.column(i);
        let sign = axis[axis.iamax()].signum();
        (axis * (sign * scale * eigen.eigenvalues[i].sqrt())).into_owned().into()
    })
}
