//! A real S3 server on loopback (moto) that ends with the test, and a line to it that stands still at a certain request.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::python::python_with;

/// The server's package on PyPI.
const PACKAGES: [&str; 1] = ["moto[server,s3]==5.2.5"];
/// Begins every script: a client of the server.
const CLIENT: &str = "import boto3, sys
s3 = boto3.client('s3', endpoint_url=sys.argv[1], region_name='us-west-2', aws_access_key_id='a', aws_secret_access_key='b')
";

/// A server that ends with the test.
#[derive(Debug)]
pub struct S3Server {
    python: PathBuf,
    process: Child,
    address: SocketAddr,
}

impl S3Server {
    /// Starts on a free port; the package is installed into `home` once.
    ///
    /// # Panics
    /// Where the package cannot be installed, or the server does not answer.
    #[must_use]
    pub fn start(home: &Path) -> Self {
        let python = python_with(&PACKAGES, home);
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = port.unwrap_or_else(|error| panic!("no free port: {error}")).port();
        let process = Command::new(&python)
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start the S3 server: {error}"));
        let server = Self { python, process, address: SocketAddr::from(([127, 0, 0, 1], port)) };
        let start = Instant::now();
        while TcpStream::connect(server.address).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "the S3 server does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs a script that has a client `s3` (boto3) of the server, and answers what it prints.
    ///
    /// # Errors
    /// What Python says.
    pub fn python(&self, script: &str, arguments: &[&str]) -> std::result::Result<String, String> {
        let (script, endpoint) = (format!("{CLIENT}{script}"), format!("http://{}", self.address));
        let run = Command::new(&self.python).args(["-c", &script, &endpoint]).args(arguments).output();
        let output = run.map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A line to a server that holds a certain request back for ever, and says so.
#[derive(Debug)]
pub struct HoldingProxy {
    address: SocketAddr,
    held: Receiver<()>,
}

impl HoldingProxy {
    /// Listens on a free port for as long as the process lives. The first request whose head contains `words` never arrives, nor does
    /// anything after it on the same connection.
    ///
    /// # Errors
    /// No port can be bound.
    pub fn start(server: SocketAddr, words: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (sender, held) = channel();
        let words: Arc<str> = words.into();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(upstream) = TcpStream::connect(server) else { continue };
                let (words, sender) = (words.clone(), sender.clone());
                std::thread::spawn(move || drop(forward(&client, &upstream, words.as_bytes(), &sender)));
            }
        });
        Ok(Self { address, held })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the request has come; `false` where it does not come in time.
    #[must_use]
    pub fn holds_within(&self, patience: Duration) -> bool {
        self.held.recv_timeout(patience).is_ok()
    }
}

fn forward(mut from: &TcpStream, mut to: &TcpStream, words: &[u8], held: &Sender<()>) -> Result<()> {
    let (mut back_from, mut back_to) = (to.try_clone()?, from.try_clone()?);
    std::thread::spawn(move || {
        drop(std::io::copy(&mut back_from, &mut back_to));
        drop(back_to.shutdown(Shutdown::Both));
    });
    let mut piece = [0_u8; 65_536];
    loop {
        let length = from.read(&mut piece)?;
        if length == 0 {
            return to.shutdown(Shutdown::Both);
        }
        if piece[..length].windows(words.len()).any(|window| window == words) {
            let _ = held.send(());
            // Until the client goes away.
            while from.read(&mut piece)? > 0 {}
            return to.shutdown(Shutdown::Both);
        }
        to.write_all(&piece[..length])?;
    }
}
