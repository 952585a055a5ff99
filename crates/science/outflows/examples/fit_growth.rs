//! What fits cost: CPU milliseconds a spectrum by stage, and how that grows with the number of spectra.
//!
//! `cargo run --release -p outflows --example fit_growth -- TEMPLATES FILE...`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};

use desi::spectra::SpectrumFile;
use outflows::Spectrum;
use outflows::continuum::{ContinuumSettings, Templates};
use outflows::extinction::correct_for_dust;
use outflows::lines::LineList;
use outflows::measure::{FitPlan, fit_quasar};
use rayon::prelude::*;

/// CPU seconds of this process, all threads.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Fields 14 and 15 of the whole line, in ticks of a hundredth.
    (after_name[11].parse::<f64>().unwrap() + after_name[12].parse::<f64>().unwrap()) / 100.0
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let templates = Templates::read(Path::new(&arguments.next().unwrap())).unwrap();
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let mut spectra: Vec<(Spectrum, f64)> = Vec::new();
    for path in &files {
        let file = SpectrumFile::open(path).unwrap();
        for row in 0..file.len() {
            let mut spectrum = file.spectrum(row).unwrap();
            let Some(redshift) = spectrum.redshift else { continue };
            correct_for_dust(&mut spectrum);
            spectra.push((spectrum, redshift));
        }
    }
    let (all, none) = (LineList::default_list().unwrap(), LineList { complex: Vec::new() });
    let fit = |n: usize, lines: &LineList, draws: usize| {
        let plan = FitPlan {
            templates: &templates,
            lines,
            continuum: ContinuumSettings::default(),
            thorough: false,
            draws,
            seed: 1,
        };
        let (before, started) = (cpu_seconds(), std::time::Instant::now());
        let fitted = (0..n)
            .into_par_iter()
            .filter(|at| {
                let (spectrum, redshift) = &spectra[at % spectra.len()];
                fit_quasar(spectrum, *redshift, &plan).is_ok()
            })
            .count();
        (fitted, 1e3 * (cpu_seconds() - before) / n as f64, started.elapsed().as_secs_f64())
    };
    let pixels = spectra.iter().map(|(spectrum, _)| spectrum.n_good()).sum::<usize>() / spectra.len();
    println!("{} spectra of {pixels} good pixels in the mean, CPU milliseconds a spectrum", spectra.len());
    let n = spectra.len().max(200);
    println!("continuum with covariance        {:8.2}", fit(n, &none, 0).1);
    for complex in &all.complex {
        let one = LineList { complex: vec![complex.clone()] };
        println!("continuum and {:18} {:8.2}", complex.name, fit(n, &one, 0).1);
    }
    println!("all, errors from the covariance  {:8.2}", fit(n, &all, 0).1);
    println!("all, errors from 100 draws       {:8.2}", fit(n.min(60), &all, 100).1);
    for n in [10, 100, 1_000] {
        let (fitted, cpu, wall) = fit(n, &all, 0);
        println!(
            "{n:5} spectra: {fitted} fitted, {cpu:.2} CPU ms a spectrum, {wall:.2} s on {} threads",
            rayon::current_num_threads()
        );
    }
}
