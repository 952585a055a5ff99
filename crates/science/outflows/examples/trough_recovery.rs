//! Completeness, purity, bias and pulls of injected troughs against S/N, strength and velocity, as a Markdown table.
//!
//! `cargo run --release -p outflows --example trough_recovery -- SPECTRA [EIGENSPECTRA.fits] > table.md`
#![allow(clippy::print_stdout)]

use std::path::Path;

use outflows::troughs::{Eigenspectra, InjectedTrough, TroughIndex, recovery};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let spectra: usize = arguments.next().ok_or("expected the number of spectra a row")?.parse()?;
    let eigenspectra = arguments.next().map(|path| Eigenspectra::read(Path::new(&path))).transpose()?;
    println!(
        "| index | centre, km/s | half width, km/s | depth | true, km/s | S/N | complete, % | pure, % | bias, % | pull mean | pull sd |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let troughs = [
        (true, 9000.0, 3500.0, 0.7),
        (true, 18000.0, 3500.0, 0.7),
        (true, 9000.0, 2000.0, 0.4),
        (false, 4500.0, 700.0, 0.7),
        (false, 4500.0, 500.0, 0.4),
    ];
    for (balnicity, centre_km_s, width_km_s, depth) in troughs {
        let trough = InjectedTrough { centre_km_s, width_km_s, depth };
        let (name, kind) = if balnicity { ("BI", TroughIndex::BALNICITY) } else { ("AI", TroughIndex::ABSORPTION) };
        for signal_to_noise in [2.0, 3.0, 5.0, 10.0, 20.0] {
            let found = recovery(&trough, signal_to_noise, eigenspectra.as_ref(), (spectra, 1), balnicity);
            println!(
                "| {name} | {centre_km_s} | {width_km_s} | {depth} | {:.0} | {signal_to_noise} | {:.1} | {:.1} | {:+.1} | {:+.2} | {:.2} |",
                trough.index(&kind),
                100.0 * found.completeness,
                100.0 * found.purity,
                100.0 * found.bias,
                found.pull_mean,
                found.pull_sd
            );
        }
    }
    Ok(())
}
