//! The local certificate authority (本地CA): it lets a client that only speaks TLS to the official hosts speak to the sandbox.
//!
//! A client trusts it when it is told to, by a file or a variable; nothing here installs it anywhere. Its certificate may vouch
//! for the platform's own domains and for this machine, and for nothing else, so that a leaked key opens no other site. The
//! key is in the data folder, for its owner only. The server's certificate is created at each start and is never on disk.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, Error, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PublicKeyData, SanType,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::data_folder::{CA_CERTIFICATE, CA_KEY};
use crate::kit::{KitError, replace_file};

/// Domains of the real platform. The sandbox stands in for every host below them, and nothing that it says leads there.
pub(crate) const OFFICIAL_DOMAINS: [&str; 4] =
    ["weixin.qq.com", "wechatpay.cn", "tenpay.com", "wechatpay.com.cn"];

/// Whether a host is one of the real platform's.
pub(crate) fn is_official(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_at_or_below =
        |domain: &&str| host.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    OFFICIAL_DOMAINS.iter().any(is_at_or_below)
}

/// A wildcard covers one label: `api.mch.weixin.qq.com` needs the second.
const SERVER_NAMES: [&str; 7] = [
    "localhost",
    "*.weixin.qq.com",
    "*.mch.weixin.qq.com",
    "*.wechatpay.cn",
    "*.mch.tenpay.com",
    // Where an h5_url leads.
    "wx.tenpay.com",
    "*.wechatpay.com.cn",
];

const CA_YEARS: i64 = 10;
/// More than a sandbox runs without a restart, and less than some clients accept at most (398 days).
const SERVER_DAYS: i64 = 397;

/// The authority of a data folder.
pub(crate) struct Authority {
    file: PathBuf,
    key: KeyPair,
    /// Made when the first client speaks TLS: most sandboxes never need it.
    server: OnceLock<Arc<ServerConfig>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Authority {
    /// Opens the authority of a folder. Where there is none, makes it.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let (file, key_file) = (dir.join(CA_CERTIFICATE), dir.join(CA_KEY));
        let key = match fs::read_to_string(&key_file).map(Zeroizing::new) {
            Ok(pem) => KeyPair::from_pem(&pem).map_err(|_| broken(&key_file))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if key_of(&file)?.is_some() {
                    return Err(without_key(&file, &format!("{CA_KEY} is missing")));
                }
                let key = KeyPair::generate().map_err(io::Error::other)?;
                write_private(&key_file, Zeroizing::new(key.serialize_pem()).as_bytes())?;
                key
            }
            Err(error) => return Err(error),
        };
        match key_of(&file)? {
            Some(certified) if certified == key.subject_public_key_info() => {}
            Some(_) => return Err(without_key(&file, &format!("{CA_KEY} is another key"))),
            // After a crash between the two files, or if somebody deleted this one: the same key vouches for the same name.
            None => {
                let certificate = authority_params().self_signed(&key).map_err(io::Error::other)?;
                write_private(&file, certificate.pem().as_bytes())?;
            }
        }
        Ok(Self { file, key, server: OnceLock::new() })
    }

    /// Its certificate, which clients are told to trust.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The configuration with which a TLS connection is accepted.
    pub(crate) fn server(&self) -> Result<Arc<ServerConfig>, String> {
        if let Some(made) = self.server.get() {
            return Ok(Arc::clone(made));
        }
        // What failed is tried again by the next client.
        let made = self.server_config().map_err(|error| error.to_string())?;
        Ok(Arc::clone(self.server.get_or_init(|| made)))
    }

    fn server_config(&self) -> Result<Arc<ServerConfig>, Box<dyn std::error::Error + Send + Sync>> {
        let key = KeyPair::generate()?;
        let params = authority_params();
        let certificate = server_params()?.signed_by(&key, &Issuer::from_params(&params, &self.key))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(AnyCertificate::default()))
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// Asks every client for its certificate, and takes any or none: APIv2 decides by the operation whose it must be. The handshake
/// proves only that the client has the key.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl Default for AnyCertificate {
    fn default() -> Self {
        Self(aws_lc_rs::default_provider().signature_verification_algorithms)
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// The key that the certificate of a file is of. `None` where there is none, or half of one, which nobody can trust.
fn key_of(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let certificate = CertificateDer::from_pem_slice(&text).ok();
    let certificate = certificate.as_ref().and_then(|bytes| ParsedCertificate::try_from(bytes).ok());
    Ok(certificate.map(|certificate| certificate.subject_public_key_info().to_vec()))
}

/// A certificate that clients trust, and that the sandbox cannot act for: another one in its place would fail for all
/// of them, and only as an error of TLS.
fn without_key(file: &Path, what: &str) -> io::Error {
    let text = format!(
        "{what}, and clients may trust {}: put its key back, or delete {CA_CERTIFICATE} (and {CA_KEY}), and another authority is \
         created, which clients must be told to trust",
        file.display()
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn broken(file: &Path) -> io::Error {
    let text = format!(
        "{} is not a private key; delete it with {CA_CERTIFICATE}, and both are created again",
        file.display()
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// In one step, so that a crash leaves no half of a file.
fn write_private(file: &Path, content: &[u8]) -> io::Result<()> {
    replace_file(file, content).map_err(|error| match error {
        KitError::File { error, .. } => error,
        error => io::Error::other(error),
    })
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "weipay sandbox CA (local tests only)");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let names = OFFICIAL_DOMAINS.into_iter().chain(["localhost"]);
    let mut permitted: Vec<_> = names.map(|name| GeneralSubtree::DnsName(name.to_owned())).collect();
    permitted.push(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv4Addr::LOCALHOST.into(), 8)));
    permitted.push(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(Ipv6Addr::LOCALHOST.into(), 128)));
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() });
    valid_for(&mut params, CA_YEARS * 365);
    params
}

fn server_params() -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(SERVER_NAMES.map(str::to_owned))?;
    let addresses = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    params.subject_alt_names.extend(addresses.map(SanType::IpAddress));
    params.distinguished_name.push(DnType::CommonName, "weipay sandbox");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    valid_for(&mut params, SERVER_DAYS);
    Ok(params)
}

/// By the clock of the machine: clients check it by theirs, whatever the sandbox's own clock says.
fn valid_for(params: &mut CertificateParams, days: i64) {
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now - Duration::DAY, now + Duration::days(days - 1));
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::ServerName;

    use super::*;

    /// Whether a client that trusts the authority accepts this certificate for this host.
    fn accepts(authority: &Authority, certificate: &CertificateDer<'_>, host: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority.file()).unwrap()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider).build().unwrap();
        let host = ServerName::try_from(host.to_owned()).unwrap();
        verifier.verify_server_cert(certificate, &[], &host, &[], UnixTime::now()).is_ok()
    }

    fn certificate(authority: &Authority, names: &[&str]) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let mut params = server_params().unwrap();
        params.subject_alt_names =
            names.iter().map(|name| SanType::DnsName((*name).try_into().unwrap())).collect();
        let issuer = authority_params();
        params.signed_by(&key, &Issuer::from_params(&issuer, &authority.key)).unwrap().der().clone()
    }

    #[test]
    fn it_vouches_for_the_official_hosts_and_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        let params = authority_params();
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&params, &authority.key);
        let server = server_params().unwrap().signed_by(&key, &issuer).unwrap();
        for host in [
            "api.mch.weixin.qq.com",
            "api2.mch.weixin.qq.com",
            "apihk.mch.weixin.qq.com",
            "apius.mch.weixin.qq.com",
            "payapp.weixin.qq.com",
            "fraud.mch.weixin.qq.com",
            "api.wechatpay.cn",
            "api2.wechatpay.cn",
            "download-service.wechatpay.cn",
            "wx.tenpay.com",
            "localhost",
            "127.0.0.1",
            "::1",
        ] {
            assert!(accepts(&authority, server.der(), host), "{host}");
        }
        assert!(!accepts(&authority, server.der(), "example.com"));
    }

    #[test]
    fn a_certificate_that_it_signs_for_another_site_is_worth_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        let official = certificate(&authority, &["api.mch.weixin.qq.com"]);
        assert!(accepts(&authority, &official, "api.mch.weixin.qq.com"));
        for host in ["example.com", "weixin.qq.com.example.com", "qq.com"] {
            assert!(!accepts(&authority, &certificate(&authority, &[host]), host), "{host}");
        }
    }

    #[test]
    fn it_stays_the_same_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = fs::read(Authority::open(dir.path()).unwrap().file()).unwrap();
        assert_eq!(fs::read(Authority::open(dir.path()).unwrap().file()).unwrap(), first);
        #[cfg(unix)]
        for name in [CA_CERTIFICATE, CA_KEY] {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_lost_certificate_is_made_again_for_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        fs::remove_file(authority.file()).unwrap();
        let again = Authority::open(dir.path()).unwrap();
        assert!(accepts(&again, &certificate(&authority, &["api.wechatpay.cn"]), "api.wechatpay.cn"));
    }

    #[test]
    fn half_of_a_certificate_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = fs::read(Authority::open(dir.path()).unwrap().file()).unwrap();
        let works = || {
            let authority = Authority::open(dir.path()).unwrap();
            accepts(&authority, &certificate(&authority, &["api.wechatpay.cn"]), "api.wechatpay.cn")
        };
        for content in [&b""[..], &first[..first.len() / 2]] {
            fs::write(dir.path().join(CA_CERTIFICATE), content).unwrap();
            assert!(works());
        }
        // What a crash left beside it does not matter.
        fs::remove_file(dir.path().join(CA_CERTIFICATE)).unwrap();
        fs::write(dir.path().join("ca.pem.unfinished"), "half").unwrap();
        assert!(works());
    }

    /// Clients that trust the old authority would only get an error of TLS.
    #[test]
    fn no_other_authority_takes_the_place_of_one_whose_key_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let (file, key_file) = (dir.path().join(CA_CERTIFICATE), dir.path().join(CA_KEY));
        Authority::open(dir.path()).unwrap();
        let (certificate, key) = (fs::read(&file).unwrap(), fs::read(&key_file).unwrap());
        let refused = |why: &str| {
            let error = Authority::open(dir.path()).err().unwrap().to_string();
            assert!(error.contains(why) && error.contains("delete ca.pem"), "{error}");
            assert_eq!(fs::read(&file).unwrap(), certificate);
        };
        fs::remove_file(&key_file).unwrap();
        refused("ca-key.pem is missing");
        assert!(!key_file.exists());
        fs::write(&key_file, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        refused("ca-key.pem is another key");
        fs::write(&key_file, key).unwrap();
        Authority::open(dir.path()).unwrap();
        fs::remove_file(&key_file).unwrap();
        fs::remove_file(&file).unwrap();
        Authority::open(dir.path()).unwrap();
        assert_ne!(fs::read(&file).unwrap(), certificate);
    }

    #[test]
    fn a_key_that_is_none_is_reported_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CA_KEY), "not a key").unwrap();
        let error = Authority::open(dir.path()).err().unwrap().to_string();
        assert!(error.contains("is not a private key; delete it with ca.pem"), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join(CA_KEY)).unwrap(), "not a key");
    }

    #[test]
    fn official_hosts_are_known_however_they_are_written() {
        for host in ["api.mch.weixin.qq.com", "API.MCH.weixin.qq.com.", "weixin.qq.com"] {
            assert!(is_official(host), "{host}");
        }
        for host in ["weixin.qq.com.example.com", "notweixin.qq.com", "qq.com", "127.0.0.1", ""] {
            assert!(!is_official(host), "{host}");
        }
    }
}
