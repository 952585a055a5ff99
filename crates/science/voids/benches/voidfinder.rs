//! VoidFinder on the real DR7 sample, from positions to catalogue rows, and on uniform points in a periodic box.
//!
//! `ASTROLAB_TEST_DATA=... cargo bench -p voids --bench voidfinder`
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use archive::Quiet;
use archive::fits::FitsFile;
use divan::Bencher;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use voids::voidfinder::{MaskChoice, Region, Settings, SurveySelection, find, select_survey};

fn main() {
    divan::main();
}

#[divan::bench(args = [20_000, 80_000], sample_count = 3, sample_size = 1)]
fn uniform_periodic(bencher: Bencher<'_, '_>, n: usize) {
    // The density of DR7: a galaxy in 180 (Mpc/h)^3.
    let side = (180.0 * n as f64).cbrt();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let points: Vec<[f64; 3]> = (0..n).map(|_| std::array::from_fn(|_| side * rng.random::<f64>())).collect();
    let region = Region::Periodic { low_mpc_h: [0.0; 3], side_mpc_h: [side; 3] };
    bencher.bench(|| find(&points, &region, &Settings::default(), &Quiet).unwrap());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn dr7(bencher: Bencher<'_, '_>) {
    let Some(data) = testkit::real_data() else {
        return;
    };
    let file = FitsFile::open(data.join("voids/vollim_dr7_cbp_102709.fits")).unwrap();
    let table = file.first_table().unwrap();
    let [ra, dec, z] = ["ra", "dec", "z"].map(|name| table.f64_column(name).unwrap());
    let selection = SurveySelection {
        redshift: [0.0, 0.1026],
        omega_m: 0.26,
        mask: MaskChoice::Pixels { per_degree: None },
        ..SurveySelection::default()
    };
    bencher.bench(|| {
        let sample = select_survey((&ra, &dec, &z), None, &selection).unwrap();
        find(&sample.positions_mpc_h, &sample.region, &Settings::default(), &Quiet).unwrap()
    });
}
