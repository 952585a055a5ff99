//! How classification grows from 1e5 to 6.4e6 galaxies against void catalogues of the size of DESIVAST (102k holes,
//! 695k tracers, four algorithms), as a Markdown table.
//!
//! `cargo run --release -p voids --example classify_growth`
//!
//! Times are those of placing the galaxies in space and classifying them by the four algorithms, indexes included.
//! CPU time and peak memory come from Linux's `/proc`; elsewhere those columns say "-".
#![allow(clippy::print_stdout)]

mod synthetic;

use std::error::Error;
use std::time::Instant;

use voids::classify::{ClassifySettings, classify_all};

/// CPU seconds of this process so far.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Fields 14 and 15 counted from 1; the name in parentheses may hold spaces. Linux counts in hundredths.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields.get(field).and_then(|ticks| ticks.parse::<f64>().ok());
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Peak resident memory since it was last forgotten, MiB.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

fn shown(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.decimals$}"))
}

fn main() -> Result<(), Box<dyn Error>> {
    let sky = synthetic::sky();
    let settings = ClassifySettings::default();
    println!("| galaxies | inside the survey | placing, s | classifying, s | CPU, s | peak memory, MiB |");
    println!("|---:|---:|---:|---:|---:|---:|");
    for count in [100_000, 400_000, 1_600_000, 6_400_000] {
        let galaxies = synthetic::galaxies(count)?;
        // Where this is refused the peak is that of the run so far, which the largest sample sets anyway.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        let (before, start) = (cpu_seconds(), Instant::now());
        let placed = galaxies.place(synthetic::OMEGA_M, &sky.survey, settings.boundary_margin_mpc_h);
        let placing = start.elapsed().as_secs_f64();
        let found = classify_all(&placed, &sky.catalogues, &settings)?;
        let total = start.elapsed().as_secs_f64();
        let cpu = before.zip(cpu_seconds()).map(|(before, after)| after - before);
        let inside = found.first().map_or(0, |by_holes| by_holes.counts().inside());
        println!(
            "| {count} | {inside} | {placing:.2} | {:.2} | {} | {} |",
            total - placing,
            shown(cpu, 2),
            shown(peak_mib(), 0)
        );
    }
    Ok(())
}
