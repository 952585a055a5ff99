//! *Select*: which spectra, with the number that every cut leaves.

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use study::tables::Columns;

use super::StudyError;
use super::settings::Sample;
use super::source::Candidate;

/// The spectra of a study.
pub(super) struct Selected {
    pub sample: Vec<Candidate>,
    /// Each cut with the number of spectra that it leaves.
    pub cuts: Vec<(String, usize)>,
}

/// Applies the cuts, and counts on from `cuts`.
pub(super) fn cut(
    candidates: Vec<Candidate>,
    mut cuts: Vec<(String, usize)>,
    sample: &Sample,
) -> Result<Selected, StudyError> {
    let mut left = candidates;
    let mut keep = |name: String, wanted: &dyn Fn(&Candidate) -> bool| {
        left.retain(|one| wanted(one));
        cuts.push((name, left.len()));
    };
    let wanted = &sample.spectype;
    keep(format!("SPECTYPE {wanted}, or not known"), &|one| {
        one.spectype.as_ref().is_none_or(|kind| kind.eq_ignore_ascii_case(wanted))
    });
    keep("no warning of the redshift".to_owned(), &|one| one.zwarn.unwrap_or(0) & sample.zwarn_mask == 0);
    let [low, high] = sample.redshift;
    keep(format!("redshift {low} to {high}"), &|one| one.redshift.is_some_and(|z| z >= low && z <= high));
    let least = sample.min_signal_to_noise;
    keep(format!("signal to noise of a pixel {least} or more"), &|one| {
        one.signal_to_noise.is_some_and(|snr| snr >= least)
    });
    if let Some(limit) = sample.limit {
        left.truncate(limit);
        cuts.push((format!("the first {limit}"), left.len()));
    }
    if left.is_empty() {
        return Err(StudyError::EmptySample {
            cuts: cuts.into_iter().map(|(cut, left)| format!("{cut}: {left}")).collect(),
        });
    }
    Ok(Selected { sample: left, cuts })
}

impl Selected {
    pub(super) fn cut_table(&self) -> Result<RecordBatch, StudyError> {
        Ok(Columns::new()
            .text("cut", "", "what was asked", self.cuts.iter().map(|(cut, _)| cut.as_str()))
            .integer("spectra", "", "spectra left", self.cuts.iter().map(|(_, left)| *left as i64))
            .table()?)
    }
}

/// One row a spectrum; `SPECTRUM` numbers them from 0 and is the key of every other table.
pub(super) fn table(sample: &[Candidate]) -> Result<RecordBatch, StudyError> {
    let integers = |pick: fn(&Candidate) -> Option<i64>| sample.iter().map(pick).collect::<Int64Array>();
    let array = |values: Int64Array| std::sync::Arc::new(values);
    let texts: StringArray = sample.iter().map(|one| one.spectype.as_deref()).collect();
    Ok(Columns::new()
        .integer("SPECTRUM", "", "number of the spectrum in this study", 0..sample.len() as i64)
        .text("SOURCE", "", "file, or survey/program/tile of the archive's row", sample.iter().map(|one| &one.source))
        .integer("ROW", "", "row of the file", sample.iter().map(|one| one.row))
        .array("HEALPIX_29", "", "nested pixel of order 29, in an archive", array(integers(|one| one.healpix_29)))
        .text("NAME", "", "name of the spectrum", sample.iter().map(|one| &one.name))
        .array("TARGETID", "", "unique target identifier", array(integers(|one| one.target_id)))
        .optional("RA", "deg", "right ascension, ICRS", sample.iter().map(|one| one.ra_deg))
        .optional("DEC", "deg", "declination, ICRS", sample.iter().map(|one| one.dec_deg))
        .optional("Z", "", "redshift", sample.iter().map(|one| one.redshift))
        .array("ZWARN", "", "warnings of the redshift", array(integers(|one| one.zwarn)))
        .array("SPECTYPE", "", "spectral type", std::sync::Arc::new(texts))
        .optional("SNR", "", "median signal to noise of a pixel", sample.iter().map(|one| one.signal_to_noise))
        .table()?)
}

/// The rows of that table again.
pub(super) fn of_table(table: &RecordBatch) -> Result<Vec<Candidate>, StudyError> {
    let text = |name: &str| {
        let column = table.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        column.ok_or_else(|| StudyError::no_column(name))
    };
    let integer = |name: &str| {
        let column = table.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
        column.ok_or_else(|| StudyError::no_column(name))
    };
    let float = |name: &str| super::columns::floats(table, name);
    let (source, name, spectype) = (text("SOURCE")?, text("NAME")?, text("SPECTYPE")?);
    let (row, healpix, target, zwarn) =
        (integer("ROW")?, integer("HEALPIX_29")?, integer("TARGETID")?, integer("ZWARN")?);
    let (ra, dec, z, snr) = (float("RA")?, float("DEC")?, float("Z")?, float("SNR")?);
    let some = |column: &Int64Array, at: usize| column.is_valid(at).then(|| column.value(at));
    let number =
        |column: &arrow::array::PrimitiveArray<Float64Type>, at: usize| column.is_valid(at).then(|| column.value(at));
    Ok((0..table.num_rows())
        .map(|at| Candidate {
            source: source.value(at).to_owned(),
            row: row.value(at),
            healpix_29: some(healpix, at),
            name: name.value(at).to_owned(),
            target_id: some(target, at),
            ra_deg: number(ra, at),
            dec_deg: number(dec, at),
            redshift: number(z, at),
            zwarn: some(zwarn, at),
            spectype: spectype.is_valid(at).then(|| spectype.value(at).to_owned()),
            signal_to_noise: number(snr, at),
        })
        .collect())
}
