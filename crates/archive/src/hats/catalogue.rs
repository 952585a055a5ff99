//! Opening what was written: the catalogues of an archive folder and their partitions.

use std::path::{Path, PathBuf};

use arrow::datatypes::{Schema, SchemaRef};
use astro::healpix::HealpixCell;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::Properties;
use super::footers::read_footer;
use super::partition::cell_path;
use crate::error::Error;

/// Under this key the properties of a catalogue, or a plain table's file, say what it was made from.
pub(crate) const DESCRIBED: &str = "obs_description";

/// One table of an archive: a HATS catalogue, or a plain Parquet file for tables without positions.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The name it is queried by.
    pub name: String,
    /// What it was made from, where the ingest said so.
    pub description: Option<String>,
    /// Its columns, with unit, UCD and description in the field metadata.
    pub schema: SchemaRef,
    /// Its files, in the order of their rows.
    pub partitions: Vec<PartitionFile>,
    /// Number of rows.
    pub rows: u64,
    /// Names of the right ascension and declination columns of a HATS catalogue, degrees.
    pub position_columns: Option<(String, String)>,
}

/// One Parquet file of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionFile {
    /// The HEALPix cell; `None` for a plain table.
    pub cell: Option<HealpixCell>,
    /// The file.
    pub path: PathBuf,
}

impl Catalogue {
    /// Every finished table in an archive folder, sorted by name. Unfinished ingests are passed over.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be read, [`Error::Catalogue`] or [`Error::Parquet`] for damaged content.
    pub fn open_all(archive: &Path) -> Result<Vec<Self>, Error> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(archive).map_err(Error::io("read the archive folder", archive))? {
            let path = entry.map_err(Error::io("read the archive folder", archive))?.path();
            if path.join("collection.properties").is_file() {
                found.push(Self::open(&path)?);
            } else if path.extension().is_some_and(|extension| extension == "parquet") && path.is_file() {
                found.push(Self::open_plain(&path)?);
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Opens a HATS collection folder or a plain Parquet table.
    ///
    /// # Errors
    /// As [`Catalogue::open_all`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path.is_file() {
            return Self::open_plain(path);
        }
        let collection = read_properties(&path.join("collection.properties"))?;
        let primary = required(&collection, path, "hats_primary_table_url")?;
        let folder = path.join(primary);
        let properties = read_properties(&folder.join("hats.properties"))?;
        let dataset = folder.join("dataset");
        let partitions = read_partitions(&folder.join("partition_info.csv"), &dataset)?;
        let schema = read_schema(&dataset.join("_common_metadata"))?;
        let rows = required(&properties, &folder, "hats_nrows")?;
        Ok(Self {
            name: required(&collection, path, "obs_collection")?.to_owned(),
            description: properties.get(DESCRIBED).map(str::to_owned),
            schema,
            partitions,
            rows: rows
                .parse()
                .map_err(|_| damaged(&folder, format!("hats_nrows is `{rows}`, expected a whole number")))?,
            position_columns: Some((
                required(&properties, &folder, "hats_col_ra")?.to_owned(),
                required(&properties, &folder, "hats_col_dec")?.to_owned(),
            )),
        })
    }

    /// How many rows have no value, a column each, from the files' statistics; `None` where a file counts none.
    /// Lists count by their items.
    ///
    /// # Errors
    /// [`Error::Parquet`] where a file cannot be read.
    pub fn null_counts(&self) -> Result<Vec<Option<u64>>, Error> {
        let mut counts: Vec<Option<u64>> = vec![Some(0); self.schema.fields().len()];
        for file in &self.partitions {
            let (metadata, _) = read_footer(&file.path)?;
            for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
                let name = column.column_path().parts().first().map_or("", String::as_str);
                if let Ok(place) = self.schema.index_of(name) {
                    let here = column.statistics().and_then(Statistics::null_count_opt);
                    counts[place] = counts[place].zip(here).map(|(sum, here)| sum + here);
                }
            }
        }
        Ok(counts)
    }

    fn open_plain(path: &Path) -> Result<Self, Error> {
        let (metadata, _) = read_footer(path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let partitions = vec![PartitionFile { cell: None, path: path.to_owned() }];
        let rows = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or(0);
        let notes = metadata.file_metadata().key_value_metadata();
        let description = notes.into_iter().flatten().find(|note| note.key == DESCRIBED).and_then(|n| n.value.clone());
        Ok(Self { name, description, schema: read_schema(path)?, partitions, rows, position_columns: None })
    }
}

/// Where a plain table of an archive lies.
pub(crate) fn plain_table_path(archive: &Path, name: &str) -> PathBuf {
    archive.join(format!("{name}.parquet"))
}

fn read_properties(path: &Path) -> Result<Properties, Error> {
    Ok(Properties::parse(&std::fs::read_to_string(path).map_err(Error::io("read", path))?))
}

fn required<'a>(properties: &'a Properties, path: &Path, key: &str) -> Result<&'a str, Error> {
    properties.get(key).ok_or_else(|| damaged(path, format!("its properties lack `{key}`")))
}

fn damaged(path: &Path, reason: String) -> Error {
    Error::Catalogue { path: path.to_owned(), reason }
}

fn read_partitions(info: &Path, dataset: &Path) -> Result<Vec<PartitionFile>, Error> {
    let text = std::fs::read_to_string(info).map_err(Error::io("read", info))?;
    text.lines()
        .skip(1)
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let cell =
                parse_cell(line).ok_or_else(|| damaged(info, format!("expected `Norder,Npix`, found `{line}`")))?;
            Ok(PartitionFile { cell: Some(cell), path: dataset.join(cell_path(cell)) })
        })
        .collect()
}

fn parse_cell(line: &str) -> Option<HealpixCell> {
    let (order, index) = line.trim().split_once(',')?;
    let cell = HealpixCell { order: order.trim().parse().ok()?, index: index.trim().parse().ok()? };
    (cell.order <= astro::healpix::FINEST_ORDER && cell.index < astro::healpix::cell_count(cell.order)).then_some(cell)
}

fn read_schema(path: &Path) -> Result<SchemaRef, Error> {
    let (metadata, _) = read_footer(path)?;
    let file = metadata.file_metadata();
    let schema: Schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
        .map_err(Error::parquet("read the columns of", path))?;
    Ok(SchemaRef::new(schema))
}
