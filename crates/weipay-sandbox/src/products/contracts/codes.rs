//! The codes of APIv2 for what is refused here.

use crate::products::payments::v2::codes::{Codes, row, saying};

/// preentrustweb. UNCONFIRMED(contract-codes) as all of these.
pub(super) const PRESIGN: Codes =
    Codes::new(&[row("PARAM_ERROR", "PARAM_ERROR"), row("NO_AUTH", "NOAUTH")], "INVALID_REQUEST");

/// querycontract and deletecontract.
pub(super) const CONTRACT: Codes = Codes::new(
    &[
        row("NOT_FOUND", "CONTRACT_NOT_EXIST"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("LACK_PARAMS", "LACK_PARAMS"),
        row("NO_AUTH", "NOAUTH"),
    ],
    "INVALID_REQUEST",
);

/// pappayapply.
pub(super) const DEDUCTION: Codes = Codes::new(
    &[
        saying(
            "INVALID_REQUEST",
            "请求重入时，参数与首次请求时不一致",
            "INVALID_REQUEST",
            "201 商户订单号重复",
        ),
        saying("INVALID_REQUEST", "签约协议已解约", "CONTRACT_NOT_EXIST", "签约协议不存在"),
        row("NOT_FOUND", "CONTRACT_NOT_EXIST"),
        row("RULE_LIMIT", "RULELIMIT"),
        row("ORDERPAID", "ORDERPAID"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("NO_AUTH", "NOAUTH"),
    ],
    "INVALID_REQUEST",
);

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn every_code_is_one_that_the_catalogue_has_for_its_operation() {
        for (path, codes) in [
            ("v2/papay/preentrustweb", &PRESIGN),
            ("v2/papay/partner/preentrustweb", &PRESIGN),
            ("v2/papay/querycontract", &CONTRACT),
            ("v2/papay/partner/querycontract", &CONTRACT),
            ("v2/papay/deletecontract", &CONTRACT),
            ("v2/papay/partner/deletecontract", &CONTRACT),
            ("v2/pay/pappayapply", &DEDUCTION),
            ("v2/pay/partner/pappayapply", &DEDUCTION),
        ] {
            let operation = Catalog::embedded().find("POST", path).unwrap();
            for code in codes.known() {
                assert!(operation.error_codes().any(|known| known.code == code), "{path}: {code}");
            }
        }
    }
}
