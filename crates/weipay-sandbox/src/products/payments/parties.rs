//! The parties of an order: the merchant or the partner with its sub-merchant, their appids, and the openid of who is to pay.

use serde_json::{Map, Value};

use super::order::Payer;
use super::refusals;
use crate::merchants::{Account, Merchants};
use crate::people::Person;
use crate::people::openid::WrongOpenid;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

/// The merchants and appids of an order, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parties {
    pub(super) merchant: String,
    pub(super) appid: String,
    pub(super) sub_mchid: Option<String>,
    pub(super) sub_appid: Option<String>,
}

/// A member that is a text, not empty.
pub(super) fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

impl Parties {
    /// Reads the parties of a request by a merchant or, with `sp_mchid`, by a partner.
    pub(super) fn read(context: &Context<'_>) -> Result<Self, Refusal> {
        let body = &context.request.body;
        let is_partner = body.contains_key("sp_mchid");
        let appid = text(body, if is_partner { "sp_appid" } else { "appid" }).unwrap_or_default();
        let merchant = context.caller.mchid.clone();
        // A partner's 付款码 order may leave its own appid out.
        if !(is_partner && appid.is_empty()) {
            context.caller.check_appid(&appid)?;
        }
        let (mut sub_mchid, mut sub_appid) = (None, None);
        if is_partner {
            sub_mchid = text(body, "sub_mchid");
            sub_appid = text(body, "sub_appid");
            check_sub_merchant(
                context.merchants,
                context.caller,
                sub_mchid.as_deref().unwrap_or_default(),
                sub_appid.as_deref(),
            )?;
        }
        Ok(Self { merchant, appid, sub_mchid, sub_appid })
    }
}

/// UNCONFIRMED(partner-sells-nothing): a merchant that names sub-merchants is a partner or a platform, and its orders are theirs.
pub(super) fn check_sells_itself(merchant: &Account) -> Result<(), Refusal> {
    match merchant.sub_merchants.is_empty() {
        true => Ok(()),
        false => Err(refusals::no_sub_merchant(
            "this merchant is a partner (it has sub-merchants), and sells nothing itself: send sub_mchid; by APIv3 to v3/pay/partner, with sp_mchid",
        )),
    }
}

/// A sub-merchant must be one of its partner's, and its appid must be bound to it where the sandbox knows its appids.
pub(crate) fn check_sub_merchant(
    merchants: &Merchants,
    partner: &Account,
    sub_mchid: &str,
    sub_appid: Option<&str>,
) -> Result<(), Refusal> {
    // Who names no sub-merchants may be a partner, but not of itself, nor of those of others.
    let may_be_ordinary = partner.sub_merchants.is_empty();
    if sub_mchid == partner.mchid {
        return Err(if may_be_ordinary { refusals::no_partner() } else { refusals::same_sub_merchant() });
    }
    if !merchants.have_relation(partner, sub_mchid) {
        return Err(if may_be_ordinary { refusals::no_partner() } else { refusals::no_relation() });
    }
    match (sub_appid, merchants.find(sub_mchid)) {
        (Some(appid), Some(merchant)) if !merchant.account.appids.iter().any(|own| own == appid) => {
            Err(refusals::other_sub_appid())
        }
        _ => Ok(()),
    }
}

/// A partner names the sub-merchant that has the money of an order, and a merchant with an order of its own names none.
pub(super) fn check_sub_merchant_of_order(
    asked: Option<&str>,
    has: Option<&str>,
    [missing, other]: [fn() -> Refusal; 2],
) -> Result<(), Refusal> {
    match (asked, has) {
        (None, Some(_)) => Err(missing()),
        (asked, has) if asked != has => Err(other()),
        _ => Ok(()),
    }
}

/// The payer, as `payer` has it.
pub(super) fn read_payer(
    tx: &Transaction<'_>,
    parties: &Parties,
    payer: Option<&Value>,
    is_required: bool,
) -> Result<Payer, HandlerError> {
    let text = |name: &str| payer.and_then(Value::as_object).and_then(|payer| text(payer, name));
    let read = match parties.sub_mchid {
        None => Payer { openid: text("openid"), sub_openid: None },
        Some(_) => Payer { openid: text("sp_openid"), sub_openid: text("sub_openid") },
    };
    if is_required && read == Payer::default() {
        return Err(refusals::no_openid().into());
    }
    check_payer(tx, &read, &parties.appid, parties.sub_appid.as_deref())?;
    Ok(read)
}

/// An openid must have its form, and be of the appid when its person was made.
pub(crate) fn check_payer(
    tx: &Transaction<'_>,
    payer: &Payer,
    appid: &str,
    sub_appid: Option<&str>,
) -> Result<(), HandlerError> {
    if let Some(openid) = &payer.openid {
        check_openid(tx, openid, appid, false)?;
    }
    if let Some(openid) = &payer.sub_openid {
        let appid = sub_appid.ok_or_else(refusals::no_openid)?;
        check_openid(tx, openid, appid, true)?;
    }
    Ok(())
}

fn check_openid(tx: &Transaction<'_>, openid: &str, appid: &str, is_sub: bool) -> Result<(), HandlerError> {
    match WrongOpenid::find(tx, openid, appid)? {
        None => Ok(()),
        Some(WrongOpenid::Form) => Err(refusals::broken_openid().into()),
        Some(WrongOpenid::OfAnotherAppid) => Err(refusals::other_openid(is_sub).into()),
    }
}

/// The person that was made with this openid.
pub(super) fn find_person(tx: &Transaction<'_>, openid: &str) -> Result<Option<Person>, StoreError> {
    Person::find(tx, openid)
}
