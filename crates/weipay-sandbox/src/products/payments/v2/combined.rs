//! combinedorder (合单下单), querycombinedorder and closecombinedorder: the combined orders of APIv3, whose parts stand in the JSON
//! text `sub_order_list`.
//!
//! UNCONFIRMED(v2-combined-codes): no page of these operations lists a code; they have those of unifiedorder,
//! orderquery and closeorder.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use weipay_catalog::{Catalog, Field};
use weipay_rules::BrokenRule;

use super::codes::{CLOSE_ORDER, ORDER_QUERY, UNIFIED_ORDER};
use super::order::{no_such_order, offered, trade_type_of};
use super::{Order, paid, refused};
use crate::clock::{self, compact, parse_compact};
use crate::contract::ValidRequest;
use crate::notifications::event_name::v2_event;
use crate::products::payments::combined::{CombinedOrder, close_parts, make};
use crate::products::payments::order::{Combination, Dialect, OrderState};
use crate::products::payments::refusals;
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::Transaction;

/// `event_type` of the notification that a combined order was paid.
pub(in crate::products::payments) const PAID: &str = v2_event!("combined-transactions-success");

pub(super) fn order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    create(tx, context).map_err(|error| UNIFIED_ORDER.translate(error))
}

fn create(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let trade_type = trade_type_of(context.request)?;
    let of_v3 = as_v3(context.request)?;
    // The operation takes HMAC-SHA256 only.
    let made = make(tx, &context.with_request(&of_v3), trade_type, Dialect::V2Hmac)?;
    Ok(offered(trade_type, made.prepays.last(), context))
}

/// The request of APIv3 that says the same. Where the part of an order has an appid of its own, that stays.
fn as_v3(request: &ValidRequest) -> Result<ValidRequest, Refusal> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    let text = |name: &str| request.text(name).map(|text| json!(text));
    set("combine_appid", text("combine_appid"));
    set("combine_mchid", text("combine_mch_id"));
    set("combine_out_trade_no", text("combine_out_trade_no"));
    set("notify_url", text("notify_url"));
    set("time_expire", expiry(request)?);
    set("combine_payer_info", text("combine_openid").map(|openid| json!({ "openid": openid })));
    set("scene_info", Some(scene(request)?));
    let parts = listed(request)?;
    let parts = parts.iter().enumerate().map(|(place, part)| part_as_v3(place, part));
    set("sub_orders", Some(Value::Array(parts.collect::<Result<_, _>>()?)));
    Ok(ValidRequest::from_body(body))
}

fn expiry(request: &ValidRequest) -> Result<Option<Value>, Refusal> {
    let Some(text) = request.text("time_expire") else { return Ok(None) };
    let time = parse_compact(text).ok_or_else(super::order::bad_expiry)?;
    Ok(Some(json!(clock::rfc3339(time))))
}

/// `device_info` says the same as the `device_id` of the scene.
fn scene(request: &ValidRequest) -> Result<Value, Refusal> {
    let scene: Option<Map<String, Value>> = serde_json::from_str(request.required("scene_info")).ok();
    let mut scene = scene.ok_or_else(|| {
        refused("INVALID_REQUEST", "scene_info参数格式错误", "scene_info must be the JSON text of an object")
    })?;
    if let Some(device) = request.text("device_info") {
        scene.entry("device_id").or_insert_with(|| json!(device));
    }
    Ok(Value::Object(scene))
}

fn bad_list(reason: String) -> Refusal {
    refused("INVALID_REQUEST", "sub_order_list参数格式错误", reason)
}

/// `order_list` of the JSON text.
fn listed(request: &ValidRequest) -> Result<Vec<Map<String, Value>>, Refusal> {
    let list: Value = serde_json::from_str(request.required("sub_order_list")).unwrap_or_default();
    let items = list.get("order_list").and_then(Value::as_array);
    let parts: Option<Vec<_>> =
        items.and_then(|items| items.iter().map(|item| item.as_object().cloned()).collect());
    let parts = parts.ok_or_else(|| {
        bad_list("sub_order_list must be the JSON text of an object whose order_list has objects".to_owned())
    })?;
    match list.get("order_num").and_then(Value::as_u64) {
        Some(number) if usize::try_from(number) == Ok(parts.len()) => Ok(parts),
        _ => Err(bad_list("order_num of sub_order_list must be how many order_list has".to_owned())),
    }
}

/// A part of a combined order by APIv3.
static PART: LazyLock<&'static [Field]> = LazyLock::new(|| {
    let operation = Catalog::embedded().find("POST", "v3/combine-transactions/native");
    let fields = operation.map(|operation| &*operation.request.json).unwrap_or_default();
    fields.iter().find(|field| field.name == "sub_orders").map(|field| &*field.fields).unwrap_or_default()
});

/// What of a rule of APIv3 a text breaks, without the text. UNCONFIRMED(v2-combined-part-limits): the page has no limits for
/// parts, and APIv3 shows them.
fn broken_in_v3(name: &str, text: &str) -> Option<String> {
    let field = PART.iter().find(|field| field.name == name)?;
    match field.rules().check_text(text).err()? {
        BrokenRule::Range { outside, .. } => Some(outside.limits.to_string()),
        rule => Some(rule.to_string()),
    }
}

fn part_as_v3(place: usize, part: &Map<String, Value>) -> Result<Value, Refusal> {
    let refuse = |name: &str, why: &str| bad_list(format!("order_list[{place}].{name} must be {why}"));
    let text = |name: &'static str| match part.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(refuse(name, "a text")),
    };
    let required = |name| text(name)?.ok_or_else(|| refuse(name, "a text, not empty"));
    let total = part.get("total_fee").and_then(Value::as_i64).filter(|&fen| fen >= 1);
    let total = total.ok_or_else(|| refuse("total_fee", reasons::FEN_IN_JSON))?;
    for (name, of_v3) in [("out_trade_no", "out_trade_no"), ("body", "description"), ("attach", "attach")] {
        if let Some(broken) = broken_in_v3(of_v3, required(name)?) {
            return Err(bad_list(format!("order_list[{place}].{name}: {broken}")));
        }
    }
    let mut of_v3 = json!({
        "appid": required("appid")?,
        "mchid": required("mch_id")?,
        "description": required("body")?,
        "attach": required("attach")?,
        "out_trade_no": required("out_trade_no")?,
        "amount": { "total_amount": total, "currency": required("fee_type")? },
    });
    for (name, of_v2) in [("detail", "detail"), ("sub_appid", "sub_appid"), ("sub_mchid", "sub_mch_id")] {
        if let Some(value) = text(of_v2)? {
            of_v3[name] = json!(value);
        }
    }
    Ok(of_v3)
}

/// The combined order of a request, if it is the caller's.
fn find(tx: &Transaction<'_>, context: &Context<'_>) -> Result<CombinedOrder, HandlerError> {
    let out_trade_no = context.request.required("combine_out_trade_no").to_owned();
    let combination = Combination { merchant: context.caller.mchid.clone(), out_trade_no };
    let found = CombinedOrder::find(tx, &combination)?;
    let own = found.filter(|found| context.request.text("combine_appid") == Some(&found.appid));
    Ok(own.ok_or_else(|| {
        no_such_order("no combined order was made with this combine_out_trade_no by this combine_mch_id and combine_appid")
    })?)
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let combined = find(tx, context).map_err(|error| ORDER_QUERY.translate(error))?;
    let parts = combined.load_parts(tx)?.into_iter().map(|part| part.seen_at(context.now));
    Ok(show(&combined, &parts.collect::<Vec<_>>()))
}

/// UNCONFIRMED(v2-combined-state): the state of the whole is that of a part that is no longer as it was paid, if
/// there is one, and else that of all parts.
fn state_of(parts: &[Order]) -> Option<OrderState> {
    let changed = parts.iter().find(|part| part.state != OrderState::Success);
    changed.or(parts.first()).map(|part| part.state)
}

fn show(combined: &CombinedOrder, parts: &[Order]) -> Value {
    let mut shown = json!({
        "device_info": combined.device(),
        "combine_openid": combined.paid_by(parts),
        "combine_out_trade_no": combined.out_trade_no,
        "result_msg": "OK",
        "sub_order_list": list_of(parts.iter().map(show_part).collect()),
    });
    if let Some(state) = state_of(parts) {
        shown["trade_state"] = json!(state.word());
        shown["trade_state_desc"] = json!(state.description(combined.trade_type));
    }
    shown
}

/// The JSON text of parts.
fn list_of(parts: Vec<Value>) -> Value {
    json!(json!({ "order_num": parts.len(), "order_list": parts }).to_string())
}

fn show_part(part: &Order) -> Value {
    let mut shown = json!({
        "mchid": part.merchant,
        "trade_type": part.trade_type.word(),
        "attach": part.attach.as_deref().unwrap_or_default(),
        "amount": { "total_amount": part.total, "currency": part.currency },
        "out_trade_no": part.out_trade_no,
        "description": part.description,
    });
    if let Some(goods_tag) = &part.goods_tag {
        shown["goods_tag"] = json!(goods_tag);
    }
    if let Some(payment) = &part.payment {
        shown["transaction_id"] = json!(payment.transaction_id);
        // The page has one coupon: an order here is paid with one at most.
        if let Some(coupon) = payment.promotion_detail.first() {
            shown["promotion_detail"] = paid::listed(coupon);
        }
    }
    shown
}

pub(super) fn close(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    close_all(tx, context).map_err(|error| CLOSE_ORDER.translate(error))
}

fn close_all(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let combined = find(tx, context)?;
    let parts = combined.load_parts(tx)?;
    let mut named = named_parts(context.request)?;
    let mut known: Vec<_> =
        parts.iter().map(|part| (part.merchant.clone(), part.out_trade_no.clone())).collect();
    named.sort_unstable();
    known.sort_unstable();
    if named != known {
        let reason =
            "sub_order_list must list exactly the mchid and out_trade_no of every part of the combined order";
        return Err(refusals::parts_differ().with_reason(reason).into());
    }
    close_parts(tx, &combined, parts, context.now)?;
    Ok(Value::Null)
}

/// UNCONFIRMED(v2-combined-close-list): the table of the page has `mchid`, and its example `mch_id`; both are read.
fn named_parts(request: &ValidRequest) -> Result<Vec<(String, String)>, Refusal> {
    let list: Option<Vec<Map<String, Value>>> = serde_json::from_str(request.required("sub_order_list")).ok();
    let named = |part: &Map<String, Value>| {
        let text = |name: &str| part.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((text("mchid").or_else(|| text("mch_id"))?, text("out_trade_no")?))
    };
    let named: Option<Vec<_>> = list.and_then(|list| list.iter().map(named).collect());
    named.ok_or_else(|| {
        bad_list(
            "sub_order_list must be the JSON text of an array of objects with mchid and out_trade_no"
                .to_owned(),
        )
    })
}

/// The notification, once for all parts.
pub(in crate::products::payments) fn notified(combined: &CombinedOrder, paid: &[Order]) -> Value {
    let bank_type = paid.iter().find_map(|part| part.payment.as_ref()).map(|paid| paid.bank_type.as_str());
    json!({
        "combine_appid": combined.appid,
        "combine_mch_id": combined.merchant,
        "device_info": combined.device(),
        "combine_openid": combined.paid_by(paid),
        "combine_out_trade_no": combined.out_trade_no,
        "trade_type": combined.trade_type.word(),
        "bank_type": bank_type,
        "sign_type": "HMAC-SHA256",
        "result_code": "SUCCESS",
        "result_msg": "OK",
        "sub_order_list": list_of(paid.iter().map(notified_part).collect()),
    })
}

fn notified_part(part: &Order) -> Value {
    let payment = part.payment.as_ref();
    json!({
        "appid": part.appid,
        "mch_id": part.merchant,
        "openid": payment.and_then(|paid| paid.payer.openid.as_deref()).unwrap_or_default(),
        "total_fee": part.total,
        "cash_fee": payment.map_or(0, |paid| paid.payer_total),
        "transaction_id": part.transaction_id().unwrap_or_default(),
        "out_trade_no": part.out_trade_no,
        "attach": part.attach.as_deref().unwrap_or_default(),
        "time_end": payment.map(|paid| compact(paid.paid_at)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(list: &Value) -> ValidRequest {
        let mut body = Map::new();
        body.insert("sub_order_list".to_owned(), json!(list.to_string()));
        ValidRequest::from_body(body)
    }

    fn part() -> Value {
        json!({
            "appid": "wx1", "mch_id": "1900000109", "body": "茶", "attach": "a", "out_trade_no": "part-1",
            "fee_type": "CNY", "total_fee": 10,
        })
    }

    fn reason(list: &Value) -> String {
        let request = request(list);
        let read = listed(&request)
            .and_then(|parts| parts.iter().enumerate().map(|(at, part)| part_as_v3(at, part)).collect());
        let read: Result<Vec<Value>, Refusal> = read;
        read.err().and_then(|refusal| refusal.reason).unwrap_or_default().into_owned()
    }

    #[test]
    fn a_list_of_parts_is_refused_by_name_and_never_shown() {
        let list = |parts: Vec<Value>| json!({ "order_num": parts.len(), "order_list": parts });
        assert_eq!(reason(&list(vec![part()])), "");
        let mut longest = part();
        longest["body"] = json!("茶".repeat(42));
        longest["attach"] = json!("a".repeat(128));
        longest["out_trade_no"] = json!("a".repeat(32));
        assert_eq!(reason(&list(vec![longest])), "");
        let with = |name: &str, value: Value| {
            let mut part = part();
            part[name] = value;
            list(vec![self::part(), part])
        };
        for (bad, wanted) in [
            (json!([part()]), "an object whose order_list"),
            (json!({ "order_num": 1, "order_list": ["secret"] }), "an object whose order_list"),
            (json!({ "order_num": 2, "order_list": [part()] }), "order_num"),
            (with("total_fee", json!("secret")), "order_list[1].total_fee"),
            (with("total_fee", json!(0)), "order_list[1].total_fee"),
            (with("total_fee", json!(1.5)), "order_list[1].total_fee"),
            (with("mch_id", json!(1_900_000_109)), "order_list[1].mch_id"),
            (with("out_trade_no", json!("s".repeat(33))), "order_list[1].out_trade_no"),
            (with("out_trade_no", json!("secret/1")), "order_list[1].out_trade_no"),
            (with("body", json!("")), "order_list[1].body"),
            // Bytes are counted: 43 times three.
            (with("body", json!("茶".repeat(43))), "order_list[1].body"),
            (with("attach", json!("s".repeat(129))), "order_list[1].attach"),
            (with("attach", json!("")), "order_list[1].attach"),
        ] {
            let said = reason(&bad);
            assert!(said.contains(wanted) && !said.contains("secret"), "{bad}: {said}");
        }
    }

    #[test]
    fn the_parts_to_close_are_named_in_either_way() {
        let named = [("1900000109".to_owned(), "part-1".to_owned())];
        for name in ["mchid", "mch_id"] {
            let list = json!([{ name: "1900000109", "out_trade_no": "part-1" }]);
            assert_eq!(named_parts(&request(&list)).unwrap(), named);
        }
        for bad in [json!({}), json!([1]), json!([{ "mchid": "1900000109" }])] {
            assert_eq!(named_parts(&request(&bad)).unwrap_err().code, "INVALID_REQUEST");
        }
    }
}
