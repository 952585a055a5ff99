//! Packages of PyPI for the tests that compare with a peer or start a real server.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter of the virtual environment `home`, in which the packages are installed once. Tests that ask at the same
/// moment, also from other processes, wait for the one that installs; an installation that was cut off is begun anew.
///
/// # Panics
/// Where the folder above `home` cannot be written, `python3` cannot make the environment, or `pip` cannot install the packages.
#[must_use]
pub fn python_with(packages: &[&str], home: &Path) -> PathBuf {
    let lock = home.with_extension("lock");
    let waited = File::create(&lock).and_then(|file| file.lock().map(|()| file));
    let _held = waited.unwrap_or_else(|error| panic!("{}: {error}", lock.display()));
    let (python, installed) = (home.join("bin/python"), home.join("installed"));
    let wanted = packages.join("\n");
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return python;
    }
    let succeeds = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    assert!(succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(home)), "python3 cannot make a venv");
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet"]).args(packages);
    assert!(succeeds(&mut install), "pip cannot install {}", packages.join(" and "));
    fs::write(&installed, wanted).unwrap_or_else(|error| panic!("{}: {error}", installed.display()));
    python
}
