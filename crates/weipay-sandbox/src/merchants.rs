//! Merchants (商户): those that the platform knows, with what belongs to each and the keys that prove who it is.
//!
//! They are data: the first is that of the data folder's kit, others are added while the sandbox runs, each with its own kit in
//! `merchants/MCHID` of the data folder. What can change of a merchant is a [record](record::MerchantRecord).

pub(crate) mod add;
pub(crate) mod change;
pub(crate) mod record;
pub(crate) mod rotation;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use weipay_wire::{ApiV2Key, ApiV3Key, PublicKey};

use crate::kit::shared::Seen;
use crate::reasons;
use crate::response::{Refusal, Signers, tail};
use record::CertificateState;

/// A merchant as products see it: its number, and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// 商户号.
    pub(crate) mchid: String,
    /// The appids that are bound to it.
    pub(crate) appids: Vec<String>,
    /// The merchants that it acts for (子商户).
    pub(crate) sub_merchants: Vec<String>,
}

/// A merchant with its credentials.
#[derive(Debug)]
pub(crate) struct Merchant {
    pub(crate) account: Account,
    /// 商户API证书序列号.
    pub(crate) serial: String,
    /// The key of its certificate.
    pub(crate) key: PublicKey,
    /// When its certificate begins to be valid, in unix seconds.
    pub(crate) not_before: i64,
    /// When its certificate expires, in unix seconds.
    pub(crate) not_after: i64,
    /// The state of its certificate that a developer has set.
    pub(crate) certificate: CertificateState,
    /// APIv3密钥, which the platform shares.
    pub(crate) api_v3_key: ApiV3Key,
    /// API密钥 of APIv2, which the platform shares.
    pub(crate) api_v2_key: ApiV2Key,
    /// The keys with which the platform signs for it.
    pub(crate) signers: Signers,
    /// The platform certificates (平台证书) that it can list; none if it has only the public key.
    pub(crate) certificates: Vec<ListedCertificate>,
}

/// A certificate that can be listed.
#[derive(Debug, Clone)]
pub(crate) struct ListedCertificate {
    /// 证书序列号.
    pub(crate) serial: String,
    pub(crate) pem: String,
    /// 证书启用时间, in unix seconds.
    pub(crate) effective: i64,
    /// 证书弃用时间, in unix seconds.
    pub(crate) expire: i64,
}

/// The kind of records that keep merchants.
pub(crate) const KIND: &str = "merchant";

/// The merchants of a platform.
#[derive(Debug, Default)]
pub(crate) struct Merchants {
    known: RwLock<BTreeMap<String, Arc<Merchant>>>,
    /// Held by who changes them.
    changing: Mutex<()>,
    /// The merchants as this node last saw them; other nodes may change them too.
    seen: Mutex<Seen>,
}

impl Merchants {
    pub(crate) fn new(merchants: Vec<Merchant>) -> Self {
        let known =
            merchants.into_iter().map(|merchant| (merchant.account.mchid.clone(), Arc::new(merchant)));
        Self { known: RwLock::new(known.collect()), changing: Mutex::default(), seen: Mutex::default() }
    }

    /// The merchant with this number.
    pub(crate) fn find(&self, mchid: &str) -> Option<Arc<Merchant>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(mchid).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Merchant>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Whether a partner acts for a sub-merchant: one of those that it names.
    /// UNCONFIRMED(partner-of-everybody): a merchant that names none acts for everybody whom no other
    /// merchant names, so that a story needs no set-up.
    pub(crate) fn have_relation(&self, partner: &Account, sub_mchid: &str) -> bool {
        if sub_mchid.is_empty() || sub_mchid == partner.mchid {
            return false;
        }
        let is_anothers = || self.all().iter().any(|other| other.account.names(sub_mchid));
        partner.names(sub_mchid) || (partner.sub_merchants.is_empty() && !is_anothers())
    }

    /// Whether a partner sees and withdraws the money of a sub-merchant. One that has its own keys must be
    /// named for that: otherwise any merchant could take the money of any other one.
    pub(crate) fn may_use_money(&self, partner: &Account, sub_mchid: &str) -> bool {
        self.have_relation(partner, sub_mchid) && (partner.names(sub_mchid) || self.find(sub_mchid).is_none())
    }

    /// Runs a check of what is known of a merchant. If it fails, and `reload` finds that another node has changed the merchant,
    /// it runs once more.
    pub(crate) fn check_with_reload<T, E>(
        check: impl Fn() -> Result<T, E>,
        reload: impl FnOnce() -> bool,
    ) -> Result<T, E> {
        match check() {
            Err(_) if reload() => check(),
            checked => checked,
        }
    }

    /// The appids of all merchants.
    pub(crate) fn appids(&self) -> Vec<String> {
        let mut appids: Vec<_> =
            self.all().iter().flat_map(|merchant| merchant.account.appids.clone()).collect();
        appids.sort_unstable();
        appids.dedup();
        appids
    }

    /// The merchants as this node last saw them; the holder of this lock takes over changes of other nodes.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a merchant in the place of the one with its number.
    pub(crate) fn put(&self, merchant: Merchant) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(merchant.account.mchid.clone(), Arc::new(merchant));
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Refuses an appid that is not bound to the merchant.
    pub(crate) fn check_appid(&self, appid: &str) -> Result<(), Refusal> {
        if self.appids.iter().any(|own| own == appid) {
            return Ok(());
        }
        Err(Refusal::new(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配", reasons::APPID_NOT_BOUND)
            .with_tail(tail::APPID_NOT_BOUND))
    }

    /// Whether it may act for this merchant: for itself, and for its sub-merchants.
    pub(crate) fn acts_for(&self, mchid: &str) -> bool {
        self.mchid == mchid || self.names(mchid)
    }

    /// Whether it names this merchant as one of its sub-merchants.
    pub(crate) fn names(&self, mchid: &str) -> bool {
        self.sub_merchants.iter().any(|named| named == mchid)
    }
}

#[cfg(test)]
mod tests;
