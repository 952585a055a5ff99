//! Troughs of synthetic spectra with known truth, beside those of DESI's finder, as a Markdown table.
//!
//! `cargo run --release -p outflows --example trough_comparison -- FOLDER EIGENSPECTRA.fits > table.md`: FOLDER holds
//! `results.csv` (id, truth, and the finder's answers) and one `<id>.csv` a spectrum (wave, flux, ivar).
#![allow(clippy::print_stdout)]

use std::path::Path;

use outflows::Spectrum;
use outflows::object_table::ObjectTable;
use outflows::troughs::{Eigenspectra, TroughSettings, find_troughs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, eigenspectra] = arguments.as_slice() else { return Err("expected FOLDER EIGENSPECTRA.fits".into()) };
    let folder = Path::new(folder);
    let eigenspectra = Eigenspectra::read(Path::new(eigenspectra))?;
    let results = ObjectTable::read(&folder.join("results.csv"))?;
    let column = |name: &str| results.numbers(name);
    let (bi, ai) = (column("true_BI_CIV")?, column("true_AI_CIV")?);
    let (their_bi, their_bi_error) = (column("BI_CIV")?, column("BI_CIV_ERR")?);
    let (their_ai, redshift, snr) = (column("AI_CIV")?, column("z")?, column("snr")?);
    println!("| spectrum | trough | S/N | true BI | ours | DESI finder | true AI | ours | DESI finder | chi2/dof |");
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let (labels, kinds) = (results.labels(&["id"]), results.labels(&["trough"]));
    let (mut ours, mut theirs) = ([0.0; 2], [0.0; 2]);
    let mut nearer = 0;
    for (row, id) in labels.iter().enumerate() {
        let table = ObjectTable::read(&folder.join(format!("{id}.csv")))?;
        let values = |name: &str| -> Result<Vec<f64>, Box<dyn std::error::Error>> {
            Ok(table.numbers(name)?.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        };
        let mut spectrum = Spectrum::from_arrays(values("wave")?, values("flux")?, values("ivar")?);
        spectrum.redshift = redshift[row];
        let found = find_troughs(&spectrum, Some(&eigenspectra), None, &TroughSettings::default())?;
        let civ = found.indices.first().ok_or("C IV is not covered")?;
        let [true_bi, true_ai, dbi, dbi_error, dai, snr] =
            [bi[row], ai[row], their_bi[row], their_bi_error[row], their_ai[row], snr[row]]
                .map(|value| value.unwrap_or(f64::NAN));
        println!(
            "| {id} | {} | {snr} | {true_bi:.0} | {:.0} ± {:.0} | {dbi:.0} ± {dbi_error:.0} | {true_ai:.0} | {:.0} ± {:.0} | {dai:.0} | {:.3} |",
            kinds[row],
            civ.balnicity.value_km_s,
            civ.balnicity.error_km_s,
            civ.absorption.value_km_s,
            civ.absorption.error_km_s,
            found.continuum.reduced_chi2.unwrap_or(f64::NAN),
        );
        let off = [civ.balnicity.value_km_s - true_bi, civ.absorption.value_km_s - true_ai];
        let peer = [dbi - true_bi, dai - true_ai];
        for i in 0..2 {
            ours[i] += off[i] * off[i];
            theirs[i] += peer[i] * peer[i];
            nearer += usize::from(off[i].abs() <= peer[i].abs());
        }
    }
    let rms = |sums: [f64; 2]| sums.map(|sum| (sum / labels.len() as f64).sqrt());
    let ([our_bi, our_ai], [their_bi, their_ai]) = (rms(ours), rms(theirs));
    println!(
        "\nRoot mean square distance from the truth, km/s: BI {our_bi:.0} (DESI finder {their_bi:.0}), AI {our_ai:.0} ({their_ai:.0});"
    );
    println!("as near or nearer in {nearer} of {} indices.", 2 * labels.len());
    Ok(())
}
