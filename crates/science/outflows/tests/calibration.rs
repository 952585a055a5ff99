//! Errors of the fit of a right model are true, and wings are found where they are; small, the table is in the docs.
#![allow(clippy::unwrap_used)]

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use outflows::calibrate::{Calibration, calibrate};

fn column(table: &RecordBatch, name: &str) -> Vec<f64> {
    table.column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec()
}

#[test]
fn pulls_are_normal_and_wings_are_told_from_noise() {
    let settings = Calibration { spectra: 384, draws: 0, seed: 3 };
    let (pulls, wings) = calibrate(settings, &|| ()).unwrap();
    let (snr, mean, deviation) = (column(&pulls, "snr"), column(&pulls, "mean"), column(&pulls, "deviation"));
    // 48 spectra a class: a mean is good to 0.15, a deviation to 0.1.
    let bright: Vec<usize> = (0..snr.len()).filter(|row| snr[*row] >= 10.0).collect();
    let average = |values: &[f64]| bright.iter().map(|row| values[*row]).sum::<f64>() / bright.len() as f64;
    assert!(average(&mean).abs() < 0.1, "mean pull {}", average(&mean));
    assert!((average(&deviation) - 1.0).abs() < 0.15, "standard deviation {}", average(&deviation));
    let (fraction, found) = (column(&wings, "wing_fraction"), column(&wings, "found"));
    for row in 0..fraction.len() {
        let snr = column(&wings, "snr")[row];
        assert!(fraction[row] > 0.0 || found[row] < 0.15, "false wings at S/N {snr}: {}", found[row]);
        assert!(
            fraction[row] < 0.3 || snr < 20.0 || found[row] > 0.7,
            "wings of {} at S/N {snr}: {}",
            fraction[row],
            found[row]
        );
    }
}

#[test]
fn calibrations_repeat() {
    let once = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| calibrate(Calibration { spectra: 16, draws: 0, seed: 1 }, &|| ()).unwrap())
    };
    assert_eq!(once(1), once(3));
}
