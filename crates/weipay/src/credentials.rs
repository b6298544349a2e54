//! Who calls: the merchant's number, certificate serial and private key, and the keys with which the platform signs.

use std::sync::Arc;

use weipay_wire::{
    ApiV2Key, ApiV3Key, Certificate, ClientIdentity, MerchantId, MerchantSerial, PlatformKeys, PrivateKey,
    PublicKey, PublicKeyId,
};

use crate::builder::ConfigError;

/// Everything that signing and verifying need.
pub(crate) struct Merchant {
    pub(crate) mchid: MerchantId,
    pub(crate) serial: MerchantSerial,
    pub(crate) key: Arc<PrivateKey>,
    /// Opens notifications.
    pub(crate) api_v3_key: Option<ApiV3Key>,
    /// Signs requests of APIv2.
    pub(crate) api_v2_key: Option<ApiV2Key>,
    /// What the TLS handshake shows where APIv2 demands a certificate.
    pub(crate) identity: Option<Arc<ClientIdentity>>,
    platform: Arc<PlatformKeySet>,
}

impl Merchant {
    /// The platform's keys as they are now. Whoever needs them asks here, for each call anew: they may change while the client
    /// runs.
    pub(crate) fn platform(&self) -> Arc<PlatformKeySet> {
        Arc::clone(&self.platform)
    }
}

/// The platform's keys, and which of them the client prefers.
pub(crate) struct PlatformKeySet {
    keys: PlatformKeys,
    preferred: String,
}

impl PlatformKeySet {
    /// The keys that may sign a response.
    pub(crate) fn keys(&self) -> &PlatformKeys {
        &self.keys
    }

    /// The key with this serial or ID.
    pub(crate) fn get(&self, serial: &str) -> Option<&PublicKey> {
        self.keys.get(serial)
    }

    /// The serial or ID that is sent as `Wechatpay-Serial` if the caller sets none. While a merchant migrates from certificates
    /// to a public key, it decides which of the two signs the response. Sensitive fields are encrypted with its key. A public
    /// key is preferred to certificates, and the first one to others, because a merchant who has one has begun to migrate.
    pub(crate) fn preferred(&self) -> &str {
        &self.preferred
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
        let preferred =
            match (self.public_keys.first(), current_certificate(&self.platform_certificates, now)) {
                (Some((id, _)), _) => id.to_string(),
                (None, Some(certificate)) => certificate.serial().to_owned(),
                (None, None) => return Err(ConfigError::Missing(missing)),
            };
        let mut keys = PlatformKeys::new();
        for (id, key) in self.public_keys {
            check_not_own(&key, Some(&own), "the WeChat Pay public key (微信支付公钥, usually pub_key.pem)")?;
            keys.insert_public_key(id, key);
        }
        for certificate in &self.platform_certificates {
            check_not_own(certificate.public_key(), Some(&own), "the platform certificate (平台证书)")?;
            keys.insert_certificate(certificate);
        }
        let platform = Arc::new(PlatformKeySet { keys, preferred });
        let of_pem = |certificate| ClientIdentity::new(certificate, key.clone());
        let identity = self.identity.or_else(|| self.certificate.and_then(of_pem)).map(Arc::new);
        Ok(Merchant {
            mchid,
            serial,
            key: Arc::new(key),
            api_v3_key: self.api_v3_key,
            api_v2_key: self.api_v2_key,
            identity,
            platform,
        })
    }

    /// Everything that is required and missing, and how to give it.
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
                "a platform key that verifies responses: `.public_key(id, key)` (微信支付公钥) or \
                 `.platform_certificate(...)` (平台证书)",
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

/// The platform certificate (平台证书) in use. While certificates change there are several: it is the one with the latest start.
fn current_certificate(certificates: &[Certificate], now: i64) -> Option<&Certificate> {
    latest(certificates, |certificate| (certificate.not_before(), certificate.not_after()), now)
}

/// The one with the latest start among those that are valid; of equal ones the first. If none is valid, the same among all, so
/// that the platform reports what is wrong.
fn latest<T>(all: &[T], validity: impl Fn(&T) -> (i64, i64), now: i64) -> Option<&T> {
    let rank = |one: &T| {
        let (start, end) = validity(one);
        ((start..=end).contains(&now), start)
    };
    // Of equals `max_by_key` takes the last.
    all.iter().rev().max_by_key(|one| rank(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_of(all: &[(i64, i64)], now: i64) -> Option<i64> {
        latest(all, |one| *one, now).map(|one| one.0)
    }

    #[test]
    fn the_latest_start_among_the_valid_ones_wins_in_any_order() {
        for all in [[(10, 100), (20, 110), (60, 150)], [(60, 150), (20, 110), (10, 100)]] {
            assert_eq!(start_of(&all, 50), Some(20), "one of them is not valid yet");
            assert_eq!(start_of(&all, 60), Some(60));
            assert_eq!(start_of(&all, 15), Some(10));
        }
        assert_eq!(start_of(&[(20, 30), (10, 100)], 50), Some(10), "the later one has ended");
    }

    #[test]
    fn one_is_taken_even_if_none_is_valid() {
        assert_eq!(start_of(&[(10, 20), (15, 25)], 50), Some(15));
        assert_eq!(start_of(&[], 50), None);
    }

    #[test]
    fn of_equal_ones_the_first_is_taken() {
        let all = [(10, 100, "first"), (10, 100, "second")];
        assert_eq!(latest(&all, |one| (one.0, one.1), 50).map(|one| one.2), Some("first"));
    }
}
