//! Merchants (商户): those that the platform knows, with what belongs to each and the keys that prove who it is.
//!
//! They are data: the kit makes one, and nothing in the sandbox is built for one alone.

use weipay_wire::{ApiV3Key, PublicKey};

use crate::response::{Refusal, tail};

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
    /// When its certificate expires, in unix seconds.
    pub(crate) not_after: i64,
    /// APIv3密钥, which the platform shares.
    pub(crate) api_v3_key: ApiV3Key,
}

/// The kind of records that keep merchants.
pub(crate) const KIND: &str = "merchant";

/// The merchants of a platform.
#[derive(Debug)]
pub(crate) struct Merchants(Vec<Merchant>);

impl Merchants {
    pub(crate) fn new(merchants: Vec<Merchant>) -> Self {
        Self(merchants)
    }

    /// The appids of all merchants.
    pub(crate) fn appids(&self) -> Vec<String> {
        self.0.iter().flat_map(|merchant| merchant.account.appids.clone()).collect()
    }

    /// The merchant with this number.
    pub(crate) fn find(&self, mchid: &str) -> Option<&Merchant> {
        self.0.iter().find(|merchant| merchant.account.mchid == mchid)
    }
}

impl Account {
    /// Refuses an appid that is not bound to the merchant.
    pub(crate) fn check_appid(&self, appid: &str) -> Result<(), Refusal> {
        if self.appids.iter().any(|own| own == appid) {
            return Ok(());
        }
        Err(Refusal::new(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配")
            .with_tail(tail::APPID_NOT_BOUND)
            .with_reason("the only appid that is bound to the merchant here is that of this sandbox's kit"))
    }

    /// Whether it may act for this merchant: for itself, and for its sub-merchants.
    pub(crate) fn acts_for(&self, mchid: &str) -> bool {
        self.mchid == mchid || self.sub_merchants.iter().any(|own| own == mchid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Account {
            mchid: "1900000109".to_owned(),
            appids: texts(&["wx1", "wx2"]),
            sub_merchants: texts(&["1900000200"]),
        }
    }

    #[test]
    fn a_merchant_may_have_several_appids() {
        assert_eq!(account().check_appid("wx1"), Ok(()));
        assert_eq!(account().check_appid("wx2"), Ok(()));
        for other in ["wx3", "", "WX1"] {
            assert_eq!(account().check_appid(other).unwrap_err().code, "APPID_MCHID_NOT_MATCH");
        }
    }

    #[test]
    fn a_merchant_acts_for_itself_and_its_sub_merchants() {
        assert!(account().acts_for("1900000109") && account().acts_for("1900000200"));
        assert!(!account().acts_for("1900000201") && !account().acts_for(""));
    }
}
