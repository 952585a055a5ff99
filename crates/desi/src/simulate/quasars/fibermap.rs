//! Tables of coadd and redrock files: names, formats and units as DESI writes them, filled from the truth.
//!
//! Columns are those of a HEALPix coadd of 2025 (desispec 0.71). What the simulation has no value for is 0 or empty.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, StringArray, UInt8Array,
};
use arrow::datatypes::{DataType, Field, Schema};

use super::SimulatedQuasar;
use crate::DesiError;

/// First modified Julian date of an exposure, and the night it belongs to.
const FIRST_MJD: f64 = 59_500.25;
const FIRST_NIGHT: i64 = 20_211_013;
/// Template signal to noise squared of one exposure of 1000 s (TSNR2_LYA, TSNR2_QSO, TSNR2_LRG and the like).
const TSNR2: [(&str, f64); 8] = [
    ("BGS", 1_100.0),
    ("ELG", 115.0),
    ("GPBBACKUP", 3_000.0),
    ("GPBBRIGHT", 700.0),
    ("GPBDARK", 1_000.0),
    ("LRG", 90.0),
    ("LYA", 100.0),
    ("QSO", 30.0),
];

/// FIBERMAP: `NAME:FORMAT[unit]`.
const FIBERMAP: &str = "\
    TARGETID:K COADD_FIBERSTATUS:J TARGET_RA:D[deg] TARGET_DEC:D[deg] DESINAME:22A PMRA:E[mas~yr-1] \
    PMDEC:E[mas~yr-1] REF_EPOCH:E[yr] FA_TARGET:K FA_TYPE:B OBJTYPE:3A SUBPRIORITY:D OBSCONDITIONS:J RELEASE:I \
    BRICKNAME:8A BRICKID:J BRICK_OBJID:J MORPHTYPE:4A EBV:E[mag] FLUX_G:E[nanomaggy] FLUX_R:E[nanomaggy] \
    FLUX_Z:E[nanomaggy] FLUX_W1:E[nanomaggy] FLUX_W2:E[nanomaggy] FLUX_IVAR_G:E[nanomaggy^-2] \
    FLUX_IVAR_R:E[nanomaggy^-2] FLUX_IVAR_Z:E[nanomaggy^-2] FLUX_IVAR_W1:E[nanomaggy^-2] \
    FLUX_IVAR_W2:E[nanomaggy^-2] FIBERFLUX_G:E[nanomaggy] FIBERFLUX_R:E[nanomaggy] FIBERFLUX_Z:E[nanomaggy] \
    FIBERTOTFLUX_G:E[nanomaggy] FIBERTOTFLUX_R:E[nanomaggy] FIBERTOTFLUX_Z:E[nanomaggy] MASKBITS:I SERSIC:E \
    SHAPE_R:E[arcsec] SHAPE_E1:E SHAPE_E2:E REF_ID:K REF_CAT:2A GAIA_PHOT_G_MEAN_MAG:E[mag] \
    GAIA_PHOT_BP_MEAN_MAG:E[mag] GAIA_PHOT_RP_MEAN_MAG:E[mag] PARALLAX:E[mas] PHOTSYS:1A PRIORITY_INIT:K \
    NUMOBS_INIT:K DESI_TARGET:K BGS_TARGET:K MWS_TARGET:K SCND_TARGET:K PLATE_RA:D[deg] PLATE_DEC:D[deg] \
    COADD_NUMEXP:I COADD_EXPTIME:E[s] COADD_NUMNIGHT:I COADD_NUMTILE:I MEAN_DELTA_X:E[mm] RMS_DELTA_X:E[mm] \
    MEAN_DELTA_Y:E[mm] RMS_DELTA_Y:E[mm] MEAN_PSF_TO_FIBER_SPECFLUX:E MEAN_FIBER_RA:D[deg] STD_FIBER_RA:E[deg] \
    MEAN_FIBER_DEC:D[deg] STD_FIBER_DEC:E[deg] MIN_MJD:D[d] MAX_MJD:D[d] MEAN_MJD:D[d]";

/// EXP_FIBERMAP: one row a target and exposure.
const EXP_FIBERMAP: &str = "\
    TARGETID:K PRIORITY:J SUBPRIORITY:D NIGHT:J EXPID:J MJD:D[d] TILEID:J EXPTIME:D[s] PETAL_LOC:I DEVICE_LOC:J \
    LOCATION:K FIBER:J FIBERSTATUS:J FIBERASSIGN_X:E[mm] FIBERASSIGN_Y:E[mm] LAMBDA_REF:E[Angstrom] PLATE_RA:D[deg] \
    PLATE_DEC:D[deg] NUM_ITER:K FIBER_X:D[mm] FIBER_Y:D[mm] DELTA_X:D[mm] DELTA_Y:D[mm] FIBER_RA:D[deg] \
    FIBER_DEC:D[deg] PSF_TO_FIBER_SPECFLUX:D IN_COADD_B:L IN_COADD_R:L IN_COADD_Z:L";

/// SCORES.
const SCORES: &str = "\
    TARGETID:K INTEG_COADD_FLUX_B:E MEDIAN_COADD_FLUX_B:E MEDIAN_COADD_SNR_B:E INTEG_COADD_FLUX_R:E \
    MEDIAN_COADD_FLUX_R:E MEDIAN_COADD_SNR_R:E INTEG_COADD_FLUX_Z:E MEDIAN_COADD_FLUX_Z:E MEDIAN_COADD_SNR_Z:E \
    TSNR2_BGS_B:E TSNR2_ELG_B:E TSNR2_GPBBACKUP_B:E TSNR2_GPBBRIGHT_B:E TSNR2_GPBDARK_B:E TSNR2_LRG_B:E \
    TSNR2_LYA_B:E TSNR2_QSO_B:E TSNR2_BGS_R:E TSNR2_ELG_R:E TSNR2_GPBBACKUP_R:E TSNR2_GPBBRIGHT_R:E \
    TSNR2_GPBDARK_R:E TSNR2_LRG_R:E TSNR2_LYA_R:E TSNR2_QSO_R:E TSNR2_BGS_Z:E TSNR2_ELG_Z:E TSNR2_GPBBACKUP_Z:E \
    TSNR2_GPBBRIGHT_Z:E TSNR2_GPBDARK_Z:E TSNR2_LRG_Z:E TSNR2_LYA_Z:E TSNR2_QSO_Z:E TSNR2_BGS:E TSNR2_ELG:E \
    TSNR2_GPBBACKUP:E TSNR2_GPBBRIGHT:E TSNR2_GPBDARK:E TSNR2_LRG:E TSNR2_LYA:E TSNR2_QSO:E";

/// REDSHIFTS of a redrock file.
const REDSHIFTS: &str = "\
    TARGETID:K Z:D ZERR:D ZWARN:K CHI2:D COEFF:10D FITMETHOD:4A NPIXELS:K SPECTYPE:6A SUBTYPE:20A NCOEFF:K \
    DELTACHI2:D";

/// TSNR2 of a redrock file.
const TSNR2_COLUMNS: &str = "\
    TARGETID:K TSNR2_BGS_B:E TSNR2_ELG_B:E TSNR2_GPBBACKUP_B:E TSNR2_GPBBRIGHT_B:E TSNR2_GPBDARK_B:E TSNR2_LRG_B:E \
    TSNR2_LYA_B:E TSNR2_QSO_B:E TSNR2_BGS_R:E TSNR2_ELG_R:E TSNR2_GPBBACKUP_R:E TSNR2_GPBBRIGHT_R:E \
    TSNR2_GPBDARK_R:E TSNR2_LRG_R:E TSNR2_LYA_R:E TSNR2_QSO_R:E TSNR2_BGS_Z:E TSNR2_ELG_Z:E TSNR2_GPBBACKUP_Z:E \
    TSNR2_GPBBRIGHT_Z:E TSNR2_GPBDARK_Z:E TSNR2_LRG_Z:E TSNR2_LYA_Z:E TSNR2_QSO_Z:E TSNR2_BGS:E TSNR2_ELG:E \
    TSNR2_GPBBACKUP:E TSNR2_GPBBRIGHT:E TSNR2_GPBDARK:E TSNR2_LRG:E TSNR2_LYA:E TSNR2_QSO:E";

/// A row of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    quasar: &'a SimulatedQuasar,
    /// Of EXP_FIBERMAP.
    exposure: i64,
}

/// A cell.
enum Cell {
    Number(f64),
    Integer(i64),
    Text(String),
}
use Cell::{Integer, Number, Text};

/// The tables of the files of one pixel.
pub(super) struct Tables {
    pub(super) fibermap: RecordBatch,
    pub(super) exposures: RecordBatch,
    pub(super) scores: RecordBatch,
    pub(super) redshifts: RecordBatch,
    pub(super) tsnr2: RecordBatch,
}

impl Tables {
    pub(super) fn of(quasars: &[SimulatedQuasar]) -> Result<Self, DesiError> {
        let rows: Vec<Row<'_>> = quasars.iter().map(|quasar| Row { quasar, exposure: 0 }).collect();
        let each =
            |quasar| (0..i64::from(SimulatedQuasar::exposures(quasar))).map(move |exposure| Row { quasar, exposure });
        let exposures: Vec<Row<'_>> = quasars.iter().flat_map(each).collect();
        Ok(Self {
            fibermap: table(FIBERMAP, &rows, Row::fibermap)?,
            exposures: table(EXP_FIBERMAP, &exposures, Row::exposure)?,
            scores: table(SCORES, &rows, Row::score)?,
            redshifts: table(REDSHIFTS, &rows, Row::redshift)?,
            tsnr2: table(TSNR2_COLUMNS, &rows, Row::score)?,
        })
    }
}

impl Row<'_> {
    fn fibermap(&self, name: &str) -> Cell {
        let truth = &self.quasar.truth;
        let photometry = |angstrom: f64| Number(truth.nanomaggies(angstrom));
        match name {
            "TARGETID" => Integer(truth.target_id),
            "TARGET_RA" | "PLATE_RA" | "MEAN_FIBER_RA" => Number(truth.ra_deg),
            "TARGET_DEC" | "PLATE_DEC" | "MEAN_FIBER_DEC" => Number(truth.dec_deg),
            "DESINAME" => {
                let sign = if truth.dec_deg < 0.0 { '-' } else { '+' };
                Text(format!("DESI J{:08.4}{sign}{:07.4}", truth.ra_deg, truth.dec_deg.abs()))
            }
            "REF_EPOCH" => Number(2015.5),
            // Bit 2 of DESI_TARGET is QSO (2023AJ....165...50M).
            "FA_TARGET" | "DESI_TARGET" => Integer(4),
            "FA_TYPE" | "OBSCONDITIONS" => Integer(1),
            "OBJTYPE" => Text("TGT".to_owned()),
            "MORPHTYPE" => Text("PSF".to_owned()),
            "PHOTSYS" => Text("S".to_owned()),
            "EBV" => Number(truth.ebv),
            "FLUX_G" | "FIBERFLUX_G" | "FIBERTOTFLUX_G" => photometry(4_800.0),
            "FLUX_R" | "FIBERFLUX_R" | "FIBERTOTFLUX_R" => photometry(6_400.0),
            "FLUX_Z" | "FIBERFLUX_Z" | "FIBERTOTFLUX_Z" => photometry(9_200.0),
            "PRIORITY_INIT" => Integer(3_400),
            "NUMOBS_INIT" | "COADD_NUMEXP" | "COADD_NUMNIGHT" | "COADD_NUMTILE" => Integer(i64::from(truth.exposures)),
            "COADD_EXPTIME" => Number(truth.exposure_s),
            "MEAN_PSF_TO_FIBER_SPECFLUX" => Number(0.789),
            "MIN_MJD" => Number(FIRST_MJD),
            "MAX_MJD" => Number(FIRST_MJD + f64::from(truth.exposures - 1)),
            "MEAN_MJD" => Number(FIRST_MJD + 0.5 * f64::from(truth.exposures - 1)),
            _ => Integer(0),
        }
    }

    fn exposure(&self, name: &str) -> Cell {
        let truth = &self.quasar.truth;
        match name {
            "NIGHT" => Integer(FIRST_NIGHT + self.exposure),
            "EXPID" => Integer(100_000 + self.exposure),
            "MJD" => Number(FIRST_MJD + self.exposure as f64),
            "EXPTIME" => Number(truth.exposure_s / f64::from(truth.exposures)),
            "PRIORITY" => Integer(3_400),
            "LAMBDA_REF" => Number(5_400.0),
            "FIBER" => Integer((truth.index % 5_000) as i64),
            "FIBER_RA" => Number(truth.ra_deg),
            "FIBER_DEC" => Number(truth.dec_deg),
            "PSF_TO_FIBER_SPECFLUX" => Number(0.789),
            "IN_COADD_B" | "IN_COADD_R" | "IN_COADD_Z" => Integer(1),
            "TARGETID" | "PLATE_RA" | "PLATE_DEC" => self.fibermap(name),
            _ => Integer(0),
        }
    }

    /// SCORES and TSNR2.
    fn score(&self, name: &str) -> Cell {
        if name == "TARGETID" {
            return Integer(self.quasar.truth.target_id);
        }
        if let Some(rest) = name.strip_prefix("TSNR2_") {
            let (class, share) = rest.split_once('_').map_or((rest, 1.0), |(class, _)| (class, 1.0 / 3.0));
            let one = TSNR2.iter().find(|(known, _)| *known == class).map_or(0.0, |(_, value)| *value);
            return Number(one * share * self.quasar.truth.exposure_s / 1_000.0);
        }
        let arm = ["_B", "_R", "_Z"].iter().position(|ending| name.ends_with(ending)).unwrap_or(0);
        let arm = &self.quasar.arms[arm];
        let snr = || arm.flux.iter().zip(&arm.ivar).map(|(flux, ivar)| flux * ivar.sqrt()).collect();
        Number(f64::from(match name.split_once("_COADD_").map(|(kind, rest)| (kind, rest.starts_with("SNR"))) {
            Some(("INTEG", _)) => 0.8 * arm.flux.iter().sum::<f32>(),
            Some(("MEDIAN", false)) => median(arm.flux.clone()),
            _ => median(snr()),
        }))
    }

    fn redshift(&self, name: &str) -> Cell {
        let truth = &self.quasar.truth;
        let good_pixels = || self.quasar.arms.iter().flat_map(|arm| &arm.ivar).filter(|ivar| **ivar > 0.0).count();
        match name {
            "TARGETID" => Integer(truth.target_id),
            "Z" => Number(truth.catalogue_redshift),
            "ZERR" => Number(truth.catalogue_redshift_error),
            "ZWARN" => Integer(truth.zwarn),
            "CHI2" => Number(good_pixels() as f64),
            "NPIXELS" => Integer(good_pixels() as i64),
            "FITMETHOD" => Text("PCA".to_owned()),
            "SPECTYPE" => Text("QSO".to_owned()),
            "SUBTYPE" => Text(if truth.catalogue_redshift < 1.6 { "LOZ" } else { "HIZ" }.to_owned()),
            // Redrock flags differences below 9.
            "DELTACHI2" if truth.zwarn != 0 => Number(4.5),
            "DELTACHI2" => Number(9.0 + 300.0 * truth.signal_to_noise.powi(2)),
            _ => Integer(0),
        }
    }
}

fn median(mut values: Vec<f32>) -> f32 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f32::total_cmp).1 }
}

impl Cell {
    fn number(&self) -> f64 {
        match self {
            Number(value) => *value,
            Integer(value) => *value as f64,
            Text(_) => 0.0,
        }
    }

    fn integer(&self) -> i64 {
        match self {
            Number(value) => *value as i64,
            Integer(value) => *value,
            Text(_) => 0,
        }
    }

    fn text(self) -> String {
        if let Text(text) = self { text } else { String::new() }
    }
}

/// A table of declared columns.
fn table<'a>(
    declared: &str,
    rows: &[Row<'a>],
    cell: impl Fn(&Row<'a>, &str) -> Cell,
) -> Result<RecordBatch, DesiError> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for column in declared.split_whitespace() {
        let (name, format) = column.split_once(':').unwrap_or((column, "E"));
        let (format, unit) = format.split_once('[').unwrap_or((format, ""));
        let unit = unit.trim_end_matches(']').replace('~', " ");
        let letter = format.chars().last().unwrap_or('E');
        let count: usize = format.trim_end_matches(letter).parse().unwrap_or(1);
        let array = array(letter, count, rows.iter().map(|row| cell(row, name)));
        let mut metadata = vec![("unit".to_owned(), unit)];
        if letter == 'A' {
            metadata.push(("width".to_owned(), count.to_string()));
        }
        fields.push(Field::new(name, array.data_type().clone(), false).with_metadata(metadata.into_iter().collect()));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|source| DesiError::Columns { table: "FIBERMAP", source })
}

fn array(letter: char, count: usize, cells: impl Iterator<Item = Cell>) -> ArrayRef {
    match letter {
        'A' => Arc::new(StringArray::from_iter_values(cells.map(Cell::text))),
        'K' => Arc::new(Int64Array::from_iter_values(cells.map(|cell| cell.integer()))),
        'J' => Arc::new(Int32Array::from_iter_values(cells.map(|cell| cell.integer() as i32))),
        'I' => Arc::new(Int16Array::from_iter_values(cells.map(|cell| cell.integer() as i16))),
        'B' => Arc::new(UInt8Array::from_iter_values(cells.map(|cell| cell.integer() as u8))),
        'L' => Arc::new(BooleanArray::from(cells.map(|cell| cell.integer() != 0).collect::<Vec<bool>>())),
        'D' if count > 1 => {
            let values: Vec<f64> = cells.flat_map(|cell| vec![cell.number(); count]).collect();
            let item = Arc::new(Field::new("item", DataType::Float64, true));
            Arc::new(FixedSizeListArray::new(item, count as i32, Arc::new(Float64Array::from(values)), None))
        }
        'D' => Arc::new(Float64Array::from_iter_values(cells.map(|cell| cell.number()))),
        _ => Arc::new(Float32Array::from_iter_values(cells.map(|cell| cell.number() as f32))),
    }
}
