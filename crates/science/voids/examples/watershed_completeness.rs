//! Completeness and purity of the watershed voids: cavities carved into Poisson points, as a Markdown table.
//!
//! `cargo run --release -p voids --example watershed_completeness`
//!
//! A periodic box of 100 Mpc/h with 8,000 Poisson points (mean separation 5) and one empty sphere at a random place,
//! 40 boxes a radius. The cavity counts as found when a void larger than it has its centre within half its radius.
//! False voids are those as large as the smallest that was found, in boxes without a cavity.
#![allow(clippy::print_stdout)]

use archive::Quiet;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use voids::watershed::{Pruning, Region, Settings, Void, Watershed, WatershedError, find};

const SIDE: f64 = 100.0;
const POINTS: usize = 8000;
const SEPARATION: f64 = 5.0;
const BOXES: u64 = 40;
const BOX: Region<'static> = Region::Periodic { low: [0.0; 3], high: [SIDE; 3] };

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    let along = |k: usize| {
        let d = (a[k] - b[k]).abs();
        d.min(SIDE - d)
    };
    (0..3).map(|k| along(k).powi(2)).sum::<f64>().sqrt()
}

fn cavity_box(seed: u64, radius: f64) -> Result<(Watershed<'static>, [f64; 3]), WatershedError> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut place = || -> [f64; 3] { std::array::from_fn(|_| SIDE * rng.random::<f64>()) };
    let centre = place();
    let points: Vec<[f64; 3]> = (0..POINTS).map(|_| place()).filter(|p| distance(*p, centre) > radius).collect();
    Ok((find(&points, BOX, &Quiet)?, centre))
}

fn voids(watershed: &Watershed<'_>, pruning: Pruning) -> Vec<Void> {
    watershed.voids(pruning, &Settings { min_radius_mpc_h: SEPARATION, ..Settings::default() })
}

fn main() -> Result<(), WatershedError> {
    println!("| radius / separation | pruning | found | R_eff / radius | offset / radius | false voids a box |");
    println!("|---|---|---|---|---|---|");
    for ratio in [1.0, 1.5, 2.0, 2.5, 3.0, 4.0] {
        let radius = ratio * SEPARATION;
        let boxes = (0..BOXES).map(|seed| cavity_box(seed, radius)).collect::<Result<Vec<_>, _>>()?;
        let empty = (0..BOXES).map(|seed| cavity_box(1000 + seed, 0.0)).collect::<Result<Vec<_>, _>>()?;
        for pruning in [Pruning::Vide, Pruning::Zobov, Pruning::Zobov2, Pruning::Revolver] {
            let mut found: Vec<(f64, f64)> = Vec::new();
            for (watershed, centre) in &boxes {
                let nearest = voids(watershed, pruning)
                    .into_iter()
                    .filter(|void| void.radius_mpc_h > radius)
                    .map(|void| (distance(void.centre_mpc_h, *centre), void.radius_mpc_h))
                    .min_by(|a, b| a.0.total_cmp(&b.0));
                found.extend(nearest.filter(|(offset, _)| *offset < radius / 2.0));
            }
            let n = found.len() as f64;
            let smallest = found.iter().map(|f| f.1).fold(f64::INFINITY, f64::min);
            let large = |w: &Watershed<'_>| voids(w, pruning).iter().filter(|v| v.radius_mpc_h >= smallest).count();
            let wrong = empty.iter().map(|(watershed, _)| large(watershed)).sum::<usize>() as f64 / BOXES as f64;
            let mean = |of: fn(&(f64, f64)) -> f64| match found.len() {
                0 => "-".to_owned(),
                _ => format!("{:.2}", found.iter().map(of).sum::<f64>() / n / radius),
            };
            let share = n / BOXES as f64;
            println!("| {ratio} | {pruning:?} | {share:.2} | {} | {} | {wrong:.1} |", mean(|f| f.1), mean(|f| f.0));
        }
    }
    Ok(())
}
