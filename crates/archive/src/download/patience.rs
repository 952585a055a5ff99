//! Attempts: a request that fails on the way is made again after a growing pause with jitter; one that is refused is not.

use std::time::Duration;

use rand::RngExt;

use super::DownloadError;
use super::source::final_refusal;

/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long and how often a request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Attempts in all.
    pub attempts: u32,
    /// Pause before the second; doubles from there up to 30 s, each time with jitter.
    pub pause: Duration,
    /// A request that sends nothing for this long has failed.
    pub stall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempts: 8, pause: Duration::from_millis(500), stall: Duration::from_secs(30) }
    }
}

/// Why an attempt failed: on this machine (final) or on the way (worth another).
pub(super) enum Failed {
    Here(DownloadError),
    There(Box<dyn std::error::Error + Send + Sync>),
}

impl From<object_store::Error> for Failed {
    fn from(error: object_store::Error) -> Self {
        Self::There(Box::new(error))
    }
}

impl Patience {
    /// Makes attempts until one succeeds, none would help, or none is left.
    pub(super) async fn attempt<T>(
        &self,
        url: &str,
        mut request: impl AsyncFnMut() -> Result<T, Failed>,
    ) -> Result<T, DownloadError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match request().await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Here(error)) => return Err(error),
                Err(Failed::There(error)) => error,
            };
            if let Some(refusal) = error.downcast_ref().and_then(|error| final_refusal(url, error)) {
                return Err(refusal);
            }
            if attempt >= self.attempts {
                return Err(DownloadError::GaveUp {
                    url: url.to_owned(),
                    attempts: attempt,
                    reason: one_line(&*error),
                });
            }
            tracing::debug!(url, attempt, reason = one_line(&*error), "another attempt");
            let pause = (self.pause * 2_u32.saturating_pow(attempt - 1)).min(LONGEST_PAUSE);
            // Jitter, so that many clients do not come back at once.
            tokio::time::sleep(pause.mul_f64(rand::rng().random_range(0.5..1.5))).await;
        }
    }

    /// Waits for the next sign of life.
    pub(super) async fn sign<T>(&self, sign: impl Future<Output = T>) -> Result<T, Failed> {
        let stalled = |_| Failed::There(format!("no byte came for {} s", self.stall.as_secs_f64()).into());
        tokio::time::timeout(self.stall, sign).await.map_err(stalled)
    }
}

/// An error and its causes on one line.
fn one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    // Of a page that came with it the words are not needed.
    let text = text.split(": <").next().unwrap_or_default();
    text.replace('\n', " ")
}
