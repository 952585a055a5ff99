//! The simulated light-cone through the public door: what was put in comes out, on any number of threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::sync::LazyLock;

use desi::simulate::{
    Cap, Environment, LOG_MASS_STAR, LightCone, Parameters, SCHECHTER, main_sequence, mass_function, quenched_fraction,
};

static SKY: LazyLock<LightCone> = LazyLock::new(|| {
    LightCone::generate(&Parameters { environment_effect: 0.1, ..Parameters::new(7, 40_000) }).unwrap()
});

#[test]
fn the_same_on_one_thread_and_four() {
    let parameters = Parameters { area_deg2: 200.0, ..Parameters::new(3, 5_000) };
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| LightCone::generate(&parameters).unwrap())
    };
    let (one, four) = (on(1), on(4));
    assert_eq!(one.galaxies, four.galaxies);
    assert_eq!(one.voids, four.voids);
    let other = LightCone::generate(&Parameters { seed: 4, ..parameters }).unwrap();
    assert_ne!(one.galaxies, other.galaxies);
}

#[test]
fn exactly_as_many_unique_galaxies_as_asked_inside_the_survey() {
    let sky = &*SKY;
    assert_eq!(sky.galaxies.len(), 40_000);
    let mut ids: Vec<i64> = sky.galaxies.iter().map(|galaxy| galaxy.target_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 40_000);
    for galaxy in &sky.galaxies {
        assert_eq!(sky.footprint.cap_at(galaxy.ra_deg, galaxy.dec_deg), Some(galaxy.cap));
        assert!(galaxy.apparent_r <= 19.5 && galaxy.true_redshift <= 0.6001);
    }
    let south = sky.galaxies.iter().filter(|galaxy| galaxy.cap == Cap::Sgc).count() as f64 / 40_000.0;
    assert!((0.2..0.3).contains(&south), "a quarter of the area is in the south, got {south}");
}

#[test]
fn voids_are_emptier_than_walls_and_spheres_stay_in_their_cells() {
    let sky = &*SKY;
    let inside = sky.galaxies.iter().filter(|galaxy| galaxy.environment == Environment::Void).count() as f64;
    let share = inside / sky.galaxies.len() as f64;
    // 6.5 % of DR7 tracers lie strictly in VoidFinder voids.
    assert!((0.04..0.10).contains(&share), "share of galaxies in voids {share}");
    for void in sky.voids.iter().step_by(50) {
        for hole in &void.holes {
            let room = sky.structure.wall_distance_mpc_h(void.nucleus, hole.centre_mpc_h);
            assert!(hole.radius_mpc_h <= room, "a hole reaches through a wall");
        }
    }
}

/// Quenched fractions are binomial: four standard errors allow one chance failure in 16,000.
#[test]
fn the_injected_effect_is_recovered_at_fixed_mass() {
    let mut excess = [(0.0, 0.0); 2];
    for galaxy in &SKY.galaxies {
        let expected = quenched_fraction(f64::from(galaxy.true_log_mass));
        let bin = usize::from(galaxy.environment == Environment::Void);
        excess[bin].0 += f64::from(u8::from(galaxy.quenched)) - expected;
        excess[bin].1 += 1.0;
    }
    // The sample is flux-limited and quenched galaxies are fainter at fixed mass, so compare only the difference;
    // selection moves both fractions alike.
    let difference = excess[0].0 / excess[0].1 - excess[1].0 / excess[1].1;
    let error = (0.2 / excess[1].1).sqrt();
    assert!((difference - 0.1).abs() < 4.0 * error + 0.01, "recovered {difference} +- {error}, injected 0.1");
}

#[test]
fn the_mass_function_has_the_slope_that_was_put_in() {
    // In a shallow slice, masses above the limit of visibility are complete.
    let sky = LightCone::generate(&Parameters {
        redshift_max: 0.06,
        void_mass_shift_dex: 0.0,
        ..Parameters::new(11, 12_000)
    })
    .unwrap();
    let bins: Vec<f64> = (0..6).map(|bin| 9.5 + 0.2 * f64::from(bin)).collect();
    let counts: Vec<f64> = bins
        .iter()
        .map(|low| {
            let inside = |mass: f64| mass >= *low && mass < low + 0.2;
            sky.galaxies.iter().filter(|galaxy| inside(f64::from(galaxy.true_log_mass))).count() as f64
        })
        .collect();
    let expected: Vec<f64> =
        bins.iter().map(|low| (0..20).map(|i| mass_function(low + 0.005 + 0.01 * f64::from(i))).sum()).collect();
    let scale = counts.iter().sum::<f64>() / expected.iter().sum::<f64>();
    for (count, expected) in counts.iter().zip(&expected) {
        let expected = expected * scale;
        assert!((count - expected).abs() < 4.5 * expected.sqrt() + 0.02 * expected, "{counts:?} against {expected}");
    }
    assert!(LOG_MASS_STAR < 10.5 && SCHECHTER[1].1 < -1.0);
}

#[test]
fn the_main_sequence_has_slope_one_and_scatter_0_3() {
    let sky = &*SKY;
    let residuals: Vec<f64> = sky
        .galaxies
        .iter()
        .filter(|galaxy| !galaxy.quenched)
        .map(|galaxy| {
            let ridge = main_sequence(f64::from(galaxy.true_log_mass), galaxy.true_redshift, &sky.parameters);
            f64::from(galaxy.true_log_sfr) - ridge
        })
        .collect();
    let mean = residuals.iter().sum::<f64>() / residuals.len() as f64;
    let scatter = (residuals.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / residuals.len() as f64).sqrt();
    assert!(mean.abs() < 0.01 && (scatter - 0.3).abs() < 0.01, "mean {mean}, scatter {scatter}");
}

#[test]
fn parameters_out_of_range_are_named() {
    let error = LightCone::generate(&Parameters { omega_m: f64::NAN, ..Parameters::default() }).unwrap_err();
    assert!(error.to_string().starts_with("cannot simulate with omega_m = NaN"), "{error}");
    assert!(LightCone::generate(&Parameters { galaxies: 0, ..Parameters::default() }).is_err());
}

#[test]
fn the_sky_looks_like_bgs() {
    let sky = &*SKY;
    let mut redshifts: Vec<f64> = sky.galaxies.iter().map(|galaxy| galaxy.redshift).collect();
    redshifts.sort_by(f64::total_cmp);
    let median = redshifts[redshifts.len() / 2];
    let radius = sky.voids.iter().map(|void| void.maximal.radius_mpc_h).sum::<f64>() / sky.voids.len() as f64;
    let full = sky.galaxies.len() as f64 / sky.sampling / sky.parameters.area_deg2;
    println!("median z {median:.3}, mean maximal {radius:.2}, {full:.0} galaxies a deg^2 at full sampling");
    println!("{} voids of {} cells", sky.voids.len(), sky.structure.nuclei.len());
    let holes: usize = sky.voids.iter().map(|void| void.holes.len()).sum();
    println!("{:.1} holes a void", holes as f64 / sky.voids.len() as f64);
    assert!((0.12..0.3).contains(&median), "median redshift {median}");
    assert!((11.0..15.0).contains(&radius), "mean maximal radius {radius}");
    assert!((500.0..1_300.0).contains(&full), "{full} galaxies a square degree");
}
