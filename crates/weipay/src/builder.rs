//! The configuration of both clients.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{error, fmt};

use weipay_wire::{
    ApiV2Key, ApiV3Key, BrandId, Certificate, ClientIdentity, IdentifierError, KeyError, MerchantId,
    MerchantSerial, PrivateKey, PublicKey, PublicKeyId,
};

use crate::attempts::DeliverySettings;
use crate::base_url::BaseUrl;
use crate::core::Core;
use crate::credentials::{Account, MerchantParts};
use crate::error::{Cause, Causes, RequestError};
use crate::observer::Observer;
use crate::retry::{RetryConfig, RetryPolicy, Timer};
use crate::sub_merchant::SubMerchant;
use crate::transport::{ConnectionOptions, Proxy};

/// The default time limit of a call.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes a [`Client`](crate::Client) or a [`blocking::Client`](crate::blocking::Client).
///
/// Required: the merchant's number, private key, and serial (or certificate); and, to verify responses, one of: the
/// platform's public key, a platform certificate, or the APIv3 key, with which the client fetches the certificates.
/// Types keep these apart where possible. The rest is checked when the client is built, and the error names the setting
/// that was mixed up.
#[must_use = "a builder does nothing before `build` or `build_blocking`"]
pub struct ClientBuilder {
    pub(crate) parts: MerchantParts,
    /// `None` for the main host.
    pub(crate) base_url: Option<Result<BaseUrl, RequestError>>,
    timeout: Duration,
    check_requests: bool,
    pub(crate) clock: Clock,
    delivery: DeliverySettings,
    pub(crate) connection_options: ConnectionOptions,
    pub(crate) sub_merchant: Option<SubMerchant>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    #[cfg(feature = "async")]
    pub(crate) transport: Option<Arc<dyn crate::transport::Transport>>,
    #[cfg(feature = "blocking")]
    pub(crate) blocking_transport: Option<Arc<dyn crate::transport::blocking::Transport>>,
    #[cfg(feature = "async")]
    pub(crate) signer: Option<Arc<dyn crate::signer::Signer>>,
    #[cfg(feature = "blocking")]
    pub(crate) blocking_signer: Option<Arc<dyn crate::signer::blocking::Signer>>,
}

/// Why a client with a transport of the caller's cannot be given settings of connections.
pub(crate) const TRANSPORT_CONNECTS: &str = "`proxy` and `connect_timeout` have no effect with a transport of your own: set them \
     on the transport, for example with `DefaultTransport::with_options(ConnectionOptions::default().proxy(...))`";

/// Why a client is not built with the transport of the other one alone.
const OTHER_TRANSPORT: &str = "the only transport is that of the other client, so it would be ignored: `build` uses \
     `.transport(...)`, and `build_blocking` uses `.blocking_transport(...)`";

/// Why a client is not built with the signer of the other one alone.
const OTHER_SIGNER: &str = "the only signer is that of the other client, so it would be ignored: `build` uses `.signer(...)`, and \
     `build_blocking` uses `.blocking_signer(...)`";

/// Why settings of connections cannot be given to a client that shares another's.
pub(crate) const TRANSPORT_SHARED: &str = "a transport, a proxy or a time limit for connecting was given for a merchant that shares the \
     connections of another client: give it to that client";

/// Returns the time in seconds since 1970.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            parts: MerchantParts::default(),
            base_url: None,
            timeout: TIMEOUT,
            check_requests: true,
            clock: Arc::new(system_time),
            delivery: DeliverySettings::default(),
            connection_options: ConnectionOptions::default(),
            sub_merchant: None,
            observer: None,
            #[cfg(feature = "async")]
            transport: None,
            #[cfg(feature = "blocking")]
            blocking_transport: None,
            #[cfg(feature = "async")]
            signer: None,
            #[cfg(feature = "blocking")]
            blocking_signer: None,
        }
    }
}

pub(crate) fn system_time() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

impl ClientBuilder {
    /// The merchant number (商户号).
    pub fn mchid(mut self, mchid: MerchantId) -> Self {
        self.parts.account = Some(Account::Merchant(mchid));
        self
    }

    /// The ID of a brand (品牌ID), in place of a merchant number. Serial, certificate and private key are then
    /// those of the brand's API certificate (品牌API证书), and the platform is known by its [public
    /// key](Self::public_key).
    ///
    /// Such a client calls the operations of brands, whose paths begin with `brand/`, with any style that
    /// takes a path. It cannot call operations of merchants, and a merchant's client cannot call those of
    /// brands: either is an error before anything is sent.
    pub fn brand(mut self, brand_id: BrandId) -> Self {
        self.parts.account = Some(Account::Brand(brand_id));
        self
    }

    /// The sub-merchant (子商户) that a partner (服务商) calls for: it is filled into requests that have a field for it and
    /// do not set it. See [`SubMerchant`].
    pub fn sub_merchant(mut self, sub_merchant: SubMerchant) -> Self {
        self.sub_merchant = Some(sub_merchant);
        self
    }

    /// The serial of the merchant API certificate (商户API证书序列号).
    pub fn merchant_serial(mut self, serial: MerchantSerial) -> Self {
        self.parts.serial = Some(serial);
        self
    }

    /// The merchant private key (商户API私钥), the file usually named `apiclient_key.pem`.
    pub fn merchant_key(mut self, key: PrivateKey) -> Self {
        self.parts.key = Some(key);
        self
    }

    /// The merchant API certificate (商户API证书), the file usually named `apiclient_cert.pem`. It contains the
    /// serial. It must belong to the private key; this is checked.
    pub fn merchant_certificate(mut self, certificate: Certificate) -> Self {
        self.parts.certificate = Some(certificate);
        self
    }

    /// A WeChat Pay public key (微信支付公钥) with its ID. Several may be given. The client asks the platform to
    /// sign responses with the first one, and encrypts sensitive fields with it. Platform certificates come
    /// second.
    pub fn public_key(mut self, id: PublicKeyId, key: PublicKey) -> Self {
        self.parts.public_keys.push((id, key));
        self
    }

    /// A platform certificate (平台证书). You can give several, also together with public keys; each verifies responses.
    ///
    /// Without a public key, the client asks the platform to sign responses with one of them, and encrypts
    /// sensitive fields with it. It is the one with the latest start among those that are valid at the time
    /// of the call, as the platform requires while certificates change.
    ///
    /// With the [APIv3 key](Self::api_v3_key), the client fetches newer certificates while it runs. What it fetches then replaces
    /// the certificates that were given, because a certificate that the platform no longer lists is retired.
    pub fn platform_certificate(mut self, certificate: Certificate) -> Self {
        self.parts.platform_certificates.push(certificate);
        self
    }

    /// The APIv3 key (APIv3密钥), with which the platform encrypts notifications and its certificates (平台证书) for the
    /// merchant.
    ///
    /// With it, the client fetches the platform's certificates itself:
    ///
    /// - before the first call, if it was given no other key of the platform;
    /// - again when they are eleven hours old, while calls go on with those that are there;
    /// - when a response names a certificate that it does not have, at most once a minute.
    ///
    /// A client of an overseas host (`https://apihk.mch.weixin.qq.com`) asks for `/v3/global/certificates`
    /// there. A client of the main host asks the main host, also if it calls operations of overseas.
    /// UNCONFIRMED: no source says whether both lists have the same certificates. So give a client for
    /// overseas payments that host as its [base URL](Self::base_url), or the public key.
    ///
    /// Only one fetch runs at a time. It continues when the call that started it is dropped or times out (for blocking
    /// clients, at most eight such fetches in a process). A failed fetch keeps the current keys, so it does no harm to
    /// a merchant that has only a public key (微信支付公钥). A `notification::Receiver` made from these settings
    /// decrypts notifications with it.
    pub fn api_v3_key(mut self, key: ApiV3Key) -> Self {
        self.parts.api_v3_key = Some(key);
        self
    }

    /// The APIv2 key (API密钥), which signs calls of APIv2.
    pub fn api_v2_key(mut self, key: ApiV2Key) -> Self {
        self.parts.api_v2_key = Some(key);
        self
    }

    /// The merchant's certificate and private key together, as the file `apiclient_cert.p12` holds them:
    /// [`ClientIdentity::from_pkcs12`]. It replaces [`merchant_key`](Self::merchant_key) and
    /// [`merchant_certificate`](Self::merchant_certificate), and is the client certificate of TLS where APIv2 requires one
    /// (双向证书). If it is not set, those two are used for TLS.
    pub fn merchant_identity(mut self, identity: ClientIdentity) -> Self {
        self.parts.key = Some(identity.key().clone());
        self.parts.certificate = Some(identity.certificate().clone());
        self.parts.identity = Some(identity);
        self
    }

    /// Sets the base URL; `https://api.mch.weixin.qq.com` by default. A client of this main host sends operations of other hosts,
    /// such as overseas payments, to those hosts. A client with any other base URL sends everything there. `http://` is for a
    /// sandbox. An invalid URL is reported when the client is built.
    pub fn base_url(mut self, base_url: &str) -> Self {
        self.base_url = Some(base_url.parse());
        self
    }

    /// How long a call may take, from connecting to the last byte, with all its attempts; 30 seconds by default. More than 365
    /// days count as 365 days; with zero every call fails.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long it may take to make a connection: to look up the host, to connect, and to agree on TLS; ten seconds by
    /// default. The time limit of the call also applies. More than 365 days count as 365 days.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connection_options = self.connection_options.connect_timeout(timeout);
        self
    }

    /// Makes all connections through an HTTP proxy, by a tunnel (CONNECT). A proxy is used only if it is set here: variables
    /// such as `HTTPS_PROXY` are ignored.
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.connection_options = self.connection_options.proxy(proxy);
        self
    }

    pub(crate) fn has_connection_options(&self) -> bool {
        self.connection_options != ConnectionOptions::default()
    }

    /// How often calls are repeated, and after which delays. By default, a call that cannot take effect twice is sent
    /// up to three times; see [`RetryConfig`]. [`RetryConfig::none`] switches retries and failover off.
    pub fn retries(mut self, retries: RetryConfig) -> Self {
        self.delivery.retries = retries;
        self
    }

    /// Whether calls may go to the backup host (备域名) while the main host fails; `true` by default. The backup of
    /// `api.mch.weixin.qq.com` is `api2.mch.weixin.qq.com`, and that of `api.wechatpay.cn` is `api2.wechatpay.cn`.
    /// Failover applies only to clients of these two hosts, and not to operations on other hosts.
    ///
    /// # Where a call is sent
    ///
    /// A host has failed if no connection or no complete response came, if a gateway responded with 502, 503 or 504, or if
    /// something else answered with a web page or a redirect. A call that is [sent again](RetryConfig) then goes to the other
    /// host.
    ///
    /// - After three consecutive failures of the main host, calls start at the backup host. Every thirty seconds one call that is
    ///   safe to repeat probes the main host.
    /// - A call that may not have the time for both hosts starts at the backup host already after the first failure, if that host
    ///   has responded since: one that is not safe to repeat at once (a refund is repeated after a minute), has less than four
    ///   seconds left, is an upload or a download, or follows a [`retry_policy`](Self::retry_policy).
    /// - While both hosts fail again and again, each call starts at the one that failed longer ago. So the host that is back is
    ///   found soon, also by a program that only takes payments.
    /// - A URL names its host, so the download of a URL never changes the host.
    ///
    /// # How both hosts share the time limit
    ///
    /// So that the client leaves a host that stays silent, the first attempt has only a share of the [time limit](Self::timeout),
    /// and the second one has the rest. A response that needs longer than the share is lost. The share is:
    ///
    /// - Normally half, but at least five seconds as long as two are left for the other host: of six seconds it is four.
    /// - Half without a minimum, if the host of the first attempt failed the last time.
    /// - The whole time limit, if less than four seconds are left, or if the other host has failed within the last five seconds,
    ///   and the host of the first attempt has not.
    /// - The whole time limit for one call in five seconds, if neither host made a connection in time when it was asked last.
    ///   Perhaps connecting is slow on this network.
    ///
    /// This is for calls that are safe to repeat at once. Any other call is not sent again once it may have arrived, so its first
    /// attempt has the whole time limit; so has an upload, a download, a call with a `retry_policy`, and one whose time limit the
    /// wait of its [`RetryConfig`] does not fit.
    ///
    /// Connecting has the share in every call, a payment included: nothing of it was sent before there is a connection, so it
    /// leaves a host that accepts connections and never finishes the TLS handshake. If the other host failed when it was asked
    /// last, connecting has the whole time of the attempt: perhaps it is slow on this network. A transport of your own limits
    /// connecting if it knows [`ConnectTimeout`](crate::transport::ConnectTimeout).
    pub fn failover(mut self, failover: bool) -> Self {
        self.delivery.failover = failover;
        self
    }

    /// Replaces the system's timer, with which the client measures time and waits between attempts.
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.delivery.timer = Arc::new(timer);
        self
    }

    /// Whether typed requests are checked against the rules of the catalogue before they are sent; `true` by
    /// default. `false` is for rules that the platform has changed and this crate does not know yet.
    pub fn check_requests(mut self, check: bool) -> Self {
        self.check_requests = check;
        self
    }

    /// Replaces the system's clock. `clock` returns seconds since 1970. If it is wrong by more than five minutes, the platform
    /// refuses each call (`SIGN_ERROR`), and the signature of each response counts as too old or as from the future.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Receives an event for every call and every attempt, for example for metrics: see [`observer`](crate::observer).
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Sets a retry policy of your own in place of [`RetryConfig`]: see [`RetryPolicy`]. [`RetryConfig::max_attempts`] does not
    /// apply then: the policy, the time limit and the budget end the attempts.
    pub fn retry_policy(mut self, policy: impl RetryPolicy + 'static) -> Self {
        self.delivery.policy = Some(Arc::new(policy));
        self
    }

    /// Sets a signer for the async client, in place of the merchant private key: see [`signer`](crate::signer). To build a
    /// blocking client with it alone is an error.
    #[cfg(feature = "async")]
    pub fn signer(mut self, signer: impl crate::signer::Signer + 'static) -> Self {
        self.signer = Some(Arc::new(signer));
        self
    }

    /// Sets a signer for the blocking client, in place of the merchant private key: see [`signer`](crate::signer). To build an
    /// async client with it alone is an error.
    #[cfg(feature = "blocking")]
    pub fn blocking_signer(mut self, signer: impl crate::signer::blocking::Signer + 'static) -> Self {
        self.blocking_signer = Some(Arc::new(signer));
        self
    }

    /// Sets a transport of your own for the async client. It can wrap the [default one](crate::transport::DefaultTransport). To
    /// build a blocking client with it alone is an error.
    #[cfg(feature = "async")]
    pub fn transport(mut self, transport: impl crate::transport::Transport + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Sets a transport of your own for the blocking client. It can wrap the
    /// [default one](crate::transport::blocking::DefaultTransport). To build an async client with it alone is an error.
    #[cfg(feature = "blocking")]
    pub fn blocking_transport(
        mut self,
        transport: impl crate::transport::blocking::Transport + 'static,
    ) -> Self {
        self.blocking_transport = Some(Arc::new(transport));
        self
    }

    /// Refuses a transport that is left: the client takes its own out before it asks, and would ignore one of the other client.
    pub(crate) fn check_no_other_transport(&self) -> Result<(), ConfigError> {
        if self.has_transport() { Err(ConfigError::Mismatch(OTHER_TRANSPORT)) } else { Ok(()) }
    }

    fn has_transport(&self) -> bool {
        let given = [
            #[cfg(feature = "async")]
            self.transport.is_some(),
            #[cfg(feature = "blocking")]
            self.blocking_transport.is_some(),
        ];
        given.contains(&true)
    }

    /// Refuses a signer that is left, unless the client has taken its own out.
    fn check_no_other_signer(&self, has_signer: bool) -> Result<(), ConfigError> {
        let left = [
            #[cfg(feature = "async")]
            self.signer.is_some(),
            #[cfg(feature = "blocking")]
            self.blocking_signer.is_some(),
        ];
        if !has_signer && left.contains(&true) { Err(ConfigError::Mismatch(OTHER_SIGNER)) } else { Ok(()) }
    }

    /// `has_signer`: whether the client has taken its own signer out of the settings.
    pub(crate) fn into_core(self, has_signer: bool) -> Result<Core, ConfigError> {
        self.check_no_other_signer(has_signer)?;
        Ok(Core {
            merchant: Arc::new(self.parts.join(has_signer)?),
            sub_merchant: self.sub_merchant.map(Arc::new),
            observer: self.observer,
            base_url: self.base_url.unwrap_or_else(|| BaseUrl::MAIN.parse()).map_err(ConfigError::BaseUrl)?,
            timeout: self.timeout,
            check_requests: self.check_requests,
            clock: self.clock,
            delivery: Arc::new(self.delivery),
        })
    }

    /// The core of a client with these credentials that shares the other settings of a client.
    pub(crate) fn into_core_like(self, other: &Core, has_signer: bool) -> Result<Core, ConfigError> {
        if self.has_transport() {
            return Err(ConfigError::Mismatch(TRANSPORT_SHARED));
        }
        self.check_no_other_signer(has_signer)?;
        let base_url = self.base_url.transpose().map_err(ConfigError::BaseUrl)?;
        // A kit of a sandbox must not be used with the platform, nor a merchant of the platform with a sandbox.
        if base_url.is_some_and(|base_url| base_url != other.base_url) {
            return Err(ConfigError::Mismatch(
                "the base URL differs from that of the client whose connections would be shared: build a separate client",
            ));
        }
        Ok(Core {
            merchant: Arc::new(self.parts.join(has_signer)?),
            sub_merchant: self.sub_merchant.map(Arc::new),
            ..other.clone()
        })
    }
}

/// Shows who calls and where, and no key.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ClientBuilder");
        shown.field("account", &self.parts.account).field("timeout", &self.timeout);
        if let Some(Ok(base_url)) = &self.base_url {
            shown.field("base_url", base_url);
        }
        if let Some(sub_merchant) = &self.sub_merchant {
            shown.field("sub_merchant", sub_merchant);
        }
        shown.finish_non_exhaustive()
    }
}

/// Why a client could not be built.
#[non_exhaustive]
pub enum ConfigError {
    /// Required settings are missing: each, and how to give it.
    Missing(Vec<&'static str>),
    /// Required environment variables are not set, or are empty.
    Unset(Vec<&'static str>),
    /// Two settings do not belong together.
    Mismatch(&'static str),
    /// The merchant's own key was given instead of the platform's.
    OwnKey(&'static str),
    /// A number, serial or ID does not have its form.
    Identifier(IdentifierError),
    /// A key or certificate cannot be used.
    Key {
        /// The name of its setting.
        setting: String,
        /// Why.
        source: KeyError,
    },
    /// The base URL cannot be used.
    BaseUrl(RequestError),
    /// A setting of the environment or of a kit cannot be used.
    Setting {
        /// Its name.
        name: String,
        /// Why.
        source: Cause,
    },
    /// TLS cannot be set up. The system's root certificates are loaded later, by the first call that needs them.
    Tls(Cause),
}

impl ConfigError {
    /// A setting that cannot be used, and why.
    pub(crate) fn setting(name: &str, reason: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self::Setting { name: name.to_owned(), source: Cause::new(reason) }
    }
}

/// The problem, without the cause that [`source`](error::Error::source) gives. `{:#}` prints the cause too, on the same line.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "missing: {}", what.join("; ")),
            Self::Unset(names) => {
                write!(f, "these environment variables are not set: {}", names.join(", "))?;
                if names.contains(&"WEIPAY_PUBLIC_KEY_ID") && names.contains(&"WEIPAY_PUBLIC_KEY") {
                    f.write_str(
                        ". Instead of the public key you can set WEIPAY_PLATFORM_CERTIFICATES or WEIPAY_API_V3_KEY",
                    )?;
                }
                f.write_str(
                    ". The merchant platform has their values under 账户中心 (keys under API安全); `weipay sandbox env` prints \
                     those of a sandbox",
                )
            }
            Self::Mismatch(what) => write!(f, "{what}"),
            Self::OwnKey(wanted) => write!(
                f,
                "the key given as {wanted} is the merchant's own key: give the platform's key, which verifies responses. The \
                 merchant platform offers it under 账户中心 > API安全"
            ),
            Self::Identifier(error) => write!(f, "{error}"),
            Self::Key { setting, .. } => write!(f, "{setting} cannot be used"),
            Self::BaseUrl(problem) => write!(f, "{problem}"),
            Self::Setting { name, .. } => write!(f, "{name} cannot be used"),
            Self::Tls(_) => f.write_str("TLS cannot be set up"),
        }?;
        if f.alternate() { write!(f, "{}", Causes(self)) } else { Ok(()) }
    }
}

/// The sentence of `{:#}`, with the cause, because a program prints that if its `main` returns the error.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

impl error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Key { source, .. } => Some(source),
            Self::Setting { source, .. } | Self::Tls(source) => Some(&**source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_who_calls_and_no_key() {
        let (v3_key, v2_key) = ("a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb", "0123456789abcdef0123456789abcdef");
        let key = PrivateKey::generate().unwrap();
        let builder = ClientBuilder::default()
            .mchid(MerchantId::new("1900000001").unwrap())
            .merchant_key(key.clone())
            .api_v3_key(ApiV3Key::new(v3_key).unwrap())
            .api_v2_key(ApiV2Key::new(v2_key).unwrap())
            .base_url("http://127.0.0.1:8880");
        for shown in [format!("{builder:?}"), format!("{builder:#?}")] {
            assert!(shown.contains("1900000001") && shown.contains("127.0.0.1:8880"), "{shown}");
            assert!(!shown.contains(v3_key) && !shown.contains(v2_key) && !shown.contains("Key"), "{shown}");
        }
    }
}
