//! Reading a table like SPECPHOT: 12 columns and all 127, streamed, whole, and in parallel.
//!
//! `cargo bench -p archive --bench fits_read`. The file is generated into a temporary folder; its rows are set by
//! `ASTROLAB_BENCH_ROWS` (100,000: 63 MB). Beside other readers: `benches/compare_fits.py`.
#![allow(clippy::unwrap_used, missing_docs)]

mod specphot;

use std::path::PathBuf;
use std::sync::OnceLock;

use archive::fits::{FitsError, FitsFile};
use divan::{Bencher, black_box, counter::BytesCount};

fn main() {
    divan::main();
}

fn open() -> FitsFile {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        let rows = std::env::var("ASTROLAB_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(100_000);
        specphot::file(&std::env::temp_dir(), rows).unwrap()
    });
    FitsFile::open(path).unwrap()
}

fn columns(count: usize) -> &'static [&'static str] {
    if count == 12 { &specphot::TWELVE } else { &[] }
}

#[divan::bench(args = [12, 127])]
fn whole_table(bencher: Bencher<'_, '_>, count: usize) {
    let file = open();
    let table = file.first_table().unwrap();
    let bytes = BytesCount::new(table.n_rows() * 629);
    bencher.counter(bytes).bench_local(|| black_box(table.read(columns(count), 0..usize::MAX).unwrap()));
}

#[divan::bench(args = [12, 127])]
fn on_every_core(bencher: Bencher<'_, '_>, count: usize) {
    let file = open();
    let table = file.first_table().unwrap();
    let bytes = BytesCount::new(table.n_rows() * 629);
    bencher.counter(bytes).bench_local(|| black_box(table.read_all(columns(count), 16_384).unwrap()));
}

#[divan::bench(args = [12, 127])]
fn in_batches(bencher: Bencher<'_, '_>, count: usize) {
    let file = open();
    let table = file.first_table().unwrap();
    let bytes = BytesCount::new(table.n_rows() * 629);
    bencher.counter(bytes).bench_local(|| {
        for batch in table.batches(columns(count), 0..usize::MAX, 8192).unwrap() {
            black_box(batch.unwrap());
        }
    });
}

#[divan::bench(args = [12, 127])]
fn in_batches_on_every_core(bencher: Bencher<'_, '_>, count: usize) {
    let file = open();
    let table = file.first_table().unwrap();
    let bytes = BytesCount::new(table.n_rows() * 629);
    bencher.counter(bytes).bench_local(|| {
        table.map_batches::<_, FitsError>(columns(count), 8192, |batch| Ok(black_box(batch).num_rows())).unwrap()
    });
}
