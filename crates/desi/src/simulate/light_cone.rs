//! The light-cone: galaxies drawn in space and mass, moved to the web, and kept if the survey would see them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use astro::cosmology::SPEED_OF_LIGHT_KM_S;
use astro::{Cosmology, HealpixCell, sphere};

use super::footprint::{Cap, Footprint, uniform_in};
use super::population::{self, Draws, MassTable};
use super::spheres::{TrueVoid, true_voids};
use super::structure::{Structure, dot};
use super::{Parameters, streams};
use crate::DesiError;

/// Trials a block: each block has its own random stream, so that blocks may run in any order.
const BLOCK: usize = 8_192;
/// Blocks a round; fixed, so that the number of threads does not matter.
const ROUND: u64 = 64;
/// Galaxies may move this far, Mpc/h; the drawn volume is larger than the survey by this much.
const DRIFT_MPC_H: f64 = 20.0;
/// Steps of the distance table.
const DISTANCE_STEPS: usize = 2_048;
/// Redshifts of the lookup table from distance.
const REDSHIFT_STEPS: usize = 4_096;
/// Field galaxies nearer than this are not drawn, Mpc/h (z = 0.003).
const NEAREST_MPC_H: f64 = 10.0;

/// Where a galaxy truly is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// Inside the union of a void's holes.
    Void,
    /// Anywhere else.
    Wall,
}

/// One simulated galaxy: truth and measurement. Masses, rates and magnitudes for h = 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Galaxy {
    /// Unique identifier, with DESI's bit for simulated targets set.
    pub target_id: i64,
    /// ICRS right ascension, degrees.
    pub ra_deg: f64,
    /// ICRS declination, degrees.
    pub dec_deg: f64,
    /// Measured redshift.
    pub redshift: f64,
    /// Cosmological redshift.
    pub true_redshift: f64,
    /// True position, comoving Mpc/h.
    pub position_mpc_h: [f64; 3],
    /// Which cap.
    pub cap: Cap,
    /// True environment.
    pub environment: Environment,
    /// Index in [`LightCone::voids`] of the void it is in.
    pub void: Option<u32>,
    /// Index of the nucleus whose cell it lies in.
    pub nucleus: u32,
    /// Truly quenched?
    pub quenched: bool,
    /// True log stellar mass, solar.
    pub true_log_mass: f32,
    /// True log star formation rate, solar masses a year.
    pub true_log_sfr: f32,
    /// True Dn4000.
    pub true_dn4000: f32,
    /// True colour (g - r)^0.1, mag.
    pub colour: f32,
    /// True absolute magnitude in SDSS r at z = 0.1.
    pub absolute_r: f32,
    /// K-correction of that magnitude.
    pub k_correction_r: f32,
    /// Apparent magnitude in r, measured and corrected for dust.
    pub apparent_r: f32,
    /// Measured log stellar mass and its error, dex.
    pub log_mass: [f32; 2],
    /// Measured log star formation rate and its error, dex.
    pub log_sfr: [f32; 2],
    /// Measured Dn4000 and its error.
    pub dn4000: [f32; 2],
}

/// A simulated light-cone.
#[derive(Debug, Clone)]
pub struct LightCone {
    /// How it was made.
    pub parameters: Parameters,
    /// The survey's window.
    pub footprint: Footprint,
    /// Nuclei and walls.
    pub structure: Structure,
    /// The true voids, in the order of their nuclei.
    pub voids: Vec<TrueVoid>,
    /// The galaxies, exactly as many as asked for, in no order on the sky.
    pub galaxies: Vec<Galaxy>,
    /// Galaxies drawn over galaxies the flux limit allows: the completeness of the survey. Above 1 the sky is denser
    /// than the real one.
    pub sampling: f64,
}

impl LightCone {
    /// Makes a light-cone. Memory: 200 bytes a galaxy and about 60 MB for the structure of a full-size survey.
    ///
    /// # Errors
    /// [`DesiError::Parameter`] for a parameter out of range, [`DesiError::Sparse`] if the survey is so small or
    /// shallow that it holds no galaxies.
    pub fn generate(parameters: &Parameters) -> Result<Self, DesiError> {
        parameters.validate()?;
        let world = World::new(parameters);
        let (galaxies, trials) = world.galaxies()?;
        let accepted = galaxies.1 as f64 / trials as f64;
        let sampling = parameters.galaxies as f64 / (world.expected * accepted);
        let World { parameters, footprint, structure, voids, .. } = world;
        Ok(Self { parameters, footprint, structure, voids, galaxies: galaxies.0, sampling })
    }

    /// The distance scale.
    #[must_use]
    pub fn cosmology(&self) -> Cosmology {
        Cosmology::flat_lcdm(self.parameters.omega_m)
    }
}

/// Everything that placing a galaxy needs.
struct World {
    parameters: Parameters,
    footprint: Footprint,
    structure: Structure,
    voids: Vec<TrueVoid>,
    void_of_nucleus: Vec<u32>,
    masses: MassTable,
    distances: DistanceTable,
    redshifts: Vec<f64>,
    redshift_step_mpc_h: f64,
    distance_max: f64,
    expected: f64,
}

/// Distances weighted by the number of galaxies that could be seen there.
struct DistanceTable {
    cumulative: Vec<f64>,
    step_mpc_h: f64,
    least_log_mass: Vec<f64>,
}

impl World {
    fn new(parameters: &Parameters) -> Self {
        let cosmology = Cosmology::flat_lcdm(parameters.omega_m);
        let distance_max = cosmology.comoving_distance_mpc_h(parameters.redshift_max);
        let footprint = Footprint::new(parameters.area_deg2, parameters.seed);
        let structure = Structure::new(parameters.seed, parameters.cell_volume_mpc_h3, &footprint, distance_max);
        // A void reaches about as far from its nucleus as the nuclei are apart; beyond 1.5 times that no galaxy asks.
        let reach = 1.5 * parameters.cell_volume_mpc_h3.cbrt();
        let voids = true_voids(&structure, parameters.seed, 2.0 * parameters.wall_thickness_mpc_h, |nucleus| {
            footprint.is_near(nucleus, reach, distance_max)
        });
        let mut void_of_nucleus = vec![u32::MAX; structure.nuclei.len()];
        for (index, void) in voids.iter().enumerate() {
            void_of_nucleus[void.nucleus as usize] = index as u32;
        }
        let masses = MassTable::new();
        let reach = distance_max + 2.0 * DRIFT_MPC_H;
        let redshift_step_mpc_h = reach / REDSHIFT_STEPS as f64;
        let redshifts: Vec<f64> = (0..REDSHIFT_STEPS + 2)
            .map(|step| cosmology.redshift_at_mpc_h(step as f64 * redshift_step_mpc_h))
            .collect();
        let mut world = Self {
            parameters: parameters.clone(),
            footprint,
            structure,
            voids,
            void_of_nucleus,
            masses,
            distances: DistanceTable { cumulative: Vec::new(), step_mpc_h: 0.0, least_log_mass: Vec::new() },
            redshifts,
            redshift_step_mpc_h,
            distance_max,
            expected: 0.0,
        };
        world.fill_distances();
        world
    }

    fn fill_distances(&mut self) {
        let step_mpc_h = (self.distance_max + DRIFT_MPC_H) / DISTANCE_STEPS as f64;
        let mut cumulative = vec![0.0];
        let mut least_log_mass = Vec::with_capacity(DISTANCE_STEPS);
        let mut sum = 0.0;
        for step in 0..DISTANCE_STEPS {
            let distance = (step as f64 + 0.5) * step_mpc_h;
            let least = population::least_log_mass(self.parameters.r_limit - self.least_modulus(distance));
            let solid_angle: f64 = self
                .footprint
                .caps
                .iter()
                .map(|cap| cap.grown(pad_deg(distance)).area_deg2() / (180.0 / std::f64::consts::PI).powi(2))
                .sum();
            if distance > NEAREST_MPC_H {
                sum += distance * distance * step_mpc_h * solid_angle * self.masses.density_above(least);
            }
            cumulative.push(sum);
            least_log_mass.push(least);
        }
        self.expected = sum;
        self.distances = DistanceTable { cumulative, step_mpc_h, least_log_mass };
    }

    fn redshift_at(&self, distance_mpc_h: f64) -> f64 {
        let place = distance_mpc_h / self.redshift_step_mpc_h;
        let bin = (place as usize).min(self.redshifts.len() - 2);
        self.redshifts[bin] + (place - bin as f64) * (self.redshifts[bin + 1] - self.redshifts[bin])
    }

    /// Least magnitudes between absolute and apparent for a galaxy drawn at a distance, wherever it moves.
    fn least_modulus(&self, distance_mpc_h: f64) -> f64 {
        let near = (distance_mpc_h - DRIFT_MPC_H).max(0.5 * distance_mpc_h).max(1.0);
        let redshift = self.redshift_at(near);
        let k = population::k_correction_r(redshift, 0.0).min(population::k_correction_r(redshift, 1.0));
        modulus(near, redshift) + k - 0.05
    }

    /// The galaxies and (accepted in the trials made), trials.
    #[allow(clippy::type_complexity)]
    fn galaxies(&self) -> Result<((Vec<Galaxy>, usize), u64), DesiError> {
        let wanted = self.parameters.galaxies;
        let mut galaxies = Vec::with_capacity(wanted);
        let (mut block, mut accepted) = (0_u64, 0);
        while galaxies.len() < wanted {
            let round: Vec<Vec<Galaxy>> =
                (block..block + ROUND).into_par_iter().map(|block| self.one_block(block)).collect();
            block += ROUND;
            for found in round {
                accepted += found.len();
                galaxies.extend(found);
            }
            let trials = block * BLOCK as u64;
            if trials > 2_000 * (wanted as u64 + 10_000) {
                return Err(DesiError::Sparse { galaxies: wanted, placed: galaxies.len(), trials });
            }
        }
        galaxies.truncate(wanted);
        number(&mut galaxies);
        Ok(((galaxies, accepted), block * BLOCK as u64))
    }

    fn one_block(&self, block: u64) -> Vec<Galaxy> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.parameters.seed);
        rng.set_stream(streams::GALAXIES + block);
        (0..BLOCK).filter_map(|_| self.one_trial(&mut rng)).collect()
    }

    fn one_trial(&self, rng: &mut ChaCha8Rng) -> Option<Galaxy> {
        let (distance, least_log_mass) = self.draw_distance(rng);
        let log_mass = self.masses.mass_at(self.masses.density_above(least_log_mass) * rng.random::<f64>());
        let draws = Draws::new(rng);
        // Blue galaxies are the brightest of their mass: what fails here cannot be seen wherever it moves.
        let brightest = draws.intrinsic(log_mass, false).absolute_r.min(draws.intrinsic(log_mass, true).absolute_r);
        if brightest + self.least_modulus(distance) > self.parameters.r_limit {
            return None;
        }
        let start = self.draw_place(distance, rng);
        let (place, nucleus) = self.settle(start, rng)?;
        let (ra_deg, dec_deg) = sphere::ra_dec_deg(place);
        let cap = self.footprint.cap_at(ra_deg, dec_deg)?;
        let distance = dot(place, place).sqrt();
        if !(NEAREST_MPC_H..=self.distance_max).contains(&distance) {
            return None;
        }
        let void = Some(self.void_of_nucleus[nucleus as usize])
            .filter(|&index| index != u32::MAX && self.voids[index as usize].contains(place));
        let shift = if void.is_some() { self.parameters.void_mass_shift_dex } else { 0.0 };
        let log_mass = log_mass + shift;
        let quenched = draws.quenched(log_mass, void.is_some(), self.parameters.environment_effect);
        let intrinsic = draws.intrinsic(log_mass, quenched);
        let redshift = self.redshift_at(distance);
        let k = population::k_correction_r(redshift, intrinsic.colour);
        let apparent_r = intrinsic.absolute_r + modulus(distance, redshift) + k + 0.01 * normal(rng);
        if apparent_r > self.parameters.r_limit {
            return None;
        }
        let log_sfr = draws.log_sfr(&intrinsic, redshift, &self.parameters);
        let break_strength = population::dn4000(log_sfr - log_mass, log_mass, normal(rng));
        let velocity = normal(rng) * self.parameters.velocity_dispersion_km_s;
        let measured = normal(rng) * self.parameters.redshift_error_km_s;
        let faintness = (apparent_r - 17.5).max(0.0);
        let mut measure = |truth: f64, error: f64| [(truth + error * normal(rng)) as f32, error as f32];
        Some(Galaxy {
            target_id: 0,
            ra_deg,
            dec_deg,
            redshift: redshift + (1.0 + redshift) * (velocity + measured) / SPEED_OF_LIGHT_KM_S,
            true_redshift: redshift,
            position_mpc_h: place,
            cap,
            environment: if void.is_some() { Environment::Void } else { Environment::Wall },
            void,
            nucleus,
            quenched,
            true_log_mass: log_mass as f32,
            true_log_sfr: log_sfr as f32,
            true_dn4000: break_strength as f32,
            colour: intrinsic.colour as f32,
            absolute_r: intrinsic.absolute_r as f32,
            k_correction_r: k as f32,
            apparent_r: apparent_r as f32,
            log_mass: measure(log_mass, 0.05 + 0.02 * faintness),
            log_sfr: measure(log_sfr, 0.12 + 0.04 * faintness),
            dn4000: measure(break_strength, 0.02 + 0.02 * faintness),
        })
    }

    fn draw_distance(&self, rng: &mut ChaCha8Rng) -> (f64, f64) {
        let table = &self.distances;
        let target = rng.random::<f64>() * self.expected;
        let bin = table.cumulative.partition_point(|&sum| sum <= target).clamp(1, DISTANCE_STEPS);
        let (low, high) = (table.cumulative[bin - 1], table.cumulative[bin]);
        let fraction = if high > low { (target - low) / (high - low) } else { 0.5 };
        (((bin - 1) as f64 + fraction) * table.step_mpc_h, table.least_log_mass[bin - 1])
    }

    fn draw_place(&self, distance_mpc_h: f64, rng: &mut ChaCha8Rng) -> [f64; 3] {
        let caps = self.footprint.caps.map(|cap| cap.grown(pad_deg(distance_mpc_h)));
        let areas = caps.map(|cap| cap.area_deg2());
        let cap = if rng.random::<f64>() * (areas[0] + areas[1]) < areas[0] { &caps[0] } else { &caps[1] };
        let (ra_deg, sin_dec) = uniform_in(cap, rng);
        sphere::position_mpc_h(ra_deg, sin_dec.asin().to_degrees(), distance_mpc_h)
    }

    /// Moves a galaxy to its wall, filament or node; returns its place and the cell it ends in.
    fn settle(&self, start: [f64; 3], rng: &mut ChaCha8Rng) -> Option<([f64; 3], u32)> {
        let nucleus = self.structure.cell_of(start)?;
        let lots: [f64; 3] = rng.random();
        if lots[0] < self.parameters.field_fraction {
            return Some((start, nucleus));
        }
        let on_filament = lots[1] < self.parameters.filament_fraction;
        let on_node = on_filament && lots[2] < self.parameters.node_fraction;
        let place = self.structure.move_out(nucleus, start, 1 + u8::from(on_filament) + u8::from(on_node));
        let thickness = self.parameters.wall_thickness_mpc_h;
        let place = place.map(|x| x + thickness * normal(rng));
        Some((place, self.structure.cell_of(place)?))
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    rng.sample(StandardNormal)
}

/// Distance modulus for h = 1.
fn modulus(distance_mpc_h: f64, redshift: f64) -> f64 {
    5.0 * (distance_mpc_h * (1.0 + redshift)).log10() + 25.0
}

/// Angle by which a galaxy at a distance may move, degrees.
fn pad_deg(distance_mpc_h: f64) -> f64 {
    (DRIFT_MPC_H / distance_mpc_h.max(DRIFT_MPC_H)).min(0.7).asin().to_degrees()
}

/// DESI's target identifiers hold OBJID (22 bits), BRICKID (20), RELEASE (16) and flags; bit 58 says simulated
/// (Myers et al. 2023, 2023AJ....165...50M). Here the brick is the nside 64 nested pixel and OBJID counts within it.
fn number(galaxies: &mut [Galaxy]) {
    let mut counts = vec![0_i64; astro::healpix::cell_count(6) as usize];
    for galaxy in galaxies {
        let pixel = HealpixCell::at(6, galaxy.ra_deg, galaxy.dec_deg).index as usize;
        galaxy.target_id = (1 << 58) | ((pixel as i64) << 22) | counts[pixel];
        counts[pixel] += 1;
    }
}
