//! The merchants and appids of a request, and the person in it.

use std::collections::BTreeMap;

use super::refusals;
use crate::people::Person;
use crate::people::openid::{WrongOpenid, is_openid};
use crate::products::payments::parties::check_sub_merchant;
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::{StoreError, Transaction};

/// The parties of a request, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parties {
    pub(super) mchid: String,
    pub(super) appid: String,
    pub(super) sub_mchid: Option<String>,
    pub(super) sub_appid: Option<String>,
}

/// A member of the body, or of the query of an operation that has no body.
pub(super) fn text(context: &Context<'_>, name: &str) -> Option<String> {
    let request = context.request;
    let text = request.text(name).or_else(|| request.query(name));
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The openids of whoever acts: under the appid, and under the sub-merchant's. `Err` says why the openid cannot be meant.
/// UNCONFIRMED(openid-of-a-stranger): that of a person whom nobody has made follows from the one that is given.
pub(super) fn openids_of(
    tx: &Transaction<'_>,
    openid: &str,
    (appid, sub_appid): (&str, Option<&str>),
    now: i64,
) -> Result<Result<(String, Option<String>), &'static str>, StoreError> {
    let Some(person) = Person::find(tx, openid)? else {
        let stranger = Person { unionid: openid.to_owned(), openids: BTreeMap::new() };
        let under = |sub: &str| if sub == appid { openid.to_owned() } else { stranger.openid(sub) };
        return Ok(Ok((openid.to_owned(), sub_appid.map(under))));
    };
    if std::iter::once(appid).chain(sub_appid).all(|appid| person.openid(appid) != openid) {
        return Ok(Err(WrongOpenid::OfAnotherAppid.reason()));
    }
    let own = Person::openid_under(tx, openid, appid, now)?;
    let of_sub = sub_appid.map(|sub_appid| Person::openid_under(tx, openid, sub_appid, now)).transpose()?;
    Ok(Ok((own, of_sub)))
}

impl Parties {
    /// Reads the parties of a request by a merchant, or by a partner for a sub-merchant.
    pub(super) fn read(context: &Context<'_>) -> Result<Self, Refusal> {
        let appid = text(context, "appid").unwrap_or_default();
        if context.caller.appids.iter().all(|own| *own != appid) {
            return Err(refusals::wrong_appid());
        }
        let (sub_mchid, sub_appid) = (text(context, "sub_mchid"), text(context, "sub_appid"));
        if let Some(sub_mchid) = &sub_mchid {
            check_sub_merchant(context.merchants, context.caller, sub_mchid, sub_appid.as_deref())?;
        }
        Ok(Self { mchid: context.caller.mchid.clone(), appid, sub_mchid, sub_appid })
    }

    /// The person, under the appid and under the sub-merchant's appid.
    pub(super) fn read_person(
        &self,
        tx: &Transaction<'_>,
        context: &Context<'_>,
    ) -> Result<(Option<String>, Option<String>), HandlerError> {
        let openid = text(context, "openid");
        let sub_openid = self.sub_mchid.as_ref().and_then(|_| text(context, "sub_openid"));
        if sub_openid.is_some() && self.sub_appid.is_none() {
            return Err(refusals::wrong_parameter("sub_openid needs sub_appid, under which it is").into());
        }
        if openid.iter().chain(&sub_openid).any(|openid| !is_openid(openid)) {
            return Err(refusals::wrong_openid(WrongOpenid::Form).into());
        }
        let under = [(&openid, Some(&self.appid)), (&sub_openid, self.sub_appid.as_ref())];
        for (openid, appid) in under {
            if let (Some(openid), Some(appid)) = (openid, appid)
                && Person::has_another_openid(tx, openid, appid)?
            {
                return Err(refusals::wrong_openid(WrongOpenid::OfAnotherAppid).into());
            }
        }
        Ok((openid, sub_openid))
    }
}
