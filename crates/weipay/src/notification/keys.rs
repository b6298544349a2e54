//! The keys of one merchant: those that verify notifications, and those that decrypt them.

use std::sync::Arc;

use weipay_wire::{ApiV2Key, ApiV3Key, MerchantId, PlatformKeys, PrivateKey};

use crate::builder::{ClientBuilder, Clock, ConfigError};
use crate::core::Core;
use crate::credentials::{Merchant, check_platform_keys};

pub(super) struct MerchantKeys {
    /// `None` for a brand.
    pub(super) mchid: Option<MerchantId>,
    platform: PlatformSource,
    pub(super) api_v3_key: Option<ApiV3Key>,
    /// Verifies and decrypts notifications of APIv2.
    pub(super) api_v2_key: Option<ApiV2Key>,
    /// Decrypts the sensitive fields of a resource.
    pub(super) decryption_key: Option<Arc<PrivateKey>>,
    pub(super) clock: Clock,
}

/// Where the platform's keys come from.
enum PlatformSource {
    Fixed(PlatformKeys),
    /// A client's, which may change while it runs.
    Client {
        merchant: Arc<Merchant>,
        client: Box<dyn FetchesCertificates>,
    },
}

/// A client that fetches certificates in the background. Both say at once whether they have begun to.
pub(crate) trait FetchesCertificates: Send + Sync {
    /// Fetches the one with this serial, once a minute at most.
    fn begin_fetch(&self, serial: &str) -> bool;

    /// Fetches them again, if they are old.
    fn begin_refresh(&self) -> bool;
}

/// The source of a receiver's settings, which decides how to give a missing one.
#[derive(Clone, Copy)]
pub(super) enum GivenBy {
    Builder,
    Environment,
    Kit,
}

impl GivenBy {
    /// How to give the key that decrypts notifications.
    const fn opening_key(self) -> &'static str {
        match self {
            Self::Builder => {
                "the key that opens notifications: `.api_v3_key(...)` (APIv3密钥), or `.api_v2_key(...)` (API密钥) for \
                 those of APIv2"
            }
            Self::Environment => {
                "the key that opens notifications: WEIPAY_API_V3_KEY (APIv3密钥), or WEIPAY_API_V2_KEY (API密钥) for \
                 those of APIv2, which the merchant sets on the merchant platform, under 账户中心 > API安全"
            }
            Self::Kit => "the key that opens notifications: `api_v3_key` (APIv3密钥)",
        }
    }

    /// How to give a key of the platform.
    const fn platform_key(self) -> &'static str {
        match self {
            Self::Builder => {
                "a platform key that verifies notifications: `.public_key(id, key)` (微信支付公钥) or \
                 `.platform_certificate(...)` (平台证书); or a client that fetches the certificates: `client.receiver()`"
            }
            Self::Environment => {
                "a platform key that verifies notifications: WEIPAY_PUBLIC_KEY_ID and WEIPAY_PUBLIC_KEY (微信支付公钥, \
                 usually pub_key.pem; the merchant platform has both under 账户中心 > API安全), or \
                 WEIPAY_PLATFORM_CERTIFICATES (平台证书). With WEIPAY_API_V3_KEY alone a client fetches the certificates: \
                 use the receiver of one, `client.receiver()`"
            }
            Self::Kit => {
                "a platform key that verifies notifications: the kit has neither `public_key_id` and `public_key` \
                 (微信支付公钥) nor `platform_serial` and `platform_cert` (平台证书). A client fetches the certificates: use \
                 the receiver of one, `client.receiver()`"
            }
        }
    }
}

impl MerchantKeys {
    /// From the settings of a client. Unlike a client it needs neither the merchant's private key nor a serial.
    pub(super) fn from_builder(builder: ClientBuilder, given_by: GivenBy) -> Result<Self, ConfigError> {
        let ClientBuilder { parts, clock, .. } = builder;
        let mut platform = PlatformKeys::new();
        let own = parts.key.as_ref().map(PrivateKey::public_key);
        check_platform_keys(&parts.public_keys, &parts.platform_certificates, own.as_ref())?;
        for (id, key) in parts.public_keys {
            platform.insert_public_key(id, key);
        }
        for certificate in &parts.platform_certificates {
            platform.insert_certificate(certificate);
        }
        let needed = [
            (parts.account.is_some(), "the merchant number (商户号): `.mchid(...)`"),
            (parts.api_v3_key.is_some() || parts.api_v2_key.is_some(), given_by.opening_key()),
            (parts.api_v3_key.is_none() || !platform.is_empty(), given_by.platform_key()),
        ];
        let missing = || needed.into_iter().filter(|(given, _)| !given).map(|(_, what)| what).collect();
        match parts.account {
            Some(account) if needed.iter().all(|(given, _)| *given) => Ok(Self {
                mchid: account.mchid().cloned(),
                platform: PlatformSource::Fixed(platform),
                api_v3_key: parts.api_v3_key,
                api_v2_key: parts.api_v2_key,
                decryption_key: parts.key.map(Arc::new),
                clock,
            }),
            _ => Err(ConfigError::Missing(missing())),
        }
    }

    /// Those of a client, which keeps them fresh.
    pub(super) fn from_core(core: &Core, client: impl FetchesCertificates + 'static) -> Self {
        let merchant = &core.merchant;
        Self {
            mchid: merchant.account.mchid().cloned(),
            platform: PlatformSource::Client { merchant: Arc::clone(merchant), client: Box::new(client) },
            api_v3_key: merchant.api_v3_key.clone(),
            api_v2_key: merchant.api_v2_key.clone(),
            decryption_key: merchant.key.clone(),
            clock: Arc::clone(&core.clock),
        }
    }

    /// Lets `ask` see the platform's keys as they are now.
    pub(super) fn with_platform<T>(&self, ask: impl FnOnce(&PlatformKeys) -> T) -> T {
        match &self.platform {
            PlatformSource::Fixed(keys) => ask(keys),
            PlatformSource::Client { merchant, .. } => ask(merchant.ring.current().keys()),
        }
    }

    /// Lets the client that the keys come from fetch the one with this serial. Says whether it has begun to: it does so once a
    /// minute at most, and where the keys come from no client, never.
    pub(super) fn begin_fetch(&self, serial: &str) -> bool {
        match &self.platform {
            PlatformSource::Fixed(_) => false,
            PlatformSource::Client { client, .. } => client.begin_fetch(serial),
        }
    }

    /// Lets the client that the keys come from refresh them, if they are old. Says whether it has begun to.
    pub(super) fn begin_refresh(&self) -> bool {
        match &self.platform {
            PlatformSource::Fixed(_) => false,
            PlatformSource::Client { client, .. } => client.begin_refresh(),
        }
    }

    /// Whether its keys are those of a client that lacks the certificate with this serial, and can fetch certificates.
    pub(super) fn can_fetch(&self, serial: &str) -> bool {
        match &self.platform {
            PlatformSource::Fixed(_) => false,
            PlatformSource::Client { merchant, .. } => merchant.ring.is_worth_fetching(serial),
        }
    }

    /// Whether this merchant may have the certificate with this serial, by which another merchant's
    /// notification was verified. That is so until its client has asked for the certificates since.
    pub(super) fn may_have(&self, serial: &str) -> bool {
        match &self.platform {
            PlatformSource::Fixed(_) => false,
            PlatformSource::Client { merchant, .. } => merchant.ring.note_foreign_serial(serial),
        }
    }

    pub(super) fn now(&self) -> i64 {
        (self.clock)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_as_it_was_meant_to_be_given() {
        let told = |key: Option<&str>, given_by| {
            let mut builder = ClientBuilder::default().mchid(MerchantId::new("1900000001").unwrap());
            if let Some(key) = key {
                builder = builder.api_v3_key(ApiV3Key::new(key).unwrap());
            }
            MerchantKeys::from_builder(builder, given_by).err().unwrap().to_string()
        };
        let key = "x".repeat(32);
        for (given_by, platform, opening) in [
            (GivenBy::Builder, "`.public_key(id, key)`", "`.api_v3_key(...)`"),
            (GivenBy::Environment, "WEIPAY_PUBLIC_KEY_ID and WEIPAY_PUBLIC_KEY", "WEIPAY_API_V3_KEY"),
            (GivenBy::Kit, "`public_key_id` and `public_key`", "`api_v3_key`"),
        ] {
            let text = told(Some(&key), given_by);
            assert!(text.contains(platform) && text.contains("`client.receiver()`"), "{text}");
            let text = told(None, given_by);
            assert!(text.contains(opening), "{text}");
        }
        let text = told(Some(&key), GivenBy::Environment);
        assert!(!text.contains("`.") && text.contains("账户中心 > API安全"), "{text}");
    }
}
