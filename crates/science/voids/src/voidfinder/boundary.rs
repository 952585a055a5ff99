//! The survey boundary: which holes cross it, and which reach too far beyond it to be kept.

use super::assembly::Candidate;
use super::growth::Sphere;
use super::region::Region;

/// Points tested on the surface of a sphere.
const SURFACE_POINTS: usize = 20;

/// How a hole lies with respect to the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// No tested point of its surface is outside.
    Inside,
    /// Part of the surface is outside, little enough of the volume.
    Crossing,
    /// Too much of its volume is outside.
    Beyond,
}

/// The points that spheres are tested at.
#[derive(Debug, Clone)]
pub(crate) struct BoundaryTest<'a> {
    region: &'a Region,
    surface: Vec<[f64; 3]>,
    /// Lattice points with their distances from the origin, nearest first.
    lattice: Vec<(f64, [f64; 3])>,
    overlap: f64,
}

impl<'a> BoundaryTest<'a> {
    /// For spheres up to `largest`, tested with `density` points a (Mpc/h)^3, kept if less than `overlap` is outside.
    pub(crate) fn new(region: &'a Region, largest: f64, density: f64, overlap: f64) -> Self {
        let golden = std::f64::consts::PI * (1.0 + 5_f64.sqrt());
        let surface = (0..SURFACE_POINTS)
            .map(|i| {
                let i = i as f64 + 0.5;
                let cos_polar = 1.0 - 2.0 * i / SURFACE_POINTS as f64;
                let sin_polar = (1.0 - cos_polar * cos_polar).sqrt();
                [(golden * i).cos() * sin_polar, (golden * i).sin() * sin_polar, cos_polar]
            })
            .collect();
        Self { region, surface, lattice: lattice(largest, density), overlap }
    }

    /// The spheres that are not [`Standing::Beyond`], in their order.
    #[inline(always)]
    pub(crate) fn kept(&self, spheres: &[Sphere]) -> Vec<Candidate> {
        let mut kept = Vec::new();
        for &sphere in spheres {
            match self.standing(&sphere) {
                Standing::Inside => kept.push(Candidate { sphere, crosses_boundary: false }),
                Standing::Crossing => kept.push(Candidate { sphere, crosses_boundary: true }),
                Standing::Beyond => {}
            }
        }
        kept
    }

    #[inline(always)]
    fn standing(&self, sphere: &Sphere) -> Standing {
        let Sphere { centre, radius } = *sphere;
        let clear = self.region.clear_radius_mpc_h(centre);
        if radius < clear {
            return Standing::Inside;
        }
        let at =
            |p: &[f64; 3], scale: f64| [scale * p[0] + centre[0], scale * p[1] + centre[1], scale * p[2] + centre[2]];
        let mut all_inside = true;
        for p in &self.surface {
            all_inside &= self.region.contains(at(p, radius));
            if !all_inside {
                break;
            }
        }
        if all_inside {
            return Standing::Inside;
        }
        let count = self.lattice.partition_point(|(distance, _)| *distance <= radius);
        let surely_inside = self.lattice[..count].partition_point(|(distance, _)| *distance < clear);
        let mut allowed = ((self.overlap * count as f64).ceil() as usize).max(1) - 1;
        // From the surface inwards, where most of what is outside lies, until the rest cannot change the answer.
        for (in_doubt, (_, p)) in self.lattice[surely_inside..count].iter().enumerate().rev() {
            if in_doubt < allowed {
                break;
            }
            if !self.region.contains(at(p, 1.0)) {
                if allowed == 0 {
                    return Standing::Beyond;
                }
                allowed -= 1;
            }
        }
        Standing::Crossing
    }
}

/// A cubic lattice around the origin, laid out as VAST does (from -1.05 `largest` in steps of density^-0.33), so that
/// the same holes are cut.
fn lattice(largest: f64, density: f64) -> Vec<(f64, [f64; 3])> {
    let step = density.powf(-0.33);
    let start = -1.05 * largest;
    let count = ((-2.0 * start / step).ceil() as usize).min(512);
    let axis: Vec<f64> = (0..count).map(|i| start + i as f64 * step).collect();
    let mut points = Vec::new();
    for &y in &axis {
        for &x in &axis {
            for &z in &axis {
                let distance = (x * x + y * y + z * z).sqrt();
                if distance < largest {
                    points.push((distance, [x, y, z]));
                }
            }
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}
