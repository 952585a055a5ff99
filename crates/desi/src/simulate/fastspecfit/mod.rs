//! Writes a simulated sky as FastSpecFit files: METADATA, SPECPHOT and FASTSPEC for each HEALPix pixel of nside 1.
//!
//! Column names, order, types and units are those declared in [`crate::fastspecfit`]; FASTSPEC has the lines asked for.
//! Values follow from each galaxy's truth; what is made up is said where it is made. No MODELS, as in the merged files of
//! the release. Every galaxy has a good redshift (ZWARN 0).

mod fastspec;
mod fill;
mod metadata;
mod observed;
mod specphot;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use archive::columns::{Column, Columns};
use archive::fits::{FitsWriter, Header};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use astro::{Cosmology, HealpixCell};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Galaxy, LightCone, streams};
use crate::DesiError;
use crate::fastspecfit::{self, LINES, MOMENT_LINES, Table};
use crate::release::SIMULATED;
use fastspec::LineFit;
use fill::Fill;
use observed::Observed;

/// Rows made at once.
const BLOCK: usize = 8_192;
/// Line number of the random stream that makes the photometry of a block.
const PHOTOMETRY: u64 = 0xff;
/// Middle of the Mg II doublet, Angstrom.
const MGII_2800_ANGSTROM: f64 = 2_799.942;

/// One file to be: its pixel and its galaxies, in the order of their TARGETID.
struct Job<'a> {
    sky: &'a LightCone,
    cosmology: Cosmology,
    pixel: u64,
    galaxies: Vec<&'a Galaxy>,
    lines: &'a [&'static str],
}

/// Writes one file for each pixel that has galaxies into a folder that exists; returns their paths. `lines` are names of
/// [`LINES`]. The same light-cone gives the same bytes on any number of threads. Memory: 8 bytes a galaxy, and for each
/// thread the columns of 8,192 rows (30 MB with all lines).
///
/// # Errors
/// [`DesiError::Fits`] where a file cannot be written, [`DesiError::NoValue`] for a declared column that is not simulated.
pub fn write_fastspecfit(folder: &Path, sky: &LightCone, lines: &[&'static str]) -> Result<Vec<PathBuf>, DesiError> {
    let mut by_pixel: Vec<Vec<&Galaxy>> = vec![Vec::new(); astro::healpix::cell_count(0) as usize];
    for galaxy in &sky.galaxies {
        by_pixel[HealpixCell::at(0, galaxy.ra_deg, galaxy.dec_deg).index as usize].push(galaxy);
    }
    let jobs: Vec<Job<'_>> = (0_u64..)
        .zip(by_pixel)
        .filter(|(_, galaxies)| !galaxies.is_empty())
        .map(|(pixel, galaxies)| Job { sky, cosmology: sky.cosmology(), pixel, galaxies, lines })
        .collect();
    jobs.into_par_iter()
        .with_max_len(1)
        .map(|mut job| {
            job.galaxies.sort_unstable_by_key(|galaxy| galaxy.target_id);
            let path = folder.join(fastspecfit::file_name(job.pixel));
            job.write(&path).map(|()| path)
        })
        .collect()
}

impl Job<'_> {
    fn write(&self, path: &Path) -> Result<(), DesiError> {
        let mut file = FitsWriter::create(path)?;
        let mut primary = Header::new();
        primary.set(SIMULATED, true, "made by `astrolab data simulate`");
        primary.set("SPECPROD", "iron", "production that the columns follow");
        primary.set("COADDTYP", "healpix", "type of the coadds");
        primary.set("SEED", self.sky.parameters.seed.cast_signed(), "seed of the simulation");
        file.primary(&primary)?;
        for table in Table::ALL {
            let columns = match table {
                Table::Fastspec => fastspecfit::fastspec_columns(self.lines)?,
                _ => fastspecfit::columns(table)?,
            };
            let fills = fixed_columns(table, &columns)?;
            let schema = schema(&columns);
            let mut out = file.begin_table(table.hdu(), &schema, &Header::new())?;
            for (block, galaxies) in (0_u64..).zip(self.galaxies.chunks(BLOCK)) {
                out.append(&self.batch(table, &schema, &fills, block, galaxies)?)?;
            }
            out.end()?;
        }
        Ok(file.finish()?)
    }

    fn random(&self, block: u64, purpose: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.sky.parameters.seed);
        rng.set_stream(streams::MEASUREMENTS + (self.pixel << 24) + (block << 8) + purpose);
        rng
    }

    fn batch(
        &self,
        table: Table,
        schema: &SchemaRef,
        fills: &[Fill],
        block: u64,
        galaxies: &[&Galaxy],
    ) -> Result<RecordBatch, DesiError> {
        let mut rng = self.random(block, PHOTOMETRY);
        let rows: Vec<Observed<'_>> =
            galaxies.iter().map(|galaxy| Observed::new(galaxy, &self.cosmology, &mut rng)).collect();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for (fill, field) in fills.iter().zip(schema.fields()) {
            arrays.push(fill.array(field.data_type(), &rows).ok_or_else(|| no_value(field.name()))?);
        }
        if table == Table::Fastspec {
            self.add_lines(&mut arrays, schema, block, &rows)?;
        }
        let source = RecordBatch::try_new(schema.clone(), arrays);
        source.map_err(|source| DesiError::Columns { table: table.hdu(), source })
    }

    /// The columns of the lines, then the moments where the schema has them.
    fn add_lines(
        &self,
        arrays: &mut Vec<ArrayRef>,
        schema: &SchemaRef,
        block: u64,
        rows: &[Observed<'_>],
    ) -> Result<(), DesiError> {
        let mut last: Option<(&str, Vec<LineFit>)> = None;
        for field in schema.fields().iter().skip(arrays.len()) {
            let moment = field.name().find("_MOMENT");
            let name = match moment {
                Some(end) => &field.name()[..end],
                None => self.line_of(field.name()).ok_or_else(|| no_value(field.name()))?,
            };
            if last.as_ref().is_none_or(|(fitted, _)| *fitted != name) {
                last = Some((name, self.fits_of(name, block, rows)));
            }
            let fits = last.as_ref().map_or(&[][..], |(_, fits)| fits);
            let suffix = &field.name()[name.len() + 1..];
            let array = if moment.is_some() {
                fastspec::moment_array(suffix, fits)
            } else {
                fastspec::line_array(suffix, fits)
            };
            arrays.push(array.ok_or_else(|| no_value(field.name()))?);
        }
        Ok(())
    }

    /// The line that a column belongs to: the longest name that it begins with.
    fn line_of(&self, column: &str) -> Option<&'static str> {
        let begins = |line: &&&'static str| column.strip_prefix(**line).is_some_and(|rest| rest.starts_with('_'));
        self.lines.iter().filter(begins).max_by_key(|line| line.len()).copied()
    }

    fn fits_of(&self, name: &str, block: u64, rows: &[Observed<'_>]) -> Vec<LineFit> {
        let place = LINES.iter().position(|line| line.name == name);
        let wavelength = place.map_or(MGII_2800_ANGSTROM, |place| LINES[place].wavelength_angstrom);
        let mut rng = self.random(block, place.unwrap_or(LINES.len()) as u64);
        rows.iter().map(|row| fastspec::fit(row, name, wavelength, &mut rng)).collect()
    }
}

fn no_value(column: &str) -> DesiError {
    DesiError::NoValue { column: column.to_owned() }
}

/// How to fill the columns that belong to no line.
fn fixed_columns(table: Table, columns: &Columns) -> Result<Vec<Fill>, DesiError> {
    let mut fills = Vec::with_capacity(columns.len());
    for column in columns.iter() {
        let fill = match table {
            Table::Metadata => metadata::fill(&column.name),
            Table::Specphot => specphot::fill(&column.name),
            Table::Fastspec => fastspec::fill(&column.name),
        };
        match fill {
            Some(fill) => fills.push(fill),
            None if table == Table::Fastspec && is_of_line(&column.name) => break,
            None => return Err(no_value(&column.name)),
        }
    }
    Ok(fills)
}

fn is_of_line(column: &str) -> bool {
    LINES.iter().map(|line| line.name).chain(MOMENT_LINES).any(|line| column.starts_with(line))
}

/// The declared columns as a schema for the writer: nothing is missing, strings have the release's widths.
fn schema(columns: &Columns) -> SchemaRef {
    let width = |name: &str| match name {
        "SURVEY" => Some("4"),
        "PROGRAM" | "SPECTYPE" => Some("6"),
        "SUBTYPE" => Some("20"),
        "PHOTSYS" => Some("1"),
        "TILEID_LIST" => Some("5"),
        _ => None,
    };
    let field = |column: &Column| -> Field {
        let field = column.field().with_nullable(false);
        let mut metadata: HashMap<String, String> = field.metadata().clone();
        if let Some(width) = width(&column.name).filter(|_| *field.data_type() == DataType::Utf8) {
            metadata.insert("width".to_owned(), width.to_owned());
        }
        field.with_metadata(metadata)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_declared_column_has_a_value() {
        for table in Table::ALL {
            let columns = fastspecfit::columns(table).unwrap();
            let fixed = fixed_columns(table, &columns).unwrap();
            assert_eq!(fixed.len(), if table == Table::Fastspec { 35 } else { columns.len() });
        }
    }
}
