//! The stored record of a merchant. Its secrets are files beside its kit.

use serde::{Deserialize, Serialize};
use weipay_wire::Kit;

use super::KIND;
use crate::store::{IndexEntry, Record};
use crate::words::words;

words! {
    /// The keys with which the platform signs for a merchant.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum PlatformKeys {
        /// 微信支付公钥 only, as for every merchant since October 2024: there is no certificate to list.
        #[default]
        PublicKey = "public-key",
        /// 平台证书 only.
        Certificate = "certificate",
        /// Both: the public key signs for a request that names it, the certificate for every other.
        Migration = "migration",
    }
    pub fn from_word;
    pub(crate) const WORDS;
}

impl PlatformKeys {
    pub(crate) fn has_public_key(self) -> bool {
        self != Self::Certificate
    }

    pub(crate) fn has_certificate(self) -> bool {
        self != Self::PublicKey
    }
}

words! {
    /// The state of a merchant certificate (商户API证书), in addition to its dates.
    #[derive(Default)]
    #[non_exhaustive]
    pub enum CertificateState {
        /// Its dates decide.
        #[default]
        Valid = "valid",
        /// Treated as if its last day were over.
        Expired = "expired",
        /// 已作废.
        Revoked = "revoked",
        /// Treated as if its first day were still to come.
        NotYetValid = "not-yet-valid",
    }
    pub fn from_word;
    pub(crate) const WORDS;
}

impl CertificateState {
    /// The state of a certificate at a time by its dates, which never say that it was revoked.
    pub(crate) fn of_dates(not_before: i64, not_after: i64, now: i64) -> Self {
        match now {
            now if now < not_before => Self::NotYetValid,
            now if now > not_after => Self::Expired,
            _ => Self::Valid,
        }
    }
}

/// A key of the platform that a merchant knows: its name, and where it is, relative to the merchant's kit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyName {
    /// The serial number of a certificate, or the ID of a public key.
    pub(crate) name: String,
    /// The file with the certificate or the public key.
    pub(crate) file: String,
    /// The file with the private key.
    pub(crate) key_file: String,
}

/// Keys of one kind, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyNames {
    pub(crate) keys: Vec<KeyName>,
    /// Which of them signs: in a rotation (轮换) two are known, and the older one signs at first.
    pub(crate) signing: usize,
    /// How many were ever made; it numbers the files.
    pub(crate) made: u32,
}

impl KeyNames {
    pub(crate) fn one(key: KeyName) -> Self {
        // Its number stands in its file's name: the next one must not be written over it.
        let made = number_in(&key.file).and_then(|number| number.parse().ok()).unwrap_or(1);
        Self { keys: vec![key], signing: 0, made }
    }

    pub(crate) fn signing(&self) -> Option<&KeyName> {
        self.keys.get(self.signing).or(self.keys.last())
    }
}

/// A merchant as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MerchantRecord {
    pub(crate) mchid: String,
    pub(crate) appids: Vec<String>,
    pub(crate) sub_merchants: Vec<String>,
    pub(crate) platform_keys: PlatformKeys,
    pub(crate) public_keys: KeyNames,
    pub(crate) certificates: KeyNames,
    /// In a migration: how many of a thousand notifications the public key signs; `None` while the request that set the address
    /// decides.
    pub(crate) public_key_permille: Option<u32>,
    pub(crate) certificate: CertificateState,
}

impl Record for MerchantRecord {
    const KIND: &'static str = KIND;

    fn key(&self) -> String {
        self.mchid.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        // One value, so that all merchants can be found.
        vec![IndexEntry::new("all", "")]
    }
}

/// The private keys of the platform, as every kit is made with them.
pub(crate) const CERTIFICATE_KEY: &str = "keys/platform/wechatpay_cert_key.pem";
pub(crate) const PUBLIC_KEY_KEY: &str = "keys/platform/pub_key_key.pem";

impl MerchantRecord {
    /// The merchant of a kit of which nothing was changed.
    pub(crate) fn from_kit(kit: &Kit) -> Self {
        let names = |name: &Option<String>, file: &Option<String>, key_file: &str| match (name, file) {
            (Some(name), Some(file)) => KeyNames::one(KeyName {
                name: name.clone(),
                file: file.clone(),
                key_file: numbered_as(file, key_file),
            }),
            _ => KeyNames::default(),
        };
        let public_keys = names(&kit.public_key_id, &kit.public_key, PUBLIC_KEY_KEY);
        let certificates = names(&kit.platform_serial, &kit.platform_cert, CERTIFICATE_KEY);
        let platform_keys = match (public_keys.keys.is_empty(), certificates.keys.is_empty()) {
            (false, false) => PlatformKeys::Migration,
            (true, _) => PlatformKeys::Certificate,
            (false, true) => PlatformKeys::PublicKey,
        };
        Self {
            mchid: kit.mchid.clone(),
            appids: vec![kit.appid.clone()],
            sub_merchants: Vec::new(),
            platform_keys,
            public_keys,
            certificates,
            public_key_permille: None,
            certificate: CertificateState::Valid,
        }
    }
}

/// The private key beside a file: the second certificate, `wechatpay_cert_2.pem`, has the key `wechatpay_cert_key_2.pem`.
fn numbered_as(file: &str, key_file: &str) -> String {
    match number_in(file) {
        Some(number) => key_file.replace(".pem", &format!("_{number}.pem")),
        None => key_file.to_owned(),
    }
}

/// The number of a key in the name of its file; the first has none.
fn number_in(file: &str) -> Option<&str> {
    let (_, number) = file.strip_suffix(".pem")?.rsplit_once('_')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}
