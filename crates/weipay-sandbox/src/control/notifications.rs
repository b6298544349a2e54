//! Notifications (回调通知): what was sent, and what a developer does to them.

use serde_json::{Value, json};

use super::{Control, ControlError, ControlRequest, Member, Route};
use crate::notifications::on_demand::{NotificationError, NotificationFilter, Notifications};
use crate::notifications::record::{Attempt, Notification, NotificationState};
use crate::notifications::release::ReleaseOrder;
use crate::notifications::trigger::{Trigger, TriggerError};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/notifications", "Stored notifications, newest first", FILTER, list),
    Route::get("/notifications/hold", "The merchants whose notifications are held", &[], holds),
    Route::get("/notifications/{id}", "A notification by its id or number, with its attempts", &[], show),
    Route::post(
        "/notifications/{id}/replay",
        "Sends a notification again: the same id, a new signature",
        &[],
        replay,
    ),
    Route::post(
        "/notifications/{id}/duplicate",
        "Sends several copies of a notification at the same time",
        &[Member::integer("copies", "How many, 1 to 16 (default: 2)")],
        duplicate,
    ),
    Route::post(
        "/notifications/{id}/probe",
        "Sends a notification as a signature probe (签名探测), and if that is refused, with the correct signature",
        &[],
        probe,
    ),
    Route::post("/notifications/hold", "Holds notifications until they are released", MERCHANT, hold),
    Route::post(
        "/trigger",
        "Sends one notification of any event: a sample, or with `order` the one of that order",
        TRIGGER,
        trigger,
    ),
    Route::post(
        "/notifications/release",
        "Releases held notifications, in the given order",
        RELEASE,
        release,
    ),
];

const FILTER: &[Member] = &[
    Member::text("mchid", "Only those of this merchant"),
    Member::word("state", &NotificationState::WORDS, "Those in this state"),
    Member::text("event_type", "Those of this event"),
    Member::integer("limit", "Maximum number (default: 100)"),
];

const MERCHANT: &[Member] = &[Member::text("mchid", "Of this merchant (default: of all)")];

const RELEASE: &[Member] = &[
    Member::text("mchid", "Of this merchant (default: of all)"),
    Member::word(
        "order",
        &ReleaseOrder::WORDS,
        "as-due (default): as if they had not been held, up to 4 at a time to one receiver; the others send one after the other",
    ),
    Member::texts("ids", "Ids or numbers of those that are sent first, one after the other; without `order`"),
];

const TRIGGER: &[Member] = &[
    Member::text("event", "The event, such as TRANSACTION.SUCCESS or v2/TRANSACTION.SUCCESS").required(),
    Member::text(
        "url",
        "The address to send it to. Without it nothing is sent, and the response has the message",
    ),
    Member::text(
        "order",
        "The order (订单), refund, transfer or other record that it is about, by the merchant's or the platform's number",
    ),
    Member::text(
        "mchid",
        "The merchant (default: the first). With `order`: whose number it is, when several have used it",
    ),
    Member::object("set", &[], "Members to replace, keyed by path, such as amount.total"),
];

impl From<NotificationError> for ControlError {
    fn from(error: NotificationError) -> Self {
        match error {
            NotificationError::Unknown(_) => Self::not_found(error.to_string()),
            NotificationError::UnderWay(_) | NotificationError::NothingToTell(_) => {
                Self::conflict(error.to_string())
            }
            NotificationError::Invalid(_) => Self::invalid(error.to_string()),
            NotificationError::Store(error) => error.into(),
        }
    }
}

impl Control {
    fn notifications(&self) -> Notifications {
        Notifications::new(std::sync::Arc::clone(&self.platform))
    }
}

fn shown(notifications: &[Notification]) -> Value {
    json!({ "notifications": notifications.iter().map(Notification::summary).collect::<Value>() })
}

fn attempts(attempts: &[Attempt]) -> Value {
    json!({ "attempts": attempts.iter().map(Attempt::to_json).collect::<Value>() })
}

fn count(request: &ControlRequest, name: &str, usual: usize) -> Result<usize, ControlError> {
    match request.get(name).and_then(Value::as_i64) {
        None => Ok(usual),
        Some(number) => usize::try_from(number)
            .map_err(|_| ControlError::invalid(format!("`{name}` must not be negative"))),
    }
}

fn list(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let state = request.text("state").and_then(NotificationState::from_word);
    let mut filter = NotificationFilter::default().limit(count(request, "limit", 100)?);
    filter.mchid = request.text("mchid").map(str::to_owned);
    filter.event_type = request.text("event_type").map(str::to_owned);
    filter.state = state;
    let mut listed = shown(&control.notifications().list(&filter)?);
    listed["held"] = json!(control.notifications().holds()?);
    Ok(listed)
}

fn holds(control: &Control, _: &ControlRequest) -> Result<Value, ControlError> {
    Ok(json!(control.notifications().holds()?))
}

fn show(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    Ok(control.notifications().find(request.path("id"))?.to_json())
}

fn replay(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    Ok(attempts(&[control.notifications().replay(request.path("id"))?]))
}

fn duplicate(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let copies = count(request, "copies", 2)?;
    Ok(attempts(&control.notifications().duplicate(request.path("id"), copies)?))
}

fn probe(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    Ok(attempts(&control.notifications().probe(request.path("id"))?))
}

fn trigger(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let invalid = |error: TriggerError| ControlError::invalid(error.to_string());
    let text = |name| request.text(name).unwrap_or_default();
    let mut trigger = Trigger::new(text("event")).map_err(invalid)?;
    for (path, value) in request.get("set").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        trigger = trigger.set(path, value).map_err(invalid)?;
    }
    if let Some(order) = request.text("order") {
        trigger = trigger.of_order(order);
    }
    let (notifications, mchid) = (control.notifications(), request.text("mchid"));
    match request.text("url") {
        Some(url) => Ok(attempts(&[notifications.trigger(&trigger, url, mchid)?])),
        None => Ok(notifications.trigger_message(&trigger, mchid)?.to_json()),
    }
}

fn hold(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    Ok(json!({ "held": control.notifications().hold(request.text("mchid"))? }))
}

fn release(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let order = request.text("order").and_then(ReleaseOrder::from_word);
    let order = match (order, request.texts("ids")) {
        (order, ids) if ids.is_empty() => order.unwrap_or(ReleaseOrder::AsDue),
        (None, ids) => ReleaseOrder::Named(ids),
        (Some(_), _) => return Err(ControlError::invalid("give `order` or `ids`, not both")),
    };
    let released = control.notifications().release(request.text("mchid"), &order)?;
    let is_complete = order == ReleaseOrder::AsDue || released.iter().all(|kept| !kept.attempts.is_empty());
    let mut told = shown(&released);
    // After 40 seconds what is left goes out by itself, in the usual order.
    told["is_complete"] = is_complete.into();
    Ok(told)
}
