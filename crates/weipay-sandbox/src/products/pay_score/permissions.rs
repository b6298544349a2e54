//! Permissions (授权): a person opens a service for a merchant, which then needs no confirmation of each order,
//! and closes it again.
//!
//! ```text
//!   ask (商户预授权) ► UNAVAILABLE ── the person opens it ──► AVAILABLE ── either side ends it ──► UNAVAILABLE
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::amounts::written;
use super::parties::{Parties, openids_of, text};
use super::refusals;
use crate::clock;
use crate::people::Person;
use crate::people::openid::{WrongOpenid, is_openid};
use crate::products::{Context, HandlerError};
use crate::store::{Announcement, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined};

/// A permission of a person for a merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Permission {
    pub(super) mchid: String,
    appid: String,
    sub_mchid: Option<String>,
    sub_appid: Option<String>,
    service_id: String,
    authorization_code: String,
    notify_url: Option<String>,
    /// `apply_permissions_token`.
    token: String,
    /// The party that opened it last.
    openid: Option<String>,
    sub_openid: Option<String>,
    is_open: bool,
    opened: Option<i64>,
    closed: Option<i64>,
    platform_serial: String,
}

const NUMBER: &str = "authorization code or token";
const PERSON: &str = "service and person";

impl Record for Permission {
    const KIND: &'static str = "pay score permission";

    fn key(&self) -> String {
        joined(&self.mchid, &self.authorization_code)
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let mut indexes = vec![
            IndexEntry::new(NUMBER, self.authorization_code.as_str()),
            IndexEntry::new(NUMBER, self.token.as_str()),
        ];
        let sub_mchid = self.sub_mchid.as_deref();
        for openid in self.openid.iter().chain(&self.sub_openid) {
            indexes
                .push(IndexEntry::new(PERSON, of_person(&self.mchid, sub_mchid, &self.service_id, openid)));
        }
        indexes
    }
}

fn of_person(mchid: &str, sub_mchid: Option<&str>, service_id: &str, openid: &str) -> String {
    joined(mchid, &joined(sub_mchid.unwrap_or_default(), &joined(service_id, openid)))
}

impl Permission {
    /// The record of a number: the authorization code or the token. Two where merchants share a code.
    pub(super) fn find_for_person(tx: &Transaction<'_>, number: &str) -> Result<Vec<Self>, StoreError> {
        tx.find_up_to_two(NUMBER, number)
    }
}

/// The permission of a person that is open; if none is, the one that was asked for last.
fn find_of_person(
    tx: &Transaction<'_>,
    parties: &Parties,
    service_id: &str,
    openid: &str,
) -> Result<Option<Permission>, StoreError> {
    let mut found: Vec<Permission> = Vec::new();
    for openid in Person::all_openids(tx, openid)? {
        let value = of_person(&parties.mchid, parties.sub_mchid.as_deref(), service_id, &openid);
        found.extend(
            tx.find::<Permission>(&[IndexRange::equal(PERSON, value)], Page { offset: 0, limit: 100 })?,
        );
    }
    let last = found.first().cloned();
    Ok(found.into_iter().find(|permission| permission.is_open).or(last))
}

/// An order without confirmation needs an open permission of its person.
pub(super) fn check_authorized(
    tx: &Transaction<'_>,
    parties: &Parties,
    service_id: &str,
    openid: &str,
) -> Result<(), HandlerError> {
    match find_of_person(tx, parties, service_id, openid)? {
        Some(permission) if permission.is_open => Ok(()),
        _ => Err(refusals::not_authorized().into()),
    }
}

/// 商户预授权.
pub(super) fn ask(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(json!({ "apply_permissions_token": token(tx, context)? }))
}

/// 场景中预授权: the same, asked for together with a payment. UNCONFIRMED(pay-score-scene): no order takes the token; the person
/// opens the service by it.
pub(super) fn ask_in_scene(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let scene = context.request.required("scene");
    if scene != "TRANSACTION" {
        return Err(refusals::wrong_parameter("scene must be TRANSACTION").into());
    }
    Ok(json!({ "scene": scene, "transaction_permissions_token": token(tx, context)? }))
}

/// The token of the permission that a request asks for. The same request again gives the same one:
/// INFERRED(pay-score-permission-again).
fn token(tx: &Transaction<'_>, context: &Context<'_>) -> Result<String, HandlerError> {
    let parties = Parties::read(context)?;
    let request = context.request;
    let new = Permission {
        mchid: parties.mchid,
        appid: parties.appid,
        sub_mchid: parties.sub_mchid,
        sub_appid: parties.sub_appid,
        service_id: request.required("service_id").to_owned(),
        authorization_code: request.required("authorization_code").to_owned(),
        notify_url: text(context, "notify_url"),
        token: context.entropy.letters_and_digits(60),
        openid: None,
        sub_openid: None,
        is_open: false,
        opened: None,
        closed: None,
        platform_serial: context.platform_serial.to_owned(),
    };
    match tx.get::<Permission>(&new.key())? {
        Some(known) if known.is_asked_like(&new) => Ok(known.token),
        Some(_) => Err(refusals::other_authorization().into()),
        None => {
            tx.save(&new)?;
            Ok(new.token)
        }
    }
}

pub(super) fn query_by_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    Ok(Value::Object(named(tx, context)?.describe()))
}

pub(super) fn query_by_person(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let mut shown = of_named_person(tx, context)?.describe();
    // Only the partner's page has it.
    if !shown.contains_key("sub_mchid") {
        shown.remove("notify_url");
    }
    Ok(Value::Object(shown))
}

pub(super) fn end_by_code(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let permission = named(tx, context)?;
    end_by_merchant(tx, permission, context.now)
}

pub(super) fn end_by_person(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let permission = of_named_person(tx, context)?;
    end_by_merchant(tx, permission, context.now)
}

/// 查询用户授权状态, the older form.
pub(super) fn query_state(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let parties = Parties::read(context)?;
    let (service_id, openid) = (text(context, "service_id"), text(context, "openid"));
    let (service_id, openid) = (service_id.unwrap_or_default(), openid.unwrap_or_default());
    if !is_openid(&openid) {
        return Err(refusals::wrong_openid(WrongOpenid::Form).into());
    }
    let found = find_of_person(tx, &parties, &service_id, &openid)?;
    let is_open = found.is_some_and(|permission| permission.is_open);
    Ok(json!({
        "appid": parties.appid, "service_id": service_id, "openid": openid,
        "use_service_state": if is_open { "AVAILABLE" } else { "UNAVAILABLE" },
    }))
}

/// 商户解除用户授权关系, the older form.
pub(super) fn end_of_service(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let (parties, request) = (Parties::read(context)?, context.request);
    let found = find_of_person(tx, &parties, request.path("service_id"), request.path("openid"))?;
    end_by_merchant(tx, found.ok_or_else(refusals::no_such_authorization)?, context.now)
}

/// INFERRED(pay-score-close): the merchant is notified whichever side ends a permission.
fn end_by_merchant(tx: &Transaction<'_>, permission: Permission, now: i64) -> Result<Value, HandlerError> {
    if close(tx, permission, now)? { Ok(Value::Null) } else { Err(refusals::not_open().into()) }
}

/// The permission with the code in the path, of the service and the sub-merchant of the request.
fn named(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Permission, HandlerError> {
    of_code(tx, context, context.request.path("authorization_code"))
}

/// The permission that a body names, by its code or by its person.
pub(super) fn of_code_or_person(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Permission, HandlerError> {
    match text(context, "authorization_code") {
        Some(code) => of_code(tx, context, &code),
        None => of_named_person(tx, context),
    }
}

fn of_code(tx: &Transaction<'_>, context: &Context<'_>, code: &str) -> Result<Permission, HandlerError> {
    let key = joined(&context.caller.mchid, code);
    let is_own = |permission: &Permission| {
        text(context, "service_id").is_some_and(|id| id == permission.service_id)
            && text(context, "sub_mchid") == permission.sub_mchid
    };
    let found = tx.get::<Permission>(&key)?.filter(is_own);
    Ok(found.ok_or_else(refusals::no_such_authorization)?)
}

fn of_named_person(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Permission, HandlerError> {
    let parties = Parties::read(context)?;
    let (openid, sub_openid) = match context.request.path("openid") {
        "" => parties.read_person(tx, context)?,
        openid => (Some(openid.to_owned()), None),
    };
    let Some(openid) = openid.or(sub_openid) else {
        return Err(refusals::wrong_parameter("give openid or sub_openid").into());
    };
    let service_id = text(context, "service_id").unwrap_or_default();
    let found = find_of_person(tx, &parties, &service_id, &openid)?;
    Ok(found.ok_or_else(refusals::no_such_authorization)?)
}

/// The person opens the service for the merchant, or cannot for this reason.
pub(super) fn open(
    tx: &Transaction<'_>,
    permission: Permission,
    openid: &str,
    now: i64,
) -> Result<Result<(), &'static str>, StoreError> {
    if permission.is_open {
        return Ok(Err("the service is open already"));
    }
    let appids = (permission.appid.as_str(), permission.sub_appid.as_deref());
    let (openid, sub_openid) = match openids_of(tx, openid, appids, now)? {
        Ok((openid, sub_openid)) => (Some(openid), sub_openid),
        Err(reason) => return Ok(Err(reason)),
    };
    let opened = Permission { is_open: true, openid, sub_openid, opened: Some(now), ..permission };
    tx.save(&opened)?;
    opened.announce(tx, "PAYSCORE.USER_OPEN_SERVICE", now)?;
    Ok(Ok(()))
}

/// Either side ends it. Whether it was open.
pub(super) fn close(tx: &Transaction<'_>, permission: Permission, now: i64) -> Result<bool, StoreError> {
    if !permission.is_open {
        return Ok(false);
    }
    let closed = Permission { is_open: false, closed: Some(now), ..permission };
    tx.save(&closed)?;
    closed.announce(tx, "PAYSCORE.USER_CLOSE_SERVICE", now)?;
    Ok(true)
}

impl Permission {
    fn is_asked_like(&self, other: &Self) -> bool {
        let asked = |permission: &Self| {
            let Self { appid, sub_mchid, sub_appid, service_id, notify_url, .. } = permission.clone();
            (appid, sub_mchid, sub_appid, service_id, notify_url)
        };
        asked(self) == asked(other)
    }

    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    pub(super) fn describe(&self) -> Map<String, Value> {
        let mut shown = self.parties();
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                shown.insert(name.to_owned(), value.into());
            }
        };
        put("authorization_code", Some(self.authorization_code.clone()));
        let state = if self.is_open { "AVAILABLE" } else { "UNAVAILABLE" };
        put("authorization_state", Some(state.to_owned()));
        put("notify_url", self.notify_url.clone());
        put("cancel_authorization_time", self.closed.map(clock::rfc3339));
        put("authorization_success_time", self.opened.map(clock::rfc3339));
        shown
    }

    /// The numbers of the merchants, the service and the person.
    fn parties(&self) -> Map<String, Value> {
        let known = [
            ("appid", Some(&self.appid)),
            ("mchid", Some(&self.mchid)),
            ("sub_appid", self.sub_appid.as_ref()),
            ("sub_mchid", self.sub_mchid.as_ref()),
            ("service_id", Some(&self.service_id)),
            ("openid", self.openid.as_ref()),
            ("sub_openid", self.sub_openid.as_ref()),
        ];
        known
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.as_str().into())))
            .collect()
    }

    fn announce(&self, tx: &Transaction<'_>, event_type: &'static str, now: i64) -> Result<(), StoreError> {
        let Some(notify_url) = &self.notify_url else { return Ok(()) };
        let mut resource = self.parties();
        let status = event_type.trim_start_matches("PAYSCORE.");
        resource.insert("user_service_status".to_owned(), status.into());
        resource.insert("openorclose_time".to_owned(), written(now).into());
        resource.insert("authorization_code".to_owned(), self.authorization_code.as_str().into());
        tx.announce(&Announcement {
            mchid: self.mchid.clone(),
            notify_url: notify_url.clone(),
            platform_serial: self.platform_serial.clone(),
            event_type,
            time: now,
            resource: Value::Object(resource),
        })
    }
}
