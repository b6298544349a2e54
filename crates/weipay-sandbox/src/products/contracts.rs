//! Contracts (委托代扣): a person signs once, and the merchant then takes money without the person.
//!
//! ```text
//!   presign (预签约), or an order with a contract (支付中签约)
//!      └─► a person signs, or pays that order ─► SIGNED ── deduct (扣款), as often as the limits let ──┐
//!                                                  │  ◄────────────────────────────────────────────┘
//!                                                  └── person, merchant or platform ends it ─► TERMINATED
//! ```
//!
//! | file | what is in it |
//! |---|---|
//! | `contract` | a contract (签约协议): its states, how it is stored and found |
//! | `shown` | how APIv3 and APIv2 show it, and what merchants are notified of |
//! | `parties` | the merchants, appids and numbers of a request |
//! | `signing` | presigning, signing and ending |
//! | `schedule` | 预约扣费: the one day of a deduction that was agreed on; 预扣费通知: the days after a notice |
//! | `deduction` | taking money: accepted at once, done by the clock |
//! | `with_order` | an order and a contract in one (支付中签约) |
//! | `refusals` | what is refused, in the platform's words |
//! | `control` | what people do |
//! | `v2` | the operations of APIv2, and its codes |
//!
//! This file has the operations of APIv3 on a contract, and its end.
//!
//! A contract that one version of the API made is seen, used and ended by the other.
//! UNCONFIRMED(contract-plan): every `plan_id` is a plan (模板) of the merchant.

mod contract;
pub(crate) mod control;
mod deduction;
#[cfg(test)]
mod model;
mod parties;
#[cfg(test)]
mod race;
mod refusals;
mod schedule;
mod shown;
mod signing;
mod v2;
pub(super) mod with_order;

use serde_json::Value;

use self::contract::EndedBy;
use self::parties::Parties;
use super::{Context, DueHandler, HandlerError, Route, route};
use crate::store::Transaction;

#[rustfmt::skip]
pub(super) const ROUTES: &[Route] = &[
    route("POST", "v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/app",          signing::presign_app),
    route("POST", "v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/h5",           signing::presign_page),
    route("POST", "v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/jsapi",        signing::presign_page),
    route("POST", "v3/papay/scheduled-deduct-sign/contracts/pre-entrust-sign/mini-program", signing::presign_mini_program),
    route("POST", "v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/app",          signing::presign_app),
    route("POST", "v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/h5",           signing::presign_page),
    route("POST", "v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/jsapi",        signing::presign_page),
    route("POST", "v3/papay/scheduled-deduct-sign/partner/contracts/pre-entrust-sign/mini-program", signing::presign_mini_program),
    route("POST", "v3/papay/sign/contracts/pre-entrust-sign",                                signing::presign_harmony),
    route("GET",  "v3/papay/sign/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code}",            query),
    route("GET",  "v3/papay/sign/contracts/harmony-plan-id/{plan_id}/out-contract-code/{out_contract_code}",    query),
    route("POST", "v3/papay/sign/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code}/terminate",  terminate),
    route("GET",  "v3/papay/sign/partner/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code}",           query),
    route("POST", "v3/papay/sign/partner/contracts/plan-id/{plan_id}/out-contract-code/{out_contract_code}/terminate", terminate),
    route("GET",  "v3/papay/pay/schedules/contract-id/{contract_id}",                        schedule::query),
    route("POST", "v3/papay/pay/schedules/contract-id/{contract_id}/schedule",               schedule::book),
    route("GET",  "v3/papay/pay/partner/schedules/contract-id/{contract_id}",                schedule::query),
    route("POST", "v3/papay/pay/partner/schedules/contract-id/{contract_id}/schedule",       schedule::book),
    route("POST", "v3/papay/contracts/{contract_id}/notify",                                 schedule::give_notice),
    route("POST", "v3/partner-papay/contracts/{contract_id}/notify",                         schedule::give_notice),
    route("POST", "v3/papay/contracts/{contract_id}/fail-notify",                            schedule::tell_of_failure),
    route("POST", "v3/partner-papay/contracts/{contract_id}/fail-notify",                    schedule::tell_of_failure),
    route("POST", "v3/papay/pay/transactions/apply",                                         deduction::apply),
    route("POST", "v3/papay/pay/partner/transactions/apply",                                 deduction::apply),
    route("POST", "v3/papay/pay/harmony/transactions/apply",                                 deduction::apply),
    route("POST", "v3/pay/transactions/jsapi-with-contract",                                 with_order::order_jsapi),
    route("POST", "v3/pay/transactions/app-with-contract",                                   with_order::order_app),
    route("POST", "v3/pay/partner/transactions/jsapi-with-contract",                         with_order::order_jsapi),
    route("POST", "v3/pay/partner/transactions/app-with-contract",                           with_order::order_app),
    route("POST", "v2/papay/preentrustweb",          v2::presign),
    route("POST", "v2/papay/partner/preentrustweb",  v2::presign),
    route("POST", "v2/papay/querycontract",          v2::query),
    route("POST", "v2/papay/partner/querycontract",  v2::query),
    route("POST", "v2/papay/deletecontract",         v2::terminate),
    route("POST", "v2/papay/partner/deletecontract", v2::terminate),
    route("POST", "v2/pay/contractorder",            v2::order_with_contract),
    route("POST", "v2/pay/pappayapply",              v2::deduct),
    route("POST", "v2/pay/partner/pappayapply",      v2::deduct),
    route("POST", "v2/pay/paporderquery",            v2::query_order),
    route("POST", "v2/pay/partner/paporderquery",    v2::query_order),
];

/// Scheduled work.
pub(super) const DUE: &[(&str, DueHandler)] =
    &[(deduction::DEDUCTION, deduction::deduct), (signing::END, signing::end_by_clock)];

/// A person signs the contract with this number, for tests that only need one. Gives its `contract_id`.
#[cfg(test)]
pub(crate) fn contract_that_was_signed(
    world: &super::testing::world::World<'_>,
    mchid: &str,
    code: &str,
    openid: &str,
) -> String {
    use super::payments::order::Payer;
    use crate::ledger::Owner;

    let signed: Result<String, crate::store::StoreError> = world.act(|tx| {
        let found = contract::Contract::find(tx, mchid, code)?.unwrap();
        let payer = Payer { openid: Some(openid.to_owned()), sub_openid: None };
        signing::sign(tx, found, payer, Owner::person(openid), world.now)?;
        Ok(contract::Contract::find(tx, mchid, code)?.unwrap().signature.unwrap().id)
    });
    signed.unwrap()
}

/// By APIv3, as ending it.
fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let parties = Parties::read(context)?;
    let request = context.request;
    let found = parties.find_by_code(tx, request.path("plan_id"), request.path("out_contract_code"))?;
    Ok(found.show())
}

/// UNCONFIRMED(contract-end-again): a contract that has ended cannot be ended again.
fn terminate(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let parties = Parties::read(context)?;
    let request = context.request;
    let (plan_id, code) = (request.path("plan_id"), request.path("out_contract_code"));
    let found = parties.find_by_code(tx, plan_id, code)?;
    let remark = request.text("contract_termination_remark").map(str::to_owned);
    if !signing::end(tx, found, EndedBy::Merchant, remark, context.now)? {
        return Err(refusals::contract_has_ended().into());
    }
    Ok(parties.find_by_code(tx, plan_id, code)?.show())
}
