//! One configuration for both clients.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{error, fmt};

use weipay_wire::{
    ApiV3Key, Certificate, IdentifierError, KeyError, MerchantId, MerchantSerial, PrivateKey, PublicKey,
    PublicKeyId,
};

use crate::base_url::BaseUrl;
use crate::core::Core;
use crate::credentials::MerchantParts;
use crate::error::{Causes, RequestProblem};

/// How long a call may take unless it says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes a [`Client`](crate::Client) or a [`blocking::Client`](crate::blocking::Client).
///
/// Needed are the merchant's number, private key and serial (or certificate), and at least one key of the platform to
/// verify answers with. The types keep them apart; what the types cannot tell apart is compared when the client is
/// made, and the error says which is which.
#[must_use = "a builder does nothing before `build` or `build_blocking`"]
pub struct ClientBuilder {
    pub(crate) parts: MerchantParts,
    pub(crate) base_url: Result<BaseUrl, RequestProblem>,
    timeout: Duration,
    check_requests: bool,
    clock: Clock,
    #[cfg(feature = "async")]
    pub(crate) transport: Option<Box<dyn crate::transport::Transport>>,
    #[cfg(feature = "blocking")]
    pub(crate) blocking_transport: Option<Box<dyn crate::transport::blocking::Transport>>,
}

/// Gives the time in seconds since 1970.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

impl Default for ClientBuilder {
    fn default() -> ClientBuilder {
        ClientBuilder {
            parts: MerchantParts::default(),
            base_url: BaseUrl::MAIN.parse(),
            timeout: TIMEOUT,
            check_requests: true,
            clock: Arc::new(system_time),
            #[cfg(feature = "async")]
            transport: None,
            #[cfg(feature = "blocking")]
            blocking_transport: None,
        }
    }
}

fn system_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

impl ClientBuilder {
    /// The merchant number (商户号).
    pub fn mchid(mut self, mchid: MerchantId) -> ClientBuilder {
        self.parts.mchid = Some(mchid);
        self
    }

    /// The serial of the merchant API certificate (商户API证书序列号).
    pub fn merchant_serial(mut self, serial: MerchantSerial) -> ClientBuilder {
        self.parts.serial = Some(serial);
        self
    }

    /// The merchant private key (商户API私钥), the file usually named `apiclient_key.pem`.
    pub fn merchant_key(mut self, key: PrivateKey) -> ClientBuilder {
        self.parts.key = Some(key);
        self
    }

    /// The merchant API certificate (商户API证书), the file usually named `apiclient_cert.pem`. It gives the serial, and
    /// is checked to be of the private key.
    pub fn merchant_certificate(mut self, certificate: Certificate) -> ClientBuilder {
        self.parts.certificate = Some(certificate);
        self
    }

    /// A WeChat Pay public key (微信支付公钥) with its ID. Several may be given; the first is the one asked to sign answers,
    /// and the one that sensitive fields are encrypted with. It goes before any platform certificate.
    pub fn public_key(mut self, id: PublicKeyId, key: PublicKey) -> ClientBuilder {
        self.parts.public_keys.push((id, key));
        self
    }

    /// A platform certificate (平台证书). Several may be given, beside public keys too: answers of each are believed.
    ///
    /// Without a public key, one of them is asked to sign answers, and encrypts sensitive fields: when the client is made,
    /// the one with the latest start among those that are valid, as the platform wants it while certificates change.
    pub fn platform_certificate(mut self, certificate: Certificate) -> ClientBuilder {
        self.parts.platform_certificates.push(certificate);
        self
    }

    /// The APIv3 key (APIv3密钥), which opens what the platform seals for the merchant.
    pub fn api_v3_key(mut self, key: ApiV3Key) -> ClientBuilder {
        self.parts.api_v3_key = Some(key);
        self
    }

    /// Where calls go; `https://api.mch.weixin.qq.com` unless said otherwise. On the main host, operations that live on
    /// another one, as overseas payments do, go there by themselves. `http://` is for a sandbox.
    pub fn base_url(mut self, base_url: &str) -> ClientBuilder {
        self.base_url = base_url.parse();
        self
    }

    /// How long a call may take, from connecting to the last byte; 30 seconds unless said otherwise.
    pub fn timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.timeout = timeout;
        self
    }

    /// Whether typed requests are held against the catalogue before they are sent; on unless switched off. Off is for
    /// the day when the platform changed a rule and this crate does not know it yet.
    pub fn check_requests(mut self, check: bool) -> ClientBuilder {
        self.check_requests = check;
        self
    }

    /// A clock other than the system's, in seconds since 1970.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> ClientBuilder {
        self.clock = Arc::new(clock);
        self
    }

    /// A transport of your own for the async client, perhaps around the [default one](crate::transport::DefaultTransport).
    #[cfg(feature = "async")]
    pub fn transport(mut self, transport: impl crate::transport::Transport + 'static) -> ClientBuilder {
        self.transport = Some(Box::new(transport));
        self
    }

    /// A transport of your own for the blocking client, perhaps around the
    /// [default one](crate::transport::blocking::DefaultTransport).
    #[cfg(feature = "blocking")]
    pub fn blocking_transport(
        mut self,
        transport: impl crate::transport::blocking::Transport + 'static,
    ) -> ClientBuilder {
        self.blocking_transport = Some(Box::new(transport));
        self
    }

    pub(crate) fn into_core(self) -> Result<Core, ConfigError> {
        Ok(Core {
            merchant: self.parts.join((self.clock)())?,
            base_url: self.base_url.map_err(ConfigError::BaseUrl)?,
            timeout: self.timeout,
            check_requests: self.check_requests,
            clock: self.clock,
        })
    }
}

/// Why a client could not be made.
#[non_exhaustive]
pub enum ConfigError {
    /// What is needed and was not given: each thing, and how to give it.
    Missing(Vec<&'static str>),
    /// Environment variables that are needed and are not set, or are empty.
    Unset(Vec<&'static str>),
    /// Two things that belong together do not.
    Mismatch(&'static str),
    /// The merchant's own key was given where the platform's belongs.
    OwnKey(&'static str),
    /// A number, serial or ID is not of its form.
    Identifier(IdentifierError),
    /// A key or certificate cannot be used.
    Key {
        /// Which one, by the name of its setting.
        setting: String,
        /// Why.
        source: KeyError,
    },
    /// The base URL cannot be used.
    BaseUrl(RequestProblem),
    /// A setting of the environment or of a kit cannot be used.
    Setting {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The TLS library cannot be used. The system's certificates are loaded later, by the first call that needs them.
    Tls(String),
}

/// What is wrong, without the cause that [`source`](error::Error::source) gives; `{:#}` prints it too, on the same line.
impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Missing(what) => write!(out, "missing: {}", what.join("; ")),
            ConfigError::Unset(names) => {
                write!(out, "these environment variables are not set: {}", names.join(", "))
            }
            ConfigError::Mismatch(what) => write!(out, "{what}"),
            ConfigError::OwnKey(wanted) => write!(
                out,
                "what was given as {wanted} is the merchant's own key: answers are verified with the platform's key, \
                 which the merchant platform offers under 账户中心 > API安全"
            ),
            ConfigError::Identifier(error) => write!(out, "{error}"),
            ConfigError::Key { setting, .. } => write!(out, "{setting} cannot be used"),
            ConfigError::BaseUrl(problem) => write!(out, "{problem}"),
            ConfigError::Setting { name, reason } => write!(out, "{name}: {reason}"),
            ConfigError::Tls(reason) => write!(out, "TLS cannot be set up: {reason}"),
        }?;
        if out.alternate() { write!(out, "{}", Causes(self)) } else { Ok(()) }
    }
}

/// The sentence of `{:#}`, cause included: that is how a program ends whose `main` returns the error.
impl fmt::Debug for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self:#}")
    }
}

impl error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            ConfigError::Key { source, .. } => Some(source),
            _ => None,
        }
    }
}
