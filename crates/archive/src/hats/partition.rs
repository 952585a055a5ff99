//! Which HEALPix cells become files: adaptive, so that each holds a similar number of rows.

use std::ops::Range;
use std::path::PathBuf;

use astro::healpix::{FINEST_ORDER, HealpixCell};

/// One partition: a HEALPix cell and its rows in the sorted catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The cell.
    pub cell: HealpixCell,
    /// Positions of its rows in the order sorted by the order-29 index (start inclusive, end exclusive).
    pub rows: Range<usize>,
}

impl Partition {
    /// Path of the Parquet file inside the catalogue's `dataset` folder.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        cell_path(self.cell)
    }
}

/// `Norder=K/Dir=D/Npix=N.parquet`, where D is N rounded down to a multiple of 10,000.
pub(crate) fn cell_path(cell: HealpixCell) -> PathBuf {
    let folder = cell.index / 10_000 * 10_000;
    PathBuf::from(format!("Norder={}/Dir={folder}/Npix={}.parquet", cell.order, cell.index))
}

/// Cells with at most `max_rows` rows each, found by splitting every fuller cell into its four children, from the
/// twelve cells of order 0 down. Empty cells are left out. Cells come in the order of their rows.
///
/// `sorted_index29` are the order-29 indices of all rows, ascending. A cell of the finest order is never split, however
/// full it is.
#[must_use]
pub fn partitions(sorted_index29: &[i64], max_rows: usize) -> Vec<Partition> {
    let mut found = Vec::new();
    for base in 0..12 {
        let cell = HealpixCell { order: 0, index: base };
        split(
            sorted_index29,
            Partition { cell, rows: rows_of(sorted_index29, cell, 0..sorted_index29.len()) },
            max_rows,
            &mut found,
        );
    }
    found
}

fn split(sorted_index29: &[i64], partition: Partition, max_rows: usize, found: &mut Vec<Partition>) {
    if partition.rows.is_empty() {
        return;
    }
    match partition.cell.children() {
        Some(children) if partition.rows.len() > max_rows && partition.cell.order < FINEST_ORDER => {
            for cell in children {
                let rows = rows_of(sorted_index29, cell, partition.rows.clone());
                split(sorted_index29, Partition { cell, rows }, max_rows, found);
            }
        }
        _ => found.push(partition),
    }
}

/// Where the rows of a cell lie, given that they lie `within`.
pub(crate) fn rows_of(sorted_index29: &[i64], cell: HealpixCell, within: Range<usize>) -> Range<usize> {
    let part = sorted_index29.get(within.clone()).unwrap_or(&[]);
    let cell_range = cell.range29();
    // Order-29 indices are below 12 * 4^29 < 2^62: both casts are exact.
    let start = part.partition_point(|&index| (index as u64) < cell_range.start);
    let end = part.partition_point(|&index| (index as u64) < cell_range.end);
    within.start + start..within.start + end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spiral(n: usize) -> Vec<i64> {
        let mut indices: Vec<i64> = (0..n)
            .map(|i| {
                let dec = (1.0 - 2.0 * (i as f64 + 0.5) / n as f64).asin().to_degrees();
                astro::healpix::index29((i as f64 * 137.507_764).rem_euclid(360.0), dec)
            })
            .collect();
        indices.sort_unstable();
        indices
    }

    #[test]
    fn every_row_is_in_exactly_one_partition_and_none_is_too_full() {
        let indices = spiral(5000);
        let cells = partitions(&indices, 100);
        let mut next = 0;
        for partition in &cells {
            assert_eq!(partition.rows.start, next, "partitions follow each other");
            assert!(!partition.rows.is_empty() && partition.rows.len() <= 100);
            for &index in &indices[partition.rows.clone()] {
                assert!(partition.cell.range29().contains(&(index as u64)));
            }
            next = partition.rows.end;
        }
        assert_eq!(next, indices.len());
    }

    #[test]
    fn coincident_rows_cannot_be_split_for_ever() {
        let cells = partitions(&[42; 10], 3);
        assert_eq!(cells.len(), 1);
        assert_eq!(cells[0].rows, 0..10);
    }

    #[test]
    fn paths_follow_the_layout() {
        let partition = Partition { cell: HealpixCell { order: 7, index: 123_456 }, rows: 0..1 };
        assert_eq!(partition.path(), PathBuf::from("Norder=7/Dir=120000/Npix=123456.parquet"));
    }
}
