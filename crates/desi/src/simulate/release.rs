//! A simulated sky as files: one galaxy catalogue, the eight void catalogues, and the truth beside them.
//!
//! The galaxy catalogue has the columns that the void study reads, with FastSpecFit's names where FastSpecFit has them;
//! it does not imitate FastSpecFit's files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::fits::{FitsWriter, Header};
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use super::write_desivast;
use super::{Environment, Galaxy, LightCone};
use crate::DesiError;

/// The files of a simulated release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Measured galaxies (FITS, table `GALAXIES`).
    pub galaxies: PathBuf,
    /// Void catalogues in DESIVAST's format.
    pub voids: Vec<PathBuf>,
    /// True properties, row by row with `galaxies` (FITS, table `TRUTH`).
    pub truth: PathBuf,
    /// Every parameter of the simulation (JSON).
    pub parameters: PathBuf,
}

/// Writes `galaxies.fits`, `desivast/*.fits`, `truth/galaxies.fits` and `truth/parameters.json`; galaxies in the order
/// of their `TARGETID`. Each file appears whole or not at all.
///
/// # Errors
/// A file cannot be written.
pub fn write_release(folder: &Path, sky: &LightCone) -> Result<Release, DesiError> {
    let truth_folder = folder.join("truth");
    for folder in [folder, &truth_folder, &folder.join("desivast")] {
        std::fs::create_dir_all(folder).map_err(|source| DesiError::Folder { path: folder.to_owned(), source })?;
    }
    let mut galaxies: Vec<&Galaxy> = sky.galaxies.iter().collect();
    galaxies.sort_unstable_by_key(|galaxy| galaxy.target_id);
    let release = Release {
        galaxies: folder.join("galaxies.fits"),
        voids: write_desivast(folder.join("desivast"), sky)?,
        truth: truth_folder.join("galaxies.fits"),
        parameters: truth_folder.join("parameters.json"),
    };
    write_table(&release.galaxies, "GALAXIES", measured(&galaxies))?;
    write_table(&release.truth, "TRUTH", truth(&galaxies))?;
    let failed =
        |error: serde_json::Error| DesiError::Folder { path: release.parameters.clone(), source: error.into() };
    let text = serde_json::to_vec_pretty(&sky.parameters).map_err(failed)?;
    std::fs::write(&release.parameters, text)
        .map_err(|source| DesiError::Folder { path: release.parameters.clone(), source })?;
    Ok(release)
}

/// Columns as (name, unit, description, values).
type Described = Vec<(&'static str, &'static str, &'static str, ArrayRef)>;

fn floats(galaxies: &[&Galaxy], value: impl Fn(&Galaxy) -> f64) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(galaxies.iter().map(|galaxy| value(galaxy))))
}

fn identifiers(galaxies: &[&Galaxy]) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(galaxies.iter().map(|galaxy| galaxy.target_id)))
}

fn measured(galaxies: &[&Galaxy]) -> Described {
    let f = |value: fn(&Galaxy) -> f64| floats(galaxies, value);
    vec![
        ("TARGETID", "", "unique target identifier", identifiers(galaxies)),
        ("RA", "deg", "right ascension, ICRS", f(|g| g.ra_deg)),
        ("DEC", "deg", "declination, ICRS", f(|g| g.dec_deg)),
        ("Z", "", "measured redshift", f(|g| g.redshift)),
        ("LOGMSTAR", "log10(Msun)", "stellar mass, h = 1", f(|g| g.log_mass[0].into())),
        ("LOGMSTAR_ERR", "dex", "its error", f(|g| g.log_mass[1].into())),
        ("SFR", "Msun/yr", "star formation rate, h = 1", f(|g| 10_f64.powf(g.log_sfr[0].into()))),
        ("DN4000", "", "strength of the 4000 A break", f(|g| g.dn4000[0].into())),
        ("RMAG", "mag", "apparent magnitude in r, AB, corrected for dust", f(|g| g.apparent_r.into())),
        ("KCORR_R", "mag", "K-correction in r to z = 0.1", f(|g| g.k_correction_r.into())),
        ("ABSMAG_R", "mag", "absolute magnitude in r at z = 0.1, h = 1", f(|g| g.absolute_r.into())),
    ]
}

fn truth(galaxies: &[&Galaxy]) -> Described {
    let f = |value: fn(&Galaxy) -> f64| floats(galaxies, value);
    let flags = |value: fn(&Galaxy) -> bool| -> ArrayRef {
        Arc::new(BooleanArray::from(galaxies.iter().map(|galaxy| value(galaxy)).collect::<Vec<bool>>()))
    };
    vec![
        ("TARGETID", "", "unique target identifier", identifiers(galaxies)),
        ("TRUE_Z", "", "cosmological redshift", f(|g| g.true_redshift)),
        ("X", "Mpc/h", "comoving position", f(|g| g.position_mpc_h[0])),
        ("Y", "Mpc/h", "comoving position", f(|g| g.position_mpc_h[1])),
        ("Z", "Mpc/h", "comoving position", f(|g| g.position_mpc_h[2])),
        ("IN_VOID", "", "inside the union of a void's holes", flags(|g| g.environment == Environment::Void)),
        ("QUENCHED", "", "truly quenched", flags(|g| g.quenched)),
        ("TRUE_LOGMSTAR", "log10(Msun)", "true stellar mass", f(|g| g.true_log_mass.into())),
        ("TRUE_LOGSFR", "log10(Msun/yr)", "true star formation rate", f(|g| g.true_log_sfr.into())),
        ("TRUE_DN4000", "", "true Dn4000", f(|g| g.true_dn4000.into())),
    ]
}

fn write_table(path: &Path, name: &str, columns: Described) -> Result<(), DesiError> {
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    for (name, unit, description, array) in columns {
        let data_type: DataType = array.data_type().clone();
        let metadata =
            [("unit", unit), ("description", description)].map(|(key, text)| (key.to_owned(), text.to_owned()));
        fields.push(Field::new(name, data_type, false).with_metadata(metadata.into()));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), arrays)
        .map_err(|source| DesiError::Columns { table: "galaxies", source })?;
    let mut writer = FitsWriter::create(path)?;
    writer.primary(&Header::new())?;
    writer.table(name, &schema, &[batch])?;
    writer.finish()?;
    Ok(())
}
