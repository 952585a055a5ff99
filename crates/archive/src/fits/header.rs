//! Header cards: parsing and writing, with CONTINUE long strings and HIERARCH keywords (FITS standard 4.0, section 4,
//! <https://fits.gsfc.nasa.gov/fits_standard.html>).

use std::borrow::Cow;

/// Bytes of a header card.
pub(crate) const CARD: usize = 80;
/// Bytes of a FITS block.
pub(crate) const BLOCK: usize = 2880;

/// Keywords that describe how an HDU's bytes are laid out.
const LAYOUT: [&str; 14] = [
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "THEAP", "EXTEND", "CHECKSUM", "DATASUM",
    "BZERO", "BSCALE", "END",
];
/// Keywords that do so for the axis or column whose number follows.
const NUMBERED_LAYOUT: [&str; 11] =
    ["NAXIS", "TTYPE", "TFORM", "TUNIT", "TDIM", "TNULL", "TZERO", "TSCAL", "TUCD", "TCOMM", "TDISP"];

/// Whether a keyword says how the bytes are laid out, not what they mean: a writer sets it itself.
pub(crate) fn describes_layout(keyword: &str) -> bool {
    let is_number = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
    LAYOUT.contains(&keyword) || NUMBERED_LAYOUT.iter().any(|root| keyword.strip_prefix(root).is_some_and(is_number))
}

/// The value of a card.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A character string, trailing spaces removed.
    Text(String),
    /// A logical, `T` or `F`.
    Logical(bool),
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// A keyword with no value.
    Undefined,
    /// What is none of these (complex numbers, integers beyond 64 bits), as written.
    Other(String),
}

/// One keyword with value and comment. COMMENT and HISTORY cards have their text as comment.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    /// Keyword, without `HIERARCH`.
    pub keyword: String,
    /// Value.
    pub value: Value,
    /// What stands after the slash.
    pub comment: String,
}

/// The cards of one HDU, in file order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    cards: Vec<Card>,
}

impl Header {
    /// A header without cards.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Every card, in file order.
    #[must_use]
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    /// The value of the first card with `keyword` (exact, upper case).
    #[must_use]
    pub fn get(&self, keyword: &str) -> Option<&Value> {
        self.cards.iter().find(|card| card.keyword == keyword).map(|card| &card.value)
    }

    /// An integer value; reals without a fraction count.
    #[must_use]
    pub fn get_i64(&self, keyword: &str) -> Option<i64> {
        match self.get(keyword)? {
            Value::Integer(number) => Some(*number),
            Value::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
            _ => None,
        }
    }

    /// A number.
    #[must_use]
    pub fn get_f64(&self, keyword: &str) -> Option<f64> {
        match self.get(keyword)? {
            Value::Integer(number) => Some(*number as f64),
            Value::Real(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A character string.
    #[must_use]
    pub fn get_text(&self, keyword: &str) -> Option<&str> {
        match self.get(keyword)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A logical.
    #[must_use]
    pub fn get_bool(&self, keyword: &str) -> Option<bool> {
        match self.get(keyword)? {
            Value::Logical(truth) => Some(*truth),
            _ => None,
        }
    }

    /// Sets a card, in place of one with the same keyword.
    pub fn set(&mut self, keyword: &str, value: impl Into<Value>, comment: &str) {
        let card = Card { keyword: keyword.to_owned(), value: value.into(), comment: comment.to_owned() };
        match self.cards.iter_mut().find(|card| card.keyword == keyword) {
            Some(present) => *present = card,
            None => self.cards.push(card),
        }
    }

    /// Adds a card as it is, also a second one with the same keyword (`COMMENT`, `HISTORY`).
    pub fn push(&mut self, card: Card) {
        self.cards.push(card);
    }

    /// Reads cards until END; the bytes are whole cards. `None` when there is no END yet.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut cards: Vec<Card> = Vec::new();
        for (index, raw) in bytes.chunks_exact(CARD).enumerate() {
            if raw.starts_with(b"END") && raw[3..].iter().all(|byte| *byte == b' ' || *byte == 0) {
                return Some((Self { cards }, (index + 1) * CARD));
            }
            let text = printable(raw);
            if text.starts_with("CONTINUE") && continue_text(&mut cards, &text) {
                continue;
            }
            if !text.trim_ascii().is_empty() {
                cards.push(parse_card(&text));
            }
        }
        None
    }
}

/// The letters of a card, with a space for each byte that no card may have.
fn printable(raw: &[u8]) -> Cow<'_, str> {
    let allowed = |byte: &u8| (32..127).contains(byte);
    // No early end: the compiler takes many bytes at a time.
    let clean = raw.iter().fold(true, |clean, byte| clean & allowed(byte));
    match std::str::from_utf8(raw) {
        Ok(text) if clean => Cow::Borrowed(text),
        _ => raw.iter().map(|byte| if allowed(byte) { char::from(*byte) } else { ' ' }).collect(),
    }
}

/// Joins a CONTINUE card to the long string before it; false when there is none to join.
fn continue_text(cards: &mut [Card], text: &str) -> bool {
    let Some(Card { value: Value::Text(long), comment, .. }) = cards.last_mut() else { return false };
    let (value, more) = parse_value(&text[8..]);
    match value {
        Value::Text(part) if long.ends_with('&') => {
            long.pop();
            long.push_str(&part);
            comment.push_str(&more);
            true
        }
        _ => false,
    }
}

fn parse_card(text: &str) -> Card {
    if let Some((keyword, rest)) = text.strip_prefix("HIERARCH ").and_then(|rest| rest.split_once('=')) {
        let (value, comment) = parse_value(rest);
        return Card { keyword: keyword.trim_ascii().to_owned(), value, comment };
    }
    let keyword = text[..8].trim_ascii_end().to_owned();
    if text[8..].starts_with("= ") || (text[8..].starts_with('=') && keyword != "COMMENT" && keyword != "HISTORY") {
        let (value, comment) = parse_value(&text[9..]);
        return Card { keyword, value, comment };
    }
    Card { keyword, value: Value::Undefined, comment: text[8..].trim_ascii_end().to_owned() }
}

/// Splits what follows `=` into value and comment.
fn parse_value(text: &str) -> (Value, String) {
    let text = text.trim_ascii_start();
    if let Some(quoted) = text.strip_prefix('\'') {
        return parse_text(quoted);
    }
    let (value, comment) = text.split_once('/').unwrap_or((text, ""));
    let value = match value.trim_ascii() {
        "" => Value::Undefined,
        "T" => Value::Logical(true),
        "F" => Value::Logical(false),
        number => parse_number(number),
    };
    (value, comment.trim_ascii().to_owned())
}

fn parse_text(quoted: &str) -> (Value, String) {
    let (mut text, mut rest) = (String::new(), quoted);
    while let Some((part, after)) = rest.split_once('\'') {
        text.push_str(part);
        let Some(more) = after.strip_prefix('\'') else {
            text.truncate(text.trim_ascii_end().len());
            let after = after.trim_ascii_start().trim_start_matches('/').trim_ascii();
            return (Value::Text(text), after.to_owned());
        };
        // Two quotes are one of the text.
        text.push('\'');
        rest = more;
    }
    // A string that never closes: keep what there is rather than lose the card.
    text.push_str(rest);
    text.truncate(text.trim_ascii_end().len());
    (Value::Text(text), String::new())
}

fn parse_number(text: &str) -> Value {
    if let Ok(integer) = text.parse::<i64>() {
        return Value::Integer(integer);
    }
    let exponent = text.replace(['D', 'd'], "E");
    match exponent.parse::<f64>() {
        Ok(real) if text.bytes().any(|byte| byte.is_ascii_digit()) => Value::Real(real),
        _ => Value::Other(text.to_owned()),
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Logical(truth)
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}
impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}
