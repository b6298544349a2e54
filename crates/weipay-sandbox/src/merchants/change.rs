//! Changing what the platform has for a merchant while the sandbox runs.

use std::error::Error;
use std::fmt;

use weipay_wire::MerchantId;

use super::Merchant;
use super::add::MAX_MERCHANTS;
use super::record::{CertificateState, MerchantRecord};
use crate::error::append_causes;
use crate::kit::{self, KitError, KitOnDisk};
use crate::platform::Platform;
use crate::reasons;
use crate::store::{IndexRange, Page, StoreError, Transaction, changed_meanwhile};

/// Error of adding or changing a merchant.
#[derive(Debug)]
#[non_exhaustive]
pub enum MerchantError {
    /// The request is invalid.
    Invalid(String),
    /// There is a merchant with this number.
    Exists(String),
    /// There is no merchant with this number.
    Unknown(String),
    /// Its kit is inconsistent.
    Kit(KitError),
    /// The merchant could not be stored.
    Store(StoreError),
}

impl fmt::Display for MerchantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason) => f.write_str(reason),
            Self::Exists(mchid) => write!(f, "merchant {mchid} exists already; choose another number"),
            Self::Unknown(mchid) => f.write_str(&reasons::no_merchant(mchid)),
            Self::Kit(_) => f.write_str("the merchant's kit is inconsistent"),
            Self::Store(_) => f.write_str("the merchant could not be stored"),
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

/// How often a change is tried while other nodes change the same merchant.
const MAX_CHANGES: usize = 100;

impl Platform {
    /// Checks that kit and record belong together, stores the record, and admits the merchant. Returns whether it was
    /// stored: not if the record has changed since it was read, because then a change of another node would be lost.
    pub(super) fn keep(
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

    /// Changes the record of a merchant and its kit. If another node changes it in between, the change is repeated on
    /// the new record.
    pub(super) fn change(
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
        Err(changed_meanwhile::<MerchantRecord>(mchid).into())
    }

    /// Binds appids to a merchant, and lets it act for other merchants, beside those that it has.
    ///
    /// # Errors
    ///
    /// If there is no such merchant, a number or an appid is malformed, or the change cannot be kept.
    pub fn bind(
        &self,
        mchid: &str,
        appids: &[String],
        sub_merchants: &[String],
    ) -> Result<(), MerchantError> {
        check_sub_merchants(mchid, sub_merchants)?;
        appids.iter().try_for_each(|appid| check_appid(appid))?;
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

    /// Sets the state of a merchant's certificate (商户API证书).
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

pub(super) fn check_sub_merchants(mchid: &str, sub_merchants: &[String]) -> Result<(), MerchantError> {
    sub_merchants.iter().try_for_each(|sub_mchid| check_mchid(sub_mchid))?;
    if sub_merchants.iter().any(|sub_mchid| sub_mchid == mchid) {
        Err(MerchantError::Invalid(format!("merchant {mchid} cannot be a sub-merchant of itself")))
    } else {
        Ok(())
    }
}

pub(crate) fn check_appid(appid: &str) -> Result<(), MerchantError> {
    let is_plain = (1..=32).contains(&appid.len()) && appid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_plain {
        Ok(())
    } else {
        Err(MerchantError::Invalid("an appid has 1 to 32 letters and digits".to_owned()))
    }
}
