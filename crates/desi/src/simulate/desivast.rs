//! The void catalogues that a perfect void finder would make of a simulated light-cone, as DESIVAST's eight files.
//!
//! VoidFinder's spheres are the true holes; the watershed zones are the Voronoi cells of the nuclei. Neither is found
//! in the galaxies: how well an algorithm finds them is for the finders to show. `TRIANGLE` and `GALVIZ` are not
//! simulated. Format and volume: DESIVAST v1.0 (arXiv:2411.00148).

use std::f64::consts::PI;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::spheres::{Sphere, TrueVoid};
use super::structure::along;
use super::survey::Survey;
use super::zones::Zones;
use super::{Cap, LightCone};
use crate::DesiError;
use crate::desivast::{Algorithm, Hole, Maximal, SurveyLimits, VoidCatalogue, VoidFinderCatalogue, write_simulated};

/// Points on a hole's surface that tell whether it crosses the boundary, as many as VoidFinder takes.
const SURFACE_POINTS: usize = 20;

/// Points in a hole that tell how much of it is outside.
const INSIDE_POINTS: usize = 400;

/// A hole with this share outside is cut (VoidFinder's limit).
const OUTSIDE_SHARE: f64 = 0.1;

/// Points in a void's bounding box that measure its volume.
const VOLUME_POINTS: usize = 4_096;

/// Writes `DESIVAST_BGS_VOLLIM_{VoidFinder,V2_REVOLVER,V2_VIDE,V2_ZOBOV}_{NGC,SGC}.fits` into a folder that exists and
/// returns the paths. The volume ends at redshift 0.24 or where the light-cone does; tracers are the galaxies with
/// M_r < -20. The same light-cone gives the same bytes. Memory: 4 bytes a lattice place of (5 Mpc/h)^3 in a cap's
/// bounding box (30 MB for a full-size survey), 150 bytes a tracer.
///
/// # Errors
/// [`DesiError::Fits`] where a file cannot be written.
pub fn write_desivast(folder: impl AsRef<Path>, sky: &LightCone) -> Result<Vec<PathBuf>, DesiError> {
    let folder = folder.as_ref();
    let mut paths = Vec::new();
    for cap in Cap::ALL {
        let path =
            |algorithm: Algorithm| folder.join(format!("DESIVAST_BGS_VOLLIM_{}_{}.fits", algorithm.name(), cap.name()));
        let survey = Survey::new(sky, cap);
        paths.push(path(Algorithm::VoidFinder));
        write_simulated(&path(Algorithm::VoidFinder), &VoidCatalogue::VoidFinder(spheres(&survey)))?;
        let zones = Zones::new(&survey);
        for algorithm in [Algorithm::Revolver, Algorithm::Vide, Algorithm::Zobov] {
            paths.push(path(algorithm));
            write_simulated(&path(algorithm), &VoidCatalogue::Zones(zones.catalogue(algorithm)))?;
        }
    }
    Ok(paths)
}

/// The VoidFinder catalogue of each cap, as [`write_desivast`] writes it, without files.
#[must_use]
pub fn voidfinder_catalogues(sky: &LightCone) -> Vec<VoidFinderCatalogue> {
    Cap::ALL.into_iter().map(|cap| spheres(&Survey::new(sky, cap))).collect()
}

impl Survey<'_> {
    pub(super) fn limits(&self) -> SurveyLimits {
        SurveyLimits {
            omega_m: self.sky.parameters.omega_m,
            distance_mpc_h: [0.0, self.distance_max_mpc_h],
            redshift: [0.0, self.redshift_max],
        }
    }
}

/// One true void as far as it lies in the survey.
struct SeenVoid {
    holes: Vec<Sphere>,
    edge: i64,
    r_eff_mpc_h: [f64; 2],
}

/// The true voids in the survey, largest maximal first, numbered in that order.
fn spheres(survey: &Survey<'_>) -> VoidFinderCatalogue {
    let mut seen: Vec<SeenVoid> = survey.sky.voids.par_iter().filter_map(|void| see(survey, void)).collect();
    seen.sort_by(|a, b| b.holes[0].radius_mpc_h.total_cmp(&a.holes[0].radius_mpc_h));
    let (mut maximals, mut holes) = (Vec::new(), Vec::new());
    for (void, seen) in (0_i64..).zip(&seen) {
        maximals.push(Maximal {
            centre_mpc_h: seen.holes[0].centre_mpc_h,
            radius_mpc_h: seen.holes[0].radius_mpc_h,
            void,
            edge: seen.edge,
            r_eff_mpc_h: Some(seen.r_eff_mpc_h[0]),
            r_eff_uncert_mpc_h: Some(seen.r_eff_mpc_h[1]),
        });
        holes.extend(seen.holes.iter().map(|hole| Hole {
            centre_mpc_h: hole.centre_mpc_h,
            radius_mpc_h: hole.radius_mpc_h,
            void,
        }));
    }
    VoidFinderCatalogue { limits: survey.limits(), maximals, holes }
}

/// Cuts the holes that reach too far outside; `None` where the maximal does.
fn see(survey: &Survey<'_>, void: &TrueVoid) -> Option<SeenVoid> {
    if !survey.contains(void.maximal.centre_mpc_h) {
        return None;
    }
    let (mut holes, mut crosses) = (Vec::new(), false);
    for (rank, hole) in void.holes.iter().enumerate() {
        let over = (0..SURFACE_POINTS).any(|k| !survey.contains(on_surface(hole, k)));
        if over && outside_share(survey, hole) >= OUTSIDE_SHARE {
            if rank == 0 {
                return None;
            }
            continue;
        }
        crosses |= over;
        holes.push(*hole);
    }
    let near = || holes.iter().any(|hole| survey.is_near_boundary(hole.centre_mpc_h));
    let edge = if crosses { 1 } else { i64::from(near()) * 2 };
    let r_eff_mpc_h = effective_radius(&holes);
    Some(SeenVoid { holes, edge, r_eff_mpc_h })
}

/// One of the places on a golden spiral around a sphere.
fn on_surface(sphere: &Sphere, k: usize) -> [f64; 3] {
    let height = 1.0 - (2.0 * k as f64 + 1.0) / SURFACE_POINTS as f64;
    let (sin, cos) = (PI * (1.0 + 5.0_f64.sqrt()) * k as f64).sin_cos();
    let ring = (1.0 - height * height).sqrt();
    along(sphere.centre_mpc_h, sphere.radius_mpc_h, [ring * cos, ring * sin, height])
}

fn outside_share(survey: &Survey<'_>, sphere: &Sphere) -> f64 {
    let (mut inside, mut outside) = (0_u32, 0_u32);
    for k in 0..INSIDE_POINTS {
        let place = along(sphere.centre_mpc_h, sphere.radius_mpc_h, even_place(k).map(|x| 2.0 * x - 1.0));
        if sphere.contains(place) {
            inside += 1;
            outside += u32::from(!survey.contains(place));
        }
    }
    f64::from(outside) / f64::from(inside.max(1))
}

/// A low-discrepancy sequence in the unit cube: Kronecker's, with the powers of the generalised golden ratio.
fn even_place(k: usize) -> [f64; 3] {
    const ROOT: f64 = 1.220_744_084_605_759_5;
    let step = k as f64 + 0.5;
    [1, 2, 3].map(|power| (step / ROOT.powi(power)).fract())
}

/// Radius of the sphere with the volume of a union, and its standard error as if the points were random (so too large).
fn effective_radius(holes: &[Sphere]) -> [f64; 2] {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for hole in holes {
        for axis in 0..3 {
            low[axis] = low[axis].min(hole.centre_mpc_h[axis] - hole.radius_mpc_h);
            high[axis] = high[axis].max(hole.centre_mpc_h[axis] + hole.radius_mpc_h);
        }
    }
    let size: [f64; 3] = std::array::from_fn(|axis| high[axis] - low[axis]);
    let inside = (0..VOLUME_POINTS)
        .filter(|&k| {
            let fraction = even_place(k);
            let place = std::array::from_fn(|axis| low[axis] + fraction[axis] * size[axis]);
            holes.iter().any(|hole| hole.contains(place))
        })
        .count();
    let share = inside as f64 / VOLUME_POINTS as f64;
    let bounding = size.iter().product::<f64>();
    let radius = (3.0 * share * bounding / (4.0 * PI)).cbrt();
    let error = bounding * (share * (1.0 - share) / VOLUME_POINTS as f64).sqrt();
    [radius, error / (4.0 * PI * radius * radius)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_radius_of_one_sphere_and_of_two_is_known() {
        let one = Sphere { centre_mpc_h: [100.0, -7.0, 3.0], radius_mpc_h: 12.0 };
        let apart = Sphere { centre_mpc_h: [100.0, -31.5, 3.0], radius_mpc_h: 12.0 };
        for (holes, expected) in [(vec![one], 12.0), (vec![one, one], 12.0), (vec![one, apart], 12.0 * 2.0_f64.cbrt())]
        {
            let [radius, error] = effective_radius(&holes);
            assert!((radius - expected).abs() < 2.0 * error && error < 0.1, "{radius} +- {error}, expected {expected}");
        }
    }
}
