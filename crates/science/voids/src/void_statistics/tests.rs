#![allow(clippy::unwrap_used, clippy::expect_used)]

use astro::sphere;
use astro::statistics::rng_stream;
use rand::RngExt;

use super::*;
use crate::galaxies::ColumnNames;

/// A cap of 40 degrees around the pole, 100 to 300 Mpc/h: 6.4e6 (Mpc/h)^3.
fn survey() -> HealpixSurvey {
    let directions: Vec<(f64, f64)> =
        (0..36_000).map(|i| (f64::from(i % 360), 50.0 + f64::from(i / 360) * 0.4)).collect();
    HealpixSurvey::from_directions(4, &directions, [100.0, 300.0])
}

fn voids(count: usize, seed: u64, radius: impl Fn(usize) -> f64) -> Vec<VoidSphere> {
    random_positions(&survey(), count, seed)
        .into_iter()
        .enumerate()
        .map(|(index, centre_mpc_h)| VoidSphere { centre_mpc_h, r_eff_mpc_h: radius(index) })
        .collect()
}

/// The same as a volume.
fn volume() -> Volume {
    Volume::Survey(Box::new(survey()))
}

fn sample(voids: &[VoidSphere], galaxies: &[[f64; 3]]) -> Sample {
    let settings = SampleSettings { region_order: 2, randoms_per_galaxy: 5, seed: 3, ..SampleSettings::default() };
    Sample::new(voids, galaxies, (&volume(), &Randoms::Drawn), &settings).unwrap()
}

/// Root mean square of value over error: 1 for noise with honest errors.
fn normalised_scatter(values: &[Option<f64>], errors: &[Option<f64>]) -> f64 {
    let pairs: Vec<f64> =
        values.iter().zip(errors).map(|(value, error)| (value.unwrap() / error.unwrap()).powi(2)).collect();
    (pairs.iter().sum::<f64>() / pairs.len() as f64).sqrt()
}

#[test]
fn random_voids_among_poisson_points_show_nothing() {
    let galaxies = random_positions(&survey(), 40_000, 11);
    let sample = sample(&voids(400, 12, |_| 12.0), &galaxies);
    let profile = density_profile(&sample, &ProfileSettings { furthest_r_eff: 3.0, shells: 12 }).unwrap();
    let scatter = normalised_scatter(&profile.contrast.values[1..], &profile.contrast.errors[1..]);
    assert!((0.4..1.8).contains(&scatter), "profile scatter {scatter}");
    assert!(profile.contrast.values[11].unwrap().abs() < 0.02, "{:?}", profile.contrast.values);
    let settings = CorrelationSettings { furthest_mpc_h: 40.0, bins: 8, mu_bins: 5 };
    let correlation = cross_correlation(&sample, &settings).unwrap();
    for [values, errors, _] in [correlation.monopole(), correlation.quadrupole()] {
        let scatter = normalised_scatter(&values[1..], &errors[1..]);
        assert!((0.4..1.8).contains(&scatter), "correlation scatter {scatter}");
    }
}

#[test]
fn carved_cavities_are_empty_inside_and_mean_outside() {
    let mut holes = voids(60, 21, |index| 12.0 + (index % 7) as f64);
    holes.truncate(60);
    let inside = |point: &[f64; 3]| {
        holes.iter().any(|hole| sphere::norm([0, 1, 2].map(|a| point[a] - hole.centre_mpc_h[a])) < hole.r_eff_mpc_h)
    };
    let galaxies: Vec<[f64; 3]> =
        random_positions(&survey(), 40_000, 22).into_iter().filter(|point| !inside(point)).collect();
    let profile =
        density_profile(&sample(&holes, &galaxies), &ProfileSettings { furthest_r_eff: 2.0, shells: 10 }).unwrap();
    assert!(profile.contrast.values[..5].iter().all(|value| *value == Some(-1.0)), "{:?}", profile.contrast.values);
    assert_eq!(profile.galaxies[..5], [0; 5]);
    assert!(
        profile.contrast.values[6..].iter().all(|value| value.unwrap().abs() < 0.3),
        "{:?}",
        profile.contrast.values
    );
}

/// Galaxies drawn towards the centres along the line of sight: more pairs at mu = 1, so the quadrupole is positive.
#[test]
fn pairs_along_the_line_of_sight_give_a_positive_quadrupole() {
    let centres = voids(100, 31, |_| 10.0);
    let mut galaxies = random_positions(&survey(), 10_000, 32);
    let mut rng = rng_stream(33, 0);
    for void in &centres {
        let distance = sphere::norm(void.centre_mpc_h);
        galaxies
            .extend((0..20).map(|_| void.centre_mpc_h.map(|x| x * (1.0 + rng.random_range(-20.0..20.0) / distance))));
    }
    let settings = CorrelationSettings { furthest_mpc_h: 20.0, bins: 4, mu_bins: 4 };
    let correlation = cross_correlation(&sample(&centres, &galaxies), &settings).unwrap();
    let [values, errors, _] = correlation.quadrupole();
    // The innermost bin holds few random points.
    assert!(values[1..].iter().zip(&errors[1..]).all(|(v, e)| v.unwrap() > 3.5 * e.unwrap()), "{values:?} {errors:?}");
}

#[test]
fn a_known_size_function_comes_back_at_every_radius() {
    // Centres uniform in the survey, radii uniform in ln R: dn/dlnR is the same at every radius, also where half the
    // survey is too near its boundary.
    let count = 4000;
    let centres = voids(count, 41, |index| 8.0 * 5.0_f64.powf(((index * 7919) % 4000) as f64 / 4000.0));
    let galaxies = random_positions(&survey(), 1000, 42);
    let sample = sample(&centres, &galaxies);
    let settings = SizeSettings { smallest_mpc_h: 8.0, largest_mpc_h: 40.0, bins: 6 };
    let size = size_function(&sample, &settings).unwrap();
    let truth = count as f64 / sample.volume_mpc_h3() / 5.0_f64.ln();
    assert!(size.volume_fraction[0] > 1.5 * size.volume_fraction[5], "{:?}", size.volume_fraction);
    for bin in 0..6 {
        let (value, poisson) = (size.density_mpc_h3.values[bin].unwrap(), size.poisson_errors[bin].unwrap());
        assert!((value - truth).abs() < 3.5 * poisson, "bin {bin}: {value} +- {poisson}, truth {truth}");
        let ratio = size.density_mpc_h3.errors[bin].unwrap() / poisson;
        assert!((0.4..2.5).contains(&ratio), "bin {bin}: jackknife / Poisson {ratio}");
    }
}

#[test]
fn one_and_many_threads_give_the_same_bytes() {
    let galaxies = random_positions(&survey(), 5000, 51);
    let holes = voids(80, 52, |index| 8.0 + (index % 5) as f64);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let sample = sample(&holes, &galaxies);
            let profile = density_profile(&sample, &ProfileSettings::default()).unwrap();
            let correlation = cross_correlation(&sample, &CorrelationSettings::default()).unwrap();
            let size = size_function(&sample, &SizeSettings::default()).unwrap();
            serde_json::to_string(&(profile, correlation, size)).unwrap()
        })
    };
    assert_eq!(run(1), run(4));
}

#[test]
fn bad_settings_and_samples_are_told_apart() {
    let galaxies = random_positions(&survey(), 100, 61);
    let holes = voids(20, 62, |_| 10.0);
    let new = |holes: &[VoidSphere], galaxies: &[[f64; 3]], settings: SampleSettings| {
        Sample::new(holes, galaxies, (&volume(), &Randoms::Drawn), &settings).unwrap_err().to_string()
    };
    let none = SampleSettings { randoms_per_galaxy: 0, ..SampleSettings::default() };
    assert!(new(&holes, &galaxies, none).contains("`randoms_per_galaxy`, found 0"));
    assert!(new(&holes, &[[0.0; 3]], SampleSettings::default()).contains("none of 1 galaxies"));
    assert!(new(&holes[..1], &galaxies, SampleSettings::default()).contains("1 of 1 voids"));
    let wrong = SizeSettings { smallest_mpc_h: 9.0, largest_mpc_h: 8.0, bins: 3 };
    assert!(size_function(&sample(&holes, &galaxies), &wrong).unwrap_err().to_string().contains("largest_mpc_h"));
}

#[test]
fn real_dr7_voids_are_underdense_with_a_ridge() {
    let Some(data) = testkit::real_data() else { return };
    let galaxies = GalaxyTable::read(&data.join("voids/vollim_dr7_cbp_102709.fits"), &ColumnNames::default()).unwrap();
    let catalogue = desi::desivast::read(data.join("voids/reference/voidfinder_dr7.fits")).unwrap();
    let settings = Settings {
        sample: SampleSettings { randoms_per_galaxy: 2, ..SampleSettings::default() },
        ..Settings::default()
    };
    let found = measure(&[catalogue], &galaxies, &Sky::default(), &settings).unwrap();
    assert_eq!((found.catalogue_voids, found.stacked_voids), (897, 576));
    let contrast = |shell: usize| found.profile.contrast.values[shell].unwrap();
    assert!(contrast(2) < -0.7, "at 0.25 R_eff: {}", contrast(2));
    let highest = (0..30).max_by(|a, b| contrast(*a).total_cmp(&contrast(*b))).unwrap();
    assert!((8..=13).contains(&highest) && contrast(highest) > 0.02, "ridge in shell {highest}: {}", contrast(highest));
    assert!(contrast(29).abs() < 0.1, "at 3 R_eff: {}", contrast(29));
    let [monopole, ..] = found.correlation.monopole();
    assert!(monopole[0].unwrap() < -0.7);
    // Far from the voids there is no preferred direction: within the scatter of neighbouring bins.
    let [quadrupole, errors, _] = found.correlation.quadrupole();
    let far = (14..20).map(|bin| quadrupole[bin].unwrap()).sum::<f64>() / 6.0;
    assert!(far.abs() < 2.0 * errors[17].unwrap(), "quadrupole from 42 to 60 Mpc/h: {far}");
}

/// Galaxies that thin out with distance are no clustering along the line of sight.
#[test]
fn a_selection_that_falls_with_distance_leaves_no_quadrupole() {
    let mut rng = rng_stream(71, 0);
    let mut galaxies = random_positions(&survey(), 120_000, 72);
    galaxies.retain(|place| rng.random::<f64>() < 1.4 - sphere::norm(*place) / 250.0);
    let centres = voids(400, 73, |_| 12.0);
    let settings = CorrelationSettings { furthest_mpc_h: 60.0, bins: 6, mu_bins: 5 };
    let correlation = cross_correlation(&sample(&centres, &galaxies), &settings).unwrap();
    let [values, errors, poisson] = correlation.quadrupole();
    for bin in 1..6 {
        let error = errors[bin].unwrap().max(poisson[bin].unwrap());
        assert!(values[bin].unwrap().abs() < 3.5 * error, "bin {bin}: {values:?} {errors:?}");
    }
}

#[test]
fn an_empty_shell_has_an_error() {
    let holes = voids(30, 81, |_| 12.0);
    let near = |point: &[f64; 3], hole: &VoidSphere| {
        sphere::norm([0, 1, 2].map(|a| point[a] - hole.centre_mpc_h[a])) < hole.r_eff_mpc_h
    };
    let mut galaxies = random_positions(&survey(), 20_000, 82);
    galaxies.retain(|point| !holes.iter().any(|hole| near(point, hole)));
    let profile =
        density_profile(&sample(&holes, &galaxies), &ProfileSettings { furthest_r_eff: 2.0, shells: 10 }).unwrap();
    assert_eq!((profile.galaxies[2], profile.contrast.errors[2]), (0, Some(0.0)));
    assert!(profile.poisson_errors[2].unwrap() > 0.0);
}

#[test]
fn random_catalogues_stand_in_for_drawn_points() {
    let galaxies = random_positions(&survey(), 20_000, 91);
    let holes = voids(300, 92, |_| 12.0);
    let directions = random_positions(&survey(), 100_000, 93).into_iter().map(sphere::ra_dec_deg).collect();
    let of = |randoms: &Randoms| {
        let sample = Sample::new(&holes, &galaxies, (&volume(), randoms), &SampleSettings::default()).unwrap();
        density_profile(&sample, &ProfileSettings { furthest_r_eff: 3.0, shells: 6 }).unwrap()
    };
    let positions = random_positions(&survey(), 100_000, 94);
    for randoms in [Randoms::Directions(directions), Randoms::Positions(positions)] {
        let profile = of(&randoms);
        assert!(profile.contrast.values[5].unwrap().abs() < 0.02, "{:?}", profile.contrast.values);
    }
    let few = Sample::new(
        &holes,
        &galaxies,
        (&volume(), &Randoms::Directions(vec![(0.0, 80.0)])),
        &SampleSettings::default(),
    );
    assert!(few.unwrap_err().to_string().contains("1 random points"));
}

const BOX: desi::desivast::BoxLimits =
    desi::desivast::BoxLimits { low_mpc_h: [-50.0; 3], high_mpc_h: [50.0; 3], periodic: true };

fn box_sample(holes: &[VoidSphere], galaxies: &[[f64; 3]]) -> Sample {
    let settings = SampleSettings { region_order: 1, ..SampleSettings::default() };
    Sample::new(holes, galaxies, (&Volume::Box(BOX), &Randoms::Drawn), &settings).unwrap()
}

#[test]
fn a_periodic_box_is_the_same_everywhere() {
    let volume = Volume::Box(BOX);
    let period = volume.period().unwrap();
    let spheres = |shift: f64| -> Vec<VoidSphere> {
        let sphere =
            |centre: [f64; 3]| VoidSphere { centre_mpc_h: period.wrapped(centre.map(|x| x + shift)), r_eff_mpc_h: 8.0 };
        volume.random_positions(20, 101).into_iter().map(sphere).collect()
    };
    let holes = spheres(0.0);
    let inside = |point: &[f64; 3]| {
        holes.iter().any(|hole| {
            period.images(hole.centre_mpc_h, 8.0).any(|c| sphere::norm([0, 1, 2].map(|a| point[a] - c[a])) < 8.0)
        })
    };
    let mut galaxies = volume.random_positions(20_000, 102);
    galaxies.retain(|point| !inside(point));
    // Each void reaches through a face in one of the two.
    let shifted: Vec<[f64; 3]> = galaxies.iter().map(|p| period.wrapped(p.map(|x| x + 50.0))).collect();
    let settings = ProfileSettings { furthest_r_eff: 3.0, shells: 12 };
    let one = density_profile(&box_sample(&holes, &galaxies), &settings).unwrap();
    let other = density_profile(&box_sample(&spheres(50.0), &shifted), &settings).unwrap();
    assert_eq!(one.galaxies, other.galaxies);
    assert_eq!(one.galaxies[..4], [0; 4]);
    assert!(one.contrast.values[5..].iter().all(|value| value.unwrap().abs() < 0.25), "{:?}", one.contrast.values);
    let size = size_function(&box_sample(&holes, &galaxies), &SizeSettings::default()).unwrap();
    assert!(size.volume_fraction.iter().all(|fraction| *fraction == 1.0));
    assert_eq!(size.voids.iter().sum::<u64>(), 20);
}

/// In a box the line of sight is the z axis: galaxies drawn out along it give a positive quadrupole, along x a negative.
#[test]
fn the_line_of_sight_of_a_box_is_its_z_axis() {
    let volume = Volume::Box(BOX);
    let centres: Vec<VoidSphere> = volume
        .random_positions(60, 111)
        .into_iter()
        .map(|centre_mpc_h| VoidSphere { centre_mpc_h, r_eff_mpc_h: 10.0 })
        .collect();
    for (axis, sign) in [(2, 1.0), (0, -1.0)] {
        let mut galaxies = volume.random_positions(10_000, 112);
        let mut rng = rng_stream(113, 0);
        for void in &centres {
            galaxies.extend((0..20).map(|_| {
                let mut place = void.centre_mpc_h;
                place[axis] += rng.random_range(-20.0..20.0);
                volume.period().unwrap().wrapped(place)
            }));
        }
        let settings = CorrelationSettings { furthest_mpc_h: 20.0, bins: 4, mu_bins: 4 };
        let correlation = cross_correlation(&box_sample(&centres, &galaxies), &settings).unwrap();
        let [values, ..] = correlation.quadrupole();
        assert!(values[1..].iter().all(|value| sign * value.unwrap() > 0.0), "axis {axis}: {values:?}");
    }
}

#[test]
fn galaxies_of_another_box_are_told() {
    let holes = [VoidSphere { centre_mpc_h: [0.0; 3], r_eff_mpc_h: 5.0 }];
    let volume = Volume::Box(BOX);
    let none = Sample::new(&holes, &[[60.0; 3]], (&volume, &Randoms::Drawn), &SampleSettings::default());
    assert!(none.unwrap_err().to_string().contains("none of 1 galaxies lies in the box from [-50.0, -50.0, -50.0]"));
}
