//! Margins: the rows just outside a partition, kept beside it so that neighbours across its border are at hand.

use std::ops::Range;

use astro::healpix::{FINEST_ORDER, HealpixCell};

use super::partition::{Partition, rows_of};

/// Positions (in the order sorted by the order-29 index) of the rows within `threshold_arcsec` of a partition but
/// outside it, as ascending ranges that do not touch.
///
/// The border is covered by small HEALPix cells at least as wide as the threshold, so a few rows somewhat further away
/// are included; none nearer is missed.
#[must_use]
pub fn margin_rows(sorted_index29: &[i64], partition: &Partition, threshold_arcsec: f64) -> Vec<Range<usize>> {
    let order = border_order(threshold_arcsec).max(partition.cell.order);
    let mut ranges: Vec<Range<usize>> = border_cells(partition.cell, order)
        .into_iter()
        .map(|cell| rows_of(sorted_index29, cell, 0..sorted_index29.len()))
        .filter(|rows| !rows.is_empty())
        .collect();
    ranges.sort_unstable_by_key(|rows| rows.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for rows in ranges {
        match merged.last_mut() {
            Some(last) if last.end >= rows.start => last.end = last.end.max(rows.end),
            _ => merged.push(rows),
        }
    }
    merged
}

/// The finest order at which the narrowest cell is at least as wide as the threshold.
///
/// Cells of order k are nowhere narrower than half the side of a square of their area: sqrt(4 pi / 12 / 4^k) / 2.
fn border_order(threshold_arcsec: f64) -> u8 {
    let threshold_rad = (threshold_arcsec / 3600.0).to_radians();
    let narrowest_rad = |order: u8| (std::f64::consts::PI / 3.0).sqrt() / f64::from(1_u32 << order) / 2.0;
    (0..=FINEST_ORDER).rev().find(|&order| narrowest_rad(order) >= threshold_rad).unwrap_or(0)
}

/// The cells of `order` that touch `cell` from outside.
fn border_cells(cell: HealpixCell, order: u8) -> Vec<HealpixCell> {
    let inside = cell.range29();
    let mut border: Vec<HealpixCell> = inner_edge(cell, order)
        .into_iter()
        .flat_map(HealpixCell::neighbours)
        .filter(|neighbour| !inside.contains(&neighbour.range29().start))
        .collect();
    border.sort_unstable();
    border.dedup();
    border
}

/// The cells of `order` along the inner side of a cell's four edges: those whose two interleaved coordinates touch 0 or
/// the maximum.
fn inner_edge(cell: HealpixCell, order: u8) -> Vec<HealpixCell> {
    let depth = order - cell.order;
    let side = 1_u64 << depth;
    let first = cell.index << (2 * depth);
    let at = |x: u64, y: u64| HealpixCell { order, index: first + (interleave(x) | interleave(y) << 1) };
    (0..side).flat_map(|i| [at(i, 0), at(i, side - 1), at(0, i), at(side - 1, i)]).collect()
}

/// Spreads the bits of a coordinate below 2^29 to the even places.
fn interleave(coordinate: u64) -> u64 {
    (0..29).fold(0, |spread, bit| spread | (coordinate >> bit & 1) << (2 * bit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hats::partitions;
    use astro::sphere::angular_separation_deg;

    /// Every point within the threshold of any point of the partition is in the margin (checked against a dense sky).
    #[test]
    fn no_near_neighbour_is_missed() {
        let n = 40_000_usize;
        let mut sky: Vec<(i64, f64, f64)> = (0..n)
            .map(|i| {
                let dec = (1.0 - 2.0 * (i as f64 + 0.5) / n as f64).asin().to_degrees();
                let ra = (i as f64 * 137.507_764).rem_euclid(360.0);
                (astro::healpix::index29(ra, dec), ra, dec)
            })
            .collect();
        sky.sort_by_key(|row| row.0);
        let indices: Vec<i64> = sky.iter().map(|row| row.0).collect();
        let threshold_arcsec = 1.2 * 3600.0;
        let cells = partitions(&indices, 2000);
        assert!(cells.len() > 20);
        for partition in cells.iter().step_by(10) {
            let margin = margin_rows(&indices, partition, threshold_arcsec);
            assert!(margin.windows(2).all(|pair| pair[0].end < pair[1].start));
            let rows = partition.rows.clone();
            for (outside, (_, ra, dec)) in sky.iter().enumerate().filter(|(row, _)| !rows.contains(row)) {
                let near = sky[rows.clone()]
                    .iter()
                    // Declinations further apart than the threshold settle most pairs without trigonometry.
                    .filter(|(_, _, d)| (d - dec).abs() * 3600.0 <= threshold_arcsec)
                    .any(|(_, r, d)| angular_separation_deg(*ra, *dec, *r, *d) * 3600.0 <= threshold_arcsec);
                let held = margin.iter().any(|range| range.contains(&outside));
                assert!(held || !near, "row {outside} is near {:?} but not in its margin", partition.cell);
            }
            let held: usize = margin.iter().map(ExactSizeIterator::len).sum();
            assert!(held < 6 * rows.len(), "a margin is narrow: {held} rows beside {}", rows.len());
        }
    }
}
