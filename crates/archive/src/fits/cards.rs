//! Header cards as bytes: fixed format, long strings over `CONTINUE` cards, `HIERARCH` for long keywords.
//!
//! Reference: FITS standard 4.0, section 4.

use super::header::{BLOCK, CARD, Card, Header, Value};

impl Header {
    /// The cards as bytes, ending with `END` and padded with blanks to whole blocks and at least `min_bytes`.
    pub(crate) fn to_bytes(&self, min_bytes: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity((self.cards().len() + 1) * CARD);
        for card in self.cards() {
            write_card(card, &mut out);
        }
        push_padded(&mut out, "END");
        out.resize(out.len().next_multiple_of(BLOCK).max(min_bytes), b' ');
        out
    }
}

fn push_padded(out: &mut Vec<u8>, text: &str) {
    // Header bytes must be printable ASCII; anything else is written as `?`.
    let ascii = text.chars().map(|c| if (' '..='~').contains(&c) { c as u8 } else { b'?' });
    let start = out.len();
    out.extend(ascii.take(CARD));
    out.resize(start + CARD, b' ');
}

fn write_card(card: &Card, out: &mut Vec<u8>) {
    let standard = card.keyword.len() <= 8
        && card.keyword.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    let prefix = if standard { format!("{:<8}= ", card.keyword) } else { format!("HIERARCH {} = ", card.keyword) };
    let value = match &card.value {
        Value::Undefined => return write_commentary(card, out),
        Value::Text(text) => return write_text(&prefix, text, &card.comment, out),
        Value::Logical(value) => if *value { "T" } else { "F" }.to_owned(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => format_real(*value),
        Value::Other(text) => text.clone(),
    };
    let slash = if card.comment.is_empty() { String::new() } else { format!(" / {}", card.comment) };
    push_padded(out, &format!("{prefix}{value:>20}{slash}"));
}

fn write_commentary(card: &Card, out: &mut Vec<u8>) {
    let text: Vec<char> = card.comment.chars().collect();
    if text.is_empty() {
        return push_padded(out, &card.keyword);
    }
    for part in text.chunks(CARD - 8) {
        push_padded(out, &format!("{:<8}{}", card.keyword, part.iter().collect::<String>()));
    }
}

fn format_real(value: f64) -> String {
    if !value.is_finite() {
        // The standard has no NaN or infinity in headers: an undefined value is an empty field.
        return String::new();
    }
    let plain = format!("{value:?}").to_uppercase();
    if plain.contains('E') && !plain.contains('.') { plain.replacen('E', ".0E", 1) } else { plain }
}

fn write_text(prefix: &str, text: &str, comment: &str, out: &mut Vec<u8>) {
    let quoted = text.replace('\'', "''");
    if prefix.len() + quoted.chars().count() + 2 <= CARD {
        let slash = if comment.is_empty() { String::new() } else { format!(" / {comment}") };
        // Padded to eight characters, as the standard asks of XTENSION and older readers of every string.
        return push_padded(out, &format!("{prefix}{:<20}{slash}", format!("'{quoted:<8}'")));
    }
    let mut prefix = prefix.to_owned();
    let mut rest: Vec<char> = text.chars().collect();
    while !rest.is_empty() {
        let room = CARD - prefix.chars().count() - 3;
        let mut used = 0;
        let mut part = String::new();
        for &c in &rest {
            let width = if c == '\'' { 2 } else { 1 };
            if part.chars().count() + width > room {
                break;
            }
            part.push(c);
            if c == '\'' {
                part.push(c);
            }
            used += 1;
        }
        rest.drain(..used.max(1));
        let more = if rest.is_empty() { "" } else { "&" };
        push_padded(out, &format!("{prefix}'{part}{more}'"));
        prefix = "CONTINUE  ".to_owned();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn cards_survive_writing_and_reading() {
        let mut header = Header::new();
        header.set("SIMPLE", true, "a comment");
        header.set("BIG", i64::MAX, "");
        header.set("OMEGAM", 0.315, "matter density");
        header.set("TINY", 1e-300, "");
        header.set("AUTHOR", "it's O'Neil/her", "with a slash");
        header.set("ESO DET CHIP1 ID", "CCD-44", "long keyword");
        header.set("LONGTEXT", "word's ".repeat(60).trim_end(), "");
        header.push(Card { keyword: "HISTORY".into(), value: Value::Undefined, comment: "made = here".into() });
        let bytes = header.to_bytes(0);
        assert_eq!(bytes.len() % BLOCK, 0);
        assert_eq!(Header::parse(&bytes).unwrap().0, header);
    }
}
