//! What people see on stderr: progress bars, log lines, errors with a hint. stdout belongs to data.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Mutex;

use archive::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Log to stderr: warnings by default, more with `-v`; `RUST_LOG` overrides.
pub(crate) fn start_logging(verbose: u8) {
    let default = ["warn", "info", "debug"][usize::from(verbose.min(2))];
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
}

/// Prints an error, its causes and its hint, and says what to exit with.
pub(crate) fn report_error(error: &anyhow::Error) -> ExitCode {
    let mut lines = format!("error: {error}\n");
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let text = cause.to_string();
        if !last.contains(&text) {
            lines.push_str(&format!("  because: {text}\n"));
        }
        last = text;
    }
    let _ = std::io::stderr().write_all(lines.as_bytes());
    ExitCode::from(1)
}

/// Writes to stdout. A reader that has gone away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// Writes a line to stderr.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Limits the threads of parallel work, for the whole process.
pub(crate) fn use_threads(threads: Option<usize>) -> anyhow::Result<()> {
    match threads {
        None => Ok(()),
        Some(0) => anyhow::bail!("cannot use 0 threads\nhint: leave `--threads` out to use every core"),
        Some(threads) => Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?),
    }
}

/// Progress bars on a terminal; silence elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    current: Mutex<Option<ProgressBar>>,
}

impl Bars {
    fn with_bar(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        if let Ok(mut bar) = self.current.lock() {
            act(&mut bar);
        }
    }
}

impl Progress for Bars {
    fn begin(&self, task: &str, total: u64, unit: &str) {
        let bar = if total == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(total) };
        if !std::io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let counts =
            if unit == "bytes" { "{bytes}/{total_bytes} {bytes_per_sec}" } else { "{human_pos}/{human_len} {per_sec}" };
        let template = format!("{{msg:28}} {{bar:30}} {counts} {{eta}}");
        if let (true, Ok(style)) = (total > 0, ProgressStyle::with_template(&template)) {
            bar.set_style(style);
        }
        bar.set_message(task.to_owned());
        self.with_bar(|current| {
            if let Some(previous) = current.replace(bar) {
                previous.finish_and_clear();
            }
        });
    }

    fn advance(&self, by: u64) {
        self.with_bar(|current| {
            if let Some(bar) = current {
                bar.inc(by);
            }
        });
    }

    fn skip(&self, by: u64) {
        self.with_bar(|current| {
            if let Some(bar) = current {
                bar.inc(by);
                bar.reset_eta();
            }
        });
    }

    fn end(&self) {
        self.with_bar(|current| {
            if let Some(bar) = current.take() {
                bar.finish();
            }
        });
    }

    fn note(&self, line: &str) {
        self.with_bar(|current| match current {
            Some(bar) if !bar.is_hidden() => bar.println(line),
            _ => {
                let _ = writeln!(std::io::stderr(), "{line}");
            }
        });
    }
}
