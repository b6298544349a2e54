//! Authorizations (免确认收款授权): a person lets a merchant transfer without a confirmation each time.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::creation::{check_appid_and_openid, package};
use super::transfer::NotifyTo;
use super::{CONFIRMATION_SECONDS, fingerprint, platform_number, refusals};
use crate::clock;
use crate::products::{Context, HandlerError};
use crate::store::{
    Announcement, Due, IndexEntry, IndexRange, Page, Record, StoreError, Transaction, joined,
};

/// Falls due when the person has not confirmed in time.
pub(super) const OVERDUE: &str = "transfer authorization overdue";

pub(super) fn ask(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let request = context.request;
    let known = find(tx, &context.caller.mchid, request.required("out_authorization_no"))?;
    let fingerprint = fingerprint(&request.body);
    // It may have been made with a transfer, whose request has other members.
    let is_same = |known: &Authorization| {
        let (appid, openid) = (request.required("appid"), request.required("openid"));
        let scene = request.required("transfer_scene_id");
        let perception = request.text("user_recv_perception");
        known.fingerprint == fingerprint
            || (known.is_same(&request.body, appid, openid, scene)
                && known.perception.as_deref() == perception)
    };
    let asked = match known {
        Some(known) if is_same(&known) => known,
        Some(_) => return Err(refusals::other_content().into()),
        None => {
            let (appid, openid) = (request.required("appid"), request.required("openid"));
            check_appid_and_openid(tx, context.caller, appid, openid)?;
            let scene = request.required("transfer_scene_id");
            let new = Authorization {
                fingerprint,
                perception: request.text("user_recv_perception").map(str::to_owned),
                ..new(tx, context, &request.body, appid, openid, scene)?
            };
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
    let found = find(tx, &context.caller.mchid, context.request.path("out_authorization_no"))?;
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
    let found = find(tx, &context.caller.mchid, context.request.path("out_authorization_no"))?;
    let found = found.ok_or_else(refusals::not_found)?;
    let closed = match found.state {
        AuthorizationState::Closed => found,
        AuthorizationState::WaitUserConfirm => return Err(refusals::authorization_cannot_be_closed().into()),
        AuthorizationState::TakingEffect => found.close(tx, "CLOSE_VIA_MCH_API", context.now)?,
    };
    Ok(Value::Object(closed.describe()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum AuthorizationState {
    WaitUserConfirm,
    TakingEffect,
    Closed,
}

impl AuthorizationState {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::WaitUserConfirm => "WAIT_USER_CONFIRM",
            Self::TakingEffect => "TAKING_EFFECT",
            Self::Closed => "CLOSED",
        }
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
    fingerprint: String,
    package: String,
    create_time: i64,
    pub(super) state: AuthorizationState,
    authorize_time: Option<i64>,
    /// When it was closed, and why.
    closed: Option<(i64, String)>,
}

const NUMBER: &str = "merchant and number";
const PERSON: &str = "number or package";

impl Record for Authorization {
    const KIND: &'static str = "transfer authorization";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn indexes(&self) -> Vec<IndexEntry> {
        vec![
            IndexEntry::new(NUMBER, joined(&self.mchid, &self.out_number)),
            IndexEntry::new(PERSON, self.out_number.as_str()),
            IndexEntry::new(PERSON, self.package.as_str()),
        ]
    }
}

pub(super) fn find(
    tx: &Transaction<'_>,
    mchid: &str,
    number: &str,
) -> Result<Option<Authorization>, StoreError> {
    let condition = IndexRange::equal(NUMBER, joined(mchid, number));
    Ok(tx.find(&[condition], Page { offset: 0, limit: 1 })?.pop())
}

/// What a person means by a number; two where merchants share one.
pub(super) fn find_for_person(tx: &Transaction<'_>, number: &str) -> Result<Vec<Authorization>, StoreError> {
    if let Some(found) = tx.get(number)? {
        return Ok(vec![found]);
    }
    tx.find(&[IndexRange::equal(PERSON, number)], Page { offset: 0, limit: 2 })
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
            url: text("authorization_notify_url"),
            platform_serial: context.platform_serial.to_owned(),
        },
        fingerprint: fingerprint(members),
        package: package(context, serial),
        create_time: context.now,
        state: AuthorizationState::WaitUserConfirm,
        authorize_time: None,
        closed: None,
    })
}

fn keep_new(tx: &Transaction<'_>, new: &Authorization) -> Result<(), StoreError> {
    tx.save(new)?;
    tx.schedule(&new.overdue())
}

/// The authorization that is confirmed together with a transfer: a new one, or the one that was asked for before.
pub(super) fn with_transfer(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    info: &Map<String, Value>,
    appid: &str,
    openid: &str,
    scene: &str,
) -> Result<Authorization, HandlerError> {
    let number = info.get("out_authorization_no").and_then(Value::as_str).unwrap_or_default();
    if let Some(known) = find(tx, &context.caller.mchid, number)? {
        if !known.is_same(info, appid, openid, scene) {
            return Err(refusals::other_content().into());
        }
        if known.state == AuthorizationState::Closed {
            return Err(refusals::no_authorization(
                "the authorization has ended: take a new out_authorization_no",
            )
            .into());
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
        (None, Some(number)) => find(tx, &context.caller.mchid, number)?,
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

/// The person confirms. Whether there was anything to confirm.
pub(super) fn take_effect(tx: &Transaction<'_>, id: &str, now: i64) -> Result<bool, StoreError> {
    let Some(found) = tx.get::<Authorization>(id)? else { return Ok(false) };
    if found.state != AuthorizationState::WaitUserConfirm || now >= found.overdue().at {
        return Ok(false);
    }
    tx.unschedule(&found.overdue())?;
    let state = AuthorizationState::TakingEffect;
    let given = Authorization { state, authorize_time: Some(now), ..found };
    tx.save(&given)?;
    tx.announce(&given.announcement("MCHTRANSFER.AUTHORIZATION.CONFIRMED", now))?;
    Ok(true)
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
    #[cfg(test)]
    pub(super) fn is_of(&self, mchid: &str) -> bool {
        self.mchid == mchid
    }

    /// Whether a request asks for the same, of the same person, whether with a transfer or without.
    fn is_same(&self, members: &Map<String, Value>, appid: &str, openid: &str, scene: &str) -> bool {
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
        (&*self.appid, &*self.openid, &*self.scene) == (appid, openid, scene)
            && self.display_name == text("user_display_name")
            && self.notify.url == text("authorization_notify_url")
    }

    fn overdue(&self) -> Due {
        let at = self.create_time.saturating_add(CONFIRMATION_SECONDS);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merchants::Account;
    use crate::products::world::{APPID, World, merchant, openid};
    use crate::response::Refusal;

    const AUTHORIZATIONS: &str = "/v3/fund-app/mch-transfer/user-confirm-authorization";
    const BILLS: &str = "/v3/fund-app/mch-transfer/transfer-bills";

    fn payer() -> (World<'static>, Account) {
        let world = World::new();
        let caller = merchant("1900000109", &[]);
        let owner = crate::products::ledger::Owner::merchant(&*caller.mchid);
        world.move_by_bank(&owner, crate::products::ledger::AccountKind::Operation, 10_000);
        (world, caller)
    }

    fn info(display_name: &str) -> Value {
        json!({
            "user_display_name": display_name, "out_authorization_no": "a1",
            "authorization_notify_url": "https://example.com/authorizations",
        })
    }

    fn ask(world: &World<'_>, caller: &Account) -> Result<Value, Refusal> {
        let mut body = info("张");
        body["appid"] = json!(APPID);
        body["openid"] = json!(openid(1));
        body["transfer_scene_id"] = json!("1009");
        body["user_recv_perception"] = json!("货款");
        body["scene_info"] = json!({ "client_ip": "127.0.0.1" });
        world.ask(caller, "POST", AUTHORIZATIONS, &body)
    }

    fn transfer(world: &World<'_>, caller: &Account, number: &str, info: Value) -> Result<Value, Refusal> {
        let body = json!({
            "appid": APPID, "out_bill_no": number, "openid": openid(1), "transfer_amount": 100,
            "transfer_remark": "a", "transfer_scene_id": "1009", "authorization_info": info,
            "transfer_scene_report_infos": [{ "info_type": "a", "info_content": "a" }],
        });
        world.ask(caller, "POST", &format!("{BILLS}/pre-transfer-with-authorization"), &body)
    }

    fn state(world: &World<'_>) -> AuthorizationState {
        world.act(|tx| find(tx, "1900000109", "a1")).unwrap().unwrap().state
    }

    #[test]
    fn an_authorization_that_was_asked_for_before_is_confirmed_with_a_transfer() {
        let (world, caller) = payer();
        ask(&world, &caller).unwrap();
        assert_eq!(transfer(&world, &caller, "n1", info("李")).unwrap_err().code, "ALREADY_EXISTS");
        let made = transfer(&world, &caller, "n1", info("张")).unwrap();
        assert_eq!(made["out_authorization_no"], "a1");
        assert_eq!(ask(&world, &caller).unwrap()["state"], "WAIT_USER_CONFIRM");
        // The other way round: the same request again, for one that was made with a transfer.
        let package = made["package_info"].as_str().unwrap();
        let confirmed: Result<(), HandlerError> = world.act(|tx| {
            let found = super::super::transfer::find_for_person(tx, package)?.pop().unwrap();
            super::super::course::confirm(tx, found, None, world.now).map(drop)
        });
        confirmed.unwrap();
        assert_eq!(state(&world), AuthorizationState::TakingEffect);
    }

    #[test]
    fn an_authorization_that_has_ended_is_not_confirmed_with_another_transfer() {
        let (world, caller) = payer();
        transfer(&world, &caller, "n1", info("张")).unwrap();
        let ended: Result<bool, StoreError> = world.act(|tx| {
            let made = find(tx, "1900000109", "a1")?.unwrap();
            take_effect(tx, &made.id, world.now)?;
            let given = find(tx, "1900000109", "a1")?.unwrap();
            end_by_person(tx, given, world.now)
        });
        assert!(ended.unwrap());
        assert_eq!(transfer(&world, &caller, "n2", info("张")).unwrap_err().code, "INVALID_REQUEST");
        // The money of the first one only is locked.
        let owner = crate::products::ledger::Owner::merchant("1900000109");
        assert_eq!(world.balance(&owner, crate::products::ledger::AccountKind::Transferring), 100);
        assert_eq!(state(&world), AuthorizationState::Closed);
    }
}
