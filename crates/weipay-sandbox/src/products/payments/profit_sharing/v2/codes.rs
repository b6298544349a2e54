//! The codes of APIv2 in the place of those of APIv3.

use super::{NOT_SHARED, NOT_UNFROZEN};
use crate::products::payments::v2::codes::{Codes, row, saying};

pub(super) const SPLIT: Codes = Codes::new(
    &[
        saying("INVALID_REQUEST", NOT_SHARED, "NOT_SHARE_ORDER", ""),
        saying("INVALID_REQUEST", NOT_UNFROZEN, "NOT_SHARE_ORDER", ""),
        row("INVALID_REQUEST", "INVALID_REQUEST"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("NOT_ENOUGH", "NOTENOUGH"),
        row("RULE_LIMIT", "RULELIMIT"),
        row("NO_AUTH", "NOAUTH"),
    ],
    "INVALID_REQUEST",
);

pub(super) const QUERY: Codes = Codes::new(&[], "ORDERNOTEXIST");

pub(super) const AMOUNT: Codes = Codes::new(
    &[saying("INVALID_REQUEST", "非分账订单不支持此查询", "NOT_SHARE_ORDER", "")],
    "INVALID_REQUEST",
);

pub(super) const RATIO: Codes = Codes::new(&[], "NOAUTH");

pub(super) const RECEIVER: Codes = Codes::new(&[row("NO_AUTH", "NOAUTH")], "PARAM_ERROR");

pub(super) const RETURN: Codes = Codes::new(
    &[
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("NOT_ENOUGH", "NOTENOUGH"),
        row("RESOURCE_NOT_EXISTS", "ORDERNOTEXIST"),
    ],
    "INVALID_REQUEST",
);

pub(super) const RETURN_QUERY: Codes = Codes::new(&[], "ORDERNOTEXIST");

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn every_code_is_one_of_its_operation() {
        for (path, codes) in [
            ("v2/secapi/pay/profitsharing", SPLIT),
            ("v2/secapi/pay/multiprofitsharing", SPLIT),
            ("v2/secapi/pay/profitsharingfinish", SPLIT),
            ("v2/pay/profitsharingquery", QUERY),
            ("v2/pay/profitsharingorderamountquery", AMOUNT),
            ("v2/pay/profitsharingmerchantratioquery", RATIO),
            ("v2/pay/profitsharingaddreceiver", RECEIVER),
            ("v2/pay/profitsharingremovereceiver", RECEIVER),
            ("v2/secapi/pay/profitsharingreturn", RETURN),
            ("v2/pay/profitsharingreturnquery", RETURN_QUERY),
        ] {
            let operation = Catalog::embedded().find("POST", path).unwrap();
            for code in codes.known() {
                assert!(operation.error_codes().any(|known| known.code == code), "{path}: {code}");
            }
        }
    }
}
