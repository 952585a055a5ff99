//! A small file server on loopback, and a proxy before it (or before any HTTP server) that damages what passes.
//!
//! Both speak just enough HTTP/1.1 for tests: GET and HEAD, one range, one request a connection. They stop when dropped.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A listening socket whose connections are each answered on a thread of their own.
#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
}

impl Listener {
    fn start(answer: impl Fn(TcpStream) -> Result<()> + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let stopped = Arc::new(AtomicBool::new(false));
        let (ended, answer) = (stopped.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), answer) = (stream, answer.clone()) else { continue };
                // A client that goes away in the middle is part of the tests.
                std::thread::spawn(move || drop(answer(stream)));
            }
        });
        Ok(Self { address, stopped })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
    }
}

/// Serves a folder: files with ranges and entity tags, folders as pages of links.
#[derive(Debug)]
pub struct FileServer {
    listener: Listener,
}

impl FileServer {
    /// Starts on a free port.
    ///
    /// # Errors
    /// No port can be bound.
    pub fn start(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        Ok(Self { listener: Listener::start(move |stream| serve(&folder, stream))? })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }
}

/// The first line and the headers of a message, as it came.
fn head(stream: &mut impl BufRead) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(Error::new(ErrorKind::UnexpectedEof, "no whole head"));
        }
        if line.trim_end().is_empty() {
            return Ok(lines);
        }
        lines.push(line.trim_end().to_owned());
    }
}

fn header<'a>(lines: &'a [String], name: &str) -> Option<&'a str> {
    lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn serve(folder: &Path, mut stream: TcpStream) -> Result<()> {
    let lines = head(&mut BufReader::new(stream.try_clone()?))?;
    let mut words = lines.first().map(String::as_str).unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = folder.join(target.trim_start_matches('/'));
    let answer = |stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]| {
        let length = body.len();
        let date = "Last-Modified: Fri, 21 Mar 2025 00:00:00 GMT";
        write!(
            stream,
            "HTTP/1.1 {status}\r\n{date}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
        )?;
        if method == "HEAD" { Ok(()) } else { stream.write_all(body) }
    };
    if path.is_dir() {
        let mut names: Vec<String> = std::fs::read_dir(&path)?
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        names.sort();
        let page: String = names.iter().map(|name| format!("<a href=\"{name}\">{name}</a>\n")).collect();
        return answer(&mut stream, "200 OK", "", page.as_bytes());
    }
    let Ok(bytes) = std::fs::read(&path) else { return answer(&mut stream, "404 Not Found", "", b"") };
    let tag = format!("ETag: \"{}\"\r\nAccept-Ranges: bytes\r\n", bytes.len());
    let range = header(&lines, "range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    match range.and_then(|(from, to)| Some((from.parse::<usize>().ok()?, to.parse::<usize>().ok()?))) {
        Some((from, to)) if from < bytes.len() => {
            let to = to.min(bytes.len() - 1);
            let headers = format!("{tag}Content-Range: bytes {from}-{to}/{}\r\n", bytes.len());
            answer(&mut stream, "206 Partial Content", &headers, &bytes[from..=to])
        }
        _ => answer(&mut stream, "200 OK", &tag, &bytes),
    }
}

/// What a [`FaultyProxy`] does to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Passes it on.
    None,
    /// Ends the connection after so many bytes of the body.
    Cut(usize),
    /// Inverts the byte of the body at this place.
    Corrupt(usize),
    /// Sends so many bytes of the body, then nothing for a minute.
    Stall(usize),
    /// Says and sends a body of so many bytes, as if that were all.
    Truncate(usize),
    /// Answers with this status itself.
    Status(u16),
}

/// Passes requests to another server and treats the answers to GET requests whose target contains a text by a script: one
/// fault an answer, in order; after its end answers pass untouched.
#[derive(Debug)]
pub struct FaultyProxy {
    listener: Listener,
    script: Arc<Mutex<Vec<Fault>>>,
}

impl FaultyProxy {
    /// Starts on a free port.
    ///
    /// # Errors
    /// No port can be bound.
    pub fn start(upstream: SocketAddr, about: &str, script: &[Fault]) -> Result<Self> {
        let script = Arc::new(Mutex::new(script.iter().rev().copied().collect::<Vec<_>>()));
        let (shared, about) = (script.clone(), about.to_owned());
        let listener = Listener::start(move |stream| pass(upstream, &about, &shared, stream))?;
        Ok(Self { listener, script })
    }

    /// `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// Faults that no answer has met yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

fn pass(upstream: SocketAddr, about: &str, script: &Mutex<Vec<Fault>>, mut client: TcpStream) -> Result<()> {
    let request = head(&mut BufReader::new(client.try_clone()?))?;
    let first = request.first().map(String::as_str).unwrap_or_default();
    let concerned = first.starts_with("GET") && first.contains(about);
    let fault = if concerned { script.lock().unwrap_or_else(PoisonError::into_inner).pop() } else { None };
    if let Some(Fault::Status(status)) = fault {
        let answer = format!("HTTP/1.1 {status} Made so\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return client.write_all(answer.as_bytes());
    }
    let mut server = TcpStream::connect(upstream)?;
    for line in request.iter().filter(|line| !line.to_ascii_lowercase().starts_with("connection:")) {
        write!(server, "{line}\r\n")?;
    }
    write!(server, "Connection: close\r\n\r\n")?;
    let mut server = BufReader::new(server);
    let mut answer = head(&mut server)?;
    let mut body = Vec::new();
    if !first.starts_with("HEAD") {
        match header(&answer, "content-length").and_then(|length| length.parse().ok()) {
            Some(length) => drop(server.take(length).read_to_end(&mut body)?),
            None => drop(server.read_to_end(&mut body)?),
        }
    }
    let sent = match fault.unwrap_or(Fault::None) {
        Fault::Cut(after) | Fault::Stall(after) => after.min(body.len()),
        Fault::Truncate(to) => {
            body.truncate(to);
            answer.retain(|line| !line.to_ascii_lowercase().starts_with("content-length:"));
            answer.push(format!("Content-Length: {}", body.len()));
            body.len()
        }
        Fault::Corrupt(at) => {
            if let Some(byte) = body.get_mut(at) {
                *byte = !*byte;
            }
            body.len()
        }
        Fault::None | Fault::Status(_) => body.len(),
    };
    for line in answer.iter().filter(|line| !line.to_ascii_lowercase().starts_with("connection:")) {
        write!(client, "{line}\r\n")?;
    }
    write!(client, "Connection: close\r\n\r\n")?;
    client.write_all(&body[..sent])?;
    client.flush()?;
    if matches!(fault, Some(Fault::Stall(_))) {
        std::thread::sleep(Duration::from_secs(60));
    }
    client.shutdown(Shutdown::Both)
}
