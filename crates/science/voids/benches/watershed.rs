//! Triangulation, Voronoi cells and watershed on uniform and clustered points, 1e5 and 1e6, and on the real DR7 sample.
//!
//! `cargo bench -p voids --bench watershed`
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use archive::Quiet;
use archive::fits::FitsFile;
use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use divan::Bencher;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use voids::delaunay::Delaunay;
use voids::watershed::{CatalogueRequest, Galaxies, Pruning, Region, Settings, SurveyCuts, SurveySample, find};

const SIDE: f64 = 1000.0;
const SIZES: [usize; 2] = [100_000, 1_000_000];

fn main() {
    divan::main();
}

fn uniform(n: usize) -> Vec<[f64; 3]> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    (0..n).map(|_| std::array::from_fn(|_| SIDE * rng.random::<f64>())).collect()
}

/// Clusters of 10 to 100,000 members with density falling as the distance to the power -2.75.
fn clustered(n: usize) -> Vec<[f64; 3]> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut points = Vec::with_capacity(n);
    while points.len() < n {
        let centre: [f64; 3] = std::array::from_fn(|_| SIDE * (0.05 + 0.9 * rng.random::<f64>()));
        let members = (10.0 / rng.random::<f64>().max(1e-4)) as usize;
        for _ in 0..members.min(n - points.len()) {
            let radius = 30.0 * rng.random::<f64>().powi(4);
            let direction: [f64; 3] = std::array::from_fn(|_| rng.random::<f64>() - 0.5);
            let length = astro::sphere::norm(direction);
            points.push(std::array::from_fn(|k| centre[k] + radius * direction[k] / length));
        }
    }
    points
}

#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn triangulate_uniform(bencher: Bencher<'_, '_>, n: usize) {
    bencher.with_inputs(|| uniform(n)).bench_refs(|points| Delaunay::new(points).unwrap());
}

#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn triangulate_clustered(bencher: Bencher<'_, '_>, n: usize) {
    bencher.with_inputs(|| clustered(n)).bench_refs(|points| Delaunay::new(points).unwrap());
}

fn three_prunings(points: &[[f64; 3]], region: Region<'_>) -> usize {
    let watershed = find(points, region, &Quiet).unwrap();
    let all = [Pruning::Vide, Pruning::Zobov, Pruning::Revolver];
    all.into_iter().map(|pruning| watershed.voids(pruning, &Settings::default()).len()).sum()
}

const OPEN: Region<'static> = Region::Box { low: [0.0; 3], high: [SIDE; 3] };
const PERIODIC: Region<'static> = Region::Periodic { low: [0.0; 3], high: [SIDE; 3] };

#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn voids_uniform(bencher: Bencher<'_, '_>, n: usize) {
    bencher.with_inputs(|| uniform(n)).bench_refs(|points| three_prunings(points, OPEN));
}

#[divan::bench(args = SIZES, sample_count = 3, sample_size = 1)]
fn voids_clustered(bencher: Bencher<'_, '_>, n: usize) {
    bencher.with_inputs(|| clustered(n)).bench_refs(|points| three_prunings(points, OPEN));
}

#[divan::bench(args = SIZES, sample_count = 1, sample_size = 1)]
fn voids_uniform_periodic(bencher: Bencher<'_, '_>, n: usize) {
    bencher.with_inputs(|| uniform(n)).bench_refs(|points| three_prunings(points, PERIODIC));
}

/// The real catalogue, from columns in memory to three catalogues with areas and triangles.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn dr7_with_surfaces(bencher: Bencher<'_, '_>) {
    let Some(data) = testkit::real_data() else {
        return;
    };
    let file = FitsFile::open(data.join("voids/vollim_dr7_cbp_102709.fits")).unwrap();
    let table = file.first_table().unwrap();
    let batch = table.read(&["ra", "dec", "z"], 0..table.n_rows()).unwrap();
    let column = |i: usize| {
        let reals = cast(batch.column(i), &DataType::Float64).unwrap();
        reals.as_primitive::<Float64Type>().values().to_vec()
    };
    let (ra, dec, z) = (column(0), column(1), column(2));
    bencher.bench(|| {
        let galaxies = Galaxies { ra_deg: &ra, dec_deg: &dec, redshift: &z, absolute_magnitude: None, target: None };
        let cuts = SurveyCuts { redshift: [0.0, 0.1], faintest_magnitude: None, omega_m: 0.3, footprint_order: 5 };
        let sample = SurveySample::new(&galaxies, cuts, None).unwrap();
        let watershed = sample.find(&Quiet).unwrap();
        let areas = watershed.zone_areas();
        let catalogues: Vec<_> = [Pruning::Vide, Pruning::Zobov, Pruning::Revolver]
            .into_iter()
            .map(|pruning| {
                let request =
                    CatalogueRequest { pruning, settings: Settings::default(), areas: Some(&areas), triangles: true };
                watershed.catalogue(&sample, &request)
            })
            .collect();
        catalogues.len()
    });
}
