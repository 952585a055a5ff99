//! Bias and coverage of the void effect over simulated skies, as a page:
//! `cargo run --release -p voids --example calibrate -- SEEDS GALAXIES EFFECT > docs/reference/calibration-voids.md`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use desi::simulate::Parameters;
use voids::population::{CalibrationPlan, EffectSettings, calibrate_on_light_cones, calibration_page};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: &str| arguments.get(place).cloned().unwrap_or_else(|| default.to_owned());
    let (seeds, galaxies, size) = (number(0, "50").parse()?, number(1, "60000").parse()?, number(2, "0.03").parse()?);
    // Coverage is that of the jackknife; the bootstrap is not looked at.
    let settings = EffectSettings { bootstraps: 2, permutations: 199, ..EffectSettings::default() };
    let mut runs = Vec::new();
    for effect in [size, 0.0] {
        let parameters = Parameters { environment_effect: effect, redshift_max: 0.24, ..Parameters::new(1, galaxies) };
        let plan = CalibrationPlan { parameters, seeds, region_order: 3, settings };
        let calibrations = calibrate_on_light_cones(&plan, |seed| eprintln!("effect {effect}: sky {seed} of {seeds}"))?;
        runs.push((plan, calibrations));
    }
    let command = format!("cargo run --release -p voids --example calibrate -- {seeds} {galaxies} {size}");
    print!("{}", calibration_page(&runs, &command));
    Ok(())
}
