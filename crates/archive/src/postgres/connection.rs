//! One session with a server, asked from ordinary code.

use std::future::Future;

use tokio::runtime::Runtime;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, Socket};

use super::address::Address;
use super::error::{PostgresError, innermost};

/// A connection and the threads that keep it going.
pub struct Database {
    pub(super) client: Client,
    pub(super) runtime: Runtime,
}

/// The fields of a row as text.
pub(super) type Row = Vec<Option<String>>;

impl Database {
    /// Connects.
    ///
    /// # Errors
    /// [`PostgresError::Connect`].
    pub fn connect(address: &Address) -> Result<Self, PostgresError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| PostgresError::Connect {
            server: address.to_string(),
            code: String::new(),
            reason: error.to_string(),
            hint: None,
        })?;
        let client = runtime.block_on(open(address))?;
        Ok(Self { client, runtime })
    }

    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Runs statements whose answer nobody needs. `action` goes on after "cannot".
    ///
    /// # Errors
    /// [`PostgresError::Statement`] or [`PostgresError::Lost`].
    pub fn execute(&self, action: &str, sql: &str) -> Result<(), PostgresError> {
        self.wait(self.client.batch_execute(sql)).map_err(|error| PostgresError::from_driver(action, &error))
    }

    /// Runs one statement and gathers its rows as text.
    ///
    /// # Errors
    /// As [`Database::execute`].
    pub fn rows(&self, action: &str, sql: &str) -> Result<Vec<Row>, PostgresError> {
        self.wait(rows(&self.client, action, sql))
    }

    /// The first field of the first row.
    ///
    /// # Errors
    /// As [`Database::execute`].
    pub fn value(&self, action: &str, sql: &str) -> Result<Option<String>, PostgresError> {
        Ok(self.rows(action, sql)?.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }
}

/// Opens a session, encrypted as the address says.
pub(super) async fn open(address: &Address) -> Result<Client, PostgresError> {
    let opened = match address.encryption.connector()? {
        None => open_with(&address.config, NoTls).await,
        Some(encrypted) => match open_with(&address.config, encrypted).await {
            // Encryption was a wish: the server speaks another kind of it.
            Err(error) if address.config.get_ssl_mode() == SslMode::Prefer && error.to_string().contains("TLS") => {
                let mut plain = address.config.clone();
                open_with(plain.ssl_mode(SslMode::Disable), NoTls).await
            }
            opened => opened,
        },
    };
    opened.map_err(|error| {
        let code = error.code().map(|code| code.code().to_owned()).unwrap_or_default();
        let reason = error.as_db_error().map_or_else(|| innermost(&error), |told| told.message().to_owned());
        let hint = match code.as_str() {
            "28P01" => Some("give the password in PGPASSWORD or in ~/.pgpass"),
            "28000" if reason.contains("no encryption") => Some("the server wants encryption: add ?sslmode=require"),
            "28000" => Some("give the password in PGPASSWORD or in ~/.pgpass"),
            "3D000" => Some("create the database first: createdb NAME"),
            "" if reason.contains("password") => Some("give the password in PGPASSWORD or in ~/.pgpass"),
            "" if reason.contains("certificate") => Some(
                "sslrootcert must hold the certificate of the authority that signed the server's; verify-full also wants the host's name in it",
            ),
            "" if reason.contains("does not support TLS") => Some("turn ssl on there, or leave sslmode out"),
            "" => Some("is the server running, and does it listen there?"),
            _ => None,
        };
        PostgresError::Connect { server: address.to_string(), code, reason, hint }
    })
}

async fn open_with<T>(config: &Config, tls: T) -> Result<Client, tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    // The task ends with the client; what goes wrong in it is told to whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// One statement's rows as text.
pub(super) async fn rows(client: &Client, action: &str, sql: &str) -> Result<Vec<Row>, PostgresError> {
    let told = client.simple_query(sql).await.map_err(|error| PostgresError::from_driver(action, &error))?;
    let row = |message: SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
        _ => None,
    };
    Ok(told.into_iter().filter_map(row).collect())
}
