//! What is to be fetched: the files of the wanted folders with their sizes and published digests.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};

use super::fetch::runtime;
use super::source::Entry;
use super::{DownloadError, Source, Wanted, checksums};

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Path below the release's root.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Published SHA-256 in lower-case hexadecimal, where there is one.
    pub sha256: Option<String>,
}

/// The files to fetch, sorted by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The files.
    pub files: Vec<RemoteFile>,
    /// Folders whose files have no published checksums.
    pub without_checksums: Vec<String>,
}

impl Plan {
    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// Requests under way at once while listing.
const LISTINGS: usize = 16;

/// Lists the wanted folders, `LISTINGS` at a time.
///
/// # Errors
/// A folder cannot be listed, a name that has no wildcard is not there, nothing matches a pattern, or a list of
/// checksums is malformed.
pub fn plan(source: &Source, wanted: &[Wanted]) -> Result<Plan, DownloadError> {
    runtime()?.block_on(async {
        let folders: Vec<(Vec<RemoteFile>, Option<String>)> =
            stream::iter(wanted).map(|wanted| folder(source, wanted)).buffered(LISTINGS).try_collect().await?;
        let mut plan = Plan::default();
        for (files, without) in folders {
            plan.files.extend(files);
            plan.without_checksums.extend(without);
        }
        plan.files.sort_by(|a, b| a.path.cmp(&b.path));
        plan.files.dedup_by(|a, b| a.path == b.path);
        Ok(plan)
    })
}

async fn folder(source: &Source, wanted: &Wanted) -> Result<(Vec<RemoteFile>, Option<String>), DownloadError> {
    let entries = source.list(&wanted.folder).await?;
    let digests = digests(source, &wanted.folder, &entries).await?;
    for pattern in &wanted.names {
        if !entries.iter().any(|entry| matches(pattern, &entry.name)) {
            return Err(DownloadError::NotFound { url: source.url_of(&format!("{}/{pattern}", wanted.folder)) });
        }
    }
    let mut files = Vec::new();
    for entry in entries {
        if !wanted.names.iter().any(|pattern| matches(pattern, &entry.name)) {
            continue;
        }
        let path = format!("{}/{}", wanted.folder, entry.name);
        let bytes = match entry.size {
            Some(bytes) => bytes,
            None => source.head(&path).await?.size,
        };
        files.push(RemoteFile { path, bytes, sha256: digests.get(&entry.name).cloned() });
    }
    let without = files.iter().any(|file| file.sha256.is_none()).then(|| wanted.folder.clone());
    Ok((files, without))
}

async fn digests(source: &Source, folder: &str, entries: &[Entry]) -> Result<BTreeMap<String, String>, DownloadError> {
    let mut digests = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.name.ends_with(".sha256sum")) {
        let path = format!("{folder}/{}", entry.name);
        digests.extend(checksums::parse(&source.text(&path).await?, &source.url_of(&path))?);
    }
    Ok(digests)
}

/// Whether a name fits a pattern of plain characters, `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // The last `*` and where it was tried last: on a mismatch it takes one character more.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&wanted) if wanted == '?' || wanted == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    n = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&rest| rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        let fast = "fastspec-iron-main-bright-nside1-hp07.fits";
        assert!(matches("fastspec-iron-main-bright-nside1-hp??.fits", fast));
        assert!(matches("*hp*.fits", fast) && matches("*", fast) && matches(fast, fast));
        assert!(!matches("*.fit", fast) && !matches("hp*", fast) && !matches("", fast));
    }
}
