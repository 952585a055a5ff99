//! The second pass: each partition's rows gathered, written, and described.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use rayon::prelude::*;

use super::plan::Plan;
use super::rows::Rows;
use super::source::{OpenFile, label};
use super::{IngestRequest, Ingested, Journal, write_journal};
use crate::columns::Column;
use crate::error::Error;
use crate::hats::{
    DESCRIBED, INDEX_COLUMN, Partition, PartitionWriter, Properties, SKYMAP_ORDER_MAX, covered_fraction, margin_rows,
    row_bytes, skymap_bytes, write_atomically, write_footers,
};
use crate::progress::Progress;

/// Rows gathered at a time, of narrow tables; wider rows are gathered in chunks of this many bytes.
const GATHER_ROWS: usize = 65_536;
const GATHER_BYTES: usize = 16 << 20;

/// One catalogue on its way to disk.
struct Job<'a> {
    request: &'a IngestRequest,
    files: &'a [OpenFile],
    plan: &'a Plan,
    rows: Rows<'a>,
    schema: SchemaRef,
}

/// Writes one catalogue of the request, its margin and its descriptions.
pub(super) fn catalogue(
    request: &IngestRequest,
    place: usize,
    files: &[OpenFile],
    plan: &Plan,
    fingerprint: &str,
    progress: &dyn Progress,
) -> Result<Ingested, Error> {
    let name = request.catalogues[place].name.clone();
    let folder = request.archive.join(&name);
    let rows = checked_rows(request, place, files)?;
    let schema = schema(request, place, rows.schema());
    let mut journal = Journal {
        fingerprint: fingerprint.to_owned(),
        name: name.clone(),
        rows: plan.rows.len(),
        partitions: plan.partitions.len(),
        bytes: 0,
        complete: false,
    };
    write_journal(&folder, &journal)?;
    let job = Job { request, files, plan, rows, schema };
    let dataset = folder.join(&name).join("dataset");
    let margin = format!("{name}_{}arcsec", request.margin_arcsec);
    let margins = folder.join(&margin).join("dataset");
    progress.begin(&name, plan.rows.len() as u64, "rows");
    let resumed: Vec<bool> = plan
        .partitions
        .par_iter()
        .with_max_len(1)
        .map(|partition| {
            let whole = job.write_once(&dataset.join(partition.path()), || partition.rows.clone().collect())?;
            job.write_once(&margins.join(partition.path()), || {
                margin_rows(&plan.index29, partition, request.margin_arcsec).into_iter().flatten().collect()
            })?;
            progress.advance(partition.rows.len() as u64);
            Ok(whole)
        })
        .collect::<Result<_, Error>>()?;
    progress.end();
    let bytes = job.describe(&folder, &name, &margin)?;
    journal.bytes = bytes;
    journal.complete = true;
    write_journal(&folder, &journal)?;
    let resumed = resumed.into_iter().filter(|resumed| *resumed).count();
    Ok(Ingested { name, rows: plan.rows.len(), partitions: plan.partitions.len(), resumed, bytes, unchanged: false })
}

/// Every file's table, with as many rows as its positions and, where it has identifiers, in their order.
fn checked_rows<'a>(request: &'a IngestRequest, place: usize, files: &'a [OpenFile]) -> Result<Rows<'a>, Error> {
    let catalogue = &request.catalogues[place];
    for file in files {
        let rows = file.rows(&catalogue.table)?;
        let primary = file.rows(&request.catalogues[0].table)?;
        if rows != primary {
            return Err(Error::Unmatched {
                path: file.path().to_owned(),
                table: label(&catalogue.table),
                primary: label(&request.catalogues[0].table),
                reason: format!("it has {rows} rows, expected {primary}"),
            });
        }
        if place > 0 {
            check_same_ids(request, place, file)?;
        }
    }
    Rows::new(files.iter().map(|file| (file, &catalogue.table)), &catalogue.columns)
}

/// The columns of the catalogue: index, position where the table has none, and the table's own.
fn schema(request: &IngestRequest, place: usize, own: &Schema) -> SchemaRef {
    let index =
        Column::new(INDEX_COLUMN, "Nested HEALPix index of order 29 of the position; the rows are sorted by it")
            .with_ucd("pos.healpix")
            .with_type(DataType::Int64);
    let mut fields = vec![index.field()];
    let primary = &request.catalogues[0].columns;
    for name in [&request.ra, &request.dec] {
        if place > 0 && own.field_with_name(name).is_err() {
            let field = Field::new(name, DataType::Float64, false);
            let declared = primary.get(name);
            fields.push(declared.map_or_else(|| field.clone(), |column| column.describe(&field)));
        }
    }
    fields.extend(own.fields().iter().map(|field| field.as_ref().clone()));
    Arc::new(Schema::new(fields))
}

/// A table that follows the first row by row must carry the same identifiers in the same order, where it carries any.
fn check_same_ids(request: &IngestRequest, place: usize, file: &OpenFile) -> Result<(), Error> {
    let (primary, table) = (&request.catalogues[0].table, &request.catalogues[place].table);
    let Some(name) = &request.id else { return Ok(()) };
    let schema = file.schema(table)?;
    if !schema.fields().iter().any(|field| field.name().eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let expected = file.column(primary, name, &DataType::Int64)?;
    let found = file.column(table, name, &DataType::Int64)?;
    let (expected, found) = (expected.as_primitive::<Int64Type>(), found.as_primitive::<Int64Type>());
    match expected.iter().zip(found).enumerate().find(|(_, (expected, found))| expected != found) {
        None => Ok(()),
        Some((row, (expected, found))) => Err(Error::Unmatched {
            path: file.path().to_owned(),
            table: label(table),
            primary: label(primary),
            reason: format!("row {row} has {name} {}, expected {}", shown(found), shown(expected)),
        }),
    }
}

fn shown(id: Option<i64>) -> String {
    id.map_or_else(|| "null".to_owned(), |id| id.to_string())
}

impl Job<'_> {
    /// Writes one file unless it is there (then it is whole); tells whether it was.
    fn write_once(&self, path: &Path, positions: impl FnOnce() -> Vec<usize>) -> Result<bool, Error> {
        if path.exists() {
            return Ok(true);
        }
        let positions = positions();
        if positions.is_empty() {
            return Ok(false);
        }
        let mut writer = PartitionWriter::create(path, &self.schema)?;
        let rows = (GATHER_BYTES / row_bytes(&self.schema)).clamp(1, GATHER_ROWS);
        for chunk in positions.chunks(rows) {
            writer.write(&self.gather(chunk)?)?;
        }
        writer.finish()?;
        Ok(false)
    }

    /// The rows at some positions of the sorted order, from whichever files they are in.
    fn gather(&self, positions: &[usize]) -> Result<RecordBatch, Error> {
        let places: Vec<(u32, u32)> = positions.iter().map(|&position| self.plan.rows[position]).collect();
        let own = self.rows.gather(&places)?;
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from_iter_values(positions.iter().map(|&p| self.plan.index29[p])))];
        let added = self.schema.fields().len() - 1 - own.num_columns();
        if added == 2 {
            columns.push(Arc::new(Float64Array::from_iter_values(positions.iter().map(|&p| self.plan.sky[p].0))));
            columns.push(Arc::new(Float64Array::from_iter_values(positions.iter().map(|&p| self.plan.sky[p].1))));
        }
        columns.extend(own.columns().iter().cloned());
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(Error::arrow("build rows for", &self.request.archive))
    }

    /// Writes properties, partition lists, footers and the point map; returns the catalogue's size in bytes.
    fn describe(&self, folder: &Path, name: &str, margin: &str) -> Result<u64, Error> {
        let partitions = &self.plan.partitions;
        let all: Vec<&Partition> = partitions.iter().collect();
        let bytes = self.describe_one(&folder.join(name), name, "object", &all, None)?;
        let filled: Vec<&Partition> = partitions
            .iter()
            .filter(|partition| folder.join(margin).join("dataset").join(partition.path()).exists())
            .collect();
        if !filled.is_empty() {
            self.describe_one(&folder.join(margin), margin, "margin", &filled, Some(name))?;
        }
        let mut collection =
            Properties::new("HATS Collection").with("obs_collection", name).with("hats_primary_table_url", name);
        if !filled.is_empty() {
            collection = collection.with("all_margins", margin).with("default_margin", margin);
        }
        write_atomically(&folder.join("collection.properties"), collection.text().as_bytes())?;
        Ok(bytes)
    }

    fn describe_one(
        &self,
        folder: &Path,
        name: &str,
        kind: &str,
        partitions: &[&Partition],
        primary: Option<&str>,
    ) -> Result<u64, Error> {
        let dataset = folder.join("dataset");
        let files: Vec<PathBuf> = partitions.iter().map(|partition| partition.path()).collect();
        let bytes = write_footers(&dataset, &files)?;
        let mut info = "Norder,Npix\n".to_owned();
        for partition in partitions {
            info.push_str(&format!("{},{}\n", partition.cell.order, partition.cell.index));
        }
        write_atomically(&folder.join("partition_info.csv"), info.as_bytes())?;
        let rows: usize = match primary {
            None => self.plan.rows.len(),
            Some(_) => partitions
                .iter()
                .map(|p| {
                    margin_rows(&self.plan.index29, p, self.request.margin_arcsec)
                        .iter()
                        .map(|r| r.len())
                        .sum::<usize>()
                })
                .sum(),
        };
        let order = partitions.iter().map(|partition| partition.cell.order).max().unwrap_or(0);
        let covered: Vec<Partition> = partitions.iter().map(|partition| (*partition).clone()).collect();
        let mut properties = Properties::new("HATS catalog")
            .with("obs_collection", name)
            .with("dataproduct_type", kind)
            .with("hats_nrows", rows)
            .with("hats_col_ra", &self.request.ra)
            .with("hats_col_dec", &self.request.dec)
            .with("hats_col_healpix", INDEX_COLUMN)
            .with("hats_col_healpix_order", 29)
            .with("hats_npix_suffix", ".parquet")
            .with("hats_order", order)
            .with("hats_skymap_order", SKYMAP_ORDER_MAX)
            .with("hats_max_rows", self.request.max_rows)
            .with("hats_estsize", bytes / 1024)
            .with("moc_sky_fraction", covered_fraction(&covered))
            .with("hats_builder", concat!("astrolab ", env!("CARGO_PKG_VERSION")))
            .with("hats_creation_date", self.newest_input())
            .with("hats_version", "v1.0");
        let description = self.request.catalogues.iter().find(|catalogue| catalogue.name == primary.unwrap_or(name));
        if let Some(text) = description.map(|catalogue| &catalogue.description).filter(|text| !text.is_empty()) {
            properties = properties.with(DESCRIBED, text);
        }
        if let Some(primary) = primary {
            properties = properties
                .with("hats_primary_table_url", primary)
                .with("hats_margin_threshold", self.request.margin_arcsec);
        }
        write_atomically(&folder.join("properties"), properties.text().as_bytes())?;
        write_atomically(&folder.join("hats.properties"), properties.text().as_bytes())?;
        if primary.is_none() {
            // hats 0.11 reads the coverage from the first name and the counts from the second.
            let map = skymap_bytes(&self.plan.index29, SKYMAP_ORDER_MAX);
            for name in ["point_map.fits", "skymap.fits"] {
                write_atomically(&folder.join(name), &map)?;
            }
        }
        Ok(bytes)
    }

    /// When the newest input file was changed (UTC): the catalogue's date, so that the same files give the same bytes.
    fn newest_input(&self) -> String {
        let changed = |file: &OpenFile| std::fs::metadata(file.path()).and_then(|facts| facts.modified()).ok();
        let newest = self.files.iter().filter_map(changed).max();
        let seconds =
            newest.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok()).map_or(0, |age| age.as_secs());
        utc_text(seconds)
    }
}

/// `YYYY-MM-DDThh:mmUTC` of a Unix time. Days to civil date after Hinnant, "chrono-compatible low-level date algorithms".
fn utc_text(unix_seconds: u64) -> String {
    let (days, seconds) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}UTC", seconds / 3_600, seconds / 60 % 60)
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_are_civil() {
        assert_eq!(super::utc_text(0), "1970-01-01T00:00UTC");
        assert_eq!(super::utc_text(1_709_164_860), "2024-02-29T00:01UTC");
        assert_eq!(super::utc_text(1_798_761_540), "2026-12-31T23:59UTC");
    }
}
