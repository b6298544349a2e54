//! Actions of a person on an order, which no operation of the API has: pay it, or fail to pay.

mod paying;

use serde::Serialize;
use serde_json::{Map, Value};

use super::order::Funds;
use super::page;
use super::payment::NotPaid;
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::store::StoreError;
use crate::words::words;
#[cfg(test)]
pub(crate) use paying::pay_one;
pub(super) use paying::{Payable, PaymentMeans, check_prepay, find};

pub(crate) const ROUTES: &[Route] = &[PAY, page::SHOW_ADDRESS];

const PAY: Route = Route::post(
    "/orders/pay",
    "A person pays an order, or fails to; give `order`, `front_end` or both",
    &[
        Member::text(
            "order",
            "out_trade_no, transaction_id, prepay_id, code_url or h5_url; of a combined order combine_out_trade_no",
        ),
        Member::MCHID_OF_NUMBER,
        Member::text(
            "openid",
            "Who pays, by openid or unionid (default: the payer that the order names, or any person)",
        ),
        Member::word("fail", &PaymentFailure::WORDS, "Fails for this reason instead"),
        Member::integer("discount", "The discount of a merchant's coupon, in fen"),
        Member::text(
            "coupon",
            "The cash coupon (代金券) by its coupon_id, or `none` (default: the best that fits)",
        ),
        Member::boolean("wallet", "Pays from the wallet (零钱), and not by a bank card"),
        Member::word(
            "card",
            &BankCard::WORDS,
            "Pays by a card of this kind (储蓄卡, 信用卡); else by one of a kind that limit_pay of the order takes",
        ),
        Member::object(
            "front_end",
            FRONT_END,
            "The signed parameters of the page, mini program or app; their signature is checked",
        ),
    ],
    pay_order,
);

/// The parameters that open a payment: of a page or a mini program (JSAPI), or of an app (APP).
const FRONT_END: &[Member] = &[
    Member::text("appId", "JSAPI: the appid of the order"),
    Member::text("timeStamp", "JSAPI: unix seconds"),
    Member::text("nonceStr", "JSAPI: a random text"),
    Member::text("package", "JSAPI: prepay_id= and the prepay_id; APP: Sign=WXPay"),
    Member::text("signType", "JSAPI: RSA; for an order of APIv2 as it was signed"),
    Member::text("paySign", "JSAPI: the signature"),
    Member::text("appid", "APP: the appid of the order"),
    Member::text("partnerid", "APP: the merchant of the order"),
    Member::text("prepayid", "APP: the prepay_id"),
    Member::text("noncestr", "APP: a random text"),
    Member::text("timestamp", "APP: unix seconds"),
    Member::text("sign", "APP: the signature"),
];

words! {
    /// Reason of a failed payment.
    #[non_exhaustive]
    pub enum PaymentFailure {
        /// 余额不足.
        NotEnoughBalance = "not-enough-balance",
        /// The account is frozen.
        Frozen = "frozen",
        /// The real name is not the one that the order wants.
        RealNameMismatch = "real-name-mismatch",
        /// Over a limit of the person's account or card.
        Limit = "limit",
        /// The password was wrong.
        WrongPassword = "wrong-password",
        /// The person cancels.
        Cancel = "cancel",
    }
    pub fn from_word;
    pub const WORDS;
}

words! {
    /// The kind of a bank card.
    #[non_exhaustive]
    pub enum BankCard {
        /// 储蓄卡.
        Debit = "debit",
        /// 信用卡.
        Credit = "credit",
    }
    pub fn from_word;
    pub const WORDS;
}

/// Options of a payment by a person: [`Sandbox::pay`](crate::Sandbox::pay).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PaymentRequest {
    order: Option<String>,
    mchid: Option<String>,
    person: Option<String>,
    fail: Option<PaymentFailure>,
    discount: i64,
    coupon: Option<String>,
    wallet: bool,
    card: Option<BankCard>,
    front_end: Option<Map<String, Value>>,
}

impl PaymentRequest {
    /// Pays the order with this out_trade_no, transaction_id, prepay_id, code_url or h5_url, or the combined order
    /// with this combine_out_trade_no.
    #[must_use]
    pub fn new(order: impl Into<String>) -> Self {
        Self { order: Some(order.into()), ..Self::default() }
    }

    /// Pays the order whose signed parameters the page, mini program or app was given. Their signature is checked, as
    /// in the app.
    #[must_use]
    pub fn with_front_end(parameters: Map<String, Value>) -> Self {
        Self { front_end: Some(parameters), ..Self::default() }
    }

    /// Sets the merchant ID, for an out_trade_no that several merchants have used.
    #[must_use]
    pub fn of_merchant(mut self, mchid: impl Into<String>) -> Self {
        self.mchid = Some(mchid.into());
        self
    }

    /// Sets the payer, by openid or unionid.
    #[must_use]
    pub fn by_person(mut self, id: impl Into<String>) -> Self {
        self.person = Some(id.into());
        self
    }

    /// Lets the payment fail: the order stays unpaid, and no notification is sent.
    #[must_use]
    pub fn failing(mut self, failure: PaymentFailure) -> Self {
        self.fail = Some(failure);
        self
    }

    /// Uses a merchant's coupon for this amount (fen); in a combined order, in proportion to its parts.
    #[must_use]
    pub fn discount(mut self, fen: i64) -> Self {
        self.discount = fen;
        self
    }

    /// Uses the cash coupon (代金券) with this `coupon_id`, or `none`. Otherwise the person uses the one with the
    /// largest discount.
    #[must_use]
    pub fn coupon(mut self, coupon_id: impl Into<String>) -> Self {
        self.coupon = Some(coupon_id.into());
        self
    }

    /// Pays from the wallet (零钱), and not by a bank card.
    #[must_use]
    pub fn by_wallet(mut self) -> Self {
        self.wallet = true;
        self
    }

    /// Pays by a bank card of this kind. Otherwise it is of a kind that the order accepts (`limit_pay`).
    #[must_use]
    pub fn by_card(mut self, card: BankCard) -> Self {
        self.card = Some(card);
        self
    }

    fn funds(&self) -> Result<Funds, PaymentError> {
        match (self.wallet, self.card) {
            (true, None) => Ok(Funds::Wallet),
            (false, None) => Ok(Funds::Card),
            (false, Some(BankCard::Debit)) => Ok(Funds::DebitCard),
            (false, Some(BankCard::Credit)) => Ok(Funds::CreditCard),
            (true, Some(_)) => {
                Err(PaymentError::NotPayable("give either `wallet` or `card`, not both".to_owned()))
            }
        }
    }
}

/// Result of [`Sandbox::pay`](crate::Sandbox::pay).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PaymentResult {
    /// Whether the order was paid now.
    pub paid: bool,
    /// The number of the order, or of the combined order.
    pub out_trade_no: String,
    /// `trade_state` of the order now.
    pub trade_state: &'static str,
    /// Fen that the person paid; 0 when it failed.
    pub payer_total: i64,
    /// The platform's number, one for each part of a combined order.
    pub transaction_ids: Vec<String>,
    /// Why it failed, in the words of the failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// Why the contract of an order with one (支付中签约) was not signed, although the order was paid. The merchant is told
    /// nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_not_signed: Option<String>,
}

/// Error of [`Sandbox::pay`](crate::Sandbox::pay): the order cannot be paid.
#[derive(Debug)]
#[non_exhaustive]
pub enum PaymentError {
    /// No such order.
    NotFound(String),
    /// It cannot be paid, or not like this; the text says why.
    NotPayable(String),
    /// The person pays by wallet (零钱), and has too little in it.
    WalletIsShort,
    /// The database failed.
    Store(StoreError),
}

impl std::fmt::Display for PaymentError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(reason) | Self::NotPayable(reason) => f.write_str(reason),
            Self::WalletIsShort => f.write_str(
                "the wallet has too little money: weipay sandbox person top-up OPENID FEN fills it, and without --wallet the \
                 bank card pays",
            ),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PaymentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // `Display` is that of the cause.
            Self::Store(error) => error.source(),
            Self::NotFound(_) | Self::NotPayable(_) | Self::WalletIsShort => None,
        }
    }
}

impl From<StoreError> for PaymentError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<NotPaid> for PaymentError {
    fn from(error: NotPaid) -> Self {
        match error {
            NotPaid::Because(reason) => Self::NotPayable(reason),
            NotPaid::NotEnough => Self::WalletIsShort,
            NotPaid::Failed(error) => Self::Store(error),
        }
    }
}

fn pay_order(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let front_end = request.get("front_end").and_then(Value::as_object).cloned();
    let pays = PaymentRequest {
        order: request.text("order").map(str::to_owned),
        mchid: request.text("mchid").map(str::to_owned),
        person: request.text("openid").map(str::to_owned),
        fail: request.text("fail").and_then(PaymentFailure::from_word),
        discount: request.get("discount").and_then(Value::as_i64).unwrap_or_default(),
        coupon: request.text("coupon").map(str::to_owned),
        wallet: request.get("wallet").and_then(Value::as_bool).unwrap_or_default(),
        card: request.text("card").and_then(BankCard::from_word),
        front_end,
    };
    let paid = control.platform.pay(&pays)?;
    serde_json::to_value(paid).map_err(ControlError::failed)
}

impl From<PaymentError> for ControlError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::NotFound(reason) => Self::not_found(reason),
            PaymentError::NotPayable(reason) => Self::conflict(reason),
            short @ PaymentError::WalletIsShort => Self::conflict(short.to_string()),
            PaymentError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::products::payments::front_end::{APP, JSAPI};

    #[test]
    fn the_document_has_the_parameters_that_are_read() {
        let documented: BTreeSet<_> = FRONT_END.iter().map(Member::name).collect();
        assert_eq!(documented, JSAPI.into_iter().chain(APP).collect());
    }
}
