//! Grids of Cloudy models against a program that plays back recorded numbers of real Cloudy runs, as a child process, with
//! everything that can go wrong.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use archive::Quiet;
use outflows::cloudy::{GridPlan, Runner, Sed, Status, audit_table, collect, run_grid};
use outflows::grid::{GridLayout, ModelGrid};
use outflows::object_table::ObjectTable;

/// Ending, symbol, solar abundance (GASS10) of the elements, as decks save them.
const ELEMENTS: [(&str, &str, f64); 11] = [
    ("hyd", "H", 1.0),
    ("hel", "He", 8.51e-2),
    ("car", "C", 2.69e-4),
    ("nit", "N", 6.76e-5),
    ("oxy", "O", 4.90e-4),
    ("neo", "Ne", 8.51e-5),
    ("mag", "Mg", 3.98e-5),
    ("alu", "Al", 2.82e-6),
    ("sil", "Si", 3.24e-5),
    ("sul", "S", 1.32e-5),
    ("iro", "Fe", 3.16e-5),
];
const ROMAN: [&str; 8] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII"];

fn plan() -> GridPlan {
    GridPlan {
        log_u: vec![-3.0, -2.0],
        log_n_h: vec![2.0, 3.0],
        metallicity: vec![1.0],
        log_column: vec![20.0, 20.5, 21.0, 21.5, 22.0],
        sed: Sed::MathewsFerland,
        ..GridPlan::default()
    }
}

/// Writes what Cloudy would save for each model, from the tables of the real runs, and the program that plays it.
fn recorded(folder: &Path, grid: &Path, plan: &GridPlan) -> PathBuf {
    let tape = folder.join("tape");
    std::fs::create_dir_all(&tape).unwrap();
    let lines = ObjectTable::read(&grid.join("lines.csv")).unwrap();
    let columns = ObjectTable::read(&grid.join("columns.csv")).unwrap();
    let number = |table: &ObjectTable, name: &str| -> Vec<f64> {
        table.numbers(name).unwrap().into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
    };
    let key = ["logU", "lognH", "Z"].map(|name| number(&lines, name));
    let log_n = number(&lines, "logNH");
    let labels: Vec<String> =
        lines.names().into_iter().filter(|name| name.ends_with('A') && name.contains('_')).collect();
    let values: BTreeMap<&String, Vec<f64>> = labels.iter().map(|name| (name, number(&lines, name))).collect();
    for model in plan.models() {
        let rows: Vec<usize> = (0..log_n.len())
            .filter(|at| [key[0][*at], key[1][*at], key[2][*at]] == [model.log_u, model.log_n_h, model.metallicity])
            .collect();
        assert_eq!(rows.len(), 5, "{model:?}");
        let depth = |row: usize| 10f64.powf(log_n[row] - model.log_n_h);
        let mut cum = format!("#depth\t{}\n", labels.join("\t"));
        for &row in &rows {
            let _ = write!(cum, "{:.9e}", depth(row));
            labels.iter().for_each(|name| write!(cum, "\t{:.9e}", values[name][row]).unwrap());
            cum.push('\n');
        }
        let name = model.name();
        std::fs::write(tape.join(format!("{name}.cum")), cum).unwrap();
        for (ending, symbol, abundance) in ELEMENTS {
            let ions: Vec<Vec<f64>> = (0..8)
                .map(|stage| format!("N_{symbol}{}", ROMAN[stage]))
                .filter(|name| columns.names().contains(name))
                .map(|name| number(&columns, &name))
                .collect();
            let mut text = format!("#depth\t{}\n", ROMAN[..ions.len()].join("\t"));
            for (at, &row) in rows.iter().enumerate() {
                let before = if at == 0 { 0.0 } else { depth(rows[at - 1]) };
                let _ = write!(text, "{:.12e}", depth(row));
                for ion in &ions {
                    // The mean fraction between two columns is what makes them.
                    let least = if at == 0 { 0.0 } else { 10f64.powf(ion[rows[at - 1]]) };
                    let gained = 10f64.powf(ion[row]) - least;
                    let fraction = gained / (10f64.powf(model.log_n_h) * abundance * (depth(row) - before));
                    let _ = write!(text, "\t{fraction:.12e}");
                }
                text.push('\n');
            }
            std::fs::write(tape.join(format!("{name}.{ending}")), text).unwrap();
        }
    }
    let program = folder.join("cloudy.sh");
    // `trouble` names a model and what befalls it; `once` troubles it a single time.
    std::fs::write(
        &program,
        format!(
            "#!/bin/sh\ntape={tape}\nname=$(sed -n 's/^title //p')\necho \"$name\" >> {log}\n\
             trouble=$(sed -n \"s/^$name //p\" {list} 2>/dev/null)\n\
             case \"$trouble\" in\n crash) kill -SEGV $$;;\n once) : > {list}; exit 1;;\n hang) exec sleep 600;;\n\
             abort) echo ' ABORT DISASTER PROBLEM'; exit 0;;\nesac\n\
             for file in \"$tape/$name\".*; do cp \"$file\" .; done\n\
             if [ \"$trouble\" = short ]; then head -n 4 \"$tape/$name.cum\" > \"$name.cum\"; fi\n\
             if [ \"$trouble\" = warning ]; then echo ' W-Continuum out of range.'; fi\n\
             echo ' C-A caution.'\necho ' Cloudy ends:   89 zones, 2 iterations, 1 caution.'\n\
             echo ' [Stop in cdMain at maincl.cpp:517, Cloudy exited OK]'\n",
            tape = tape.display(),
            log = folder.join("started").display(),
            list = folder.join("trouble").display(),
        ),
    )
    .unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

fn started(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("started")).unwrap_or_default().lines().count()
}

#[test]
fn recorded_models_become_the_real_grid() {
    let Some(data) = testkit::real_data() else { return };
    let real = data.join("photoionization/cloudy_grid");
    let folder = tempfile::tempdir().unwrap();
    let plan = plan();
    let program = recorded(folder.path(), &real, &plan);
    let work = folder.path().join("grid");
    let runner = Runner { program, jobs: 2, time_limit: Duration::from_secs(20), retries: 1 };
    let records = run_grid(&work, &plan, &runner, &Quiet).unwrap();
    assert!(records.iter().all(|record| record.status == Status::Ok), "{records:?}");
    assert_eq!((records[0].zones, records[0].cautions, records[0].tries), (Some(89), 1, 1));
    let (lines, columns) = collect(&work, &plan, &records).unwrap();
    assert_eq!(lines.num_rows(), 4 * 5);
    let written = folder.path().join("lines.parquet");
    study::tables::write_parquet(&written, &lines).unwrap();
    let ours = ModelGrid::read(&written, &GridLayout::cloudy_lines()).unwrap();
    let theirs = ModelGrid::read(&real.join("lines.csv"), &GridLayout::cloudy_lines()).unwrap();
    let written = folder.path().join("columns.parquet");
    study::tables::write_parquet(&written, &columns).unwrap();
    let our_columns = ModelGrid::read(&written, &GridLayout::cloudy_columns()).unwrap();
    let their_columns = ModelGrid::read(&real.join("columns.csv"), &GridLayout::cloudy_columns()).unwrap();
    // Six digits are printed in the tables of the real runs, three behind the point for columns.
    for (ours, theirs, names, tolerance) in [
        (&ours, &theirs, ["O_3_5006.84A", "C_4_1548.19A"], 1e-5),
        (&our_columns, &their_columns, ["N_CIV", "N_SiII"], 2e-3),
    ] {
        for name in names {
            let (here, there) = (ours.quantity(name).unwrap(), theirs.quantity(name).unwrap());
            for place in [[-3.0, 2.0, 0.0, 20.5], [-2.0, 3.0, 0.0, 22.0]] {
                let (a, b) = (ours.at(here, &place).unwrap(), theirs.at(there, &place).unwrap());
                assert!((a - b).abs() < tolerance, "{name} {place:?}: {a} {b}");
            }
        }
    }
    // What has ended well is not run again; another deck is.
    let before = started(folder.path());
    run_grid(&work, &plan, &runner, &Quiet).unwrap();
    assert_eq!(started(folder.path()), before);
    let other = GridPlan { sed: Sed::Agn, ..plan };
    run_grid(&work, &other, &runner, &Quiet).unwrap();
    assert_eq!(started(folder.path()), before + 4);
}

#[test]
fn models_that_fail_are_told_retried_and_resumed() {
    let Some(data) = testkit::real_data() else { return };
    let real = data.join("photoionization/cloudy_grid");
    let folder = tempfile::tempdir().unwrap();
    let plan = GridPlan { log_n_h: vec![1.0, 2.0, 3.0], ..plan() };
    let program = recorded(folder.path(), &real, &plan);
    let troubles = ["crash", "hang", "abort", "short", "warning"];
    let names: Vec<String> = plan.models().iter().map(outflows::cloudy::Model::name).collect();
    let list: String = names.iter().zip(troubles).map(|(name, trouble)| format!("{name} {trouble}\n")).collect();
    std::fs::write(folder.path().join("trouble"), list).unwrap();
    let work = folder.path().join("grid");
    let runner = Runner { program, jobs: 3, time_limit: Duration::from_millis(1500), retries: 0 };
    let records = run_grid(&work, &plan, &runner, &Quiet).unwrap();
    let ended: Vec<Status> = records.iter().map(|record| record.status).collect();
    let expected = [Status::Crashed, Status::TimedOut, Status::Aborted, Status::Short, Status::Warned, Status::Ok];
    assert_eq!(ended, expected);
    assert_eq!(audit_table(&records).unwrap().num_rows(), 6);
    let (lines, _) = collect(&work, &plan, &records).unwrap();
    assert_eq!(lines.num_rows(), 2 * 5);
    // Once the trouble is over only the four that failed are run; one of them needs a second try.
    std::fs::write(folder.path().join("trouble"), format!("{} once\n", names[0])).unwrap();
    let before = started(folder.path());
    let runner = Runner { retries: 1, time_limit: Duration::from_secs(20), ..runner };
    let records = run_grid(&work, &plan, &runner, &Quiet).unwrap();
    assert_eq!(started(folder.path()), before + 5);
    assert!(records.iter().all(|record| record.status.is_usable()) && records[0].tries == 2, "{records:?}");
    let missing = Runner { program: PathBuf::from("/nowhere/cloudy"), ..runner };
    let error = run_grid(&folder.path().join("new"), &plan, &missing, &Quiet).unwrap_err().to_string();
    assert!(error.contains("/nowhere/cloudy") && error.contains("hint"), "{error}");
}
