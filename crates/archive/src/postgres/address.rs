//! Where a server is and who asks. Passwords are never shown.

use std::fmt;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::encryption::Encryption;
use super::error::PostgresError;

/// Seconds to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(15);

/// The address of a database: `postgres://USER@HOST:PORT/DATABASE`, or `host=... dbname=...`; with `sslmode` and
/// `sslrootcert` as PostgreSQL's own programs take them.
#[derive(Clone)]
pub struct Address {
    pub(super) config: Config,
    pub(super) encryption: Encryption,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`PostgresError::Address`]; the message does not repeat what may hold a password.
    pub fn parse(text: &str) -> Result<Self, PostgresError> {
        if !text.contains('=') && !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(PostgresError::Address { reason: "it does not begin with postgres://".to_owned() });
        }
        let (text, encryption) = without_encryption(text)?;
        let mut config: Config =
            text.parse().map_err(|error| PostgresError::Address { reason: super::error::innermost(&error) })?;
        if config.get_hosts().is_empty() {
            config.host("localhost");
        }
        if config.get_dbname().is_none() {
            return Err(PostgresError::Address { reason: "it names no database".to_owned() });
        }
        if config.get_user().is_none() {
            return Err(PostgresError::Address { reason: "it names no user".to_owned() });
        }
        // What it needs must be there before anything is contacted.
        encryption.connector()?;
        config.ssl_mode(encryption.driver_mode());
        config.application_name("astrolab").connect_timeout(PATIENCE);
        Ok(Self { config, encryption })
    }

    /// Whether the address itself holds a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    pub(super) fn password(&self) -> Option<String> {
        self.config.get_password().map(|password| String::from_utf8_lossy(password).into_owned())
    }

    /// Another database of the same server.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.config.dbname(name);
        other
    }

    /// The same address with a password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }

    /// The password of the first line of a password file (`.pgpass`) that fits:
    /// `host:port:database:user:password`, `*` fits everything, `\` escapes `:` and `\`.
    #[must_use]
    pub fn password_in(&self, file: &str) -> Option<String> {
        let wanted = [self.host(), self.port().to_string(), self.database().to_owned(), self.user().to_owned()];
        for line in file.lines().filter(|line| !line.starts_with('#')) {
            let fields = split_escaped(line);
            let [host, port, database, user, password] = fields.as_slice() else { continue };
            let fits = [host, port, database, user]
                .into_iter()
                .zip(&wanted)
                .all(|(given, wanted)| given == "*" || given == wanted);
            if fits {
                return Some(password.clone());
            }
        }
        None
    }

    /// The first host.
    #[must_use]
    pub fn host(&self) -> String {
        match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            #[cfg(unix)]
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        }
    }

    /// The first port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.config.get_ports().first().copied().unwrap_or(5432)
    }

    /// The database.
    #[must_use]
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    /// The user.
    #[must_use]
    pub fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@{}:{}/{}", self.user(), self.host(), self.port(), self.database())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Takes `sslmode` and `sslrootcert` out of an address: the driver knows only some of their values.
fn without_encryption(text: &str) -> Result<(String, Encryption), PostgresError> {
    let mut encryption = Encryption::default();
    let (before, options, separator) = match text.split_once('?') {
        Some((before, options)) if text.contains("://") => (Some(before), options, '&'),
        None if text.contains("://") => return Ok((text.to_owned(), encryption)),
        _ => (None, text, ' '),
    };
    let mut others = Vec::new();
    for option in options.split(separator) {
        let taken = match option.split_once('=') {
            Some((name, value)) if before.is_some() => encryption.set(name, &decoded(value)),
            Some((name, value)) => encryption.set(name, value.trim_matches('\'')),
            None => None,
        };
        match taken {
            Some(taken) => taken?,
            None => others.push(option),
        }
    }
    let others = others.join(&separator.to_string());
    let text = match before {
        Some(before) if others.is_empty() => before.to_owned(),
        Some(before) => format!("{before}?{others}"),
        None => others,
    };
    Ok((text, encryption))
}

/// Text of a URL with its `%41` as letters.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn split_escaped(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, fields.last_mut()) {
            (':', _) => fields.push(String::new()),
            ('\\', Some(field)) => field.extend(letters.next()),
            (other, Some(field)) => field.push(other),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn passwords_are_found_and_never_shown() {
        let address = Address::parse("postgres://ana:se%3Acret@db.lab:5433/desi").unwrap();
        assert!(address.has_password());
        assert_eq!(format!("{address:?} {address}"), "postgres://ana@db.lab:5433/desi postgres://ana@db.lab:5433/desi");
        let bare = Address::parse("postgres://ana@db.lab:5433/desi").unwrap();
        let file = "# lab\nother:*:*:*:no\ndb.lab:5433:*:ana:a\\:b\\\\c\n";
        assert_eq!(bare.password_in(file).unwrap(), "a:b\\c");
        assert_eq!(bare.password_in("db.lab:1:*:ana:x"), None);
        for wrong in [
            "db.lab/desi",
            "postgres://db.lab",
            "postgres://ana:secret@db.lab:99999999/desi",
            "postgres://ana@db.lab/desi?sslmode=strict",
            "postgres://ana@db.lab/desi?sslmode=verify-full",
            "postgres://ana@db.lab/desi?sslmode=verify-ca&sslrootcert=/no/such%20file.pem",
        ] {
            let fault = Address::parse(wrong).unwrap_err().to_string();
            assert!(fault.contains("hint") && !fault.contains("secret"), "{fault}");
        }
    }

    #[test]
    fn encryption_is_taken_out_of_both_kinds_of_address() {
        for text in [
            "postgres://ana@db.lab/desi?sslmode=require&options=-c%20geqo%3Doff",
            "host=db.lab user=ana sslmode=require dbname=desi",
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.encryption.mode(), address.host().as_str()), ("require", "db.lab"));
        }
        assert_eq!(Address::parse("postgres://ana@db.lab/desi").unwrap().encryption.mode(), "prefer");
        assert_eq!(decoded("/a%20b/100%"), "/a b/100%");
    }
}
