//! Troughs as tables: one row a spectrum and transition, or one row a trough.

use arrow::array::RecordBatch;
use study::tables::Columns;

use super::TroughError;
use super::index::{Trough, TroughIndex};
use super::search::{TransitionIndices, TroughSearch};

type Row<'a> = (&'a TroughSearch, &'a TransitionIndices);

/// One row a spectrum and transition: BI, BI to 60,000 km/s (C IV), AI, with errors, all km/s.
///
/// # Errors
/// None in practice: columns have one length.
pub fn index_table(found: &[TroughSearch]) -> Result<RecordBatch, TroughError> {
    let rows: Vec<Row<'_>> =
        found.iter().flat_map(|one| one.indices.iter().map(move |indices| (one, indices))).collect();
    let number = |pick: &dyn Fn(&Row<'_>) -> f64| rows.iter().map(pick).collect::<Vec<f64>>();
    let wide = |pick: fn(&TroughIndex) -> f64| {
        rows.iter().map(|row| row.1.balnicity_60000.as_ref().map(pick)).collect::<Vec<_>>()
    };
    let highest = |row: &Row<'_>| {
        let troughs = row.1.balnicity_60000.iter().flat_map(|index| &index.troughs).chain(&row.1.absorption.troughs);
        troughs.map(|trough| trough.v_max_km_s).reduce(f64::max)
    };
    Ok(leading(&rows)
        .optional(
            "SNR_CIV",
            "",
            "median signal to noise of a pixel within 0-25,000 km/s of C IV",
            rows.iter().map(|row| row.0.snr_civ),
        )
        .optional(
            "CONTINUUM_CHI2",
            "",
            "chi2 per degree of freedom of the continuum; null where it was given",
            rows.iter().map(|row| row.0.continuum.reduced_chi2),
        )
        .float("BI", "km/s", "balnicity, 3,000-25,000 km/s", number(&|row| row.1.balnicity.value_km_s))
        .float("BI_ERR", "km/s", "its standard error", number(&|row| row.1.balnicity.error_km_s))
        .optional(
            "BI_60000",
            "km/s",
            "balnicity to 60,000 km/s; null for other lines than C IV",
            wide(|index| index.value_km_s),
        )
        .optional("BI_60000_ERR", "km/s", "its standard error", wide(|index| index.error_km_s))
        .flag("BAL", "whether BI, or BI to 60,000 km/s, is three times its error", {
            rows.iter().map(|row| row.1.is_broad())
        })
        .float("AI", "km/s", "absorption index, 0-25,000 km/s", number(&|row| row.1.absorption.value_km_s))
        .float("AI_ERR", "km/s", "its standard error", number(&|row| row.1.absorption.error_km_s))
        .optional("V_MAX", "km/s", "highest velocity of any trough; null without one", rows.iter().map(highest))
        .table()?)
}

/// One row a trough, of balnicity (to 60,000 km/s for C IV) and of the absorption index.
///
/// # Errors
/// None in practice: columns have one length.
pub fn trough_table(found: &[TroughSearch]) -> Result<RecordBatch, TroughError> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut troughs: Vec<(&str, &Trough)> = Vec::new();
    for one in found {
        for indices in &one.indices {
            let broad = indices.balnicity_60000.as_ref().unwrap_or(&indices.balnicity);
            for (kind, index) in [("BI", broad), ("AI", &indices.absorption)] {
                for trough in &index.troughs {
                    rows.push((one, indices));
                    troughs.push((kind, trough));
                }
            }
        }
    }
    let number = |pick: fn(&Trough) -> f64| troughs.iter().map(move |(_, trough)| pick(trough)).collect::<Vec<f64>>();
    Ok(leading(&rows)
        .text("INDEX", "", "which index the trough belongs to", troughs.iter().map(|(kind, _)| *kind))
        .float("V_MIN", "km/s", "lowest velocity", number(|trough| trough.v_min_km_s))
        .float("V_MAX", "km/s", "highest velocity", number(|trough| trough.v_max_km_s))
        .float("V_MAX_ERR", "km/s", "its standard error", number(|trough| trough.v_max_error_km_s))
        .float("WIDTH", "km/s", "highest minus lowest velocity", number(Trough::width_km_s))
        .float("V_DEEPEST", "km/s", "velocity of the minimum", number(|trough| trough.v_deepest_km_s))
        .float("DEPTH", "", "1 minus the smoothed transmission there", number(Trough::depth))
        .float("EW", "km/s", "equivalent width below the continuum", number(|trough| trough.equivalent_width_km_s))
        .float("EW_ERR", "km/s", "its standard error", number(|trough| trough.equivalent_width_error_km_s))
        .table()?)
}

/// What names a row.
fn leading(rows: &[Row<'_>]) -> Columns {
    let ids: arrow::array::Int64Array = rows.iter().map(|row| row.0.target_id).collect();
    Columns::new()
        .text("NAME", "", "what the spectrum is called", rows.iter().map(|row| &row.0.name))
        .array("TARGETID", "", "unique identifier", std::sync::Arc::new(ids))
        .float("Z", "", "redshift used", rows.iter().map(|row| row.0.redshift))
        .text("TRANSITION", "", "whose troughs", rows.iter().map(|row| row.1.transition.name()))
}
