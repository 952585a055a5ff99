//! Downloads from a real S3 server on loopback (moto), straight and through a proxy that damages what passes.
#![cfg(feature = "download")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::time::Duration;

use archive::Quiet;
use archive::digest::sha256_of_file;
use archive::download::{
    Access, Bucket, Manifest, Patience, Plan, RemoteFile, Settings, Source, Wanted, download, plan, verify,
};
use testkit::http::{Fault, FaultyProxy};
use testkit::postgres::CuttingProxy;
use testkit::s3::S3Server;

/// Makes the bucket: three objects of 300 kB and their list of digests.
const FILL: &str = r#"
import hashlib
s3.create_bucket(Bucket="desidata", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
lines = []
for number in range(3):
    body = bytes((7 * i + number) % 251 for i in range(300_000))
    s3.put_object(Bucket="desidata", Key=f"dr1/vac/voids/part-{number}.bin", Body=body, ACL="public-read")
    lines.append(f"{hashlib.sha256(body).hexdigest()}  part-{number}.bin\n")
s3.put_object(Bucket="desidata", Key="dr1/vac/voids/dr1_vac_voids.sha256sum", Body="".join(lines).encode(), ACL="public-read")
"#;

/// Needs `python3` with `venv` and the network once: the package is kept in the build folder.
#[test]
#[ignore = "installs moto: run with `cargo test -p archive --features download --test download_s3 -- --ignored`"]
fn s3_objects_arrive_whole_through_a_bad_line() {
    let server = S3Server::start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-venv"));
    server.python(FILL, &[]).unwrap();
    let script =
        [Fault::Cut(900), Fault::Status(503), Fault::Corrupt(5), Fault::Truncate(40), Fault::Stall(10), Fault::None];
    let proxy = FaultyProxy::start(server.address(), "part-", &script).unwrap();
    let patience = Patience { attempts: 6, pause: Duration::from_millis(10), stall: Duration::from_millis(1_500) };
    let local = tempfile::tempdir().unwrap();
    let settings = Settings { piece_bytes: 100_000, ..Settings::new(local.path(), "2026-01-02T03:04:05Z") };
    let wanted = [Wanted { folder: "vac/voids".to_owned(), names: vec!["part-*.bin".to_owned()] }];
    let source = Source::open("s3://desidata/dr1", Some(&format!("http://{}", proxy.address())), patience).unwrap();
    let planned = plan(&source, &wanted).unwrap();
    assert_eq!(planned.bytes(), 900_000);
    assert!(planned.files.iter().all(|file| file.sha256.is_some()));
    let outcome = download(&source, &planned, &settings, &Quiet).unwrap();
    assert!(outcome.failed.is_empty(), "{:?}", outcome.failed);
    assert_eq!((outcome.fetched.len(), proxy.left()), (3, 0));
    assert_eq!(verify(local.path(), &Quiet).unwrap().good, 3);
    assert_eq!(Manifest::read(local.path()).unwrap().files[0].url, "s3://desidata/dr1/vac/voids/part-0.bin");
    let missing = [Wanted { folder: "vac/nothing".to_owned(), names: vec!["*".to_owned()] }];
    let told = plan(&source, &missing).unwrap_err().to_string();
    assert!(told.contains("cannot find s3://desidata/dr1/vac/nothing"), "{told}");
}

/// An upload over a line that is cut in the middle of parts arrives whole; one that fails leaves nothing.
#[test]
#[ignore = "installs moto: run with `cargo test -p archive --features download --test download_s3 -- --ignored`"]
fn s3_objects_are_sent_whole_or_not_at_all() {
    let server = S3Server::start(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-venv"));
    let make = "s3.create_bucket(Bucket='lab', CreateBucketConfiguration={'LocationConstraint': 'us-west-2'})";
    server.python(make, &[]).unwrap();
    let cuts = [usize::MAX, 3_000_000, 500_000, 1_000_000, 5_000_000];
    let proxy = CuttingProxy::start(server.address(), &cuts).unwrap();
    let patience = Patience { attempts: 8, pause: Duration::from_millis(10), stall: Duration::from_secs(20) };
    let variables = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
    let variables: Vec<(String, String)> = variables.map(|(name, value)| (name.into(), value.into())).to_vec();
    let open = |url: &str| {
        let (endpoint, variables) = (Some(format!("http://{}", proxy.address())), variables.clone());
        Bucket::open(url, &Access { endpoint, region: None, variables }, patience).unwrap()
    };
    let bucket = open("s3://lab/files");
    let local = tempfile::tempdir().unwrap();
    let large: Vec<u8> = (0..20_000_001_u32).map(|byte| (byte % 251) as u8).collect();
    for (name, content) in [("large", &large[..]), ("empty", b""), ("last", b"{}")] {
        std::fs::write(local.path().join(name), content).unwrap();
    }
    let upload = bucket.begin().unwrap();
    let second = open("s3://lab/files/").begin().unwrap_err().to_string();
    assert!(second.contains("s3://lab/files: an upload began there"), "{second}");
    upload.send(local.path(), &["large", "empty"], "last", &Quiet).unwrap();
    let sizes: Vec<(String, u64)> = bucket.sizes().unwrap().into_iter().collect();
    let expected = [("empty", 0), ("large", 20_000_001), ("last", 2)].map(|(name, bytes)| (name.to_owned(), bytes));
    assert_eq!(sizes, expected);
    let sha256 = Some(sha256_of_file(&local.path().join("large")).unwrap());
    let files = vec![RemoteFile { path: "large".to_owned(), bytes: 20_000_001, sha256 }];
    let back = tempfile::tempdir().unwrap();
    let failed = bucket.fetch(&Plan { files, without_checksums: Vec::new() }, back.path(), &Quiet).unwrap();
    assert!(failed.is_empty() && std::fs::read(back.path().join("large")).unwrap() == large, "{failed:?}");
    assert!(bucket.begin().unwrap_err().to_string().contains("holds something already (3 objects)"));

    let other = open("s3://lab/other");
    let fault = other.begin().unwrap().send(local.path(), &["large", "absent"], "last", &Quiet).unwrap_err();
    assert!(fault.to_string().contains("absent"), "{fault}");
    assert!(other.sizes().unwrap().is_empty());
    drop(other.begin().unwrap());
    assert!(other.sizes().unwrap().is_empty());
    let conditional = "s3.put_object(Bucket='lab', Key='x', Body=b'', IfNoneMatch='*')\n";
    let refused = server.python(&conditional.repeat(2), &[]).unwrap_err();
    assert!(refused.contains("PreconditionFailed"), "the server lets two processes create one object: {refused}");
}
