//! `astrolab data backup` into a real S3 server and back through the real binary, with damage and with kill -9 in the middle.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use testkit::postgres::{PostgresServer, debian_15};
use testkit::s3::{HoldingProxy, S3Server};

/// A table whose dump is larger than one part of an upload, and two small ones, one of them empty.
const TABLES: &str = "CREATE TABLE galaxies AS
    SELECT n AS targetid, n * 0.0001 AS z, md5(n::text) || md5((n + 1)::text) AS name FROM generate_series(1, 400000) n;
    CREATE TABLE voids AS SELECT n AS void, random() AS radius FROM generate_series(1, 300) n;
    CREATE TABLE nothing (a int)";
const MAKE_BUCKET: &str =
    "s3.create_bucket(Bucket='lab', CreateBucketConfiguration={'LocationConstraint': 'us-west-2'})";
const LIST: &str = "for found in s3.list_objects_v2(Bucket='lab', Prefix=sys.argv[2]).get('Contents', []):
    print(found['Key'], found['Size'], found['ETag'])
print(len(s3.list_multipart_uploads(Bucket='lab').get('Uploads', [])), 'unfinished')";
const FLIP: &str = "body = bytearray(s3.get_object(Bucket='lab', Key=sys.argv[2])['Body'].read())
body[len(body) // 2] ^= 4
s3.put_object(Bucket='lab', Key=sys.argv[2], Body=bytes(body))";

struct Lab {
    folder: tempfile::TempDir,
    url: String,
    endpoint: String,
}

impl Lab {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_astrolab"));
        command.current_dir(self.folder.path()).arg("data").args(arguments).env_remove("ASTROLAB_POSTGRES");
        command.env("TMPDIR", self.folder.path()).env("ASTROLAB_S3_ENDPOINT", &self.endpoint);
        command.env("AWS_ACCESS_KEY_ID", "ana").env("AWS_SECRET_ACCESS_KEY", "very secret");
        command.args(["--pg-bin", "/usr/lib/postgresql/15/bin"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is said of something that must fail, and that must leave no file here.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        assert!(!told(&output).contains("secret"), "{}", told(&output));
        assert_eq!(self.way_stations(), 0);
        told(&output)
    }

    fn way_stations(&self) -> usize {
        let names = std::fs::read_dir(self.folder.path()).unwrap().flatten().map(|entry| entry.file_name());
        names.filter(|name| name.to_string_lossy().starts_with("astrolab-backup-")).count()
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
#[ignore = "needs PostgreSQL 15, installs moto"]
fn postgres_backups_go_to_s3_and_come_back() {
    let Some(programs) = debian_15() else { return };
    let s3 = S3Server::start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-venv"));
    s3.python(MAKE_BUCKET, &[]).unwrap();
    let home = tempfile::tempdir().unwrap();
    let server = PostgresServer::start(&programs, home.path());
    server.psql(&server.url("postgres"), "CREATE DATABASE desi").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab { folder, url: server.url("desi"), endpoint: format!("http://{}", s3.address()) };
    server.psql(&lab.url, TABLES).unwrap();

    let made = lab.done(&["backup", "--from", &lab.url, "--to", "s3://lab/desi/one"]);
    assert!(made.contains("public.galaxies       400000"), "{made}");
    let objects = s3.python(LIST, &["desi/one/"]).unwrap();
    let large: Vec<&str> = objects.lines().filter(|line| line.contains("-3\"") || line.contains("-2\"")).collect();
    assert_eq!(large.len(), 1, "one object was sent in parts: {objects}");
    assert!(objects.contains("desi/one/manifest.json") && objects.contains("0 unfinished"), "{objects}");
    assert!(!objects.contains(".begun"), "{objects}");
    assert_eq!(lab.way_stations(), 0);
    let again = lab.refused(&["backup", "--from", &lab.url, "--to", "s3://lab/desi/one"]);
    assert!(again.contains("s3://lab/desi/one: it holds something already"), "{again}");

    let copy = server.url("copy");
    let back = lab.done(&["restore", "--from", "s3://lab/desi/one", "--to", &copy, "--verify"]);
    assert_eq!((back.matches(" same ").count(), back.contains("DIFFERENT")), (3, false), "{back}");
    let sums: Vec<&str> = made.lines().skip(1).take(3).filter_map(|line| line.split(' ').next_back()).collect();
    assert!(sums.len() == 3 && sums.iter().all(|sum| back.contains(sum)), "{made}{back}");
    assert_eq!(server.psql(&copy, "SELECT count(*) FROM galaxies").unwrap(), "400000");
    assert_eq!(lab.way_stations(), 0);

    damage_is_told(&lab, &s3, &server, large[0].split(' ').next().unwrap());
    a_kill_between_uploads_leaves_no_backup(&lab, &s3, &server);
    wrong_places_are_told(&lab);
    a_kill_leaves_no_folder(&lab);
}

fn damage_is_told(lab: &Lab, s3: &S3Server, server: &PostgresServer, key: &str) {
    let url = server.url("damaged");
    let restore = ["restore", "--from", "s3://lab/desi/one", "--to", &url, "--verify"];
    let key_url = format!("s3://lab/{key}");
    s3.python(FLIP, &[key]).unwrap();
    let flipped = lab.refused(&restore);
    assert!(flipped.contains(&key_url) && flipped.contains("SHA-256") && flipped.contains("damaged"), "{flipped}");
    s3.python("s3.put_object(Bucket='lab', Key=sys.argv[2], Body=b'short')", &[key]).unwrap();
    let short = lab.refused(&restore);
    assert!(short.contains(&format!("{key_url} has 5 bytes, not")), "{short}");
    s3.python("s3.delete_object(Bucket='lab', Key=sys.argv[2])", &[key]).unwrap();
    let absent = lab.refused(&restore);
    assert!(absent.contains(&format!("{key_url} is absent")), "{absent}");
    let left = "SELECT count(*) FROM pg_database WHERE datname LIKE '%damaged'";
    assert_eq!(server.psql(&server.url("postgres"), left).unwrap(), "0");
}

fn a_kill_between_uploads_leaves_no_backup(lab: &Lab, s3: &S3Server, server: &PostgresServer) {
    for (prefix, words) in
        [("last", "PUT /lab/desi/last/dump/toc.dat "), ("manifest", "PUT /lab/desi/manifest/manifest.json ")]
    {
        let place = format!("s3://lab/desi/{prefix}");
        let backup = ["backup", "--from", &lab.url, "--to", &place];
        let proxy = HoldingProxy::start(s3.address(), words).unwrap();
        let mut command = lab.command(&backup);
        let mut child = command.env("ASTROLAB_S3_ENDPOINT", format!("http://{}", proxy.address())).spawn().unwrap();
        assert!(proxy.holds_within(Duration::from_secs(120)), "{words} does not come");
        child.kill().unwrap();
        child.wait().unwrap();
        for entry in std::fs::read_dir(lab.folder.path()).unwrap().flatten() {
            // What the dead one could not remove.
            assert!(entry.file_name().to_string_lossy().starts_with("astrolab-backup-"));
            std::fs::remove_dir_all(entry.path()).unwrap();
        }
        let objects = s3.python(LIST, &[&format!("desi/{prefix}/")]).unwrap();
        assert!(objects.contains(".dat.gz") && objects.contains(".begun"), "{objects}");
        assert!(!objects.contains("manifest.json"), "{objects}");
        let none = lab.refused(&["restore", "--from", &place, "--to", &server.url("none"), "--verify"]);
        assert!(none.contains(&place) && none.contains("but no manifest.json"), "{none}");
        let again = lab.refused(&backup);
        assert!(again.contains("an upload began there") && again.contains("aws s3 rm --recursive"), "{again}");
    }
}

fn wrong_places_are_told(lab: &Lab) {
    let backup = |place: &str| lab.refused(&["backup", "--from", &lab.url, "--to", place]);
    let absent = backup("s3://nowhere/x");
    assert!(absent.contains("s3://nowhere/x") && absent.contains("no such bucket"), "{absent}");
    let scheme = backup("gs://lab/x");
    assert!(scheme.contains("gs://lab/x") && scheme.contains("s3://BUCKET/PREFIX"), "{scheme}");
    let nameless = backup("s3:///x");
    assert!(nameless.contains("it names no bucket"), "{nameless}");
    let nothing = lab.refused(&["restore", "--from", "s3://lab/empty", "--to", &lab.url, "--verify"]);
    assert!(nothing.contains("s3://lab/empty") && nothing.contains("nothing is there"), "{nothing}");
}

/// kill -9 while pg_dump writes: no folder appears, and the next backup takes the remains away.
fn a_kill_leaves_no_folder(lab: &Lab) {
    let backups = lab.folder.path().join("backups");
    let backup = ["backup", "--from", &lab.url, "--to", "backups/today"];
    let remains = || -> Vec<_> {
        let entries = std::fs::read_dir(&backups).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.to_string_lossy().contains(".partial.")).collect()
    };
    let mut child = lab.command(&backup).spawn().unwrap();
    let start = Instant::now();
    while !remains().iter().any(|partial| partial.join("dump").is_dir()) {
        assert!(start.elapsed() < Duration::from_secs(120), "no dump begins");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!backups.join("today").exists() && remains().len() == 1);
    // The dead one's pg_dump may still write.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        lab.done(&backup);
        if remains().is_empty() {
            break;
        }
        std::fs::remove_dir_all(backups.join("today")).unwrap();
    }
    assert!(backups.join("today/manifest.json").is_file() && remains().is_empty());
}
