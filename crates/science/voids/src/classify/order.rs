//! An order of places in which neighbours follow each other, so that look-ups in large indexes stay in the cache.
//!
//! Morton (1966): the bits of the three cell numbers of a place, interleaved. Only the speed depends on the order.

use rayon::prelude::*;

/// Cells along each axis: 2 to this power; a few Mpc/h each in a survey of DESI's depth.
const BITS: u32 = 10;

/// The `rows` of `places`, along the curve. 8 bytes a row while it sorts.
pub(super) fn along_curve(places: &[[f64; 3]], rows: &[u32]) -> Vec<u32> {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for &row in rows {
        for axis in 0..3 {
            low[axis] = low[axis].min(places[row as usize][axis]);
            high[axis] = high[axis].max(places[row as usize][axis]);
        }
    }
    let last = f64::from((1_u32 << BITS) - 1);
    let key = |place: [f64; 3]| {
        (0..3).fold(0_u64, |key, axis| {
            let share = (place[axis] - low[axis]) / (high[axis] - low[axis]).max(f64::MIN_POSITIVE);
            key | spread((share * last) as u64) << axis
        })
    };
    let mut keyed: Vec<u64> =
        rows.par_iter().with_min_len(4096).map(|&row| key(places[row as usize]) << 32 | u64::from(row)).collect();
    keyed.par_sort_unstable();
    keyed.into_iter().map(|keyed| keyed as u32).collect()
}

/// Puts two zero bits after each of the lowest ten bits.
fn spread(cell: u64) -> u64 {
    let cell = (cell | cell << 16) & 0x0300_00ff;
    let cell = (cell | cell << 8) & 0x0300_f00f;
    let cell = (cell | cell << 4) & 0x030c_30c3;
    (cell | cell << 2) & 0x0924_9249
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_spread() {
        let expected = |cell: u64| (0..BITS).fold(0, |sum, bit| sum | (cell >> bit & 1) << (3 * bit));
        assert!((0..1 << BITS).all(|cell| spread(cell) == expected(cell)));
    }

    #[test]
    fn the_chosen_rows_come_once_each_and_near_ones_together() {
        let places: Vec<[f64; 3]> = (0..4096_u32)
            .map(|i| i.wrapping_mul(2_654_435_761) >> 20)
            .map(|i| [i % 16, i / 16 % 16, i / 256])
            .map(|p| p.map(f64::from))
            .collect();
        let rows: Vec<u32> = (0..4096).filter(|row| row % 3 != 0).collect();
        let order = along_curve(&places, &rows);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, rows);
        let length = |order: &[u32]| -> f64 {
            let apart =
                |a: u32, b: u32| (0..3).map(|k| (places[a as usize][k] - places[b as usize][k]).abs()).sum::<f64>();
            order.windows(2).map(|pair| apart(pair[0], pair[1])).sum()
        };
        assert!(length(&order) < 0.3 * length(&rows), "{} of {}", length(&order), length(&rows));
        assert_eq!(along_curve(&places, &[]), Vec::<u32>::new());
        assert_eq!(along_curve(&[[1.0; 3]; 2], &[1, 0]), [0, 1]);
    }
}
