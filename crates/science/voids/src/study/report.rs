//! *Report*: one page that says what was done, what came out, and how far to trust it.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use study::report::Report;
use study::run::{Done, Run};

use super::figures::{title, void_summary};
use super::{Settings, StudyError};

/// Rows of a table that the page shows.
const SHOWN_ROWS: usize = 40;

/// The page of a run whose steps are done.
pub(super) fn page(
    run: &Run,
    settings: &Settings,
    (selected, measured, tested): (&Done, &Done, Option<&Done>),
) -> Result<String, StudyError> {
    let mut report = Report::new(&settings.title, "Galaxies by environment, for every void catalogue given");
    if let Some(tested) = tested {
        effect_number(&mut report, tested)?;
    }
    key_numbers(&mut report, measured)?;
    report.section("The sample");
    report.prose(
        "Each row of the table is a cut and the galaxies it leaves. Distances are comoving, in h⁻¹ Mpc, for a flat universe; \
         a galaxy outside the volume of a void catalogue is counted as outside, never as wall.",
    );
    report.table("Cuts and the galaxies they leave", "selection", &selected.table("selection")?, SHOWN_ROWS)?;
    report.section("Environments");
    report.prose(
        "Void: inside a void and away from the survey's boundary. Wall: inside the volume but in no void. Edge: near the \
         boundary, or in a void that touches it; kept in the tables, left out of statistics. Outside: no statement.",
    );
    report.table(
        "Galaxies by environment",
        "environment_counts",
        &measured.table("environment_counts")?,
        SHOWN_ROWS,
    )?;
    report.section("The voids");
    report.table(
        "Effective radii by algorithm",
        "void_radii",
        &void_summary(&measured.table("voids")?)?,
        SHOWN_ROWS,
    )?;
    let folder = run.folder().to_owned();
    report.figure(
        &folder,
        "void_radii",
        "Distribution of the voids' effective radii. In brackets: number of voids.",
    )?;
    report.figure(
        &folder,
        "sky",
        "Galaxies (dots, thinned) and voids (circles of their effective radius) on the sky.",
    )?;
    report.figure(
        &folder,
        "wedge",
        "A slice in declination: galaxies, and the circles in which spheres of R_eff cut it.",
    )?;
    if let Some(tested) = tested {
        populations(&mut report, &folder, tested)?;
    }
    Ok(report.html(run.manifest()))
}

/// The headline: the effect by the first algorithm and definition.
fn effect_number(report: &mut Report, tested: &Done) -> Result<(), StudyError> {
    let effects = tested.table("effects")?;
    let missing = || StudyError::NoColumn { column: "delta_f_quenched".to_owned() };
    let column =
        |name: &str| effects.column_by_name(name).and_then(|c| c.as_primitive_opt::<Float64Type>()).ok_or_else(missing);
    let (value, error) = (column("delta_f_quenched")?, column("error")?);
    if effects.num_rows() > 0 {
        let label = "quenched fraction, wall minus void, at fixed mass and redshift";
        report.key_number(label, (value.value(0), Some(error.value(0))), "", "tables/effects.parquet");
    }
    Ok(())
}

fn populations(report: &mut Report, folder: &std::path::Path, tested: &Done) -> Result<(), StudyError> {
    report.section("Do the populations differ?");
    report.prose(
        "The effect is the quenched fraction in walls minus that in voids at the same mass and redshift (Mantel-Haenszel \
         mean over fine bins), for galaxies above the mass at which the flux limit loses none. Errors are jackknife errors \
         over regions of the sky.",
    );
    report.table("The effect under every choice", "effects", &tested.table("effects")?, SHOWN_ROWS)?;
    let drawn = [
        ("systematics", "The effect by algorithm, edge rule and definition of quenching."),
        ("quenched_fraction", "Quenched fraction by mass in voids and walls, and their difference."),
        ("main_sequence", "Star-forming main sequence in voids and walls: ridge, scatter (band)."),
        ("main_sequence_plane", "Star formation rate and mass."),
        ("specific_rate", "Specific star formation rate and mass."),
        ("distributions", "Mass, star formation rate, Dn4000 and redshift, void and wall."),
        ("mass_redshift", "Mass and redshift, void and wall."),
        ("balance", "Balance of the control sample matched in mass and redshift."),
    ];
    for (name, caption) in drawn {
        // What a sample was too small for is in the step's warnings.
        if tested.record.outputs.iter().any(|output| output.path == format!("figures/{name}.svg")) {
            report.figure(folder, name, caption)?;
        }
    }
    report.table("Error budget", "error_budget", &tested.table("error_budget")?, SHOWN_ROWS)?;
    report.section("Validation");
    report.validation(&tested.json("validation")?);
    Ok(())
}

fn key_numbers(report: &mut Report, measured: &Done) -> Result<(), StudyError> {
    let counts = measured.table("environment_counts")?;
    let missing = || StudyError::NoColumn { column: "void_share".to_owned() };
    let names = counts.column_by_name("algorithm").and_then(|c| c.as_string_opt::<i32>()).ok_or_else(missing)?;
    let column =
        |name: &str| counts.column_by_name(name).and_then(|c| c.as_primitive_opt::<Float64Type>()).ok_or_else(missing);
    let (share, error) = (column("void_share")?, column("void_share_error")?);
    let galaxies = counts.column_by_name("void").and_then(|c| c.as_primitive_opt::<Int64Type>()).map_or(0, Array::len);
    for row in 0..galaxies {
        if share.is_valid(row) {
            let label = format!("share of galaxies in voids, {}", title(names.value(row)));
            let value = (share.value(row), error.is_valid(row).then(|| error.value(row)));
            report.key_number(&label, value, "", "tables/environment_counts.parquet");
        }
    }
    Ok(())
}
