//! The picture of the layers in ARCHITECTURE.md, as a check on the dependency graph.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The house from the top down. A crate may use crates of lower rows only: siblings never see each other.
/// `testkit` is for tests alone and stands beside the house.
const ROWS: [&[&str]; 5] = [&["cli"], &["voids", "outflows"], &["study", "desi"], &["archive"], &["astro"]];

/// Fails on any dependency of one of our crates on another that the picture does not allow.
///
/// # Errors
/// When `cargo metadata` cannot be read, a crate is missing from the picture, or an edge points up or sideways.
pub(crate) fn check() -> Result<()> {
    let faults: Vec<String> = edges(&metadata()?)?.iter().filter_map(fault).collect();
    if faults.is_empty() { Ok(()) } else { bail!("the layers are broken:\n  {}", faults.join("\n  ")) }
}

/// One crate's use of another.
#[derive(Debug)]
struct Edge {
    user: String,
    used: String,
    only_in_tests: bool,
}

fn fault(edge: &Edge) -> Option<String> {
    let Edge { user, used, only_in_tests } = edge;
    if used == "testkit" {
        return (!only_in_tests).then(|| format!("{user} ships testkit, which is for tests"));
    }
    match (row(user), row(used)) {
        (Some(above), Some(below)) if above < below => None,
        (Some(_), Some(_)) => Some(format!("{user} uses {used}, which is not below it")),
        (None, _) => Some(format!("{user} is not in the picture: add it to xtask/src/layers.rs and ARCHITECTURE.md")),
        (_, None) => Some(format!("{user} uses {used}, which is not in the picture")),
    }
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

fn metadata() -> Result<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(crate::root())
        .output()
        .context("cannot start `cargo metadata`")?;
    serde_json::from_slice(&output.stdout).context("`cargo metadata` printed no JSON")
}

fn edges(metadata: &Value) -> Result<Vec<Edge>> {
    let packages = metadata["packages"].as_array().context("`cargo metadata` lists no packages")?;
    let mut edges = Vec::new();
    for package in packages {
        let user = package["name"].as_str().context("a package without a name")?;
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Only our own crates are given by path.
            if let (Some(used), true) = (dependency["name"].as_str(), dependency["path"].is_string()) {
                let only_in_tests = dependency["kind"] == "dev";
                edges.push(Edge { user: user.to_owned(), used: used.to_owned(), only_in_tests });
            }
        }
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(user: &str, used: &str, only_in_tests: bool) -> Edge {
        Edge { user: user.to_owned(), used: used.to_owned(), only_in_tests }
    }

    #[test]
    fn the_workspace_keeps_to_the_picture() {
        check().unwrap();
    }

    #[test]
    fn edges_that_point_up_sideways_or_out_are_faults() {
        assert!(fault(&edge("archive", "study", false)).is_some());
        assert!(fault(&edge("study", "desi", false)).is_some());
        assert!(fault(&edge("voids", "testkit", false)).is_some());
        assert!(fault(&edge("newcomer", "astro", false)).is_some());
        assert!(fault(&edge("voids", "testkit", true)).is_none());
        assert!(fault(&edge("cli", "astro", false)).is_none());
    }
}
