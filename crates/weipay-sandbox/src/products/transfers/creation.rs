//! The request of a transfer: one that the person confirms, one that is confirmed together with an
//! authorization, and one to a person who has given an authorization.

use serde_json::{Map, Value};

use super::authorization::{self, Authorization};
use super::scenes::{check_report, check_scene};
use super::transfer::{Name, NotifyTo, Transfer, TransferState};
use super::{
    MAX_AGE_SECONDS, MAX_FEN, MIN_FEN, Movement, NAME_ALLOWED_FEN, NAME_NEEDED_FEN, course, fingerprint,
    grants, move_money, platform_number, refusals,
};
use crate::merchants::Account;
use crate::people::openid::WrongOpenid;
use crate::products::{Context, HandlerError};
use crate::reasons;
use crate::response::Refusal;
use crate::store::Transaction;

/// By a merchant for itself, or by a platform (电商平台) for a sub-merchant.
pub(super) fn create_transfer(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(to_be_confirmed(tx, context)?.describe_new())
}

/// By a partner (服务商) for a sub-merchant.
pub(super) fn create_of_partner(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(to_be_confirmed(tx, context)?.describe_new_of_partner())
}

fn to_be_confirmed(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Transfer, HandlerError> {
    made_once(tx, context, |new| {
        check_appid_and_openid(tx, context, &new.appid, &new.openid)?;
        Ok(new)
    })
}

/// The authorization that a request asks for with its transfer.
fn authorization_info<'a>(context: &'a Context<'_>) -> Option<&'a Map<String, Value>> {
    context.request.body.get("authorization_info").and_then(Value::as_object)
}

fn confirmed_with_authorization(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Transfer, HandlerError> {
    made_once(tx, context, |new| {
        check_appid_and_openid(tx, context, &new.appid, &new.openid)?;
        let Some(info) = authorization_info(context) else { return Ok(new) };
        let scene = context.request.required("transfer_scene_id");
        let asked = authorization::with_transfer(tx, context, info, &new.appid, &new.openid, scene)?;
        Ok(Transfer { authorization: Some(asked.id), ..new })
    })
}

pub(super) fn create_of_partner_with_authorization(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    Ok(confirmed_with_authorization(tx, context)?.describe_new_of_partner())
}

pub(super) fn create_with_authorization(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let info = authorization_info(context);
    let transfer = confirmed_with_authorization(tx, context)?;
    let mut shown = transfer.describe_new();
    for name in ["user_display_name", "out_authorization_no"] {
        if let Some(value) = info.and_then(|info| info.get(name)) {
            shown[name] = value.clone();
        }
    }
    Ok(shown)
}

/// The page expects the success in the response. UNCONFIRMED(transfer-authorized): a person whose account does
/// not work fails it two seconds later.
pub(super) fn transfer_to_authorized(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let transfer = made_once(tx, context, |new| {
        check_appid(context, &new.appid)?;
        let given = authorization::in_effect(tx, context)?;
        if given.appid != new.appid {
            return Err(refusals::no_authorization("the authorization was given under another appid").into());
        }
        let Authorization { openid, .. } = given;
        Ok(Transfer { openid, package: None, state: TransferState::Transfering, ..new })
    })?;
    Ok(Value::Object(transfer.describe()))
}

/// The transfer under a number: a new one whose money is locked, or the one that the same request has made
/// before. INFERRED(transfer-again): the response shows it as it is now. UNCONFIRMED(transfer-retry-time): a number can
/// be repeated for as long as queries find it.
fn made_once(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    complete: impl FnOnce(Transfer) -> Result<Transfer, HandlerError>,
) -> Result<Transfer, HandlerError> {
    let request = context.request;
    let fingerprint = fingerprint(&request.body);
    if let Some(known) = Transfer::find_by_number(tx, &context.caller.mchid, request.required("out_bill_no"))?
    {
        if context.now.saturating_sub(known.create_time) > MAX_AGE_SECONDS {
            return Err(refusals::retry_time_is_over("this out_bill_no").into());
        }
        let is_same = known.fingerprint == fingerprint;
        return if is_same { Ok(known) } else { Err(refusals::other_content().into()) };
    }
    let sub_mchid = request.text("sub_mchid");
    if let Some(sub_mchid) = sub_mchid {
        grants::check_granted(tx, context, sub_mchid)?;
    }
    let fen = request.body.get("transfer_amount").and_then(Value::as_i64).unwrap_or_default();
    check_amount(fen, request.text("user_name").is_some())?;
    check_scene(&request.body)?;
    // Platforms report nothing.
    if sub_mchid.is_none() || request.body.contains_key("transfer_scene_report_infos") {
        check_report(&request.body)?;
    }
    let notify = request
        .text("notify_url")
        .map(|url| NotifyTo { url: url.to_owned(), platform_serial: context.platform_serial.to_owned() });
    let serial = tx.next_number("transfer")?;
    let transfer = complete(Transfer {
        number: platform_number("1330000", context.now, serial, 40),
        mchid: context.caller.mchid.clone(),
        sub_mchid: sub_mchid.map(str::to_owned),
        appid: request.required("appid").to_owned(),
        out_bill_no: request.required("out_bill_no").to_owned(),
        openid: request.required("openid").to_owned(),
        name: request.text("user_name").map(|name| Name(name.to_owned())),
        fen,
        remark: request.required("transfer_remark").to_owned(),
        scene: request.required("transfer_scene_id").to_owned(),
        notify,
        fingerprint,
        package: Some(package(context, serial)),
        authorization: None,
        create_time: context.now,
        update_time: context.now,
        state: TransferState::WaitUserConfirm,
        fail_reason: None,
        will_fail: None,
    })?;
    let numbers = (&*transfer.number, &*transfer.out_bill_no);
    move_money(tx, Movement::Lock, transfer.payer(), &transfer.openid, numbers, fen, context.now)?;
    tx.save(&transfer)?;
    match transfer.state {
        TransferState::WaitUserConfirm => tx.schedule(&course::overdue(&transfer))?,
        _ => return course::pay_at_once(tx, transfer, context.now),
    }
    Ok(transfer)
}

/// The parameters of `requestMerchantTransfer`: nobody can guess it, and no two are the same.
pub(super) fn package(context: &Context<'_>, serial: i64) -> String {
    format!("{}{serial:x}==", context.entropy.letters_and_digits(40))
}

/// UNCONFIRMED(transfer-of-sub-merchant-appid): a transfer for a sub-merchant may be under the appid of either.
pub(super) fn check_appid(context: &Context<'_>, appid: &str) -> Result<(), Refusal> {
    let is_of = |account: &Account| account.appids.iter().any(|own| own == appid);
    let sub_merchant = context.request.text("sub_mchid").and_then(|mchid| context.merchants.find(mchid));
    if is_of(context.caller) || sub_merchant.is_some_and(|merchant| is_of(&merchant.account)) {
        return Ok(());
    }
    Err(refusals::wrong_appid())
}

/// The appid must be the merchant's, and the openid one under this appid.
pub(super) fn check_appid_and_openid(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    appid: &str,
    openid: &str,
) -> Result<(), HandlerError> {
    check_appid(context, appid)?;
    let wrong = WrongOpenid::find(tx, openid, appid)?;
    wrong.map_or(Ok(()), |wrong| Err(refusals::wrong_openid(wrong.reason()).into()))
}

fn check_amount(fen: i64, has_name: bool) -> Result<(), Refusal> {
    if !(MIN_FEN..=MAX_FEN).contains(&fen) {
        return Err(refusals::outside_limits());
    }
    match has_name {
        true if fen < NAME_ALLOWED_FEN => Err(refusals::wrong_name(reasons::NAME_NOT_ALLOWED)),
        false if fen >= NAME_NEEDED_FEN => Err(refusals::wrong_name(reasons::NAME_NEEDED)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_inside_the_limits_and_has_a_name_where_one_is_needed() {
        for (fen, has_name, code) in [
            (9, false, Some("INVALID_REQUEST")),
            (10, false, None),
            (10, true, Some("INVALID_REQUEST")),
            (29, true, Some("INVALID_REQUEST")),
            (30, true, None),
            (199_999, false, None),
            (200_000, false, Some("INVALID_REQUEST")),
            (200_000, true, None),
            (2_000_000, true, None),
            (2_000_001, true, Some("INVALID_REQUEST")),
        ] {
            let refused = check_amount(fen, has_name).err().map(|refusal| refusal.code);
            assert_eq!(refused, code, "{fen} {has_name}");
        }
    }
}
