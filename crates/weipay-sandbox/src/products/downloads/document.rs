//! What is in the files: bills without a line, and the smallest picture and page that programs open.

use weipay_catalog::Operation;
use weipay_wire::DigestAlgorithm;

use super::pdf::pdf;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    /// 交易账单, of APIv2.
    TradeBill,
    /// 资金账单.
    FundBill,
    /// A bill whose columns no source prints.
    OtherBill,
    /// An electronic receipt (电子回单) or invoice (电子发票).
    Page,
    Picture,
}

impl Document {
    /// What each is called in a link.
    pub(super) const WORDS: [(Self, &'static str); 5] = [
        (Self::TradeBill, "trade"),
        (Self::FundBill, "fund"),
        (Self::OtherBill, "bill"),
        (Self::Page, "page"),
        (Self::Picture, "picture"),
    ];

    /// What an operation gives a link to.
    pub(super) fn linked_by(operation: &Operation) -> Self {
        let path = operation.path;
        let speaks_of = |words: &[&str]| words.iter().any(|word| path.contains(word));
        if speaks_of(&["receipt", "elecsign", "proof", "fapiao"]) {
            Self::Page
        } else if speaks_of(&["fundflowbill"]) {
            Self::FundBill
        } else {
            Self::OtherBill
        }
    }

    /// What an operation downloads.
    pub(super) fn from_operation(operation: &Operation) -> Self {
        match operation.path {
            path if path.contains("/images/") => Self::Picture,
            path if path.contains("fapiao") => Self::Page,
            path if path.ends_with("statements") => Self::OtherBill,
            _ => Self::TradeBill,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Page => "application/pdf",
            Self::Picture => "image/png",
            _ => "text/plain; charset=utf-8",
        }
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::TradeBill => bill(TRADE_BILL, TRADE_SUMMARY),
            Self::FundBill => bill(FUND_BILL, FUND_SUMMARY),
            Self::OtherBill => bill(OTHER_BILL, OTHER_SUMMARY),
            Self::Page => pdf(&PAGE),
            Self::Picture => PICTURE.to_vec(),
        }
    }

    /// Its digest, in the lower case that the algorithm is usually written in.
    pub(super) fn digest(self, algorithm: &str) -> Option<String> {
        DigestAlgorithm::from_name(algorithm).map(|algorithm| algorithm.hex(&self.bytes()))
    }
}

const TRADE_BILL: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const TRADE_SUMMARY: [(&str, &str); 7] = [
    ("总交易单数", "0"),
    ("应结订单总金额", "0.00"),
    ("退款总金额", "0.00"),
    ("充值券退款总金额", "0.00"),
    ("手续费总金额", "0.00000"),
    ("订单总金额", "0.00"),
    ("申请退款总金额", "0.00"),
];
const FUND_BILL: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const FUND_SUMMARY: [(&str, &str); 5] = [
    ("资金流水总笔数", "0"),
    ("收入笔数", "0"),
    ("收入金额", "0.00"),
    ("支出笔数", "0"),
    ("支出金额", "0.00"),
];
/// UNCONFIRMED(other-bills), every column.
const OTHER_BILL: &str = "时间,商户号,单号,金额(元),备注";
/// UNCONFIRMED(other-bills).
const OTHER_SUMMARY: [(&str, &str); 2] = [("总笔数", "0"), ("总金额", "0.00")];

/// A bill of a day on which nothing happened: heading, no line, and a summary whose values begin with a backtick.
/// UNCONFIRMED(bill-line-ends): line ends of two characters.
fn bill<const COLUMNS: usize>(heading: &str, summary: [(&str, &str); COLUMNS]) -> Vec<u8> {
    let names = summary.map(|(name, _)| name).join(",");
    let values = summary.map(|(_, value)| format!("`{value}")).join(",");
    format!("{heading}\r\n{names}\r\n{values}\r\n").into_bytes()
}

/// What an example of a receipt says.
const PAGE: [&str; 1] = ["weipay sandbox: an example, not a receipt"];

/// One white dot, as PNG.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\
    \x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\
    \x00\x00\x00\x0aIDAT\x78\xda\x63\xf8\x0f\x00\x01\x01\x01\x00\x1c\xb0\x8c\x99\
    \x00\x00\x00\x00IEND\xae\x42\x60\x82";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_bill_are_as_many_as_the_documents_count() {
        assert_eq!(TRADE_BILL.split(',').count(), 27);
    }

    #[test]
    fn digests_are_of_the_algorithm_that_is_named() {
        assert_eq!(Document::Picture.digest("SHA1").unwrap().len(), 40);
        assert_eq!(Document::Picture.digest("SHA256").unwrap(), DigestAlgorithm::Sha256.hex(PICTURE));
        assert_eq!(Document::Picture.digest("SM3").unwrap(), DigestAlgorithm::Sm3.hex(PICTURE));
        assert_eq!(Document::Picture.digest("MD5"), None);
    }
}
