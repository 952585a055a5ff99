//! Grids and what is inferred from them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use outflows::grid::{GridLayout, ModelGrid};
use outflows::inference::{
    Bound, DensityDoublet, ExcitedIon, InferenceSettings, Observed, electron_density_cm3, infer,
};
use outflows::object_table::ObjectTable;
use outflows::recovery::{Injection, Truth, check_interpolation, recovery};

fn cloudy(columns: bool) -> Option<ModelGrid> {
    let folder = testkit::real_data()?.join("photoionization/cloudy_grid");
    let (file, layout) =
        if columns { ("columns.csv", GridLayout::cloudy_columns()) } else { ("lines.csv", GridLayout::cloudy_lines()) };
    Some(ModelGrid::read(&folder.join(file), &layout).unwrap())
}

#[test]
fn the_cloudy_grid_is_read_whole_and_exact_at_its_nodes() {
    let Some(grid) = cloudy(false) else { return };
    assert_eq!(grid.models(), 7 * 6 * 3 * 5);
    // First row of lines.csv: log U -1, log n 1, Z 0.3, log N_H 20: [O III] 5007 is 5.73049e-2 of H beta.
    let oiii = grid.quantity("O_3_5006.84A").unwrap();
    let at = grid.at(oiii, &[-1.0, 1.0, 0.3f64.log10(), 20.0]).unwrap();
    assert!((at - 5.73049e-2f64.log10()).abs() < 1e-5, "{at}");
    assert!(grid.at(oiii, &[0.0, 1.0, 0.0, 20.0]).is_none());
    let error = grid.quantity("O_3_5006.84").unwrap_err().to_string();
    assert!(error.contains("did you mean `O_3_5006.84A`"), "{error}");
    assert_eq!(grid.table().unwrap().num_rows(), grid.models());
}

#[test]
fn mappings_grids_are_read() {
    let Some(data) = testkit::real_data() else { return };
    let folder = data.join("photoionization/mappings_nebulabayes/NebulaBayes/grids");
    let axes = ["log U", "log P/k", "12 + log O/H", "log E_peak"];
    let grid = ModelGrid::read(&folder.join("NB_NLR_grid.fits.gz"), &GridLayout::mappings(&axes)).unwrap();
    assert_eq!(grid.models(), 9504);
    assert!(grid.quantity("OIII5007").is_ok());
    // An axis too few leaves several models at one place.
    assert!(ModelGrid::read(&folder.join("NB_NLR_grid.fits.gz"), &GridLayout::mappings(&axes[..3])).is_err());
}

/// 90th percentile of |leave-one-out error| over the ionic columns that matter, dex.
fn leave_one_out_tail(grid: &ModelGrid) -> f64 {
    let mut errors = Vec::new();
    for ion in ["N_CIV", "N_SiIV", "N_OIII", "N_MgII", "N_NV", "N_AlIII", "N_HI"] {
        let quantity = grid.quantity(ion).unwrap();
        errors.extend(grid.leave_one_out(quantity, "logU").unwrap().into_iter().map(|(_, error)| error.abs()));
    }
    errors.sort_by(f64::total_cmp);
    errors[errors.len() * 9 / 10]
}

#[test]
fn the_front_as_coordinate_makes_the_interpolation_better() {
    let Some(grid) = cloudy(true) else { return };
    let (with, without) = (leave_one_out_tail(&grid), leave_one_out_tail(&grid.clone().without_front()));
    assert!(with < 0.75 * without, "{with} {without}");
}

#[test]
fn injected_conditions_are_recovered_to_0_3_dex() {
    let Some(grid) = cloudy(false) else { return };
    let lines = [
        "O_3_5006.84A",
        "O_2_3726.03A",
        "O_2_3728.81A",
        "N_2_6583.45A",
        "S_2_6716.44A",
        "S_2_6730.82A",
        "NE_3_3868.76A",
        "HE_2_4685.64A",
        "O_1_6300.30A",
    ];
    for truth in [[-2.0, 3.0, 0.0], [-2.75, 2.5, 0.0], [-3.25, 3.5, 0.15], [-2.25, 4.0, -0.3]] {
        let place = [truth[0], truth[1], truth[2], 21.0];
        let observed: Vec<Observed> = lines
            .iter()
            .enumerate()
            .map(|(index, line)| {
                let model = grid.at(grid.quantity(line).unwrap(), &place).unwrap();
                // Fixed deviates of unit size, alternating: 5 % errors.
                let deviate = [0.6, -1.1, 0.3, 0.9, -0.5, 1.2, -0.8, 0.1, -0.2][index];
                let quantity = (*line).to_owned();
                Observed {
                    quantity,
                    over: None,
                    log_value: model + 0.02 * deviate,
                    error_dex: 0.02,
                    bound: Bound::Value,
                }
            })
            .collect();
        let settings = InferenceSettings { fixed: vec![("logNH".to_owned(), 21.0)], refine: 3, ..Default::default() };
        let posterior = infer(&grid, &observed, &settings).unwrap();
        for (axis, truth) in posterior.axes.iter().zip(truth) {
            assert!((axis.median - truth).abs() < 0.3, "{}: {} for {truth}", axis.name, axis.median);
            assert!(axis.interval_95[0] - 0.05 <= truth && truth <= axis.interval_95[1] + 0.05, "{axis:?}");
        }
    }
}

#[test]
fn ionic_columns_give_u_and_n_h_with_correlated_errors() {
    let Some(grid) = cloudy(true) else { return };
    let place = [-1.75, 3.0, 0.0, 21.25];
    let observe = |ion: &str, bound| {
        let log_value = grid.at(grid.quantity(ion).unwrap(), &place).unwrap();
        Observed { quantity: ion.to_owned(), over: None, log_value, error_dex: 0.1, bound }
    };
    let observed = [
        observe("N_SIV", Bound::Value),
        observe("N_AlIII", Bound::Value),
        observe("N_SiIV", Bound::Value),
        observe("N_HI", Bound::Value),
        observe("N_CIV", Bound::AtLeast),
    ];
    let fixed = vec![("lognH".to_owned(), 3.0), ("logZ".to_owned(), 0.0)];
    let posterior = infer(&grid, &observed, &InferenceSettings { fixed, ..Default::default() }).unwrap();
    assert!((posterior.axes[0].median - place[0]).abs() < 0.3, "{:?}", posterior.axes[0].median);
    assert!((posterior.axes[3].median - place[3]).abs() < 0.3, "{:?}", posterior.axes[3].median);
    let correlation = posterior.correlation("logU", "logNH").unwrap();
    assert!(correlation > 0.5, "{correlation}");
    assert!(!posterior.axes[0].at_edge);
}

#[test]
fn a_posterior_that_the_grid_cuts_off_is_flagged() {
    let Some(grid) = cloudy(false) else { return };
    let observed = [Observed {
        quantity: "O_3_5006.84A".to_owned(),
        over: Some("O_2_3726.03A".to_owned()),
        log_value: -3.0,
        error_dex: 0.1,
        bound: Bound::Value,
    }];
    let settings = InferenceSettings { fixed: vec![("logNH".to_owned(), 21.0)], refine: 1, ..Default::default() };
    let posterior = infer(&grid, &observed, &settings).unwrap();
    assert!(posterior.axes[0].at_edge);
    assert!(infer(&grid, &[], &settings).is_err());
    let outside = InferenceSettings { fixed: vec![("logNH".to_owned(), 25.0)], ..Default::default() };
    assert!(infer(&grid, &observed, &outside).unwrap_err().to_string().contains("within the grid"));
}

/// Fits and two-level atoms against PyNeb at 10,000 K, where the ratio is sensitive.
#[test]
fn densities_agree_with_pyneb() {
    let Some(data) = testkit::real_data() else { return };
    let table = ObjectTable::read(&data.join("outflows/pyneb_optical_ratios.csv")).unwrap();
    let column = |name: &str| table.numbers(name).unwrap();
    let (temperature, density) = (column("Te_K"), column("ne_cm3"));
    let mut compared = 0;
    for row in 0..table.len() {
        let (temperature, density) = (temperature[row].unwrap(), density[row].unwrap());
        if temperature != 10_000.0 || !(200.0..5000.0).contains(&density) {
            continue;
        }
        for (doublet, name) in [(DensityDoublet::Sii, "SII_6716_6731"), (DensityDoublet::Oii, "OII_3729_3726")] {
            let found = electron_density_cm3(doublet, column(name)[row].unwrap(), temperature).unwrap();
            assert!((found / density).log10().abs() < 0.06, "{name}: {found} for {density}");
            compared += 1;
        }
    }
    assert!(compared >= 8, "{compared}");
    assert!(electron_density_cm3(DensityDoublet::Sii, 1.6, 1e4).is_none());
    // Rows of ions with fewer levels are shorter than the header, so this is read by hand.
    let text = std::fs::read_to_string(data.join("outflows/pyneb_level_populations.csv")).unwrap();
    let mut compared = 0;
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let ion = match cells[0] {
            "S4" => ExcitedIon::Siv,
            "Si2" => ExcitedIon::Siii,
            "C2" => ExcitedIon::Cii,
            _ => continue,
        };
        let number = |index: usize| cells[index].parse::<f64>().unwrap();
        let (temperature, density) = (number(1), number(2));
        if temperature != 10_000.0 || density > 3.0 * ion.critical_density_cm3(temperature) {
            continue;
        }
        let found = ion.electron_density_cm3(number(4) / number(3), temperature).unwrap();
        assert!((found / density).log10().abs() < 0.02, "{}: {found} for {density}", cells[0]);
        compared += 1;
    }
    assert!(compared >= 10, "{compared}");
}

/// 68 % intervals hold the truth in 68 of 100 cases: 9 points are three standard errors of 240 cases.
#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    let Some(grid) = cloudy(true) else { return };
    let ions = ["N_CIV", "N_SiIV", "N_AlIII", "N_SiII", "N_FeII", "N_MgII", "N_HI"];
    let injection = Injection {
        quantities: ions.map(str::to_owned).to_vec(),
        over: None,
        error_dex: 0.05,
        points: 240,
        seed: 2,
        known: vec!["logZ".to_owned(), "lognH".to_owned()],
        left_out: "logU".to_owned(),
    };
    let settings = InferenceSettings::default();
    for truth in [Truth::Between, Truth::LeftOut] {
        for axis in recovery(&grid, &injection, truth, &settings).unwrap() {
            assert_eq!(axis.points, 240);
            assert!(axis.within_03 > 0.95, "{truth:?} {axis:?}");
            let known = injection.known.contains(&axis.axis);
            assert!(known || (axis.coverage_68 - 0.683).abs() < 0.09, "{truth:?} {axis:?}");
        }
    }
    // Where the step is halved, a quarter of the error is left, more at kinks.
    let check = check_interpolation(&grid, &injection).unwrap();
    assert!((0.15..0.4).contains(&(check.error_dex / check.leave_one_out_dex)), "{check:?}");
    let short = Injection { left_out: "logZ".to_owned(), ..injection };
    assert!(recovery(&grid, &short, Truth::LeftOut, &settings).unwrap_err().to_string().contains("7 nodes"));
}
