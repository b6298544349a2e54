//! An order (订单): what a merchant wants to be paid, its state, and what was paid.
//!
//! ```text
//!              ┌───── fails ◄──── USERPAYING (付款码 only) ──┐
//!   create ► NOTPAY ── a person pays ──────────────────► SUCCESS ── refund ──► REFUND
//!              ├── close, expiry ──► CLOSED
//!              └── reverse (付款码 and deposits only) ──► REVOKED, from SUCCESS too
//!   by contract ► ACCEPT ── the clock ──► SUCCESS or PAY_FAIL
//! ```
//!
//! Orders of APIv3 and APIv2, of direct merchants and partners, and the parts of combined orders (合单) are the same record.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(crate) use super::deposit::Deposit;
pub(crate) use super::limit_pay::{Funds, LimitPay};
pub(crate) use super::trade::{Dialect, OrderState, TradeType};
use crate::clock;
use crate::ledger::Owner;
use crate::store::{
    Direction, Fingerprint, IndexEntry, IndexRange, Record, Scan, StoreError, Transaction, at_time, joined,
};

/// The payer: the person under the appids of the order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Payer {
    /// Under the caller's appid (`openid`, `sp_openid`).
    pub(crate) openid: Option<String>,
    /// Under the sub-merchant's appid.
    pub(crate) sub_openid: Option<String>,
}

/// The value with which the app pays: a `prepay_id`, or the number in a `code_url` or `h5_url`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Prepay {
    pub(crate) id: String,
    pub(crate) made: i64,
    /// The first second in which it can no longer be used to pay.
    pub(crate) expires: i64,
}

/// A payment that succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Payment {
    /// 微信支付订单号: 28 digits.
    pub(crate) transaction_id: String,
    pub(crate) paid_at: i64,
    pub(crate) payer: Payer,
    /// The owner of the purse that paid: refunds go back there.
    pub(crate) person: Owner,
    /// `bank_type`: `OTHERS` when it came from the wallet.
    pub(crate) bank_type: String,
    /// Fen that the person paid: the total without coupons.
    pub(crate) payer_total: i64,
    /// Fen that the platform took of the payee.
    pub(crate) fee: i64,
    /// Coupons, as `promotion_detail` has them.
    pub(crate) promotion_detail: Vec<Value>,
    /// Fen of all refunds that are not closed.
    pub(crate) refunded: i64,
    /// How many refunds were accepted.
    pub(crate) refund_count: i64,
}

/// The combined order (合单) that an order is part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Combination {
    /// `combine_mchid`.
    pub(crate) merchant: String,
    /// `combine_out_trade_no`.
    pub(crate) out_trade_no: String,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The merchant that chose `out_trade_no`: the caller's `mchid` or `sp_mchid`, or the `mchid` of a part of a combined order.
    pub(crate) merchant: String,
    pub(crate) sub_mchid: Option<String>,
    pub(crate) appid: String,
    pub(crate) sub_appid: Option<String>,
    pub(crate) out_trade_no: String,
    pub(crate) trade_type: TradeType,
    pub(crate) dialect: Dialect,
    pub(crate) state: OrderState,
    /// Fen.
    pub(crate) total: i64,
    pub(crate) currency: String,
    pub(crate) description: String,
    pub(crate) attach: Option<String>,
    /// 付款码 has none.
    pub(crate) notify_url: Option<String>,
    pub(crate) goods_tag: Option<String>,
    pub(crate) detail: Option<Value>,
    pub(crate) scene_info: Option<Value>,
    /// `settle_info.profit_sharing`: what is paid waits for the split.
    pub(crate) profit_sharing: bool,
    /// The discount that a platform pays (`settle_info.subsidy_amount`).
    #[serde(default)]
    pub(crate) subsidy: i64,
    /// Whether it is a deposit, and what became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deposit: Option<Deposit>,
    /// `limit_pay`: what the person may not pay with.
    #[serde(default, skip_serializing_if = "LimitPay::is_empty")]
    pub(crate) limit_pay: LimitPay,
    /// The payer, if the order names one.
    pub(crate) payer: Payer,
    pub(crate) created: i64,
    /// The first second in which it can no longer be paid.
    pub(crate) expires: i64,
    /// When it was closed, has expired or was reversed.
    pub(crate) ended: Option<i64>,
    pub(crate) combined: Option<Combination>,
    /// Of the first request.
    pub(crate) fingerprint: Fingerprint,
    /// The serial of the platform key that signs its notifications.
    pub(crate) platform_serial: String,
    /// The newest last. An older one cannot be used to pay.
    pub(crate) prepays: Vec<Prepay>,
    /// There when it was paid; it stays when the order is refunded or reversed.
    pub(crate) payment: Option<Payment>,
}

const TRANSACTION: &str = "transaction";
const NUMBER: &str = "number";
const PREPAY: &str = "prepay";
const MERCHANT_AND_DAY: &str = "merchant and time of payment";
const SUB_MERCHANT_AND_DAY: &str = "sub-merchant and time of payment";
const MERCHANT_AND_REVERSAL: &str = "merchant and time of reversal";
const SUB_MERCHANT_AND_REVERSAL: &str = "sub-merchant and time of reversal";

impl Record for Order {
    const KIND: &'static str = "order";

    fn key(&self) -> String {
        key(&self.merchant, &self.out_trade_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes: Vec<_> =
            self.prepays.iter().map(|prepay| IndexEntry::new(PREPAY, prepay.id.as_str())).collect();
        indexes.push(IndexEntry::new(NUMBER, self.out_trade_no.as_str()));
        if let Some(payment) = &self.payment {
            indexes.push(IndexEntry::new(TRANSACTION, payment.transaction_id.as_str()));
            let sub_mchid = self.sub_mchid.as_deref();
            let mut push = |of_merchant, of_sub_merchant, time| {
                indexes.push(IndexEntry::new(of_merchant, at_time(&self.merchant, time)));
                indexes.extend(sub_mchid.map(|mchid| IndexEntry::new(of_sub_merchant, at_time(mchid, time))));
            };
            push(MERCHANT_AND_DAY, SUB_MERCHANT_AND_DAY, payment.paid_at);
            if let (OrderState::Revoked, Some(ended)) = (self.state, self.ended) {
                push(MERCHANT_AND_REVERSAL, SUB_MERCHANT_AND_REVERSAL, ended);
            }
        }
        indexes
    }
}

/// The key of an order.
pub(crate) fn key(merchant: &str, out_trade_no: &str) -> String {
    joined(merchant, out_trade_no)
}

/// The merchant of a bill. No order is found by both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose<'a> {
    /// All that a merchant or partner made, for its sub-merchants too.
    Merchant(&'a str),
    /// All that partners made for one sub-merchant.
    SubMerchant(&'a str),
}

impl Order {
    /// The order with a merchant's own number.
    pub(crate) fn find_by_number(
        tx: &Transaction<'_>,
        merchant: &str,
        out_trade_no: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.get(&key(merchant, out_trade_no))
    }

    /// The order with the platform's number, which only orders have that were paid.
    pub(crate) fn find_by_transaction(
        tx: &Transaction<'_>,
        transaction_id: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.find_one(TRANSACTION, transaction_id)
    }

    /// The order that was given this to pay with, whether or not a later one took its place.
    pub(crate) fn find_by_prepay(tx: &Transaction<'_>, id: &str) -> Result<Option<Self>, StoreError> {
        tx.find_one(PREPAY, id)
    }

    /// Finds orders of any merchant by this number: two if it is ambiguous.
    pub(crate) fn find_by_bare_number(
        tx: &Transaction<'_>,
        number: &str,
        is_meant: impl Fn(&Self) -> bool,
    ) -> Result<Vec<Self>, StoreError> {
        tx.find_up_to_two_that(NUMBER, number, is_meant)
    }

    /// The orders that were paid from one time until before another, reversed and refunded ones too.
    pub(crate) fn paid<'a>(
        tx: &'a Transaction<'_>,
        whose: Whose<'_>,
        from: i64,
        until: i64,
    ) -> Scan<'a, Self> {
        Self::between(tx, whose, [MERCHANT_AND_DAY, SUB_MERCHANT_AND_DAY], from, until)
    }

    /// The orders whose payment was reversed (撤销) from one time until before another.
    pub(crate) fn reversed<'a>(
        tx: &'a Transaction<'_>,
        whose: Whose<'_>,
        from: i64,
        until: i64,
    ) -> Scan<'a, Self> {
        Self::between(tx, whose, [MERCHANT_AND_REVERSAL, SUB_MERCHANT_AND_REVERSAL], from, until)
    }

    fn between<'a>(
        tx: &'a Transaction<'_>,
        whose: Whose<'_>,
        [of_merchant, of_sub_merchant]: [&'static str; 2],
        from: i64,
        until: i64,
    ) -> Scan<'a, Self> {
        let (index, mchid) = match whose {
            Whose::Merchant(mchid) => (of_merchant, mchid),
            Whose::SubMerchant(mchid) => (of_sub_merchant, mchid),
        };
        let range =
            IndexRange { index, from: at_time(mchid, from), to: at_time(mchid, until.saturating_sub(1)) };
        tx.scan(range, Direction::Ascending)
    }

    /// The order at a moment: when its time is over it is closed, whether or not the clock has done that yet.
    pub(crate) fn seen_at(self, now: i64) -> Self {
        if matches!(self.state, OrderState::NotPay | OrderState::UserPaying) && self.expires <= now {
            return Self { state: OrderState::Closed, ended: Some(self.expires), ..self };
        }
        self
    }

    /// Whether another order is of the same product, appid and merchants. A deposit (押金) is another product than what sells.
    pub(crate) fn is_from_the_same_product(&self, other: &Self) -> bool {
        let product = |order: &Self| (order.trade_type, order.dialect.is_v2());
        product(self) == product(other)
            && self.appid == other.appid
            && self.sub_mchid == other.sub_mchid
            && self.sub_appid == other.sub_appid
            && self.deposit.is_some() == other.deposit.is_some()
    }

    /// Whether what was paid waits to be consumed or to go back.
    pub(crate) fn is_waiting_deposit(&self) -> bool {
        self.deposit.is_some_and(|deposit| deposit.consumed.is_none())
    }

    /// The merchant that gets the money.
    pub(crate) fn payee(&self) -> &str {
        self.sub_mchid.as_deref().unwrap_or(&self.merchant)
    }

    /// 商户端设备号.
    pub(crate) fn device(&self) -> Option<&str> {
        self.scene_info.as_ref()?.get("device_id")?.as_str()
    }

    /// 微信支付订单号, of an order that was paid.
    pub(crate) fn transaction_id(&self) -> Option<&str> {
        self.payment.as_ref().map(|payment| payment.transaction_id.as_str())
    }

    /// The response of a query by APIv3, as recorded: what is empty is there too, and an unpaid order shows the
    /// currency of the payment, and not its own. UNCONFIRMED(unpaid-order): so does one that was closed, and one of a
    /// partner.
    pub(crate) fn show(&self) -> Value {
        let mut shown = self.show_state();
        match &self.payment {
            Some(payment) => {
                self.show_payment(payment, &mut shown);
                shown["promotion_detail"] = json!(payment.promotion_detail);
            }
            None => {
                shown["amount"] = json!({ "total": self.total, "payer_currency": self.currency });
                shown["promotion_detail"] = json!([]);
                shown["scene_info"] = json!({ "device_id": self.device().unwrap_or_default() });
            }
        }
        shown
    }

    /// The decrypted resource of its notification, without an empty list of coupons.
    pub(crate) fn show_notified(&self) -> Value {
        let mut shown = self.show_state();
        match &self.payment {
            Some(payment) => {
                self.show_payment(payment, &mut shown);
                if !payment.promotion_detail.is_empty() {
                    shown["promotion_detail"] = json!(payment.promotion_detail);
                }
            }
            None => shown["amount"] = json!({ "total": self.total, "currency": self.currency }),
        }
        shown
    }

    /// The members of every order.
    fn show_state(&self) -> Value {
        let mut shown = Map::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                shown.insert(name.to_owned(), value);
            }
        };
        match &self.sub_mchid {
            None => {
                set("appid", json!(self.appid));
                set("mchid", json!(self.merchant));
            }
            Some(sub_mchid) => {
                // A partner's 付款码 order need not have one.
                set("sp_appid", json!(Some(&self.appid).filter(|appid| !appid.is_empty())));
                set("sp_mchid", json!(self.merchant));
                set("sub_appid", json!(self.sub_appid));
                set("sub_mchid", json!(sub_mchid));
            }
        }
        set("out_trade_no", json!(self.out_trade_no));
        set("trade_state", json!(self.state.word()));
        set("trade_state_desc", json!(self.state.description(self.trade_type)));
        Value::Object(shown)
    }

    fn show_payment(&self, payment: &Payment, shown: &mut Value) {
        shown["transaction_id"] = json!(payment.transaction_id);
        shown["trade_type"] = json!(self.trade_type.word());
        shown["bank_type"] = json!(payment.bank_type);
        shown["attach"] = json!(self.attach.as_deref().unwrap_or_default());
        shown["success_time"] = json!(clock::rfc3339(payment.paid_at));
        shown["payer"] = self.show_payer(&payment.payer);
        shown["amount"] = json!({
            "total": self.total,
            "currency": self.currency,
            "payer_total": payment.payer_total,
            "payer_currency": self.currency,
        });
        if let Some(device) = self.device() {
            shown["scene_info"] = json!({ "device_id": device });
        }
    }

    fn show_payer(&self, payer: &Payer) -> Value {
        let first = if self.sub_mchid.is_some() { "sp_openid" } else { "openid" };
        // Nobody has an openid under no appid.
        let openid = if self.appid.is_empty() { &None } else { &payer.openid };
        let openids = [(first, openid), ("sub_openid", &payer.sub_openid)];
        let known = openids.into_iter().filter_map(|(name, openid)| Some((name, openid.as_ref()?)));
        Value::Object(known.map(|(name, openid)| (name.to_owned(), json!(openid))).collect())
    }
}

/// The most parts of a combined order, a partner's.
pub(crate) const MAX_PARTS: i64 = 50;

/// A new 微信支付订单号: 28 digits, of which the first four are always the same, eight the day in Beijing and the last ten a
/// serial.
pub(crate) fn new_transaction_id(tx: &Transaction<'_>, now: i64) -> Result<String, StoreError> {
    let serial = tx.next_number("transaction")?;
    let date = clock::compact_day(now);
    Ok(format!("4200{:06}{date}{serial:010}", serial.wrapping_mul(7_919).rem_euclid(1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const NOW: i64 = 1_800_000_000;

    fn an_order() -> Order {
        Order {
            merchant: "1900000109".to_owned(),
            sub_mchid: None,
            appid: "wxd678efh567hg6787".to_owned(),
            sub_appid: None,
            out_trade_no: "order-1".to_owned(),
            trade_type: TradeType::Jsapi,
            dialect: Dialect::V3,
            state: OrderState::NotPay,
            total: 100,
            currency: "CNY".to_owned(),
            description: "Image形象店-深圳腾大-QQ公仔".to_owned(),
            attach: Some("attached".to_owned()),
            notify_url: Some("https://example.com/notify".to_owned()),
            goods_tag: None,
            detail: None,
            scene_info: Some(json!({ "payer_client_ip": "127.0.0.1", "device_id": "013467007045764" })),
            profit_sharing: false,
            subsidy: 0,
            deposit: None,
            limit_pay: LimitPay::default(),
            payer: Payer { openid: Some("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".to_owned()), sub_openid: None },
            created: NOW,
            expires: NOW + 600,
            ended: None,
            combined: None,
            fingerprint: Fingerprint([0; 32]),
            platform_serial: "PUB_KEY_ID_0".to_owned(),
            prepays: vec![Prepay { id: "wx1".to_owned(), made: NOW, expires: NOW + 7_200 }],
            payment: None,
        }
    }

    fn a_paid_order() -> Order {
        let order = an_order();
        let payment = Payment {
            transaction_id: "4200001234202701150000000001".to_owned(),
            paid_at: NOW + 60,
            payer: order.payer.clone(),
            person: Owner::person("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
            bank_type: "OTHERS".to_owned(),
            payer_total: 90,
            fee: 1,
            promotion_detail: Vec::new(),
            refunded: 0,
            refund_count: 0,
        };
        Order { state: OrderState::Success, payment: Some(payment), ..order }
    }

    #[test]
    fn an_order_under_no_appid_of_the_partner_shows_none() {
        let shown = Order {
            sub_mchid: Some("1900000110".to_owned()),
            appid: String::new(),
            payer: Payer { openid: Some("o1".to_owned()), sub_openid: Some("o2".to_owned()) },
            ..a_paid_order()
        }
        .show();
        assert_eq!((shown.get("sp_appid"), &shown["sp_mchid"]), (None, &json!("1900000109")));
    }

    /// Recorded of three merchants, 2022 and 2023.
    #[test]
    fn an_unpaid_order_shows_empty_members_and_the_currency() {
        let unpaid = Order { attach: None, scene_info: None, ..an_order() };
        let recorded = json!({
            "amount": { "payer_currency": "CNY", "total": 100 }, "appid": "wxd678efh567hg6787", "mchid": "1900000109",
            "out_trade_no": "order-1", "promotion_detail": [], "scene_info": { "device_id": "" },
            "trade_state": "NOTPAY", "trade_state_desc": "订单未支付",
        });
        assert_eq!(unpaid.show(), recorded);
        let with_more = an_order().show();
        assert_eq!(with_more.get("attach"), None, "it is told after the payment");
        assert_eq!(with_more["scene_info"], json!({ "device_id": "013467007045764" }));
    }

    /// Recorded of queries and notifications of several merchants, 2021 to 2025.
    #[test]
    fn a_paid_order_shows_an_empty_attach_and_a_query_no_coupons() {
        let amount = json!({ "currency": "CNY", "payer_currency": "CNY", "payer_total": 90, "total": 100 });
        let paid = Order { attach: None, scene_info: None, ..a_paid_order() };
        let notified = json!({
            "mchid": "1900000109", "appid": "wxd678efh567hg6787", "out_trade_no": "order-1",
            "transaction_id": "4200001234202701150000000001", "trade_type": "JSAPI", "trade_state": "SUCCESS",
            "trade_state_desc": "支付成功", "bank_type": "OTHERS", "attach": "",
            "success_time": "2027-01-15T16:01:00+08:00", "payer": { "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" },
            "amount": amount,
        });
        assert_eq!(paid.show_notified(), notified);
        let mut asked = notified;
        asked["promotion_detail"] = json!([]);
        assert_eq!(paid.show(), asked);
    }

    #[test]
    fn what_is_known_only_after_the_payment_is_shown_only_then() {
        let paid = a_paid_order().show();
        assert_eq!(paid["transaction_id"], "4200001234202701150000000001");
        assert_eq!(
            paid["amount"],
            json!({ "total": 100, "currency": "CNY", "payer_total": 90, "payer_currency": "CNY" })
        );
        assert_eq!(paid["payer"], json!({ "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" }));
        assert_eq!(
            (&paid["attach"], &paid["scene_info"]),
            (&json!("attached"), &json!({ "device_id": "013467007045764" }))
        );
    }

    #[test]
    fn the_order_of_a_partner_names_both_merchants() {
        let order = Order { sub_mchid: Some("1900000110".to_owned()), ..a_paid_order() };
        let shown = order.show();
        assert_eq!((&shown["sp_mchid"], &shown["sub_mchid"]), (&json!("1900000109"), &json!("1900000110")));
        assert_eq!(
            (shown.get("mchid"), shown["payer"]["sp_openid"].as_str()),
            (None, Some("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"))
        );
        assert_eq!(order.payee(), "1900000110");
    }

    #[test]
    fn an_order_comes_back_as_it_was_stored_and_is_found_by_its_numbers() {
        let checked: Result<(), StoreError> = Store::in_memory().transaction(|tx| {
            let (unpaid, paid) = (an_order(), a_paid_order());
            tx.save(&unpaid)?;
            assert_eq!(Order::find_by_prepay(tx, "wx1")?, Some(unpaid));
            tx.save(&paid)?;
            assert_eq!(Order::find_by_number(tx, "1900000109", "order-1")?.as_ref(), Some(&paid));
            assert_eq!(Order::find_by_number(tx, "1900000110", "order-1")?, None);
            let id = paid.transaction_id().unwrap();
            assert_eq!(Order::find_by_transaction(tx, id)?.as_ref(), Some(&paid));
            let of_partner = Order {
                sub_mchid: Some("1900000110".to_owned()),
                out_trade_no: "order-2".to_owned(),
                prepays: Vec::new(),
                ..a_paid_order()
            };
            tx.save(&of_partner)?;
            let of_both = [paid, of_partner];
            let found = [
                (Whose::Merchant("1900000109"), &of_both[..]),
                (Whose::SubMerchant("1900000110"), &of_both[1..]),
                (Whose::SubMerchant("1900000109"), &[]),
            ];
            for (whose, expected) in found {
                let paid: Result<Vec<Order>, StoreError> =
                    Order::paid(tx, whose, NOW + 60, NOW + 61).collect();
                assert_eq!(paid?, expected);
                assert!(Order::paid(tx, whose, NOW, NOW + 60).next().is_none());
                assert!(Order::reversed(tx, whose, NOW, NOW + 99).next().is_none());
            }
            Ok(())
        });
        checked.unwrap();
    }

    #[test]
    fn a_transaction_id_has_28_digits_and_the_day_and_is_new_each_time() {
        let made: Result<Vec<String>, StoreError> =
            Store::in_memory().transaction(|tx| (0..3).map(|_| new_transaction_id(tx, NOW)).collect());
        let made = made.unwrap();
        assert!(
            made.iter()
                .all(|id| id.len() == 28 && id.starts_with("4200") && id[10..].starts_with("20270115")),
            "{made:?}"
        );
        assert!(made[0] != made[1] && made[1] != made[2]);
    }
}
