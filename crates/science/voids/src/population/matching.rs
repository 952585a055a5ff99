//! Control samples: for each void galaxy the wall galaxy nearest in mass and redshift.
//!
//! Greedy, without replacement, void galaxies taken in order of TARGETID, ties by TARGETID: the pairs do not depend on
//! the order of the rows. Distance is Euclidean in units of the two calipers, at most 1.

use std::collections::HashMap;

use astro::statistics::{
    bootstrap, jackknife, permutation_p_value, sign_flip_p_value, standard_deviation, student_t_interval,
};
use rand::RngExt;
use rand_distr::{Binomial, Distribution};

use super::{Effect, EffectSettings, PopulationError, Sample};

/// Cells of the search grid per caliper.
const CELLS: f64 = 8.0;

/// How near a control has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchSettings {
    /// Greatest difference of log mass, dex.
    pub log_mass: f64,
    /// Greatest difference of redshift.
    pub redshift: f64,
}

impl Default for MatchSettings {
    fn default() -> Self {
        Self { log_mass: 0.1, redshift: 0.01 }
    }
}

/// A matched control sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Rows of the sample: (void galaxy, its control in a wall).
    pub pairs: Vec<(usize, usize)>,
    /// Void galaxies with mass for which no control was left.
    pub unmatched: usize,
}

/// Matches each void galaxy that has a mass with a wall galaxy.
///
/// # Errors
/// A mask of another length, or a caliper that is not positive.
pub fn match_controls(
    sample: &Sample,
    in_void: &[Option<bool>],
    settings: &MatchSettings,
) -> Result<Matched, PopulationError> {
    sample.check_mask("in_void", in_void)?;
    for (name, value) in [("caliper in log mass", settings.log_mass), ("caliper in redshift", settings.redshift)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(PopulationError::Setting { name, value, expected: "positive" });
        }
    }
    let columns = sample.columns();
    let place = |row: usize| {
        Some([columns.log_mass[row]? / settings.log_mass * CELLS, columns.redshift[row] / settings.redshift * CELLS])
    };
    let mut grid: HashMap<[i64; 2], Vec<usize>> = HashMap::new();
    for row in (0..sample.len()).filter(|row| in_void[*row] == Some(false)) {
        if let Some([x, y]) = place(row) {
            grid.entry([x.floor() as i64, y.floor() as i64]).or_default().push(row);
        }
    }
    let mut voids: Vec<usize> = (0..sample.len()).filter(|row| in_void[*row] == Some(true)).collect();
    voids.sort_unstable_by_key(|row| (columns.target_id[*row], *row));
    let mut matched = Matched { pairs: Vec::new(), unmatched: 0 };
    for row in voids {
        let Some(at) = place(row) else { continue };
        let Some((cell, slot)) = nearest(&grid, at, &|row| place(row).unwrap_or(at), &columns.target_id) else {
            matched.unmatched += 1;
            continue;
        };
        if let Some(members) = grid.get_mut(&cell) {
            matched.pairs.push((row, members.swap_remove(slot)));
        }
    }
    Ok(matched)
}

/// The cell and slot of the nearest free control within one caliper, searched ring by ring.
fn nearest(
    grid: &HashMap<[i64; 2], Vec<usize>>,
    at: [f64; 2],
    place: &dyn Fn(usize) -> [f64; 2],
    target: &[i64],
) -> Option<([i64; 2], usize)> {
    let centre = at.map(|x| x.floor() as i64);
    let mut best: Option<((f64, i64), [i64; 2], usize)> = None;
    for ring in 0..=(CELLS as i64) {
        // A control in this ring is at least ring - 1 cells away.
        let reach = (ring - 1).max(0) as f64;
        if best.as_ref().is_some_and(|((distance, _), ..)| *distance < reach * reach) {
            break;
        }
        for dx in -ring..=ring {
            let step = if dx.abs() == ring { 1 } else { (2 * ring).max(1) };
            let mut dy = -ring;
            while dy <= ring {
                let cell = [centre[0] + dx, centre[1] + dy];
                for (slot, row) in grid.get(&cell).into_iter().flatten().enumerate() {
                    let [x, y] = place(*row);
                    let key = ((x - at[0]).powi(2) + (y - at[1]).powi(2), target[*row]);
                    if key.0 <= CELLS * CELLS && best.as_ref().is_none_or(|(least, ..)| key < *least) {
                        best = Some((key, cell, slot));
                    }
                }
                dy += step;
            }
        }
    }
    best.map(|(_, cell, slot)| (cell, slot))
}

/// The effect (wall minus void) by matched pairs; the p-value by permutation inside pairs. Pairs with a missing
/// measurement are left out; weights are not used. A pair belongs to the region of its void galaxy.
///
/// # Errors
/// A mask of another length, no usable pair, or fewer than two regions.
pub fn matched_effect(
    sample: &Sample,
    matched: &Matched,
    quenched: &[Option<bool>],
    settings: &EffectSettings,
) -> Result<Effect, PopulationError> {
    sample.check_mask("quenched", quenched)?;
    // Per region: pairs, pairs with only the wall galaxy quenched, pairs with only the void galaxy quenched.
    let mut by_region = vec![[0_u64; 3]; sample.regions()];
    for (void, wall) in &matched.pairs {
        if let (Some(void_state), Some(wall_state)) = (quenched[*void], quenched[*wall]) {
            let counts = &mut by_region[sample.region()[*void] as usize];
            counts[0] += 1;
            counts[1] += u64::from(wall_state && !void_state);
            counts[2] += u64::from(void_state && !wall_state);
        }
    }
    by_region.retain(|counts| counts[0] > 0);
    let sum = |which: usize| by_region.iter().map(|counts| counts[which]).sum::<u64>();
    let (pairs, wall_only, void_only) = (sum(0), sum(1), sum(2));
    if pairs == 0 {
        let (what, whom) = ("the effect by matched pairs", "matched pairs with a measurement");
        return Err(PopulationError::TooFew { what, whom, found: 0, needed: 1 });
    }
    let ratio = |pairs: u64, wall: u64, void: u64| (wall as f64 - void as f64) / pairs as f64;
    let value = ratio(pairs, wall_only, void_only);
    let regions = by_region.len();
    let error = jackknife(regions, |r| {
        let [without_pairs, wall, void] = by_region[r];
        vec![if pairs > without_pairs {
            ratio(pairs - without_pairs, wall_only - wall, void_only - void)
        } else {
            value
        }]
    })?
    .errors()
    .first()
    .copied()
    .unwrap_or_default();
    let drawn = bootstrap(settings.bootstraps, settings.seed ^ 5, |rng| {
        let drawn = (0..regions).fold([0; 3], |mut sum, _| {
            let counts = by_region[rng.random_range(0..regions)];
            (0..3).for_each(|k| sum[k] += counts[k]);
            sum
        });
        ratio(drawn[0], drawn[1], drawn[2])
    });
    let discordant = wall_only + void_only;
    let null = bootstrap(settings.permutations, settings.seed ^ 4, |rng| {
        let wall = Binomial::new(discordant, 0.5).map_or(0, |binomial| binomial.sample(rng));
        ratio(pairs, wall, discordant - wall)
    });
    let contributions: Vec<f64> = by_region.iter().map(|counts| counts[1] as f64 - counts[2] as f64).collect();
    Ok(Effect {
        value,
        error,
        error_galaxies: (discordant as f64 / pairs as f64 - value * value).max(0.0).sqrt() / (pairs as f64).sqrt(),
        error_regions: standard_deviation(&drawn).unwrap_or_default(),
        interval_68: student_t_interval(value, error, 0.682_689, regions - 1),
        interval_95: student_t_interval(value, error, 0.954_500, regions - 1),
        p_permutation: permutation_p_value(value, &null),
        p_regions: sign_flip_p_value(&contributions, settings.permutations, settings.seed ^ 1)?,
        void_galaxies: pairs,
        wall_galaxies: pairs,
        regions,
    })
}
