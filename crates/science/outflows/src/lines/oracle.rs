//! The best-known minima of another program's line models (`outflows/oracle_line_optimum.csv`), reached or beaten.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use astro::cosmology::SPEED_OF_LIGHT_KM_S;

use super::*;

/// Its model of a complex: peaks tied, so that flux ratios carry the ratio of wavelengths.
fn peer_model(name: &str) -> Complex {
    let c = SPEED_OF_LIGHT_KM_S;
    let group = |name: &str, sigma: [f64; 2], offset: f64, count: usize| {
        format!(
            "[[complex.group]]\nname = \"{name}\"\ncomponents = [{count}, {count}]\nsigma_km_s = [{:.9}, {:.9}]\noffset_km_s = [{:.9}, {:.9}]\n",
            sigma[0] * c,
            sigma[1] * c,
            -offset * c,
            offset * c
        )
    };
    let line = |name: &str, wavelength: f64, group: &str, tied: &str| {
        format!("[[complex.line]]\nname = \"{name}\"\nwavelength_angstrom = {wavelength}\ngroup = \"{group}\"\n{tied}")
    };
    let (head, groups, lines) = match name {
        "Hb" => (
            "[[complex]]\nname = \"Hb\"\nwindow_angstrom = [4640.0, 5100.0]\n",
            [
                group("broad", [0.004, 0.05], 0.01, 2),
                group("narrow", [0.00023, 0.00169], 0.01, 1),
                group("wing", [0.00023, 0.004], 0.01, 1),
            ],
            vec![
                line("Hb_br", 4862.68, "broad", ""),
                line("Hb_na", 4862.68, "narrow", ""),
                line("O1", 4960.30, "narrow", ""),
                line("O2", 5008.24, "narrow", ""),
                line("W1", 4960.30, "wing", ""),
                line("W2", 5008.24, "wing", ""),
            ],
        ),
        _ => (
            "[[complex]]\nname = \"Ha\"\nwindow_angstrom = [6400.0, 6800.0]\n",
            [group("broad", [0.004, 0.05], 0.015, 2), group("narrow", [0.0005, 0.00169], 0.01, 1), String::new()],
            vec![
                line("Ha_br", 6564.61, "broad", ""),
                line("Ha_na", 6564.61, "narrow", ""),
                line("N2", 6585.28, "narrow", ""),
                line("N1", 6549.85, "narrow", &format!("flux_of = \"N2\"\nratio = {:.9}\n", 6549.85 / 6585.28 / 3.0)),
                line("S1", 6718.29, "narrow", ""),
                line("S2", 6732.67, "narrow", &format!("flux_of = \"S1\"\nratio = {:.9}\n", 6732.67 / 6718.29)),
            ],
        ),
    };
    let text = format!("{head}{}{}", groups.concat(), lines.concat());
    super::super::LineList::parse(&text).unwrap().complex.remove(0)
}

/// Rest wavelength, line flux and error within a window, as the program's own continuum leaves them.
fn peer_pixels(path: &std::path::Path, window: [f64; 2]) -> (Pixels, Vec<f64>) {
    let (mut pixels, mut data) = (Pixels::default(), Vec::new());
    for row in std::fs::read_to_string(path).unwrap().lines().skip(1) {
        let values: Vec<f64> = row.split(',').take(8).map(|value| value.parse().unwrap()).collect();
        if values[0] > window[0] && values[0] < window[1] {
            pixels.ln_wavelength.push(values[0].ln());
            pixels.weight.push(1.0 / values[2]);
            pixels.instrument.push(0.0);
            data.push((values[1] - values[3..8].iter().sum::<f64>()) / values[2]);
        }
    }
    (pixels, data)
}

#[test]
fn minima_are_at_or_below_the_best_known() {
    let Some(folder) = testkit::real_data().map(|data| data.join("outflows")) else { return };
    let table = std::fs::read_to_string(folder.join("oracle_line_optimum.csv")).unwrap();
    let mut rows = 0;
    let started = std::time::Instant::now();
    let mut worse = Vec::new();
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let (n_pixels, best): (usize, f64) = (fields[3].parse().unwrap(), fields[6].parse().unwrap());
        let model = peer_model(fields[2]);
        let path = folder.join(format!("pyqsofit/{}_{}_model.csv", fields[0], fields[1]));
        let (pixels, data) = peer_pixels(&path, model.window_angstrom);
        assert_eq!(data.len(), n_pixels, "{row}");
        let fit = fit_complex(&model, &pixels, &data, FitSettings::default(), &mut Workspace::default()).unwrap();
        rows += 1;
        let ratio = fit.minimum.chi2 / best;
        eprintln!(
            "{:28} {:16} {} {:10.3} {:10.3} {:.5}",
            fields[0], fields[1], fields[2], fit.minimum.chi2, best, ratio
        );
        if ratio > 1.001 {
            worse.push((row.chars().take(50).collect::<String>(), ratio));
        }
    }
    eprintln!("{:.1} ms a row", started.elapsed().as_secs_f64() * 1e3 / f64::from(rows));
    assert_eq!(rows, 24);
    assert!(worse.is_empty(), "{worse:?}");
}
