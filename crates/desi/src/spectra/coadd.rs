//! DESI coadd and spectra files: three arms of images, one row a target, read one row at a time.

use std::ops::Range;
use std::path::Path;

use archive::fits::{FitsFile, Table};

use super::combine::{self, ArmPixels};
use super::resolution::ResolutionMatrix;
use super::spectrum::Spectrum;
use crate::DesiError;

pub(super) const ARMS: [&str; 3] = ["B", "R", "Z"];

/// A coadd or spectra file, open. Memory while reading: one target (about 0.5 MB), whatever the size of the file.
///
/// FIBERMAP is optional (early files have none), and of its columns TARGETID, TARGET_RA, TARGET_DEC and EBV are used
/// where present. MASK and RESOLUTION are optional; WAVELENGTH, FLUX and IVAR of the three arms are not.
#[derive(Debug)]
pub struct CoaddFile {
    file: FitsFile,
    n_targets: usize,
    target_ids: Vec<i64>,
    ra_deg: Vec<f64>,
    dec_deg: Vec<f64>,
    ebv: Vec<f64>,
    wavelengths: Vec<Vec<f64>>,
}

impl CoaddFile {
    /// Opens a file and checks that its arms agree with each other and with FIBERMAP.
    ///
    /// # Errors
    /// No FITS file, an arm's image missing, or shapes that disagree.
    pub fn open(path: &Path) -> Result<Self, DesiError> {
        Self::of(FitsFile::open(path)?)
    }

    pub(crate) fn of(file: FitsFile) -> Result<Self, DesiError> {
        let mut wavelengths = Vec::new();
        let mut rows = None;
        for arm in ARMS {
            let image = file.image(&format!("{arm}_WAVELENGTH"))?;
            let wavelength = image.read_f64(0..image.len())?;
            for kind in ["FLUX", "IVAR"] {
                let n = check_shape(&file, arm, kind, wavelength.len())?;
                if *rows.get_or_insert(n) != n {
                    return Err(invalid(
                        &file,
                        None,
                        format!("{arm}_{kind} has {n} targets, the arms before it {rows:?}"),
                    ));
                }
            }
            // What may be missing must fit where it is there.
            if file.image(&format!("{arm}_MASK")).is_ok() {
                check_shape(&file, arm, "MASK", wavelength.len())?;
            }
            wavelengths.push(wavelength);
        }
        let n_targets = rows.unwrap_or(0);
        let mut open = Self {
            n_targets,
            target_ids: Vec::new(),
            ra_deg: Vec::new(),
            dec_deg: Vec::new(),
            ebv: Vec::new(),
            wavelengths,
            file,
        };
        open.read_fibermap()?;
        Ok(open)
    }

    fn read_fibermap(&mut self) -> Result<(), DesiError> {
        if !self.file.has_table("FIBERMAP") {
            return Ok(());
        }
        let table = self.file.table("FIBERMAP")?;
        if table.n_rows() != self.n_targets {
            let reason = format!("FIBERMAP has {} rows, the images {} targets", table.n_rows(), self.n_targets);
            return Err(invalid(&self.file, None, reason));
        }
        let optional = |name: &str, table: &Table<'_>| {
            if table.has_column(name) { table.f64_column(name) } else { Ok(Vec::new()) }
        };
        let target_ids = table.i64_column("TARGETID")?;
        let (ra, dec) = (optional("TARGET_RA", &table)?, optional("TARGET_DEC", &table)?);
        let ebv = optional("EBV", &table)?;
        (self.target_ids, self.ra_deg, self.dec_deg, self.ebv) = (target_ids, ra, dec, ebv);
        Ok(())
    }

    /// Number of rows: targets of a coadd, exposures of targets of a spectra file.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n_targets
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n_targets == 0
    }

    /// TARGETID of each row; empty for files without FIBERMAP.
    #[must_use]
    pub fn target_ids(&self) -> &[i64] {
        &self.target_ids
    }

    /// Right ascensions, ICRS degrees; empty where FIBERMAP has none.
    #[must_use]
    pub fn ra_deg(&self) -> &[f64] {
        &self.ra_deg
    }

    /// Declinations, ICRS degrees; empty where FIBERMAP has none.
    #[must_use]
    pub fn dec_deg(&self) -> &[f64] {
        &self.dec_deg
    }

    /// The file itself, for its headers and tables.
    #[must_use]
    pub fn fits(&self) -> &FitsFile {
        &self.file
    }

    pub(super) fn check_row(&self, row: usize) -> Result<(), DesiError> {
        if row < self.n_targets {
            return Ok(());
        }
        let reason = format!("expected a row below {}, found {row}", self.n_targets);
        Err(invalid(&self.file, Some(row), reason))
    }

    /// Pixels of an arm.
    pub(super) fn n_pixels(&self, arm: usize) -> usize {
        self.wavelengths[arm].len()
    }

    /// Where an arm begins on the combined grid.
    pub(super) fn first_pixel(&self, arm: usize) -> Result<usize, DesiError> {
        combine::first_pixel(&self.wavelengths[arm])
            .map_err(|reason| invalid(&self.file, None, format!("{}_WAVELENGTH: {reason}", ARMS[arm])))
    }

    pub(super) fn has_resolution(&self) -> bool {
        ARMS.iter().all(|arm| self.file.image(&format!("{arm}_RESOLUTION")).is_ok())
    }

    pub(super) fn read_f32(&self, arm: usize, kind: &str, pixels: Range<usize>) -> Result<Vec<f32>, DesiError> {
        Ok(self.file.image(&format!("{}_{kind}", ARMS[arm]))?.read_f32(pixels)?)
    }

    /// Mask bits; empty where the file has none.
    pub(super) fn read_mask(&self, arm: usize, pixels: Range<usize>) -> Result<Vec<i64>, DesiError> {
        match self.file.image(&format!("{}_MASK", ARMS[arm])) {
            Ok(image) => Ok(image.read_i64(pixels)?.into_iter().map(|bits| bits.unwrap_or(1)).collect()),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// The arms (B, R, Z) of one row as they are in the file.
    ///
    /// # Errors
    /// When the row is beyond the file or an image cannot be read.
    pub fn arms(&self, row: usize) -> Result<Vec<ArmPixels>, DesiError> {
        self.check_row(row)?;
        (0..ARMS.len()).map(|arm| self.arm(arm, row)).collect()
    }

    fn arm(&self, arm: usize, row: usize) -> Result<ArmPixels, DesiError> {
        let (name, n) = (ARMS[arm], self.wavelengths[arm].len());
        let pixels = row * n..(row + 1) * n;
        let read = |kind: &str| self.file.image(&format!("{name}_{kind}"))?.read_f64(pixels.clone());
        let mask = self.read_mask(arm, pixels.clone())?;
        let step = self.wavelengths[arm].windows(2).next().map_or(1.0, |pair| pair[1] - pair[0]);
        let sigma = self
            .resolution(arm, row)?
            .map_or_else(Vec::new, |matrix| matrix.sigma_pixels().into_iter().map(|sigma| sigma * step).collect());
        Ok(ArmPixels {
            flux_1e17_cgs: read("FLUX")?,
            ivar: read("IVAR")?,
            mask,
            sigma_angstrom: sigma,
            wavelength_angstrom: self.wavelengths[arm].clone(),
        })
    }

    /// The resolution matrix of an arm (0, 1, 2 for B, R, Z) of one row, where the file has it.
    ///
    /// # Errors
    /// When its image has another shape than the arm.
    pub fn resolution(&self, arm: usize, row: usize) -> Result<Option<ResolutionMatrix>, DesiError> {
        let (Some(name), Some(wavelength)) = (ARMS.get(arm), self.wavelengths.get(arm)) else { return Ok(None) };
        let Ok(image) = self.file.image(&format!("{name}_RESOLUTION")) else { return Ok(None) };
        let n = wavelength.len();
        let &[targets, diagonals, pixels] = image.shape() else {
            let reason = format!("{name}_RESOLUTION: expected three axes, found {:?}", image.shape());
            return Err(invalid(&self.file, Some(row), reason));
        };
        if pixels != n || targets != self.n_targets {
            let reason =
                format!("{name}_RESOLUTION: expected [{}, 11, {n}], found {:?}", self.n_targets, image.shape());
            return Err(invalid(&self.file, Some(row), reason));
        }
        let values = image.read_f32(row * diagonals * n..(row + 1) * diagonals * n)?;
        Ok(ResolutionMatrix::new(diagonals, values))
    }

    /// One row, its arms combined onto the 0.8 Angstrom grid from 3600 to 9824. Galactic extinction is still in it.
    ///
    /// # Errors
    /// As [`arms`](Self::arms), and when an arm's wavelengths are on another grid.
    pub fn spectrum(&self, row: usize) -> Result<Spectrum, DesiError> {
        let arms = self.arms(row)?;
        let bare = combine::combined_spectrum(&arms).map_err(|reason| invalid(&self.file, Some(row), reason))?;
        let known = |values: &[f64]| values.get(row).copied().filter(|value| value.is_finite());
        let target_id = self.target_ids.get(row).copied();
        let stem = self.file.path().file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Ok(Spectrum {
            target_id,
            name: target_id.map_or_else(|| format!("{stem}[{row}]"), |id| id.to_string()),
            ra_deg: known(&self.ra_deg),
            dec_deg: known(&self.dec_deg),
            ebv: known(&self.ebv),
            ..bare
        })
    }
}

fn check_shape(file: &FitsFile, arm: &str, kind: &str, pixels: usize) -> Result<usize, DesiError> {
    let name = format!("{arm}_{kind}");
    let image = file.image(&name)?;
    match *image.shape() {
        [targets, n] if n == pixels => Ok(targets),
        _ => {
            let reason = format!("{name}: expected [targets, {pixels}] as {arm}_WAVELENGTH, found {:?}", image.shape());
            Err(invalid(file, None, reason))
        }
    }
}

fn invalid(file: &FitsFile, row: Option<usize>, reason: String) -> DesiError {
    DesiError::Spectrum { path: file.path().to_owned(), row, reason }
}
