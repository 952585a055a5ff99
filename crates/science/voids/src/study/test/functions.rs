//! Mass functions and main sequences of voids and walls.

use astro::statistics::Binning;
use study::run::StepFolder;

use super::super::StudyError;
use super::population::{PIVOT_LOG_MASS, Population};
use super::volumes::Volumes;
use crate::population::tables::{self, Labelled};
use crate::population::{
    DoubleSchechter, MainSequence, MassFunction, PopulationError, figures, main_sequence, mass_function,
};
use crate::study::figures::title;

const ENVIRONMENTS: [(&str, bool); 2] = [("void", true), ("wall", false)];

/// Mass functions with 1/Vmax weights for every algorithm, Vmax being the volume of the galaxy's own environment, and
/// double Schechter fits.
pub(super) fn mass_functions(
    folder: &mut StepFolder,
    population: &Population,
    volumes: &Volumes,
) -> Result<(), StudyError> {
    let [low, high] = population.rules.log_mass;
    let count = ((high - low) / population.rules.mass_bin_dex - 1e-9).ceil().max(1.0) as usize;
    let bins = Binning::uniform(low, high, count).map_err(PopulationError::from)?;
    let (mut measured, mut fits) = (Vec::new(), Vec::new());
    for algorithm in &population.algorithms {
        // Volumes are those without the edge, so galaxies are too.
        let environment = population.in_void(algorithm, false)?;
        let (density, absolute) = volumes.inverse_vmax(population, algorithm, &environment)?;
        for (name, void) in ENVIRONMENTS {
            let select = |row: usize| environment[row] == Some(void);
            let share = absolute.then_some(1.0);
            match mass_function(&population.galaxies, select, &density, share, &bins) {
                Ok(value) => measured.push(labelled(algorithm, name, value)),
                Err(error) => {
                    folder.warn(format!("no mass function of {name} galaxies, {}: {error}", title(algorithm)));
                    continue;
                }
            }
            match measured.last().map(|function| DoubleSchechter::fit(&function.value)) {
                Some(Ok(value)) => fits.push(labelled(algorithm, name, value)),
                Some(Err(error)) => {
                    folder.warn(format!("no Schechter fit of {name} galaxies, {}: {error}", title(algorithm)));
                }
                None => {}
            }
        }
    }
    let table = tables::mass_functions(&measured)?;
    folder.table("mass_functions", &table)?;
    folder.table("schechter_fits", &tables::schechter_fits(&fits)?)?;
    let covariances: Vec<_> = measured
        .iter()
        .map(tables::mass_function_covariance)
        .chain(fits.iter().map(tables::schechter_covariance))
        .collect();
    folder.table("mass_function_covariance", &tables::covariances(&covariances)?)?;
    mass_function_figure(folder, &measured, &fits)
}

fn labelled<T>(algorithm: &str, label: &str, value: T) -> Labelled<T> {
    Labelled { algorithm: title(algorithm).to_owned(), label: label.to_owned(), value }
}

/// The figure of the first algorithm that has both environments.
fn mass_function_figure(
    folder: &StepFolder,
    measured: &[Labelled<MassFunction>],
    fits: &[Labelled<DoubleSchechter>],
) -> Result<(), StudyError> {
    let pair = measured
        .windows(2)
        .find(|pair| pair[0].algorithm == pair[1].algorithm && pair[0].label == "void" && pair[1].label == "wall");
    let Some([void, wall]) = pair else { return Ok(()) };
    let fit = |of: &Labelled<MassFunction>| {
        fits.iter().find(|fit| fit.algorithm == of.algorithm && fit.label == of.label).map(|fit| &fit.value)
    };
    let caption = format!("Stellar mass function ({} voids)", void.algorithm);
    let figure = figures::mass_functions((&void.value, fit(void)), (&wall.value, fit(wall)), &caption);
    Ok(folder.figure("mass_function", &figure, &tables::mass_functions(measured)?)?)
}

/// The main sequence of voids and of walls, for every algorithm.
pub(super) fn main_sequences(folder: &mut StepFolder, population: &Population) -> Result<(), StudyError> {
    let mut measured: Vec<Labelled<MainSequence>> = Vec::new();
    for algorithm in &population.algorithms {
        let environment = population.fiducial(algorithm)?;
        for (name, void) in ENVIRONMENTS {
            let select = |row: usize| environment[row] == Some(void);
            match main_sequence(&population.galaxies, select, population.rules.log_mass, PIVOT_LOG_MASS) {
                Ok(value) => {
                    measured.push(Labelled { algorithm: title(algorithm).to_owned(), label: name.to_owned(), value })
                }
                Err(error) => {
                    folder.warn(format!("no main sequence of {name} galaxies, {}: {error}", title(algorithm)));
                }
            }
        }
    }
    folder.table("main_sequences", &tables::main_sequences(&measured)?)?;
    let ridges = tables::ridges(&measured)?;
    folder.table("main_sequence_ridges", &ridges)?;
    let (Some(algorithm), [void, wall, ..]) = (population.algorithms.first(), measured.as_slice()) else {
        return Ok(());
    };
    if void.algorithm != title(algorithm) || void.label != "void" || wall.label != "wall" {
        return Ok(());
    }
    let environment = population.fiducial(algorithm)?;
    let caption = format!("Star-forming main sequence ({} voids; bands: scatter)", void.algorithm);
    folder.figure("main_sequence", &figures::main_sequences(&void.value, &wall.value, &caption), &ridges)?;
    let figure = figures::main_sequence_plane(&population.galaxies, &environment, &void.value, &wall.value);
    Ok(folder.figure("main_sequence_plane", &figure, &ridges)?)
}
