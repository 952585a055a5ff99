//! Populations through the public door, on skies with a known answer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use astro::statistics::Binning;
use desi::simulate::{LightCone, Parameters};
use study::tables::write_parquet;
use study::validation::{Validation, Verdict};
use voids::population::tables::Labelled;
use voids::population::{self, *};

/// An artificial sky: masses, redshifts and places uniform; void galaxies lighter; quenching rises with mass and is
/// `effect` higher in walls.
fn sky(count: usize, effect: f64, seed: u64) -> (Sample, Vec<Option<bool>>, Vec<Option<bool>>) {
    use rand::RngExt;
    let mut rng = astro::statistics::rng_stream(seed, 0);
    let (mut columns, mut in_void, mut quenched) = (SampleColumns::default(), Vec::new(), Vec::new());
    for row in 0..count {
        let void = rng.random::<f64>() < 0.2;
        let mass = 9.0 + 2.0 * rng.random::<f64>().powf(if void { 1.5 } else { 1.0 });
        let is_quenched = rng.random::<f64>() < 0.2 + 0.25 * (mass - 9.0) + if void { 0.0 } else { effect };
        columns.target_id.push(row as i64);
        columns.ra_deg.push(150.0 + 40.0 * rng.random::<f64>());
        columns.dec_deg.push(40.0 * rng.random::<f64>());
        columns.redshift.push(0.02 + 0.2 * rng.random::<f64>());
        columns.log_mass.push(Some(mass));
        let noise: f64 = (0..4).map(|_| rng.random::<f64>() - 0.5).sum();
        let log_ssfr = if is_quenched { -12.0 } else { -10.0 };
        columns.sfr_msun_yr.push(Some(10_f64.powf(mass + log_ssfr + 0.5 * noise)));
        columns.dn4000.push(Some(if is_quenched { 1.8 } else { 1.3 } + 0.05 * noise));
        columns.apparent_r.push(Some(18.0));
        columns.k_correction_r.push(None);
        columns.weight.push(1.0);
        in_void.push(Some(void));
        quenched.push(Some(is_quenched));
    }
    (Sample::new(columns, 3).unwrap(), in_void, quenched)
}

fn quick() -> EffectSettings {
    EffectSettings { bootstraps: 100, permutations: 199, ..EffectSettings::default() }
}

#[test]
fn the_effect_is_found_where_a_naive_difference_is_misled() {
    let (sample, in_void, quenched) = sky(40_000, 0.05, 1);
    let measured = effect(&sample, &in_void, &quenched, &quick()).unwrap();
    assert!((measured.value - 0.05).abs() < 4.0 * measured.error, "{measured:?}");
    assert!(measured.error > 0.003 && measured.error < 0.02, "{measured:?}");
    assert!((measured.error_galaxies / measured.error - 1.0).abs() < 0.5, "{measured:?}");
    assert!((measured.error_regions / measured.error - 1.0).abs() < 0.5, "{measured:?}");
    assert!(measured.p_permutation < 0.01);
    let share = |void: bool| {
        let rows: Vec<usize> = (0..sample.len()).filter(|row| in_void[*row] == Some(void)).collect();
        rows.iter().filter(|row| quenched[**row] == Some(true)).count() as f64 / rows.len() as f64
    };
    let naive = share(false) - share(true);
    assert!((naive - 0.05).abs() > 5.0 * measured.error, "the sky is too easy: naive difference {naive}");
}

#[test]
fn intervals_cover_and_the_null_is_rarely_rejected() {
    let settings = EffectSettings { bootstraps: 2, permutations: 99, ..EffectSettings::default() };
    let result = calibrate::<PopulationError>(&(1..=60).collect::<Vec<u64>>(), |seed| {
        let (sample, in_void, quenched) = sky(3_000, 0.0, seed);
        Ok(Trial { seed, truth: 0.0, measured: effect(&sample, &in_void, &quenched, &settings)? })
    })
    .unwrap();
    assert!(result.bias.abs() < 4.0 * result.bias_error, "{} ± {}", result.bias, result.bias_error);
    assert!((0.48..=0.87).contains(&result.coverage_68), "{}", result.coverage_68);
    assert!(result.coverage_95 >= 0.85, "{}", result.coverage_95);
    assert!((0.6..1.5).contains(&(result.mean_error / result.scatter)), "{} {}", result.mean_error, result.scatter);
    // 3 of 60 are expected; more than 10 has a chance of 2e-4.
    assert!(result.detections_permutation <= 10.0 / 60.0 && result.detections_regions <= 10.0 / 60.0);
}

#[test]
fn matched_samples_are_balanced_and_agree() {
    let (sample, in_void, quenched) = sky(40_000, 0.05, 2);
    let matched = match_controls(&sample, &in_void, &MatchSettings::default()).unwrap();
    let balances = balance(&sample, &in_void, &matched.pairs).unwrap();
    assert!(balances[0].before.abs() > 0.3 && balances.iter().all(|b| b.after.abs() < 0.05), "{balances:?}");
    let mut walls: Vec<usize> = matched.pairs.iter().map(|pair| pair.1).collect();
    let voids = in_void.iter().filter(|void| **void == Some(true)).count();
    assert_eq!(matched.pairs.len() + matched.unmatched, voids);
    walls.sort_unstable();
    assert!(walls.windows(2).all(|pair| pair[0] != pair[1]), "a control was used twice");
    let by_pairs = matched_effect(&sample, &matched, &quenched, &quick()).unwrap();
    assert!((by_pairs.value - 0.05).abs() < 4.0 * by_pairs.error, "{by_pairs:?}");
}

#[test]
fn one_thread_and_many_give_the_same_numbers() {
    let (sample, in_void, quenched) = sky(5_000, 0.05, 3);
    let measure = || effect(&sample, &in_void, &quenched, &quick()).unwrap();
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(measure);
    assert_eq!(alone, measure());
}

#[test]
fn definitions_agree_and_the_main_sequence_is_recovered() {
    let (sample, _, truth) = sky(20_000, 0.05, 4);
    let sequence = main_sequence(&sample, |_| true, [9.0, 11.0], 10.0).unwrap();
    assert!((sequence.ridge.line.slope - 1.0).abs() < 0.03, "{sequence:?}");
    assert!(sequence.intercept.abs() < 0.03, "{sequence:?}");
    // 0.5 times a sum of four uniforms: standard deviation 0.5 sqrt(4 / 12) = 0.289.
    assert!((sequence.ridge.scatter_dex - 0.289).abs() < 0.02, "{sequence:?}");
    for definition in Quenching::ALL {
        let measured = quenched(&sample, definition, Some(&sequence.ridge)).unwrap();
        let wrong = measured.iter().zip(&truth).filter(|(a, b)| a != b).count();
        assert!(wrong < 20, "{}: {wrong} wrong", definition.name());
    }
    assert!(quenched(&sample, Quenching::BelowMainSequence, None).is_err());
}

#[test]
fn the_mass_function_of_a_light_cone_is_the_one_that_was_drawn() {
    let parameters = Parameters { redshift_max: 0.24, void_mass_shift_dex: 0.0, ..Parameters::new(5, 30_000) };
    let cone = LightCone::generate(&parameters).unwrap();
    let simulated = simulated_sample(&cone, 0.2);
    let sample = Sample::new(simulated.columns, 4).unwrap();
    let vmax = VmaxSettings { r_limit: 19.5, redshift: [0.01, 0.2], area_deg2: parameters.area_deg2, omega_m: 0.3153 };
    let density = inverse_vmax(&sample, &vmax).unwrap();
    let bins = Binning::uniform(9.0, 11.2, 11).unwrap();
    let measured = population::mass_function(&sample, |_| true, &density, None, &bins).unwrap();
    let norm: f64 = measured.log_mass.iter().map(|m| desi::simulate::mass_function(*m) * 0.2).sum();
    for (k, mass) in measured.log_mass.iter().enumerate().filter(|(_, mass)| **mass < 11.0) {
        let expected = desi::simulate::mass_function(*mass) / norm;
        let error = measured.errors()[k];
        assert!(
            (measured.phi[k] - expected).abs() < 5.0 * error + 0.1 * expected,
            "{mass}: {} ± {error} for {expected}",
            measured.phi[k]
        );
    }
    let fit = DoubleSchechter::fit(&measured).unwrap();
    assert!(
        fit.converged && (fit.at(10.0) / (desi::simulate::mass_function(10.0) / norm) - 1.0).abs() < 0.2,
        "{fit:?}"
    );
}

#[test]
fn bad_input_is_refused_by_name() {
    let (sample, in_void, quenched) = sky(500, 0.0, 6);
    let short = effect(&sample, &in_void[1..], &quenched, &quick()).unwrap_err();
    assert!(short.to_string().contains("in_void"), "{short}");
    let nobody = effect(&sample, &vec![None; 500], &quenched, &quick()).unwrap_err();
    assert!(matches!(nobody, PopulationError::TooFew { .. }), "{nobody}");
    let zero = EffectSettings { mass_bin_dex: 0.0, ..quick() };
    assert!(matches!(effect(&sample, &in_void, &quenched, &zero), Err(PopulationError::Setting { .. })));
    let mut columns = sample.columns().clone();
    columns.sfr_msun_yr[3] = Some(-1.0);
    let negative = Sample::new(columns, 3).unwrap_err().to_string();
    assert!(negative.contains("sfr_msun_yr") && negative.contains("row 3"), "{negative}");
}

#[test]
fn tables_and_checks_come_out() {
    let (sample, in_void, quenched) = sky(20_000, 0.05, 7);
    let measured = effect(&sample, &in_void, &quenched, &quick()).unwrap();
    let variant = |algorithm: &str, value: f64| Variant {
        algorithm: algorithm.to_owned(),
        finder: "published catalogue".to_owned(),
        edge_rule: "excluded".to_owned(),
        definition: Quenching::SpecificRate.name().to_owned(),
        cosmology: "0.3153".to_owned(),
        completeness: "none".to_owned(),
        effect: Effect { value, ..measured },
    };
    let variants = [variant("VoidFinder", 0.05), variant("VIDE", 0.01), variant("ZOBOV", 0.03)];
    let budget = error_budget(&variants);
    assert!((budget[1].error.unwrap() - 0.02).abs() < 1e-12 && budget[2].error.is_none(), "{budget:?}");
    let folder = tempfile::tempdir().unwrap();
    let table = tables::variants(&variants, &[0.1; 3]).unwrap();
    write_parquet(&folder.path().join("v.parquet"), &table).unwrap();
    let bins = Binning::uniform(9.0, 11.0, 4).unwrap();
    let density = vec![Some(1e-6); sample.len()];
    let value = population::mass_function(&sample, |_| true, &density, Some(1.0), &bins).unwrap();
    let labelled = Labelled { algorithm: "VIDE".to_owned(), label: "void".to_owned(), value };
    let covariance = tables::covariances(&[tables::mass_function_covariance(&labelled)]).unwrap();
    assert_eq!(covariance.num_rows(), 16);
    assert_eq!(tables::mass_functions(&[labelled.clone(), labelled]).unwrap().num_rows(), 8);
    assert_eq!(tables::budget(&budget).unwrap().num_rows(), 8);
}

#[test]
fn every_source_of_the_budget_is_told_and_added_up() {
    let (sample, in_void, quenched) = sky(5_000, 0.05, 7);
    let measured = effect(&sample, &in_void, &quenched, &quick()).unwrap();
    let variant = |choices: [&str; 6], value: f64| {
        let [algorithm, finder, edge_rule, definition, cosmology, completeness] = choices.map(str::to_owned);
        let effect = Effect { value, error: 0.004, error_galaxies: 0.004, error_regions: 0.004, ..measured };
        Variant { algorithm, finder, edge_rule, definition, cosmology, completeness, effect }
    };
    let variants = [
        variant(["a", "b", "c", "d", "e", "f"], 0.05),
        variant(["A", "b", "c", "d", "e", "f"], 0.03),
        variant(["a", "B", "c", "d", "e", "f"], 0.05),
        variant(["a", "b", "C", "d", "e", "f"], 0.056),
        variant(["a", "b", "c", "D", "e", "f"], 0.05),
        variant(["a", "b", "c", "d", "E", "f"], 0.05),
        variant(["a", "b", "c", "d", "e", "F"], 0.05),
        variant(["A", "B", "c", "d", "e", "f"], 0.50),
    ];
    assert_eq!(one_at_a_time(&variants).len(), 7);
    let budget = error_budget(&variants);
    let total = budget.iter().find(|line| line.source == SYSTEMATIC).unwrap();
    assert!((total.error.unwrap() - 0.01_f64.hypot(0.003)).abs() < 1e-12, "{budget:?}");
    let mut validation = Validation::new();
    integrity(&sample, Integrity { expected_rows: Some(5_000) }, &mut validation);
    let found = Robustness { variants: &variants, budget: &budget, balances: &[], matched: None };
    robustness(&found, &mut validation);
    assert_eq!(validation.overall(), Verdict::Pass, "{:?}", validation.checks);
    let alone = Robustness { variants: &variants[..1], budget: &error_budget(&variants[..1]), ..found };
    robustness(&alone, &mut validation);
    assert_eq!(validation.overall(), Verdict::Warn);
    integrity(&sample, Integrity { expected_rows: Some(4_999) }, &mut validation);
    assert_eq!(validation.overall(), Verdict::Fail);
}

#[test]
fn the_effect_in_bins_adds_up_and_the_null_survives_many_tests() {
    let settings = EffectSettings { mass_bin_dex: 0.25, ..quick() };
    let (sample, in_void, quenched) = sky(40_000, 0.06, 8);
    for (by, least) in [(BinnedBy::Mass, 8), (BinnedBy::Redshift, 4)] {
        let f = quenched_fractions(&sample, &in_void, &quenched, &settings, by).unwrap();
        assert!(f.bins.len() >= least, "{:?}", f.bins);
        let errors = f.difference_error();
        assert_eq!(f.covariance.len(), 3 * f.bins.len());
        let (sum, weight) = f.difference.iter().zip(&errors).fold((0.0, 0.0), |(sum, weight), (value, error)| {
            (sum + value / (error * error), weight + 1.0 / (error * error))
        });
        assert!((sum / weight - 0.06).abs() < 4.0 / weight.sqrt(), "{by:?}: {} of 0.06", sum / weight);
    }
    let (sample, in_void, quenched) = sky(40_000, 0.0, 9);
    let f = quenched_fractions(&sample, &in_void, &quenched, &settings, BinnedBy::Mass).unwrap();
    let adjusted = adjust(&[f.p_value.clone(), vec![0.001]]).unwrap();
    assert!(adjusted[0].iter().zip(&f.p_value).all(|(adjusted, raw)| adjusted >= raw));
    assert!(adjusted[0].iter().all(|p| *p > 0.02), "{adjusted:?}");
}

#[test]
fn weights_of_one_over_vmax_and_stretched_distances_do_what_they_say() {
    let (sample, in_void, quenched) = sky(20_000, 0.05, 10);
    let plain = effect(&sample, &in_void, &quenched, &quick()).unwrap();
    let doubled = sample.weighted(vec![2.0; sample.len()]).unwrap();
    let measured = effect(&doubled, &in_void, &quenched, &quick()).unwrap();
    assert!((measured.value - plain.value).abs() < 1e-12 && (measured.error - plain.error).abs() < 1e-12);
    assert!(sample.weighted(vec![-1.0; sample.len()]).is_err() && sample.weighted(vec![1.0]).is_err());
    let far = sample.stretched(&vec![10.0; sample.len()]).unwrap();
    assert!((far.columns().log_mass[0].unwrap() - sample.columns().log_mass[0].unwrap() - 2.0).abs() < 1e-12);
    assert!((far.log_ssfr(0).unwrap() - sample.log_ssfr(0).unwrap()).abs() < 1e-12);
    assert!(sample.stretched(&vec![0.0; sample.len()]).is_err());
}
