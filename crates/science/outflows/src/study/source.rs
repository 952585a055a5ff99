//! Where spectra are: files of DESI and SDSS with the redshifts beside them, or a table of an archive.
//!
//! Memory: the spectra of one step.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use archive::Tables;
use archive::fits::FitsFile;
use archive::hats::Catalogue;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use desi::spectra::{InstrumentResolution, Spectrum, SpectrumFile, SpectrumKind, TargetRedshift, read_redshifts};
use rayon::prelude::*;

use super::StudyError;
use super::settings::{Inputs, SpectraSource};

/// First wavelength and step of the archive's spectra, Angstrom (vacuum, observed frame).
const GRID_ANGSTROM: (f64, f64) = (3_600.0, 0.8);

/// A spectrum that may be taken, and what its files say of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    /// Which file (as the manifest calls it), or survey, program and tile of the archive's row.
    pub source: String,
    /// Row of the file; 0 in an archive.
    pub row: i64,
    /// `_healpix_29` of an archive's row.
    pub healpix_29: Option<i64>,
    pub name: String,
    pub target_id: Option<i64>,
    pub ra_deg: Option<f64>,
    pub dec_deg: Option<f64>,
    pub redshift: Option<f64>,
    pub zwarn: Option<i64>,
    pub spectype: Option<String>,
    pub signal_to_noise: Option<f64>,
}

/// Files of spectra under names that do not depend on where the study is, and tables of redshifts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SpectrumFiles {
    /// Name and place.
    pub spectra: BTreeMap<String, PathBuf>,
    pub redshifts: Vec<(String, PathBuf)>,
}

/// Everything that a run reads, for its manifest: spectra, redshifts, templates.
pub(super) fn inputs(inputs: &Inputs, files: &SpectrumFiles) -> Result<Vec<(String, PathBuf)>, StudyError> {
    let mut all: Vec<(String, PathBuf)> =
        files.spectra.iter().map(|(name, path)| (format!("spectra/{name}"), path.clone())).collect();
    all.extend(files.redshifts.iter().map(|(name, path)| (format!("redshifts/{name}"), path.clone())));
    if let SpectraSource::Archive { folder, table } = &inputs.spectra {
        let catalogues = Catalogue::open_all(folder)?;
        let found = catalogues.iter().find(|catalogue| catalogue.name == *table);
        let identity = found.and_then(identity).ok_or_else(|| StudyError::Table {
            archive: folder.clone(),
            table: table.clone(),
            reason: format!(
                "the archive has {}",
                catalogues.iter().map(|one| one.name.clone()).collect::<Vec<_>>().join(", ")
            ),
        })?;
        all.push((format!("spectra/{table}"), identity));
    }
    for (kind, place) in [("line-list", &inputs.line_list), ("eigenspectra", &inputs.eigenspectra)] {
        all.extend(place.iter().map(|path| (format!("{kind}/{}", file_name(path)), path.clone())));
    }
    if let Some(folder) = &inputs.templates {
        let read = crate::continuum::Templates::read(folder)?.files;
        all.extend(read.into_iter().map(|path| (format!("templates/{}", file_name(&path)), path)));
    }
    Ok(all)
}

/// The file by which an archive's catalogue is known: the footers of all its files.
fn identity(catalogue: &Catalogue) -> Option<PathBuf> {
    let first = catalogue.partitions.first()?;
    let Some(_) = first.cell else { return Some(first.path.clone()) };
    first.path.ancestors().find(|folder| folder.ends_with("dataset")).map(|folder| folder.join("_metadata"))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

impl SpectrumFiles {
    /// Lists the files of a study: those named, and in folders below them `coadd-*`, `spectra-*`, `spec-*` and X-Shooter's
    /// `*_VIS`, `*_NIR`. Beside a coadd its `redrock-*` or `zbest-*` is taken too.
    pub(super) fn find(inputs: &Inputs) -> Result<Self, StudyError> {
        let SpectraSource::Files { places, redshifts } = &inputs.spectra else { return Ok(Self::default()) };
        let mut found = Self::default();
        for place in places {
            if place.is_dir() {
                found.list(place, "")?;
            } else {
                found.add(&file_name(place), place);
            }
        }
        if found.spectra.is_empty() {
            return Err(StudyError::NoSpectra { places: places.clone() });
        }
        found.redshifts.extend(redshifts.iter().map(|path| (file_name(path), path.clone())));
        Ok(found)
    }

    fn list(&mut self, folder: &Path, prefix: &str) -> Result<(), StudyError> {
        let unreadable = |source| StudyError::Folder { path: folder.to_owned(), source };
        let mut entries: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            entries.push(entry.map_err(unreadable)?.path());
        }
        entries.sort();
        for path in entries {
            let name = file_name(&path);
            if path.is_dir() {
                self.list(&path, &format!("{prefix}{name}/"))?;
            } else if is_spectrum_name(&name) {
                self.add(&format!("{prefix}{name}"), &path);
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, path: &Path) {
        let file = file_name(path);
        for kind in ["redrock-", "zbest-"] {
            let beside = ["coadd-", "spectra-"].iter().filter_map(|kind_of| file.strip_prefix(kind_of)).next();
            let beside = beside.map(|rest| path.with_file_name(format!("{kind}{rest}")));
            self.redshifts.extend(beside.filter(|path| path.is_file()).map(|path| (format!("{kind}{name}"), path)));
        }
        self.spectra.insert(name.to_owned(), path.to_owned());
    }

    /// Every spectrum of the files in order of their names, and the files that are none, each with the reason.
    pub(super) fn candidates(&self) -> Result<(Vec<Candidate>, Vec<String>), StudyError> {
        let mut redshifts: HashMap<i64, TargetRedshift> = HashMap::new();
        for (_, path) in &self.redshifts {
            for one in read_redshifts(path)? {
                redshifts.entry(one.target_id).or_insert(one);
            }
        }
        let files: Vec<(&String, &PathBuf)> = self.spectra.iter().collect();
        let listed: Vec<Result<Vec<Candidate>, String>> =
            files.par_iter().map(|(name, path)| of_file(name, path, &redshifts)).collect();
        let (mut all, mut refused) = (Vec::new(), Vec::new());
        for one in listed {
            match one {
                Ok(candidates) => all.extend(candidates),
                Err(reason) => refused.push(reason),
            }
        }
        Ok((all, refused))
    }

    /// The spectra of some rows of the sample, in their order.
    fn read(&self, rows: &[Candidate]) -> Vec<Result<Spectrum, String>> {
        let mut names: Vec<&str> = rows.iter().map(|row| row.source.as_str()).collect();
        names.dedup();
        let files: BTreeMap<&str, Result<SpectrumFile, String>> = names
            .into_iter()
            .map(|name| {
                let path = self.spectra.get(name);
                let path = path.ok_or_else(|| format!("cannot find {name} among the inputs"));
                (name, path.and_then(|path| SpectrumFile::open(path).map_err(|error| error.to_string())))
            })
            .collect();
        rows.par_iter()
            .map(|row| {
                let file = files.get(row.source.as_str()).ok_or("no file")?.as_ref().map_err(String::clone)?;
                let at = usize::try_from(row.row).unwrap_or(0);
                file.spectrum(at).map_err(|error| error.to_string())
            })
            .collect()
    }
}

fn is_spectrum_name(name: &str) -> bool {
    let stem = name.strip_suffix(".gz").unwrap_or(name);
    let Some(stem) = stem.strip_suffix(".fits") else { return false };
    ["coadd-", "spectra-", "spec-"].iter().any(|start| stem.starts_with(start))
        || ["_VIS", "_NIR"].iter().any(|end| stem.ends_with(end))
}

fn of_file(name: &str, path: &Path, redshifts: &HashMap<i64, TargetRedshift>) -> Result<Vec<Candidate>, String> {
    let file = SpectrumFile::open(path).map_err(|error| error.to_string())?;
    let (zwarn, class) = match &file {
        SpectrumFile::Single(SpectrumKind::Sdss, _) => sdss_class(path),
        _ => (None, None),
    };
    let one = |row: usize| -> Result<Candidate, String> {
        let spectrum = file.spectrum(row).map_err(|error| error.to_string())?;
        let listed = spectrum.target_id.and_then(|id| redshifts.get(&id));
        Ok(Candidate {
            source: name.to_owned(),
            row: row as i64,
            healpix_29: None,
            redshift: listed.map(|one| one.redshift).or(spectrum.redshift),
            zwarn: listed.and_then(|one| one.zwarn).or(zwarn),
            spectype: listed.and_then(|one| one.spectype.clone()).or_else(|| class.clone()),
            signal_to_noise: spectrum.median_signal_to_noise(),
            name: spectrum.name,
            target_id: spectrum.target_id,
            ra_deg: spectrum.ra_deg,
            dec_deg: spectrum.dec_deg,
        })
    };
    (0..file.len()).into_par_iter().map(one).collect()
}

/// ZWARNING and CLASS of the catalogue row in HDU 2 of an SDSS file, where it has them.
fn sdss_class(path: &Path) -> (Option<i64>, Option<String>) {
    let Ok(file) = FitsFile::open(path) else { return (None, None) };
    let Ok(table) = file.table_at(2) else { return (None, None) };
    let zwarn = table.i64_column("ZWARNING").ok().and_then(|values| values.first().copied());
    let class = table.read(&["CLASS"], 0..1).ok().and_then(|batch| {
        let text = arrow::compute::cast(batch.column(0), &DataType::Utf8).ok()?;
        let text = text.as_string::<i32>();
        (text.len() == 1 && text.is_valid(0)).then(|| text.value(0).trim().to_owned())
    });
    (zwarn, class.filter(|class| !class.is_empty()))
}

/// Spectra of an archive's table.
pub(super) struct ArchivedSpectra<'a> {
    pub archive: &'a dyn Tables,
    pub folder: &'a Path,
    pub table: &'a str,
}

/// What tells rows of one target apart.
const SOURCE_SQL: &str =
    "coalesce(\"SURVEY\", '') || '/' || coalesce(\"PROGRAM\", '') || '/' || coalesce(CAST(\"TILEID\" AS VARCHAR), '')";

impl ArchivedSpectra<'_> {
    fn wrong(&self, reason: &str) -> StudyError {
        let (archive, table) = (self.folder.to_owned(), self.table.to_owned());
        StudyError::Table { archive, table, reason: reason.to_owned() }
    }

    /// Number of rows, and of those that meet the first 1, 2, ... conditions.
    pub(super) fn counts(&self, conditions: &[String]) -> Result<Vec<i64>, StudyError> {
        let mut asked = vec!["count(*) AS c0".to_owned()];
        for at in 0..conditions.len() {
            let met: Vec<String> = conditions[..=at].iter().map(|one| format!("({one})")).collect();
            asked.push(format!("count(*) FILTER (WHERE {}) AS c{}", met.join(" AND "), at + 1));
        }
        let answer = self.archive.query(&format!("SELECT {} FROM \"{}\"", asked.join(", "), self.table))?;
        let row = answer.iter().find(|batch| batch.num_rows() > 0).ok_or_else(|| self.wrong("it gives no counts"))?;
        let count = |column: &arrow::array::ArrayRef| column.as_primitive_opt::<Int64Type>().map_or(0, |c| c.value(0));
        Ok(row.columns().iter().map(count).collect())
    }

    /// Every row that meets the conditions, in order of `_healpix_29` and TARGETID, without its spectrum.
    pub(super) fn candidates(&self, conditions: &[String]) -> Result<Vec<Candidate>, StudyError> {
        let met: Vec<String> = conditions.iter().map(|one| format!("({one})")).collect();
        let met = if met.is_empty() { String::new() } else { format!(" WHERE {}", met.join(" AND ")) };
        let sql = format!(
            "SELECT \"_healpix_29\" AS healpix, {SOURCE_SQL} AS source, \"TARGETID\" AS target, \"RA\" AS ra, \"DEC\" AS dec, \
             CAST(\"Z\" AS DOUBLE) AS z, CAST(\"ZWARN\" AS BIGINT) AS zwarn, CAST(\"SPECTYPE\" AS VARCHAR) AS spectype, \
             CAST(\"SNR\" AS DOUBLE) AS snr FROM \"{}\"{met} ORDER BY healpix, target, source",
            self.table
        );
        let mut all = Vec::new();
        for batch in self.archive.query(&sql)? {
            let [healpix, target, zwarn] = [0, 2, 6].map(|at| batch.column(at).as_primitive_opt::<Int64Type>());
            let [ra, dec, z, snr] = [3, 4, 5, 8].map(|at| batch.column(at).as_primitive_opt::<Float64Type>());
            let source = arrow::compute::cast(batch.column(1), &DataType::Utf8)?;
            let spectype = arrow::compute::cast(batch.column(7), &DataType::Utf8)?;
            let (source, spectype) = (source.as_string::<i32>(), spectype.as_string::<i32>());
            let (Some(healpix), Some(target)) = (healpix, target) else {
                return Err(self.wrong("`_healpix_29` and `TARGETID` are not 64-bit integers"));
            };
            for row in 0..batch.num_rows() {
                let number = |column: Option<&arrow::array::Float64Array>| {
                    column.filter(|c| c.is_valid(row)).map(|c| c.value(row)).filter(|value| value.is_finite())
                };
                all.push(Candidate {
                    source: source.value(row).to_owned(),
                    row: 0,
                    healpix_29: Some(healpix.value(row)),
                    name: target.value(row).to_string(),
                    target_id: Some(target.value(row)),
                    ra_deg: number(ra),
                    dec_deg: number(dec),
                    redshift: number(z),
                    zwarn: zwarn.filter(|c| c.is_valid(row)).map(|c| c.value(row)),
                    spectype: spectype.is_valid(row).then(|| spectype.value(row).trim().to_owned()),
                    signal_to_noise: number(snr),
                });
            }
        }
        Ok(all)
    }

    fn read(&self, rows: &[Candidate]) -> Result<Vec<Result<Spectrum, String>>, StudyError> {
        let cells = rows.iter().filter_map(|row| row.healpix_29);
        let (Some(low), Some(high)) = (cells.clone().min(), cells.max()) else { return Ok(Vec::new()) };
        let targets: Vec<String> = rows.iter().filter_map(|row| row.target_id).map(|id| id.to_string()).collect();
        let sql = format!(
            "SELECT \"TARGETID\", {SOURCE_SQL} AS source, CAST(\"EBV\" AS DOUBLE) AS ebv, flux, ivar, mask, resolution_sigma \
             FROM \"{}\" WHERE \"_healpix_29\" >= {low} AND \"_healpix_29\" <= {high} AND \"TARGETID\" IN ({})",
            self.table,
            targets.join(", ")
        );
        let mut found: HashMap<(i64, String), Spectrum> = HashMap::new();
        for batch in self.archive.query(&sql)? {
            let target = batch.column(0).as_primitive_opt::<Int64Type>();
            let target = target.ok_or_else(|| self.wrong("`TARGETID` is not a 64-bit integer"))?;
            let source = arrow::compute::cast(batch.column(1), &DataType::Utf8)?;
            for row in 0..batch.num_rows() {
                let spectrum = self.spectrum(&batch, row)?;
                found.insert((target.value(row), source.as_string::<i32>().value(row).to_owned()), spectrum);
            }
        }
        let place = |row: &Candidate| -> Result<Spectrum, String> {
            let key = (row.target_id.unwrap_or(-1), row.source.clone());
            let spectrum = found.get(&key).ok_or_else(|| format!("cannot find {} in the archive", row.name))?;
            Ok(Spectrum {
                name: row.name.clone(),
                target_id: row.target_id,
                ra_deg: row.ra_deg,
                dec_deg: row.dec_deg,
                ..spectrum.clone()
            })
        };
        Ok(rows.iter().map(place).collect())
    }

    fn spectrum(&self, batch: &RecordBatch, row: usize) -> Result<Spectrum, StudyError> {
        let list = |at: usize| batch.column(at).as_fixed_size_list_opt().map(|list| list.value(row));
        let floats = |at: usize| -> Option<Vec<f64>> {
            let values = list(at)?;
            Some(values.as_primitive_opt::<Float32Type>()?.iter().map(|v| v.map_or(f64::NAN, f64::from)).collect())
        };
        let (Some(flux), Some(ivar)) = (floats(3), floats(4)) else {
            return Err(self.wrong("`flux` and `ivar` are not lists of 32-bit floats"));
        };
        let wavelength = (0..flux.len()).map(|at| GRID_ANGSTROM.0 + GRID_ANGSTROM.1 * at as f64).collect();
        let mut spectrum = Spectrum::from_arrays(wavelength, flux, ivar);
        if let Some(values) = list(5)
            && let Some(mask) = values.as_primitive_opt::<Int32Type>()
        {
            for (good, bits) in spectrum.good.iter_mut().zip(mask.iter()) {
                *good &= bits.unwrap_or(1) == 0;
            }
            spectrum.refuse_unusable();
        }
        if let Some(sigma) = floats(6).filter(|sigma| sigma.len() == spectrum.len()) {
            spectrum.resolution = InstrumentResolution::GaussianSigma(sigma);
        }
        let ebv = batch.column(2).as_primitive_opt::<Float64Type>();
        spectrum.ebv = ebv.filter(|ebv| ebv.is_valid(row)).map(|ebv| ebv.value(row)).filter(|ebv| ebv.is_finite());
        Ok(spectrum)
    }
}

/// Reads spectra, wherever they are.
pub(super) enum Reader<'a> {
    Files(&'a SpectrumFiles),
    Archive(ArchivedSpectra<'a>),
}

impl Reader<'_> {
    /// The spectra of some rows of the sample with the sample's redshifts, free of the Galaxy's dust.
    pub(super) fn read(&self, rows: &[Candidate]) -> Result<Vec<Result<Spectrum, String>>, StudyError> {
        let mut spectra = match self {
            Self::Files(files) => files.read(rows),
            Self::Archive(archived) => archived.read(rows)?,
        };
        spectra.par_iter_mut().zip(rows).for_each(|(spectrum, row)| {
            if let Ok(spectrum) = spectrum {
                spectrum.redshift = row.redshift;
                crate::extinction::correct_for_dust(spectrum);
            }
        });
        Ok(spectra)
    }
}
