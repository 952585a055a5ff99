//! Line profiles against oracles of real spectra and exact values.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use outflows::object_table::ObjectTable;
use outflows::profile::{
    GaussianComponent, LinePixels, LineProfile, maximum_velocity_km_s, profile_of_data, profile_of_model, wing_of_data,
    wing_of_model,
};
use testkit::assert_close;

/// The oracles were taken on a grid of 0.5 km/s.
const GRID_KM_S: f64 = 1.0;

fn gaussian(flux: f64, centre_km_s: f64, sigma_km_s: f64) -> GaussianComponent {
    GaussianComponent { flux, centre_km_s, sigma_km_s }
}

#[test]
fn one_gaussian_has_the_widths_of_the_normal_distribution() {
    let profile = profile_of_model(&[gaussian(3.0, -50.0, 300.0)]).unwrap();
    assert_close(profile.w80(), 2.563_103_131_089_2 * 300.0, 1e-9, "W80");
    assert_close(profile.w90(), 3.289_707_253_902_9 * 300.0, 1e-9, "W90");
    assert_close(profile.fwhm_km_s, 2.354_820_045_030_9 * 300.0, 1e-3, "FWHM");
    assert_close(profile.v50(), -50.0, 1e-9, "v50");
    assert!(profile.asymmetry().abs() < 1e-9);
}

#[test]
fn widths_of_very_different_components_are_found_at_once() {
    // A component that the instrument's width leaves as good as nothing of, below one of usual width and below two.
    for narrow in [1e-9, 1e-6, 1e-3] {
        let spike = gaussian(1e-3 * narrow, 120.0, narrow);
        let profile = profile_of_model(&[spike, gaussian(1.0, 0.0, 300.0)]).unwrap();
        assert_close(profile.fwhm_km_s, 2.354_820_045_030_9 * 300.0, 1.0, "FWHM");
        assert_close(profile.w80(), 2.563_103_131_089_2 * 300.0, 1.0, "W80");
    }
    // The smallest flux there is: its half is none.
    let profile = profile_of_model(&[gaussian(f64::from_bits(1), 0.0, 100.0), gaussian(0.0, 500.0, 100.0)]).unwrap();
    assert!(profile.fwhm_km_s.is_finite());
}

#[test]
fn two_component_oracles_are_reproduced() {
    let Some(data) = testkit::real_data() else { return };
    let table = ObjectTable::read(&data.join("outflows/oiii_profile_oracles.csv")).unwrap();
    for row in 0..table.len() {
        let of = |name: &str| table.numbers(name).unwrap()[row].unwrap();
        let wing = gaussian(of("wing_flux"), of("dv_kms"), of("wing_sigma"));
        let profile = profile_of_model(&[gaussian(of("narrow_flux"), 0.0, of("narrow_sigma")), wing]).unwrap();
        assert_close(maximum_velocity_km_s(&wing, 0.0), of("vmax_dv_plus_2sigma"), 1e-4, "v_max");
        let columns = ["v02", "v05", "v10", "v50", "v90", "v95", "", "W80", "W90", "dv_zak", "asym", "peak", "FWHM"];
        for ((column, name), value) in columns.iter().zip(LineProfile::NAMES).zip(profile.values()) {
            if !column.is_empty() {
                let tolerance = if *column == "asym" { 2e-3 } else { GRID_KM_S };
                assert!((value - of(column)).abs() < tolerance, "{name}: {value} against {}", of(column));
            }
        }
    }
}

/// A line with a wing as pixels of 60 km/s.
fn pixels(noise: f64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let velocity: Vec<f64> = (-60..=60).map(|step| f64::from(step) * 60.0).collect();
    let flux = velocity
        .iter()
        .map(|v| (-0.5 * (v / 200.0).powi(2)).exp() + 0.25 * (-0.5 * ((v + 300.0) / 700.0).powi(2)).exp())
        .collect();
    let ivar = vec![1.0 / (noise * noise); velocity.len()];
    (velocity, flux, ivar)
}

#[test]
fn pixels_and_model_agree_and_errors_grow_with_noise() {
    let (velocity, flux, ivar) = pixels(0.01);
    let model = profile_of_model(&[gaussian(200.0, 0.0, 200.0), gaussian(0.25 * 700.0, -300.0, 700.0)]).unwrap();
    let all =
        |ivar: &[f64]| profile_of_data(LinePixels { velocity_km_s: &velocity, flux: &flux, ivar }, (100, 1)).unwrap();
    let (measured, errors) = all(&ivar);
    for index in 0..9 {
        let difference = (measured.values()[index] - model.values()[index]).abs();
        assert!(difference < 25.0, "{}: {difference}", LineProfile::NAMES[index]);
    }
    let (_, larger) = all(&pixels(0.03).2);
    assert!(larger[7] > 1.5 * errors[7], "{} {}", larger[7], errors[7]);
}

#[test]
fn wings_are_significant_only_where_they_are() {
    let (velocity, flux, ivar) = pixels(0.02);
    let wing = wing_of_data(LinePixels { velocity_km_s: &velocity, flux: &flux, ivar: &ivar }, 600.0).unwrap();
    assert!(wing.significance > 10.0 && wing.fraction > 0.1, "{wing:?}");
    let core: Vec<f64> = velocity.iter().map(|v| (-0.5 * (v / 200.0).powi(2)).exp()).collect();
    let none = wing_of_data(LinePixels { velocity_km_s: &velocity, flux: &core, ivar: &ivar }, 600.0).unwrap();
    assert!(none.significance.abs() < 1.0, "{none:?}");
    let model = wing_of_model([3.0, 1.0], [[0.01, -0.005], [-0.005, 0.04]]).unwrap();
    assert_close(model.fraction, 0.25, 1e-12, "fraction");
    assert_close(model.significance, 5.0, 1e-12, "significance");
}

#[test]
fn what_is_no_line_is_refused() {
    assert!(profile_of_model(&[]).is_err());
    assert!(profile_of_model(&[gaussian(1.0, 0.0, 0.0)]).is_err());
    assert!(profile_of_model(&[gaussian(-1.0, 0.0, 100.0)]).is_err());
    let backwards = LinePixels { velocity_km_s: &[2.0, 1.0, 0.0], flux: &[1.0; 3], ivar: &[1.0; 3] };
    assert!(profile_of_data(backwards, (0, 0)).is_err());
}
