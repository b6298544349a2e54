//! TLS to the database: `sslmode`, `sslrootcert`, `sslcert` and `sslkey` in its address, as libpq knows them.
//!
//! | `sslmode` | what it does |
//! |---|---|
//! | missing, or `disable` | no TLS |
//! | `prefer` | TLS if the server has it; the server is checked as with `require` |
//! | `require` | TLS; the server is checked as with `verify-ca` if `sslrootcert` is given, and otherwise not |
//! | `verify-ca` | the server's certificate must be signed by a trusted authority |
//! | `verify-full` | and it is for the host in the address |
//!
//! `sslrootcert` is a file of certificates in PEM. Without it, or as `system`, the authorities of this
//! machine are trusted. `sslcert` and `sslkey` are files in PEM: the certificate by which the database knows
//! the sandbox, with those between it and its authority, and its private key, which is not encrypted.

use std::error::Error;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use percent_encoding::percent_decode_str;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

/// The largest file of certificates or of a key.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// How a connection is protected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::store) struct Tls {
    mode: Mode,
    /// The file of the authorities that are trusted; `None` for those of this machine.
    roots: Option<PathBuf>,
    /// The files of the certificate and of the key by which the database knows the sandbox.
    client: Option<(PathBuf, PathBuf)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }
}

impl Tls {
    /// Takes what is about TLS out of an address: the client of the database reads less of it. What is wrong
    /// is said without the address, which holds a password.
    pub(super) fn from_address(address: &str) -> Result<(Self, String), &'static str> {
        // A password may hold a question mark.
        let password_end = address.find('@').map_or(0, |place| place + 1);
        let Some(query) = address[password_end..].find('?').map(|place| password_end + place) else {
            return Ok((Self::default(), address.to_owned()));
        };
        let (mut tls, mut others) = (Self::default(), Vec::new());
        let (mut certificate, mut key): (Option<PathBuf>, Option<PathBuf>) = (None, None);
        for pair in address[query + 1..].split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy();
            match name {
                "sslmode" => {
                    tls.mode = Mode::from_word(&value)
                        .ok_or("sslmode is disable, prefer, require, verify-ca or verify-full")?;
                }
                "sslrootcert" if value.is_empty() => return Err("sslrootcert names no file"),
                "sslrootcert" => tls.roots = (value != "system").then(|| value.as_ref().into()),
                "sslcert" if value.is_empty() => return Err("sslcert names no file"),
                "sslcert" => certificate = Some(value.as_ref().into()),
                "sslkey" if value.is_empty() => return Err("sslkey names no file"),
                "sslkey" => key = Some(value.as_ref().into()),
                "sslpassword" => {
                    return Err(
                        "sslpassword is not supported: give sslkey a file with a key that is not encrypted",
                    );
                }
                _ => others.push(pair),
            }
        }
        tls.client = match (certificate, key) {
            (None, None) => None,
            (Some(_), Some(_)) if tls.mode == Mode::Disable => {
                return Err("sslcert and sslkey need TLS: add sslmode, such as sslmode=verify-full");
            }
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err("sslcert and sslkey belong together: give both"),
        };
        let separator = if others.is_empty() { "" } else { "?" };
        Ok((tls, format!("{}{separator}{}", &address[..query], others.join("&"))))
    }

    /// The settings for the client of the database.
    pub(super) fn mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }

    /// The TLS configuration of all connections.
    pub(super) fn connector(&self) -> Result<Connector, String> {
        let config = match self.mode {
            Mode::Disable => None,
            _ => Some(Arc::new(self.config()?)),
        };
        Ok(Connector { config, host: None })
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let failed = |error: rustls::Error| format!("TLS cannot be set up: {error}");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = self.verifier(&provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let Some((certificate, key)) = &self.client else { return Ok(builder.with_no_client_auth()) };
        let config = builder.with_client_auth_cert(certificates("sslcert", certificate)?, private_key(key)?);
        config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                "the key in sslkey is not that of the certificate in sslcert".to_owned()
            }
            error => failed(error),
        })
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let failed = |error: &dyn Error| format!("TLS cannot be set up: {error}");
        let checks_name = self.mode == Mode::VerifyFull;
        // As libpq does it: who names authorities wants them to be asked.
        let asks = matches!(self.mode, Mode::VerifyFull | Mode::VerifyCa) || self.roots.is_some();
        let provider = Arc::clone(provider);
        if !asks {
            // This machine may have no authorities at all.
            return Ok(Arc::new(Checked { checks_name, authorities: None, provider }));
        }
        let authorities: Arc<dyn ServerCertVerifier> = match &self.roots {
            Some(file) => {
                let roots = Arc::new(roots(file)?);
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                    .build()
                    .map_err(|error| failed(&error))?
            }
            None => Arc::new(Verifier::new(Arc::clone(&provider)).map_err(|error| failed(&error))?),
        };
        Ok(Arc::new(Checked { checks_name, authorities: Some(authorities), provider }))
    }
}

/// The content of a file that the address names.
fn content(name: &str, file: &Path) -> Result<Vec<u8>, String> {
    let mut pem = Vec::new();
    File::open(file)
        .and_then(|open| open.take(MAX_FILE_BYTES).read_to_end(&mut pem))
        .map_err(|error| format!("{name}: {} cannot be read: {error}", file.display()))?;
    Ok(pem)
}

fn certificates(name: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = content(name, file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Err(_) => Err(format!("{name}: {} holds a certificate that cannot be read", file.display())),
        Ok(found) if found.is_empty() => {
            Err(format!("{name}: {} holds no certificate in PEM", file.display()))
        }
        Ok(found) => Ok(found),
    }
}

/// The error contains nothing of its content.
fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let unusable =
        |_| format!("sslkey: {} holds no private key in PEM that is not encrypted", file.display());
    PrivateKeyDer::from_pem_slice(&content("sslkey", file)?).map_err(unusable)
}

/// The authorities in a file.
fn roots(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("sslrootcert", file)? {
        roots.add(certificate).map_err(|_| {
            format!("sslrootcert: {} holds a certificate that is not of an authority", file.display())
        })?;
    }
    Ok(roots)
}

/// Checks as much as the mode wants.
#[derive(Debug)]
struct Checked {
    /// Whether the certificate must be one for the name of the server.
    checks_name: bool,
    /// The authority that must have signed the certificate; `None` for any.
    authorities: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Checked {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        let verified = authorities.verify_server_cert(certificate, intermediates, name, ocsp, now);
        match verified {
            // The name is looked at last.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.checks_name => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    // In every mode, the server must have the key of its certificate.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Why TLS failed, in words; `None` if something else did.
pub(super) fn reason(error: &tokio_postgres::Error) -> Option<String> {
    let cause = error.source()?.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(problem) = cause else {
        return Some(format!("TLS with the database failed: {cause}"));
    };
    let problem = match problem {
        CertificateError::UnknownIssuer => {
            "the certificate of the database is not signed by a trusted authority; name a file with its authority in \
             sslrootcert"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the certificate of the database is for another host than the one in the address".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate of the database has expired".to_owned()
        }
        problem => format!("the certificate of the database is refused: {problem}"),
    };
    Some(problem)
}

/// Makes connections secure.
#[derive(Clone)]
pub(super) struct Connector {
    config: Option<Arc<ClientConfig>>,
    host: Option<String>,
}

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Stream;
    type TlsConnect = Self;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Self, io::Error> {
        Ok(Self { config: self.config.clone(), host: Some(host.to_owned()) })
    }
}

impl TlsConnect<Socket> for Connector {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, io::Error>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let invalid = |reason| io::Error::new(io::ErrorKind::InvalidInput, reason);
            let config = self.config.ok_or_else(|| invalid("TLS is switched off"))?;
            let host = ServerName::try_from(self.host.unwrap_or_default())
                .map_err(|_| invalid("the host in the address cannot be a name in a certificate"))?;
            Ok(Stream(tokio_rustls::TlsConnector::from(config).connect(host, socket).await?))
        })
    }
}

/// A secure connection.
pub(super) struct Stream(tokio_rustls::client::TlsStream<Socket>);

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_and_authorities_are_taken_out_of_an_address_and_the_rest_stays() {
        let (tls, rest) = Tls::from_address(
            "postgres://me:a?b@host/db?sslmode=verify-full&host=%2Ftmp&sslrootcert=%2Fmy%20ca.pem",
        )
        .unwrap();
        assert_eq!(tls, Tls { mode: Mode::VerifyFull, roots: Some("/my ca.pem".into()), client: None });
        assert_eq!(rest, "postgres://me:a?b@host/db?host=%2Ftmp");
        for plain in ["postgres://me:a?sslmode=b@host/db", "postgres:///db?host=/tmp&user=me", "postgres://h"]
        {
            assert_eq!(Tls::from_address(plain).unwrap(), (Tls::default(), plain.to_owned()));
        }
        let (tls, rest) = Tls::from_address("postgres://host/db?sslmode=require&sslrootcert=system").unwrap();
        assert_eq!((tls.mode(), tls.roots, &*rest), (SslMode::Require, None, "postgres://host/db"));
        let (tls, rest) =
            Tls::from_address("postgres://host/db?sslcert=/me.pem&sslmode=require&sslkey=/me.key").unwrap();
        assert_eq!((tls.client, &*rest), (Some(("/me.pem".into(), "/me.key".into())), "postgres://host/db"));
    }

    #[test]
    fn what_is_wrong_with_tls_is_said_without_the_password() {
        for (query, wanted) in [
            ("sslmode=secret", "sslmode is disable"),
            ("sslrootcert=", "names no file"),
            ("sslmode=require&sslcert=/secret", "belong together"),
            ("sslmode=require&sslkey=/secret", "belong together"),
            ("sslmode=require&sslcert=&sslkey=/secret", "sslcert names no file"),
            ("sslmode=require&sslcert=/secret&sslkey=", "sslkey names no file"),
            ("sslcert=/secret&sslkey=/secret", "need TLS"),
            ("sslmode=require&sslpassword=secret", "not encrypted"),
        ] {
            let refusal = Tls::from_address(&format!("postgres://me:secret@host/db?{query}")).unwrap_err();
            assert!(refusal.contains(wanted) && !refusal.contains("secret"), "{refusal}");
        }
    }

    #[test]
    fn a_file_without_authorities_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let connector = || {
            let tls = Tls { mode: Mode::VerifyFull, roots: Some(file.clone()), client: None };
            tls.connector().map(drop).unwrap_err()
        };
        assert!(connector().contains("ca.pem cannot be read: "), "{}", connector());
        std::fs::write(&file, "no certificate").unwrap();
        assert!(connector().contains("ca.pem holds no certificate in PEM"), "{}", connector());
    }

    #[test]
    fn a_certificate_without_its_own_key_is_refused_without_a_word_of_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key_file) = (folder.path().join("me.pem"), folder.path().join("me.key"));
        let connector = || {
            let client = Some((certificate.clone(), key_file.clone()));
            Tls { mode: Mode::Require, roots: None, client }.connector().map(drop)
        };
        let [own, other] = [(); 2].map(|()| rcgen::KeyPair::generate().unwrap());
        let made = rcgen::CertificateParams::default().self_signed(&own).unwrap();
        std::fs::write(&certificate, made.pem()).unwrap();
        assert!(connector().unwrap_err().contains("sslkey: "), "there is no such file");
        let hidden = own.serialize_pem().replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for (content, wanted) in [
            (hidden, "me.key holds no private key in PEM"),
            (other.serialize_pem(), "is not that of the certificate"),
        ] {
            std::fs::write(&key_file, &content).unwrap();
            let refusal = connector().unwrap_err();
            assert!(refusal.contains(wanted) && !refusal.contains("BEGIN"), "{refusal}");
        }
        std::fs::write(&key_file, own.serialize_pem()).unwrap();
        assert_eq!(connector(), Ok(()));
    }
}
