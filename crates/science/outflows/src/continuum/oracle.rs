//! The best-known minima of another program's continuum (`outflows/oracle_continuum_optimum.csv`), reached or beaten.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use super::*;

const PEER_WINDOWS: [(f64, f64); 21] = [
    (1150.0, 1170.0),
    (1275.0, 1290.0),
    (1350.0, 1360.0),
    (1445.0, 1465.0),
    (1690.0, 1705.0),
    (1770.0, 1810.0),
    (1970.0, 2400.0),
    (2480.0, 2675.0),
    (2925.0, 3400.0),
    (3775.0, 3832.0),
    (4000.0, 4050.0),
    (4200.0, 4230.0),
    (4435.0, 4640.0),
    (5100.0, 5535.0),
    (6005.0, 6035.0),
    (6110.0, 6250.0),
    (6800.0, 7000.0),
    (7160.0, 7180.0),
    (7500.0, 7800.0),
    (8050.0, 8150.0),
    (f64::MAX, f64::MAX),
];

#[test]
fn minima_are_at_or_below_the_best_known() {
    let Some(data) = testkit::real_data() else { return };
    let iron = data.join("templates/iron/fe_optical_bg92.txt");
    let templates = Templates {
        iron_optical: Some(desi::templates::IronTemplate::read(&iron, IRON_OPTICAL_BAND, (0.0, f64::MAX)).unwrap()),
        ..Templates::default()
    };
    let folder = data.join("outflows");
    let table = std::fs::read_to_string(folder.join("oracle_continuum_optimum.csv")).unwrap();
    for row in table.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let (n_pixels, best): (usize, f64) = (fields[1].parse().unwrap(), fields[2].parse().unwrap());
        let mut pixels = RestPixels::default();
        let path = folder.join(format!("pyqsofit/A_mle_nohost_{}_model.csv", fields[0]));
        for line in std::fs::read_to_string(path).unwrap().lines().skip(1) {
            let values: Vec<f64> = line.split(',').take(3).map(|value| value.parse().unwrap()).collect();
            if PEER_WINDOWS.iter().any(|(from, to)| values[0] > *from && values[0] < *to) {
                pixels.wavelength.push(values[0]);
                pixels.ln_wavelength.push(values[0].ln());
                pixels.flux.push(values[1]);
                pixels.weight.push(1.0 / values[2]);
            }
        }
        assert_eq!(pixels.wavelength.len(), n_pixels, "{row}");
        // Its shifts are measured from a template that an even kernel moves by a sample (1.54e-4 in log10), and its
        // second and third minimum lie at the bound of the shift. Evaluated with its own parameters, its model as
        // published gives 4240.7 for the third where the table has 4232.7: one sample more makes up for that.
        let sample = 2.0 * 1.538_99e-4 * std::f64::consts::LN_10;
        let parts = Ingredients {
            break_angstrom: None,
            iron_uv: false,
            iron_optical: true,
            balmer: Balmer::Absent,
            host: false,
            polynomial: false,
            shift_bounds: (-0.01 + sample, 0.01 + sample),
        };
        let used: Vec<usize> = (0..n_pixels).collect();
        let mut space = Workspace::default();
        let chosen = Chosen::new(&pixels, &used);
        let start = search(&chosen.binned(), &templates, parts, &mut space);
        let model = ContinuumModel::of(&chosen, &templates, parts);
        let tolerance = ContinuumSettings::default().tolerance;
        let minimum = minimise(&model, &chosen.data, &start.parameters, tolerance, &mut space);
        eprintln!("{} {:.3} {:.3} {:.5} {:?}", fields[0], minimum.chi2, best, minimum.chi2 / best, minimum);
        assert!(minimum.chi2 <= 1.001 * best, "{}: {} above {best}", fields[0], minimum.chi2);
    }
}
