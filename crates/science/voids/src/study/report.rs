//! *Report*: one page that says what was done, what came out, and how far to trust it.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{Field, Float64Type, Int64Type, Schema};
use study::report::Report;
use study::run::{Done, Run};

use super::figures::{title, void_summary};
use super::{Settings, Steps, StudyError};

/// Rows of a table that the page shows.
const SHOWN_ROWS: usize = 40;

/// The page of a run whose steps are done.
pub(super) fn page(run: &Run, settings: &Settings, steps: &Steps) -> Result<String, StudyError> {
    let Steps { selected, measured, tested, judged, .. } = steps;
    let tested = tested.as_ref();
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
         boundary, or in a void that touches it; kept in the tables, left out of statistics. Outside: no statement. A \
         watershed void touches the boundary with a tenth of its surface, or, in catalogues that give no surfaces, with \
         any cell: those call many more galaxies edge.",
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
    if measured.record.outputs.iter().any(|output| output.path == "tables/own_and_catalogue.parquet") {
        report.prose(
            "Where an algorithm was run here and a catalogue of it was given, both are compared: voids match when the centre \
             of one lies within half the larger effective radius of the other's; shares of galaxies and of volume (100,000 \
             random points) are among those inside both.",
        );
        let table = measured.table("own_and_catalogue")?;
        report.table("Own finder against the catalogue", "own_and_catalogue", &table, SHOWN_ROWS)?;
    }
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
    report.section("Validation");
    report.validation(&judged.json("validation")?);
    Ok(report.html(run.manifest()))
}

/// The headline: the effect by the first algorithm and definition, with its statistical and systematic error.
fn effect_number(report: &mut Report, tested: &Done) -> Result<(), StudyError> {
    let (effects, budget) = (tested.table("effects")?, tested.table("error_budget")?);
    let column = |table: &RecordBatch, name: &str| -> Result<Float64Array, StudyError> {
        let missing = || StudyError::NoColumn { column: name.to_owned() };
        let column = table.column_by_name(name).and_then(|c| c.as_primitive_opt::<Float64Type>());
        column.cloned().ok_or_else(missing)
    };
    if effects.num_rows() == 0 {
        return Ok(());
    }
    let (value, error) = (column(&effects, "delta_f_quenched")?.value(0), column(&effects, "error")?.value(0));
    let label = "quenched fraction, wall minus void, at fixed mass and redshift (statistical error)";
    report.key_number(label, (value, Some(error)), "", "tables/effects.parquet");
    let errors = column(&budget, "error")?;
    if let Some(last) = errors.len().checked_sub(1).filter(|last| errors.is_valid(*last)) {
        let label = "systematic error of the same: algorithm, edge rule, definition, cosmology, completeness";
        report.key_number(label, (errors.value(last), None), "", "tables/error_budget.parquet");
    }
    Ok(())
}

/// What the page shows of a step: figures and tables, where the step made them. What a sample was too small for is in
/// the step's warnings.
struct Shown<'a> {
    report: &'a mut Report,
    folder: &'a Path,
    done: &'a Done,
}

impl Shown<'_> {
    fn made(&self, path: &str) -> bool {
        self.done.record.outputs.iter().any(|output| output.path == path)
    }

    fn figure(&mut self, name: &str, caption: &str) -> Result<(), StudyError> {
        if self.made(&format!("figures/{name}.svg")) {
            self.report.figure(self.folder, name, caption)?;
        }
        Ok(())
    }

    /// Shows these columns of a table (all, where none is named), with their errors; the files hold every column.
    fn table(&mut self, caption: &str, name: &str, columns: &[&str]) -> Result<(), StudyError> {
        if !self.made(&format!("tables/{name}.parquet")) {
            return Ok(());
        }
        let table = self.done.table(name)?;
        let schema = table.schema();
        let wanted = |field: &str| {
            columns.is_empty() || columns.iter().any(|column| field == *column || field == format!("{column}_error"))
        };
        let kept: Vec<usize> = (0..table.num_columns()).filter(|&index| wanted(schema.field(index).name())).collect();
        Ok(self.report.table(caption, name, &beside_its_value(&table.project(&kept)?)?, SHOWN_ROWS)?)
    }
}

/// The error of an effect, named so that the page prints it with the effect.
fn beside_its_value(table: &RecordBatch) -> Result<RecordBatch, StudyError> {
    let rename = |field: &Arc<Field>| match field.name().as_str() {
        "error" if table.column_by_name("delta_f_quenched").is_some() => {
            Arc::new(field.as_ref().clone().with_name("delta_f_quenched_error"))
        }
        _ => field.clone(),
    };
    let fields: Vec<Arc<Field>> = table.schema().fields().iter().map(rename).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), table.columns().to_vec())?)
}

fn populations(report: &mut Report, folder: &Path, tested: &Done) -> Result<(), StudyError> {
    report.section("Do the populations differ?");
    report.prose(
        "The effect is the quenched fraction in walls minus that in voids at the same mass and redshift (Mantel-Haenszel \
         mean over fine bins), for galaxies above the mass at which the flux limit loses none. Errors are jackknife errors \
         over regions of the sky that hold equally many galaxies; p-values are adjusted for the number of tests of their \
         table (Benjamini-Hochberg).",
    );
    let mut shown = Shown { report, folder, done: tested };
    shown.figure(
        "systematics",
        "The effect by the fiducial choices, and with one of them changed at a time. Dotted: the fiducial value.",
    )?;
    let columns =
        ["choice", "delta_f_quenched", "error", "low_95", "high_95", "p_regions", "void_galaxies", "wall_galaxies"];
    shown.table("The effect, one choice changed at a time", "systematics", &columns)?;
    shown.table("Error budget", "error_budget", &[])?;
    shown.figure("quenched_fraction", "Quenched fraction by mass in voids and walls by three definitions, and their difference below. Bands and bars: jackknife errors.")?;
    shown.figure(
        "effects_by_bin",
        "The effect in bins of mass and of redshift, for every algorithm that leaves enough galaxies.",
    )?;
    let columns = ["algorithm", "definition", "binned_by", "low", "high", "f_wall", "f_void", "delta_f", "p_adjusted"];
    shown.table("Quenched fractions by bin", "effects_by_bin", &columns)?;
    shown.table(
        "The effect by matched pairs",
        "matched_effects",
        &["label", "delta_f_quenched", "error", "low_95", "high_95", "p_permutation", "p_regions", "void_galaxies"],
    )?;
    shown.figure(
        "balance",
        "Balance of the control sample matched in mass and redshift; within the grey lines it counts as balanced.",
    )?;
    let columns = [
        "algorithm",
        "edge_rule",
        "definition",
        "cosmology",
        "completeness",
        "delta_f_quenched",
        "error",
        "p_adjusted",
    ];
    shown.table("The effect under every choice", "effects", &columns)?;
    functions(report, folder, tested)
}

fn functions(report: &mut Report, folder: &Path, tested: &Done) -> Result<(), StudyError> {
    report.section("Mass functions and main sequences");
    report.prose(
        "Mass functions weight each galaxy by the inverse of the volume of its own environment in which the survey would \
         see it. The main sequence is the line through the medians of star-forming galaxies; its intercept is taken at \
         log mass 10.",
    );
    let mut shown = Shown { report, folder, done: tested };
    shown.figure(
        "mass_function",
        "Stellar mass functions in voids and walls with jackknife errors, and double Schechter fits.",
    )?;
    shown.table("Double Schechter fits", "schechter_fits", &[])?;
    shown.table("Shares of the survey's volume", "volume_shares", &[])?;
    shown.figure(
        "main_sequence",
        "Star-forming main sequence in voids and walls: medians, fitted line, scatter (band).",
    )?;
    shown.figure("main_sequence_plane", "Star formation rate and mass.")?;
    shown.table("Main sequences", "main_sequences", &[])?;
    shown.report.section("Distributions");
    shown.figure("distributions", "Mass, star formation rate, Dn4000 and redshift of void and wall galaxies.")?;
    shown.figure(
        "local_density",
        "Density to the fifth nearest tracer (Mr < -20, as complete everywhere) of void and wall galaxies.",
    )?;
    let columns = [
        "algorithm",
        "galaxies",
        "quantity",
        "median_void",
        "median_wall",
        "cohens_d",
        "ks_p_value",
        "ad_p_value",
        "p_adjusted",
    ];
    shown.table("Void against wall", "comparisons", &columns)?;
    shown.figure("mass_redshift", "Mass and redshift of void and wall galaxies: what the flux limit does.")?;
    shown.figure("specific_rate", "Specific star formation rate and mass.")
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
