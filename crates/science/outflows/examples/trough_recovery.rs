//! Completeness, purity, bias and pulls of injected troughs against S/N, strength and velocity, as a Markdown table.
//!
//! `cargo run --release -p outflows --example trough_recovery -- SPECTRA [plain|survey] [SEED] [EIGENSPECTRA.fits]`: the
//! quasars are power laws with four Gaussian lines (`plain`), or those of `astrolab data simulate --quasars` (`survey`).
#![allow(clippy::print_stdout)]

use std::path::Path;

use outflows::troughs::{
    Eigenspectra, InjectedTrough, Recovery, TroughIndex, recovery, simulate_spectrum, survey_quasars, survey_spectrum,
};

const TROUGHS: [(bool, f64, f64, f64); 5] = [
    (true, 9000.0, 3500.0, 0.7),
    (true, 18000.0, 3500.0, 0.7),
    (true, 9000.0, 2000.0, 0.4),
    (false, 4500.0, 700.0, 0.7),
    (false, 4500.0, 500.0, 0.4),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let spectra: usize = arguments.next().ok_or("expected the number of spectra a row")?.parse()?;
    let survey = match arguments.next().as_deref() {
        None | Some("plain") => false,
        Some("survey") => true,
        Some(other) => return Err(format!("expected plain or survey, found {other}").into()),
    };
    let seed: u64 = arguments.next().map_or(Ok(1), |seed| seed.parse())?;
    let eigenspectra = arguments.next().map(|path| Eigenspectra::read(Path::new(&path))).transpose()?;
    println!(
        "| index | centre, km/s | half width, km/s | depth | true, km/s | S/N | complete, % | pure, % | bias, % | pull mean | pull sd |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (balnicity, centre_km_s, width_km_s, depth) in TROUGHS {
        let trough = InjectedTrough { centre_km_s, width_km_s, depth };
        for signal_to_noise in [2.0, 3.0, 5.0, 10.0, 20.0] {
            let eigenspectra = eigenspectra.as_ref();
            let found = if survey {
                let sky = survey_quasars(signal_to_noise, (spectra, seed))?;
                recovery(&trough, |number| survey_spectrum(&sky, &trough, number), eigenspectra, spectra, balnicity)
            } else {
                let made = |number| simulate_spectrum(Some(&trough), signal_to_noise, seed, number as u64);
                recovery(&trough, made, eigenspectra, spectra, balnicity)
            };
            print_row(&trough, balnicity, signal_to_noise, &found);
        }
    }
    Ok(())
}

fn print_row(trough: &InjectedTrough, balnicity: bool, signal_to_noise: f64, found: &Recovery) {
    let (name, kind) = if balnicity { ("BI", TroughIndex::BALNICITY) } else { ("AI", TroughIndex::ABSORPTION) };
    println!(
        "| {name} | {} | {} | {} | {:.0} | {signal_to_noise} | {:.1} | {:.1} | {:+.1} | {:+.2} | {:.2} |",
        trough.centre_km_s,
        trough.width_km_s,
        trough.depth,
        trough.index(&kind),
        100.0 * found.completeness,
        100.0 * found.purity,
        100.0 * found.bias,
        found.pull_mean,
        found.pull_sd
    );
}
