//! From lines and troughs to winds: who has one, how fast it is, what it carries. One row a quasar.
//!
//! Emission: the wing of [O III] 5008. A wing counts where its flux is significant and `v_max = |dv| + 2 sigma` (Rupke &
//! Veilleux 2013, 2013ApJ...768...75R) is fast enough; elsewhere its luminosity has an upper limit. Absorption: C IV.
//! Densities, extents, columns, distances and covering are not measured here: they are the study's priors, and widen the
//! posteriors.

use std::collections::HashMap;

use arrow::array::{Array, BooleanArray, RecordBatch};
use astro::statistics::rng_stream;
use rand_distr::{Distribution, StandardNormal};
use study::tables::Columns;

use super::StudyError;
use super::columns::{KEY, flags, integers, numbers, texts};
use super::settings::{Settings, WindSettings};
use crate::energetics::{
    AbsorptionWind, Distance, EmissionWind, Measured, Propagation, ShellConvention, WindPosterior,
};
use crate::troughs::is_significant;

/// FWHM of a Gaussian over its standard deviation.
const FWHM_OVER_SIGMA: f64 = 2.354_820_045;
/// Bolometric over monochromatic luminosity at 1350, 3000 and 5100 Angstrom (Richards et al. 2006, 2006ApJS..166..470R, as
/// in Shen et al. 2011), and the redshifts for which each is the first choice.
const BOLOMETRIC: [(&str, f64, [f64; 2]); 3] = [
    ("LOGL1350", 3.81, [1.9, f64::INFINITY]),
    ("LOGL3000", 5.15, [0.7, 1.9]),
    ("LOGL5100", 9.26, [f64::NEG_INFINITY, 0.7]),
];

/// Median with the 16th and 84th percentiles.
pub(super) type Interval = [f64; 3];

/// A quasar's winds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Winds {
    pub spectrum: i64,
    pub redshift: f64,
    pub signal_to_noise: Option<f64>,
    pub log_l_bol: Option<f64>,
    pub civ: Option<CivTrough>,
    pub civ_ew: Option<f64>,
    pub civ_v50: Option<f64>,
    pub wing: Option<Wing>,
    pub trough_power: Option<Interval>,
    pub trough_mass_rate: Option<Interval>,
}

/// Absorption of C IV, where the spectrum covers it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct CivTrough {
    /// Whether the quasar is BAL: BI, or BI to 60,000 km/s, is significant.
    pub bal: bool,
    pub bi: f64,
    pub bi_error: f64,
    pub ai: f64,
    pub ai_error: f64,
    pub v_max: Option<f64>,
    pub v_deepest: Option<f64>,
}

impl CivTrough {
    /// Whether the absorption index is significant.
    pub fn absorbs(&self) -> bool {
        is_significant(self.ai, self.ai_error)
    }
}

/// The wing of [O III], where the spectrum covers it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Wing {
    pub significance: f64,
    pub v_max: Option<f64>,
    pub v_max_error: f64,
    pub detected: bool,
    pub log_l: Option<f64>,
    pub log_l_error: f64,
    /// Of a wing that is not detected.
    pub log_l_limit: Option<f64>,
    pub power: Option<Interval>,
    pub mass_rate: Option<Interval>,
    /// log10 erg/s, of a wing that is not detected, as fast as the median of those that are.
    pub power_limit: Option<f64>,
}

/// Puts the measured tables together.
pub(super) fn winds(tables: &[RecordBatch; 5], settings: &Settings) -> Result<Vec<Winds>, StudyError> {
    let [quasars, lines, indices, troughs, _] = tables;
    let mut rows = of_quasars(quasars)?;
    let place: HashMap<i64, usize> = rows.iter().enumerate().map(|(at, one)| (one.spectrum, at)).collect();
    add_lines(&mut rows, &place, lines, &settings.winds)?;
    add_troughs(&mut rows, &place, indices, troughs)?;
    for one in &mut rows {
        energetics(one, settings)?;
    }
    add_limits(&mut rows, settings)?;
    Ok(rows)
}

fn of_quasars(quasars: &RecordBatch) -> Result<Vec<Winds>, StudyError> {
    let (keys, redshifts, snr) = (integers(quasars, KEY)?, numbers(quasars, "Z")?, numbers(quasars, "SNR")?);
    let mut luminosities = Vec::new();
    for (column, factor, range) in BOLOMETRIC {
        luminosities.push((numbers(quasars, column)?, factor.log10(), range));
    }
    let row = |at: usize| {
        let redshift = redshifts[at].unwrap_or(0.0);
        let value = |(column, factor, _): &(Vec<Option<f64>>, f64, [f64; 2])| Some(column[at]? + factor);
        let first = luminosities.iter().find(|(_, _, [low, high])| (*low..*high).contains(&redshift)).and_then(value);
        Winds {
            spectrum: keys.value(at),
            redshift,
            signal_to_noise: snr[at],
            log_l_bol: first.or_else(|| luminosities.iter().find_map(value)),
            ..Winds::default()
        }
    };
    Ok((0..quasars.num_rows()).map(row).collect())
}

/// One line of the table of lines.
struct LineRow<'a> {
    name: &'a str,
    group: &'a str,
    flux: f64,
    flux_error: Option<f64>,
    log_l: Option<f64>,
    ew: Option<f64>,
    v50: Option<f64>,
    v50_error: Option<f64>,
    fwhm: Option<f64>,
    fwhm_error: Option<f64>,
}

fn add_lines(
    rows: &mut [Winds],
    place: &HashMap<i64, usize>,
    lines: &RecordBatch,
    settings: &WindSettings,
) -> Result<(), StudyError> {
    let keys = integers(lines, KEY)?;
    let (names, groups) = (texts(lines, "LINE")?, texts(lines, "GROUP")?);
    let columns = ["FLUX", "FLUX_ERR", "LOGL", "EW", "V50", "V50_ERR", "FWHM", "FWHM_ERR"];
    let columns = columns.map(|name| numbers(lines, name));
    let [flux, flux_error, log_l, ew, v50, v50_error, fwhm, fwhm_error] = columns;
    let (flux, flux_error, log_l, ew) = (flux?, flux_error?, log_l?, ew?);
    let (v50, v50_error, fwhm, fwhm_error) = (v50?, v50_error?, fwhm?, fwhm_error?);
    let mut of_quasar: HashMap<usize, Vec<LineRow<'_>>> = HashMap::new();
    for at in 0..lines.num_rows() {
        let Some(quasar) = place.get(&keys.value(at)) else { continue };
        of_quasar.entry(*quasar).or_default().push(LineRow {
            name: names.value(at),
            group: groups.value(at),
            flux: flux[at].unwrap_or(0.0),
            flux_error: flux_error[at],
            log_l: log_l[at],
            ew: ew[at],
            v50: v50[at],
            v50_error: v50_error[at],
            fwhm: fwhm[at],
            fwhm_error: fwhm_error[at],
        });
    }
    for (quasar, lines) in of_quasar {
        let civ = lines.iter().find(|line| line.name.starts_with("CIV") && line.group.contains("broad"));
        rows[quasar].civ_ew = civ.filter(|line| line.flux > 0.0).and_then(|line| line.ew);
        rows[quasar].civ_v50 = civ.and_then(|line| line.v50);
        rows[quasar].wing = wing(&lines, settings);
    }
    Ok(())
}

fn wing(lines: &[LineRow<'_>], settings: &WindSettings) -> Option<Wing> {
    let oiii = |wing: bool| {
        let of_kind = move |line: &&LineRow<'_>| {
            line.name.starts_with("OIII5008") && line.group != "whole" && line.group.contains("wing") == wing
        };
        lines.iter().find(of_kind)
    };
    let (wing, core) = (oiii(true)?, oiii(false)?);
    let error = wing.flux_error.filter(|error| *error > 0.0)?;
    let systemic = core.v50.unwrap_or(0.0);
    let sigma = wing.fwhm.map(|fwhm| fwhm / FWHM_OVER_SIGMA);
    let v_max = wing.v50.zip(sigma).map(|(v50, sigma)| (v50 - systemic).abs() + 2.0 * sigma);
    let significance = wing.flux / error;
    let fast = v_max.is_some_and(|v| v >= settings.min_velocity_km_s);
    let detected = wing.flux > 0.0 && significance >= settings.min_significance && fast;
    // What turns flux into luminosity is the same for every line of a quasar.
    let scale = lines.iter().find_map(|line| Some(line.log_l? - line.flux.log10()).filter(|scale| scale.is_finite()));
    let limit = settings.min_significance * error + if detected { 0.0 } else { wing.flux.max(0.0) };
    Some(Wing {
        significance,
        v_max,
        v_max_error: wing.v50_error.unwrap_or(0.0).hypot(2.0 * wing.fwhm_error.unwrap_or(0.0) / FWHM_OVER_SIGMA),
        detected,
        log_l: wing.log_l,
        log_l_error: error / wing.flux.max(error) / std::f64::consts::LN_10,
        log_l_limit: scale.filter(|_| !detected).map(|scale| scale + limit.log10()),
        ..Wing::default()
    })
}

fn add_troughs(
    rows: &mut [Winds],
    place: &HashMap<i64, usize>,
    indices: &RecordBatch,
    troughs: &RecordBatch,
) -> Result<(), StudyError> {
    let (keys, transitions) = (integers(indices, KEY)?, texts(indices, "TRANSITION")?);
    let [bi, bi_error, ai, ai_error, v_max] =
        ["BI", "BI_ERR", "AI", "AI_ERR", "V_MAX"].map(|name| numbers(indices, name));
    let (bi, bi_error, ai, ai_error, v_max) = (bi?, bi_error?, ai?, ai_error?, v_max?);
    let bal = flags(indices, "BAL")?;
    for at in (0..indices.num_rows()).filter(|at| transitions.value(*at) == "CIV") {
        let Some(row) = place.get(&keys.value(at)) else { continue };
        rows[*row].civ = Some(CivTrough {
            bal: bal.is_valid(at) && bal.value(at),
            bi: bi[at].unwrap_or(0.0),
            bi_error: bi_error[at].unwrap_or(0.0),
            ai: ai[at].unwrap_or(0.0),
            ai_error: ai_error[at].unwrap_or(0.0),
            v_max: v_max[at],
            v_deepest: None,
        });
    }
    let (keys, transitions) = (integers(troughs, KEY)?, texts(troughs, "TRANSITION")?);
    let (ew, deepest) = (numbers(troughs, "EW")?, numbers(troughs, "V_DEEPEST")?);
    let mut strongest: HashMap<usize, f64> = HashMap::new();
    for at in (0..troughs.num_rows()).filter(|at| transitions.value(*at) == "CIV") {
        let Some((row, ew)) = place.get(&keys.value(at)).zip(ew[at]) else { continue };
        let before = strongest.entry(*row).or_insert(0.0);
        if ew > *before
            && let Some(civ) = &mut rows[*row].civ
        {
            *before = ew;
            civ.v_deepest = deepest[at];
        }
    }
    Ok(())
}

fn energetics(one: &mut Winds, settings: &Settings) -> Result<(), StudyError> {
    let how = Propagation { draws: settings.winds.draws, seed: settings.seed, stream: one.spectrum.unsigned_abs() };
    if let Some(wing) = &mut one.wing
        && wing.detected
        && let Some(posterior) = emission(wing, &settings.winds, how)?
    {
        let interval = |posterior: crate::energetics::Posterior| [posterior.p16, posterior.p50, posterior.p84];
        wing.power = Some(interval(posterior.log_power_erg_s));
        wing.mass_rate = Some(interval(posterior.log_mass_rate_msun_yr));
    }
    if let Some(velocity) = one.civ.filter(|civ| civ.bal).and_then(|civ| civ.v_deepest).filter(|v| *v > 0.0) {
        let [mass_rate, power] = absorption(velocity, &settings.winds, how);
        (one.trough_mass_rate, one.trough_power) = (Some(mass_rate), Some(power));
    }
    Ok(())
}

fn emission(wing: &Wing, winds: &WindSettings, how: Propagation) -> Result<Option<WindPosterior>, StudyError> {
    let (Some(log_l), Some(v_max)) = (wing.log_l, wing.v_max) else { return Ok(None) };
    let (Some(calibration), Some(geometry)) = (winds.calibration(), winds.wind_geometry()) else { return Ok(None) };
    let wind = EmissionWind {
        log_luminosity_erg_s: Measured::new(log_l, wing.log_l_error),
        log_n_e: Measured::new(winds.log_n_e[0], winds.log_n_e[1]),
        velocity_km_s: Measured::new(v_max, wing.v_max_error),
        radius_kpc: Measured::new(winds.radius_kpc[0], winds.radius_kpc[1]),
        oxygen_dex: 0.0,
    };
    Ok(Some(WindPosterior::of_emission(&wind, calibration, geometry, how)?))
}

/// Mass rate (log10 solar masses a year) and power (log10 erg/s) of a shell at this speed, over the priors of distance,
/// column (both Gaussian in the logarithm) and covering.
fn absorption(velocity_km_s: f64, winds: &WindSettings, how: Propagation) -> [Interval; 2] {
    let mut rng = rng_stream(how.seed ^ 0x7472_6f75_6768, how.stream);
    let mut normal = |[value, error]: [f64; 2]| -> f64 {
        let deviate: f64 = StandardNormal.sample(&mut rng);
        value + error * deviate
    };
    let mut drawn: [Vec<f64>; 2] = Default::default();
    for _ in 0..how.draws {
        let wind = AbsorptionWind {
            log_u: None,
            log_n_h: Measured::exact(normal(winds.trough_log_n_h)),
            correlation: 0.0,
            velocity_km_s: Measured::exact(velocity_km_s),
            covering: Measured::exact(normal(winds.trough_covering).clamp(0.01, 1.0)),
            distance: Distance::Known(Measured::exact(10f64.powf(normal(winds.trough_log_radius_kpc)))),
        };
        let rates = wind.rates(ShellConvention::DynamicalTime);
        drawn[0].push(rates.mass_rate_msun_yr.log10());
        drawn[1].push(rates.log_power_erg_s);
    }
    drawn.map(|values| [0.16, 0.5, 0.84].map(|share| astro::statistics::quantile(&values, share).unwrap_or(f64::NAN)))
}

/// Powers that winds which are not seen cannot exceed, at the median speed of those that are.
fn add_limits(rows: &mut [Winds], settings: &Settings) -> Result<(), StudyError> {
    let speeds: Vec<f64> = rows.iter().filter_map(|row| row.wing.filter(|wing| wing.detected)?.v_max).collect();
    let Ok(typical) = astro::statistics::median(&speeds) else { return Ok(()) };
    let how = Propagation { draws: 1, seed: settings.seed, stream: 0 };
    for row in rows {
        let Some(wing) = &mut row.wing else { continue };
        let Some(limit) = wing.log_l_limit else { continue };
        let unseen = Wing { log_l: Some(limit), log_l_error: 0.0, v_max: Some(typical), ..Wing::default() };
        wing.power_limit = emission(&unseen, &settings.winds, how)?.map(|posterior| posterior.log_power_erg_s.value);
    }
    Ok(())
}

/// The catalogue of winds.
pub(super) fn table(rows: &[Winds], quasars: &RecordBatch) -> Result<RecordBatch, StudyError> {
    let names = texts(quasars, "NAME")?;
    let ids = integers(quasars, "TARGETID")?.clone();
    let pick = |of: &dyn Fn(&Winds) -> Option<f64>| rows.iter().map(of).collect::<Vec<_>>();
    let civ = |of: fn(&CivTrough) -> Option<f64>| pick(&move |row| of(row.civ.as_ref()?));
    let wing = |of: fn(&Wing) -> Option<f64>| pick(&move |row| of(row.wing.as_ref()?));
    let mut columns = Columns::new()
        .integer(KEY, "", "number of the spectrum in this study", rows.iter().map(|row| row.spectrum))
        .text("NAME", "", "name of the spectrum", names.iter().map(|name| name.unwrap_or_default()))
        .array("TARGETID", "", "unique target identifier", std::sync::Arc::new(ids))
        .optional("RA", "deg", "right ascension, ICRS", numbers(quasars, "RA")?)
        .optional("DEC", "deg", "declination, ICRS", numbers(quasars, "DEC")?)
        .float("Z", "", "redshift", rows.iter().map(|row| row.redshift))
        .optional("SNR", "", "median signal to noise of a pixel", pick(&|row| row.signal_to_noise))
        .optional("LOGLBOL", "log10(erg/s)", "bolometric luminosity from the power law", pick(&|row| row.log_l_bol))
        .array("BAL", "", "whether BI of C IV, or BI to 60,000 km/s, is 3 times its error; null where not covered", {
            std::sync::Arc::new(rows.iter().map(|row| Some(row.civ?.bal)).collect::<BooleanArray>())
        })
        .optional("BI_CIV", "km/s", "balnicity of C IV; null where not covered", civ(|civ| Some(civ.bi)))
        .optional("BI_CIV_ERR", "km/s", "its standard error", civ(|civ| Some(civ.bi_error)))
        .optional("AI_CIV", "km/s", "absorption index of C IV; null where not covered", civ(|civ| Some(civ.ai)))
        .optional("AI_CIV_ERR", "km/s", "its standard error", civ(|civ| Some(civ.ai_error)))
        .optional("VMAX_CIV", "km/s", "highest velocity of a trough of C IV", civ(|civ| civ.v_max))
        .optional(
            "VDEEP_CIV",
            "km/s",
            "velocity of the deepest point of the strongest trough",
            civ(|civ| civ.v_deepest),
        )
        .optional("EW_CIV", "Angstrom", "equivalent width of C IV in emission, rest frame", pick(&|row| row.civ_ew))
        .optional(
            "V50_CIV",
            "km/s",
            "velocity that halves the flux of C IV, positive redward",
            pick(&|row| row.civ_v50),
        )
        .optional(
            "WING_SIGNIFICANCE",
            "",
            "flux of the [O III] wing over its error",
            wing(|wing| Some(wing.significance)),
        )
        .optional("WING_DETECTED", "", "1 where the wing counts as a wind, 0 where not, null where not covered", {
            wing(|wing| Some(f64::from(u8::from(wing.detected))))
        })
        .optional("WING_VMAX", "km/s", "v_max of the [O III] wing", wing(|wing| wing.v_max))
        .optional("WING_VMAX_ERR", "km/s", "its standard error", wing(|wing| Some(wing.v_max_error)))
        .optional("WING_LOGL", "log10(erg/s)", "luminosity of the [O III] wing", wing(|wing| wing.log_l))
        .optional("WING_LOGL_LIMIT", "log10(erg/s)", "upper limit of a wing that is not detected", {
            wing(|wing| wing.log_l_limit)
        })
        .optional("WING_LOG_EDOT_LIMIT", "log10(erg/s)", "upper limit of its power", wing(|wing| wing.power_limit));
    let posteriors: [(&str, &str, &str, fn(&Winds) -> Option<Interval>); 4] = [
        ("WING_LOG_MDOT", "log10(Msun/yr)", "mass rate of the ionised wind", |row| row.wing?.mass_rate),
        ("WING_LOG_EDOT", "log10(erg/s)", "power of the ionised wind", |row| row.wing?.power),
        ("TROUGH_LOG_MDOT", "log10(Msun/yr)", "mass rate of the absorbing wind, mostly prior", |row| {
            row.trough_mass_rate
        }),
        ("TROUGH_LOG_EDOT", "log10(erg/s)", "power of the absorbing wind, mostly prior", |row| row.trough_power),
    ];
    for (name, unit, meaning, of) in posteriors {
        for (at, percentile) in ["16", "50", "84"].into_iter().enumerate() {
            let meaning = format!("{meaning}, {percentile}th percentile");
            let values = rows.iter().map(|row| of(row).map(|interval| interval[at]));
            columns = columns.optional(&format!("{name}_P{percentile}"), unit, &meaning, values);
        }
    }
    Ok(columns.table()?)
}
