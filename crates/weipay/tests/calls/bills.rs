//! Bills (账单) of a day, from what happened on it, read by the SDK's reader: they agree with each other and with the balance.

use serde_json::json;
use weipay::bill::{Amount, Bill};
use weipay::blocking::Client;
use weipay_sandbox::{Clock, PaymentRequest, Sandbox};

const HOUR: i64 = 3_600;
/// The day that everything happens on.
pub const DAY: &str = "2026-11-25";
const NOON: i64 = 1_795_579_200;

/// A sandbox on whose day two orders were paid and refunded, one of them with a discount; it is nine o'clock of the next day.
fn after_a_day() -> (Sandbox, Client) {
    let sandbox = Sandbox::builder().clock(Clock::frozen(NOON).0).start().unwrap();
    let client = Client::from_kit(sandbox.kit_file()).unwrap();
    let kit = sandbox.kit();
    for (number, fen) in [("order-tea", 1_000), ("order-cake", 2_000), ("order-unpaid", 500)] {
        let order = json!({
            "appid": kit.appid, "mchid": kit.mchid, "description": number, "out_trade_no": number,
            "notify_url": "http://127.0.0.1:9/notify", "amount": {"total": fen},
        });
        client.chain("v3/pay/transactions/native").post(&order).unwrap();
    }
    sandbox.pay(&PaymentRequest::new("order-tea").discount(100)).unwrap();
    sandbox.pay(&PaymentRequest::new("order-cake")).unwrap();
    for (number, fen, total) in [("order-tea", 500, 1_000), ("order-cake", 2_000, 2_000)] {
        sandbox.run_for(HOUR).unwrap();
        let refund = json!({
            "out_trade_no": number, "out_refund_no": format!("{number}-refund"),
            "amount": {"refund": fen, "total": total, "currency": "CNY"},
        });
        client.chain("v3/refund/domestic/refunds").post(&refund).unwrap();
    }
    sandbox.run_for(19 * HOUR).unwrap();
    (sandbox, client)
}

/// The same, when its bills are there.
pub fn with_bills() -> (Sandbox, Client) {
    let (sandbox, client) = after_a_day();
    sandbox.run_for(HOUR).unwrap();
    (sandbox, client)
}

fn bill(client: &Client, path: &str) -> Vec<u8> {
    let response = client.chain(path).query("bill_date", DAY).get().unwrap();
    client.download(&response).to_bytes().unwrap().to_vec()
}

fn fen(amount: Option<Amount>) -> i64 {
    amount.unwrap().fen().unwrap()
}

#[test]
fn the_bills_of_a_day_agree_with_each_other_and_with_the_balance() {
    let (_sandbox, client) = with_bills();
    let file = bill(&client, "v3/bill/tradebill");
    let mut trade_bill = Bill::new(&file[..]).unwrap();
    let (mut shown, mut settled, mut refunded) = (Vec::new(), 0, 0);
    while let Some(row) = trade_bill.next_row().unwrap() {
        let trade = row.trade();
        shown.push(format!("{} {}", trade.trade_state(), trade.out_trade_no()));
        settled += fen(trade.settlement_total().unwrap());
        refunded += fen(trade.refund_total().unwrap());
        assert_eq!((trade.rate(), trade.trade_type()), ("0.60%", "NATIVE"));
    }
    shown.sort_unstable();
    assert_eq!(shown, ["REFUND order-cake", "REFUND order-tea", "SUCCESS order-cake", "SUCCESS order-tea"]);
    assert_eq!((settled, refunded), (2_900, 2_450));
    let sums: Vec<_> = trade_bill.summary().unwrap().iter().map(|(_, sum)| sum.to_owned()).collect();
    assert_eq!(sums, ["4", "29.00", "24.50", "0.00", "0.02000", "30.00", "25.00"]);

    let file = bill(&client, "v3/bill/fundflowbill");
    let mut fund_flow = Bill::new(&file[..]).unwrap();
    let (mut moved, mut last) = (0, 0);
    while let Some(row) = fund_flow.next_row().unwrap() {
        let flow = row.fund_flow();
        let amount = fen(flow.amount().unwrap());
        moved += if flow.is_income() == Some(true) { amount } else { -amount };
        last = fen(flow.balance().unwrap());
        assert_eq!(last, moved, "the balance after each movement");
    }
    let left = settled - refunded - 2;
    assert_eq!((moved, last), (left, left));
    let balance = client.chain("v3/merchant/fund/balance/BASIC").get().unwrap().json().unwrap();
    assert_eq!(balance, json!({"available_amount": left, "pending_amount": 0}));
}

#[test]
fn a_bill_that_is_not_there_says_whether_it_will_be() {
    let (sandbox, client) = after_a_day();
    let code = |day: &str| {
        let asked = client.chain("v3/bill/tradebill").query("bill_date", day).get();
        asked.map_or_else(|error| error.code().unwrap_or_default().to_owned(), |_| "there".to_owned())
    };
    assert_eq!(code(DAY), "STATEMENT_CREATING");
    sandbox.run_for(HOUR).unwrap();
    assert_eq!(code(DAY), "there");
    assert_eq!(code("2026-11-24"), "NO_STATEMENT_EXIST");
    assert_eq!(code("2026-11-26"), "INVALID_REQUEST", "today");
}
