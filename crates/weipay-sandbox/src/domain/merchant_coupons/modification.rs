//! Modifying a stock (修改商家券基本信息): how it looks and where it is used. What it is worth, when, and to whom it goes stays.

use serde_json::{Map, Value};

use super::definition::Definition;
use super::refusals;
use super::stock::{Stock, StockState};
use super::unconfirmed::words;
use crate::domain::Caller;
use crate::refusal::Refusal;

/// The members that may change, by the object that holds them; `""` for the request itself. Members that the page marks
/// as not changeable for now (`stock_name`, `merchant_name`, `merchant_logo_url`, `natural_person_limit`) are passed over;
/// that they are is UNCONFIRMED.
const CHANGEABLE: [(&str, &[&str]); 6] = [
    ("", &["comment", "goods_name"]),
    ("custom_entrance", &["mini_programs_info", "appid", "hall_id", "code_display_mode"]),
    ("display_pattern_info", &["description", "background_color", "coupon_image_url", "finder_info"]),
    ("coupon_use_rule", &["use_method", "mini_programs_appid", "mini_programs_path"]),
    ("stock_send_rule", &["prevent_api_abuse"]),
    ("notify_config", &["notify_appid"]),
];

/// The stock as the request wants it.
pub(crate) fn modify(
    caller: &Caller<'_>,
    request: &Map<String, Value>,
    stock: Option<Stock>,
    now: i64,
) -> Result<Stock, Refusal> {
    let stock = changeable(caller, stock, now)?;
    let mut members = stock.definition.members.clone();
    for (object, names) in CHANGEABLE {
        if object.is_empty() {
            take(names, request, &mut members);
        } else if let Some(Value::Object(given)) = request.get(object) {
            let inner = members.entry(object).or_insert_with(|| Map::new().into());
            if let Value::Object(inner) = inner {
                take(names, given, inner);
            }
        }
    }
    match (request.get("subsidy"), members.get("subsidy")) {
        (Some(Value::Bool(false)), Some(Value::Bool(true))) => {
            return Err(refusals::request_parameters("subsidy can be switched on, and not off again"));
        }
        (Some(wanted), _) => drop(members.insert("subsidy".to_owned(), wanted.clone())),
        (None, _) => {}
    }
    Ok(Stock { definition: Definition::read(members)?, ..stock })
}

/// The stock, when the caller may change it and its period is not over.
pub(super) fn changeable(caller: &Caller<'_>, stock: Option<Stock>, now: i64) -> Result<Stock, Refusal> {
    let stock = stock.ok_or_else(refusals::no_such_stock)?;
    if stock.creator != caller.mchid {
        return Err(refusals::no_right_on_coupon().with_reason("only its creator may change a stock"));
    }
    if stock.state_at(now) == StockState::Stoped {
        return Err(Refusal::invalid_request(words::STOCK_IS_OVER)
            .with_reason("a stock can be changed until its available_end_time, unless it was stopped"));
    }
    Ok(stock)
}

fn take(names: &[&str], from: &Map<String, Value>, into: &mut Map<String, Value>) {
    for name in names {
        if let Some(value) = from.get(*name) {
            into.insert((*name).to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::merchant_coupons::tests::{APPID, CALLER, NOW, a_stock};

    fn modified(request: Value) -> Result<Stock, Refusal> {
        let Value::Object(request) = request else { unreachable!() };
        modify(&CALLER, &request, Some(a_stock()), NOW)
    }

    #[test]
    fn what_was_given_changes_and_the_rest_stays() {
        let stock = modified(json!({
            "goods_name": "另一种", "display_pattern_info": { "description": "新的须知" }, "subsidy": true,
            "stock_name": "不可修改", "stock_send_rule": { "prevent_api_abuse": true, "max_coupons": 1 }
        }))
        .unwrap();
        let (before, shown) = (a_stock().describe(NOW), stock.describe(NOW));
        assert_eq!(shown["goods_name"], "另一种");
        assert_eq!(shown["display_pattern_info"]["description"], "新的须知");
        assert_eq!(
            (&shown["subsidy"], &shown["stock_send_rule"]["prevent_api_abuse"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(shown["stock_name"], before["stock_name"]);
        assert_eq!(shown["coupon_use_rule"], before["coupon_use_rule"]);
        assert_eq!(stock.definition.caps, a_stock().definition.caps);
    }

    #[test]
    fn what_would_contradict_itself_is_refused_with_the_reason() {
        let refusal = modified(json!({ "coupon_use_rule": { "use_method": "MINI_PROGRAMS" } })).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (400, "PARAM_ERROR"));
        assert!(refusal.reason.unwrap().contains("mini_programs_appid"));
        let on = Stock { definition: modified(json!({ "subsidy": true })).unwrap().definition, ..a_stock() };
        let Value::Object(off) = json!({ "subsidy": false }) else { unreachable!() };
        assert_eq!(modify(&CALLER, &off, Some(on), NOW).unwrap_err().code, "PARAM_ERROR");
    }

    #[test]
    fn only_its_creator_changes_a_stock_and_only_while_it_lasts() {
        let code =
            |stock, caller: &Caller<'_>, now| modify(caller, &Map::new(), stock, now).unwrap_err().code;
        assert_eq!(code(None, &CALLER, NOW), "RESOURCE_NOT_EXISTS");
        let stranger = Caller { mchid: "1900000999", appid: APPID };
        assert_eq!(code(Some(a_stock()), &stranger, NOW), "NO_AUTH");
        let over = a_stock().definition.validity.end + 1;
        assert_eq!(code(Some(a_stock()), &CALLER, over), "INVALID_REQUEST");
        let stopped = Stock { state: StockState::Stoped, ..a_stock() };
        assert_eq!(code(Some(stopped), &CALLER, NOW), "INVALID_REQUEST");
    }
}
