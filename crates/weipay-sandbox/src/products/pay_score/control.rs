//! What people do with service orders: they confirm, cannot pay, and pay.

use std::fmt;

use serde_json::Value;

use super::order::{OrderState, ServiceOrder, find_for_person};
use super::{collection, steps};
use crate::control::{Control, ControlError, ControlRequest, Member, Route};
use crate::error::append_causes;
use crate::platform::Platform;
use crate::products::HandlerError;
use crate::products::users::is_openid;
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
        "Deductions for a service order fail from now on, because the person cannot pay",
        &[],
        decline,
    ),
    Route::post(
        "/service-orders/{number}/pay",
        "The person pays a completed service order at once, without waiting for a deduction",
        &[],
        pay,
    ),
];

/// Why a person could not do it.
#[derive(Debug)]
pub enum ServiceOrderError {
    /// No order has this number.
    Unknown,
    /// Two merchants have given this number.
    Ambiguous,
    /// It is in another state.
    State(&'static str),
    /// The text has not the form of an openid.
    Openid,
    /// The database failed.
    Store(StoreError),
}

impl fmt::Display for ServiceOrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no merchant has made a service order with this number"),
            Self::Ambiguous => {
                f.write_str("several merchants have used this number; give the order_id or the package")
            }
            Self::State(state) => write!(f, "the order is {state} now"),
            Self::Openid => f.write_str(
                "an openid has 28 letters, digits, _ or -, and begins with o; every such text is a user here",
            ),
            Self::Store(_) => f.write_str("the order could not be kept"),
        }?;
        append_causes(self, f)
    }
}

impl std::error::Error for ServiceOrderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Unknown | Self::Ambiguous | Self::State(_) | Self::Openid => None,
        }
    }
}

impl From<StoreError> for ServiceOrderError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<HandlerError> for ServiceOrderError {
    fn from(error: HandlerError) -> Self {
        Self::Store(match error {
            HandlerError::Failed(error) => error,
            HandlerError::Refused(_) => StoreError::Corrupt("the money of a service order".to_owned()),
        })
    }
}

impl From<ServiceOrderError> for ControlError {
    fn from(error: ServiceOrderError) -> Self {
        match error {
            ServiceOrderError::Unknown => Self::not_found(error.to_string()),
            ServiceOrderError::Ambiguous | ServiceOrderError::State(_) => Self::conflict(error.to_string()),
            ServiceOrderError::Openid => Self::invalid(error.to_string()),
            ServiceOrderError::Store(_) => Self::failed(error),
        }
    }
}

fn confirm(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    let openid = request.text("openid").unwrap_or_default();
    control.platform.confirm_service_order(request.path("number"), openid)?;
    Ok(Value::Null)
}

fn decline(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.decline_service_order(request.path("number"))?;
    Ok(Value::Null)
}

fn pay(control: &Control, request: &ControlRequest) -> Result<Value, ControlError> {
    control.platform.pay_service_order(request.path("number"))?;
    Ok(Value::Null)
}

impl Platform {
    /// A person confirms a service order (支付分订单), by `out_order_no`, `order_id` or `package`.
    ///
    /// # Errors
    /// When there is nothing to confirm, the openid has not its form, or the database fails.
    pub fn confirm_service_order(&self, number: &str, openid: &str) -> Result<(), ServiceOrderError> {
        if !is_openid(openid) {
            return Err(ServiceOrderError::Openid);
        }
        let now = self.clock.now();
        self.with_service_order(number, |tx, order| steps::confirm(tx, order, openid, now))
    }

    /// Deductions for a service order fail from now on, because the person cannot pay.
    ///
    /// # Errors
    /// When there is no such order, it has ended, or the database fails.
    pub fn decline_service_order(&self, number: &str) -> Result<(), ServiceOrderError> {
        self.with_service_order(number, |tx, order| {
            if matches!(order.state, OrderState::Done | OrderState::Revoked | OrderState::Expired) {
                return Ok(false);
            }
            tx.save(&ServiceOrder { declines: true, ..order })?;
            Ok(true)
        })
    }

    /// The person pays a completed service order at once.
    ///
    /// # Errors
    /// When there is nothing to pay, or the database fails.
    pub fn pay_service_order(&self, number: &str) -> Result<(), ServiceOrderError> {
        let now = self.clock.now();
        self.with_service_order(number, |tx, order| match order.state {
            OrderState::Completed => collection::pay(tx, order, now).map(|()| true),
            _ => Ok(false),
        })
    }

    fn with_service_order(
        &self,
        number: &str,
        work: impl Fn(&Transaction<'_>, ServiceOrder) -> Result<bool, HandlerError>,
    ) -> Result<(), ServiceOrderError> {
        self.store.transaction(|tx| {
            let mut found = find_for_person(tx, number)?;
            if found.len() > 1 {
                return Err(ServiceOrderError::Ambiguous);
            }
            let order = found.pop().ok_or(ServiceOrderError::Unknown)?;
            let (state, description) = order.state.words();
            let done = work(tx, order)?;
            if done { Ok(()) } else { Err(ServiceOrderError::State(description.unwrap_or(state))) }
        })
    }
}
