//! Fits as tables, with units and UCDs (IVOA, UCD1+ 1.5).

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::Schema;
use study::tables::Columns;

use super::{LUMINOSITIES_ANGSTROM, LineMeasurement, Measured, QUANTITIES, QuasarFit};
use crate::Error;
use crate::continuum::ContinuumFit;

const DENSITY: &str = "1e-17 erg/s/cm2/Angstrom";
const FLUX: &str = "1e-17 erg/s/cm2";

/// One row a quasar.
///
/// # Errors
/// None in practice: columns have one length.
pub fn quasar_table(fits: &[QuasarFit]) -> Result<RecordBatch, Error> {
    let number = |pick: &dyn Fn(&QuasarFit) -> Option<f64>| fits.iter().map(pick).collect::<Vec<_>>();
    let ids: Int64Array = fits.iter().map(|fit| fit.target_id).collect();
    let of = |fit: &QuasarFit, pick: fn(&ContinuumFit) -> Option<f64>| pick(&fit.decomposition.continuum);
    let mut columns = Columns::new()
        .text("NAME", "", "name of the spectrum", fits.iter().map(|fit| fit.name.as_str()))
        .array("TARGETID", "", "unique target identifier", Arc::new(ids))
        .optional("RA", "deg", "right ascension, ICRS", number(&|fit| Some(fit.sky_deg?.0)))
        .optional("DEC", "deg", "declination, ICRS", number(&|fit| Some(fit.sky_deg?.1)))
        .float("Z", "", "redshift", fits.iter().map(|fit| fit.redshift))
        .optional("EBV", "mag", "reddening of the Galaxy that was corrected for", number(&|fit| fit.ebv))
        .optional("SNR", "", "median signal to noise of a pixel", number(&|fit| fit.signal_to_noise));
    let measured =
        |columns: Columns, name: &str, unit: &str, description: &str, pick: &dyn Fn(&QuasarFit) -> Option<Measured>| {
            columns.optional(name, unit, description, number(&|fit| Some(pick(fit)?.value))).optional(
                &format!("{name}_ERR"),
                unit,
                "its standard error",
                number(&|fit| pick(fit)?.error),
            )
        };
    columns = measured(
        columns,
        "SLOPE",
        "",
        "slope of the power law at 3000 Angstrom, flux density against wavelength",
        &|fit| Some(fit.slope),
    );
    columns = columns.optional(
        "BREAK_WAVELENGTH",
        "Angstrom",
        "rest wavelength at which the power law bends; null where it does not",
        number(&|fit| of(fit, ContinuumFit::break_angstrom)),
    );
    columns = measured(columns, "SLOPE_BEYOND", "", "slope on the side of the break away from 3000 Angstrom", &|fit| {
        fit.decomposition.continuum.slope_beyond().map(|(value, error)| Measured::new(value, error))
    });
    columns =
        measured(columns, "F3000", DENSITY, "power law at 3000 Angstrom, rest frame", &|fit| Some(fit.power_law_3000));
    for (at, wavelength) in LUMINOSITIES_ANGSTROM.iter().enumerate() {
        let description = format!("log10 of lambda L_lambda of the power law at {wavelength:.0} Angstrom");
        let pick = |fit: &QuasarFit| {
            let error = fit.physics.log_luminosity_errors[at];
            fit.log_luminosities[at].map(|value| Measured { value, error })
        };
        columns = measured(columns, &format!("LOGL{wavelength:.0}"), "log10(erg/s)", &description, &pick);
    }
    columns = measured(columns, "LOGLBOL", "log10(erg/s)", "log10 of the bolometric luminosity", &|fit| {
        fit.physics.log_bolometric
    });
    for (at, name) in ["HB", "MGII", "CIV"].iter().enumerate() {
        let description =
            "log10 of the virial black-hole mass; the error is that of noise, the method is good to 0.4 dex";
        columns =
            measured(columns, &format!("LOGMBH_{name}"), "log10(Msun)", description, &|fit| fit.physics.log_masses[at]);
    }
    columns = measured(columns, "LOGEDD", "", "log10 of bolometric over Eddington luminosity", &|fit| {
        fit.physics.log_eddington_ratio
    });
    columns = measured(columns, "FEII_HB", "", "flux of Fe II 4434-4684 over broad H beta", &|fit| {
        fit.physics.iron_over_hbeta
    });
    let parts: [(&str, &str, &str, fn(&ContinuumFit) -> Option<f64>); 3] = [
        ("FEII_UV_FLUX", FLUX, "Fe II, 2250-2650 Angstrom; null where not fitted", |c| c.iron_uv_flux()),
        ("FEII_OPT_FLUX", FLUX, "Fe II, 4434-4684 Angstrom; null where not fitted", |c| c.iron_optical_flux()),
        ("BALMER_EDGE", DENSITY, "Balmer continuum at its edge; null where that is out of view", |c| c.balmer_edge()),
    ];
    for (at, (name, unit, description, pick)) in parts.into_iter().enumerate() {
        let value = |fit: &QuasarFit| {
            Some(Measured { value: of(fit, pick)?, error: fit.decomposition.continuum.part_errors()[at] })
        };
        columns = measured(columns, name, unit, description, &value);
    }
    let table = columns
        .flag("HOST", "the continuum has a host galaxy", fits.iter().map(|fit| fit.decomposition.continuum.has_host()))
        .float(
            "CONTINUUM_CHI2",
            "",
            "chi2 per degree of freedom of the continuum",
            fits.iter().map(|f| f.decomposition.continuum.reduced_chi2()),
        )
        .integer(
            "CONTINUUM_PIXELS",
            "",
            "pixels of the continuum that were used",
            fits.iter().map(|fit| fit.decomposition.continuum.n_pixels as i64),
        )
        .integer("FAILED_DRAWS", "", "fits with new noise that failed", fits.iter().map(|fit| fit.failed_draws as i64))
        .table()?;
    with_ucds(&table)
}

/// One row a quasar and line.
///
/// # Errors
/// None in practice: columns have one length.
pub fn line_table(fits: &[QuasarFit]) -> Result<RecordBatch, Error> {
    let rows: Vec<(&QuasarFit, &LineMeasurement)> =
        fits.iter().flat_map(|fit| fit.lines.iter().map(move |line| (fit, line))).collect();
    let number =
        |pick: &dyn Fn(&LineMeasurement) -> Option<f64>| rows.iter().map(|row| pick(row.1)).collect::<Vec<_>>();
    let ids: Int64Array = rows.iter().map(|row| row.0.target_id).collect();
    let mut columns = Columns::new()
        .text("NAME", "", "name of the spectrum", rows.iter().map(|row| row.0.name.as_str()))
        .array("TARGETID", "", "unique target identifier", Arc::new(ids))
        .text("COMPLEX", "", "lines that are fitted together", rows.iter().map(|row| row.1.complex.as_str()))
        .text("LINE", "", "the line", rows.iter().map(|row| row.1.line.as_str()))
        .text(
            "GROUP",
            "",
            "lines that share velocity and width; whole: core and wing together",
            rows.iter().map(|row| row.1.group.as_str()),
        )
        .float("WAVELENGTH", "Angstrom", "rest wavelength, vacuum", rows.iter().map(|row| row.1.wavelength_angstrom))
        .integer("GAUSSIANS", "", "Gaussians of the line", rows.iter().map(|row| row.1.gaussians as i64))
        .float(
            "FLUX",
            FLUX,
            "flux, rest frame; of a line not detected: at usual width, any sign",
            rows.iter().map(|row| row.1.flux_1e17_cgs.value),
        )
        .optional("FLUX_ERR", FLUX, "its standard error", number(&|line| line.flux_1e17_cgs.error))
        .optional(
            "FLUX_LIMIT",
            FLUX,
            "upper limit, 3 sigma, of a line not detected",
            number(&|line| line.flux_limit_1e17_cgs),
        )
        .optional("LOGL", "log10(erg/s)", "log10 of the luminosity", number(&|line| line.log_luminosity))
        .optional("EW", "Angstrom", "equivalent width, rest frame", number(&|line| line.equivalent_width_angstrom))
        .optional("EW_ERR", "Angstrom", "its standard error", number(&|line| line.equivalent_width_error_angstrom));
    for (name, unit, description) in QUANTITIES.into_iter().skip(1) {
        let error = format!("{name}_ERR");
        columns = columns.optional(name, unit, description, number(&|line| Some(line.quantity(name)?.value))).optional(
            &error,
            unit,
            "its standard error",
            number(&|line| line.quantity(name)?.error),
        );
    }
    let table = columns
        .optional("WING_FRACTION", "", "flux of the wing over the whole", number(&|line| Some(line.wing?.fraction)))
        .optional("WING_FRACTION_ERR", "", "its standard error", number(&|line| Some(line.wing?.fraction_error)))
        .optional("WING_SNR", "", "flux of the wing over its error", number(&|line| Some(line.wing?.significance)))
        .float("CHI2", "", "chi2 per degree of freedom of the complex", rows.iter().map(|row| row.1.reduced_chi2))
        .integer("PIXELS", "", "pixels of the complex that were used", rows.iter().map(|row| row.1.n_pixels as i64))
        .flag("AT_BOUND", "a velocity or width of the line ended at a bound", rows.iter().map(|row| row.1.at_bound))
        .integer(
            "FLAGS",
            "",
            "1 not detected, 2 at an edge, 4 absorbed, 8 not converged, 16 narrower than the instrument, 32 at a bound, 64 Lya forest, \
             128 more absorbed than may be left out, fitted with the absorption",
            rows.iter().map(|row| row.1.flags),
        )
        .table()?;
    with_ucds(&table)
}

/// The same table, each column that has one with its UCD.
fn with_ucds(table: &RecordBatch) -> Result<RecordBatch, Error> {
    let fields: Vec<_> = (table.schema().fields().iter())
        .map(|field| {
            let mut field = field.as_ref().clone();
            if let Some(ucd) = ucd(field.name()) {
                let mut metadata = field.metadata().clone();
                metadata.insert("ucd".to_owned(), ucd);
                field.set_metadata(metadata);
            }
            field
        })
        .collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), table.columns().to_vec())?)
}

fn ucd(name: &str) -> Option<String> {
    if let Some(of) = name.strip_suffix("_ERR") {
        return Some(ucd(of).map_or("stat.error".to_owned(), |ucd| format!("stat.error;{ucd}")));
    }
    let ucd = match name {
        "NAME" => "meta.id",
        "TARGETID" => "meta.id;meta.main",
        "RA" => "pos.eq.ra;meta.main",
        "DEC" => "pos.eq.dec;meta.main",
        "Z" => "src.redshift",
        "EBV" => "phot.color.excess",
        "SNR" | "WING_SNR" => "stat.snr",
        "SLOPE" | "SLOPE_BEYOND" => "spect.index",
        "BREAK_WAVELENGTH" => "em.wl",
        "F3000" | "BALMER_EDGE" => "phot.flux.density;spect.continuum",
        "LOGLBOL" => "phys.luminosity;em.bol",
        "LOGMBH_HB" | "LOGMBH_MGII" | "LOGMBH_CIV" => "phys.mass",
        "CHI2" | "CONTINUUM_CHI2" => "stat.fit.chi2",
        "LINE" | "COMPLEX" | "GROUP" => "meta.id;spect.line",
        "WAVELENGTH" => "em.wl;spect.line",
        "FLUX" | "FEII_UV_FLUX" | "FEII_OPT_FLUX" => "phot.flux;spect.line",
        "FLUX_LIMIT" => "stat.max;phot.flux;spect.line",
        "LOGL" => "phys.luminosity;spect.line",
        "EW" => "spect.line.eqWidth",
        "FWHM" => "spect.line.width",
        "SIGMA" | "W80" | "W90" => "spect.line.width",
        "SKEW" | "ASYMMETRY" => "spect.line.asymmetry",
        "FLAGS" => "meta.code",
        name if name.starts_with("LOGL") => "phys.luminosity;spect.continuum",
        name if name.starts_with('V') || name == "DV" || name == "CENTROID" => "phys.veloc;spect.line",
        _ => return None,
    };
    Some(ucd.to_owned())
}
