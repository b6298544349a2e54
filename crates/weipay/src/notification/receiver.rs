//! The receiver: whose keys are there, and the signature of what was posted.

use std::path::Path;
use std::sync::Arc;
use std::{fmt, slice};

use http::HeaderMap;
use weipay_wire::{PublicKey, SignatureHeaders, VerifyError, verify_response};

use super::fetches::Fetches;
use super::keys::{FetchesCertificates, GivenBy, MerchantKeys};
use super::mistake::BodyMistake;
use super::opened::Notification;
use super::rejection::{Rejection, RejectionKind};
use super::v2;
use super::verified::{Unsure, Verified};
use crate::builder::{ClientBuilder, ConfigError};
use crate::core::{Core, SERIAL_NAME};

/// The largest body that is read, in bytes. Real ones have a few thousand.
pub const MAX_BODY: usize = 1024 * 1024;

/// How many different keys under one serial are tried: a forged signature must not cost a verification for each merchant.
const MAX_KEYS_OF_A_SERIAL: usize = 8;
/// How many known serials an error lists.
const MAX_KNOWN_SERIALS: usize = 16;

const SIGNATURE: &str = "Wechatpay-Signature";
const SIGNATURE_HEADERS: [&str; 4] = ["Wechatpay-Timestamp", "Wechatpay-Nonce", SIGNATURE, SERIAL_NAME];

/// Receives notifications (回调通知) of one merchant or of several. Cheap to clone; clones share the keys.
///
/// It is made from the same settings as a client:
///
/// ```no_run
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use weipay::ClientBuilder;
/// use weipay::notification::Receiver;
///
/// let receiver = Receiver::from_env()?; // or: from_kit, or from a client: `client.receiver()`
///
/// // Several merchants on one route:
/// let shops = Receiver::new()
///     .merchant(ClientBuilder::from_kit("shop-a/kit.json")?)?
///     .merchant(ClientBuilder::from_kit("shop-b/kit.json")?)?;
/// # Ok(())
/// # }
/// ```
///
/// The receiver finds the merchant of a notification by the key that signed it, if each merchant has a public key
/// (微信支付公钥), or by the APIv3 key that decrypts it, if the platform certificate (平台证书) is the same for all:
/// [`Notification::mchid`]. Most events name the merchant, too, and one for a merchant that the receiver does not have is rejected
/// ([`RejectionKind::UnknownMerchant`]). If several merchants use the same APIv3 key and fetch certificates, the merchant is known
/// only after each client has fetched the new certificate once; the notification starts these fetches.
#[derive(Clone, Default)]
#[must_use]
pub struct Receiver {
    merchants: Arc<Vec<Arc<MerchantKeys>>>,
    fetches: Arc<Fetches>,
}

impl Receiver {
    /// A receiver that has no keys yet and accepts nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// From the environment: the variables of [`ClientBuilder::from_env`]. It fetches no certificates: with
    /// `WEIPAY_API_V3_KEY` in place of a platform key, use the receiver of a client.
    ///
    /// # Errors
    ///
    /// If a required variable is not set, or a value cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Self::new().with(MerchantKeys::from_builder(ClientBuilder::from_env()?, GivenBy::Environment)?))
    }

    /// From a kit file: see [`ClientBuilder::from_kit`].
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or a member is missing or cannot be used.
    pub fn from_kit(file: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Ok(Self::new().with(MerchantKeys::from_builder(ClientBuilder::from_kit(file)?, GivenBy::Kit)?))
    }

    /// Adds a merchant. The receiver uses its number, the platform's keys, the APIv3 key, the APIv2 key (for APIv2),
    /// and the clock. The private key is optional: it decrypts sensitive fields inside a resource.
    ///
    /// # Errors
    ///
    /// If a required setting is missing, or the merchant's own key was given as the platform's.
    pub fn merchant(self, settings: ClientBuilder) -> Result<Self, ConfigError> {
        Ok(self.with(MerchantKeys::from_builder(settings, GivenBy::Builder)?))
    }

    /// Adds the merchants of another receiver.
    pub fn merge(mut self, other: &Self) -> Self {
        Arc::make_mut(&mut self.merchants).extend(other.merchants.iter().map(Arc::clone));
        self
    }

    fn with(mut self, keys: MerchantKeys) -> Self {
        Arc::make_mut(&mut self.merchants).push(Arc::new(keys));
        self
    }

    /// A receiver that always uses the current platform keys of a client.
    pub(crate) fn from_core(core: &Core, client: impl FetchesCertificates + 'static) -> Self {
        Self::new().with(MerchantKeys::from_core(core, client))
    }

    /// Verifies, reads, decrypts and decodes a notification: [`verify`](Self::verify), then [`Verified::open`]. `body` is the raw
    /// bytes as they arrived.
    ///
    /// # Errors
    ///
    /// If it cannot be verified, decrypted or decoded. Respond with [`Rejection::response`].
    #[inline]
    pub fn receive(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notification, Rejection> {
        self.verify(headers, body)?.open()
    }

    /// Like [`receive`](Self::receive), with a whole request. Its method and path are ignored.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    #[inline]
    pub fn receive_request<B: AsRef<[u8]>>(
        &self,
        request: &http::Request<B>,
    ) -> Result<Notification, Rejection> {
        self.receive(request.headers(), request.body().as_ref())
    }

    /// Verifies the signature of a notification over the raw bytes of its body, and that it was signed within five
    /// minutes of now. Nothing is decrypted. For APIv2, it verifies the `sign` in the body, which has no timestamp. The
    /// headers `Request-ID` and `Wechatpay-Signature-Type` may be absent, as they are in reality.
    ///
    /// # Errors
    ///
    /// If the body is larger than [`MAX_BODY`], the signature is not proven to be the platform's, or the body is not a
    /// notification. A probe (签名探测) is a separate error kind, [`RejectionKind::Probe`].
    pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<Verified, Rejection> {
        if body.len() > MAX_BODY {
            return Err(Rejection::v3(RejectionKind::TooLarge { length: body.len() }));
        }
        if !SIGNATURE_HEADERS.iter().any(|name| headers.contains_key(*name)) {
            if v2::is_v2(body) {
                return Verified::read_v2(&self.merchants, crate::response::request_id(headers), body);
            }
            return Err(Rejection::v3(RejectionKind::NotANotification(BodyMistake::find(body))));
        }
        let merchants = self.signed_for(headers, body).map_err(|error| {
            let mut is_first = false;
            if let VerifyError::UnknownSerial { serial, known } = &error {
                // Asked before the fetch begins, which may end at any moment.
                is_first = known.is_empty() && self.merchants().any(|one| one.can_fetch(serial));
                self.fetches.begin(&self.merchants, serial, body);
            }
            Rejection::v3(match error {
                VerifyError::Probe => RejectionKind::Probe,
                VerifyError::UnknownSerial { serial, .. } if is_first => RejectionKind::NotFetched { serial },
                error => {
                    let is_of_body = matches!(error, VerifyError::Mismatch { .. });
                    let mistake = if is_of_body { BodyMistake::find(body) } else { None };
                    RejectionKind::Unverified { error, mistake }
                }
            })
        })?;
        // Of merchants whose clients may fetch this key yet, it is not known whether the notification is for them.
        let unsure = match headers.get(SERIAL_NAME).and_then(|serial| serial.to_str().ok()) {
            Some(serial) if merchants.len() < self.merchants.len() => {
                Some(Unsure { merchants: Arc::clone(&self.merchants), serial: serial.trim().to_owned() })
            }
            _ => None,
        };
        Verified::read(merchants, unsure, crate::response::request_id(headers), body)
    }

    /// The merchants for whom the platform may have signed this: all that know the key of the signature.
    fn signed_for(&self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Arc<MerchantKeys>>, VerifyError> {
        let headers = signature_headers(headers)?;
        let mut merchants = Vec::new();
        let mut signer: Option<PublicKey> = None;
        let mut refused: Vec<(PublicKey, VerifyError)> = Vec::new();
        for merchant in self.merchants() {
            merchant.with_platform(|keys| {
                let Some(key) = keys.get(headers.serial) else { return };
                let is_signer = match &signer {
                    Some(signer) => signer == key,
                    None if refused.len() == MAX_KEYS_OF_A_SERIAL
                        || refused.iter().any(|(known, _)| known == key) =>
                    {
                        false
                    }
                    None => match verify_response(&headers, body, keys, merchant.now()) {
                        Ok(()) => {
                            signer = Some(key.clone());
                            true
                        }
                        Err(error) => {
                            refused.push((key.clone(), error));
                            false
                        }
                    },
                };
                if is_signer {
                    merchants.push(Arc::clone(merchant));
                }
            });
        }
        match refused.into_iter().next() {
            _ if !merchants.is_empty() => Ok(merchants),
            Some((_, error)) => Err(error),
            None => Err(self.unknown_signer(&headers, body)),
        }
    }

    /// Why the keys of no merchant verify this: an unknown serial, unless something else is wrong too.
    fn unknown_signer(&self, headers: &SignatureHeaders<'_>, body: &[u8]) -> VerifyError {
        let none = weipay_wire::PlatformKeys::new();
        let now = self.merchants.first().map_or_else(crate::builder::system_time, |one| one.now());
        match verify_response(headers, body, &none, now) {
            Err(VerifyError::UnknownSerial { serial, .. }) => {
                let mut known: Vec<String> = Vec::new();
                for merchant in self.merchants() {
                    merchant.with_platform(|keys| {
                        let new = keys.serials().filter(|serial| !known.iter().any(|one| one == serial));
                        let new: Vec<String> = new.map(str::to_owned).collect();
                        known.extend(new);
                    });
                    if known.len() >= MAX_KNOWN_SERIALS {
                        known.truncate(MAX_KNOWN_SERIALS);
                        break;
                    }
                }
                VerifyError::UnknownSerial { serial, known }
            }
            Err(error) => error,
            // Nothing verifies without keys.
            Ok(()) => VerifyError::Mismatch { serial: String::new() },
        }
    }

    fn merchants(&self) -> slice::Iter<'_, Arc<MerchantKeys>> {
        self.merchants.iter()
    }
}

/// The four headers that are signed or name the signature. A missing one is an error of `verify_response`.
fn signature_headers(headers: &HeaderMap) -> Result<SignatureHeaders<'_>, VerifyError> {
    let text = |name: &'static str| {
        let value = headers.get(name).ok_or(VerifyError::Missing(name))?;
        // White space around a value is not a part of it (RFC 9110, 5.5), whichever server received it.
        value.to_str().map(str::trim).map_err(|_| VerifyError::Missing(name))
    };
    Ok(SignatureHeaders {
        timestamp: text("Wechatpay-Timestamp")?,
        nonce: text("Wechatpay-Nonce")?,
        signature: text(SIGNATURE)?,
        serial: text(SERIAL_NAME)?,
    })
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mchids = self.merchants.iter().take(8).filter_map(|keys| keys.mchid.as_ref()).collect::<Vec<_>>();
        f.debug_struct("Receiver")
            .field("merchants", &self.merchants.len())
            .field("mchids", &mchids)
            .finish_non_exhaustive()
    }
}
