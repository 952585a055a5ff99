//! Published checksums: the `*.sha256sum` list that DESI puts into each folder.

use std::collections::BTreeMap;

use super::DownloadError;

/// Reads a list in the format of `sha256sum`: digest, two spaces (or space and `*`), name. Names are taken without their
/// folder.
pub(super) fn parse(text: &str, url: &str) -> Result<BTreeMap<String, String>, DownloadError> {
    let mut digests = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let wrong = || DownloadError::Checksums { url: url.to_owned(), line: number + 1 };
        let (digest, name) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let name = name.trim_start().trim_start_matches('*');
        let name = name.rsplit('/').next().unwrap_or(name).trim_end();
        digests.insert(name.to_owned(), digest.to_ascii_lowercase());
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lists_are_read_and_faults_name_their_line() {
        let digest = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";
        let digests = parse(&format!("{digest}  ./a.fits\n\n{digest} *b.fits\n"), "list").unwrap();
        assert_eq!(digests["a.fits"], digest.to_ascii_lowercase());
        assert_eq!(digests.len(), 2);
        let fault = parse("<!DOCTYPE html>\n", "https://x/list").unwrap_err().to_string();
        assert!(fault.contains("https://x/list, line 1"), "{fault}");
    }
}
