//! Dev only: where the real data lie, and tolerance asserts that say what differed.

pub mod http;
pub mod postgres;
pub mod python;
pub mod s3;

use std::path::{Path, PathBuf};

/// The folder of real survey files: `ASTROLAB_TEST_DATA`, else `shared/data` beside the checkout. `None` (with a
/// message on stderr) where that folder is absent, so that a test can return early and say why.
#[must_use]
#[allow(clippy::print_stderr)]
pub fn real_data() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("ASTROLAB_TEST_DATA").map_or(default, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no real data at {} (set ASTROLAB_TEST_DATA)", folder.display());
    None
}

/// Panics unless `measured` is within `relative` of `expected` (absolute when `expected` is 0).
#[track_caller]
pub fn assert_close(measured: f64, expected: f64, relative: f64, what: &str) {
    let scale = if expected == 0.0 { 1.0 } else { expected.abs() };
    let difference = (measured - expected).abs() / scale;
    assert!(
        difference <= relative,
        "{what}: measured {measured:e}, expected {expected:e}, relative {difference:e} > {relative:e}"
    );
}
