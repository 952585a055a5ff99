//! Coadds as the archive's table `spectra`: one row a target, FIBERMAP, SCORES and redshift beside its pixels.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::columns::{Column, Columns};
use archive::fits::{FitsFile, Table};
use archive::ingest::RowSource;
use arrow::array::{
    ArrayRef, FixedSizeListArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, RecordBatch,
    StringArray, UInt64Array, new_null_array,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::coadd::CoaddFile;
use super::combine::GRID_PIXELS;
use super::combined_row::{CombinedRow, RESOLUTION_WIDTH};
use super::redshifts::{TargetRedshift, redshifts_by_target};
use crate::DesiError;

/// Which targets of the coadds are wanted, and with what.
#[derive(Debug, Clone, Default)]
pub struct SpectraSelection {
    /// Only this SPECTYPE (`QSO`, `GALAXY`, `STAR`), in any case.
    pub spectype: Option<String>,
    /// Whether to leave out the resolution matrices.
    pub without_resolution: bool,
    /// Redshifts (and positions, where FIBERMAP has none) by TARGETID, instead of the redrock file beside each coadd.
    pub redshifts: Option<Arc<HashMap<i64, TargetRedshift>>>,
}

/// Columns of FIBERMAP and SCORES that are kept: name, type, unit, UCD, meaning.
const KEPT: [(&str, DataType, &str, &str, &str); 24] = [
    ("EBV", DataType::Float32, "mag", "phys.absorption.gal", "Galactic reddening E(B-V), not corrected for"),
    ("OBJTYPE", DataType::Utf8, "", "meta.code", "Object type: TGT, SKY, BAD"),
    ("MORPHTYPE", DataType::Utf8, "", "meta.code.class", "Morphology in the imaging survey"),
    ("PHOTSYS", DataType::Utf8, "", "meta.code", "Photometric system: N or S"),
    ("COADD_FIBERSTATUS", DataType::Int32, "", "meta.code.qual", "Bits of what was wrong; 0 is good"),
    ("DESI_TARGET", DataType::Int64, "", "meta.code", "Target bits, dark and general"),
    ("BGS_TARGET", DataType::Int64, "", "meta.code", "Target bits, bright galaxies"),
    ("MWS_TARGET", DataType::Int64, "", "meta.code", "Target bits, Milky Way"),
    ("SCND_TARGET", DataType::Int64, "", "meta.code", "Target bits, secondary programs"),
    ("SV1_DESI_TARGET", DataType::Int64, "", "meta.code", "Target bits, survey validation 1"),
    ("SV2_DESI_TARGET", DataType::Int64, "", "meta.code", "Target bits, survey validation 2"),
    ("SV3_DESI_TARGET", DataType::Int64, "", "meta.code", "Target bits, survey validation 3"),
    ("FLUX_G", DataType::Float32, "nanomaggy", "phot.flux;em.opt.V", "Flux in g"),
    ("FLUX_R", DataType::Float32, "nanomaggy", "phot.flux;em.opt.R", "Flux in r"),
    ("FLUX_Z", DataType::Float32, "nanomaggy", "phot.flux;em.opt.I", "Flux in z"),
    ("FLUX_W1", DataType::Float32, "nanomaggy", "phot.flux;em.IR.3-4um", "Flux in WISE 1"),
    ("FLUX_W2", DataType::Float32, "nanomaggy", "phot.flux;em.IR.4-8um", "Flux in WISE 2"),
    ("COADD_NUMEXP", DataType::Int16, "", "meta.number;obs.exposure", "Exposures"),
    ("COADD_EXPTIME", DataType::Float32, "s", "time.duration;obs.exposure", "Exposure time"),
    ("MEAN_MJD", DataType::Float64, "d", "time.epoch", "Mean modified Julian date"),
    ("TILEID", DataType::Int32, "", "meta.id", "Tile, of tile coadds"),
    ("TSNR2_LYA", DataType::Float32, "", "stat.snr", "Template signal to noise squared, Lyman alpha quasars"),
    ("TSNR2_QSO", DataType::Float32, "", "stat.snr", "Template signal to noise squared, quasars"),
    ("SURVEY", DataType::Utf8, "", "meta.id;obs", "Survey of the coadd"),
];
/// Columns of KEPT that are in SCORES.
const SCORES: [&str; 2] = ["TSNR2_LYA", "TSNR2_QSO"];

fn pixels(item: DataType, length: usize) -> DataType {
    DataType::FixedSizeList(Arc::new(Field::new("item", item, false)), length as i32)
}

/// The columns of the table `spectra`, in their order, without the index.
#[must_use]
pub fn spectra_columns(without_resolution: bool) -> Columns {
    let column = |name: &str, data_type: DataType, unit: &str, ucd: &str, text: &str| {
        Column::new(name, text).with_type(data_type).with_unit(unit).with_ucd(ucd)
    };
    let kept = |name: &str| {
        let found = KEPT.iter().find(|(known, ..)| *known == name);
        found.map(|(name, data_type, unit, ucd, text)| column(name, data_type.clone(), unit, ucd, text))
    };
    let density = "1e-17 erg/s/cm2/Angstrom";
    let mut columns = vec![column("TARGETID", DataType::Int64, "", "meta.id;meta.main", "Unique target identifier")];
    columns.extend(kept("SURVEY"));
    columns.push(column("PROGRAM", DataType::Utf8, "", "meta.id;obs", "Program of the coadd"));
    columns.push(column("HEALPIX", DataType::Int32, "", "pos.healpix", "Nested pixel of nside 64 of the coadd"));
    columns.extend(kept("TILEID"));
    columns.push(column("RA", DataType::Float64, "deg", "pos.eq.ra;meta.main", "Right ascension, ICRS"));
    columns.push(column("DEC", DataType::Float64, "deg", "pos.eq.dec;meta.main", "Declination, ICRS"));
    columns.extend(KEPT.iter().take(20).filter_map(|(name, ..)| kept(name)));
    columns.extend([
        column("Z", DataType::Float64, "", "src.redshift", "Redshift by redrock"),
        column("ZERR", DataType::Float64, "", "stat.error;src.redshift", "Its error"),
        column("ZWARN", DataType::Int64, "", "meta.code.qual", "Its warning bits; 0 is good"),
        column("CHI2", DataType::Float64, "", "stat.fit.chi2", "Chi squared of the best template fit"),
        column("DELTACHI2", DataType::Float64, "", "stat.fit.chi2", "Excess of the next best fit"),
        column("SPECTYPE", DataType::Utf8, "", "src.class", "QSO, GALAXY or STAR"),
        column("SUBTYPE", DataType::Utf8, "", "src.class", "Template of the best fit"),
    ]);
    columns.extend(SCORES.iter().filter_map(|name| kept(name)));
    columns.push(column("SNR", DataType::Float32, "", "stat.snr", "Median of flux over error, good pixels"));
    let float = || pixels(DataType::Float32, GRID_PIXELS);
    columns.extend([
        column("flux", float(), density, "phot.flux.density;em.wl", "Flux density at 3600 + 0.8 i Angstrom, vacuum"),
        column("ivar", float(), "1e34 s2.cm4.Angstrom2/erg2", "stat.weight", "Its inverse variance"),
        column("mask", pixels(DataType::Int32, GRID_PIXELS), "", "meta.code.qual", "Mask bits; 0 is good"),
        column("resolution_sigma", float(), "Angstrom", "spect.resolution", "Line-spread sigma"),
    ]);
    if !without_resolution {
        let matrix = pixels(DataType::Int16, GRID_PIXELS * RESOLUTION_WIDTH);
        let text = "Resolution matrix in units of 2^-15: element 11 i + k takes true pixel i + k - 5 to pixel i";
        columns.push(column("resolution", matrix, "", "spect.resolution", text));
    }
    Columns::new(columns)
}

fn schema(without_resolution: bool) -> SchemaRef {
    let always = ["TARGETID", "RA", "DEC", "flux", "ivar", "mask"];
    let field = |column: &Column| column.field().with_nullable(!always.contains(&column.name.as_str()));
    Arc::new(Schema::new(spectra_columns(without_resolution).iter().map(field).collect::<Vec<_>>()))
}

/// The redshift file that belongs to a coadd: `redrock-...` beside `coadd-...`, or `zbest-...` of old.
#[must_use]
pub fn redshift_file_beside(coadd: &Path) -> Option<PathBuf> {
    let name = coadd.file_name()?.to_string_lossy();
    let rest = name.strip_prefix("coadd-")?;
    let plain = rest.trim_end_matches(".gz");
    let names =
        ["redrock-", "zbest-"].into_iter().flat_map(|kind| [format!("{kind}{plain}"), format!("{kind}{plain}.gz")]);
    names.map(|name| coadd.with_file_name(name)).find(|path| path.is_file())
}

/// One coadd file and the redshifts of its targets. Holds the chosen rows' identifiers, positions and redshifts (about 200
/// bytes each); the file is opened anew for every gather, so that a hundred thousand files can be sources at once.
#[derive(Debug)]
pub struct CoaddSource {
    path: PathBuf,
    schema: SchemaRef,
    chosen: Vec<Chosen>,
    /// Targets of the file, and those of them without a position.
    n_targets: usize,
    n_unplaced: usize,
    with_resolution: bool,
}

/// A chosen row of a coadd.
#[derive(Debug, Clone)]
struct Chosen {
    row: usize,
    target_id: i64,
    ra_deg: f64,
    dec_deg: f64,
    redshift: Option<TargetRedshift>,
}

impl CoaddSource {
    /// Opens a coadd, checks it, and chooses its rows. Targets without a position cannot be in the archive.
    ///
    /// # Errors
    /// The coadd or its redshift file is broken, or the coadd has no TARGETID.
    pub fn open(path: &Path, selection: &SpectraSelection) -> Result<Self, DesiError> {
        let file = CoaddFile::open(path)?;
        for arm in 0..3 {
            file.first_pixel(arm)?;
        }
        let redshifts = match (&selection.redshifts, redshift_file_beside(path)) {
            (Some(shared), _) => shared.clone(),
            (None, Some(beside)) => Arc::new(redshifts_by_target(&beside)?),
            (None, None) => Arc::default(),
        };
        if file.target_ids().is_empty() && !file.is_empty() {
            let reason = "expected FIBERMAP with TARGETID".to_owned();
            return Err(DesiError::Spectrum { path: path.to_owned(), row: None, reason });
        }
        let mut source = Self {
            path: path.to_owned(),
            schema: schema(selection.without_resolution),
            chosen: Vec::new(),
            n_targets: file.len(),
            n_unplaced: 0,
            with_resolution: !selection.without_resolution,
        };
        for (row, &target_id) in file.target_ids().iter().enumerate() {
            let redshift = redshifts.get(&target_id);
            let spectype = redshift.and_then(|known| known.spectype.as_deref()).unwrap_or("");
            if selection.spectype.as_ref().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(spectype)) {
                continue;
            }
            let place = |own: &[f64], listed: Option<f64>| own.get(row).copied().filter(|x| x.is_finite()).or(listed);
            let ra = place(file.ra_deg(), redshift.and_then(|known| known.ra_deg));
            let dec = place(file.dec_deg(), redshift.and_then(|known| known.dec_deg));
            match (ra, dec) {
                (Some(ra_deg), Some(dec_deg)) => {
                    source.chosen.push(Chosen { row, target_id, ra_deg, dec_deg, redshift: redshift.cloned() });
                }
                _ => source.n_unplaced += 1,
            }
        }
        Ok(source)
    }

    /// Targets of the file.
    #[must_use]
    pub fn n_targets(&self) -> usize {
        self.n_targets
    }

    /// Targets of the right type that have no position, and so are left out.
    #[must_use]
    pub fn n_unplaced(&self) -> usize {
        self.n_unplaced
    }

    /// Chosen targets that have a redshift.
    #[must_use]
    pub fn n_with_redshift(&self) -> usize {
        self.chosen.iter().filter(|one| one.redshift.is_some()).count()
    }

    fn batch(&self, rows: &[usize]) -> Result<RecordBatch, DesiError> {
        let file = CoaddFile::open(&self.path)?;
        let beyond = |row: usize| DesiError::Spectrum {
            path: self.path.clone(),
            row: Some(row),
            reason: format!("expected a row below {}", self.chosen.len()),
        };
        let chosen: Vec<&Chosen> =
            rows.iter().map(|row| self.chosen.get(*row).ok_or_else(|| beyond(*row))).collect::<Result<_, _>>()?;
        let spectra = Spectra::read(&file, &chosen, self.with_resolution)?;
        let columns = self.schema.fields().iter().map(|field| self.array(field, &file, &chosen, &spectra));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|source| DesiError::Columns { table: "spectra", source })
    }

    fn array(
        &self,
        field: &Field,
        file: &CoaddFile,
        chosen: &[&Chosen],
        spectra: &Spectra,
    ) -> Result<ArrayRef, DesiError> {
        let name = field.name().as_str();
        let floats = |value: &dyn Fn(&TargetRedshift) -> Option<f64>| -> ArrayRef {
            Arc::new(Float64Array::from_iter(chosen.iter().map(|one| one.redshift.as_ref().and_then(value))))
        };
        let texts = |value: fn(&TargetRedshift) -> Option<&str>| -> ArrayRef {
            Arc::new(StringArray::from_iter(chosen.iter().map(|one| one.redshift.as_ref().and_then(value))))
        };
        let header = file.fits().primary();
        let same_text = |keyword: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter(chosen.iter().map(|_| header.get_text(keyword).map(str::trim))))
        };
        let same_number = |keyword: &str| -> ArrayRef {
            let value = header.get_i64(keyword).and_then(|value| i32::try_from(value).ok());
            Arc::new(Int32Array::from_iter(chosen.iter().map(|_| value)))
        };
        Ok(match name {
            "TARGETID" => Arc::new(Int64Array::from_iter_values(chosen.iter().map(|one| one.target_id))),
            "RA" => Arc::new(Float64Array::from_iter_values(chosen.iter().map(|one| one.ra_deg))),
            "DEC" => Arc::new(Float64Array::from_iter_values(chosen.iter().map(|one| one.dec_deg))),
            "SURVEY" | "PROGRAM" => same_text(name),
            "HEALPIX" => same_number("HPXPIXEL"),
            "TILEID" if header.get_i64("TILEID").is_some() => same_number("TILEID"),
            "Z" => floats(&|known| Some(known.redshift)),
            "ZERR" => floats(&|known| known.redshift_error),
            "CHI2" => floats(&|known| known.chi2),
            "DELTACHI2" => floats(&|known| known.deltachi2),
            "ZWARN" => {
                Arc::new(Int64Array::from_iter(chosen.iter().map(|one| one.redshift.as_ref().and_then(|z| z.zwarn))))
            }
            "SPECTYPE" => texts(|known| known.spectype.as_deref()),
            "SUBTYPE" => texts(|known| known.subtype.as_deref()),
            "SNR" => Arc::new(Float32Array::from_iter(spectra.snr.iter().copied())),
            "flux" => list(field, Arc::new(Float32Array::new(spectra.flux.clone(), None))),
            "ivar" => list(field, Arc::new(Float32Array::new(spectra.ivar.clone(), None))),
            "mask" => list(field, Arc::new(Int32Array::new(spectra.mask.clone(), None))),
            "resolution_sigma" if !spectra.sigma.is_empty() => {
                list(field, Arc::new(Float32Array::new(spectra.sigma.clone(), None)))
            }
            "resolution" if !spectra.resolution.is_empty() => {
                list(field, Arc::new(Int16Array::new(spectra.resolution.clone(), None)))
            }
            "resolution" | "resolution_sigma" => new_null_array(field.data_type(), chosen.len()),
            _ => kept(file.fits(), field, chosen)?,
        })
    }
}

/// A column of FIBERMAP or SCORES, null where the file has none.
fn kept(file: &FitsFile, field: &Field, chosen: &[&Chosen]) -> Result<ArrayRef, DesiError> {
    let hdu = if SCORES.contains(&field.name().as_str()) { "SCORES" } else { "FIBERMAP" };
    let table: Option<Table<'_>> = if file.has_table(hdu) { Some(file.table(hdu)?) } else { None };
    let Some(table) = table.filter(|table| table.has_column(field.name())) else {
        return Ok(new_null_array(field.data_type(), chosen.len()));
    };
    let batch = table.read(&[field.name()], 0..table.n_rows())?;
    let failed = |source| DesiError::Columns { table: "spectra", source };
    let rows = UInt64Array::from_iter_values(chosen.iter().map(|one| one.row as u64));
    let taken = arrow::compute::take(batch.column(0), &rows, None).map_err(failed)?;
    arrow::compute::cast(&taken, field.data_type()).map_err(failed)
}

fn list(field: &Field, values: ArrayRef) -> ArrayRef {
    match field.data_type() {
        DataType::FixedSizeList(item, length) => Arc::new(FixedSizeListArray::new(item.clone(), *length, values, None)),
        _ => values,
    }
}

/// Pixels of some rows, one after the other.
struct Spectra {
    flux: ScalarBuffer<f32>,
    ivar: ScalarBuffer<f32>,
    mask: ScalarBuffer<i32>,
    sigma: ScalarBuffer<f32>,
    resolution: ScalarBuffer<i16>,
    snr: Vec<Option<f32>>,
}

impl Spectra {
    fn read(file: &CoaddFile, chosen: &[&Chosen], with_resolution: bool) -> Result<Self, DesiError> {
        let n = chosen.len() * GRID_PIXELS;
        let (mut flux, mut ivar, mut sigma) = (Vec::with_capacity(n), Vec::with_capacity(n), Vec::with_capacity(n));
        let mut mask = Vec::with_capacity(n);
        let mut resolution = Vec::with_capacity(if with_resolution { n * RESOLUTION_WIDTH } else { 0 });
        let mut snr = Vec::with_capacity(chosen.len());
        let mut row = CombinedRow::default();
        for one in chosen {
            // The width of the line-spread function comes from the matrix, also where the matrix is not kept.
            file.combine_row(one.row, true, &mut row)?;
            flux.extend_from_slice(&row.flux);
            ivar.extend_from_slice(&row.ivar);
            mask.extend_from_slice(&row.mask);
            sigma.extend_from_slice(&row.sigma_angstrom);
            if with_resolution {
                resolution.extend_from_slice(&row.resolution);
            }
            snr.push(row.median_signal_to_noise());
        }
        let (flux, ivar, sigma) = (flux.into(), ivar.into(), sigma.into());
        Ok(Self { flux, ivar, mask: mask.into(), sigma, resolution: resolution.into(), snr })
    }
}

impl RowSource for CoaddSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn n_rows(&self) -> usize {
        self.chosen.len()
    }

    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn column(&self, name: &str) -> Result<ArrayRef, archive::Error> {
        Ok(match name {
            "RA" => Arc::new(Float64Array::from_iter_values(self.chosen.iter().map(|one| one.ra_deg))),
            "DEC" => Arc::new(Float64Array::from_iter_values(self.chosen.iter().map(|one| one.dec_deg))),
            _ => Arc::new(Int64Array::from_iter_values(self.chosen.iter().map(|one| one.target_id))),
        })
    }

    fn gather(&self, rows: &[usize]) -> Result<RecordBatch, archive::Error> {
        self.batch(rows).map_err(|error| archive::Error::Rows(Box::new(error)))
    }
}
