//! Project chores. `cargo xtask test` is everything continuous integration runs; `cargo xtask check` is its quick part.

mod layers;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const HELP: &str = "cargo xtask <command>

  test      everything: format, layers, lints, documentation, tests, peers (LSDB, an S3 server, PostgreSQL 15 and 16)
  check     the quick part: format, layers, lints
  layers    who may depend on whom, and whether everybody keeps to it
";

#[allow(clippy::print_stderr)]
fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let done = match command.as_str() {
        "test" => run(&[FORMAT, LAYERS, LINTS, DOCUMENTATION, TESTS, PEERS]),
        "check" => run(&[FORMAT, LAYERS, LINTS]),
        "layers" => run(&[LAYERS]),
        _ => {
            eprint!("{HELP}");
            return if command.is_empty() || command == "help" || command == "--help" {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A chore with a name.
type Chore = (&'static str, fn() -> Result<()>);

const FORMAT: Chore = ("format", || cargo(&["fmt", "--all", "--check"]));
const LAYERS: Chore = ("layers", layers::check);
const LINTS: Chore =
    ("lints", || cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"]));
const DOCUMENTATION: Chore = ("documentation", || {
    cargo_with(&["doc", "--workspace", "--no-deps", "--locked", "--quiet"], &[("RUSTDOCFLAGS", "-D warnings")])
});
const TESTS: Chore = ("tests", || cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]));
/// Other people's programs take what we write and serve what we read: they are installed into virtual environments first,
/// so `cargo test` leaves them out.
const PEERS: Chore = ("peers", || {
    install_postgres();
    let tests = ["ingest", "download_s3", "postgres", "backup"].map(|name| ["--test", name]).concat();
    let tests = [&["test", "--workspace", "--locked"], &tests[..]].concat();
    cargo(&[&tests[..], &["--", "--ignored", "lsdb", "s3_objects", "postgres"]].concat())
});

/// Debian's PostgreSQL 15 with its extension of the sky, where it is absent and this process may install packages. Where it
/// may not, the tests that need it say so and are skipped; version 16 comes from PyPI in any case.
#[allow(clippy::print_stderr)]
fn install_postgres() {
    let extension = |name: &str| std::path::Path::new("/usr/share/postgresql/15/extension").join(name).is_file();
    let here = extension("q3c.control") && extension("pg_sphere.control");
    let installs = |arguments: &[&str]| {
        let mut install = Command::new("apt-get");
        install.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        install.status().is_ok_and(|status| status.success())
    };
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    let wanted = [&install[..], &["postgresql-15", "postgresql-15-q3c", "postgresql-15-pgsphere"]].concat();
    let ready = here || (installs(&["update", "-qq"]) && installs(&wanted));
    if !ready {
        eprintln!("cannot install postgresql-15 with q3c and pgsphere by apt-get: tests that need them are skipped");
    }
}

/// Runs every chore even after a failure, then says how each ended and how long it took.
#[allow(clippy::print_stderr)]
fn run(chores: &[Chore]) -> Result<()> {
    let mut endings: Vec<(&str, Duration, Result<()>)> = Vec::new();
    for (name, chore) in chores {
        eprintln!("== {name}");
        let start = Instant::now();
        let ending = chore();
        if let Err(error) = &ending {
            eprintln!("{name}: {error:#}");
        }
        endings.push((name, start.elapsed(), ending));
    }
    eprintln!();
    for (name, took, ending) in &endings {
        eprintln!("{:14} {:>7.1} s  {}", name, took.as_secs_f64(), if ending.is_ok() { "ok" } else { "FAILED" });
    }
    let failed: Vec<&str> = endings.iter().filter(|ending| ending.2.is_err()).map(|ending| ending.0).collect();
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

fn cargo(arguments: &[&str]) -> Result<()> {
    cargo_with(arguments, &[])
}

fn cargo_with(arguments: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // What `cargo run` tells this program of its own package would reach the build scripts of dependencies (ring's asks for
    // it), and half the tree would be built anew whenever `cargo test` and `cargo xtask test` take turns.
    let own = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|own| name.starts_with(own));
    let mut command = Command::new(cargo);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(own) {
            command.env_remove(name);
        }
    }
    let status = command
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .with_context(|| format!("cannot start `cargo {}`", arguments.join(" ")))?;
    if status.success() { Ok(()) } else { bail!("`cargo {}` ended with {status}", arguments.join(" ")) }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
