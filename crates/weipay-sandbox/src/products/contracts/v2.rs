//! The operations of APIv2, and the codes that it has for what is refused here.

use serde_json::{Value, json};

use super::contract::{Contract, EndedBy};
use super::parties::{Parties, word};
use super::signing::{self, Terms, open_session};
use super::{deduction, refusals, with_order};
use crate::products::payments::order::{Order, Payer, TradeType};
use crate::products::payments::v2 as of_orders;
use crate::products::payments::v2::codes::{Codes, DEDUCTION_QUERY, NO_DEDUCTION, row, saying};
use crate::products::{Context, HandlerError};
use crate::response::Refusal;
use crate::store::Transaction;

pub(super) fn presign(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let id = begin(tx, context).map_err(|error| PRESIGN.translate(error))?;
    Ok(signing::mini_program(&id, "miniprogram_username", "miniprogram_path"))
}

fn begin(tx: &Transaction<'_>, context: &Context<'_>) -> Result<String, HandlerError> {
    let parties = Parties::read_v2(context)?;
    let body = &context.request.body;
    let text = |name: &str| word(body, name);
    let terms = Terms {
        plan_id: text("plan_id").unwrap_or_default(),
        code: text("contract_code").unwrap_or_default(),
        request_serial: text("request_serial"),
        display_account: text("contract_display_account").unwrap_or_default(),
        out_user_code: text("outerid"),
        notify_url: text("notify_url"),
        dialect: of_orders::dialect(context.request.text("sign_type")),
        named: Payer::default(),
        schedule: None,
    };
    open_session(tx, context, terms.into_contract(parties, context))
}

/// The contract by one of its numbers; `contract_id` leads.
fn find(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Contract, HandlerError> {
    let parties = Parties::read_v2(context)?;
    let text = |name: &str| word(&context.request.body, name);
    if let Some(id) = text("contract_id") {
        return parties.find_by_id(tx, &id);
    }
    match (text("plan_id"), text("contract_code")) {
        (Some(plan_id), Some(code)) => parties.find_by_code(tx, &plan_id, &code),
        _ => Err(Refusal::new(
            200,
            "LACK_PARAMS",
            "缺少参数",
            "give contract_id, or plan_id and contract_code",
        )
        .into()),
    }
}

pub(super) fn query(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let contract = find(tx, context).map_err(|error| CONTRACT.translate(error))?;
    Ok(Value::Object(contract.show_v2()))
}

pub(super) fn terminate(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    end(tx, context).map_err(|error| CONTRACT.translate(error))
}

fn end(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let contract = find(tx, context)?;
    let response = json!({
        "contract_id": contract.signature.as_ref().map(|signature| signature.id.as_str()),
        "plan_id": contract.plan_id, "contract_code": contract.code,
    });
    let remark = context.request.text("contract_termination_remark").map(str::to_owned);
    if !signing::end(tx, contract, EndedBy::Merchant, remark, context.now)? {
        return Err(refusals::contract_has_ended().into());
    }
    Ok(response)
}

pub(super) fn deduct(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    take(tx, context).map_err(|error| DEDUCTION.translate(error))
}

fn take(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    if context.request.required("trade_type") != "PAP" {
        return Err(refusals::wrong_parameter("trade_type must be PAP").into());
    }
    let contract = Parties::read_v2(context)?.find_by_id(tx, context.request.required("contract_id"))?;
    let new = of_orders::read_order(tx, context, TradeType::Pap)?;
    deduction::accept(tx, contract, new, context.now)?;
    Ok(json!({}))
}

/// 支付中签约: the order is made even if there can be no such contract, and the response says both.
pub(super) fn order_with_contract(
    tx: &Transaction<'_>,
    context: &Context<'_>,
) -> Result<Value, HandlerError> {
    let mut response = of_orders::unified_order(tx, context)?;
    let dialect = of_orders::dialect(context.request.text("sign_type"));
    response["out_trade_no"] = json!(context.request.required("out_trade_no"));
    match with_order::pledge(tx, context, &context.request.body, dialect) {
        Ok(contract) => {
            response["contract_result_code"] = json!("SUCCESS");
            response["plan_id"] = json!(contract.plan_id);
            response["request_serial"] = json!(contract.request_serial);
            response["contract_code"] = json!(contract.code);
            response["contract_display_account"] = json!(contract.display_account);
            Ok(response)
        }
        Err(error) => match PRESIGN.translate(error) {
            HandlerError::Refused(refusal) => {
                response["contract_result_code"] = json!("FAIL");
                response["contract_err_code"] = json!(refusal.code);
                response["contract_err_code_des"] = json!(refusal.message);
                Ok(response)
            }
            failed => Err(failed),
        },
    }
}

/// An order by contract. Others are refused as they were recorded.
pub(super) fn query_order(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let is_deduction = |order: &Order| {
        if order.trade_type == TradeType::Pap {
            return Ok(());
        }
        Err(Refusal::new(
            200,
            "INVALID_REQUEST",
            NO_DEDUCTION,
            "this order was not deducted by a contract: ask for it with pay/orderquery",
        ))
    };
    of_orders::query_order_if(tx, context, &DEDUCTION_QUERY, is_deduction)
}

/// preentrustweb. UNCONFIRMED(contract-codes) as all of these.
pub(super) const PRESIGN: Codes =
    Codes::new(&[row("PARAM_ERROR", "PARAM_ERROR"), row("NO_AUTH", "NOAUTH")], "INVALID_REQUEST");

/// querycontract and deletecontract.
pub(super) const CONTRACT: Codes = Codes::new(
    &[
        row("NOT_FOUND", "CONTRACT_NOT_EXIST"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("LACK_PARAMS", "LACK_PARAMS"),
        row("NO_AUTH", "NOAUTH"),
    ],
    "INVALID_REQUEST",
);

/// pappayapply.
pub(super) const DEDUCTION: Codes = Codes::new(
    &[
        saying(
            "INVALID_REQUEST",
            "请求重入时，参数与首次请求时不一致",
            "INVALID_REQUEST",
            "201 商户订单号重复",
        ),
        saying("INVALID_REQUEST", "签约协议已解约", "CONTRACT_NOT_EXIST", "签约协议不存在"),
        row("NOT_FOUND", "CONTRACT_NOT_EXIST"),
        row("RULE_LIMIT", "RULELIMIT"),
        row("ORDERPAID", "ORDERPAID"),
        row("PARAM_ERROR", "PARAM_ERROR"),
        row("NO_AUTH", "NOAUTH"),
    ],
    "INVALID_REQUEST",
);

#[cfg(test)]
mod tests {
    use weipay_catalog::Catalog;

    use super::*;

    #[test]
    fn every_code_is_one_that_the_catalogue_has_for_its_operation() {
        for (path, codes) in [
            ("v2/papay/preentrustweb", &PRESIGN),
            ("v2/papay/partner/preentrustweb", &PRESIGN),
            ("v2/papay/querycontract", &CONTRACT),
            ("v2/papay/partner/querycontract", &CONTRACT),
            ("v2/papay/deletecontract", &CONTRACT),
            ("v2/papay/partner/deletecontract", &CONTRACT),
            ("v2/pay/pappayapply", &DEDUCTION),
            ("v2/pay/partner/pappayapply", &DEDUCTION),
        ] {
            let operation = Catalog::embedded().find("POST", path).unwrap();
            for code in codes.known() {
                assert!(operation.error_codes().any(|known| known.code == code), "{path}: {code}");
            }
        }
    }
}
