//! The `properties` files of HATS: `key=value` lines that say what a folder holds.

use std::fmt::Write as _;

/// An ordered list of `key=value` lines under a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    heading: String,
    entries: Vec<(String, String)>,
}

impl Properties {
    /// No entries yet; `heading` becomes the first line, a comment.
    pub fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), entries: Vec::new() }
    }

    /// Adds one line.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.entries.push((key.to_owned(), value.to_string()));
        self
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("#{}\n", self.heading);
        for (key, value) in &self.entries {
            // Writing to a String cannot fail. Colons, equals signs and backslashes are escaped as in Java's format.
            let escaped = value.replace('\\', "\\\\").replace(':', "\\:").replace('=', "\\=");
            let _ = writeln!(text, "{key}={escaped}");
        }
        text
    }

    /// Reads a file's text; lines without `=` and comments other than the first are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut properties = Self::new("");
        for line in text.lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix('#') {
                if properties.heading.is_empty() {
                    comment.clone_into(&mut properties.heading);
                }
            } else if let Some((key, value)) = line.split_once('=') {
                properties.entries.push((key.trim().to_owned(), unescaped(value.trim())));
            }
        }
        properties
    }
}

fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        text.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let properties = Properties::new("HATS catalog")
            .with("obs_collection", "galaxies")
            .with("hats_creation_date", "2026-11-23T03:49UTC");
        assert!(properties.text().starts_with("#HATS catalog\nobs_collection=galaxies\n"));
        assert_eq!(Properties::parse(&properties.text()), properties);
        assert_eq!(properties.get("hats_creation_date"), Some("2026-11-23T03:49UTC"));
    }
}
