//! CHECKSUM and DATASUM: ones' complement sums of 32-bit words, and their ASCII form.
//!
//! Reference: FITS standard 4.0, section 4.4.2.7 and appendix J (Seaman, Pence & Rots).

use serde::Serialize;

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

/// What the header says of one sum, and whether the bytes agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// The header does not say.
    Absent,
    /// The bytes give what the header says.
    Correct,
    /// They do not.
    Wrong {
        /// What the header says.
        expected: String,
        /// What the bytes give.
        found: String,
    },
}

/// The verdicts on both sums of an HDU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checksums {
    /// Of header and data together.
    pub checksum: Verdict,
    /// Of the data alone.
    pub datasum: Verdict,
}

impl Checksums {
    /// Whether one of them is wrong.
    #[must_use]
    pub fn any_wrong(&self) -> bool {
        [&self.checksum, &self.datasum].iter().any(|verdict| matches!(verdict, Verdict::Wrong { .. }))
    }
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
    #[must_use]
    pub fn checksums(&self, hdu: &Hdu) -> Checksums {
        let (header, data) = self.raw(hdu);
        let mut data_sum = Sum::default();
        data_sum.add(data);
        let mut total = Sum::default();
        total.add(header);
        total.add(&data_sum.value().to_be_bytes());
        Checksums { checksum: judge_checksum(hdu, total.value()), datasum: judge_datasum(hdu, data_sum.value()) }
    }

    /// Compares an HDU's DATASUM and CHECKSUM with its bytes, and takes a wrong one for an error.
    ///
    /// # Errors
    /// [`FitsError::Checksum`] where one does not match.
    pub fn verify(&self, hdu: &Hdu) -> Result<ChecksumStatus, FitsError> {
        let sums = self.checksums(hdu);
        let mut status = ChecksumStatus::Absent;
        for (keyword, verdict) in [("DATASUM", sums.datasum), ("CHECKSUM", sums.checksum)] {
            match verdict {
                Verdict::Absent => {}
                Verdict::Correct => status = ChecksumStatus::Valid,
                Verdict::Wrong { expected, found } => {
                    let (path, hdu) = (self.path().to_owned(), hdu.label());
                    return Err(FitsError::Checksum { path, hdu, keyword, expected, found });
                }
            }
        }
        Ok(status)
    }
}

fn judge_datasum(hdu: &Hdu, sum: u32) -> Verdict {
    let expected = match hdu.header.get("DATASUM") {
        Some(Value::Text(text)) if !text.trim().is_empty() => text.trim().to_owned(),
        Some(Value::Integer(value)) => value.to_string(),
        _ => return Verdict::Absent,
    };
    if expected.parse() == Ok(sum) { Verdict::Correct } else { Verdict::Wrong { expected, found: sum.to_string() } }
}

/// All ones, or the other zero of ones' complement, say that nothing was changed.
fn judge_checksum(hdu: &Hdu, sum: u32) -> Verdict {
    match hdu.header.get_text("CHECKSUM").map(str::trim) {
        None | Some("") => Verdict::Absent,
        Some(_) if sum == u32::MAX || sum == 0 => Verdict::Correct,
        Some(_) => Verdict::Wrong { expected: "0xffffffff".to_owned(), found: format!("{sum:#010x}") },
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
