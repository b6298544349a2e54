//! `weipay sandbox pay`: a person pays an order of a running sandbox, by its control API.

use clap::Args;
use serde_json::{Map, Value, json};

use super::control::{DataFolder, encoded};
use crate::arguments::values;
use crate::failure::{Failure, Outcome};
use crate::output::print;

/// What follows the options of `weipay sandbox pay --help`.
const HELP: &str = "Example:
  weipay sandbox pay order-1
  weipay sandbox pay 'weixin://wxpay/bizpayurl?pr=p4lpSuKzz' --as oUpF8uMuAJO_M2pxb1Q9zNjWeS6o
  weipay sandbox pay order-1 --fail not-enough-balance";

#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Pay {
    /// The order by out_trade_no, transaction_id, prepay_id, code_url or h5_url; a combined order (合单) by its
    /// combine_out_trade_no.
    #[arg(value_name = "ORDER", required_unless_present = "front_end")]
    order: Option<String>,
    /// The openid of the payer [default: the payer that the order names, or any person].
    #[arg(long = "as", value_name = "OPENID")]
    person: Option<String>,
    /// Fail for this reason: the order stays unpaid, and no notification is sent.
    #[arg(long, value_name = "REASON", value_parser = weipay_sandbox::PaymentFailure::WORDS)]
    fail: Option<String>,
    /// The discount of a merchant's coupon, in fen.
    #[arg(long, value_name = "FEN", value_parser = values::fen)]
    discount: Option<i64>,
    /// The coupon_id of the cash coupon (代金券) to use, or none [default: the one with the largest discount].
    #[arg(long, value_name = "ID|none", conflicts_with = "discount")]
    coupon: Option<String>,
    /// Pay from the wallet (零钱), and not by a bank card.
    #[arg(long)]
    wallet: bool,
    /// Pay by a bank card of this kind [default: a kind that the order accepts (limit_pay, 指定支付方式)].
    #[arg(long, value_name = "KIND", value_parser = weipay_sandbox::BankCard::WORDS, conflicts_with = "wallet")]
    card: Option<String>,
    /// Print the address of the page on which a person pays the order in a browser, and pay nothing.
    #[arg(long, requires = "order", conflicts_with_all = ["person", "fail", "discount", "coupon", "wallet", "card", "front_end"])]
    page: bool,
    /// The merchant ID, if several merchants have used this out_trade_no.
    #[arg(long)]
    mchid: Option<String>,
    /// The signed parameters that the page, mini program or app was given, as JSON: their signature is checked.
    #[arg(long, value_name = "JSON")]
    front_end: Option<String>,
    #[command(flatten)]
    data: DataFolder,
}

pub(super) fn run(arguments: &Pay) -> Outcome {
    if arguments.page {
        return print_page(arguments);
    }
    let mut body = Map::new();
    let texts = [
        ("order", &arguments.order),
        ("openid", &arguments.person),
        ("fail", &arguments.fail),
        ("mchid", &arguments.mchid),
        ("card", &arguments.card),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(coupon) = &arguments.coupon {
        body.insert("coupon".to_owned(), json!(coupon));
    }
    if let Some(fen) = arguments.discount {
        body.insert("discount".to_owned(), json!(fen));
    }
    if arguments.wallet {
        body.insert("wallet".to_owned(), json!(true));
    }
    if let Some(text) = &arguments.front_end {
        let parameters: Value = serde_json::from_str(text)
            .map_err(|error| Failure::usage(format!("--front-end is not JSON: {error}")))?;
        body.insert("front_end".to_owned(), parameters);
    }
    let paid = arguments.data.post("/orders/pay", &body.into())?;
    outcome(&paid, arguments.fail.is_some())?;
    print(&shown(&paid))
}

/// A payment that failed is a success only for who asked for it.
fn outcome(paid: &Value, was_to_fail: bool) -> Outcome {
    match paid["paid"] == true || was_to_fail {
        true => Ok(()),
        false => Err(Failure::failed(shown(paid).trim_end())),
    }
}

/// The address alone, so that a script can open it.
fn print_page(arguments: &Pay) -> Outcome {
    let given = [("order", &arguments.order), ("mchid", &arguments.mchid)];
    let query: Vec<_> = given
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_deref()?))))
        .collect();
    let found = arguments.data.get(&format!("/orders/page?{}", query.join("&")))?;
    print(&format!("{}\n", found["page"].as_str().unwrap_or_default()))
}

/// What became of it: one line, and one more if the order is paid and its contract is not signed.
fn shown(paid: &Value) -> String {
    let text = |name: &str| paid[name].as_str().unwrap_or_default();
    match paid["failure"].as_str() {
        Some(failure) => {
            format!(
                "{} was not paid: {failure}; its state is {}\n",
                text("out_trade_no"),
                text("trade_state")
            )
        }
        None => {
            let ids: Vec<_> =
                paid["transaction_ids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let mut shown = format!(
                "{} is paid: {} fen, {}\n",
                text("out_trade_no"),
                paid["payer_total"],
                ids.join(", ")
            );
            if let Some(reason) = paid["contract_not_signed"].as_str() {
                shown.push_str(&format!("{reason}\n"));
            }
            shown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_paid_or_why_not() {
        let paid = json!({ "paid": true, "out_trade_no": "order-1", "trade_state": "SUCCESS", "payer_total": 9,
            "transaction_ids": ["4200"] });
        assert_eq!(shown(&paid), "order-1 is paid: 9 fen, 4200\n");
        assert!(outcome(&paid, false).is_ok());
        let mut without_contract = paid;
        without_contract["contract_not_signed"] = json!("contract c-1 was not signed: it was signed before");
        assert_eq!(
            shown(&without_contract),
            "order-1 is paid: 9 fen, 4200\ncontract c-1 was not signed: it was signed before\n"
        );
        assert!(outcome(&without_contract, false).is_ok());
        let failed =
            json!({ "paid": false, "out_trade_no": "order-1", "trade_state": "NOTPAY", "failure": "cancel" });
        assert_eq!(shown(&failed), "order-1 was not paid: cancel; its state is NOTPAY\n");
        assert!(outcome(&failed, true).is_ok());
        assert!(
            format!("{:?}", outcome(&failed, false))
                .contains("code: 1, reason: \"order-1 was not paid: cancel")
        );
    }
}
