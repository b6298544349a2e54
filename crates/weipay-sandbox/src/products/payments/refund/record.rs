//! A refund (退款单): how it is shown, stored and found.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock;
use crate::ledger::{AccountKind, Owner};
use crate::products::bills::day::READY;
use crate::products::payments::order::{Dialect, Order, Payment, Whose};
use crate::store::{
    Direction, IndexEntry, IndexRange, Page, Record, Scan, StoreError, Transaction, at_time, joined,
};
use crate::words::words;

words! {
    /// `status`.
    pub(crate) enum RefundState {
        Processing = "PROCESSING",
        Success = "SUCCESS",
        /// The money could not be delivered: the card is gone.
        Abnormal = "ABNORMAL",
        /// It was given up, and the merchant has the money again.
        Closed = "CLOSED",
    }
}

/// How the amount is divided; fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amounts {
    /// `refund`.
    pub(crate) refund: i64,
    /// `payer_refund`: what the person gets.
    pub(crate) payer: i64,
    /// `settlement_refund`: what leaves the merchant; more than the person's part by coupons that are money.
    pub(crate) settlement: i64,
    /// `refund_fee`: what the platform gives back of its fee.
    pub(crate) fee: i64,
    /// Of each coupon of the order, in its order.
    pub(crate) coupons: Vec<i64>,
}

/// The members of the order that a refund repeats; they no longer change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OfOrder {
    pub(crate) out_trade_no: String,
    pub(crate) transaction_id: String,
    pub(crate) total: i64,
    pub(crate) payer_total: i64,
    pub(crate) settlement_total: i64,
    pub(crate) currency: String,
    /// The owner of the purse that gets the money.
    pub(crate) person: Owner,
    /// `OTHERS` for the wallet.
    pub(crate) bank_type: String,
    pub(crate) promotion_detail: Vec<Value>,
}

/// `refund_account`: who pays a refund that a platform (电商平台) asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RefundAccount {
    #[serde(rename = "REFUND_SOURCE_SUB_MERCHANT")]
    SubMerchant,
    /// The platform advances it (垫付).
    #[serde(rename = "REFUND_SOURCE_PARTNER_ADVANCE")]
    PartnerAdvance,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Refund {
    /// 微信支付退款号.
    pub(crate) refund_id: String,
    /// The version that it was asked for by, and by which the merchant is notified.
    #[serde(default)]
    pub(crate) dialect: Dialect,
    /// The merchant that chose `out_refund_no`: the caller of the order.
    pub(crate) merchant: String,
    pub(crate) sub_mchid: Option<String>,
    pub(crate) out_refund_no: String,
    pub(crate) order: OfOrder,
    pub(crate) state: RefundState,
    pub(crate) amounts: Amounts,
    /// Of a refund that a platform asked for.
    #[serde(default)]
    pub(crate) refund_account: Option<RefundAccount>,
    /// Which accounts of who pays it the money came from, the fee that came back included.
    pub(crate) drawn: Vec<(AccountKind, i64)>,
    /// `amount.from` of the request.
    pub(crate) from: Option<Value>,
    pub(crate) goods_detail: Option<Value>,
    pub(crate) reason: Option<String>,
    pub(crate) notify_url: Option<String>,
    /// The serial of the platform key that signs its notifications.
    pub(crate) platform_serial: String,
    pub(crate) channel: Channel,
    pub(crate) received_account: String,
    pub(crate) created: i64,
    pub(crate) succeeded: Option<i64>,
    /// When the clock lets it succeed, or closes it.
    pub(crate) settles: i64,
    /// Whether it waits for money of the merchant, which does not come.
    #[serde(default)]
    pub(crate) is_short: bool,
    /// Its row in the bill of its day, if it has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) billed: Option<(RefundState, Channel)>,
}

/// `channel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Channel {
    Original,
    /// To another card, after the first was gone.
    OtherBankcard,
    /// To the merchant, who pays the person in another way.
    Merchant,
}

impl Channel {
    /// The word on the wire. UNCONFIRMED(refund-channel-merchant): the one for money that goes to the merchant's card.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Original => "ORIGINAL",
            Self::OtherBankcard | Self::Merchant => "OTHER_BANKCARD",
        }
    }
}

const ID: &str = "refund id";
const NUMBER: &str = "number";
const ORDER: &str = "order";
const SUB_MERCHANT_AND_TIME: &str = "sub-merchant and time";
const MERCHANT_AND_TIME: &str = "merchant and time";

impl Record for Refund {
    const KIND: &'static str = "refund";

    fn key(&self) -> String {
        joined(&self.merchant, &self.out_refund_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![
            IndexEntry::new(ID, self.refund_id.as_str()),
            IndexEntry::new(NUMBER, self.out_refund_no.as_str()),
            IndexEntry::new(ORDER, self.order.transaction_id.as_str()),
            IndexEntry::new(MERCHANT_AND_TIME, at_time(&self.merchant, self.created)),
        ];
        let of_sub_merchant =
            |mchid: &String| IndexEntry::new(SUB_MERCHANT_AND_TIME, at_time(mchid, self.created));
        indexes.extend(self.sub_mchid.as_ref().map(of_sub_merchant));
        indexes
    }
}

/// The most refunds of one order.
pub(crate) const MAX_REFUNDS: i64 = 50;

impl Refund {
    /// Whether the person has the money. What went to the merchant's own card, the person does not have yet.
    pub(crate) fn has_reached_person(&self) -> bool {
        self.state == RefundState::Success && self.channel != Channel::Merchant
    }

    /// Before something happens to it: a bill is made once, and does not change any more.
    pub(crate) fn keep_for_bill(&mut self, now: i64) {
        let made = clock::midnight(clock::day(self.created).saturating_add(1)).saturating_add(READY);
        if self.billed.is_none() && now >= made {
            self.billed = Some((self.state, self.channel));
        }
    }

    /// State and channel as the bill of its day has them.
    pub(crate) fn as_billed(&self) -> (RefundState, Channel) {
        self.billed.unwrap_or((self.state, self.channel))
    }

    /// The refund with a merchant's own number.
    pub(crate) fn find_by_number(
        tx: &Transaction<'_>,
        merchant: &str,
        out_refund_no: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.get(&joined(merchant, out_refund_no))
    }

    /// The refund with the platform's number.
    pub(crate) fn find_by_id(tx: &Transaction<'_>, refund_id: &str) -> Result<Option<Self>, StoreError> {
        tx.find_one(ID, refund_id)
    }

    /// Finds refunds of any merchant by this number: two if it is ambiguous.
    pub(crate) fn find_by_bare_number(
        tx: &Transaction<'_>,
        out_refund_no: &str,
        is_meant: impl Fn(&Self) -> bool,
    ) -> Result<Vec<Self>, StoreError> {
        tx.find_up_to_two_that(NUMBER, out_refund_no, is_meant)
    }

    /// The refunds of an order, the newest first.
    pub(crate) fn find_by_order(tx: &Transaction<'_>, transaction_id: &str) -> Result<Vec<Self>, StoreError> {
        tx.find(&[IndexRange::equal(ORDER, transaction_id)], Page { offset: 0, limit: MAX_REFUNDS })
    }

    /// The refunds that were accepted from one time until before another.
    pub(crate) fn accepted<'a>(
        tx: &'a Transaction<'_>,
        whose: Whose<'_>,
        from: i64,
        until: i64,
    ) -> Scan<'a, Self> {
        let (index, mchid) = match whose {
            Whose::Merchant(mchid) => (MERCHANT_AND_TIME, mchid),
            Whose::SubMerchant(mchid) => (SUB_MERCHANT_AND_TIME, mchid),
        };
        let range =
            IndexRange { index, from: at_time(mchid, from), to: at_time(mchid, until.saturating_sub(1)) };
        tx.scan(range, Direction::Ascending)
    }

    /// The merchant that got the money.
    pub(crate) fn payee(&self) -> &str {
        self.sub_mchid.as_deref().unwrap_or(&self.merchant)
    }

    /// Fen that the platform paid in the place of its sub-merchant.
    pub(crate) fn advanced(&self) -> Option<i64> {
        let is_advanced = self.refund_account == Some(RefundAccount::PartnerAdvance);
        is_advanced.then(|| self.drawn.iter().map(|(_, fen)| fen).sum())
    }

    /// The response of every operation on it. Lists are there when they are empty, as recorded.
    pub(crate) fn show(&self) -> Value {
        let amount = json!({
            "from": self.from.clone().unwrap_or_else(|| json!([])),
            "total": self.order.total,
            "refund": self.amounts.refund,
            "payer_total": self.order.payer_total,
            "payer_refund": self.amounts.payer,
            "settlement_refund": self.amounts.settlement,
            "settlement_total": self.order.settlement_total,
            "discount_refund": self.amounts.refund - self.amounts.payer,
            "currency": self.order.currency,
            "refund_fee": self.amounts.fee,
        });
        let coupons = self.order.promotion_detail.iter().zip(&self.amounts.coupons);
        let coupons: Vec<Value> = coupons.map(|(coupon, fen)| self.show_coupon(coupon, *fen)).collect();
        let mut shown = json!({
            "refund_id": self.refund_id,
            "out_refund_no": self.out_refund_no,
            "transaction_id": self.order.transaction_id,
            "out_trade_no": self.order.out_trade_no,
            "channel": self.channel.word(),
            "user_received_account": self.received_account,
            "create_time": clock::rfc3339(self.created),
            "status": self.state.word(),
            "funds_account": self.funds_account(),
            "amount": amount,
            "promotion_detail": coupons,
        });
        if let Some(time) = self.succeeded {
            shown["success_time"] = json!(clock::rfc3339(time));
        }
        shown
    }

    fn show_coupon(&self, coupon: &Value, refunded: i64) -> Value {
        let mut shown = Map::new();
        // The refund operations name the types otherwise than the queries of orders.
        let kind = if is_money(coupon) { "COUPON" } else { "DISCOUNT" };
        shown.insert("promotion_id".to_owned(), coupon["coupon_id"].clone());
        shown.insert("scope".to_owned(), coupon.get("scope").cloned().unwrap_or_else(|| json!("GLOBAL")));
        shown.insert("type".to_owned(), json!(kind));
        shown.insert("amount".to_owned(), coupon["amount"].clone());
        shown.insert("refund_amount".to_owned(), json!(refunded));
        if let Some(goods) = &self.goods_detail {
            shown.insert("goods_detail".to_owned(), goods.clone());
        }
        Value::Object(shown)
    }

    /// `funds_account`. UNCONFIRMED(refund-funds-account): the word where money came from several accounts,
    /// or waited for profit sharing.
    fn funds_account(&self) -> &'static str {
        match self.drawn.as_slice() {
            [(AccountKind::Available, _)] => "AVAILABLE",
            [(AccountKind::Unsettled, _)] => "UNSETTLED",
            [(AccountKind::Frozen, _)] => "UNAVAILABLE",
            _ => "BASIC",
        }
    }

    /// The decrypted resource of a notification: without `channel` and `funds_account`, and with `refund_status` for `status`.
    pub(crate) fn show_notified(&self) -> Value {
        let mut shown = json!({
            "out_trade_no": self.order.out_trade_no,
            "transaction_id": self.order.transaction_id,
            "out_refund_no": self.out_refund_no,
            "refund_id": self.refund_id,
            "refund_status": self.state.word(),
            "user_received_account": self.received_account,
            "amount": {
                "total": self.order.total,
                "refund": self.amounts.refund,
                "payer_total": self.order.payer_total,
                "payer_refund": self.amounts.payer,
            },
        });
        match &self.sub_mchid {
            None => shown["mchid"] = json!(self.merchant),
            Some(sub_mchid) => {
                shown["sp_mchid"] = json!(self.merchant);
                shown["sub_mchid"] = json!(sub_mchid);
            }
        }
        if let Some(account) = self.refund_account {
            shown["refund_account"] = json!(account);
        }
        if let Some(time) = self.succeeded {
            shown["success_time"] = json!(clock::rfc3339(time));
        }
        shown
    }
}

/// Whether a coupon of `promotion_detail` is money that the merchant gets (充值型), and no mere discount.
pub(crate) fn is_money(coupon: &Value) -> bool {
    coupon["type"] == "CASH"
}

/// Fen that a coupon took off.
pub(crate) fn worth(coupon: &Value) -> i64 {
    coupon["amount"].as_i64().unwrap_or_default()
}

/// The part of the order that is settled to the merchant, before the fee: all but mere discounts.
pub(crate) fn settlement_total(order: &Order, payment: &Payment) -> i64 {
    let discounts = payment.promotion_detail.iter().filter(|coupon| !is_money(coupon)).map(worth);
    order.total.saturating_sub(discounts.sum())
}

/// A new 微信支付退款号: 29 digits, of which eight are the day in Beijing and the last ten a serial.
pub(crate) fn new_refund_id(tx: &Transaction<'_>, now: i64) -> Result<String, StoreError> {
    let serial = tx.next_number("refund")?;
    let date = clock::compact_day(now);
    Ok(format!("50300000000{date}{serial:010}"))
}
