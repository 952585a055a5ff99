//! The watershed zones of a simulated light-cone: each Voronoi cell of a nucleus, as far as it lies in the survey.
//!
//! Volume, centre, axes and areas come from the geometry of the cells, on a lattice of (5 Mpc/h)^3, not from counting
//! tracers. Members are the tracers whose true place lies in the cell.

use std::f64::consts::PI;

use astro::{PointTree, sphere};
use rayon::prelude::*;

use super::ellipsoid::semi_axes;
use super::structure::minus;
use super::survey::Survey;
use crate::desivast::{Algorithm, Tracer, ZoneCatalogue, ZoneMembership, ZoneVoid};

/// Tracers are brighter than this, M_r for h = 1.
const FAINTEST: f32 = -20.0;

/// Lattice step, Mpc/h.
const STEP_MPC_H: f64 = 5.0;

/// A lattice shows three faces where a slanted surface has one: the mean over all orientations is 3/2.
const AREA_PER_FACE: f64 = STEP_MPC_H * STEP_MPC_H / 1.5;

/// Smallest void of VIDE and REVOLVER, Mpc/h.
const LEAST_RADIUS_MPC_H: f64 = 10.0;

/// VIDE's limit of the density within a quarter of the radius, in units of the mean.
const CENTRAL_DENSITY: f64 = 0.2;

const OUTSIDE: u32 = u32::MAX;

/// Sums over the lattice places of one cell.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    places: f64,
    first: [f64; 3],
    /// xx, yy, zz, xy, xz, yz.
    second: [f64; 6],
    inner_faces: f64,
    edge_faces: f64,
}

/// The zones of one cap.
pub(super) struct Zones<'a> {
    survey: &'a Survey<'a>,
    voids: Vec<ZoneVoid>,
    tracers: Vec<Tracer>,
    tree: PointTree,
    density_mpc_h3: f64,
}

impl<'a> Zones<'a> {
    pub(super) fn new(survey: &'a Survey<'a>) -> Self {
        let moments = lattice_moments(survey);
        let volume: f64 = moments.iter().map(|sums| sums.places).sum::<f64>() * STEP_MPC_H.powi(3);
        let members: Vec<usize> = survey
            .sky
            .galaxies
            .iter()
            .enumerate()
            .filter(|(_, galaxy)| {
                galaxy.cap == survey.cap
                    && galaxy.absolute_r < FAINTEST
                    && galaxy.redshift > 0.0
                    && galaxy.redshift < survey.redshift_max
            })
            .map(|(index, _)| index)
            .collect();
        let spacing = (volume / members.len().max(1) as f64).cbrt();
        let mut zone_of_nucleus = vec![None; moments.len()];
        let mut tracers = tracers(survey, &members, spacing);
        for (tracer, &member) in tracers.iter().zip(&members) {
            let nucleus = survey.sky.galaxies[member].nucleus as usize;
            if !tracer.edge && moments[nucleus].places > 0.0 {
                zone_of_nucleus[nucleus] = Some(0);
            }
        }
        let mut voids = Vec::new();
        for (zone, sums) in zone_of_nucleus.iter_mut().zip(&moments).filter(|(zone, _)| zone.is_some()) {
            let number = voids.len() as i64;
            *zone = Some(number);
            voids.push(zone_void(survey, number, sums));
        }
        for (tracer, &member) in tracers.iter_mut().zip(&members) {
            let zone = zone_of_nucleus[survey.sky.galaxies[member].nucleus as usize];
            tracer.zone = zone.filter(|_| !tracer.edge);
            tracer.edge = tracer.zone.is_none();
        }
        let places: Vec<[f64; 3]> = tracers.iter().map(|tracer| tracer.position_mpc_h).collect();
        let density_mpc_h3 = members.len() as f64 / volume.max(STEP_MPC_H.powi(3));
        Self { survey, voids, tracers, tree: PointTree::new(&places), density_mpc_h3 }
    }

    /// ZOBOV: every zone is a void. REVOLVER: those with a radius above 10 Mpc/h. VIDE: of those, the ones with fewer
    /// tracers than 0.2 of the mean within a quarter of the radius. No zones are joined. Voids are numbered in the
    /// order of their zones.
    pub(super) fn catalogue(&self, algorithm: Algorithm) -> ZoneCatalogue {
        let (mut voids, mut zones) = (Vec::new(), Vec::new());
        for (zone, void) in (0_i64..).zip(&self.voids) {
            let kept = match algorithm {
                Algorithm::Zobov => true,
                Algorithm::Vide => void.radius_mpc_h > LEAST_RADIUS_MPC_H && self.is_empty_inside(void),
                _ => void.radius_mpc_h > LEAST_RADIUS_MPC_H,
            };
            let number = kept.then_some(voids.len() as i64);
            if let Some(number) = number {
                voids.push(ZoneVoid { void: number, ..void.clone() });
            }
            zones.push(ZoneMembership { zone, void0: number, void1: number });
        }
        let tracers = self.tracers.clone();
        ZoneCatalogue { algorithm, limits: self.survey.limits(), voids, zones, tracers, surfaces: None }
    }

    fn is_empty_inside(&self, void: &ZoneVoid) -> bool {
        let quarter = 0.25 * void.radius_mpc_h;
        let count = self.tree.within(void.centre_mpc_h, quarter).len() as f64;
        count < CENTRAL_DENSITY * self.density_mpc_h3 * 4.0 / 3.0 * PI * quarter.powi(3)
    }
}

/// The tracers at their measured redshifts, still without zone. On the edge is who has the boundary within half the
/// mean spacing, where a Voronoi cell would reach outside. DEPTH counts mean spacings from the nucleus.
fn tracers(survey: &Survey<'_>, members: &[usize], spacing_mpc_h: f64) -> Vec<Tracer> {
    let cosmology = survey.sky.cosmology();
    members
        .par_iter()
        .enumerate()
        .map(|(row, &member)| {
            let galaxy = &survey.sky.galaxies[member];
            let distance = cosmology.comoving_distance_mpc_h(galaxy.redshift);
            let position_mpc_h = sphere::position_mpc_h(galaxy.ra_deg, galaxy.dec_deg, distance);
            let nucleus = survey.sky.structure.nuclei[galaxy.nucleus as usize];
            Tracer {
                gal: row as i64,
                target: Some(galaxy.target_id),
                position_mpc_h,
                zone: None,
                depth: (sphere::norm(minus(galaxy.position_mpc_h, nucleus)) / spacing_mpc_h) as i64,
                edge: survey.leaves(position_mpc_h, 0.5 * spacing_mpc_h),
                out: false,
            }
        })
        .collect()
}

fn zone_void(survey: &Survey<'_>, void: i64, sums: &Moments) -> ZoneVoid {
    let centre_mpc_h = sums.first.map(|sum| sum / sums.places);
    let [x, y, z] = centre_mpc_h;
    let products = [x * x, y * y, z * z, x * y, x * z, y * z];
    let mut spread: [f64; 6] = std::array::from_fn(|k| sums.second[k] / sums.places - products[k]);
    // A lattice place stands for a cube of its own.
    spread[..3].iter_mut().for_each(|variance| *variance += STEP_MPC_H * STEP_MPC_H / 12.0);
    let radius_mpc_h = (3.0 * sums.places / (4.0 * PI)).cbrt() * STEP_MPC_H;
    let (ra_deg, dec_deg) = sphere::ra_dec_deg(centre_mpc_h);
    ZoneVoid {
        void,
        centre_mpc_h,
        redshift: survey.sky.cosmology().redshift_at_mpc_h(sphere::norm(centre_mpc_h)),
        ra_deg,
        dec_deg,
        radius_mpc_h,
        axes_mpc_h: semi_axes(spread, radius_mpc_h),
        tot_area: Some((sums.inner_faces + sums.edge_faces) * AREA_PER_FACE),
        edge_area: Some(sums.edge_faces * AREA_PER_FACE),
        edge: None,
    }
}

/// Sums over the lattice places in the survey, by nucleus.
fn lattice_moments(survey: &Survey<'_>) -> Vec<Moments> {
    let [low, high] = survey.bounds(STEP_MPC_H);
    let size: [usize; 3] = std::array::from_fn(|axis| ((high[axis] - low[axis]) / STEP_MPC_H).ceil() as usize + 1);
    let place = |at: [usize; 3]| -> [f64; 3] { std::array::from_fn(|axis| low[axis] + at[axis] as f64 * STEP_MPC_H) };
    let slab = size[1] * size[2];
    let mut labels = vec![OUTSIDE; size[0] * slab];
    labels.par_chunks_mut(slab).enumerate().for_each(|(x, labels)| {
        for (index, label) in labels.iter_mut().enumerate() {
            let place = place([x, index / size[2], index % size[2]]);
            if survey.contains(place) {
                *label = survey.sky.structure.cell_of(place).unwrap_or(OUTSIDE);
            }
        }
    });
    let mut moments = vec![Moments::default(); survey.sky.structure.nuclei.len()];
    for (index, &label) in labels.iter().enumerate().filter(|(_, label)| **label != OUTSIDE) {
        let at = [index / slab, index / size[2] % size[1], index % size[2]];
        let [x, y, z] = place(at);
        let sums = &mut moments[label as usize];
        sums.places += 1.0;
        sums.first = [sums.first[0] + x, sums.first[1] + y, sums.first[2] + z];
        for (sum, product) in sums.second.iter_mut().zip([x * x, y * y, z * z, x * y, x * z, y * z]) {
            *sum += product;
        }
        for stride in [slab, size[2], 1] {
            // The box is one step larger than the survey, so that every place in it has six neighbours.
            for beside in [index.wrapping_sub(stride), index + stride] {
                let other = labels.get(beside).copied().unwrap_or(OUTSIDE);
                sums.edge_faces += f64::from(u8::from(other == OUTSIDE));
                sums.inner_faces += f64::from(u8::from(other != OUTSIDE && other != label));
            }
        }
    }
    moments
}
