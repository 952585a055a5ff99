//! *Check*: are the files and tables that the study reads whole, and what their makers published?
//!
//! Stage 1 of the validation, before a galaxy is selected. A file that cannot be read ends the run before; here are the
//! faults that reading does not see: bytes that differ from their checksum, columns that are missing or of another type,
//! rows that are too many or too few, voids that occur twice.

use std::collections::HashSet;
use std::path::Path;

use archive::columns::Columns;
use archive::fits::{ChecksumStatus, FitsError, FitsFile};
use archive::hats::Catalogue;
use arrow::datatypes::Schema;
use desi::desivast::{self, HDUS, VoidCatalogue};
use desi::fastspecfit::{self, PUBLISHED_ROWS, Table};
use desi::release::is_simulated;
use study::validation::{Check, Validation, Verdict};

use super::settings::{GalaxySource, Inputs};
use super::{StudyError, inputs};

/// Columns that files of other programs lack, and that nothing depends on.
const OPTIONAL: [&str; 6] = ["R_EFF", "R_EFF_UNCERT", "TOT_AREA", "EDGE_AREA", "EDGE", "TARGET"];

/// Checks every input.
pub(super) fn check(given: &Inputs) -> Result<Validation, StudyError> {
    let mut validation = Validation::new();
    match &given.galaxies {
        GalaxySource::File(path) => galaxy_file(path, &mut validation),
        GalaxySource::Archive { folder, table } => tables(folder, table, given, &mut validation)?,
    }
    for path in &given.voids {
        void_file(path, &mut validation)?;
    }
    Ok(validation)
}

fn galaxy_file(path: &Path, validation: &mut Validation) {
    // Parquet and CSV have no checksums; who cannot be read here is told when its galaxies are selected.
    if let Ok(file) = FitsFile::open(path) {
        checksums(&file, validation);
    }
}

fn void_file(path: &Path, validation: &mut Validation) -> Result<(), StudyError> {
    let file = FitsFile::open(path).map_err(desi::DesiError::from)?;
    let name = inputs::file_name(path);
    checksums(&file, validation);
    for hdu in HDUS.iter().filter(|hdu| file.has_table(hdu)) {
        let table = file.table(hdu).map_err(desi::DesiError::from)?;
        let schema = table.schema(&[]).map_err(desi::DesiError::from)?;
        columns(&format!("{hdu} of {name}"), &schema, desivast::columns(hdu)?.as_ref(), validation);
        let published = desivast::published_rows(&name).iter().find(|(table, _)| table == hdu);
        if let (Some((_, rows)), false) = (published, is_simulated(&file)) {
            validation.equal(1, &format!("rows of {hdu} of {name}"), table.n_rows() as u64, *rows);
        }
    }
    unique_voids(&name, &desivast::read(path)?, validation);
    Ok(())
}

/// Are the bytes those that the checksums were made of?
fn checksums(file: &FitsFile, validation: &mut Validation) {
    let name = inputs::file_name(file.path());
    let (mut valid, mut wrong) = (0, Vec::new());
    for hdu in file.hdus() {
        match file.verify(hdu) {
            Ok(ChecksumStatus::Valid) => valid += 1,
            Ok(_) => {}
            Err(FitsError::Checksum { hdu, keyword, .. }) => wrong.push(format!("{hdu} ({keyword})")),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    let (total, verdict) = (file.hdus().len(), if wrong.is_empty() { Verdict::Pass } else { Verdict::Fail });
    let measured = if wrong.is_empty() { format!("{valid} of {total} HDUs right") } else { wrong.join(", ") };
    let note = if valid < total && wrong.is_empty() { "the others state none" } else { "" };
    push(validation, (&format!("checksums of {name}"), &measured), ("none wrong", verdict), note);
}

/// Are the declared columns there, with their types?
fn columns(what: &str, found: &Schema, declared: Option<&Columns>, validation: &mut Validation) {
    let Some(declared) = declared else { return };
    let (mut missing, mut other) = (Vec::new(), Vec::new());
    for column in declared.iter() {
        let field = found.fields().iter().find(|field| field.name().eq_ignore_ascii_case(&column.name));
        match (field, &column.data_type) {
            (None, _) if !OPTIONAL.contains(&column.name.as_str()) => missing.push(column.name.as_str()),
            (Some(field), Some(wanted)) if field.data_type() != wanted => {
                other.push(format!("{} is {}, not {wanted}", column.name, field.data_type()));
            }
            _ => {}
        }
    }
    let verdict = if missing.is_empty() && other.is_empty() { Verdict::Pass } else { Verdict::Warn };
    let measured = match (missing.as_slice(), other.as_slice()) {
        ([], []) => format!("{} columns as declared", found.fields().len()),
        ([], _) => other.join(", "),
        _ => format!("without {}", missing.join(" ")),
    };
    push(validation, (&format!("columns of {what}"), &measured), ("names and types as declared", verdict), "");
}

fn unique_voids(name: &str, catalogue: &VoidCatalogue, validation: &mut Validation) {
    let ids: Vec<i64> = match catalogue {
        VoidCatalogue::VoidFinder(found) => found.maximals.iter().map(|void| void.void).collect(),
        VoidCatalogue::Zones(found) => found.voids.iter().map(|void| void.void).collect(),
    };
    let unique: HashSet<i64> = ids.iter().copied().collect();
    validation.equal(1, &format!("voids with a number of their own, {name}"), unique.len() as u64, ids.len() as u64);
}

/// The tables of an archive that the study asks.
fn tables(folder: &Path, table: &str, given: &Inputs, validation: &mut Validation) -> Result<(), StudyError> {
    let catalogues = Catalogue::open_all(folder)?;
    let named = |name: &str| catalogues.iter().find(|catalogue| catalogue.name == name);
    if named(table).is_none() && table == inputs::GALAXIES {
        let declared = [Table::Metadata, Table::Specphot];
        let found: Vec<&Catalogue> = declared.iter().filter_map(|t| named(&t.hdu().to_lowercase())).collect();
        for (table, catalogue) in declared.iter().zip(&found) {
            columns(&catalogue.name, &catalogue.schema, Some(&fastspecfit::columns(*table)?), validation);
        }
        if let [metadata, specphot] = found.as_slice() {
            validation.equal(1, "rows of specphot, as many as of metadata", specphot.rows, metadata.rows);
            published_galaxies(metadata, validation);
        }
    }
    for algorithm in &given.archived_voids {
        for path in desivast::archived_tables(folder, *algorithm) {
            let name = inputs::file_name(&path);
            let name = name.trim_end_matches(".parquet");
            let hdu = name.rsplit('_').next().unwrap_or_default();
            if let Some(catalogue) = named(name) {
                columns(name, &catalogue.schema, desivast::columns(hdu)?.as_ref(), validation);
            }
        }
        for (part, catalogue) in desivast::read_archived(folder, *algorithm)?.iter().enumerate() {
            unique_voids(&format!("{} in the archive, part {part}", algorithm.word()), catalogue, validation);
        }
    }
    Ok(())
}

/// As many galaxies as FastSpecFit v3.0 published? A part of the release is a study's good right, so this only warns.
fn published_galaxies(metadata: &Catalogue, validation: &mut Validation) {
    let description = metadata.description.as_deref().unwrap_or_default();
    if description.contains("simulated") {
        return;
    }
    let published: u64 = PUBLISHED_ROWS.iter().sum();
    let verdict = if metadata.rows == published { Verdict::Pass } else { Verdict::Warn };
    let criterion = format!("{published} in FastSpecFit v3.0");
    let note = if verdict == Verdict::Pass { "" } else { "another version, or a part of it" };
    push(validation, ("rows of metadata", &metadata.rows.to_string()), (&criterion, verdict), note);
}

fn push(
    validation: &mut Validation,
    (name, measured): (&str, &str),
    (criterion, verdict): (&str, Verdict),
    note: &str,
) {
    validation.push(Check {
        stage: 1,
        name: name.to_owned(),
        measured: measured.to_owned(),
        criterion: criterion.to_owned(),
        verdict,
        note: note.to_owned(),
    });
}
