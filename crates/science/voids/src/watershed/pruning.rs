//! Which groups of zones are voids.

use astro::PointTree;

use super::shape::{shape, zone_moments};
use super::{Region, Settings, Watershed};
use crate::watershed::hierarchy::PreVoid;

/// A rule that selects voids from the zones and their hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruning {
    /// Zones joined over saddles less dense than `linking_density`; voids with a dense centre are dropped
    /// (Sutter et al. 2015, doi:10.1016/j.ascom.2014.10.002).
    Vide,
    /// Every group of the hierarchy (Neyrinck 2008, doi:10.1111/j.1365-2966.2008.13180.x).
    Zobov,
    /// The groups of the hierarchy that are significant against Poisson noise.
    Zobov2,
    /// Every zone by itself (Nadathur et al. 2019, doi:10.1103/PhysRevD.100.023504).
    Revolver,
    /// Every zone larger than the median one.
    Revolver2,
}

/// One watershed void.
#[derive(Debug, Clone, PartialEq)]
pub struct Void {
    /// Its zones, ascending.
    pub zones: Vec<u32>,
    /// The deepest of them.
    pub core_zone: u32,
    /// Volume a tracer at the saddle over which the void overflows, (Mpc/h)^3; 0 where it never does.
    pub overflow_mpc_h3: f64,
    /// Volume of its cells, (Mpc/h)^3.
    pub volume_mpc_h3: f64,
    /// Radius of the sphere with that volume, Mpc/h.
    pub radius_mpc_h: f64,
    /// Volume-weighted mean position of its tracers, comoving Mpc/h.
    pub centre_mpc_h: [f64; 3],
    /// Semi-axes of the ellipsoid with the same volume and second moments about the centre, longest first, Mpc/h.
    pub axes_mpc_h: [[f64; 3]; 3],
    /// Number of its cells that touch a cell without volume.
    pub edge_cells: u64,
}

/// The probability that a void with this ratio of core to overflow volume a tracer (>= 1) arises in a Poisson set of
/// points: Neyrinck (2008), equation 1.
pub fn chance_probability(ratio: f64) -> f64 {
    let excess = (ratio - 1.0).max(0.0);
    (-5.12 * excess - 0.28 * excess.powf(2.8)).exp()
}

impl Watershed<'_> {
    /// The voids of one pruning, in the order of the hierarchy (of the zones for REVOLVER).
    pub fn voids(&self, pruning: Pruning, settings: &Settings) -> Vec<Void> {
        let Some(mean) = self.tessellation.mean_volume_mpc_h3() else {
            return Vec::new();
        };
        let moments = zone_moments(&self.tessellation, &self.zones, &self.region);
        let mut voids: Vec<Void> = self
            .candidates(pruning, mean, settings)
            .into_iter()
            .map(|(candidate, zones)| {
                let of = |zone: u32| &self.zones.zones[zone as usize];
                let shape = shape(&moments, &zones, &self.region);
                Void {
                    core_zone: candidate.core_zone,
                    overflow_mpc_h3: candidate.overflow_mpc_h3,
                    volume_mpc_h3: zones.iter().map(|&zone| of(zone).volume_mpc_h3).sum(),
                    edge_cells: zones.iter().map(|&zone| u64::from(of(zone).edge_cells)).sum(),
                    radius_mpc_h: shape.radius_mpc_h,
                    centre_mpc_h: shape.centre_mpc_h,
                    axes_mpc_h: shape.axes_mpc_h,
                    zones,
                }
            })
            .collect();
        let smallest = if pruning == Pruning::Revolver2 { median_radius(&voids) } else { settings.min_radius_mpc_h };
        voids.retain(|void| void.radius_mpc_h > smallest);
        if pruning == Pruning::Vide {
            self.drop_dense(&mut voids, mean, settings.central_density);
        }
        voids
    }

    fn candidates(&self, pruning: Pruning, mean: f64, settings: &Settings) -> Vec<(PreVoid, Vec<u32>)> {
        let hierarchy = &self.hierarchy;
        let groups = |lowest: f64| hierarchy.pre_voids.iter().map(move |c| (*c, hierarchy.zones_of(c, lowest)));
        match pruning {
            Pruning::Vide => groups(mean / settings.linking_density).collect(),
            Pruning::Zobov => groups(0.0).collect(),
            Pruning::Zobov2 => {
                let largest = two_sided_probability(settings.min_significance_sigma);
                let ratio = |c: &PreVoid| self.zones.zones[c.core_zone as usize].core_volume_mpc_h3 / c.overflow_mpc_h3;
                groups(0.0).filter(|(c, _)| chance_probability(ratio(c)) <= largest).collect()
            }
            Pruning::Revolver | Pruning::Revolver2 => (0..self.zones.zones.len() as u32)
                .map(|zone| (PreVoid { core_zone: zone, overflow_mpc_h3: 0.0 }, vec![zone]))
                .collect(),
        }
    }

    /// Drops voids in whose inner quarter radius the tracers are denser than `limit` times the mean, and voids smaller
    /// than the mean separation.
    fn drop_dense(&self, voids: &mut Vec<Void>, mean: f64, limit: f64) {
        let positions: Vec<[f64; 3]> =
            (0..self.tessellation.len()).map(|cell| self.tessellation.position_mpc_h(cell)).collect();
        let tree = PointTree::new(&positions);
        let counts = self.tessellation.galaxies_in_cell();
        voids.retain(|void| {
            let inner = void.radius_mpc_h / 4.0;
            let mut galaxies = 0.0;
            for place in self.images(void.centre_mpc_h, inner) {
                for (cell, distance) in tree.within(place, inner) {
                    if distance < inner {
                        galaxies += counts[cell];
                    }
                }
            }
            let density = 64.0 * galaxies / void.volume_mpc_h3;
            density < limit / mean && void.radius_mpc_h > mean.cbrt()
        });
    }

    /// A position and those of its periodic images that are within `reach` of the box.
    fn images(&self, position: [f64; 3], reach: f64) -> Vec<[f64; 3]> {
        let mut places = vec![position];
        if let Region::Periodic { low, high } = &self.region {
            for k in 0..3 {
                let side = high[k] - low[k];
                for i in 0..places.len() {
                    for shift in [-side, side] {
                        let mut image = places[i];
                        image[k] += shift;
                        if image[k] > low[k] - reach && image[k] < high[k] + reach {
                            places.push(image);
                        }
                    }
                }
            }
        }
        places
    }
}

fn median_radius(voids: &[Void]) -> f64 {
    let mut radii: Vec<f64> = voids.iter().map(|void| void.radius_mpc_h).collect();
    radii.sort_by(f64::total_cmp);
    match radii.len() {
        0 => 0.0,
        n if n % 2 == 1 => radii[n / 2],
        n => 0.5 * (radii[n / 2 - 1] + radii[n / 2]),
    }
}

/// Probability that a normal variable is further than `sigma` from its mean, by integration of the density with
/// Simpson's rule (error below 1e-12 for sigma from 0 to 8).
fn two_sided_probability(sigma: f64) -> f64 {
    const STEPS: usize = 4000;
    let sigma = sigma.max(0.0);
    let width = 12.0 / STEPS as f64;
    let density = |x: f64| (-0.5 * x * x).exp();
    let mut sum = density(sigma) + density(sigma + 12.0);
    for step in 1..STEPS {
        sum += density(sigma + step as f64 * width) * if step % 2 == 1 { 4.0 } else { 2.0 };
    }
    2.0 * sum * width / 3.0 / (2.0 * std::f64::consts::PI).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_tails_agree_with_tables() {
        for (sigma, probability) in [(0.0, 1.0), (1.0, 0.317_310_507_862_914_1), (2.0, 0.045_500_263_896_358_4)] {
            assert!((two_sided_probability(sigma) - probability).abs() < 1e-11);
        }
    }

    #[test]
    fn chance_falls_with_depth() {
        assert!((chance_probability(1.0) - 1.0).abs() < 1e-15);
        assert!(chance_probability(2.0) < chance_probability(1.5));
        assert!(chance_probability(f64::INFINITY) == 0.0);
    }
}
