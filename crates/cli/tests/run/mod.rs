//! Running the binary and looking at what it says.
#![allow(dead_code)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

pub fn astrolab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_astrolab")).env_remove("ASTROLAB_ARCHIVE").args(arguments).output().unwrap()
}

pub fn voids(arguments: &[&str]) -> Output {
    astrolab(&[&["voids"], arguments].concat())
}

pub fn json(arguments: &[&str]) -> Value {
    let output = voids(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs what must fail: exit code 1, and each word on stderr.
pub fn refused(arguments: &[&str], words: &[&str]) {
    let output = voids(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    for word in words {
        assert!(said.contains(word), "{arguments:?} should say `{word}`: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Number of voids by algorithm, from a manifest.
pub fn counts(manifest: &Value) -> Vec<(&str, u64)> {
    let entries = manifest["catalogues"].as_array().unwrap();
    entries.iter().map(|one| (one["algorithm"].as_str().unwrap(), one["voids"].as_u64().unwrap())).collect()
}
