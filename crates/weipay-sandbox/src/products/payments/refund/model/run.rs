//! The handlers on a database, asked step by step, and compared with the model.

use serde_json::{Value, json};

use super::super::fixtures::{MCHID, Shop, Wish, body};
use super::super::record::RefundState;
use super::step::{Step, step};
use super::{Accounts, Billed, Destination, Model, ORDERS, Refused, Source};
use crate::ledger::{AccountKind, Business, Owner, Posting, post};
use crate::products::bills::read_back::{balances, trade_rows, yuan_to_fen};
use crate::products::testing::random_steps::{Steps, live_randomly, meant};
use crate::response::Refusal;

const SUB_MCHID: &str = "1900000110";
const PAYEES: [&str; 2] = [MCHID, SUB_MCHID];

fn code<T>(done: Result<T, Refusal>) -> Result<T, Refused> {
    done.map_err(|refusal| refusal.code)
}

fn status(refund: &Value) -> String {
    refund["status"].as_str().unwrap().to_owned()
}

fn shop() -> Shop {
    let shop = Shop::new();
    for sold in ORDERS {
        let coupons = [("CASH", sold.cash), ("NOCASH", sold.discount)];
        shop.pay(&Wish {
            number: sold.number,
            sub_mchid: (sold.payee == 1).then_some(SUB_MCHID),
            total: sold.total,
            coupons: coupons.into_iter().filter(|(_, fen)| *fen > 0).collect(),
            fee: sold.fee,
            profit_sharing: sold.is_shared,
            bank_type: if sold.is_wallet { "OTHERS" } else { "CMB_DEBIT" },
        });
    }
    shop
}

fn refund(
    shop: &Shop,
    (order, number): (usize, u8),
    fen: i64,
    total_off: i64,
    source: Source,
) -> Result<Value, Refused> {
    let sold = ORDERS[order];
    let mut body = body(sold.number, &number.to_string(), fen, sold.total + total_off);
    if sold.payee == 1 {
        body["sub_mchid"] = json!(SUB_MCHID);
    }
    match source {
        Source::Any => {}
        Source::Available => body["funds_account"] = json!("AVAILABLE"),
        Source::Unsettled => body["funds_account"] = json!("UNSETTLED"),
        Source::Both(unsettled) => {
            let parts = [("UNAVAILABLE", unsettled), ("AVAILABLE", fen - unsettled)];
            let parts = parts.into_iter().filter(|(_, fen)| *fen > 0);
            body["amount"]["from"] =
                parts.map(|(account, fen)| json!({ "account": account, "amount": fen })).collect();
        }
    }
    code(shop.ask("POST", "/v3/refund/domestic/refunds", &body))
}

fn query(shop: &Shop, order: usize, number: u8) -> Result<Value, Refused> {
    let sub = if ORDERS[order].payee == 1 { format!("?sub_mchid={SUB_MCHID}") } else { String::new() };
    code(shop.ask("GET", &format!("/v3/refund/domestic/refunds/{number}{sub}"), &Value::Null))
}

fn move_money(shop: &Shop, payee: usize, to: AccountKind, from: AccountKind, fen: i64) {
    let owner = Owner::merchant(PAYEES[payee]);
    let posting =
        Posting::new(Business::Settlement, "", shop.now).moves(owner.account(from), owner.account(to), fen);
    shop.act(|tx| post(tx, posting.clone())).unwrap();
}

fn take(shop: &mut Shop, model: &mut Model, step: &Step) {
    match *step {
        Step::Refund { order, number, fen, total_off, source } => {
            let source = match source {
                Source::Both(unsettled) => Source::Both(unsettled.min(fen)),
                source => source,
            };
            let got = refund(shop, (order, number), fen, total_off, source);
            let expected = model.refund((order, number), fen, total_off, source);
            assert_eq!(
                got.as_ref().map(status).map_err(|code| *code),
                expected.map(|state| state.word().to_owned())
            );
            if let Ok(shown) = got {
                check_refund(&shown, model, number);
                let id = shown["refund_id"].as_str().unwrap();
                model.refunds.get_mut(&number).unwrap().id = id.to_owned();
            }
        }
        Step::Query { number } => match model.refunds.get(&number) {
            Some(known) => check_refund(&query(shop, known.order, number).unwrap(), model, number),
            None => assert_eq!(query(shop, 0, number), Err("RESOURCE_NOT_EXISTS")),
        },
        Step::Decide { number, to } => {
            let is_open = |state| matches!(state, RefundState::Processing | RefundState::Abnormal);
            let open = model.refunds.iter().filter(|(_, refund)| is_open(refund.state));
            let number = meant(number, open.map(|(number, _)| *number));
            assert_eq!(shop.decide(&number.to_string(), to), model.decide(number, to));
        }
        Step::Handle { number, destination } => {
            let Some(known) = model.refunds.get(&number) else { return };
            let target = format!("/v3/refund/domestic/refunds/{}/apply-abnormal-refund", known.id);
            let mut body = json!({ "out_refund_no": number.to_string(), "type": "MERCHANT_BANK_CARD" });
            if destination == Destination::OtherCard {
                body = json!({
                    "out_refund_no": number.to_string(), "type": "USER_BANK_CARD", "bank_type": "ICBC_DEBIT",
                    "bank_account": "bmFtZQ==", "real_name": "bmFtZQ==",
                });
            }
            if ORDERS[known.order].payee == 1 {
                body["sub_mchid"] = json!(SUB_MCHID);
            }
            let got = code(shop.ask("POST", &target, &body)).map(drop);
            assert_eq!(got, model.handle(number, destination));
        }
        Step::Settle { payee, fen } => {
            let fen = fen.min(model.accounts[payee].unsettled);
            move_money(shop, payee, AccountKind::Available, AccountKind::Unsettled, fen);
            model.accounts[payee].unsettled -= fen;
            model.accounts[payee].available += fen;
        }
        Step::Spend { payee, fen } => {
            let fen = fen.min(model.accounts[payee].available);
            move_money(shop, payee, AccountKind::Bank, AccountKind::Available, fen);
            model.accounts[payee].available -= fen;
        }
        Step::Pass { seconds } => {
            model.pass(seconds);
            shop.pass(seconds);
        }
        Step::Restart => shop.restart(),
    }
}

/// How a refund is shown: its state, and how it was divided.
fn check_refund(shown: &Value, model: &Model, number: u8) {
    let known = &model.refunds[&number];
    let (shares, sold) = (known.shares, ORDERS[known.order]);
    assert_eq!(
        (status(shown), shown["funds_account"].as_str()),
        (known.state.word().to_owned(), Some(known.funds))
    );
    let amount = |name: &str| shown["amount"][name].as_i64().unwrap();
    assert_eq!(
        (amount("refund"), amount("payer_refund"), amount("refund_fee"), amount("discount_refund")),
        (shares.fen, shares.payer, shares.fee, shares.cash + shares.discount)
    );
    assert_eq!((amount("total"), amount("settlement_refund")), (sold.total, shares.fen - shares.discount));
}

fn check_money(shop: &Shop, model: &Model) {
    use AccountKind::{Available, Fees, Frozen, Marketing, Refunding, Unsettled};
    let accounts = PAYEES.map(|mchid| {
        let balance = |kind| shop.balance(&Owner::merchant(mchid), kind);
        Accounts {
            unsettled: balance(Unsettled),
            available: balance(Available),
            frozen: balance(Frozen),
            fees: balance(Fees),
            refunding: balance(Refunding),
            marketing: balance(Marketing),
        }
    });
    let found = (accounts, shop.person(AccountKind::Wallet), shop.sum());
    assert_eq!(found, (model.accounts, model.wallet, 0));
}

fn check_notifications(shop: &Shop, model: &Model) {
    let outbox = shop.outbox().into_iter();
    let mut found: Vec<_> = outbox
        .map(|entry| {
            let text = |name: &str| entry.resource[name].as_str().unwrap_or_default().to_owned();
            let told = format!("{} {}", text("out_refund_no"), text("refund_status"));
            (entry.event_type, told)
        })
        .collect();
    found.sort_unstable();
    let mut expected = model.notified.clone();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// The fund flow bills of all days say what there is, and each balance follows from the one before.
fn check_bills(shop: &Shop, model: &Model) {
    for (mchid, has) in PAYEES.iter().zip(model.accounts) {
        let billed = shop.act(|tx| balances(tx, mchid)).unwrap();
        assert_eq!(billed, [has.unsettled + has.available + has.frozen, 0], "{mchid}");
    }
    let rows = shop.act(|tx| trade_rows(tx, MCHID, model.days())).unwrap();
    let mut rows: Vec<_> = rows.iter().map(|row| billed(row)).collect();
    let mut expected = model.billed();
    rows.sort_unstable();
    expected.sort_unstable();
    assert_eq!(rows, expected);
}

/// A row of a trade bill (ALL).
fn billed(row: &[String]) -> Billed {
    let fen = |place: usize| yuan_to_fen(&row[place]);
    let is_refund = row[9] == "REFUND";
    let number = if is_refund { &row[15] } else { &row[6] };
    let thousandths = yuan_to_fen(&row[22]);
    assert_eq!(thousandths % 1_000, 0, "a fee is whole fen");
    Billed {
        number: number.clone(),
        state: if is_refund { row[19].clone() } else { row[9].clone() },
        settled: fen(12),
        off: fen(13),
        refunded: fen(16),
        coupons_refunded: fen(17),
        fee: thousandths / 1_000,
        requested: fen(25),
    }
}

fn live(steps: &[Step]) {
    let (mut shop, mut model) = (shop(), Model::new());
    for (position, step) in steps.iter().enumerate() {
        take(&mut shop, &mut model, step);
        check_money(&shop, &model);
        if position % 10 == 9 {
            check_notifications(&shop, &model);
        }
    }
    check_bills(&shop, &model);
}

#[test]
fn refunds_live_as_the_model_says_and_money_is_conserved() {
    let steps = Steps { variable: "WEIPAY_REFUND_STEPS", default: 1_000, of_a_life: 40 };
    live_randomly(steps, step(), live);
}
