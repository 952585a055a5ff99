//! Laws of the Voronoi tessellation and of the watershed, through the public door.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use archive::Quiet;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use testkit::assert_close;
use voids::watershed::{Pruning, Region, Settings, Tessellation, Watershed, WatershedError, find};

const SIDE: f64 = 100.0;
const LOW: [f64; 3] = [0.0; 3];
const HIGH: [f64; 3] = [SIDE; 3];
const PERIODIC: Region<'static> = Region::Periodic { low: LOW, high: HIGH };
const OPEN: Region<'static> = Region::Box { low: LOW, high: HIGH };

fn poisson(n: usize, seed: u64) -> Vec<[f64; 3]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| std::array::from_fn(|_| SIDE * rng.random::<f64>())).collect()
}

/// Poisson points without those in a sphere.
fn with_cavity(n: usize, centre: [f64; 3], radius: f64, seed: u64) -> Vec<[f64; 3]> {
    let distance2 = |p: &[f64; 3]| (0..3).map(|k| (p[k] - centre[k]).powi(2)).sum::<f64>();
    poisson(n, seed).into_iter().filter(|p| distance2(p) > radius * radius).collect()
}

fn small() -> Settings {
    Settings { min_radius_mpc_h: 5.0, ..Settings::default() }
}

#[test]
fn volumes_of_a_periodic_box_sum_to_the_box() {
    let lattice: Vec<[f64; 3]> = (0..512).map(|i| [i % 8, i / 8 % 8, i / 64].map(|c| 12.5 * f64::from(c))).collect();
    let mut clustered = poisson(200, 1);
    clustered.extend(poisson(2000, 2).into_iter().map(|p| p.map(|c| 40.0 + 0.01 * c)));
    let mut doubled = poisson(300, 3);
    doubled.extend_from_within(..100);
    for (points, what) in [
        (poisson(3000, 4), "Poisson"),
        (lattice, "lattice"),
        (clustered, "one dense cluster"),
        (doubled, "coincident points"),
        (poisson(2, 5), "two points"),
        (vec![[100.0, 3.0, 0.0]], "one point on a face"),
    ] {
        let cells = Tessellation::new(&points, &PERIODIC).unwrap();
        assert!(cells.volumes_mpc_h3().iter().all(|&volume| volume > 0.0), "{what}");
        assert_close(cells.volumes_mpc_h3().iter().sum(), SIDE.powi(3), 1e-11, what);
    }
}

/// The box in the middle of 27 is surrounded by all the images it can see.
#[test]
fn cells_of_a_periodic_box_are_those_among_27_boxes() {
    // Half of the points in a clump, so that spheres reach far beyond the box.
    let mut points = poisson(150, 15);
    points.extend(poisson(150, 16).into_iter().map(|p| p.map(|c| 90.0 + 0.08 * c)));
    let steps = (0..27).map(|i| [i % 3, i / 3 % 3, i / 9].map(|step| SIDE * (f64::from(step) - 1.0)));
    let copies = steps.flat_map(|shift| points.iter().map(move |p| std::array::from_fn(|k| p[k] + shift[k])));
    let copies: Vec<[f64; 3]> = copies.collect();
    let all = Region::Box { low: [-SIDE; 3], high: [2.0 * SIDE; 3] };
    let (one, many) = (Tessellation::new(&points, &PERIODIC).unwrap(), Tessellation::new(&copies, &all).unwrap());
    for row in 0..points.len() {
        let cell = one.cell_of_tracer()[row] as usize;
        let middle = many.cell_of_tracer()[13 * points.len() + row] as usize;
        assert_close(one.volumes_mpc_h3()[cell], many.volumes_mpc_h3()[middle], 1e-9, "volume of a cell");
        assert_eq!(one.neighbours(cell).count(), many.neighbours(middle).count());
    }
}

#[test]
fn lattice_cells_have_the_volume_of_the_unit_cell() {
    let mut points = Vec::new();
    for i in 0..512 {
        let corner = [i % 8, i / 8 % 8, i / 64].map(|c| 12.5 * f64::from(c));
        points.push(corner);
        points.push(corner.map(|c| c + 6.25));
    }
    let cells = Tessellation::new(&points, &PERIODIC).unwrap();
    for &volume in cells.volumes_mpc_h3() {
        assert_close(volume, 12.5_f64.powi(3) / 2.0, 1e-12, "body-centred cubic cell");
    }
}

#[test]
fn volumes_agree_with_a_cell_cut_out_plane_by_plane() {
    let points = poisson(150, 6);
    let cells = Tessellation::new(&points, &OPEN).unwrap();
    let mut compared = 0;
    for (row, &cell) in cells.cell_of_tracer().iter().enumerate() {
        let volume = cells.volumes_mpc_h3()[cell as usize];
        if volume > 0.0 {
            assert_close(volume, clipped_volume(&points, row), 1e-10, "cell volume");
            compared += 1;
        }
    }
    assert!(compared > 20);
}

/// Volume of a cell by cutting a cube with the bisecting plane of every other point.
fn clipped_volume(points: &[[f64; 3]], row: usize) -> f64 {
    let site = points[row];
    let h = 10.0 * SIDE;
    let corner = |i: usize| [0, 1, 2].map(|k| if i >> k & 1 == 1 { h } else { -h });
    let faces = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    let mut faces: Vec<Vec<[f64; 3]>> = faces.iter().map(|face| face.iter().map(|&i| corner(i)).collect()).collect();
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    for (other, point) in points.iter().enumerate().filter(|(other, _)| *other != row) {
        assert_ne!(other, row);
        let normal: [f64; 3] = std::array::from_fn(|k| point[k] - site[k]);
        let offset = dot(normal, normal) / 2.0;
        let mut cut: Vec<[f64; 3]> = Vec::new();
        for face in &mut faces {
            let mut kept = Vec::new();
            for (i, &a) in face.iter().enumerate() {
                let b = face[(i + 1) % face.len()];
                let (da, db) = (dot(normal, a) - offset, dot(normal, b) - offset);
                if da <= 0.0 {
                    kept.push(a);
                }
                if (da <= 0.0) != (db <= 0.0) {
                    let crossing = std::array::from_fn(|k| a[k] + (b[k] - a[k]) * da / (da - db));
                    kept.push(crossing);
                    cut.push(crossing);
                }
            }
            *face = kept;
        }
        faces.retain(|face| face.len() > 2);
        if cut.len() > 2 {
            faces.push(around(cut, normal));
        }
    }
    faces.iter().map(|face| pyramid(face)).sum()
}

/// Orders points of a plane round their middle.
fn around(mut points: Vec<[f64; 3]>, normal: [f64; 3]) -> Vec<[f64; 3]> {
    let n = points.len() as f64;
    let middle: [f64; 3] = std::array::from_fn(|k| points.iter().map(|p| p[k]).sum::<f64>() / n);
    let minus = |p: &[f64; 3]| -> [f64; 3] { std::array::from_fn(|k| p[k] - middle[k]) };
    let cross =
        |a: [f64; 3], b: [f64; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let e1 = minus(&points[0]);
    let e2 = cross(normal, e1);
    let e2 = e2.map(|c| c * (dot(e1, e1) / dot(e2, e2)).sqrt());
    points.sort_by(|a, b| {
        let angle = |p: &[f64; 3]| dot(minus(p), e2).atan2(dot(minus(p), e1));
        angle(a).total_cmp(&angle(b))
    });
    points
}

/// Volume between the origin and a face that looks away from it.
fn pyramid(face: &[[f64; 3]]) -> f64 {
    let mut six = 0.0;
    for i in 1..face.len() - 1 {
        let (a, b, c) = (face[0], face[i], face[i + 1]);
        six += a[0] * (b[1] * c[2] - b[2] * c[1])
            + a[1] * (b[2] * c[0] - b[0] * c[2])
            + a[2] * (b[0] * c[1] - b[1] * c[0]);
    }
    six.abs() / 6.0
}

/// Everything a catalogue is made of, to compare two runs bit for bit.
fn outcome(watershed: &Watershed<'_>, rows: &[usize]) -> String {
    let mut text = String::new();
    for pruning in [Pruning::Vide, Pruning::Zobov, Pruning::Zobov2, Pruning::Revolver, Pruning::Revolver2] {
        let voids = watershed.voids(pruning, &small());
        let areas = watershed.zone_areas();
        text += &format!("{voids:?}\n");
        text += &format!("{:?}\n", voids.iter().map(|void| areas.outer(&void.zones)).collect::<Vec<_>>());
        text += &format!("{:?}\n", watershed.surfaces(&voids).triangles);
    }
    let zones: Vec<_> =
        rows.iter().map(|&row| (watershed.zone_of_tracer(row), watershed.depth_of_tracer(row))).collect();
    text + &format!("{zones:?}")
}

/// Random points, a share of them in one clump, and whether their box is periodic.
fn skies() -> impl Strategy<Value = (Vec<[f64; 3]>, bool)> {
    let centre = prop::array::uniform3(0.0..SIDE);
    (200..3000_usize, any::<u64>(), centre, 0.0..0.8_f64, any::<bool>()).prop_map(
        |(count, seed, centre, share, periodic)| {
            let mut points = poisson(count, seed);
            let clumped = (share * count as f64) as usize;
            for point in &mut points[..clumped] {
                // Each moves nine tenths of its way to the centre.
                *point = std::array::from_fn(|k| centre[k] + 0.1 * (point[k] - centre[k]));
            }
            (points, periodic)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn volumes_of_any_periodic_box_sum_to_the_box((points, _) in skies()) {
        let cells = Tessellation::new(&points, &PERIODIC).unwrap();
        let sum: f64 = cells.volumes_mpc_h3().iter().sum();
        prop_assert!((sum / SIDE.powi(3) - 1.0).abs() < 1e-11, "{sum}");
    }

    #[test]
    fn threads_and_the_order_of_the_input_do_not_matter((points, periodic) in skies(), seed in any::<u64>()) {
        let region = if periodic { PERIODIC } else { OPEN };
        let rows: Vec<usize> = (0..points.len()).collect();
        let mut order = rows.clone();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let shuffled: Vec<[f64; 3]> = order.iter().map(|&row| points[row]).collect();
        let mut place = rows.clone();
        order.iter().enumerate().for_each(|(at, &row)| place[row] = at);
        let run = |points: &[[f64; 3]], rows: &[usize], threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| outcome(&find(points, region, &Quiet).unwrap(), rows))
        };
        let one = run(&points, &rows, 1);
        prop_assert!(one == run(&points, &rows, 4), "one and four threads differ");
        prop_assert!(one == run(&shuffled, &place, 2), "permuted input differs");
    }

    #[test]
    fn a_turned_set_has_the_same_voids((points, periodic) in skies()) {
        let region = if periodic { PERIODIC } else { OPEN };
        // A quarter turn about z through the middle of the box is exact in floating point but for the shift.
        let turned: Vec<[f64; 3]> = points.iter().map(|p| [SIDE - p[1], p[0], p[2]]).collect();
        let (a, b) = (find(&points, region, &Quiet).unwrap(), find(&turned, region, &Quiet).unwrap());
        for pruning in [Pruning::Vide, Pruning::Zobov, Pruning::Revolver] {
            let (a, b) = (a.voids(pruning, &small()), b.voids(pruning, &small()));
            prop_assert_eq!(a.len(), b.len());
            for (a, b) in a.iter().zip(&b) {
                prop_assert!((b.radius_mpc_h / a.radius_mpc_h - 1.0).abs() < 1e-8, "{:?} {:?}", a, b);
                let turned = [SIDE - a.centre_mpc_h[1], a.centre_mpc_h[0], a.centre_mpc_h[2]];
                for (place, turned) in b.centre_mpc_h.into_iter().zip(turned) {
                    let apart = place - turned;
                    let apart = if periodic { apart - SIDE * (apart / SIDE).round() } else { apart };
                    prop_assert!(apart.abs() < 1e-6, "{:?} {:?}", a, b);
                }
            }
        }
    }
}

#[test]
fn triangles_enclose_the_void() {
    let watershed = find(&poisson(4000, 10), OPEN, &Quiet).unwrap();
    let voids = watershed.voids(Pruning::Revolver, &small());
    let surfaces = watershed.surfaces(&voids);
    let areas = watershed.zone_areas();
    assert!(voids.len() > 10);
    for (index, void) in voids.iter().enumerate() {
        let (mut area, mut volume) = (0.0, 0.0);
        for triangle in surfaces.triangles.iter().filter(|t| t.void as usize == index) {
            let [a, b, c] = triangle.corners_mpc_h;
            let u: [f64; 3] = std::array::from_fn(|k| b[k] - a[k]);
            let v: [f64; 3] = std::array::from_fn(|k| c[k] - a[k]);
            let cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
            let twice = cross.iter().map(|c| c * c).sum::<f64>().sqrt();
            let height: f64 = (0..3).map(|k| triangle.normal[k] * (a[k] - void.centre_mpc_h[k])).sum();
            area += twice / 2.0;
            volume += height * twice / 6.0;
        }
        let outer = areas.outer(&void.zones);
        assert_close(area, outer.total_mpc_h2, 1e-8, "outer area");
        assert!(outer.edge_mpc_h2 <= outer.total_mpc_h2);
        assert_eq!(outer.edge_mpc_h2 > 0.0, void.edge_cells > 0);
        assert_close(volume, void.volume_mpc_h3, 1e-8, "volume within the surface");
        let [a, b, c] = void.axes_mpc_h.map(|axis| axis.iter().map(|x| x * x).sum::<f64>().sqrt());
        assert_close(a * b * c, void.radius_mpc_h.powi(3), 1e-10, "product of the semi-axes");
        assert!(a >= b && b >= c);
    }
}

#[test]
fn a_carved_cavity_is_found() {
    let (centre, radius) = ([30.0, 60.0, 45.0], 20.0);
    // The separation of the tracers is 5.8, the cavity's radius 3.4 of them.
    for region in [OPEN, PERIODIC] {
        let watershed = find(&with_cavity(5000, centre, radius, 11), region, &Quiet).unwrap();
        let voids = watershed.voids(Pruning::Vide, &small());
        let found = voids.iter().max_by(|a, b| a.radius_mpc_h.total_cmp(&b.radius_mpc_h)).unwrap();
        let offset = (0..3).map(|k| (found.centre_mpc_h[k] - centre[k]).powi(2)).sum::<f64>().sqrt();
        assert!(offset < radius / 2.0, "centre off by {offset}");
        // The cells of the tracers round the cavity reach into it and out of it, so that the void is larger.
        let ratio = found.radius_mpc_h / radius;
        assert!(ratio > 1.0 && ratio < 2.0, "radius {ratio} times the cavity's");
    }
}

#[test]
fn a_cavity_across_the_faces_of_a_periodic_box_is_one_void() {
    let inner = with_cavity(5000, [50.0; 3], 20.0, 12);
    let shifted: Vec<[f64; 3]> = inner.iter().map(|p| p.map(|c| (c + 50.0) % SIDE)).collect();
    let largest = |points: &[[f64; 3]]| {
        let watershed = find(points, PERIODIC, &Quiet).unwrap();
        let voids = watershed.voids(Pruning::Revolver, &small());
        voids.into_iter().max_by(|a, b| a.radius_mpc_h.total_cmp(&b.radius_mpc_h)).unwrap()
    };
    let (a, b) = (largest(&inner), largest(&shifted));
    assert_close(b.radius_mpc_h, a.radius_mpc_h, 1e-9, "radius");
    for k in 0..3 {
        assert_close((b.centre_mpc_h[k] + 50.0) % SIDE, a.centre_mpc_h[k], 1e-8, "centre");
    }
}

#[test]
fn input_that_cannot_be_used_is_an_error() {
    let error = |points: &[[f64; 3]], region| find(points, region, &Quiet).err().unwrap();
    assert!(matches!(error(&poisson(3, 1), OPEN), WatershedError::Delaunay(_)));
    assert!(matches!(error(&[], PERIODIC), WatershedError::Delaunay(_)));
    assert!(matches!(error(&[[50.0; 3]; 9], OPEN), WatershedError::Delaunay(_)));
    assert!(matches!(error(&[[f64::NAN; 3]; 9], PERIODIC), WatershedError::OutsideBox { row: 0, .. }));
    assert!(matches!(error(&[[101.0, 0.0, 0.0]], PERIODIC), WatershedError::OutsideBox { row: 0, .. }));
    assert!(matches!(error(&poisson(5, 1), OPEN), WatershedError::NoCells { tracers: 5 }));
    let flat = Region::Periodic { low: LOW, high: [1.0, 1.0, 0.0] };
    assert!(matches!(error(&poisson(5, 1), flat), WatershedError::EmptyBox { .. }));
}
