//! Encrypted sessions: `sslmode` and `sslrootcert`, with the meanings that PostgreSQL's own programs give them
//! (<https://www.postgresql.org/docs/16/libpq-ssl.html>). The encryption itself is rustls.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client;

use super::error::PostgresError;

/// How much a session asks of its encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Demand {
    /// None.
    Disable,
    /// Encryption where the server has it.
    #[default]
    Prefer,
    /// Encryption; the certificate is looked at only where `sslrootcert` is given.
    Require,
    /// A certificate that an authority of `sslrootcert` signed.
    VerifyCa,
    /// The same, and it names the host.
    VerifyFull,
}

/// What an address says of encryption.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Encryption {
    pub(super) demand: Demand,
    /// A file of certificates (PEM), or `system` for those that the operating system trusts.
    pub(super) roots: Option<PathBuf>,
}

impl Encryption {
    /// Reads one of the two options of an address; `None` where the name is another.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Option<Result<(), PostgresError>> {
        match name {
            "sslrootcert" => self.roots = Some(PathBuf::from(value)),
            "sslmode" => {
                self.demand = match value {
                    "disable" => Demand::Disable,
                    "allow" | "prefer" => Demand::Prefer,
                    "require" => Demand::Require,
                    "verify-ca" => Demand::VerifyCa,
                    "verify-full" => Demand::VerifyFull,
                    other => {
                        let known = "expected disable, prefer, require, verify-ca or verify-full";
                        return Some(Err(PostgresError::Address { reason: format!("sslmode `{other}`: {known}") }));
                    }
                }
            }
            _ => return None,
        }
        Some(Ok(()))
    }

    /// What it asks, in PostgreSQL's words, for its own programs.
    pub(super) fn mode(&self) -> &'static str {
        match self.demand {
            Demand::Disable => "disable",
            Demand::Prefer => "prefer",
            Demand::Require => "require",
            Demand::VerifyCa => "verify-ca",
            Demand::VerifyFull => "verify-full",
        }
    }

    /// The same in the driver's words: it knows only whether to ask for encryption.
    pub(super) fn driver_mode(&self) -> SslMode {
        match self.demand {
            Demand::Disable => SslMode::Disable,
            Demand::Prefer => SslMode::Prefer,
            Demand::Require | Demand::VerifyCa | Demand::VerifyFull => SslMode::Require,
        }
    }

    /// What encrypts; `None` where nothing is to be.
    pub(super) fn connector(&self) -> Result<Option<Encrypted>, PostgresError> {
        let wrong = |reason: String| PostgresError::Address { reason };
        if self.demand == Demand::Disable {
            return Ok(None);
        }
        let verifies = matches!(self.demand, Demand::VerifyCa | Demand::VerifyFull);
        let trusted = match &self.roots {
            Some(roots) => Some(certificates(roots).map_err(wrong)?),
            None if verifies => {
                let mode = self.mode();
                return Err(wrong(format!(
                    "sslmode={mode} needs sslrootcert=FILE, the certificate of the authority that signed the server's, or sslrootcert=system"
                )));
            }
            None => None,
        };
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier {
            trusted: trusted.map(Trusted::new).transpose().map_err(wrong)?,
            names: self.demand == Demand::VerifyFull,
            provider: provider.clone(),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Some(Encrypted(TlsConnector::from(Arc::new(config)))))
    }
}

/// Encrypts connections of the driver.
#[derive(Clone)]
pub(super) struct Encrypted(TlsConnector);

/// The same for one host.
pub(super) struct ToHost(TlsConnector, ServerName<'static>);

/// An encrypted connection.
pub(super) struct Stream<S>(Box<client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Encrypted {
    type Stream = Stream<S>;
    type TlsConnect = ToHost;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<ToHost, Self::Error> {
        Ok(ToHost(self.0.clone(), ServerName::try_from(host.to_owned())?))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for ToHost {
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { Ok(Stream(Box::new(self.0.connect(self.1, stream).await?))) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    /// Passwords are proved by SCRAM without a tie to the certificate.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// The certificates that are trusted, or why there are none.
fn certificates(roots: &PathBuf) -> Result<Vec<CertificateDer<'static>>, String> {
    if roots.as_os_str() == "system" {
        let found = rustls_native_certs::load_native_certs();
        return match found.certs {
            none if none.is_empty() => Err("sslrootcert=system: this system has no trusted certificates".to_owned()),
            some => Ok(some),
        };
    }
    let failed = |reason: String| format!("sslrootcert {}: {reason}", roots.display());
    let read = CertificateDer::pem_file_iter(roots).map_err(|error| failed(error.to_string()))?;
    let found: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))?;
    if found.is_empty() { Err(failed("it holds no certificate".to_owned())) } else { Ok(found) }
}

/// Certificates that a server's must come from, or be.
#[derive(Debug)]
struct Trusted {
    certificates: Vec<CertificateDer<'static>>,
    authorities: RootCertStore,
}

impl Trusted {
    fn new(certificates: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let mut authorities = RootCertStore::empty();
        let (added, _) = authorities.add_parsable_certificates(certificates.iter().cloned());
        if added == 0 {
            return Err("sslrootcert: none of its certificates can be understood".to_owned());
        }
        Ok(Self { certificates, authorities })
    }
}

/// Looks at the server's certificate as `sslmode` says.
#[derive(Debug)]
struct Verifier {
    trusted: Option<Trusted>,
    names: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(trusted) = &self.trusted else { return Ok(ServerCertVerified::assertion()) };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        // A server that signed its certificate itself is trusted by that very certificate.
        if !trusted.certificates.contains(end_entity) {
            let algorithms = self.provider.signature_verification_algorithms.all;
            let roots = &trusted.authorities;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        if self.names {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
