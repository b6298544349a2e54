//! An order and a contract in one (支付中签约, 下单并签约): whoever pays the order signs the contract.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::contract::Contract;
use super::parties::{Parties, word};
use super::refusals;
use super::signing::{Terms, check_signable, propose, sign};
use crate::products::payments::creation;
use crate::products::payments::order::{Dialect, Order};
use crate::products::{Context, Handler, HandlerError};
use crate::response::Refusal;
use crate::store::{Record, StoreError, Transaction};

/// That an order signs a contract when it is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pledge {
    /// The key of the order.
    order: String,
    /// The key of the contract.
    contract: String,
}

impl Record for Pledge {
    const KIND: &'static str = "papay contract of an order";

    fn key(&self) -> String {
        self.order.clone()
    }
}

pub(super) fn order_jsapi(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, creation::order_jsapi)
}

pub(super) fn order_app(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    order(tx, context, creation::order_app)
}

/// INFERRED(contract-token): with a `token` or a `password_free_contract_id` in the place of a plan, the
/// order is an ordinary one.
fn order(tx: &Transaction<'_>, context: &Context<'_>, make: Handler) -> Result<Value, HandlerError> {
    let response = make(tx, context)?;
    let info = context.request.body.get("contract_info").and_then(Value::as_object);
    if let Some(info) = info.filter(|info| info.contains_key("plan_id") && info.contains_key("contract_code"))
    {
        pledge(tx, context, info, Dialect::V3)?;
    }
    Ok(response)
}

/// Keeps the contract that the order of this request signs when it is paid.
pub(super) fn pledge(
    tx: &Transaction<'_>,
    context: &Context<'_>,
    info: &Map<String, Value>,
    dialect: Dialect,
) -> Result<Contract, HandlerError> {
    let number = context.request.required("out_trade_no");
    let order = Order::find_by_number(tx, &context.caller.mchid, number)?
        .ok_or_else(|| StoreError::Corrupt("an order that was made a moment ago".to_owned()))?;
    check_parties(info, &order)?;
    let text = |name: &str| word(info, name);
    let terms = Terms {
        plan_id: text("plan_id").unwrap_or_default(),
        code: text("contract_code").unwrap_or_default(),
        request_serial: text("request_serial"),
        display_account: text("contract_display_account").unwrap_or_default(),
        out_user_code: None,
        notify_url: text("contract_notify_url"),
        dialect,
        named: order.payer.clone(),
        schedule: None,
    };
    let parties = Parties {
        mchid: order.merchant.clone(),
        appid: Some(order.appid.clone()),
        sub_mchid: order.sub_mchid.clone(),
        sub_appid: order.sub_appid.clone(),
    };
    let contract = Contract { of_order: Some(order.key()), ..terms.into_contract(parties, context) };
    propose(tx, &contract)?;
    // The same order again replaces its record: only one that was read can be.
    tx.get::<Pledge>(&order.key())?;
    tx.save(&Pledge { order: order.key(), contract: contract.key() })?;
    Ok(contract)
}

/// UNCONFIRMED(contract-order-parties): the contract is of the merchant and the appid that the order is of, and not of others.
fn check_parties(info: &Map<String, Value>, order: &Order) -> Result<(), Refusal> {
    let is_one_of = |name: &str, own: [Option<&str>; 2]| {
        word(info, name).is_none_or(|given| own.into_iter().flatten().any(|own| own == given))
    };
    let merchants = [Some(order.merchant.as_str()), order.sub_mchid.as_deref()];
    let appids = [Some(order.appid.as_str()), order.sub_appid.as_deref()];
    if is_one_of("contract_mchid", merchants) && is_one_of("contract_appid", appids) {
        return Ok(());
    }
    Err(refusals::wrong_parties())
}

/// An order was paid: its contract, if it has one, is signed by the person. If that is impossible, the merchant is told of no
/// contract, INFERRED(contract-not-signed), and the response is why, in words for the developer.
pub(in crate::products) fn order_was_paid(
    tx: &Transaction<'_>,
    order: &Order,
    now: i64,
) -> Result<Option<String>, StoreError> {
    let Some(payment) = &order.payment else { return Ok(None) };
    let Some(pledge) = tx.get::<Pledge>(&order.key())? else { return Ok(None) };
    let is_of_order = |contract: &Contract| contract.of_order.as_deref() == Some(pledge.order.as_str());
    let Some(contract) = tx.get::<Contract>(&pledge.contract)?.filter(is_of_order) else {
        return Ok(Some(
            "the contract of this order was not signed: a later request took its place under the same contract_code"
                .to_owned(),
        ));
    };
    match check_signable(tx, &contract, &payment.person, now)? {
        Ok(()) => {
            sign(tx, contract, payment.payer.clone(), payment.person.clone(), now)?;
            Ok(None)
        }
        Err(reason) => Ok(Some(format!("contract {} was not signed: {reason}", contract.code))),
    }
}
