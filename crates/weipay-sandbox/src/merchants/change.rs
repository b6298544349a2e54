//! Adding merchants while the sandbox runs, and changing what the platform has for them.

use std::error::Error;
use std::fmt;

use weipay_catalog::sample::{APPID, OPENID};
use weipay_wire::MerchantId;

use super::Merchant;
use super::record::{CertificateState, KeyNames, MerchantRecord, PlatformKeys};
use crate::error::append_causes;
use crate::kit::{self, KitError, KitOnDisk, Made};
use crate::platform::Platform;
use crate::reasons;
use crate::store::{IndexRange, Page, StoreError, Transaction, named};

/// A merchant to add: everything that is not said is made up.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use weipay_sandbox::{NewMerchant, PlatformKeys, Sandbox};
///
/// let sandbox = Sandbox::start()?;
/// let partner = NewMerchant::new().sub_merchant("1900000200").platform_keys(PlatformKeys::Certificate);
/// let kit = sandbox.add_merchant(&partner)?;
/// println!("{}", kit.file().display());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewMerchant {
    mchid: Option<String>,
    appids: Vec<String>,
    sub_merchants: Vec<String>,
    platform_keys: PlatformKeys,
    certificate: CertificateState,
}

impl NewMerchant {
    /// A merchant with a new number and a new appid, for which the platform has a public key only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Its number (商户号): 8 to 15 digits.
    #[must_use]
    pub fn mchid(mut self, mchid: impl Into<String>) -> Self {
        self.mchid = Some(mchid.into());
        self
    }

    /// Binds an appid to it. The first stands in its kit.
    #[must_use]
    pub fn appid(mut self, appid: impl Into<String>) -> Self {
        self.appids.push(appid.into());
        self
    }

    /// Lets it act for this merchant (子商户), as a partner (服务商) does.
    #[must_use]
    pub fn sub_merchant(mut self, mchid: impl Into<String>) -> Self {
        self.sub_merchants.push(mchid.into());
        self
    }

    /// Which keys the platform signs with for it.
    #[must_use]
    pub fn platform_keys(mut self, platform_keys: PlatformKeys) -> Self {
        self.platform_keys = platform_keys;
        self
    }

    /// What the platform knows about its certificate.
    #[must_use]
    pub fn certificate(mut self, state: CertificateState) -> Self {
        self.certificate = state;
        self
    }
}

/// A step of a rotation (轮换).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationStep {
    /// A new key is made and known; the old one signs.
    Begin,
    /// The new one signs; both are known.
    Switch,
    /// Only the new one is known, and the kit names it.
    Finish,
}

impl RotationStep {
    pub(crate) const WORDS: [&str; 3] = ["begin", "switch", "finish"];

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "begin" => Some(Self::Begin),
            "switch" => Some(Self::Switch),
            "finish" => Some(Self::Finish),
            _ => None,
        }
    }
}

/// Why a merchant was not added or changed.
#[derive(Debug)]
pub enum MerchantError {
    /// What was asked for makes no sense.
    Invalid(String),
    /// There is a merchant with this number.
    Exists(String),
    /// There is no merchant with this number.
    Unknown(String),
    /// Something is wrong with its kit.
    Kit(KitError),
    /// Something is wrong with the state.
    Store(StoreError),
}

impl fmt::Display for MerchantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason) => f.write_str(reason),
            Self::Exists(mchid) => write!(f, "merchant {mchid} exists already; choose another number"),
            Self::Unknown(mchid) => f.write_str(&reasons::no_merchant(mchid)),
            Self::Kit(_) => f.write_str("the merchant's kit is inconsistent"),
            Self::Store(_) => f.write_str("the merchant could not be kept"),
        }?;
        append_causes(self, f)
    }
}

impl Error for MerchantError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Kit(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Invalid(_) | Self::Exists(_) | Self::Unknown(_) => None,
        }
    }
}

impl From<KitError> for MerchantError {
    fn from(error: KitError) -> Self {
        Self::Kit(error)
    }
}

impl From<StoreError> for MerchantError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Merchants of a sandbox at most: each has files.
const MAX_MERCHANTS: usize = 10_000;

/// So often a change is made again because other nodes change the same merchant.
const MAX_CHANGES: usize = 100;

/// The first number that is given to a merchant without one, in the range of examples.
const FIRST_MCHID: u64 = 1_900_001_000;

impl Platform {
    /// Adds a merchant, and makes its kit in `merchants/MCHID` of the data folder. It can send requests at
    /// once, and is there after a restart.
    ///
    /// # Errors
    ///
    /// If there is one with its number, or its kit cannot be made.
    pub fn add_merchant(&self, new: &NewMerchant) -> Result<KitOnDisk, MerchantError> {
        let _changing = self.merchants.change();
        loop {
            self.look_at_merchants()?;
            match self.add(new) {
                // Another node was faster with the same free number.
                Err(MerchantError::Exists(_)) if new.mchid.is_none() => {}
                added => return added,
            }
        }
    }

    fn add(&self, new: &NewMerchant) -> Result<KitOnDisk, MerchantError> {
        if let Some(mchid) = &new.mchid {
            check_mchid(mchid)?;
            check_sub_merchants(mchid, &new.sub_merchants)?;
        }
        new.sub_merchants.iter().try_for_each(|sub_mchid| check_mchid(sub_mchid))?;
        new.appids.iter().try_for_each(|appid| check_appid(appid))?;
        let all = self.merchants.all();
        let is_known = |mchid: &String| all.iter().any(|known| known.account.mchid == *mchid);
        if let Some(mchid) = new.mchid.as_ref().filter(|mchid| is_known(mchid)) {
            return Err(MerchantError::Exists(mchid.clone()));
        }
        if all.len() >= MAX_MERCHANTS {
            return Err(MerchantError::Invalid(format!("a sandbox has at most {MAX_MERCHANTS} merchants")));
        }
        let mut appids = new.appids.clone();
        if appids.is_empty() {
            appids.push(self.new_appid());
        }
        let openid = match appids[0] == APPID {
            true => OPENID.to_owned(),
            false => format!("o{}", self.entropy.letters_and_digits(27)),
        };
        let mut made = Made {
            mchid: new.mchid.clone().unwrap_or_default(),
            appid: appids[0].clone(),
            openid,
            platform_keys: new.platform_keys,
            certificate: new.certificate,
        };
        let mut kit = match &new.mchid {
            Some(_) => kit::open_merchant(&self.home, &made)?,
            None => {
                self.open_free_kit(&mut made, |mchid| is_known(mchid) || new.sub_merchants.contains(mchid))?
            }
        };
        let has = &kit.kit().appid;
        if new.appids.is_empty() && all.iter().all(|known| !known.account.appids.contains(has)) {
            appids = vec![has.clone()];
        }
        kit.name_appid(&appids[0], &made.openid)?;
        kit.serve_at(&self.base_url)?;
        let record = MerchantRecord {
            appids,
            sub_merchants: new.sub_merchants.clone(),
            certificate: new.certificate,
            ..MerchantRecord::from_kit(kit.kit())
        };
        if !self.keep(&kit, &record, None)? {
            return Err(MerchantError::Exists(record.mchid));
        }
        Ok(kit)
    }

    /// An appid that nobody has. After a reset a seeded sequence begins again, and its merchants are still there.
    fn new_appid(&self) -> String {
        let known = self.merchants.appids();
        loop {
            let appid = format!("wx{}", self.entropy.hex_digits(16));
            if !known.contains(&appid) {
                return appid;
            }
        }
    }

    /// The kit of a number of the example range that nobody has. A number of which another kit is left is passed over.
    fn open_free_kit(
        &self,
        made: &mut Made,
        is_taken: impl Fn(&String) -> bool,
    ) -> Result<KitOnDisk, MerchantError> {
        for number in FIRST_MCHID.. {
            made.mchid = number.to_string();
            if is_taken(&made.mchid) {
                continue;
            }
            match kit::open_merchant(&self.home, made) {
                Err(KitError::Left { .. }) => {}
                // Who names no number gets what was asked for, and not what became of it.
                Ok(kit) if kit.has_platform_keys() != made.platform_keys => {}
                opened => return Ok(opened?),
            }
        }
        Err(MerchantError::Invalid("no merchant number is free".to_owned()))
    }

    /// Checks that kit and record belong together, keeps the record, and lets the merchant in. Whether it was
    /// kept: not if the record that is there by now is another one than that from which it was made, since a
    /// change of another node would be lost.
    fn keep(
        &self,
        kit: &KitOnDisk,
        record: &MerchantRecord,
        made_from: Option<&MerchantRecord>,
    ) -> Result<bool, MerchantError> {
        let merchant: Merchant = kit.merchant_of(record)?;
        let files = self.shared_files(kit)?;
        let is_kept = self.store.transaction(|tx| {
            if tx.get::<MerchantRecord>(&record.mchid)?.as_ref() != made_from {
                return Ok(false);
            }
            kit::shared::save(tx, &files)?;
            tx.save(record).map(|()| true)
        })?;
        if is_kept {
            self.merchants.put(merchant);
        }
        Ok(is_kept)
    }

    /// Changes the record of a merchant, and with it its kit. Where another node comes in between, the change
    /// is made again from what that one left.
    fn change(
        &self,
        mchid: &str,
        change: impl Fn(&mut KitOnDisk, &mut MerchantRecord) -> Result<(), MerchantError>,
    ) -> Result<(), MerchantError> {
        let _changing = self.merchants.change();
        for _ in 0..MAX_CHANGES {
            self.look_at_merchants()?;
            let mut kit = self.kit_of(mchid)?;
            let stored = self.store.peek::<MerchantRecord>(mchid)?;
            if self.store.is_shared() && self.merchants.seen().get(mchid) != stored.as_ref() {
                // The kit on this disk is older than the record.
                continue;
            }
            let mut record = stored.clone().unwrap_or_else(|| MerchantRecord::from_kit(kit.kit()));
            change(&mut kit, &mut record)?;
            if self.keep(&kit, &record, stored.as_ref())? {
                return Ok(());
            }
            // The next look writes the kit of the other node over the one that was made for nothing.
            self.merchants.seen().remove(mchid);
        }
        Err(StoreError::Conflict(named::<MerchantRecord>(mchid)).into())
    }

    /// Binds appids to a merchant, and lets it act for other merchants, beside those that it has.
    pub(crate) fn bind(
        &self,
        mchid: &str,
        appids: &[String],
        sub_merchants: &[String],
    ) -> Result<(), MerchantError> {
        check_sub_merchants(mchid, sub_merchants)?;
        self.change(mchid, |_, record| {
            for (there, wanted) in [(&mut record.appids, appids), (&mut record.sub_merchants, sub_merchants)]
            {
                for one in wanted {
                    if !there.contains(one) {
                        there.push(one.clone());
                    }
                }
            }
            Ok(())
        })
    }

    /// The kit of a merchant.
    ///
    /// # Errors
    ///
    /// If there is no such merchant, or its kit cannot be read.
    pub fn kit_of(&self, mchid: &str) -> Result<KitOnDisk, MerchantError> {
        if self.merchants.find(mchid).is_none() {
            return Err(MerchantError::Unknown(mchid.to_owned()));
        }
        let first = kit::read(&self.home)?;
        if first.kit().mchid == mchid { Ok(first) } else { Ok(kit::read(kit::folder_of(&self.home, mchid))?) }
    }

    /// Says something about a merchant's certificate (商户API证书).
    ///
    /// # Errors
    ///
    /// If there is no such merchant, or the change cannot be kept.
    pub fn set_certificate_state(&self, mchid: &str, state: CertificateState) -> Result<(), MerchantError> {
        self.change(mchid, |_, record| {
            record.certificate = state;
            Ok(())
        })
    }

    /// Lets the platform sign with other keys for a merchant. A key that is missing is made; the kit names what there is.
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
            record.platform_keys = mode;
            record.public_key_permille = public_key_permille.filter(|_| mode == PlatformKeys::Migration);
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
                (RotationStep::Finish, known) => {
                    keys.keys.drain(..known - 1);
                    keys.signing = 0;
                }
            }
            Ok(kit.name_platform_keys(record)?)
        })
    }
}

/// The two kinds of keys of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// 微信支付公钥.
    PublicKey,
    /// 平台证书.
    Certificate,
}

impl KeyKind {
    pub(crate) const WORDS: [&str; 2] = [Self::PublicKey.word(), Self::Certificate.word()];

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

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::PublicKey => "public-key",
            Self::Certificate => "certificate",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::PublicKey, Self::Certificate].into_iter().find(|kind| kind.word() == word)
    }

    fn names_in(self, record: &mut MerchantRecord) -> &mut KeyNames {
        match self {
            Self::PublicKey => &mut record.public_keys,
            Self::Certificate => &mut record.certificates,
        }
    }
}

/// The records of all merchants.
pub(crate) fn records(tx: &Transaction<'_>) -> Result<Vec<MerchantRecord>, StoreError> {
    let limit = i64::try_from(MAX_MERCHANTS).unwrap_or(i64::MAX);
    tx.find(&[IndexRange::equal("all", "")], Page { offset: 0, limit })
}

/// It names a folder, too.
pub(crate) fn check_mchid(mchid: &str) -> Result<(), MerchantError> {
    match MerchantId::new(mchid) {
        Ok(_) => Ok(()),
        Err(_) => Err(MerchantError::Invalid("a merchant number (商户号) has 8 to 15 digits".to_owned())),
    }
}

fn check_sub_merchants(mchid: &str, sub_merchants: &[String]) -> Result<(), MerchantError> {
    sub_merchants.iter().try_for_each(|sub_mchid| check_mchid(sub_mchid))?;
    match sub_merchants.iter().any(|sub_mchid| sub_mchid == mchid) {
        true => Err(MerchantError::Invalid(format!("merchant {mchid} cannot be a sub-merchant of itself"))),
        false => Ok(()),
    }
}

pub(crate) fn check_appid(appid: &str) -> Result<(), MerchantError> {
    let is_plain = (1..=32).contains(&appid.len()) && appid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match is_plain {
        true => Ok(()),
        false => Err(MerchantError::Invalid("an appid has 1 to 32 letters and digits".to_owned())),
    }
}
