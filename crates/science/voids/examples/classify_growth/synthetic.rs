//! A survey of the size of DESIVAST with voids, tracers and galaxies drawn at random: for timing, not for science.

use arrow::array::Float64Array;
use astro::neighbours::PointTree;
use astro::{Cosmology, sphere};
use desi::desivast::{
    Algorithm, Hole, Maximal, SurveyLimits, Tracer, VoidCatalogue, VoidFinderCatalogue, ZoneCatalogue, ZoneMembership,
    ZoneVoid,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use voids::classify::{ClassifyError, Galaxies};
use voids::survey::HealpixSurvey;

/// Matter density of the distance scale.
pub const OMEGA_M: f64 = 0.3153;
const Z_MAX: f64 = 0.24;
/// As many of each as the two caps of DESIVAST v1.0 hold together.
const TRACERS: usize = 694_642;
const MAXIMALS: usize = 3_765;
const HOLES: usize = 101_863;
const ZONES: usize = 3_519;
/// Galaxies of a group share a place within this, Mpc/h; half of all galaxies are in groups of eight.
const GROUP_MPC_H: f64 = 2.0;

/// Four catalogues and the survey they were found in.
pub struct Sky {
    /// One catalogue an algorithm.
    pub catalogues: Vec<Vec<VoidCatalogue>>,
    /// Where tracers are.
    pub survey: HealpixSurvey,
}

/// A place in the northern galactic cap of the footprint, out to `furthest_mpc_h`, uniform in volume.
fn place(rng: &mut ChaCha8Rng, furthest_mpc_h: f64) -> [f64; 3] {
    let (ra_deg, sin_dec) = (100.0 + 175.0 * rng.random::<f64>(), 0.9 * rng.random::<f64>() - 0.05);
    sphere::position_mpc_h(ra_deg, sin_dec.asin().to_degrees(), furthest_mpc_h * rng.random::<f64>().cbrt())
}

fn near(rng: &mut ChaCha8Rng, centre: [f64; 3], reach_mpc_h: f64) -> [f64; 3] {
    centre.map(|c| c + reach_mpc_h * (2.0 * rng.random::<f64>() - 1.0))
}

/// Galaxies, half of them in groups.
fn clustered(rng: &mut ChaCha8Rng, count: usize, furthest_mpc_h: f64) -> Vec<[f64; 3]> {
    let mut places = Vec::with_capacity(count + 16);
    while places.len() < count {
        let group = place(rng, furthest_mpc_h);
        places.extend((0..8).map(|_| near(rng, group, GROUP_MPC_H)));
        places.extend((0..8).map(|_| place(rng, furthest_mpc_h)));
    }
    places.truncate(count);
    places
}

/// The catalogues, always the same.
pub fn sky() -> Sky {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let furthest = Cosmology::flat_lcdm(OMEGA_M).comoving_distance_mpc_h(Z_MAX);
    let limits = SurveyLimits { omega_m: OMEGA_M, distance_mpc_h: [0.0, furthest], redshift: [0.0, Z_MAX] };
    let tracers = clustered(&mut rng, TRACERS, furthest);
    let directions: Vec<(f64, f64)> = tracers.iter().map(|p| sphere::ra_dec_deg(*p)).collect();
    let order = HealpixSurvey::suitable_order(&directions);
    let survey = HealpixSurvey::from_directions(order, &directions, [0.0, furthest]);
    let mut catalogues = vec![vec![VoidCatalogue::VoidFinder(holes(&mut rng, limits.clone(), furthest))]];
    let seeds: Vec<[f64; 3]> = (0..ZONES).map(|_| place(&mut rng, furthest)).collect();
    let tree = PointTree::new(&seeds);
    let zone_of: Vec<i64> = tracers.iter().map(|p| tree.nearest(*p).map_or(0, |n| n.0 as i64)).collect();
    for algorithm in [Algorithm::Vide, Algorithm::Zobov, Algorithm::Revolver] {
        catalogues.push(vec![VoidCatalogue::Zones(zones(algorithm, limits.clone(), &seeds, (&tracers, &zone_of)))]);
    }
    Sky { catalogues, survey }
}

fn holes(rng: &mut ChaCha8Rng, limits: SurveyLimits, furthest: f64) -> VoidFinderCatalogue {
    let mut catalogue = VoidFinderCatalogue { limits, maximals: Vec::new(), holes: Vec::new() };
    for void in 0..MAXIMALS {
        let (centre_mpc_h, radius_mpc_h) = (place(rng, furthest), 10.0 + 8.0 * rng.random::<f64>().powi(3));
        catalogue.maximals.push(Maximal {
            centre_mpc_h,
            radius_mpc_h,
            void: void as i64,
            edge: 0,
            r_eff_mpc_h: Some(1.25 * radius_mpc_h),
            r_eff_uncert_mpc_h: None,
        });
        let members = HOLES * (void + 1) / MAXIMALS - HOLES * void / MAXIMALS;
        catalogue.holes.extend((0..members).map(|member| Hole {
            centre_mpc_h: if member == 0 { centre_mpc_h } else { near(rng, centre_mpc_h, 0.5 * radius_mpc_h) },
            radius_mpc_h: if member == 0 { radius_mpc_h } else { radius_mpc_h * (0.5 + 0.4 * rng.random::<f64>()) },
            void: void as i64,
        }));
    }
    catalogue
}

fn zones(
    algorithm: Algorithm,
    limits: SurveyLimits,
    seeds: &[[f64; 3]],
    (tracers, zone_of): (&[[f64; 3]], &[i64]),
) -> ZoneCatalogue {
    // Three quarters of the zones are voids, as in REVOLVER and ZOBOV; two fifths in VIDE.
    let is_void = |zone: usize| if algorithm == Algorithm::Vide { zone % 5 < 2 } else { zone % 4 < 3 };
    let void = |(zone, centre): (usize, &[f64; 3])| ZoneVoid {
        void: zone as i64,
        centre_mpc_h: *centre,
        redshift: 0.1,
        ra_deg: 0.0,
        dec_deg: 0.0,
        radius_mpc_h: 12.0 + (zone % 16) as f64,
        axes_mpc_h: [[0.0; 3]; 3],
        tot_area: Some(100.0),
        edge_area: Some((zone % 5) as f64 * 4.0),
        edge: None,
    };
    let membership = |zone: usize| {
        let void = is_void(zone).then_some(zone as i64);
        ZoneMembership { zone: zone as i64, void0: void, void1: void }
    };
    let tracer = |(gal, (position, zone)): (usize, (&[f64; 3], &i64))| Tracer {
        gal: gal as i64,
        target: None,
        position_mpc_h: *position,
        zone: Some(*zone),
        depth: 0,
        edge: false,
        out: false,
    };
    ZoneCatalogue {
        algorithm,
        limits,
        voids: seeds.iter().enumerate().filter(|(zone, _)| is_void(*zone)).map(void).collect(),
        zones: (0..seeds.len()).map(membership).collect(),
        tracers: tracers.iter().zip(zone_of).enumerate().map(tracer).collect(),
        surfaces: None,
    }
}

/// Galaxies of a flux-limited survey in random order: about half beyond the tracers, none of them known as a tracer.
pub fn galaxies(count: usize) -> Result<Galaxies, ClassifyError> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let cosmology = Cosmology::flat_lcdm(OMEGA_M);
    let far = cosmology.comoving_distance_mpc_h(2.0 * Z_MAX);
    let mut rows: Vec<(f64, f64, f64)> = clustered(&mut rng, count, far)
        .into_iter()
        .map(|place| {
            let (ra, dec) = sphere::ra_dec_deg(place);
            // As many at every distance, not in every volume: the flux limit.
            (ra, dec, far * (sphere::norm(place) / far).powi(3))
        })
        .collect();
    for row in (1..rows.len()).rev() {
        rows.swap(row, rng.random_range(0..=row));
    }
    let redshift = rows.iter().map(|row| cosmology.redshift_at_mpc_h(row.2));
    let redshift: Float64Array = redshift.map(Some).collect();
    let column = |of: fn(&(f64, f64, f64)) -> f64| rows.iter().map(of).collect::<Vec<f64>>();
    Galaxies::new(column(|row| row.0).into(), column(|row| row.1).into(), redshift, None)
}
