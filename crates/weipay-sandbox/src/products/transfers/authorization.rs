//! Authorizations (免确认收款授权): a person lets a merchant transfer without a confirmation each time.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::creation::{check_appid_and_openid, package};
use super::scenes::check_scene;
use super::transfer::NotifyTo;
use super::{CONFIRMATION_SECONDS, platform_number, refusals};
use crate::clock;
use crate::people::of_person;
use crate::products::{Context, HandlerError};
use crate::store::{Announcement, Due, IndexEntry, IndexRange, Record, StoreError, Transaction, joined};
use crate::words::words;

/// Falls due when the person has not confirmed in time.
pub(super) const OVERDUE: &str = "transfer authorization overdue";

pub(super) fn ask(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let known =
        Authorization::find_by_number(tx, &context.caller.mchid, request.required("out_authorization_no"))?;
    let (appid, openid) = (request.required("appid"), request.required("openid"));
    let scene = request.required("transfer_scene_id");
    let perception = request.text("user_recv_perception");
    let asked = match known {
        Some(known) => {
            // One that was asked for with a transfer says nothing of how the person sees it.
            let is_seen_so = match (known.perception.as_deref(), perception) {
                (Some(known), Some(asked)) => known == asked,
                _ => true,
            };
            let is_same = known.is_of(&request.body, appid, openid, scene) && is_seen_so;
            if !is_same {
                return Err(refusals::other_content().into());
            }
            known
        }
        None => {
            check_scene(&request.body)?;
            check_appid_and_openid(tx, context, appid, openid)?;
            check_count(tx, &context.caller.mchid, openid, scene, context.now)?;
            let new = new(tx, context, &request.body, appid, openid, scene)?;
            let new = Authorization { perception: perception.map(str::to_owned), ..new };
            keep_new(tx, &new)?;
            new
        }
    };
    Ok(json!({
        "out_authorization_no": asked.out_number,
        "state": asked.state.word(),
        "create_time": clock::rfc3339(asked.create_time),
        "package_info": asked.package,
    }))
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.path("out_authorization_no");
    let found = Authorization::find_by_number(tx, &context.caller.mchid, number)?;
    let found = found.ok_or_else(refusals::not_found)?;
    let mut shown = found.describe();
    if context.request.query("is_display_authorization") == Some("true")
        && found.state == AuthorizationState::WaitUserConfirm
    {
        shown.insert("package_info".to_owned(), found.package.as_str().into());
    }
    Ok(Value::Object(shown))
}

/// The merchant ends an authorization. INFERRED(authorization-closed-again): one that has ended is shown as it is.
pub(super) fn close(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let number = context.request.path("out_authorization_no");
    let found = Authorization::find_by_number(tx, &context.caller.mchid, number)?;
    let found = found.ok_or_else(refusals::not_found)?;
    let closed = match found.state {
        AuthorizationState::Closed => found,
        AuthorizationState::WaitUserConfirm => return Err(refusals::authorization_cannot_be_closed().into()),
        AuthorizationState::TakingEffect => found.close(tx, "CLOSE_VIA_MCH_API", context.now)?,
    };
    Ok(Value::Object(closed.describe()))
}

words! {
    pub(super) enum AuthorizationState {
        WaitUserConfirm = "WAIT_USER_CONFIRM",
        TakingEffect = "TAKING_EFFECT",
        Closed = "CLOSED",
    }
}

/// 自动收款授权.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Authorization {
    /// `authorization_id`: shown when the person has confirmed.
    pub(super) id: String,
    pub(super) mchid: String,
    pub(super) appid: String,
    pub(super) openid: String,
    out_number: String,
    display_name: String,
    scene: String,
    perception: Option<String>,
    notify: NotifyTo,
    package: String,
    create_time: i64,
    /// When the time to confirm ends, where that is not 24 hours after it was asked for.
    #[serde(default)]
    until: Option<i64>,
    pub(super) state: AuthorizationState,
    authorize_time: Option<i64>,
    /// When it was closed, and why.
    closed: Option<(i64, String)>,
}

const OF_PERSON: &str = "merchant, scene, state and person";
const NUMBER: &str = "merchant and number";
const PERSON: &str = "number or package";

impl Record for Authorization {
    const KIND: &'static str = "transfer authorization";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        let of_person = place(&self.mchid, &self.scene, self.state, &self.openid);
        vec![
            IndexEntry::new(NUMBER, joined(&self.mchid, &self.out_number)),
            IndexEntry::new(PERSON, self.out_number.as_str()),
            IndexEntry::new(PERSON, self.package.as_str()),
            IndexEntry::new(OF_PERSON, of_person),
        ]
    }
}

fn place(mchid: &str, scene: &str, state: AuthorizationState, openid: &str) -> String {
    joined(mchid, &joined(scene, &joined(state.word(), openid)))
}

/// The authorizations of a person, under each openid, that a merchant asked for and that are in a state.
fn all_of_person(
    tx: &Transaction<'_>,
    (mchid, scene): (&str, &str),
    openid: &str,
    state: AuthorizationState,
) -> Result<Vec<Authorization>, StoreError> {
    of_person::all(tx, openid, |openid| IndexRange::equal(OF_PERSON, place(mchid, scene, state, openid)))
}

/// The rule: a person has one authorization for a scene, also while it waits for the person.
/// INFERRED(authorization-count): the pages do not print the number.
fn check_count(
    tx: &Transaction<'_>,
    mchid: &str,
    openid: &str,
    scene: &str,
    now: i64,
) -> Result<(), HandlerError> {
    let all = |state| all_of_person(tx, (mchid, scene), openid, state);
    let waits = all(AuthorizationState::WaitUserConfirm)?.iter().any(|waiting| now < waiting.overdue().at);
    match waits || !all(AuthorizationState::TakingEffect)?.is_empty() {
        true => Err(refusals::too_many_authorizations().into()),
        false => Ok(()),
    }
}

impl Authorization {
    pub(super) fn find_by_number(
        tx: &Transaction<'_>,
        mchid: &str,
        number: &str,
    ) -> Result<Option<Self>, StoreError> {
        tx.find_one(NUMBER, joined(mchid, number))
    }

    /// The record of a number; two where merchants share one.
    pub(super) fn find_for_person(tx: &Transaction<'_>, number: &str) -> Result<Vec<Self>, StoreError> {
        tx.find_key_or_two(PERSON, number)
    }
}

/// A new authorization from members that `ask` and transfers have in common.
fn new(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    members: &Map<String, Value>,
    appid: &str,
    openid: &str,
    scene: &str,
) -> Result<Authorization, StoreError> {
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let serial = tx.next_number("transfer authorization")?;
    Ok(Authorization {
        id: platform_number("1", context.now, serial, 27),
        mchid: context.caller.mchid.clone(),
        appid: appid.to_owned(),
        openid: openid.to_owned(),
        out_number: text("out_authorization_no"),
        display_name: text("user_display_name"),
        scene: scene.to_owned(),
        perception: None,
        notify: NotifyTo {
            url: notify_url(members).to_owned(),
            platform_serial: context.platform_serial.to_owned(),
        },
        package: package(context, serial),
        create_time: context.now,
        state: AuthorizationState::WaitUserConfirm,
        until: None,
        authorize_time: None,
        closed: None,
    })
}

/// Requests of partners (服务商) have it under another name.
fn notify_url(members: &Map<String, Value>) -> &str {
    let url = members.get("authorization_notify_url").or_else(|| members.get("notify_url"));
    url.and_then(Value::as_str).unwrap_or_default()
}

fn keep_new(tx: &Transaction<'_>, new: &Authorization) -> Result<(), StoreError> {
    tx.save(new)?;
    tx.schedule(&new.overdue())
}

/// The authorization that is confirmed together with a transfer: a new one, or the one that was asked for before, in either way.
/// INFERRED(authorization-ended): one that has ended comes to life no more, so that a transfer cannot name it.
pub(super) fn with_transfer(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    info: &Map<String, Value>,
    appid: &str,
    openid: &str,
    scene: &str,
) -> Result<Authorization, HandlerError> {
    let number = info.get("out_authorization_no").and_then(Value::as_str).unwrap_or_default();
    if let Some(known) = Authorization::find_by_number(tx, &context.caller.mchid, number)? {
        if !known.is_of(info, appid, openid, scene) {
            return Err(refusals::other_content().into());
        }
        if known.state == AuthorizationState::Closed {
            let reason = "this authorization has ended: take a new out_authorization_no";
            return Err(refusals::no_authorization(reason).into());
        }
        return Ok(known);
    }
    let new = new(tx, context, info, appid, openid, scene)?;
    keep_new(tx, &new)?;
    Ok(new)
}

/// The authorization that a transfer names, when it is in effect.
pub(super) fn in_effect(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Authorization, HandlerError> {
    let request = context.request;
    let found = match (request.text("authorization_id"), request.text("out_authorization_no")) {
        (Some(id), _) => tx.get::<Authorization>(id)?,
        (None, Some(number)) => Authorization::find_by_number(tx, &context.caller.mchid, number)?,
        (None, None) => {
            let reason = "authorization_id or out_authorization_no must be sent";
            return Err(refusals::wrong_parameter(reason).into());
        }
    };
    let own = found.filter(|found| found.mchid == context.caller.mchid);
    let Some(own) = own else {
        return Err(refusals::no_authorization("this merchant asked for no such authorization").into());
    };
    if own.state != AuthorizationState::TakingEffect {
        return Err(refusals::no_authorization("the person has not confirmed it, or it has ended").into());
    }
    Ok(own)
}

/// The person confirms. Whether there was anything to confirm: one that came with a transfer is nothing beside
/// another that is in effect.
pub(super) fn take_effect(tx: &Transaction<'_>, id: &str, now: i64) -> Result<bool, StoreError> {
    let Some(found) = tx.get::<Authorization>(id)? else { return Ok(false) };
    if found.state != AuthorizationState::WaitUserConfirm || now >= found.overdue().at {
        return Ok(false);
    }
    let of_merchant = (found.mchid.as_str(), found.scene.as_str());
    if !all_of_person(tx, of_merchant, &found.openid, AuthorizationState::TakingEffect)?.is_empty() {
        return Ok(false);
    }
    tx.unschedule(&found.overdue())?;
    let state = AuthorizationState::TakingEffect;
    let given = Authorization { state, authorize_time: Some(now), ..found };
    tx.save(&given)?;
    tx.announce(&given.announcement("MCHTRANSFER.AUTHORIZATION.CONFIRMED", now))?;
    Ok(true)
}

/// The person has confirmed it together with a transfer, and the money is under way: its time does not end
/// before that has arrived.
pub(super) fn wait_for_transfer(
    tx: &Transaction<'_>,
    id: &str,
    arrives: i64,
    now: i64,
) -> Result<(), StoreError> {
    let Some(found) = tx.get::<Authorization>(id)? else { return Ok(()) };
    let overdue = found.overdue();
    let ends_before = now < overdue.at && overdue.at <= arrives;
    if found.state != AuthorizationState::WaitUserConfirm || !ends_before {
        return Ok(());
    }
    tx.unschedule(&overdue)?;
    let longer = Authorization { until: Some(arrives.saturating_add(1)), ..found };
    tx.save(&longer)?;
    tx.schedule(&longer.overdue())
}

/// The person ends it. Whether it was in effect.
pub(super) fn end_by_person(
    tx: &Transaction<'_>,
    found: Authorization,
    now: i64,
) -> Result<bool, StoreError> {
    if found.state != AuthorizationState::TakingEffect {
        return Ok(false);
    }
    found.close(tx, "USER_CLOSE", now).map(|_| true)
}

/// Nobody is notified: no source has a notification with this reason.
pub(super) fn end_overdue(tx: &Transaction<'_>, id: &str, at: i64) -> Result<(), HandlerError> {
    let Some(found) = tx.get::<Authorization>(id)? else { return Ok(()) };
    if found.state == AuthorizationState::WaitUserConfirm {
        let closed = Some((at, "USER_OVERDUE_UNCONFIRMED".to_owned()));
        tx.save(&Authorization { state: AuthorizationState::Closed, closed, ..found })?;
    }
    Ok(())
}

impl Authorization {
    /// Whether it is what these members ask for.
    fn is_of(&self, members: &Map<String, Value>, appid: &str, openid: &str, scene: &str) -> bool {
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
        let own = (&*self.appid, &*self.openid, &*self.scene, &*self.display_name, &*self.notify.url);
        own == (appid, openid, scene, text("user_display_name"), notify_url(members))
    }

    #[cfg(test)]
    pub(super) fn is_by(&self, mchid: &str) -> bool {
        self.mchid == mchid
    }

    fn overdue(&self) -> Due {
        let at = self.until.unwrap_or_else(|| self.create_time.saturating_add(CONFIRMATION_SECONDS));
        Due { kind: OVERDUE.to_owned(), key: self.id.clone(), at }
    }

    /// Closes one that is in effect, and notifies the merchant.
    fn close(self, tx: &Transaction<'_>, reason: &str, now: i64) -> Result<Self, StoreError> {
        let closed = Some((now, reason.to_owned()));
        let closed = Self { state: AuthorizationState::Closed, closed, ..self };
        tx.save(&closed)?;
        tx.announce(&closed.announcement("MCHTRANSFER.AUTHORIZATION.CLOSED", now))?;
        Ok(closed)
    }

    fn announcement(&self, event_type: &'static str, now: i64) -> Announcement {
        let mut resource = self.describe();
        for name in ["transfer_scene_id", "user_recv_perception", "create_time"] {
            resource.remove(name);
        }
        Announcement {
            mchid: self.mchid.clone(),
            notify_url: self.notify.url.clone(),
            platform_serial: self.notify.platform_serial.clone(),
            event_type,
            time: now,
            resource: Value::Object(resource),
        }
    }

    fn describe(&self) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        put("out_authorization_no", self.out_number.as_str().into());
        put("appid", self.appid.as_str().into());
        put("openid", self.openid.as_str().into());
        put("user_display_name", self.display_name.as_str().into());
        put("state", self.state.word().into());
        put("transfer_scene_id", self.scene.as_str().into());
        put("create_time", clock::rfc3339(self.create_time).into());
        if let Some(perception) = &self.perception {
            put("user_recv_perception", perception.as_str().into());
        }
        if let Some(time) = self.authorize_time {
            put("authorization_id", self.id.as_str().into());
            put("authorize_time", clock::rfc3339(time).into());
        }
        if let Some((time, reason)) = &self.closed {
            put("close_info", json!({ "close_time": clock::rfc3339(*time), "close_reason": reason }));
        }
        shown
    }
}
