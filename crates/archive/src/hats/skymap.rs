//! The point map of a catalogue: how many rows lie in each HEALPix cell, as a small FITS table.
//!
//! Written by hand, because HATS readers want exactly the HEALPix-in-FITS convention with explicit indexing, and the
//! table has two columns. Reference: Gorski et al. 2005, ApJ 622, 759; FITS standard 4.0, section 7.3.

use astro::healpix::HealpixCell;

use super::Partition;

/// Order of the point map of large catalogues (cells of 0.23 degrees).
pub(crate) const SKYMAP_ORDER_MAX: u8 = 8;
const CARD: usize = 80;
const BLOCK: usize = 2880;

/// The FITS file: a table (PIXEL, VALUE) of the cells of `order` that hold rows.
pub(crate) fn skymap_bytes(sorted_index29: &[i64], order: u8) -> Vec<u8> {
    let counts = counts(sorted_index29, order);
    let mut file = header(&[card("SIMPLE", "T"), card("BITPIX", "8"), card("NAXIS", "0"), card("EXTEND", "T")]);
    file.extend(header(&[
        card("XTENSION", "'BINTABLE'"),
        card("BITPIX", "8"),
        card("NAXIS", "2"),
        card("NAXIS1", "16"),
        card("NAXIS2", &counts.len().to_string()),
        card("PCOUNT", "0"),
        card("GCOUNT", "1"),
        card("TFIELDS", "2"),
        card("TTYPE1", "'PIXEL   '"),
        card("TFORM1", "'K       '"),
        card("TTYPE2", "'VALUE   '"),
        card("TFORM2", "'K       '"),
        card("PIXTYPE", "'HEALPIX '"),
        card("INDXSCHM", "'EXPLICIT'"),
        card("ORDERING", "'NESTED  '"),
        card("COORDSYS", "'C       '"),
        card("NSIDE", &(1_u64 << order).to_string()),
        card("OBS_NPIX", &counts.len().to_string()),
    ]));
    for (cell, rows) in &counts {
        file.extend(cell.to_be_bytes());
        file.extend(rows.to_be_bytes());
    }
    file.resize(file.len().next_multiple_of(BLOCK), 0);
    file
}

/// Fraction of the sky that the partitions' cells cover.
pub(crate) fn covered_fraction(partitions: &[Partition]) -> f64 {
    partitions.iter().map(|partition| 1.0 / astro::healpix::cell_count(partition.cell.order) as f64).sum()
}

/// Cells that hold rows, ascending, and how many.
fn counts(sorted_index29: &[i64], order: u8) -> Vec<(u64, u64)> {
    let mut counts: Vec<(u64, u64)> = Vec::new();
    for &index in sorted_index29 {
        let cell = HealpixCell { order: astro::healpix::FINEST_ORDER, index: index as u64 }.parent_at(order).index;
        match counts.last_mut() {
            Some((last, rows)) if *last == cell => *rows += 1,
            _ => counts.push((cell, 1)),
        }
    }
    counts
}

fn card(key: &str, value: &str) -> String {
    if value.starts_with('\'') { format!("{key:<8}= {value}") } else { format!("{key:<8}= {value:>20}") }
}

fn header(cards: &[String]) -> Vec<u8> {
    let mut bytes: Vec<u8> = cards.iter().flat_map(|card| format!("{card:<CARD$}").into_bytes()).collect();
    bytes.extend(format!("{:<CARD$}", "END").bytes());
    bytes.resize(bytes.len().next_multiple_of(BLOCK), b' ');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_counts_every_row_once() {
        let shift = 2 * (29 - 3);
        let indices = [5_i64 << shift, (5 << shift) + 1, 9 << shift];
        assert_eq!(counts(&indices, 3), vec![(5, 2), (9, 1)]);
        let file = skymap_bytes(&indices, 3);
        assert_eq!(file.len() % BLOCK, 0);
        let data = &file[2 * BLOCK..];
        assert_eq!(&data[..16], &[0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2]);
    }
}
