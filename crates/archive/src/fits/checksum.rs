//! CHECKSUM and DATASUM: ones' complement sums of 32-bit words, and their ASCII form.
//!
//! Reference: FITS standard 4.0, section 4.4.2.7 and appendix J (Seaman, Pence & Rots).

use super::error::FitsError;
use super::file::{FitsFile, Hdu};
use super::header::Value;

/// What the checksums of an HDU say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChecksumStatus {
    /// The header has neither CHECKSUM nor DATASUM.
    Absent,
    /// Those present match.
    Valid,
}

/// A running ones' complement sum of big-endian 32-bit words.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    total: u64,
    /// Bytes added so far, modulo 4: where in a word the next byte falls.
    phase: usize,
}

impl Sum {
    pub(crate) fn add(&mut self, mut bytes: &[u8]) {
        while self.phase != 0 {
            let Some((&first, rest)) = bytes.split_first() else { return };
            self.total += u64::from(first) << (24 - 8 * self.phase);
            self.phase = (self.phase + 1) % 4;
            bytes = rest;
        }
        let (words, rest) = bytes.as_chunks::<4>();
        // 2^31 words fit into 64 bits before a carry is lost.
        for part in words.chunks(1 << 20) {
            self.total += part.iter().map(|word| u64::from(u32::from_be_bytes(*word))).sum::<u64>();
            self.total = u64::from(fold(self.total));
        }
        for (place, &byte) in rest.iter().enumerate() {
            self.total += u64::from(byte) << (24 - 8 * place);
        }
        self.phase = rest.len();
    }

    pub(crate) fn value(&self) -> u32 {
        fold(self.total)
    }
}

fn fold(mut total: u64) -> u32 {
    while total >> 32 != 0 {
        total = (total & 0xffff_ffff) + (total >> 32);
    }
    total as u32
}

/// Sixteen characters which, added into the header, bring the sum of the HDU to all ones.
pub(crate) fn encode(sum: u32) -> String {
    let value = !sum;
    let mut letters = [0_u8; 16];
    for (place, byte) in value.to_be_bytes().into_iter().enumerate() {
        let quotient = byte / 4 + b'0';
        let mut parts = [quotient + byte % 4, quotient, quotient, quotient];
        // Punctuation between digits and letters is avoided in pairs, which keeps their sum.
        while parts.iter().any(|&c| is_punctuation(c)) {
            for pair in parts.chunks_exact_mut(2) {
                if is_punctuation(pair[0]) || is_punctuation(pair[1]) {
                    pair[0] += 1;
                    pair[1] -= 1;
                }
            }
        }
        for (part, letter) in parts.into_iter().enumerate() {
            letters[4 * part + place] = letter;
        }
    }
    // Shifted right by one, so that the characters align with the words of the card.
    letters.rotate_right(1);
    letters.iter().map(|&c| c as char).collect()
}

fn is_punctuation(c: u8) -> bool {
    (0x3a..=0x40).contains(&c) || (0x5b..=0x60).contains(&c)
}

impl FitsFile {
    /// Compares an HDU's DATASUM and CHECKSUM with its bytes.
    ///
    /// # Errors
    /// [`FitsError::Checksum`] where one does not match.
    pub fn verify(&self, hdu: &Hdu) -> Result<ChecksumStatus, FitsError> {
        let (header, data) = self.raw(hdu);
        let mismatch = |keyword, expected: String, found: String| FitsError::Checksum {
            path: self.path().to_owned(),
            hdu: hdu.label(),
            keyword,
            expected,
            found,
        };
        let mut sum = Sum::default();
        sum.add(data);
        let mut status = ChecksumStatus::Absent;
        let stated = match hdu.header.get("DATASUM") {
            Some(Value::Text(text)) => text.trim().to_owned(),
            Some(Value::Integer(value)) => value.to_string(),
            _ => String::new(),
        };
        if !stated.is_empty() {
            if stated.parse() != Ok(sum.value()) {
                return Err(mismatch("DATASUM", stated, sum.value().to_string()));
            }
            status = ChecksumStatus::Valid;
        }
        if let Some(stated) = hdu.header.get_text("CHECKSUM").filter(|text| !text.trim().is_empty()) {
            let mut total = Sum::default();
            total.add(header);
            total.add(data);
            if total.value() != u32::MAX && total.value() != 0 {
                let found = format!("a sum of {:#010x}, not all ones", total.value());
                return Err(mismatch("CHECKSUM", stated.to_owned(), found));
            }
            status = ChecksumStatus::Valid;
        }
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_how_bytes_arrive() {
        let bytes: Vec<u8> = (0..10_007_u32).map(|i| (i * 31 % 251) as u8).collect();
        let mut whole = Sum::default();
        whole.add(&bytes);
        let mut parts = Sum::default();
        for part in bytes.chunks(7) {
            parts.add(part);
        }
        assert_eq!(whole.value(), parts.value());
    }

    #[test]
    fn encoded_sums_are_letters_and_digits() {
        for sum in [0, 1, 0x7f3a_9c01, u32::MAX] {
            assert!(encode(sum).bytes().all(|b| b.is_ascii_alphanumeric()), "{sum:#x}");
        }
    }
}
