//! The checksum of a table, the same here and on the server.
//!
//! PostgreSQL hashes rows itself (`hash_record_extended`, version 14 and later; hash partitioning rests on it, so its values do
//! not change between versions). The sum of the rows' 64-bit hashes does not depend on their order: the server says
//! `sum(hash_record_extended(t, 0))` in one scan, and this module computes the same number from Arrow columns. Row hash:
//! `h = 31 h + hash(value)` over the columns, a null counts 0. Values are hashed by Jenkins' lookup3
//! (<https://burtleburtle.net/bob/hash/doobs.html>, public domain) with PostgreSQL's starting value. Zeros of either sign hash
//! alike, as do all NaNs: the copy itself keeps their bits.

/// Starting value of lookup3 in PostgreSQL, before the length is added.
const START: u32 = 0x9e37_79b9_u32.wrapping_add(3_923_095);

/// The hash of a row so far, with one more value.
#[inline]
pub(super) fn add(row: u64, value: u64) -> u64 {
    row.wrapping_mul(31).wrapping_add(value)
}

/// `hashint2extended`, `hashint4extended` and booleans.
#[inline]
pub(super) fn of_i32(value: i32) -> u64 {
    of_u32(value.cast_unsigned())
}

/// `hashint8extended`: small numbers hash as 32-bit ones do.
#[inline]
pub(super) fn of_i64(value: i64) -> u64 {
    let (low, high) = (value as u32, (value >> 32) as u32);
    of_u32(low ^ if value >= 0 { high } else { !high })
}

/// `hashfloat8extended`, and `hashfloat4extended` of the widened number.
#[inline]
pub(super) fn of_f64(value: f64) -> u64 {
    if value == 0.0 {
        return 0;
    }
    let bits = if value.is_nan() { f64::NAN.to_bits() & !(1 << 63) } else { value.to_bits() };
    let start = START.wrapping_add(8);
    scramble(start.wrapping_add(bits as u32), start.wrapping_add((bits >> 32) as u32), start)
}

#[inline]
fn of_u32(value: u32) -> u64 {
    let start = START.wrapping_add(4);
    scramble(start.wrapping_add(value), start, start)
}

/// `hashtextextended` of UTF-8 text and `hashvarlenaextended` of bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
    let start = START.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let mut triples = bytes.chunks_exact(12);
    for triple in &mut triples {
        a = a.wrapping_add(word(triple, 0));
        b = b.wrapping_add(word(triple, 4));
        c = c.wrapping_add(word(triple, 8));
        (a, b, c) = mix(a, b, c);
    }
    // Of the last word the lowest byte stands for the length.
    let mut rest = [0_u8; 12];
    for (place, byte) in triples.remainder().iter().enumerate() {
        let place = if place < 8 { place } else { place + 1 };
        if let Some(slot) = rest.get_mut(place) {
            *slot = *byte;
        }
    }
    scramble(a.wrapping_add(word(&rest, 0)), b.wrapping_add(word(&rest, 4)), c.wrapping_add(word(&rest, 8)))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    a = a.wrapping_sub(c) ^ c.rotate_left(4);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(6);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(8);
    b = b.wrapping_add(a);
    a = a.wrapping_sub(c) ^ c.rotate_left(16);
    c = c.wrapping_add(b);
    b = b.wrapping_sub(a) ^ a.rotate_left(19);
    a = a.wrapping_add(c);
    c = c.wrapping_sub(b) ^ b.rotate_left(4);
    b = b.wrapping_add(a);
    (a, b, c)
}

#[inline]
fn scramble(mut a: u32, mut b: u32, mut c: u32) -> u64 {
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    (u64::from(b) << 32) | u64::from(c)
}

/// Rows and the sum of their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Checksum {
    /// Rows.
    pub rows: u64,
    /// Sum of the rows' signed 64-bit hashes.
    pub sum: i128,
}

impl Checksum {
    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, sum: self.sum + other.sum }
    }

    /// Counts rows by their hashes.
    pub(super) fn count(&mut self, hashes: &[u64]) {
        self.rows += hashes.len() as u64;
        self.sum += hashes.iter().map(|hash| i128::from(hash.cast_signed())).sum::<i128>();
    }
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows with checksum {}", self.rows, self.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SELECT hash_record_extended(row(1::int, 2::bigint, 3.5::float4, 4.5::float8, 'hello world text'::text, true,
    /// 7::smallint, null::text), 0), hash_record_extended(row(array[1.5, 2.5]::real[]), 0)` of PostgreSQL 15.18.
    #[test]
    fn rows_hash_as_on_the_server() {
        let values =
            [of_i32(1), of_i64(2), of_f64(3.5), of_f64(4.5), of_bytes(b"hello world text"), of_i32(1), of_i32(7), 0];
        assert_eq!(values.into_iter().fold(0, add).cast_signed(), -3_507_334_660_228_948_985);
        // Arrays begin at 1.
        let array = [1.5, 2.5].into_iter().map(of_f64).fold(1, add);
        assert_eq!(add(0, array).cast_signed(), 8_197_047_930_258_302_178);
    }
}
