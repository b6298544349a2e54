//! What a merchant lets the platform tell a person of the money to come: that a fee is pending (待处理), and when it will be
//! deducted (预扣费).
//!
//! UNCONFIRMED(pay-score-message): a message is of an order that the person has confirmed and the merchant
//! has not completed, its amounts obey the rules of a completion, and its day is not over. The last message
//! of each kind is kept.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::amounts::{check_risk_fund, checked_total, read_time, written};
use super::order::{OrderState, ServiceOrder};
use super::{refusals, steps};
use crate::clock;
use crate::products::{Context, HandlerError};
use crate::store::{Record, StoreError, Transaction, joined};
use crate::words::words;

words! {
    enum MessageKind {
        Pending = "pending",
        Prepaid = "prepaid",
    }
}

impl MessageKind {
    const ALL: [Self; 2] = [Self::Pending, Self::Prepaid];
}

/// A message that the person has got.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Message {
    order_id: String,
    kind: MessageKind,
    total: i64,
    prepaid_time: String,
    time: i64,
}

impl Record for Message {
    const KIND: &'static str = "service order message";

    fn key(&self) -> String {
        joined(&self.order_id, self.kind.word())
    }
}

pub(super) fn send_pending(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    send(tx, context, MessageKind::Pending)
}

pub(super) fn send_prepaid(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    send(tx, context, MessageKind::Prepaid)
}

fn send(tx: &Transaction<'_>, context: &Context<'_>, kind: MessageKind) -> Result<Value, HandlerError> {
    let (request, now) = (context.request, context.now);
    let order = steps::named(tx, context)?;
    if order.state != OrderState::Confirmed {
        let reason =
            "a message can be sent only for an order that the person has confirmed and that is not completed";
        return Err(refusals::wrong_state(order.state, reason).into());
    }
    let total = checked_total(&request.body)?;
    check_risk_fund(total, order.members.get("risk_fund").unwrap_or(&Value::Null))?;
    let prepaid_time = request.required("prepaid_time").to_owned();
    match read_time(&prepaid_time) {
        Some(time) if clock::day(time) >= clock::day(now) => {}
        Some(_) => return Err(refusals::wrong_parameter("prepaid_time is a day that has passed").into()),
        None => return Err(refusals::wrong_parameter("prepaid_time is written yyyyMMdd").into()),
    }
    let message = Message { order_id: order.id, kind, total, prepaid_time, time: now };
    // Read first: a record is saved only over one that was read.
    tx.get::<Message>(&message.key())?;
    tx.save(&message)?;
    Ok(Value::Null)
}

/// The last message to the person of an order, for developers.
pub(super) fn of_order(tx: &Transaction<'_>, order: &ServiceOrder) -> Result<Value, StoreError> {
    let mut messages = Vec::new();
    for kind in MessageKind::ALL {
        if let Some(message) = tx.get::<Message>(&joined(&order.id, kind.word()))? {
            messages.push(json!({
                "kind": message.kind.word(),
                "total_amount": message.total,
                "prepaid_time": message.prepaid_time,
                "time": written(message.time),
            }));
        }
    }
    Ok(messages.into())
}
