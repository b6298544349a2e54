//! The credentials of a client: the number of the merchant or brand, certificate serial and private key, and the keys with
//! which the platform signs.

use std::sync::Arc;

use weipay_wire::{
    ApiV2Key, ApiV3Key, BrandId, Certificate, ClientIdentity, MerchantId, MerchantSerial, PrivateKey,
    PublicKey, PublicKeyId, Scheme,
};

use crate::builder::ConfigError;
use crate::platform_keys::KeyRing;

/// Whose credentials they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Account {
    /// A merchant (商户), a partner (服务商) among them.
    Merchant(MerchantId),
    /// A brand (品牌).
    Brand(BrandId),
}

impl Account {
    pub(crate) fn mchid(&self) -> Option<&MerchantId> {
        match self {
            Self::Merchant(mchid) => Some(mchid),
            Self::Brand(_) => None,
        }
    }

    pub(crate) fn brand_id(&self) -> Option<&BrandId> {
        match self {
            Self::Merchant(_) => None,
            Self::Brand(brand_id) => Some(brand_id),
        }
    }
}

/// Everything that signing and verifying need.
pub(crate) struct Merchant {
    pub(crate) account: Account,
    pub(crate) serial: MerchantSerial,
    /// Signs requests, unless a [`Signer`](crate::signer) does, and decrypts sensitive fields. Only who has a
    /// signer may be without.
    pub(crate) key: Option<Arc<PrivateKey>>,
    /// Whether a signer of the caller's signs requests.
    pub(crate) has_signer: bool,
    /// With which algorithms requests are signed.
    pub(crate) scheme: Scheme,
    /// Opens notifications.
    #[cfg_attr(
        not(feature = "notifications"),
        allow(dead_code, reason = "a receiver of notifications asks for it")
    )]
    pub(crate) api_v3_key: Option<ApiV3Key>,
    /// Signs requests of APIv2.
    pub(crate) api_v2_key: Option<ApiV2Key>,
    /// The client certificate of TLS, where APIv2 requires one.
    pub(crate) identity: Option<Arc<ClientIdentity>>,
    /// The keys of the platform.
    pub(crate) ring: KeyRing,
}

/// The parts of a [`Merchant`] as they are collected.
#[derive(Default)]
pub(crate) struct MerchantParts {
    pub(crate) account: Option<Account>,
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
    /// `has_signer`: whether a signer of the caller's signs requests, so that the private key is not needed for that.
    pub(crate) fn join(self, has_signer: bool) -> Result<Merchant, ConfigError> {
        let missing = self.missing(has_signer);
        if !missing.is_empty() {
            return Err(ConfigError::Missing(missing));
        }
        let Some(account) = self.account else { return Err(ConfigError::Missing(missing)) };
        let own = self.key.as_ref().map(PrivateKey::public_key);
        let serial = match (self.serial, &self.certificate) {
            (_, Some(certificate)) if own.as_ref().is_some_and(|own| certificate.public_key() != own) => {
                return Err(ConfigError::Mismatch(
                    "the merchant private key does not belong to the merchant certificate (商户API证书): \
                     take apiclient_key.pem and apiclient_cert.pem from the same download",
                ));
            }
            (Some(serial), Some(certificate)) if serial.as_ref() != certificate.serial() => {
                return Err(ConfigError::Mismatch(
                    "the merchant serial (商户API证书序列号) does not belong to the merchant certificate \
                     (商户API证书): leave it out; it is read from the certificate",
                ));
            }
            (Some(serial), _) => serial,
            (None, Some(certificate)) => {
                MerchantSerial::new(certificate.serial()).map_err(ConfigError::Identifier)?
            }
            (None, None) => return Err(ConfigError::Missing(missing)),
        };
        // With a signer, the certificate tells which key is the merchant's own.
        let own =
            own.or_else(|| self.certificate.as_ref().map(|certificate| certificate.public_key().clone()));
        check_platform_keys(&self.public_keys, &self.platform_certificates, own.as_ref())?;
        let api_v3_key = self.api_v3_key.clone();
        let signing_key = self.key.as_ref().filter(|_| !has_signer);
        // A signer signs with RSA.
        let scheme = signing_key.map_or_else(Scheme::default, PrivateKey::scheme);
        if account.brand_id().is_some() && scheme != Scheme::Sha256Rsa2048 {
            return Err(ConfigError::Mismatch(
                "the private key of a brand (品牌) must be RSA: no public source says how a brand signs with SM2",
            ));
        }
        // The list of certificates is an operation of merchants.
        let fetching_key = self.api_v3_key.filter(|_| account.brand_id().is_none());
        let ring = KeyRing::new(self.public_keys, &self.platform_certificates, fetching_key, scheme);
        let of_pem = |certificate| ClientIdentity::new(certificate, self.key.clone()?);
        let identity = self.identity.or_else(|| self.certificate.and_then(of_pem)).map(Arc::new);
        Ok(Merchant {
            account,
            serial,
            key: self.key.map(Arc::new),
            has_signer,
            scheme,
            api_v3_key,
            api_v2_key: self.api_v2_key,
            identity,
            ring,
        })
    }

    fn is_brand(&self) -> bool {
        matches!(self.account, Some(Account::Brand(_)))
    }

    /// Whether a platform key is given, or the APIv3 key to fetch certificates with. A brand cannot fetch them.
    fn has_platform_keys(&self) -> bool {
        let can_fetch = self.api_v3_key.is_some() && !self.is_brand();
        !self.public_keys.is_empty() || !self.platform_certificates.is_empty() || can_fetch
    }

    /// Everything that is required and missing, and how to give it.
    fn missing(&self, has_signer: bool) -> Vec<&'static str> {
        let needed = [
            (self.account.is_some(), "the merchant number (商户号): `.mchid(...)`"),
            (
                self.key.is_some() || has_signer,
                "the merchant private key (商户API私钥): `.merchant_key(...)`",
            ),
            (
                self.serial.is_some() || self.certificate.is_some(),
                "the merchant serial (商户API证书序列号): `.merchant_serial(...)` or `.merchant_certificate(...)`",
            ),
            (
                self.has_platform_keys() || self.is_brand(),
                "a platform key that verifies responses: `.public_key(id, key)` (微信支付公钥) or \
                 `.platform_certificate(...)` (平台证书); or `.api_v3_key(...)` (APIv3密钥), with which the client fetches \
                 the certificates",
            ),
            (
                self.has_platform_keys() || !self.is_brand(),
                "a platform key that verifies responses to a brand: `.public_key(id, key)` (微信支付公钥)",
            ),
        ];
        needed.into_iter().filter(|(given, _)| !given).map(|(_, what)| what).collect()
    }
}

/// Finds mix-ups of the platform's keys. The most common one is the merchant's own key in their place. Of two keys under one ID the
/// client would use one, and if that is the wrong one, no payment could be verified.
pub(crate) fn check_platform_keys(
    public_keys: &[(PublicKeyId, PublicKey)],
    certificates: &[Certificate],
    own: Option<&PublicKey>,
) -> Result<(), ConfigError> {
    for (at, (id, key)) in public_keys.iter().enumerate() {
        check_not_own(key, own, "the WeChat Pay public key (微信支付公钥, usually pub_key.pem)")?;
        if public_keys[..at].iter().any(|(other_id, other)| other_id == id && other != key) {
            return Err(ConfigError::Mismatch(
                "two different WeChat Pay public keys (微信支付公钥) were given with the same ID: the merchant platform shows the ID \
                 of each key under 账户中心 > API安全",
            ));
        }
    }
    for certificate in certificates {
        check_not_own(certificate.public_key(), own, "the platform certificate (平台证书)")?;
    }
    Ok(())
}

fn check_not_own(key: &PublicKey, own: Option<&PublicKey>, wanted: &'static str) -> Result<(), ConfigError> {
    if own == Some(key) { Err(ConfigError::OwnKey(wanted)) } else { Ok(()) }
}
