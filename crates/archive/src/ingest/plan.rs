//! The first pass: every row's place on the sky, checked and sorted, and the partitions that follow.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use astro::healpix::index29;
use rayon::prelude::*;

use super::source::{OpenFile, label};
use super::{IngestRequest, Repeats};
use crate::error::Error;
use crate::hats::{Partition, partitions};
use crate::progress::Progress;

/// Where every row goes.
pub(super) struct Plan {
    /// Order-29 index of each row, sorted.
    pub(super) index29: Vec<i64>,
    /// File and row of each of them.
    pub(super) rows: Vec<(u32, u32)>,
    /// Right ascension and declination of each of them, degrees.
    pub(super) sky: Vec<(f64, f64)>,
    /// The files-to-be.
    pub(super) partitions: Vec<Partition>,
}

struct Row {
    index29: i64,
    id: i64,
    place: (u32, u32),
    sky: (f64, f64),
}

impl Plan {
    pub(super) fn make(
        request: &IngestRequest,
        files: &[OpenFile],
        repeats: Repeats,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        progress.begin("positions", files.len() as u64, "files");
        let per_file: Vec<Vec<Row>> = files
            .par_iter()
            .zip(0_u32..u32::try_from(files.len()).unwrap_or(u32::MAX))
            .map(|(file, number)| {
                let rows = rows_of(request, file, number);
                progress.advance(1);
                rows
            })
            .collect::<Result<_, _>>()?;
        progress.end();
        let mut rows: Vec<Row> = per_file.into_iter().flatten().collect();
        if let (true, Some(file)) = (rows.is_empty(), files.first()) {
            return Err(Error::Empty { path: file.path().to_owned(), table: label(&request.catalogues[0].table) });
        }
        if request.id.is_some() && repeats == Repeats::Refused {
            check_unique(request, files, &mut rows)?;
        }
        // The identifier decides between rows of one place, so that the order of files does not matter.
        rows.par_sort_unstable_by_key(|row| (row.index29, row.id, row.place));
        let index29: Vec<i64> = rows.iter().map(|row| row.index29).collect();
        let partitions = partitions(&index29, request.max_rows.max(1));
        Ok(Self {
            partitions,
            index29,
            sky: rows.iter().map(|row| row.sky).collect(),
            rows: rows.iter().map(|row| row.place).collect(),
        })
    }
}

fn rows_of(request: &IngestRequest, file: &OpenFile, number: u32) -> Result<Vec<Row>, Error> {
    let table = &request.catalogues[0].table;
    let bad = |column: &str, row: usize, value: f64, expected: &'static str| Error::BadValue {
        path: file.path().to_owned(),
        table: label(table),
        column: column.to_owned(),
        row,
        value,
        expected,
    };
    let floats = |name: &str| -> Result<Vec<f64>, Error> {
        let column = file.column(table, name, &DataType::Float64)?;
        Ok(column.as_primitive::<Float64Type>().iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    };
    let (ra, dec) = (floats(&request.ra)?, floats(&request.dec)?);
    let ids: Vec<i64> = match &request.id {
        Some(name) => {
            let column = file.column(table, name, &DataType::Int64)?;
            column.as_primitive::<Int64Type>().iter().map(|id| id.unwrap_or(-1)).collect()
        }
        None => vec![0; ra.len()],
    };
    let mut rows = Vec::with_capacity(ra.len());
    for (row, ((ra, dec), id)) in ra.into_iter().zip(dec).zip(ids).enumerate() {
        if ra.is_nan() || ra.abs() > 360.0 {
            return Err(bad(&request.ra, row, ra, "-360 to 360 degrees"));
        }
        if dec.is_nan() || dec.abs() > 90.0 {
            return Err(bad(&request.dec, row, dec, "-90 to 90 degrees"));
        }
        let place = (number, u32::try_from(row).unwrap_or(u32::MAX));
        rows.push(Row { index29: index29(ra, dec), id, place, sky: (ra, dec) });
    }
    Ok(rows)
}

fn check_unique(request: &IngestRequest, files: &[OpenFile], rows: &mut [Row]) -> Result<(), Error> {
    rows.par_sort_unstable_by_key(|row| (row.id, row.place));
    let twice = rows.windows(2).find(|pair| pair[0].id == pair[1].id);
    let Some([first, second]) = twice else { return Ok(()) };
    let path = |place: (u32, u32)| files.get(place.0 as usize).map(|file| file.path().to_owned()).unwrap_or_default();
    Err(Error::DuplicateId {
        table: label(&request.catalogues[0].table),
        column: request.id.clone().unwrap_or_default(),
        id: first.id,
        first_path: path(first.place),
        first_row: first.place.1 as usize,
        second_path: path(second.place),
        second_row: second.place.1 as usize,
    })
}
