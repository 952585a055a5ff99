//! VoidFinder on the real SDSS DR7 catalogue against VAST v1.6.0 on the same file (z 0 to 0.1026, Omega_m 0.26, pixel
//! mask, defaults). VAST works on single-precision coordinates and takes c = 299792 km/s.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use archive::Quiet;
use archive::fits::FitsFile;
use std::path::Path;
use voids::voidfinder::{
    FoundVoids, MaskChoice, Region, Settings, SurveySelection, find, select_survey, void_volume_fraction,
};

/// VAST's single-precision coordinates are good to 1e-5 Mpc/h; four of them fix a sphere to about 1e-4.
const SPHERE_TOLERANCE_MPC_H: f64 = 1e-3;

/// VAST takes the speed of light as 299792 km/s.
const VAST_SCALE: f64 = 299_792.0 / 299_792.458;

/// Says when each stage began.
struct Stages(std::time::Instant);

impl Stages {
    fn new() -> Self {
        Self(std::time::Instant::now())
    }
}

impl archive::Progress for Stages {
    fn begin(&self, task: &str, total: u64, unit: &str) {
        eprintln!("{:8.3} s: {task} ({total} {unit})", self.0.elapsed().as_secs_f64());
    }
    fn end(&self) {
        eprintln!("{:8.3} s: done", self.0.elapsed().as_secs_f64());
    }
}

fn columns(file: &Path, table: Option<&str>, names: &[&str]) -> Vec<Vec<f64>> {
    let file = FitsFile::open(file).unwrap();
    let table = table.map_or_else(|| file.first_table().unwrap(), |name| file.table(name).unwrap());
    names.iter().map(|name| table.f64_column(name).unwrap()).collect()
}

fn dr7() -> Option<(Vec<[f64; 3]>, Region)> {
    let file = testkit::real_data()?.join("voids/vollim_dr7_cbp_102709.fits");
    let c = columns(&file, None, &["ra", "dec", "z"]);
    let selection = SurveySelection {
        redshift: [0.0, 0.1026],
        omega_m: 0.26,
        mask: MaskChoice::Pixels { per_degree: None },
        ..SurveySelection::default()
    };
    let sample = select_survey((&c[0], &c[1], &c[2]), None, &selection).unwrap();
    Some((sample.positions_mpc_h, sample.region))
}

/// How many reference maximals have a counterpart, and the largest differences among those.
fn compare(found: &FoundVoids, reference: &[Vec<f64>]) -> (usize, usize, f64) {
    let (mut matched, mut same_edge, mut worst) = (0, 0, 0.0_f64);
    #[allow(clippy::needless_range_loop, reason = "three columns are read in step")]
    for i in 0..reference[0].len() {
        let place = [reference[0][i], reference[1][i], reference[2][i]];
        let distance =
            |m: &desi::desivast::Maximal| (0..3).map(|a| (m.centre_mpc_h[a] - place[a]).powi(2)).sum::<f64>().sqrt();
        let nearest = found.maximals.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap();
        let difference = distance(nearest).max((nearest.radius_mpc_h - reference[3][i]).abs());
        if difference < SPHERE_TOLERANCE_MPC_H {
            matched += 1;
            worst = worst.max(difference);
            same_edge += usize::from(nearest.edge as f64 == reference[4][i]);
        } else {
            eprintln!("no counterpart of maximal {i} at {place:?}, radius {}: off by {difference}", reference[3][i]);
        }
    }
    (matched, same_edge, worst)
}

#[test]
fn finds_the_voids_of_the_reference() {
    let Some((_, region)) = dr7() else { return };
    let file = testkit::real_data().unwrap().join("voids/reference/voidfinder_dr7.fits");
    // The tracers exactly as the reference saw them: in single precision, on its distance scale.
    let galaxies: Vec<[f64; 3]> = ["WALL", "FIELD"]
        .iter()
        .flat_map(|table| {
            let c = columns(&file, Some(table), &["x", "y", "z"]);
            (0..c[0].len()).map(|i| [c[0][i], c[1][i], c[2][i]]).collect::<Vec<_>>()
        })
        .collect();
    let Region::Survey { mask, distance_mpc_h } = region else { panic!("a survey") };
    let region = Region::Survey { mask, distance_mpc_h: distance_mpc_h.map(|d| d * VAST_SCALE) };
    let found = find(&galaxies, &region, &Settings::default(), &Stages::new()).unwrap();
    let reference = columns(&file, Some("MAXIMALS"), &["x", "y", "z", "radius", "edge"]);
    let (matched, same_edge, worst) = compare(&found, &reference);
    let edges = [0, 1, 2].map(|flag| found.maximals.iter().filter(|m| m.edge == flag).count());
    let share = void_volume_fraction(&found.holes, &region, 30.0, 1);
    eprintln!(
        "{:#?}\n{matched} matched, {same_edge} same edge, worst {worst:e}, edges {edges:?}, {share:?}",
        found.counts
    );
    eprintln!("volume {}", region.volume_mpc_h3());
    // The reference's shares, from random points, are known to three digits.
    assert!((share.fraction - 0.662).abs() < 3.0 * share.error + 0.002, "{share:?}");
    assert!(share.deep_fraction.is_some_and(|deep| (deep - 0.701).abs() < 0.006), "{share:?}");
    testkit::assert_close(found.counts.isolation_limit_mpc_h, 5.939_302_471_400_877, 1e-6, "isolation limit");
    assert_eq!((found.counts.wall, found.counts.field), (98_421, 9_069));
    assert_eq!(found.counts.start_cells, 337_126);
    assert_eq!((found.counts.voids, found.counts.holes), (897, 29_483));
    assert_eq!((matched, same_edge), (897, 897));
    assert_eq!(edges, [576, 306, 15]);
}

#[test]
fn the_distance_scale_alone_explains_the_difference_from_the_catalogue() {
    let Some((galaxies, region)) = dr7() else { return };
    let found = find(&galaxies, &region, &Settings::default(), &Quiet).unwrap();
    assert_eq!((found.counts.wall, found.counts.field), (98_421, 9_069));
    let limit = found.counts.isolation_limit_mpc_h * VAST_SCALE;
    testkit::assert_close(limit, 5.939_302_471_400_877, 1e-6, "isolation limit");
}
