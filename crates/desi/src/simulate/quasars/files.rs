//! Simulated quasars as the files of a release: a coadd and a redrock file a HEALPix pixel, and the truth beside them.

use std::path::{Path, PathBuf};

use archive::Progress;
use archive::fits::{FitsWriter, Header, ImageData, Value};
use rayon::prelude::*;

use super::fibermap::Tables;
use super::instrument::{ARMS, DIAGONALS};
use super::population::per_pixel;
use super::tables::TruthTables;
use super::{QuasarSky, QuasarTruth, SimulatedQuasar};
use crate::DesiError;
use crate::release::SIMULATED;
use crate::simulate::truth::write_bytes;

const SURVEY: &str = "main";
const PROGRAM: &str = "dark";
const FLUX_UNIT: &str = "10**-17 erg/(s cm2 Angstrom)";
const IVAR_UNIT: &str = "10**+34 (s2 cm4 Angstrom2) / erg2";
/// Pixels of nside 64 whose truth is held before it is written, in order.
const PIXELS_AT_ONCE: usize = 64;

/// The files of simulated quasars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuasarRelease {
    /// Folder of the coadd and redrock files.
    pub healpix: PathBuf,
    /// Folder of the truth: `quasars`, `lines`, `absorbers`, `troughs` (Parquet) and `parameters.json`.
    pub truth: PathBuf,
    /// Pairs of a coadd and a redrock file.
    pub pixels: usize,
    /// Spectra.
    pub quasars: usize,
}

/// Writes `healpix/main/dark/{pixel / 100}/{pixel}/coadd-main-dark-{pixel}.fits`, `redrock-...` beside each, and `truth/`.
/// Pixels are written in parallel; memory: the spectra of one pixel (0.45 MB each) a thread. Each file appears whole
/// or not at all, and the truth's when all others are there.
///
/// # Errors
/// A file cannot be written.
pub fn write_quasars(folder: &Path, sky: &QuasarSky, progress: &dyn Progress) -> Result<QuasarRelease, DesiError> {
    let release = QuasarRelease {
        healpix: folder.join("healpix"),
        truth: folder.join("truth"),
        pixels: sky.len().div_ceil(per_pixel(sky.parameters())),
        quasars: sky.len(),
    };
    make_folder(&release.truth)?;
    let mut tables = TruthTables::create(&release.truth)?;
    let pixels: Vec<usize> = (0..release.pixels).collect();
    progress.begin("simulating quasars", sky.len() as u64, "spectra");
    for some in pixels.chunks(PIXELS_AT_ONCE) {
        let one = |pixel: &usize| {
            let truths = write_pixel(&release.healpix, sky, *pixel)?;
            progress.advance(truths.len() as u64);
            Ok(truths)
        };
        let truths: Vec<Vec<QuasarTruth>> =
            some.par_iter().with_max_len(1).map(one).collect::<Result<_, DesiError>>()?;
        for truths in truths {
            tables.write(&truths)?;
        }
    }
    progress.end();
    tables.finish()?;
    let parameters = release.truth.join("parameters.json");
    let failed = |error: serde_json::Error| DesiError::Folder { path: parameters.clone(), source: error.into() };
    write_bytes(&parameters, &serde_json::to_vec_pretty(sky.parameters()).map_err(failed)?)?;
    Ok(release)
}

fn make_folder(path: &Path) -> Result<(), DesiError> {
    std::fs::create_dir_all(path).map_err(|source| DesiError::Folder { path: path.to_owned(), source })
}

fn write_pixel(healpix: &Path, sky: &QuasarSky, pixel: usize) -> Result<Vec<QuasarTruth>, DesiError> {
    let many = per_pixel(sky.parameters());
    let numbers = pixel * many..((pixel + 1) * many).min(sky.len());
    let quasars: Vec<SimulatedQuasar> = numbers.map(|index| sky.quasar(index)).collect();
    let Some(number) = quasars.first().map(|quasar| quasar.truth.healpix) else { return Ok(Vec::new()) };
    let folder = healpix.join(format!("{SURVEY}/{PROGRAM}/{}/{number}", number / 100));
    make_folder(&folder)?;
    let tables = Tables::of(&quasars)?;
    write_redrock(&folder.join(format!("redrock-{SURVEY}-{PROGRAM}-{number}.fits")), number, &tables)?;
    // The coadd last: where it is, its redshifts are.
    write_coadd(&folder.join(format!("coadd-{SURVEY}-{PROGRAM}-{number}.fits")), sky, (number, &quasars), &tables)?;
    Ok(quasars.into_iter().map(|quasar| quasar.truth).collect())
}

fn primary(number: u64) -> Header {
    let mut header = Header::new();
    header.set("SPGRP", "healpix", "");
    header.set("SPGRPVAL", number as i64, "");
    header.set("HPXPIXEL", number as i64, "");
    header.set("HPXNSIDE", 64_i64, "");
    header.set("HPXNEST", true, "");
    header.set("SURVEY", SURVEY, "");
    header.set("PROGRAM", PROGRAM, "");
    header.set("DEPNAM00", "astrolab", "");
    header.set("DEPVER00", env!("CARGO_PKG_VERSION"), "");
    header.set("DEPNAM01", "SPECPROD", "");
    header.set("DEPVER01", "simulated", "");
    header.set(SIMULATED, Value::Logical(true), "simulated with known truth");
    header
}

fn write_redrock(path: &Path, number: u64, tables: &Tables) -> Result<(), DesiError> {
    let mut header = primary(number);
    header.set("RRVER", "simulated", "redshifts are drawn, not fitted");
    let mut writer = FitsWriter::create(path)?;
    writer.primary(&header)?;
    for (name, table) in [
        ("REDSHIFTS", &tables.redshifts),
        ("FIBERMAP", &tables.fibermap),
        ("EXP_FIBERMAP", &tables.exposures),
        ("TSNR2", &tables.tsnr2),
    ] {
        writer.table(name, &table.schema(), std::slice::from_ref(table))?;
    }
    writer.finish()?;
    Ok(())
}

fn write_coadd(
    path: &Path,
    sky: &QuasarSky,
    (number, quasars): (u64, &[SimulatedQuasar]),
    tables: &Tables,
) -> Result<(), DesiError> {
    let mut writer = FitsWriter::create(path)?;
    writer.primary(&primary(number))?;
    writer.table("FIBERMAP", &tables.fibermap.schema(), std::slice::from_ref(&tables.fibermap))?;
    writer.table("EXP_FIBERMAP", &tables.exposures.schema(), std::slice::from_ref(&tables.exposures))?;
    for (arm, name) in ["B", "R", "Z"].into_iter().enumerate() {
        let (rows, pixels) = (quasars.len(), ARMS[arm].1);
        let gather = |values: fn(&super::SimulatedArm) -> &Vec<f32>| {
            ImageData::F32(quasars.iter().flat_map(|quasar| values(&quasar.arms[arm])).copied().collect())
        };
        let mut image = |kind: &str, shape: &[usize], data: ImageData, unit: &str| {
            let mut header = Header::new();
            if !unit.is_empty() {
                header.set("BUNIT", unit, "");
            }
            writer.image(&format!("{name}_{kind}"), shape, &data, &header).map(|_| ())
        };
        image("WAVELENGTH", &[pixels], ImageData::F64(sky.instrument.arms[arm].wavelength.clone()), "Angstrom")?;
        image("FLUX", &[rows, pixels], gather(|arm| &arm.flux), FLUX_UNIT)?;
        image("IVAR", &[rows, pixels], gather(|arm| &arm.ivar), IVAR_UNIT)?;
        let mask = quasars.iter().flat_map(|quasar| &quasar.arms[arm].mask).copied().collect();
        image("MASK", &[rows, pixels], ImageData::I32(mask), "")?;
        let mut resolution = Vec::with_capacity(rows * DIAGONALS * pixels);
        quasars.iter().for_each(|quasar| resolution.extend_from_slice(sky.stored_resolution(quasar, arm)));
        image("RESOLUTION", &[rows, DIAGONALS, pixels], ImageData::F32(resolution), "")?;
    }
    writer.table("SCORES", &tables.scores.schema(), std::slice::from_ref(&tables.scores))?;
    writer.finish()?;
    Ok(())
}
