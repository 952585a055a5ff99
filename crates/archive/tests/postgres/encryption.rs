//! Encrypted sessions with a real server whose certificate a real authority signed.

use archive::Quiet;
use archive::postgres::{Address, BackupRequest, Database, PostgresError, backup};
use testkit::postgres::{PostgresServer, debian_15};

use super::{ROWS, archive, load_into};

/// Whether the session of an address is encrypted.
fn encrypted(url: &str) -> Result<bool, PostgresError> {
    let database = Database::connect(&Address::parse(url)?)?;
    let told = database.value("look", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")?;
    Ok(told.as_deref() == Some("t"))
}

#[test]
#[ignore = "needs PostgreSQL 15"]
fn postgres_sessions_are_encrypted_as_asked() {
    let Some(programs) = debian_15() else { return };
    let home = tempfile::tempdir().unwrap();
    let server = PostgresServer::start(&programs, home.path());
    server.psql(&server.url("postgres"), "CREATE DATABASE desi").unwrap();
    let by_number = server.url("desi");
    let by_name = by_number.replace("127.0.0.1", "localhost");
    assert!(!encrypted(&by_number).unwrap());
    let told = encrypted(&format!("{by_number}?sslmode=require")).unwrap_err().to_string();
    assert!(told.contains("does not support TLS") && told.contains("hint: turn ssl on"), "{told}");

    let folder = tempfile::tempdir().unwrap();
    let [authority, certificate, stranger] =
        server.encrypt(folder.path(), "localhost").map(|path| path.display().to_string());
    for (options, expected) in [
        ("?sslmode=disable", false),
        ("", true),
        ("?sslmode=require", true),
        (&format!("?sslmode=require&sslrootcert={authority}"), true),
        (&format!("?sslmode=verify-ca&sslrootcert={authority}"), true),
        // The very certificate of the server, as of one that signed it itself.
        (&format!("?sslmode=verify-ca&sslrootcert={certificate}"), true),
    ] {
        assert_eq!(encrypted(&format!("{by_number}{options}")).unwrap(), expected, "{options}");
    }
    let whole = format!("{by_name}?sslmode=verify-full&sslrootcert={authority}");
    assert!(encrypted(&whole).unwrap());
    for (url, word) in [
        (whole.replace("localhost", "127.0.0.1"), "not valid for name"),
        (format!("{by_name}?sslmode=verify-full&sslrootcert={stranger}"), "UnknownIssuer"),
        (format!("{by_number}?sslmode=verify-ca&sslrootcert={stranger}"), "UnknownIssuer"),
        (format!("{by_number}?sslmode=require&sslrootcert={stranger}"), "UnknownIssuer"),
    ] {
        let told = encrypted(&url).unwrap_err().to_string();
        assert!(told.contains(word) && told.contains("hint: sslrootcert must hold"), "{url}: {told}");
    }

    // A load and PostgreSQL's own programs by the same address.
    let archive = archive(folder.path());
    assert_eq!(load_into(&whole, &archive, &Quiet).unwrap()[0].checksum.rows, ROWS as u64);
    let request = BackupRequest { folder: folder.path().join("kept"), programs: Some(programs), jobs: 1 };
    backup(&Address::parse(&whole).unwrap(), &request, &Quiet).unwrap();
    let wrong = Address::parse(&whole.replace("verify-full", "verify-ca").replace(&authority, &stranger)).unwrap();
    assert!(backup(&wrong, &request, &Quiet).is_err());
}
