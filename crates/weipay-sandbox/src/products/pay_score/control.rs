//! Actions of people on service orders: confirm, fail to pay, and pay.

use std::fmt;

use serde_json::{Value, json};

use super::order::{OrderState, ServiceOrder};
use super::permissions::{self, Permission};
use super::{collection, messages, steps};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::error::{append_causes, caused_by_store};
use crate::people::openid::{WrongOpenid, is_openid};
use crate::platform::Platform;
use crate::products::HandlerError;
use crate::reasons;
use crate::store::{StoreError, Transaction};

pub(crate) const ROUTES: &[Route] = &[
    Route::post(
        "/service-orders/{number}/confirm",
        "A person confirms a service order (支付分订单), by out_order_no, order_id or package",
        &[Member::text("openid", "Who confirms, under the appid of the order").required()],
        confirm,
    ),
    Route::post(
        "/service-orders/{number}/decline",
        "Lets deductions for a service order fail from now on, because the person cannot pay",
        &[],
        decline,
    ),
    Route::post(
        "/service-orders/{number}/pay",
        "The person pays a completed service order at once, without waiting for a deduction",
        &[],
        pay,
    ),
    Route::get(
        "/service-orders/{number}/messages",
        "The last message about the coming payment that the merchant had the platform send to the person",
        &[],
        show_messages,
    ),
    Route::post(
        "/pay-score-permissions/{number}/open",
        "A person opens a service (支付分授权) for a merchant, by authorization_code or apply_permissions_token",
        &[Member::text("openid", "Who opens it, under the appid of the permission").required()],
        open_permission,
    ),
    Route::post("/pay-score-permissions/{number}/close", "The person closes it again", &[], close_permission),
];

/// Error of an action on a pay score order.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServiceOrderError {
    /// No order has this number.
    Unknown,
    /// Two merchants have given this number.
    Ambiguous,
    /// It is in another state; the text says in which one, and what comes first.
    State(String),
    /// The person gets no other order of this service now; the text says why.
    Limit(&'static str),
    /// No permission has this number, or another state is needed.
    Permission(&'static str),
    /// The text is not a well-formed openid.
    Openid,
    /// The database failed.
    Store(StoreError),
}

impl fmt::Display for ServiceOrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no merchant has made a service order with this number"),
            Self::Ambiguous => f.write_str(&reasons::several_merchants("give the order_id or the package")),
            Self::State(reason) => f.write_str(reason),
            Self::Limit(reason) | Self::Permission(reason) => f.write_str(reason),
            Self::Openid => f.write_str(WrongOpenid::Form.reason()),
            Self::Store(_) => f.write_str("the order could not be stored"),
        }?;
        append_causes(self, f)
    }
}

caused_by_store!(ServiceOrderError);

impl From<HandlerError> for ServiceOrderError {
    fn from(error: HandlerError) -> Self {
        Self::Store(error.into_store_error("the money of a service order"))
    }
}

impl From<ServiceOrderError> for ControlError {
    fn from(error: ServiceOrderError) -> Self {
        match error {
            ServiceOrderError::Unknown => Self::not_found(error.to_string()),
            ServiceOrderError::Ambiguous
            | ServiceOrderError::State(_)
            | ServiceOrderError::Limit(_)
            | ServiceOrderError::Permission(_) => Self::conflict(error.to_string()),
            ServiceOrderError::Openid => Self::invalid(error.to_string()),
            ServiceOrderError::Store(_) => Self::failed(error),
        }
    }
}

fn confirm(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let openid = request.text("openid").unwrap_or_default();
    let query_id = control.platform.confirm_service_order(request.path("number"), openid)?;
    let mut shown = show_order(control, request)?;
    shown["query_id"] = json!(query_id);
    Ok(shown)
}

fn decline(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.decline_service_order(request.path("number"))?;
    show_order(control, request)
}

fn pay(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.pay_service_order(request.path("number"))?;
    show_order(control, request)
}

/// The state of an order that was found a moment ago, and whether deductions fail.
fn show_order(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let found =
        control.platform.store.transaction(|tx| ServiceOrder::find_for_person(tx, request.path("number")))?;
    let [order] = &found[..] else { return Ok(Value::Null) };
    let (state, description) = order.state.words();
    // Of an order that has ended nothing is deducted.
    let is_over = matches!(order.state, OrderState::Done | OrderState::Revoked | OrderState::Expired);
    let declines = order.declines && !is_over;
    let mut shown = json!({ "out_order_no": order.out_order_no, "state": state, "declines": declines });
    if let Some(description) = description {
        shown["state_description"] = json!(description);
    }
    Ok(shown)
}

fn show_messages(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let shown: Result<Value, ServiceOrderError> = control.platform.store.transaction(|tx| {
        let mut shown = Value::Null;
        with_order(tx, request.path("number"), |tx, order| {
            shown = messages::of_order(tx, &order)?;
            Ok(true)
        })?;
        Ok(shown)
    });
    Ok(json!({ "messages": shown? }))
}

fn open_permission(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let openid = request.text("openid").unwrap_or_default();
    control.platform.open_pay_score_permission(request.path("number"), openid)?;
    Ok(json!({ "state": "open" }))
}

fn close_permission(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.close_pay_score_permission(request.path("number"))?;
    Ok(json!({ "state": "closed" }))
}

impl Platform {
    /// A person opens a service (支付分授权) for a merchant, by `authorization_code` or `apply_permissions_token`.
    ///
    /// # Errors
    ///
    /// If nobody asked for it, it is open, the openid has not its form, or the database fails.
    pub fn open_pay_score_permission(&self, number: &str, openid: &str) -> Result<(), ServiceOrderError> {
        if !is_openid(openid) {
            return Err(ServiceOrderError::Openid);
        }
        self.act(|tx, now| match permissions::open(tx, permission(tx, number)?, openid, now)? {
            Ok(()) => Ok(()),
            Err(reason) => Err(ServiceOrderError::Permission(reason)),
        })
    }

    /// The person closes it again.
    ///
    /// # Errors
    ///
    /// If it is not open, or the database fails.
    pub fn close_pay_score_permission(&self, number: &str) -> Result<(), ServiceOrderError> {
        self.act(|tx, now| {
            if permissions::close(tx, permission(tx, number)?, now)? {
                Ok(())
            } else {
                Err(ServiceOrderError::Permission("the service is not open"))
            }
        })
    }

    /// A person confirms a service order (支付分订单), by `out_order_no`, `order_id` or `package`. Gives the
    /// `query_id` with which the app goes back to the merchant.
    ///
    /// # Errors
    ///
    /// If there is nothing to confirm, the openid has not its form, or the database fails.
    pub fn confirm_service_order(&self, number: &str, openid: &str) -> Result<String, ServiceOrderError> {
        if !is_openid(openid) {
            return Err(ServiceOrderError::Openid);
        }
        let mut query_id = String::new();
        self.with_willing_person(number, |tx, order, now| {
            query_id = order.query_id();
            steps::confirm(tx, order, openid, now)
        })?;
        Ok(query_id)
    }

    /// Lets deductions for a service order fail from now on, because the person cannot pay.
    ///
    /// # Errors
    ///
    /// If there is no such order, it has ended, or the database fails.
    pub fn decline_service_order(&self, number: &str) -> Result<(), ServiceOrderError> {
        self.with_service_order(number, |tx, order, _| declines(tx, order))
    }

    /// The person pays a completed service order at once.
    ///
    /// # Errors
    ///
    /// If there is nothing to pay, or the database fails.
    pub fn pay_service_order(&self, number: &str) -> Result<(), ServiceOrderError> {
        self.with_willing_person(number, collection::pay_completed)
    }

    /// Does what a person wants, who may have to be told why it cannot be done.
    fn with_willing_person(
        &self,
        number: &str,
        mut work: impl FnMut(
            &Transaction<'_>,
            ServiceOrder,
            i64,
        ) -> Result<Option<Result<(), &'static str>>, HandlerError>,
    ) -> Result<(), ServiceOrderError> {
        let mut refused = None;
        let done = self.with_service_order(number, |tx, order, now| {
            // A transaction that met a conflict begins again.
            refused = None;
            Ok(work(tx, order, now)?.is_some_and(|done| {
                refused = done.err();
                true
            }))
        });
        refused.map_or(done, |reason| Err(ServiceOrderError::Limit(reason)))
    }

    fn with_service_order(
        &self,
        number: &str,
        mut work: impl FnMut(&Transaction<'_>, ServiceOrder, i64) -> Result<bool, HandlerError>,
    ) -> Result<(), ServiceOrderError> {
        self.act(|tx, now| with_order(tx, number, |tx, order| work(tx, order, now)))
    }
}

/// Does something with the order that a person means. The work says whether the order was in a state for it.
pub(super) fn with_order(
    tx: &Transaction<'_>,
    number: &str,
    mut work: impl FnMut(&Transaction<'_>, ServiceOrder) -> Result<bool, HandlerError>,
) -> Result<(), ServiceOrderError> {
    let mut found = ServiceOrder::find_for_person(tx, number)?;
    if found.len() > 1 {
        return Err(ServiceOrderError::Ambiguous);
    }
    let order = found.pop().ok_or(ServiceOrderError::Unknown)?;
    let state = order.state;
    let done = work(tx, order)?;
    if done { Ok(()) } else { Err(ServiceOrderError::State(state.what_comes_first().to_owned())) }
}

/// Deductions fail from now on. Whether the order had not ended.
pub(super) fn declines(tx: &Transaction<'_>, order: ServiceOrder) -> Result<bool, HandlerError> {
    if matches!(order.state, OrderState::Done | OrderState::Revoked | OrderState::Expired) {
        return Ok(false);
    }
    tx.save(&ServiceOrder { declines: true, ..order })?;
    Ok(true)
}

/// The permission that a person means.
pub(super) fn permission(tx: &Transaction<'_>, number: &str) -> Result<Permission, ServiceOrderError> {
    let mut found = Permission::find_for_person(tx, number)?;
    if found.len() > 1 {
        return Err(ServiceOrderError::Ambiguous);
    }
    found.pop().ok_or(ServiceOrderError::Permission(
        "no merchant has asked for a permission with this authorization_code or apply_permissions_token",
    ))
}
