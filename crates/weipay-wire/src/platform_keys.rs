//! The keys that verify responses and notifications: platform certificates (平台证书) and WeChat Pay public keys
//! (微信支付公钥), together.
//!
//! The `Wechatpay-Serial` header names the key. Two official pages disagree on whether a client may look at its prefix.
//! An exact map from that text to a key satisfies both. It also works while a merchant migrates from one kind to the
//! other and receives both kinds of signatures.

use std::collections::BTreeMap;

use crate::certificate::Certificate;
use crate::identifiers::PublicKeyId;
use crate::public_key::PublicKey;

/// Platform keys, each under the text that names it in `Wechatpay-Serial`.
#[derive(Clone, Debug, Default)]
pub struct PlatformKeys {
    by_serial: BTreeMap<String, PublicKey>,
}

impl PlatformKeys {
    /// Creates an empty set, with which nothing verifies.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a platform certificate (平台证书) under its serial number.
    pub fn insert_certificate(&mut self, certificate: &Certificate) {
        self.by_serial.insert(certificate.serial().to_owned(), certificate.public_key().clone());
    }

    /// Adds a WeChat Pay public key (微信支付公钥) under its ID (公钥ID).
    pub fn insert_public_key(&mut self, id: PublicKeyId, key: PublicKey) {
        self.by_serial.insert(id.into_string(), key);
    }

    /// The key with exactly this serial or ID.
    #[must_use]
    pub fn get(&self, serial: &str) -> Option<&PublicKey> {
        self.by_serial.get(serial)
    }

    /// The serials and IDs of all keys, sorted.
    pub fn serials(&self) -> impl Iterator<Item = &str> {
        self.by_serial.keys().map(String::as_str)
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_serial.is_empty()
    }
}
