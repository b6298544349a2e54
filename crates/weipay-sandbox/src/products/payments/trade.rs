//! The words of a trade (交易): its state, how it is paid, and by which version of the API it was made.

use serde::{Deserialize, Serialize};

/// `trade_state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum OrderState {
    /// Nobody has paid yet.
    NotPay,
    /// 付款码 only: the person is asked for the password.
    UserPaying,
    Success,
    /// A refund was accepted, of a part or of everything.
    Refund,
    Closed,
    /// 付款码 only: reversed.
    Revoked,
    /// 付款码 and contracts (委托代扣): the payment failed.
    PayError,
    /// Contracts only: the deduction is under way.
    Accept,
}

impl OrderState {
    /// The word on the wire.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::NotPay => "NOTPAY",
            Self::UserPaying => "USERPAYING",
            Self::Success => "SUCCESS",
            Self::Refund => "REFUND",
            Self::Closed => "CLOSED",
            Self::Revoked => "REVOKED",
            Self::PayError => "PAYERROR",
            Self::Accept => "ACCEPT",
        }
    }

    /// `trade_state_desc`. The texts of the first, third and fifth are known, and that of a 付款码 payment that failed; the others
    /// are UNCONFIRMED(state-words).
    pub(crate) const fn description(self, trade_type: TradeType) -> &'static str {
        match self {
            // What was not paid by a code cannot be reversed.
            Self::PayError if !matches!(trade_type, TradeType::Micropay) => "支付失败",
            Self::NotPay => "订单未支付",
            Self::UserPaying => "用户支付中，需要输入密码",
            Self::Success => "支付成功",
            Self::Refund => "订单发生过退款，退款详情请查询退款单",
            Self::Closed => "订单已关闭",
            Self::Revoked => "订单已撤销",
            Self::PayError => "支付失败，请撤销订单",
            Self::Accept => "已接收，等待扣款",
        }
    }

    /// Whether the merchant has the money, or had it before refunds.
    pub(crate) const fn is_paid(self) -> bool {
        matches!(self, Self::Success | Self::Refund)
    }
}

/// `trade_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum TradeType {
    /// In WeChat's browser, and in mini programs.
    Jsapi,
    Native,
    App,
    /// H5: in another browser.
    Mweb,
    /// 付款码.
    Micropay,
    /// By a contract (委托代扣).
    Pap,
    /// After a service of pay score (支付分).
    Auth,
}

impl TradeType {
    /// The word on the wire.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Jsapi => "JSAPI",
            Self::Native => "NATIVE",
            Self::App => "APP",
            Self::Mweb => "MWEB",
            Self::Micropay => "MICROPAY",
            Self::Pap => "PAP",
            Self::Auth => "AUTH",
        }
    }
}

/// The version of the API that an order was made by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dialect {
    #[default]
    V3,
    /// Signed with MD5.
    V2,
    /// Signed with HMAC-SHA256, as its notifications are.
    V2Hmac,
}

impl Dialect {
    /// Whether it is APIv2.
    pub(crate) const fn is_v2(self) -> bool {
        matches!(self, Self::V2 | Self::V2Hmac)
    }
}
