//! Published winds, recomputed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use outflows::energetics::{
    AbsorptionWind, Defaults, Distance, EmissionWind, MassCalibration, Measured, Propagation, ShellConvention,
    WindGeometry, WindPosterior, absorption_from_table, distance_kpc, emission_from_table,
};
use outflows::object_table::ObjectTable;
use testkit::assert_close;

/// The oracles carry five significant digits.
const FIVE_DIGITS: f64 = 2e-4;

fn one_draw() -> Propagation {
    Propagation { draws: 1, ..Propagation::default() }
}

fn shell(log_n_h: f64, velocity: f64, radius: f64, covering: f64) -> AbsorptionWind {
    AbsorptionWind {
        log_u: None,
        log_n_h: Measured::exact(log_n_h),
        correlation: 0.0,
        velocity_km_s: Measured::exact(velocity),
        covering: Measured::exact(covering),
        distance: Distance::Known(Measured::exact(radius)),
    }
}

/// Two significant digits of a published rate, half a unit in the last place.
fn agrees_within_rounding(value: f64, published: f64) -> bool {
    let place = 10f64.powf(published.log10().floor() - 1.0);
    (value - published).abs() <= 0.5 * place
}

#[test]
fn published_shells_are_reproduced_within_their_rounding() {
    // Walker et al. 2022 (arXiv:2208.09990); Moe et al. 2009 (2009ApJ...706..525M), who use the factor 8 pi.
    let walker = shell(21.44, 3200.0, 16.0, 0.2).rates(ShellConvention::DynamicalTime);
    assert!(agrees_within_rounding(walker.mass_rate_msun_yr, 4100.0), "{walker:?}");
    // The power was published from unrounded inputs: v to two digits alone allows 0.014 dex.
    assert!((walker.log_power_erg_s - 46.13).abs() < 0.02, "{walker:?}");
    let moe = shell(20.8, 4900.0, 3.3, 0.2);
    assert!(agrees_within_rounding(moe.rates(ShellConvention::Swept).mass_rate_msun_yr, 590.0));
    assert!((moe.rates(ShellConvention::Swept).log_power_erg_s - 45.65).abs() < 0.005);
    assert!(!agrees_within_rounding(moe.rates(ShellConvention::DynamicalTime).mass_rate_msun_yr, 590.0));
    // Borguet et al. 2013 (2013ApJ...762...49B): 390 Msun/yr, 1e46 erg/s from R of 0.32 kpc, so to 2 % and one digit.
    let borguet = shell(22.1, 8250.0, 0.32, 0.08).rates(ShellConvention::DynamicalTime);
    assert_close(borguet.mass_rate_msun_yr, 390.0, 0.02, "SDSS J1106+1939");
    assert!((borguet.log_power_erg_s - 46.0).abs() < 0.1);
}

#[test]
fn every_row_of_the_absorption_oracle_is_reproduced() {
    let Some(data) = testkit::real_data() else { return };
    let table = ObjectTable::read(&data.join("outflows/energetics_absorption.csv")).unwrap();
    let found =
        absorption_from_table(&table, &Defaults::default(), ShellConvention::DynamicalTime, one_draw()).unwrap();
    assert_eq!(found.outcomes.len(), 3);
    let [rate, power, momentum] = ["recomputed_Mdot_4pi", "recomputed_logEdot_4pi", "recomputed_log_pdot"]
        .map(|name| table.numbers(name).unwrap());
    for (row, outcome) in found.outcomes.iter().enumerate() {
        let found = outcome.posterior.as_ref().unwrap();
        let rate_found = 10f64.powf(found.log_mass_rate_msun_yr.value);
        assert_close(rate_found, rate[row].unwrap(), FIVE_DIGITS, &outcome.object);
        assert!((found.log_power_erg_s.value - power[row].unwrap()).abs() < 6e-4);
        assert!((found.log_momentum_rate_dyn.value - momentum[row].unwrap()).abs() < 6e-4);
    }
    // The photon rates that the published distances imply lead back to those distances.
    for (row, log_q_h) in table.numbers("implied_logQH(nH=ne/1.2)").unwrap().into_iter().enumerate() {
        let [log_u, log_n_e, radius] =
            ["logU", "logne", "R_kpc"].map(|name| table.numbers(name).unwrap()[row].unwrap());
        assert_close(distance_kpc(log_q_h.unwrap(), log_u, log_n_e - 1.2f64.log10()), radius, 2e-3, "R");
    }
}

#[test]
fn every_row_of_the_emission_oracle_is_reproduced() {
    let Some(data) = testkit::real_data() else { return };
    let table = ObjectTable::read(&data.join("outflows/energetics_emission.csv")).unwrap();
    let labels = table.labels(&["mass_formula"]);
    let keys = ["Carniani15_OIII", "Kakkad16_OIII", "CanoDiaz12_OIII", "Carniani15_Hb", "Nesvadba"];
    for (calibration, key) in MassCalibration::ALL.into_iter().zip(keys) {
        let rows: Vec<usize> = (0..table.len()).filter(|&row| labels[row].starts_with(key)).collect();
        assert_eq!(rows.len(), 3, "{key}");
        let columns = [
            (WindGeometry::ThinShell, "Mdot=Mv/R", "logEdot(Mv/R)"),
            (WindGeometry::Filled, "Mdot=3Mv/R", "logEdot(3Mv/R)"),
        ];
        for (geometry, rate, power) in columns {
            let how = (calibration, geometry);
            let all = emission_from_table(&table, &Defaults::default(), how, one_draw()).unwrap();
            for &row in &rows {
                let expected = |name: &str| table.numbers(name).unwrap()[row].unwrap();
                let found = all.outcomes[row].posterior.as_ref().unwrap();
                assert_close(10f64.powf(found.log_mass_msun.value), expected("M_Msun"), FIVE_DIGITS, key);
                let rate_found = 10f64.powf(found.log_mass_rate_msun_yr.value);
                assert_close(rate_found, expected(rate), FIVE_DIGITS, key);
                assert!((found.log_power_erg_s.value - expected(power)).abs() < 2e-4);
                if geometry == WindGeometry::ThinShell {
                    assert!((found.log_momentum_rate_dyn.value - expected("logpdot(Mv/R)")).abs() < 2e-4);
                }
            }
        }
    }
}

/// R from U and N_H along the ionisation front rise together: Mdot goes as U^-1/2 N_H, so errors partly cancel.
#[test]
fn joint_errors_are_narrower_than_independent_ones() {
    let width = |correlation| {
        let wind = AbsorptionWind {
            log_u: Some(Measured::new(-1.5, 0.3)),
            log_n_h: Measured::new(21.0, 0.3),
            correlation,
            distance: Distance::FromIonisation { log_q_h: Measured::exact(57.0), log_n_e: Measured::exact(3.5) },
            ..shell(21.0, 3000.0, 1.0, 0.2)
        };
        let how = Propagation { draws: 40_000, ..Propagation::default() };
        let found = WindPosterior::of_absorption(&wind, ShellConvention::default(), how).unwrap();
        0.5 * (found.log_mass_rate_msun_yr.p84 - found.log_mass_rate_msun_yr.p16)
    };
    // sd of log N_H - log U / 2: 0.3 sqrt(1 + 1/4 - rho); 0.9945 is the half width of 16-84 % in sd.
    for correlation in [0.0, 0.9, 1.0, -1.0_f64] {
        let expected: f64 = 0.3 * (1.25 - correlation).sqrt();
        assert_close(width(correlation), 0.9945 * expected, 0.02, "width");
    }
    assert!(width(0.95) < 0.55 * width(0.0));
}

#[test]
fn same_seed_same_posterior_and_other_seed_another() {
    let wind = EmissionWind {
        log_luminosity_erg_s: Measured::new(43.0, 0.05),
        log_n_e: Measured { value: 2.7, below: 0.3, above: 0.1 },
        velocity_km_s: Measured::new(900.0, 100.0),
        radius_kpc: Measured::new(2.0, 0.5),
        oxygen_dex: 0.0,
    };
    let of = |seed| {
        let how = Propagation { seed, ..Propagation::default() };
        WindPosterior::of_emission(&wind, MassCalibration::CarnianiOiii, WindGeometry::Filled, how).unwrap()
    };
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
    // The density's error is skewed downwards, so the mass is skewed upwards.
    let mass = of(3).log_mass_msun;
    assert!(mass.p84 - mass.value > 2.0 * (mass.value - mass.p16));
}

#[test]
fn impossible_inputs_are_refused_by_name() {
    let message = |wind: AbsorptionWind| {
        WindPosterior::of_absorption(&wind, ShellConvention::default(), Propagation::default()).unwrap_err().to_string()
    };
    assert!(message(shell(21.0, -100.0, 1.0, 0.2)).contains("velocity"));
    assert!(message(shell(21.0, 1000.0, 1.0, 1.2)).contains("covering"));
    assert!(message(shell(f64::NAN, 1000.0, 1.0, 0.2)).contains("log N_H"));
    assert!(message(shell(21.0, 1000.0, 0.0, 0.2)).contains("distance"));
    let from_u = AbsorptionWind {
        distance: Distance::FromIonisation { log_q_h: Measured::exact(57.0), log_n_e: Measured::exact(3.0) },
        ..shell(21.0, 1000.0, 1.0, 0.2)
    };
    assert!(message(from_u).contains("ionisation parameter"));
}

#[test]
fn an_object_without_a_column_density_says_so_and_the_others_are_computed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("objects.csv");
    let compute = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let table = ObjectTable::read(&path).unwrap();
        absorption_from_table(&table, &Defaults::default(), ShellConvention::default(), one_draw())
    };
    let found = compute("object,logNH,v_kms,R_kpc,Omega\nwhole,21,3000,1,0.2\nholed,,3000,1,0.2\n").unwrap();
    assert!(found.outcomes[0].posterior.is_ok());
    assert!(found.outcomes[1].posterior.as_ref().unwrap_err().contains("log N_H"));
    let batch = found.table().unwrap();
    assert_eq!(batch.column_by_name("LOG_MDOT").unwrap().null_count(), 1);
    let error = compute("object,logN_H,v_kms\nx,21,3000\n").unwrap_err().to_string();
    assert!(error.contains("did you mean `logN_H`"), "{error}");
    assert!(ObjectTable::read(Path::new("/nowhere/objects.csv")).is_err());
}
