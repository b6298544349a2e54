//! A combined order (合单): several orders that one person pays at once, or not at all. Each part is an
//! [`Order`]; what they share is here. `reading` reads and checks a request, `paying` is what the person does.
//!
//! INFERRED(combined-sign-error): a part with `amount.total` in the place of `amount.total_amount` is refused for the field that
//! is missing. Of the platform a 401 SIGN_ERROR was reported, although the signature is right.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

mod paying;
mod reading;

use self::reading::read;
use super::closing::{BurntNumber, close};
use super::creation::{check_expiry, offer, show_offer};
use super::order::{Combination, Dialect, Order, OrderState, Payer, Prepay, TradeType};
use super::parties::text;
use super::payment::SUCCESS;
use super::{refusals, v2};
use crate::clock;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{
    Announcement, Due, Fingerprint, IndexEntry, Record, StoreError, Transaction, joined, named,
};

/// The members that the parts of a combined order share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CombinedOrder {
    /// `combine_mchid`.
    pub(crate) merchant: String,
    pub(crate) appid: String,
    pub(crate) out_trade_no: String,
    pub(crate) trade_type: TradeType,
    /// Which version made it, and is notified.
    #[serde(default)]
    pub(super) dialect: Dialect,
    /// `combine_transaction_id`. UNCONFIRMED(combined-transaction): every combined order has one, from the beginning.
    transaction_id: String,
    payer: Payer,
    scene_info: Option<Value>,
    notify_url: String,
    platform_serial: String,
    created: i64,
    expires: i64,
    pub(crate) prepays: Vec<Prepay>,
    fingerprint: Fingerprint,
    /// Of the first request without what says how it is settled.
    fingerprint_without_settlement: Fingerprint,
    /// Merchant and number of each part, in the order of the request.
    parts: Vec<(String, String)>,
}

const PREPAY: &str = "prepay";
const NUMBER: &str = "number";

impl Record for CombinedOrder {
    const KIND: &'static str = "combined order";

    fn key(&self) -> String {
        joined(&self.merchant, &self.out_trade_no)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let prepays = self.prepays.iter().map(|prepay| IndexEntry::new(PREPAY, prepay.id.as_str()));
        prepays.chain([IndexEntry::new(NUMBER, self.out_trade_no.as_str())]).collect()
    }
}

pub(super) fn order_jsapi(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, TradeType::Jsapi)
}

pub(super) fn order_app(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, TradeType::App)
}

pub(super) fn order_h5(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, TradeType::Mweb)
}

pub(super) fn order_native(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, TradeType::Native)
}

fn order(tx: &Transaction<'_>, context: &Context<'_>, trade_type: TradeType) -> Result<Value, HandlerError> {
    let made = make(tx, context, trade_type, Dialect::V3).map_err(|error| error.map_refusal(spelled))?;
    Ok(show_offer(trade_type, made.prepays.last()))
}

/// The pages of combined orders have the older spellings.
fn spelled(refusal: Refusal) -> Refusal {
    let code = match refusal.code {
        "NO_AUTH" => "NOAUTH",
        "ORDER_NOT_EXIST" => "ORDERNOTEXIST",
        code => code,
    };
    Refusal { code, ..refusal }
}

/// Makes a combined order, or re-enters the one that has its number, and gives it with what the app needs.
pub(super) fn make(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    trade_type: TradeType,
    dialect: Dialect,
) -> Result<CombinedOrder, HandlerError> {
    let (new, parts) = read(tx, context, trade_type, dialect)?;
    let mut combined = match CombinedOrder::find(tx, &new.combination())? {
        Some(known) => known.again(&new, &known.load_parts(tx)?, context.now)?,
        None => {
            check_expiry(context)?;
            if BurntNumber::is_burnt(tx, &new.merchant, &new.out_trade_no)? {
                return Err(refusals::burnt_number().into());
            }
            for part in &parts {
                let known = Order::find_by_number(tx, &part.merchant, &part.out_trade_no)?;
                if let Some(known) = known {
                    return Err(refusals::part_is_taken(&known.seen_at(context.now)).into());
                }
                if BurntNumber::is_burnt(tx, &part.merchant, &part.out_trade_no)? {
                    let reason = "the out_trade_no of a part was closed before an order was made with it: that part needs a new number";
                    return Err(refusals::number_is_taken(reason).into());
                }
                tx.save(part)?;
            }
            tx.schedule(&new.expiry())?;
            new
        }
    };
    offer(&mut combined.prepays, trade_type, context.now, context.entropy);
    tx.save(&combined)?;
    Ok(combined)
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let combined = of_caller(tx, context)?;
    let parts = combined.load_parts(tx)?.into_iter().map(|part| part.seen_at(context.now));
    Ok(combined.show(&parts.collect::<Vec<_>>()))
}

pub(super) fn close_combined(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let combined = of_caller(tx, context)?;
    if context.request.text("combine_appid").is_some_and(|appid| appid != combined.appid) {
        return Err(refusals::parts_differ().into());
    }
    let parts = combined.load_parts(tx)?;
    let items = context.request.body.get("sub_orders").and_then(Value::as_array);
    let mut named: Vec<_> =
        items.into_iter().flatten().filter_map(Value::as_object).map(named_part).collect();
    let mut known: Vec<_> = parts
        .iter()
        .map(|part| (part.merchant.clone(), part.out_trade_no.clone(), part.sub_mchid.clone()))
        .collect();
    named.sort_unstable();
    known.sort_unstable();
    if named != known {
        return Err(refusals::parts_differ().into());
    }
    close_parts(tx, &combined, parts, context.now)?;
    Ok(Value::Null)
}

/// Closes a combined order: all of its parts, or none.
pub(super) fn close_parts(
    tx: &Transaction<'_>,
    combined: &CombinedOrder,
    parts: Vec<Order>,
    now: i64,
) -> Result<(), HandlerError> {
    for part in parts {
        if let Some(closed) = close(part, now)? {
            tx.save(&closed)?;
        }
    }
    tx.unschedule(&combined.expiry())?;
    Ok(())
}

fn named_part(part: &Map<String, Value>) -> (String, String, Option<String>) {
    let required = |name: &str| text(part, name).unwrap_or_default();
    (required("mchid"), required("out_trade_no"), text(part, "sub_mchid"))
}

fn of_caller(tx: &Transaction<'_>, context: &Context<'_>) -> Result<CombinedOrder, HandlerError> {
    let combination = Combination {
        merchant: context.caller.mchid.clone(),
        out_trade_no: context.request.path("combine_out_trade_no").to_owned(),
    };
    let found = CombinedOrder::find(tx, &combination)?;
    found.ok_or_else(|| refusals::no_such_combined_order().into())
}

impl CombinedOrder {
    fn combination(&self) -> Combination {
        Combination { merchant: self.merchant.clone(), out_trade_no: self.out_trade_no.clone() }
    }

    /// The rule of the same number again.
    fn again(&self, new: &Self, parts: &[Order], now: i64) -> Result<Self, Refusal> {
        let state = parts.first().map(|part| part.clone().seen_at(now).state);
        if parts.iter().any(|part| part.state.is_paid()) {
            return Err(refusals::paid_before());
        }
        if state != Some(OrderState::NotPay) {
            return Err(refusals::order_closed());
        }
        let product = |order: &Self| (order.trade_type, order.dialect.is_v2());
        if product(self) != product(new) || self.appid != new.appid {
            let reason = "this combine_out_trade_no has an order of another product, appid or version of the API: repeat that request, or \
                          close that order before its parts get new numbers";
            return Err(refusals::number_is_taken(reason));
        }
        if self.fingerprint == new.fingerprint {
            return Ok(self.clone());
        }
        if self.fingerprint_without_settlement == new.fingerprint_without_settlement {
            return Err(refusals::other_settlement(self.trade_type));
        }
        Err(refusals::other_parameters(self.trade_type))
    }

    pub(crate) fn find(tx: &Transaction<'_>, combination: &Combination) -> Result<Option<Self>, StoreError> {
        tx.get(&joined(&combination.merchant, &combination.out_trade_no))
    }

    pub(super) fn find_by_prepay(tx: &Transaction<'_>, id: &str) -> Result<Option<Self>, StoreError> {
        tx.find_one(PREPAY, id)
    }

    /// Finds combined orders of any merchant by this number: two if it is ambiguous.
    pub(super) fn find_by_bare_number(
        tx: &Transaction<'_>,
        number: &str,
        is_meant: impl Fn(&Self) -> bool,
    ) -> Result<Vec<Self>, StoreError> {
        tx.find_up_to_two_that(NUMBER, number, is_meant)
    }

    pub(super) fn load_parts(&self, tx: &Transaction<'_>) -> Result<Vec<Order>, StoreError> {
        let missing = || StoreError::Corrupt(format!("{}, which lacks a part", named::<Self>(&self.key())));
        let load = |(merchant, number): &(String, String)| {
            Order::find_by_number(tx, merchant, number)?.ok_or_else(missing)
        };
        self.parts.iter().map(load).collect()
    }

    fn expiry(&self) -> Due {
        Due { kind: EXPIRY.to_owned(), key: self.key(), at: self.expires }
    }

    /// The notification of the paid parts.
    pub(super) fn announcement(&self, paid: &[Order], time: i64) -> Announcement {
        let (event_type, resource) = match self.dialect {
            Dialect::V3 => (SUCCESS, self.show(paid)),
            Dialect::V2 | Dialect::V2Hmac => (v2::combined::PAID, v2::combined::notified(self, paid)),
        };
        Announcement {
            mchid: self.merchant.clone(),
            notify_url: self.notify_url.clone(),
            platform_serial: self.platform_serial.clone(),
            event_type,
            time,
            resource,
        }
    }

    /// 商户端设备号.
    pub(super) fn device(&self) -> Option<&Value> {
        self.scene_info.as_ref()?.get("device_id")
    }

    /// The person who has paid it, under the appid of the part if it has one. The payer is not shown before.
    pub(super) fn paid_by<'a>(&'a self, parts: &'a [Order]) -> Option<&'a str> {
        let payer = |part: &'a Order| part.payment.as_ref()?.payer.openid.as_deref();
        let of_appid = parts.iter().filter(|part| part.appid == self.appid).find_map(payer);
        let somebody = parts.iter().find_map(payer)?;
        of_appid.or(self.payer.openid.as_deref()).or(Some(somebody))
    }

    fn show(&self, parts: &[Order]) -> Value {
        let openid = self.paid_by(parts);
        let parts: Vec<_> = parts.iter().map(show_part).collect();
        let mut shown = json!({
            "combine_appid": self.appid, "combine_mchid": self.merchant, "combine_out_trade_no": self.out_trade_no,
            "combine_transaction_id": self.transaction_id, "sub_orders": parts,
        });
        if let Some(device) = self.device() {
            shown["scene_info"] = json!({ "device_id": device });
        }
        if let Some(openid) = openid {
            shown["combine_payer_info"] = json!({ "openid": openid });
        }
        shown
    }
}

/// A part as `sub_orders` has it. UNCONFIRMED(unpaid-part): nobody has paid a part yet: `payer_amount` is 0.
fn show_part(part: &Order) -> Value {
    let payment = part.payment.as_ref();
    let mut shown = json!({
        "mchid": part.merchant, "out_trade_no": part.out_trade_no, "trade_type": part.trade_type.word(),
        "trade_state": part.state.word(), "attach": part.attach,
        "amount": {
            "total_amount": part.total, "currency": part.currency,
            "payer_amount": payment.map_or(0, |payment| payment.payer_total), "payer_currency": part.currency,
        },
    });
    for (name, value) in [("sub_mchid", &part.sub_mchid), ("sub_appid", &part.sub_appid)] {
        if let Some(value) = value {
            shown[name] = json!(value);
        }
    }
    if let Some(payment) = payment {
        shown["transaction_id"] = json!(payment.transaction_id);
        shown["bank_type"] = json!(payment.bank_type);
        shown["success_time"] = json!(clock::rfc3339(payment.paid_at));
        if let Some(sub_openid) = &payment.payer.sub_openid {
            shown["sub_openid"] = json!(sub_openid);
        }
        if !payment.promotion_detail.is_empty() {
            shown["promotion_detail"] = json!(payment.promotion_detail);
        }
    }
    shown
}

/// Scheduled work: the time of a combined order is over.
pub(super) const EXPIRY: &str = "combined order expires";

/// All parts expire together.
pub(super) fn expire(tx: &Transaction<'_>, key: &str, at: i64) -> Result<(), HandlerError> {
    let Some(combined) = tx.get::<CombinedOrder>(key)? else { return Ok(()) };
    for part in combined.load_parts(tx)? {
        if part.state == OrderState::NotPay && part.expires <= at {
            tx.save(&part.seen_at(at))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::testing::world::World;

    #[test]
    fn a_refusal_names_the_part_and_the_merchant_that_lacks_the_appid() {
        let other = crate::NewMerchant::new().mchid("1900000200").sub_merchant("1900000201");
        let sandbox = crate::Sandbox::builder().merchant(other).start().unwrap();
        let merchants = &sandbox.platform().merchants;
        let caller = merchants.find(&sandbox.kit().mchid).unwrap().account.clone();
        let world = World::with_merchants(merchants);
        let ask = |mchid: &str, sub_mchid: Option<&str>| {
            let part = |number: &str, mchid: &str| {
                json!({
                    "mchid": mchid, "attach": "a", "out_trade_no": number, "description": "茶",
                    "amount": { "total_amount": 100, "currency": "CNY" },
                })
            };
            let mut parts = [part("part-1", &caller.mchid), part("part-2", mchid)];
            if let Some(sub_mchid) = sub_mchid {
                parts[1]["sub_mchid"] = json!(sub_mchid);
            }
            let body = json!({
                "combine_appid": caller.appids[0], "combine_mchid": caller.mchid, "combine_out_trade_no": "whole-1",
                "notify_url": "https://example.com/notify", "sub_orders": parts,
            });
            let refusal = world.ask(&caller, "POST", "/v3/combine-transactions/native", &body).unwrap_err();
            (refusal.code, refusal.reason.unwrap_or_default().into_owned())
        };
        let (code, reason) = ask("1900000200", None);
        assert_eq!(code, "APPID_MCHID_NOT_MATCH");
        assert!(reason.starts_with("sub_orders/1: ") && reason.contains("1900000200"), "{reason}");
        let (_, reason) = ask(&caller.mchid, Some("1900000201"));
        assert!(reason.starts_with("sub_orders/1: the caller is no partner"), "{reason}");
    }

    #[test]
    fn a_refusal_has_the_spelling_that_the_pages_of_combined_orders_have() {
        let sub_merchant = crate::NewMerchant::new().mchid("1900000200").sub_merchant("1900000201");
        let sandbox = crate::Sandbox::builder().merchant(sub_merchant).start().unwrap();
        sandbox.bind(&sandbox.kit().mchid, &[], &["1900000202".to_owned()]).unwrap();
        let merchants = &sandbox.platform().merchants;
        let caller = merchants.find(&sandbox.kit().mchid).unwrap().account.clone();
        let world = World::with_merchants(merchants);
        let part = |number: &str| {
            json!({
                "mchid": caller.mchid, "sub_mchid": "1900000201", "attach": "a", "out_trade_no": number,
                "description": "茶", "amount": { "total_amount": 100, "currency": "CNY" },
            })
        };
        let body = json!({
            "combine_appid": caller.appids[0], "combine_mchid": caller.mchid, "combine_out_trade_no": "whole-1",
            "notify_url": "https://example.com/notify", "sub_orders": [part("part-1"), part("part-2")],
        });
        let refusal = world.ask(&caller, "POST", "/v3/combine-transactions/native", &body).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (403, "NOAUTH"));
        let target = "/v3/combine-transactions/out-trade-no/whole-1";
        assert_eq!(world.ask(&caller, "GET", target, &Value::Null).unwrap_err().code, "ORDERNOTEXIST");
    }
}
