//! Who calls: the merchant's number, certificate serial and private key, and the keys with which the platform signs.

use std::sync::Arc;

use weipay_wire::{
    ApiV2Key, ApiV3Key, Certificate, ClientIdentity, MerchantId, MerchantSerial, PrivateKey, PublicKey,
    PublicKeyId,
};

use crate::builder::ConfigError;
use crate::platform_keys::{KeyRing, PlatformKeySet};

/// Everything that signing and verifying need.
pub(crate) struct Merchant {
    pub(crate) mchid: MerchantId,
    pub(crate) serial: MerchantSerial,
    pub(crate) key: Arc<PrivateKey>,
    /// Opens notifications.
    #[cfg_attr(
        not(feature = "notifications"),
        allow(dead_code, reason = "a receiver of notifications asks for it")
    )]
    pub(crate) api_v3_key: Option<ApiV3Key>,
    /// Signs requests of APIv2.
    pub(crate) api_v2_key: Option<ApiV2Key>,
    /// What the TLS handshake shows where APIv2 demands a certificate.
    pub(crate) identity: Option<Arc<ClientIdentity>>,
    ring: KeyRing,
}

impl Merchant {
    /// The platform's keys as they are now. Whoever needs them asks here, for each call anew: they may change while the client
    /// runs.
    pub(crate) fn platform(&self) -> Arc<PlatformKeySet> {
        self.ring.current()
    }

    /// The ring that holds them.
    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }
}

/// The parts of a [`Merchant`] as they are collected.
#[derive(Default)]
pub(crate) struct MerchantParts {
    pub(crate) mchid: Option<MerchantId>,
    pub(crate) serial: Option<MerchantSerial>,
    pub(crate) key: Option<PrivateKey>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) public_keys: Vec<(PublicKeyId, PublicKey)>,
    pub(crate) platform_certificates: Vec<Certificate>,
    pub(crate) api_v3_key: Option<ApiV3Key>,
    pub(crate) api_v2_key: Option<ApiV2Key>,
    pub(crate) identity: Option<ClientIdentity>,
}

impl MerchantParts {
    pub(crate) fn join(self) -> Result<Merchant, ConfigError> {
        let missing = self.missing();
        if !self.has_platform_keys() {
            return Err(ConfigError::Missing(missing));
        }
        let (Some(mchid), Some(key)) = (self.mchid, self.key) else {
            return Err(ConfigError::Missing(missing));
        };
        let own = key.public_key();
        let serial = match (self.serial, &self.certificate) {
            (_, Some(certificate)) if *certificate.public_key() != own => {
                return Err(ConfigError::Mismatch(
                    "the merchant private key does not belong to the merchant certificate (商户API证书): \
                     take apiclient_key.pem and apiclient_cert.pem from the same download",
                ));
            }
            (Some(serial), Some(certificate)) if serial.as_ref() != certificate.serial() => {
                return Err(ConfigError::Mismatch(
                    "the merchant serial (商户API证书序列号) does not belong to the merchant certificate (商户API证书): leave it out, and the \
                     certificate gives it",
                ));
            }
            (Some(serial), _) => serial,
            (None, Some(certificate)) => {
                MerchantSerial::new(certificate.serial()).map_err(ConfigError::Identifier)?
            }
            (None, None) => return Err(ConfigError::Missing(missing)),
        };
        for (_, key) in &self.public_keys {
            check_not_own(key, Some(&own), "the WeChat Pay public key (微信支付公钥, usually pub_key.pem)")?;
        }
        for certificate in &self.platform_certificates {
            check_not_own(certificate.public_key(), Some(&own), "the platform certificate (平台证书)")?;
        }
        let api_v3_key = self.api_v3_key.clone();
        let ring = KeyRing::new(self.public_keys, &self.platform_certificates, self.api_v3_key, key.scheme());
        let of_pem = |certificate| ClientIdentity::new(certificate, key.clone());
        let identity = self.identity.or_else(|| self.certificate.and_then(of_pem)).map(Arc::new);
        Ok(Merchant {
            mchid,
            serial,
            key: Arc::new(key),
            api_v3_key,
            api_v2_key: self.api_v2_key,
            identity,
            ring,
        })
    }

    /// Whether there is a platform key, or the key with which certificates are fetched.
    fn has_platform_keys(&self) -> bool {
        !(self.public_keys.is_empty() && self.platform_certificates.is_empty() && self.api_v3_key.is_none())
    }

    /// Everything that is required and missing, and how to give it.
    fn missing(&self) -> Vec<&'static str> {
        let needed = [
            (self.mchid.is_some(), "the merchant number (商户号): `.mchid(...)`"),
            (self.key.is_some(), "the merchant private key (商户API私钥): `.merchant_key(...)`"),
            (
                self.serial.is_some() || self.certificate.is_some(),
                "the merchant serial (商户API证书序列号): `.merchant_serial(...)` or `.merchant_certificate(...)`",
            ),
            (
                self.has_platform_keys(),
                "a platform key that verifies responses: `.public_key(id, key)` (微信支付公钥) or \
                 `.platform_certificate(...)` (平台证书); or `.api_v3_key(...)` (APIv3密钥), with which the client fetches \
                 the certificates",
            ),
        ];
        needed.into_iter().filter(|(given, _)| !given).map(|(_, what)| what).collect()
    }
}

/// Finds the most common mix-up: the merchant's own key given instead of the platform's.
pub(crate) fn check_not_own(
    key: &PublicKey,
    own: Option<&PublicKey>,
    wanted: &'static str,
) -> Result<(), ConfigError> {
    if own == Some(key) { Err(ConfigError::OwnKey(wanted)) } else { Ok(()) }
}
