//! The keys that the platform signs with for a merchant, and their rotation (轮换).

use super::change::MerchantError;
use super::record::{KeyNames, MerchantRecord, PlatformKeys};
use crate::platform::Platform;
use crate::words::words;

words! {
    /// The two kinds of keys of the platform.
    #[non_exhaustive]
    pub enum KeyKind {
        /// 微信支付公钥.
        PublicKey = "public-key",
        /// 平台证书.
        Certificate = "certificate",
    }
    pub(crate) fn from_word;
    pub(crate) const WORDS;
}

impl KeyKind {
    /// Why nothing of this kind can be rotated.
    fn missing(self) -> MerchantError {
        let other = match self {
            Self::PublicKey => Self::Certificate,
            Self::Certificate => Self::PublicKey,
        };
        MerchantError::Invalid(format!(
            "the platform has no {} for this merchant: give the key {} (--key {1})",
            self.word(),
            other.word()
        ))
    }

    fn names_in(self, record: &mut MerchantRecord) -> &mut KeyNames {
        match self {
            Self::PublicKey => &mut record.public_keys,
            Self::Certificate => &mut record.certificates,
        }
    }
}

words! {
    /// A step of a rotation (轮换).
    #[non_exhaustive]
    pub enum RotationStep {
        /// A new key is created and published; the old one signs.
        Begin = "begin",
        /// The new one signs; both are published.
        Switch = "switch",
        /// Only the new one is published, and the kit names it.
        Finish = "finish",
    }
    pub(crate) fn from_word;
    pub(crate) const WORDS;
}

impl Platform {
    /// Changes the platform keys that sign for a merchant. Missing keys are created, and the kit is updated.
    /// `public_key_permille` says how many of a thousand notifications the public key signs in a migration.
    ///
    /// # Errors
    ///
    /// If there is no such merchant, or the change cannot be kept.
    pub fn set_platform_keys(
        &self,
        mchid: &str,
        mode: PlatformKeys,
        public_key_permille: Option<u32>,
    ) -> Result<(), MerchantError> {
        self.change(mchid, |kit, record| {
            if public_key_permille.is_some_and(|permille| permille > 1000) {
                return Err(MerchantError::Invalid("a share is from 0 to 100 %".to_owned()));
            }
            if public_key_permille.is_some() && mode != PlatformKeys::Migration {
                return Err(MerchantError::Invalid(
                    "a share of the notifications is for a migration (迁移) only, in which two keys can sign them".to_owned(),
                ));
            }
            record.platform_keys = mode;
            record.public_key_permille = public_key_permille;
            for (is_wanted, kind) in
                [(mode.has_public_key(), KeyKind::PublicKey), (mode.has_certificate(), KeyKind::Certificate)]
            {
                let keys = kind.names_in(record);
                if is_wanted && keys.keys.is_empty() {
                    *keys = KeyNames { made: keys.made + 1, ..KeyNames::default() };
                    let made = kit.make_platform_key(kind, keys.made)?;
                    keys.keys.push(made);
                }
            }
            Ok(kit.name_platform_keys(record)?)
        })
    }

    /// Takes a step of the rotation of a platform key that a merchant knows.
    ///
    /// # Errors
    ///
    /// If there is no such merchant, it has no key of this kind, or the step does not follow from the last one.
    pub fn rotate_platform_key(
        &self,
        mchid: &str,
        kind: KeyKind,
        step: RotationStep,
    ) -> Result<(), MerchantError> {
        self.change(mchid, |kit, record| {
            let has_kind = match kind {
                KeyKind::PublicKey => record.platform_keys.has_public_key(),
                KeyKind::Certificate => record.platform_keys.has_certificate(),
            };
            let keys = kind.names_in(record);
            match (step, keys.keys.len()) {
                (_, 0) => return Err(kind.missing()),
                _ if !has_kind => return Err(kind.missing()),
                (RotationStep::Begin, 1) => {
                    keys.made += 1;
                    let made = kit.make_platform_key(kind, keys.made)?;
                    keys.keys.push(made);
                }
                (RotationStep::Begin, _) => {
                    return Err(MerchantError::Invalid(
                        "a rotation is under way; finish it first".to_owned(),
                    ));
                }
                (_, 1) => {
                    return Err(MerchantError::Invalid(
                        "no rotation is under way; begin one first".to_owned(),
                    ));
                }
                (RotationStep::Switch, known) => keys.signing = known - 1,
                (RotationStep::Finish, known) if keys.signing != known - 1 => {
                    return Err(MerchantError::Invalid(
                        "the old key still signs: switch to the new one first".to_owned(),
                    ));
                }
                (RotationStep::Finish, known) => {
                    keys.keys.drain(..known - 1);
                    keys.signing = 0;
                }
            }
            Ok(kit.name_platform_keys(record)?)
        })
    }
}
