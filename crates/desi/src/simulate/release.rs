//! A simulated sky as files: FastSpecFit, the eight void catalogues of DESIVAST, and the truth beside them.
//!
//! `galaxies.fits` has the few columns that a study can read without an archive.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::fits::{FitsWriter, Header};
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use super::truth::{write_bytes, write_galaxies, write_voids};
use super::{Galaxy, LightCone, write_desivast, write_fastspecfit};
use crate::DesiError;

/// The files of a simulated release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Measured galaxies in FastSpecFit's format, one file a HEALPix pixel of nside 1 that has any.
    pub fastspecfit: Vec<PathBuf>,
    /// The same galaxies with eleven columns (FITS, table `GALAXIES`).
    pub galaxies: PathBuf,
    /// Void catalogues in DESIVAST's format.
    pub voids: Vec<PathBuf>,
    /// True properties of the galaxies (Parquet), row by row with `galaxies`.
    pub truth: PathBuf,
    /// The true voids (Parquet).
    pub true_voids: PathBuf,
    /// Every parameter of the simulation (JSON).
    pub parameters: PathBuf,
}

/// Writes `fastspecfit/*.fits` with these emission lines, `desivast/*.fits`, `galaxies.fits`, `truth/galaxies.parquet`,
/// `truth/voids.parquet` and `truth/parameters.json`; galaxies of a file in the order of their `TARGETID`. Each file
/// appears whole or not at all.
///
/// # Errors
/// A file cannot be written.
pub fn write_release(folder: &Path, sky: &LightCone, lines: &[&'static str]) -> Result<Release, DesiError> {
    let truth_folder = folder.join("truth");
    for folder in [folder, &truth_folder, &folder.join("desivast"), &folder.join("fastspecfit")] {
        std::fs::create_dir_all(folder).map_err(|source| DesiError::Folder { path: folder.to_owned(), source })?;
    }
    let mut galaxies: Vec<&Galaxy> = sky.galaxies.iter().collect();
    galaxies.sort_unstable_by_key(|galaxy| galaxy.target_id);
    let release = Release {
        fastspecfit: write_fastspecfit(&folder.join("fastspecfit"), sky, lines)?,
        galaxies: folder.join("galaxies.fits"),
        voids: write_desivast(folder.join("desivast"), sky)?,
        truth: truth_folder.join("galaxies.parquet"),
        true_voids: truth_folder.join("voids.parquet"),
        parameters: truth_folder.join("parameters.json"),
    };
    write_table(&release.galaxies, "GALAXIES", measured(&galaxies))?;
    write_galaxies(&release.truth, &galaxies)?;
    write_voids(&release.true_voids, sky)?;
    let failed =
        |error: serde_json::Error| DesiError::Folder { path: release.parameters.clone(), source: error.into() };
    let text = serde_json::to_vec_pretty(&sky.parameters).map_err(failed)?;
    write_bytes(&release.parameters, &text)?;
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
