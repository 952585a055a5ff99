//! Distributions of void and wall galaxies: local density, comparisons, and the table of what is known of each galaxy.

use astro::{Cosmology, sphere};
use study::run::StepFolder;
use study::tables::{Columns, write_parquet};

use super::super::StudyError;
use super::controls::Controls;
use super::population::{DEFINITIONS, Population};
use crate::population::tables::{self, Labelled};
use crate::population::{
    Comparison, FAINTEST_TRACER, absolute_magnitudes, adjust, compare, compare_pairs, figures, inverse_vmax,
    local_density_mpc_h3, volume_limit,
};
use crate::study::figures::title;

/// One quantity of every galaxy, missing where it is not known or not finite.
type Quantity = (&'static str, Vec<Option<f64>>);

/// Tables and figures of distributions; `matched` are the pairs of the fiducial algorithm.
pub(super) fn write(folder: &mut StepFolder, population: &Population, matched: &Controls) -> Result<(), StudyError> {
    let density = log_densities(population);
    galaxies_table(folder, population, &density)?;
    let quantities = quantities(population, &density);
    let mut measured = Vec::new();
    for (which, algorithm) in population.algorithms.iter().enumerate() {
        let environment = population.complete(algorithm, population.include_edge)?;
        for (quantity, values) in &quantities {
            let of = |void: bool| -> Vec<f64> {
                values.iter().zip(&environment).filter(|(_, e)| **e == Some(void)).filter_map(|(v, _)| *v).collect()
            };
            let found = compare(quantity, &of(true), &of(false), &population.rules);
            note(folder, &mut measured, (algorithm, "all above the mass limit"), found);
            if which == 0 {
                let pairs: Vec<(f64, f64)> = matched
                    .pairs
                    .pairs
                    .iter()
                    .filter_map(|(void, wall)| Some((values[*void]?, values[*wall]?)))
                    .collect();
                let found = compare_pairs(quantity, &pairs, &population.rules);
                note(folder, &mut measured, (algorithm, "pairs of equal mass and redshift"), found);
            }
        }
    }
    let p_values: Vec<f64> = measured.iter().map(|each| each.value.permutation_p_value).collect();
    folder.table("comparisons", &tables::comparisons(&measured, &adjust(&[p_values])?.concat())?)?;
    draw(folder, population, &density)
}

fn note(
    folder: &mut StepFolder,
    measured: &mut Vec<Labelled<Comparison>>,
    (algorithm, galaxies): (&str, &str),
    found: Result<Comparison, crate::population::PopulationError>,
) {
    match found {
        Ok(value) => {
            measured.push(Labelled { algorithm: title(algorithm).to_owned(), label: galaxies.to_owned(), value })
        }
        Err(error) => folder.warn(format!("a comparison is missing, {}, {galaxies}: {error}", title(algorithm))),
    }
}

/// log10 of the density to the fifth nearest tracer, where tracers are complete.
fn log_densities(population: &Population) -> Vec<Option<f64>> {
    let columns = population.galaxies.columns();
    let cosmology = Cosmology::flat_lcdm(population.omega_m);
    let zmax = volume_limit(&population.galaxies, FAINTEST_TRACER, &population.vmax);
    let positions: Vec<[f64; 3]> = (0..population.galaxies.len())
        .map(|row| {
            let distance = cosmology.comoving_distance_mpc_h(columns.redshift[row].max(0.0));
            sphere::position_mpc_h(columns.ra_deg[row], columns.dec_deg[row], distance)
        })
        .collect();
    let within = |row: usize| columns.redshift[row] <= zmax;
    let is_tracer: Vec<bool> = absolute_magnitudes(&population.galaxies, population.omega_m)
        .iter()
        .enumerate()
        .map(|(row, magnitude)| within(row) && magnitude.is_some_and(|magnitude| magnitude <= FAINTEST_TRACER))
        .collect();
    local_density_mpc_h3(&positions, &is_tracer)
        .into_iter()
        .enumerate()
        .map(|(row, density)| density.filter(|_| within(row)).map(f64::log10))
        .collect()
}

fn quantities(population: &Population, density: &[Option<f64>]) -> Vec<Quantity> {
    let galaxies = &population.galaxies;
    let finite = |value: &dyn Fn(usize) -> Option<f64>| -> Vec<Option<f64>> {
        (0..galaxies.len()).map(|row| value(row).filter(|value| value.is_finite())).collect()
    };
    vec![
        ("log sSFR (1/yr)", finite(&|row| galaxies.log_ssfr(row))),
        ("Dn4000", galaxies.columns().dn4000.clone()),
        ("log stellar mass (Msun)", galaxies.columns().log_mass.clone()),
        ("log SFR (Msun/yr)", finite(&|row| galaxies.log_sfr(row))),
        ("log local density (h3 Mpc-3)", density.to_vec()),
    ]
}

/// One row a galaxy: what the statistics are made of.
fn galaxies_table(folder: &StepFolder, population: &Population, density: &[Option<f64>]) -> Result<(), StudyError> {
    let galaxies = &population.galaxies;
    let columns = galaxies.columns();
    let rows = 0..galaxies.len();
    let complete =
        |row: usize| columns.log_mass[row].is_some_and(|mass| population.limit.complete(mass, columns.redshift[row]));
    let mut table = Columns::new()
        .integer("TARGETID", "", "unique target identifier", columns.target_id.iter().copied())
        .optional(
            "LOG_LOCAL_DENSITY",
            "log10(h3 Mpc-3)",
            "log10 of the density to the fifth nearest tracer (M_r < -20); null beyond the tracers' volume limit",
            density.iter().copied(),
        )
        .optional(
            "LOG_SSFR",
            "log10(yr-1)",
            "log10 of the specific star formation rate; null where the rate is 0",
            rows.clone().map(|row| galaxies.log_ssfr(row).filter(|value| value.is_finite())),
        )
        .optional(
            "INVERSE_VMAX",
            "h3 Mpc-3",
            "1/Vmax times the completeness weight",
            inverse_vmax(galaxies, &population.vmax)?,
        )
        .flag("COMPLETE", "above the mass to which the survey sees every galaxy", rows.map(complete))
        .integer("REGION", "", "jackknife region", galaxies.region().iter().map(|region| (*region).into()));
    for ((definition, mask), name) in
        DEFINITIONS.iter().zip(&population.masks).zip(["QUENCHED_SSFR", "QUENCHED_SEQUENCE", "QUENCHED_DN4000"])
    {
        let values: arrow::array::BooleanArray = mask.iter().copied().collect();
        let meaning = format!("quenched: {}", definition.name());
        table = table.array(name, "", &meaning, std::sync::Arc::new(values));
    }
    write_parquet(&folder.path("tables/galaxies.parquet")?, &table.table()?)?;
    Ok(())
}

fn draw(folder: &StepFolder, population: &Population, density: &[Option<f64>]) -> Result<(), StudyError> {
    let Some(algorithm) = population.algorithms.first() else { return Ok(()) };
    let galaxies = &population.galaxies;
    let environment = population.fiducial(algorithm)?;
    let (figure, data) = figures::distributions(galaxies, &environment)?;
    folder.figure("distributions", &figure, &data)?;
    let of = |void: bool| -> Vec<f64> {
        density.iter().zip(&environment).filter(|(_, e)| **e == Some(void)).filter_map(|(v, _)| *v).collect()
    };
    let (void, wall) = (of(true), of(false));
    if !void.is_empty() && !wall.is_empty() {
        let (figure, data) = figures::local_density(&void, &wall)?;
        folder.figure("local_density", &figure, &data)?;
    }
    let (figure, data) = figures::mass_redshift(galaxies, &environment)?;
    folder.figure("mass_redshift", &figure, &data)?;
    let (figure, data) = figures::specific_rate(galaxies, &environment)?;
    Ok(folder.figure("specific_rate", &figure, &data)?)
}
