//! Reading and combining coadds, and simulating quasars: `cargo bench -p desi --bench spectra`.
#![allow(clippy::unwrap_used, missing_docs)]

use desi::simulate::{QuasarParameters, QuasarSky};
use desi::spectra::{CoaddFile, combine_arms};
use divan::{Bencher, counter::ItemsCount};

fn main() {
    divan::main();
}

fn sky(redshift: f64) -> QuasarSky {
    let parameters = QuasarParameters { redshift: [redshift, redshift], ..QuasarParameters::default() };
    QuasarSky::new(parameters).unwrap()
}

/// One quasar in memory, by redshift: with [O III], with C IV, with a long forest.
#[divan::bench(args = [0.5, 2.0, 3.5])]
fn simulate(bencher: Bencher<'_, '_>, redshift: f64) {
    let sky = sky(redshift);
    let mut index = 0;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        index += 1;
        sky.quasar(index % sky.len())
    });
}

/// One real target of five, arms combined; needs the data folder.
#[divan::bench]
fn read_coadd(bencher: Bencher<'_, '_>) {
    let Some(data) = testkit::real_data() else { return };
    let path = data.join("desi/edr_quasars/tile/cumulative/coadd-1-80693-thru20210204.fits");
    let file = CoaddFile::open(&path).unwrap();
    let mut row = 0;
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        row = (row + 1) % file.len();
        file.spectrum(row).unwrap()
    });
}

/// Three arms already in memory.
#[divan::bench]
fn combine(bencher: Bencher<'_, '_>) {
    let Some(data) = testkit::real_data() else { return };
    let path = data.join("desi/edr_quasars/tile/cumulative/coadd-1-80693-thru20210204.fits");
    let arms = CoaddFile::open(&path).unwrap().arms(0).unwrap();
    bencher.bench_local(|| combine_arms(&arms).unwrap());
}
