//! Consumption cards (发放消费卡): a card is given to a user, once for a number and a time of sending.
//!
//! UNCONFIRMED(consumption-card): every card is there, and nothing is kept of it but its code: no operation asks about it later.

use serde_json::{Value, json};

use super::refusals;
use crate::clock::{self, DAY};
use crate::contract::ValidRequest;
use crate::merchants::Account;
use crate::products::coupon_stocks::check_user_exists;
use crate::products::{Context, HandlerError, idempotently};
use crate::response::Refusal;
use crate::store::{IdempotencyKey, Transaction};

pub(super) fn send_card(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    // The number and the time are unique together; neither can hold the separator.
    let scope = format!("{}\n{}", context.caller.mchid, request.path("card_id"));
    let request_no = format!("{}\n{}", request.required("out_request_no"), request.required("send_time"));
    let key = IdempotencyKey { operation: "send card", scope: &scope, request_no: &request_no };
    idempotently(tx, context, &key, refusals::other_parameters, || {
        check_card(context.caller, request, context.now)?;
        // Every code has twelve digits.
        let serial = tx.next_number_below("card code", 100_000_000_000)?;
        Ok(json!({ "card_code": format!("1{serial:011}") }))
    })
}

/// Five minutes, as signatures allow.
const CLOCKS_DIFFER: i64 = 300;

fn check_card(caller: &Account, request: &ValidRequest, now: i64) -> Result<(), Refusal> {
    caller.check_appid(request.required("appid"))?;
    check_user_exists(request.required("openid"))?;
    match clock::parse(request.required("send_time")) {
        // UNCONFIRMED(card-send-time): how far clocks may differ.
        Some(time) if (now.saturating_sub(DAY)..=now.saturating_add(CLOCKS_DIFFER)).contains(&time) => Ok(()),
        _ => Err(refusals::request_parameters(
            "send_time must be a time of the last 24 hours by the sandbox's clock",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::merchant_coupons::fixtures::{APPID, CALLER, NOW, OPENID};

    #[test]
    fn a_card_is_sent_with_a_time_of_the_last_day() {
        let refusal = |appid: &str, openid: &str, time: i64| {
            let body = json!({ "appid": appid, "openid": openid, "send_time": clock::rfc3339(time) });
            let Value::Object(body) = body else { unreachable!() };
            check_card(&CALLER, &ValidRequest::from_body(body), NOW).map_err(|refusal| refusal.code)
        };
        assert_eq!(refusal(APPID, OPENID, NOW - DAY), Ok(()));
        assert_eq!(refusal(APPID, OPENID, NOW - DAY - 1), Err("PARAM_ERROR"));
        assert_eq!(refusal(APPID, OPENID, NOW + CLOCKS_DIFFER), Ok(()));
        assert_eq!(refusal(APPID, OPENID, NOW + CLOCKS_DIFFER + 1), Err("PARAM_ERROR"));
        assert_eq!(refusal("wx0", OPENID, NOW), Err("APPID_MCHID_NOT_MATCH"));
        assert_eq!(refusal(APPID, "nobody", NOW), Err("USER_NOT_EXISTS"));
    }
}
