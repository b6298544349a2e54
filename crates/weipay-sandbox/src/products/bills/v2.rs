//! Bills by APIv2: the response is the bill itself. INFERRED(v2-bill-text): its columns are those of the bill of APIv3.

use serde_json::Value;

use super::{BillKind, BillOf, TradeBill, check_sub_merchant, day};
use crate::ledger::AccountType;
use crate::products::{Context, HandlerError, Route, route};
use crate::response::Refusal;
use crate::store::Transaction;
use crate::v2::response::ResponseForm;

pub(crate) const ROUTES: &[Route] = &[
    route("POST", "v2/pay/downloadbill", trade_bill).responding(ResponseForm::failing_as("error_code", None)),
    route("POST", "v2/pay/downloadfundflow", fund_flow_bill),
];

/// UNCONFIRMED(v2-bill-codes): the numbers, and the sentences but for `No Bill Exist` and `Bill Creating`.
fn trade_refusal(refusal: Refusal) -> Refusal {
    let (code, message) = match refusal.code {
        "NO_STATEMENT_EXIST" => ("20002", "No Bill Exist"),
        "STATEMENT_CREATING" => ("20003", "Bill Creating"),
        "NO_AUTH" => ("20007", "账单API权限已经关闭"),
        _ => ("20001", "invalid bill_date"),
    };
    Refusal { status: 200, code, message: message.into(), ..refusal }
}

/// `NO_BILL_EXIST` is known from a public report.
fn fund_flow_refusal(refusal: Refusal) -> Refusal {
    let (code, message) = match refusal.code {
        "NO_STATEMENT_EXIST" => ("NO_BILL_EXIST", "流水账单不存在"),
        "STATEMENT_CREATING" => ("BILL_CREATING", "账单生成中"),
        _ => ("PARAM_ERROR", "invalid bill_date"),
    };
    Refusal { status: 200, code, message: message.into(), ..refusal }
}

fn trade_bill(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let word = context.request.text("bill_type").map(str::to_ascii_uppercase);
    let kind = TradeBill::from_word(word.as_deref()).ok_or_else(|| {
        let unknown = day::unknown_word("bill_type");
        Refusal { status: 200, code: "20001", message: "invalid bill_type".into(), ..unknown }
    })?;
    text(tx, context, BillKind::Trade(kind)).map_err(|error| error.map_refusal(trade_refusal))
}

fn fund_flow_bill(tx: &Transaction<'_>, context: &Context<'_>) -> Result<Value, HandlerError> {
    let word = context.request.required("account_type").to_ascii_uppercase();
    let account = AccountType::of_every_merchant(Some(&word)).ok_or_else(|| {
        let unknown = day::unknown_word("account_type");
        Refusal { status: 200, message: "invalid account_type".into(), ..unknown }
    })?;
    text(tx, context, BillKind::FundFlow(account)).map_err(|error| error.map_refusal(fund_flow_refusal))
}

fn text(tx: &Transaction<'_>, context: &Context<'_>, kind: BillKind) -> Result<Value, HandlerError> {
    let sub_mchid = context.request.text("sub_mch_id");
    let day = day::requested(&dashed(context.request.required("bill_date")), context.now)?;
    check_sub_merchant(context, sub_mchid)?;
    let (mchid, sub_mchid) = (context.caller.mchid.clone(), sub_mchid.map(str::to_owned));
    let text = BillOf { kind, mchid, sub_mchid, sub_merchants: Vec::new(), day }.text(tx)?;
    Ok(Value::String(text.ok_or_else(day::nothing_happened)?))
}

/// `20140603` as `2014-06-03`; what has another form stays as it is, and is refused.
fn dashed(date: &str) -> String {
    match (date.get(..4), date.get(4..6), date.get(6..)) {
        (Some(year), Some(month), Some(day)) if date.len() == 8 => format!("{year}-{month}-{day}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_eight_digits() {
        assert_eq!(dashed("20140603"), "2014-06-03");
        assert_eq!([dashed("2014-06-03"), dashed(""), dashed("茶茶20")], ["", "", ""].map(str::to_owned));
    }
}
