//! Placing galaxies in a survey and classifying them by four algorithms of the size of DESIVAST.
//!
//! `cargo bench -p voids --bench classify`
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../examples/classify_growth/synthetic.rs"]
mod synthetic;

use divan::Bencher;
use voids::classify::{ClassifySettings, classify_all};

const SIZES: [usize; 2] = [100_000, 1_600_000];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn place(bencher: Bencher<'_, '_>, n: usize) {
    let (sky, galaxies) = (synthetic::sky(), synthetic::galaxies(n).unwrap());
    bencher.bench(|| galaxies.place(synthetic::OMEGA_M, &sky.survey, 10.0));
}

#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn four_algorithms(bencher: Bencher<'_, '_>, n: usize) {
    let (sky, galaxies) = (synthetic::sky(), synthetic::galaxies(n).unwrap());
    let placed = galaxies.place(synthetic::OMEGA_M, &sky.survey, 10.0);
    bencher.bench(|| classify_all(&placed, &sky.catalogues, &ClassifySettings::default()).unwrap());
}
