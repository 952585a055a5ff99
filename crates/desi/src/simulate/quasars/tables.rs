//! The truth as Parquet tables: one row a quasar, one a line, one an absorber, one a trough.

use std::path::Path;
use std::sync::Arc;

use archive::columns::Column;
use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;

use super::truth::{AbsorberKind, QuasarTruth, TrueAbsorber, TrueLine, TrueTrough};
use crate::DesiError;
use crate::simulate::truth::{keep, new_file};

const FLUX: &str = "1e-17 erg/s/cm2";
const DENSITY: &str = "1e-17 erg/s/cm2/Angstrom";

/// How a column is got from a row.
enum Values<Row> {
    Number(Box<dyn Fn(&Row) -> Option<f64> + Sync>),
    Integer(Box<dyn Fn(&Row) -> i64 + Sync>),
    Text(Box<dyn Fn(&Row) -> &'static str + Sync>),
}

/// The columns of one table.
struct Layout<Row>(Vec<(Column, Values<Row>)>);

impl<Row: 'static> Layout<Row> {
    fn number(
        mut self,
        name: &str,
        unit: &str,
        text: &str,
        value: impl Fn(&Row) -> Option<f64> + Sync + 'static,
    ) -> Self {
        self.0.push((Column::new(name, text).with_unit(unit), Values::Number(Box::new(value))));
        self
    }

    fn integer(mut self, name: &str, text: &str, value: impl Fn(&Row) -> i64 + Sync + 'static) -> Self {
        self.0.push((Column::new(name, text), Values::Integer(Box::new(value))));
        self
    }

    fn text(mut self, name: &str, text: &str, value: impl Fn(&Row) -> &'static str + Sync + 'static) -> Self {
        self.0.push((Column::new(name, text), Values::Text(Box::new(value))));
        self
    }

    fn schema(&self) -> SchemaRef {
        let field = |(column, values): &(Column, Values<Row>)| match values {
            Values::Number(_) => column.clone().with_type(DataType::Float64).field().with_nullable(true),
            Values::Integer(_) => column.clone().with_type(DataType::Int64).field(),
            Values::Text(_) => column.clone().with_type(DataType::Utf8).field(),
        };
        Arc::new(Schema::new(self.0.iter().map(field).collect::<Vec<_>>()))
    }

    fn arrays(&self, rows: &[Row]) -> Vec<ArrayRef> {
        let array = |(_, values): &(Column, Values<Row>)| -> ArrayRef {
            match values {
                Values::Number(value) => Arc::new(Float64Array::from_iter(rows.iter().map(value))),
                Values::Integer(value) => Arc::new(Int64Array::from_iter_values(rows.iter().map(value))),
                Values::Text(value) => Arc::new(StringArray::from_iter_values(rows.iter().map(value))),
            }
        };
        self.0.iter().map(array).collect()
    }
}

/// One table being written.
struct Table<Row> {
    path: std::path::PathBuf,
    name: &'static str,
    layout: Layout<Row>,
    writer: ArrowWriter<NamedTempFile>,
}

impl<Row: 'static> Table<Row> {
    fn create(folder: &Path, name: &'static str, layout: Layout<Row>) -> Result<Self, DesiError> {
        let path = folder.join(format!("{name}.parquet"));
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let writer = ArrowWriter::try_new(new_file(&path)?, layout.schema(), Some(properties))
            .map_err(|source| DesiError::Parquet { path: path.clone(), source })?;
        Ok(Self { path, name, layout, writer })
    }

    fn write(&mut self, rows: &[Row]) -> Result<(), DesiError> {
        let batch = RecordBatch::try_new(self.layout.schema(), self.layout.arrays(rows))
            .map_err(|source| DesiError::Columns { table: self.name, source })?;
        self.writer.write(&batch).map_err(|source| DesiError::Parquet { path: self.path.clone(), source })
    }

    fn finish(self) -> Result<(), DesiError> {
        let file = self.writer.into_inner().map_err(|source| DesiError::Parquet { path: self.path.clone(), source })?;
        keep(file, &self.path)
    }
}

/// All tables of the truth, written batch by batch in the order of the quasars.
pub(super) struct TruthTables {
    quasars: Table<QuasarTruth>,
    lines: Table<(i64, TrueLine)>,
    absorbers: Table<(i64, TrueAbsorber)>,
    troughs: Table<(i64, TrueTrough)>,
}

impl TruthTables {
    pub(super) fn create(folder: &Path) -> Result<Self, DesiError> {
        Ok(Self {
            quasars: Table::create(folder, "quasars", quasar_layout())?,
            lines: Table::create(folder, "lines", line_layout())?,
            absorbers: Table::create(folder, "absorbers", absorber_layout())?,
            troughs: Table::create(folder, "troughs", trough_layout())?,
        })
    }

    pub(super) fn write(&mut self, truths: &[QuasarTruth]) -> Result<(), DesiError> {
        self.quasars.write(truths)?;
        self.lines.write(&of_each(truths, |truth| &truth.lines))?;
        self.absorbers.write(&of_each(truths, |truth| &truth.absorbers))?;
        self.troughs.write(&of_each(truths, |truth| &truth.troughs))
    }

    pub(super) fn finish(self) -> Result<(), DesiError> {
        self.lines.finish()?;
        self.absorbers.finish()?;
        self.troughs.finish()?;
        self.quasars.finish()
    }
}

fn of_each<Part: Clone>(truths: &[QuasarTruth], parts: impl Fn(&QuasarTruth) -> &Vec<Part>) -> Vec<(i64, Part)> {
    truths.iter().flat_map(|truth| parts(truth).iter().map(|part| (truth.target_id, part.clone()))).collect()
}

fn quasar_layout() -> Layout<QuasarTruth> {
    let quantile = |place: usize| move |q: &QuasarTruth| q.oiii_v10_v50_v90_km_s.map(|v| v[place]);
    let luminosity = |place: usize| move |q: &QuasarTruth| Some(q.log_luminosities[place]);
    let wing = |value: fn(&TrueLine) -> f64| move |q: &QuasarTruth| q.line("OIII5008_wing", "wing").map(value);
    Layout(Vec::new())
        .integer("TARGETID", "Unique target identifier", |q: &QuasarTruth| q.target_id)
        .number("RA", "deg", "Right ascension, ICRS", |q| Some(q.ra_deg))
        .number("DEC", "deg", "Declination, ICRS", |q| Some(q.dec_deg))
        .integer("HEALPIX", "Nested pixel of nside 64", |q| q.healpix as i64)
        .number("TRUE_Z", "", "True systemic redshift", |q| Some(q.redshift))
        .number("Z", "", "Redshift in the redrock file", |q| Some(q.catalogue_redshift))
        .integer("ZWARN", "Its warning bits", |q| q.zwarn)
        .number("EBV", "mag", "Reddening of the Galaxy that is in the spectrum", |q| Some(q.ebv))
        .number("MAGNITUDE_R", "mag", "AB magnitude of the power law in r, without dust", |q| Some(q.magnitude_r))
        .number("SLOPE", "", "Slope of the power law, f_lambda ~ lambda^slope", |q| Some(q.slope))
        .number("F3000", DENSITY, "Power law at 3000 Angstrom, rest frame", |q| Some(q.f3000_rest_1e17_cgs))
        .number("BALMER_EDGE", DENSITY, "Balmer continuum at 3646 Angstrom, rest frame", |q| {
            Some(q.balmer_edge_rest_1e17_cgs)
        })
        .number("FEII_UV_FLUX", FLUX, "Fe II, 2250-2650 Angstrom, free of dust", |q| {
            Some(q.light.iron_uv_flux_1e17_cgs)
        })
        .number("FEII_OPT_FLUX", FLUX, "Fe II, 4434-4684 Angstrom, free of dust", |q| {
            Some(q.light.iron_optical_flux_1e17_cgs)
        })
        .number("FEII_FWHM", "km/s", "Width of the lines of Fe II", |q| Some(q.light.iron_fwhm_km_s))
        .number("HOST_5100", DENSITY, "Host galaxy at 5100 Angstrom, rest frame", |q| {
            Some(q.light.host_5100_rest_1e17_cgs)
        })
        .number("LOGL1350", "log(erg/s)", "lambda L_lambda of the power law", luminosity(0))
        .number("LOGL1450", "log(erg/s)", "lambda L_lambda of the power law", luminosity(1))
        .number("LOGL3000", "log(erg/s)", "lambda L_lambda of the power law", luminosity(2))
        .number("LOGL5100", "log(erg/s)", "lambda L_lambda of the power law", luminosity(3))
        .number(
            "OIII_V10",
            "km/s",
            "[O III] 5008 with its wing: velocity below which a tenth of the flux is",
            quantile(0),
        )
        .number("OIII_V50", "km/s", "Half of it", quantile(1))
        .number("OIII_V90", "km/s", "Nine tenths of it", quantile(2))
        .number("OIII_W80", "km/s", "V90 - V10", |q| q.oiii_v10_v50_v90_km_s.map(|v| v[2] - v[0]))
        .number("OIII_WING_FLUX", FLUX, "Wing of [O III] 5008; null without one", wing(TrueLine::flux_1e17_cgs))
        .number("OIII_WING_VELOCITY", "km/s", "Its velocity", wing(TrueLine::velocity_km_s))
        .number("OIII_WING_SIGMA", "km/s", "Its velocity dispersion", wing(TrueLine::sigma_km_s))
        .number("BI_CIV", "km/s", "Balnicity index of C IV", |q| Some(q.bi_civ_km_s))
        .number("AI_CIV", "km/s", "Absorption index of C IV", |q| Some(q.ai_civ_km_s))
        .integer("EXPOSURES", "Exposures", |q| i64::from(q.exposures))
        .number("EXPTIME", "s", "Exposure time", |q| Some(q.exposure_s))
        .number("SNR", "", "Median of true flux over its error", |q| Some(q.signal_to_noise))
}

fn line_layout() -> Layout<(i64, TrueLine)> {
    Layout(Vec::new())
        .integer("TARGETID", "Unique target identifier", |row: &(i64, TrueLine)| row.0)
        .text("LINE", "Name of the line", |row| row.1.name)
        .text("GROUP", "Group whose kinematics it shares", |row| row.1.group)
        .number("WAVELENGTH", "Angstrom", "Rest wavelength, vacuum", |row| Some(row.1.wavelength_angstrom))
        .number("FLUX", FLUX, "Flux, free of dust", |row| Some(row.1.flux_1e17_cgs()))
        .number("EW", "Angstrom", "Equivalent width over the power law, rest frame", |row| {
            Some(row.1.equivalent_width_angstrom)
        })
        .number("VELOCITY", "km/s", "Flux-weighted mean velocity, positive redward", |row| Some(row.1.velocity_km_s()))
        .number("SIGMA", "km/s", "Second moment", |row| Some(row.1.sigma_km_s()))
        .number("FWHM", "km/s", "Full width at half maximum", |row| Some(row.1.fwhm_km_s))
        .integer("GAUSSIANS", "Number of Gaussians", |row| row.1.gaussians.len() as i64)
        .number("CORE_FLUX", FLUX, "Flux of the first", |row| row.1.gaussians.first().map(|one| one.flux_1e17_cgs))
        .number("CORE_VELOCITY", "km/s", "Its velocity", |row| row.1.gaussians.first().map(|one| one.velocity_km_s))
        .number("CORE_SIGMA", "km/s", "Its dispersion", |row| row.1.gaussians.first().map(|one| one.sigma_km_s))
        .number("BASE_VELOCITY", "km/s", "Velocity of the second", |row| {
            row.1.gaussians.get(1).map(|one| one.velocity_km_s)
        })
        .number("BASE_SIGMA", "km/s", "Its dispersion", |row| row.1.gaussians.get(1).map(|one| one.sigma_km_s))
}

fn absorber_layout() -> Layout<(i64, TrueAbsorber)> {
    Layout(Vec::new())
        .integer("TARGETID", "Unique target identifier", |row: &(i64, TrueAbsorber)| row.0)
        .text("KIND", "broad or narrow", |row| match row.1.kind {
            AbsorberKind::Broad => "broad",
            AbsorberKind::Narrow => "narrow",
        })
        .number("VELOCITY", "km/s", "Velocity of the centre, positive towards us", |row| Some(row.1.velocity_km_s))
        .number("WIDTH", "km/s", "Half width of a broad one, Doppler parameter of a narrow one", |row| {
            Some(row.1.width_km_s)
        })
        .number("DEPTH", "", "1 - transmission in the middle of C IV", |row| Some(row.1.depth))
        .number("LOGN_CIV", "log(cm-2)", "Column of C IV; null for broad ones", |row| row.1.log_column)
        .integer("LOW_IONISATION", "1 where Al III and Mg II absorb too", |row| i64::from(row.1.low_ionisation))
}

fn trough_layout() -> Layout<(i64, TrueTrough)> {
    Layout(Vec::new())
        .integer("TARGETID", "Unique target identifier", |row: &(i64, TrueTrough)| row.0)
        .number("VMIN", "km/s", "Lowest velocity", |row| Some(row.1.v_min_km_s))
        .number("VMAX", "km/s", "Highest velocity", |row| Some(row.1.v_max_km_s))
        .number("FMIN", "", "Lowest transmission", |row| Some(row.1.minimum))
}
