//! How long work tells whoever watches that it moves on.
//!
//! Libraries report to a [`Progress`]; the command line draws bars from it, tests ignore it. Nothing here prints.

/// Receives the progress of one command. Every method does nothing unless overridden.
pub trait Progress: Sync {
    /// A task begins; `total` counts `unit`s (for example `"rows"`, `"bytes"`, `"partitions"`), 0 when unknown.
    fn begin(&self, _task: &str, _total: u64, _unit: &str) {}
    /// `by` more units of the current task are done. May be called from several threads.
    fn advance(&self, _by: u64) {}
    /// `by` units of the current task were done before it began: they say nothing of its speed.
    fn skip(&self, by: u64) {
        self.advance(by);
    }
    /// The current task has ended.
    fn end(&self) {}
    /// Something a person should read now (a warning, a resumed step); one line.
    fn note(&self, _line: &str) {}
}

/// A [`Progress`] that nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {}
