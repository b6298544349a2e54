//! Payments by APIv2: the same orders and refunds as by APIv3, in the elements and codes of the older version. An order that one
//! version made is seen, closed and refunded by the other.
//!
//! | file | what is in it |
//! |---|---|
//! | `order` | unifiedorder, orderquery, closeorder |
//! | `codepay` | micropay, reverse and authcodetoopenid, for 付款码; the same for 刷脸支付 |
//! | `deposit` | 押金: ordered, paid, consumed, reversed, refunded, queried |
//! | `combined` | combinedorder, querycombinedorder, closecombinedorder, and their notification |
//! | `refund` | refund, refundquery, and the notification of a refund |
//! | `paid` | what APIv2 says of an order that was paid and of its coupons, in responses and in the notification |
//! | `codes` | the codes of APIv3 in the place of which APIv2 has others |
//! | `times` | times as APIv2 writes them |

mod codepay;
pub(crate) mod codes;
pub(super) mod combined;
mod deposit;
mod order;
mod paid;
pub(super) mod refund;

use std::borrow::Cow;

use super::order::Order;
use crate::notifications::event_name::v2_event;
use crate::products::{Route, route};
use crate::response::Refusal;
use crate::v2::response::ResponseForm;

pub(crate) use order::{dialect, fingerprint, query_order_if, read as read_order, unified_order};
pub(super) use paid::notified;

pub(crate) const ROUTES: &[Route] = &[
    route("POST", "v2/pay/unifiedorder", order::unified_order),
    route("POST", "v2/pay/orderquery", order::query_order),
    route("POST", "v2/pay/closeorder", order::close_order),
    route("POST", "v2/pay/micropay", codepay::pay_by_code),
    route("POST", "v2/secapi/pay/reverse", codepay::reverse_order),
    route("POST", "v2/tools/authcodetoopenid", codepay::show_owner_of_code),
    route("POST", "v2/pay/facepay", codepay::pay_by_face),
    route("POST", "v2/pay/facepayquery", order::query_order),
    route("POST", "v2/secapi/pay/facepayreverse", codepay::reverse_order),
    route("POST", "v2/deposit/unifiedorder", deposit::unified_order),
    route("POST", "v2/deposit/micropay", deposit::pay_by_code),
    route("POST", "v2/deposit/facepay", deposit::pay_by_face),
    route("POST", "v2/deposit/orderquery", deposit::query_order),
    route("POST", "v2/deposit/consume", deposit::consume_deposit),
    route("POST", "v2/deposit/reverse", deposit::reverse),
    route("POST", "v2/deposit/refund", deposit::create_refund),
    route("POST", "v2/deposit/refundquery", refund::query_refunds),
    route("POST", "v2/pay/combinedorder", combined::order),
    route("POST", "v2/pay/querycombinedorder", combined::query),
    route("POST", "v2/pay/closecombinedorder", combined::close),
    route("POST", "v2/secapi/pay/refund", refund::create_refund),
    // As recorded, two of its numbers stand in CDATA.
    route("POST", "v2/pay/refundquery", refund::query_refunds)
        .responding(ResponseForm::USUAL.quoting(&["total_fee", "cash_fee"])),
    route("POST", "v2/secapi/pay/refundv2", refund::create_refund_with_goods),
    route("POST", "v2/pay/refundqueryv2", refund::query_refunds_with_goods),
];

/// `event_type` of the notification of a payment.
pub(super) const PAID: &str = v2_event!("transaction-success");

/// A refusal that APIv3 does not have. UNCONFIRMED(v2-payment-words): the sentences, where no source prints them.
fn refused(code: &'static str, message: &'static str, reason: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(200, code, message, reason)
}

/// The appids and merchants that stand in a notification.
fn parties(order: &Order) -> [(&'static str, Option<&str>); 4] {
    [
        ("appid", Some(order.appid.as_str())),
        ("mch_id", Some(order.merchant.as_str())),
        ("sub_appid", order.sub_appid.as_deref()),
        ("sub_mch_id", order.sub_mchid.as_deref()),
    ]
}
