//! Downloads over real sockets: a server that misbehaves in every way never leaves a wrong file under its name.
#![cfg(feature = "download")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::time::Duration;

use archive::Quiet;
use archive::download::{
    DownloadError, Fault as Wrong, MANIFEST, Manifest, Outcome, Patience, Plan, Settings, Source, Wanted, discard,
    download, outlook, plan, verify,
};
use archive::fits::{FitsWriter, Header};
use arrow::array::{Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use sha2::{Digest, Sha256};
use testkit::http::{Fault, FaultyProxy, FileServer};

const FOLDER: &str = "vac/dr1/voids/v1.0";

/// A release of two FITS files (about 160 kB each), one of them with a published digest, and a text file.
fn release(root: &Path) {
    let folder = root.join(FOLDER);
    std::fs::create_dir_all(&folder).unwrap();
    let schema = std::sync::Arc::new(Schema::new(vec![Field::new("X", DataType::Float64, false)]));
    let mut list = String::new();
    for (number, name) in ["a.fits", "b.fits"].into_iter().enumerate() {
        let values = Float64Array::from_iter_values((0..20_000).map(|row| (row * (number + 1)) as f64));
        let batch = RecordBatch::try_new(schema.clone(), vec![std::sync::Arc::new(values)]).unwrap();
        let mut writer = FitsWriter::create(folder.join(name)).unwrap();
        writer.primary(&Header::new()).unwrap();
        writer.table("T", &schema, &[batch]).unwrap();
        writer.finish().unwrap();
        list.push_str(&format!("{}  {name}\n", digest(&folder.join(name))));
    }
    std::fs::write(folder.join("dr1_voids.sha256sum"), list).unwrap();
    std::fs::write(folder.join("notes.txt"), "no checksum is published for this").unwrap();
}

fn digest(path: &Path) -> String {
    Sha256::digest(std::fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hurried() -> Patience {
    Patience { attempts: 4, pause: Duration::from_millis(5), stall: Duration::from_millis(300) }
}

struct World {
    remote: tempfile::TempDir,
    local: tempfile::TempDir,
    server: FileServer,
}

impl World {
    fn new() -> Self {
        let (remote, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        release(remote.path());
        let server = FileServer::start(remote.path()).unwrap();
        Self { remote, local, server }
    }

    fn settings(&self) -> Settings {
        let settings = Settings::new(self.local.path(), "2026-01-02T03:04:05Z");
        Settings { piece_bytes: 40_000, parallel: 3, ..settings }
    }

    fn source(&self, address: std::net::SocketAddr) -> Source {
        Source::open(&format!("http://{address}"), None, hurried()).unwrap()
    }

    fn plan(&self, source: &Source, names: &[&str]) -> Result<Plan, DownloadError> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        plan(source, &[Wanted { folder: FOLDER.to_owned(), names }])
    }

    /// Downloads through a proxy with a script about the FITS files.
    fn through(&self, script: &[Fault]) -> (Outcome, usize) {
        let proxy = FaultyProxy::start(self.server.address(), ".fits", script).unwrap();
        let source = self.source(proxy.address());
        let outcome = download(&source, &self.plan(&source, &["a.fits"]).unwrap(), &self.settings(), &Quiet).unwrap();
        (outcome, proxy.left())
    }

    fn same(&self, name: &str) -> bool {
        let path = Path::new(FOLDER).join(name);
        digest(&self.local.path().join(&path)) == digest(&self.remote.path().join(&path))
    }

    fn visible(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.local.path().join(FOLDER)) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort();
        names
    }
}

#[test]
fn a_release_arrives_is_recorded_and_is_not_fetched_twice() {
    let world = World::new();
    let source = world.source(world.server.address());
    let plan = world.plan(&source, &["*.fits", "notes.txt"]).unwrap();
    assert_eq!(plan.files.len(), 3);
    assert_eq!(plan.without_checksums, [FOLDER]);
    let outcome = download(&source, &plan, &world.settings(), &Quiet).unwrap();
    assert!(outcome.failed.is_empty(), "{:?}", outcome.failed);
    assert_eq!(world.visible(), ["a.fits", "b.fits", "notes.txt"]);
    assert!(world.same("a.fits") && world.same("b.fits") && world.same("notes.txt"));
    let manifest = Manifest::read(world.local.path()).unwrap();
    assert_eq!(manifest.files[0].fetched, "2026-01-02T03:04:05Z");
    assert_eq!(manifest.files.iter().map(|record| record.published).collect::<Vec<_>>(), [true, true, false]);
    let again = download(&source, &plan, &world.settings(), &Quiet).unwrap();
    assert_eq!((again.fetched.len(), again.kept.len()), (0, 3));
}

#[test]
fn faults_on_the_way_are_overcome() {
    for script in [
        vec![Fault::Cut(1_000), Fault::Cut(0)],
        vec![Fault::Status(503), Fault::Status(500), Fault::Status(503)],
        vec![Fault::Stall(5_000)],
        vec![Fault::Truncate(123), Fault::None, Fault::Truncate(0)],
        vec![Fault::None, Fault::Corrupt(17)],
    ] {
        let world = World::new();
        let (outcome, left) = world.through(&script);
        assert!(outcome.failed.is_empty(), "{script:?}: {:?}", outcome.failed);
        assert_eq!(left, 0, "{script:?}");
        assert!(world.same("a.fits"), "{script:?}");
        assert_eq!(world.visible(), ["a.fits"], "{script:?}");
    }
}

#[test]
fn a_server_that_stays_wrong_is_told_and_leaves_nothing_under_the_name() {
    for (script, message) in [
        (vec![Fault::Status(403)], "the server refuses access (403)"),
        (vec![Fault::Status(503); 60], "gave up after 4 attempts"),
        (vec![Fault::Stall(0); 60], "no byte came for 0.3 s"),
        (vec![Fault::Corrupt(3); 60], "its SHA-256 is"),
        (vec![Fault::Cut(9); 60], "a.fits: gave up after 4 attempts"),
    ] {
        let world = World::new();
        let (outcome, _) = world.through(&script);
        assert_eq!(outcome.failed.len(), 1, "{message}");
        let told = outcome.failed[0].to_string();
        assert!(told.contains(message), "{told}");
        assert_eq!(world.visible(), [""; 0], "{message}");
        assert!(Manifest::read(world.local.path()).unwrap().files.is_empty());
        // The same command once the server is well again.
        let (outcome, _) = world.through(&[]);
        assert!(outcome.failed.is_empty() && world.same("a.fits"), "{message}: {:?}", outcome.failed);
    }
}

#[test]
fn an_interrupted_download_keeps_its_pieces() {
    let world = World::new();
    let source = world.source(world.server.address());
    let settings = Settings { parallel: 1, ..world.settings() };
    let script: Vec<Fault> = [vec![Fault::None; 2], vec![Fault::Cut(7); 9]].concat();
    let proxy = FaultyProxy::start(world.server.address(), ".fits", &script).unwrap();
    let broken = world.source(proxy.address());
    let plan = world.plan(&source, &["a.fits"]).unwrap();
    let outcome = download(&broken, &plan, &settings, &Quiet).unwrap();
    assert_eq!(outcome.failed.len(), 1);
    // Room is asked for what is missing alone (the file on its way has holes, in whole blocks of the disk).
    let outlook = outlook(&plan, world.local.path()).unwrap();
    assert!(outlook.bytes < plan.bytes() - 60_000 && outlook.free > 0, "{outlook:?}");
    let outcome = download(&source, &plan, &settings, &Quiet).unwrap();
    assert_eq!(outcome.resumed_bytes, 80_000);
    assert!(outcome.failed.is_empty() && world.same("a.fits"));
}

#[test]
fn a_page_of_html_is_no_fits_file() {
    let world = World::new();
    let folder = world.remote.path().join(FOLDER);
    std::fs::remove_file(folder.join("dr1_voids.sha256sum")).unwrap();
    std::fs::write(folder.join("a.fits"), "<!DOCTYPE html><title>404</title>").unwrap();
    let (outcome, _) = world.through(&[]);
    let told = outcome.failed[0].to_string();
    assert!(told.contains("a.fits: it has no published checksum and cannot be read as FITS"), "{told}");
    assert_eq!(world.visible(), [""; 0]);
}

#[test]
fn without_a_published_digest_the_checksums_in_the_file_judge() {
    let world = World::new();
    let folder = world.remote.path().join(FOLDER);
    std::fs::remove_file(folder.join("dr1_voids.sha256sum")).unwrap();
    // Damaged once on the way, in its data: fetched again.
    let (outcome, left) = world.through(&[Fault::None, Fault::Corrupt(30_000)]);
    assert!(outcome.failed.is_empty() && world.same("a.fits") && left == 0, "{:?}", outcome.failed);
    // Damaged in another way each time.
    std::fs::remove_file(world.local.path().join(MANIFEST)).unwrap();
    std::fs::remove_file(world.local.path().join(FOLDER).join("a.fits")).unwrap();
    let pieces = [Fault::Corrupt(30_000), Fault::None, Fault::None, Fault::None, Fault::None];
    let (outcome, _) = world.through(&[&pieces[..], &[Fault::Corrupt(30_001); 5]].concat());
    let told = outcome.failed[0].to_string();
    assert!(told.contains("HDU 1 (T) disagrees with its own CHECKSUM (fetched 2 times)"), "{told}");
    assert_eq!(world.visible(), [""; 0]);
    // Wrong at its source: accepted after a second look, and told by `verify`.
    let mut bytes = std::fs::read(folder.join("a.fits")).unwrap();
    bytes[30_000] ^= 1;
    std::fs::write(folder.join("a.fits"), bytes).unwrap();
    let (outcome, _) = world.through(&[]);
    assert!(outcome.failed.is_empty() && world.same("a.fits"), "{:?}", outcome.failed);
    let verdict = verify(world.local.path(), &Quiet).unwrap();
    assert_eq!((verdict.good, verdict.wrong_at_source[0].1.as_str()), (1, "1 (T)"));
}

#[test]
fn a_damaged_copy_is_found_discarded_and_fetched_again() {
    let world = World::new();
    let source = world.source(world.server.address());
    let plan = world.plan(&source, &["*.fits"]).unwrap();
    download(&source, &plan, &world.settings(), &Quiet).unwrap();
    assert_eq!(verify(world.local.path(), &Quiet).unwrap().good, 2);
    let path = world.local.path().join(FOLDER).join("b.fits");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[99_999] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    std::fs::remove_file(world.local.path().join(FOLDER).join("a.fits")).unwrap();
    let verdict = verify(world.local.path(), &Quiet).unwrap();
    assert_eq!(verdict.good, 0);
    assert!(matches!(verdict.bad[0].1, Wrong::Missing) && matches!(verdict.bad[1].1, Wrong::Digest(_)));
    discard(world.local.path(), &verdict.bad).unwrap();
    let outcome = download(&source, &plan, &world.settings(), &Quiet).unwrap();
    assert_eq!(outcome.fetched.len(), 2);
    assert!(world.same("a.fits") && world.same("b.fits"));
}

#[test]
fn slips_are_told_before_anything_is_fetched() {
    let world = World::new();
    let source = world.source(world.server.address());
    let fault = world.plan(&source, &["c*.fits"]).unwrap_err().to_string();
    assert!(fault.contains("v1.0/c*.fits") && fault.contains("no such file"), "{fault}");
    let wanted = Wanted { folder: "vac/dr9".to_owned(), names: vec!["*".to_owned()] };
    assert!(matches!(plan(&source, &[wanted]).unwrap_err(), DownloadError::NotFound { .. }));
    std::fs::write(world.local.path().join(MANIFEST), "{").unwrap();
    let plan = world.plan(&source, &["a.fits"]).unwrap();
    let fault = download(&source, &plan, &world.settings(), &Quiet).unwrap_err().to_string();
    assert!(fault.contains("download.json"), "{fault}");
}
