//! The canonical order of points and the order of insertion.

use rayon::prelude::*;

/// Bits of a coordinate in the Hilbert key: 3 x 21 = 63.
const BITS: u32 = 21;
/// log2 of the growth of the rounds of insertion: each round inserts 4 times as many points as all before it.
const ROUND_BITS: u32 = 2;
/// Rounds stop being split below about this many points.
const SMALLEST_ROUND: usize = 64;

/// Distinct points in canonical order.
pub(super) struct Sites {
    pub(super) sites: Vec<[f64; 3]>,
    pub(super) site_of_point: Vec<u32>,
    pub(super) multiplicity: Vec<u32>,
}

/// Sorts points along a Hilbert curve through their bounding box, ties by x, y, z, and merges equal ones.
pub(super) fn canonical_sites(points: &[[f64; 3]]) -> Sites {
    let snapped: Vec<[f64; 3]> = points.iter().map(|p| p.map(snap)).collect();
    let (low, scale) = grid(&snapped);
    let mut keyed: Vec<(u64, u32)> =
        (0..snapped.len() as u32).into_par_iter().map(|i| (hilbert_key(snapped[i as usize], low, scale), i)).collect();
    let at = |i: u32| snapped[i as usize];
    keyed.par_sort_unstable_by(|a, b| {
        a.0.cmp(&b.0)
            .then_with(|| at(a.1)[0].total_cmp(&at(b.1)[0]))
            .then_with(|| at(a.1)[1].total_cmp(&at(b.1)[1]))
            .then_with(|| at(a.1)[2].total_cmp(&at(b.1)[2]))
    });
    let mut sites: Vec<[f64; 3]> = Vec::with_capacity(points.len());
    let mut multiplicity: Vec<u32> = Vec::with_capacity(points.len());
    let mut site_of_point = vec![0; points.len()];
    for &(_, point) in &keyed {
        if sites.last() != Some(&at(point)) {
            sites.push(at(point));
            multiplicity.push(0);
        }
        if let Some(count) = multiplicity.last_mut() {
            *count += 1;
        }
        site_of_point[point as usize] = sites.len() as u32 - 1;
    }
    Sites { sites, site_of_point, multiplicity }
}

/// Removes negative zero and magnitudes that would underflow in the predicates.
fn snap(coordinate: f64) -> f64 {
    if coordinate.abs() < super::MIN_COORDINATE { 0.0 } else { coordinate }
}

/// Low corner and grid cells a unit length of a cube around the points.
fn grid(points: &[[f64; 3]]) -> ([f64; 3], f64) {
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for p in points {
        for axis in 0..3 {
            low[axis] = low[axis].min(p[axis]);
            high[axis] = high[axis].max(p[axis]);
        }
    }
    let side = (0..3).map(|axis| high[axis] - low[axis]).fold(0.0, f64::max);
    let cells = f64::from((1_u32 << BITS) - 1);
    (low, if side > 0.0 { cells / side } else { 0.0 })
}

/// Position along a three-dimensional Hilbert curve (Skilling 2004, doi:10.1063/1.1751381).
fn hilbert_key(point: [f64; 3], low: [f64; 3], scale: f64) -> u64 {
    let mut x = [0_u32; 3];
    for axis in 0..3 {
        x[axis] = ((point[axis] - low[axis]) * scale) as u32;
    }
    let mut bit = 1_u32 << (BITS - 1);
    while bit > 1 {
        let below = bit - 1;
        for axis in 0..3 {
            if x[axis] & bit != 0 {
                x[0] ^= below;
            } else {
                let swap = (x[0] ^ x[axis]) & below;
                x[0] ^= swap;
                x[axis] ^= swap;
            }
        }
        bit >>= 1;
    }
    x[1] ^= x[0];
    x[2] ^= x[1];
    let mut flip = 0;
    let mut bit = 1_u32 << (BITS - 1);
    while bit > 1 {
        if x[2] & bit != 0 {
            flip ^= bit - 1;
        }
        bit >>= 1;
    }
    let [a, b, c] = x.map(|axis| spread(axis ^ flip));
    (a << 2) | (b << 1) | c
}

/// Puts two zero bits between the 21 low bits of a number.
fn spread(value: u32) -> u64 {
    let mut v = u64::from(value);
    v = (v | (v << 32)) & 0x001f_0000_0000_ffff;
    v = (v | (v << 16)) & 0x001f_0000_ff00_00ff;
    v = (v | (v << 8)) & 0x100f_00f0_0f00_f00f;
    v = (v | (v << 4)) & 0x10c3_0c30_c30c_30c3;
    (v | (v << 2)) & 0x1249_2492_4924_9249
}

/// Rounds of pseudo-randomly chosen sites, each along the curve: random enough that no order of points is slow,
/// local enough that the next site is near the last one.
pub(super) fn insertion_order(sites: usize) -> Vec<u32> {
    let mut rounds = 0;
    while (sites >> (ROUND_BITS * (rounds + 1))) > SMALLEST_ROUND {
        rounds += 1;
    }
    let mut order = Vec::with_capacity(sites);
    let rank = |site: u32| (mix(u64::from(site)).trailing_zeros() / ROUND_BITS).min(rounds);
    for round in (0..=rounds).rev() {
        order.extend((0..sites as u32).filter(|&site| rank(site) == round));
    }
    order
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2714064.2660195): a fixed random-looking bijection.
fn mix(site: u64) -> u64 {
    let mut z = site.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
