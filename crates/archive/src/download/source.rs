//! A public source: an S3 bucket read without credentials, or a tree of folders over HTTPS.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
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

/// How a bucket is reached.
#[derive(Clone, Default)]
pub struct Access {
    /// Server, where it is not Amazon's.
    pub endpoint: Option<String>,
    /// Region; `us-west-2` where neither this nor a variable tells.
    pub region: Option<String>,
    /// Variables as Amazon's own programs read them from the environment (`AWS_ACCESS_KEY_ID`, ...). Without a login among
    /// them nothing is signed.
    pub variables: Vec<(String, String)>,
}

/// Variables that stand for a login.
const LOGINS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
];

impl Access {
    fn builder(&self) -> AmazonS3Builder {
        use AmazonS3ConfigKey::{Endpoint, Region, S3Endpoint};
        let mut builder = AmazonS3Builder::new();
        for (name, value) in &self.variables {
            if let Ok(key) = name.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
        }
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_config(S3Endpoint, endpoint);
        }
        let told = builder.get_config_value(&Region);
        let region = self.region.clone().or(told).unwrap_or_else(|| "us-west-2".to_owned());
        let endpoint = builder.get_config_value(&S3Endpoint).or_else(|| builder.get_config_value(&Endpoint));
        let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        if !self.variables.iter().any(|(name, _)| LOGINS.contains(&name.as_str())) {
            builder = builder.with_skip_signature(true);
        }
        builder.with_region(region).with_client_options(client(plain)).with_retry(no_retries())
    }
}

fn client(plain: bool) -> ClientOptions {
    ClientOptions::new().with_allow_http(plain).with_connect_timeout(Duration::from_secs(15)).with_timeout_disabled()
}

/// Retries are this module's own, so that every piece counts its attempts and reports the last reason.
fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
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
        match url.split_once("://").ok_or_else(|| wrong("it has no `://`".to_owned()))? {
            ("s3", _) => {
                let access = Access { endpoint: endpoint.map(str::to_owned), ..Access::default() };
                Ok(Self::open_bucket(url, &access, patience)?.0)
            }
            (scheme @ ("http" | "https"), _) => {
                let builder = HttpBuilder::new().with_url(url).with_client_options(client(scheme == "http"));
                let store = builder.with_retry(no_retries()).build().map_err(|error| wrong(error.to_string()))?;
                let (store, url) = (Arc::new(store), url.to_owned());
                Ok(Self { store, url, prefix: String::new(), listing: Listing::Index, patience })
            }
            (other, _) => Err(wrong(format!("`{other}` is not s3, http or https"))),
        }
    }

    /// Opens `s3://BUCKET/PREFIX`; answers also the store itself, which can write.
    pub(super) fn open_bucket(
        url: &str,
        access: &Access,
        patience: Patience,
    ) -> Result<(Self, Arc<AmazonS3>), DownloadError> {
        let wrong = |reason: String| DownloadError::Source { url: url.to_owned(), reason };
        let url = url.trim_end_matches('/');
        let rest = url.strip_prefix("s3://").ok_or_else(|| wrong("it does not begin with `s3://`".to_owned()))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong("it names no bucket".to_owned()));
        }
        let store = access.builder().with_bucket_name(bucket).build().map_err(|error| wrong(error.to_string()))?;
        let (store, prefix) = (Arc::new(store), prefix.to_owned());
        let source = Self { store: store.clone(), url: url.to_owned(), prefix, listing: Listing::Store, patience };
        Ok((source, store))
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
