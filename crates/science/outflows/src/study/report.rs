//! *Report*: one page that says who has winds, how fast they are, what they carry, and how far to trust it.

use std::path::Path;

use arrow::array::Array;
use study::report::Report;
use study::run::{Done, Run};

use super::columns::{numbers, texts};
use super::{Settings, Steps, StudyError};

/// Rows of a table that the page shows.
const SHOWN_ROWS: usize = 40;

/// The page of a run whose steps are done.
pub(super) fn page(run: &Run, settings: &Settings, steps: &Steps) -> Result<String, StudyError> {
    let Steps { selected, catalogued, tested, judged, drawn, gallery, .. } = steps;
    let folder = run.folder().to_owned();
    let mut report = Report::new(&settings.title, "Winds of quasars in absorption and emission");
    key_numbers(&mut report, drawn)?;
    report.section("The sample");
    report.prose("Each row of the table is a cut and the spectra it leaves.");
    report.table("Cuts and the spectra they leave", "selection", &selected.table("selection")?, SHOWN_ROWS)?;
    let failures = catalogued.table("failures")?;
    if failures.num_rows() > 0 {
        report.prose(&format!(
            "{} measurements failed; tables/failures.parquet has each with its reason.",
            failures.num_rows()
        ));
    }
    population(&mut report, &folder, settings, drawn)?;
    pictures(&mut report, &folder, gallery)?;
    report.section("Validation");
    report.validation(&judged.json("validation")?);
    robustness(&mut report, tested)?;
    report.section("Catalogues");
    report.prose(
        "tables/winds.parquet has one row a quasar with its winds; quasars.parquet the continuum, lines.parquet one row a \
         line, trough_indices.parquet one row a quasar and line, troughs.parquet one row a trough. SPECTRUM joins them and \
         sample.parquet, which says where each spectrum is.",
    );
    Ok(report.html(run.manifest()))
}

fn population(report: &mut Report, folder: &Path, settings: &Settings, drawn: &Done) -> Result<(), StudyError> {
    let winds = &settings.winds;
    report.section("Who has a wind");
    report.prose(&format!(
        "A wing of [O III] counts as a wind from {} times the error of its flux and a v_max of {} km/s; a quasar is BAL \
         where BI of C IV, or BI to 60,000 km/s, is 3 times its error. Intervals are 68 % (Wilson).",
        winds.min_significance, winds.min_velocity_km_s
    ));
    report.figure(folder, "incidence", "Share of quasars with a wind, in bins of equal numbers.")?;
    report.table("Shares", "incidence", &drawn.table("incidence")?, SHOWN_ROWS)?;
    report.section("How fast");
    report.figure(folder, "kinematics", "Speeds of wings, of troughs, and the blueshift of C IV in emission.")?;
    report.table("Distributions", "distributions", &drawn.table("distributions")?, SHOWN_ROWS)?;
    report.section("What it carries");
    report.prose(&format!(
        "Powers are medians with the 16th and 84th percentiles of posteriors. What spectra do not tell is a prior of the \
         study: log n_e {} ± {}, extent {} ± {} kpc ({} masses, {}); for troughs log R {} ± {} kpc, log N_H {} ± {}, covering \
         {} ± {}. The power of a trough is its speed and these priors, no more.",
        winds.log_n_e[0],
        winds.log_n_e[1],
        winds.radius_kpc[0],
        winds.radius_kpc[1],
        winds.mass,
        winds.geometry,
        winds.trough_log_radius_kpc[0],
        winds.trough_log_radius_kpc[1],
        winds.trough_log_n_h[0],
        winds.trough_log_n_h[1],
        winds.trough_covering[0],
        winds.trough_covering[1],
    ));
    report.figure(
        folder,
        "energetics",
        "Kinetic power against bolometric luminosity and redshift. Lines: shares of L_bol that simulations ask for.",
    )?;
    report.figure(
        folder,
        "power_distribution",
        "Distribution of the power of ionised winds; quasars without a wing count with their upper limits (Kaplan-Meier).",
    )?;
    report.section("Known relations");
    report.figure(folder, "relations", "Baldwin effect, and equivalent width against blueshift of C IV.")?;
    Ok(())
}

fn pictures(report: &mut Report, folder: &Path, gallery: &Done) -> Result<(), StudyError> {
    let table = gallery.table("gallery")?;
    if table.num_rows() == 0 {
        return Ok(());
    }
    report.section("The strongest winds");
    report.prose("By balnicity and by power of the [O III] wing in turn. Shaded in velocity: troughs of AI and BI.");
    let (figures, names, whats) = (texts(&table, "figure")?, texts(&table, "name")?, texts(&table, "what")?);
    for at in 0..figures.len() {
        let caption = match whats.value(at) {
            "fit" => format!("{}: the spectrum with its parts, residuals, and each complex.", names.value(at)),
            _ => format!("{}: continuum and troughs.", names.value(at)),
        };
        report.figure(folder, figures.value(at), &caption)?;
    }
    Ok(())
}

fn robustness(report: &mut Report, tested: &Done) -> Result<(), StudyError> {
    let tables = [
        ("remeasured", "Lines measured in another way"),
        ("repeats", "Repeated spectra of one quasar"),
        ("injection", "Winds put into real spectra"),
    ];
    for (name, caption) in tables {
        let path = format!("tables/{name}.parquet");
        if tested.record.outputs.iter().any(|output| output.path == path) {
            let table = tested.table(name)?;
            if table.num_rows() > 0 {
                report.table(caption, name, &table, SHOWN_ROWS)?;
            }
        }
    }
    Ok(())
}

fn key_numbers(report: &mut Report, drawn: &Done) -> Result<(), StudyError> {
    let shares = drawn.table("incidence")?;
    let (kinds, over) = (texts(&shares, "wind")?, texts(&shares, "bins_of")?);
    let (share, low, high) =
        (numbers(&shares, "share")?, numbers(&shares, "share_low")?, numbers(&shares, "share_high")?);
    for at in (0..shares.num_rows()).filter(|at| over.value(*at) == "all") {
        if let (Some(share), Some(low), Some(high)) = (share[at], low[at], high[at]) {
            let label = format!("share of quasars with {}", kinds.value(at));
            report.key_number(&label, (share, Some(0.5 * (high - low))), "", "tables/incidence.parquet");
        }
    }
    let distributions = drawn.table("distributions")?;
    let (names, units) = (texts(&distributions, "quantity")?, texts(&distributions, "unit")?);
    let medians = numbers(&distributions, "median")?;
    for at in [0, 1] {
        if let Some(median) = medians.get(at).copied().flatten() {
            let label = format!("median {}", names.value(at));
            report.key_number(&label, (median.round(), None), units.value(at), "tables/distributions.parquet");
        }
    }
    Ok(())
}
