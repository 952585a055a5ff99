//! Downloads from a real S3 server on loopback (moto), straight and through a proxy that damages what passes.
#![cfg(feature = "download")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use archive::Quiet;
use archive::download::{Manifest, Patience, Settings, Source, Wanted, download, plan, verify};
use testkit::http::{Fault, FaultyProxy};

/// Makes the bucket: three objects of 300 kB and their list of digests.
const FILL: &str = r#"
import boto3, hashlib, sys
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b")
s3.create_bucket(Bucket="desidata", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
lines = []
for number in range(3):
    body = bytes((7 * i + number) % 251 for i in range(300_000))
    s3.put_object(Bucket="desidata", Key=f"dr1/vac/voids/part-{number}.bin", Body=body, ACL="public-read")
    lines.append(f"{hashlib.sha256(body).hexdigest()}  part-{number}.bin\n")
s3.put_object(Bucket="desidata", Key="dr1/vac/voids/dr1_vac_voids.sha256sum", Body="".join(lines).encode(), ACL="public-read")
"#;

/// A server that ends with the test.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(python: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, address: SocketAddr::from(([127, 0, 0, 1], port)) };
        let start = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "the S3 server does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Needs `python3` with `venv` and the network once: the package is kept in the build folder.
#[test]
#[ignore = "installs moto: run with `cargo test -p archive --features download --test download_s3 -- --ignored`"]
fn s3_objects_arrive_whole_through_a_bad_line() {
    let python = python_with_moto();
    let server = Server::start(&python);
    let endpoint = format!("http://{}", server.address);
    let filled = Command::new(&python).args(["-c", FILL, &endpoint]).output().unwrap();
    assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
    let script =
        [Fault::Cut(900), Fault::Status(503), Fault::Corrupt(5), Fault::Truncate(40), Fault::Stall(10), Fault::None];
    let proxy = FaultyProxy::start(server.address, "part-", &script).unwrap();
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

fn python_with_moto() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-venv");
    let python = home.join("bin/python");
    let succeeds = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    if !succeeds(Command::new(&python).args(["-W", "ignore", "-c", "import moto.server, boto3"])) {
        assert!(succeeds(Command::new("python3").args(["-m", "venv"]).arg(&home)), "python3 cannot make a venv");
        let install = ["-m", "pip", "install", "--quiet", "moto[server,s3]==5.2.5"];
        assert!(succeeds(Command::new(&python).args(install)), "pip cannot install moto");
    }
    python
}
