//! The words of a trade (交易): its state, how it is paid, and by which version of the API it was made.

use serde::{Deserialize, Serialize};

use crate::words::words;

words! {
    /// `trade_state`.
    pub(crate) enum OrderState {
        /// Not paid yet.
        NotPay = "NOTPAY",
        /// 付款码 only: the person is asked for the password.
        UserPaying = "USERPAYING",
        Success = "SUCCESS",
        /// A refund was accepted, of a part or of everything.
        Refund = "REFUND",
        Closed = "CLOSED",
        /// 付款码 and deposits (押金) only: reversed.
        Revoked = "REVOKED",
        /// 付款码 only: the payment failed.
        PayError = "PAYERROR",
        /// Contracts only: the deduction is under way.
        Accept = "ACCEPT",
        /// Contracts only: the deduction failed. UNCONFIRMED(contract-failure-state): other queries
        /// than paporderquery say it, too.
        PayFail = "PAY_FAIL",
    }
}

impl OrderState {
    /// `trade_state_desc`. The texts of the first, third and fifth are known, and those of a 付款码 payment that waits and of one that
    /// failed, of APIv2; the others are UNCONFIRMED(state-words).
    pub(crate) const fn description(self, trade_type: TradeType) -> &'static str {
        match self {
            // What was not paid by a code cannot be reversed. An older sandbox has called it PAYERROR.
            Self::PayError if !matches!(trade_type, TradeType::Micropay) => "支付失败",
            Self::PayFail => "支付失败",
            Self::NotPay => "订单未支付",
            Self::UserPaying => "需要用户输入支付密码",
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

words! {
    /// `trade_type`.
    pub(crate) enum TradeType {
        /// In WeChat's browser, and in mini programs.
        Jsapi = "JSAPI",
        Native = "NATIVE",
        App = "APP",
        /// H5: in another browser.
        Mweb = "MWEB",
        /// 付款码.
        Micropay = "MICROPAY",
        /// By a contract (委托代扣).
        Pap = "PAP",
        /// After a service of pay score (支付分).
        Auth = "AUTH",
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
