//! A public source: an S3 bucket read without credentials, or a tree of folders over HTTPS.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::http::HttpBuilder;
use object_store::path::Path as ObjectPath;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};

use super::DownloadError;
use super::patience::{Failed, Patience};

/// Where files come from.
#[derive(Debug, Clone)]
pub struct Source {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Address without a closing slash; paths are appended to it.
    url: String,
    /// Path of the release's root inside the store.
    prefix: String,
    listing: Listing,
    pub(super) patience: Patience,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    /// The store lists itself.
    Store,
    /// A folder's address answers with a page of links.
    Index,
}

/// A file in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// `None` where a listing does not tell; [`Source::head`] asks.
    pub(super) size: Option<u64>,
}

impl Source {
    /// Opens `s3://BUCKET/PREFIX` (anonymously; `endpoint` names a server other than Amazon's) or `https://HOST/PATH`.
    ///
    /// # Errors
    /// The address makes no sense. Nothing is contacted yet.
    pub fn open(url: &str, endpoint: Option<&str>, patience: Patience) -> Result<Self, DownloadError> {
        let wrong = |reason: String| DownloadError::Source { url: url.to_owned(), reason };
        let url = url.trim_end_matches('/');
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no `://`".to_owned()))?;
        let plain = scheme == "http" || endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        let client = ClientOptions::new()
            .with_allow_http(plain)
            .with_connect_timeout(Duration::from_secs(15))
            .with_timeout_disabled();
        // Retries are this module's own, so that every piece counts its attempts and reports the last reason.
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let failed = |error: object_store::Error| wrong(error.to_string());
        let (store, prefix, listing): (Arc<dyn ObjectStore>, _, _) = match scheme {
            "s3" => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(bucket)
                    .with_region("us-west-2")
                    .with_skip_signature(true)
                    .with_client_options(client)
                    .with_retry(retry);
                if let Some(endpoint) = endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                (Arc::new(builder.build().map_err(failed)?), prefix.to_owned(), Listing::Store)
            }
            "http" | "https" => {
                let builder = HttpBuilder::new().with_url(url).with_client_options(client).with_retry(retry);
                (Arc::new(builder.build().map_err(failed)?), String::new(), Listing::Index)
            }
            other => return Err(wrong(format!("`{other}` is not s3, http or https"))),
        };
        Ok(Self { store, url: url.to_owned(), prefix, listing, patience })
    }

    /// The address of a path below the release's root.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        format!("{}/{path}", self.url)
    }

    pub(super) fn object(&self, path: &str) -> ObjectPath {
        let separator = if self.prefix.is_empty() { "" } else { "/" };
        ObjectPath::from(format!("{}{separator}{path}", self.prefix))
    }

    /// The files of a folder, sorted by name.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<Entry>, DownloadError> {
        let url = self.url_of(folder);
        let mut entries = match self.listing {
            Listing::Store => {
                let prefix = self.object(folder);
                let list = async || Ok(self.patience.sign(self.store.list_with_delimiter(Some(&prefix))).await??);
                let found = self.patience.attempt(&url, list).await?;
                let name = |path: &ObjectPath| path.filename().unwrap_or_default().to_owned();
                found.objects.iter().map(|meta| Entry { name: name(&meta.location), size: Some(meta.size) }).collect()
            }
            Listing::Index => links(&self.text(folder).await?),
        };
        if entries.is_empty() {
            return Err(DownloadError::NotFound { url });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries.dedup();
        Ok(entries)
    }

    /// Size of a file and the server's tag of its present state.
    pub(super) async fn head(&self, path: &str) -> Result<ObjectMeta, DownloadError> {
        let object = self.object(path);
        let head = async || Ok(self.patience.sign(self.store.head(&object)).await??);
        self.patience.attempt(&self.url_of(path), head).await
    }

    /// A small text file.
    pub(super) async fn text(&self, path: &str) -> Result<String, DownloadError> {
        let object = self.object(path);
        let get = async || -> Result<String, Failed> {
            let mut stream = self.patience.sign(self.store.get(&object)).await??.into_stream();
            let mut bytes = Vec::new();
            while let Some(piece) = self.patience.sign(stream.next()).await? {
                bytes.extend_from_slice(&piece?);
            }
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        self.patience.attempt(&self.url_of(path), get).await
    }
}

/// A request's failure in our words, where another attempt would not help.
pub(super) fn final_refusal(url: &str, error: &object_store::Error) -> Option<DownloadError> {
    use object_store::Error as E;
    let url = url.to_owned();
    match error {
        E::NotFound { .. } => Some(DownloadError::NotFound { url }),
        E::PermissionDenied { .. } => Some(DownloadError::Forbidden { url, reason: "403".to_owned() }),
        E::Unauthenticated { .. } => Some(DownloadError::Forbidden { url, reason: "401".to_owned() }),
        E::Precondition { .. } => Some(DownloadError::Changed { url }),
        // A listing's refusal comes without a kind of its own.
        _ => match status(&error.to_string())? {
            404 => Some(DownloadError::NotFound { url }),
            code @ (401 | 403) => Some(DownloadError::Forbidden { url, reason: code.to_string() }),
            _ => None,
        },
    }
}

/// The status with which a server answered, where an error tells one.
fn status(error: &str) -> Option<u16> {
    let (_, code) = error.split_once("non-2xx status code: ")?;
    code.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// Names that a page of links points to, in the same folder.
fn links(page: &str) -> Vec<Entry> {
    let hrefs = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let plain = |href: &&str| !href.is_empty() && !href.starts_with(['?', '#', '.']) && !href.contains(['/', ':']);
    hrefs.filter(plain).map(|name| Entry { name: name.replace("%2B", "+"), size: None }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_page_of_links_gives_the_files_of_the_folder() {
        let page = r#"<a href="?C=N;O=D">Name</a> <a href="/public/dr1/">Parent</a> <a href="sub/">sub/</a>
            <a href="a.fits">a.fits</a> <a href="dr1_x.sha256sum">dr1</a> <a href="https://x.org">x</a>"#;
        let names: Vec<String> = links(page).into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["a.fits", "dr1_x.sha256sum"]);
    }

    #[test]
    fn a_refused_listing_is_told_from_a_bad_moment() {
        let told = |status: &str| object_store::Error::Generic {
            store: "S3",
            source: format!("Error performing list request - Server returned non-2xx status code: {status}: <xml>")
                .into(),
        };
        assert!(matches!(final_refusal("x", &told("404 Not Found")), Some(DownloadError::NotFound { .. })));
        assert!(matches!(final_refusal("x", &told("403 Forbidden")), Some(DownloadError::Forbidden { .. })));
        assert!(final_refusal("x", &told("503 Slow Down")).is_none());
    }

    #[test]
    fn addresses_are_checked_before_anything_is_contacted() {
        let source = Source::open("s3://desidata/dr1/", None, Patience::default()).unwrap();
        assert_eq!(source.url_of("vac/a"), "s3://desidata/dr1/vac/a");
        assert_eq!(source.object("vac/a").to_string(), "dr1/vac/a");
        let fault = Source::open("ftp://x/y", None, Patience::default()).unwrap_err().to_string();
        assert!(fault.contains("`ftp` is not s3") && fault.contains("hint"), "{fault}");
        assert!(Source::open("desidata/dr1", None, Patience::default()).is_err());
    }
}
