//! Files into a bucket of one's own and back: all of them, or nothing that is taken for a whole.
//!
//! An [`Upload`] first reserves its prefix with an object that only one process can create, sends its files (large ones in parts,
//! several at once), compares their sizes with the bucket's listing, and puts the file that makes the rest count, the manifest, last. When it
//! fails it removes what it sent. One that is killed leaves no manifest, and its reservation says so.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as ObjectPath;
use object_store::{MultipartId, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use rand::RngExt;

use super::fetch::{download, runtime};
use super::patience::Failed;
use super::source::{Access, Source};
use super::{BucketError, DownloadError, Patience, Plan, Settings};
use crate::progress::Progress;

/// Parts under way at once; each is in memory.
const PARALLEL: usize = 4;
/// Bytes of a part, and of the largest file that is sent in one piece. S3 takes 5 MiB at least
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
const PART_BYTES: u64 = 8 << 20;
/// Parts of one object at most, by the same page.
const MOST_PARTS: u64 = 10_000;
/// How long a server may take to remove an object after a failure; one that takes longer is left alone.
const REMOVAL: Duration = Duration::from_secs(30);
/// What a part may take to go out on a slow line, at least.
const PART_TIME: Duration = Duration::from_secs(300);
/// The object that reserves a prefix.
const RESERVATION: &str = ".begun";

/// A place in S3 that one may write to: `s3://BUCKET/PREFIX`. Connections live no longer than a call.
#[derive(Debug)]
pub struct Bucket {
    source: Source,
    store: Arc<AmazonS3>,
}

impl Bucket {
    /// Opens `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    /// The address or the access makes no sense. Nothing is contacted yet.
    pub fn open(url: &str, access: &Access, patience: Patience) -> Result<Self, BucketError> {
        let (source, store) = Source::open_bucket(url, access, patience).map_err(BucketError::of("open"))?;
        Ok(Self { source, store })
    }

    /// The address of a path below the prefix; of the prefix itself for an empty path.
    #[must_use]
    pub fn url_of(&self, path: &str) -> String {
        self.source.url_of(path).trim_end_matches('/').to_owned()
    }

    /// Bytes of every object below the prefix, by path.
    ///
    /// # Errors
    /// The server refuses or does not answer.
    pub fn sizes(&self) -> Result<BTreeMap<String, u64>, BucketError> {
        runtime()?.block_on(self.list())
    }

    /// A small text object; `None` where there is none.
    ///
    /// # Errors
    /// The server refuses or does not answer.
    pub fn text(&self, path: &str) -> Result<Option<String>, BucketError> {
        match runtime()?.block_on(self.source.text(path)) {
            Ok(text) => Ok(Some(text)),
            Err(DownloadError::NotFound { .. }) => Ok(None),
            Err(error) => Err(BucketError::of("read")(error)),
        }
    }

    /// Fetches objects into a folder and compares their SHA-256; answers why some did not arrive.
    ///
    /// # Errors
    /// The folder cannot be written or its disk is too small.
    pub fn fetch(&self, plan: &Plan, folder: &Path, progress: &dyn Progress) -> Result<Vec<BucketError>, BucketError> {
        let outcome = download(&self.source, plan, &Settings::new(folder, ""), progress)?;
        Ok(outcome.failed.into_iter().map(|error| BucketError::of("fetch")(error)).collect())
    }

    /// Reserves the prefix, which must hold nothing.
    ///
    /// # Errors
    /// Something is there, the server refuses, or it does not answer.
    pub fn begin(&self) -> Result<Upload<'_>, BucketError> {
        runtime()?.block_on(async {
            let there = self.list().await?;
            let occupied = |reason: String, hint: String| BucketError::Occupied { url: self.url_of(""), reason, hint };
            let unfinished = || {
                let hint = format!(
                    "if no process sends files there, it was killed: remove what it left (aws s3 rm --recursive {}/) or name another prefix",
                    self.url_of("")
                );
                occupied("an upload began there and has not ended".to_owned(), hint)
            };
            if there.contains_key(RESERVATION) {
                return Err(unfinished());
            }
            if !there.is_empty() {
                let hint = "name a new prefix for every backup".to_owned();
                return Err(occupied(format!("it holds something already ({} objects)", there.len()), hint));
            }
            let token = format!("{:032x}", rand::rng().random::<u128>());
            if !self.reserve(&token).await? {
                return Err(unfinished());
            }
            Ok(Upload { bucket: self, sent: vec![RESERVATION.to_owned()] })
        })
    }

    /// Creates the reservation; `false` where somebody else's is there.
    async fn reserve(&self, token: &str) -> Result<bool, BucketError> {
        let (object, patience) = (self.source.object(RESERVATION), self.source.patience);
        let create = async || {
            let payload = PutPayload::from(token.as_bytes().to_vec());
            match patience.sign(self.store.put_opts(&object, payload, PutMode::Create.into())).await? {
                Ok(_) => Ok(true),
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                    // Ours, where the answer to an earlier attempt was lost.
                    let there = patience.sign(self.store.get(&object)).await??.bytes().await?;
                    Ok(there == token.as_bytes())
                }
                Err(error) => Err(error.into()),
            }
        };
        let url = self.source.url_of(RESERVATION);
        patience.attempt(&url, create).await.map_err(BucketError::of("write to"))
    }

    async fn list(&self) -> Result<BTreeMap<String, u64>, BucketError> {
        let (root, patience) = (self.source.object(""), self.source.patience);
        let list = async || -> Result<BTreeMap<String, u64>, Failed> {
            let mut found = BTreeMap::new();
            let mut objects = self.store.list(Some(&root));
            while let Some(meta) = patience.sign(objects.next()).await? {
                let meta = meta?;
                let path: Vec<_> = meta.location.prefix_match(&root).into_iter().flatten().collect();
                let path: ObjectPath = path.into_iter().collect();
                found.insert(path.to_string(), meta.size);
            }
            Ok(found)
        };
        patience.attempt(&self.url_of(""), list).await.map_err(BucketError::of("list"))
    }

    /// Of a request that sends, no byte is heard until all of it is out.
    fn sending(&self) -> Patience {
        let patience = self.source.patience;
        Patience { stall: patience.stall.max(PART_TIME), ..patience }
    }

    /// Sends a file, whole or in parts.
    async fn put(&self, local: &Path, path: &str, progress: &dyn Progress) -> Result<u64, BucketError> {
        let bytes = std::fs::metadata(local).map_err(DownloadError::io("read", local))?.len();
        let part = PART_BYTES.max(bytes.div_ceil(MOST_PARTS));
        let (object, url, patience) = (self.source.object(path), self.source.url_of(path), self.sending());
        if bytes <= part {
            let payload = read(local, 0, bytes)?;
            let put = async || Ok(patience.sign(self.store.put(&object, payload.clone())).await??);
            patience.attempt(&url, put).await.map_err(BucketError::of("send"))?;
            progress.advance(bytes);
            return Ok(bytes);
        }
        let create = async || Ok(patience.sign(self.store.create_multipart(&object)).await??);
        let id = patience.attempt(&url, create).await.map_err(BucketError::of("send"))?;
        let parts = (0..bytes.div_ceil(part)).map(|number| {
            let (from, id, object, url) = (number * part, &id, &object, &url);
            async move {
                let length = part.min(bytes - from);
                let sent = self.part(object, url, id, number, read(local, from, length)?).await;
                progress.advance(length);
                sent
            }
        });
        let sent: Result<Vec<PartId>, BucketError> = stream::iter(parts).buffered(PARALLEL).try_collect().await;
        let ended = match sent {
            Ok(parts) => {
                let complete =
                    async || Ok(patience.sign(self.store.complete_multipart(&object, &id, parts.clone())).await??);
                patience.attempt(&url, complete).await.map(|_| bytes).map_err(BucketError::of("send"))
            }
            Err(error) => Err(error),
        };
        if ended.is_err() {
            // The failure before this one is what counts; the bucket's own rules remove parts that stay.
            drop(patience.sign(self.store.abort_multipart(&object, &id)).await);
        }
        ended
    }

    async fn part(
        &self,
        object: &ObjectPath,
        url: &str,
        id: &MultipartId,
        number: u64,
        payload: PutPayload,
    ) -> Result<PartId, BucketError> {
        let patience = self.sending();
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let put = async || Ok(patience.sign(self.store.put_part(object, id, number, payload.clone())).await??);
        patience.attempt(url, put).await.map_err(BucketError::of("send"))
    }
}

/// A piece of a local file.
fn read(local: &Path, from: u64, length: u64) -> Result<PutPayload, DownloadError> {
    let mut piece = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    let all = std::fs::File::open(local).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.take(length).read_to_end(&mut piece)
    });
    all.map_err(DownloadError::io("read", local))?;
    Ok(piece.into())
}

/// Files on their way into a bucket. Dropped before the end, it takes with it what was sent.
#[derive(Debug)]
pub struct Upload<'bucket> {
    bucket: &'bucket Bucket,
    /// Paths of objects to remove after a failure.
    sent: Vec<String>,
}

impl Upload<'_> {
    /// Sends files of a folder, by path, and then `last`, which makes them count.
    ///
    /// # Errors
    /// A file cannot be read, the server refuses or does not answer, or what is there is not what was sent. Then nothing stays.
    pub fn send(
        mut self,
        folder: &Path,
        files: &[&str],
        last: &str,
        progress: &dyn Progress,
    ) -> Result<(), BucketError> {
        let bucket = self.bucket;
        let size = |path: &&str| std::fs::metadata(folder.join(path)).map_or(0, |facts| facts.len());
        progress.begin("upload", files.iter().chain([&last]).map(size).sum(), "bytes");
        let sent = runtime()?.block_on(async {
            let mut expected = BTreeMap::new();
            for &path in files {
                self.sent.push(path.to_owned());
                expected.insert(path, bucket.put(&folder.join(path), path, progress).await?);
            }
            let there = bucket.list().await?;
            for (path, bytes) in expected {
                let found = there.get(path).copied();
                if found != Some(bytes) {
                    let found = found.map_or_else(|| "nothing is there".to_owned(), |found| format!("{found} bytes"));
                    let reason = format!("{bytes} bytes were sent, {found}");
                    return Err(BucketError::Differs { url: bucket.url_of(path), reason });
                }
            }
            self.sent.push(last.to_owned());
            bucket.put(&folder.join(last), last, progress).await
        });
        progress.end();
        sent?;
        self.sent.truncate(1);
        Ok(())
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let bucket = self.bucket;
        let Ok(runtime) = runtime() else { return };
        runtime.block_on(async {
            // The manifest goes first, the reservation last. What cannot be removed stays without a manifest, under a reservation.
            for path in self.sent.iter().rev() {
                let object = bucket.source.object(path);
                if tokio::time::timeout(REMOVAL, bucket.store.delete(&object)).await.is_err() {
                    return;
                }
            }
        });
    }
}
