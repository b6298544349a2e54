//! Who calls: the merchant's number, certificate serial and private key, and the keys that the platform signs with.

use std::sync::Arc;

use weipay_wire::{
    ApiV3Key, Certificate, MerchantId, MerchantSerial, PlatformKeys, PrivateKey, PublicKey, PublicKeyId,
};

use crate::builder::ConfigError;

mod current;

/// Everything that signing and verifying need.
pub(crate) struct Merchant {
    pub(crate) mchid: MerchantId,
    pub(crate) serial: MerchantSerial,
    pub(crate) key: Arc<PrivateKey>,
    pub(crate) platform: PlatformKeys,
    /// Sent as `Wechatpay-Serial` where the caller sets none: while a merchant migrates from certificates to a public
    /// key, it decides which of the two signs the response. Sensitive fields are encrypted with its key. A public key goes
    /// before certificates, the first before others, because whoever gives one has begun to migrate.
    pub(crate) answer_serial: Option<String>,
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
}

impl MerchantParts {
    pub(crate) fn join(self, now: i64) -> Result<Merchant, ConfigError> {
        let missing = self.missing();
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
                    "the merchant serial (商户API证书序列号) is not the one of the merchant certificate",
                ));
            }
            (Some(serial), _) => serial,
            (None, Some(certificate)) => {
                MerchantSerial::new(certificate.serial()).map_err(ConfigError::Identifier)?
            }
            (None, None) => return Err(ConfigError::Missing(missing)),
        };
        let answer_serial = match (self.public_keys.first(), current::of(&self.platform_certificates, now)) {
            (Some((id, _)), _) => Some(id.to_string()),
            (None, Some(certificate)) => Some(certificate.serial().to_owned()),
            (None, None) => return Err(ConfigError::Missing(missing)),
        };
        let mut platform = PlatformKeys::new();
        for (id, key) in self.public_keys {
            refuse_own(&key, &own, "the WeChat Pay public key (微信支付公钥, usually pub_key.pem)")?;
            platform.insert_public_key(id, key);
        }
        for certificate in &self.platform_certificates {
            refuse_own(certificate.public_key(), &own, "the platform certificate (平台证书)")?;
            platform.insert_certificate(certificate);
        }
        Ok(Merchant { mchid, serial, key: Arc::new(key), platform, answer_serial })
    }

    /// Everything that is needed and was not given, and how to give it.
    fn missing(&self) -> Vec<&'static str> {
        let has_platform_key = !(self.public_keys.is_empty() && self.platform_certificates.is_empty());
        let needed = [
            (self.mchid.is_some(), "the merchant number (商户号): `.mchid(...)`"),
            (self.key.is_some(), "the merchant private key (商户API私钥): `.merchant_key(...)`"),
            (
                self.serial.is_some() || self.certificate.is_some(),
                "the merchant serial (商户API证书序列号): `.merchant_serial(...)` or `.merchant_certificate(...)`",
            ),
            (
                has_platform_key,
                "a key to verify answers with: `.public_key(id, key)` (微信支付公钥) or \
                 `.platform_certificate(...)` (平台证书)",
            ),
        ];
        needed.into_iter().filter(|(given, _)| !given).map(|(_, what)| what).collect()
    }
}

/// The commonest mix-up: the merchant's own half given where the platform's belongs.
fn refuse_own(key: &PublicKey, own: &PublicKey, wanted: &'static str) -> Result<(), ConfigError> {
    if key == own { Err(ConfigError::OwnKey(wanted)) } else { Ok(()) }
}
