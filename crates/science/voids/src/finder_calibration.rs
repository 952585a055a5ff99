//! Do the finders find what is there, and nothing else? Cavities carved into Poisson points, and Poisson points alone.
//!
//! Poisson points have no structure, so that every void among them is false, and an empty sphere carved out of them is the
//! one true void of its box. Real voids are not quite empty and not round: this is the easiest case, and an upper bound.

use archive::{Progress, Quiet};
use astro::statistics::{Interval, mean, standard_deviation, wilson_interval};
use desi::desivast::{Algorithm, BoxLimits, BoxVoids};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::finders::{BoxSettings, FinderError, find_voids_in_box};
use crate::galaxies::BoxTable;
use crate::union_volume::union_volume;

/// The boxes.
#[derive(Debug, Clone, PartialEq)]
pub struct FinderPlan {
    /// Boxes of each kind.
    pub boxes: u64,
    /// Points of a box before the cavity is carved.
    pub points: usize,
    /// Mean volume of a point, (Mpc/h)^3.
    pub volume_of_point_mpc_h3: f64,
    /// Radii of the cavities, Mpc/h.
    pub radii_mpc_h: Vec<f64>,
    /// Voids are larger than this, Mpc/h.
    pub least_radius_mpc_h: f64,
    /// Seed of the points.
    pub seed: u64,
}

impl Default for FinderPlan {
    /// The density and the smallest void of SDSS DR7 and DESIVAST.
    fn default() -> Self {
        Self {
            boxes: 40,
            points: 8_000,
            volume_of_point_mpc_h3: 180.0,
            radii_mpc_h: vec![6.0, 8.0, 10.0, 12.0, 15.0, 20.0],
            least_radius_mpc_h: 10.0,
            seed: 1,
        }
    }
}

impl FinderPlan {
    /// Side of a box, Mpc/h.
    #[must_use]
    pub fn side_mpc_h(&self) -> f64 {
        (self.volume_of_point_mpc_h3 * self.points as f64).cbrt()
    }

    /// Mean separation of the points, Mpc/h.
    #[must_use]
    pub fn separation_mpc_h(&self) -> f64 {
        self.volume_of_point_mpc_h3.cbrt()
    }
}

/// How one algorithm does with cavities of one radius.
#[derive(Debug, Clone, PartialEq)]
pub struct FinderScore {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Radius of the cavities, Mpc/h.
    pub radius_mpc_h: f64,
    /// Share of the cavities that were found: a void of at least their radius has its centre within half of it.
    pub completeness: f64,
    /// Its 95 % Wilson interval.
    pub completeness_range: Interval,
    /// Mean R_eff over the cavity's radius, of those found.
    pub radius_ratio: Option<f64>,
    /// Mean distance of the centres over the cavity's radius, of those found.
    pub offset_ratio: Option<f64>,
    /// Voids of at least the cavity's radius in a box that has none.
    pub false_voids: f64,
    /// Its standard error.
    pub false_voids_error: f64,
}

impl FinderScore {
    /// Share of true voids among those of at least this radius where every box has one cavity; `None` without any void.
    #[must_use]
    pub fn purity(&self) -> Option<f64> {
        let all = self.completeness + self.false_voids;
        (all > 0.0).then(|| self.completeness / all)
    }
}

/// Centre and effective radius of a void, Mpc/h.
type FoundVoid = ([f64; 3], f64);

/// Runs the finders on every box; the boxes are worked on side by side, the answer does not depend on that.
///
/// # Errors
/// A box that a finder cannot use: too few points.
pub fn calibrate_finders(
    plan: &FinderPlan,
    algorithms: &[Algorithm],
    progress: &dyn Progress,
) -> Result<Vec<FinderScore>, FinderError> {
    progress.begin("boxes", (plan.radii_mpc_h.len() as u64 + 1) * plan.boxes, "boxes");
    let run = |cavity: Option<f64>| -> Result<Vec<SearchedBox>, FinderError> {
        (0..plan.boxes)
            .into_par_iter()
            .map(|number| {
                let searched = search(plan, number, cavity, algorithms);
                progress.advance(1);
                searched
            })
            .collect()
    };
    let empty = run(None)?;
    let mut scores = Vec::new();
    for &radius in &plan.radii_mpc_h {
        let carved = run(Some(radius))?;
        for (place, &algorithm) in algorithms.iter().enumerate() {
            scores.push(score(plan, (algorithm, place), radius, (&carved, &empty)));
        }
    }
    progress.end();
    Ok(scores)
}

/// One box: where its cavity is, and the voids by algorithm.
struct SearchedBox {
    centre: [f64; 3],
    voids: Vec<Vec<FoundVoid>>,
}

fn search(
    plan: &FinderPlan,
    number: u64,
    cavity_mpc_h: Option<f64>,
    algorithms: &[Algorithm],
) -> Result<SearchedBox, FinderError> {
    let side = plan.side_mpc_h();
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    // The box without a cavity is another one, so that the two experiments are independent.
    random.set_stream(2 * number + u64::from(cavity_mpc_h.is_none()));
    let mut place = || -> [f64; 3] { std::array::from_fn(|_| side * random.random::<f64>()) };
    let centre = place();
    let kept = |point: &[f64; 3]| cavity_mpc_h.is_none_or(|radius| separation(*point, centre, side) >= radius);
    let positions_mpc_h: Vec<[f64; 3]> = (0..plan.points).map(|_| place()).filter(kept).collect();
    let galaxies = BoxTable { positions_mpc_h, ..BoxTable::default() };
    let settings = BoxSettings {
        limits: BoxLimits { low_mpc_h: [0.0; 3], high_mpc_h: [side; 3], periodic: true },
        magnitude_limit: None,
        least_radius_mpc_h: plan.least_radius_mpc_h,
        surfaces: false,
        seed: plan.seed,
    };
    let found = find_voids_in_box(&galaxies, algorithms, &settings, &Quiet)?;
    // The finders answer in the order of `Algorithm`.
    let mut voids = vec![Vec::new(); algorithms.len()];
    for one in found {
        let (algorithm, list) = voids_of(one.catalogue.voids);
        if let Some(place) = algorithms.iter().position(|asked| *asked == algorithm) {
            voids[place] = list;
        }
    }
    Ok(SearchedBox { centre, voids })
}

fn voids_of(voids: BoxVoids) -> (Algorithm, Vec<FoundVoid>) {
    match voids {
        BoxVoids::Spheres { maximals, holes } => {
            let radius = |void: i64| {
                let spheres: Vec<([f64; 3], f64)> = holes
                    .iter()
                    .filter(|hole| hole.void == void)
                    .map(|hole| (hole.centre_mpc_h, hole.radius_mpc_h))
                    .collect();
                union_volume(&spheres, 1, 0).effective_radius_mpc_h().0
            };
            let void = |maximal: desi::desivast::Maximal| {
                (maximal.centre_mpc_h, maximal.r_eff_mpc_h.unwrap_or_else(|| radius(maximal.void)))
            };
            (Algorithm::VoidFinder, maximals.into_iter().map(void).collect())
        }
        BoxVoids::Zones { algorithm, voids, .. } => {
            (algorithm, voids.into_iter().map(|void| (void.centre_mpc_h, void.radius_mpc_h)).collect())
        }
    }
}

/// Distance through the nearest image.
fn separation(a: [f64; 3], b: [f64; 3], side: f64) -> f64 {
    let along = |k: usize| {
        let straight = (a[k] - b[k]).abs() % side;
        straight.min(side - straight)
    };
    (0..3).map(|k| along(k).powi(2)).sum::<f64>().sqrt()
}

fn score(
    plan: &FinderPlan,
    (algorithm, place): (Algorithm, usize),
    radius_mpc_h: f64,
    (carved, empty): (&[SearchedBox], &[SearchedBox]),
) -> FinderScore {
    let side = plan.side_mpc_h();
    let nearest = |searched: &SearchedBox| {
        let large = searched.voids[place].iter().filter(|(_, r_eff)| *r_eff >= radius_mpc_h);
        let placed = large.map(|(centre, r_eff)| (separation(*centre, searched.centre, side), *r_eff));
        placed.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|(offset, _)| *offset <= 0.5 * radius_mpc_h)
    };
    let found: Vec<(f64, f64)> = carved.iter().filter_map(nearest).collect();
    let (n, boxes) = (found.len() as f64, carved.len() as f64);
    let of_radius = |values: Vec<f64>| mean(&values).map(|mean| mean / radius_mpc_h);
    let wrong: Vec<f64> = empty
        .iter()
        .map(|searched| searched.voids[place].iter().filter(|(_, r_eff)| *r_eff >= radius_mpc_h).count() as f64)
        .collect();
    let spread = standard_deviation(&wrong).unwrap_or_default();
    FinderScore {
        algorithm,
        radius_mpc_h,
        completeness: n / boxes.max(1.0),
        completeness_range: wilson_interval(n, boxes, 0.95).unwrap_or(Interval { low: 0.0, high: 1.0 }),
        radius_ratio: of_radius(found.iter().map(|void| void.1).collect()),
        offset_ratio: of_radius(found.iter().map(|void| void.0).collect()),
        false_voids: mean(&wrong).unwrap_or_default(),
        false_voids_error: spread / boxes.max(1.0).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_large_cavity_is_found_and_the_table_is_the_same_on_any_number_of_threads() {
        let plan = FinderPlan { boxes: 3, points: 2_000, radii_mpc_h: vec![20.0], ..FinderPlan::default() };
        let algorithms = [Algorithm::VoidFinder, Algorithm::Vide];
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| calibrate_finders(&plan, &algorithms, &Quiet).unwrap())
        };
        let scores = run(1);
        assert_eq!(scores, run(3));
        let spheres = &scores[0];
        assert_eq!((spheres.algorithm, spheres.completeness), (Algorithm::VoidFinder, 1.0));
        assert!(spheres.radius_ratio.unwrap() > 1.0 && spheres.offset_ratio.unwrap() < 0.3, "{spheres:?}");
        assert!(spheres.purity().unwrap() > 0.5, "{spheres:?}");
    }

    #[test]
    fn a_void_too_small_or_too_far_is_not_the_cavity() {
        let plan = FinderPlan::default();
        let searched = |offset: f64, radius: f64| SearchedBox {
            centre: [1.0; 3],
            voids: vec![vec![([1.0 + offset, 1.0, 1.0], radius)]],
        };
        let of = |boxes: &[SearchedBox]| score(&plan, (Algorithm::Vide, 0), 10.0, (boxes, boxes)).completeness;
        assert_eq!(of(&[searched(4.0, 12.0), searched(6.0, 12.0), searched(0.0, 9.0), searched(-4.0, 10.0)]), 0.5);
        // Across a face.
        assert_eq!(of(&[searched(plan.side_mpc_h() - 3.0, 12.0)]), 1.0);
    }
}
