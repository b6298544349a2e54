//! Pay score (支付分): a person is served first, and pays when the merchant has completed the order.
//!
//! | file | what is in it |
//! |---|---|
//! | `order` | a service order (服务订单): its states, how it is shown, stored and found |
//! | `steps` | what the merchant does: create, cancel, complete, modify, ask for the money, tell that it was paid |
//! | `collection` | how the money comes: by itself after the completion, again when the merchant asks, or from the person |
//! | `parties` | the merchants and appids of a request, and the person in it |
//! | `levels` | how far a person is trusted (用户分层) |
//! | `accounts` | services of partners that are bound to sub-merchants (服务账户绑定) |
//! | `permissions` | a person opens a service for a merchant, and closes it |
//! | `messages` | what the merchant lets the platform tell the person of the money to come |
//! | `amounts` | the sums of an order, and its times |
//! | `refusals` | what is refused, in the platform's words |
//! | `control` | what people do |
//!
//! The same orders and permissions are of direct merchants, and of partners for their sub-merchants (`v3/payscore/partner`).
//! UNCONFIRMED(pay-score-service): any service ID belongs to the merchant.

mod accounts;
mod amounts;
mod collection;
pub(crate) mod control;
mod levels;
mod messages;
#[cfg(test)]
mod model;
mod order;
mod parties;
mod permissions;
mod refusals;
mod steps;

use serde_json::{Value, json};

use self::order::ServiceOrder;
use super::{DueHandler, Route, route};
use crate::store::{StoreError, Transaction};

/// The responses of partners' operations have no body.
macro_rules! without_body {
    ($handler:path) => {
        |tx, context| $handler(tx, context).map(|_| Value::Null)
    };
}

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("POST", "v3/payscore/serviceorder",                         steps::create_order),
    route("GET",  "v3/payscore/serviceorder",                         steps::query_order),
    route("POST", "v3/payscore/serviceorder/direct-complete",         steps::create_and_complete),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/cancel",   steps::cancel_order),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/complete", steps::complete_order),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/modify",   steps::modify_order),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/pay",      steps::ask_for_payment),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/sync",     steps::sync_order),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/send-pendingmessage", messages::send_pending),
    route("POST", "v3/payscore/serviceorder/{out_order_no}/send-prepaidmessage", messages::send_prepaid),
    route("POST", "v3/payscore/permissions",                          permissions::ask),
    route("GET",  "v3/payscore/permissions/authorization-code/{authorization_code}",           permissions::query_by_code),
    route("POST", "v3/payscore/permissions/authorization-code/{authorization_code}/terminate", permissions::end_by_code),
    route("GET",  "v3/payscore/permissions/openid/{openid}",           permissions::query_by_person),
    route("POST", "v3/payscore/permissions/assess-user-risk-level",    levels::assess),
    route("POST", "v3/payscore/permissions/openid/{openid}/terminate", permissions::end_by_person),
    route("POST", "v3/payscore/partner/serviceorder",                         steps::create_order),
    route("GET",  "v3/payscore/partner/serviceorder",                         steps::query_order),
    route("POST", "v3/payscore/partner/serviceorder/direct-complete",         without_body!(steps::create_and_complete)),
    route("POST", "v3/payscore/partner/serviceorder/{out_order_no}/cancel",   without_body!(steps::cancel_order)),
    route("POST", "v3/payscore/partner/serviceorder/{out_order_no}/complete", without_body!(steps::complete_order)),
    route("POST", "v3/payscore/partner/serviceorder/{out_order_no}/modify",   without_body!(steps::modify_order)),
    route("POST", "v3/payscore/partner/serviceorder/{out_order_no}/pay",      without_body!(steps::ask_for_payment)),
    route("POST", "v3/payscore/partner/serviceorder/{out_order_no}/sync",     without_body!(steps::sync_order)),
    route("POST", "v3/payscore/partner/serviceorder/{out_order_no}/send-pendingmessage", messages::send_pending),
    route("POST", "v3/payscore/partner/serviceorder/{out_order_no}/send-prepaidmessage", messages::send_prepaid),
    route("GET",  "v3/payscore/user-service-state",                             permissions::query_state),
    route("POST", "v3/payscore/users/{openid}/permissions/{service_id}/terminate", permissions::end_of_service),
    route("POST", "v3/payscore/servicepayondeliveryorder",                    steps::create_on_delivery),
    route("POST", "v3/payscore/partner/servicepayondeliveryorder",            steps::create_on_delivery),
    route("POST", "v3/payscore/partner/service-account-applications",         accounts::apply),
    route("GET",  "v3/payscore/partner/service-account-applications/{out_apply_no}", accounts::query),
    route("GET",  "v3/payscore/partner/servicequotas/service-id/{service_id}", levels::quotas),
    route("POST", "v3/payscore/partner/permissions/assess-user-risk-level",   levels::assess),
    route("POST", "v3/payscore/partner/permissions/apply-for-scene",          permissions::ask_in_scene),
    route("POST", "v3/payscore/partner/permissions",                          permissions::ask),
    route("GET",  "v3/payscore/partner/permissions/authorization-code/{authorization_code}",           permissions::query_by_code),
    route("POST", "v3/payscore/partner/permissions/authorization-code/{authorization_code}/terminate", permissions::end_by_code),
    route("GET",  "v3/payscore/partner/permissions/search",                   permissions::query_by_person),
    route("POST", "v3/payscore/partner/permissions/terminate",                permissions::end_by_person),
];

/// Scheduled work.
pub(super) const DUE: &[(&str, DueHandler)] =
    &[(collection::EXPIRY, collection::expire), (collection::DEDUCTION, collection::deduct)];

/// An unconfirmed order expires after 30 days.
const EXPIRY_SECONDS: i64 = 30 * crate::clock::DAY;

/// How long a deduction takes. UNCONFIRMED(pay-score-time).
const DEDUCTION_SECONDS: i64 = 2;

/// The service order that a transaction has paid, for a complaint: an entry of `service_order_info`.
/// Such an order is over, so the state stays as it is.
pub(crate) fn service_order_info(
    tx: &Transaction<'_>,
    transaction_id: &str,
) -> Result<Option<Value>, StoreError> {
    let order = ServiceOrder::find_by_transaction(tx, transaction_id)?;
    Ok(order.map(|order| {
        json!({
            "order_id": order.id, "out_order_no": order.out_order_no, "state": order.state.words().0,
        })
    }))
}

/// Whether a merchant has made a service order with this number.
pub(crate) fn has_order(tx: &Transaction<'_>, mchid: &str, number: &str) -> Result<bool, StoreError> {
    Ok(ServiceOrder::find_by_number(tx, mchid, number)?.is_some())
}

/// A person confirms a service order, for tests that only need one.
#[cfg(test)]
pub(crate) fn confirm_service_order(world: &super::testing::world::World<'_>, order_id: &str, openid: &str) {
    let confirmed = world.act(|tx| {
        control::with_order(tx, order_id, |tx, order| {
            Ok(matches!(steps::confirm(tx, order, openid, world.now)?, Some(Ok(()))))
        })
    });
    confirmed.unwrap();
}
